// CurlClient: libcurl's multi interface on the event loop.
//
// Two rules keep it re-entrant. libcurl is never entered from one of its callbacks: what a sink asks for
// while inside libcurl is noted and done by settle() or pump(), in the same turn of the loop. And sinks are
// never called from start(), cancel(), pause() or resume(): those only note and post pump().
#include "net/curl_client.h"

#include <sys/epoll.h>

#include <deque>
#include <unordered_map>
#include <unordered_set>

#include "net/transfer.h"

namespace tau::net {
namespace {

constexpr size_t kMaxIdleHandles = 32;
constexpr long kMaxStreamsPerConnection = 32;  // one lost packet or GOAWAY hits all streams of a connection

class CurlClient final : public HttpClient {
 public:
  CurlClient(EventLoop& loop, EgressPolicy& egress, CredentialSource& credentials, HttpClientOptions options,
             const char* library);
  ~CurlClient() override;

  RequestId start(HttpRequest request, HttpSink& sink) override;
  void cancel(RequestId id) override;
  void pause(RequestId id) override;
  void resume(RequestId id) override;

 private:
  using TransferPtr = std::unique_ptr<Transfer>;

  Transfer* find(RequestId id);
  void schedule_pump();
  void pump();
  void begin(RequestId id, Transfer& transfer);
  Status prepare(Transfer& transfer);
  Status load();
  void detach(Transfer& transfer);
  void complete(RequestId id, const Status& status);
  void settle();
  void act(curl_socket_t fd, int events);
  void on_timeout();
  void set_timer(long timeout_ms);
  void watch(curl_socket_t fd, int what);
  static int socket_callback(CURL* easy, curl_socket_t fd, int what, void* self, void* socket);
  static int timer_callback(CURLM* multi, long timeout_ms, void* self);

