// Proxy: accepting, and what its connections share.
#include "net/proxy.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "net/proxy_connection.h"

namespace tau::net {
namespace {

constexpr int64_t kOutOfFilesNs = 100 * kNanosPerMilli;  // before accepting is tried again

class RunningProxy final : public Proxy, public ProxyOwner {
 public:
  RunningProxy(EventLoop& loop, HttpClient& client, int listener, ProxyLimits limits, Reports reports)
      : loop_(loop), client_(client), listener_(listener), limits_(limits), reports_(std::move(reports)) {}
  ~RunningProxy() override;
  Status watch();

 private:
  void accept_all();
  void accept_while(bool wanted);
  bool charge(uint64_t bytes) override;
  const ProxyLimits& limits() const override { return limits_; }
  void decided(const ProxyRecord& record) override {
    if (reports_.decided) reports_.decided(record);
  }
  void ended(ProxyConnection& connection, const ProxyRecord& record) override;

  EventLoop& loop_;
  HttpClient& client_;
  const int listener_;
  const ProxyLimits limits_;
  Reports reports_;
  std::vector<std::unique_ptr<ProxyConnection>> connections_;
  uint64_t bytes_ = 0;
  bool accepting_ = true;
  TimerId retry_ = 0;
};

RunningProxy::~RunningProxy() {
  loop_.cancel_timer(retry_);
  loop_.unwatch(listener_);
  close(listener_);
  for (const auto& connection : connections_)
    if (reports_.ended) reports_.ended(connection->record());
}

Status RunningProxy::watch() {
  return loop_.watch(listener_, EPOLLIN, [this](uint32_t) { accept_all(); });
}

void RunningProxy::accept_while(bool wanted) {
  if (accepting_ == wanted) return;
  accepting_ = wanted;
  (void)loop_.rewatch(listener_, wanted ? static_cast<uint32_t>(EPOLLIN) : 0u);
}

void RunningProxy::accept_all() {
  while (connections_.size() < static_cast<size_t>(limits_.max_connections)) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      auto connection = std::make_unique<ProxyConnection>(loop_, client_, *this, fd);
      if (connection->begin().ok()) connections_.push_back(std::move(connection));
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN) return;
    // No descriptor or memory is left: the queue of the listener keeps them.
    accept_while(false);
    if (retry_ == 0)
      retry_ = loop_.set_timer(loop_.now_ns() + kOutOfFilesNs, [this] {
        retry_ = 0;
        accept_while(true);
      });
    return;
  }
  accept_while(false);
}

bool RunningProxy::charge(uint64_t bytes) {
  bytes_ += bytes;
  return limits_.max_bytes == 0 || bytes_ <= limits_.max_bytes;
}

// The connection is on the stack: it goes in a turn to come.
void RunningProxy::ended(ProxyConnection& connection, const ProxyRecord& record) {
  const auto at = std::ranges::find_if(connections_, [&](const auto& c) { return c.get() == &connection; });
  if (at == connections_.end()) return;
  loop_.post([gone = std::shared_ptr<ProxyConnection>(std::move(*at))] {});
  connections_.erase(at);
  if (retry_ == 0) accept_while(true);
  if (reports_.ended) reports_.ended(record);
}

}  // namespace

StatusOr<std::unique_ptr<Proxy>> Proxy::serve(EventLoop& loop, HttpClient& client, int listener,
                                              ProxyLimits limits, Reports reports) {
  auto proxy = std::make_unique<RunningProxy>(loop, client, listener, limits, std::move(reports));
  TAU_RETURN_IF_ERROR(proxy->watch());
  return std::unique_ptr<Proxy>(std::move(proxy));
}

}  // namespace tau::net
