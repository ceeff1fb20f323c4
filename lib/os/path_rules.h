// PathRules: what may not be changed, or not be seen, beneath the root of a workspace. One list for both
// sides: Workspace obeys it in this process, the confinement of commands (confinement.h) makes the kernel
// obey it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tau::os {

struct PathRules {
  // Relative to the root, with all beneath. A '/' at the end: a directory, which a confined command finds
  // made when its parent exists, so that it cannot make it itself.
  std::vector<std::string> read_only;
  std::vector<std::string> hidden;
};

// What programs of the user run or obey without being asked: the hooks and configuration of git, and the
// directory of the project's tau.toml.
std::vector<std::string> default_read_only();

// Whether `path` (relative, no "." or ".." components) is one of `entries` or beneath one. ASCII case does
// not count: on some file systems it names the same file.
bool covered(const std::vector<std::string>& entries, std::string_view path);
// Whether one of `entries` lies beneath `path`.
bool leads_to(const std::vector<std::string>& entries, std::string_view path);

}  // namespace tau::os
