// The codecs with text at both ends, for doors that pass JSON: bodies in a dialect to the neutral JSON of
// docs/schema and back, whole and streamed.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "wire/wire.h"

namespace tau::wire {

// Every function fails with INVALID_ARGUMENT "unknown_dialect" for a name that find_dialect does not know.
StatusOr<std::string> request_to_neutral(std::string_view dialect, std::string_view body);
StatusOr<std::string> neutral_to_request(std::string_view dialect, std::string_view neutral,
                                         const Quirks& quirks);
StatusOr<std::string> response_to_neutral(std::string_view dialect, std::string_view body,
                                          const Quirks& quirks);
StatusOr<std::string> neutral_to_response(std::string_view dialect, std::string_view neutral);
// The typed error of a non-2xx answer: {"code","reason","message","retryable","retry_after_ms"?,"details"?}.
// `headers`: a JSON object of strings, or empty; names in any case.
StatusOr<std::string> error_to_neutral(std::string_view dialect, int http_status, std::string_view headers,
                                       std::string_view body);

// What a non-2xx answer says with its headers (names in lower case): AWS names the error in one, and some
// servers say in others when to try again.
Status decode_http_error(const Dialect& dialect, int http_status, const HeaderList& headers,
                         std::string_view body);

// Quirks by name: {"done_mark_optional":true,…}; members not given keep their defaults. Unknown names fail.
StatusOr<Quirks> quirks_from_json(std::string_view text);

// Decodes the body of a response stream, framed as the dialect has it, in any split, to neutral event lines:
//   {"event":"text","part":0,"text":"…"}\n … {"event":"finish","response":{…}}\n
class StreamTranscoder {
 public:
  static StatusOr<std::unique_ptr<StreamTranscoder>> create(std::string_view dialect, const Quirks& quirks);
  ~StreamTranscoder();
  StreamTranscoder(const StreamTranscoder&) = delete;
  StreamTranscoder& operator=(const StreamTranscoder&) = delete;

  // Appends the lines that these bytes complete. A failure is sticky.
  Status feed(std::string_view bytes, std::string& lines);
  Status end(std::string& lines);

 private:
  struct Impl;
  explicit StreamTranscoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The reverse: neutral event lines to the bytes of a dialect's stream.
class StreamReencoder {
 public:
  static StatusOr<std::unique_ptr<StreamReencoder>> create(std::string_view dialect);
  ~StreamReencoder();
  StreamReencoder(const StreamReencoder&) = delete;
  StreamReencoder& operator=(const StreamReencoder&) = delete;

  // One line as StreamTranscoder writes it, in order; or {"event":"error","error":{…}} with an error as
  // error_to_neutral() writes it, which ends the stream as "finish" does.
  Status line(std::string_view text, std::string& bytes);
  // Lines in any split. A failure is sticky.
  Status feed(std::string_view text, std::string& bytes);
  // A failure "stream_truncated" when no line ended the stream.
  Status end(std::string& bytes);

 private:
  struct Impl;
  explicit StreamReencoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tau::wire
