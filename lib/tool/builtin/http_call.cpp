#include "tool/builtin/http_call.h"

#include <algorithm>

namespace tau::tool {
namespace {

constexpr size_t kMaxHeaderBytes = 16 * 1024;  // of all names and values together

// Headers that carry credentials, frame the message, choose another receiver than the URL's, or turn a method
// into another behind the back of policy.
constexpr std::string_view kRefused[] = {"accept-encoding",
                                         "authorization",
                                         "connection",
                                         "content-length",
                                         "cookie",
                                         "cookie2",
                                         "expect",
                                         "forwarded",
                                         "host",
                                         "http2-settings",
                                         "keep-alive",
                                         "te",
                                         "trailer",
                                         "transfer-encoding",
                                         "upgrade",
                                         "via",
                                         "x-http-method",
                                         "x-http-method-override",
                                         "x-method-override"};
constexpr std::string_view kRefusedFamilies[] = {"proxy-", "sec-", "x-forwarded-", ":"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

Status check_header(const std::string& name, std::string_view value) {
  const std::string key = lower(name);
  const bool refused = std::find(std::begin(kRefused), std::end(kRefused), key) != std::end(kRefused) ||
                       std::any_of(std::begin(kRefusedFamilies), std::end(kRefusedFamilies),
                                   [&](std::string_view family) { return key.starts_with(family); });
  if (refused)
    return invalid_argument("header_not_allowed", format("the header {} may not be set by a call", name));
  const auto control = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < ' ' && c != '\t') || byte == 0x7f;
  };
  if (std::any_of(value.begin(), value.end(), control))
    return invalid_argument("header_not_allowed",
                            format("the value of the header {} holds a control character", name));
  return ok_status();
}

}  // namespace

bool is_mutating(std::string_view method) { return method != "GET" && method != "HEAD"; }

StatusOr<HttpCall> http_call(const json::Value& arguments) {
  HttpCall call;
  TAU_ASSIGN_OR_RETURN(const net::Url url, net::resolve_url(arguments["url"].as_string()));
  net::HttpRequest& request = call.request;
  request.url = url.origin() + url.target;
  request.method = arguments["method"].as_string("GET");
  request.body = arguments["body"].as_string();
  if (!request.body.empty() && (request.method == "GET" || request.method == "HEAD"))
    return invalid_argument("body_not_allowed", format("a {} has no body", request.method));
  size_t bytes = 0;
  bool has_type = false;
  for (const auto& [name, value] : arguments["headers"].as_object()) {
    TAU_RETURN_IF_ERROR(check_header(name, value.as_string()));
    bytes += name.size() + value.as_string().size();
    has_type = has_type || lower(name) == "content-type";
    request.headers.emplace_back(name, std::string(value.as_string()));
  }
  if (bytes > kMaxHeaderBytes)
    return invalid_argument("header_not_allowed",
                            format("the headers have more than {} bytes", kMaxHeaderBytes));
  if (!has_type && !request.body.empty()) {
    const char* type = json::parse(request.body).ok() ? "application/json" : "text/plain; charset=utf-8";
    request.headers.emplace_back("content-type", type);
  }
  call.options.max_body_bytes = static_cast<uint64_t>(arguments["max_bytes"].as_int(kDefaultFetchBytes));
  call.options.total_ms = arguments["timeout_ms"].as_int(kDefaultFetchMs);
  call.options.to_other_hosts = false;
  request.timeouts.idle_ms = 0;
  request.timeouts.first_byte_ms = 0;
  return call;
}

StatusOr<HttpCallTraits> http_call_traits(const json::Value& arguments) {
  HttpCallTraits traits;
  TAU_ASSIGN_OR_RETURN(traits.url, net::resolve_url(arguments["url"].as_string()));
  traits.method = arguments["method"].as_string("GET");
  traits.mutating = is_mutating(traits.method);
  return traits;
}

}  // namespace tau::tool
