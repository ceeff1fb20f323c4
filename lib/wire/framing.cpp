#include "wire/framing.h"

#include "wire/error.h"

namespace tau::wire {
namespace {

std::string_view plain_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line.find_first_not_of(" \t\r") == line.npos ? std::string_view() : line;
}

}  // namespace

Status FrameReader::feed_lines(std::string_view bytes, const Sink& sink) {
  while (!stopped_ && !bytes.empty()) {
    const size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (line_.size() + piece.size() > kMaxLineBytes)
      return resource_exhausted("stream_line_too_large",
                                format("a line of the stream is longer than {} bytes", kMaxLineBytes));
    if (end == bytes.npos) {
      line_ += piece;
      break;
    }
    bytes.remove_prefix(end + 1);
    if (!line_.empty()) line_ += piece;
    const std::string_view line = plain_line(line_.empty() ? piece : std::string_view(line_));
    if (!line.empty()) stopped_ = !sink.call(sink.f, {}, line);
    line_.clear();
  }
  return ok_status();
}

Status FrameReader::feed_messages(std::string_view bytes, const Sink& sink) {
  return messages_.feed(bytes, [&](const EventMessage& message) {
    const std::string_view kind = message.text(":message-type");
    if (kind == "exception") {
      type_.assign("exception:").append(message.text(":exception-type"));
      return sink.call(sink.f, type_, message.payload);
    }
    if (kind != "error") return sink.call(sink.f, message.text(":event-type"), message.payload);
    type_.assign("error:").append(message.text(":error-code"));
    data_.clear();
    json::Writer(data_).begin_object().field("message", message.text(":error-message")).end_object();
    return sink.call(sink.f, type_, data_);
  });
}

Status FrameReader::cut() const {
  return framing_ == Framing::kMessages && messages_.has_partial() ? stream_truncated("the rest of a message")
                                                                   : ok_status();
}

}  // namespace tau::wire
