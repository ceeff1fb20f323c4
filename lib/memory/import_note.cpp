#include <algorithm>

#include "base/utc.h"
#include "memory/chunk_line.h"
#include "memory/front_matter.h"
#include "memory/json_fields.h"
#include "memory/memory_check.h"
#include "memory/note.h"

namespace tau::memory {
namespace {

constexpr size_t kMaxLinks = 4'096;

std::string_view without_extension(std::string_view path) {
  const size_t dot = path.rfind('.');
  const size_t slash = path.rfind('/');
  const bool has = dot != path.npos && dot > 0 && (slash == path.npos || dot > slash + 1);
  return has ? path.substr(0, dot) : path;
}
std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string note_id(std::string_view path, const json::Value& fields) {
  const json::Value& id = fields["id"];
  // "id: 7" is a number to who reads it, and a name to who wrote it.
  if (id.is_integer()) return json::write(id);
  const std::string_view text = trim(id.as_string());
  return std::string(text.empty() ? without_extension(path) : text);
}

// "[[target#part|shown]]" at the front of the text: the target; `size` is how long all of it is.
std::string_view link_at(std::string_view text, size_t& size) {
  if (!text.starts_with("[[")) return {};
  constexpr size_t kMaxLinkBytes = 2 * kMaxMemoryNameBytes;
  const size_t end = text.substr(0, kMaxLinkBytes).find("]]", 2);
  if (end == text.npos) return {};
  size = end + 2;
  std::string_view target = text.substr(2, end - 2);
  if (target.find('\n') != target.npos || target.find("[[") != target.npos) return {};
  target = target.substr(0, target.find_first_of("|#"));
  return trim(target);
}

class NoteReader {
 public:
  NoteReader(const NoteNames& names, const ImportOptions& options, MemoryRecord& record)
      : names_(names), options_(options), record_(record) {}
  Status fields(const json::Value& fields);
  Status relations(const json::Value& fields);
  void links_of_text();
  int64_t dropped() const { return dropped_; }

 private:
  Status time(const json::Value& fields, std::string_view key, int64_t& out);
  Status relation_item(const json::Value& item);
  Status object_item(const json::Value& item);
  Status links(std::string_view text, Relation relation, double weight, bool all);
  void relate(store::MemoryRef target, Relation relation, double weight);

