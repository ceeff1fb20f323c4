#include "memory/memory_check.h"

#include <algorithm>
#include <cmath>

#include "json/json.h"
#include "memory/types.h"

namespace tau::memory {
namespace {

Status invalid(std::string_view field, std::string_view why) {
  ErrorInfo info;
  info.code = Code::kInvalidArgument;
  info.reason = "invalid_memory";
  info.message = format("{} of the memory {}", field, why);
  json::Writer(info.details_json).begin_object().field("field", field).end_object();
  return Status(std::move(info));
}

// Characters that a name cannot have: it is shown in one line and compared byte by byte.
bool has_controls(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

Status check_name(std::string_view field, std::string_view text, size_t max_bytes) {
  if (text.size() > max_bytes)
    return invalid(field, format("has {} bytes; {} are allowed", text.size(), max_bytes));
  if (!is_valid_utf8(text)) return invalid(field, "is not valid UTF-8");
  if (has_controls(text))
    return invalid(field, format("\"{}\" has control characters; take them out", shown_text(text)));
  return {};
}

Status check_body(std::string_view field, std::string_view text, size_t max_bytes) {
  if (text.size() > max_bytes)
    return invalid(field, format("has {} bytes; {} are allowed", text.size(), max_bytes));
  if (!is_valid_utf8(text)) return invalid(field, "is not valid UTF-8");
  if (text.find('\0') != text.npos) return invalid(field, "has a zero byte; take it out");
  return {};
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == text.npos; }

Status check_tags(const std::vector<std::string>& tags) {
  if (tags.size() > kMaxMemoryTags)
    return invalid("tags", format("are {}; {} are allowed", tags.size(), kMaxMemoryTags));
  for (size_t i = 0; i < tags.size(); ++i) {
    if (is_blank(tags[i])) return invalid("tags", "has an empty tag");
    TAU_RETURN_IF_ERROR(check_name("tags", tags[i], kMaxMemoryTagBytes));
    if (i > 0 && tags[i - 1] >= tags[i])
      return invalid("tags", format("are not sorted, each once: \"{}\"", shown_text(tags[i])));
  }
  return {};
}

Status check_fact(const store::MemoryFact& fact) {
  TAU_RETURN_IF_ERROR(check_body("fact", fact.subject, kMaxMemoryFactBytes));
  TAU_RETURN_IF_ERROR(check_body("fact", fact.predicate, kMaxMemoryFactBytes));
  TAU_RETURN_IF_ERROR(check_body("fact", fact.object, kMaxMemoryFactBytes));
  if (fact.empty() && fact.object.empty()) return {};
  if (fact.subject.empty() || fact.predicate.empty())
    return invalid("fact", "needs both a subject and a predicate, or neither of the three");
  return {};
}

Status check_attributes(std::string_view attributes) {
  if (attributes.empty()) return {};
  if (attributes.size() > kMaxMemoryAttributesBytes)
    return invalid("attributes",
                   format("has {} bytes; {} are allowed", attributes.size(), kMaxMemoryAttributesBytes));
  const auto value = json::parse(attributes);
  if (!value.ok()) return invalid("attributes", format("is not JSON: {}", value.status().message()));
  if (!value->is_object()) return invalid("attributes", "is not a JSON object");
  return {};
}

bool is_share(double number) { return std::isfinite(number) && number >= 0 && number <= 1; }

}  // namespace

std::string shown_text(std::string_view text) {
  constexpr size_t kShownBytes = 60;
  std::string out = repair_utf8(truncate_utf8(text, kShownBytes));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
  return text.size() > kShownBytes ? out + "…" : out;
}

Status check_memory_scope(const store::MemoryScope& scope) {
  if (scope.workspace.empty()) return invalid("workspace", "is empty; name one");
  TAU_RETURN_IF_ERROR(check_name("workspace", scope.workspace, kMaxMemoryNameBytes));
  TAU_RETURN_IF_ERROR(check_name("channel", scope.channel, kMaxMemoryNameBytes));
  return check_name("actor", scope.actor, kMaxMemoryNameBytes);
}

Status check_memory_ref(const store::MemoryRef& ref) {
  TAU_RETURN_IF_ERROR(check_memory_scope(ref.scope));
  if (is_blank(ref.id)) return invalid("id", "is empty; name one");
  return check_name("id", ref.id, kMaxMemoryNameBytes);
}

Status check_memory_relation(const store::MemoryRelate& relate) {
  TAU_RETURN_IF_ERROR(check_memory_ref(relate.source));
  TAU_RETURN_IF_ERROR(check_memory_ref(relate.target));
  if (relate.source.scope == relate.target.scope && relate.source.id == relate.target.id)
    return invalid("relation", format("leads from \"{}\" to itself", relate.source.id));
  if (relate.source.scope.workspace != relate.target.scope.workspace)
    return invalid("relation", "leads out of its workspace");
  if (relate.relation >= kRelations) return invalid("relation", format("has no name: {}", relate.relation));
  if (!(relate.weight < 0) && !is_share(relate.weight))
    return invalid("weight", format("is {}; 0 to 1 are allowed", relate.weight));
  return {};
}

Status check_memory(const store::MemoryRow& row) {
  TAU_RETURN_IF_ERROR(check_memory_ref({row.scope, row.id}));
  if (row.type >= kTypes) return invalid("type", format("has no name: {}", row.type));
  if (!is_share(row.importance))
    return invalid("importance", format("is {}; 0 to 1 are allowed", row.importance));
  if (is_blank(row.text)) return invalid("text", "is empty; say something");
  TAU_RETURN_IF_ERROR(check_body("text", row.text, kMaxMemoryTextBytes));
  TAU_RETURN_IF_ERROR(check_tags(row.tags));
  TAU_RETURN_IF_ERROR(check_name("thread", row.thread, kMaxMemorySourceBytes));
  TAU_RETURN_IF_ERROR(check_name("source", row.source, kMaxMemorySourceBytes));
  TAU_RETURN_IF_ERROR(check_fact(row.fact));
  if (row.valid_from_ms >= row.valid_to_ms)
    return invalid("valid_to",
                   format("({}) is not after valid_from ({})", row.valid_to_ms, row.valid_from_ms));
  if (row.forgotten_ms < 0) return invalid("forgotten", format("is {}, before 1970", row.forgotten_ms));
  return check_attributes(row.attributes);
}

void tidy_tags(std::vector<std::string>& tags) {
  constexpr std::string_view kBlanks = " \t\r\n";
  for (std::string& tag : tags) {
    const size_t first = tag.find_first_not_of(kBlanks);
    tag = first == tag.npos ? std::string() : tag.substr(first, tag.find_last_not_of(kBlanks) - first + 1);
  }
  std::erase(tags, std::string());
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
}

}  // namespace tau::memory
