#include "memory/ingest.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "base/utc.h"
#include "crypto/crypto.h"
#include "json/json.h"
#include "memory/memory_check.h"

namespace tau::memory {
namespace {

constexpr std::string_view kChunkKey = "chunk";
constexpr std::string_view kFileKey = "file";
constexpr std::string_view kVanishedKey = "vanished";
constexpr std::string_view kOfKey = "of";  // of what a model made of a piece: the piece
constexpr std::string_view kFilePrefix = "file:";
constexpr size_t kMaxFileAttributesBytes = 4 << 10;  // each chunk carries them
constexpr size_t kMaxFileTags = 16;

json::Value parsed(std::string_view attributes) {
  auto value = json::parse(attributes);
  return value.ok() && value->is_object() ? *std::move(value) : json::Value::object();
}

json::Value chunk_value(const Chunk& chunk) {
  json::Value value = json::Value::object();
  if (!chunk.heading.empty()) value.set("heading", chunk.heading);
  value.set("kind", chunk.kind).set("first_line", chunk.first_line).set("last_line", chunk.last_line);
  return value;
}

bool has_vanished(const store::MemoryRow& row) {
  return parsed(row.attributes)[kChunkKey][kVanishedKey].as_bool();
}

// A tag of the front matter, whose control characters no tag may have.
std::string tag_of(std::string_view text) {
  std::string tag(text);
  for (char& c : tag)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  return tag;
}

void add_tags(const json::Value& value, std::vector<std::string>& tags) {
  json::Value::Array one;
  if (value.is_string()) one.push_back(value);
  size_t added = 0;
  for (const json::Value& tag : value.is_string() ? one : value.as_array()) {
    const std::string_view text = tag.as_string();
    if (text.empty() || text.size() > kMaxMemoryTagBytes || added == kMaxFileTags) continue;
    tags.push_back(tag_of(text));
    ++added;
  }
}

// What all memories of a file have in common.
struct FileParts {
  json::Value attributes;  // null: none
  std::vector<std::string> tags;
  int64_t time_ms = 0;
};

FileParts file_parts(const IngestSource& source, const ChunkedFile& file, const IngestOptions& options) {
  FileParts parts;
  parts.tags = options.tags;
  parts.time_ms = source.time_ms;
  if (file.attributes.empty()) return tidy_tags(parts.tags), parts;
  json::Value attributes = parsed(file.attributes);
  add_tags(attributes["tags"], parts.tags);
  tidy_tags(parts.tags);
  if (parts.tags.size() > kMaxMemoryTags) parts.tags.resize(kMaxMemoryTags);
  for (const std::string_view key : {"date", "created"})
    if (const auto time = parse_time_ms(attributes[key].as_string())) {
      parts.time_ms = *time;
      break;
    }
  if (file.attributes.size() <= kMaxFileAttributesBytes) parts.attributes = std::move(attributes);
  return parts;
}

class Planner {
 public:
  Planner(const IngestSource& source, const FileParts& parts, const IngestOptions& options)
      : source_(source), parts_(parts), options_(options) {}
  Status chunk(const Chunk& chunk,
               const std::map<std::string, const store::MemoryRow*, std::less<>>& existing);
  IngestPlan take() { return std::move(plan_); }
  const std::unordered_map<std::string, int64_t>& seen() const { return seen_; }

 private:
  store::MemoryRow fresh(const Chunk& chunk) const;
  // What a file says of a row, put into it; whether it said otherwise before.
  bool place(store::MemoryRow& row, const Chunk& chunk, std::string_view text) const;
  void put(store::MemoryRow row) {
    plan_.edits.push_back({store::MemoryPut{.row = std::move(row)}, nullptr});
  }

