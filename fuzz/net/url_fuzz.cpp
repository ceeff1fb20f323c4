// URLs and IP addresses: what is accepted is canonical and stays so when parsed again.
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto url = tau::net::parse_url(text); url.ok()) {
    require(url->port != 0 && !url->host.empty() && url->target.front() == '/');
    require(url->host.find_first_of("@/\\%#? []") == std::string::npos);
    const auto again = tau::net::parse_url(url->origin() + url->target);
    require(again.ok() && again->origin() == url->origin() && again->target == url->target);
  }
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
