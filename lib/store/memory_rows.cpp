// The statements behind edits of memories. Checks come before writes; what fails midway is undone by the
// savepoint of the batch.
#include "store/memory_rows.h"

#include <algorithm>
#include <utility>

#include "base/label.h"
#include "store/memory_checks.h"
#include "store/memory_columns.h"

namespace tau::store {
namespace {

Status changed_meanwhile(std::string_view id, int64_t expected, int64_t revision) {
  return Status(Code::kAborted, "revision_changed",
                revision == 0 ? format("memory {} is not there, expected was revision {}", id, expected)
                              : format("memory {} has revision {}, expected was {}", id, revision, expected));
}

}  // namespace

// A memory as it is in the table.
struct MemoryRows::Old {
  MemoryRow row;
  std::string tags;
  uint8_t supersedes = kSupersedesNothing;

  bool exists() const { return row.row != 0; }
  bool live() const { return exists() && row.forgotten_ms == 0; }
  MemoryWords words(int64_t scope) const { return {.scope = scope, .text = row.text, .tags = tags}; }
};

// What is to be written beside what the put says.
struct MemoryRows::Draft {
  int64_t row = 0;
  int64_t revision = 0;
  int64_t change = 0;
  std::string tags;
  Provenance provenance;
  FactTimes times;
  int64_t created_ms = 0;
  uint8_t supersedes = kSupersedesNothing;

