#include "safety/monitor_text.h"

#include <algorithm>
#include <array>

#include "crypto/crypto.h"
#include "safety/chars.h"

namespace tau::safety {
namespace {

using Kind = TextToken::Kind;

constexpr size_t kMaxValueBytes = 2048;  // of a destination
constexpr size_t kFewDigits = 5;         // of a number that stands in many texts by chance
constexpr size_t kMaxAccount = 34;       // ISO 13616

// "./src//a" and "src/a/" name one file; ".." is left alone, so that it equals only itself.
class CleanPath {
 public:
  explicit CleanPath(std::string_view path) : rest_(path), absolute_(path.starts_with('/')) {}
  bool absolute() const { return absolute_; }
  // The next segment; empty at the end.
  std::string_view next() {
    while (!rest_.empty()) {
      const size_t slash = std::min(rest_.find('/'), rest_.size());
      const std::string_view segment = rest_.substr(0, slash);
      rest_.remove_prefix(std::min(slash + 1, rest_.size()));
      if (!segment.empty() && segment != ".") return segment;
    }
    return {};
  }

 private:
  std::string_view rest_;
  bool absolute_;
};

bool same_path(std::string_view a, std::string_view b) {
  CleanPath mine(a);
  CleanPath theirs(b);
  if (mine.absolute() != theirs.absolute()) return false;
  for (;;) {
    const std::string_view segment = mine.next();
    if (segment != theirs.next()) return false;
    if (segment.empty()) return true;
  }
}

uint64_t path_hash(std::string_view path) {
  CleanPath clean(path);
  uint64_t hash = clean.absolute() ? 1 : 0;
  for (std::string_view segment = clean.next(); !segment.empty(); segment = clean.next())
    hash = crypto::checksum64(segment, hash);
  return hash;
}

std::string_view without_web_scheme(std::string_view url) {
  for (const std::string_view scheme : {std::string_view("http://"), std::string_view("https://")})
    if (url.starts_with(scheme)) return url.substr(scheme.size());
  return {};
}

// What URLs with and without a scheme share, so that one hash finds both.
std::string_view lookup_form(Kind kind, std::string_view canonical) {
  const std::string_view bare = kind == Kind::kUrl ? without_web_scheme(canonical) : std::string_view();
  return bare.empty() ? canonical : bare;
}

bool is_word_of(std::string_view word, std::string_view name) {
  while (!name.empty()) {
    const size_t end = std::min(name.find_first_of("_-. "), name.size());
    if (equal_folded(name.substr(0, end), word)) return true;
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return false;
}

bool names_a_path(std::string_view argument) {
  for (const std::string_view word : {"path", "file", "filename", "dir", "directory", "folder", "cwd"})
    if (is_word_of(word, argument)) return true;
  return false;
}

// The account number that groups with spaces between make up (ISO 13616), or nothing. `out` has kMaxAccount
// bytes.
std::string_view joined_account(std::string_view text, char* out) {
  size_t size = 0;
  for (const char c : text) {
    if (c == ' ') continue;
    if (!is_alnum(c) || size == kMaxAccount) return {};
    out[size++] = fold(c);
  }
  if (size < 15 || !is_alpha(out[0]) || !is_alpha(out[1]) || !is_digit(out[2]) || !is_digit(out[3]))
    return {};
  uint32_t remainder = 0;
  for (size_t i = 0; i < size; ++i) {
    const char c = out[(i + 4) % size];
    const auto value = static_cast<uint32_t>(is_digit(c) ? c - '0' : c - 'a' + 10);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder == 1 ? std::string_view(out, size) : std::string_view();
}

}  // namespace

void UserText::add_barrier() { tokens_.push_back({}); }

void UserText::add_key(std::string_view text, uint32_t token) {
  keys_.push_back({crypto::checksum64(text), token});
}

void UserText::add_token(const TextToken& token) {
  const auto index = static_cast<uint32_t>(tokens_.size());
  Token mine;
  mine.kind = token.kind;
  mine.begins_sentence = token.begins_sentence;
  if (token.kind != Kind::kHidden) {
    mine.raw = static_cast<uint32_t>(bytes_.size());
    mine.raw_size = static_cast<uint32_t>(token.raw.size());
    bytes_ += token.raw;
    mine.canonical = static_cast<uint32_t>(bytes_.size());
    mine.canonical_size = static_cast<uint32_t>(token.canonical.size());
    bytes_ += token.canonical;
    add_key(lookup_form(token.kind, token.canonical), index);
    keys_.push_back({path_hash(token.raw), index});
  }
  tokens_.push_back(mine);
}

// Account numbers that the user wrote in groups stand behind the message in one piece, too.
void UserText::add_joined(std::string_view message) {
  std::array<char, kMaxAccount> bytes{};
  for (size_t begin = 0; begin < message.size(); ++begin) {
    const bool may_begin = is_upper(message[begin]) && (begin == 0 || !is_alnum(message[begin - 1]));
    if (!may_begin) continue;
    size_t end = begin;
    size_t group = 0;
    while (end < message.size() && end - begin < kMaxAccount + 9 &&
           (is_alnum(message[end]) || (message[end] == ' ' && group == 4)))
      group = message[end++] == ' ' ? 0 : group + 1;
    const std::string_view account = joined_account(message.substr(begin, end - begin), bytes.data());
    if (account.empty()) continue;
    TextToken token;
    TextTokens tokens(account);
    if (tokens.next(token)) add_token(token);
    add_barrier();
  }
}

void UserText::add(std::string_view message) {
  if (message.size() > kMaxBytes || bytes_.size() > kMaxBytes) return;
  TextTokens tokens(message);
  TextToken token;
  add_barrier();
  while (tokens.next(token)) add_token(token);
  add_barrier();
  add_joined(message);
  std::sort(keys_.begin(), keys_.end(), [](const Key& a, const Key& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.token < b.token;
  });
}

bool UserText::same(const Token& mine, const TextToken& theirs, Compare how) const {
  if (mine.kind == Kind::kHidden || theirs.kind == Kind::kHidden) return false;
  if (how == Compare::kBytes) return same_path(raw(mine), theirs.raw);
  const std::string_view a = canonical(mine);
  const std::string_view b = theirs.canonical;
  if (mine.kind == theirs.kind) return a == b;
  // Whoever names a host without a scheme means either; whoever names one means that.
  if (mine.kind == Kind::kHost && theirs.kind == Kind::kUrl) return without_web_scheme(b) == a;
  if (mine.kind == Kind::kUrl && theirs.kind == Kind::kHost) return without_web_scheme(a) == b;
  return false;
}

// Whether `visit` is true of any token of the user's that is this one.
template <class Visit>
bool UserText::any_place(const TextToken& token, Compare how, Visit&& visit) const {
  if (token.kind == Kind::kHidden) return false;
  const uint64_t hash = how == Compare::kBytes ? path_hash(token.raw)
                                               : crypto::checksum64(lookup_form(token.kind, token.canonical));
  auto at = std::lower_bound(keys_.begin(), keys_.end(), hash,
                             [](const Key& key, uint64_t wanted) { return key.hash < wanted; });
  for (; at != keys_.end() && at->hash == hash; ++at)
    if (same(tokens_[at->token], token, how) && visit(size_t{at->token})) return true;
  return false;
}

bool UserText::holds_all(std::string_view value, Compare how) const {
  TextTokens tokens(value);
  TextToken token;
  while (tokens.next(token))
    if (!any_place(token, how, [](size_t) { return true; })) return false;
  return true;
}

bool UserText::holds_in_order(std::string_view value, Compare how) const {
  TextTokens first(value);
  TextToken token;
  if (!first.next(token)) return false;
  int tries = 64;  // a word that stands everywhere is no place to begin
  return any_place(token, how, [&](size_t place) {
    if (--tries < 0) return false;
    TextTokens rest = first;
    TextToken next;
    while (rest.next(next))
      if (++place >= tokens_.size() || !same(tokens_[place], next, how)) return false;
    return true;
  });
}

// "file 13", "ID 13", "#13".
bool UserText::is_anchored(size_t token, std::string_view argument) const {
  if (raw(tokens_[token]).starts_with('#')) return true;
  for (size_t back = 1; back <= 2 && back <= token; ++back) {
    const Token& before = tokens_[token - back];
    if (before.kind != Kind::kWord) continue;
    const std::string_view word = canonical(before);
    if (is_word_of(word, argument)) return true;
    for (const std::string_view counts : {"id", "number", "no", "nr"})
      if (word == counts) return true;
  }
  return false;
}

bool UserText::holds_number(const TextToken& number, std::string_view argument) const {
  const bool few = number.canonical.size() <= kFewDigits;
  return any_place(number, Compare::kCanonical,
                   [&](size_t place) { return !few || is_anchored(place, argument); });
}

bool UserText::owns(std::string_view value, std::string_view argument) const {
  if (value.size() > kMaxValueBytes || holds_hidden(value, true)) return false;
  std::array<char, kMaxAccount> bytes{};
  if (const std::string_view account = joined_account(value, bytes.data()); !account.empty())
    return holds_in_order(account, Compare::kCanonical);
  const Compare how = names_a_path(argument) ? Compare::kBytes : Compare::kCanonical;
  TextTokens tokens(value);
  TextToken token;
  size_t count = 0;
  bool addresses = false;
  bool number = true;
  while (tokens.next(token)) {
    ++count;
    addresses = addresses || token.kind == Kind::kEmail || token.kind == Kind::kUrl;
    number = number && token.kind == Kind::kNumber;
  }
  if (count == 0) return false;
  if (count == 1 && number) {
    TextTokens again(value);
    return again.next(token) && holds_number(token, argument);
  }
  return addresses ? holds_all(value, how) : holds_in_order(value, how);
}

bool UserText::dictated(std::string_view value) const {
  if (holds_hidden(value, false)) return false;
  TextTokens tokens(value);
  TextToken token;
  size_t count = 0;
  while (count < kDictatedTokens && tokens.next(token)) ++count;
  return count == kDictatedTokens && holds_in_order(value, Compare::kCanonical);
}

bool UserText::names_owner_of(std::string_view email) const {
  TextTokens tokens(email);
  TextToken token;
  if (!tokens.next(token) || token.kind != Kind::kEmail || tokens.next(token)) return false;
  std::array<char, TextToken::kMaxBytes> name{};
  const std::string_view local = token.canonical.substr(0, token.canonical.find('@'));
  size_t words = 1;
  for (size_t i = 0; i < local.size(); ++i) {
    const bool parts = local[i] == '.' || local[i] == '_' || local[i] == '-';
    if (!parts && !is_alpha(local[i])) return false;
    name[i] = parts ? ' ' : local[i];
    words += parts ? 1 : 0;
  }
  const std::string_view spelled(name.data(), local.size());
  if (words > 1) return holds_in_order(spelled, Compare::kCanonical);
  TextTokens alone(spelled);
  TextToken word;
  if (!alone.next(word) || word.canonical.size() < 3) return false;
  return any_place(word, Compare::kCanonical, [&](size_t place) {
    return is_upper(raw(tokens_[place]).front()) && !tokens_[place].begins_sentence;
  });
}

}  // namespace tau::safety
