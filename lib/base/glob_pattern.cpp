#include "base/glob_pattern.h"

#include <optional>

#include "base/format.h"

namespace tau {
namespace {

constexpr size_t kMaxAlternatives = 256;
constexpr size_t kMaxPatternBytes = 4096;

Status invalid(std::string_view pattern, std::string_view why) {
  return invalid_argument("invalid_glob", format("the pattern \"{}\" {}", pattern, why));
}

// The index after the ']' that closes the set at `open`, or nothing. A ']' right after '[' or '[!' is a
// member.
std::optional<size_t> set_end(std::string_view p, size_t open) {
  size_t i = open + 1;
  if (i < p.size() && (p[i] == '!' || p[i] == '^')) ++i;
  for (size_t first = i; i < p.size() && p[i] != '/'; ++i)
    if (p[i] == ']' && i > first) return i + 1;
  return std::nullopt;
}

// The index after the element at `i`: an escape, a set, or one byte.
size_t element_end(std::string_view p, size_t i) {
  if (p[i] == '\\' && i + 1 < p.size()) return i + 2;
  if (p[i] == '[') return set_end(p, i).value_or(i + 1);
  return i + 1;
}

struct Braces {
  size_t open = 0, close = 0;
  std::vector<std::string_view> choices;
};

// The first brace group at the outermost level. `unbalanced` when it never closes.
std::optional<Braces> find_braces(std::string_view p, bool& unbalanced) {
  Braces group;
  int depth = 0;
  size_t start = 0;
  for (size_t i = 0; i < p.size(); i = element_end(p, i)) {
    if (p[i] == '{' && depth++ == 0) {
      group.open = i;
      start = i + 1;
    } else if (depth > 0 && (p[i] == '}' || (p[i] == ',' && depth == 1))) {
      if (p[i] == '}' && --depth > 0) continue;
      group.choices.push_back(p.substr(start, i - start));
      start = i + 1;
      group.close = i;
      if (p[i] == '}') return group;
    }
  }
  unbalanced = depth > 0;
  return std::nullopt;
}

// Expands the first group and puts the results back to be looked at again: bounded, without recursion.
StatusOr<std::vector<std::string>> expand_braces(std::string_view pattern) {
  std::vector<std::string> pending = {std::string(pattern)}, done;
  while (!pending.empty()) {
    const std::string p = std::move(pending.back());
    pending.pop_back();
    bool unbalanced = false;
    const std::optional<Braces> group = find_braces(p, unbalanced);
    if (unbalanced) return invalid(pattern, "has an open brace");
    if (!group) {
      done.push_back(p);
    } else {
      for (const std::string_view choice : group->choices)
        pending.push_back(p.substr(0, group->open) + std::string(choice) + p.substr(group->close + 1));
    }
    if (pending.size() + done.size() > kMaxAlternatives)
      return invalid(pattern, "has more than 256 alternatives");
  }
  return done;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const size_t slash = text.find('/');
    const std::string_view part = text.substr(0, slash);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    text.remove_prefix(slash == text.npos ? text.size() : slash + 1);
  }
  return parts;
}

bool set_contains(std::string_view set, char c) {  // `set` without the brackets
  const auto byte = [](char x) { return static_cast<unsigned char>(x); };
  const bool negated = set[0] == '!' || set[0] == '^';
  if (negated) set.remove_prefix(1);
  bool found = false;
  for (size_t i = 0; i < set.size(); ++i) {
    if (i + 2 < set.size() && set[i + 1] == '-') {
      found |= byte(set[i]) <= byte(c) && byte(c) <= byte(set[i + 2]);
      i += 2;
    } else {
      found |= set[i] == c;
    }
  }
  return found != negated;
}

size_t character_bytes(std::string_view text) {
  size_t n = 1;
  while (n < text.size() && (static_cast<unsigned char>(text[n]) & 0xC0) == 0x80) ++n;
  return n;
}

// Bytes of `text` that the element p[i..end) takes; 0 when it does not match.
size_t match_element(std::string_view p, size_t i, size_t end, std::string_view text) {
  if (p[i] == '?') return character_bytes(text);
  if (p[i] == '[' && end > i + 1) return set_contains(p.substr(i + 1, end - i - 2), text[0]) ? 1 : 0;
  const char literal = p[i] == '\\' && end == i + 2 ? p[i + 1] : p[i];
  return text[0] == literal ? 1 : 0;
}

// One component. On a mismatch only the last '*' takes one byte more: that is enough, and linear per star.
bool match_component(std::string_view p, std::string_view text) {
  size_t i = 0, t = 0, star = p.npos, star_text = 0;
  while (t < text.size()) {
    if (i < p.size() && p[i] == '*') {
      star = ++i;
      star_text = t;
      continue;
    }
    const size_t end = i < p.size() ? element_end(p, i) : i;
    const size_t taken = i < p.size() ? match_element(p, i, end, text.substr(t)) : 0;
    if (taken > 0) {
      i = end;
      t += taken;
    } else if (star != p.npos) {
      i = star;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (i < p.size() && p[i] == '*') ++i;
  return i == p.size();
}

// The same over components, where "**" is the star.
bool match_path(const std::vector<std::string>& p, const std::vector<std::string>& path) {
  size_t i = 0, t = 0, star = std::string::npos, star_path = 0;
  while (t < path.size()) {
    if (i < p.size() && p[i] == "**") {
      star = ++i;
      star_path = t;
    } else if (i < p.size() && match_component(p[i], path[t])) {
      ++i;
      ++t;
    } else if (star != std::string::npos) {
      i = star;
      t = ++star_path;
    } else {
      return false;
    }
  }
  while (i < p.size() && p[i] == "**") ++i;
  return i == p.size();
}

}  // namespace

StatusOr<GlobPattern> GlobPattern::compile(std::string_view pattern) {
  if (pattern.empty() || pattern.size() > kMaxPatternBytes)
    return invalid(pattern.substr(0, 64), "is empty or longer than 4096 bytes");
  GlobPattern out;
  TAU_ASSIGN_OR_RETURN(const std::vector<std::string> expanded, expand_braces(pattern));
  for (const std::string& alternative : expanded) {
    for (size_t i = 0; i < alternative.size(); i = element_end(alternative, i))
      if (alternative[i] == '[' && !set_end(alternative, i)) return invalid(pattern, "has an open bracket");
    Components components = split(alternative);
    if (alternative.find('/') == alternative.npos) components.insert(components.begin(), "**");
    out.alternatives_.push_back(std::move(components));
  }
  return out;
}

bool GlobPattern::matches(std::string_view path) const {
  const std::vector<std::string> components = split(path);
  for (const Components& alternative : alternatives_)
    if (match_path(alternative, components)) return true;
  return false;
}

}  // namespace tau
