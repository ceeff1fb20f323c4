// Folders that are watched: whatever happens in one, once it is quiet the memories are those of the folder.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <set>

#include "runtime/core.h"
#include "runtime/memory.h"
#include "runtime/memory_watch.h"
#include "runtime/runtime.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

using What = os::FolderHint::What;
using Texts = std::multiset<std::string>;

// What the kernel would say, as far as somebody watches the folder; it may forget everything.
class Kernel final : public os::FolderEvents {
 public:
  Status watch(std::string_view folder) override {
    watched_.emplace(folder);
    return refusal;
  }
  StatusOr<std::vector<os::FolderHint>> wait(int64_t) override { return std::exchange(hints_, {}); }
  void wake() override {}

  void hint(const std::string& path, What what) {
    const size_t slash = path.rfind('/');
    const std::string parent = slash == std::string::npos ? "" : path.substr(0, slash);
    if (watched_.contains(parent)) hints_.push_back({path, what});
  }
  void moved(const std::string& from, const std::string& to) {
    hint(from, What::kChanged);
    std::erase_if(watched_,
                  [&](const std::string& each) { return each == from || each.starts_with(from + "/"); });
    hint(to, What::kChanged);
    hint(from, What::kMoved);
  }
  void overflow() {
    watched_.clear();
    hints_ = {{"", What::kChanged}};
  }

  Status refusal;

 private:
  std::set<std::string, std::less<>> watched_;
  std::vector<os::FolderHint> hints_;
};

class MemoryWatch : public testing::Test {
 protected:
  void SetUp() override {
    RuntimeOptions options;
    options.manual = true;
    if (on_disk()) options.home = dir_.file("home");
    options.no_store = !on_disk();
    options.config_json = R"({"memory":{"model":"none"}})";
    auto runtime = Runtime::open(options);
    ASSERT_TRUE(runtime.ok()) << runtime.status().to_string();
    runtime_ = *std::move(runtime);
    memory_ = open("{}");
    std::filesystem::create_directory(dir_.file("notes"));
  }
  virtual bool on_disk() const { return true; }
  std::shared_ptr<Memory> open(std::string_view scope) {
    auto memory = Memory::open(runtime_, scope);
    EXPECT_TRUE(memory.ok()) << memory.status().to_string();
    return memory.ok() ? *std::move(memory) : nullptr;
  }
  json::Value ask(const std::string& request) {
    const auto answer = memory_->perform(request, {});
    EXPECT_TRUE(answer.ok()) << answer.status().to_string() << " of " << request;
    return answer.ok() ? *json::parse(*answer) : json::Value();
  }
  std::string fails(const std::string& request) {
    return std::string(memory_->perform(request, {}).status().reason());
  }
  // What is known of files, in that channel.
  Texts texts(const std::string& channel) {
    Texts all;
    std::string after;
    do {
      const json::Value page = ask(format(R"({{"op":"list","limit":1000,"channel":"{}"{}}})", channel,
                                          after.empty() ? "" : R"(,"after":")" + after + "\""));
      for (const json::Value& each : page["memories"].as_array())
        if (each["channel"].as_string() == channel)
          all.insert(std::string(each["source"].as_string()) + "|" + std::string(each["text"].as_string()));
      after = page["next"].as_string();
    } while (!after.empty());
    return all;
  }
  Texts ingested(const std::string& folder, const std::string& channel) {
    ask(format(R"({{"op":"ingest","path":"{}","channel":"{}"}})", folder, channel));
    return texts(channel);
  }
  std::string notes() const { return dir_.file("notes"); }

  test::TempDir dir_;
  std::shared_ptr<Runtime> runtime_;
  std::shared_ptr<Memory> memory_;
};

