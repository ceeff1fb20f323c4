#include "runtime/network_audit.h"

namespace tau::runtime {

using Decision = net::ProxyRecord::Decision;

std::string connection_target(const net::ProxyRecord& connection) {
  return connection.host.empty() ? std::string() : format("{}:{}", connection.host, connection.port);
}

bool NetworkAudit::tell(const net::ProxyRecord& connection, std::string_view target) {
  std::string key = format("{} {}", connection.verdict, target);
  if (told_.contains(key)) return false;
  if (told_.size() >= kMostTold) {
    ++untold_;
    return false;
  }
  told_.insert(std::move(key));
  return true;
}

void NetworkAudit::count(const net::ProxyRecord& connection) noexcept {
  if (connection.decision == Decision::kNone) return;
  ++(connection.decision == Decision::kRefused ? refused_ : allowed_);
  sent_bytes_ += static_cast<int64_t>(connection.sent_bytes);
  received_bytes_ += static_cast<int64_t>(connection.received_bytes);
}

}  // namespace tau::runtime
