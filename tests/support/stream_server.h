// StreamServer: a model server that is faster than what it measures. A process of its own, so that neither
// its memory nor its time is counted; one thread, epoll. It records nothing.
//
// It answers any POST with a stream of OpenAI chat completions. The path says how: /events/N/... makes N
// pieces of content before the end; /size/N/... makes one answer of N bytes of content in pieces of a
// kilobyte, as fast as the socket takes them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace tau::test {

class StreamServer {
 public:
  // Forks: before any thread of this process holds a lock that matters.
  StreamServer();
  ~StreamServer();
  StreamServer(const StreamServer&) = delete;
  StreamServer& operator=(const StreamServer&) = delete;

  uint16_t port() const { return port_; }
  std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }

 private:
  uint16_t port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace tau::test
