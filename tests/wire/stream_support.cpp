#include "stream_support.h"

#include <map>
#include <random>

#include "net/net.h"

namespace tau::wire::test {
namespace {

class LogSink final : public StreamSink {
 public:
  void on_event(const StreamEvent& e) override {
    log.push_back({e.kind, e.index, e.part, std::string(e.text), std::string(e.id), std::string(e.name)});
  }
  std::vector<Logged> log;
};

class EncodeSink final : public StreamSink {
 public:
  EncodeSink(StreamEncoder& encoder, const StreamDecoder& decoder) : encoder_(encoder), decoder_(decoder) {}
  void on_event(const StreamEvent& event) override {
    if (event.kind == StreamEvent::Kind::kStart) return encoder_.begin(decoder_.response(), out);
    if (event.kind == StreamEvent::Kind::kFinish) return encoder_.finish(decoder_.response(), out);
    encoder_.event(event, out);
  }
  std::string out;

 private:
  StreamEncoder& encoder_;
  const StreamDecoder& decoder_;
};

Status run(StreamDecoder& decoder, std::string_view body, const Split& split, StreamSink& sink) {
  net::SseParser parser;
  std::mt19937 random(split.seed);
  Status status;
  while (!body.empty() && status.ok()) {
    size_t n = split.size == 0 ? body.size() : split.size;
    if (split.seed != 0) n = 1 + random() % 200;
    const std::string_view piece = body.substr(0, n);
    body.remove_prefix(piece.size());
    const Status framing = parser.feed(piece, [&](const net::SseEvent& event) {
      const std::string_view type = event.type == "message" ? std::string_view() : event.type;
      status = decoder.event(type, event.data, sink);
      return status.ok();
    });
    if (!framing.ok()) return framing;
  }
  return status.ok() ? decoder.end(sink) : status;
}

}  // namespace

Decoded decode_stream(const Dialect& dialect, std::string_view body, const Quirks& quirks,
                      const Split& split) {
  return decode_stream(*dialect.stream_decoder(quirks), body, split);
}

Decoded decode_stream(StreamDecoder& decoder, std::string_view body, const Split& split) {
  decoder.reset();
  LogSink sink;
  Decoded out;
  out.status = run(decoder, body, split, sink);
  out.response = decoder.take_response();
  out.log = std::move(sink.log);
  return out;
}

std::string transcode_stream(const Dialect& from, const Dialect& to, std::string_view body,
                             const Quirks& quirks) {
  const std::unique_ptr<StreamDecoder> decoder = from.stream_decoder(quirks);
  const std::unique_ptr<StreamEncoder> encoder = to.stream_encoder();
  EncodeSink sink(*encoder, *decoder);
  const Status status = run(*decoder, body, {}, sink);
  if (!status.ok()) encoder->error(status, sink.out);
  return sink.out;
}

std::string reencode_stream(const Dialect& dialect, std::string_view body, const Quirks& quirks) {
  return transcode_stream(dialect, dialect, body, quirks);
}

std::string event_order_error(const Decoded& decoded) {
  using Kind = StreamEvent::Kind;
  std::map<uint32_t, std::pair<std::string, bool>> calls;  // arguments, ended
  std::string text;
  size_t starts = 0;
  size_t finishes = 0;
  for (const Logged& e : decoded.log) {
    starts += e.kind == Kind::kStart;
    finishes += e.kind == Kind::kFinish;
    const auto call = calls.find(e.index);
    const bool open = call != calls.end() && !call->second.second;
    if (e.kind == Kind::kText) text += e.text;
    if (e.kind == Kind::kToolCall) {
      if (call != calls.end()) return "a call began twice";
      if (e.name.empty() || e.id.empty()) return "a call without name or id";
      calls[e.index] = {};
    }
    if (e.kind == Kind::kToolCallArgs) {
      if (!open) return "arguments outside of their call";
      call->second.first += e.text;
    }
    if (e.kind == Kind::kToolCallEnd) {
      if (!open) return "the end of a call that is not open";
      call->second.second = true;
    }
  }
  if (starts != 1 || finishes != 1) return "not one start and one finish";
  std::string whole;
  uint32_t n = 0;
  for (const Part& part : decoded.response.message.parts) {
    if (const auto* t = part.as<Text>()) whole += t->text;
    const auto* call = part.as<ToolCall>();
    if (call == nullptr) continue;
    if (calls[n].first != call->arguments || !calls[n].second) return "arguments differ from the message";
    ++n;
  }
  if (n != calls.size()) return "calls differ from the message";
  return whole == text ? "" : "text differs from the message";
}

std::string without_repetition(std::string_view body) {
  std::string out;
  size_t documents = 0;
  for (size_t begin = 0; begin < body.size();) {
    const size_t end = body.find('\n', begin);
    const std::string_view line = body.substr(begin, end == body.npos ? end : end + 1 - begin);
    begin += line.size();
    const size_t brace = line.find('{');
    const bool is_document = line.starts_with("data:") && brace != line.npos && brace <= 6;
    out += line.substr(0, is_document ? brace + 1 : 0);
    // The bits of its number.
    if (is_document)
      for (size_t n = ++documents; n != 0; n /= 2) out += n % 2 == 0 ? ' ' : '\t';
    out += line.substr(is_document ? brace + 1 : 0);
  }
  return out;
}

std::string chat_body(const std::vector<std::string>& chunks, bool done) {
  std::string out;
  for (const std::string& chunk : chunks) out += "data: " + chunk + "\n\n";
  return done ? out + "data: [DONE]\n\n" : out;
}

std::string chat_chunk(std::string_view delta, std::string_view finish) {
  return R"({"id":"c1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":)" +
         std::string(delta) + R"(,"finish_reason":)" + std::string(finish) + "}]}";
}

}  // namespace tau::wire::test
