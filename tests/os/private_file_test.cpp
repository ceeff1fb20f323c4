// Files of the library's home: closed to everybody else.
#include "os/private_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file_lock.h"
#include "support/temp_dir.h"

namespace tau::os {
namespace {

mode_t mode_of(const std::string& path) {
  struct stat st = {};
  EXPECT_EQ(stat(path.c_str(), &st), 0) << path;
  return st.st_mode & 07777;
}

TEST(PrivateFile, DirectoriesAreMadeForThisUserAlone) {
  test::TempDir dir;
  const std::string home = dir.file("x/y/home");
  EXPECT_TRUE(make_private_dir(home).ok());
  EXPECT_TRUE(make_private_dir(home + "/").ok()) << "an existing private one is fine";
  EXPECT_EQ(mode_of(home), 0700u);
  EXPECT_EQ(mode_of(dir.file("x")), 0700u);
}

TEST(PrivateFile, WiderDirectoriesAreRefusedAndNotChanged) {
  test::TempDir dir;
  ASSERT_EQ(mkdir(dir.file("wide").c_str(), 0700), 0);
  ASSERT_EQ(chmod(dir.file("wide").c_str(), 0755), 0);
  EXPECT_EQ(make_private_dir(dir.file("wide")).reason(), "directory_not_private");
  EXPECT_EQ(mode_of(dir.file("wide")), 0755u);
  dir.write("file", "");
  EXPECT_EQ(make_private_dir(dir.file("file")).reason(), "not_a_directory");
}

TEST(PrivateFile, FilesAreCreatedPrivateAndCheckedAtOpen) {
  test::TempDir dir;
  const mode_t mask = umask(0);
  EXPECT_TRUE(open_private_file(dir.file("a"), OpenMode::kAppend).ok());
  EXPECT_TRUE(write_private_file(dir.file("b"), "secret").ok());
  umask(mask);
  EXPECT_EQ(mode_of(dir.file("a")), 0600u);
  EXPECT_EQ(mode_of(dir.file("b")), 0600u);
  EXPECT_EQ(*read_file(dir.file("b"), 6), "secret");
  EXPECT_EQ(read_file(dir.file("b"), 5).status().reason(), "file_too_large");
  ASSERT_EQ(chmod(dir.file("b").c_str(), 0640), 0);
  EXPECT_EQ(open_private_file(dir.file("b"), OpenMode::kRead).status().reason(), "file_not_private");
  EXPECT_TRUE(read_file(dir.file("b"), 6).ok());
}

TEST(PrivateFile, RefusesLinksFifosAndMissingFiles) {
  test::TempDir dir;
  ASSERT_EQ(mkfifo(dir.file("fifo").c_str(), 0600), 0);
  ASSERT_EQ(symlink("/etc/passwd", dir.file("link").c_str()), 0);
  EXPECT_EQ(open_private_file(dir.file("fifo"), OpenMode::kRead).status().reason(), "not_a_regular_file");
  EXPECT_EQ(read_file(dir.file("fifo"), 1).status().reason(), "not_a_regular_file");
  EXPECT_EQ(open_private_file(dir.file("link"), OpenMode::kRead).status().reason(), "errno_eloop");
  EXPECT_EQ(open_private_file(dir.file("none"), OpenMode::kRead).status().reason(), "file_not_found");
  EXPECT_EQ(read_file("", 1).status().reason(), "invalid_path");
}

TEST(PrivateFile, ReadsFilesWhoseSizeSaysZero) {
  const auto text = read_file("/proc/self/status", 1 << 20);
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text->find("Name:"), std::string::npos);
}

TEST(PrivateFile, ASecretIsReadFromAPrivateFileAlone) {
  test::TempDir dir;
  ASSERT_TRUE(write_private_file(dir.file("key"), "secret").ok());
  EXPECT_TRUE(read_secret_file(dir.file("key"), 6)->equals(Secret("secret")));
  EXPECT_EQ(read_secret_file(dir.file("key"), 5).status().reason(), "file_too_large");
  EXPECT_EQ(read_secret_file(dir.file("none"), 5).status().reason(), "file_not_found");
  ASSERT_TRUE(write_private_file(dir.file("empty"), "").ok());
  EXPECT_TRUE(read_secret_file(dir.file("empty"), 5)->empty());
  ASSERT_EQ(chmod(dir.file("key").c_str(), 0604), 0);
  EXPECT_EQ(read_secret_file(dir.file("key"), 6).status().reason(), "file_not_private");
}

TEST(FileLock, IsHeldByOneUntilItIsGone) {
  test::TempDir dir;
  const std::string path = dir.file("lock");
  {
    const auto first = FileLock::acquire(path, 0);
    ASSERT_TRUE(first.ok());
    EXPECT_EQ(FileLock::acquire(path, 0).status().reason(), "file_locked");
    EXPECT_EQ(FileLock::acquire(path, 5).status().code(), Code::kUnavailable);
  }
  EXPECT_TRUE(FileLock::acquire(path, 0).ok());
  EXPECT_EQ(mode_of(path), 0600u);
}

}  // namespace
}  // namespace tau::os
