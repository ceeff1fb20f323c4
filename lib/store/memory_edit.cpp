// Forks, removals and leases of the store without a disk.
#include <algorithm>
#include <utility>

#include "store/memory_store.h"

namespace tau::store {
namespace {

constexpr std::string_view kSession = "session:";

}  // namespace

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
    bool belongs = false;
    for (const Entry* own = find_owner(source)->last_entry; own != nullptr && !belongs; own = own->before)
      belongs = own->name == entry;
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
    Entry* const parent = last->parent;
    erase_entry(last);
    if (--row.names == 0 && find_session(run->record.session_id) == nullptr) purge(&row);
    if (--run->names == 0 && run->forgotten) erase_run(run);
    if (parent != nullptr) --parent->children;
    last = parent;
  }
}

void MemoryStore::erase_entry(Entry* entry) {
  if (last_entry_ == entry) last_entry_ = nullptr;
  if (entry->named_so) {
    entry->clear();
  } else {
    entries_.erase(entries_.find(entry->name));
  }
}

void MemoryStore::erase_run(Run* run) {
  if (last_run_ == run) last_run_ = nullptr;
  spare_runs_.erase(runs_, runs_.find(run->record.id));
}

// The record goes, and with it every entry and body that no other session needs. Runs stay, without bodies.
void MemoryStore::remove_owned(Owner& owner) {
  const SharedString head = owner.record->head_entry;
  move_head(head, {});
  owner.record.reset();
  Entry* const last = find_entry(head);
  if (last != nullptr && !last->owned) free_entries(last);  // a forked one whose owner is gone
  // Children come after their parents, so each is freed before its parent is looked at: what free_entries
  // goes on to is still owned, or not of this list.
  for (Entry* own = std::exchange(owner.last_entry, nullptr); own != nullptr;) {
    Entry* const before = std::exchange(own->before, nullptr);
    own->owned = false;
    free_entries(own);
    own = before;
  }
  for (Run* run = owner.last_run; run != nullptr; run = run->before) {
    run->record.outcome_json.clear();
    run->record.snapshot_json.clear();
    run->record.options_json.clear();
    for (int64_t i = 0; i < run->rows.size(); ++i) {
      if (run->rows[i].names == 0) purge(&run->rows[i]);
    }
  }
}

Status MemoryStore::remove_session(std::string_view id) {
  const std::lock_guard lock(mutex_);
  if (find_session(id) == nullptr) return not_found("no_such_session", format("session {}", id));
  remove_owned(*find_owner(id));
  return ok_status();
}

void MemoryStore::forget(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto at = owners_.find(id);
  if (at == owners_.end()) return;
  Owner& owner = at->second;
  if (!owner.record.has_value()) owner.record.emplace();  // its runs never came so far
  remove_owned(owner);
  for (Run* run = owner.last_run; run != nullptr;) {
    Run* const before = run->before;
    run->forgotten = true;
    if (run->names == 0) erase_run(run);
    run = before;
  }
  last_owner_ = nullptr;
  spare_owners_.erase(owners_, at);
}

MemoryStore::LeaseState* MemoryStore::find_lease(const Lease& lease) const {
  const std::string_view resource = lease.resource;
  LeaseState* state = nullptr;
  if (resource.starts_with(kSession)) {
    if (Owner* owner = find_owner(resource.substr(kSession.size()))) state = &owner->lease;
  } else if (const auto it = leases_.find(resource); it != leases_.end()) {
    state = const_cast<LeaseState*>(&it->second);
  }
  return state != nullptr && state->held && state->epoch == lease.epoch ? state : nullptr;
}

StatusOr<Lease> MemoryStore::acquire(const SharedString& name) {
  const std::string_view resource = name;
  const std::lock_guard lock(mutex_);
  LeaseState& state =
      resource.starts_with(kSession) ? owner_of(resource.substr(kSession.size())).lease : leases_[name];
  if (state.held) return unavailable("session_busy", format("{} is owned by this process", resource));
  Lease lease{.resource = name, .epoch = state.epoch + 1};
  state = {.epoch = lease.epoch, .held = true};
  return lease;
}

Status MemoryStore::release(const Lease& lease) {
  const std::lock_guard lock(mutex_);
  LeaseState* state = find_lease(lease);
  if (state == nullptr) {
    return Status(Code::kAborted, "lease_lost",
                  format("{} is not held with epoch {} any more", lease.resource, lease.epoch));
  }
  state->held = false;
  return ok_status();
}

}  // namespace tau::store
