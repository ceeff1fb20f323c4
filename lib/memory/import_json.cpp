#include "memory/import_json.h"

#include <algorithm>

#include "crypto/crypto.h"
#include "memory/export_json.h"
#include "memory/json_fields.h"
#include "memory/memory_check.h"

namespace tau::memory {
namespace {

constexpr size_t kMaxRelations = 4'096;
constexpr size_t kMaxVectors = 16;

// A line that a person wrote may leave it out: the workspace is that of whoever imports, in any case.
StatusOr<store::MemoryScope> read_scope(const json::Value& value) {
  if (value.is_null()) return store::MemoryScope{"default", {}, {}};
  JsonFields fields(value);
  store::MemoryScope scope{fields.required_string("workspace"), fields.string("channel"),
                           fields.string("actor")};
  TAU_RETURN_IF_ERROR(fields.status());
  return scope;
}

Status read_fact(const json::Value& value, store::MemoryFact& fact) {
  if (value.is_null()) return {};
  JsonFields fields(value);
  fact = {fields.string("subject"), fields.string("predicate"), fields.string("object")};
  return fields.status();
}

Status read_labels(const json::Value& value, const ImportOptions& options, store::Provenance& provenance) {
  const json::Value labels = value.is_null() ? json::Value::object() : value;
  JsonFields fields(labels);
  const std::string integrity = fields.string("integrity");
  const std::string list = fields.string("readers", "*");
  TAU_RETURN_IF_ERROR(fields.status());
  std::vector<std::string> readers;
  for (std::string_view rest = list; !rest.empty();) {
    const size_t end = std::min(rest.find(','), rest.size());
    readers.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  TAU_ASSIGN_OR_RETURN(provenance, imported_provenance(integrity, readers, list == "*", options));
  return {};
}

Status read_relations(const json::Value::Array& list, const ImportOptions& options, MemoryRecord& record) {
  if (list.size() > kMaxRelations)
    return invalid_argument("invalid_record",
                            format("has {} relations; {} are allowed", list.size(), kMaxRelations));
  for (const json::Value& value : list) {
    JsonFields fields(value);
    RecordRelation relation;
    relation.target = {record.row.scope, fields.required_string("target")};
    TAU_ASSIGN_OR_RETURN(relation.relation, parse_relation(fields.string("relation")));
    relation.weight = fields.number("weight", 1);
    relation.created_ms = fields.integer("created_ms", 0);
    const json::Value& scope = fields.object("scope");
    TAU_RETURN_IF_ERROR(fields.status());
    if (!scope.is_null() && options.scope.workspace.empty()) {
      TAU_ASSIGN_OR_RETURN(relation.target.scope, read_scope(scope));
    }
    store::MemoryRelate relate{{record.row.scope, record.row.id}, relation.target, 0, relation.weight, 0};
    relate.relation = static_cast<uint8_t>(relation.relation);
    TAU_RETURN_IF_ERROR(check_memory_relation(relate));
    record.relations.push_back(std::move(relation));
  }
  return {};
}

Status read_vectors(const json::Value::Array& list, const ImportOptions& options, MemoryRecord& record) {
  if (!options.vectors) return {};
  if (list.size() > kMaxVectors)
    return invalid_argument("invalid_record",
                            format("has {} vectors; {} are allowed", list.size(), kMaxVectors));
  for (const json::Value& value : list) {
    JsonFields fields(value);
    RecordVector vector;
    vector.model = fields.required_string("model");
    vector.dimensions = fields.integer("dimensions", 0);
    TAU_ASSIGN_OR_RETURN(vector.bytes, crypto::base64_decode(fields.string("base64")));
    TAU_RETURN_IF_ERROR(fields.status());
    record.vectors.push_back(std::move(vector));
  }
  return {};
}

// All that is the row's own, but for labels.
Status read_row(JsonFields& fields, const ImportOptions& options, store::MemoryRow& row) {
  TAU_ASSIGN_OR_RETURN(row.scope, read_scope(fields.object("scope")));
  if (!options.scope.workspace.empty()) row.scope = options.scope;
  row.id = fields.required_string("id");
  TAU_ASSIGN_OR_RETURN(const Type type, parse_type(fields.string("type", type_name(Type::kObservation))));
  row.type = static_cast<uint8_t>(type);
  row.importance = fields.number("importance", default_importance(type));
  row.text = fields.required_string("text");
  row.tags = fields.strings("tags");
  tidy_tags(row.tags);
  row.thread = fields.string("thread");
  row.time_ms = fields.integer("time_ms", options.time_ms != 0 ? options.time_ms : options.now_ms);
  row.position = fields.integer("position", 0);
  row.source = fields.string("source");
  TAU_RETURN_IF_ERROR(read_fact(fields.object("fact"), row.fact));
  row.valid_from_ms = fields.integer("valid_from_ms", store::kNoTime);
  row.valid_to_ms = fields.integer("valid_to_ms", store::kEndless);
  row.superseded_ms = fields.integer("superseded_ms", store::kEndless);
  row.created_ms = fields.integer("created_ms", options.now_ms);
  row.updated_ms = fields.integer("updated_ms", row.created_ms);
  row.forgotten_ms = fields.integer("forgotten_ms", 0);
  return fields.status();
}

void read_attributes(JsonFields& fields, store::MemoryRow& row) {
  json::Value attributes = fields.object("attributes");
  json::Value others = fields.others();
  if (others.size() > 0) attributes.set(kImportedKey, std::move(others));
  if (!attributes.is_null()) row.attributes = json::write(attributes);
}

}  // namespace

StatusOr<MemoryRecord> read_record(std::string_view line, const ImportOptions& options) {
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(line));
  JsonFields fields(value);
  const int64_t schema = fields.integer(kRecordSchemaKey, 0);
  TAU_RETURN_IF_ERROR(fields.status());
  if (!value.contains(kRecordSchemaKey))
    return invalid_argument("unknown_schema",
                            format("\"{}\" is missing: this is no line of an export; memories that a program "
                                   "or a person writes go in by \"add\"",
                                   kRecordSchemaKey));
  if (schema != kRecordSchema)
    return invalid_argument("unknown_schema", format("\"{}\" is {}; this version reads {}", kRecordSchemaKey,
                                                     schema, kRecordSchema));
  MemoryRecord record;
  TAU_RETURN_IF_ERROR(read_row(fields, options, record.row));
  TAU_RETURN_IF_ERROR(read_labels(fields.object("labels"), options, record.row.provenance));
  TAU_RETURN_IF_ERROR(read_relations(fields.array("relations"), options, record));
  TAU_RETURN_IF_ERROR(read_vectors(fields.array("vectors"), options, record));
  const json::Value& uses_value = fields.object("uses");
  if (!uses_value.is_null()) {
    JsonFields uses(uses_value);
    record.uses = {uses.integer("count", 0), uses.integer("last_ms", 0)};
    TAU_RETURN_IF_ERROR(uses.status());
    if (record.uses.count < 0)
      return invalid_argument("invalid_record", "\"uses\" wants a count of 0 or more");
  }
  // Of the home that wrote it.
  (void)fields.integer("revision", 0);
  (void)fields.string("by");
  read_attributes(fields, record.row);
  TAU_RETURN_IF_ERROR(fields.status());
  TAU_RETURN_IF_ERROR(check_memory(record.row));
  return record;
}

StatusOr<std::optional<MemoryRecord>> JsonImport::read(std::string_view text, int64_t) {
  TAU_ASSIGN_OR_RETURN(MemoryRecord record, read_record(text, options_));
  return std::optional(std::move(record));
}

}  // namespace tau::memory
