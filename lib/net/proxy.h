// A forward proxy over HTTP for what has no network of its own. Part of the face of net.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/base.h"

namespace tau::net {

class EventLoop;
class HttpClient;

struct ProxyLimits {
  int max_connections = 64;                // at once; more wait to be accepted
  uint64_t max_bytes = uint64_t{4} << 30;  // of all connections, both ways; beyond it all end; 0: no limit
  int64_t head_ms = 15'000;                // for a whole request head
  int64_t connect_ms = 10'000;
  int64_t idle_ms = 300'000;  // a connection on which nothing moves
};

// What became of one connection.
struct ProxyRecord {
  enum class Decision : uint8_t {
    kNone,     // it ended before anything was asked
    kAllowed,  // whether or not it could be made then
    kRefused,  // by the rules, for its form, or for what the command had sent already
  };
  std::string host;  // asked for; empty when the request could not be read
  uint16_t port = 0;
  bool tunnel = false;          // by CONNECT; else a request over http
  uint64_t sent_bytes = 0;      // to the server
  uint64_t received_bytes = 0;  // from it
  Decision decision = Decision::kNone;
  // "ok": it was connected. Else why not, or why it was ended: "egress_host", "dns_failed", "proxy_bytes", …
  std::string verdict;
};

// Takes CONNECT and http requests in absolute form (RFC 9110, 9112) from a listening socket, one at a time on
// each connection, and connects through `client`, so that whatever that client's egress policy refuses is
// refused here: by URL, by the address at connect, and by what the head of an http request holds. Names are
// resolved there, too. What is refused is answered with a status and the reason as text. A tunnel is allowed
// as https, or else as http, to that host and port; what goes through it is not read.
//
// Owner thread of the loop. Loop and client must outlive it.
class Proxy {
 public:
  using Report = UniqueFunction<void(const ProxyRecord&)>;

  // `listener`: a listening stream socket; it is taken over, and closed when this fails, too. `decided` is
  // called once it is known whether a connection is made, `ended` when it ends, for those that still stand
  // from the destructor.
  struct Reports {
    Report decided = nullptr;
    Report ended = nullptr;
  };
  static StatusOr<std::unique_ptr<Proxy>> serve(EventLoop& loop, HttpClient& client, int listener,
                                                ProxyLimits limits, Reports reports);
  // Closes everything.
  virtual ~Proxy() = default;
};

}  // namespace tau::net
