// The dialect of Cohere's chat (v2): messages, calls and tools of the form of chat completions, a tool plan,
// thinking as a part of the content, and a stream of events with numbered blocks.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "wire/openai.h"
#include "wire/wire.h"

namespace tau::wire::cohere {

inline constexpr openai::Flavor kFlavor = {.dialect = kCohere,
                                           .request = kCohereRequest,
                                           .response = kCohereResponse,
                                           .reasoning = {"tool_plan", ""},
                                           .reasoning_back = true,
                                           .thinking_text = true,
                                           .array_answer = true,
                                           .strict_functions = false};

// A reasoning part of that member of a message: "tool_plan", or "thinking" of its content.
Part reasoning_part(std::string_view field);
// The message with reasoning of other dialects as thinking.
Message own_message(const Message& message);
Usage decode_usage(const json::Value& value);
void write_usage(json::Writer& out, const Usage& usage);
FinishReason finish_reason(std::string_view text);
std::string_view finish_text(const Response& response);

StatusOr<Request> decode_request(std::string_view body);
StatusOr<std::string> encode_request(const Request& request, const Quirks& quirks, const Target& target);
StatusOr<Response> decode_response(std::string_view body, const Quirks& quirks);
std::string encode_response(const Response& response);
std::unique_ptr<StreamDecoder> make_stream_decoder(const Quirks& quirks);
std::unique_ptr<StreamEncoder> make_stream_encoder();

}  // namespace tau::wire::cohere
