// H2Server: the server's side of HTTP/2 (RFC 9113) over plain TCP, frame by frame as the test says. It stands
// behind a TlsFront that offers "h2". Requests are told apart by the order in which they come: their headers
// are not decoded.
//
//   ASSERT_TRUE(run_until([&] { return server.streams() == 1; }));
//   server.head(server.stream(0));
//   server.data(server.stream(0), "data: 1\n\n");
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

namespace tau::test {

struct H2Stream {
  int connection = 0;  // which accepted connection, from 0
  uint32_t id = 0;
  bool operator==(const H2Stream&) const = default;
};

enum class H2Error : uint32_t { kNoError = 0, kInternal = 2, kRefusedStream = 7, kCancel = 8 };

// Listens on 127.0.0.1, port from the kernel. All methods may be called from any thread.
class H2Server {
 public:
  H2Server();
  ~H2Server();
  H2Server(const H2Server&) = delete;
  H2Server& operator=(const H2Server&) = delete;

  uint16_t port() const;
  size_t connections() const;
  // Streams that clients have opened: how many, and each in their order.
  size_t streams() const;
  H2Stream stream(size_t index) const;
  // Whether the client has reset the stream.
  bool is_reset(const H2Stream& stream) const;
  // Connections that are not closed.
  size_t open_connections() const;

  void head(const H2Stream& stream);  // 200, text/event-stream
  void data(const H2Stream& stream, std::string_view bytes);
  void end(const H2Stream& stream);
  void reset(const H2Stream& stream, H2Error error);
  // No stream above `last` was or will be handled.
  void go_away(int connection, uint32_t last, H2Error error);
  void close(int connection);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tau::test
