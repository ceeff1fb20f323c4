// The HTTP model over a client that sends nothing: recordings answer.
#include <algorithm>
#include <map>

#include "provider/recordings.h"

namespace tau::provider {
namespace {

constexpr size_t kPiece = 16'384;
constexpr size_t kMostOfASplit = 64;

// Small and the same everywhere.
class Pieces {
 public:
  explicit Pieces(uint64_t seed) : state_(seed) {}
  size_t next() {
    if (state_ == 0) return kPiece;
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return 1 + (state_ >> 33) % kMostOfASplit;
  }

 private:
  uint64_t state_;
};

// What a recording says of an answer that broke off.
Status interruption(std::string_view reason, bool began) {
  ErrorInfo info;
  info.code = reason.ends_with("timeout") ? Code::kDeadlineExceeded : Code::kUnavailable;
  info.reason = reason;
  info.message = "the recorded exchange ended so";
  info.retryable = !began;
  return Status(std::move(info));
}

class ReplayClient final : public net::HttpClient {
 public:
  ReplayClient(const Route& route, std::shared_ptr<Recordings> recordings, net::Loop& loop,
               ReplayOptions options)
      : dialect_(*route.dialect),
        model_(route.model),
        recordings_(std::move(recordings)),
        loop_(loop),
        options_(std::move(options)),
        pieces_(options_.split_seed),
        self_(std::make_shared<ReplayClient*>(this)) {}

  ~ReplayClient() override { *self_ = nullptr; }

  net::RequestId start(net::HttpRequest request, net::HttpSink& sink) override {
    const net::RequestId id = ++last_id_;
    open_.emplace(id, Open{&sink, std::move(request.body), nullptr, 0, false, false});
    later(id, 0);
    return id;
  }
  void cancel(net::RequestId id) override { open_.erase(id); }
  void pause(net::RequestId id) override {
    if (const auto it = open_.find(id); it != open_.end()) it->second.paused = true;
  }
  void resume(net::RequestId id) override {
    const auto it = open_.find(id);
    if (it == open_.end() || !std::exchange(it->second.paused, false)) return;
    later(id, 0);
  }

 private:
  struct Open {
    net::HttpSink* sink;
    std::string body;
    const Recordings::Answer* answer;
    size_t sent;
    bool paused;
    bool headed;
  };

  void later(net::RequestId id, int64_t delay_ms) {
    const auto task = [self = self_, id] {
      if (*self != nullptr) (*self)->step(id);
    };
    if (delay_ms == 0) return loop_.post(task);
    (void)loop_.set_timer(loop_.now_ns() + delay_ms * kNanosPerMilli, task);
  }

  // One step of an answer: its head, a piece of its body, or its end.
  void step(net::RequestId id) {
    const auto it = open_.find(id);
    if (it == open_.end() || it->second.paused) return;
    Open& open = it->second;
    if (open.answer == nullptr) return begin(id, open);
    const Recordings::Answer& answer = *open.answer;
    if (open.sent == 0 && !std::exchange(open.headed, true)) return head(id, open);
    if (open.sent == answer.body.size()) return end(id, answer);
    const size_t size = std::min(pieces_.next(), answer.body.size() - open.sent);
    const std::string_view piece = std::string_view(answer.body).substr(open.sent, size);
    open.sent += size;
    later(id, 0);
    open.sink->on_body(piece);
  }

  void begin(net::RequestId id, Open& open) {
    if (options_.clean) options_.clean(open.body, true);
    const auto found =
        recordings_ == nullptr
            ? StatusOr<const Recordings::Answer*>(not_found("recording_not_found", "there are no recordings"))
            : recordings_->find(dialect_, model_, open.body, options_);
    if (!found.ok()) return finish(id, found.status());
    open.answer = *found;
    if (open.answer->status == 0) return finish(id, interruption(open.answer->interrupted, false));
    later(id, options_.timing ? open.answer->first_byte_ms : 0);
  }

  void head(net::RequestId id, const Open& open) {
    later(id, options_.timing ? open.answer->total_ms - open.answer->first_byte_ms : 0);
    open.sink->on_head(open.answer->status, open.answer->headers);
  }

  void end(net::RequestId id, const Recordings::Answer& answer) {
    const bool whole = answer.interrupted.empty() || answer.interrupted == "cancelled";
    finish(id, whole ? ok_status() : interruption(answer.interrupted, true));
  }

  void finish(net::RequestId id, const Status& status) {
    const auto node = open_.extract(id);
    node.mapped().sink->on_done(status);
  }

  const wire::Dialect& dialect_;
  const std::string model_;
  const std::shared_ptr<Recordings> recordings_;
  net::Loop& loop_;
  const ReplayOptions options_;
  Pieces pieces_;
  const std::shared_ptr<ReplayClient*> self_;
  std::map<net::RequestId, Open> open_;
  net::RequestId last_id_ = 0;
};

// The HTTP model, and the client that it asks.
class ReplayModel final : public Model {
 public:
  ReplayModel(Route route, std::shared_ptr<Recordings> recordings, net::Loop& loop, Random& random,
              ReplayOptions options)
      : client_(route, std::move(recordings), loop, std::move(options)),
        model_(make_http_model(std::move(route), client_, loop, random)) {}

  CallId start(ModelCall call, CallSink& sink) override { return model_->start(std::move(call), sink); }
  wire::Response cancel(CallId id) override { return model_->cancel(id); }
  const Route& route() const override { return model_->route(); }

 private:
  ReplayClient client_;
  std::unique_ptr<Model> model_;
};

}  // namespace

std::unique_ptr<Model> make_replay_model(Route route, std::shared_ptr<Recordings> recordings, net::Loop& loop,
                                         Random& random, ReplayOptions options) {
  if (route.dialect == nullptr && recordings != nullptr) route.dialect = recordings->dialect();
  if (route.dialect == nullptr) route.dialect = &wire::openai_chat();
  if (route.base_url.empty()) route.base_url = "https://recording.invalid";
  route.credential_id.clear();
  return std::make_unique<ReplayModel>(std::move(route), std::move(recordings), loop, random,
                                       std::move(options));
}

}  // namespace tau::provider
