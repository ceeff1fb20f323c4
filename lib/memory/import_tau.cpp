#include <algorithm>

#include "crypto/crypto.h"
#include "memory/chunk_line.h"
#include "memory/json_fields.h"
#include "memory/memory_check.h"
#include "memory/tau_record.h"

namespace tau::memory {
namespace {

constexpr int64_t kTauSchema = 1;

// Blank parts of a scope have these names in Tau: there they mean what an empty part means here.
std::string scope_part(JsonFields& fields, std::string_view key, std::string_view blank) {
  const std::string text = fields.string(key);
  const std::string_view part = trim(text);
  return std::string(part == blank ? std::string_view() : part);
}

StatusOr<store::MemoryScope> read_scope(const json::Value& value) {
  JsonFields fields(value);
  store::MemoryScope scope;
  scope.workspace = trim(fields.string("workspace_id"));
  if (scope.workspace.empty()) scope.workspace = "default-workspace";
  scope.channel = scope_part(fields, "channel_id", "default-channel");
  scope.actor = scope_part(fields, "actor_id", "default-actor");
  TAU_RETURN_IF_ERROR(fields.status());
  return scope;
}

std::vector<std::string> tidied(std::vector<std::string> list) {
  for (std::string& text : list) text = std::string(trim(text));
  std::erase(list, std::string());
  return list;
}

json::Value as_json(const std::vector<std::string>& list) {
  json::Value::Array out;
  for (const std::string& text : list) out.emplace_back(text);
  return out;
}

// The part "entry". What a memory has no place for goes to `rest`.
Status read_entry(JsonFields& fields, store::MemoryRow& row, json::Value& rest) {
  row.id = trim(fields.required_string("memory_id"));
  row.text = trim(fields.required_string("summary"));
  const std::vector<std::string> facts = tidied(fields.strings("facts"));
  for (const std::string& fact : facts) row.text.append("\n- ").append(fact);
  if (!facts.empty()) rest.set("facts", as_json(facts));
  const std::vector<std::string> tags = tidied(fields.strings("tags"));
  row.tags = tags;
  tidy_tags(row.tags);
  if (row.tags != tags) rest.set("tags", as_json(tags));
  row.source = trim(fields.string("source_event_key"));
  for (const std::string_view key : {"recency_weight_bps", "confidence_bps"})
    if (const int64_t bps = fields.integer(key, 0); bps != 0) rest.set(key, bps);
  const json::Value others = fields.others();
  if (others.size() > 0) rest.set("entry", others);
  return fields.status();
}

// Older files hold the names that Tau takes but does not write.
Status read_relations(JsonFields& fields, const ImportOptions& options, const TauVersions& versions,
                      MemoryRecord& record, int64_t& dropped) {
  for (const json::Value& value : fields.array("relations")) {
    JsonFields edge(value);
    const std::string target(trim(edge.required_string("target_id")));
    const auto relation = parse_relation(edge.string("relation_type", relation_name(Relation::kRelatedTo)));
    const double weight = edge.number("effective_weight", edge.number("weight", 1));
    TAU_RETURN_IF_ERROR(edge.status());
    const store::MemoryScope* scope = versions.scope_of(target);
    if (scope != nullptr && !options.scope.workspace.empty()) scope = &options.scope;
    if (scope == nullptr || !relation.ok()) {
      ++dropped;
      continue;
    }
    const store::MemoryRef from{record.row.scope, record.row.id};
    RecordRelation out{{*scope, target}, *relation, weight, record.row.updated_ms};
    const bool fine =
        check_memory_relation({from, out.target, static_cast<uint8_t>(out.relation), weight, 0}).ok() &&
        weight >= 0;
    if (fine) {
      record.relations.push_back(std::move(out));
    } else {
      ++dropped;
    }
  }
  return fields.status();
}

Status read_values(JsonFields& fields, const ImportOptions& options, MemoryRecord& record) {
  store::MemoryRow& row = record.row;
  TAU_ASSIGN_OR_RETURN(const Type type,
                       parse_type(fields.string("memory_type", type_name(Type::kObservation))));
  row.type = static_cast<uint8_t>(type);
  row.importance = fields.number("importance", default_importance(type));
  row.updated_ms = row.created_ms = row.time_ms = fields.integer("updated_unix_ms", options.now_ms);
  if (fields.boolean("forgotten", false)) row.forgotten_ms = std::max<int64_t>(row.updated_ms, 1);
  record.uses = {fields.integer("access_count", 0), fields.integer("last_accessed_at_unix_ms", 0)};
  for (const std::string_view key : {"embedding_source", "embedding_model", "embedding_reason_code"})
    (void)fields.string(key);
  (void)fields.array("embedding_vector");
  return fields.status();
}

}  // namespace

TauVersions::Key TauVersions::key_of(const store::MemoryScope& scope, std::string_view id) {
  crypto::Blake2b hash;
  for (const std::string_view part : {scope.workspace.view(), scope.channel.view(), scope.actor.view(), id}) {
    hash.update(format("{} ", part.size()));
    hash.update(part);
  }
  const crypto::Digest digest = hash.finish();
  Key key;
  std::memcpy(key.data(), digest.data(), sizeof key);
  return key;
}

uint32_t TauVersions::number_of(const store::MemoryScope& scope) {
  const auto [found, is_new] =
      scope_numbers_.emplace(key_of(scope, {}), static_cast<uint32_t>(scopes_.size()));
  if (is_new) scopes_.push_back(scope);
  return found->second;
}

Status TauVersions::line(std::string_view text, int64_t number, bool, bool too_long) {
  if (too_long) return {};
  const auto value = json::parse(text);
  if (!value.ok()) return {};  // the second pass reports it
  const auto scope = read_scope((*value)["scope"]);
  const std::string_view id = trim((*value)["entry"]["memory_id"].as_string());
  if (!scope.ok() || id.empty()) return {};
  last_[key_of(*scope, id)] = number;
  places_[key_of({}, id)] = {number_of(*scope), (*value)["forgotten"].as_bool()};
  return {};
}

bool TauVersions::is_last(const store::MemoryScope& scope, std::string_view id, int64_t number) const {
  const auto found = last_.find(key_of(scope, id));
  return found != last_.end() && found->second == number;
}

const store::MemoryScope* TauVersions::scope_of(std::string_view id) const {
  const auto found = places_.find(key_of({}, id));
  return found == places_.end() || found->second.forgotten ? nullptr : &scopes_[found->second.scope];
}

StatusOr<std::optional<MemoryRecord>> TauImport::read(std::string_view text, int64_t number) {
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(text));
  JsonFields fields(value);
  const int64_t schema = fields.integer("schema_version", 0);
  TAU_RETURN_IF_ERROR(fields.status());
  if (schema != kTauSchema)
    return invalid_argument("unknown_schema",
                            format("\"schema_version\" is {}; this version reads {}", schema, kTauSchema));
  MemoryRecord record;
  TAU_ASSIGN_OR_RETURN(const store::MemoryScope scope, read_scope(fields.object("scope")));
  record.row.scope = options_.scope.workspace.empty() ? scope : options_.scope;
  json::Value rest = json::Value::object();
  JsonFields entry(fields.object("entry"));
  TAU_RETURN_IF_ERROR(read_entry(entry, record.row, rest));
  if (!versions_.is_last(scope, record.row.id, number)) {
    ++report().superseded;
    return std::optional<MemoryRecord>();
  }
  TAU_RETURN_IF_ERROR(read_values(fields, options_, record));
  TAU_RETURN_IF_ERROR(read_relations(fields, options_, versions_, record, report().dropped_relations));
  const json::Value others = fields.others();
  if (others.size() > 0) rest.set("record", others);
  json::Value attributes;
  attributes.set(kTauKey, rest);
  record.row.attributes = json::write(attributes);
  TAU_ASSIGN_OR_RETURN(record.row.provenance, imported_provenance("", {}, true, options_));
  TAU_RETURN_IF_ERROR(check_memory(record.row));
  return std::optional(std::move(record));
}

}  // namespace tau::memory
