// File access beneath a workspace: what stays inside, what is refused, what a write leaves behind.
#include "os/workspace.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>

#include "os/file_io.h"
#include "support/temp_dir.h"

namespace tau::os {
namespace {

namespace fs = std::filesystem;

class WorkspaceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directory(top_.file("ws"));
    top_.write("secret", "outside");
    auto opened = Workspace::open(top_.file("ws"));
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    ws_ = *std::move(opened);
  }
  void put(const std::string& name, const std::string& bytes) { top_.write("ws/" + name, bytes); }
  std::string get(const std::string& name) { return top_.read("ws/" + name); }
  std::string reason(std::string_view path) { return std::string(ws_->read(path, {}).status().reason()); }
  std::vector<std::string> walk(const std::string& start, WalkOptions options = {}) {
    std::vector<std::string> seen;
    auto end = ws_->walk(start, options, [&](const WalkEntry& e) {
      seen.emplace_back(e.path);
      return WalkAction::kContinue;
    });
    EXPECT_TRUE(end.ok()) << end.status().to_string();
    return seen;
  }

  test::TempDir top_;
  std::unique_ptr<Workspace> ws_;
};

TEST_F(WorkspaceTest, ReadsWholeFilesAndRanges) {
  put("a/b", "0123456789");
  EXPECT_EQ(*ws_->read("a/b", {}), "0123456789");
  EXPECT_EQ(*ws_->read("./a//b", {}), "0123456789");
  EXPECT_EQ(*ws_->read("a/b", {.offset_bytes = 3, .limit_bytes = 4}), "3456");
  EXPECT_EQ(*ws_->read("a/b", {.offset_bytes = 30}), "");
  EXPECT_EQ(*ws_->read("a/b", {.limit_bytes = 0}), "");
  EXPECT_EQ(*ws_->read("a/b", {.max_file_bytes = 10}), "0123456789");
  EXPECT_EQ(ws_->read("a/b", {.max_file_bytes = 9}).status().reason(), "file_too_large");
  EXPECT_EQ(*ws_->read("a/b", {.limit_bytes = 2, .max_file_bytes = 9}), "01");
}

TEST_F(WorkspaceTest, RefusesPathsThatLeadOutside) {
  put("dir/inside", "x");
  fs::create_symlink(top_.file("secret"), top_.file("ws/abs"));
  fs::create_symlink("../secret", top_.file("ws/rel"));
  fs::create_symlink("../..", top_.file("ws/dir/up"));
  fs::create_symlink("/proc/self/root", top_.file("ws/magic"));
  fs::create_symlink("loop", top_.file("ws/loop"));
  const std::string outside[] = {"..",
                                 "../secret",
                                 "dir/../../secret",
                                 "nope/../../secret",
                                 top_.file("secret"),
                                 top_.file("ws") + "/../secret",
                                 top_.file("ws") + "x/secret",
                                 "/etc/passwd",
                                 "abs",
                                 "rel",
                                 "dir/up/secret",
                                 "magic/etc/passwd",
                                 "loop",
                                 "/"};
  for (const std::string& path : outside) {
    EXPECT_EQ(reason(path), "path_escapes_workspace") << path;
    EXPECT_EQ(ws_->write(path, "evil", {.create_parents = true}).ok(), false) << path;
  }
  EXPECT_EQ(ws_->write("nope/../../made", "evil", {.create_parents = true}).status().reason(),
            "path_escapes_workspace");
  EXPECT_FALSE(fs::exists(top_.file("made")));
  EXPECT_FALSE(fs::exists(top_.file("ws/nope"))) << "a refused write must leave no directory behind";
  EXPECT_EQ(top_.read("secret"), "outside");
}

TEST_F(WorkspaceTest, AcceptsAbsolutePathsAndLinksThatStayInside) {
  put("dir/f", "x");
  fs::create_symlink("dir", top_.file("ws/link"));
  fs::create_symlink("../dir/f", top_.file("ws/dir/self"));
  EXPECT_EQ(*ws_->read(top_.file("ws/dir/f"), {}), "x");
  EXPECT_EQ(*ws_->read("link/f", {}), "x");
  EXPECT_EQ(*ws_->read("dir/self", {}), "x");
  EXPECT_EQ(*ws_->read("dir/../dir/f", {}), "x");
  EXPECT_EQ(*ws_->relative(top_.file("ws")), ".");
  fs::create_directory_symlink(top_.file("ws"), top_.file("alias"));
  auto alias = Workspace::open(top_.file("alias"));
  EXPECT_EQ(*(*alias)->read(top_.file("alias/dir/f"), {}), "x");
  EXPECT_EQ((*alias)->root(), top_.file("ws"));
}

