#include "stream_support.h"

#include <algorithm>
#include <map>
#include <random>

#include "wire/event_stream.h"
#include "wire/framing.h"

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

Status run(StreamDecoder& decoder, Framing framing, std::string_view body, const Split& split,
           StreamSink& sink) {
  FrameReader frames(framing);
  std::mt19937 random(split.seed);
  Status status;
  const auto take = [&](std::string_view type, std::string_view data) {
    status = decoder.event(type, data, sink);
    return status.ok();
  };
  while (!body.empty() && status.ok()) {
    size_t n = split.size == 0 ? body.size() : split.size;
    if (split.seed != 0) n = 1 + random() % 200;
    const std::string_view piece = body.substr(0, n);
    body.remove_prefix(piece.size());
    const Status framed = frames.feed(piece, take);
    if (status.ok() && !framed.ok()) return framed;
  }
  if (!status.ok()) return status;
  const Status framed = frames.end(take);
  if (!status.ok()) return status;
  if (!framed.ok() && !decoder.finished()) return framed;
  return decoder.end(sink);
}

}  // namespace

Decoded decode_stream(const Dialect& dialect, std::string_view body, const Quirks& quirks,
                      const Split& split) {
  return decode_stream(*dialect.stream_decoder(quirks), dialect.framing(), body, split);
}

Decoded decode_stream(StreamDecoder& decoder, Framing framing, std::string_view body, const Split& split) {
  decoder.reset();
  LogSink sink;
  Decoded out;
  out.status = run(decoder, framing, body, split, sink);
  out.response = decoder.take_response();
  out.log = std::move(sink.log);
  return out;
}

std::string transcode_stream(const Dialect& from, const Dialect& to, std::string_view body,
                             const Quirks& quirks) {
  const std::unique_ptr<StreamDecoder> decoder = from.stream_decoder(quirks);
  const std::unique_ptr<StreamEncoder> encoder = to.stream_encoder();
  EncodeSink sink(*encoder, *decoder);
  const Status status = run(*decoder, from.framing(), body, {}, sink);
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

namespace {

std::string map_messages(std::string_view body, const std::function<std::string(std::string_view)>& map) {
  std::string out;
  EventStreamParser parser;
  const Status status = parser.feed(body, [&](const EventMessage& message) {
    append_event_message(out, message.headers, map(message.payload));
    return true;
  });
  return status.ok() ? out : std::string(body);
}

// Where the document of a line begins; npos when it has none.
size_t document_in(Framing framing, std::string_view line) {
  const size_t brace = line.find('{');
  if (framing == Framing::kLines) return brace;
  return line.starts_with("data:") && brace != line.npos && brace <= 6 ? brace : line.npos;
}

}  // namespace

std::string map_documents(Framing framing, std::string_view body,
                          const std::function<std::string(std::string_view)>& map) {
  if (framing == Framing::kMessages) return map_messages(body, map);
  std::string out;
  for (size_t begin = 0; begin < body.size();) {
    const size_t end = std::min(body.find('\n', begin), body.size());
    const std::string_view line = body.substr(begin, end - begin);
    const size_t document = document_in(framing, line);
    out += line.substr(0, document);
    if (document != line.npos) out += map(line.substr(document));
    if (end < body.size()) out += '\n';
    begin = end + 1;
  }
  return out;
}

std::string without_repetition(Framing framing, std::string_view body) {
  size_t documents = 0;
  return map_documents(framing, body, [&](std::string_view document) {
    std::string out(document.substr(0, 1));
    // The bits of its number.
    for (size_t n = ++documents; n != 0; n /= 2) out += n % 2 == 0 ? ' ' : '\t';
    return out.append(document.substr(1));
  });
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
