#include "safety/form_pass.h"

#include <algorithm>

#include "safety/chars.h"

namespace tau::safety {
namespace {

constexpr size_t kMaxLocalPart = 64;  // RFC 5321, 4.5.3.1.1
constexpr size_t kNeverBehind = 32;   // where the words of `never` may stand before a form

// Of the local part of an address as people have them: atoms of RFC 5322, without the signs of other
// notations.
bool is_local(char c) { return is_word(c) || std::string_view(".%+-'").find(c) != std::string_view::npos; }

bool fits_any(char c, std::string_view signs) {
  return std::any_of(signs.begin(), signs.end(), [c](char sign) { return fits_sign(c, sign); });
}

// Joins the parts of a longer number, version or id.
bool is_joint(char c) { return c == '.' || c == '-'; }

// The blank or hyphen that a typesetter's sign at `at` is to a form, and its bytes; 0 where there is none.
struct Typeset {
  char as = 0;
  size_t bytes = 0;
};
Typeset typeset_at(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at, 3);
  if (rest.starts_with("\u00a0")) return {' ', 2};
  if (rest == "\u202f" || rest == "\u2007" || rest == "\u2009") return {' ', 3};
  if (rest == "\u2010" || rest == "\u2011") return {'-', 3};
  return {};
}

bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// Whether groups of an address stand on either side, as in a fingerprint, which has more of them.
bool is_in_longer_chain(std::string_view text, size_t begin, size_t end) {
  if (end + 1 < text.size() && text[end] == ':' && is_alnum(text[end + 1])) return true;
  if (begin < 2 || text[begin - 1] != ':') return false;
  size_t group = begin - 1;
  while (group > 0 && begin - group < 6 && is_hex(text[group - 1])) --group;
  return group < begin - 1 && begin - group < 6 && (group == 0 || !is_word(text[group - 1]));
}

constexpr size_t kRow = 10;  // two groups of four digits, each behind a blank

// How many of the two groups on one side are four digits and no more; `sign(i)` is the i-th character away.
template <class Sign>
int groups_beside(Sign&& sign) {
  int groups = 0;
  for (size_t i = 0; i < kRow; i += 5, ++groups) {
    if (sign(i) != ' ') break;
    if (!is_digit(sign(i + 1)) || !is_digit(sign(i + 2)) || !is_digit(sign(i + 3)) || !is_digit(sign(i + 4)))
      break;
  }
  return groups;
}

// Whether four groups of four digits are some of a longer row of them, as in a table.
bool is_in_row(std::string_view text, size_t begin, size_t end) {
  if (begin + 4 >= end || text[begin + 4] != ' ') return false;
  const int left = groups_beside([&](size_t i) { return i < begin ? text[begin - 1 - i] : '\0'; });
  const int right = groups_beside([&](size_t i) { return end + i < text.size() ? text[end + i] : '\0'; });
  return left + right >= 2;
}

// Whether what stands before `at` is what an escape leaves there: "\n".
bool is_escaped(std::string_view text, size_t at) {
  return at >= 2 && text[at - 2] == '\\' &&
         std::string_view("nrt").find(text[at - 1]) != std::string_view::npos;
}

bool is_free_on_the_left(std::string_view text, size_t at) {
  if (at == 0) return true;
  const char before = text[at - 1];
  if (is_word(before)) return is_escaped(text, at);
  if (text[at] == '+' && (before == '+' || before == '~'))
    return false;  // of a version: "14~++20220202101403"
  // "Name/1.2.3.4" is a product and its version (RFC 9110, 10.1.5).
  return !((is_joint(before) || before == '/') && at >= 2 && is_alnum(text[at - 2]));
}

bool is_free_on_the_right(std::string_view text, size_t end) {
  if (end == text.size()) return true;
  if (is_word(text[end])) return false;
  return !((is_joint(text[end]) || text[end] == '+') && end + 1 < text.size() && is_alnum(text[end + 1]));
}

// Where one of the words stands in any case, at the beginning of a word if `whole`.
bool holds_folded(std::string_view text, const std::vector<std::string>& words, bool whole) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    for (size_t i = 0; i + word.size() <= text.size(); ++i)
      if ((!whole || i == 0 || !is_alpha(text[i - 1]) || is_escaped(text, i)) &&
          equal_folded(text.substr(i, word.size()), word))
        return true;
    return false;
  });
}

