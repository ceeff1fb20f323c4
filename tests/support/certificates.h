// Certificates made at test time: an authority and what it vouches for. No key is ever written to disk.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tau::test {

struct Identity {  // PEM
  std::string certificate;
  std::string key;
};

class Authority {
 public:
  explicit Authority(const char* name = "test authority");
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  // Its own certificate, PEM: what a client is told to trust.
  std::string certificate() const;
  // A server's identity for host names and IP addresses ("DNS:…", "IP:…"), valid from yesterday on.
  Identity issue(const std::string& alternative_names, int64_t valid_days = 30) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tau::test