  bool says_the_same(const MemoryRow& now, const Old& old) const {
    const MemoryRow& was = old.row;
    return old.live() && now.type == was.type && now.importance == was.importance && now.text == was.text &&
           tags == old.tags && now.thread == was.thread && now.time_ms == was.time_ms &&
           now.position == was.position && now.fact == was.fact && now.source == was.source &&
           now.attributes == was.attributes && times.valid_from_ms == was.valid_from_ms &&
           times.valid_to_ms == was.valid_to_ms && times.superseded_ms == was.superseded_ms &&
           supersedes == old.supersedes && is_same(provenance, was.provenance);
  }
};

Status MemoryRows::begin() {
  if (begun_) return ok_status();
  Statement& state = db_.prepare("SELECT last_row, last_change, indexed_row FROM memory_state");
  TAU_ASSIGN_OR_RETURN(const bool row, state.step());
  if (!row) return data_loss("database_corrupt", "the counters of the memories are gone");
  last_row_ = state.integer(0);
  last_change_ = state.integer(1);
  indexed_row_ = state.integer(2);
  state.reset();
  begun_ = true;
  return ok_status();
}

Status MemoryRows::finish() {
  if (!begun_) return ok_status();
  TAU_ASSIGN_OR_RETURN(indexed_row_, indexing_.finish(indexed_row_, last_row_));
  TAU_RETURN_IF_ERROR(db_.prepare("UPDATE memory_state SET last_row = ?1, last_change = ?2, indexed_row = ?3")
                          .bind(last_row_, last_change_, indexed_row_)
                          .run());
  for (auto& [name, scope] : scopes_) {
    if (!scope.changed) continue;
    TAU_RETURN_IF_ERROR(
        db_.prepare("UPDATE memory_scopes SET live = ?2, forgotten = ?3, change = ?4 WHERE id = ?1")
            .bind(scope.key, scope.live, scope.forgotten, scope.change)
            .run());
  }
  forget();
  return ok_status();
}

void MemoryRows::forget() {
  if (!begun_) return;
  indexing_.forget();
  scopes_.clear();
  before_.clear();
  known_space_ = 0;
  begun_ = false;
}

// Numbers that it took stay unused. What the index was told of is looked at again at the end.
void MemoryRows::take_back() {
  for (auto at = before_.rbegin(); at != before_.rend(); ++at) *at->first = at->second;
  before_.clear();
  known_space_ = 0;
}

Status MemoryRows::apply(const std::vector<MemoryEdit>& edits) {
  TAU_RETURN_IF_ERROR(begin());
  before_.clear();
  for (const MemoryEdit& edit : edits) {
    MemoryOutcome unasked;
    MemoryOutcome& out = edit.outcome != nullptr ? *edit.outcome : unasked;
    out = {};
    TAU_RETURN_IF_ERROR(apply_one(edit, out));
  }
  before_.clear();  // a later batch that is refused takes nothing of this one back
  return ok_status();
}

Status MemoryRows::apply_one(const MemoryEdit& edit, MemoryOutcome& out) {
  if (const auto* one = std::get_if<MemoryPut>(&edit.what)) return put(*one, out);
  if (const auto* one = std::get_if<MemoryForget>(&edit.what)) return forget_memory(*one, out);
  if (const auto* one = std::get_if<MemoryRelate>(&edit.what)) return relate(*one, out);
  if (const auto* one = std::get_if<MemoryVector>(&edit.what)) return put_vector(*one, out);
  return use(std::get<MemoryUse>(edit.what), out);
}

// Null: there is no such scope, and none is to be made.
StatusOr<MemoryRows::Scope*> MemoryRows::find_scope(const MemoryScope& name, bool make) {
  const std::tuple<std::string_view, std::string_view, std::string_view> key{name.workspace, name.channel,
                                                                             name.actor};
  auto at = scopes_.find(key);
  if (at == scopes_.end()) at = scopes_.emplace(ScopeName(key), Scope()).first;
  Scope& scope = at->second;
  if (scope.key != 0) return &scope;
  Statement& find = db_.prepare(
      "SELECT id, live, forgotten, change FROM memory_scopes WHERE workspace = ?1 AND channel = ?2 AND actor "
      "= ?3");
  find.bind(name.workspace, name.channel, name.actor);
  TAU_ASSIGN_OR_RETURN(const bool found, find.step());
  if (found) {
    scope = {.key = find.integer(0),
             .live = find.integer(1),
             .forgotten = find.integer(2),
             .change = find.integer(3)};
  }
  find.reset();
  if (found) return &scope;
  if (!make) return nullptr;
  TAU_RETURN_IF_ERROR(
      db_.prepare(
             "INSERT INTO memory_scopes(workspace, channel, actor, live, forgotten, change) VALUES(?1, ?2,"
             " ?3, 0, 0, 0)")
          .bind(name.workspace, name.channel, name.actor)
          .run());
  before_.emplace_back(&scope, scope);
  scope.key = db_.last_rowid();
  return &scope;
}

void MemoryRows::touch(Scope& scope) {
  before_.emplace_back(&scope, scope);
  scope.changed = true;
}

int64_t MemoryRows::next_change(Scope& scope) {
  touch(scope);
  return scope.change = ++last_change_;
}

StatusOr<bool> MemoryRows::find(const Scope& scope, std::string_view id, Old* old) {
  Statement& query =
      db_.prepare("SELECT " TAU_MEMORY_COLUMNS " FROM memories m WHERE m.scope = ?1 AND m.name = ?2");
  query.bind(scope.key, id);
  TAU_ASSIGN_OR_RETURN(const bool found, query.step());
  if (found) {
    old->row = memory_at(query);
    old->tags = query.text(25);
    old->supersedes = static_cast<uint8_t>(query.integer(kMemorySupersedesColumn));
  }
  query.reset();
  return found;
}

// A fact that another one closed stays closed when it is written again.
void MemoryRows::keep_closing(const MemoryRow& now, const Old& old, Draft& draft) {
  const MemoryRow& was = old.row;
  const bool closed = old.live() && was.superseded_ms != kEndless && now.superseded_ms == kEndless;
  if (!closed || now.fact != was.fact || draft.times.valid_from_ms != was.valid_from_ms) return;
  draft.times.valid_to_ms = was.valid_to_ms;
  draft.times.valid_to_before_ms = was.valid_to_before_ms;
  draft.times.superseded_ms = was.superseded_ms;
}

Status MemoryRows::prepare(const MemoryPut& put, const Scope& scope, const Old& old, Draft& draft,
                           FactPlan& plan) {
  const MemoryRow& row = put.row;
  draft.row = old.row.row;
  draft.tags = join_sorted_tags(row.tags);
  draft.supersedes = row.fact.empty() ? kSupersedesNothing : put.supersedes_with;
  draft.created_ms = old.live() ? old.row.created_ms : row.created_ms;
  draft.times = {.valid_from_ms = row.valid_from_ms,
                 .valid_to_ms = row.valid_to_ms,
                 .valid_to_before_ms = row.valid_to_before_ms,
                 .superseded_ms = row.superseded_ms,
                 .recorded_ms = old.live() ? row.updated_ms : row.created_ms};
  if (old.exists()) {
    TAU_ASSIGN_OR_RETURN(draft.provenance, join_provenance(old.row.provenance, row.provenance));
  } else {
    TAU_RETURN_IF_ERROR(parse_integrity(row.provenance.integrity).status());
    draft.provenance = row.provenance;
  }
  const bool functional = draft.supersedes != kSupersedesNothing;
  if (functional && draft.times.valid_from_ms == kNoTime) draft.times.valid_from_ms = row.time_ms;
  keep_closing(row, old, draft);
  if (!functional) return ok_status();
  TAU_ASSIGN_OR_RETURN(plan, plan_fact(db_, scope.key, old.row.row, row.fact, &draft.times));
  if (!old.live()) draft.created_ms = draft.times.recorded_ms;
  return ok_status();
}

Status MemoryRows::put(const MemoryPut& put, MemoryOutcome& out) {
  const MemoryRow& row = put.row;
  TAU_RETURN_IF_ERROR(check_memory(row));
  TAU_ASSIGN_OR_RETURN(Scope* const scope, find_scope(row.scope, true));
  Old old;
  TAU_RETURN_IF_ERROR(find(*scope, row.id, &old).status());
  const int64_t revision = old.live() ? old.row.revision : 0;
  if (put.expected_revision != MemoryPut::kAnyRevision && put.expected_revision != revision)
    return changed_meanwhile(row.id, put.expected_revision, revision);
  Draft draft;
  FactPlan plan;
  TAU_RETURN_IF_ERROR(prepare(put, *scope, old, draft, plan));
  out = {.row = old.row.row, .revision = old.row.revision, .change = old.row.change, .created = !old.live()};
  const bool says_the_same = draft.says_the_same(row, old);
  if (!says_the_same) {
    draft.revision = old.row.revision + 1;
    draft.change = next_change(*scope);
    TAU_RETURN_IF_ERROR(old.exists() ? update(*scope, row, draft, old) : insert(*scope, row, draft));
    out.row = draft.row;
    out.revision = draft.revision;
    out.change = draft.change;
  }
  TAU_ASSIGN_OR_RETURN(const bool has_new_vector, write_vector(out.row, put.space, put.vector));
  if (says_the_same && has_new_vector) TAU_RETURN_IF_ERROR(note_change(*scope, out.row, &out.change));
  out.unchanged = says_the_same && !has_new_vector;
  return close_facts(*scope, plan, out.row, draft.times.recorded_ms, draft.supersedes, row.scope, out);
}

Status MemoryRows::insert(Scope& scope, const MemoryRow& row, Draft& draft) {
  draft.row = ++last_row_;
  Statement& insert = db_.prepare(
      "INSERT INTO memories(id, scope, name, change, revision, type, importance, time_ms, position,"
      " valid_from_ms, valid_to_ms, valid_to_before_ms, superseded_ms, supersedes, created_ms, updated_ms,"
      " forgotten_ms, integrity, readers, principal, policy_epoch, scanned_epoch, thread, subject, predicate,"
      " object, source, tags, attributes, text) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
      "?13,"
      " ?14, ?15, ?16, 0, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29)");
  bind_content(insert, row, draft);
  insert.bind_integer(2, scope.key).bind_text(3, row.id);
  TAU_RETURN_IF_ERROR(insert.run());
  ++scope.live;
  return ok_status();
}

// Rows of the same number follow in an update; insert() alone binds 2 and 3.
void MemoryRows::bind_content(Statement& statement, const MemoryRow& row, const Draft& draft) {
  const Provenance& p = draft.provenance;
  const FactTimes& times = draft.times;
  statement.bind_integer(1, draft.row).bind_integer(4, draft.change).bind_integer(5, draft.revision);
  statement.bind_integer(6, row.type).bind_real(7, row.importance).bind_integer(8, row.time_ms);
  statement.bind_integer(9, row.position).bind_integer(10, times.valid_from_ms);
  statement.bind_integer(11, times.valid_to_ms).bind_integer(12, times.valid_to_before_ms);
  statement.bind_integer(13, times.superseded_ms).bind_integer(14, draft.supersedes);
  statement.bind_integer(15, draft.created_ms).bind_integer(16, row.updated_ms).bind_text(17, p.integrity);
  statement.bind_text(18, p.readers).bind_text(19, p.principal).bind_integer(20, p.policy_epoch);
  statement.bind_integer(21, p.scanned_epoch).bind_text(22, row.thread).bind_text(23, row.fact.subject);
  statement.bind_text(24, row.fact.predicate).bind_text(25, row.fact.object).bind_text(26, row.source);
  statement.bind_text(27, draft.tags).bind_text(28, row.attributes).bind_text(29, row.text);
}

Status MemoryRows::update(Scope& scope, const MemoryRow& row, Draft& draft, const Old& old) {
  const bool other_text = row.text != old.row.text;
  if (!old.live() || other_text || draft.tags != old.tags) note_words(scope, old);
  if (!old.live()) {
    TAU_RETURN_IF_ERROR(begin_anew(old.row.row));
    --scope.forgotten;
    ++scope.live;
  }
  if (!old.live() || other_text) TAU_RETURN_IF_ERROR(drop_vectors(old.row.row));
  Statement& update = db_.prepare(
      "UPDATE memories SET change = ?4, revision = ?5, type = ?6, importance = ?7, time_ms = ?8, position = "
      "?9,"
      " valid_from_ms = ?10, valid_to_ms = ?11, valid_to_before_ms = ?12, superseded_ms = ?13, supersedes = "
      "?14,"
      " created_ms = ?15, updated_ms = ?16, forgotten_ms = 0, integrity = ?17, readers = ?18, principal = "
      "?19,"
      " policy_epoch = ?20, scanned_epoch = ?21, thread = ?22, subject = ?23, predicate = ?24, object = ?25,"
      " source = ?26, tags = ?27, attributes = ?28, text = ?29 WHERE id = ?1");
  bind_content(update, row, draft);
  return update.run();
}

// A name that was forgotten means something new: what belonged to the old one is no part of it.
Status MemoryRows::begin_anew(int64_t row) {
  TAU_RETURN_IF_ERROR(
      db_.prepare("DELETE FROM memory_edges WHERE source = ?1 OR target = ?1").bind(row).run());
  return db_.prepare("DELETE FROM memory_uses WHERE memory = ?1").bind(row).run();
}

void MemoryRows::note_words(const Scope& scope, const Old& old) {
  if (!old.live()) return indexing_.note(old.row.row, nullptr);
  const MemoryWords words = old.words(scope.key);
  indexing_.note(old.row.row, &words);
}

Status MemoryRows::note_change(Scope& scope, int64_t row, int64_t* change) {
  *change = next_change(scope);
  return db_.prepare("UPDATE memories SET change = ?2 WHERE id = ?1").bind(row, *change).run();
}

Status MemoryRows::close_facts(Scope& scope, const FactPlan& plan, int64_t row, int64_t recorded_ms,
                               uint8_t relation, const MemoryScope& name, MemoryOutcome& out) {
  const auto link = [&](int64_t source, int64_t target) {
    return db_
        .prepare(
            "INSERT INTO memory_edges(source, target, relation, weight, created_ms)"
            " VALUES(?1, ?2, ?3, 1.0, ?4) ON CONFLICT DO NOTHING")
        .bind(source, target, int64_t{relation}, recorded_ms)
        .run();
  };
  for (const FactClosing& closing : plan.closed) {
    int64_t closed = closing.row;
    if (closing.splits) {
      TAU_ASSIGN_OR_RETURN(closed, split_fact(scope, closing.row, plan.start_ms, recorded_ms));
    } else {
      Statement& close = db_.prepare(
          "UPDATE memories SET change = ?2, valid_to_before_ms = valid_to_ms, valid_to_ms = ?3,"
          " superseded_ms = ?4 WHERE id = ?1");
      TAU_RETURN_IF_ERROR(close.bind(closing.row, next_change(scope), plan.start_ms, recorded_ms).run());
    }
    TAU_RETURN_IF_ERROR(link(row, closed));
    out.superseded.push_back({.scope = name, .id = closing.id});
  }
  return plan.closed_by == 0 ? ok_status() : link(plan.closed_by, row);
}

// A fact has one row for what was known before it was closed and since then. When that changes once more,
// what was known in between goes on in a row of its own, and the old one shows only what was known before.
StatusOr<int64_t> MemoryRows::split_fact(Scope& scope, int64_t row, int64_t end_ms, int64_t recorded_ms) {
  const int64_t copy = ++last_row_;
  Statement& insert = db_.prepare(
      "INSERT INTO memories(id, scope, name, change, revision, type, importance, time_ms, position,"
      " valid_from_ms, valid_to_ms, valid_to_before_ms, superseded_ms, supersedes, created_ms, updated_ms,"
      " forgotten_ms, integrity, readers, principal, policy_epoch, scanned_epoch, thread, subject, predicate,"
      " object, source, tags, attributes, part_of, text) SELECT ?2, scope, name || '#' || ?2, ?3, 1, type, "
      "importance,"
      " time_ms, position, valid_from_ms, ?4, valid_to_ms, ?5, supersedes, superseded_ms, ?5, 0, integrity,"
      " readers, principal, policy_epoch, scanned_epoch, thread, subject, predicate, object, source, tags,"
      " attributes, iif(part_of > 0, part_of, id), text FROM memories WHERE id = ?1");
  TAU_RETURN_IF_ERROR(insert.bind(row, copy, next_change(scope), end_ms, recorded_ms).run());
  ++scope.live;
  Statement& empty =
      db_.prepare("UPDATE memories SET change = ?2, valid_to_ms = valid_from_ms WHERE id = ?1");
  TAU_RETURN_IF_ERROR(empty.bind(row, next_change(scope)).run());
  return copy;
}

Status MemoryRows::forget_memory(const MemoryForget& forget, MemoryOutcome& out) {
  TAU_RETURN_IF_ERROR(check_memory_name(forget.ref.scope, forget.ref.id));
  TAU_ASSIGN_OR_RETURN(Scope* const scope, find_scope(forget.ref.scope, false));
  Old old;
  if (scope != nullptr) TAU_RETURN_IF_ERROR(find(*scope, forget.ref.id, &old).status());
  const int64_t revision = old.row.revision;
  if (forget.expected_revision != MemoryPut::kAnyRevision && forget.expected_revision != revision)
    return changed_meanwhile(forget.ref.id, forget.expected_revision, revision);
  if (!old.exists()) return ok_status();
  out = {.row = old.row.row, .revision = revision, .change = old.row.change};
  const bool forgotten = forget.at_ms != 0;
  out.unchanged = forgotten != old.live();
  if (out.unchanged) return ok_status();
  note_words(*scope, old);
  out.change = next_change(*scope);
  scope->live += forgotten ? -1 : 1;
  scope->forgotten += forgotten ? 1 : -1;
  TAU_RETURN_IF_ERROR(db_.prepare("UPDATE memories SET change = ?2, forgotten_ms = ?3 WHERE id = ?1")
                          .bind(old.row.row, out.change, std::max<int64_t>(forget.at_ms, 0))
                          .run());
  TAU_RETURN_IF_ERROR(forget_parts(old.row.row, forget));
  return forgotten ? ok_status() : restore_fact(*scope, old, forget.ref.scope, out);
}

// Rows in which a fact goes on share its fate.
Status MemoryRows::forget_parts(int64_t row, const MemoryForget& whole) {
  Statement& query = db_.prepare("SELECT name FROM memories WHERE part_of = ?1 AND part_of > 0");
  query.bind(row);
  std::vector<std::string> names;
  for (;;) {
    TAU_ASSIGN_OR_RETURN(const bool any, query.step());
    if (!any) break;
    names.push_back(query.text(0));
  }
  query.reset();
  for (const std::string& name : names) {
    MemoryOutcome out;
    const MemoryForget part = {.ref = {whole.ref.scope, name}, .at_ms = whole.at_ms};
    TAU_RETURN_IF_ERROR(forget_memory(part, out));
  }
  return ok_status();
}

// While it was forgotten others may have been said of the same: it takes its place among them.
Status MemoryRows::restore_fact(Scope& scope, const Old& old, const MemoryScope& name, MemoryOutcome& out) {
  if (old.supersedes == kSupersedesNothing) return ok_status();
  const MemoryRow& row = old.row;
  FactTimes times = {.valid_from_ms = row.valid_from_ms,
                     .valid_to_ms = row.valid_to_ms,
                     .valid_to_before_ms = row.valid_to_before_ms,
                     .superseded_ms = row.superseded_ms,
                     .recorded_ms = row.forgotten_ms};
  TAU_ASSIGN_OR_RETURN(const FactPlan plan, plan_fact(db_, scope.key, row.row, row.fact, &times));
  if (plan.closed_by != 0) {
    Statement& close = db_.prepare(
        "UPDATE memories SET valid_to_ms = ?2, valid_to_before_ms = ?3, superseded_ms = ?4 WHERE id = ?1");
    TAU_RETURN_IF_ERROR(
        close.bind(row.row, times.valid_to_ms, times.valid_to_before_ms, times.superseded_ms).run());
  }
  return close_facts(scope, plan, row.row, times.recorded_ms, old.supersedes, name, out);
}

}  // namespace tau::store
