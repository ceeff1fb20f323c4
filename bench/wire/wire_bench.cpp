// What a streamed delta costs from bytes to typed event, beside raw simdjson on-demand that reads the same
// fields of the same chunk. Budget: 250 ns and 2.5 times the reference for a chunk of 257 bytes.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chunks.h"
#include "net/net.h"
#include "recordings.h"
#include "reference.h"
#include "support/report.h"
#include "wire/wire.h"

namespace tau::bench {
namespace {

using ReadReference = size_t (*)(simdjson::ondemand::parser&, const simdjson::padded_string&);

// The beginning of a stream, the chunks that go on and on, and what they are measured with.
struct Kind {
  const char* name;
  const wire::Dialect& dialect;
  MakeChunk chunk;
  ReadReference reference;
  std::vector<std::string> head;
};

class CountSink final : public wire::StreamSink {
 public:
  void on_event(const wire::StreamEvent& event) override { bytes += event.text.size(); }
  size_t bytes = 0;
};

[[noreturn]] void fail(std::string_view what) {
  std::fprintf(stderr, "bench_wire: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

// One stream, delivered event by event: framing, parsing and typed events. A response ends and another begins
// after some thousand events.
class Stream {
 public:
  explicit Stream(const Kind& kind) : kind_(kind) {
    constexpr size_t kEvents = 256;
    for (size_t n = 0; n < kEvents; ++n) events_.push_back("data: " + kind.chunk(n) + "\n\n");
  }

  void next() {
    constexpr size_t kEventsPerResponse = 4096;
    const size_t n = count_++;
    if (n % kEventsPerResponse == 0) {
      decoder_ = kind_.dialect.stream_decoder({});
      for (const std::string& event : kind_.head) feed("data: " + event + "\n\n");
    }
    feed(events_[n % events_.size()]);
  }

  // A benchmark of lost text is worth nothing.
  void require_text() const {
    if (sink_.bytes < count_) fail("text is missing");
  }

 private:
  void feed(std::string_view bytes) {
    const Status status = parser_.feed(
        bytes, [&](const net::SseEvent& event) { return decoder_->event({}, event.data, sink_).ok(); });
    if (!status.ok()) fail("a stream is malformed");
  }

  const Kind& kind_;
  std::vector<std::string> events_;
  net::SseParser parser_;
  std::unique_ptr<wire::StreamDecoder> decoder_;
  CountSink sink_;
  size_t count_ = 0;
};

// What on-demand reads of the same chunks, which it finds framed and padded.
class Reference {
 public:
  Reference(ReadReference read, const std::vector<std::string>& chunks) : read_(read) {
    for (const std::string& chunk : chunks) chunks_.emplace_back(chunk);
  }
  void next() { keep(read_(parser_, chunks_[count_++ % chunks_.size()])); }
  size_t size() const { return chunks_.size(); }

 private:
  ReadReference read_;
  std::vector<simdjson::padded_string> chunks_;
  simdjson::ondemand::parser parser_;
  size_t count_ = 0;
};

void compare(Report& report, const Kind& kind) {
  Stream stream(kind);
  std::vector<std::string> chunks;
  for (size_t n = 0; n < 256; ++n) chunks.push_back(kind.chunk(n));
  Reference bare(kind.reference, chunks);
  report.compare(
      kind.name, {.iterations = 100'000}, [&] { stream.next(); }, [&] { bare.next(); });
  stream.require_text();
}

// The recorded streams of one provider, one after the other, each from its first byte to its response.
struct Recorded {
  const wire::Dialect* dialect = nullptr;
  std::vector<std::string> bodies;
  std::vector<std::string> documents;
};

void add_recorded(Recorded& to, const wire::test::Interaction& interaction) {
  to.dialect =
      interaction.path.ends_with("/v1/messages") ? &wire::anthropic_messages() : &wire::openai_chat();
  to.bodies.push_back(interaction.response);
  net::SseParser parser;
  const Status framing = parser.feed(interaction.response, [&](const net::SseEvent& event) {
    if (event.data.starts_with('{')) to.documents.emplace_back(event.data);
    return true;
  });
  if (!framing.ok()) fail("a recorded stream has no frames");
}

std::map<std::string, Recorded> recorded_streams() {
  std::map<std::string, Recorded> out;
  const char* data = std::getenv("TAU_SHARED_DATA");
  std::string error;
  if (data == nullptr) return out;
  const bool read = wire::test::for_each_interaction(
      std::string(data) + "/provider-recordings",
      [&](const wire::test::Interaction& i) {
        const bool ours = i.path.ends_with("/v1/messages") || i.path.ends_with("/chat/completions");
        if (ours && i.status == 200 && !i.response.starts_with('{')) add_recorded(out[i.provider], i);
      },
      error);
  if (!read) fail(error);
  return out;
}

void decode_whole(const wire::Dialect& dialect, const std::string& body) {
  wire::Quirks tolerant;
  tolerant.done_mark_optional = true;
  CountSink sink;
  net::SseParser parser;
  const auto decoder = dialect.stream_decoder(tolerant);
  const Status status = parser.feed(
      body, [&](const net::SseEvent& event) { return decoder->event({}, event.data, sink).ok(); });
  if (!status.ok() || !decoder->end(sink).ok()) fail("a recorded stream is refused");
  keep(sink.bytes);
}

// Per event, with all that happens once for a stream.
void compare_recorded(Report& report, const std::string& provider, const Recorded& recorded) {
  const bool messages = recorded.dialect == &wire::anthropic_messages();
  Reference bare(messages ? read_message_event : read_chat_chunk, recorded.documents);
  constexpr size_t kEvents = 20'000;
  constexpr size_t kSamples = 15;
  const size_t rounds = std::max<size_t>(1, kEvents / bare.size());
  std::vector<double> ours;
  std::vector<double> theirs;
  for (size_t sample = 0; sample < kSamples; ++sample) {
    const double events = static_cast<double>(rounds * bare.size());
    const int64_t begin = thread_cpu_ns();
    for (size_t round = 0; round < rounds; ++round)
      for (const std::string& body : recorded.bodies) decode_whole(*recorded.dialect, body);
    const int64_t middle = thread_cpu_ns();
    for (size_t n = 0; n < rounds * bare.size(); ++n) bare.next();
    ours.push_back(static_cast<double>(middle - begin) / events);
    theirs.push_back(static_cast<double>(thread_cpu_ns() - middle) / events);
  }
  report.add("recorded_" + provider, "ns", std::move(ours), std::move(theirs));
}

const std::string kMessageStart =
    R"({"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"c","content":[]}})";
const std::string kToolStart =
    R"({"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}})";

}  // namespace
}  // namespace tau::bench

