// What the engine keeps and writes; how it searches: engine_search.cpp.
#include "memory/engine.h"

#include <algorithm>
#include <utility>

#include "memory/shard_folder.h"
#include "os/os.h"

namespace tau::memory {
namespace {

using store::MemoryEdit;
using store::MemoryFilter;
using store::MemoryOutcome;
using store::MemoryScope;

constexpr size_t kMostUsesKept = 1024;  // before they are written
constexpr Doc kWorthAFile = 256;        // memories that a process that ends leaves to the next one

bool covers(const std::optional<SharedString>& bound, const SharedString& part) {
  return !bound || part.empty() || part == *bound;
}
bool is_written(const std::optional<SharedString>& bound, const SharedString& part) {
  return !bound || part == *bound;
}

Status narrow_part(std::string_view name, const std::optional<SharedString>& bound,
                   std::vector<SharedString>& chosen) {
  if (!bound) return ok_status();
  if (chosen.empty()) {
    chosen = {SharedString(), *bound};
    return ok_status();
  }
  for (const SharedString& each : chosen)
    if (!covers(bound, each))
      return permission_denied(
          "outside_scope",
          format("this handle sees {} \"{}\" and what belongs to none, not \"{}\"", name, *bound, each));
  return ok_status();
}

}  // namespace

bool Reach::sees(const MemoryScope& scope) const {
  return scope.workspace == workspace && covers(channel, scope.channel) && covers(actor, scope.actor);
}

bool Reach::writes(const MemoryScope& scope) const {
  return scope.workspace == workspace && is_written(channel, scope.channel) && is_written(actor, scope.actor);
}

bool Reach::owns(const MemoryScope& scope) const {
  return scope.workspace == workspace && scope.channel == channel.value_or(SharedString()) &&
         scope.actor == actor.value_or(SharedString());
}

Status Reach::narrow(MemoryFilter& filter) const {
  filter.workspace = workspace;
  TAU_RETURN_IF_ERROR(narrow_part("channel", channel, filter.channels));
  return narrow_part("actor", actor, filter.actors);
}

MemoryFilter Reach::scopes() const {
  MemoryFilter filter;
  (void)narrow(filter);  // nothing that it could refuse is named
  return filter;
}

void Reach::narrow_to_written(MemoryFilter& filter) const {
  if (channel) filter.channels = {*channel};
  if (actor) filter.actors = {*actor};
}

Engine::Engine(store::Store& store, store::Memories& memories, Clock& clock, EngineOptions options)
    : store_(store), memories_(&memories), clock_(clock), options_(std::move(options)) {}

Engine::~Engine() = default;

StatusOr<std::unique_ptr<Engine>> Engine::open(store::Store& store, Clock& clock, EngineOptions options) {
  store::Memories* const memories = store.memories();
  if (memories == nullptr) return Status(Code::kUnimplemented, "no_memories", "this store keeps no memories");
  const bool writes = !options.folder.empty() && !options.read_only;
  if (writes) TAU_RETURN_IF_ERROR(os::make_private_dir(options.folder));
  std::unique_ptr<Engine> engine(new Engine(store, *memories, clock, std::move(options)));
  if (writes) TAU_RETURN_IF_ERROR(engine->sweep());
  return engine;
}

// What a crash left half-written, and files of scopes that are not there any more.
Status Engine::sweep() {
  std::vector<int64_t> keys;
  TAU_ASSIGN_OR_RETURN(const auto workspaces, memories_->workspaces());
  for (const std::string& workspace : workspaces) {
    TAU_ASSIGN_OR_RETURN(const auto records, memories_->scopes({.workspace = workspace}));
    for (const store::MemoryScopeRecord& record : records) keys.push_back(record.key);
  }
  return sweep_sidecars(options_.folder, std::move(keys)).status();
}

Status Engine::set_embedder(std::shared_ptr<const Embedder> embedder) {
  VectorSpace next{.embedder = std::move(embedder)};
  if (next.embedder != nullptr && next.embedder->slow()) {
    TAU_ASSIGN_OR_RETURN(
        next.space, memories_->space(next.embedder->id(), static_cast<int64_t>(next.embedder->dimensions())));
  }
  const std::lock_guard lock(mutex_);
  const bool same = vectors_.embedder != nullptr && next.embedder != nullptr &&
                    vectors_.embedder->id() == next.embedder->id();
  vectors_ = std::move(next);
  eager_ = vectors_.space != 0 || !problem_.ok();
  embedded_to_.clear();
  revised_.clear();
  // Vectors of different spaces are never compared: every index begins anew.
  if (!same) slots_.clear();
  return ok_status();
}

std::shared_ptr<const Embedder> Engine::embedder() const {
  const std::lock_guard lock(mutex_);
  return vectors_.embedder;
}

VectorSpace Engine::vectors() const {
  const std::lock_guard lock(mutex_);
  return vectors_;
}

void Engine::set_problem(Status problem) {
  const std::lock_guard lock(mutex_);
  problem_ = std::move(problem);
  eager_ = vectors_.space != 0 || !problem_.ok();
}

Status Engine::attach(std::span<const float> vectors, size_t memories, std::vector<MemoryEdit>& edits) const {
  const VectorSpace now = this->vectors();
  if (now.embedder == nullptr || now.space == 0)
    return invalid_argument("invalid_vector",
                            "vectors can be given where memory.model is one of a provider or of the program; "
                            "here they are computed from the text");
  const size_t dimensions = now.embedder->dimensions();
  if (vectors.size() != memories * dimensions)
    return invalid_argument("invalid_vector",
                            format("{} numbers were given; {} memories need {} of {} each", vectors.size(),
                                   memories, memories * dimensions, dimensions));
  for (size_t i = 0; i < memories; ++i) {
    auto& put = std::get<store::MemoryPut>(edits[i].what);
    TAU_ASSIGN_OR_RETURN(put.vector, quantise(vectors.data() + i * dimensions, dimensions));
    put.space = now.space;
  }
  return ok_status();
}

StatusOr<std::vector<MemoryOutcome>> Engine::commit(std::vector<MemoryEdit> edits) {
  std::vector<MemoryOutcome> outcomes(edits.size());
  std::vector<size_t> without_vector;
  pending_.fetch_add(static_cast<int64_t>(edits.size()), std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < edits.size(); ++i) {
      edits[i].outcome = &outcomes[i];
      const auto* const put = std::get_if<store::MemoryPut>(&edits[i].what);
      if (put != nullptr) written_.insert(put->row.scope);
      const bool given =
          put != nullptr ? !put->vector.empty() : !std::holds_alternative<store::MemoryForget>(edits[i].what);
      if (!given && vectors_.space != 0) without_vector.push_back(i);
    }
  }
  for (MemoryEdit& use : take_uses()) edits.push_back(std::move(use));
  TAU_RETURN_IF_ERROR(append(std::move(edits)));
  if (!without_vector.empty()) note_revised(without_vector, outcomes);
  return outcomes;
}