TEST_F(WorkspaceTest, NamesWhatIsWrongWithAPath) {
  put("f", "x");
  fs::create_directory(top_.file("ws/d"));
  ASSERT_EQ(mkfifo(top_.file("ws/fifo").c_str(), 0600), 0);
  EXPECT_EQ(reason(""), "invalid_path");
  EXPECT_EQ(reason(std::string_view("a\0b", 3)), "invalid_path");
  EXPECT_EQ(reason(std::string(5000, 'a')), "invalid_path");
  EXPECT_EQ(reason(std::string(300, 'a')), "invalid_path");
  EXPECT_EQ(reason("none"), "file_not_found");
  EXPECT_EQ(reason("f/x"), "not_a_directory");
  EXPECT_EQ(reason("d"), "not_a_regular_file");
  EXPECT_EQ(reason("fifo"), "not_a_regular_file") << "and does not hang";
  EXPECT_EQ(ws_->write("fifo", "x", {}).status().reason(), "not_a_regular_file");
  EXPECT_EQ(ws_->write("d", "x", {}).status().reason(), "not_a_regular_file");
  EXPECT_EQ(ws_->write("new/", "x", {}).status().reason(), "not_a_regular_file");
  EXPECT_EQ(ws_->write("no/parent", "x", {}).status().reason(), "file_not_found");
  EXPECT_EQ(ws_->write("f", "x", {.replace = false}).status().reason(), "file_exists");
  EXPECT_EQ(Workspace::open(top_.file("none")).status().reason(), "file_not_found");
  EXPECT_EQ(Workspace::open(top_.file("secret")).status().reason(), "not_a_directory");
}

TEST_F(WorkspaceTest, SwappingASymlinkNeverLeadsAReadOrWriteOutside) {
  fs::create_directories(top_.file("ws/real"));
  fs::create_directories(top_.file("out"));
  put("real/f", "inside");
  top_.write("out/f", "outside");
  fs::create_directory_symlink("real", top_.file("ws/swap"));
  std::atomic<bool> stop{false};
  std::thread attacker([&] {
    const std::string link = top_.file("ws/swap"), good = top_.file("ws/good"), bad = top_.file("ws/bad");
    while (!stop) {
      (void)!symlink("real", good.c_str());
      (void)!symlink("../out", bad.c_str());
      std::rename(bad.c_str(), link.c_str());
      std::rename(good.c_str(), link.c_str());
    }
  });
  int refused = 0, read = 0;
  for (int i = 0; i < 200'000 && (i < 3000 || refused == 0 || read == 0); ++i) {
    const auto text = ws_->read("swap/f", {});
    if (text.ok()) {
      EXPECT_EQ(*text, "inside");
      ++read;
    } else {
      ++refused;
    }
    if (i % 10 == 0) (void)ws_->write("swap/g", "x", {.durable = false}).ok();
  }
  stop = true;
  attacker.join();
  EXPECT_GT(refused, 0) << "the race was never lost: the test proves nothing";
  EXPECT_GT(read, 0);
  EXPECT_FALSE(fs::exists(top_.file("out/g")));
}

TEST_F(WorkspaceTest, WritesAtomicallyAndKeepsTheMode) {
  EXPECT_TRUE(*ws_->write("new/deep/f", "one", {.create_parents = true}));
  EXPECT_EQ(get("new/deep/f"), "one");
  ASSERT_EQ(chmod(top_.file("ws/new/deep/f").c_str(), 0751), 0);
  const Fd old = *ws_->open_file("new/deep/f");
  EXPECT_FALSE(*ws_->write("new/deep/f", "two", {}));
  EXPECT_EQ(get("new/deep/f"), "two");
  EXPECT_EQ(ws_->stat("new/deep/f")->mode, 0751u);
  EXPECT_EQ(*read_range(old.get(), 0, 99, 99, "f"), "one") << "a reader keeps the whole old file";
  EXPECT_EQ(ws_->list("new/deep")->size(), 1u) << "no temporary file is left";
  fs::create_symlink("deep/f", top_.file("ws/new/link"));
  EXPECT_FALSE(*ws_->write("new/link", "three", {}));
  EXPECT_EQ(get("new/deep/f"), "three");
  EXPECT_TRUE(fs::is_symlink(top_.file("ws/new/link")));
  EXPECT_TRUE(*ws_->write("once", "x", {.replace = false}));
}

