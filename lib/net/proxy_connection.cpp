#include "net/proxy_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace tau::net {
namespace {

constexpr size_t kChunkBytes = 32u << 10;
constexpr int kRoundsPerTurn = 4;        // then the other users of the loop have their turn
constexpr int64_t kAnswerMs = 2'000;     // for a refusal to be read
constexpr size_t kMaxReasonBytes = 512;  // of a refusal's text

struct StatusLine {
  int number;
  std::string_view text;
};

StatusLine status_line(int number) {
  constexpr StatusLine kLines[] = {{400, "Bad Request"},
                                   {403, "Forbidden"},
                                   {408, "Request Timeout"},
                                   {411, "Length Required"},
                                   {431, "Request Header Fields Too Large"},
                                   {502, "Bad Gateway"},
                                   {504, "Gateway Timeout"}};
  const auto* const at = std::ranges::find(kLines, number, &StatusLine::number);
  return at != std::end(kLines) ? *at : StatusLine{502, "Bad Gateway"};
}

int answer_to(const Status& why) {
  if (why.reason() == "proxy_length_required") return 411;
  switch (why.code()) {
    case Code::kInvalidArgument: return 400;
    case Code::kPermissionDenied:
    case Code::kResourceExhausted: return 403;
    case Code::kDeadlineExceeded: return 504;
    default: return 502;
  }
}

Status too_many_bytes() {
  return resource_exhausted("proxy_bytes", "this command may send and receive no more");
}

bool would_block() { return errno == EAGAIN || errno == EINTR; }

}  // namespace

ProxyConnection::ProxyConnection(EventLoop& loop, HttpClient& client, ProxyOwner& owner, int client_fd)
    : loop_(loop), client_pool_(client), owner_(owner) {
  client_.fd = client_fd;
}

ProxyConnection::~ProxyConnection() { close_all(); }

