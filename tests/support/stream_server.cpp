#include "support/stream_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tau::test {
namespace {

constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
constexpr std::string_view kOpen =
    R"(data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":")";
constexpr std::string_view kClose = "\"},\"finish_reason\":null}]}\n\n";
constexpr std::string_view kEnd =
    R"(data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}})"
    "\n\ndata: [DONE]\n\n";
constexpr size_t kMostPending = 256u << 10;

void append_chunk(std::string& out, std::string_view bytes) {
  char size[24];
  out.append(size, static_cast<size_t>(std::snprintf(size, sizeof size, "%zx\r\n", bytes.size())));
  out.append(bytes).append("\r\n");
}

struct Connection {
  int fd = -1;
  std::string in;
  std::string out;
  size_t sent = 0;
  long left = 0;  // pieces of content to come
  bool answering = false;
  std::string chunk;  // one piece

  enum class After { kOver, kWaits, kMore };
  // Fills the socket once: the others have their turn before `kMore`.
  After step() {
    for (bool filled = false;;) {
      if (!flush()) return After::kOver;
      if (sent < out.size()) return After::kWaits;  // until it is writable again
      if (filled && answering) return After::kMore;
      out.clear();
      sent = 0;
      if (answering) {
        fill();
        filled = true;
        continue;
      }
      if (!take_request()) {
        char buffer[65536];
        const ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) return After::kWaits;
        if (n <= 0) return After::kOver;
        in.append(buffer, static_cast<size_t>(n));
      }
    }
  }

 private:
  bool flush() {
    while (sent < out.size()) {
      const ssize_t n = send(fd, out.data() + sent, out.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0) return errno == EAGAIN;
      sent += static_cast<size_t>(n);
    }
    return true;
  }
  void fill() {
    for (; left > 0 && out.size() < kMostPending; --left) out += chunk;
    if (left > 0) return;
    append_chunk(out, kEnd);
    out += "0\r\n\r\n";
    answering = false;
  }
  bool take_request() {
    const size_t head = in.find("\r\n\r\n");
    if (head == in.npos) return false;
    size_t length = 0;
    for (const char* name : {"Content-Length: ", "content-length: "}) {
      const size_t at = in.find(name);
      if (at != in.npos && at < head) length = std::strtoul(in.c_str() + at + 16, nullptr, 10);
    }
    if (in.size() < head + 4 + length) return false;
    const size_t path = in.find(' ') + 1;
    const bool by_size = in.compare(path, 6, "/size/") == 0;
    const long n = std::strtol(in.c_str() + in.find('/', path + 1) + 1, nullptr, 10);
    const std::string content(by_size ? 1024 : 4, 'a');
    chunk.clear();
    append_chunk(chunk, std::string(kOpen) + content + std::string(kClose));
    left = by_size ? n / 1024 : n;
    in.erase(0, head + 4 + length);
    out = kHead;
    answering = true;
    return true;
  }
};

[[noreturn]] void serve(int listener) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.fd = listener;
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
  std::unordered_map<int, Connection> connections;
  std::vector<int> more;
  const auto step = [&](int fd) {
    switch (connections[fd].step()) {
      case Connection::After::kWaits: return;
      case Connection::After::kMore: more.push_back(fd); return;
      case Connection::After::kOver: break;
    }
    close(fd);
    connections.erase(fd);
  };
  for (;;) {
    epoll_event events[256];
    const int count = epoll_wait(epoll_fd, events, 256, more.empty() ? -1 : 0);
    for (const int fd : std::exchange(more, {})) step(fd);
    for (int i = 0; i < count; ++i) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) continue;
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        event.events = EPOLLIN | EPOLLOUT | EPOLLET;
        event.data.fd = fd;
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
        connections[fd].fd = fd;
        continue;
      }
      if (connections.count(fd) != 0) step(fd);
    }
  }
}

}  // namespace

StreamServer::StreamServer() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener, generic, size) != 0 || listen(listener, 4096) != 0 ||
      getsockname(listener, generic, &size) != 0)
    std::abort();
  port_ = ntohs(address.sin_port);
  pid_ = fork();
  if (pid_ == 0) serve(listener);
  close(listener);
}

StreamServer::~StreamServer() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

}  // namespace tau::test
