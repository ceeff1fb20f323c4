// Which places may be reached: rules as a value, judged without I/O. Part of the face of safety.
//
// A place is judged twice: by its URL before anything is sent, and by the address that a connection goes to,
// at each connect and at each reuse. The second cannot be talked around: no spelling, redirect or resolver
// changes what a socket address is.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "net/net.h"

namespace tau::safety {

// Hosts are written "example.com" (that host), "*.example.com" (all below it, not itself), or as an IP
// address.
struct EgressRules {
  std::vector<std::string> schemes = {"https"};  // of "http" and "https"
  // The scheme's own port (443, 80) is always among them. `any_port` lets all pass.
  std::vector<uint16_t> ports = {};
  bool any_port = false;
  std::vector<std::string> hosts = {};         // the only ones that may be reached; empty: all public ones
  std::vector<std::string> denied_hosts = {};  // win over everything
  // "http://127.0.0.1:8080": may be reached whatever its scheme, port and host, at private addresses too.
  // Never at addresses of metadata services and link-local ones.
  std::vector<std::string> granted_origins = {};
  // The proxy that carries the requests, if there is one: connections may go to it, requests not. What lies
  // behind it the proxy resolves and must guard.
  std::string proxy = {};
};

// What a place is to policy.
enum class EgressPlace : uint8_t {
  kPublic,   // its addresses have to be public ones
  kGranted,  // granted by name: it may be private
};

// The rules, compiled. The refusals are PERMISSION_DENIED with a stable reason and a message that names
// origin and address:
//   egress_host             the host is denied, or not among the ones allowed
//   egress_scheme           the scheme is not allowed
//   egress_port             the port is not allowed
//   egress_reserved_name    a name that never is a public host: localhost, *.local, *.internal, …
//   egress_private_address  an address that is not public: loopback, private, link-local, reserved, …
//   egress_metadata         an address of a metadata service, or a link-local one
// Immutable; any thread.
class Egress final : public net::EgressPolicy {
 public:
  // INVALID_ARGUMENT "invalid_egress_rule" names what is wrong.
  static StatusOr<Egress> compile(const EgressRules& rules);

  Status check_url(const net::Url& url) override { return judge(url); }
  Status check_address(const net::Url& url, const net::Address& address) override {
    return judge(url, address);
  }
  Status judge(const net::Url& url) const;
  Status judge(const net::Url& url, const net::Address& address) const;
  EgressPlace place(const net::Url& url) const {
    return is_granted(url) ? EgressPlace::kGranted : EgressPlace::kPublic;
  }

 private:
  struct Origin {
    std::string scheme;
    std::string host;
    uint16_t port = 0;
    bool is_of(const net::Url& url) const {
      return port == url.port && host == url.host && scheme == url.scheme;
    }
  };
  struct Hosts {
    std::vector<std::string> exact;     // sorted
    std::vector<std::string> suffixes;  // with the dot: ".example.com"
    bool has(std::string_view host) const;
    bool empty() const { return exact.empty() && suffixes.empty(); }
  };
  static StatusOr<Origin> compile_origin(const std::string& text);
  static Status compile_hosts(const std::vector<std::string>& patterns, Hosts& out);
  bool is_granted(const net::Url& url) const;

  bool http_ = false;
  bool https_ = false;
  bool any_port_ = false;
  std::vector<uint16_t> ports_;
  Hosts hosts_;
  Hosts denied_;
  std::vector<Origin> granted_;
  Origin proxy_;
};

// An address at which clouds tell whatever runs inside who it is and give it credentials, or a link-local
// one; in any IPv6 form that carries an IPv4 address, too.
bool is_metadata_address(const net::Address& address);

// A name that never is a host on the public Internet (RFC 6761, 6762, 7686, 8375, 9476, and ICANN's
// .internal).
bool is_reserved_name(std::string_view host);

// What a text that should be a URL is to the rules, for hosts that judge before they send:
// {"verdict":"allow"|"deny"|"resolve","reason":…,"message":…,"url":…,"host":…,"port":…,"address":…,
//  "user_information":bool}. Denied are texts that are no URL of http or https (no url, then) and what the
// rules refuse. "resolve": nothing speaks against the name, its addresses decide. "address": whether the host
// is one. `base`: what the text is relative to; may be empty. `addresses`: what the host's name resolved to;
// IP addresses, else INVALID_ARGUMENT "invalid_address".
StatusOr<std::string> egress_verdict_json(const Egress& rules, std::string_view text,
                                          std::string_view base = {},
                                          std::span<const std::string> addresses = {});

}  // namespace tau::safety
