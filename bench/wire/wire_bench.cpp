// What a streamed text delta costs from bytes to typed event, beside raw simdjson on-demand that reads the
// same fields of the same chunk. Budget: 250 ns and 2.5 times the reference for a chunk of 257 bytes.
#include <simdjson.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "net/net.h"
#include "support/report.h"
#include "wire/wire.h"

namespace {

constexpr size_t kChunkBytes = 257;
constexpr size_t kEvents = 256;

// The pieces of text differ, as those of a stream do.
std::string text_piece(size_t n, size_t bytes) {
  std::string text = " word" + std::to_string(n);
  while (text.size() < bytes) text += static_cast<char>('a' + (n * 7 + text.size()) % 26);
  return text;
}

// `late` ends the chunk.
std::string chat_chunk(size_t n, std::string_view late) {
  std::string chunk =
      R"({"id":"chatcmpl-9lMgfRSWPHcw51s6wxKT1YEO2CKpd","object":"chat.completion.chunk","created":1721075653,)"
      R"("model":"gpt-4o-2024-05-13","system_fingerprint":"fp_c4e5b6fa31","choices":[{"index":0,)"
      R"("delta":{"content":"@"},"logprobs":null,"finish_reason":null}])";
  chunk.append(late).append("}");
  // Filled up inside the text, as a longer delta would be.
  const size_t room = kChunkBytes + 1 - std::min(kChunkBytes, chunk.size());
  return chunk.replace(chunk.find('@'), 1, text_piece(n, room));
}

// Each chunk like the one before but for its text.
std::string steady_chunk(size_t n) { return chat_chunk(n, {}); }

// Each chunk with a second member that changes.
std::string changing_chunk(size_t n) {
  return chat_chunk(n, R"(,"obfuscation":")" + std::to_string(100 + n) + '"');
}

std::string message_delta(size_t n) {
  return R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")" +
         text_piece(n, 20) + R"("}})";
}

class CountSink final : public tau::wire::StreamSink {
 public:
  void on_event(const tau::wire::StreamEvent& event) override { bytes += event.text.size(); }
  size_t bytes = 0;
};

// One stream, delivered event by event: framing, parsing and typed events. A response ends and another begins
// after some thousand events.
class Stream {
 public:
  Stream(const tau::wire::Dialect& dialect, std::string (*chunk)(size_t)) : dialect_(dialect) {
    for (size_t n = 0; n < kEvents; ++n) events_.push_back("data: " + chunk(n) + "\n\n");
  }

  void next() {
    constexpr size_t kEventsPerResponse = 4096;
    const size_t n = count_++;
    if (n % kEventsPerResponse == 0) decoder_ = dialect_.stream_decoder({});
    const tau::Status status = parser_.feed(events_[n % kEvents], [&](const tau::net::SseEvent& event) {
      return decoder_->event({}, event.data, sink_).ok();
    });
    if (!status.ok()) std::abort();
  }

  // A benchmark of lost text is worth nothing.
  void require_text() const {
    if (sink_.bytes >= count_ && !decoder_->response().message.text().empty()) return;
    std::fputs("bench_wire: text is missing\n", stderr);
    std::exit(1);
  }

 private:
  const tau::wire::Dialect& dialect_;
  std::vector<std::string> events_;
  tau::net::SseParser parser_;
  std::unique_ptr<tau::wire::StreamDecoder> decoder_;
  CountSink sink_;
  size_t count_ = 0;
};

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

// What on-demand reads of the same chunks, which it finds framed and padded.
class Reference {
 public:
  explicit Reference(std::string (*chunk)(size_t)) {
    for (size_t n = 0; n < kEvents; ++n) chunks_.emplace_back(chunk(n));
  }
  void next() { tau::bench::keep(reference(parser_, chunks_[count_++ % kEvents])); }

 private:
  std::vector<simdjson::padded_string> chunks_;
  simdjson::ondemand::parser parser_;
  size_t count_ = 0;
};

void compare(tau::bench::Report& report, const std::string& name, std::string (*chunk)(size_t)) {
  Stream stream(tau::wire::openai_chat(), chunk);
  Reference bare(chunk);
  report.compare(
      name, {.iterations = 100'000}, [&] { stream.next(); }, [&] { bare.next(); });
  stream.require_text();
}

}  // namespace

// Nanoseconds per event.
int main(int argc, char** argv) {
  tau::bench::Report report(argc, argv);
  compare(report, "openai_text_delta", steady_chunk);
  compare(report, "openai_changing_chunk", changing_chunk);
  Stream messages(tau::wire::anthropic_messages(), message_delta);
  report.measure("anthropic_text_delta", {.iterations = 100'000}, [&] { messages.next(); });
  messages.require_text();
  return report.finish();
}
