#include "support/private_mount.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace tau::test {
namespace {

constexpr int kNotPermitted = 77;

bool mount_disk(const std::string& directory, uint64_t bytes) {
  if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  const std::string options = "mode=0700,size=" + std::to_string(bytes);
  return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         mount("tmpfs", directory.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

}  // namespace

std::optional<bool> on_small_disk(uint64_t bytes, const std::function<void(const std::string&)>& body) {
  std::string place = (std::filesystem::temp_directory_path() / "tau-disk-XXXXXX").string();
  if (mkdtemp(place.data()) == nullptr) return std::nullopt;
  const pid_t child = fork();
  if (child == 0) {
    if (!mount_disk(place, bytes)) _exit(kNotPermitted);
    body(place);
    fflush(nullptr);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  rmdir(place.c_str());
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNotPermitted) return std::nullopt;
  return status == 0;
}

void make_read_only(const std::string& directory) {
  EXPECT_EQ(mount("none", directory.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
}

}  // namespace tau::test
