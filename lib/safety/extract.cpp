#include "safety/extract.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

#include "json/json.h"
#include "net/net.h"
#include "safety/answer_form.h"
#include "safety/chars.h"
#include "safety/monitor_match.h"

namespace tau::safety {
namespace {

using Kind = ExtractForm::Kind;

constexpr std::string_view kKinds[] = {"choice", "integer", "number", "boolean", "date",
                                       "id",     "url",     "email",  "count",   "size"};

constexpr size_t kMaxNumberBytes = 32;

bool is_id_text(std::string_view text) {
  return !text.empty() && text.size() <= kMaxIdBytes && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alnum(c) || std::string_view("._:@/+-").find(c) != std::string_view::npos;
  });
}

std::optional<int64_t> integer_of(std::string_view text) {
  int64_t n = 0;
  const std::from_chars_result end = std::from_chars(text.data(), text.data() + text.size(), n);
  const bool whole = end.ec == std::errc() && end.ptr == text.data() + text.size();
  return whole ? std::optional(n) : std::nullopt;
}

// Digits, with a sign before and a fraction behind them, if any.
bool is_decimal(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const size_t point = std::min(text.find('.'), text.size());
  const auto digits = [](std::string_view part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), is_digit);
  };
  return text.size() <= kMaxNumberBytes && digits(text.substr(0, point)) &&
         (point == text.size() || digits(text.substr(point + 1)));
}

bool is_plain_url(const TextToken& token) {
  const std::string_view raw = token.raw;
  const bool web = raw.starts_with("https://") || raw.starts_with("http://");
  const bool visible = std::all_of(raw.begin(), raw.end(), [](char c) { return c > ' ' && c <= '~'; });
  return token.kind == TextToken::Kind::kUrl && web && visible && raw.size() <= kMaxUrlBytes &&
         raw.find_first_of("@#\"'<>\\^`{|}") == raw.npos && net::parse_url(raw).ok();
}

bool is_plain_email(const TextToken& token) {
  const bool plain = std::all_of(token.raw.begin(), token.raw.end(), [](char c) {
    return is_alnum(c) || std::string_view("@._%+-").find(c) != std::string_view::npos;
  });
  return token.kind == TextToken::Kind::kEmail && plain && token.raw.size() <= kMaxUrlBytes;
}

Status none() { return not_found("no_extract", "the text holds no value of this form"); }
Status no_document() { return not_found("no_extract", "the text is no JSON document"); }
Status no_value() { return not_found("no_extract", "the pointer leads to no value"); }
Status several() { return not_found("no_extract", "the text holds several values of this form"); }

// The only token that `fits`, however often it stands there.
StatusOr<std::string> only_token(std::string_view text, const std::function<bool(const TextToken&)>& fits) {
  TextTokens tokens(text);
  TextToken token;
  std::string found;
  while (tokens.next(token)) {
    if (token.kind == TextToken::Kind::kHidden || !fits(token) || token.raw == found) continue;
    if (!found.empty()) return several();
    found = token.raw;
  }
  if (found.empty()) return none();
  return found;
}

Status check_choices(const std::vector<std::string>& choices) {
  const bool good = !choices.empty() && choices.size() <= kMaxChoices &&
                    std::all_of(choices.begin(), choices.end(), [](const std::string& choice) {
                      return !choice.empty() && choice.size() <= kMaxIdBytes;
                    });
  if (good) return ok_status();
  return invalid_argument(
      "invalid_form", format("there are 1 to {} choices, each of 1 to {} bytes", kMaxChoices, kMaxIdBytes));
}

StatusOr<std::string> only_choice(std::string_view text, const std::vector<std::string>& choices) {
  TAU_RETURN_IF_ERROR(check_choices(choices));
  std::string found;
  for (const std::string& choice : choices) {
    if (choice == found || !holds_token(text, choice)) continue;
    if (!found.empty()) return several();
    found = choice;
  }
  if (found.empty()) return none();
  return found;
}

StatusOr<std::string> boolean_of(std::string_view text) {
  const bool yes = holds_token(text, "true") || holds_token(text, "yes");
  const bool no = holds_token(text, "false") || holds_token(text, "no");
  if (yes == no) return yes ? several() : none();
  return std::string(yes ? "true" : "false");
}

