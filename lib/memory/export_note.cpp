#include <algorithm>
#include <tuple>

#include "base/utc.h"
#include "crypto/crypto.h"
#include "memory/front_matter.h"
#include "memory/note.h"

namespace tau::memory {
namespace {

// A moment for people; what no calendar has as its number of milliseconds.
json::Value moment(int64_t ms) {
  const std::string text = utc_text_ms(ms);
  if (parse_time_ms(text) == ms) return text;
  return ms;
}

// A name that a link can hold.
bool is_linkable(std::string_view id) { return id.find_first_of("[]|#") == id.npos; }

json::Value relation_value(const RecordRelation& relation, const store::MemoryScope& scope) {
  const std::string_view name = relation_name(relation.relation);
  if (relation.target.scope == scope && is_linkable(relation.target.id)) {
    std::string text = format("{} [[{}]]", name, relation.target.id);
    if (relation.weight != 1) text.append(" ").append(json::write(relation.weight));
    return text;
  }
  json::Value value;
  value.set("relation", name).set("id", relation.target.id).set("weight", relation.weight);
  if (!(relation.target.scope == scope)) {
    value.set("channel", relation.target.scope.channel.view())
        .set("actor", relation.target.scope.actor.view());
  }
  return value;
}

void append_relations(std::string& out, const MemoryRecord& record) {
  std::vector<const RecordRelation*> sorted;
  for (const RecordRelation& relation : record.relations) sorted.push_back(&relation);
  const auto key = [](const RecordRelation* r) {
    return std::tuple(std::string_view(r->target.id), r->relation, r->target.scope.channel.view(),
                      r->target.scope.actor.view());
  };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const auto* a, const auto* b) { return key(a) < key(b); });
  if (sorted.empty()) return;
  out += "relations:\n";
  for (const RecordRelation* relation : sorted)
    out.append("  - ").append(json::write(relation_value(*relation, record.row.scope))).append("\n");
}

void append_fact(std::string& out, const store::MemoryRow& row) {
  if (!row.fact.empty()) {
    json::Value fact;
    fact.set("subject", row.fact.subject).set("predicate", row.fact.predicate).set("object", row.fact.object);
    append_front_field(out, "fact", fact);
  }
  if (row.valid_from_ms != store::kNoTime) append_front_field(out, "valid_from", moment(row.valid_from_ms));
  if (row.valid_to_ms != store::kEndless) append_front_field(out, "valid_to", moment(row.valid_to_ms));
  if (row.superseded_ms != store::kEndless) append_front_field(out, "superseded", moment(row.superseded_ms));
}

}  // namespace

std::string write_note(const MemoryRecord& record) {
  const store::MemoryRow& row = record.row;
  std::string out = "---\n";
  append_front_field(out, "id", row.id);
  append_front_field(out, "type", type_name(static_cast<Type>(row.type)));
  append_front_field(out, "importance", row.importance);
  if (!row.tags.empty()) {
    json::Value::Array tags;
    for (const std::string& tag : row.tags) tags.emplace_back(tag);
    append_front_field(out, "tags", tags);
  }
  append_front_field(out, "date", moment(row.time_ms));
  if (!row.thread.empty()) append_front_field(out, "thread", row.thread);
  if (row.position != 0) append_front_field(out, "position", row.position);
  if (!row.source.empty()) append_front_field(out, "source", row.source);
  append_fact(out, row);
  append_front_field(out, "created", moment(row.created_ms));
  append_front_field(out, "updated", moment(row.updated_ms));
  if (row.forgotten_ms != 0) append_front_field(out, "forgotten", moment(row.forgotten_ms));
  append_front_field(out, "integrity", row.provenance.integrity.view());
  append_front_field(out, "readers", row.provenance.readers.view());
  if (const auto attributes = json::parse(row.attributes); attributes.ok())
    append_front_field(out, "attributes", *attributes);
  append_relations(out, record);
  out.append("---\n\n").append(row.text).append("\n");
  return out;
}

std::string note_file_name(std::string_view id) {
  constexpr size_t kMaxBytes = 80;
  constexpr size_t kDigits = 12;
  std::string name;
  bool same = id.size() <= kMaxBytes && !id.empty() && id[0] != '.';
  for (const char c : id.substr(0, kMaxBytes)) {
    // Capital letters are no letters of their own on some file systems.
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    same = same && (plain || c == '.');
    name += plain || (c == '.' && !name.empty()) || (c >= 'A' && c <= 'Z') ? c : '_';
  }
  if (!same || name.ends_with('.')) name += "-" + crypto::hex(crypto::blake2b(id)).substr(0, kDigits);
  return name + ".md";
}

}  // namespace tau::memory