Status Engine::append(std::vector<MemoryEdit> edits) {
  store::Batch batch;
  batch.memories = std::move(edits);
  return store_.write(std::move(batch));
}

StatusOr<int64_t> Engine::purge(const std::vector<store::MemoryRef>& refs) {
  TAU_ASSIGN_OR_RETURN(const int64_t purged, memories_->purge(refs));
  std::vector<MemoryScope> scopes;
  for (const store::MemoryRef& ref : refs)
    if (std::find(scopes.begin(), scopes.end(), ref.scope) == scopes.end()) scopes.push_back(ref.scope);
  for (const MemoryScope& scope : scopes) TAU_RETURN_IF_ERROR(erase_traces(only(scope)));
  return purged;
}

StatusOr<int64_t> Engine::purge_all(const MemoryFilter& filter) {
  TAU_ASSIGN_OR_RETURN(const int64_t purged, memories_->purge_all(filter));
  TAU_RETURN_IF_ERROR(erase_traces(filter));
  return purged;
}

// Indexes hold terms and vectors of what was purged: those that do are written without it. A file that this
// index does not stand on is of another model, and may hold them too.
Status Engine::erase_traces(const MemoryFilter& filter) {
  TAU_ASSIGN_OR_RETURN(const auto scopes, memories_->scopes(filter));
  for (const store::MemoryScopeRecord& record : scopes) {
    const std::shared_ptr<Slot> slot = slot_of(record.key);
    TAU_RETURN_IF_ERROR(catch_up(*slot, record.key, record.change));
    const std::unique_lock lock(slot->mutex);
    const bool on_disk =
        !options_.folder.empty() && os::path_exists(sidecar_path(options_.folder, record.key));
    if (slot->shard == nullptr || !(slot->shard->holds_removed() || on_disk)) continue;
    // ABORTED: another process has written one that knows of the purge too.
    const Status saved = slot->shard->save();
    if (saved.code() != Code::kAborted) TAU_RETURN_IF_ERROR(saved);
  }
  return ok_status();
}

