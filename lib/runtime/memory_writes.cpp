// Requests that change memories: add, forget, restore, purge, relate, unrelate.
#include <algorithm>
#include <utility>

#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory_desk.h"
#include "runtime/memory_document.h"
#include "runtime/memory_ops.h"
#include "runtime/redaction.h"

namespace tau::runtime {
namespace {

using store::MemoryEdit;
using store::MemoryOutcome;

constexpr size_t kMostAtOnce = 1000;

// No secret that the runtime knows is remembered.
void redact(Core& core, store::MemoryRow& row) {
  const Redaction redaction(core.screening().current());
  row.provenance.scanned_epoch = redaction.epoch();
  if (!core.screening().knows_secrets()) return;
  for (std::string* const text :
       {&row.text, &row.source, &row.thread, &row.fact.subject, &row.fact.predicate, &row.fact.object})
    redaction.clean(*text, Author::kHost);
  for (std::string& tag : row.tags) redaction.clean(tag, Author::kHost);
  redaction.clean_json(row.attributes, Author::kHost);
}

StatusOr<std::vector<MemoryDraft>> read_drafts(Memory& memory, const json::Value& request) {
  const int64_t now_ms = memory.engine().clock().wall_ms();
  std::vector<MemoryDraft> drafts;
  const json::Value* const many = request.find("memories");
  if (many == nullptr) {
    TAU_ASSIGN_OR_RETURN(MemoryDraft draft, read_memory(request, "request", memory.reach(), now_ms));
    drafts.push_back(std::move(draft));
    return drafts;
  }
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "memories"}));
  const bool good = many->is_array() && many->size() >= 1 && many->size() <= kMostAtOnce;
  TAU_RETURN_IF_ERROR(check_type(good, "request", "memories", "an array of 1 to 1000 memories"));
  drafts.reserve(many->size());
  for (size_t i = 0; i < many->size(); ++i) {
    TAU_ASSIGN_OR_RETURN(MemoryDraft draft,
                         read_memory(many->as_array()[i], format("memories[{}]", i), memory.reach(), now_ms));
    drafts.push_back(std::move(draft));
  }
  return drafts;
}

Status complete(Memory& memory, std::vector<MemoryDraft>& drafts) {
  for (MemoryDraft& draft : drafts) {
    if (draft.row.id.empty()) draft.row.id = make_id("mem_", memory.engine().clock(), system_random());
    TAU_RETURN_IF_ERROR(prepare_row(memory, draft.row));
  }
  return ok_status();
}

// The memories first, then their relations: they may point at one another.
std::vector<MemoryEdit> to_edits(std::vector<MemoryDraft>& drafts) {
  std::vector<MemoryEdit> edits;
  for (MemoryDraft& draft : drafts) {
    store::MemoryPut put;
    put.row = std::move(draft.row);
    put.expected_revision = draft.expected_revision;
    if (!put.row.fact.empty()) put.supersedes_with = static_cast<uint8_t>(memory::Relation::kUpdates);
    edits.push_back({.what = std::move(put)});
  }
  const size_t puts = edits.size();
  for (size_t i = 0; i < puts; ++i) {
    for (const MemoryDraft::Link& link : drafts[i].links) {
      const store::MemoryRow& row = std::get<store::MemoryPut>(edits[i].what).row;
      edits.push_back({.what = store::MemoryRelate{.source = {row.scope, row.id},
                                                   .target = {row.scope, link.to},
                                                   .relation = static_cast<uint8_t>(link.relation),
                                                   .weight = link.weight,
                                                   .at_ms = row.updated_ms}});
    }
  }
  return edits;
}

void write_outcome(json::Writer& w, std::string_view id, const MemoryOutcome& outcome) {
  w.begin_object().field("id", id).field("revision", outcome.revision);
  w.field("created", outcome.created).field("unchanged", outcome.unchanged);
  w.key("superseded").begin_array();
  for (const store::MemoryRef& ref : outcome.superseded) w.string(ref.id);
  w.end_array().end_object();
}

Status no_such_memory(std::string_view id) {
  return not_found("no_such_memory", format("there is no memory \"{}\" within this scope", id));
}

// What a handle sees of others it does not change.
Status check_written(const Memory& memory, const store::MemoryRow& row) {
  if (memory.reach().writes(row.scope)) return ok_status();
  return permission_denied("outside_scope",
                           format("memory \"{}\" is seen, but not written, from this scope", row.id));
}

StatusOr<std::string> forget_or_restore(Memory& memory, const json::Value& request, bool forget) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "id", "channel", "actor", "expected_revision"}));
  TAU_ASSIGN_OR_RETURN(const store::MemoryRow row, find_memory(memory, request, "id", !forget));
  TAU_RETURN_IF_ERROR(check_written(memory, row));
  store::MemoryForget edit{.ref = {row.scope, row.id}};
  if (forget) edit.at_ms = std::max<int64_t>(memory.engine().clock().wall_ms(), 1);
  if (request.contains("expected_revision")) {
    TAU_ASSIGN_OR_RETURN(edit.expected_revision, read_count(request, "request", "expected_revision"));
  }
  std::vector<MemoryEdit> edits;
  edits.push_back({.what = edit});
  TAU_ASSIGN_OR_RETURN(const auto outcomes, memory.engine().commit(std::move(edits)));
  if (outcomes[0].row == 0) return no_such_memory(row.id);
  MemoryTally(memory, forget ? "forget" : "restore").within(row.scope).add(outcomes);
  std::string out;
  json::Writer w(out);
  w.begin_object().field("id", row.id).field("forgotten", forget);
  w.field("revision", outcomes[0].revision).field("unchanged", outcomes[0].unchanged).end_object();
  return out;
}

