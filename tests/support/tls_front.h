// TlsFront: TLS in front of a plain test server: it decrypts, and passes every byte, end and reset on in both
// directions.
//
//   TlsFront front({.identity = authority.issue("DNS:localhost")}, server.port());
//   ... a request to front.url("localhost", "/x") ...
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "support/certificates.h"

namespace tau::test {

struct TlsOptions {
  enum class Fault : uint8_t {
    kNone,
    kSilent,        // accepts the connection and never says anything
    kCloseOnHello,  // ends the connection when it has read the client's first bytes
    kResetOnHello,
    kResetAfterHandshake,  // answers the handshake, reads nothing and resets
  };
  Identity identity = {};
  Fault fault = Fault::kNone;
  bool old_versions_only = false;           // TLS 1.0 and 1.1
  std::vector<std::string> protocols = {};  // ALPN, best first; empty: no ALPN
};

class TlsFront {
 public:
  TlsFront(TlsOptions options, uint16_t backend_port);
  ~TlsFront();
  TlsFront(const TlsFront&) = delete;
  TlsFront& operator=(const TlsFront&) = delete;

  uint16_t port() const;
  std::string url(const std::string& host, const std::string& target = "/") const;
  size_t connections() const;
  // Handshakes that were completed.
  size_t handshakes() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tau::test
