// How indexes follow the store: which there are, and how each is brought up to date.
#include <algorithm>
#include <utility>

#include "memory/engine.h"
#include "memory/shard_folder.h"

namespace tau::memory {
namespace {

using store::MemoryFilter;
using store::MemoryScopeRecord;

bool is_among(const std::vector<SharedString>& chosen, const SharedString& part) {
  return chosen.empty() || std::find(chosen.begin(), chosen.end(), part) != chosen.end();
}

constexpr size_t kEmbedTogether = 64;

}  // namespace

// Applies what the store tells of. Vectors that are computed here are computed for many memories together.
class Engine::Follower final : public store::MemoryVisitor {
 public:
  Follower(Shard& shard, const VectorSpace& vectors) : shard_(shard), vectors_(vectors) {}

  bool changed(const store::MemoryRow& row, std::string_view vector) override {
    if (!computes()) {
      status_ = shard_.apply(row, vector);
      return status_.ok();
    }
    waiting_.push_back(row);
    return waiting_.size() < kEmbedTogether || flush();
  }
  bool purged(int64_t row, int64_t change) override {
    if (!flush()) return false;
    status_ = shard_.purged(row, change);
    return status_.ok();
  }
  // After the last one.
  Status finish() {
    (void)flush();
    return status_;
  }

 private:
  bool computes() const { return vectors_.embedder != nullptr && vectors_.space == 0; }
  bool flush() {
    if (!status_.ok() || waiting_.empty()) return status_.ok();
    std::vector<std::string_view> texts;
    for (const store::MemoryRow& row : waiting_) texts.push_back(row.text);
    const size_t dimensions = vectors_.embedder->dimensions();
    made_.resize(waiting_.size() * dimensions);
    status_ = vectors_.embedder->embed(texts, Purpose::kDocument, made_.data());
    for (size_t i = 0; i < waiting_.size() && status_.ok(); ++i) {
      auto bytes = quantise(made_.data() + i * dimensions, dimensions);
      status_ = bytes.ok() ? shard_.apply(waiting_[i], *bytes) : bytes.status();
    }
    waiting_.clear();
    return status_.ok();
  }

  Shard& shard_;
  const VectorSpace& vectors_;
  std::vector<store::MemoryRow> waiting_;
  std::vector<float> made_;
  Status status_;
};

StatusOr<std::vector<MemoryScopeRecord>> Engine::scopes_of(const MemoryFilter& filter) {
  TAU_ASSIGN_OR_RETURN(const int64_t newest, memories_->newest_change());
  std::vector<MemoryScopeRecord> records;
  bool known = false;
  {
    const std::lock_guard lock(mutex_);
    const auto at = scopes_.find(filter.workspace);
    known = at != scopes_.end() && at->second.newest == newest;
    if (known) records = at->second.records;
  }
  if (!known) {
    TAU_ASSIGN_OR_RETURN(records, memories_->scopes(filter.workspace));
    const std::lock_guard lock(mutex_);
    if (scopes_.size() >= options_.max_shards) scopes_.clear();
    scopes_[filter.workspace] = {newest, records};
  }
  std::erase_if(records, [&](const MemoryScopeRecord& record) {
    return !is_among(filter.channels, record.scope.channel) || !is_among(filter.actors, record.scope.actor);
  });
  return records;
}

std::shared_ptr<Engine::Slot> Engine::slot_of(int64_t key) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Slot>& slot = slots_[key];
  if (slot == nullptr) slot = std::make_shared<Slot>();
  const std::shared_ptr<Slot> found = slot;
  found->used = ++searches_;
  while (slots_.size() > options_.max_shards) {
    const auto oldest = std::min_element(slots_.begin(), slots_.end(), [](const auto& a, const auto& b) {
      return a.second->used.load() < b.second->used.load();
    });
    slots_.erase(oldest);
  }
  return found;
}

ShardOptions Engine::options_of(int64_t scope_key, const VectorSpace& vectors, int64_t newest) const {
  ShardOptions options;
  options.key.database = database_;
  options.key.scope_key = scope_key;
  options.key.space = vectors.space;
  if (vectors.embedder != nullptr) {
    options.key.dimensions = static_cast<uint32_t>(vectors.embedder->dimensions());
    // Spaces that the store keeps no vectors of are told apart by their names.
    if (vectors.space == 0) options.key.space = -static_cast<int64_t>(space_digest(vectors.embedder->id()));
  }
  options.newest_change = newest;
  if (!options_.folder.empty()) options.path = sidecar_path(options_.folder, scope_key);
  return options;
}

Status Engine::catch_up(Slot& slot, int64_t scope_key, int64_t change) {
  {
    const std::shared_lock lock(slot.mutex);
    if (slot.shard != nullptr && slot.shard->change() >= change) return ok_status();
  }
  const std::unique_lock lock(slot.mutex);
  if (slot.shard != nullptr && slot.shard->change() >= change) return ok_status();
  if (slot.shard == nullptr) TAU_RETURN_IF_ERROR(load(slot, scope_key));
  // Whatever ends this early, for lack of memory too, may leave half of the changes in it: the next search
  // begins anew then.
  struct Unfinished {
    std::unique_ptr<Shard>& shard;
    bool done = false;
    ~Unfinished() {
      if (!done) shard.reset();
    }
  } unfinished{slot.shard};
  Follower follower(*slot.shard, slot.vectors);
  const Status visited =
      memories_->visit_changes(scope_key, slot.shard->change(), slot.vectors.space, follower);
  TAU_RETURN_IF_ERROR(follower.finish());
  TAU_RETURN_IF_ERROR(visited);
  slot.shard->advance(change);
  unfinished.done = true;
  return ok_status();
}

Status Engine::load(Slot& slot, int64_t scope_key) {
  slot.vectors = vectors();
  TAU_ASSIGN_OR_RETURN(int64_t newest, memories_->newest_change());
  for (;;) {
    TAU_ASSIGN_OR_RETURN(slot.shard, Shard::open(options_of(scope_key, slot.vectors, newest)));
    if (slot.shard->rejected().ok()) return ok_status();
    // It may know of what another process has committed just now.
    TAU_ASSIGN_OR_RETURN(const int64_t now, memories_->newest_change());
    if (now == newest) break;
    newest = now;
  }
  ++slot.rebuilt;
  slot.damage = slot.shard->rejected().message();
  return ok_status();
}

Status Engine::follow() {
  std::set<SharedString> workspaces;
  int64_t since = 0;
  {
    const std::lock_guard lock(mutex_);
    workspaces.swap(written_);
    since = followed_;
  }
  if (workspaces.empty()) return ok_status();
  TAU_ASSIGN_OR_RETURN(const int64_t newest, memories_->newest_change());
  for (const SharedString& workspace : workspaces) {
    TAU_ASSIGN_OR_RETURN(const auto records, scopes_of({.workspace = workspace}));
    for (const MemoryScopeRecord& record : records)
      if (record.change > since)
        TAU_RETURN_IF_ERROR(catch_up(*slot_of(record.key), record.key, record.change));
  }
  const std::lock_guard lock(mutex_);
  followed_ = std::max(followed_, newest);
  return ok_status();
}

}  // namespace tau::memory
