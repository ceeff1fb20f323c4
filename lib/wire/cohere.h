// The dialect of Cohere's chat (v2): messages, calls and tools of the form of chat completions, a tool plan,
// thinking as a part of the content, and a stream of events with numbered blocks.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "wire/codec.h"
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
// The same for a request: plain reasoning alone, since that which is signed is not sent on.
Message own_plain_message(const Message& message);
Usage decode_usage(const json::Value& value);
void write_usage(json::Writer& out, const Usage& usage);
FinishReason finish_reason(std::string_view text);
std::string_view finish_text(const Response& response);

TAU_DIALECT_FUNCTIONS

}  // namespace tau::wire::cohere
