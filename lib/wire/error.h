// What providers say went wrong, as typed errors: one classifier for every dialect.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wire/wire.h"

namespace tau::wire {

// What was found of an error, whatever its envelope.
struct ProviderError {
  int http_status = 0;  // 0: unknown, as inside a stream
  std::string type;
  std::string code;
  std::string param;
  std::string reason;  // of a google.rpc.ErrorInfo
  std::string message;
  int64_t retry_after_ms = -1;
};

// Reads an error body: {"error":{…}}, {"error":"…"}, {"detail":…}, {"message":…}, an array of one of these,
// HTML, plain text, or nothing.
ProviderError read_error(int http_status, std::string_view body);
// Reads a JSON value that stands where an error is expected: an object, or a string.
ProviderError read_error_value(int http_status, const json::Value& value);

// The status of that error. Without an HTTP status and a known type the reason is "provider_error".
Status error_status(const ProviderError& error);
// The same for an error inside a 200 answer; a numeric code counts as the HTTP status.
Status stream_error_status(const json::Value& value);

// A stream or body that is not what the dialect says. Retryable: it is mostly damage on the way.
Status bad_response(std::string_view what);
Status stream_truncated(std::string_view missing);

// A failure's reason as the error type of the OpenAI and Anthropic APIs.
std::string_view openai_error_type(const Status& status);
std::string_view anthropic_error_type(const Status& status);

}  // namespace tau::wire
