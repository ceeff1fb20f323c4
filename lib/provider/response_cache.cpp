// Answers in memory, the least recently used of which go first.
#include "provider/response_cache.h"

#include <algorithm>
#include <list>
#include <map>
#include <mutex>

#include "provider/request_match.h"

namespace tau::provider {
namespace {

constexpr int64_t kOverhead = 512;  // of an answer, beside its text

bool is_whole(const wire::Response& response) {
  return response.finish == wire::FinishReason::kStop || response.finish == wire::FinishReason::kToolCalls;
}

bool is_plain(const std::vector<wire::Part>& parts) {
  return std::ranges::all_of(parts, [](const wire::Part& part) {
    if (part.as<wire::Opaque>() != nullptr) return false;
    if (const auto* const media = part.as<wire::Media>()) return media->url.empty() && media->id.empty();
    const auto* const result = part.as<wire::ToolResult>();
    return result == nullptr || is_plain(result->content);
  });
}

bool may_be_kept(const wire::Request& request) {
  const auto plain = [](const wire::Message& message) { return is_plain(message.parts); };
  const auto ours = [](const wire::ToolSpec& tool) { return tool.extras.empty(); };
  return std::ranges::all_of(request.messages, plain) && std::ranges::all_of(request.tools, ours);
}

}  // namespace

struct ResponseCache::State {
  struct Entry {
    std::string key;
    std::shared_ptr<const CachedAnswer> answer;
    int64_t bytes = 0;
    int64_t kept_ms = 0;
  };
  using Entries = std::list<Entry>;

  CachePolicy policy;
  std::function<int64_t()> now_ms;
  mutable std::mutex mutex;
  Entries entries;  // the most recently used first
  std::map<std::string, Entries::iterator, std::less<>> by_key;
  int64_t bytes = 0;

  void erase(Entries::iterator entry) {
    bytes -= entry->bytes;
    by_key.erase(entry->key);
    entries.erase(entry);
  }
};

ResponseCache::ResponseCache(CachePolicy policy, std::function<int64_t()> now_ms)
    : state_(std::make_unique<State>()) {
  state_->policy = policy;
  state_->now_ms = std::move(now_ms);
}
ResponseCache::~ResponseCache() = default;

std::string ResponseCache::key_of(std::string_view model, const ModelCall& call) const {
  if (!state_->policy.enabled() || !may_be_kept(*call.request)) return {};
  json::Value key = json::Value::object();
  json::Value meaning = request_meaning(*call.request);
  if (!call.target.model.empty()) meaning.set("model", call.target.model);
  if (call.target.max_tokens) meaning.set("max_tokens", *call.target.max_tokens);
  key.set("asked", std::move(meaning)).set("model", model);
  if (!state_->policy.shared) key.set("principal", call.principal.view());
  return meaning_digest(key);
}

std::shared_ptr<const CachedAnswer> ResponseCache::find(std::string_view key) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->by_key.find(key);
  if (found == state_->by_key.end()) return nullptr;
  const auto entry = found->second;
  const int64_t age = state_->now_ms() - entry->kept_ms;
  if (age < 0 || age >= state_->policy.ttl_ms) {
    state_->erase(entry);
    return nullptr;
  }
  state_->entries.splice(state_->entries.begin(), state_->entries, entry);
  return entry->answer;
}

void ResponseCache::keep(std::string_view key, CachedAnswer answer) {
  if (key.empty() || !is_whole(answer.response)) return;
  const auto size = static_cast<int64_t>(wire::to_json(answer.response).size() + key.size() * 2);
  const int64_t bytes = size + kOverhead;
  if (bytes > state_->policy.max_bytes) return;
  auto kept = std::make_shared<const CachedAnswer>(std::move(answer));
  const std::lock_guard lock(state_->mutex);
  if (const auto old = state_->by_key.find(key); old != state_->by_key.end()) state_->erase(old->second);
  while (state_->bytes + bytes > state_->policy.max_bytes) state_->erase(std::prev(state_->entries.end()));
  state_->entries.push_front({std::string(key), std::move(kept), bytes, state_->now_ms()});
  state_->by_key.emplace(key, state_->entries.begin());
  state_->bytes += bytes;
}

int64_t ResponseCache::bytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->bytes;
}

size_t ResponseCache::size() const {
  const std::lock_guard lock(state_->mutex);
  return state_->entries.size();
}

namespace {

class CachedModel;

// A call that goes on to the model: its answer is kept.
class Passing final : public CallSink {
 public:
  Passing(CachedModel& model, CallId id, CallSink& sink, std::string key)
      : model_(model), id_(id), sink_(sink), key_(std::move(key)) {}

  void on_event(const wire::StreamEvent& event) override { sink_.on_event(event); }
  void on_attempt(int attempt, const Status& previous) override { sink_.on_attempt(attempt, previous); }
  void on_decision(const RouteDecision& decision) override {
    if (decision.route != nullptr && decision.decision != "failed" && decision.decision != "waiting")
      answering_ = decision.route;
    sink_.on_decision(decision);
  }
  void on_response(wire::Response response) override;
  void on_failure(const Status& status, wire::Response partial) override;

  CallId inner = 0;

 private:
  CachedModel& model_;
  const CallId id_;
  CallSink& sink_;
  const std::string key_;
  const Route* answering_ = nullptr;
};

class CachedModel final : public Model {
 public:
  CachedModel(std::unique_ptr<Model> inner, std::shared_ptr<ResponseCache> cache, net::Loop& loop)
      : inner_(std::move(inner)),
        cache_(std::move(cache)),
        loop_(loop),
        self_(std::make_shared<CachedModel*>(this)) {}

