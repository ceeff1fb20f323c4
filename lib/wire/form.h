// How decoding loses nothing: ObjectReader hands out the members that the model has fields for and keeps the
// rest as extras; ObjectWriter writes the fields and then the extras back.
//
// Keys of Extras that begin with "tau:" say how an object was spelled and never reach the wire:
//   tau:from    the dialect and side it came from; extras of another dialect are not written
//   tau:absent  members with a default that the object did not have
//   tau:<form>  which of several spellings was used, or what was left over of a nested object
//   tau:=<key>  a member whose own name begins with "tau:"
// Only what was not canonical is recorded. A field that is set wins over an extra of the same name.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/wire.h"

namespace tau::wire {

inline constexpr std::string_view kOpenAi = "openai_chat";
inline constexpr std::string_view kOpenAiRequest = "openai_chat.request";
inline constexpr std::string_view kOpenAiResponse = "openai_chat.response";
inline constexpr std::string_view kAnthropic = "anthropic_messages";
inline constexpr std::string_view kAnthropicRequest = "anthropic_messages.request";
inline constexpr std::string_view kAnthropicResponse = "anthropic_messages.response";
inline constexpr std::string_view kResponses = "openai_responses";
inline constexpr std::string_view kResponsesRequest = "openai_responses.request";
inline constexpr std::string_view kResponsesResponse = "openai_responses.response";
inline constexpr std::string_view kGemini = "gemini";
inline constexpr std::string_view kGeminiRequest = "gemini.request";
inline constexpr std::string_view kGeminiResponse = "gemini.response";
inline constexpr std::string_view kBedrock = "bedrock_converse";
inline constexpr std::string_view kBedrockRequest = "bedrock_converse.request";
inline constexpr std::string_view kBedrockResponse = "bedrock_converse.response";
inline constexpr std::string_view kCohere = "cohere_chat";
inline constexpr std::string_view kCohereRequest = "cohere_chat.request";
inline constexpr std::string_view kCohereResponse = "cohere_chat.response";
inline constexpr std::string_view kOllama = "ollama_chat";
inline constexpr std::string_view kOllamaRequest = "ollama_chat.request";
inline constexpr std::string_view kOllamaResponse = "ollama_chat.response";

// The extras key of a member: its own name, escaped where that begins with "tau:".
std::string extra_key(std::string_view member);
// The value of "tau:from" without quotes; empty when the host made the extras.
std::string_view extras_origin(const Extras& extras);
// Whether extras may be written for `origin`: a dialect, or a dialect's side. Unmarked extras always may.
bool extras_belong(const Extras& extras, std::string_view origin);
// Marks extras that hold anything as coming from `origin`.
void mark_origin(Extras& extras, std::string_view origin);
// JSON text of a "tau:" form, empty when there is none.
std::string_view find_form(const Extras& extras, std::string_view name);
void set_form(Extras& extras, std::string_view name, std::string_view json);
// Lists `key` among the members that the object did not have.
void set_absent(Extras& extras, std::string_view key);

// Adds a member that is not there yet, under its extras key.
void add_member(Extras& extras, std::string_view member, std::string_view json);
// The value of "tau:from" for an origin: one of those above.
std::string_view origin_mark(std::string_view origin);

// Whether a tool is run by the server of a dialect other than `dialect`, so that it cannot be offered there.
bool is_foreign_server_tool(const ToolSpec& tool, std::string_view dialect);

// Text that says why a model refuses, which both OpenAI dialects keep apart.
bool is_refusal(const Part& part);
inline constexpr std::string_view kRefusalForm = R"("refusal")";  // of "type"

// A JSON string literal, and an array of them.
std::string quoted(std::string_view text);
std::string list_json(const std::vector<std::string>& texts);

class ObjectReader {
 public:
  // `object` outlives the reader; a value of another kind reads as an object without members.
  explicit ObjectReader(const json::Value& object);

  const json::Value* peek(std::string_view key) const { return object_.find(key); }
  const json::Value* take(std::string_view key);
  // Each takes the member only when it has that kind, and says whether it did.
  bool take_string(std::string_view key, std::string& out);
  bool take_text(std::string_view key, std::string& out);  // a string that is not empty
  bool take_int(std::string_view key, std::optional<int64_t>& out);
  bool take_double(std::string_view key, std::optional<double>& out);
  bool take_bool(std::string_view key, std::optional<bool>& out);
  bool take_true(std::string_view key);
  const json::Value* take_object(std::string_view key);
  const json::Value* take_array(std::string_view key);  // not empty
  // Takes an array of strings that is not empty.
  void take_strings(std::string_view key, std::vector<std::string>& out);
  // Takes an empty array, which the encoder writes by default; notes when there is none.
  void take_no_elements(std::string_view key);
  // Takes a string member that has exactly this value.
  bool take_exactly(std::string_view key, std::string_view value);

  void form(std::string_view name, std::string_view json) { set_form(extras_, name, json); }
  // Records that a member which the encoder writes by default is missing.
  void expect(std::string_view key);
  void absent(std::string_view key) { set_absent(extras_, key); }
  // Keeps what remains of a nested object under a form's name; nothing when all was taken.
  void nested(std::string_view name, const ObjectReader& inner);
  // Takes the object `key`, which `inner` reads, and keeps what remains of it for ObjectWriter::settings().
  void kept(std::string_view key, const ObjectReader& inner);
  // The members not taken, as an object; null when there are none.
  json::Value rest() const;

  Extras finish(std::string_view origin);

 private:
  const json::Value& object_;
  std::vector<bool> taken_;
  Extras extras_;
};

class ObjectWriter {
 public:
  // Begins an object. `extras` outlives the writer.
  ObjectWriter(json::Writer& out, const Extras& extras, std::string_view origin);

  // Begins a member; the caller writes the value. `name` must outlive the writer.
  json::Writer& key(std::string_view name);
  template <class T>
  void field(std::string_view name, const T& value) {
    note(name);
    out_.field(name, value);
  }
  void raw(std::string_view name, std::string_view json) { key(name).raw(json); }

  // Whether a member with a default is to be written: neither marked absent nor among the extras.
  bool wants(std::string_view name) const;
  std::string_view form(std::string_view name) const;
  // Writes an object of settings, (name, JSON text), and what was kept() of the one that came; nothing when
  // it came not and there are none.
  using Setting = std::pair<std::string_view, std::string>;
  void settings(std::string_view name, const std::vector<Setting>& settings);
  // Writes the members of the form's object, the leftovers of a nested object that is open in the writer.
  void nested(std::string_view name);
  bool own() const { return own_; }
  json::Writer& out() { return out_; }

  // Writes the extras whose names were not written, and ends the object.
  void done();

 private:
  void note(std::string_view name);
  bool noted(std::string_view name) const;

  json::Writer& out_;
  const Extras& extras_;
  bool own_;
  std::array<std::string_view, 32> written_;
  size_t count_ = 0;
};

// Writes the members of the JSON object `json` into the object that is open in `out`.
void write_members(json::Writer& out, std::string_view json);

}  // namespace tau::wire