// A watch without a thread, on a clock of the test.
class Steps {
 public:
  Steps(Memory& memory, const std::string& folder, const std::string& more = {}, int64_t wall_ms = 0)
      : memory_(memory),
        clock_(1'000'000'000, wall_ms != 0 ? wall_ms : system_clock().wall_ms() + 3'600'000) {
    const auto request = json::parse(format(R"({{"op":"watch","path":"{}"{}}})", folder, more));
    WatchAsk asked;
    auto read = read_ingest_ask(memory, *request, {}, /*forget_vanished=*/false);
    EXPECT_TRUE(read.ok()) << read.status().to_string();
    asked.ingest = *std::move(read);
    auto kernel = std::make_unique<Kernel>();
    kernel_ = kernel.get();
    watch_ = std::make_unique<FolderWatch>(std::move(asked), std::move(kernel), clock_);
  }
  void step(int64_t ms) {
    clock_.advance_ms(ms);
    watch_->wait();
    if (watch_->is_due()) watch_->look(memory_);
  }
  void quiet() {
    for (int i = 0; i < 300; ++i) step(500);
  }
  json::Value state() const {
    std::string out;
    json::Writer w(out);
    w.begin_object();
    watch_->write(w, /*changes=*/true, 0);
    w.end_object();
    return *json::parse(out);
  }
  std::string_view state_name() {
    name_ = state()["state"].as_string();
    return name_;
  }
  Kernel& kernel() { return *kernel_; }

 private:
  Memory& memory_;
  test::FakeClock clock_;
  Kernel* kernel_ = nullptr;
  std::unique_ptr<FolderWatch> watch_;
  std::string name_;
};

// A folder that things happen to, and the kernel that sees them.
class World {
 public:
  World(std::string root, Kernel& kernel) : root_(std::move(root)), kernel_(kernel) {}

  void write(const std::string& path, const std::string& text, bool closes) {
    if (std::filesystem::is_directory(root_ + "/" + path) || !has_parent(path)) return;
    FILE* const file = fopen((root_ + "/" + path).c_str(), "we");
    if (file == nullptr) return;
    fputs(text.c_str(), file);
    fclose(file);
    kernel_.hint(path, What::kWriting);
    if (closes) kernel_.hint(path, What::kChanged);
  }
  void make_folder(const std::string& path) {
    if (::mkdir((root_ + "/" + path).c_str(), 0700) == 0) kernel_.hint(path, What::kChanged);
  }
  void remove(const std::string& path) {
    std::error_code error;
    if (std::filesystem::remove_all(root_ + "/" + path, error) > 0) kernel_.hint(path, What::kChanged);
  }
  void rename(const std::string& from, const std::string& to) {
    if (::rename((root_ + "/" + from).c_str(), (root_ + "/" + to).c_str()) == 0) kernel_.moved(from, to);
  }

 private:
  bool has_parent(const std::string& path) const {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos || std::filesystem::is_directory(root_ + "/" + path.substr(0, slash));
  }
  const std::string root_;
  Kernel& kernel_;
};

// Without a disk, for there is much of it.
class MemoryWatchLaws : public MemoryWatch {
 protected:
  bool on_disk() const override { return false; }
};

int below(int end) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, end)); }
template <size_t kCount>
std::string one_of(const char* const (&choices)[kCount]) {
  return choices[below(static_cast<int>(kCount))];
}

// A folder may have the name of a file, and the other way round.
constexpr const char* kPlaces[] = {"a.md",     "b.txt",     "d",          "d",        "d/a.md",
                                   "d/c.json", "d/e",       "d/e/a.md",   "e",        "e/a.md",
                                   "x.md",     "x.md/a.md", ".gitignore", "d/pic.png"};
constexpr const char* kTexts[] = {"one\n", "two\n", "# h\n\none\n\n## g\n\ntwo\n", "b.txt\n", ""};