  const IngestSource& source_;
  const FileParts& parts_;
  const IngestOptions& options_;
  IngestPlan plan_;
  std::unordered_map<std::string, int64_t> occurrences_;  // by digest
  std::unordered_map<std::string, int64_t> seen_;         // ids
};

std::string row_text(const Chunk& chunk, const IngestOptions& options) {
  if (!options.heading_in_text || chunk.heading.empty()) return chunk.text;
  return chunk.heading + "\n\n" + chunk.text;
}

store::MemoryRow Planner::fresh(const Chunk& chunk) const {
  store::MemoryRow row;
  row.scope = source_.scope;
  row.type = static_cast<uint8_t>(options_.type);
  row.importance = options_.importance < 0 ? default_importance(options_.type) : options_.importance;
  row.text = row_text(chunk, options_);
  row.tags = parts_.tags;
  row.time_ms = parts_.time_ms;
  row.provenance = options_.provenance;
  row.created_ms = row.updated_ms = options_.now_ms;
  return row;
}

bool Planner::place(store::MemoryRow& row, const Chunk& chunk, std::string_view text) const {
  json::Value attributes = parsed(row.attributes);
  const json::Value before = attributes;
  attributes.set(kChunkKey, chunk_value(chunk));
  if (parts_.attributes.is_null()) {
    attributes.erase(kFileKey);
  } else {
    attributes.set(kFileKey, parts_.attributes);
  }
  const int64_t position = plan_.chunks - 1;
  const bool same =
      attributes == before && row.position == position && row.thread == source_.source && row.text == text;
  if (same) return false;
  row.attributes = json::write(attributes);
  row.position = position;
  row.thread = row.source = source_.source;
  row.text = text;
  return true;
}

Status Planner::chunk(const Chunk& chunk,
                      const std::map<std::string, const store::MemoryRow*, std::less<>>& existing) {
  ++plan_.chunks;
  const std::string text = row_text(chunk, options_);
  const crypto::Digest digest = crypto::blake2b(text);
  std::string key(reinterpret_cast<const char*>(digest.data()), digest.size());
  std::string id = chunk_id(source_.source, text, occurrences_[std::move(key)]++);
  const auto found = existing.find(id);
  const bool left =
      found != existing.end() && found->second->forgotten_ms != 0 && !has_vanished(*found->second);
  if (found == existing.end()) {
    store::MemoryRow row = fresh(chunk);
    row.id = id;
    (void)place(row, chunk, text);
    TAU_RETURN_IF_ERROR(check_memory(row).annotate(
        format("lines {} to {} of {}", chunk.first_line, chunk.last_line, shown_text(source_.source))));
    put(std::move(row));
    ++plan_.added;
  } else if (left) {
    ++plan_.left_forgotten;
  } else {
    store::MemoryRow row = *found->second;
    const bool returns = row.forgotten_ms != 0;
    if (returns) {
      // Restored first: what is linked to it is there again, too.
      plan_.edits.push_back({store::MemoryForget{.ref = {row.scope, row.id}, .at_ms = 0}, nullptr});
      row.forgotten_ms = 0;
    }
    const bool moved = place(row, chunk, text);
    ++(returns ? plan_.returned : moved ? plan_.moved : plan_.unchanged);
    if (moved) {
      row.updated_ms = options_.now_ms;
      row.provenance = options_.provenance;
      put(std::move(row));
    }
  }
  seen_.emplace(id, 1);
  if (!left) plan_.ids.push_back(std::move(id));
  return {};
}

// Marked, so that it is told from what somebody forgot.
void forget(const store::MemoryRow& row, int64_t now_ms, IngestPlan& plan) {
  store::MemoryRow marked = row;
  json::Value attributes = parsed(row.attributes);
  json::Value chunk = attributes[kChunkKey].is_object() ? attributes[kChunkKey] : json::Value::object();
  chunk.set(kVanishedKey, true);
  attributes.set(kChunkKey, std::move(chunk));
  marked.attributes = json::write(attributes);
  marked.updated_ms = now_ms;
  const store::MemoryRef ref{row.scope, row.id};
  plan.edits.push_back({store::MemoryPut{.row = std::move(marked)}, nullptr});
  plan.edits.push_back({store::MemoryForget{.ref = ref, .at_ms = std::max<int64_t>(now_ms, 1)}, nullptr});
  ++plan.vanished;
}

}  // namespace

std::string chunk_id(std::string_view source, std::string_view text, int64_t occurrence) {
  constexpr size_t kDigits = 32;
  // Sizes first: no two triples make one text.
  crypto::Blake2b hash;
  hash.update(format("{} {} {} ", source.size(), text.size(), occurrence));
  hash.update(source);
  hash.update(text);
  return "chunk-" + crypto::hex(hash.finish()).substr(0, kDigits);
}

StatusOr<IngestPlan> plan_ingest(const IngestSource& source, const ChunkedFile& file,
                                 const std::vector<store::MemoryRow>& existing,
                                 const IngestOptions& options) {
  std::map<std::string, const store::MemoryRow*, std::less<>> rows;
  for (const store::MemoryRow& row : existing)
    if (row.source == source.source && row.scope == source.scope) rows.emplace(row.id, &row);
  const FileParts parts = file_parts(source, file, options);
  Planner planner(source, parts, options);
  for (const Chunk& chunk : file.chunks) TAU_RETURN_IF_ERROR(planner.chunk(chunk, rows));
  IngestPlan plan = planner.take();
  for (const auto& [id, row] : rows)
    if (row->forgotten_ms == 0 && !planner.seen().contains(id)) forget(*row, options.now_ms, plan);
  return plan;
}

IngestPlan plan_vanished(const std::vector<store::MemoryRow>& existing, int64_t now_ms) {
  IngestPlan plan;
  for (const store::MemoryRow& row : existing)
    if (row.forgotten_ms == 0) forget(row, now_ms, plan);
  return plan;
}

std::string derived_source(std::string_view source) { return "extract:" + std::string(source); }
bool is_file_source(std::string_view source) { return source.starts_with(kFilePrefix); }

void set_derived_from(store::MemoryRow& row, std::string_view chunk) {
  json::Value attributes = parsed(row.attributes);
  json::Value value = json::Value::object();
  value.set(kOfKey, chunk);
  attributes.set(kChunkKey, std::move(value));
  row.attributes = json::write(attributes);
}

IngestPlan plan_derived(const std::vector<store::MemoryRow>& derived, const std::vector<std::string>& pieces,
                        const std::vector<int64_t>& led, int64_t now_ms) {
  IngestPlan plan;
  const std::unordered_set<std::string_view> there(pieces.begin(), pieces.end());
  for (const store::MemoryRow& row : derived) {
    const json::Value chunk = parsed(row.attributes)[kChunkKey];
    const bool has_piece =
        there.contains(chunk[kOfKey].as_string()) || std::find(led.begin(), led.end(), row.row) != led.end();
    if (row.forgotten_ms == 0) {
      if (!has_piece && chunk.contains(kOfKey)) forget(row, now_ms, plan);
    } else if (has_piece && chunk[kVanishedKey].as_bool()) {
      store::MemoryRow back = row;
      back.forgotten_ms = 0;
      back.updated_ms = now_ms;
      set_derived_from(back, chunk[kOfKey].as_string());
      plan.edits.push_back({store::MemoryForget{.ref = {row.scope, row.id}, .at_ms = 0}, nullptr});
      plan.edits.push_back({store::MemoryPut{.row = std::move(back)}, nullptr});
      ++plan.returned;
    }
  }
  return plan;
}

}  // namespace tau::memory
