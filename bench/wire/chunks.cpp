#include "chunks.h"

#include <algorithm>
#include <string_view>

namespace tau::bench {
namespace {

constexpr size_t kChunkBytes = 257;

// Puts a piece of text for '@', as long as the chunk needs it to be.
std::string filled(std::string chunk, size_t n, std::string piece) {
  const size_t room = kChunkBytes + 1 - std::min(kChunkBytes, chunk.size());
  while (piece.size() < room) piece += static_cast<char>('a' + (n * 7 + piece.size()) % 26);
  return chunk.replace(chunk.find('@'), 1, piece);
}

std::string word(size_t n) { return " word" + std::to_string(n); }

std::string chat(std::string_view id, std::string_view delta, std::string_view late) {
  std::string chunk = R"({"id":"chatcmpl-9lMgfRSWPHcw51s6wx)";
  chunk.append(id).append(R"(","object":"chat.completion.chunk","created":172107)");
  chunk.append(id.substr(0, 4))
      .append(R"(,"model":"gpt-4o-2024-05-13","system_fingerprint":"fp_c4e5b6fa31",)");
  chunk.append(R"("choices":[{"index":0,"delta":)").append(delta);
  chunk.append(R"(,"finish_reason":null}])").append(late).append("}");
  return chunk;
}

}  // namespace

std::string chat_text(size_t n) { return filled(chat("1234", R"({"content":"@"})", {}), n, word(n)); }

std::string chat_obfuscated(size_t n) {
  const std::string late = R"(,"obfuscation":")" + std::to_string(100 + n) + '"';
  return filled(chat("1234", R"({"content":"@"})", late), n, word(n));
}

std::string chat_arguments(size_t n) {
  return filled(chat("1234", R"({"tool_calls":[{"index":0,"function":{"arguments":"@"}}]})", {}), n, word(n));
}

std::string chat_reasoning(size_t n) {
  return filled(chat("1234", R"({"content":null,"reasoning_content":"@"})", {}), n, word(n));
}

std::string chat_new_ids(size_t n) {
  return filled(chat(std::to_string(1000 + n), R"({"content":"@"})", {}), n, word(n));
}

std::string chat_escaped(size_t n) {
  return filled(chat("1234", R"({"content":"@"})", {}), n, R"(\n\")" + word(n) + "\\\" \xC3\xA9\\u00e9 ");
}

std::string message_text(size_t n) {
  return filled(R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"@"}})", n,
                word(n));
}

std::string message_arguments(size_t n) {
  return filled(
      R"({"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"@"}})", n,
      word(n));
}

std::string converse_text(size_t n) {
  const std::string padding(1 + n % 60, 'p');
  return filled(R"({"contentBlockIndex":0,"delta":{"text":"@"},"p":")" + padding + R"("})", n, word(n));
}

std::string cohere_text(size_t n) {
  return filled(R"({"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"@"}}}})", n,
                word(n));
}

std::string ollama_text(size_t n) {
  const std::string time = "2026-07-28T06:32:45." + std::to_string(100'000 + n * 37 % 900'000) + "Z";
  return filled(R"({"model":"qwen3:4b","created_at":")" + time +
                    R"(","message":{"role":"assistant","content":"@"},"done":false})",
                n, word(n));
}

std::string response_text(size_t n) {
  std::string chunk =
      R"({"type":"response.output_text.delta","item_id":"msg_0123456789abcdef","output_index":0,)";
  chunk += R"("content_index":0,"delta":"@","logprobs":[],"obfuscation":"a1b2c3d4","sequence_number":)";
  return filled(chunk + std::to_string(100 + n) + "}", n, word(n));
}

std::string response_arguments(size_t n) {
  std::string chunk = R"({"type":"response.function_call_arguments.delta","item_id":"fc_0123456789abcdef",)";
  chunk += R"("output_index":1,"delta":"@","obfuscation":"a1b2c3d4","sequence_number":)";
  return filled(chunk + std::to_string(100 + n) + "}", n, word(n));
}

namespace {

std::string generated(size_t n, std::string_view part) {
  std::string chunk = R"({"candidates":[{"content":{"parts":[)";
  chunk.append(part).append(R"(],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":91,)");
  chunk.append(R"("candidatesTokenCount":)").append(std::to_string(100 + n)).append(R"(,"totalTokenCount":)");
  chunk.append(std::to_string(191 + n)).append(R"(},"modelVersion":"gemini-2.5-flash","responseId":"r"})");
  return filled(chunk, n, word(n));
}

}  // namespace

std::string gemini_text(size_t n) { return generated(n, R"({"text":"@"})"); }
std::string gemini_thought(size_t n) { return generated(n, R"({"text":"@","thought":true})"); }

}  // namespace tau::bench
