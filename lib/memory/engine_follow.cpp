// How indexes follow the store: which there are, and how each is brought up to date.
#include <algorithm>
#include <utility>

#include "memory/engine.h"
#include "memory/shard_folder.h"

namespace tau::memory {
namespace {

using store::MemoryScope;
using store::MemoryScopeRecord;

constexpr size_t kEmbedTogether = 64;
constexpr size_t kFewScopes = 4;  // so many are asked for an id one by one

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

StatusOr<std::vector<store::MemoryRow>> Engine::find(const store::MemoryFilter& filter, std::string_view id,
                                                     bool forgotten) {
  std::vector<store::MemoryRow> rows;
  TAU_ASSIGN_OR_RETURN(const auto scopes, memories_->scopes(filter));
  if (scopes.size() > kFewScopes) {
    TAU_ASSIGN_OR_RETURN(rows, memories_->named(filter.workspace, id, forgotten));
    std::erase_if(rows, [&](const store::MemoryRow& row) {
      return std::ranges::none_of(scopes, [&](const MemoryScopeRecord& of) { return of.scope == row.scope; });
    });
    return rows;
  }
  for (const MemoryScopeRecord& record : scopes) {
    auto row = memories_->load({record.scope, std::string(id)}, forgotten);
    if (row.ok()) {
      rows.push_back(*std::move(row));
    } else if (row.status().code() != Code::kNotFound) {
      return std::move(row).status();
    }
  }
  return rows;
}

std::shared_ptr<Engine::Slot> Engine::slot_of(int64_t key) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Slot>& slot = slots_[key];
  if (slot == nullptr) slot = std::make_shared<Slot>();
  const std::shared_ptr<Slot> found = slot;
  found->used = ++searches_;
  if (slots_.size() > options_.max_shards) drop_oldest_slots();
  return found;
}

// An eighth at once, so that finding the oldest does not cost every search something.
void Engine::drop_oldest_slots() {
  std::vector<int64_t> used;
  used.reserve(slots_.size());
  for (const auto& [key, slot] : slots_) used.push_back(slot->used);
  const auto limit =
      used.begin() + static_cast<ptrdiff_t>(slots_.size() - options_.max_shards + options_.max_shards / 8);
  std::nth_element(used.begin(), limit, used.end());
  std::erase_if(slots_, [&](const auto& each) { return each.second->used < *limit; });
}

ShardOptions Engine::options_of(int64_t scope_key, const VectorSpace& vectors, int64_t newest) const {
  ShardOptions options;
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
  TAU_RETURN_IF_ERROR(apply_changes(*slot.shard, slot.vectors, scope_key));
  slot.shard->advance(change);
  unfinished.done = true;
  return ok_status();
}

Status Engine::apply_changes(Shard& shard, const VectorSpace& vectors, int64_t scope_key) {
  Follower follower(shard, vectors);
  const Status visited = memories_->visit_changes(scope_key, shard.change(), vectors.space, follower);
  TAU_RETURN_IF_ERROR(follower.finish());
  return visited;
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
  std::set<MemoryScope> written;
  pending_.store(0, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    written.swap(written_);
  }
  for (const MemoryScope& scope : written) {
    TAU_ASSIGN_OR_RETURN(const auto records, memories_->scopes(only(scope)));
    for (const MemoryScopeRecord& record : records)
      TAU_RETURN_IF_ERROR(catch_up(*slot_of(record.key), record.key, record.change));
  }
  return ok_status();
}

}  // namespace tau::memory
