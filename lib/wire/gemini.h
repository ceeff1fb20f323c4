// The Gemini dialect (generateContent, streamGenerateContent): what its request, response and stream codecs
// share.
//
// Calls have no ids there: they get ids from their place, and a result without one answers the first call of
// its name that has no result yet. The signature of a thought stands on the part that it belongs to and goes
// back in place; where a stream sends it on an empty text, it is reasoning without text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wire/codec.h"
#include "wire/form.h"
#include "wire/turns.h"
#include "wire/wire.h"

namespace tau::wire::gemini {

// Members may be written in camel case or in snake case. The spelling that `object` has of `name`; `notes`
// keeps which one it is, for spelling().
std::string_view spelled(const ObjectReader& object, std::string_view name, ObjectReader& notes);
std::string_view spelling(const ObjectWriter& out, std::string_view name);

// Numbers the calls of a conversation or response, and finds the call that a result answers.
class Calls {
 public:
  explicit Calls(std::string_view response_id) : response_id_(response_id) {}
  void set_response_id(std::string_view id) { response_id_ = id; }
  // The id of the next call, which has the given one or none.
  std::string add(std::string_view name, std::string_view id);
  std::string answer(std::string_view name, std::string_view id);

 private:
  struct Waiting {
    std::string name;
    std::string id;
  };
  std::string response_id_;
  std::vector<Waiting> waiting_;
  size_t count_ = 0;
};

// Parts (gemini_part.cpp). `origin` is kGeminiRequest or kGeminiResponse.
Part decode_part(const json::Value& value, std::string_view origin, Calls& calls);
bool can_write(const Part& part);
inline constexpr TurnRules kRules = {kGemini, can_write, "parts"};
// `signature`: for a call of another provider, which the API would refuse without one; mostly empty.
void write_part(json::Writer& out, const Part& part, std::string_view signature = {});
// A part of an answer: calls have ids there, and what was thought is shown whoever signed it.
bool can_answer(const Part& part);
void write_answer_part(json::Writer& out, const Part& part);
// Whether a part is the signature of the text before it.
bool is_text_signature(const Part& part);
Part text_signature(std::string_view signature);

// Contents (gemini_content.cpp).
void decode_content(const json::Value& content, Calls& calls, Request& request);
void write_contents(json::Writer& out, const Request& request, std::string_view model);
// The effort that a thinkingConfig asks for; empty when it names none.
std::string effort_of(const json::Value& thinking);

// Schemas (gemini_schema.cpp). The API has its own subset of JSON Schema, in which types may be in capitals.
// JSON text of a schema with types as JSON Schema has them; notes when that changed it.
std::string decode_schema(const json::Value& schema, std::string_view form, ObjectReader& notes);
std::string encode_schema(const std::string& schema, bool capitals);
bool fits_subset(std::string_view schema);
// An object without members, which the API refuses as parameters.
bool has_no_members(std::string_view schema);

// Usage and finish reasons (gemini_usage.cpp).
Usage decode_usage(const json::Value& metadata);
void write_usage(json::Writer& out, const Usage& usage);
FinishReason finish_reason(std::string_view text, const Message& message);
std::string_view finish_text(const Response& response);

// What a response says beside the parts of its message (gemini_response.cpp).
void decode_members(const json::Value& value, Response& response, bool with_parts);
// `last`: only the end of a stream, whose parts were sent.
void write_response(json::Writer& out, const Response& response, bool last);
// Why the prompt was refused; empty when it was not.
std::string_view block_reason(const json::Value& response);

struct GoogleCode {
  int http_status;
  std::string name;
};
GoogleCode google_code(const Status& status);
std::string encode_error(const Status& status);

TAU_DIALECT_FUNCTIONS

}  // namespace tau::wire::gemini
