// Reading tables of quirks, and looking things up in them.
#include "provider/quirk_table.h"

#include <algorithm>

#include "base/format.h"
#include "wire/wire.h"

namespace tau::provider {

extern const char* const kBuiltInQuirks;  // quirks.json

namespace {

constexpr size_t kMaxRows = 1'000;
constexpr size_t kMaxRules = 64;
constexpr size_t kMaxText = 400;
constexpr size_t kMaxPatterns = 100;
constexpr size_t kLeastWords = 4;  // of an error: shorter ones stand in everything

Status bad(std::string_view where, std::string_view member, std::string_view expected) {
  return invalid_argument("invalid_quirks", format("{}.{}: expected {}", where, member, expected));
}

bool is_day(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-dd";
  if (text.size() != kForm.size()) return false;
  for (size_t i = 0; i < text.size(); ++i)
    if (kForm[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != '-') return false;
  return true;
}

Status only(const json::Value& value, std::string_view where, std::string_view known) {
  if (!value.is_object()) return invalid_argument("invalid_quirks", format("{}: expected an object", where));
  for (const auto& [key, member] : value.as_object())
    if (known.find(format(" {} ", key)) == known.npos)
      return bad(where, truncate_utf8(repair_utf8(key), 64), format("one of{}", known));
  return ok_status();
}

Status read_text(const json::Value& value, std::string_view where, std::string_view name, std::string& out) {
  const std::string_view text = value[name].as_string();
  if (!value[name].is_string() || text.empty() || text.size() > kMaxText)
    return bad(where, name, format("a text of 1 to {} bytes", kMaxText));
  out = text;
  return ok_status();
}

// What rows and rules have in common.
template <class Row>
Status read_common(const json::Value& value, std::string_view where, Row& row) {
  TAU_RETURN_IF_ERROR(read_text(value, where, "provider", row.provider));
  TAU_RETURN_IF_ERROR(read_text(value, where, "since", row.since));
  TAU_RETURN_IF_ERROR(read_text(value, where, "source", row.source));
  if (!is_day(row.since)) return bad(where, "since", "a day: 2026-01-31");
  wire::Quirks checked;
  TAU_RETURN_IF_ERROR(wire::set_quirks(value["set"], checked).annotate(format("{}.set", where)));
  if (value["set"].size() == 0) return bad(where, "set", "at least one quirk");
  row.set = value["set"];
  return ok_status();
}

StatusOr<QuirkRow> read_row(const json::Value& value, size_t number) {
  const std::string where = format("rows[{}]", number);
  TAU_RETURN_IF_ERROR(only(value, where, " provider model since source set "));
  QuirkRow row;
  const json::Value& models = value["model"];
  if (models.is_array() && models.size() > 0 && models.size() <= kMaxPatterns) {
    for (const json::Value& pattern : models.as_array()) {
      if (!pattern.is_string() || pattern.as_string().size() > kMaxText)
        return bad(where, "model", "patterns");
      row.models.emplace_back(pattern.as_string());
    }
  } else {
    TAU_RETURN_IF_ERROR(read_text(value, where, "model", row.models.emplace_back()));
  }
  TAU_RETURN_IF_ERROR(read_common(value, where, row));
  return row;
}

bool lower_case(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

StatusOr<std::shared_ptr<const AdaptRule>> read_rule(const json::Value& value, size_t number) {
  const std::string where = format("retries[{}]", number);
  TAU_RETURN_IF_ERROR(only(value, where, " name provider when remember since source set "));
  auto rule = std::make_shared<AdaptRule>();
  TAU_RETURN_IF_ERROR(read_text(value, where, "name", rule->name));
  if (!is_valid_id(rule->name)) return bad(where, "name", "letters, digits, '_' and '-'");
  TAU_RETURN_IF_ERROR(read_common(value, where, *rule));
  for (const json::Value& words : value["when"].as_array()) {
    const std::string_view text = words.as_string();
    if (!words.is_string() || text.size() < kLeastWords || text.size() > kMaxText || !lower_case(text))
      return bad(where, "when", format("texts of {} to {} bytes, in lower case", kLeastWords, kMaxText));
    rule->when.emplace_back(text);
  }
  if (rule->when.empty() || rule->when.size() > 8) return bad(where, "when", "a list of 1 to 8 texts");
  const std::string_view remember = value["remember"].as_string("model");
  using Remember = AdaptRule::Remember;
  if (remember != "model" && remember != "session" && remember != "call")
    return bad(where, "remember", "model, session or call");
  rule->remember = remember == "model"     ? Remember::kModel
                   : remember == "session" ? Remember::kSession
                                           : Remember::kCall;
  return std::shared_ptr<const AdaptRule>(std::move(rule));
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

bool changes(const json::Value& set, const wire::Quirks& quirks) {
  wire::Quirks after = quirks;
  return wire::set_quirks(set, after).ok() && !(after == quirks);
}

}  // namespace

bool matches_glob(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = pattern.npos;  // the last one, and where the text stood then
  size_t held = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      held = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++held;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

StatusOr<QuirkTable> QuirkTable::parse(std::string_view text) {
  TAU_ASSIGN_OR_RETURN(const json::Value document, json::parse(text));
  TAU_RETURN_IF_ERROR(only(document, "quirks", " schema_version rows retries "));
  const bool ours = document["schema_version"].as_int(0) == 1 &&
                    (document["rows"].is_null() || document["rows"].is_array()) &&
                    (document["retries"].is_null() || document["retries"].is_array());
  if (!ours)
    return invalid_argument("invalid_quirks",
                            "a table of quirks is an object with \"schema_version\":1 and the lists \"rows\" "
                            "and \"retries\"");
  const auto& rows = document["rows"].as_array();
  const auto& rules = document["retries"].as_array();
  if (rows.size() > kMaxRows || rules.size() > kMaxRules)
    return invalid_argument(
        "invalid_quirks", format("a table of quirks has at most {} rows and {} rules", kMaxRows, kMaxRules));
  QuirkTable table;
  for (size_t i = 0; i < rows.size(); ++i) {
    TAU_ASSIGN_OR_RETURN(QuirkRow row, read_row(rows[i], i));
    table.rows_.push_back(std::move(row));
  }
  for (size_t i = 0; i < rules.size(); ++i) {
    TAU_ASSIGN_OR_RETURN(auto rule, read_rule(rules[i], i));
    table.rules_.push_back(std::move(rule));
  }
  return table;
}

const QuirkTable& QuirkTable::built_in() {
  static const auto* const table = [] {
    auto parsed = parse(kBuiltInQuirks);
    return new QuirkTable(parsed.ok() ? *std::move(parsed) : QuirkTable());
  }();
  return *table;
}

QuirkTable QuirkTable::with(const QuirkTable& more) {
  QuirkTable table = built_in();
  table.rows_.insert(table.rows_.end(), more.rows_.begin(), more.rows_.end());
  for (const auto& rule : more.rules_) {
    const auto same = std::find_if(table.rules_.begin(), table.rules_.end(),
                                   [&](const auto& known) { return known->name == rule->name; });
    if (same != table.rules_.end()) {
      *same = rule;
    } else {
      table.rules_.push_back(rule);
    }
  }
  return table;
}

void QuirkTable::apply(std::string_view provider, std::string_view model, wire::Quirks& quirks) const {
  for (const QuirkRow& row : rows_)
    if (matches_glob(row.provider, provider) &&
        std::any_of(row.models.begin(), row.models.end(),
                    [&](const std::string& pattern) { return matches_glob(pattern, model); }))
      (void)wire::set_quirks(row.set, quirks);  // checked when it was read
}

std::shared_ptr<const AdaptRule> QuirkTable::find_rule(std::string_view provider, std::string_view error,
                                                       const wire::Quirks& quirks,
                                                       const std::vector<std::string>& used) const {
  const std::string said = lower(error);
  for (const auto& rule : rules_) {
    const bool speaks = std::all_of(rule->when.begin(), rule->when.end(),
                                    [&](const std::string& words) { return said.find(words) != said.npos; });
    if (speaks && matches_glob(rule->provider, provider) && changes(rule->set, quirks) &&
        std::find(used.begin(), used.end(), rule->name) == used.end())
      return rule;
  }
  return nullptr;
}

}  // namespace tau::provider
