#include "safety/quarantine.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>

#include "safety/chars.h"
#include "safety/monitor_match.h"

namespace tau::safety {
namespace {

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

bool is_date(std::string_view text) {
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

// The only token that `fits`, however often it stands there; two different ones are none: whoever wrote the
// text must not choose between them.
StatusOr<std::string> only_token(std::string_view text, const std::function<bool(std::string_view)>& fits) {
  TextTokens tokens(text);
  TextToken token;
  std::string found;
  while (tokens.next(token)) {
    if (token.kind == TextToken::Kind::kHidden || !fits(token.raw) || token.raw == found) continue;
    if (!found.empty()) return not_found("no_extract", "the text holds several values of this form");
    found = token.raw;
  }
  if (found.empty()) return not_found("no_extract", "the text holds no value of this form");
  return found;
}

StatusOr<std::string> only_choice(std::string_view text, const std::vector<std::string>& choices) {
  if (choices.empty() || choices.size() > kMaxChoices)
    return invalid_argument("invalid_form", format("a choice is between 1 and {} values", kMaxChoices));
  std::string found;
  for (const std::string& choice : choices) {
    if (choice.size() > kMaxIdBytes || !holds_token(text, choice)) continue;
    if (!found.empty()) return not_found("no_extract", "the text holds several of the choices");
    found = choice;
  }
  if (found.empty()) return not_found("no_extract", "the text holds none of the choices");
  return found;
}

StatusOr<std::string> value_of(std::string_view text, const ExtractForm& form) {
  using Kind = ExtractForm::Kind;
  switch (form.kind) {
    case Kind::kSize: return std::to_string(text.size());
    case Kind::kChoice: return only_choice(text, form.choices);
    case Kind::kDate: return only_token(text, is_date);
    case Kind::kInteger:
      return only_token(text, [&](std::string_view token) {
        const auto n = integer_of(token);
        return n && *n >= form.min && *n <= form.max;
      });
    case Kind::kId: {
      TAU_ASSIGN_OR_RETURN(const Regex pattern, Regex::compile(form.pattern, {}));
      return only_token(
          text, [&](std::string_view token) { return is_id_text(token) && pattern.match_whole(token); });
    }
  }
  return invalid_argument("invalid_form", "unknown kind of extract");
}

}  // namespace

StatusOr<std::string> Quarantine::hold(std::string text, Labels labels) {
  if (texts_.size() >= kMaxTexts || text.size() > kMaxBytes - bytes_)
    return resource_exhausted("quarantine_full", "too much text is held back");
  bytes_ += text.size();
  std::string handle = format("${}", ++last_);
  texts_.emplace(handle, Held{std::move(text), std::move(labels)});
  return handle;
}

StatusOr<const Quarantine::Held*> Quarantine::find(std::string_view handle) const {
  const auto at = texts_.find(handle);
  if (at == texts_.end())
    return not_found("unknown_handle", format("no text is held as {}", truncate_utf8(handle, 32)));
  return &at->second;
}

StatusOr<Extract> Quarantine::extract(std::string_view handle, const ExtractForm& form) const {
  TAU_ASSIGN_OR_RETURN(const Held* const held, find(handle));
  TAU_ASSIGN_OR_RETURN(std::string value, value_of(held->text, form));
  return Extract{std::move(value), held->labels};
}

StatusOr<std::string_view> Quarantine::reveal(std::string_view handle) const {
  TAU_ASSIGN_OR_RETURN(const Held* const held, find(handle));
  return std::string_view(held->text);
}

StatusOr<Labels> Quarantine::labels(std::string_view handle) const {
  TAU_ASSIGN_OR_RETURN(const Held* const held, find(handle));
  return held->labels;
}

void Quarantine::release(std::string_view handle) {
  const auto at = texts_.find(handle);
  if (at == texts_.end()) return;
  bytes_ -= at->second.text.size();
  texts_.erase(at);
}

}  // namespace tau::safety
