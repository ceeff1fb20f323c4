#include "runtime/host_model.h"

#include <algorithm>
#include <atomic>
#include <initializer_list>

#include "runtime/config_keys.h"
#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/requests.h"

namespace tau::runtime {
namespace {

constexpr size_t kMostModels = 1024;
constexpr size_t kMaxNameBytes = 256;
constexpr std::string_view kEvery = "*";

// What a worker is to take. Dropped by a pool that has no thread for it, it lets go of the reply.
struct Given {
  Given(std::shared_ptr<const provider::HostCall> c, std::shared_ptr<provider::HostReply> r)
      : call(std::move(c)), reply(std::move(r)) {}
  Given(const Given&) = delete;
  Given& operator=(const Given&) = delete;
  ~Given() {
    if (reply == nullptr) return;
    try {
      reply->end(unavailable("no_worker", "no thread could be started"));
    } catch (const std::bad_alloc&) { reply->end(Status::out_of_memory()); }
  }
  std::shared_ptr<const provider::HostCall> call;
  std::shared_ptr<provider::HostReply> reply;
};

// A function that runs on a worker and may answer later.
class InvokeModel final : public provider::HostModel {
 public:
  InvokeModel(HostModelHooks hooks, tool::Workers& workers)
      : hooks_(std::make_shared<const HostModelHooks>(std::move(hooks))), workers_(workers) {}

  void call(std::shared_ptr<const provider::HostCall> call, std::shared_ptr<provider::HostReply> reply,
            provider::HostModelPort*) override {
    auto begun = std::make_shared<std::atomic<bool>>(false);
    {
      const std::lock_guard lock(mutex_);
      begun_[call->call_id] = begun;
    }
    auto given = std::make_unique<Given>(std::move(call), std::move(reply));
    workers_.submit([hooks = hooks_, begun, given = std::move(given)] {
      const auto way_back = std::exchange(given->reply, nullptr);
      if (way_back->over()) return;
      *begun = true;
      hooks->invoke(std::move(given->call), way_back);
    });
  }

  void over(const provider::HostCall& call, provider::HostModelPort*, bool answered) override {
    std::shared_ptr<std::atomic<bool>> begun;
    {
      const std::lock_guard lock(mutex_);
      if (auto node = begun_.extract(call.call_id); !node.empty()) begun = std::move(node.mapped());
    }
    if (!answered && begun != nullptr && *begun && hooks_->cancel) hooks_->cancel(call);
  }

 private:
  const std::shared_ptr<const HostModelHooks> hooks_;
  tool::Workers& workers_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<std::atomic<bool>>> begun_;  // open calls
};

// Answered by whoever reads the events of the run, with ops.
class EventModel final : public provider::HostModel {
 public:
  explicit EventModel(std::shared_ptr<void> keep_alive) : keep_alive_(std::move(keep_alive)) {
    needs_blobs = false;
  }
  void call(std::shared_ptr<const provider::HostCall> call, std::shared_ptr<provider::HostReply> reply,
            provider::HostModelPort* port) override {
    if (port == nullptr)
      return reply->end(failed_precondition("no_host", "no host program answers such calls here"));
    port->model_called(*call, std::move(reply));
  }
  void over(const provider::HostCall& call, provider::HostModelPort* port, bool answered) override {
    if (port != nullptr) port->model_call_over(call, answered);
  }

