// Calls of models that the program supplies. The same deadlines, bounds and errors as over HTTP.
#include "provider/host_model.h"

#include <algorithm>
#include <chrono>

#include "provider/endpoint.h"

namespace tau::provider {
namespace {

constexpr uint32_t kMaxToolCalls = 1024;  // of an answer, as over HTTP

Status too_large() {
  return resource_exhausted("response_too_large",
                            format("the model answered with more than {} bytes", HostReply::kMostBytes));
}

Status failure(Code code, std::string_view reason, std::string message, bool retryable) {
  ErrorInfo info;
  info.code = code;
  info.reason = reason;
  info.message = std::move(message);
  info.retryable = retryable;
  return Status(std::move(info));
}

class HostedModel;

// One call. It is kept alive while it is on the stack, since its sink may cancel it.
class Hosted final : public std::enable_shared_from_this<Hosted>, private wire::StreamSink {
 public:
  Hosted(HostedModel& model, CallId id, ModelCall call, CallSink& sink);
  ~Hosted() override;

  void begin();
  wire::Response cut();

 private:
  StatusOr<std::shared_ptr<const HostCall>> describe() const;
  void take();
  Status decode(std::string_view bytes);
  Status decode_end();
  void settle(const Status& failed, bool ended, const Status& why);
  Status missing_end(const Status& why) const;
  void close(bool answered);
  void succeed(wire::Response response);
  void fail(const Status& status);
  void arm();
  void due();
  std::pair<int64_t, std::string_view> next_due() const;
  void on_event(const wire::StreamEvent& event) override;

  HostedModel& model_;
  const CallId id_;
  ModelCall call_;
  CallSink& sink_;
  std::shared_ptr<const HostCall> shown_;
  std::shared_ptr<HostReply> reply_;
  std::unique_ptr<wire::StreamDecoder> decoder_;
  wire::FrameReader frames_{wire::Framing::kLines};
  std::string whole_;  // of an answer that is one document
  net::TimerId timer_ = 0;
  int64_t began_ns_ = 0;
  int64_t heard_ns_ = 0;  // the last bytes; 0: none yet
  int64_t progress_ns_ = 0;
  uint32_t tool_calls_ = 0;
  bool over_ = false;
};

class HostedModel final : public Model {
 public:
  HostedModel(Route route, net::Loop& loop)
      : route_(std::move(route)), loop_(loop), self_(std::make_shared<HostedModel*>(this)) {}
  ~HostedModel() override {
    *self_ = nullptr;
    calls_.clear();
  }

  CallId start(ModelCall call, CallSink& sink) override {
    const CallId id = ++last_id_;
    calls_.emplace(id, std::make_shared<Hosted>(*this, id, std::move(call), sink));
    loop_.post([self = self_, id] {
      if (*self == nullptr) return;
      if (const auto it = (*self)->calls_.find(id); it != (*self)->calls_.end())
        std::shared_ptr<Hosted>(it->second)->begin();
    });
    return id;
  }

  wire::Response cancel(CallId id) override {
    const auto it = calls_.find(id);
    if (it == calls_.end()) return {};
    const std::shared_ptr<Hosted> call = it->second;
    calls_.erase(it);
    return call->cut();
  }

  const Route& route() const override { return route_; }
  void forget(CallId id) { calls_.erase(id); }

  const Route route_;
  net::Loop& loop_;

