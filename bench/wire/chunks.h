// The chunks that streams of several kinds consist of.
#pragma once

#include <cstddef>
#include <string>

namespace tau::bench {

// The n-th chunk of a stream, of 257 bytes. The pieces that it brings differ, as those of a stream do.
using MakeChunk = std::string (*)(size_t n);

std::string chat_text(size_t n);
std::string chat_obfuscated(size_t n);  // and a second string that changes
std::string chat_arguments(size_t n);   // of a tool call
std::string chat_reasoning(size_t n);   // beside a content that is null
std::string chat_new_ids(size_t n);     // each chunk has an id and a time of its own
std::string chat_escaped(size_t n);     // text with line ends, quotes and characters beyond ASCII
std::string message_text(size_t n);
std::string message_arguments(size_t n);
std::string converse_text(size_t n);  // with padding that changes its length
std::string cohere_text(size_t n);
std::string ollama_text(size_t n);  // each with a time of its own
std::string response_text(size_t n);
std::string response_arguments(size_t n);
std::string gemini_text(size_t n);
std::string gemini_thought(size_t n);

}  // namespace tau::bench
