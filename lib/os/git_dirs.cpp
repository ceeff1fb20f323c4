#include "os/git_dirs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string_view>

#include "os/fd.h"

namespace tau::os {
namespace {

// The first line of a small regular file; nothing when it is none.
std::optional<std::string> first_line(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat st;
  if (!fd.valid() || fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) return std::nullopt;
  std::array<char, PATH_MAX> buffer;
  const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
  if (n <= 0) return std::nullopt;
  const std::string text(buffer.data(), static_cast<size_t>(n));
  return text.substr(0, text.find_first_of(std::string_view("\r\n\0", 3)));
}

std::optional<std::string> resolve(const std::string& base, const std::string& path) {
  const std::string full = path.starts_with('/') ? path : base + "/" + path;
  std::array<char, PATH_MAX> out;
  if (realpath(full.c_str(), out.data()) == nullptr) return std::nullopt;
  return std::string(out.data());
}

void add(const std::vector<std::string>& roots, const std::string& directory,
         std::initializer_list<std::string_view> names, std::vector<GitEntry>& out) {
  for (const std::string& root : roots) {
    if (!directory.starts_with(root + "/")) continue;
    for (const std::string_view name : names)
      out.push_back({root, directory.substr(root.size() + 1) + "/" + std::string(name)});
    return;
  }
}

// Submodules have theirs in .git/modules/NAME, and a name may hold slashes.
void add_modules(const std::string& root, const std::string& directory, int depth,
                 std::vector<GitEntry>& out) {
  constexpr int kMaxDepth = 6;
  constexpr size_t kMaxEntries = 256;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    const std::string path = it->path().string();
    if (out.size() >= kMaxEntries || depth >= kMaxDepth) return;
    if (it->symlink_status(error).type() != std::filesystem::file_type::directory) continue;
    if (access((path + "/HEAD").c_str(), F_OK) == 0) {
      add({root}, path, {"config", "hooks/"}, out);
      add_modules(root, path + "/modules", depth + 1, out);
    } else {
      add_modules(root, path, depth + 1, out);
    }
  }
}

}  // namespace

std::vector<GitEntry> linked_git_entries(const std::vector<std::string>& roots) {
  constexpr std::string_view kPrefix = "gitdir: ";
  std::vector<GitEntry> out;
  for (const std::string& root : roots) {
    add_modules(root, root + "/.git/modules", 0, out);
    const std::optional<std::string> line = first_line(root + "/.git");
    if (!line || !line->starts_with(kPrefix)) continue;
    const std::optional<std::string> directory = resolve(root, line->substr(kPrefix.size()));
    if (!directory) continue;
    const std::optional<std::string> common = first_line(*directory + "/commondir");
    if (!common) {
      add(roots, *directory, {"config", "config.worktree", "hooks/"}, out);
      continue;
    }
    add(roots, *directory, {"commondir", "config.worktree"}, out);
    if (const auto shared = resolve(*directory, *common)) add(roots, *shared, {"config", "hooks/"}, out);
  }
  return out;
}

}  // namespace tau::os
