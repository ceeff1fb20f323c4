#include "memory/export_json.h"

#include <algorithm>
#include <tuple>

#include "crypto/crypto.h"
#include "json/json.h"

namespace tau::memory {
namespace {

constexpr size_t kBufferBytes = 64 << 10;

void write_scope(json::Writer& out, const store::MemoryScope& scope) {
  out.begin_object().field("workspace", scope.workspace.view());
  if (!scope.channel.empty()) out.field("channel", scope.channel.view());
  if (!scope.actor.empty()) out.field("actor", scope.actor.view());
  out.end_object();
}

void write_place(json::Writer& out, const store::MemoryRow& row) {
  if (!row.tags.empty()) {
    out.key("tags").begin_array();
    for (const std::string& tag : row.tags) out.string(tag);
    out.end_array();
  }
  if (!row.thread.empty()) out.field("thread", row.thread);
  out.field("time_ms", row.time_ms);
  if (row.position != 0) out.field("position", row.position);
  if (!row.source.empty()) out.field("source", row.source);
}

void write_fact(json::Writer& out, const store::MemoryRow& row) {
  if (!row.fact.empty()) {
    out.key("fact").begin_object();
    out.field("subject", row.fact.subject).field("predicate", row.fact.predicate);
    out.field("object", row.fact.object).end_object();
  }
  if (row.valid_from_ms != store::kNoTime) out.field("valid_from_ms", row.valid_from_ms);
  if (row.valid_to_ms != store::kEndless) out.field("valid_to_ms", row.valid_to_ms);
  if (row.superseded_ms != store::kEndless) out.field("superseded_ms", row.superseded_ms);
}

void write_labels(json::Writer& out, const store::Provenance& provenance) {
  out.key("labels").begin_object().field("integrity", provenance.integrity.view());
  out.field("readers", provenance.readers.view()).end_object();
  if (!provenance.principal.empty()) out.field("by", provenance.principal.view());
}

void write_relations(json::Writer& out, const MemoryRecord& record) {
  if (record.relations.empty()) return;
  std::vector<const RecordRelation*> sorted;
  for (const RecordRelation& relation : record.relations) sorted.push_back(&relation);
  const auto key = [](const RecordRelation& r) {
    return std::tuple(r.target.scope.channel.view(), r.target.scope.actor.view(),
                      std::string_view(r.target.id), r.relation);
  };
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](const auto* a, const auto* b) { return key(*a) < key(*b); });
  out.key("relations").begin_array();
  for (const RecordRelation* relation : sorted) {
    out.begin_object()
        .field("relation", relation_name(relation->relation))
        .field("target", relation->target.id);
    if (!(relation->target.scope == record.row.scope)) {
      out.key("scope");
      write_scope(out, relation->target.scope);
    }
    if (relation->weight != 1) out.key("weight").number(relation->weight);
    if (relation->created_ms != 0) out.field("created_ms", relation->created_ms);
    out.end_object();
  }
  out.end_array();
}

void write_vectors(json::Writer& out, const MemoryRecord& record) {
  if (record.vectors.empty()) return;
  out.key("vectors").begin_array();
  for (const RecordVector& vector : record.vectors)
    out.begin_object()
        .field("model", vector.model)
        .field("dimensions", vector.dimensions)
        .field("base64", crypto::base64_encode(vector.bytes))
        .end_object();
  out.end_array();
}

}  // namespace

void append_record(std::string& out, const MemoryRecord& record, bool vectors) {
  const store::MemoryRow& row = record.row;
  {
    json::Writer line(out);
    line.begin_object().field(kRecordSchemaKey, kRecordSchema).key("scope");
    write_scope(line, row.scope);
    line.field("id", row.id).field("type", type_name(static_cast<Type>(row.type)));
    line.key("importance").number(row.importance);
    line.field("text", row.text);
    write_place(line, row);
    write_fact(line, row);
    // On one line, whatever form the application gave it.
    const auto attributes = json::parse(row.attributes);
    if (attributes.ok()) line.key("attributes").value(*attributes);
    line.field("created_ms", row.created_ms).field("updated_ms", row.updated_ms);
    if (row.forgotten_ms != 0) line.field("forgotten_ms", row.forgotten_ms);
    line.field("revision", row.revision);
    write_labels(line, row.provenance);
    write_relations(line, record);
    if (record.uses.count != 0) {
      line.key("uses").begin_object().field("count", record.uses.count);
      line.field("last_ms", record.uses.last_ms).end_object();
    }
    if (vectors) write_vectors(line, record);
    line.end_object();
  }
  out += '\n';
}

Status RecordWriter::write(const MemoryRecord& record) {
  if (record.row.forgotten_ms != 0 && !options_.forgotten) return {};
  append_record(buffer_, record, options_.vectors);
  ++records_;
  return buffer_.size() < kBufferBytes ? ok_status() : finish();
}

Status RecordWriter::finish() {
  const std::string bytes = std::exchange(buffer_, {});
  return bytes.empty() ? ok_status() : sink_.append(bytes);
}

}  // namespace tau::memory
