// Appends and reads of the store without a disk. Forks, removals and leases are in memory_edit.cpp.
#include "store/memory_store.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "store/apply.h"

namespace tau::store {
namespace {

Status no_such_session(std::string_view id) { return not_found("no_such_session", format("session {}", id)); }
Status no_such_run(std::string_view id) { return not_found("no_such_run", format("run {}", id)); }

constexpr std::string_view kOfRow = ".e";

// What was taken over is gone, also when memory ran out on the way.
struct Emptying {
  Batch& batch;
  ~Emptying() { batch.clear(); }
};

}  // namespace

void Batch::clear() {
  constexpr size_t kKept = 16;
  if (rows.capacity() > kKept) rows = {};
  if (entries.capacity() > kKept) entries = {};
  if (usage.capacity() > kKept) usage = {};
  if (memories.capacity() > kKept) memories = {};
  rows.clear();
  entries.clear();
  usage.clear();
  fence.reset();
  run.reset();
  session.reset();
  approvals.clear();
  memories.clear();
}

void MemoryStore::append(Batch&& batch, Done done) {
  Status status;
  Lsn lsn = 0;
  {
    const Emptying emptying{batch};
    const std::lock_guard lock(mutex_);
    status = check(batch);
    if (status.ok() && !batch.memories.empty()) status = memories_.apply(batch.memories);
    if (status.ok()) lsn = apply(std::move(batch));
  }
  if (done) done(std::move(status), lsn);
}

MemoryStore::Run* MemoryStore::find_run(const SharedString& id) const {
  return last_run_ != nullptr && last_run_->record.id == id ? last_run_ : find_run(id.view());
}

// Whether an entry is named as the runtime names them: "<run>.e<seq>". Such entries need no place in a map.
bool MemoryStore::names_row(std::string_view name, std::string_view run, int64_t seq) {
  if (!name.starts_with(run) || !name.substr(run.size()).starts_with(kOfRow)) return false;
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, seq).ptr;
  return name.substr(run.size() + kOfRow.size()) ==
         std::string_view(digits, static_cast<size_t>(end - digits));
}

MemoryStore::Entry* MemoryStore::find_in_row(std::string_view name) const {
  const size_t at = name.rfind(kOfRow);
  if (at == name.npos) return nullptr;
  int64_t seq = -1;
  const std::string_view digits = name.substr(at + kOfRow.size());
  std::from_chars(digits.data(), digits.data() + digits.size(), seq);
  const std::string_view id = name.substr(0, at);
  Run* const run = last_run_ != nullptr && last_run_->record.id == id ? last_run_ : find_run(id);
  if (run == nullptr || seq < 0 || seq >= run->rows.size()) return nullptr;
  Entry& entry = run->rows[seq].entry;
  return entry.name == name ? &entry : nullptr;
}

MemoryStore::Entry* MemoryStore::find_entry(const SharedString& name) const {
  return last_entry_ != nullptr && last_entry_->name == name ? last_entry_ : find_entry(name.view());
}

MemoryStore::Entry* MemoryStore::find_entry(std::string_view name) const {
  if (Entry* const entry = find_in_row(name)) return entry;
  const auto it = entries_.empty() ? entries_.end() : entries_.find(name);
  return it == entries_.end() ? nullptr : const_cast<Entry*>(&it->second);
}

MemoryStore::Owner* MemoryStore::find_owner(std::string_view session) const {
  if (last_owner_ != nullptr && last_owner_->first.text == session) return &last_owner_->second;
  const auto it = owners_.find(session);
  return it == owners_.end() ? nullptr : const_cast<Owner*>(&it->second);
}

MemoryStore::Owner& MemoryStore::owner_of(std::string_view session) {
  if (last_owner_ == nullptr || last_owner_->first.text != session) {
    const auto it = owners_.find(session);
    last_owner_ = it != owners_.end() ? &*it : &spare_owners_.at(owners_, session);
  }
  return last_owner_->second;
}

MemoryStore::Run* MemoryStore::find_run(std::string_view id) const {
  const auto it = runs_.find(id);
  return it == runs_.end() ? nullptr : const_cast<Run*>(&it->second);
}

SessionRecord* MemoryStore::find_session(std::string_view id) {
  Owner* owner = find_owner(id);
  return owner == nullptr || !owner->record.has_value() ? nullptr : &*owner->record;
}

Status MemoryStore::check(const Batch& batch) const {
  if (batch.fence.has_value()) {
    if (find_lease(*batch.fence) == nullptr) {
      return Status(
          Code::kAborted, "lease_lost",
          format("{} is not held with epoch {} any more", batch.fence->resource, batch.fence->epoch));
    }
  }
  TAU_RETURN_IF_ERROR(check_rows(batch));
  TAU_RETURN_IF_ERROR(check_entries(batch));
  if (!batch.session.has_value() || batch.session->head_entry.empty()) return ok_status();
  const SharedString& head = batch.session->head_entry;
  if (has_entry(batch, batch.entries.size(), head)) return ok_status();
  return failed_precondition(
      "no_such_entry", format("session {} names the head {}, which does not exist", batch.session->id, head));
}