  ~CachedModel() override { *self_ = nullptr; }

  CallId start(ModelCall call, CallSink& sink) override {
    const CallId id = ++last_id_;
    const Route& route = inner_->route();
    std::string key = cache_->key_of(format("{}/{}", route.provider, route.model), call);
    if (auto answer = key.empty() ? nullptr : cache_->find(key)) {
      hits_.emplace(id, Hit{std::move(answer), &sink});
      loop_.post([self = self_, id] {
        if (*self != nullptr) (*self)->answer(id);
      });
      return id;
    }
    auto passing = std::make_unique<Passing>(*this, id, sink, std::move(key));
    Passing& kept = *passing;
    passing_.emplace(id, std::move(passing));
    kept.inner = inner_->start(std::move(call), kept);
    return id;
  }

  wire::Response cancel(CallId id) override {
    if (hits_.erase(id) > 0) return {};
    const auto it = passing_.find(id);
    if (it == passing_.end()) return {};
    wire::Response partial = inner_->cancel(it->second->inner);
    retire(id);
    return partial;
  }

  const Route& route() const override { return inner_->route(); }

  // The call may be on the stack.
  void retire(CallId id) {
    auto node = passing_.extract(id);
    if (node.empty()) return;
    loop_.post([passing = std::move(node.mapped())]() mutable { passing.reset(); });
  }

  ResponseCache& cache() { return *cache_; }

 private:
  struct Hit {
    std::shared_ptr<const CachedAnswer> answer;
    CallSink* sink;
  };

  // The route of who gave an answer, which costs nothing this time; as long as the model lives.
  const Route& free_route(const CachedAnswer& answer) {
    const auto [it, added] = free_routes_.try_emplace(format("{}/{}", answer.provider, answer.model));
    Route& route = it->second;
    if (added) {
      route = inner_->route();
      route.provider = answer.provider;
      route.model = answer.model;
      route.price = Price();
      route.price.known = true;
    }
    return route;
  }

  // The sink may cancel the call from inside of any of its functions.
  bool show(CallId id, const wire::StreamEvent& event) {
    const auto it = hits_.find(id);
    if (it == hits_.end()) return false;
    it->second.sink->on_event(event);
    return hits_.contains(id);
  }

  bool show_parts(CallId id, const wire::Response& response) {
    using Kind = wire::StreamEvent::Kind;
    uint32_t part = 0;
    uint32_t call = 0;
    for (const wire::Part& one : response.message.parts) {
      bool open = true;
      if (const auto* const text = one.as<wire::Text>()) {
        open = show(id, {.kind = Kind::kText, .text = text->text, .part = part});
      } else if (const auto* const reasoning = one.as<wire::Reasoning>()) {
        open = show(id, {.kind = Kind::kReasoning, .text = reasoning->text, .part = part});
      } else if (const auto* const asked = one.as<wire::ToolCall>()) {
        open =
            show(id, {.kind = Kind::kToolCall,
                      .index = call,
                      .id = asked->id,
                      .name = asked->name,
                      .part = part,
                      .body = &one}) &&
            show(id, {.kind = Kind::kToolCallArgs, .index = call, .text = asked->arguments, .part = part}) &&
            show(id, {.kind = Kind::kToolCallEnd, .index = call, .part = part});
        ++call;
      } else {
        open = show(id, {.kind = Kind::kPart, .part = part, .body = &one});
      }
      if (!open) return false;
      ++part;
    }
    return true;
  }

  void answer(CallId id) {
    const auto it = hits_.find(id);
    if (it == hits_.end()) return;
    const auto answer = it->second.answer;
    CallSink& sink = *it->second.sink;
    sink.on_attempt(1, ok_status());
    if (!hits_.contains(id)) return;
    const std::string upstream = format("{}/{}", answer->provider, answer->model);
    RouteDecision decision;
    decision.decision = "answers";
    decision.reason = "cache_hit";
    decision.upstream = upstream;
    decision.attempt = 1;
    decision.route = &free_route(*answer);
    sink.on_decision(decision);
    if (!show(id, {.kind = wire::StreamEvent::Kind::kStart})) return;
    if (!show_parts(id, answer->response)) return;
    if (!show(id, {.kind = wire::StreamEvent::Kind::kFinish})) return;
    hits_.erase(id);
    wire::Response response = answer->response;
    const int64_t prompt = response.usage.input;
    response.usage = {};
    response.usage.input = response.usage.cached_input = prompt;
    response.usage.known = true;
    sink.on_response(std::move(response));
  }

  const std::unique_ptr<Model> inner_;
  const std::shared_ptr<ResponseCache> cache_;
  net::Loop& loop_;
  const std::shared_ptr<CachedModel*> self_;
  std::map<CallId, Hit> hits_;
  std::map<CallId, std::unique_ptr<Passing>> passing_;
  std::map<std::string, Route> free_routes_;
  CallId last_id_ = 0;
};

void Passing::on_response(wire::Response response) {
  const Route& route = answering_ != nullptr ? *answering_ : model_.route();
  model_.cache().keep(key_, {route.provider, route.model, response});
  CallSink& sink = sink_;
  model_.retire(id_);
  sink.on_response(std::move(response));
}

void Passing::on_failure(const Status& status, wire::Response partial) {
  CallSink& sink = sink_;
  const Status last = status;
  model_.retire(id_);
  sink.on_failure(last, std::move(partial));
}

}  // namespace

std::unique_ptr<Model> make_cached_model(std::unique_ptr<Model> inner, std::shared_ptr<ResponseCache> cache,
                                         net::Loop& loop) {
  return std::make_unique<CachedModel>(std::move(inner), std::move(cache), loop);
}

}  // namespace tau::provider
