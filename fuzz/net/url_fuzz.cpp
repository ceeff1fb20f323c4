// URLs, references, redirects and IP addresses: what is accepted is canonical and stays so when parsed again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/net.h"

namespace {

void require(bool law) {
  if (!law) std::abort();
}

using tau::net::HttpRequest;

// The input is a base and a reference, apart at the first line end (or the whole is both).
void check_reference(const std::string& text) {
  const size_t end = text.find('\n');
  const std::string base = text.substr(0, end);
  const std::string reference = end == std::string::npos ? text : text.substr(end + 1);
  const auto read = tau::net::read_reference(reference, base);
  const auto url = tau::net::resolve_url(reference, base);
  require(read.ok() || !url.ok());
  if (!url.ok()) return;
  require(!read->user_information && !read->disguised && read->url.host == url->host);
  const std::string whole = url->origin() + url->target;
  const auto strict = tau::net::parse_url(whole);
  require(strict.ok() && strict->origin() == url->origin() && strict->target == url->target);
  const auto again = tau::net::resolve_url(whole, base);
  require(!again.ok() || again->origin() + again->target == whole);
}

// Whatever a server says, a hop leads to a URL that the strict parser takes, not from https to http, and to
// another origin with nothing that tells who asks.
void check_redirect(const std::string& location) {
  for (const int status : {301, 302, 303, 307, 308}) {
    HttpRequest sent;
    sent.url = "https://h.example/a/b";
    sent.body = "body";
    sent.headers = {{"x-secret", "s"}};
    sent.credential_id = "c";
    const auto next = tau::net::next_request(sent, status, {{"location", location}});
    if (!next.ok()) continue;
    require(next->has_value());
    const auto url = tau::net::parse_url((*next)->url);
    require(url.ok() && url->scheme == "https");
    if (url->origin() == "https://h.example:443") continue;
    require((*next)->headers.empty() && (*next)->credential_id.empty() && (*next)->body.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto url = tau::net::parse_url(text); url.ok()) {
    require(url->port != 0 && !url->host.empty() && url->target.front() == '/');
    require(url->host.find_first_of("@/\\%#? []") == std::string::npos);
    const auto again = tau::net::parse_url(url->origin() + url->target);
    require(again.ok() && again->origin() == url->origin() && again->target == url->target);
  }
  check_reference(text);
  check_redirect(text);
  if (const auto address = tau::net::parse_address(text, 80); address.ok()) {
    require(!address->is_loopback() || address->is_private());
    std::string shown = address->to_string();
    shown.resize(shown.size() - 3);  // ":80"
    if (address->is_v6) shown = shown.substr(1, shown.size() - 2);
    const auto again = tau::net::parse_address(shown, 80);
    require(again.ok() && again->to_string() == address->to_string());
  }
  return 0;
}