Status MemoryStore::check_rows(const Batch& batch) const {
  const Run* run = nullptr;
  const SharedString* name = nullptr;
  int64_t next = 0;
  for (size_t i = 0; i < batch.rows.size(); ++i) {
    const JournalRow& row = batch.rows[i];
    if (name == nullptr || *name != row.run_id) {
      name = &row.run_id;
      run = find_run(row.run_id);
      if (run == nullptr && !(batch.run.has_value() && batch.run->id == row.run_id)) {
        return failed_precondition("no_such_run", format("run {} was never recorded", row.run_id));
      }
      next = run == nullptr ? 0 : run->rows.size();
      for (size_t k = 0; k < i; ++k) next += batch.rows[k].run_id == row.run_id ? 1 : 0;
    }
    if (row.seq != next) {
      return failed_precondition(
          "wrong_seq", format("run {}: row {} was appended where {} comes next", row.run_id, row.seq, next));
    }
    ++next;
  }
  return ok_status();
}

bool MemoryStore::has_row(const Batch& batch, const SharedString& run_id, int64_t seq) const {
  const Run* run = find_run(run_id);
  if (run != nullptr && seq >= 0 && seq < run->rows.size()) return true;
  return std::ranges::any_of(batch.rows,
                             [&](const JournalRow& r) { return r.seq == seq && r.run_id == run_id; });
}

// Among the first `before` entries of the batch.
bool MemoryStore::in_batch(const Batch& batch, size_t before, const SharedString& name) {
  for (size_t i = before; i > 0; --i)
    if (batch.entries[i - 1].id == name) return true;
  return false;
}

bool MemoryStore::has_entry(const Batch& batch, size_t before, const SharedString& name) const {
  return in_batch(batch, before, name) || find_entry(name) != nullptr;
}

Status MemoryStore::check_entries(const Batch& batch) const {
  for (size_t i = 0; i < batch.entries.size(); ++i) {
    const EntryRow& entry = batch.entries[i];
    TAU_RETURN_IF_ERROR(check_names(entry));
    const Entry* known = find_entry(entry.id);
    if (known != nullptr && known->run == find_run(entry.run_id) && known->seq == entry.seq) continue;
    if (known != nullptr || in_batch(batch, i, entry.id))
      return Status(Code::kAlreadyExists, "entry_exists", format("entry {} exists", entry.id));
    if (!has_row(batch, entry.run_id, entry.seq)) {
      return failed_precondition(
          "no_such_row", format("entry {} names row {} of run {}, which is not in the journal", entry.id,
                                entry.seq, entry.run_id));
    }
    if (!entry.parent.empty() && !has_entry(batch, i, entry.parent)) {
      return failed_precondition("no_such_entry", format("entry {} names the parent {}, which does not exist",
                                                         entry.id, entry.parent));
    }
  }
  return ok_status();
}

Lsn MemoryStore::apply(Batch&& batch) {
  ++stats_.batches;
  ++stats_.groups;
  stats_.rows += static_cast<int64_t>(batch.rows.size());
  if (batch.run.has_value()) put_run(std::move(*batch.run));
  for (JournalRow& row : batch.rows) {
    Run& run = *find_run(row.run_id);
    append_row(run, std::move(row));
    last_run_ = &run;
  }
  for (EntryRow& entry : batch.entries) put_entry(std::move(entry));
  if (batch.session.has_value()) put_session(std::move(*batch.session));
  return batch.rows.empty() ? 0 : lsn_;
}

void MemoryStore::append_row(Run& run, JournalRow&& from) {
  const Digest before = run.rows.empty() ? Digest{} : run.rows.back().chain;
  Row& row = run.rows.add(std::move(from));
  row.lsn = ++lsn_;
  row.body = crypto::blake2b(row.row.body);
  row.chain = next_link(before, row.row, row.body, EffectsDigest(row.row.effects_digest));
}

void MemoryStore::put_run(RunRecord&& record) {
  if (Run* run = find_run(record.id); run != nullptr) {
    record.session_id = std::move(run->record.session_id);
    record.options_json = std::move(run->record.options_json);
    record.created_ms = run->record.created_ms;
    run->record = std::move(record);
    return;
  }
  const SharedString id = record.id;
  const SharedString session = record.session_id;
  Run& run = spare_runs_.at(runs_, id).second;
  run.record = std::move(record);
  run.before = std::exchange(owner_of(session).last_run, &run);
  last_run_ = &run;
}

void MemoryStore::move_head(const SharedString& from, const SharedString& to) {
  if (from == to) return;
  if (Entry* entry = from.empty() ? nullptr : find_entry(from)) --entry->heads;
  if (Entry* entry = to.empty() ? nullptr : find_entry(to)) ++entry->heads;
}

void MemoryStore::put_session(SessionRecord&& record) {
  std::optional<SessionRecord>& slot = owner_of(record.id).record;
  if (slot.has_value()) {
    record.created_ms = slot->created_ms;
    record.parent_session = slot->parent_session;
  }
  move_head(slot.has_value() ? slot->head_entry : SharedString(), record.head_entry);
  slot = std::move(record);
}