  EventLoop& loop_;
  const HttpClientOptions options_;
  const char* const library_;
  TransferContext context_;
  CURLM* multi_ = nullptr;
  std::vector<CURL*> idle_handles_;
  std::unordered_map<RequestId, TransferPtr> transfers_;
  std::unordered_map<CURL*, RequestId> running_;
  std::deque<RequestId> waiting_;
  std::vector<RequestId> resuming_;
  std::vector<RequestId> cancelled_inside_;  // to be removed when libcurl has returned
  std::unordered_set<curl_socket_t> watched_;
  TimerId timer_ = 0;
  RequestId next_id_ = 1;
  bool inside_curl_ = false;
  bool pump_posted_ = false;
  bool timeout_due_ = false;
  // Posted tasks hold a weak reference to it, and so notice when the client is gone.
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

CurlClient::CurlClient(EventLoop& loop, EgressPolicy& egress, CredentialSource& credentials,
                       HttpClientOptions options, const char* library)
    : loop_(loop), options_(std::move(options)), library_(library), context_{loop_,       egress,
                                                                             credentials, options_,
                                                                             Status(),    std::nullopt,
                                                                             std::nullopt} {
  if (StatusOr<Url> proxy = parse_url(options_.proxy); proxy.ok()) context_.proxy = *std::move(proxy);
}

CurlClient::~CurlClient() {
  for (auto& [id, transfer] : transfers_) {
    transfer->cancel();
    detach(*transfer);
  }
  if (multi_ == nullptr) return;
  for (CURL* easy : idle_handles_) context_.api->easy_cleanup(easy);
  context_.api->multi_cleanup(multi_);
  for (const curl_socket_t fd : watched_) loop_.unwatch(fd);
  loop_.cancel_timer(timer_);
}

Transfer* CurlClient::find(RequestId id) {
  const auto found = transfers_.find(id);
  return found == transfers_.end() ? nullptr : found->second.get();
}

RequestId CurlClient::start(HttpRequest request, HttpSink& sink) {
  const RequestId id = next_id_++;
  transfers_.emplace(id,
                     std::make_unique<Transfer>(context_, std::move(request), sink,
                                                [this, id](const Status& status) { complete(id, status); }));
  waiting_.push_back(id);
  schedule_pump();
  return id;
}

void CurlClient::cancel(RequestId id) {
  Transfer* transfer = find(id);
  if (transfer == nullptr || transfer->cancelled()) return;
  transfer->cancel();
  if (inside_curl_) {
    cancelled_inside_.push_back(id);
    return;
  }
  detach(*transfer);
  transfers_.erase(id);
}

void CurlClient::pause(RequestId id) {
  if (Transfer* transfer = find(id)) transfer->set_paused(true);
}

void CurlClient::resume(RequestId id) {
  Transfer* transfer = find(id);
  if (transfer == nullptr) return;
  transfer->set_paused(false);
  resuming_.push_back(id);
  schedule_pump();
}

void CurlClient::schedule_pump() {
  if (std::exchange(pump_posted_, true)) return;
  loop_.post([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired()) pump();
  });
}

void CurlClient::pump() {
  pump_posted_ = false;
  const auto has_room = [this] { return running_.size() < static_cast<size_t>(options_.max_connections); };
  // Requests started by the sinks of requests that fail here wait for the next pump, so that this one ends.
  for (size_t count = waiting_.size(); count > 0 && !waiting_.empty() && has_room(); --count) {
    const RequestId id = waiting_.front();
    waiting_.pop_front();
    if (Transfer* transfer = find(id)) begin(id, *transfer);
  }
  for (const RequestId id : std::exchange(resuming_, {})) {
    Transfer* transfer = find(id);
    if (transfer == nullptr || !transfer->take_resumable()) continue;
    inside_curl_ = true;  // bytes that were kept back are delivered from within this call
    const CURLcode result = context_.api->easy_pause(transfer->easy(), CURLPAUSE_CONT);
    inside_curl_ = false;
    if (result != CURLE_OK && !transfer->cancelled()) complete(id, transfer->outcome(result));
    settle();
  }
  if (std::exchange(timeout_due_, false)) on_timeout();
  if (!waiting_.empty() && has_room()) schedule_pump();
}

void CurlClient::begin(RequestId id, Transfer& transfer) {
  Status status = prepare(transfer);
  if (status.ok()) {
    running_.emplace(transfer.easy(), id);
    if (context_.api->multi_add_handle(multi_, transfer.easy()) == CURLM_OK) return;
    status = Status::out_of_memory();
  }
  complete(id, status);
}

Status CurlClient::prepare(Transfer& transfer) {
  TAU_RETURN_IF_ERROR(load());
  CURL* easy = nullptr;
  if (idle_handles_.empty()) {
    easy = context_.api->easy_init();
    if (easy == nullptr) return Status::out_of_memory();
  } else {
    easy = idle_handles_.back();
    idle_handles_.pop_back();
  }
  return transfer.prepare(easy);
}

Status CurlClient::load() {
  if (multi_ != nullptr) return ok_status();
  context_.api = load_curl(library_);
  if (!context_.api.ok()) return context_.api.status();
  const CurlApi& api = *context_.api;
  multi_ = api.multi_init();
  if (multi_ == nullptr) return Status::out_of_memory();
  if (!options_.fixed_addresses.empty()) {
    HeaderList& list = context_.fixed_addresses.emplace(api);
    for (const std::string& entry : options_.fixed_addresses) list.add_line(entry);
  }
  api.multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlClient::socket_callback);
  api.multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  api.multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlClient::timer_callback);
  api.multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  // The default, four times the transfers under way, shrinks the pool when they end.
  api.multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options_.max_connections));
  api.multi_setopt(multi_, CURLMOPT_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
  return ok_status();
}

// Takes the handle away from libcurl, which closes a connection in the middle of a response.
void CurlClient::detach(Transfer& transfer) {
  transfer.give_up_connection();
  CURL* easy = transfer.release_easy();
  if (easy == nullptr) return;
  const CurlApi& api = *context_.api;
  if (running_.erase(easy) != 0) api.multi_remove_handle(multi_, easy);
  if (idle_handles_.size() < kMaxIdleHandles) {
    api.easy_reset(easy);
    idle_handles_.push_back(easy);
  } else {
    api.easy_cleanup(easy);
  }
  if (!waiting_.empty()) schedule_pump();
}

