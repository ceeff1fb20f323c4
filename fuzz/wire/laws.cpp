#include "laws.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "wire/framing.h"
#include "wire/transcode.h"

namespace tau::wire {
namespace {

void require(bool law) {
  if (!law) std::abort();
}

bool same(std::string_view a, std::string_view b) {
  const StatusOr<json::Value> x = json::parse(a);
  const StatusOr<json::Value> y = json::parse(b);
  return x.ok() && y.ok() && *x == *y;
}

void check_request(const Dialect& dialect, std::string_view body) {
  const StatusOr<Request> request = dialect.decode_request(body);
  if (!request.ok()) return;
  const StatusOr<std::string> encoded = dialect.encode_request(*request, {});
  require(encoded.ok() && same(body, *encoded));
  const StatusOr<Request> neutral = request_from_json(to_json(*request));
  require(neutral.ok() && *dialect.encode_request(*neutral, {}) == *encoded);
  require(estimate_tokens(*request) >= 0);
  for (const Dialect* other : dialects()) require(json::parse(*other->encode_request(*request, {})).ok());
}

void check_response(const Dialect& dialect, std::string_view body) {
  const StatusOr<Response> response = dialect.decode_response(body, {});
  if (!response.ok()) return;
  require(same(body, dialect.encode_response(*response)));
  const StatusOr<Response> neutral = response_from_json(to_json(*response));
  require(neutral.ok() && to_json(*neutral) == to_json(*response));
  for (const Dialect* other : dialects()) require(json::parse(other->encode_response(*response)).ok());
}

struct Result {
  std::string lines;
  std::string failure;
};

Result transcode(const Dialect& dialect, std::string_view body, size_t piece) {
  Quirks quirks;
  quirks.text_tool_calls = true;
  quirks.done_mark_optional = true;
  Result out;
  const auto coder = StreamTranscoder::create(dialect.name(), quirks);
  Status status;
  while (!body.empty() && status.ok()) {
    const std::string_view part = body.substr(0, piece);
    body.remove_prefix(part.size());
    status = (*coder)->feed(part, out.lines);
  }
  if (status.ok()) status = (*coder)->end(out.lines);
  out.failure = status.to_string();
  return out;
}

// The same stream, but that white space keeps each document from having the shape of any other: the bits of
// its number.
std::string without_repetition(Framing framing, std::string_view body) {
  if (framing == Framing::kMessages) return std::string(body);  // checksums hold it together
  std::string out;
  size_t documents = 0;
  bool line_begins = true;
  while (!body.empty()) {
    size_t size = 1;
    for (const std::string_view head : {"data: {", "data:{", "{"})
      if (line_begins && body.starts_with(head) && (head == "{") == (framing == Framing::kLines))
        size = head.size();
    const bool document = size > 1 || (line_begins && framing == Framing::kLines && body.starts_with('{'));
    line_begins = body.front() == '\n' || body.front() == '\r';
    out += body.substr(0, size);
    if (document)
      for (size_t n = ++documents; n != 0; n /= 2) out += n % 2 == 0 ? ' ' : '\t';
    body.remove_prefix(size);
  }
  return out;
}

class TextSink final : public StreamSink {
 public:
  void on_event(const StreamEvent& event) override {
    text += static_cast<char>('0' + static_cast<int>(event.kind));
    text.append(event.text).append(event.id).append(event.name) += '\n';
  }
  std::string text;
};

// What a decoder says of a stream, all of it.
std::string said(StreamDecoder& decoder, Framing framing, std::string_view body) {
  TextSink sink;
  FrameReader frames(framing);
  Status status;
  const Status framed = frames.feed(body, [&](std::string_view type, std::string_view data) {
    status = decoder.event(type, data, sink);
    return status.ok();
  });
  if (status.ok()) status = framed.ok() ? decoder.end(sink) : framed;
  return sink.text + status.to_string() + to_json(decoder.take_response());
}

// A decoder that is kept, whatever it decoded before, says what one says that is made for the stream.
void check_kept_decoder(const Dialect& dialect, std::string_view body) {
  const auto decoder = dialect.stream_decoder({});
  const std::string expected = said(*decoder, dialect.framing(), body);
  for (const std::string_view before : {body.substr(0, body.size() / 2), body, body}) {
    decoder->reset();
    (void)said(*decoder, dialect.framing(), before);
    decoder->reset();
    require(said(*decoder, dialect.framing(), body) == expected);
  }
}

void check_stream(const Dialect& dialect, std::string_view body) {
  const Result whole = transcode(dialect, body, body.size() + 1);
  const Result bytes = transcode(dialect, body, 1);
  require(whole.lines == bytes.lines && whole.failure == bytes.failure);
  const std::string other_shapes = without_repetition(dialect.framing(), body);
  require(transcode(dialect, other_shapes, other_shapes.size() + 1).lines == whole.lines);
  check_kept_decoder(dialect, body);
  const auto encoder = StreamReencoder::create(dialect.name());
  std::string out;
  for (size_t begin = 0; begin < whole.lines.size();) {
    const size_t end = whole.lines.find('\n', begin);
    require((*encoder)->line(std::string_view(whole.lines).substr(begin, end - begin), out).ok());
    begin = end + 1;
  }
}

}  // namespace

namespace {

// Lines of "type payload" as messages: arbitrary bytes have no checksums that are right.
std::string framed(std::string_view lines) {
  std::string out;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    const size_t blank = std::min(line.find(' '), line.size());
    const bool exception = line.substr(0, blank).ends_with("Exception");
    append_event_message(
        out,
        {{exception ? ":exception-type" : ":event-type", EventHeader::Type::kString, line.substr(0, blank)},
         {":message-type", EventHeader::Type::kString, exception ? "exception" : "event"}},
        line.substr(std::min(blank + 1, line.size())));
  }
  return out;
}

}  // namespace

void check_laws(const Dialect& dialect, const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  check_request(dialect, body);
  check_response(dialect, body);
  check_stream(dialect, body);
  if (dialect.framing() == Framing::kMessages) check_stream(dialect, framed(body));
  require(!dialect.decode_error(size % 2 == 0 ? 400 : 503, body).ok());
}

}  // namespace tau::wire
