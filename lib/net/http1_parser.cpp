// The states of http1_parser.h.
#include "net/http1_parser.h"

#include <algorithm>

#include "net/request_rules.h"

namespace tau::net {
namespace {

constexpr int kMaxChunkDigits = 15;  // 60 bits: no sum of them overflows

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < ' ' && c != '\t') || byte == 0x7f;
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Whether a list of tokens such as that of `connection` has this one.
bool lists(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (to_lower(trim(list.substr(0, comma))) == token) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

StatusOr<Http1Parser::Step> Http1Parser::next(std::string_view bytes) {
  const size_t given = bytes.size();
  for (;;) {
    Step step;
    switch (state_) {
      case State::kStatusLine:
      case State::kFields:
      case State::kChunkSize:
      case State::kChunkEnd:
      case State::kTrailers: {
        TAU_ASSIGN_OR_RETURN(step, next_line(bytes));
        if (step.event == Event::kMore && !bytes.empty()) continue;
        break;
      }
      case State::kHeadDone: state_ = after_head_; continue;
      case State::kBodyByLength:
      case State::kChunkData:
      case State::kUntilClose: step = body_step(bytes); break;
      case State::kEnd: step.event = Event::kEnd; break;
    }
    // A line or a body may have ended exactly here: the end is told without another byte.
    if (step.event == Event::kMore && (state_ == State::kEnd || state_ == State::kHeadDone)) continue;
    step.consumed = given - bytes.size();
    return step;
  }
}

// Takes one line from `bytes`, reads it, and says what it amounts to.
StatusOr<Http1Parser::Step> Http1Parser::next_line(std::string_view& bytes) {
  if (line_done_) {
    line_.clear();
    line_done_ = false;
  }
  const bool of_chunk = state_ == State::kChunkSize || state_ == State::kChunkEnd;
  const size_t limit = of_chunk ? kMaxChunkLineBytes : kMaxHeadBytes - head_bytes_;
  std::string_view line;
  TAU_ASSIGN_OR_RETURN(const bool whole, take_line(bytes, line, limit));
  Step step;
  if (!whole) return step;
  if (!of_chunk) head_bytes_ += line.size() + 2;
  TAU_RETURN_IF_ERROR(read_line(line));
  if (state_ == State::kHeadDone) step.event = Event::kHead;
  return step;
}

// `line` gets the next line without its end; false when that is not there yet. A status line is looked at as
// it comes: what is not HTTP is told at once, and not when a line end or a time limit comes.
StatusOr<bool> Http1Parser::take_line(std::string_view& bytes, std::string_view& line, size_t limit) {
  const size_t end = bytes.find('\n');
  const bool whole = end != bytes.npos;
  const std::string_view part = bytes.substr(0, whole ? end + 1 : end);
  if (line_.size() + part.size() > limit)
    return invalid_response(format("{} is longer than {} bytes",
                                   state_ == State::kChunkSize ? "a chunk's head" : "the response head",
                                   state_ == State::kChunkSize ? limit : kMaxHeadBytes));
  bytes.remove_prefix(part.size());
  line = part;
  if (!whole || !line_.empty()) {
    line_.append(part);
    line = line_;
    line_done_ = whole;
  }
  if (state_ == State::kStatusLine) {
    constexpr std::string_view kStart = "HTTP/1.";
    const size_t shared = std::min(line.size(), kStart.size());
    if (line.substr(0, shared) != kStart.substr(0, shared))
      return invalid_response("the answer does not begin with HTTP/1.");
  }
  if (!whole) return false;
  if (line.size() < 2 || line[line.size() - 2] != '\r') return invalid_response("a line ends with a bare LF");
  line.remove_suffix(2);
  if (std::any_of(line.begin(), line.end(), is_control))
    return invalid_response("a line holds control characters");
  return true;
}

Status Http1Parser::read_line(std::string_view line) {
  switch (state_) {
    case State::kStatusLine: return read_status_line(line);
    case State::kFields: return line.empty() ? end_fields() : read_field(line);
    case State::kChunkSize: return read_chunk_size(line);
    case State::kChunkEnd:
      if (!line.empty()) return invalid_response("a chunk is longer than it says");
      state_ = State::kChunkSize;
      return ok_status();
    default: break;  // trailers
  }
  if (line.empty()) {
    state_ = State::kEnd;
    return ok_status();
  }
  return read_field(line);
}

// "HTTP/1.1 200 OK"; the reason may be missing, with the space before it.
Status Http1Parser::read_status_line(std::string_view line) {
  const bool version = line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.0 ");
  const std::string_view code = line.substr(std::min<size_t>(9, line.size()), 3);
  const bool digits = code.size() == 3 && code.find_first_not_of("0123456789") == code.npos;
  const bool ends = line.size() == 12 || (line.size() > 12 && line[12] == ' ');
  if (!version || !digits || code[0] == '0' || !ends)
    return invalid_response(format("the status line is \"{}\"", line.substr(0, 100)));
  is_http_1_0_ = line[7] == '0';
  status_ = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
  headers_.clear();
  state_ = State::kFields;
  return ok_status();
}

Status Http1Parser::read_field(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') return invalid_response("a header line is folded");
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon == line.npos || !is_token(name)) return invalid_response("a header has no name");
  if (state_ == State::kTrailers) {
    if (++trailers_ > kMaxHeaders) return invalid_response("too many trailers");
    return ok_status();
  }
  if (headers_.size() == kMaxHeaders) return invalid_response("too many headers");
  headers_.emplace_back(to_lower(name), trim(line.substr(colon + 1)));
  return ok_status();
}

Status Http1Parser::end_fields() {
  if (status_ == 101) return invalid_response("the server changes the protocol, which nobody asked for");
  if (status_ < 200) {  // interim: another head follows
    state_ = State::kStatusLine;
    return ok_status();
  }
  TAU_RETURN_IF_ERROR(check_framing(headers_, false));
  TAU_RETURN_IF_ERROR(read_framing());
  head_complete_ = true;
  state_ = State::kHeadDone;
  return ok_status();
}

// RFC 9112 section 6.3; check_framing() has read the lengths.
Status Http1Parser::read_framing() {
  const std::string* length = nullptr;
  bool chunked = false;
  bool says_close = false;
  bool says_keep_alive = false;
  for (const auto& [name, value] : headers_) {
    if (name == "content-length") length = &value;
    if (name == "connection") {
      says_close = says_close || lists(value, "close");
      says_keep_alive = says_keep_alive || lists(value, "keep-alive");
    }
    if (name != "transfer-encoding") continue;
    if (chunked || is_http_1_0_ || to_lower(value) != "chunked")
      return invalid_response(format("the transfer encoding is \"{}\"", value));
    chunked = true;
  }
  if (chunked && length != nullptr)
    return invalid_response("the body has a length and a transfer encoding at once");
  keeps_alive_ = !says_close && (!is_http_1_0_ || says_keep_alive);
  if (to_head_ || status_ == 204 || status_ == 304) {
    after_head_ = State::kEnd;
  } else if (chunked) {
    after_head_ = State::kChunkSize;
  } else if (length != nullptr) {
    left_ = 0;
    for (const char digit : *length) left_ = left_ * 10 + static_cast<uint64_t>(digit - '0');
    after_head_ = left_ == 0 ? State::kEnd : State::kBodyByLength;
  } else {
    after_head_ = State::kUntilClose;
    keeps_alive_ = false;
  }
  return ok_status();
}

// Extensions are skipped (RFC 9112 section 7.1.1).
Status Http1Parser::read_chunk_size(std::string_view line) {
  uint64_t size = 0;
  size_t digits = 0;
  for (; digits < line.size() && hex_digit(line[digits]) >= 0; ++digits) {
    if (digits == kMaxChunkDigits) return invalid_response("a chunk's size is too large");
    size = size * 16 + static_cast<uint64_t>(hex_digit(line[digits]));
  }
  const std::string_view rest = trim(line.substr(digits));
  if (digits == 0 || (!rest.empty() && rest.front() != ';')) return invalid_response("a chunk has no size");
  left_ = size;
  state_ = size == 0 ? State::kTrailers : State::kChunkData;
  return ok_status();
}

Http1Parser::Step Http1Parser::body_step(std::string_view& bytes) {
  Step step;
  if (bytes.empty()) return step;
  size_t take = bytes.size();
  if (state_ != State::kUntilClose) {
    take = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size()));
    left_ -= take;
    if (left_ == 0) state_ = state_ == State::kBodyByLength ? State::kEnd : State::kChunkEnd;
  }
  step.event = Event::kBody;
  step.body = bytes.substr(0, take);
  bytes.remove_prefix(take);
  return step;
}

}  // namespace tau::net
