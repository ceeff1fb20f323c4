#include "os/path_rules.h"

#include <algorithm>

namespace tau::os {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool begins_with(std::string_view path, std::string_view entry) {
  return path.size() >= entry.size() && std::equal(entry.begin(), entry.end(), path.begin(),
                                                   [](char a, char b) { return lower(a) == lower(b); });
}

}  // namespace

std::vector<std::string> default_read_only() {
  return {".git/config", ".git/config.worktree", ".git/hooks/", ".tau/"};
}

bool covered(const std::vector<std::string>& entries, std::string_view path) {
  return std::ranges::any_of(entries, [path](std::string_view entry) {
    while (entry.ends_with('/')) entry.remove_suffix(1);
    return !entry.empty() && begins_with(path, entry) &&
           (path.size() == entry.size() || path[entry.size()] == '/');
  });
}

bool leads_to(const std::vector<std::string>& entries, std::string_view path) {
  return std::ranges::any_of(entries, [path](std::string_view entry) {
    return begins_with(entry, path) && entry.size() > path.size() + 1 && entry[path.size()] == '/';
  });
}

}  // namespace tau::os