// Of the others the syntax alone is known.
bool has_check_digits(Checksum checksum) {
  return checksum != Checksum::kNone && checksum != Checksum::kE164 && checksum != Checksum::kIpv4 &&
         checksum != Checksum::kIpv6;
}

std::string_view before(std::string_view text, size_t at, size_t most) {
  const size_t size = std::min(at, most);
  return text.substr(at - size, size);
}

}  // namespace

bool fits_sign(char c, char sign) {
  switch (sign) {
    case '9': return is_digit(c);
    case 'A': return is_upper(c);
    case 'a': return is_lower(c);
    default: return c == sign;
  }
}

void FormTable::add(std::string_view begins, uint16_t rule) {
  forms_.push_back({std::string(begins), rule});
  longest_ = std::max(longest_, begins.size());
  for (size_t byte = 0; byte < first_.size(); ++byte)
    if (fits_sign(static_cast<char>(byte), begins[0])) first_[byte] = 1;
}

bool FormTable::fits(const Form& form, std::string_view text) {
  size_t at = 0;
  for (const char sign : form.begins) {
    if (at >= text.size()) return true;
    if (fits_sign(text[at], sign)) {
      ++at;
      continue;
    }
    const bool may_be_typeset = sign == ' ' || sign == '-';
    if (may_be_typeset && text.size() - at < 3 && (text[at] == '\xe2' || text[at] == '\xc2')) return true;
    const Typeset found = may_be_typeset ? typeset_at(text, at) : Typeset();
    if (found.bytes == 0 || found.as != sign) return false;
    at += found.bytes;
  }
  return true;
}

void FormPass::advance(std::string_view text, uint64_t base, bool complete, std::vector<Match>& out) {
  base_ = base;
  const FormTable& forms = rules_->forms();
  const bool addresses = !forms.around_at().empty();
  size_t at = static_cast<size_t>(position_ - base);
  while (at < text.size()) {
    const char c = text[at];
    const bool may_be_address = addresses && is_alnum(c) && (at == 0 || !is_local(text[at - 1]));
    Verdict verdict = may_be_address ? try_address(text, at, complete) : Verdict::kNone;
    if (verdict == Verdict::kNone && forms.begins_form(c)) verdict = try_forms(text, at, complete);
    if (verdict == Verdict::kMore) break;
    if (verdict == Verdict::kFound) {
      out.push_back(found_);
      at = static_cast<size_t>(found_.end - base);
    } else {
      ++at;
    }
  }
  position_ = base + at;
}

// Each run of characters of an address is walked once: from its first one.
FormPass::Verdict FormPass::try_address(std::string_view text, size_t at, bool complete) {
  const size_t limit = std::min(text.size(), at + kMaxLocalPart + 1);
  size_t end = at;
  while (end < limit && is_local(text[end])) ++end;
  if (end == text.size() && end <= at + kMaxLocalPart && !complete) return Verdict::kMore;
  if (end >= text.size() || text[end] != '@' || end > at + kMaxLocalPart) return Verdict::kNone;
  if (at > 0 && (text[at - 1] == '@' || text[at - 1] == '/'))
    return Verdict::kNone;  // of a URL, of another form
  for (const uint16_t index : rules_->forms().around_at()) {
    const Rule& rule = *rules_->rules()[index];
    const size_t most = std::min(text.size(), end + 1 + rule.spec().span);
    size_t stop = end + 1;
    while (stop < most && (is_alnum(text[stop]) || text[stop] == '.' || text[stop] == '-')) ++stop;
    if (stop == text.size() && !complete) return Verdict::kMore;
    size_t length = 0;
    const Regex* const regex = rule.regex();
    if (regex == nullptr || !regex->match_prefix(text.substr(at, stop - at), &length)) continue;
    const size_t after = at + length;
    if (after < text.size() && (is_word(text[after]) || text[after] == '@')) continue;
    if (accept(rule, text, at, after) == Verdict::kFound) return Verdict::kFound;
  }
  return Verdict::kNone;
}

