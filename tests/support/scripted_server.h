// ScriptedServer: a loopback HTTP/1.1 server that records what it is asked and answers exactly as the test
// says, faults included. It stops where the test wants it to (gates), so that no test ever sleeps.
//
//   ScriptedServer server;
//   server.enqueue(Reply::sse().event("{\"n\":1}").hold("mid").event("[DONE]"));
//   ... start a request to server.url("/v1/chat/completions") ...
//   ASSERT_TRUE(server.wait_reached("mid"));   // the first event is in the socket
//   server.release("mid");
//   EXPECT_EQ(server.requests()[0].header("authorization"), "Bearer ...");
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tau::test {

struct RecordedRequest {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  int connection = 0;  // which accepted connection, from 0; equal numbers mean reuse

  // The first header of that (lower-case) name, or "".
  std::string header(std::string_view name) const;
  bool has_header(std::string_view name) const;
};

// The script of one answer: steps in order. The head goes out before the first body byte, or where head()
// stands; hold(), reset(), close() and never() before that come before the head. After the last step the body
// ends and the connection waits for its next request.
class Reply {
 public:
  explicit Reply(int status = 200) : status_(status) {}

  static Reply json(std::string body, int status = 200);  // with content-length
  static Reply sse();                                     // text/event-stream, chunked
  static Reply raw();  // no head of its own: send bytes(); closes at the end

  Reply& header(std::string name, std::string value);
  // Framing: content-length of all body parts is the default.
  Reply& chunked();
  Reply& until_close();
  Reply& declare_length(size_t bytes);  // whatever the body parts amount to

  Reply& head();                  // send the head now
  Reply& body(std::string part);  // one part of the body; one chunk when chunked
  Reply& bytes(std::string raw);  // bytes without any framing
  Reply& event(std::string_view data, std::string_view type = "");  // one SSE event as a part of the body
  Reply& hold(std::string gate);                                    // stop until release(gate)
  Reply& never();                                                   // stop until the client goes
  Reply& close();                                                   // orderly end (FIN), here
  Reply& reset();  // RST, here; what was sent may be lost to the client

 private:
  friend class ScriptedServer;
  enum class Kind { kHead, kBody, kBytes, kHold, kNever, kClose, kReset };
  enum class Framing { kLength, kChunked, kUntilClose, kRaw };
  struct Step {
    Kind kind;
    std::string text;
  };
  Reply& add(Kind kind, std::string text = {});

  int status_;
  Framing framing_ = Framing::kLength;
  bool have_declared_length_ = false;
  size_t declared_length_ = 0;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::vector<Step> steps_;
};

// Listens on 127.0.0.1, port from the kernel; one thread of its own. All methods may be called from any
// thread. The wait_ functions return false after 10 seconds, so that a broken test fails instead of hanging.
class ScriptedServer {
 public:
  ScriptedServer();
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  uint16_t port() const;
  std::string url(std::string_view target = "/") const;  // "http://127.0.0.1:port" + target

  // Replies are used up in the order of the requests. With none left the handler is asked; without a handler
  // the answer is 500 "unscripted request".
  void enqueue(Reply reply);
  // Called on the server's thread.
  void set_handler(std::function<Reply(const RecordedRequest&)> handler);

  // Opens a gate for all that wait at it and all that will come to it.
  void release(const std::string& gate);
  // A reply stands at the gate, and all bytes before it are in the socket.
  bool wait_reached(const std::string& gate);

  std::vector<RecordedRequest> requests() const;
  bool wait_requests(size_t count);
  // Connections accepted so far, and those that the client has ended.
  size_t connections() const;
  size_t disconnects() const;
  bool wait_disconnects(size_t count);
  // Ends (FIN) every connection that waits for its next request; returns when that is done.
  void close_idle();

  // A port of 127.0.0.1 that nobody listens on.
  static uint16_t closed_port();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tau::test
