#include "runtime/memory_document.h"

#include <algorithm>
#include <cmath>

#include "runtime/host_document.h"

namespace tau::runtime {
namespace {

using memory::Reach;
using store::MemoryFilter;
using store::MemoryRow;

StatusOr<std::string> read_text(const json::Value& v, std::string_view what, std::string_view key) {
  const json::Value* const member = v.find(key);
  if (member == nullptr || member->is_null()) return std::string();
  TAU_RETURN_IF_ERROR(check_type(member->is_string(), what, key, "a string"));
  return std::string(member->as_string());
}

StatusOr<double> read_fraction(const json::Value& v, std::string_view what, std::string_view key,
                               double otherwise) {
  const json::Value* const member = v.find(key);
  if (member == nullptr || member->is_null()) return otherwise;
  const double number = member->as_double(-1);
  TAU_RETURN_IF_ERROR(
      check_type(member->is_number() && number >= 0 && number <= 1, what, key, "a number from 0 to 1"));
  return number;
}

// Included: of a day that is named without a time all of it.
StatusOr<int64_t> read_until(const json::Value& request) {
  constexpr size_t kDayBytes = std::string_view("2026-11-02").size();
  TAU_ASSIGN_OR_RETURN(const int64_t ms, read_time(request, "request", "until", INT64_MAX));
  return request["until"].as_string().size() == kDayBytes ? ms + memory::kDayMs - 1 : ms;
}

void sort_once(std::vector<std::string>& tags) {
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
}

StatusOr<store::MemoryFact> read_fact(const json::Value& v, std::string_view what) {
  store::MemoryFact fact;
  const json::Value* const member = v.find("fact");
  if (member == nullptr || member->is_null()) return fact;
  const std::string name = std::string(what) + ".fact";
  TAU_RETURN_IF_ERROR(only_keys(*member, name, {"subject", "predicate", "object"}));
  TAU_ASSIGN_OR_RETURN(fact.subject, need_string(*member, name, "subject"));
  TAU_ASSIGN_OR_RETURN(fact.predicate, need_string(*member, name, "predicate"));
  TAU_ASSIGN_OR_RETURN(fact.object, need_string(*member, name, "object"));
  return fact;
}

StatusOr<std::vector<MemoryDraft::Link>> read_links(const json::Value& v, std::string_view what) {
  std::vector<MemoryDraft::Link> links;
  const json::Value* const member = v.find("relations");
  if (member == nullptr || member->is_null()) return links;
  TAU_RETURN_IF_ERROR(check_type(member->is_array(), what, "relations", "an array"));
  for (size_t i = 0; i < member->as_array().size(); ++i) {
    const json::Value& link = member->as_array()[i];
    const std::string name = format("{}.relations[{}]", what, i);
    TAU_RETURN_IF_ERROR(only_keys(link, name, {"to", "relation", "weight"}));
    MemoryDraft::Link& out = links.emplace_back();
    TAU_ASSIGN_OR_RETURN(out.to, need_string(link, name, "to"));
    TAU_ASSIGN_OR_RETURN(const std::string relation, read_text(link, name, "relation"));
    if (!relation.empty()) { TAU_ASSIGN_OR_RETURN(out.relation, memory::parse_relation(relation)); }
    TAU_ASSIGN_OR_RETURN(out.weight, read_fraction(link, name, "weight", 1));
  }
  return links;
}

Status read_trust(const json::Value& v, std::string_view what, const Reach& reach, MemoryRow& row) {
  TAU_ASSIGN_OR_RETURN(const std::string origin, read_text(v, what, "origin"));
  auto labels = origin.empty() ? StatusOr<Labels>(Labels::from(Source::kUser)) : parse_integrity(origin);
  if (!labels.ok())
    return invalid_argument("invalid_memory", format("{}: \"origin\": {}", what, labels.status().message()));
  row.provenance.integrity = labels->integrity();
  row.provenance.principal = reach.principal;
  return ok_status();
}

Status read_times(const json::Value& v, std::string_view what, int64_t now_ms, MemoryRow& row) {
  TAU_ASSIGN_OR_RETURN(row.time_ms, read_time(v, what, "time", now_ms));
  TAU_ASSIGN_OR_RETURN(row.valid_from_ms, read_time(v, what, "valid_from", store::kNoTime));
  TAU_ASSIGN_OR_RETURN(row.valid_to_ms, read_time(v, what, "valid_to", store::kEndless));
  if (row.valid_from_ms >= row.valid_to_ms)
    return invalid_argument("invalid_time",
                            format("{}: \"valid_from\" should lie before \"valid_to\"", what));
  row.created_ms = row.updated_ms = now_ms;
  return ok_status();
}

Status read_kind(const json::Value& v, std::string_view what, MemoryRow& row) {
  TAU_ASSIGN_OR_RETURN(row.fact, read_fact(v, what));
  memory::Type type = row.fact.empty() ? memory::Type::kObservation : memory::Type::kFact;
  TAU_ASSIGN_OR_RETURN(const std::string name, read_text(v, what, "type"));
  if (!name.empty()) { TAU_ASSIGN_OR_RETURN(type, memory::parse_type(name)); }
  row.type = static_cast<uint8_t>(type);
  TAU_ASSIGN_OR_RETURN(row.importance,
                       read_fraction(v, what, "importance", memory::default_importance(type)));
  return ok_status();
}

StatusOr<std::vector<SharedString>> read_one(const json::Value& request, std::string_view key) {
  std::vector<SharedString> out;
  if (!request.contains(key)) return out;
  TAU_RETURN_IF_ERROR(check_type(request[key].is_string(), "request", key, "a string"));
  out.emplace_back(request[key].as_string());
  return out;
}

void write_trust(json::Writer& w, const store::Provenance& provenance) {
  w.key("trust").begin_object().key("integrity").begin_array();
  std::string_view names = provenance.integrity;
  while (!names.empty()) {
    const size_t end = std::min(names.find(','), names.size());
    w.string(names.substr(0, end));
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  w.end_array();
  if (!provenance.principal.empty()) w.field("principal", provenance.principal);
  w.end_object();
}

}  // namespace

StatusOr<SharedString> read_scope_part(const json::Value& v, std::string_view what, std::string_view key,
                                       const std::optional<SharedString>& bound) {
  TAU_ASSIGN_OR_RETURN(const std::string named, read_text(v, what, key));
  if (!bound) return SharedString(named);
  if (!v.contains(key) || named == *bound) return *bound;
  return permission_denied("outside_scope",
                           format("{}: this handle writes into {} \"{}\" alone", what, key, *bound));
}

StatusOr<int64_t> read_time(const json::Value& v, std::string_view what, std::string_view key,
                            int64_t otherwise) {
  const json::Value* const member = v.find(key);
  if (member == nullptr || member->is_null()) return otherwise;
  constexpr int64_t kMost = 253'402'300'799'999;  // the end of the year 9999
  if (member->is_integer() && std::abs(member->as_double()) <= static_cast<double>(kMost))
    return member->as_int();
  const std::optional<int64_t> ms = parse_time_ms(member->as_string());
  if (ms) return *ms;
  constexpr size_t kMostShown = 60;
  return invalid_argument("invalid_time",
                          format("{}: \"{}\" is {}; it should be a time such as \"2026-11-02T10:00:00Z\" or "
                                 "\"2026-11-02\", or milliseconds since 1970",
                                 what, key, truncate_utf8(json::write(*member), kMostShown)));
}

StatusOr<MemoryDraft> read_memory(const json::Value& v, std::string_view what, const Reach& reach,
                                  int64_t now_ms) {
  TAU_RETURN_IF_ERROR(only_keys(
      v, what,
      {"op", "id", "text", "type", "importance", "tags", "time", "position", "thread", "fact", "valid_from",
       "valid_to", "source", "channel", "actor", "attributes", "relations", "origin", "expected_revision"}));
  MemoryDraft draft;
  MemoryRow& row = draft.row;
  row.scope.workspace = reach.workspace;
  TAU_ASSIGN_OR_RETURN(row.scope.channel, read_scope_part(v, what, "channel", reach.channel));
  TAU_ASSIGN_OR_RETURN(row.scope.actor, read_scope_part(v, what, "actor", reach.actor));
  TAU_ASSIGN_OR_RETURN(row.id, read_text(v, what, "id"));
  TAU_ASSIGN_OR_RETURN(row.text, need_string(v, what, "text"));
  TAU_RETURN_IF_ERROR(read_kind(v, what, row));
  TAU_ASSIGN_OR_RETURN(row.tags, read_strings(v, what, "tags"));
  sort_once(row.tags);
  TAU_ASSIGN_OR_RETURN(row.thread, read_text(v, what, "thread"));
  TAU_ASSIGN_OR_RETURN(row.position, read_count(v, what, "position"));
  TAU_ASSIGN_OR_RETURN(row.source, read_text(v, what, "source"));
  TAU_RETURN_IF_ERROR(read_times(v, what, now_ms, row));
  if (const json::Value* const attributes = v.find("attributes");
      attributes != nullptr && !attributes->is_null()) {
    TAU_RETURN_IF_ERROR(check_type(attributes->is_object(), what, "attributes", "an object"));
    row.attributes = json::write(*attributes);
  }
  TAU_RETURN_IF_ERROR(read_trust(v, what, reach, row));
  TAU_ASSIGN_OR_RETURN(draft.links, read_links(v, what));
  if (v.contains("expected_revision")) {
    TAU_ASSIGN_OR_RETURN(draft.expected_revision, read_count(v, what, "expected_revision"));
  }
  return draft;
}

StatusOr<MemoryFilter> read_filter(const json::Value& request, const Reach& reach) {
  MemoryFilter filter;
  filter.workspace = reach.workspace;
  TAU_ASSIGN_OR_RETURN(filter.channels, read_one(request, "channel"));
  TAU_ASSIGN_OR_RETURN(filter.actors, read_one(request, "actor"));
  TAU_ASSIGN_OR_RETURN(const std::vector<std::string> types, read_strings(request, "request", "types"));
  if (!types.empty()) filter.types = 0;
  for (const std::string& name : types) {
    TAU_ASSIGN_OR_RETURN(const memory::Type type, memory::parse_type(name));
    filter.types |= 1u << static_cast<uint32_t>(type);
  }
  TAU_ASSIGN_OR_RETURN(filter.tags, read_strings(request, "request", "tags"));
  TAU_ASSIGN_OR_RETURN(filter.thread, read_text(request, "request", "thread"));
  TAU_ASSIGN_OR_RETURN(filter.source, read_text(request, "request", "source"));
  TAU_ASSIGN_OR_RETURN(filter.since_ms, read_time(request, "request", "since", INT64_MIN));
  TAU_ASSIGN_OR_RETURN(filter.until_ms, read_until(request));
  TAU_RETURN_IF_ERROR(reach.narrow(filter));
  return filter;
}

Status only_filter_keys(const json::Value& request, std::initializer_list<std::string_view> more) {
  for (const auto& [key, value] : request.as_object()) {
    const bool known =
        std::find(std::begin(kFilterKeys), std::end(kFilterKeys), key) != std::end(kFilterKeys) ||
        std::find(more.begin(), more.end(), key) != more.end();
    if (known) continue;
    std::string names;
    for (const std::string_view name : more) names.append(name).append(", ");
    for (const std::string_view name : kFilterKeys)
      names.append(name).append(name == std::end(kFilterKeys)[-1] ? "" : ", ");
    return invalid_argument("unknown_key", format("request: unknown key \"{}\"; known are {}", key, names));
  }
  return ok_status();
}

void write_time(json::Writer& w, std::string_view key, int64_t ms) {
  w.key(key);
  if (ms == store::kNoTime || ms == store::kEndless) {
    w.null();
  } else {
    w.string(utc_text_ms(ms));
  }
}

void write_memory_members(json::Writer& w, const MemoryRow& row) {
  w.field("id", row.id).field("text", row.text);
  w.field("type", memory::type_name(static_cast<memory::Type>(row.type)));
  w.key("importance").number(row.importance);
  w.key("tags").begin_array();
  for (const std::string& tag : row.tags) w.string(tag);
  w.end_array();
  write_time(w, "time", row.time_ms);
  if (!row.scope.channel.empty()) w.field("channel", row.scope.channel);
  if (!row.scope.actor.empty()) w.field("actor", row.scope.actor);
  if (!row.thread.empty()) w.field("thread", row.thread);
  if (row.position != 0) w.field("position", row.position);
  if (!row.fact.empty()) {
    w.key("fact").begin_object().field("subject", row.fact.subject);
    w.field("predicate", row.fact.predicate).field("object", row.fact.object).end_object();
  }
  if (row.valid_from_ms != store::kNoTime) write_time(w, "valid_from", row.valid_from_ms);
  if (row.valid_to_ms != store::kEndless) write_time(w, "valid_to", row.valid_to_ms);
  if (row.superseded_ms != store::kEndless) write_time(w, "superseded", row.superseded_ms);
  if (!row.source.empty()) w.field("source", row.source);
  if (!row.attributes.empty()) w.field_raw("attributes", row.attributes);
  w.field("revision", row.revision);
  write_time(w, "created", row.created_ms);
  write_time(w, "updated", row.updated_ms);
  if (row.forgotten_ms != 0) write_time(w, "forgotten", row.forgotten_ms);
  write_trust(w, row.provenance);
}

void write_memory(json::Writer& w, const MemoryRow& row) {
  w.begin_object();
  write_memory_members(w, row);
  w.end_object();
}

}  // namespace tau::runtime
