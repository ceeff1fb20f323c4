// Bundles: rules as data, from outside. Nothing of a bundle is used before all of it was checked.
#include <algorithm>
#include <array>
#include <string>

#include "json/json.h"
#include "safety/chars.h"
#include "safety/rule.h"

namespace tau::safety {
namespace {

constexpr size_t kMaxBundleBytes = 1 << 20;
constexpr size_t kMaxRules = 2000;
constexpr size_t kMaxWords = 64;
constexpr size_t kMaxPattern = 600;
constexpr int64_t kMaxSpan = 4096;

Status invalid(std::string_view where, std::string_view what) {
  return invalid_argument("invalid_rules", std::string(where) + ": " + std::string(what));
}

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 &&
         std::all_of(id.begin(), id.end(), [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

bool is_class(std::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_lower(c) || c == '_'; });
}

std::optional<RuleKind> kind_named(std::string_view name) {
  if (name == "token") return RuleKind::kToken;
  if (name == "assigned") return RuleKind::kAssigned;
  if (name == "named") return RuleKind::kNamed;
  if (name == "block") return RuleKind::kBlock;
  if (name == "form") return RuleKind::kForm;
  return std::nullopt;
}

Status read_strings(const json::Value& value, size_t least, std::string_view where,
                    std::vector<std::string>& out) {
  if (value.kind() != json::Value::Kind::kArray) return invalid(where, "expected an array of strings");
  if (value.size() > kMaxWords) return invalid(where, "more than 64 strings");
  for (const json::Value& item : value.as_array()) {
    const std::string_view text = item.as_string();
    if (text.size() < least || text.size() > 64)
      return invalid(where, "each string has " + std::to_string(least) + " to 64 bytes");
    out.emplace_back(text);
  }
  return {};
}

Status read_integer(const json::Value& value, int64_t least, int64_t most, std::string_view where,
                    int64_t& out) {
  if (!value.is_integer() || value.as_int(-1) < least || value.as_int(-1) > most)
    return invalid(where,
                   "expected an integer from " + std::to_string(least) + " to " + std::to_string(most));
  out = value.as_int();
  return {};
}

Status read_text(const json::Value& value, size_t most, std::string_view where, std::string& out) {
  if (!value.is_string() || value.as_string().size() > most)
    return invalid(where, "expected a string of at most " + std::to_string(most) + " bytes");
  out = std::string(value.as_string());
  return {};
}

Status read_flag(const json::Value& value, std::string_view where, bool& out) {
  if (!value.is_bool()) return invalid(where, "expected true or false");
  out = value.as_bool();
  return {};
}

Status read_size(const json::Value& value, int64_t least, int64_t most, std::string_view where, size_t& out) {
  int64_t number = 0;
  TAU_RETURN_IF_ERROR(read_integer(value, least, most, where, number));
  out = static_cast<size_t>(number);
  return {};
}

Status read_percent(const json::Value& value, std::string_view where, int& out) {
  int64_t number = 0;
  TAU_RETURN_IF_ERROR(read_integer(value, 0, 100, where, number));
  out = static_cast<int>(number);
  return {};
}

Status read_member(std::string_view name, const json::Value& value, const std::string& where,
                   RuleSpec& rule) {
  if (name == "id" || name == "kind") return {};  // read before
  if (name == "words") return read_strings(value, Prefilter::kMinWord, where, rule.words);
  if (name == "after") return read_strings(value, 2, where, rule.after);
  if (name == "never") return read_strings(value, 2, where, rule.never);
  if (name == "context") return read_strings(value, 2, where, rule.in_context);
  if (name == "match") return read_text(value, kMaxPattern, where, rule.match);
  if (name == "left") return read_text(value, 16, where, rule.left);
  if (name == "random") return read_percent(value, where, rule.random);
  if (name == "span") return read_size(value, 16, kMaxSpan, where, rule.span);
  if (name == "least") return read_size(value, 1, kMaxSpan, where, rule.least);
  if (name == "most") return read_size(value, 1, kMaxSpan, where, rule.most);
  if (name == "fold") return read_flag(value, where, rule.fold);
  if (name == "rare") return read_flag(value, where, rule.rare);
  if (name == "quoted") return read_flag(value, where, rule.quoted);
  if (name == "floor") return read_flag(value, where, rule.floor);
  if (name == "personal") return read_text(value, 32, where, rule.personal);
  if (name == "begins") return read_strings(value, 1, where, rule.begins);
  if (name == "around_at") return read_flag(value, where, rule.around_at);
  if (name == "over") return read_text(value, 64, where, rule.over);
  if (name == "checksum") {
    const auto checksum = checksum_named(value.as_string());
    if (!checksum) return invalid(where, "no checksum has this name");
    rule.checksum = *checksum;
    return {};
  }
  return invalid(where, "unknown member");
}

// How what the rule looks for begins.
Status check_start(const RuleSpec& rule) {
  const bool form = rule.kind == RuleKind::kForm;
  if (!form && rule.words.empty()) return invalid(rule.id + ".words", "at least one word is needed");
  if (form && !is_class(rule.personal))
    return invalid(rule.id + ".personal", "a form has a class: 1 to 32 lower-case letters and \"_\"");
  if (form && !rule.words.empty()) return invalid(rule.id + ".words", "a form has none");
  if (form && rule.around_at == !rule.begins.empty())
    return invalid(rule.id + ".begins", "a form says how it begins, or that it is around a \"@\"");
  if (form && !rule.around_at && rule.over.empty())
    return invalid(rule.id + ".over", "a form says which characters it may have");
  if (!form && (!rule.personal.empty() || !rule.begins.empty() || rule.around_at))
    return invalid(rule.id + ".kind", "only forms have a class and say how they begin");
  return {};
}

StatusOr<RuleSpec> read_rule(const json::Value& value) {
  RuleSpec rule;
  rule.id = std::string(value["id"].as_string());
  if (!is_id(rule.id))
    return invalid("rules", "a rule's id is 1 to 64 lower-case letters, digits and hyphens");
  const auto kind = kind_named(value["kind"].as_string());
  if (!kind)
    return invalid(rule.id + ".kind", "expected \"token\", \"assigned\", \"named\", \"block\" or \"form\"");
  rule.kind = *kind;
  for (const auto& [name, member] : value.as_object())
    TAU_RETURN_IF_ERROR(read_member(name, member, rule.id + "." + name, rule));
  TAU_RETURN_IF_ERROR(check_start(rule));
  if (rule.kind != RuleKind::kToken && rule.kind != RuleKind::kBlock) rule.fold = true;
  const auto has_upper = [](const std::string& text) {
    return std::any_of(text.begin(), text.end(), is_upper);
  };
  if (rule.fold && std::any_of(rule.words.begin(), rule.words.end(), has_upper))
    return invalid(rule.id + ".words", "words of any case are written in lower case");
  if (rule.match.empty()) return invalid(rule.id + ".match", "a pattern is needed");
  return rule;
}

Status read_published(const json::Value& value, Bundle& bundle) {
  TAU_RETURN_IF_ERROR(read_strings(value, 16, "published", bundle.published));
  for (const std::string& digest : bundle.published)
    if (digest.size() != 16 || !std::all_of(digest.begin(), digest.end(), is_hex))
      return invalid("published", "expected the first 16 hexadecimal digits of a BLAKE2b-256 digest");
  return {};
}

Status read_rules(const json::Value& value, Bundle& bundle) {
  if (value.kind() != json::Value::Kind::kArray || value.size() > kMaxRules)
    return invalid("rules", "expected an array of at most 2000 rules");
  for (const json::Value& item : value.as_array()) {
    TAU_ASSIGN_OR_RETURN(RuleSpec rule, read_rule(item));
    const auto same = [&rule](const RuleSpec& other) { return other.id == rule.id; };
    if (std::any_of(bundle.rules.begin(), bundle.rules.end(), same))
      return invalid(rule.id, "this id stands twice");
    bundle.rules.push_back(std::move(rule));
  }
  return {};
}

}  // namespace

StatusOr<Bundle> read_bundle(std::string_view text) {
  if (text.size() > kMaxBundleBytes) return invalid("bundle", "larger than 1 MiB");
  const StatusOr<json::Value> parsed = json::parse(text);
  if (!parsed.ok()) return invalid("bundle", parsed.status().message());
  Bundle bundle;
  int64_t format = 0;
  TAU_RETURN_IF_ERROR(read_integer((*parsed)["format"], 1, 1, "format", format));
  TAU_RETURN_IF_ERROR(read_integer((*parsed)["revision"], 1, INT64_MAX, "revision", bundle.revision));
  for (const auto& [name, value] : parsed->as_object()) {
    if (name == "format" || name == "revision") continue;
    if (name == "rules") {
      TAU_RETURN_IF_ERROR(read_rules(value, bundle));
    } else if (name == "drop") {
      TAU_RETURN_IF_ERROR(read_strings(value, 1, "drop", bundle.drop));
    } else if (name == "published") {
      TAU_RETURN_IF_ERROR(read_published(value, bundle));
    } else {
      return invalid(name, "unknown member");
    }
  }
  return bundle;
}

}  // namespace tau::safety
