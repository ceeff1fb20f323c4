// What the engine keeps and writes; how it searches: engine_search.cpp.
#include "memory/engine.h"

#include <algorithm>
#include <condition_variable>
#include <utility>

#include "memory/shard_folder.h"
#include "os/os.h"

namespace tau::memory {
namespace {

using store::MemoryEdit;
using store::MemoryFilter;
using store::MemoryOutcome;
using store::MemoryScope;

constexpr std::string_view kIdentityMark = "memory.database";
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

// Blocks until a batch is durable.
class Waiter {
 public:
  store::Done done() {
    return [this](const Status& status, store::Lsn) {
      const std::lock_guard lock(mutex_);
      status_ = status;
      over_ = true;
      changed_.notify_one();
    };
  }
  Status wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return over_; });
    return status_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  Status status_;
};

// Tells one database from another, so that no index of another one is used.
StatusOr<std::array<uint8_t, 16>> identity_of(store::Store& store, bool writes) {
  std::array<uint8_t, 16> identity{};
  if (!writes) return identity;
  TAU_ASSIGN_OR_RETURN(std::string text, store.load_mark(kIdentityMark));
  if (text.size() != 2 * identity.size()) {
    std::array<std::byte, 16> random{};
    system_random().fill(random);
    text.clear();
    for (const std::byte b : random) text += format("{:02x}", static_cast<unsigned>(b));
    TAU_RETURN_IF_ERROR(store.store_mark(kIdentityMark, text));
    // Another process may have been faster.
    TAU_ASSIGN_OR_RETURN(text, store.load_mark(kIdentityMark));
  }
  const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10) & 15u; };
  for (size_t i = 0; i < identity.size() && 2 * i + 1 < text.size(); ++i)
    identity[i] = static_cast<uint8_t>(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
  return identity;
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
  const bool writes = !options.folder.empty();
  if (writes) TAU_RETURN_IF_ERROR(os::make_private_dir(options.folder));
  std::unique_ptr<Engine> engine(new Engine(store, *memories, clock, std::move(options)));
  TAU_ASSIGN_OR_RETURN(engine->database_, identity_of(store, writes));
  if (writes) TAU_RETURN_IF_ERROR(engine->sweep());
  TAU_ASSIGN_OR_RETURN(engine->followed_, memories->newest_change());
  return engine;
}

