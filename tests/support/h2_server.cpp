// Frames of h2_server.h: nine bytes of head each, then the payload.
#include "support/h2_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "support/loopback.h"

namespace tau::test {
namespace {

constexpr size_t kPrefaceBytes = 24;  // "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
enum FrameType : uint8_t { kData = 0, kHeaders = 1, kReset = 3, kSettings = 4, kPing = 6, kGoAway = 7 };
constexpr uint8_t kAck = 0x1;
constexpr uint8_t kEndStream = 0x1;
constexpr uint8_t kEndHeaders = 0x4;
// ":status: 200" by its index; content-type by the index of its name, the value as it is.
constexpr std::string_view kHead = "\x88\x0f\x10\x11text/event-stream";

std::string big_endian(uint32_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += static_cast<char>((value >> shift) & 0xffu);
  return out;
}

uint32_t big_endian(std::string_view bytes) {
  uint32_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

std::string frame(FrameType type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string out = big_endian(static_cast<uint32_t>(payload.size()), 3);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  return out.append(big_endian(stream, 4)).append(payload);
}

bool receive(int fd, size_t size, std::string& out) {
  out.resize(size);
  return size == 0 || recv(fd, out.data(), size, MSG_WAITALL) == static_cast<ssize_t>(size);
}

}  // namespace

class H2Server::Impl {
 public:
  uint16_t port() const { return server_.port(); }
  size_t connections() const { return server_.connections(); }

  size_t streams() const {
    const std::lock_guard lock(mutex_);
    return streams_.size();
  }
  bool is_reset(const H2Stream& stream) const {
    const std::lock_guard lock(mutex_);
    return std::find(reset_.begin(), reset_.end(), stream) != reset_.end();
  }
  size_t open_connections() const {
    const std::lock_guard lock(mutex_);
    return open_.size();
  }
  H2Stream stream(size_t index) const {
    const std::lock_guard lock(mutex_);
    return streams_.at(index);
  }
  void send(int connection, std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    if (const auto it = open_.find(connection); it != open_.end()) send_all(it->second, bytes);
  }
  void close(int connection) {
    const std::lock_guard lock(mutex_);
    if (const auto it = open_.find(connection); it != open_.end()) shutdown(it->second, SHUT_RDWR);
  }

 private:
  void serve(int fd, int number) {
    std::string head;
    std::string payload;
    if (!receive(fd, kPrefaceBytes, head)) return;
    {
      const std::lock_guard lock(mutex_);
      open_[number] = fd;
    }
    send(number, frame(kSettings, 0, 0, ""));
    while (receive(fd, 9, head)) {
      if (!receive(fd, big_endian(std::string_view(head).substr(0, 3)), payload)) break;
      take(number, static_cast<FrameType>(head[3]), static_cast<uint8_t>(head[4]),
           big_endian(std::string_view(head).substr(5)), payload);
    }
    const std::lock_guard lock(mutex_);
    open_.erase(number);
  }
  void take(int number, FrameType type, uint8_t flags, uint32_t stream, const std::string& payload) {
    if (type == kSettings && (flags & kAck) == 0) send(number, frame(kSettings, kAck, 0, ""));
    if (type == kPing && (flags & kAck) == 0) send(number, frame(kPing, kAck, 0, payload));
    const std::lock_guard lock(mutex_);
    if (type == kHeaders) streams_.push_back({number, stream});
    if (type == kReset) reset_.push_back({number, stream});
  }

  mutable std::mutex mutex_;
  std::vector<H2Stream> streams_;
  std::vector<H2Stream> reset_;
  std::map<int, int> open_;  // connection number -> descriptor
  LoopbackServer server_{[this](int fd, int number) { serve(fd, number); }};
};

H2Server::H2Server() : impl_(std::make_unique<Impl>()) {}
H2Server::~H2Server() = default;

uint16_t H2Server::port() const { return impl_->port(); }
size_t H2Server::connections() const { return impl_->connections(); }
size_t H2Server::streams() const { return impl_->streams(); }
H2Stream H2Server::stream(size_t index) const { return impl_->stream(index); }
bool H2Server::is_reset(const H2Stream& stream) const { return impl_->is_reset(stream); }
size_t H2Server::open_connections() const { return impl_->open_connections(); }

void H2Server::head(const H2Stream& stream) {
  impl_->send(stream.connection, frame(kHeaders, kEndHeaders, stream.id, kHead));
}
void H2Server::data(const H2Stream& stream, std::string_view bytes) {
  impl_->send(stream.connection, frame(kData, 0, stream.id, bytes));
}
void H2Server::end(const H2Stream& stream) {
  impl_->send(stream.connection, frame(kData, kEndStream, stream.id, ""));
}
void H2Server::reset(const H2Stream& stream, H2Error error) {
  const std::string code = big_endian(static_cast<uint32_t>(error), 4);
  impl_->send(stream.connection, frame(kReset, 0, stream.id, code));
}
void H2Server::go_away(int connection, uint32_t last, H2Error error) {
  impl_->send(connection,
              frame(kGoAway, 0, 0, big_endian(last, 4) + big_endian(static_cast<uint32_t>(error), 4)));
}
void H2Server::close(int connection) { impl_->close(connection); }

}  // namespace tau::test
