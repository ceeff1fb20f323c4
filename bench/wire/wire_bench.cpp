// What a streamed delta costs from bytes to typed event, beside raw simdjson on-demand that reads the same
// fields of the same chunk. Budget: 250 ns and 2.5 times the reference for a chunk of 257 bytes.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chunks.h"
#include "recorded.h"
#include "reference.h"
#include "support.h"
#include "support/report.h"
#include "wire/event_stream.h"
#include "wire/framing.h"
#include "wire/wire.h"

namespace tau::bench {
namespace {

// The beginning of a stream, the chunks that go on and on, and what they are measured with.
struct Kind {
  const char* name;
  const wire::Dialect& dialect;
  MakeChunk chunk;
  ReadReference reference;
  std::vector<std::string> head;
  const char* type = "";  // of a binary message
};

// One stream, delivered event by event: framing, parsing and typed events. A response ends and another begins
// after some thousand events.
class Stream {
 public:
  explicit Stream(const Kind& kind) : kind_(kind) {
    constexpr size_t kEvents = 256;
    for (size_t n = 0; n < kEvents; ++n) events_.push_back(framed(kind.chunk(n), kind.type));
  }

  void next() {
    constexpr size_t kEventsPerResponse = 4096;
    const size_t n = count_++;
    if (n % kEventsPerResponse == 0) {
      decoder_ = kind_.dialect.stream_decoder({});
      for (const std::string& event : kind_.head) feed(framed(event, {}));
    }
    feed(events_[n % events_.size()]);
  }

  // A benchmark of lost text is worth nothing.
  void require_text() const {
    if (sink_.bytes < count_) fail("text is missing");
  }

 private:
  // An event with what frames it.
  std::string framed(const std::string& document, std::string_view type) const {
    if (kind_.dialect.framing() == wire::Framing::kLines) return document + "\n";
    if (kind_.dialect.framing() == wire::Framing::kSse) return "data: " + document + "\n\n";
    using Type = wire::EventHeader::Type;
    std::string out;
    wire::append_event_message(out,
                               {{":event-type", Type::kString, type},
                                {":content-type", Type::kString, "application/json"},
                                {":message-type", Type::kString, "event"}},
                               document);
    return out;
  }

  void feed(std::string_view bytes) {
    const Status status = frames_.feed(bytes, [&](std::string_view type, std::string_view data) {
      return decoder_->event(type, data, sink_).ok();
    });
    if (!status.ok()) fail("a stream is malformed");
  }

  const Kind& kind_;
  std::vector<std::string> events_;
  wire::FrameReader frames_{kind_.dialect.framing()};
  std::unique_ptr<wire::StreamDecoder> decoder_;
  CountSink sink_;
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

const std::string kMessageStart =
    R"({"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"c","content":[]}})";
const std::string kToolStart =
    R"({"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}})";

const std::string kResponseStart =
    R"({"type":"response.created","response":{"id":"r","object":"response","model":"m","output":[]}})";
const std::string kCallStart =
    R"({"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"fc","call_id":"k","name":"f","arguments":""}})";

}  // namespace
}  // namespace tau::bench

// Nanoseconds per event. With TAU_SHARED_DATA, the folder of recordings, also those of recorded streams.
int main(int argc, char** argv) {
  using namespace tau::bench;
  tau::bench::Report report(argc, argv);
  const tau::wire::Dialect& chat = tau::wire::openai_chat();
  const tau::wire::Dialect& messages = tau::wire::anthropic_messages();
  const tau::wire::Dialect& responses = tau::wire::openai_responses();
  const tau::wire::Dialect& gemini = tau::wire::gemini_generate();
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
      {"responses_text_delta", responses, response_text, read_response_event, {kResponseStart}},
      {"responses_arguments_delta",
       responses,
       response_arguments,
       read_response_event,
       {kResponseStart, kCallStart}},
      {"gemini_text_chunk", gemini, gemini_text, read_generated_chunk, {}},
      {"gemini_thought_chunk", gemini, gemini_thought, read_generated_chunk, {}},
      {"bedrock_text_delta",
       tau::wire::bedrock_converse(),
       converse_text,
       read_strings,
       {},
       "contentBlockDelta"},
      {"cohere_text_delta", tau::wire::cohere_chat(), cohere_text, read_strings, {}},
      {"ollama_text_line", tau::wire::ollama_chat(), ollama_text, read_strings, {}},
  };
  for (const Kind& kind : kinds) compare(report, kind);
  compare_recorded(report);
  return report.finish();
}