void CurlClient::complete(RequestId id, const Status& status) {
  auto node = transfers_.extract(id);
  if (node.empty()) return;
  TransferPtr transfer = std::move(node.mapped());
  const Status kept = status;  // it may live in what dies here
  HttpSink* sink = transfer->cancelled() ? nullptr : &transfer->sink();
  const int socket = sink != nullptr && kept.ok() ? transfer->take_socket() : -1;
  detach(*transfer);
  transfer = nullptr;
  if (sink == nullptr) return;
  if (socket >= 0) sink->on_connected(socket);
  sink->on_done(kept);
}

// After every return from libcurl: removes what sinks cancelled, then reports what is done.
void CurlClient::settle() {
  for (const RequestId id : std::exchange(cancelled_inside_, {})) {
    if (Transfer* transfer = find(id)) detach(*transfer);
    transfers_.erase(id);
  }
  int left = 0;
  while (const CURLMsg* message = context_.api->multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode result = message->data.result;
    const auto found = running_.find(message->easy_handle);
    if (found == running_.end()) continue;
    const RequestId id = found->second;
    complete(id, find(id)->outcome(result));
  }
}

void CurlClient::act(curl_socket_t fd, int events) {
  int running = 0;
  inside_curl_ = true;
  context_.api->multi_socket_action(multi_, fd, events, &running);
  inside_curl_ = false;
  settle();
}

void CurlClient::on_timeout() {
  act(CURL_SOCKET_TIMEOUT, 0);
  if (timer_ != 0 || timeout_due_) return;
  // libcurl does not ask again for a timeout that it finds to have come too early by its own clock.
  long timeout_ms = -1;
  context_.api->multi_timeout(multi_, &timeout_ms);
  if (timeout_ms >= 0) set_timer(std::max(timeout_ms, 1L));
}

void CurlClient::set_timer(long timeout_ms) {
  loop_.cancel_timer(std::exchange(timer_, 0));
  timeout_due_ = timeout_ms == 0;
  if (timeout_due_) {
    schedule_pump();
  } else if (timeout_ms > 0) {
    timer_ = loop_.set_timer(loop_.now_ns() + timeout_ms * kNanosPerMilli, [this] {
      timer_ = 0;
      on_timeout();
    });
  }
}

int CurlClient::timer_callback(CURLM*, long timeout_ms, void* self) {
  static_cast<CurlClient*>(self)->set_timer(timeout_ms);
  return 0;
}

void CurlClient::watch(curl_socket_t fd, int what) {
  if (what == CURL_POLL_REMOVE) {
    if (watched_.erase(fd) != 0) loop_.unwatch(fd);
    return;
  }
  const uint32_t events = ((what & CURL_POLL_IN) != 0 ? static_cast<uint32_t>(EPOLLIN) : 0u) |
                          ((what & CURL_POLL_OUT) != 0 ? static_cast<uint32_t>(EPOLLOUT) : 0u);
  // A known number whose watch cannot be changed belongs to another socket by now: watch that one.
  if (watched_.count(fd) != 0 && loop_.rewatch(fd, events).ok()) return;
  loop_.unwatch(fd);
  const Status watched = loop_.watch(fd, events, [this, fd](uint32_t ready) {
    // Errors count as readable, too: reading is how libcurl finds out which error it is.
    const bool in = (ready & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0u;
    const int mask = (in ? CURL_CSELECT_IN : 0) | ((ready & EPOLLOUT) != 0u ? CURL_CSELECT_OUT : 0);
    act(fd, mask);
  });
  if (watched.ok()) watched_.insert(fd);  // else the transfer ends by its deadline
}

int CurlClient::socket_callback(CURL*, curl_socket_t fd, int what, void* self, void*) {
  static_cast<CurlClient*>(self)->watch(fd, what);
  return 0;
}

}  // namespace

std::unique_ptr<HttpClient> make_curl_client(EventLoop& loop, EgressPolicy& egress,
                                             CredentialSource& credentials, HttpClientOptions options,
                                             const char* library) {
  return std::make_unique<CurlClient>(loop, egress, credentials, std::move(options), library);
}

}  // namespace tau::net
