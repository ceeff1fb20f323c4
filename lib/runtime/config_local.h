// Servers on this machine that may answer for a model: who listens where, and what they offer. Private to
// runtime.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config.h"

namespace tau::runtime {

struct Listener {
  net::Address address;
  uint32_t uid = 0;
};
// The listening sockets of /proc/net/tcp or tcp6 (Documentation/networking/proc_net_tcp.rst); lines that are
// none are skipped.
std::vector<Listener> parse_listeners(std::string_view text);

// Whether a connection to 127.0.0.1:`port` finds a listener, and only such as belong to `uid` or root.
enum class Trust : uint8_t { kNobody, kForeign, kOurs };
Trust judge_port(std::span<const Listener> listeners, uint16_t port, uint32_t uid);

struct LocalServer {
  std::string provider;
  std::string base_url;
  uint16_t port = 0;
};
// The known providers without a key on 127.0.0.1, in the order in which they are preferred.
std::vector<LocalServer> known_local_servers();

// The first model that an answer to GET /models names as "provider/model", or "".
std::string first_model(std::string_view provider, std::string_view body);

// Asks all at once; the answer of the most preferred one that gives any within `timeout_ms`.
std::optional<Detected> ask_servers(std::span<const LocalServer> servers, Clock& clock, int64_t timeout_ms);

}  // namespace tau::runtime