  const NoteNames& names_;
  const ImportOptions& options_;
  MemoryRecord& record_;
  int64_t dropped_ = 0;
};

Status wrong(std::string_view key, std::string_view wanted) {
  return invalid_argument("invalid_note", format("the field \"{}\" wants {}", key, wanted));
}

// A date, or a number of milliseconds.
Status NoteReader::time(const json::Value& fields, std::string_view key, int64_t& out) {
  const json::Value& value = fields[key];
  if (value.is_null()) return {};
  const auto read = value.is_string() ? parse_time_ms(trim(value.as_string())) : std::nullopt;
  if (!read && value.kind() != json::Value::Kind::kInt)
    return wrong(key, "a date such as 2024-05-01 or 2024-05-01T10:30:00Z");
  out = read ? *read : value.as_int();
  return {};
}

Status NoteReader::fields(const json::Value& fields) {
  store::MemoryRow& row = record_.row;
  const auto text = [&](std::string_view key, std::string& out) {
    const json::Value& value = fields[key];
    if (value.is_null()) return ok_status();
    if (!value.is_string() && !value.is_number()) return wrong(key, "text");
    out = value.is_string() ? std::string(value.as_string()) : json::write(value);
    return ok_status();
  };
  std::string type(type_name(Type::kObservation));
  TAU_RETURN_IF_ERROR(text("type", type));
  TAU_ASSIGN_OR_RETURN(const Type parsed, parse_type(type));
  row.type = static_cast<uint8_t>(parsed);
  row.importance = default_importance(parsed);
  if (fields["importance"].is_number()) {
    row.importance = fields["importance"].as_double();
  } else if (!fields["importance"].is_null()) {
    return wrong("importance", "a number from 0 to 1");
  }
  TAU_RETURN_IF_ERROR(text("thread", row.thread));
  TAU_RETURN_IF_ERROR(text("source", row.source));
  row.position = fields["position"].as_int();
  row.time_ms = options_.time_ms != 0 ? options_.time_ms : options_.now_ms;
  row.created_ms = row.updated_ms = options_.now_ms;
  TAU_RETURN_IF_ERROR(time(fields, "created", row.created_ms));
  if (!fields["created"].is_null()) row.time_ms = row.created_ms;
  for (const auto& [key, field] :
       {std::pair("date", &row.time_ms), std::pair("updated", &row.updated_ms),
        std::pair("valid_from", &row.valid_from_ms), std::pair("valid_to", &row.valid_to_ms),
        std::pair("superseded", &row.superseded_ms), std::pair("forgotten", &row.forgotten_ms)})
    TAU_RETURN_IF_ERROR(time(fields, key, *field));
  const json::Value& fact = fields["fact"];
  if (fact.is_object())
    row.fact = {std::string(fact["subject"].as_string()), std::string(fact["predicate"].as_string()),
                std::string(fact["object"].as_string())};
  return {};
}

void NoteReader::relate(store::MemoryRef target, Relation relation, double weight) {
  const store::MemoryRef from{record_.row.scope, record_.row.id};
  const auto same = [&](const RecordRelation& r) {
    return r.target.id == target.id && r.target.scope == target.scope && r.relation == relation;
  };
  const bool known = std::any_of(record_.relations.begin(), record_.relations.end(), same);
  if (known) return;
  const store::MemoryRelate relate{from, target, static_cast<uint8_t>(relation), weight, 0};
  if (!check_memory_relation(relate).ok() || weight < 0 || record_.relations.size() >= kMaxLinks) {
    dropped_ += !(target.id == from.id && target.scope == from.scope);  // a note may link to itself
    return;
  }
  record_.relations.push_back({std::move(target), relation, weight, record_.row.updated_ms});
}

// Calls use(target) for the links of a text until it returns false, at most kMaxLinks times.
template <class Use>
void each_link(std::string_view text, Use use) {
  size_t links = 0;
  for (size_t at = text.find("[["); at != text.npos && links < kMaxLinks; at = text.find("[[", at)) {
    size_t size = 2;
    const std::string_view target = link_at(text.substr(at), size);
    at += target.empty() ? 2 : size;
    if (target.empty()) continue;
    ++links;
    if (!use(target)) return;
  }
}

// Relates to the first link of the text, or to all of them.
Status NoteReader::links(std::string_view text, Relation relation, double weight, bool all) {
  each_link(text, [&](std::string_view target) {
    std::string id = names_.id_of(target);
    if (id.empty()) {
      ++dropped_;
    } else {
      relate({record_.row.scope, std::move(id)}, relation, weight);
    }
    return all;
  });
  return {};
}

// {"relation":"updates","id":"a#b","weight":0.5}
Status NoteReader::object_item(const json::Value& item) {
  JsonFields fields(item);
  store::MemoryRef target{record_.row.scope, fields.required_string("id")};
  TAU_ASSIGN_OR_RETURN(const Relation relation, parse_relation(fields.string("relation")));
  const double weight = fields.number("weight", 1);
  if (item.contains("channel")) target.scope.channel = fields.string("channel");
  if (item.contains("actor")) target.scope.actor = fields.string("actor");
  TAU_RETURN_IF_ERROR(fields.status());
  if (target.scope == record_.row.scope && names_.id_of(target.id).empty()) {
    ++dropped_;
    return {};
  }
  relate(std::move(target), relation, weight);
  return {};
}

// "updates [[target]] 0.5"
Status NoteReader::relation_item(const json::Value& item) {
  if (item.is_object()) return object_item(item);
  const std::string_view text = trim(item.as_string());
  const size_t open = text.find("[[");
  const size_t close = text.find("]]");
  if (open == text.npos || close == text.npos || close < open)
    return wrong("relations", "items such as \"updates [[other note]]\"");
  const std::string_view name = trim(text.substr(0, open));
  TAU_ASSIGN_OR_RETURN(const Relation relation,
                       parse_relation(name.empty() ? relation_name(Relation::kRelatedTo) : name));
  double weight = 1;
  if (const std::string_view rest = trim(text.substr(close + 2)); !rest.empty()) {
    const auto number = json::parse(rest);
    if (!number.ok() || !number->is_number())
      return wrong("relations", "a number from 0 to 1 behind the link");
    weight = number->as_double();
  }
  return links(text.substr(open), relation, weight, false);
}

Status NoteReader::relations(const json::Value& fields) {
  const json::Value& list = fields["relations"];
  if (list.is_string()) TAU_RETURN_IF_ERROR(relation_item(list));
  for (const json::Value& item : list.as_array()) TAU_RETURN_IF_ERROR(relation_item(item));
  // "part_of: [[plan]]": a field named like a relation.
  for (int i = 0; i < kRelations; ++i) {
    const auto relation = static_cast<Relation>(i);
    const json::Value& value = fields[relation_name(relation)];
    if (value.is_string()) TAU_RETURN_IF_ERROR(links(value.as_string(), relation, 1, true));
    for (const json::Value& item : value.as_array())
      TAU_RETURN_IF_ERROR(links(item.as_string(), relation, 1, true));
  }
  return {};
}

void NoteReader::links_of_text() {
  // A link that the fields name has its relation there; others are related in some way.
  const std::vector<RecordRelation> named = record_.relations;
  each_link(record_.row.text, [&](std::string_view target) {
    std::string id = names_.id_of(target);
    if (id.empty()) {
      ++dropped_;
    } else if (std::none_of(named.begin(), named.end(),
                            [&](const RecordRelation& r) { return r.target.id == id; })) {
      relate({record_.row.scope, std::move(id)}, Relation::kRelatedTo, 1);
    }
    return true;
  });
}

std::vector<std::string> tags_of(const json::Value& value) {
  std::vector<std::string> tags;
  if (value.is_string()) tags.emplace_back(value.as_string());
  for (const json::Value& tag : value.as_array())
    tags.push_back(tag.is_string() ? std::string(tag.as_string()) : json::write(tag));
  tidy_tags(tags);
  return tags;
}

// "attributes", and fields that are nobody's.
std::string attributes_of(const json::Value& fields) {
  constexpr std::string_view kOwn[] = {"attributes", "created",    "date",       "fact",     "forgotten",
                                       "id",         "importance", "integrity",  "position", "readers",
                                       "relations",  "source",     "superseded", "tags",     "thread",
                                       "type",       "updated",    "valid_from", "valid_to"};
  json::Value out = fields["attributes"].is_object() ? fields["attributes"] : json::Value();
  for (const auto& [key, value] : fields.as_object()) {
    const bool own = std::find(std::begin(kOwn), std::end(kOwn), key) != std::end(kOwn);
    if (!own && !parse_relation(key).ok()) out.set(key, value);
  }
  return out.is_null() ? std::string() : json::write(out);
}

StatusOr<store::Provenance> provenance_of(const json::Value& fields, const ImportOptions& options) {
  std::vector<std::string> readers;
  const bool limited = fields["readers"].is_string() && fields["readers"].as_string() != "*";
  for (std::string_view rest = fields["readers"].as_string(); limited && !rest.empty();) {
    const size_t end = std::min(rest.find(','), rest.size());
    readers.emplace_back(trim(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return imported_provenance(fields["integrity"].as_string(), readers, !limited, options);
}

}  // namespace

void NoteNames::add(std::string_view path, std::string_view bytes) {
  const auto front = read_front_matter(bytes);
  const std::string id = note_id(path, front ? front->fields : json::Value::object());
  const std::string bare(without_extension(path));
  by_path_.insert_or_assign(bare, id);
  by_id_.insert_or_assign(id, id);
  // Of equal names the first path's.
  const std::string name(name_of(bare));
  const auto [found, is_new] = by_name_.emplace(name, bare);
  if (!is_new && bare < found->second) found->second = bare;
}

std::string NoteNames::id_of(std::string_view link) const {
  if (const auto found = by_id_.find(link); found != by_id_.end()) return found->second;
  if (link.ends_with(".md")) link = without_extension(link);
  if (const auto found = by_path_.find(link); found != by_path_.end()) return found->second;
  const auto named = by_name_.find(name_of(link));
  return named == by_name_.end() ? std::string() : by_path_.find(named->second)->second;
}

StatusOr<MemoryRecord> read_note(std::string_view path, std::string_view bytes, const NoteNames& names,
                                 const ImportOptions& options, int64_t* dropped_links) {
  if (bytes.size() > kMaxNoteBytes)
    return resource_exhausted(
        "note_too_large",
        format("\"{}\" has {} bytes; a note has at most {}: take it in as a file, in chunks",
               shown_text(path), bytes.size(), kMaxNoteBytes));
  if (!is_valid_utf8(bytes) || bytes.find('\0') != bytes.npos)
    return invalid_argument("not_text", format("\"{}\" is no text in UTF-8", shown_text(path)));
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  std::string plain;
  for (size_t i = 0; i < bytes.size(); ++i)
    if (bytes[i] != '\r') {
      plain += bytes[i];
    } else if (i + 1 == bytes.size() || bytes[i + 1] != '\n') {
      plain += '\n';
    }
  const auto front = read_front_matter(plain);
  const json::Value fields = front ? front->fields : json::Value::object();
  MemoryRecord record;
  record.row.scope = options.scope;
  record.row.id = note_id(path, fields);
  record.row.text = trim(front ? front->body : std::string_view(plain));
  NoteReader reader(names, options, record);
  TAU_RETURN_IF_ERROR(reader.fields(fields));
  record.row.tags = tags_of(fields["tags"]);
  record.row.attributes = attributes_of(fields);
  TAU_ASSIGN_OR_RETURN(record.row.provenance, provenance_of(fields, options));
  TAU_RETURN_IF_ERROR(check_memory(record.row));
  TAU_RETURN_IF_ERROR(reader.relations(fields));
  reader.links_of_text();
  if (dropped_links != nullptr) *dropped_links += reader.dropped();
  return record;
}

}  // namespace tau::memory