StatusOr<std::string> count_of(std::string_view text, const std::vector<std::string>& choices) {
  TAU_RETURN_IF_ERROR(check_choices(choices));
  TextTokens tokens(text);
  TextToken token;
  int64_t count = 0;
  while (tokens.next(token))
    count += std::any_of(choices.begin(), choices.end(),
                         [&](const std::string& choice) { return same_tokens(token.raw, choice); })
                 ? 1
                 : 0;
  return std::to_string(count);
}

StatusOr<std::string> read_form(std::string_view text, const ExtractForm& form) {
  switch (form.kind) {
    case Kind::kSize: return std::to_string(text.size());
    case Kind::kCount: return count_of(text, form.choices);
    case Kind::kChoice: return only_choice(text, form.choices);
    case Kind::kBoolean: return boolean_of(text);
    case Kind::kDate: return only_token(text, [](const TextToken& t) { return is_calendar_date(t.raw); });
    case Kind::kUrl: return only_token(text, is_plain_url);
    case Kind::kEmail: return only_token(text, is_plain_email);
    case Kind::kNumber: return only_token(text, [](const TextToken& t) { return is_decimal(t.raw); });
    case Kind::kInteger:
      return only_token(text, [&](const TextToken& token) {
        const auto n = integer_of(token.raw);
        return n && *n >= form.min && *n <= form.max;
      });
    case Kind::kId: {
      TAU_ASSIGN_OR_RETURN(const Regex pattern, Regex::compile(form.pattern, {}));
      return only_token(text,
                        [&](const TextToken& t) { return is_id_text(t.raw) && pattern.match_whole(t.raw); });
    }
  }
  return invalid_argument("invalid_form", "unknown kind of extract");
}

std::string unescaped(std::string_view step) {
  std::string out;
  for (size_t i = 0; i < step.size(); ++i) {
    const bool escape = step[i] == '~' && i + 1 < step.size() && (step[i + 1] == '0' || step[i + 1] == '1');
    out += escape ? (step[++i] == '0' ? '~' : '/') : step[i];
  }
  return out;
}

const json::Value* value_at(const json::Value& document, std::string_view pointer) {
  const json::Value* at = &document;
  while (at != nullptr && !pointer.empty()) {
    if (pointer[0] != '/') return nullptr;
    const size_t end = std::min(pointer.find('/', 1), pointer.size());
    const std::string step = unescaped(pointer.substr(1, end - 1));
    pointer.remove_prefix(end);
    if (at->is_array()) {
      const auto index = integer_of(step);
      const bool inside = index && *index >= 0 && static_cast<size_t>(*index) < at->size();
      at = inside ? &at->as_array()[static_cast<size_t>(*index)] : nullptr;
    } else {
      at = at->find(step);
    }
  }
  return at;
}

}  // namespace

bool is_calendar_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  for (size_t i = 0; i < text.size(); ++i)
    if (i != 4 && i != 7 && !is_digit(text[i])) return false;
  const auto year = *integer_of(text.substr(0, 4));
  const auto month = *integer_of(text.substr(5, 2));
  const auto day = *integer_of(text.substr(8));
  if (month < 1 || month > 12 || day < 1) return false;
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return day <= kDays[month - 1] + (month == 2 && leap ? 1 : 0);
}

StatusOr<ExtractForm::Kind> parse_extract_kind(std::string_view name) {
  const auto at = std::find(std::begin(kKinds), std::end(kKinds), name);
  if (at == std::end(kKinds)) return invalid_argument("invalid_form", "unknown kind of extract");
  return static_cast<Kind>(at - std::begin(kKinds));
}

StatusOr<std::string> narrowed(std::string_view text, std::string_view pointer) {
  if (pointer.empty()) return std::string(text);
  const auto document = json::parse(text);
  if (!document.ok()) return no_document();
  const json::Value* const value = value_at(*document, pointer);
  if (value == nullptr) return no_value();
  return value->is_string() ? std::string(value->as_string()) : json::write(*value);
}

StatusOr<std::string> extract_from(std::string_view text, const ExtractForm& form) {
  const bool counts_elements = form.kind == Kind::kCount && form.choices.empty();
  if (!counts_elements) {
    if (form.pointer.empty()) return read_form(text, form);
    TAU_ASSIGN_OR_RETURN(const std::string part, narrowed(text, form.pointer));
    return read_form(part, form);
  }
  const auto document = json::parse(text);
  if (!document.ok()) return no_document();
  const json::Value* const value = value_at(*document, form.pointer);
  if (value == nullptr) return no_value();
  if (value->is_array() || value->is_object()) return std::to_string(value->size());
  return not_found("no_extract", "the value is no list");
}

}  // namespace tau::safety