 private:
  std::shared_ptr<HostedModel*> self_;
  std::map<CallId, std::shared_ptr<Hosted>> calls_;
  CallId last_id_ = 0;
};

Hosted::Hosted(HostedModel& model, CallId id, ModelCall call, CallSink& sink)
    : model_(model), id_(id), call_(std::move(call)), sink_(sink) {}

Hosted::~Hosted() {
  if (timer_ != 0) model_.loop_.cancel_timer(timer_);
  if (reply_ != nullptr) reply_->close();
}

StatusOr<std::shared_ptr<const HostCall>> Hosted::describe() const {
  const Route& route = model_.route_;
  const HostModel& host = *route.host;
  auto shown = std::make_shared<HostCall>();
  shown->call_id = make_id("mc", system_clock(), system_random()).str();
  shown->request_id = call_.request_id;
  shown->run_id = call_.run_id;
  shown->session_id = call_.session_id;
  shown->model = route.provider + "/" + route.model;
  shown->timeout_ms = route.deadlines.total_ms;
  const wire::Request* request = call_.request;
  wire::Request whole;
  if (!host.stream && request->stream) {
    whole = *request;
    whole.stream = false;
    request = &whole;
  }
  if (host.dialect != nullptr) {
    TAU_ASSIGN_OR_RETURN(shown->request, host.dialect->encode_request(*request, host.quirks, call_.target));
    Route place;
    place.model = route.model;
    place.dialect = host.dialect;
    shown->path = endpoint_url(place, host.stream);
    return std::shared_ptr<const HostCall>(std::move(shown));
  }
  std::vector<const wire::Media*> media;
  shown->request = wire::to_json(*request, call_.target, host.needs_blobs ? &media : nullptr);
  for (const wire::Media* blob : media) shown->blobs.push_back(*blob);
  return std::shared_ptr<const HostCall>(std::move(shown));
}

void Hosted::begin() {
  const Route& route = model_.route_;
  sink_.on_attempt(1, ok_status());
  if (over_) return;
  auto shown = describe();
  if (!shown.ok()) return fail(shown.status());
  shown_ = *std::move(shown);
  const HostModel& host = *route.host;
  decoder_ =
      host.dialect != nullptr ? host.dialect->stream_decoder(host.quirks) : wire::neutral_stream_decoder();
  if (host.dialect != nullptr) frames_ = wire::FrameReader(host.dialect->framing());
  began_ns_ = progress_ns_ = model_.loop_.now_ns();
  reply_ = std::make_shared<HostReply>(model_.loop_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->take();
  });
  arm();
  route.host->call(shown_, reply_, call_.port);
}

wire::Response Hosted::cut() {
  const bool have = decoder_ != nullptr && !over_;
  close(/*answered=*/false);
  return have ? decoder_->take_response() : wire::Response();
}

// From here on the program's bytes are nobody's.
void Hosted::close(bool answered) {
  if (std::exchange(over_, true)) return;
  if (timer_ != 0) model_.loop_.cancel_timer(std::exchange(timer_, 0));
  if (reply_ == nullptr) return;
  reply_->close();
  model_.route_.host->over(*shown_, call_.port, answered);
}

void Hosted::take() {
  if (over_) return;
  const auto keep_alive = shared_from_this();
  std::string bytes;
  Status why;
  const bool ended = reply_->take(bytes, why);
  if (!bytes.empty()) heard_ns_ = model_.loop_.now_ns();
  settle(decode(bytes), ended, why);
}

// Answers are whole when their decoder says so: what the program sends behind that is not looked at.
void Hosted::settle(const Status& failed, bool ended, const Status& why) {
  if (over_) return;
  if (!failed.ok()) return fail(failed);
  const HostModel& host = *model_.route_.host;
  if (host.stream && decoder_->finished()) return succeed(decoder_->take_response());
  if (!ended) return;
  if (!why.ok()) return fail(why);
  if (host.stream) {
    const Status last = decode_end();
    if (over_) return;
    if (last.ok() && decoder_->finished()) return succeed(decoder_->take_response());
    return fail(missing_end(last));
  }
  if (whole_.empty()) return fail(missing_end(ok_status()));
  auto response = host.dialect != nullptr ? host.dialect->decode_response(whole_, host.quirks)
                                          : wire::response_from_json(std::string_view(whole_));
  if (!response.ok())
    return fail(failure(Code::kDataLoss, "invalid_response",
                        format("the answer of the model is no response: {}", response.status().message()),
                        true));
  const std::string text = response->message.text();
  if (!text.empty()) on_event({.kind = wire::StreamEvent::Kind::kText, .text = text});
  if (!over_) succeed(*std::move(response));
}

// The program let go before it had said all.
Status Hosted::missing_end(const Status& why) const {
  if (!why.ok() && why.reason() != "stream_truncated") return why;
  return failure(Code::kUnavailable, "model_dropped_reply",
                 format("{} dropped its reply before the answer was whole", shown_->model), true);
}

Status Hosted::decode(std::string_view bytes) {
  if (!model_.route_.host->stream) {
    whole_ += bytes;
    return ok_status();
  }
  Status failed;
  const Status framing = frames_.feed(bytes, [&](std::string_view type, std::string_view data) {
    failed = decoder_->event(type, data, *this);
    if (failed.ok() && tool_calls_ > kMaxToolCalls)
      failed =
          resource_exhausted("too_many_tool_calls",
                             format("the model asked for more than {} tool calls at once", kMaxToolCalls));
    return failed.ok() && !over_ && !decoder_->finished();
  });
  return failed.ok() ? framing : failed;
}

Status Hosted::decode_end() {
  Status failed;
  const Status framing = frames_.end([&](std::string_view type, std::string_view data) {
    failed = decoder_->event(type, data, *this);
    return failed.ok() && !over_ && !decoder_->finished();
  });
  TAU_RETURN_IF_ERROR(failed);
  if (over_ || decoder_->finished()) return ok_status();
  TAU_RETURN_IF_ERROR(framing);
  return decoder_->end(*this);
}

void Hosted::on_event(const wire::StreamEvent& event) {
  if (over_) return;
  if (event.kind == wire::StreamEvent::Kind::kToolCall && ++tool_calls_ > kMaxToolCalls) return;
  if (event.kind != wire::StreamEvent::Kind::kPing) progress_ns_ = model_.loop_.now_ns();
  sink_.on_event(event);
}

void Hosted::succeed(wire::Response response) {
  close(/*answered=*/true);
  model_.forget(id_);
  sink_.on_response(std::move(response));
}

void Hosted::fail(const Status& status) {
  const auto keep_alive = shared_from_this();
  wire::Response partial;
  if (decoder_ != nullptr) partial = decoder_->take_response();
  close(/*answered=*/false);
  model_.forget(id_);
  sink_.on_failure(status, std::move(partial));
}

// The first deadline that passes, and the reason of its failure.
std::pair<int64_t, std::string_view> Hosted::next_due() const {
  const Deadlines& limits = model_.route_.deadlines;
  std::pair<int64_t, std::string_view> first{0, {}};
  const auto consider = [&](int64_t from_ns, int64_t limit_ms, std::string_view reason) {
    const int64_t at = from_ns + limit_ms * kNanosPerMilli;
    if (limit_ms > 0 && (first.second.empty() || at < first.first)) first = {at, reason};
  };
  consider(began_ns_, limits.total_ms, "total_timeout");
  if (heard_ns_ == 0) {
    consider(began_ns_, limits.first_byte_ms, "first_byte_timeout");
  } else {
    consider(heard_ns_, limits.idle_ms, "idle_timeout");
    if (model_.route_.host->stream) consider(progress_ns_, limits.progress_ms, "progress_timeout");
  }
  return first;
}

void Hosted::arm() {
  const auto [at, reason] = next_due();
  if (!reason.empty())
    timer_ = model_.loop_.set_timer(at, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->due();
    });
}