// Nanoseconds per event. With TAU_SHARED_DATA, the folder of recordings, also those of recorded streams.
int main(int argc, char** argv) {
  using namespace tau::bench;
  tau::bench::Report report(argc, argv);
  const tau::wire::Dialect& chat = tau::wire::openai_chat();
  const tau::wire::Dialect& messages = tau::wire::anthropic_messages();
  const Kind kinds[] = {
      {"openai_text_delta", chat, chat_text, read_chat_chunk, {}},
      {"openai_obfuscated_delta", chat, chat_obfuscated, read_chat_chunk, {}},
      {"openai_arguments_delta", chat, chat_arguments, read_chat_chunk, {}},
      {"openai_reasoning_delta", chat, chat_reasoning, read_chat_chunk, {}},
      {"openai_new_ids_delta", chat, chat_new_ids, read_chat_chunk, {}},
      {"openai_escaped_delta", chat, chat_escaped, read_chat_chunk, {}},
      {"anthropic_text_delta", messages, message_text, read_message_event, {kMessageStart}},
      {"anthropic_arguments_delta",
       messages,
       message_arguments,
       read_message_event,
       {kMessageStart, kToolStart}},
  };
  for (const Kind& kind : kinds) compare(report, kind);
  for (const auto& [provider, recorded] : recorded_streams()) compare_recorded(report, provider, recorded);
  return report.finish();
}