void Engine::note_use(const std::vector<int64_t>& rows) {
  const int64_t now_ms = clock_.wall_ms();
  const std::lock_guard lock(mutex_);
  for (const int64_t row : rows) {
    if (uses_.size() >= kMostUsesKept && !uses_.contains(row)) return;
    store::MemoryUses& uses = uses_[row];
    ++uses.count;
    uses.last_ms = std::max(uses.last_ms, now_ms);
  }
}

std::vector<MemoryEdit> Engine::take_uses() {
  std::map<int64_t, store::MemoryUses> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(uses_);
  }
  std::vector<MemoryEdit> edits;
  for (const auto& [row, uses] : taken)
    edits.push_back({.what = store::MemoryUse{.row = row, .count = uses.count, .at_ms = uses.last_ms}});
  return edits;
}

Status Engine::tidy(bool closing) {
  if (std::vector<MemoryEdit> uses = take_uses(); !uses.empty()) TAU_RETURN_IF_ERROR(append(std::move(uses)));
  if (options_.read_only) return ok_status();
  std::vector<std::pair<int64_t, std::shared_ptr<Slot>>> slots;
  {
    const std::lock_guard lock(mutex_);
    slots.assign(slots_.begin(), slots_.end());
  }
  for (const auto& [key, slot] : slots) TAU_RETURN_IF_ERROR(save(*slot, key, closing));
  // A process that was killed in a purge has left words of it.
  const Status erased = options_.folder.empty() ? ok_status() : memories_->purge({}).status();
  return erased.code() == Code::kUnavailable ? ok_status() : erased;
}

Status Engine::save(Slot& slot, int64_t scope_key, bool closing) {
  const auto wanted = [&] {
    const std::shared_lock lock(slot.mutex);
    return slot.shard != nullptr &&
           (slot.shard->wants_save() || (closing && slot.shard->unsaved() > kWorthAFile));
  };
  // Another process may purge meanwhile, and have written a file without what it purged before this one took
  // its place: then this one is written once more.
  constexpr int kMostTimes = 3;
  for (int times = 0; times < kMostTimes && wanted(); ++times)
    TAU_RETURN_IF_ERROR(save_once(slot, scope_key));
  return ok_status();
}

// Searches go on while the file is written, and those that bring changes in while it is synced. The index
// that stands on the file takes the place of the old one when it has learned of these.
Status Engine::save_once(Slot& slot, int64_t scope_key) {
  TAU_ASSIGN_OR_RETURN(const int64_t newest, memories_->newest_change());
  TAU_RETURN_IF_ERROR(catch_up(slot, scope_key, newest));
  std::shared_ptr<Shard::Written> written;
  VectorSpace vectors;
  {
    const std::shared_lock lock(slot.mutex);
    if (slot.shard == nullptr) return ok_status();
    TAU_ASSIGN_OR_RETURN(written, slot.shard->write());
    vectors = slot.vectors;
  }
  auto opened = Shard::open(std::move(written));
  if (opened.status().code() == Code::kAborted) return ok_status();  // another process has a later one
  TAU_RETURN_IF_ERROR(opened.status());
  std::unique_ptr<Shard> shard = *std::move(opened);
  TAU_RETURN_IF_ERROR(apply_changes(*shard, vectors, scope_key));
  const std::unique_lock lock(slot.mutex);
  if (slot.shard == nullptr || slot.vectors.embedder != vectors.embedder) return ok_status();
  if (shard->change() < slot.shard->change()) {
    TAU_RETURN_IF_ERROR(apply_changes(*shard, vectors, scope_key));
    shard->advance(slot.shard->change());
  }
  slot.shard.swap(shard);  // the old one goes without the lock
  return ok_status();
}

StatusOr<EngineStats> Engine::stats(const Reach& reach) {
  TAU_ASSIGN_OR_RETURN(const auto records, memories_->scopes(reach.scopes()));
  std::vector<std::shared_ptr<Slot>> slots;
  {
    const std::lock_guard lock(mutex_);
    for (const store::MemoryScopeRecord& record : records)
      if (const auto at = slots_.find(record.key); at != slots_.end()) slots.push_back(at->second);
  }
  EngineStats stats;
  for (const auto& slot : slots) {
    const std::shared_lock lock(slot->mutex);
    stats.rebuilt += slot->rebuilt;
    if (!slot->damage.empty()) stats.last_damage = slot->damage;
    if (slot->shard == nullptr) continue;
    ++stats.shards;
    stats.documents += slot->shard->live();
    stats.bytes += static_cast<int64_t>(slot->shard->delta_bytes() + slot->shard->vectors().mapped_bytes());
  }
  return stats;
}

}  // namespace tau::memory
