// A directory that turns into a symlink while paths through it are opened: no open leads out, by the file
// tools nor by a confined command. TAU_TEST_RACE_ROUNDS says how often; the slow suite has the same with
// more.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "os/workspace.h"
#include "probe_world.h"
#include "support/temp_dir.h"

namespace tau::os {
namespace {

constexpr int kRounds = TAU_TEST_RACE_ROUNDS;
constexpr int kEscaped = 0;
constexpr int kRefused = 1;

class RaceTest : public ::testing::TestWithParam<test::Setting> {};

TEST_P(RaceTest, NoOpenOfAConfinedCommandLeadsOut) {
  const std::string defect = test::defect_of(GetParam());
  if (!defect.empty()) GTEST_SKIP() << defect;
  const std::string result = test::as_user(GetParam().uid, [mechanism = GetParam().mechanism] {
    test::ProbeWorld world;
    world.reset();
    world.set_rounds(kRounds);
    const auto done = world.run_confined(*test::launcher_for(world, mechanism), "race", true);
    return format("{} {}", done.status, done.message);
  });
  EXPECT_EQ(result, format("{} ", kRefused));
}

INSTANTIATE_TEST_SUITE_P(Under, RaceTest, ::testing::ValuesIn(test::settings()),
                         [](const auto& instance) { return test::name_of(instance.param); });

TEST(RaceControlTest, WithoutConfinementOpensLeadOut) {
  const std::string result = test::as_user(getuid(), [] {
    test::ProbeWorld world;
    world.reset();
    world.set_rounds(10'000);
    return format("{}", world.run_free("race").status);
  });
  EXPECT_EQ(result, format("{}", kEscaped));
}

TEST(WorkspaceRaceTest, NoOpenOfTheFileToolsLeadsOut) {
  namespace fs = std::filesystem;
  const tau::test::TempDir top;
  top.write("ws/swap/f", "inside");
  top.write("out/f", "outside");
  fs::create_directory_symlink("../out", top.file("ws/link"));
  const auto ws = *Workspace::open(top.file("ws"));
  std::atomic<bool> stop{false};
  std::thread attacker([&] {
    const std::string swap = top.file("ws/swap"), link = top.file("ws/link");
    constexpr unsigned kExchange = 2;
    while (!stop) syscall(SYS_renameat2, AT_FDCWD, swap.c_str(), AT_FDCWD, link.c_str(), kExchange);
  });
  int inside = 0, refused = 0, escaped = 0;
  for (int i = 0; i < kRounds; ++i) {
    const auto text = ws->read("swap/f", {});
    if (!text.ok()) {
      ++refused;
    } else {
      ++(*text == "inside" ? inside : escaped);
    }
    if (i % 10 == 0) (void)ws->write("swap/g", "x", {.durable = false}).ok();
  }
  stop = true;
  attacker.join();
  EXPECT_EQ(escaped, 0);
  EXPECT_FALSE(fs::exists(top.file("out/g")));
  EXPECT_GT(inside, 0);
  EXPECT_GT(refused, 0) << "the race was never lost: the test proves nothing";
}

}  // namespace
}  // namespace tau::os
