// ScriptedServer: one thread, poll(), and a small state machine for each connection.
#include "support/scripted_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "base/format.h"

namespace tau::test {
namespace {

constexpr std::chrono::seconds kPatience{10};

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::abort();
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

int listen_on_loopback(uint16_t& port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (fd < 0 || bind(fd, generic, size) != 0 || listen(fd, 256) != 0 ||
      getsockname(fd, generic, &size) != 0) {
    die("ScriptedServer: listen");
  }
  port = ntohs(address.sin_port);
  return fd;
}

// Takes one whole request off the front of `in`, or nothing while it is incomplete.
std::optional<RecordedRequest> take_request(std::string& in) {
  const size_t head_end = in.find("\r\n\r\n");
  if (head_end == std::string::npos) return std::nullopt;
  RecordedRequest request;
  const std::string head = in.substr(0, head_end + 2);
  const size_t first_end = head.find("\r\n");
  const std::string first = head.substr(0, first_end);
  request.method = first.substr(0, first.find(' '));
  request.target = first.substr(std::min(first.size(), request.method.size() + 1));
  request.target.resize(std::min(request.target.size(), request.target.rfind(' ')));
  for (size_t at = first_end + 2; at < head.size();) {
    const size_t end = head.find("\r\n", at);
    const std::string line = head.substr(at, end - at);
    const size_t colon = std::min(line.find(':'), line.size());
    size_t value = colon + 1;
    while (value < line.size() && line[value] == ' ') ++value;
    request.headers.emplace_back(lower(line.substr(0, colon)), line.substr(std::min(value, line.size())));
    at = end + 2;
  }
  const std::string length = request.header("content-length");
  const size_t body_size = length.empty() ? 0 : std::stoul(length);
  if (in.size() < head_end + 4 + body_size) return std::nullopt;
  request.body = in.substr(head_end + 4, body_size);
  in.erase(0, head_end + 4 + body_size);
  return request;
}

}  // namespace

std::string RecordedRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "";
}

bool RecordedRequest::has_header(std::string_view name) const {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const auto& header) { return header.first == name; });
}

Reply Reply::json(std::string body, int status) {
  Reply reply(status);
  reply.header("content-type", "application/json").body(std::move(body));
  return reply;
}

Reply Reply::sse() {
  Reply reply;
  reply.header("content-type", "text/event-stream").chunked();
  return reply;
}

Reply Reply::raw() {
  Reply reply;
  reply.framing_ = Framing::kRaw;
  return reply;
}

Reply& Reply::header(std::string name, std::string value) {
  headers_.emplace_back(std::move(name), std::move(value));
  return *this;
}

Reply& Reply::chunked() {
  framing_ = Framing::kChunked;
  return *this;
}

Reply& Reply::until_close() {
  framing_ = Framing::kUntilClose;
  return *this;
}

Reply& Reply::declare_length(size_t bytes) {
  have_declared_length_ = true;
  declared_length_ = bytes;
  return *this;
}

Reply& Reply::add(Kind kind, std::string text) {
  steps_.push_back({kind, std::move(text)});
  return *this;
}

Reply& Reply::head() { return add(Kind::kHead); }
Reply& Reply::body(std::string part) { return add(Kind::kBody, std::move(part)); }
Reply& Reply::bytes(std::string raw) { return add(Kind::kBytes, std::move(raw)); }
Reply& Reply::hold(std::string gate) { return add(Kind::kHold, std::move(gate)); }
Reply& Reply::never() { return add(Kind::kNever); }
Reply& Reply::close() { return add(Kind::kClose); }
Reply& Reply::reset() { return add(Kind::kReset); }

Reply& Reply::event(std::string_view data, std::string_view type) {
  return body((type.empty() ? std::string() : format("event: {}\n", type)) + format("data: {}\n\n", data));
}

class ScriptedServer::Impl {
 public:
  Impl();
  ~Impl();

  // Everything below is guarded by the mutex, but for what only the server's thread touches (connections_).
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<Reply> queue;
  std::function<Reply(const RecordedRequest&)> handler;
  std::set<std::string> released;
  std::set<std::string> reached;
  std::vector<RecordedRequest> requests;
  size_t accepted = 0;
  size_t disconnects = 0;
  bool closing_idle = false;
  bool stopping = false;
  uint16_t port = 0;