TEST_F(WorkspaceTest, AFailedWriteLeavesTheOldFileAndNothingElse) {
  put("f", "old");
  struct rlimit saved;
  getrlimit(RLIMIT_FSIZE, &saved);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit tiny = {1000, saved.rlim_max};
  for (const TempKind kind : {TempKind::kNameless, TempKind::kNamed}) {
    const Fd dir = *ws_->open_directory(".");
    const std::string bytes(5000, 'x');
    AtomicWrite write;
    write.directory = dir.get();
    write.name = "f";
    write.bytes = bytes;
    write.path = "f";
    setrlimit(RLIMIT_FSIZE, &tiny);
    const Status status = write_atomically(write, kind);
    setrlimit(RLIMIT_FSIZE, &saved);
    EXPECT_EQ(status.reason(), "file_too_large");
    EXPECT_EQ(get("f"), "old");
    EXPECT_EQ(ws_->list(".")->size(), 1u);
    write.bytes = "new";
    EXPECT_TRUE(write_atomically(write, kind).ok());
    EXPECT_EQ(get("f"), "new");
    EXPECT_EQ(ws_->list(".")->size(), 1u);
    write.replace = false;
    EXPECT_EQ(write_atomically(write, kind).reason(), "file_exists");
    write.name = "g";
    EXPECT_TRUE(write_atomically(write, kind).ok());
    EXPECT_TRUE(ws_->remove("g").ok());
    put("f", "old");
  }
  (void)std::signal(SIGXFSZ, handler);
}

TEST_F(WorkspaceTest, AReaderNeverSeesAPartialWrite) {
  const std::string a(100'000, 'a'), b(50'000, 'b');
  put("f", a);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) EXPECT_TRUE(ws_->write("f", i % 2 == 0 ? b : a, {.durable = false}).ok());
  });
  for (int i = 0; i < 500; ++i) {
    const std::string text = *ws_->read("f", {});
    EXPECT_TRUE(text == a || text == b) << text.size();
  }
  stop = true;
  writer.join();
}

TEST_F(WorkspaceTest, ReadOnlyFilesAreNotReplacedByAnOrdinaryUser) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everything";
  put("f", "x");
  chmod(top_.file("ws/f").c_str(), 0444);
  EXPECT_EQ(ws_->write("f", "y", {}).status().reason(), "file_read_only");
}

TEST_F(WorkspaceTest, ListsAndRemoves) {
  put("b", "");
  put("a/x", "");
  fs::create_symlink("b", top_.file("ws/c"));
  const auto entries = *ws_->list(".");
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_EQ(entries[0].type, FileType::kDirectory);
  EXPECT_EQ(entries[1].type, FileType::kFile);
  EXPECT_EQ(entries[2].type, FileType::kSymlink);
  EXPECT_FALSE(ws_->remove("a").ok()) << "not empty";
  EXPECT_TRUE(ws_->remove("a/x").ok());
  EXPECT_TRUE(ws_->remove("a").ok());
  EXPECT_TRUE(ws_->remove("c").ok());
  EXPECT_TRUE(fs::exists(top_.file("ws/b"))) << "the link goes, not its target";
  EXPECT_EQ(ws_->remove(".").reason(), "invalid_path");
  EXPECT_EQ(ws_->remove("none").reason(), "file_not_found");
}

TEST_F(WorkspaceTest, WalkAscendsAndStaysInside) {
  for (const char* name : {"a/x", "a.b", "a/y/z", "b", "a-c/q"}) put(name, "");
  fs::create_directory_symlink("..", top_.file("ws/a/up"));
  ASSERT_EQ(mkfifo(top_.file("ws/a/fifo").c_str(), 0600), 0);
  const std::vector<std::string> expected = {"a-c", "a-c/q", "a.b", "a", "a/x", "a/y", "a/y/z", "b"};
  EXPECT_EQ(walk("."), expected);
  EXPECT_EQ(walk("a"), (std::vector<std::string>{"x", "y", "y/z"}));
}

