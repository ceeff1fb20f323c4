// Where git keeps the repository of a linked working tree: its ".git" is a file that names the place. Private
// to os.
#pragma once

#include <string>
#include <vector>

namespace tau::os {

struct GitEntry {
  std::string root;  // one of the roots
  std::string path;  // relative to it, in the form of PathRules::read_only
};

// The hooks and configuration that the ".git" files of `roots` lead to, as far as they lie beneath a root
// (else nothing there is writable), and those of the submodules. Roots are absolute and free of symlinks.
std::vector<GitEntry> linked_git_entries(const std::vector<std::string>& roots);

}  // namespace tau::os
