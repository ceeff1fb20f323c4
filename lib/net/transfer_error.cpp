// The table of transfer_error.h.
#include "net/transfer_error.h"

#include <algorithm>

namespace tau::net {
namespace {

constexpr auto kTooLarge = static_cast<CURLcode>(100);  // CURLE_TOO_LARGE, libcurl 8.6

struct Meaning {
  CURLcode code;
  Code canonical;
  const char* reason;
  bool transient;  // a new try may help, provided that no byte of the response had arrived
};

constexpr Meaning kMeanings[] = {
    {CURLE_URL_MALFORMAT, Code::kInvalidArgument, "invalid_url", false},
    {CURLE_COULDNT_RESOLVE_PROXY, Code::kUnavailable, "dns_failed", true},
    {CURLE_COULDNT_RESOLVE_HOST, Code::kUnavailable, "dns_failed", true},
    {CURLE_COULDNT_CONNECT, Code::kUnavailable, "connect_failed", true},
    {CURLE_PROXY, Code::kUnavailable, "connect_failed", true},
    {CURLE_OPERATION_TIMEDOUT, Code::kDeadlineExceeded, "connect_timeout",
     true},  // its only timeout is that one
    {CURLE_SSL_CONNECT_ERROR, Code::kUnavailable, "tls_failed", true},
    {CURLE_PEER_FAILED_VERIFICATION, Code::kUnavailable, "tls_failed", false},
    {CURLE_SSL_CACERT_BADFILE, Code::kUnavailable, "tls_failed", false},
    {CURLE_SSL_CERTPROBLEM, Code::kUnavailable, "tls_failed", false},
    {CURLE_SSL_CIPHER, Code::kUnavailable, "tls_failed", false},
    {CURLE_SSL_ISSUER_ERROR, Code::kUnavailable, "tls_failed", false},
    {CURLE_SSL_INVALIDCERTSTATUS, Code::kUnavailable, "tls_failed", false},
    {CURLE_USE_SSL_FAILED, Code::kUnavailable, "tls_failed", false},
    {CURLE_GOT_NOTHING, Code::kUnavailable, "connection_reset", true},
    {CURLE_SEND_ERROR, Code::kUnavailable, "connection_reset", true},
    {CURLE_RECV_ERROR, Code::kUnavailable, "connection_reset", true},
    {CURLE_PARTIAL_FILE, Code::kUnavailable, "connection_reset", true},
    {CURLE_HTTP2, Code::kUnavailable, "connection_reset", true},
    {CURLE_HTTP2_STREAM, Code::kUnavailable, "connection_reset", true},
    {CURLE_UNSUPPORTED_PROTOCOL, Code::kUnavailable, "invalid_response",
     false},  // an answer that is not HTTP
    {CURLE_WEIRD_SERVER_REPLY, Code::kUnavailable, "invalid_response", false},
    {CURLE_BAD_CONTENT_ENCODING, Code::kUnavailable, "invalid_response", false},
    {kTooLarge, Code::kUnavailable, "invalid_response", false},
    {CURLE_FILESIZE_EXCEEDED, Code::kResourceExhausted, "response_too_large", false},
};
constexpr Meaning kCutOff = {CURLE_GOT_NOTHING, Code::kUnavailable, "connection_reset", true};
constexpr Meaning kMalformed = {CURLE_WEIRD_SERVER_REPLY, Code::kUnavailable, "invalid_response", false};
constexpr Meaning kForged = {CURLE_PEER_FAILED_VERIFICATION, Code::kUnavailable, "tls_failed", false};
constexpr Meaning kUnknown = {CURLE_OK, Code::kInternal, "transfer_failed", false};

const Meaning& meaning_of(CURLcode code, const TransferProgress& progress, std::string_view detail) {
  // Codes that stand for more than one thing: a head that was cut off is reported like a malformed one
  // (without any message), a malformed chunk like a broken connection, a header line beyond libcurl's limit
  // like lack of memory.
  if (code == CURLE_WEIRD_SERVER_REPLY && detail.empty() && !progress.head_complete) return kCutOff;
  if (code == CURLE_RECV_ERROR && detail.find("chunk") != std::string_view::npos) return kMalformed;
  if (code == CURLE_OUT_OF_MEMORY && progress.sent && !progress.head_complete) return kMalformed;
  // A certificate whose signature is false is reported by the first error that OpenSSL met on the way, one of
  // its cryptography and not of its TLS.
  if (code == CURLE_SSL_CONNECT_ERROR && detail.find(" routines:") != std::string_view::npos &&
      detail.find("SSL routines") == std::string_view::npos) {
    return kForged;
  }
  const auto* found = std::find_if(std::begin(kMeanings), std::end(kMeanings),
                                   [&](const Meaning& meaning) { return meaning.code == code; });
  return found == std::end(kMeanings) ? kUnknown : *found;
}

}  // namespace

Status transfer_failure(CURLcode code, const TransferProgress& progress, std::string_view origin,
                        std::string_view detail) {
  const Meaning& meaning = meaning_of(code, progress, detail);
  ErrorInfo info;
  info.code = meaning.canonical;
  info.reason = meaning.reason;
  info.retryable = meaning.transient && !progress.any_response;
  const char* stage = progress.head_complete  ? "in mid-response"
                      : progress.any_response ? "in the response head"
                      : progress.sent         ? "before the response"
                                              : "before the request was sent";
  const char* cause = &meaning == &kForged ? "the certificate's signature is false: " : "";
  info.message = format("{} at {} {}: {}{} (libcurl {})", meaning.reason, origin, stage, cause,
                        detail.empty() ? "no detail" : detail, static_cast<int>(code));
  return Status(std::move(info));
}

}  // namespace tau::net