RC_GTEST_FIXTURE_PROP(MemoryWatchLaws, OnceQuietTheMemoriesAreThoseOfTheFolder, ()) {
  std::error_code error;
  std::filesystem::remove_all(notes(), error);
  std::filesystem::create_directory(notes());
  Steps steps(*memory_, notes(), R"(,"channel":"watched","forget_vanished":true)");
  World world(notes(), steps.kernel());
  const int count = below(40);
  for (int i = 0; i < count; ++i) {
    const int what = below(13);
    const std::string path = one_of(kPlaces);
    if (what < 5) world.write(path, one_of(kTexts), /*closes=*/what != 0);
    if (what == 5 || what == 6) world.make_folder(path);
    if (what == 7 || what == 8) world.remove(path);
    if (what == 9 || what == 10) world.rename(path, one_of(kPlaces));
    if (what == 11) steps.kernel().overflow();
    constexpr int64_t kPauses[] = {0, 0, 10, 600, 20'000};
    steps.step(kPauses[below(5)]);
  }
  steps.quiet();
  RC_ASSERT(steps.state()["state"].as_string() == "watching");
  RC_ASSERT(steps.state()["backlog"].as_int() == 0);
  RC_ASSERT(texts("watched") == ingested(notes(), "fresh"));
}

TEST_F(MemoryWatch, WhatHappenedWhileNobodyWatchedIsTaken) {
  dir_.write("notes/a.md", "one");
  { Steps(*memory_, notes()).step(0); }
  EXPECT_EQ(texts("").size(), 1U);
  dir_.write("notes/a.md", "two");
  dir_.write("notes/b.md", "three");
  Steps again(*memory_, notes());
  again.step(0);
  EXPECT_EQ(again.state()["counts"]["ingested"].as_int(), 2);
  EXPECT_EQ(texts("").size(), 2U);
  Steps third(*memory_, notes());
  third.step(0);
  EXPECT_EQ(third.state()["counts"]["unchanged"].as_int(), 2);
  EXPECT_EQ(third.state()["changes"].size(), 0U);
}

TEST_F(MemoryWatch, WhatIsGoneStaysUnlessToldOtherwiseButAMoveIsNoCopy) {
  dir_.write("notes/a.md", "one");
  dir_.write("notes/b.md", "two");
  Steps steps(*memory_, notes());
  World world(notes(), steps.kernel());
  steps.step(0);
  world.remove("a.md");
  world.rename("b.md", "c.md");
  steps.quiet();
  EXPECT_EQ(texts(""), (Texts{"file:" + notes() + "/a.md|one", "file:" + notes() + "/c.md|two"}));
  const json::Value changes = steps.state()["changes"];
  const auto gone = [&](std::string_view path) {
    return std::count_if(changes.as_array().begin(), changes.as_array().end(), [&](const json::Value& each) {
      return each["path"].as_string() == path && each["what"].as_string() == "gone";
    });
  };
  EXPECT_EQ(gone("a.md"), 1) << json::write(changes);
  EXPECT_EQ(gone("b.md"), 1);
}

TEST_F(MemoryWatch, AFileInThePlaceOfAFolderAndAFolderInThatOfAFileLeaveNothingOfIt) {
  dir_.write("notes/x.md/a.md", "one");
  dir_.write("notes/y.md", "two");
  Steps steps(*memory_, notes(), R"(,"forget_vanished":true)");
  World world(notes(), steps.kernel());
  steps.step(0);
  world.remove("x.md");
  world.write("x.md", "three", /*closes=*/true);
  world.remove("y.md");
  world.make_folder("y.md");
  world.write("y.md/b.md", "four", /*closes=*/true);
  steps.quiet();
  EXPECT_EQ(texts(""), (Texts{"file:" + notes() + "/x.md|three", "file:" + notes() + "/y.md/b.md|four"}));
}

TEST_F(MemoryWatch, AFileThatIsStillWrittenIsWaitedFor) {
  Steps steps(*memory_, notes());
  World world(notes(), steps.kernel());
  steps.step(0);
  world.write("a.md", "one", /*closes=*/false);
  steps.step(600);
  steps.step(600);
  EXPECT_EQ(texts("").size(), 0U);
  world.write("a.md", "one and two", /*closes=*/true);
  steps.step(0);
  steps.step(600);
  EXPECT_EQ(texts(""), Texts{"file:" + notes() + "/a.md|one and two"});
}

TEST_F(MemoryWatch, AtTheStartAFileOfThisMomentIsWaitedForToo) {
  dir_.write("notes/a.md", "one");
  struct stat info;
  ASSERT_EQ(stat(dir_.file("notes/a.md").c_str(), &info), 0);
  Steps steps(*memory_, notes(), {},
              int64_t{info.st_mtim.tv_sec} * 1'000 + info.st_mtim.tv_nsec / 1'000'000 + 1);
  steps.step(0);
  EXPECT_EQ(texts("").size(), 0U);
  EXPECT_EQ(steps.state()["backlog"].as_int(), 1);
  steps.step(600);
  EXPECT_EQ(texts("").size(), 1U);
}

TEST_F(MemoryWatch, WithoutEventsItLooksAgainAndAgainAndSaysSo) {
  Steps steps(*memory_, notes());
  steps.kernel().refusal = resource_exhausted("no_watches_left", "none");
  steps.step(0);
  EXPECT_EQ(steps.state_name(), "polling");
  EXPECT_EQ(steps.state()["polls"]["reason"].as_string(), "no_watches_left");
  EXPECT_EQ(steps.state()["poll_ms"].as_int(), 10'000);
  dir_.write("notes/a.md", "one");
  steps.step(9'000);
  EXPECT_EQ(texts("").size(), 0U);
  steps.step(2'000);
  EXPECT_EQ(texts("").size(), 1U);
  steps.kernel().refusal = ok_status();
  steps.step(10'000);
  EXPECT_EQ(steps.state_name(), "watching");
}

TEST_F(MemoryWatch, AFolderThatIsGoneTakesNoMemoryWithItAndMayComeBack) {
  dir_.write("notes/a.md", "one");
  Steps steps(*memory_, notes(), R"(,"forget_vanished":true)");
  steps.step(0);
  std::filesystem::rename(notes(), dir_.file("away"));
  steps.kernel().overflow();
  steps.step(600);
  steps.step(600);
  EXPECT_EQ(steps.state_name(), "folder_gone");
  EXPECT_EQ(texts("").size(), 1U);
  std::filesystem::rename(dir_.file("away"), notes());
  steps.step(10'000);
  EXPECT_EQ(steps.state_name(), "watching");
  EXPECT_EQ(texts("").size(), 1U);
}

TEST_F(MemoryWatch, OneFileThatCannotBeReadKeepsNoOtherOutAndIsToldOnce) {
  dir_.write("notes/a.md", std::string("\0\1", 2));
  dir_.write("notes/b.md", "two");
  Steps steps(*memory_, notes());
  steps.kernel().refusal = resource_exhausted("no_watches_left", "none");
  steps.step(0);
  steps.step(20'000);
  steps.step(20'000);
  EXPECT_EQ(texts("").size(), 1U);
  const json::Value state = steps.state();
  EXPECT_EQ(state["changes"].size(), 2U) << json::write(state);
  EXPECT_EQ(state["last_error"]["path"].as_string(), "a.md");
  EXPECT_EQ(state["last_error"]["reason"].as_string(), "not_text");
}

TEST_F(MemoryWatch, NothingOutsideOfTheFolderIsTakenInThroughALink) {
  dir_.write("secret.md", "secret");
  Steps steps(*memory_, notes());
  steps.step(0);
  for (const char* target : {"/secret.md", "/notes"}) {
    const std::string link = notes() + "/link" + std::to_string(target[1]);
    ASSERT_EQ(symlink((dir_.path() + target).c_str(), link.c_str()), 0);
    steps.kernel().hint(link.substr(notes().size() + 1), What::kChanged);
  }
  ASSERT_EQ(symlink("../secret.md", (notes() + "/rel.md").c_str()), 0);
  steps.kernel().hint("rel.md", What::kChanged);
  steps.quiet();
  EXPECT_EQ(texts(""), Texts());
}

// From here on the kernel's own events, on a thread.
class RealWatch : public MemoryWatch {
 protected:
  // The state of the watch when `good` says yes of it, or of the last moment.
  template <class Good>
  json::Value wait_for(const std::string& id, const Good& good) {
    const int64_t deadline_ns = system_clock().monotonic_ns() + 60'000 * kNanosPerMilli;
    json::Value watch;
    for (int64_t after = 0;; after = watch["last"].as_int()) {
      watch = ask(format(R"({{"op":"watches","id":"{}","after":{},"wait_ms":50}})", id, after))["watches"]
                  .as_array()[0];
      if (good(watch) || system_clock().monotonic_ns() > deadline_ns) return watch;
    }
  }
  void wait_for_texts(const std::string& id, const Texts& wanted) {
    wait_for(id, [&](const json::Value&) { return texts("") == wanted; });
    EXPECT_EQ(texts(""), wanted);
  }
  std::string watch(const std::string& more = {}) {
    const json::Value begun = ask(format(R"({{"op":"watch","path":"{}","quiet_ms":20{}}})", notes(), more));
    const std::string id(begun["id"].as_string());
    const json::Value state =
        wait_for(id, [](const json::Value& each) { return each["state"].as_string() == "watching"; });
    EXPECT_EQ(state["state"].as_string(), "watching") << json::write(state);
    return id;
  }
  std::string source(const std::string& path) const { return "file:" + notes() + "/" + path + "|"; }
};

TEST_F(RealWatch, FilesAndFoldersComeMoveAndGo) {
  dir_.write("notes/a.md", "one");
  const std::string id = watch(R"(,"forget_vanished":true)");
  wait_for_texts(id, {source("a.md") + "one"});
  dir_.write("notes/a.md", "one again");
  wait_for_texts(id, {source("a.md") + "one again"});
  dir_.write("notes/sub/deep/b.md", "two");
  wait_for_texts(id, {source("a.md") + "one again", source("sub/deep/b.md") + "two"});
  std::filesystem::rename(notes() + "/sub", notes() + "/other");
  wait_for_texts(id, {source("a.md") + "one again", source("other/deep/b.md") + "two"});
  dir_.write("notes/other/deep/c.md", "three");
  std::filesystem::remove(notes() + "/a.md");
  wait_for_texts(id, {source("other/deep/b.md") + "two", source("other/deep/c.md") + "three"});
  std::filesystem::remove_all(notes() + "/other");
  wait_for_texts(id, {});
  EXPECT_FALSE(ask(format(R"({{"op":"unwatch","id":"{}"}})", id))["watched"].as_bool(true));
  EXPECT_EQ(ask(R"({"op":"watches"})")["watches"].size(), 0U);
}

TEST_F(RealWatch, AWatchEndsWithItsHandleAndKeepsNoRuntime) {
  watch();
  memory_.reset();
  const std::weak_ptr<Core> core = runtime_->core();
  runtime_.reset();
  const int64_t deadline_ns = system_clock().monotonic_ns() + 60'000 * kNanosPerMilli;
  while (!core.expired() && system_clock().monotonic_ns() < deadline_ns) sched_yield();
  EXPECT_TRUE(core.expired());
}

TEST_F(RealWatch, AWatchEndsWhenTheRuntimeStops) {
  const std::string id = watch();
  ASSERT_TRUE(runtime_->stop(60'000).ok());
  dir_.write("notes/a.md", "one");
  const json::Value over = ask(format(R"({{"op":"watches","id":"{}"}})", id))["watches"].as_array()[0];
  EXPECT_EQ(over["state"].as_string(), "ended");
  EXPECT_EQ(texts("").size(), 0U);
  EXPECT_EQ(fails(format(R"({{"op":"watch","path":"{}"}})", notes())), "runtime_stopped");
}

TEST_F(RealWatch, WhatCannotBeWatchedIsTold) {
  const std::string id = watch();
  const std::string path = R"({"op":"watch","path":")";
  EXPECT_EQ(fails(path + notes() + "/\"}"), "watched_already");
  EXPECT_EQ(fails(path + dir_.file("nowhere") + "\"}"), "file_not_found");
  EXPECT_EQ(fails(path + dir_.write("file.md", "x") + "\"}"), "not_a_directory");
  EXPECT_EQ(fails(path + notes() + R"(","dry_run":true})"), "unknown_key");
  EXPECT_EQ(fails(path + notes() + R"(","quiet_ms":-1})"), "wrong_type");
  EXPECT_EQ(fails(path + notes() + R"(","model":"x/y"})"), "invalid_request");
  EXPECT_EQ(fails(R"({"op":"unwatch","id":"watch_0"})"), "no_such_watch");
  EXPECT_EQ(fails(R"({"op":"watches","after":1})"), "invalid_request");
  EXPECT_EQ(fails(R"({"op":"watches","id":"watch_0"})"), "no_such_watch");
}

}  // namespace
}  // namespace tau::runtime