Status ProxyConnection::begin() {
  const int on = 1;
  setsockopt(client_.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  record_.verdict = "client_closed";
  set_events(client_, EPOLLIN);
  if (client_.events == 0) return resource_exhausted("proxy_watch", "the connection cannot be watched");
  set_deadline(owner_.limits().head_ms);
  return ok_status();
}

void ProxyConnection::on_client(uint32_t) {
  if (phase_ == Phase::kHead) return read_head();
  if (phase_ == Phase::kAnswering) return flush_answer();
  if (phase_ == Phase::kRelaying && pump()) watch_sides();
}

void ProxyConnection::on_server(uint32_t) {
  if (phase_ == Phase::kRelaying && pump()) watch_sides();
}

void ProxyConnection::read_head() {
  std::array<char, 8192> buffer;
  std::string& head = up_.waiting;
  for (;;) {
    const size_t room = std::min(buffer.size(), kMaxProxyHeadBytes + 1 - head.size());
    const ssize_t n = ::read(client_.fd, buffer.data(), room);
    if (n < 0 && would_block()) return;
    if (n <= 0) return end(record_.verdict);
    const size_t seen = head.size() < 3 ? 0 : head.size() - 3;
    head.append(buffer.data(), static_cast<size_t>(n));
    if (const size_t size = proxy_head_bytes(std::string_view(head).substr(seen)); size > 0)
      return take_head(seen + size);
    if (head.size() <= kMaxProxyHeadBytes) continue;
    return answer(431, resource_exhausted("proxy_head_too_large", format("the request head has more than {} "
                                                                         "bytes",
                                                                         kMaxProxyHeadBytes)));
  }
}

void ProxyConnection::take_head(size_t size) {
  StatusOr<ProxyRequest> request = parse_proxy_request(std::string_view(up_.waiting).substr(0, size));
  if (!request.ok()) return refuse(request.status());
  request_ = *std::move(request);
  record_.host = request_.url.host;
  record_.port = request_.url.port;
  record_.tunnel = request_.tunnel;
  up_.waiting.erase(0, size);
  if (!owner_.charge(0)) return refuse(too_many_bytes());
  connect();
}

void ProxyConnection::connect() {
  phase_ = Phase::kConnecting;
  loop_.cancel_timer(std::exchange(timer_, 0));
  set_events(client_, 0);
  HttpRequest request;
  request.method = "CONNECT";
  request.url = request_.url.origin() + request_.url.target;
  request.headers = request_.headers;
  request.timeouts = {owner_.limits().connect_ms, 0, 0, owner_.limits().connect_ms};
  request.connect_only = true;
  connecting_ = client_pool_.start(std::move(request), *this);
}

void ProxyConnection::on_done(const Status& status) {
  connecting_ = 0;
  if (status.ok() && server_.fd >= 0) return begin_relay();
  if (status.ok()) return refuse(unavailable("connect_failed", "there is no descriptor left"));
  // What is neither https nor http to a host may still be the other one.
  const bool by_policy = status.reason().starts_with("egress_");
  if (request_.tunnel && by_policy && refused_as_https_.ok()) {
    refused_as_https_ = status;
    request_.url.scheme = "http";
    return connect();
  }
  refuse(by_policy && !refused_as_https_.ok() ? refused_as_https_ : status);
}

void ProxyConnection::refuse(const Status& why) { answer(answer_to(why), why); }

// The client hears why, and gets a moment to read it: closing at once could take the answer back (RST).
void ProxyConnection::answer(int status, const Status& why) {
  record_.verdict = why.reason();
  // What was tried, and not for the rules in vain, could not be made.
  const bool refused = phase_ == Phase::kHead || why.code() == Code::kPermissionDenied;
  record_.decision = refused ? ProxyRecord::Decision::kRefused : ProxyRecord::Decision::kAllowed;
  owner_.decided(record_);
  phase_ = Phase::kAnswering;
  const std::string text = format("{}: {}\n", why.reason(), truncate_utf8(why.message(), kMaxReasonBytes));
  const StatusLine line = status_line(status);
  down_.waiting = format(
      "HTTP/1.1 {} {}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n"
      "connection: close\r\n\r\n{}",
      line.number, line.text, text.size(), text);
  up_.waiting.clear();
  set_deadline(kAnswerMs);
  flush_answer();
}

void ProxyConnection::flush_answer() {
  uint64_t ignored = 0;
  if (!write_from(down_, client_, ignored)) return end(record_.verdict);
  if (!down_.waiting.empty()) return set_events(client_, EPOLLOUT);
  if (!std::exchange(down_.told_end, true)) shutdown(client_.fd, SHUT_WR);
  std::array<char, 8192> buffer;
  ssize_t n = 0;
  for (int i = 0; i < kRoundsPerTurn; ++i) {
    n = ::read(client_.fd, buffer.data(), buffer.size());
    if (n <= 0) break;
  }
  if (n == 0 || (n < 0 && !would_block())) return end(record_.verdict);
  set_events(client_, EPOLLIN);
}

void ProxyConnection::begin_relay() {
  record_.verdict = "ok";
  record_.decision = ProxyRecord::Decision::kAllowed;
  owner_.decided(record_);
  phase_ = Phase::kRelaying;
  if (request_.tunnel) {
    // The buffer of the socket is empty: it takes all.
    constexpr std::string_view kConnected = "HTTP/1.1 200 Connection established\r\n\r\n";
    if (::send(client_.fd, kConnected.data(), kConnected.size(), MSG_NOSIGNAL) < 0)
      return end("client_closed");
  } else {
    const size_t of_body = static_cast<size_t>(std::min<uint64_t>(up_.waiting.size(), request_.body_bytes));
    body_left_ = request_.body_bytes - of_body;
    up_.waiting = request_.head + up_.waiting.substr(0, of_body);
    up_.ended = body_left_ == 0;
  }
  set_deadline(owner_.limits().idle_ms);
  if (pump()) watch_sides();
}

// False when the connection has ended.
bool ProxyConnection::pump() {
  uint64_t* const left = request_.tunnel ? nullptr : &body_left_;
  const uint64_t before = record_.sent_bytes + record_.received_bytes;
  for (int i = 0; i < kRoundsPerTurn; ++i)
    if (!pump(up_, client_, server_, record_.sent_bytes, left) ||
        !pump(down_, server_, client_, record_.received_bytes, nullptr)) {
      end(record_.verdict);
      return false;
    }
  const uint64_t moved = record_.sent_bytes + record_.received_bytes - before;
  if (moved > 0) moved_ns_ = loop_.now_ns();
  if (!owner_.charge(moved)) {
    end("proxy_bytes");
    return false;
  }
  if (!is_wanted_still()) {
    end(record_.verdict);
    return false;
  }
  // An http exchange is over with the answer; a tunnel when both sides have said all.
  if (!down_.told_end || (request_.tunnel && !up_.told_end)) return true;
  end(record_.verdict);
  return false;
}

// Whether the client of an http request, all of which was forwarded, may still wait for its answer. A server
// that keeps the connection open leads clients to ask for more on it: that is for another connection.
bool ProxyConnection::is_wanted_still() {
  if (request_.tunnel || !up_.ended || asks_more_) return true;
  char next = 0;
  const ssize_t n = recv(client_.fd, &next, 1, MSG_PEEK | MSG_DONTWAIT);
  asks_more_ = n > 0;
  return n < 0 ? would_block() : n > 0 && record_.received_bytes == 0;
}

bool ProxyConnection::pump(Flow& flow, Side& from, Side& to, uint64_t& counter, uint64_t* left) {
  if (!read_into(flow, from, left) || !write_from(flow, to, counter)) return false;
  if (!flow.done() || flow.told_end) return true;
  flow.told_end = true;
  // A server might take the end of an http request's connection for the end of its client.
  return left != nullptr || shutdown(to.fd, SHUT_WR) == 0;
}

bool ProxyConnection::read_into(Flow& flow, Side& from, uint64_t* left) {
  if (flow.ended || !flow.waiting.empty()) return true;
  std::array<char, kChunkBytes> buffer;
  const size_t wanted =
      left == nullptr ? buffer.size() : static_cast<size_t>(std::min<uint64_t>(buffer.size(), *left));
  const ssize_t n = ::read(from.fd, buffer.data(), wanted);
  if (n < 0) return would_block();
  flow.waiting.assign(buffer.data(), static_cast<size_t>(n));
  if (left != nullptr) *left -= static_cast<uint64_t>(n);
  flow.ended = n == 0 || (left != nullptr && *left == 0);
  return true;
}

bool ProxyConnection::write_from(Flow& flow, Side& to, uint64_t& counter) {
  if (flow.waiting.empty()) return true;
  const ssize_t n = ::send(to.fd, flow.waiting.data(), flow.waiting.size(), MSG_NOSIGNAL);
  if (n < 0) return would_block();
  counter += static_cast<uint64_t>(n);
  flow.waiting.erase(0, static_cast<size_t>(n));
  return true;
}

void ProxyConnection::watch_sides() {
  const auto events = [](const Flow& in, const Flow& out) {
    const uint32_t readable = !in.ended && in.waiting.empty() ? static_cast<uint32_t>(EPOLLIN) : 0u;
    return readable | (!out.waiting.empty() ? static_cast<uint32_t>(EPOLLOUT) : 0u);
  };
  const bool may_ask_more = !request_.tunnel && up_.ended && !asks_more_;
  set_events(client_, events(up_, down_) | (may_ask_more ? static_cast<uint32_t>(EPOLLIN) : 0u));
  set_events(server_, events(down_, up_));
}

// A side that is not to be heard is not watched at all: epoll tells of ends whether asked or not.
void ProxyConnection::set_events(Side& side, uint32_t events) {
  if (side.events == events || side.fd < 0) return;
  Status status;
  if (events == 0) {
    loop_.unwatch(side.fd);
  } else if (side.events != 0) {
    status = loop_.rewatch(side.fd, events);
  } else {
    const bool is_client = &side == &client_;
    status = loop_.watch(side.fd, events,
                         [this, is_client](uint32_t e) { is_client ? on_client(e) : on_server(e); });
  }
  if (status.ok()) side.events = events;  // else it ends by its deadline
}

void ProxyConnection::set_deadline(int64_t ms) {
  loop_.cancel_timer(std::exchange(timer_, 0));
  moved_ns_ = loop_.now_ns();
  limit_ns_ = ms * kNanosPerMilli;
  timer_ = loop_.set_timer(moved_ns_ + limit_ns_, [this] { on_deadline(); });
}

// Traffic only notes the time: a timer that fires looks again.
void ProxyConnection::on_deadline() {
  timer_ = 0;
  if (loop_.now_ns() - moved_ns_ < limit_ns_) {
    timer_ = loop_.set_timer(moved_ns_ + limit_ns_, [this] { on_deadline(); });
  } else if (phase_ == Phase::kHead) {
    answer(408, deadline_exceeded("proxy_head_timeout", "the request did not come to its end in time"));
  } else {
    end(phase_ == Phase::kRelaying ? "idle_timeout" : record_.verdict);
  }
}

void ProxyConnection::end(std::string_view verdict) {
  record_.verdict = std::string(verdict);
  close_all();
  owner_.ended(*this, record_);
}

void ProxyConnection::close_all() {
  phase_ = Phase::kEnded;
  loop_.cancel_timer(std::exchange(timer_, 0));
  if (connecting_ != 0) client_pool_.cancel(std::exchange(connecting_, 0));
  for (Side* side : {&client_, &server_}) {
    set_events(*side, 0);
    if (side->fd >= 0) close(std::exchange(side->fd, -1));
  }
}

}  // namespace tau::net
