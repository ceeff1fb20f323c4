// PlainClient: HTTP/1.1 over TCP on the event loop.
//
// Re-entrance: sinks are called from the loop alone, never from start(), cancel(), pause() or resume(), which
// note and post pump(). An exchange that its own sink cancels dies when it is off the stack.
#include "net/plain_client.h"

#include <deque>
#include <new>
#include <unordered_map>

#include "net/plain_exchange.h"

namespace tau::net {
namespace {

class NativeClient final : public PlainClient, private PlainConnectionUser {
 public:
  NativeClient(EventLoop& loop, EgressPolicy& egress, CredentialSource& credentials,
               const HttpClientOptions& options)
      : loop_(loop), options_(options), pool_(loop, options_), context_{loop_, egress, credentials, options_,
                                                                        pool_, *this,  buffer_} {}

  RequestId start(HttpRequest request, HttpSink& sink) override {
    auto url = parse_url(request.url);
    return start_at(std::move(url), std::move(request), sink);
  }
  RequestId start_at(StatusOr<Url> url, HttpRequest request, HttpSink& sink) override;
  void cancel(RequestId id) override;
  void pause(RequestId id) override {
    if (PlainExchange* exchange = find(id)) exchange->set_paused(true);
  }
  void resume(RequestId id) override;

 private:
  using ExchangePtr = std::unique_ptr<PlainExchange>;
  struct Entry {
    ExchangePtr exchange;
    bool running = false;
  };

  void on_ready(PlainConnection& connection, uint32_t epoll_events) override;
  PlainExchange* find(RequestId id);
  void schedule_pump();
  void pump();
  template <class Step>
  void advance(RequestId id, Step step);
  void complete(RequestId id, const Status& status);
  ExchangePtr remove(RequestId id);
  bool has_room() const { return running_ < static_cast<size_t>(std::max(options_.max_connections, 0)); }

  EventLoop& loop_;
  const HttpClientOptions options_;
  PlainPool pool_;
  std::vector<char> buffer_;
  PlainContext context_;
  std::unordered_map<RequestId, Entry> exchanges_;
  std::deque<RequestId> waiting_;
  std::vector<RequestId> resuming_;
  size_t running_ = 0;
  RequestId next_id_ = 1;
  const PlainExchange* on_stack_ = nullptr;
  ExchangePtr cancelled_on_stack_;
  bool pump_posted_ = false;
  // Posted tasks hold a weak reference to it, and so notice when the client is gone.
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

PlainExchange* NativeClient::find(RequestId id) {
  const auto found = exchanges_.find(id);
  return found == exchanges_.end() ? nullptr : found->second.exchange.get();
}

RequestId NativeClient::start_at(StatusOr<Url> url, HttpRequest request, HttpSink& sink) {
  const RequestId id = next_id_++;
  auto exchange = std::make_unique<PlainExchange>(context_, id, std::move(request), std::move(url), sink,
                                                  [this, id](const Status& status) { complete(id, status); });
  schedule_pump();  // what follows may fail for lack of memory: then there is nothing to find
  waiting_.push_back(id);
  exchanges_[id].exchange = std::move(exchange);
  return id;
}

NativeClient::ExchangePtr NativeClient::remove(RequestId id) {
  auto node = exchanges_.extract(id);
  if (node.empty()) return nullptr;
  if (node.mapped().running) --running_;
  if (!waiting_.empty()) schedule_pump();
  return std::move(node.mapped().exchange);
}

void NativeClient::cancel(RequestId id) {
  ExchangePtr exchange = remove(id);
  if (exchange == nullptr) return;
  exchange->cancel();
  if (exchange.get() == on_stack_) cancelled_on_stack_ = std::move(exchange);
}

void NativeClient::resume(RequestId id) {
  PlainExchange* exchange = find(id);
  if (exchange == nullptr) return;
  exchange->set_paused(false);
  resuming_.push_back(id);
  schedule_pump();
}

void NativeClient::schedule_pump() {
  if (pump_posted_) return;
  loop_.post([this, alive = std::weak_ptr<char>(alive_)] {
    if (!alive.expired()) pump();
  });
  pump_posted_ = true;
}

void NativeClient::pump() {
  pump_posted_ = false;
  // Requests started by the sinks of requests that fail here wait for the next pump, so that this one ends.
  for (size_t count = waiting_.size(); count > 0 && !waiting_.empty() && has_room(); --count) {
    const RequestId id = waiting_.front();
    waiting_.pop_front();
    const auto found = exchanges_.find(id);
    if (found == exchanges_.end()) continue;
    found->second.running = true;
    ++running_;
    advance(id, [](PlainExchange& exchange) { return exchange.begin(); });
  }
  for (const RequestId id : std::exchange(resuming_, {}))
    advance(id, [](PlainExchange& exchange) { return exchange.resume(); });
  if (!waiting_.empty() && has_room()) schedule_pump();
}

void NativeClient::on_ready(PlainConnection& connection, uint32_t epoll_events) {
  if (connection.request == 0) return pool_.drop(connection);
  advance(connection.request,
          [epoll_events](PlainExchange& exchange) { return exchange.on_ready(epoll_events); });
}

// One step of a request, on behalf of whoever began it: the connection, or the task that does this, may have
// been another's before.
template <class Step>
void NativeClient::advance(RequestId id, Step step) {
  PlainExchange* const exchange = find(id);
  if (exchange == nullptr) return;
  const Owner owner = exchange->owner();
  const OwnerScope scope(owner);
  try {
    on_stack_ = exchange;
    PlainExchange::Outcome outcome = step(*exchange);
    on_stack_ = nullptr;
    if (cancelled_on_stack_ != nullptr) {
      cancelled_on_stack_.reset();
    } else if (outcome) {
      complete(id, *outcome);
    }
  } catch (const std::bad_alloc&) {
    // Bytes may be lost: nothing of this response can be told any more.
    on_stack_ = nullptr;
    cancelled_on_stack_.reset();
    const ExchangePtr lost = remove(id);
    if (owner != 0) return loop_.out_of_memory(owner);
    if (lost != nullptr) lost->sink().on_done(Status::out_of_memory());
  }
}

// The connection is in the pool before the sink can ask for the next request.
void NativeClient::complete(RequestId id, const Status& status) {
  const Status kept = status;  // it may live in what dies here
  ExchangePtr exchange = remove(id);
  if (exchange == nullptr) return;
  HttpSink& sink = exchange->sink();
  if (kept.ok()) {
    if (auto connection = exchange->take_connection()) pool_.put(std::move(connection));
  }
  exchange.reset();
  sink.on_done(kept);
}

}  // namespace

std::unique_ptr<PlainClient> make_plain_client(EventLoop& loop, EgressPolicy& egress,
                                               CredentialSource& credentials,
                                               const HttpClientOptions& options) {
  return std::make_unique<NativeClient>(loop, egress, credentials, options);
}

}  // namespace tau::net