// What a crash left half-written, and files of scopes that are not there any more.
Status Engine::sweep() {
  std::vector<int64_t> keys;
  TAU_ASSIGN_OR_RETURN(const auto workspaces, memories_->workspaces());
  for (const std::string& workspace : workspaces) {
    TAU_ASSIGN_OR_RETURN(const auto records, memories_->scopes(workspace));
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
  for (size_t i = 0; i < edits.size(); ++i) edits[i].outcome = &outcomes[i];
  {
    const std::lock_guard lock(mutex_);
    for (const MemoryEdit& edit : edits)
      if (const auto* const put = std::get_if<store::MemoryPut>(&edit.what))
        written_.insert(put->row.scope.workspace);
  }
  for (MemoryEdit& use : take_uses()) edits.push_back(std::move(use));
  TAU_RETURN_IF_ERROR(append(std::move(edits)));
  return outcomes;
}

Status Engine::append(std::vector<MemoryEdit> edits) {
  store::Batch batch;
  batch.memories = std::move(edits);
  Waiter waiter;
  store_.append(std::move(batch), waiter.done());
  return waiter.wait();
}

StatusOr<std::vector<store::MemoryRow>> Engine::find(const MemoryFilter& filter, std::string_view id,
                                                     bool forgotten) {
  std::vector<store::MemoryRow> rows;
  TAU_ASSIGN_OR_RETURN(const auto scopes, scopes_of(filter));
  for (const store::MemoryScopeRecord& record : scopes) {
    auto row = memories_->load({record.scope, std::string(id)}, forgotten);
    if (row.ok()) {
      rows.push_back(*std::move(row));
    } else if (row.status().code() != Code::kNotFound) {
      return std::move(row).status();
    }
  }
  return rows;
}

StatusOr<int64_t> Engine::purge(const std::vector<store::MemoryRef>& refs) {
  TAU_ASSIGN_OR_RETURN(const int64_t purged, memories_->purge(refs));
  std::vector<MemoryScope> scopes;
  for (const store::MemoryRef& ref : refs)
    if (std::find(scopes.begin(), scopes.end(), ref.scope) == scopes.end()) scopes.push_back(ref.scope);
  for (const MemoryScope& scope : scopes)
    TAU_RETURN_IF_ERROR(
        erase_traces({.workspace = scope.workspace, .channels = {scope.channel}, .actors = {scope.actor}}));
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
  TAU_ASSIGN_OR_RETURN(const auto scopes, scopes_of(filter));
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

// The first ones, of one workspace.
StatusOr<std::vector<store::MemoryRow>> Engine::without_vector(int64_t space, size_t limit,
                                                               const Reach* reach) {
  std::vector<std::string> workspaces;
  if (reach != nullptr) {
    workspaces.emplace_back(reach->workspace);
  } else {
    TAU_ASSIGN_OR_RETURN(workspaces, memories_->workspaces());
  }
  std::vector<store::MemoryRow> rows;
  for (const std::string& workspace : workspaces)
    for (int64_t after = 0; rows.empty();) {
      TAU_ASSIGN_OR_RETURN(rows, memories_->without_vector(workspace, space, after, limit));
      if (rows.empty()) break;
      after = rows.back().row;
      if (reach != nullptr)
        std::erase_if(rows, [&](const store::MemoryRow& row) { return !reach->sees(row.scope); });
    }
  return rows;
}

StatusOr<int64_t> Engine::embed_missing(size_t limit, const Reach* reach) {
  const VectorSpace now = vectors();
  if (now.embedder == nullptr || now.space == 0) return 0;
  TAU_ASSIGN_OR_RETURN(const std::vector<store::MemoryRow> rows, without_vector(now.space, limit, reach));
  if (rows.empty()) return 0;
  std::vector<std::string_view> texts;
  for (const store::MemoryRow& row : rows) texts.push_back(row.text);
  const size_t dimensions = now.embedder->dimensions();
  std::vector<float> made(rows.size() * dimensions);
  TAU_RETURN_IF_ERROR(now.embedder->embed(texts, Purpose::kDocument, made.data()));
  std::vector<MemoryEdit> edits;
  for (size_t i = 0; i < rows.size(); ++i) {
    TAU_ASSIGN_OR_RETURN(std::string bytes, quantise(made.data() + i * dimensions, dimensions));
    edits.push_back({.what = store::MemoryVector{.row = rows[i].row,
                                                 .revision = rows[i].revision,
                                                 .space = now.space,
                                                 .bytes = std::move(bytes)}});
  }
  TAU_RETURN_IF_ERROR(commit(std::move(edits)).status());
  return static_cast<int64_t>(rows.size());
}

Status Engine::tidy(bool closing) {
  if (std::vector<MemoryEdit> uses = take_uses(); !uses.empty()) TAU_RETURN_IF_ERROR(append(std::move(uses)));
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

// Searches go on while the file is written. Another process may purge meanwhile, and have written a file
// without what it purged before this one took its place: then this one is written once more.
Status Engine::save(Slot& slot, int64_t scope_key, bool closing) {
  const auto wanted = [&] {
    const std::shared_lock lock(slot.mutex);
    return slot.shard != nullptr &&
           (slot.shard->wants_save() || (closing && slot.shard->unsaved() > kWorthAFile));
  };
  constexpr int kMostTimes = 3;
  for (int times = 0; times < kMostTimes && wanted(); ++times) {
    TAU_ASSIGN_OR_RETURN(const int64_t newest, memories_->newest_change());
    TAU_RETURN_IF_ERROR(catch_up(slot, scope_key, newest));
    std::shared_ptr<Shard::Written> written;
    {
      const std::shared_lock lock(slot.mutex);
      if (slot.shard == nullptr) return ok_status();
      TAU_ASSIGN_OR_RETURN(written, slot.shard->write());
    }
    const std::unique_lock lock(slot.mutex);
    if (slot.shard == nullptr) return ok_status();
    const Status adopted = slot.shard->adopt(std::move(written));
    // It has changed, or another process has a later one: another time.
    if (adopted.code() == Code::kAborted) return ok_status();
    TAU_RETURN_IF_ERROR(adopted);
  }
  return ok_status();
}

StatusOr<EngineStats> Engine::stats(const Reach& reach) {
  TAU_ASSIGN_OR_RETURN(const auto records, scopes_of(reach.scopes()));
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
    if (slot->vectors.space != 0) stats.missing += slot->shard->without_vector();
    stats.bytes += static_cast<int64_t>(slot->shard->delta_bytes() + slot->shard->vectors().mapped_bytes());
  }
  return stats;
}

}  // namespace tau::memory
