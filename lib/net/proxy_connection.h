// One connection of a proxy: a request head, a connection to where it leads, then bytes both ways. Private to
// net.
#pragma once

#include <string>

#include "net/net.h"
#include "net/proxy_request.h"

namespace tau::net {

class ProxyConnection;

// What connections need of their proxy, which outlives them as far as they touch it.
class ProxyOwner {
 public:
  virtual ~ProxyOwner() = default;
  virtual const ProxyLimits& limits() const = 0;
  // Counts bytes that were passed on; false: no more may be.
  virtual bool charge(uint64_t bytes) = 0;
  // It is known whether the connection is made. At most once, before ended().
  virtual void decided(const ProxyRecord& record) = 0;
  // The connection has closed all that is its own. Once, and the last thing that it says.
  virtual void ended(ProxyConnection& connection, const ProxyRecord& record) = 0;
};

class ProxyConnection final : private HttpSink {
 public:
  // `client_fd`: a nonblocking socket; taken over.
  ProxyConnection(EventLoop& loop, HttpClient& client, ProxyOwner& owner, int client_fd);
  ~ProxyConnection() override;
  ProxyConnection(const ProxyConnection&) = delete;
  ProxyConnection& operator=(const ProxyConnection&) = delete;

  Status begin();
  const ProxyRecord& record() const { return record_; }

 private:
  enum class Phase : uint8_t { kHead, kConnecting, kRelaying, kAnswering, kEnded };
  // One direction: what was read and not yet written.
  struct Flow {
    std::string waiting;
    bool ended = false;     // nothing more is read
    bool told_end = false;  // the other side knows
    bool done() const { return ended && waiting.empty(); }
  };
  struct Side {
    int fd = -1;
    uint32_t events = 0;  // watched for
  };

  void on_client(uint32_t events);
  void on_server(uint32_t events);
  void read_head();
  void take_head(size_t size);
  void connect();
  void on_head(int, const Headers&) override {}
  void on_body(std::string_view) override {}
  void on_connected(int socket) override { server_.fd = socket; }
  void on_done(const Status& status) override;
  void refuse(const Status& why);
  void answer(int status, const Status& why);
  void flush_answer();
  void begin_relay();
  bool pump();
  bool is_wanted_still();
  bool pump(Flow& flow, Side& from, Side& to, uint64_t& counter, uint64_t* left);
  bool read_into(Flow& flow, Side& from, uint64_t* left);
  bool write_from(Flow& flow, Side& to, uint64_t& counter);
  void watch_sides();
  void set_events(Side& side, uint32_t events);
  void set_deadline(int64_t ms);
  void on_deadline();
  void end(std::string_view verdict);
  void close_all();

  EventLoop& loop_;
  HttpClient& client_pool_;
  ProxyOwner& owner_;
  Side client_, server_;
  Phase phase_ = Phase::kHead;
  ProxyRequest request_;
  ProxyRecord record_;
  Flow up_, down_;          // to the server, to the client; before relaying the head and the answer
  uint64_t body_left_ = 0;  // of an http request
  bool asks_more_ = false;  // bytes wait behind it, which nobody reads
  RequestId connecting_ = 0;
  Status refused_as_https_;
  TimerId timer_ = 0;
  int64_t moved_ns_ = 0;  // when bytes last moved
  int64_t limit_ns_ = 0;  // from there to the deadline
};

}  // namespace tau::net
