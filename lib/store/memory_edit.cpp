// Forks, removals and leases of the store without a disk.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "store/memory_store.h"

namespace tau::store {

Status MemoryStore::fork_session(std::string_view source, std::string_view entry, const SessionRecord& fork) {
  const std::lock_guard lock(mutex_);
  const auto from = sessions_.find(source);
  if (from == sessions_.end()) return not_found("no_such_session", format("session {}", source));
  if (is_live_session(fork.id))
    return Status(Code::kAlreadyExists, "session_exists", format("session {}", fork.id));
  SessionRecord record = fork;
  record.parent_session = std::string(source);
  record.head_entry = from->second.head_entry;
  if (!entry.empty()) {
    const auto it = entries_.find(entry);
    bool belongs = it != entries_.end() && it->second->session == source;
    const auto head = entries_.find(from->second.head_entry);
    const Entry* at = head == entries_.end() ? nullptr : head->second.get();
    for (; at != nullptr && !belongs; at = at->parent) belongs = at->name == entry;
    if (!belongs) return not_found("no_such_entry", format("session {} has no entry {}", source, entry));
    record.head_entry = std::string(entry);
  }
  sessions_.emplace(record.id, std::move(record));
  return ok_status();
}

void MemoryStore::purge(Row* row) {
  row->row.body = std::string();
  row->purged = true;
}

// Removes the entries of `session` and those without an owner, as long as nobody needs them: leaves first.
void MemoryStore::drop_entries_of(std::string_view session) {
  std::unordered_set<std::string_view> heads;
  for (const auto& [id, record] : sessions_) heads.insert(record.head_entry);
  std::vector<Entry*> ready;
  const auto is_free = [&](const Entry& e) {
    return e.session.empty() && e.children == 0 && !heads.contains(e.name);
  };
  for (auto& [name, entry] : entries_) {
    if (entry->session == session) entry->session.clear();
    if (is_free(*entry)) ready.push_back(entry.get());
  }
  while (!ready.empty()) {
    Entry* const entry = ready.back();
    ready.pop_back();
    Row& row = entry->run->rows[entry->seq];
    if (--row.names == 0 && !is_live_session(entry->run->record.session_id)) purge(&row);
    Entry* const parent = entry->parent;
    entries_.erase(entries_.find(entry->name));
    if (parent != nullptr && --parent->children == 0 && is_free(*parent)) ready.push_back(parent);
  }
}

Status MemoryStore::remove_session(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto it = sessions_.find(id);
  if (it == sessions_.end()) return not_found("no_such_session", format("session {}", id));
  const std::string session = it->first;  // `id` may be a view into the record
  sessions_.erase(it);
  drop_entries_of(session);
  for (Run* run : run_order_) {
    if (run->record.session_id != session) continue;
    run->record.outcome_json.clear();
    run->record.snapshot_json.clear();
    run->record.options_json.clear();
    for (int64_t i = 0; i < run->rows.size(); ++i) {
      if (run->rows[i].names == 0) purge(&run->rows[i]);
    }
  }
  return ok_status();
}

StatusOr<Lease> MemoryStore::acquire(std::string_view resource) {
  const std::lock_guard lock(mutex_);
  auto it = leases_.find(resource);
  if (it == leases_.end()) it = leases_.emplace(std::string(resource), LeaseState()).first;
  if (it->second.held) return unavailable("session_busy", format("{} is owned by this process", resource));
  it->second.held = true;
  return Lease{.resource = std::string(resource), .epoch = ++it->second.epoch};
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