void Hosted::due() {
  timer_ = 0;
  if (over_) return;
  const auto [at, reason] = next_due();
  if (at > model_.loop_.now_ns()) return arm();
  fail(failure(Code::kDeadlineExceeded, reason, format("{} did not answer in time", shown_->model),
               heard_ns_ == 0 || reason == "progress_timeout"));
}

}  // namespace

HostReply::HostReply(net::Loop& loop, std::function<void()> ready) : loop_(loop), ready_(std::move(ready)) {}

HostReply::Fed HostReply::feed(std::string_view bytes, int timeout_ms) {
  std::unique_lock lock(mutex_);
  const auto fits = [&] { return inbox_.empty() || inbox_.size() + bytes.size() <= kRoom; };
  const auto settled = [&] { return over_ || ended_ || fits(); };
  if (timeout_ms != 0 && !settled() && loop_.on_owner_thread()) timeout_ms = 0;  // who would make room
  if (!settled() && timeout_ms > 0) room_.wait_for(lock, std::chrono::milliseconds(timeout_ms), settled);
  if (!settled() && timeout_ms < 0) room_.wait(lock, settled);
  if (over_ || ended_) return Fed::kOver;
  if (!fits()) return Fed::kFull;
  if (bytes.size() > kMostBytes - total_) {
    why_ = too_large();
    ended_ = true;
    tell(lock);
    return Fed::kTooLarge;
  }
  if (bytes.empty()) return Fed::kTaken;
  const size_t before = inbox_.size();
  try {
    inbox_.append(bytes);
    tell(lock);
  } catch (const std::bad_alloc&) {
    inbox_.resize(before);
    throw;
  }
  total_ += bytes.size();
  return Fed::kTaken;
}

void HostReply::end(Status why) {
  std::unique_lock lock(mutex_);
  if (over_ || ended_) return;
  ended_ = true;
  why_ = std::move(why);
  room_.notify_all();
  tell(lock);
}

bool HostReply::over() const {
  const std::lock_guard lock(mutex_);
  return over_ || ended_;
}

// Under the lock: a loop that has closed the reply may be gone. A run that cannot be told for lack of memory
// ends.
void HostReply::tell(std::unique_lock<std::mutex>&) {
  if (told_ || over_) return;
  const net::OwnerScope scope(owner_);
  try {
    loop_.post([ready = ready_] { ready(); });
    told_ = true;
  } catch (const std::bad_alloc&) {
    if (!ended_) throw;
    loop_.out_of_memory(owner_);
  }
}

bool HostReply::take(std::string& bytes, Status& why) {
  const std::lock_guard lock(mutex_);
  told_ = false;
  bytes = std::exchange(inbox_, {});
  why = why_;
  room_.notify_all();
  return ended_;
}

void HostReply::close() noexcept {
  const std::lock_guard lock(mutex_);
  over_ = true;
  inbox_.clear();
  inbox_.shrink_to_fit();
  room_.notify_all();
}

void HostReplies::add(const std::string& call_id, std::shared_ptr<HostReply> reply) {
  const std::lock_guard lock(mutex_);
  open_[call_id] = std::move(reply);
}

std::shared_ptr<HostReply> HostReplies::find(const std::string& call_id) const {
  const std::lock_guard lock(mutex_);
  const auto at = open_.find(call_id);
  return at == open_.end() ? nullptr : at->second;
}

void HostReplies::remove(const std::string& call_id) {
  const std::lock_guard lock(mutex_);
  open_.erase(call_id);
}

std::unique_ptr<Model> make_host_model(Route route, net::Loop& loop) {
  return std::make_unique<HostedModel>(std::move(route), loop);
}

}  // namespace tau::provider