void MemoryStore::put_entry(EntryRow&& from) {
  Run& run = *find_run(from.run_id);
  Row& row = run.rows[from.seq];
  Owner& owner = owner_of(from.session_id);
  const bool named_so = names_row(from.id, from.run_id, from.seq);
  Entry& entry = named_so ? row.entry : entries_[from.id];
  if (entry.run != nullptr) return;  // the same again
  entry.name = std::move(from.id);
  entry.named_so = named_so;
  entry.run = &run;
  entry.seq = from.seq;
  if (!from.parent.empty()) entry.parent = find_entry(from.parent);
  if (entry.parent != nullptr) ++entry.parent->children;
  ++row.names;
  ++run.names;
  entry.before = std::exchange(owner.last_entry, &entry);
  last_entry_ = &entry;
}

JournalEntry MemoryStore::read_back(const Row& row) {
  return {
      .lsn = row.lsn, .row = row.row, .entry_id = {}, .chain = crypto::hex(row.chain), .purged = row.purged};
}

StatusOr<std::vector<SessionRecord>> MemoryStore::list_sessions(size_t limit, std::string_view after_id) {
  const std::lock_guard lock(mutex_);
  const auto newer = [](const SessionRecord* a, const SessionRecord* b) {
    return a->created_ms != b->created_ms ? a->created_ms > b->created_ms : a->id > b->id;
  };
  const SessionRecord* after = nullptr;
  if (!after_id.empty()) {
    after = find_session(after_id);
    if (after == nullptr) return no_such_session(after_id);
  }
  std::vector<const SessionRecord*> sorted;
  for (const auto& [id, owner] : owners_) {
    if (owner.record.has_value() && (after == nullptr || newer(after, &*owner.record)))
      sorted.push_back(&*owner.record);
  }
  std::ranges::sort(sorted, newer);
  if (sorted.size() > limit) sorted.resize(limit);
  std::vector<SessionRecord> out;
  for (const SessionRecord* record : sorted) out.push_back(*record);
  return out;
}

StatusOr<SessionRecord> MemoryStore::load_session(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const SessionRecord* record = find_session(id);
  if (record == nullptr) return no_such_session(id);
  return *record;
}

StatusOr<std::vector<JournalEntry>> MemoryStore::load_lineage(std::string_view name) {
  std::vector<JournalEntry> line;
  if (name.empty()) return line;
  const std::lock_guard lock(mutex_);
  const Entry* entry = find_entry(name);
  if (entry == nullptr) return not_found("no_such_entry", format("entry {}", name));
  for (; entry != nullptr; entry = entry->parent) {
    line.push_back(read_back(entry->run->rows[entry->seq]));
    line.back().entry_id = entry->name;
  }
  std::ranges::reverse(line);
  return line;
}

StatusOr<RunRecord> MemoryStore::load_run(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const Run* run = find_run(id);
  if (run == nullptr) return no_such_run(id);
  RunRecord record = run->record;
  record.chain_head = run->rows.empty() ? std::string() : crypto::hex(run->rows.back().chain);
  return record;
}

StatusOr<std::vector<RunRecord>> MemoryStore::list_runs(std::string_view session_id) {
  const std::lock_guard lock(mutex_);
  std::vector<RunRecord> out;
  const auto owner = owners_.find(session_id);
  if (owner == owners_.end()) return out;
  for (const Run* run = owner->second.last_run; run != nullptr; run = run->before) {
    out.push_back(run->record);
    out.back().chain_head = run->rows.empty() ? std::string() : crypto::hex(run->rows.back().chain);
  }
  std::ranges::reverse(out);
  return out;
}

StatusOr<std::vector<JournalEntry>> MemoryStore::load_journal(std::string_view run_id, int64_t from_seq) {
  const std::lock_guard lock(mutex_);
  const Run* run = find_run(run_id);
  if (run == nullptr) return no_such_run(run_id);
  std::vector<JournalEntry> out;
  for (int64_t i = std::max<int64_t>(from_seq, 0); i < run->rows.size(); ++i) {
    out.push_back(read_back(run->rows[i]));
  }
  return out;
}

Status MemoryStore::verify_chain(std::string_view run_id) {
  const std::lock_guard lock(mutex_);
  const Run* run = find_run(run_id);
  if (run == nullptr) return no_such_run(run_id);
  Digest link{};
  for (int64_t i = 0; i < run->rows.size(); ++i) {
    const Row& row = run->rows[i];
    link = next_link(link, row.row, row.body, EffectsDigest(row.row.effects_digest));
    if (link != row.chain || (!row.purged && crypto::blake2b(row.row.body) != row.body)) {
      return data_loss("chain_broken", format("run {}: row {} (lsn {})", run_id, row.row.seq, row.lsn));
    }
  }
  return ok_status();
}

StoreStats MemoryStore::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

std::unique_ptr<Store> make_memory_store(Clock&) { return std::make_unique<MemoryStore>(); }

}  // namespace tau::store