  void wake() {
    const uint64_t one = 1;
    if (write(wake_fd_, &one, sizeof one) != sizeof one) die("ScriptedServer: wake");
  }
  template <class Condition>
  bool wait(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kPatience, condition);
  }

 private:
  struct Connection {
    int fd = -1;
    int index = 0;
    std::string in;
    std::string out;
    std::optional<Reply> reply;  // being played
    size_t step = 0;
    bool head_sent = false;
    bool ending = false;
    bool gone = false;
  };
  void run();
  void accept_all();
  void read_from(Connection& connection);
  void advance(Connection& connection);
  bool play_step(Connection& connection);
  void finish_reply(Connection& connection);
  void send_head(Connection& connection);
  bool flush(Connection& connection);
  bool begin_next(Connection& connection);
  void end(Connection& connection, bool with_reset);
  Reply choose(const RecordedRequest& request);

  int listen_fd_ = -1;
  int wake_fd_ = -1;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::thread thread_;
};

ScriptedServer::Impl::Impl() {
  listen_fd_ = listen_on_loopback(port);
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd_ < 0) die("ScriptedServer: eventfd");
  thread_ = std::thread([this] { run(); });
}

ScriptedServer::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex);
    stopping = true;
  }
  wake();
  thread_.join();
  for (auto& connection : connections_) end(*connection, false);
  close(listen_fd_);
  close(wake_fd_);
}

void ScriptedServer::Impl::run() {
  for (;;) {
    std::vector<pollfd> polled = {{wake_fd_, POLLIN, 0}, {listen_fd_, POLLIN, 0}};
    for (const auto& connection : connections_) {
      const short events = connection->out.empty() ? POLLIN : POLLIN | POLLOUT;
      polled.push_back({connection->fd, events, 0});
    }
    if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) die("ScriptedServer: poll");
    uint64_t ignored = 0;
    [[maybe_unused]] const ssize_t got = read(wake_fd_, &ignored, sizeof ignored);
    bool close_idle = false;
    {
      const std::lock_guard lock(mutex);
      if (stopping) return;
      close_idle = closing_idle;
    }
    for (size_t i = 0; i + 2 < polled.size(); ++i) {
      Connection& connection = *connections_[i];
      if (polled[i + 2].revents & (POLLIN | POLLHUP | POLLERR)) read_from(connection);
      if (!connection.gone) advance(connection);
      if (close_idle && !connection.gone && !connection.reply && connection.in.empty())
        end(connection, false);
    }
    if (close_idle) {
      const std::lock_guard lock(mutex);
      closing_idle = false;
      changed.notify_all();
    }
    std::erase_if(connections_, [](const auto& connection) { return connection->gone; });
    if (polled[1].revents & POLLIN) accept_all();
  }
}

void ScriptedServer::Impl::accept_all() {
  for (;;) {
    const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto connection = std::make_unique<Connection>();
    connection->fd = fd;
    const std::lock_guard lock(mutex);
    connection->index = static_cast<int>(accepted++);
    connections_.push_back(std::move(connection));
    changed.notify_all();
  }
}

void ScriptedServer::Impl::read_from(Connection& connection) {
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t got = recv(connection.fd, buffer, sizeof buffer, 0);
    if (got > 0) {
      connection.in.append(buffer, static_cast<size_t>(got));
      continue;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    end(connection, false);
    const std::lock_guard lock(mutex);
    ++disconnects;
    changed.notify_all();
    return;
  }
}

// Plays steps until a gate, the socket or the end of what was asked stops it.
void ScriptedServer::Impl::advance(Connection& connection) {
  while (flush(connection) && begin_next(connection)) {
    if (connection.step == connection.reply->steps_.size()) {
      finish_reply(connection);
    } else if (!play_step(connection)) {
      return;
    }
    if (connection.gone) return;
  }
}

bool ScriptedServer::Impl::begin_next(Connection& connection) {
  if (connection.reply) return true;
  std::optional<RecordedRequest> request = take_request(connection.in);
  if (!request) return false;
  request->connection = connection.index;
  connection.reply = choose(*request);
  connection.step = 0;
  connection.ending = false;
  connection.head_sent = connection.reply->framing_ == Reply::Framing::kRaw;
  const std::lock_guard lock(mutex);
  requests.push_back(*std::move(request));
  changed.notify_all();
  return true;
}

Reply ScriptedServer::Impl::choose(const RecordedRequest& request) {
  std::unique_lock lock(mutex);
  if (!queue.empty()) {
    Reply reply = std::move(queue.front());
    queue.pop_front();
    return reply;
  }
  const auto ask = handler;
  lock.unlock();
  return ask ? ask(request) : Reply::json("unscripted request", 500);
}

