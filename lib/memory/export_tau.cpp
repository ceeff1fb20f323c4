#include <algorithm>
#include <tuple>

#include "json/json.h"
#include "memory/tau_record.h"

namespace tau::memory {
namespace {

std::string_view part_or(const SharedString& part, std::string_view blank) {
  return part.empty() ? blank : part.view();
}

// The summary is what stands before the facts, as long as the text still ends with them.
struct Said {
  std::string_view summary;
  const json::Value* facts = nullptr;
};
Said said(const store::MemoryRow& row, const json::Value& kept) {
  std::string end;
  for (const json::Value& fact : kept["facts"].as_array()) end.append("\n- ").append(fact.as_string());
  std::string_view text = row.text;
  if (end.empty() || text.size() <= end.size() || !text.ends_with(end)) return {text, nullptr};
  return {text.substr(0, text.size() - end.size()), &kept["facts"]};
}

void write_strings(json::Writer& out, const json::Value::Array& list) {
  out.begin_array();
  for (const json::Value& text : list) out.string(text.as_string());
  out.end_array();
}

// The tags in their old order, as long as they are the same.
bool same_tags(const std::vector<std::string>& tags, const json::Value& kept) {
  std::vector<std::string> sorted;
  for (const json::Value& tag : kept.as_array()) sorted.emplace_back(tag.as_string());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  return sorted == tags;
}

void write_others(json::Writer& out, const json::Value& others) {
  for (const auto& [key, value] : others.as_object()) out.key(std::string_view(key)).value(value);
}

void write_entry(json::Writer& out, const store::MemoryRow& row, const json::Value& kept) {
  const Said text = said(row, kept);
  out.begin_object().field("memory_id", row.id).field("summary", text.summary).key("tags");
  if (kept["tags"].is_array() && same_tags(row.tags, kept["tags"])) {
    write_strings(out, kept["tags"].as_array());
  } else {
    out.begin_array();
    for (const std::string& tag : row.tags) out.string(tag);
    out.end_array();
  }
  out.key("facts");
  write_strings(out, text.facts == nullptr ? json::Value::Array() : text.facts->as_array());
  out.field("source_event_key", row.source);
  out.field("recency_weight_bps", kept["recency_weight_bps"].as_int());
  out.field("confidence_bps", kept["confidence_bps"].as_int());
  write_others(out, kept["entry"]);
  out.end_object();
}

void write_relations(json::Writer& out, const MemoryRecord& record) {
  std::vector<const RecordRelation*> sorted;
  for (const RecordRelation& relation : record.relations) sorted.push_back(&relation);
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
    return std::tie(a->target.id, a->relation) < std::tie(b->target.id, b->relation);
  });
  out.key("relations").begin_array();
  for (const RecordRelation* relation : sorted) {
    out.begin_object().field("target_id", relation->target.id);
    out.field("relation_type", relation_name(relation->relation));
    out.key("weight").number(relation->weight).key("effective_weight").number(relation->weight).end_object();
  }
  out.end_array();
}

}  // namespace

void append_tau_record(std::string& out, const MemoryRecord& record) {
  const store::MemoryRow& row = record.row;
  const auto attributes = json::parse(row.attributes);
  static const json::Value kNothing;
  const json::Value& kept = attributes.ok() ? (*attributes)[kTauKey] : kNothing;
  {
    json::Writer line(out);
    line.begin_object().field("schema_version", 1).field("updated_unix_ms", row.updated_ms).key("scope");
    line.begin_object().field("workspace_id", row.scope.workspace.view());
    line.field("channel_id", part_or(row.scope.channel, "default-channel"));
    line.field("actor_id", part_or(row.scope.actor, "default-actor")).end_object().key("entry");
    write_entry(line, row, kept);
    line.field("memory_type", type_name(static_cast<Type>(row.type)))
        .key("importance")
        .number(row.importance);
    line.field("embedding_source", "hash-fnv1a").key("embedding_model").null();
    line.key("embedding_vector").begin_array().end_array();
    line.field("embedding_reason_code", "memory_embedding_hash_only");
    line.field("last_accessed_at_unix_ms", record.uses.last_ms).field("access_count", record.uses.count);
    line.field("forgotten", row.forgotten_ms != 0);
    write_relations(line, record);
    write_others(line, kept["record"]);
    line.end_object();
  }
  out += '\n';
}

}  // namespace tau::memory
