#include "runtime/memory_desk.h"

#include <algorithm>
#include <utility>

#include "runtime/core.h"
#include "runtime/home.h"
#include "runtime/memory_embedders.h"
#include "runtime/memory_watch.h"

namespace tau::runtime {
namespace {

constexpr size_t kBatch = 64;  // texts whose vectors are made together
constexpr std::string_view kFile = "file:";

}  // namespace

// What work in the background shares with the desk: the desk may be gone by then.
struct MemoryDesk::Upkeep {
  std::mutex working;  // held for one piece of work
  std::atomic<bool> closing{false};
  std::atomic<bool> waits{false};  // a task is on its way
};

MemoryDesk::MemoryDesk(Core& core) : core_(core), upkeep_(std::make_shared<Upkeep>()) {}
MemoryDesk::~MemoryDesk() = default;

StatusOr<memory::Engine*> MemoryDesk::engine() {
  const std::lock_guard lock(mutex_);
  if (engine_ == nullptr) TAU_RETURN_IF_ERROR(open());
  return engine_.get();
}

Status MemoryDesk::open() {
  const RuntimeOptions& options = core_.options();
  memory::EngineOptions made;
  if (!options.no_store) made.folder = memory_folder(options.home);
  made.read_only = options.read_only;
  TAU_ASSIGN_OR_RETURN(auto engine, memory::Engine::open(core_.store(), system_clock(), std::move(made)));
  const MemoryConfig config = core_.config().memory();
  const bool waits = !config.model.empty() && config.model.find('/') != std::string::npos &&
                     !config.model.starts_with(kFile);
  if (of_host_ != nullptr) {
    TAU_RETURN_IF_ERROR(engine->set_embedder(of_host_));
  } else if (!waits) {
    auto embedder = make_local(config);
    if (embedder.ok()) {
      TAU_RETURN_IF_ERROR(engine->set_embedder(*std::move(embedder)));
    } else {
      // Words are found all the same, and every search says why there is no more.
      problem_ = embedder.status();
      core_.log(LogLevel::kError, "memory", problem_.message());
    }
  } else {
    problem_ = unavailable("embedder_starting", config.model + " was not asked for a vector yet");
  }
  engine->set_problem(problem_);
  engine_ = std::move(engine);
  return ok_status();
}

StatusOr<std::shared_ptr<const memory::Embedder>> MemoryDesk::make_local(const MemoryConfig& config) {
  if (config.model == "none") return std::shared_ptr<const memory::Embedder>();
  if (config.model.empty() || config.model == "hash")
    return std::shared_ptr<const memory::Embedder>(std::make_shared<memory::HashEmbedder>());
  if (!config.model.starts_with(kFile))
    return invalid_argument(
        "invalid_model_reference",
        format("memory.model is \"{}\"; it should be hash, none, file:NAME, file:/PATH or "
               "provider/model",
               config.model));
  const std::string place = config.model.substr(kFile.size());
  const std::string folder = place.starts_with('/') ? place : core_.options().home + "/models/" + place;
  TAU_ASSIGN_OR_RETURN(std::unique_ptr<memory::Embedder> model, memory::load_model(folder));
  return std::shared_ptr<const memory::Embedder>(std::move(model));
}

Status MemoryDesk::set_embedder(std::shared_ptr<const memory::Embedder> embedder) {
  {
    const std::lock_guard lock(mutex_);
    of_host_ = std::move(embedder);
    if (engine_ == nullptr) return ok_status();
    problem_ = ok_status();
    auto next = of_host_;
    if (next == nullptr) { TAU_ASSIGN_OR_RETURN(next, make_local(core_.config().memory())); }
    TAU_RETURN_IF_ERROR(engine_->set_embedder(std::move(next)));
    engine_->set_problem(problem_);
  }
  work_soon();
  return ok_status();
}

// The model of a provider is asked for its dimensions where somebody may wait: not when the home opens.
Status MemoryDesk::begin_provider() {
  const MemoryConfig config = core_.config().memory();
  if (problem_.reason() != "embedder_starting") return ok_status();
  auto embedder = make_provider_embedder(core_, config.model, config.dimensions);
  const std::lock_guard lock(mutex_);
  if (of_host_ != nullptr) return ok_status();
  if (!embedder.ok()) {
    engine_->set_problem(embedder.status());
    return embedder.status();
  }
  problem_ = ok_status();
  TAU_RETURN_IF_ERROR(engine_->set_embedder(*std::move(embedder)));
  engine_->set_problem(ok_status());
  return ok_status();
}

StatusOr<int64_t> MemoryDesk::embed_missing(size_t limit, const memory::Reach* reach) {
  TAU_ASSIGN_OR_RETURN(memory::Engine* const open, engine());
  TAU_RETURN_IF_ERROR(begin_provider());
  int64_t done = 0;
  while (done < static_cast<int64_t>(limit)) {
    const size_t batch = std::min(kBatch, limit - static_cast<size_t>(done));
    TAU_ASSIGN_OR_RETURN(const int64_t embedded, open->embed_missing(batch, reach));
    if (embedded == 0) break;
    done += embedded;
  }
  return done;
}

void MemoryDesk::wrote() {
  const auto open = engine();
  if (open.ok() && (*open)->falls_behind()) work_soon();
}

void MemoryDesk::work_soon() {
  if (!core_.workers().available() || core_.stopping() || upkeep_->closing || upkeep_->waits.exchange(true))
    return;
  core_.workers().submit([this, shared = upkeep_] {
    shared->waits = false;
    // One piece after the other, so that who stops or closes waits for one at the most.
    for (bool more = true; more;) {
      const std::lock_guard lock(shared->working);
      if (shared->closing || core_.stopping()) return;
      more = upkeep();
    }
  });
}

bool MemoryDesk::upkeep() {
  const auto open = engine();
  if (!open.ok()) return false;
  const auto embedded = embed_missing(kBatch, nullptr);
  if (!embedded.ok())
    core_.log(LogLevel::kWarn, "memory", "no vectors for now: " + std::string(embedded.status().message()));
  if (embedded.ok() && *embedded > 0) return true;
  Status tidied = (*open)->follow();
  if (tidied.ok()) tidied = (*open)->tidy();
  if (!tidied.ok()) core_.log(LogLevel::kWarn, "memory", std::string(tidied.message()));
  return false;
}

Status MemoryDesk::describe_vectors(const memory::Reach& reach, json::Writer& w) const {
  memory::Engine* open = nullptr;
  Status problem;
  {
    const std::lock_guard lock(mutex_);
    open = engine_.get();
    problem = problem_;
  }
  w.begin_object();
  const auto embedder = open == nullptr ? nullptr : open->embedder();
  if (embedder == nullptr) {
    w.field("state", problem.ok() ? "off" : "unavailable");
  } else {
    TAU_ASSIGN_OR_RETURN(const int64_t missing, open->missing(reach));
    w.field("state", "on").field("model", embedder->id());
    w.field("dimensions", static_cast<int64_t>(embedder->dimensions()));
    w.field("missing", missing);
  }
  if (!problem.ok()) w.field("reason", problem.reason()).field("message", problem.message());
  w.end_object();
  return ok_status();
}

void MemoryDesk::add_watch(const std::shared_ptr<Watching>& watching) {
  const std::lock_guard lock(watches_mutex_);
  watches_.erase(
      std::remove_if(watches_.begin(), watches_.end(), [](const auto& each) { return each.expired(); }),
      watches_.end());
  watches_.push_back(watching);
}

void MemoryDesk::stop_watches() {
  const std::lock_guard lock(watches_mutex_);
  for (const auto& each : watches_)
    if (const auto watching = each.lock()) watching->stop();
}

bool MemoryDesk::wait_watches(int timeout_ms) {
  const int64_t start_ns = system_clock().monotonic_ns();
  std::vector<std::weak_ptr<Watching>> watches;
  {
    const std::lock_guard lock(watches_mutex_);
    watches = watches_;
  }
  for (const auto& each : watches) {
    const int64_t gone_ms = (system_clock().monotonic_ns() - start_ns) / kNanosPerMilli;
    const auto watching = each.lock();
    const int left_ms = timeout_ms < 0 ? -1 : static_cast<int>(std::max<int64_t>(0, timeout_ms - gone_ms));
    if (watching != nullptr && !watching->wait_ended(left_ms)) return false;
  }
  return true;
}

// Not while something is at work, which may take as long as a model does.
void MemoryDesk::settle() {
  memory::Engine* open = nullptr;
  {
    const std::lock_guard lock(mutex_);
    open = engine_.get();
  }
  const std::unique_lock work(upkeep_->working, std::try_to_lock);
  if (open == nullptr || !work.owns_lock() || core_.options().read_only) return;
  if (const Status tidied = open->tidy(true); !tidied.ok())
    core_.log(LogLevel::kWarn, "memory", std::string(tidied.message()));
}

void MemoryDesk::close() {
  upkeep_->closing = true;
  if (core_.forked()) {
    (void)engine_.release();  // NOLINT: its files and the store are the parent's
    return;
  }
  const std::lock_guard work(upkeep_->working);
  const std::lock_guard lock(mutex_);
  if (engine_ == nullptr) return;
  if (const Status tidied = engine_->tidy(true); !tidied.ok())
    core_.log(LogLevel::kWarn, "memory", std::string(tidied.message()));
  engine_.reset();
}

}  // namespace tau::runtime
