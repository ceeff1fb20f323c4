// next_request: the rules of redirects, without any I/O.
#include <algorithm>

#include "net/net.h"

namespace tau::net {
namespace {

// What may go along to another origin. All else may say who asks.
constexpr std::string_view kHarmless[] = {"accept", "accept-language", "content-language", "content-type",
                                          "user-agent"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_harmless(const std::string& name) {
  return std::find(std::begin(kHarmless), std::end(kHarmless), lower(name)) != std::end(kHarmless);
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool becomes_get(int status, const std::string& method) {
  if (status == 303) return method != "GET" && method != "HEAD";
  return (status == 301 || status == 302) && method == "POST";
}

void make_get(HttpRequest& request) {
  request.method = "GET";
  request.body.clear();
  std::erase_if(request.headers,
                [](const auto& header) { return lower(header.first).starts_with("content-"); });
}

void leave_origin(HttpRequest& request) {
  request.credential_id.clear();
  std::erase_if(request.headers, [](const auto& header) { return !is_harmless(header.first); });
}

}  // namespace

StatusOr<std::optional<HttpRequest>> next_request(const HttpRequest& sent, int status,
                                                  const Headers& headers) {
  const std::string* location = nullptr;
  for (const auto& [name, value] : headers) {
    if (name != "location") continue;
    if (location != nullptr && *location != value)
      return invalid_argument("redirect_invalid", "the answer has two locations that differ");
    location = &value;
  }
  if (!is_redirect(status) || location == nullptr) return std::optional<HttpRequest>();
  TAU_ASSIGN_OR_RETURN(const Url from, parse_url(sent.url));
  const StatusOr<Url> to = resolve_url(*location, from.origin() + from.target);
  if (!to.ok())
    return invalid_argument("redirect_invalid", format("{} redirects to what cannot be followed: {}",
                                                       from.origin(), to.status().message()));
  if (from.scheme == "https" && to->scheme == "http")
    return permission_denied("redirect_downgrade", format("{} redirects to {}: https never leads to http",
                                                          from.origin(), to->origin()));
  HttpRequest next = sent;
  next.url = to->origin() + to->target;
  if (becomes_get(status, sent.method)) make_get(next);
  if (to->origin() == from.origin()) return std::optional(std::move(next));
  if (!next.body.empty())
    return permission_denied("redirect_refused",
                             format("{} redirects a request with a body to {}", from.origin(), to->origin()));
  leave_origin(next);
  return std::optional(std::move(next));
}

}  // namespace tau::net