StatusOr<std::string> relate(Memory& memory, const json::Value& request, bool remove) {
  TAU_RETURN_IF_ERROR(
      only_keys(request, "request", {"op", "from", "to", "relation", "weight", "channel", "actor"}));
  TAU_ASSIGN_OR_RETURN(const store::MemoryRow from, find_memory(memory, request, "from", false));
  TAU_ASSIGN_OR_RETURN(const store::MemoryRow to, find_memory(memory, request, "to", false));
  TAU_RETURN_IF_ERROR(check_written(memory, from));
  if (from.row == to.row)
    return invalid_argument("invalid_memory",
                            "a memory has no relation to itself: \"from\" and \"to\" should differ");
  memory::Relation relation = memory::Relation::kRelatedTo;
  if (request.contains("relation")) {
    TAU_ASSIGN_OR_RETURN(const std::string name, need_string(request, "request", "relation"));
    TAU_ASSIGN_OR_RETURN(relation, memory::parse_relation(name));
  }
  const double weight = request.contains("weight") ? request["weight"].as_double(-1) : 1;
  TAU_RETURN_IF_ERROR(check_type(weight >= 0 && weight <= 1, "request", "weight", "a number from 0 to 1"));
  std::vector<MemoryEdit> edits;
  edits.push_back({.what = store::MemoryRelate{.source = {from.scope, from.id},
                                               .target = {to.scope, to.id},
                                               .relation = static_cast<uint8_t>(relation),
                                               .weight = remove ? -1 : weight,
                                               .at_ms = memory.engine().clock().wall_ms()}});
  TAU_ASSIGN_OR_RETURN(const auto outcomes, memory.engine().commit(std::move(edits)));
  MemoryTally(memory, remove ? "unrelate" : "relate").within(from.scope).add(outcomes);
  std::string out;
  json::Writer w(out);
  w.begin_object().field("from", from.id).field("to", to.id);
  w.field("relation", memory::relation_name(relation));
  if (!remove) w.key("weight").number(weight);
  w.field("unchanged", outcomes[0].unchanged).end_object();
  return out;
}

}  // namespace

Status prepare_row(Memory& memory, store::MemoryRow& row) {
  if (const std::optional<Labels>& labels = memory.labels()) {
    row.provenance.integrity = labels->integrity();
    if (!labels->readable_by_all()) row.provenance.readers = labels->readers();
  }
  redact(memory.core(), row);
  return memory::check_memory(row);
}

StatusOr<std::string> add_memories(Memory& memory, const json::Value& request,
                                   std::span<const float> vectors) {
  TAU_ASSIGN_OR_RETURN(std::vector<MemoryDraft> drafts, read_drafts(memory, request));
  TAU_RETURN_IF_ERROR(complete(memory, drafts));
  std::vector<std::string> ids;
  MemoryTally tally(memory, "add");
  for (const MemoryDraft& draft : drafts) ids.push_back(draft.row.id), tally.within(draft.row.scope);
  std::vector<MemoryEdit> edits = to_edits(drafts);
  if (!vectors.empty()) TAU_RETURN_IF_ERROR(memory.engine().attach(vectors, ids.size(), edits));
  TAU_ASSIGN_OR_RETURN(const auto outcomes, memory.engine().commit(std::move(edits)));
  tally.add(outcomes);
  memory.core().memory().wrote();
  std::string out;
  json::Writer w(out);
  w.begin_object().key("memories").begin_array();
  for (size_t i = 0; i < ids.size(); ++i) write_outcome(w, ids[i], outcomes[i]);
  w.end_array().end_object();
  return out;
}

StatusOr<std::string> forget_memory(Memory& memory, const json::Value& request) {
  return forget_or_restore(memory, request, true);
}

StatusOr<std::string> restore_memory(Memory& memory, const json::Value& request) {
  return forget_or_restore(memory, request, false);
}

StatusOr<std::string> relate_memories(Memory& memory, const json::Value& request) {
  return relate(memory, request, false);
}

StatusOr<std::string> unrelate_memories(Memory& memory, const json::Value& request) {
  return relate(memory, request, true);
}

StatusOr<std::string> purge_memories(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_filter_keys(request, {"op", "ids", "all", "forgotten"}));
  TAU_ASSIGN_OR_RETURN(const std::vector<std::string> ids, read_strings(request, "request", "ids"));
  TAU_ASSIGN_OR_RETURN(const bool all, read_flag(request, "request", "all", false));
  if (all == !ids.empty())
    return invalid_argument("invalid_request",
                            "a purge needs \"ids\", or \"all\":true with what chooses memories");
  int64_t purged = 0;
  MemoryTally tally(memory, "purge");
  if (all) {
    TAU_ASSIGN_OR_RETURN(store::MemoryFilter filter, read_filter(request, memory.reach()));
    TAU_ASSIGN_OR_RETURN(filter.forgotten, read_flag(request, "request", "forgotten", false));
    filter.superseded = true;
    memory.reach().narrow_to_written(filter);
    TAU_ASSIGN_OR_RETURN(purged, memory.engine().purge_all(filter));
  } else {
    std::vector<store::MemoryRef> refs;
    for (const std::string& id : ids) {
      json::Value one = request;
      one.set("id", id);
      TAU_ASSIGN_OR_RETURN(const store::MemoryRow row, find_memory(memory, one, "id", true));
      TAU_RETURN_IF_ERROR(check_written(memory, row));
      refs.push_back({row.scope, row.id});
      tally.within(row.scope);
    }
    TAU_ASSIGN_OR_RETURN(purged, memory.engine().purge(refs));
  }
  tally.add(purged);
  std::string out;
  json::Writer(out).begin_object().field("purged", purged).end_object();
  return out;
}

}  // namespace tau::runtime