// False when the step is a stop.
bool ScriptedServer::Impl::play_step(Connection& connection) {
  const Reply::Step& step = connection.reply->steps_[connection.step];
  const bool chunked = connection.reply->framing_ == Reply::Framing::kChunked;
  switch (step.kind) {
    case Reply::Kind::kHead: send_head(connection); break;
    case Reply::Kind::kBody:
      send_head(connection);
      connection.out += chunked ? format("{:x}\r\n{}\r\n", step.text.size(), step.text) : step.text;
      break;
    case Reply::Kind::kBytes: connection.out += step.text; break;
    case Reply::Kind::kHold: {
      const std::lock_guard lock(mutex);
      reached.insert(step.text);
      changed.notify_all();
      if (released.count(step.text) == 0) return false;
      break;
    }
    case Reply::Kind::kNever: return false;
    case Reply::Kind::kClose: end(connection, false); return true;
    case Reply::Kind::kReset: end(connection, true); return true;
  }
  ++connection.step;
  return true;
}

void ScriptedServer::Impl::send_head(Connection& connection) {
  if (std::exchange(connection.head_sent, true)) return;
  const Reply& reply = *connection.reply;
  connection.out += format("HTTP/1.1 {} Scripted\r\n", reply.status_);
  for (const auto& [name, value] : reply.headers_) connection.out += format("{}: {}\r\n", name, value);
  if (reply.framing_ == Reply::Framing::kChunked) {
    connection.out += "transfer-encoding: chunked\r\n";
  } else if (reply.framing_ == Reply::Framing::kUntilClose) {
    connection.out += "connection: close\r\n";
  } else {
    size_t length = reply.declared_length_;
    if (!reply.have_declared_length_) {
      for (const Reply::Step& step : reply.steps_)
        length += step.kind == Reply::Kind::kBody ? step.text.size() : 0;
    }
    connection.out += format("content-length: {}\r\n", length);
  }
  connection.out += "\r\n";
}

// The reply is over once its last bytes are in the socket.
void ScriptedServer::Impl::finish_reply(Connection& connection) {
  const Reply::Framing framing = connection.reply->framing_;
  if (!std::exchange(connection.ending, true)) {
    send_head(connection);
    if (framing == Reply::Framing::kChunked) connection.out += "0\r\n\r\n";
  }
  if (!flush(connection)) return;
  connection.reply.reset();
  if (framing == Reply::Framing::kUntilClose || framing == Reply::Framing::kRaw) end(connection, false);
}

// True when nothing is left to send.
bool ScriptedServer::Impl::flush(Connection& connection) {
  while (!connection.out.empty()) {
    const ssize_t sent = send(connection.fd, connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      connection.out.erase(0, static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      return false;
    } else if (errno != EINTR) {
      connection.out.clear();  // the client is gone; reading says so
    }
  }
  return true;
}

void ScriptedServer::Impl::end(Connection& connection, bool with_reset) {
  if (connection.gone) return;
  const linger hard = {1, 0};
  if (with_reset) setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close(connection.fd);
  connection.gone = true;
}

ScriptedServer::ScriptedServer() : impl_(std::make_unique<Impl>()) {}
ScriptedServer::~ScriptedServer() = default;

uint16_t ScriptedServer::port() const { return impl_->port; }

std::string ScriptedServer::url(std::string_view target) const {
  return format("http://127.0.0.1:{}{}", impl_->port, target);
}

void ScriptedServer::enqueue(Reply reply) {
  const std::lock_guard lock(impl_->mutex);
  impl_->queue.push_back(std::move(reply));
}

void ScriptedServer::set_handler(std::function<Reply(const RecordedRequest&)> handler) {
  const std::lock_guard lock(impl_->mutex);
  impl_->handler = std::move(handler);
}

void ScriptedServer::release(const std::string& gate) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->released.insert(gate);
  }
  impl_->wake();
}

bool ScriptedServer::wait_reached(const std::string& gate) {
  return impl_->wait([&] { return impl_->reached.count(gate) != 0; });
}

std::vector<RecordedRequest> ScriptedServer::requests() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->requests;
}

bool ScriptedServer::wait_requests(size_t count) {
  return impl_->wait([&] { return impl_->requests.size() >= count; });
}

size_t ScriptedServer::connections() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->accepted;
}

size_t ScriptedServer::disconnects() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->disconnects;
}

bool ScriptedServer::wait_disconnects(size_t count) {
  return impl_->wait([&] { return impl_->disconnects >= count; });
}

void ScriptedServer::close_idle() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->closing_idle = true;
  }
  impl_->wake();
  impl_->wait([&] { return !impl_->closing_idle; });
}

uint16_t ScriptedServer::closed_port() {
  uint16_t port = 0;
  close(listen_on_loopback(port));
  return port;
}

}  // namespace tau::test
