// What a runtime records of its providers, the recordings that answer for them, and the answers it gives
// again.
#include "runtime/agent_model.h"
#include "runtime/config_state.h"
#include "runtime/core.h"

namespace tau::runtime {
namespace {

constexpr std::string_view kDefaultFolder = "recordings";

// A name in the home, unless it is absolute.
std::string place_of(const RuntimeOptions& options, const std::string& name) {
  return name.starts_with('/') || options.home.empty() ? name : options.home + "/" + name;
}

// What is recorded and what is asked of recordings are rid of the same.
std::function<void(std::string&, bool)> cleaner(std::shared_ptr<safety::Screening> screening) {
  return [screening = std::move(screening)](std::string& text, bool is_json) {
    const Redaction redaction(screening->current());
    is_json ? redaction.clean_json(text, Author::kForeign) : redaction.clean(text, Author::kForeign);
  };
}

}  // namespace

RecordingConfig Config::recording() const {
  const json::Value& recorder = state_->merged["recorder"];
  const json::Value& replay = state_->merged["replay"];
  RecordingConfig out;
  out.directory = recorder["dir"].as_string();
  out.max_bytes = recorder["max_bytes"].as_int(out.max_bytes);
  out.repeat = replay["repeat"].as_bool();
  out.timing = replay["timing"].as_bool();
  return out;
}

provider::CachePolicy Config::cache(std::string_view route) const {
  const json::Value& all = state_->merged["cache"];
  provider::CachePolicy policy;
  policy.ttl_ms = all["ttl_s"].as_int() * 1000;
  policy.max_bytes = all["max_bytes"].as_int(16 << 20);
  policy.shared = all["shared"].as_bool();
  if (route.empty()) return policy;
  const json::Value& own = state_->merged["routes"][route]["cache"];
  policy.ttl_ms = own["ttl_s"].as_int(policy.ttl_ms / 1000) * 1000;
  policy.max_bytes = own["max_bytes"].as_int(policy.max_bytes);
  return policy;
}

// Whoever keeps nothing, or only reads, records nothing.
void Core::open_recorder() {
  const RecordingConfig config = config_->recording();
  if (config.directory.empty() || options_.no_store || options_.read_only) return;
  provider::RecorderOptions recorder;
  recorder.directory = place_of(options_, config.directory);
  recorder.max_bytes = config.max_bytes;
  recorder.clean = cleaner(screening_);
  recorder.report = [this](const Status& problem) {
    log(LogLevel::kWarn, "recorder", format("{} ({})", problem.message(), problem.reason()));
  };
  recorder_ = provider::make_recorder(std::move(recorder));
}

StatusOr<std::shared_ptr<provider::Recordings>> Core::recordings(const provider::Route& route) {
  std::shared_ptr<provider::Recordings> found;
  if (route.recording.empty() && route.provider != kReplayProvider) return found;
  std::string path = route.recording;
  if (path.empty()) {
    const std::string folder = config_->recording().directory;
    path = format("{}/{}.jsonl", folder.empty() ? kDefaultFolder : folder, route.model);
  }
  path = place_of(options_, path);
  const std::string key = route.dialect != nullptr ? format("{}:{}", route.dialect->name(), path) : path;
  const std::lock_guard lock(mutex_);
  if (const auto known = recordings_.find(key); known != recordings_.end()) return known->second;
  TAU_ASSIGN_OR_RETURN(found, provider::Recordings::load(path, route.dialect));
  recordings_.emplace(key, found);
  return found;
}

std::shared_ptr<provider::ResponseCache> Core::response_cache(const provider::RouteSpec* route) {
  const std::string name = route != nullptr && config_->has_route(route->name) ? route->name : std::string();
  const provider::CachePolicy policy = config_->cache(name);
  if (!policy.enabled()) return nullptr;
  const std::lock_guard lock(mutex_);
  auto& cache = responses_[name];
  if (cache == nullptr)
    cache = std::make_shared<provider::ResponseCache>(
        policy, [] { return system_clock().monotonic_ns() / kNanosPerMilli; });
  return cache;
}

std::unique_ptr<provider::Model> make_local_upstream(Core& core, net::EventLoop& loop,
                                                     const provider::Route& route) {
  if (route.host != nullptr) return provider::make_host_model(route, loop);
  if (route.provider == "offline") return provider::make_offline_model(loop);
  auto found = core.recordings(route);
  if (found.ok() && *found == nullptr) return nullptr;
  const RecordingConfig config = core.config().recording();
  std::shared_ptr<provider::Recordings> recordings;  // null fails each call: never is a server asked
  if (found.ok()) recordings = *std::move(found);
  const provider::ReplayOptions options = {.repeat = config.repeat,
                                           .timing = config.timing,
                                           .any_model = route.provider == kReplayProvider,
                                           .clean = cleaner(core.shared_screening())};
  return provider::make_replay_model(route, std::move(recordings), loop, system_random(), options);
}

std::unique_ptr<provider::Model> make_served_upstream(
    Core& core, net::EventLoop& loop, const provider::Route& route, net::HttpClient& http,
    provider::Authorizer* authorizer, std::map<std::string, std::unique_ptr<net::HttpClient>>& recorded) {
  if (core.recorder() == nullptr || !route.record)
    return provider::make_http_model(route, http, loop, system_random(), authorizer);
  std::unique_ptr<net::HttpClient>& client = recorded[route.provider];
  if (client == nullptr) client = provider::make_recording_client(http, loop, *core.recorder(), route);
  return provider::make_http_model(route, *client, loop, system_random(), authorizer);
}

std::unique_ptr<provider::Model> LoopHost::make_upstream(const provider::Route& route) {
  if (auto local = make_local_upstream(core_, *loop_, route)) return local;
  return make_served_upstream(core_, *loop_, route, http(), authorizer_of(route), recorded_);
}

}  // namespace tau::runtime
