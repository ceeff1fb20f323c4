// The OpenAI chat completions dialect: what its request, response and stream codecs share.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wire/codec.h"
#include "wire/form.h"
#include "wire/wire.h"

namespace tau::wire::openai {

// How other dialects that have messages, calls and tools of this form differ in them; data, not code.
struct Flavor {
  std::string_view dialect = kOpenAi;  // whose extras go back, and its two sides
  std::string_view request = kOpenAiRequest;
  std::string_view response = kOpenAiResponse;
  // The members of a message that hold reasoning as text; the first is written where none is noted.
  std::array<std::string_view, 2> reasoning = {"reasoning_content", "reasoning"};
  std::string_view result_name = "name";  // of a tool message: the name of the tool
  bool reasoning_back = false;            // later requests have the reasoning, whatever the quirks say
  bool thinking_parts = true;             // content may hold {"type":"thinking"}
  bool thinking_text = false;             // and its "thinking" is a string
  bool array_answer = false;              // the content of an answer is an array, or left out
  bool images_apart = false;              // content is a string, and images are a member beside it
  bool object_arguments = false;          // arguments are an object, not its text
  bool call_ids = true;                   // calls have ids
  bool strict_functions = true;           // "strict" is a member of a function
};
inline constexpr Flavor kChat;

// Messages (openai_message.cpp). `origin` is one of the flavor's sides.
Message decode_message(const json::Value& value, std::string_view origin, std::string_view response_id,
                       const Flavor& flavor = kChat);
// One message may need several on the wire: each tool result is one, and media cannot stand in those.
void write_messages(json::Writer& out, const std::vector<Message>& messages, const Quirks& quirks,
                    const Flavor& flavor = kChat);
// The member "messages" of a request, which fails when it is none.
Status decode_messages(ObjectReader& in, std::vector<Message>& messages, const Flavor& flavor = kChat);
// The assistant message of a response.
void write_response_message(json::Writer& out, const Message& message, const Flavor& flavor = kChat);

// Tools (openai_tool.cpp).
Status decode_tools(ObjectReader& in, std::vector<ToolSpec>& tools, const Flavor& flavor = kChat);
void write_tools(ObjectWriter& out, const std::vector<ToolSpec>& tools, const Flavor& flavor = kChat);
// For dialects without a way to name a tool: the one is offered alone.
std::vector<ToolSpec> offered_tools(const Request& request);

// Content parts (openai_part.cpp).
Part decode_part(const json::Value& value, std::string_view origin, const Flavor& flavor = kChat);
// Whether the part stands in `content` in this dialect.
bool is_content(const Part& part, const Flavor& flavor = kChat);
void write_content_part(json::Writer& out, const Part& part, const Flavor& flavor = kChat);

// Tool calls (openai_call.cpp).
Part decode_call(const json::Value& value, size_t position, std::string_view origin,
                 std::string_view response_id, const Flavor& flavor = kChat);
bool is_call(const Part& part, const Flavor& flavor = kChat);
void write_call(json::Writer& out, const Part& part, bool in_request, const Flavor& flavor = kChat);
// The arguments as text. What was not a string that is not empty is noted in `call`, to be restored;
// `function` holds the member and may be the same object. `as_object`: an object is the usual form.
std::string decode_arguments(ObjectReader& function, ObjectReader& call, bool as_object = false);
void write_arguments(json::Writer& out, const std::string& arguments, std::string_view form,
                     bool as_object = false);
// An id for a call that came without one: unique within a conversation as far as response ids are.
std::string synthetic_call_id(std::string_view response_id, size_t position);

// Reasoning (openai_reasoning.cpp).
void decode_reasoning(ObjectReader& in, std::string_view origin, Message& message,
                      const Flavor& flavor = kChat);
void write_reasoning(ObjectWriter& out, const Message& message, const Quirks* quirks,
                     const Flavor& flavor = kChat);
// Whether the part is one of those that the content holds.
bool is_thinking_part(const Part& part, const Flavor& flavor);
// The text of reasoning_details, for a message that has it nowhere else.
std::string details_text(const json::Value& details);

// Usage and finish reasons (openai_usage.cpp).
// The members of a usage object; those of chat completions unless others are given.
struct UsageNames {
  std::string_view input = "prompt_tokens";
  std::string_view output = "completion_tokens";
  std::string_view input_details = "prompt_tokens_details";
  std::string_view output_details = "completion_tokens_details";
  std::string_view origin = kOpenAiResponse;
};
Usage decode_usage(const std::vector<json::CompactMember>& members, const UsageNames& names = {});
void write_usage(json::Writer& out, const Usage& usage, const UsageNames& names = {});
FinishReason finish_reason(std::string_view text, bool has_calls, bool has_refusal);
std::string_view finish_text(const Response& response);

// What requests of this dialect and of Responses share (openai_request.cpp, openai_request_encode.cpp): the
// words for a choice of tools, kUnset for another word; and {"reasoning":{"effort":…}}.
ToolChoice::Mode choice_mode(std::string_view word);
std::string_view choice_word(ToolChoice::Mode mode);
void decode_effort_object(ObjectReader& in, std::string& effort);
void write_effort_object(ObjectWriter& out, const std::string& effort);

// The body of an error (dialect.cpp).
std::string encode_error(const Status& status);

// The whole codec, by direction.
TAU_DIALECT_FUNCTIONS

}  // namespace tau::wire::openai