FormPass::Verdict FormPass::try_forms(std::string_view text, size_t at, bool complete) {
  if (!is_free_on_the_left(text, at)) return Verdict::kNone;
  const std::string_view rest = text.substr(at);
  Match longest;
  for (const FormTable::Form& form : rules_->forms().forms()) {
    if (!FormTable::fits(form, rest)) continue;
    if (rest.size() < form.begins.size()) {
      if (complete) continue;
      return Verdict::kMore;
    }
    switch (try_form(*rules_->rules()[form.rule], text, at, complete)) {
      case Verdict::kMore: return Verdict::kMore;
      case Verdict::kFound:
        if (found_.end > longest.end) longest = found_;
        break;
      case Verdict::kNone: break;
    }
  }
  if (longest.end == 0) return Verdict::kNone;
  found_ = longest;
  return Verdict::kFound;
}

// What may be of the form, from `at` on, as plain characters.
std::string_view FormPass::run_of(const RuleSpec& spec, std::string_view text, size_t at, size_t* end) {
  const auto plain_until = [&](size_t from, size_t limit) {
    while (from < limit && fits_any(text[from], spec.over)) ++from;
    return from;
  };
  *end = plain_until(at, std::min(text.size(), at + spec.span));
  typeset_.clear();
  run_.clear();
  size_t copied = at;
  while (*end < text.size() && *end - copied + run_.size() < spec.span) {
    const Typeset sign = typeset_at(text, *end);
    if (sign.bytes == 0 || !fits_any(sign.as, spec.over)) break;
    run_.append(text, copied, *end - copied).push_back(sign.as);
    typeset_.push_back({run_.size(), sign.bytes - 1});
    copied = *end + sign.bytes;
    *end = plain_until(copied, std::min(text.size(), copied + spec.span - std::min(spec.span, run_.size())));
  }
  if (typeset_.empty()) return text.substr(at, *end - at);
  return run_.append(text, copied, *end - copied);
}

// The bytes of the first `length` characters of such a run.
size_t FormPass::bytes_of_run(size_t length) const {
  size_t bytes = length;
  for (const TypesetSign& sign : typeset_)
    if (sign.behind <= length) bytes += sign.more;
  return bytes;
}

FormPass::Verdict FormPass::try_form(const Rule& rule, std::string_view text, size_t at, bool complete) {
  const RuleSpec& spec = rule.spec();
  size_t end = at;
  const std::string_view run = run_of(spec, text, at, &end);
  // Behind its end the next character, and one more, tell whether it is part of something longer.
  const size_t behind = spec.checksum == Checksum::kCard ? kRow : 3;
  if (!complete && end + behind > text.size()) return Verdict::kMore;
  if (run.size() < spec.least) return Verdict::kNone;
  size_t length = 0;
  const Regex* const regex = rule.regex();
  if (regex == nullptr || !regex->match_prefix(run, &length)) return Verdict::kNone;
  if (spec.checksum != Checksum::kNone) length = checked_length(spec.checksum, run.substr(0, length));
  if (length == 0) return Verdict::kNone;
  length = bytes_of_run(length);
  if (!is_free_on_the_right(text, at + length)) return Verdict::kNone;
  if (spec.checksum == Checksum::kCard && is_in_row(text, at, at + length)) return Verdict::kNone;
  if (spec.checksum == Checksum::kIpv6 && is_in_longer_chain(text, at, at + length)) return Verdict::kNone;
  return accept(rule, text, at, at + length);
}

FormPass::Verdict FormPass::accept(const Rule& rule, std::string_view text, size_t begin, size_t end) {
  const RuleSpec& spec = rule.spec();
  const std::string_view value = text.substr(begin, end - begin);
  if (!spec.in_context.empty() && !holds_folded(before(text, begin, kLookBehind), spec.in_context, true))
    return Verdict::kNone;
  const std::string_view never_in = spec.around_at ? value : before(text, begin, kNeverBehind);
  if (holds_folded(never_in, spec.never, false)) return Verdict::kNone;
  if (rules_->is_published(value, spec.floor)) return Verdict::kNone;
  found_ = {.begin = base_ + begin,
            .end = base_ + end,
            .rank = static_cast<int>(RuleKind::kForm),
            .fingerprint = crypto::keyed_hash64(value, rules_->key()),
            .confidence = has_check_digits(spec.checksum) ? Confidence::kCertain : Confidence::kLikely,
            .rule = &spec.id,
            .signal = rules_->signals()};
  return Verdict::kFound;
}

}  // namespace tau::safety