TEST_F(WorkspaceTest, WalkIsBounded) {
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "d/";
  put(deep + "f", "");
  EXPECT_EQ(walk(".", {.max_depth = 300}).size(), 201u);
  auto stop = [](const WalkEntry&) { return WalkAction::kContinue; };
  auto end = *ws_->walk(".", {.max_depth = 10}, stop);
  EXPECT_EQ(end.entries, 11u);
  EXPECT_TRUE(end.truncated);
  end = *ws_->walk(".", {.max_entries = 5, .max_depth = 300}, stop);
  EXPECT_EQ(end.entries, 5u);
  EXPECT_TRUE(end.truncated);
  auto skip = [](const WalkEntry&) { return WalkAction::kSkipDirectory; };
  end = *ws_->walk(".", {}, skip);
  EXPECT_EQ(end.entries, 1u);
  EXPECT_FALSE(end.truncated);
}

RC_GTEST_FIXTURE_PROP(WorkspaceTest, WalkedFilesAreSortedBytewise, ()) {
  // Small: each case makes real files.
  const auto names = *rc::gen::resize(
      8, rc::gen::container<std::vector<std::string>>(
             rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::element('a', 'b', '-', '0', '/')))));
  test::TempDir dir;
  for (const std::string& name : names) {
    if (name.front() == '/' || name.back() == '/') continue;
    std::error_code error;
    fs::create_directories(fs::path(dir.file(name)).parent_path(), error);
    if (!error && !fs::is_directory(dir.file(name))) dir.write(name, "x");
  }
  std::vector<std::string> files;
  const auto end = (*Workspace::open(dir.path()))->walk(".", {}, [&](const WalkEntry& e) {
    if (e.type == FileType::kFile) files.emplace_back(e.path);
    return WalkAction::kContinue;
  });
  std::vector<std::string> expected;
  for (const auto& e : fs::recursive_directory_iterator(dir.path()))
    if (e.is_regular_file()) expected.push_back(fs::relative(e.path(), dir.path()).string());
  std::sort(expected.begin(), expected.end());
  RC_ASSERT(files == expected);
}

RC_GTEST_FIXTURE_PROP(WorkspaceTest, RelativeNeverClimbsAboveTheRoot, ()) {
  const auto parts = *rc::gen::container<std::vector<std::string>>(
      rc::gen::element<std::string>("a", "..", ".", "", "b.c", "..."));
  test::TempDir dir;
  auto ws = *Workspace::open(dir.path());
  std::string path = "x";
  for (const std::string& part : parts) path += "/" + part;
  const auto relative = ws->relative(path);
  const std::string normal = fs::path(path).lexically_normal().string();
  if (normal == ".." || normal.starts_with("../")) RC_ASSERT(!relative.ok());
  if (relative.ok()) {
    RC_ASSERT(*relative != ".." && !relative->starts_with("../"));
    RC_ASSERT(relative->find("//") == std::string::npos);
    RC_ASSERT(*ws->relative(*relative) == *relative);
  }
}

TEST_F(WorkspaceTest, TellsWhereAPathLeads) {
  put("secrets/key", "k");
  put("open/a", "a");
  ASSERT_EQ(symlink("../secrets", top_.file("ws/open/way").c_str()), 0);
  ASSERT_EQ(symlink("../secrets/new", top_.file("ws/open/none").c_str()), 0);
  ASSERT_EQ(symlink("/etc", top_.file("ws/open/out").c_str()), 0);
  const std::pair<const char*, const char*> cases[] = {
      {".", "."},
      {"open/a", "open/a"},
      {"./open//a", "open/a"},
      {"open/../secrets/key", "secrets/key"},
      {"open/way", "secrets"},
      {"open/way/key", "secrets/key"},
      {"open/way/new/deep", "secrets/new/deep"},
      {"open/none", "secrets/new"},
      {"new", "new"},
      {"new/deep", "new/deep"},
  };
  for (const auto& [path, place] : cases) {
    const auto found = ws_->place(path);
    ASSERT_TRUE(found.ok()) << path << ": " << found.status().to_string();
    EXPECT_EQ(*found, place) << path;
  }
  for (const char* path : {"../x", "/etc/passwd", "open/out/passwd", "", "new/../../x"})
    EXPECT_FALSE(ws_->place(path).ok()) << path;
}

}  // namespace
}  // namespace tau::os