 private:
  const std::shared_ptr<void> keep_alive_;
};

// What the catalog of models knows of any, too.
Status read_facts(const json::Value& v, const std::string& name, provider::Route& route) {
  json::Value facts = json::Value::object();
  for (const std::string_view key :
       {"context_tokens", "max_output_tokens", "price", "tools", "images", "reasoning"})
    if (const json::Value* value = v.find(key)) facts.set(key, *value);
  json::Value models = json::Value::object();
  models.set(name, std::move(facts));
  json::Value catalog = json::Value::object();
  catalog.set("schema_version", json::Value(int64_t{1}));
  catalog.set("models", std::move(models));
  const auto read = provider::ModelCatalog::parse(json::write(catalog));
  if (!read.ok()) return invalid_argument("invalid_model", read.status().message());
  if (const provider::ModelFacts* found = read->find(name)) provider::complete(route, *found);
  return ok_status();
}

Status check_times(const json::Value& v, std::string_view what,
                   std::initializer_list<std::string_view> known) {
  if (v.is_null()) return ok_status();
  TAU_RETURN_IF_ERROR(only_keys(v, what, known));
  for (const auto& [key, value] : v.as_object()) {
    constexpr int64_t kMost = 86'400'000;
    const bool good = value.is_integer() && value.as_int(-1) >= 0 && value.as_int() <= kMost;
    TAU_RETURN_IF_ERROR(check_type(good, what, key, "an integer from 0 to 86,400,000"));
  }
  return ok_status();
}

Status read_form(const json::Value& v, provider::HostModel& host) {
  TAU_ASSIGN_OR_RETURN(host.stream, read_flag(v, "model", "stream", true));
  if (v.contains("dialect")) {
    TAU_ASSIGN_OR_RETURN(const std::string dialect, need_string(v, "model", "dialect"));
    host.dialect = wire::find_dialect(dialect);
    if (host.dialect == nullptr)
      return invalid_argument("unknown_dialect", format("dialect \"{}\" is not known", dialect));
  }
  if (!v.contains("quirks")) return ok_status();
  if (host.dialect == nullptr)
    return invalid_argument("invalid_model", "model: \"quirks\" are those of a \"dialect\"");
  TAU_ASSIGN_OR_RETURN(host.quirks, wire::quirks_from_json(json::write(v["quirks"])));
  return ok_status();
}

Status check_name(std::string_view name, const provider::ModelReference& reference) {
  if (name.size() > kMaxNameBytes)
    return invalid_argument("invalid_model", format("model: a name has at most {} bytes", kMaxNameBytes));
  if (!is_config_name(reference.provider))
    return invalid_argument("invalid_model",
                            format("model: \"{}\" cannot be the name of a provider", reference.provider));
  if (is_reserved_provider(reference.provider))
    return invalid_argument("invalid_model",
                            format("model: \"{}\" is a provider of the library itself", reference.provider));
  return ok_status();
}

}  // namespace

Status HostModels::add(std::string_view document, HostModelHooks hooks, tool::Workers& workers) {
  TAU_ASSIGN_OR_RETURN(const json::Value v, json::parse(document));
  TAU_RETURN_IF_ERROR(
      only_keys(v, "model",
                {"model", "dialect", "quirks", "stream", "context_tokens", "max_output_tokens", "price",
                 "tools", "images", "reasoning", "deadlines", "retry"}));
  TAU_ASSIGN_OR_RETURN(const std::string name, need_string(v, "model", "model"));
  TAU_ASSIGN_OR_RETURN(const provider::ModelReference reference, provider::parse_model_reference(name));
  TAU_RETURN_IF_ERROR(check_name(name, reference));
  TAU_RETURN_IF_ERROR(check_times(v["deadlines"], "model.deadlines",
                                  {"first_byte_ms", "idle_ms", "progress_ms", "total_ms"}));
  TAU_RETURN_IF_ERROR(check_times(v["retry"], "model.retry",
                                  {"max_attempts", "base_delay_ms", "max_delay_ms", "max_retry_after_ms"}));
  const bool blocks = static_cast<bool>(hooks.invoke);
  if (blocks && !workers.available())
    return failed_precondition("needs_worker",
                               format("the model {} blocks, and this runtime has no workers", name));
  provider::Route route;
  route.provider = reference.provider;
  route.model = reference.model;
  TAU_RETURN_IF_ERROR(read_facts(v, name, route));
  read_timing(v, route);
  route.retry.max_attempts = std::max(route.retry.max_attempts, 1);
  std::shared_ptr<provider::HostModel> host;
  if (blocks) {
    host = std::make_shared<InvokeModel>(std::move(hooks), workers);
  } else {
    host = std::make_shared<EventModel>(std::move(hooks.keep_alive));
  }
  TAU_RETURN_IF_ERROR(read_form(v, *host));
  route.host = std::move(host);
  const std::lock_guard lock(mutex_);
  if (models_.size() >= kMostModels)
    return resource_exhausted("too_many_models", format("a runtime has at most {} models", kMostModels));
  if (!models_.try_emplace(name, std::move(route)).second)
    return Status(Code::kAlreadyExists, "model_exists", format("there is a model {} already", name));
  return ok_status();
}

Status HostModels::remove(std::string_view model) {
  decltype(models_)::node_type gone;  // before the lock: what it owns dies after it
  const std::lock_guard lock(mutex_);
  const auto at = models_.find(model);
  if (at == models_.end()) return not_found("no_such_model", format("no model {} was added", model));
  gone = models_.extract(at);
  return ok_status();
}

std::optional<provider::Route> HostModels::find(const provider::ModelReference& reference) const {
  const std::lock_guard lock(mutex_);
  auto at = models_.find(reference.provider + "/" + reference.model);
  if (at == models_.end()) at = models_.find(reference.provider + "/" + std::string(kEvery));
  if (at == models_.end()) return std::nullopt;
  provider::Route route = at->second;
  route.model = reference.model;
  return route;
}

void HostModels::describe(json::Writer& w) const {
  const std::lock_guard lock(mutex_);
  w.begin_array();
  for (const auto& [name, route] : models_) {
    w.begin_object().field("model", name);
    w.field("answers", route.host->needs_blobs ? "function" : "events");
    if (route.host->dialect != nullptr) w.field("dialect", route.host->dialect->name());
    w.field("stream", route.host->stream).end_object();
  }
  w.end_array();
}

Status fed_status(provider::HostReply::Fed fed) {
  switch (fed) {
    case provider::HostReply::Fed::kTaken: return ok_status();
    case provider::HostReply::Fed::kFull:
      return unavailable("model_reply_full", "the run has not taken what was fed before: try again");
    case provider::HostReply::Fed::kTooLarge:
      return resource_exhausted("response_too_large",
                                format("an answer has at most {} bytes", provider::HostReply::kMostBytes));
    case provider::HostReply::Fed::kOver: break;
  }
  return failed_precondition("model_call_over",
                             "this call was answered, or its answer is not wanted any more");
}

Status read_model_error(std::string_view json, Status& error) {
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(json));
  if (!value["code"].is_string())
    return invalid_argument("invalid_error", "an error of a model is a JSON object with a \"code\"");
  error = wire::error_from_neutral(value);
  return ok_status();
}

StatusOr<std::string> remove_model(Core& core, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "model"}));
  TAU_ASSIGN_OR_RETURN(const std::string model, need_string(request, "request", "model"));
  TAU_RETURN_IF_ERROR(core.host_models().remove(model));
  return std::string("{}");
}

}  // namespace tau::runtime
