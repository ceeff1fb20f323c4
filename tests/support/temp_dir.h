// TempDir: a private directory under $TMPDIR that is removed with all it holds. Its path has no symbolic
// links.
#pragma once

#include <string>
#include <string_view>

namespace tau::test {

// Aborts the test program when the directory cannot be made.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  // path() + "/" + name.
  std::string file(std::string_view name) const;
  // Writes a file of that name (folders in between are made) and returns its path.
  std::string write(std::string_view name, std::string_view content) const;
  // The whole content of a file; aborts the test program when it cannot be read.
  std::string read(std::string_view name) const;

 private:
  std::string path_;
};

}  // namespace tau::test
