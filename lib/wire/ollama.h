// Ollama's own chat dialect (/api/chat): messages of the form of chat completions, settings in an object of
// their own, and a stream of one JSON object a line.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "wire/codec.h"
#include "wire/openai.h"
#include "wire/wire.h"

namespace tau::wire::ollama {

inline constexpr openai::Flavor kFlavor = {.dialect = kOllama,
                                           .request = kOllamaRequest,
                                           .response = kOllamaResponse,
                                           .reasoning = {"thinking", ""},
                                           .result_name = "tool_name",
                                           .reasoning_back = true,
                                           .thinking_parts = false,
                                           .images_apart = true,
                                           .object_arguments = true,
                                           .call_ids = false};

FinishReason finish_reason(std::string_view done_reason, bool has_calls);
// Writes all members of an answer but its message, which is open in `out`.
void write_rest(ObjectWriter& out, const Response& response);
// What synthetic ids of calls are made of: answers have no id, but a time.
std::string call_prefix(std::string_view created_at);

TAU_DIALECT_FUNCTIONS

}  // namespace tau::wire::ollama
