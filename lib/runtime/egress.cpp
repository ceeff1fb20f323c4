// The egress policy of the runtime: which URLs may be asked, at which addresses.
#include <algorithm>
#include <cstring>

#include "runtime/config.h"
#include "runtime/config_state.h"

namespace tau::runtime {
namespace {

constexpr bool starts_with(const uint8_t* bytes, std::initializer_list<uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), bytes);
}

// The IPv4 address inside a mapped, compatible, NAT64 (RFC 6052, 8215), 6to4 or ISATAP form, or null. Teredo
// hides the client's address by inversion and is no route to a host: see is_metadata.
const uint8_t* embedded_v4(const net::Address& address) {
  const uint8_t* b = address.bytes;
  if (!address.is_v6) return b;
  if (starts_with(b, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})) return b + 12;
  if (starts_with(b, {0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0})) return b + 12;
  if (starts_with(b, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})) return b + 12;
  if (starts_with(b, {0x00, 0x64, 0xff, 0x9b})) return b + 12;
  if (starts_with(b, {0x20, 0x02})) return b + 2;
  if (starts_with(b + 8, {0x00, 0x00, 0x5e, 0xfe}) || starts_with(b + 8, {0x02, 0x00, 0x5e, 0xfe}))
    return b + 12;
  return nullptr;
}

// Link-local addresses, and those at which clouds serve credentials to whatever runs inside.
bool is_metadata(const net::Address& address) {
  if (const uint8_t* v4 = embedded_v4(address)) {
    if (starts_with(v4, {169, 254}) || starts_with(v4, {100, 100, 100, 200}) ||
        starts_with(v4, {168, 63, 129, 16}) || starts_with(v4, {192, 0, 0, 192}))
      return true;
  }
  if (!address.is_v6) return false;
  const uint8_t* b = address.bytes;
  if (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) return true;  // fe80::/10
  if (starts_with(b, {0x20, 0x01, 0x00, 0x00})) {          // Teredo: the inverted IPv4 address stands last
    return (b[12] ^ 0xff) == 169 && (b[13] ^ 0xff) == 254;
  }
  static constexpr uint8_t kAws[16] = {0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};
  static constexpr uint8_t kGoogle[16] = {0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};
  return std::memcmp(b, kAws, 16) == 0 || std::memcmp(b, kGoogle, 16) == 0;
}

class ConfigEgress final : public net::EgressPolicy {
 public:
  explicit ConfigEgress(const Config& config) {
    for (const auto& known : provider::known_providers())
      if (known.base_url.starts_with("http:")) grant(known.base_url);
    // A project's file can name none of these: it is refused before layers are merged.
    for (const auto& [name, values] : config.document()["providers"].as_object())
      grant(values["base_url"].as_string());
    const NetworkConfig network = config.network();
    for (const std::string& origin : network.private_origins) grant(origin);
    grant(network.proxy);
    std::sort(granted_.begin(), granted_.end());
  }

  Status check_url(const net::Url& url) override {
    if (url.scheme == "https" || is_granted(url)) return ok_status();
    return permission_denied("egress_denied",
                             format("{}: http is allowed only to base URLs of configured providers and to "
                                    "network.private_origins; use https",
                                    url.origin()));
  }

  Status check_address(const net::Url& url, const net::Address& address) override {
    TAU_RETURN_IF_ERROR(check_url(url));
    if (is_metadata(address))
      return permission_denied(
          "egress_denied", format("{} leads to {}, a link-local or metadata address; these are never reached",
                                  url.origin(), address.to_string()));
    if (!address.is_private() || is_granted(url)) return ok_status();
    return permission_denied("egress_denied", format("{} leads to the private address {}; list the origin in "
                                                     "network.private_origins to allow it",
                                                     url.origin(), address.to_string()));
  }

 private:
  void grant(std::string_view text) {
    const auto url = net::parse_url(text);
    if (url.ok()) granted_.push_back(url->origin());
  }
  bool is_granted(const net::Url& url) const {
    return std::binary_search(granted_.begin(), granted_.end(), url.origin());
  }

  std::vector<std::string> granted_;  // sorted
};

}  // namespace

std::unique_ptr<net::EgressPolicy> make_egress_policy(const Config& config) {
  return std::make_unique<ConfigEgress>(config);
}

}  // namespace tau::runtime
