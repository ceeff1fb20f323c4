#include "safety/rule_pass.h"

#include <algorithm>
#include <utility>

#include "safety/assignment.h"
#include "safety/chars.h"
#include "safety/pem.h"
#include "safety/randomness.h"

namespace tau::safety {
namespace {

constexpr size_t kLeastKeyBytes = 32;  // fewer are a mention of a key, not one
constexpr size_t kMaxHeader = 96;
constexpr size_t kMaxPreamble = 1024;  // from the first line to the first of the body
constexpr size_t kLookAgain = 32;

// Ends of what a token without blanks may hold: a pattern sees no further.
bool ends_run(char c) {
  return static_cast<unsigned char>(c) <= 0x20 || is_quote(c) || c == '<' || c == '>' || c == '\\' ||
         c == '{' || c == '}' || c == '|' || c == '^';
}

// Whether a word may begin at `at`: nothing of a word stands before it, but for what an escape leaves there
// ("\n", "%3D").
bool begins_word(std::string_view text, size_t at, std::string_view also) {
  if (at == 0) return true;
  const char before = text[at - 1];
  if (at >= 2 && text[at - 2] == '\\' && (before == 'n' || before == 'r' || before == 't')) return true;
  if (at >= 3 && text[at - 3] == '%' && is_hex(text[at - 2]) && is_hex(before)) return true;
  return !is_word(before) && also.find(before) == std::string_view::npos;
}

// Whether text[at, at + size) is a word of a name written as "some_word", "someWord" or "SOME-WORD": not the
// end of a longer word, nor torn out of two ("sumO|f").
bool is_name_part(std::string_view text, size_t at, size_t size) {
  const char first = text[at];
  if (at > 0) {
    const char before = text[at - 1];
    const bool escape = at >= 2 && text[at - 2] == '\\';
    if (!escape && ((is_lower(first) && is_lower(before)) ||
                    (is_upper(first) && is_upper(before) && is_upper(text[at + 1]))))
      return false;
    if (!escape && is_lower(first) && is_upper(before)) return false;
  }
  if (at + size >= text.size() || !is_lower(text[at + size])) return true;
  for (size_t i = at + 1; i < at + size; ++i)
    if (is_lower(text[i - 1]) && is_upper(text[i])) return false;
  return true;
}

// The name up to `end`, without what stands before it.
std::string_view name_before(std::string_view text, size_t end) {
  size_t begin = end;
  while (begin > 0 && end - begin < kLookBehind &&
         (is_word(text[begin - 1]) || text[begin - 1] == '-' || text[begin - 1] == '.'))
    --begin;
  return text.substr(begin, end - begin);
}

bool contains_folded(std::string_view text, std::string_view folded) {
  for (size_t i = 0; i + folded.size() <= text.size(); ++i)
    if (equal_folded(text.substr(i, folded.size()), folded)) return true;
  return false;
}

bool any_in(const std::vector<std::string>& words, std::string_view text) {
  return std::any_of(words.begin(), words.end(),
                     [text](const std::string& word) { return contains_folded(text, word); });
}

bool ends_with_any(std::string_view name, const std::vector<std::string>& words) {
  while (!name.empty() && !is_alnum(name.back())) name.remove_suffix(1);
  return std::any_of(words.begin(), words.end(), [name](const std::string& word) {
    return name.size() >= word.size() && equal_folded(name.substr(name.size() - word.size()), word);
  });
}

// After the word that names a secret only a number may come: "token2", "secret_1".
bool ends_name(std::string_view rest) {
  return rest.size() <= 3 &&
         std::all_of(rest.begin(), rest.end(), [](char c) { return is_digit(c) || c == '_'; });
}

// ",apiKey:\"…\"": a member in a script made small for browsers, which has no secrets left to keep.
bool is_script_member(std::string_view text, size_t name, const Assignment& value) {
  return name > 0 && (text[name - 1] == ',' || text[name - 1] == '{') && value.begin == value.name_end + 2 &&
         text[value.name_end] == ':';
}

}  // namespace

void RulePass::advance(std::string_view text, uint64_t base, bool complete, std::vector<Match>& out) {
  base_ = base;
  const Prefilter& words = rules_->prefilter();
  size_t at = static_cast<size_t>(position_ - base);
  for (;;) {
    if (block_.state != Block::State::kNone) {
      at = walk_block(text, at, complete, out);
      if (block_.state != Block::State::kNone) break;
    }
    at = words.next(text, at);
    if (at + Prefilter::kMinWord > text.size()) {
      if (complete) at = text.size();
      break;
    }
    decided_.clear();
    if (try_words(text, at, complete) == Verdict::kMore) break;
    out.insert(out.end(), decided_.begin(), decided_.end());
    at = block_.state == Block::State::kNone ? at + 1 : static_cast<size_t>(block_.body - base);
  }
  position_ = base + at;
}

RulePass::Verdict RulePass::try_words(std::string_view text, size_t at, bool complete) {
  const Prefilter& filter = rules_->prefilter();
  const char* const here = text.data() + at;
  for (const uint16_t* index = filter.begin_at(here); index != filter.end_at(here); ++index) {
    const Prefilter::Word& word = filter.word(*index);
    if (!Prefilter::matches(word, text.substr(at))) continue;
    if (text.size() - at < word.text.size()) {
      if (complete) continue;
      return Verdict::kMore;
    }
    for (const uint16_t rule : word.rules)
      if (try_rule(*rules_->rules()[rule], word.text.size(), text, at, complete) == Verdict::kMore)
        return Verdict::kMore;
  }
  return Verdict::kDecided;
}

RulePass::Verdict RulePass::try_rule(const Rule& rule, size_t word, std::string_view text, size_t at,
                                     bool complete) {
  switch (rule.spec().kind) {
    case RuleKind::kToken: return try_token(rule, word, text, at, complete);
    case RuleKind::kBlock: return try_block(rule, text, at, complete);
    case RuleKind::kForm: return Verdict::kDecided;  // see FormPass
    case RuleKind::kAssigned:
    case RuleKind::kNamed: break;
  }
  return try_value(rule, word, text, at, complete);
}

RulePass::Verdict RulePass::try_token(const Rule& rule, size_t word, std::string_view text, size_t at,
                                      bool complete) {
  const RuleSpec& spec = rule.spec();
  if (!begins_word(text, at, spec.left)) return Verdict::kDecided;
  const size_t limit = std::min(text.size(), at + spec.span);
  size_t end =
      std::max(at + word, std::min(limit, run_end_ > base_ ? static_cast<size_t>(run_end_ - base_) : 0));
  while (end < limit && !ends_run(text[end])) ++end;
  run_end_ = std::max(run_end_, base_ + end);
  if (end == text.size() && end < at + spec.span && !complete) return Verdict::kMore;
  // Where the word begins anew at once, that one is looked at instead: many in a row cost no more than the
  // last.
  const std::string_view next = text.substr(at + word, std::min(end - at - word, kLookAgain));
  const size_t again = next.find(text.substr(at, word));
  if (again != std::string_view::npos && begins_word(text, at + word + again, spec.left))
    return Verdict::kDecided;
  size_t length = 0;
  const Regex* regex = rule.regex();
  if (regex == nullptr || !regex->match_prefix(text.substr(at, end - at), &length)) return Verdict::kDecided;
  if (at + length < end && is_word(text[at + length]) && is_word(text[at + length - 1]))
    return Verdict::kDecided;
  const size_t behind = at < kLookBehind ? 0 : at - kLookBehind;
  if (!spec.in_context.empty() && !any_in(spec.in_context, text.substr(behind, at - behind)))
    return Verdict::kDecided;
  accept(rule, text, at, word, at + length);
  return Verdict::kDecided;
}

RulePass::Verdict RulePass::try_value(const Rule& rule, size_t word, std::string_view text, size_t at,
                                      bool complete) {
  const RuleSpec& spec = rule.spec();
  const bool whole = complete || at + spec.span <= text.size();
  const std::string_view seen = text.substr(0, std::min(text.size(), at + spec.span));
  if (at + word == seen.size() && !whole) return Verdict::kMore;
  if (!is_name_part(seen, at, word)) return Verdict::kDecided;
  ValueRun run = value_run_.end > base_
                     ? ValueRun{value_run_.begin - std::min<size_t>(value_run_.begin, base_),
                                value_run_.end - base_, value_run_.quoted}
                     : ValueRun{};
  const Assignment found = read_assignment(seen, at + word, whole, run);
  value_run_ = {base_ + run.begin, base_ + run.end, run.quoted};
  if (found.state == Assignment::State::kMore) return Verdict::kMore;
  if (found.state == Assignment::State::kNone || (spec.quoted && !found.quoted)) return Verdict::kDecided;
  if (spec.kind == RuleKind::kNamed) {
    if (!ends_name(seen.substr(at + word, found.name_end - at - word))) return Verdict::kDecided;
    const std::string_view name = name_before(seen, at);
    if (!spec.after.empty() && !ends_with_any(name, spec.after)) return Verdict::kDecided;
    if (any_in(spec.never, name) || is_script_member(seen, at - name.size(), found)) return Verdict::kDecided;
  }
  const std::string_view value = seen.substr(found.begin, found.end - found.begin);
  if (value.size() < spec.least || value.size() > spec.most) return Verdict::kDecided;
  if (spec.kind == RuleKind::kNamed && std::none_of(value.begin(), value.end(), is_digit))
    return Verdict::kDecided;
  if (const Regex* regex = rule.regex(); regex != nullptr && regex->match_whole(value))
    accept(rule, text, found.begin, 0, found.end);
  return Verdict::kDecided;
}

RulePass::Verdict RulePass::try_block(const Rule& rule, std::string_view text, size_t at, bool complete) {
  const size_t limit = std::min(text.size(), at + kMaxHeader);
  size_t end = at;
  while (end < limit && (is_upper(text[end]) || is_digit(text[end]) || text[end] == ' ' || text[end] == '-'))
    ++end;
  if (end == text.size() && end < at + kMaxHeader && !complete) return Verdict::kMore;
  size_t length = 0;
  const Regex* regex = rule.regex();
  if (regex == nullptr || !regex->match_prefix(text.substr(at, end - at), &length)) return Verdict::kDecided;
  block_ = {.state = Block::State::kHeader, .rule = &rule, .begin = base_ + at, .body = base_ + at + length};
  return Verdict::kDecided;
}

size_t RulePass::walk_block(std::string_view text, size_t at, bool complete, std::vector<Match>& out) {
  for (;;) {
    const PemLine line = read_pem_line(text, at, block_.body_bytes == 0, complete);
    if (line.kind == PemLine::Kind::kMore) return at;
    if (block_.body_bytes == 0 && line.bytes != 0)
      block_.fingerprint = crypto::keyed_hash64(text.substr(at, line.end - at), rules_->key());
    block_.body_bytes += line.bytes;
    if (block_.body_bytes >= kLeastKeyBytes) block_.state = Block::State::kBody;
    at = line.end;
    if (line.kind != PemLine::Kind::kBody || (complete && at == text.size())) break;
    if (block_.state == Block::State::kHeader && base_ + at - block_.begin > kMaxPreamble) break;
  }
  return static_cast<size_t>(end_block(base_ + at, out) - base_);
}

// Where to go on: behind the key, or, when it was none, behind its first line.
uint64_t RulePass::end_block(uint64_t end, std::vector<Match>& out) {
  const Block block = std::exchange(block_, {});
  if (block.state == Block::State::kHeader) return block.body;
  out.push_back({.begin = block.begin,
                 .end = end,
                 .rank = kBlockRank,
                 .fingerprint = block.fingerprint,
                 .rule = &block.rule->spec().id});
  return end;
}

void RulePass::accept(const Rule& rule, std::string_view text, size_t begin, size_t known, size_t end) {
  const RuleSpec& spec = rule.spec();
  const std::string_view value = text.substr(begin, end - begin);
  const bool certain = checksum_holds(spec.checksum, value);
  if (!certain && spec.checksum == Checksum::kJwt) return;  // two words joined by a dot, nothing signed
  if (!certain && !looks_random(value.substr(std::min(known, value.size())), spec.random)) return;
  if (spec.rare && !pairs_are_rare(value)) return;
  if (rules_->is_published(value, spec.floor)) return;
  decided_.push_back({.begin = base_ + begin,
                      .end = base_ + end,
                      .rank = static_cast<int>(spec.kind),
                      .fingerprint = crypto::keyed_hash64(value, rules_->key()),
                      .confidence = certain ? Confidence::kCertain : Confidence::kLikely,
                      .rule = &spec.id});
}

}  // namespace tau::safety
