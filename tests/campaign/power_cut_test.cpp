// Power cuts under whole agent runs: runtime, driver and the real SQLite store over a VFS that knows what a
// disk would have kept. Whatever it kept, nothing that was acknowledged is lost and no effect is repeated.
//
//   TAU_POWER_IMAGES=N  how many random images to judge
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>

#include "crash_vfs.h"
#include "promise_host.h"
#include "support/temp_dir.h"

namespace tau::campaign {
namespace {

using store::CrashVfs;

// A crash VFS that SQLite takes when nobody names one.
class DefaultVfs {
 public:
  explicit DefaultVfs(const std::string& name) : vfs_(name) {
    sqlite3_vfs_register(sqlite3_vfs_find(name.c_str()), 1);
  }
  CrashVfs* operator->() { return &vfs_; }

 private:
  CrashVfs vfs_;
};

// Which moments of the work become images, and what the disk keeps there.
struct Plan {
  bool every_point = false;  // each write, truncation, sync and removal
  int one_in = 1;            // or one of so many operations
  std::vector<CrashVfs::Loss> losses;
  int prompts = 2;
  bool ignore_syncs = false;
  uint64_t seed = 1;
};

bool changes_the_disk(CrashVfs::Event event) {
  return event == CrashVfs::Event::kWrite || event == CrashVfs::Event::kTruncate ||
         event == CrashVfs::Event::kSync || event == CrashVfs::Event::kDelete;
}

// Leaves images and the promises made by then below `into`, as 0/tau.db, 0/promise, 1/… Runs in a process of
// its own: the leases in the images are those of a process that is dead.
class Work {
 public:
  Work(const Plan& plan, const std::string& into)
      : plan_(plan), into_(into), random_(plan.seed), vfs_("tau_power_work") {
    vfs_->ignore_syncs(plan.ignore_syncs);
  }

  bool run() {
    PromiseHost host;
    const std::string home = into_ + "/home";
    vfs_->set_observer([&](CrashVfs::Event event) { observe(event, host); });
    if (!host.open(home)) return complain(host);
    for (int i = 0; i < plan_.prompts; ++i)
      if (!host.play("prompt " + std::to_string(i))) return complain(host);
    return true;
  }

 private:
  static bool complain(const PromiseHost& host) {
    std::fprintf(stderr, "%s\n", host.why().c_str());
    return false;
  }

  // On the thread that is about to change the disk: nothing becomes durable meanwhile.
  void observe(CrashVfs::Event event, PromiseHost& host) {
    const bool wanted =
        plan_.every_point ? changes_the_disk(event) : random_() % static_cast<uint64_t>(plan_.one_in) == 0;
    if (!wanted) return;
    const CrashVfs::Image image = vfs_->capture();
    const std::string promise = host.promise().to_text();
    for (const CrashVfs::Loss loss : plan_.losses) {
      const std::string folder = into_ + "/" + std::to_string(next_++);
      mkdir(folder.c_str(), 0700);
      CrashVfs::materialize(image, loss, random_, folder);
      std::ofstream(folder + "/promise") << promise;
    }
  }

  const Plan& plan_;
  const std::string& into_;
  std::mt19937_64 random_;
  DefaultVfs vfs_;
  int next_ = 0;
};

// Runs `f` in a child process; whether it returned true.
bool in_a_process(const std::function<bool()>& f) {
  const pid_t child = fork();
  if (child == 0) _exit(f() ? 0 : 1);
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string judge(const std::string& folder) {
  std::ostringstream text;
  text << std::ifstream(folder + "/promise").rdbuf();
  std::filesystem::remove(folder + "/promise");
  const DefaultVfs vfs("tau_power_judge");
  PromiseHost host;
  return host.open(folder) ? host.judge(Promise::from_text(text.str())) : host.why();
}

struct Verdict {
  int images = 0;
  int promising = 0;  // images by whose time something had been acknowledged
  std::vector<std::string> losses;
};

Verdict campaign(const Plan& plan) {
  Verdict verdict;
  const test::TempDir dir;
  if (!in_a_process([&] { return Work(plan, dir.path()).run(); })) {
    verdict.losses.push_back("the work failed");
    return verdict;
  }
  for (; std::filesystem::exists(dir.path() + "/" + std::to_string(verdict.images)); ++verdict.images) {
    const std::string folder = dir.path() + "/" + std::to_string(verdict.images);
    verdict.promising += std::filesystem::file_size(folder + "/promise") > 0 ? 1 : 0;
    const std::string wrong = judge(folder);
    if (!wrong.empty()) verdict.losses.push_back("image " + std::to_string(verdict.images) + ": " + wrong);
    std::filesystem::remove_all(folder);
  }
  return verdict;
}

void expect_no_loss(const Verdict& verdict) {
  for (size_t i = 0; i < verdict.losses.size() && i < 5; ++i) ADD_FAILURE() << verdict.losses[i];
  EXPECT_GT(verdict.promising, verdict.images / 2);
}

TEST(PowerCut, AtEveryWriteAndSyncOfARunNothingAcknowledgedIsLost) {
  const Verdict verdict = campaign({.every_point = true,
                                    .losses = {CrashVfs::Loss::kAllUnsynced, CrashVfs::Loss::kNothing},
                                    .prompts = 2});
  expect_no_loss(verdict);
  EXPECT_GT(verdict.images, 100);
  std::printf("images: %d\n", verdict.images);
}

TEST(PowerCut, AtRandomMomentsWhateverTheDiskKeptNothingAcknowledgedIsLost) {
  const char* wanted = std::getenv("TAU_POWER_IMAGES");
  const int most = wanted == nullptr ? 100 : std::atoi(wanted);
  int images = 0;
  for (uint64_t seed = 1; images < most; ++seed) {
    const Verdict verdict = campaign({.one_in = 8,
                                      .losses = {CrashVfs::Loss::kRandom, CrashVfs::Loss::kRandom},
                                      .prompts = 2,
                                      .seed = seed});
    expect_no_loss(verdict);
    images += verdict.images;
    ASSERT_GT(verdict.images, 0);
    if (testing::Test::HasFailure()) break;
  }
  std::printf("images: %d\n", images);
}

TEST(PowerCut, TheCampaignFindsAStoreThatDoesNotSync) {
  const Verdict verdict = campaign(
      {.every_point = true, .losses = {CrashVfs::Loss::kAllUnsynced}, .prompts = 1, .ignore_syncs = true});
  EXPECT_GT(verdict.images, 50);
  const auto broken = std::ranges::count_if(verdict.losses, [](const std::string& loss) {
    return loss.find("lost") != std::string::npos || loss.find("forgotten") != std::string::npos ||
           loss.find("twice") != std::string::npos;
  });
  EXPECT_GT(broken, verdict.images / 10);
}

}  // namespace
}  // namespace tau::campaign
