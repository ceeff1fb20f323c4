// Names of keys: how they are printed, and which one a writer may have meant.
#include <algorithm>

#include "runtime/config.h"
#include "runtime/config_keys.h"

namespace tau::runtime {
namespace {

constexpr size_t kMaxSegment = 64;

// The patterns of the table with the names that `path` itself uses for '*', cut to at most its length.
std::string filled(std::string_view pattern, std::span<const std::string> path, size_t offset) {
  std::vector<std::string> out(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(offset));
  for (const std::string_view segment : split(pattern, '.')) {
    const bool wild = segment == "*" && out.size() < path.size();
    out.push_back(wild ? path[out.size()] : std::string(segment));
  }
  return key_text(out);
}

// The first segments of `pattern`, as many as `count`; all when it has fewer.
std::string_view first_segments(std::string_view pattern, size_t count) {
  size_t end = 0;
  for (; count > 0 && end != pattern.npos; --count) end = pattern.find('.', end == 0 ? 0 : end + 1);
  return pattern.substr(0, end);
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0;;) {
    const size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end == text.npos ? end : end - begin));
    if (end == text.npos) return parts;
    begin = end + 1;
  }
}

bool is_config_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= kMaxSegment && std::all_of(name.begin(), name.end(), allowed);
}

bool is_reserved_provider(std::string_view name) {
  return name == "scripted" || name == "offline" || name == kRouteProvider || name == kReplayProvider;
}

std::string key_text(std::span<const std::string> path) {
  std::string out;
  for (const std::string& segment : path) {
    if (!out.empty()) out += '.';
    if (is_config_name(segment)) {
      out += segment;
    } else {
      json::append_string(out, truncate_utf8(segment, kMaxSegment));
    }
  }
  return out;
}

// Optimal string alignment with three rows.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::string nearest_key(std::span<const std::string> path) {
  const size_t offset = path.size() > 2 && path[0] == "profiles" ? 2 : 0;
  const std::string text = key_text(path);
  std::string best;
  size_t best_distance = std::max<size_t>(2, path.back().size() / 3) + 1;
  const auto offer = [&](const std::string& candidate, size_t distance) {
    if (distance >= best_distance) return;
    best_distance = distance;
    best = candidate;
  };
  if (offset == 0) offer("profiles", edit_distance(text, "profiles"));
  for (const Key& key : config_keys()) {
    if (offset == 2 && key.scope != KeyScope::kProfile) continue;
    const std::string whole = filled(key.path, path, offset);
    // The right name in the wrong table: "max_turns" for "limits.max_turns".
    const std::string_view leaf = key.path.substr(key.path.rfind('.') + 1);
    if (leaf == path.back() && whole != text && key.path.find('*') == key.path.npos) offer(whole, 1);
    const std::string same_depth = filled(first_segments(key.path, path.size() - offset), path, offset);
    offer(same_depth, edit_distance(text, same_depth));
  }
  return best;
}

}  // namespace tau::runtime
