// The request that comes back to a login's listener: a code is taken only from one GET of the listener's own
// path and host with the login's own state, and it is printable.
#include <cstddef>
#include <cstdint>
#include <string>

#include "law.h"
#include "provider/oauth.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tau::fuzz::require;
  const std::string_view head(reinterpret_cast<const char*>(data), size);
  const tau::provider::RedirectRules rules = {
      .path = "/callback", .host = "127.0.0.1:5000", .state = "s3cr", .issuer = size % 2 == 0 ? "" : "i"};
  const auto code = tau::provider::read_redirect(head, rules);
  if (!code.ok()) {
    require(!code.status().reason().empty() && code.status().message().size() < 400);
    return 0;
  }
  require(tau::provider::is_whole_head(head) && size <= tau::provider::kMaxRedirectBytes);
  require(head.starts_with("GET /callback?") && head.find("127.0.0.1:5000") != head.npos);
  require(!code->empty());
  code->reveal([](std::string_view text) {
    for (const char c : text) require(c >= ' ' && c <= '~');
  });
  // With another state nothing is taken.
  auto other = rules;
  other.state = "s3cR";
  require(!tau::provider::read_redirect(head, other).ok());
  return 0;
}
