#include "safety/stream.h"

#include <algorithm>
#include <span>

namespace tau::safety {
namespace {

bool begins_earlier(const Match& a, const Match& b) {
  return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
}

// The match that names what several overlapping ones cover.
const Match& best_of(std::span<const Match> group) {
  return *std::max_element(group.begin(), group.end(), [](const Match& a, const Match& b) {
    return a.rank != b.rank ? a.rank < b.rank : a.end - a.begin < b.end - b.begin;
  });
}

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

std::string_view name_of(const Match& match) {
  return match.rule == nullptr ? kSecretRule : std::string_view(*match.rule);
}

// How many of the first of `matches`, which are in order, overlap; `end`: of all that they cover.
size_t group_size(std::span<const Match> matches, uint64_t* end) {
  size_t size = 1;
  *end = matches[0].end;
  for (; size < matches.size() && matches[size].begin < *end; ++size)
    *end = std::max(*end, matches[size].end);
  return size;
}

Finding finding_of(std::span<const Match> group, const Match& best, uint64_t begin, uint64_t end) {
  Finding finding{
      std::string(name_of(best)), {}, begin, end - begin, best.fingerprint, best.confidence, best.signal};
  for (const Match& match : group) {
    if (match.subject == nullptr) continue;
    finding.subject = *match.subject;
    finding.confidence = Confidence::kCertain;
    break;
  }
  return finding;
}

}  // namespace

Stream::Stream(Screen screen) : screen_(std::move(screen)) { reset(); }

void Stream::reset() {
  exact_.reset();
  rules_.reset();
  forms_.reset();
  if (screen_.secrets != nullptr && !screen_.secrets->empty()) exact_.emplace(*screen_.secrets);
  if (screen_.rules != nullptr) rules_.emplace(*screen_.rules);
  if (screen_.rules != nullptr && !screen_.rules->forms().empty()) forms_.emplace(*screen_.rules);
  secure_wipe(buffer_.data(), buffer_.size());
  buffer_.clear();
  base_ = released_ = 0;
  in_placeholder_ = false;
  matches_.clear();
}

void Stream::feed(std::string_view piece, std::string* out, std::vector<Finding>* found) {
  buffer_.append(piece);
  advance(buffer_, false, out, found);
  uint64_t keep = released_;
  if (exact_) keep = std::min(keep, exact_->held_from());
  const auto look_behind = [](uint64_t at) { return at - std::min<uint64_t>(at, kLookBehind); };
  if (rules_) keep = std::min(keep, look_behind(rules_->position()));
  if (forms_) keep = std::min(keep, look_behind(forms_->position()));
  if (keep - base_ >= buffer_.size() / 2) {
    buffer_.erase(0, static_cast<size_t>(keep - base_));
    base_ = keep;
  }
}

void Stream::finish(std::string* out, std::vector<Finding>* found) {
  advance(buffer_, true, out, found);
  reset();
}

void Stream::advance(std::string_view text, bool complete, std::string* out, std::vector<Finding>* found) {
  const uint64_t end = base_ + text.size();
  const size_t before = matches_.size();
  uint64_t decided = end;
  if (exact_) {
    exact_->advance(text, base_, complete, matches_);
    if (!complete) decided = std::min(decided, exact_->held_from());
  }
  if (rules_) {
    rules_->advance(text, base_, complete, matches_);
    if (!complete) decided = std::min(decided, rules_->held_from());
  }
  if (forms_) {
    forms_->advance(text, base_, complete, matches_);
    if (!complete) decided = std::min(decided, forms_->position());
  }
  if (matches_.size() != before) std::stable_sort(matches_.begin(), matches_.end(), begins_earlier);
  const uint64_t block = rules_ && rules_->in_block() ? rules_->block_begin() : end;
  settle(text, std::min(decided, block), out, found);
  uint64_t free = std::min(decided, block);
  if (!matches_.empty()) free = std::min(free, matches_.front().begin);
  if (free < end) free = character_begin(text, free);
  release(text, free, out);
  // Of a key without an end in sight no line waits for the last one.
  if (block < end && free == block) redact_to(text, block, decided, rules_->block_rule().spec().id, out);
}

// What goes on is whole characters, where the text is UTF-8.
uint64_t Stream::character_begin(std::string_view text, uint64_t at) const {
  constexpr int kMostContinuations = 3;
  uint64_t begin = at;
  for (int i = 0; i < kMostContinuations && begin > released_ && is_continuation(text[begin - base_]); ++i)
    --begin;
  return begin > released_ && is_continuation(text[begin - base_]) ? at : begin;
}

void Stream::flush(std::string* out) {
  uint64_t end = base_ + buffer_.size();
  if (rules_ && rules_->in_block()) end = std::min(end, rules_->block_begin());
  if (!matches_.empty()) end = std::min(end, matches_.front().begin);
  release(buffer_, end, out);
}

void Stream::settle(std::string_view text, uint64_t decided, std::string* out, std::vector<Finding>* found) {
  size_t done = 0;
  while (done < matches_.size()) {
    uint64_t end = 0;
    const std::span<const Match> rest(&matches_[done], matches_.size() - done);
    const std::span<const Match> group = rest.first(group_size(rest, &end));
    if (end > decided) break;
    const Match& best = best_of(group);
    const uint64_t begin = group[0].begin;
    if (found != nullptr) found->push_back(finding_of(group, best, begin, end));
    if (!best.signal) {
      redact_to(text, begin, end, name_of(best), out);
      in_placeholder_ = false;
    }
    done += group.size();
  }
  matches_.erase(matches_.begin(), matches_.begin() + static_cast<std::ptrdiff_t>(done));
}

void Stream::release(std::string_view text, uint64_t end, std::string* out) {
  if (end <= released_) return;
  if (out != nullptr)
    out->append(text.substr(static_cast<size_t>(released_ - base_), static_cast<size_t>(end - released_)));
  released_ = end;
  in_placeholder_ = false;
}

void Stream::redact_to(std::string_view text, uint64_t begin, uint64_t end, std::string_view rule,
                       std::string* out) {
  if (!in_placeholder_) {
    release(text, begin, out);
    if (out != nullptr) out->append("[redacted:").append(rule).append("]");
    in_placeholder_ = true;
  }
  released_ = std::max(released_, end);
}

Scanner::Scanner(Screen screen) : stream_(std::make_unique<Stream>(std::move(screen))) {}
Scanner::~Scanner() = default;
Scanner::Scanner(Scanner&&) noexcept = default;
Scanner& Scanner::operator=(Scanner&&) noexcept = default;
void Scanner::feed(std::string_view piece, std::vector<Finding>& out) { stream_->feed(piece, nullptr, &out); }
void Scanner::finish(std::vector<Finding>& out) { stream_->finish(nullptr, &out); }

Redactor::Redactor(Screen screen) : stream_(std::make_unique<Stream>(std::move(screen))) {}
Redactor::~Redactor() = default;
Redactor::Redactor(Redactor&&) noexcept = default;
Redactor& Redactor::operator=(Redactor&&) noexcept = default;
void Redactor::feed(std::string_view piece, std::string& out, std::vector<Finding>* found) {
  stream_->feed(piece, &out, found);
}
void Redactor::flush(std::string& out) { stream_->flush(&out); }
void Redactor::finish(std::string& out, std::vector<Finding>* found) { stream_->finish(&out, found); }
size_t Redactor::held_bytes() const { return stream_->held_bytes(); }

namespace {

// What a whole text holds, in order: what a Stream would find, without setting one up. Most texts are short
// and hold nothing: they cost one walk of each layer's filter.
std::vector<Match> matches_in(const Screen& screen, std::string_view text) {
  std::vector<Match> matches;
  if (screen.secrets != nullptr && !screen.secrets->empty())
    ExactPass(*screen.secrets).advance(text, 0, true, matches);
  if (screen.rules != nullptr) {
    const size_t first = screen.rules->prefilter().next(text, 0);
    if (first + Prefilter::kMinWord <= text.size())
      RulePass(*screen.rules, first).advance(text, 0, true, matches);
    if (!screen.rules->forms().empty()) FormPass(*screen.rules).advance(text, 0, true, matches);
  }
  if (matches.size() > 1) std::stable_sort(matches.begin(), matches.end(), begins_earlier);
  return matches;
}

// Calls visit(group, best, begin, end) for what overlaps.
template <class Visit>
void each_group(std::span<const Match> matches, Visit&& visit) {
  while (!matches.empty()) {
    uint64_t end = 0;
    const std::span<const Match> group = matches.first(group_size(matches, &end));
    visit(group, best_of(group), group[0].begin, end);
    matches = matches.subspan(group.size());
  }
}

}  // namespace

std::vector<Finding> scan(const Screen& screen, std::string_view text) {
  std::vector<Finding> found;
  each_group(matches_in(screen, text), [&](auto group, const Match& best, uint64_t begin, uint64_t end) {
    found.push_back(finding_of(group, best, begin, end));
  });
  return found;
}

std::optional<std::string> redacted(const Screen& screen, std::string_view text,
                                    std::vector<Finding>* found) {
  const std::vector<Match> matches = matches_in(screen, text);
  std::string out;
  size_t done = 0;  // of the text; 0: nothing was taken out
  each_group(matches, [&](auto group, const Match& best, uint64_t begin, uint64_t end) {
    if (found != nullptr) found->push_back(finding_of(group, best, begin, end));
    if (best.signal) return;
    out.append(text.substr(done, static_cast<size_t>(begin) - done));
    out.append("[redacted:").append(name_of(best)).append("]");
    done = static_cast<size_t>(end);
  });
  if (done == 0) return std::nullopt;
  out.append(text.substr(done));
  return out;
}

std::string redact(const Screen& screen, std::string_view text, std::vector<Finding>* found) {
  std::optional<std::string> out = redacted(screen, text, found);
  return out ? *std::move(out) : std::string(text);
}

bool holds_secret(const ExactSet& secrets, std::string_view text) {
  if (secrets.empty()) return false;
  std::vector<Match> matches;
  ExactPass(secrets).advance(text, 0, true, matches);
  return !matches.empty();
}

}  // namespace tau::safety
