// The OpenAI Responses dialect: what its request, response and stream codecs share.
//
// A conversation is a list of items there. Items of the assistant that follow each other are one message of
// the model: a message's contents, reasoning and calls become its parts, in order. The first part of an item
// keeps the item's own members in the form "item", those that follow it in the item have "item" true.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/codec.h"
#include "wire/form.h"
#include "wire/openai.h"
#include "wire/turns.h"
#include "wire/wire.h"

namespace tau::wire::responses {

inline constexpr openai::UsageNames kUsage = {"input_tokens", "output_tokens", "input_tokens_details",
                                              "output_tokens_details", kResponsesResponse};

// Contents of messages and of results (responses_content.cpp). `origin` is kResponsesRequest or
// kResponsesResponse.
Part decode_content(const json::Value& value, Role role, std::string_view origin);
// Whether the part stands in a message's content, of this role.
bool is_content(const Part& part, Role role);
// For an answer that ends as a refusal and has no words of one: the content that says so; nothing for others.
std::optional<Part> refusal_mark(const Response& response);
void write_content(json::Writer& out, const Part& part, Role role, std::string_view origin);

// Items (responses_item.cpp). Appends the parts of an item; `position` numbers it within its response.
void decode_item(const json::Value& item, Role role, std::string_view origin, std::string_view response_id,
                 size_t position, std::vector<Part>& parts);
// The members of a message's item that its parts do not say.
void set_item_form(Part& first, const json::Value& item, std::string_view origin);

// Writes parts as items. In a response items have ids, made from `response_id` where they came without.
class ItemWriter {
 public:
  ItemWriter(json::Writer& out, std::string_view origin, std::string_view response_id)
      : out_(out), origin_(origin), response_id_(response_id) {}
  // `first`: how many items stand before.
  void write(std::vector<const Part*> parts, Role role, size_t first = 0);

 private:
  bool can_write(const Part& part, Role role) const;
  void write_message(const Part* const* begin, const Part* const* end, Role role);
  void write_call(const Part& part);
  void write_result(const Part& part);
  void write_reasoning(const Part& part);
  const Extras& kept(const Extras& extras, Extras& scratch) const;
  void begin(ObjectWriter& out, std::string_view type, std::string_view prefix);
  bool in_response() const { return origin_ == kResponsesResponse; }

  json::Writer& out_;
  std::string_view origin_;
  std::string_view response_id_;
  size_t number_ = 0;
};
std::vector<const Part*> pointers_to(const std::vector<Part>& parts);
// Whether a part is the first of its item, when `before` stands before it.
bool begins_item(const Part& part, const Part* before, Role role);
// The id of an item that came without one, by its number within the response.
std::string item_id(std::string_view prefix, std::string_view response_id, size_t number);

// Calls of tools that take free text (responses_custom.cpp). The model's arguments are a JSON object, so the
// text is its only member, "input".
std::string custom_arguments(std::string_view input);
bool is_custom(const Extras& extras);
// The text; false when the arguments are something else now.
bool custom_input(const std::string& arguments, std::string& input);
std::string_view custom_schema();

// Members of a response object (responses_response.cpp): all but the output.
void decode_members(ObjectReader& in, Response& response);
// "completed", "incomplete", …; empty when the server gave none.
std::string_view status_of(const Response& response);
void write_response(json::Writer& out, const Response& response);
// As begun: nothing is said yet.
void write_head(json::Writer& out, const Response& head);

using openai::encode_error;

TAU_DIALECT_FUNCTIONS

}  // namespace tau::wire::responses
