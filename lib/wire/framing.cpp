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
    if (!message.again) {
      const std::string_view kind = message.text(":message-type");
      is_error_ = kind == "error";
      if (kind == "exception")
        type_.assign("exception:").append(message.text(":exception-type"));
      else if (is_error_)
        type_.assign("error:").append(message.text(":error-code"));
      else
        type_ = message.text(":event-type");
    }
    if (!is_error_) return sink.call(sink.f, type_, message.payload);
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
