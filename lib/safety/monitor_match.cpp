#include "safety/monitor_match.h"

#include "crypto/crypto.h"
#include "safety/chars.h"

namespace tau::safety {
namespace {

constexpr size_t kMaxReadBytes = 1 << 20;

bool begins_with(TextTokens text, std::string_view value) {
  TextTokens wanted(value);
  TextToken want;
  TextToken token;
  bool any = false;
  while (wanted.next(want)) {
    if (want.kind == TextToken::Kind::kHidden || !text.next(token)) return false;
    if (token.kind != want.kind || token.canonical != want.canonical) return false;
    any = true;
  }
  return any;
}

std::string letters_of_local(std::string_view email) {
  std::string letters;
  for (const char c : email.substr(0, email.find('@')))
    if (is_alpha(c)) letters += fold(c);
  return letters;
}

}  // namespace

bool is_shallow(const json::Value& value, int depth) {
  if (depth < 0) return false;
  const auto shallow = [depth](const json::Value& inner) { return is_shallow(inner, depth - 1); };
  const auto& members = value.as_object();
  const auto& elements = value.as_array();
  return std::all_of(elements.begin(), elements.end(), shallow) &&
         std::all_of(members.begin(), members.end(), [&](const auto& m) { return shallow(m.second); });
}

bool matches_pattern(std::string_view text, std::string_view pattern) {
  // Most rules do not match, and most of those differ in what stands behind the last star.
  for (size_t back = 1; back <= pattern.size() && pattern[pattern.size() - back] != '*'; ++back) {
    const char wanted = pattern[pattern.size() - back];
    if (back > text.size() || (wanted != '?' && wanted != text[text.size() - back])) return false;
  }
  size_t t = 0;
  size_t p = 0;
  size_t star = pattern.npos;  // the last '*' seen, and what it stands for so far
  size_t taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == pattern.npos;
}

bool same_tokens(std::string_view a, std::string_view b) {
  TextTokens mine(a);
  TextTokens theirs(b);
  TextToken x;
  TextToken y;
  bool any = false;
  for (;;) {
    const bool more = mine.next(x);
    if (more != theirs.next(y)) return false;
    if (!more) return any;
    if (x.kind != y.kind || x.kind == TextToken::Kind::kHidden || x.canonical != y.canonical) return false;
    any = true;
  }
}

uint64_t tokens_hash(std::string_view text) {
  TextTokens tokens(text);
  TextToken token;
  uint64_t hash = 0;
  while (tokens.next(token))
    hash = crypto::checksum64(token.canonical, hash + static_cast<uint64_t>(token.kind));
  return hash;
}

bool holds_token(std::string_view text, std::string_view value) {
  TextTokens wanted(value);
  TextToken want;
  TextToken token;
  if (!wanted.next(want) || want.kind == TextToken::Kind::kHidden || wanted.next(token)) return false;
  TextTokens tokens(text.substr(0, kMaxReadBytes));
  while (tokens.next(token))
    if (token.kind == want.kind && token.canonical == want.canonical) return true;
  return false;
}

bool holds_tokens(std::string_view text, std::string_view value) {
  TextTokens rest(text.substr(0, kMaxReadBytes));
  TextToken token;
  do {
    if (begins_with(rest, value)) return true;
  } while (rest.next(token));
  return false;
}

bool holds_namesake(std::string_view text, std::string_view email) {
  TextTokens own(email);
  TextToken mine;
  if (!own.next(mine) || mine.kind != TextToken::Kind::kEmail) return true;
  const std::string name = letters_of_local(mine.canonical);
  TextTokens tokens(text.substr(0, kMaxReadBytes));
  TextToken token;
  while (tokens.next(token))
    if (token.kind == TextToken::Kind::kEmail && token.canonical != mine.canonical &&
        letters_of_local(token.canonical) == name)
      return true;
  return false;
}

bool is_plain_name(std::string_view value) {
  TextTokens tokens(value);
  TextToken token;
  size_t count = 0;
  while (tokens.next(token)) {
    const bool plain =
        token.kind == TextToken::Kind::kWord && std::none_of(token.raw.begin(), token.raw.end(), is_digit);
    if (!plain || ++count > 3) return false;
  }
  return count > 0;
}

AskedBy asked_by(const UserText& user, std::string_view arguments_json) {
  const auto arguments = json::parse(arguments_json);
  if (!arguments.ok() || !arguments->is_object()) return AskedBy::kOther;
  AskedBy by = AskedBy::kNobody;
  for (const auto& [name, value] : arguments->as_object()) {
    if (!value.is_string() && !value.is_array() && !value.is_object()) continue;
    each_leaf(value, [&](std::string_view text) {
      if (by != AskedBy::kOther) by = user.owns(text, name) ? AskedBy::kUser : AskedBy::kOther;
    });
  }
  return by;
}

}  // namespace tau::safety
