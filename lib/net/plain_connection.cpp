// Sockets and pool of plain_connection.h.
#include "net/plain_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

namespace tau::net {
namespace {

constexpr int kKeepaliveIdleSeconds = 60;
constexpr size_t kMaxIdlePerOrigin = 64;

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

SocketAddress to_sockaddr(const Address& address) {
  SocketAddress out;
  if (address.is_v6) {
    sockaddr_in6 v6 = {};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    std::memcpy(&v6.sin6_addr, address.bytes, sizeof v6.sin6_addr);
    std::memcpy(&out.storage, &v6, sizeof v6);
    out.size = sizeof v6;
  } else {
    sockaddr_in v4 = {};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, address.bytes, sizeof v4.sin_addr);
    std::memcpy(&out.storage, &v4, sizeof v4);
    out.size = sizeof v4;
  }
  return out;
}

Status connect_failed(const Address& address, int error) {
  const Status why = errno_status(error, "connect");
  return unavailable("connect_failed", format("no connection to {}: {}", address.to_string(), why.message()));
}

void set_option(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof value);
}

iovec piece(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

}  // namespace

PlainConnection::PlainConnection(EventLoop& loop, PlainConnectionUser& user, std::string origin,
                                 const Address& peer, int fd)
    : loop_(loop), user_(user), origin_(std::move(origin)), peer_(peer), fd_(fd), born_ns_(loop.now_ns()) {}

PlainConnection::~PlainConnection() {
  if (events_ != 0) loop_.unwatch(fd_);
  close(fd_);
}

StatusOr<std::unique_ptr<PlainConnection>> PlainConnection::open(EventLoop& loop, PlainConnectionUser& user,
                                                                 std::string origin, const Address& peer) {
  const int fd = socket(peer.is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return connect_failed(peer, errno);
  std::unique_ptr<PlainConnection> made;
  try {
    made.reset(new PlainConnection(loop, user, std::move(origin), peer, fd));
  } catch (const std::bad_alloc&) {
    close(fd);
    throw;
  }
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepaliveIdleSeconds);
  const SocketAddress address = to_sockaddr(peer);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0) {
    made->connecting_ = false;
  } else if (errno != EINPROGRESS) {
    return connect_failed(peer, errno);
  }
  return made;
}

Status PlainConnection::finish_connecting() {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return connect_failed(peer_, error);
  connecting_ = false;
  return ok_status();
}

ssize_t PlainConnection::send(std::string_view first, std::string_view second) {
  iovec parts[] = {piece(first), piece(second)};
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = second.empty() ? 1 : 2;
  ssize_t sent = -1;
  do { sent = sendmsg(fd_, &message, MSG_NOSIGNAL); } while (sent < 0 && errno == EINTR);
  return sent;
}

ssize_t PlainConnection::receive(char* buffer, size_t size) {
  ssize_t got = -1;
  do { got = recv(fd_, buffer, size, 0); } while (got < 0 && errno == EINTR);
  return got;
}

bool PlainConnection::is_quiet() const {
  char byte = 0;
  return recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR);
}

Status PlainConnection::want(uint32_t events) {
  if (events == events_) return ok_status();
  if (events == 0) {
    loop_.unwatch(fd_);
  } else if (events_ != 0) {
    TAU_RETURN_IF_ERROR(loop_.rewatch(fd_, events));
  } else {
    TAU_RETURN_IF_ERROR(loop_.watch(fd_, events, [this](uint32_t ready) { user_.on_ready(*this, ready); }));
  }
  events_ = events;
  return ok_status();
}

int64_t PlainPool::end_of(const PlainConnection& connection) const {
  return std::min(connection.born_ns() + options_.max_connection_age_ms * kNanosPerMilli,
                  connection.idle_since_ns + options_.max_connection_idle_ms * kNanosPerMilli);
}

std::unique_ptr<PlainConnection> PlainPool::take(const std::string& origin) {
  for (size_t i = idle_.size(); i-- > 0;) {
    if (idle_[i]->origin() != origin) continue;
    std::unique_ptr<PlainConnection> found = std::move(idle_[i]);
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
    if (end_of(*found) > loop_.now_ns() && found->is_quiet()) return found;
  }
  return nullptr;
}

// The oldest makes way.
void PlainPool::make_room(const std::string& origin) {
  const auto is_there = [&](const auto& one) { return one->origin() == origin; };
  if (std::count_if(idle_.begin(), idle_.end(), is_there) >= static_cast<std::ptrdiff_t>(kMaxIdlePerOrigin))
    idle_.erase(std::find_if(idle_.begin(), idle_.end(), is_there));
  if (!idle_.empty() && idle_.size() >= static_cast<size_t>(std::max(options_.max_connections, 1)))
    idle_.erase(idle_.begin());
}

void PlainPool::put(std::unique_ptr<PlainConnection> connection) noexcept {
  const int64_t now = loop_.now_ns();
  connection->request = 0;
  connection->idle_since_ns = now;
  if (end_of(*connection) <= now) return;
  try {
    if (!connection->want(EPOLLIN).ok()) return;
    make_room(connection->origin());
    idle_.push_back(std::move(connection));
    arm();
  } catch (const std::bad_alloc&) {}  // a connection less
}

void PlainPool::drop(const PlainConnection& connection) noexcept {
  std::erase_if(idle_, [&](const auto& one) { return one.get() == &connection; });
}

void PlainPool::sweep() {
  timer_ = 0;
  const int64_t now = loop_.now_ns();
  std::erase_if(idle_, [&](const auto& one) { return end_of(*one) <= now; });
  arm();
}

// One timer for all: set for the one that ends first when it was set, which may be used before that.
void PlainPool::arm() {
  if (timer_ != 0 || idle_.empty()) return;
  int64_t first = INT64_MAX;
  for (const auto& one : idle_) first = std::min(first, end_of(*one));
  const OwnerScope nobody(0);
  timer_ = loop_.set_timer(first, [this] { sweep(); });
}

}  // namespace tau::net
