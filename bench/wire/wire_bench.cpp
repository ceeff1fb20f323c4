// What a streamed text delta costs from bytes to typed event, beside raw simdjson on-demand that reads the
// same fields of the same chunk. Budget: 250 ns and 2.5 times the reference for a chunk of 257 bytes.
#include <simdjson.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "net/net.h"
#include "support/report.h"
#include "wire/wire.h"

namespace {

constexpr size_t kChunkBytes = 257;
constexpr size_t kEventsPerBody = 256;

std::string chat_chunk() {
  std::string chunk =
      R"({"id":"chatcmpl-9lMgfRSWPHcw51s6wxKT1YEO2CKpd","object":"chat.completion.chunk","created":1721075653,)"
      R"("model":"gpt-4o-2024-05-13","system_fingerprint":"fp_c4e5b6fa31","choices":[{"index":0,)"
      R"("delta":{"content":" Hello"},"logprobs":null,"finish_reason":null}]})";
  // Filled up inside the text, as a longer delta would be.
  const size_t at = chunk.find(" Hello") + 1;
  chunk.insert(at, std::string(kChunkBytes - chunk.size(), 'x'));
  return chunk;
}

std::string message_delta() {
  return R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" Hello there, reader"}})";
}

class CountSink final : public tau::wire::StreamSink {
 public:
  void on_event(const tau::wire::StreamEvent& event) override { bytes += event.text.size(); }
  size_t bytes = 0;
};

std::string body_of(const std::string& chunk) {
  std::string body;
  for (size_t i = 0; i < kEventsPerBody; ++i) body += "data: " + chunk + "\n\n";
  return body;
}

// Framing, parsing and events of one body.
void decode(tau::wire::StreamDecoder& decoder, std::string_view body, CountSink& sink) {
  tau::net::SseParser parser;
  const tau::Status status = parser.feed(
      body, [&](const tau::net::SseEvent& event) { return decoder.event({}, event.data, sink).ok(); });
  if (!status.ok()) std::abort();
}

size_t reference(simdjson::ondemand::parser& parser, const simdjson::padded_string& chunk) {
  simdjson::ondemand::document document = parser.iterate(chunk);
  size_t bytes = 0;
  for (auto member : document.get_object()) {
    const std::string_view key = member.unescaped_key();
    if (key == "id" || key == "model") {
      bytes += std::string_view(member.value()).size();
    } else if (key == "choices") {
      for (auto choice : member.value().get_array())
        for (auto field : choice.get_object()) {
          const std::string_view name = field.unescaped_key();
          if (name == "delta")
            bytes += std::string_view(field.value()["content"]).size();
          else if (name == "index")
            bytes += static_cast<size_t>(int64_t(field.value()));
          else if (name == "finish_reason")
            bytes += field.value().is_null() ? 0 : 1;
        }
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  tau::bench::Report report(argc, argv);
  const std::string chunk = chat_chunk();
  const std::string body = body_of(chunk);
  const simdjson::padded_string padded(chunk);
  simdjson::ondemand::parser parser;
  CountSink sink;
  // One decoder lives through a sample, as one response does; its message grows as it would.
  std::unique_ptr<tau::wire::StreamDecoder> decoder;
  size_t bodies = 0;
  const auto renew = [&](const tau::wire::Dialect& dialect) {
    constexpr size_t kBodiesPerResponse = 16;
    if (bodies++ % kBodiesPerResponse == 0) decoder = dialect.stream_decoder({});
  };
  report.compare(
      "openai_text_delta_x256", {.iterations = 400},
      [&] {
        renew(tau::wire::openai_chat());
        decode(*decoder, body, sink);
      },
      [&] {
        size_t bytes = 0;
        for (size_t i = 0; i < kEventsPerBody; ++i) bytes += reference(parser, padded);
        tau::bench::keep(bytes);
      });
  const std::string messages = body_of(message_delta());
  bodies = 0;
  report.measure("anthropic_text_delta_x256", {.iterations = 400}, [&] {
    renew(tau::wire::anthropic_messages());
    decode(*decoder, messages, sink);
  });
  tau::bench::keep(sink.bytes);
  return report.finish();
}
