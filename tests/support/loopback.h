// Sockets on 127.0.0.1 for test servers. Blocking ones; each connection has a thread of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

namespace tau::test {

// Connects to a port of this machine; -1 when nobody listens.
int connect_to_loopback(uint16_t port);
// False when the peer is gone. Raises no SIGPIPE.
bool send_all(int fd, std::string_view bytes);
// Ends a connection with RST instead of FIN when it is closed.
void reset_on_close(int fd);

// Accepts connections, each served by `serve(fd, number)` on its own thread; the fd is closed when that
// returns. The destructor shuts every connection down and waits for the threads.
class LoopbackServer {
 public:
  using Serve = std::function<void(int fd, int number)>;
  explicit LoopbackServer(Serve serve);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  uint16_t port() const { return port_; }
  size_t connections() const;

 private:
  void accept_all();
  void run(int fd, int number);

  Serve serve_;
  int listener_ = -1;
  uint16_t port_ = 0;
  mutable std::mutex mutex_;
  bool stopping_ = false;
  std::vector<int> open_;
  std::vector<std::thread> workers_;
  std::thread acceptor_;
};

}  // namespace tau::test
