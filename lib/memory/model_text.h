// Asking a model for memories: a request as neutral JSON, in which what nobody trusts is fenced and labelled,
// and an answer of which only what fits is taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "json/json.h"
#include "memory/types.h"

namespace tau::memory {

// What a model may write, at most.
struct WriteBounds {
  size_t max_memories = 8;           // of one answer
  size_t max_characters = 1'200;     // of a text
  size_t max_fact_characters = 400;  // of a part of a fact
  size_t max_tags = 8;
  size_t max_tag_characters = 96;
  bool identity = false;  // whether it may say who somebody is: that never fades
};

struct ModelPrompt {
  std::string_view model;         // may be empty: the route's
  std::string_view instructions;  // ours
  std::string_view content;       // fenced by whoever wrote it
  Labels labels;                  // of the content
  std::string_view schema_name;
  std::string_view schema;  // JSON
  int64_t max_tokens = 0;
};
// The request, as wire::request_from_json() reads it.
std::string request_json(const ModelPrompt& prompt);

// The object that a model answered with, also out of a code fence. FAILED_PRECONDITION "model_answer"; no
// message quotes the answer.
StatusOr<json::Value> answer_object(std::string_view text);

// The parts of one memory of an answer. What it says of ids is not looked at.
struct WrittenMemory {
  Type type = Type::kObservation;
  double importance = 0;
  std::string text;
  std::vector<std::string> tags;  // sorted, each once
};
// Empty when it fits; else why it does not: "no_text", "text_too_long", "holds_recalled", "unknown_type",
// "identity", "importance".
std::string_view read_written(const json::Value& item, const WriteBounds& bounds, WrittenMemory* out);

struct Rejected {
  size_t index = 0;  // in the answer's list
  std::string list;  // "memories", "relations"
  std::string reason;
};

// "extract-0123456789abcdef0123": of what is told, where it comes from and whose it is. The same again is the
// same memory, and a model has no say in it.
std::string derived_id(std::string_view prefix, std::initializer_list<std::string_view> parts);

// {"enum":[…]} of all types a model may write, or of all relations.
std::string type_names_json(bool identity);
std::string relation_names_json();

}  // namespace tau::memory
