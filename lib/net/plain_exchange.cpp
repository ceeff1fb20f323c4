// The steps of plain_exchange.h.
#include "net/plain_exchange.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

#include "net/request_rules.h"

namespace tau::net {
namespace {

// One reading of a turn: then the other users of the loop have theirs, so that a large body does not hold up
// small ones.
constexpr size_t kBufferBytes = 32u << 10;

// "localhost" is this machine, whatever a resolver says (RFC 6761 section 6.3).
std::vector<Address> addresses_of(const Url& url) {
  if (StatusOr<Address> address = parse_address(url.host, url.port); address.ok())
    return {*std::move(address)};
  return {*parse_address("127.0.0.1", url.port), *parse_address("::1", url.port)};
}

}  // namespace

PlainExchange::PlainExchange(PlainContext& context, uint64_t id, HttpRequest request, StatusOr<Url> url,
                             HttpSink& sink, Deadlines::Expired expired)
    : context_(context),
      id_(id),
      request_(std::move(request)),
      url_(std::move(url)),
      sink_(sink),
      owner_(OwnerScope::current()),
      deadlines_(context.loop, request_.timeouts, std::move(expired)) {}

PlainExchange::Outcome PlainExchange::begin() {
  if (!url_.ok()) return url_.status();
  Status status = check_request(request_);
  if (status.ok()) status = check_egress(context_.egress, *url_, request_);
  if (status.ok()) status = head_.build(request_, *url_, context_.credentials, context_.options.user_agent);
  if (!status.ok()) return status;
  return reuse_or_connect();
}

bool PlainExchange::may_connect(const Address& address) {
  const Status verdict = context_.egress.check_address(*url_, address);
  if (!verdict.ok()) denied_ = egress_denied(verdict);
  return verdict.ok();
}

PlainExchange::Outcome PlainExchange::reuse_or_connect() {
  connection_ = context_.pool.take(url_->origin());
  if (connection_ == nullptr) return connect();
  if (!may_connect(connection_->peer())) return denied_;
  reused_ = true;
  return send_request();
}

PlainExchange::Outcome PlainExchange::connect() {
  reused_ = false;
  addresses_ = addresses_of(*url_);
  next_address_ = 0;
  deadlines_.connecting();
  return connect_next();
}

PlainExchange::Outcome PlainExchange::connect_next() {
  while (next_address_ < addresses_.size()) {
    const Address& address = addresses_[next_address_++];
    if (!may_connect(address)) continue;
    auto opened = PlainConnection::open(context_.loop, context_.user, url_->origin(), address);
    if (!opened.ok()) {
      connect_failure_ = opened.status();
      continue;
    }
    connection_ = *std::move(opened);
    if (!connection_->connecting()) return send_request();
    connection_->request = id_;
    if (Status watched = connection_->want(EPOLLOUT); !watched.ok()) return watched;
    return std::nullopt;
  }
  return denied_.ok() ? connect_failure_ : denied_;
}

PlainExchange::Outcome PlainExchange::send_request() {
  connection_->request = id_;
  sent_ = 0;
  write_failed_ = false;
  parser_.emplace(request_.method == "HEAD");
  deadlines_.sent();
  return write_more();
}

PlainExchange::Outcome PlainExchange::write_more() {
  const std::string_view head = head_.text();
  const std::string_view body = request_.body;
  while (!all_sent() && !write_failed_) {
    const ssize_t n = sent_ < head.size() ? connection_->send(head.substr(sent_), body)
                                          : connection_->send(body.substr(sent_ - head.size()), {});
    if (n < 0 && errno == EAGAIN) {
      if (Status watched = connection_->want(EPOLLIN | EPOLLOUT); !watched.ok()) return watched;
      return std::nullopt;
    }
    // A server that refuses a large body may answer and close before it was read: see what it says.
    if (n < 0) write_failed_ = true;
    if (n > 0) sent_ += static_cast<size_t>(n);
  }
  if (Status watched = connection_->want(EPOLLIN); !watched.ok()) return watched;
  return std::nullopt;
}

PlainExchange::Outcome PlainExchange::on_ready(uint32_t epoll_events) {
  if (connection_->connecting()) {
    connect_failure_ = connection_->finish_connecting();
    if (connect_failure_.ok()) return send_request();
    connection_ = nullptr;
    return connect_next();
  }
  if ((epoll_events & EPOLLOUT) != 0) {
    if (Outcome outcome = write_more()) return outcome;
  }
  if ((epoll_events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0) return std::nullopt;
  return read();
}

PlainExchange::Outcome PlainExchange::read() {
  std::vector<char>& buffer = context_.buffer;
  if (buffer.empty()) buffer.resize(kBufferBytes);
  const ssize_t n = connection_->receive(buffer.data(), buffer.size());
  if (n < 0 && errno == EAGAIN) return std::nullopt;
  if (n <= 0) return ended(n < 0 ? errno : 0);
  note_response();
  return consume({buffer.data(), static_cast<size_t>(n)});
}

// From the first byte of the response on the request is not repeated: a stream may last, and its body be
// large.
void PlainExchange::note_response() {
  deadlines_.received();
  any_response_ = true;
  if (forgotten_ || !all_sent()) return;
  forgotten_ = true;
  request_.body = std::string();
  head_.wipe();
}

PlainExchange::Outcome PlainExchange::consume(std::string_view bytes) {
  for (;;) {
    StatusOr<Http1Parser::Step> step = parser_->next(bytes);
    if (!step.ok()) return std::move(step).status();
    bytes.remove_prefix(step->consumed);
    switch (step->event) {
      case Http1Parser::Event::kMore: return std::nullopt;
      case Http1Parser::Event::kEnd: surplus_ = !bytes.empty(); return ok_status();
      case Http1Parser::Event::kHead: sink_.on_head(parser_->status(), parser_->headers()); break;
      case Http1Parser::Event::kBody:
        if (Outcome outcome = take_body(step->body, bytes)) return outcome;
        if (held_piece_ > 0) return std::nullopt;
        break;
    }
    if (cancelled_) return std::nullopt;
  }
}

// What a sink that is paused does not take waits here, and the rest in the socket.
PlainExchange::Outcome PlainExchange::take_body(std::string_view piece, std::string_view rest) {
  if (!paused_) return deliver(piece);
  held_.reserve(piece.size() + rest.size());
  held_.assign(piece).append(rest);
  held_piece_ = piece.size();
  (void)connection_->want(0);
  return std::nullopt;
}

PlainExchange::Outcome PlainExchange::deliver(std::string_view piece) {
  if (piece.size() > request_.max_response_bytes - body_bytes_)
    return resource_exhausted("response_too_large", format("the response body is longer than {} bytes",
                                                           request_.max_response_bytes));
  body_bytes_ += piece.size();
  sink_.on_body(piece);
  return std::nullopt;
}

PlainExchange::Outcome PlainExchange::resume() {
  if (cancelled_ || paused_ || held_piece_ == 0) return std::nullopt;
  const std::string held = std::exchange(held_, {});
  const std::string_view bytes = held;
  const size_t piece = std::exchange(held_piece_, 0);
  if (Outcome outcome = deliver(bytes.substr(0, piece))) return outcome;
  if (cancelled_) return std::nullopt;
  if (Outcome outcome = consume(bytes.substr(piece))) return outcome;
  if (cancelled_ || held_piece_ > 0) return std::nullopt;
  const uint32_t writing = all_sent() || write_failed_ ? 0u : static_cast<uint32_t>(EPOLLOUT);
  if (Status watched = connection_->want(EPOLLIN | writing); !watched.ok()) return watched;
  return std::nullopt;
}

void PlainExchange::set_paused(bool paused) {
  paused_ = paused;
  deadlines_.suspend_idle(paused);
}

void PlainExchange::cancel() {
  cancelled_ = true;
  connection_ = nullptr;
}

// A pooled connection that broke says nothing about the server: the request is repeated, once, on a new one.
// Never after a byte of the response.
PlainExchange::Outcome PlainExchange::ended(int error) {
  if (error == 0 && parser_->ends_at_close()) return ok_status();
  const bool repeat = reused_ && !any_response_ && !repeated_;
  connection_ = nullptr;
  if (!repeat) return reset(error);
  repeated_ = true;
  return connect();
}

Status PlainExchange::reset(int error) const {
  const char* stage = parser_->head_complete() ? "in mid-response"
                      : any_response_          ? "in the response head"
                                               : "before the response";
  ErrorInfo info;
  info.code = Code::kUnavailable;
  info.reason = "connection_reset";
  info.retryable = !any_response_;
  const std::string cause =
      error == 0 ? "the server closed it" : std::string(errno_status(error, "recv").message());
  info.message = format("connection_reset at {} {}: {}", url_->origin(), stage, cause);
  return Status(std::move(info));
}

std::unique_ptr<PlainConnection> PlainExchange::take_connection() {
  const bool reusable = connection_ != nullptr && parser_ && parser_->keeps_alive() && !surplus_ &&
                        !write_failed_ && all_sent();
  return reusable ? std::move(connection_) : nullptr;
}

}  // namespace tau::net
