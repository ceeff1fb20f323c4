// The rules of request_rules.h.
#include "net/request_rules.h"

#include <algorithm>
#include <cstring>

namespace tau::net {
namespace {

constexpr size_t kMaxLengthDigits = 18;  // fits 63 bits

// Headers that frame the message or name its receiver; the client writes them. Letting callers set them would
// open request smuggling and let a request reach another virtual host than the one policy saw.
constexpr std::string_view kOwnHeaders[] = {
    "accept-encoding", "connection",        "content-length", "expect", "host", "keep-alive", "te",
    "trailer",         "transfer-encoding", "upgrade"};

bool is_own_header(const std::string& name) {
  return std::find(std::begin(kOwnHeaders), std::end(kOwnHeaders), name) != std::end(kOwnHeaders);
}

}  // namespace

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_token(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), allowed);
}

Status check_header(std::string_view name, std::string_view value) {
  if (!is_token(name)) return invalid_argument("invalid_request", format("bad header name \"{}\"", name));
  const auto breaks_line = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
  if (std::none_of(value.begin(), value.end(), breaks_line)) return ok_status();
  return invalid_argument("invalid_request", format("the value of header {} holds CR, LF or NUL", name));
}

Status check_request(const HttpRequest& request) {
  if (!is_token(request.method)) return invalid_argument("invalid_request", "the method is not a token");
  const std::string credential_header =
      request.credential_id.empty() ? "" : to_lower(request.credential_header);
  for (const auto& [name, value] : request.headers) {
    const std::string key = to_lower(name);
    if (is_own_header(key)) {
      return invalid_argument("invalid_request", format("header {} is set by libtau, not by requests", name));
    }
    if (key == credential_header) {
      return invalid_argument("invalid_request", format("header {} is the credential's; leave it out", name));
    }
  }
  return ok_status();
}

Status egress_denied(const Status& why) {
  return why.reason().starts_with("egress_") ? why : permission_denied("egress_denied", why.message());
}

Status check_egress(EgressPolicy& egress, const Url& url, const HttpRequest& request) {
  Status verdict = egress.check_url(url);
  if (verdict.ok()) verdict = egress.check_content(url, url.target);
  for (const auto& [name, value] : request.headers)
    if (verdict.ok()) verdict = egress.check_content(url, value);
  if (verdict.ok()) verdict = egress.check_content(url, request.body);
  return verdict.ok() ? ok_status() : egress_denied(verdict);
}

bool carries_body(const HttpRequest& request) {
  const std::string& method = request.method;
  return !request.body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
}

bool is_this_machine(const std::string& host) {
  const StatusOr<Address> address = parse_address(host, 0);
  return address.ok() ? address->is_loopback() : host == "localhost" || host.ends_with(".localhost");
}

Status invalid_response(std::string_view what) { return {Code::kUnavailable, "invalid_response", what}; }

// libcurl takes a length that cannot be read to mean the end of the connection, and a body that was cut off
// would pass for whole.
Status check_framing(const Headers& headers, bool may_be_encoded) {
  const std::string* length = nullptr;
  for (const auto& [name, value] : headers) {
    if (name == "content-encoding" && to_lower(value) != "identity" && !may_be_encoded) {
      return invalid_response(format("the body is encoded ({}), which was not asked for", value));
    }
    if (name != "content-length") continue;
    const bool digits = value.find_first_not_of("0123456789") == std::string::npos;
    if (value.empty() || value.size() > kMaxLengthDigits || !digits) {
      return invalid_response(format("content-length is \"{}\"", value));
    }
    if (length != nullptr && *length != value) {
      return invalid_response(format("content-length is {} and {} at once", *length, value));
    }
    length = &value;
  }
  return ok_status();
}

}  // namespace tau::net
