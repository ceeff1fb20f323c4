// Forks, removals and leases of the store without a disk.
#include <algorithm>
#include <utility>

#include "store/memory_store.h"

namespace tau::store {

Status MemoryStore::fork_session(std::string_view source, std::string_view entry, const SessionRecord& fork) {
  const std::lock_guard lock(mutex_);
  const SessionRecord* from = find_session(source);
  if (from == nullptr) return not_found("no_such_session", format("session {}", source));
  if (find_session(fork.id) != nullptr)
    return Status(Code::kAlreadyExists, "session_exists", format("session {}", fork.id));
  SessionRecord record = fork;
  record.parent_session = source;
  record.head_entry = from->head_entry;
  if (!entry.empty()) {
    const auto& own = owners_.find(source)->second.entries;
    bool belongs = std::ranges::any_of(own, [&](const Entry* e) { return e->name == entry; });
    const Entry* at = find_entry(from->head_entry);
    for (; at != nullptr && !belongs; at = at->parent) belongs = at->name == entry;
    if (!belongs) return not_found("no_such_entry", format("session {} has no entry {}", source, entry));
    record.head_entry = entry;
  }
  put_session(std::move(record));
  return ok_status();
}

void MemoryStore::purge(Row* row) {
  row->row.body = std::string();
  row->purged = true;
}

// Frees an entry and then its ancestors, as far as nobody needs them.
void MemoryStore::free_entries(Entry* last) {
  while (last != nullptr && !last->owned && last->children == 0 && last->heads == 0) {
    Run* const run = last->run;
    Row& row = run->rows[last->seq];
    if (--row.names == 0 && find_session(run->record.session_id) == nullptr) purge(&row);
    if (--run->names == 0 && run->forgotten) erase_run(run);
    Entry* const parent = last->parent;
    if (last_entry_ == last) last_entry_ = nullptr;
    entries_.erase(entries_.find(last->name));
    if (parent != nullptr) --parent->children;
    last = parent;
  }
}

void MemoryStore::erase_run(Run* run) {
  if (last_run_ == run) last_run_ = nullptr;
  const SharedString id = run->record.id;
  runs_.erase(runs_.find(id));
}

// The record goes, and with it every entry and body that no other session needs. Runs stay, without bodies.
bool MemoryStore::remove_owned(std::string_view id) {
  const auto at = owners_.find(id);
  if (at == owners_.end() || !at->second.record.has_value()) return false;
  Owner& owner = at->second;
  const SharedString head = owner.record->head_entry;
  move_head(head, {});
  owner.record.reset();
  Entry* const last = find_entry(head);
  if (last != nullptr && !last->owned) free_entries(last);  // a forked one whose owner is gone
  // Children come after their parents, so each is freed before its parent is looked at: what free_entries
  // goes on to is still owned, or not of this list.
  for (std::vector<Entry*> own = std::exchange(owner.entries, {}); !own.empty(); own.pop_back()) {
    own.back()->owned = false;
    free_entries(own.back());
  }
  for (Run* run : owner.runs) {
    run->record.outcome_json.clear();
    run->record.snapshot_json.clear();
    run->record.options_json.clear();
    for (int64_t i = 0; i < run->rows.size(); ++i) {
      if (run->rows[i].names == 0) purge(&run->rows[i]);
    }
  }
  return true;
}

Status MemoryStore::remove_session(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const SharedString session(id);  // `id` may be a view into the record
  if (remove_owned(session)) return ok_status();
  return not_found("no_such_session", format("session {}", session));
}

void MemoryStore::forget(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const SharedString session(id);
  if (const auto lease = leases_.find(format("session:{}", session)); lease != leases_.end())
    leases_.erase(lease);
  const auto at = owners_.find(session);
  if (at == owners_.end()) return;
  if (!at->second.record.has_value()) at->second.record.emplace();  // its runs never came so far
  (void)remove_owned(session);
  for (Run* run : std::exchange(at->second.runs, {})) {
    run->forgotten = true;
    if (run->names == 0) erase_run(run);
  }
  last_owner_ = nullptr;
  owners_.erase(at);
}

StatusOr<Lease> MemoryStore::acquire(std::string_view resource) {
  const std::lock_guard lock(mutex_);
  auto it = leases_.find(resource);
  if (it == leases_.end()) it = leases_.emplace(resource, LeaseState()).first;
  if (it->second.held) return unavailable("session_busy", format("{} is owned by this process", resource));
  Lease lease{.resource = it->first, .epoch = it->second.epoch + 1};
  it->second = {.epoch = lease.epoch, .held = true};
  return lease;
}

Status MemoryStore::release(const Lease& lease) {
  const std::lock_guard lock(mutex_);
  const auto it = leases_.find(lease.resource);
  if (it == leases_.end() || !it->second.held || it->second.epoch != lease.epoch) {
    return Status(Code::kAborted, "lease_lost",
                  format("{} is not held with epoch {} any more", lease.resource, lease.epoch));
  }
  it->second.held = false;
  return ok_status();
}

}  // namespace tau::store
