// PlainConnection: one TCP connection of the HTTP client without TLS, and PlainPool: those that wait for
// their next request. Private to net.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/net.h"

namespace tau::net {

class PlainConnection;

// Told of what happens on a connection. Must outlive it.
class PlainConnectionUser {
 public:
  virtual ~PlainConnectionUser() = default;
  virtual void on_ready(PlainConnection& connection, uint32_t epoll_events) = 0;
};

// Owner thread of the loop. Closes its socket, at once, when it dies.
class PlainConnection {
 public:
  // Begins to connect. UNAVAILABLE "connect_failed" with what the system said.
  static StatusOr<std::unique_ptr<PlainConnection>> open(EventLoop& loop, PlainConnectionUser& user,
                                                         std::string origin, const Address& peer);
  ~PlainConnection();
  PlainConnection(const PlainConnection&) = delete;
  PlainConnection& operator=(const PlainConnection&) = delete;

  bool connecting() const { return connecting_; }
  // Once it is writable: what came of connecting.
  Status finish_connecting();

  // As sendmsg() and recv() without blocking and without signals: -1 and errno.
  ssize_t send(std::string_view first, std::string_view second);
  ssize_t receive(char* buffer, size_t size);
  // Nothing waits to be read: no byte nobody asked for, no end.
  bool is_quiet() const;

  // EPOLLIN, EPOLLOUT, both, or 0: then not even an error is told.
  Status want(uint32_t events);

  const std::string& origin() const { return origin_; }
  const Address& peer() const { return peer_; }
  int64_t born_ns() const { return born_ns_; }

  int64_t idle_since_ns = 0;
  uint64_t request = 0;  // the one that it carries; 0: none

 private:
  PlainConnection(EventLoop& loop, PlainConnectionUser& user, std::string origin, const Address& peer,
                  int fd);

  EventLoop& loop_;
  PlainConnectionUser& user_;
  const std::string origin_;
  const Address peer_;
  const int fd_;
  const int64_t born_ns_;
  bool connecting_ = true;
  uint32_t events_ = 0;
};

// Idle connections, those used last at the end. A server that ends one, or speaks unasked, loses it at once.
class PlainPool {
 public:
  PlainPool(EventLoop& loop, const HttpClientOptions& options) : loop_(loop), options_(options) {}
  ~PlainPool() { loop_.cancel_timer(timer_); }
  PlainPool(const PlainPool&) = delete;
  PlainPool& operator=(const PlainPool&) = delete;

  // The one to that origin that was used last, or null.
  std::unique_ptr<PlainConnection> take(const std::string& origin);
  void put(std::unique_ptr<PlainConnection> connection) noexcept;
  void drop(const PlainConnection& connection) noexcept;

 private:
  using Idle = std::vector<std::unique_ptr<PlainConnection>>;
  void make_room(const std::string& origin);
  void sweep();
  void arm();
  int64_t end_of(const PlainConnection& connection) const;

  EventLoop& loop_;
  const HttpClientOptions& options_;
  Idle idle_;
  TimerId timer_ = 0;
};

}  // namespace tau::net
