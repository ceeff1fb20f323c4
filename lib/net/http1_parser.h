// Http1Parser: one HTTP/1.1 response read from bytes, without any I/O. Private to net.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "net/fetch.h"

namespace tau::net {

// RFC 9112, strictly: two programs that read the same bytes must find the same message in them. Refused are
// bare line feeds, folded lines, blanks before a colon, control characters, names that are no tokens, lengths
// that differ or are none, a length beside a transfer encoding, any encoding but one "chunked", chunk sizes
// beyond 63 bits, a change of protocol. Everything is bounded: kMaxHeadBytes for all heads, interim ones
// included, with the trailers; kMaxChunkLineBytes for the line before a chunk.
class Http1Parser {
 public:
  static constexpr size_t kMaxHeadBytes = 64u << 10;
  static constexpr size_t kMaxChunkLineBytes = 1024;
  static constexpr size_t kMaxHeaders = 256;

  enum class Event {
    kMore,  // all bytes were taken, and more are needed
    kHead,  // status() and headers() are final
    kBody,  // `body` is the next piece
    kEnd,   // the message is complete; what follows in the bytes is not its
  };
  struct Step {
    Event event = Event::kMore;
    size_t consumed = 0;
    std::string_view body;  // of kBody: inside the bytes that were given
  };

  // `to_head`: the request was a HEAD, whose answer has no body whatever it declares.
  explicit Http1Parser(bool to_head) : to_head_(to_head) {}

  // Reads on from the front of `bytes`; call again with what was not consumed, at once or later. UNAVAILABLE
  // "invalid_response"; nothing may be asked after that or after kEnd.
  StatusOr<Step> next(std::string_view bytes);
  // The connection ended: whether that completes the message.
  bool ends_at_close() const { return state_ == State::kUntilClose || state_ == State::kEnd; }

  int status() const { return status_; }
  const Headers& headers() const { return headers_; }  // of the final head, names in lower case
  bool head_complete() const { return head_complete_; }
  // After kEnd: the connection may carry another request.
  bool keeps_alive() const { return keeps_alive_; }

 private:
  enum class State {
    kStatusLine,
    kFields,
    kBodyByLength,
    kChunkSize,
    kChunkData,
    kChunkEnd,
    kTrailers,
    kUntilClose,
    kHeadDone,  // kHead was said, what kind of body follows is known
    kEnd
  };
  StatusOr<bool> take_line(std::string_view& bytes, std::string_view& line, size_t limit);
  StatusOr<Step> next_line(std::string_view& bytes);
  Status read_line(std::string_view line);
  Status read_status_line(std::string_view line);
  Status read_field(std::string_view line);
  Status end_fields();
  Status read_framing();
  Status read_chunk_size(std::string_view line);
  Step body_step(std::string_view& bytes);

  const bool to_head_;
  State state_ = State::kStatusLine;
  State after_head_ = State::kEnd;
  bool head_complete_ = false;
  bool keeps_alive_ = true;
  bool is_http_1_0_ = false;
  int status_ = 0;
  size_t head_bytes_ = 0;  // of all heads and the trailers
  size_t trailers_ = 0;
  uint64_t left_ = 0;  // bytes of the body, or of the chunk, to come
  Headers headers_;
  std::string line_;  // the beginning of a line whose end is not there yet
  bool line_done_ = false;
};

}  // namespace tau::net
