// PlainExchange: one request and its response on connections without TLS. Private to net.
#pragma once

#include <optional>
#include <vector>

#include "net/deadlines.h"
#include "net/http1_parser.h"
#include "net/plain_connection.h"
#include "net/plain_request.h"

namespace tau::net {

// What all exchanges of a client share; outlives them.
struct PlainContext {
  EventLoop& loop;
  EgressPolicy& egress;
  CredentialSource& credentials;
  const HttpClientOptions& options;
  PlainPool& pool;
  PlainConnectionUser& user;
  std::vector<char>& buffer;  // what is read goes through it; empty until the first byte comes
};

// Owner thread of the loop. Calls its sink, but never for the end, which its functions return: nothing while
// it is under way, or once cancelled.
class PlainExchange {
 public:
  using Outcome = std::optional<Status>;

  PlainExchange(PlainContext& context, uint64_t id, HttpRequest request, StatusOr<Url> url, HttpSink& sink,
                Deadlines::Expired expired);

  // Checks the request, asks the policy and the credential source, and connects or takes a pooled connection.
  Outcome begin();
  Outcome on_ready(uint32_t epoll_events);
  Outcome resume();

  void set_paused(bool paused);
  // Closes the connection. From here on the sink is not called any more.
  void cancel();
  bool cancelled() const { return cancelled_; }
  HttpSink& sink() { return sink_; }
  Owner owner() const { return owner_; }
  // After an outcome that is OK: the connection, if it may carry another request; else null.
  std::unique_ptr<PlainConnection> take_connection();

 private:
  Outcome reuse_or_connect();
  Outcome connect();
  Outcome connect_next();
  Outcome send_request();
  Outcome write_more();
  Outcome read();
  Outcome consume(std::string_view bytes);
  Outcome take_body(std::string_view piece, std::string_view rest);
  Outcome deliver(std::string_view piece);
  Outcome ended(int error);
  void note_response();
  bool all_sent() const { return forgotten_ || sent_ == head_.text().size() + request_.body.size(); }
  bool may_connect(const Address& address);
  Status reset(int error) const;

  PlainContext& context_;
  const uint64_t id_;
  HttpRequest request_;
  StatusOr<Url> url_;
  HttpSink& sink_;
  const Owner owner_;
  Deadlines deadlines_;
  RequestHead head_;
  std::unique_ptr<PlainConnection> connection_;
  std::vector<Address> addresses_;  // to be tried in order
  size_t next_address_ = 0;
  Status connect_failure_;
  Status denied_;  // the last address that policy refused
  std::optional<Http1Parser> parser_;
  std::string held_;       // bytes that came before the sink paused: a piece of the body, then more
  size_t held_piece_ = 0;  // how many of them are that piece
  size_t sent_ = 0;
  uint64_t body_bytes_ = 0;
  bool reused_ = false;
  bool repeated_ = false;
  bool write_failed_ = false;
  bool any_response_ = false;
  bool forgotten_ = false;  // the request is sent, answered, and freed
  bool surplus_ = false;    // bytes came after the response
  bool paused_ = false;
  bool cancelled_ = false;
};

}  // namespace tau::net
