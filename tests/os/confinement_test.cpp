// Commands under confinement: no probe of escape_probes.c gets out, by either mechanism, as root and as
// nobody; each one does when it runs free, else it would prove nothing.
#include "os/confinement.h"

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "probe_world.h"

namespace tau::os {
namespace {

using test::ProbeResult;
using test::ProbeWorld;

constexpr int kEscaped = 0;
constexpr int kSenseless = 77;
constexpr uid_t kNobody = 65534;

// Runs `body` in a child that is this user, and gives back what it wrote.
std::string as_user(uid_t uid, const std::function<std::string()>& body) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    const bool changed = uid == getuid() || (setgroups(0, nullptr) == 0 && setresgid(uid, uid, uid) == 0 &&
                                             setresuid(uid, uid, uid) == 0);
    std::string out = "cannot become the user";
    try {
      if (changed) out = body();
    } catch (const std::exception& error) { out = error.what(); }
    for (size_t done = 0; done < out.size();) {
      const ssize_t n = write(ends[1], out.data() + done, out.size() - done);
      if (n <= 0) break;
      done += static_cast<size_t>(n);
    }
    _exit(0);
  }
  close(ends[1]);
  std::string out;
  std::array<char, 4096> buffer;
  for (ssize_t n; (n = read(ends[0], buffer.data(), buffer.size())) > 0;)
    out.append(buffer.data(), static_cast<size_t>(n));
  close(ends[0]);
  waitpid(pid, nullptr, 0);
  return out;
}

std::vector<uid_t> users() {
  if (getuid() == 0) return {0, kNobody};
  return {getuid()};
}

std::vector<std::string> probes() {
  std::vector<std::string> names;
  FILE* list = popen(TAU_TEST_PROBES " --list", "r");
  std::array<char, 128> line;
  while (list != nullptr && fgets(line.data(), line.size(), list) != nullptr) {
    names.emplace_back(line.data());
    names.back().pop_back();
  }
  if (list != nullptr) pclose(list);
  return names;
}

// "name status message…" with line breaks of the message as '|'.
std::string encode(ProbeResult result) {
  std::ranges::replace(result.message, '\n', '|');
  return format("{} {} {}\n", result.probe, result.status, result.message);
}

std::map<std::string, ProbeResult> decode(const std::string& text) {
  std::map<std::string, ProbeResult> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    ProbeResult result;
    words >> result.probe >> result.status;
    std::getline(words, result.message);
    if (result.message == " ") result.message.clear();
    out[result.probe] = result;
  }
  return out;
}

std::unique_ptr<Launcher> launcher_for(const ProbeWorld& world, Mechanism mechanism) {
  auto launcher = Launcher::create({.helper_path = world.helper(),
                                    .build_helper_path = "",
                                    .use_bubblewrap = mechanism == Mechanism::kBubblewrap,
                                    .use_landlock = true});
  return launcher.ok() ? *std::move(launcher) : nullptr;
}

struct Setting {
  Mechanism mechanism;
  uid_t uid;
};

class EscapeTest : public ::testing::TestWithParam<Setting> {
 protected:
  void SetUp() override {
    const auto [mechanism, uid] = GetParam();
    const std::string best = as_user(uid, [mechanism = mechanism] {
      const ProbeWorld world;
      const ConfinementStatus status = launcher_for(world, mechanism)->confinement_status();
      return format("{} {}", mechanism_name(status.best), status.bubblewrap_defect);
    });
    if (!best.starts_with(mechanism_name(mechanism)))
      GTEST_SKIP() << mechanism_name(mechanism) << " does not work here for user " << uid << ": " << best;
  }
};

// What Landlock alone cannot keep: it is refused when demanded, which another test shows.
const std::set<std::string> kGapsOfLandlock = {
    "write_hook",      "write_git_config",     "replace_git_config",      "move_git_away",
    "move_hooks_away", "write_project_config", "read_hidden_in_workspace"};

// Demanded in full, what Landlock alone cannot keep is refused, and named.
TEST_P(EscapeTest, WhatCannotBeKeptIsRefused) {
  const auto [mechanism, uid] = GetParam();
  const auto results = decode(as_user(uid, [mechanism = mechanism] {
    const ProbeWorld world;
    world.reset();
    return encode(world.run_confined(*launcher_for(world, mechanism), "must_read_system", false));
  }));
  const ProbeResult& result = results.at("must_read_system");
  if (mechanism == Mechanism::kBubblewrap) {
    EXPECT_EQ(result.status, kEscaped) << result.message;
    return;
  }
  EXPECT_EQ(result.status, -1);
  for (const char* word : {"sandbox_unavailable", "read_only_paths", "hidden_paths"})
    EXPECT_NE(result.message.find(word), std::string::npos) << result.message;
}

TEST_P(EscapeTest, NoProbeSucceeds) {
  const auto [mechanism, uid] = GetParam();
  const auto results = decode(as_user(uid, [mechanism = mechanism] {
    const ProbeWorld world;
    const auto launcher = launcher_for(world, mechanism);
    std::string out;
    for (const std::string& probe : probes()) {
      world.reset();
      out += encode(world.run_confined(*launcher, probe, mechanism == Mechanism::kLandlock));
    }
    return out;
  }));
  ASSERT_GT(results.size(), 100u);
  ASSERT_EQ(results.size(), probes().size());
  int tried = 0;
  for (const auto& [probe, result] : results) {
    SCOPED_TRACE(probe + " " + result.message);
    if (probe.starts_with("must_")) {
      EXPECT_EQ(result.status, kEscaped);
      continue;
    }
    if (mechanism == Mechanism::kLandlock && kGapsOfLandlock.contains(probe)) continue;
    if (probe == "fork_bomb" && uid == 0) continue;  // RLIMIT_NPROC does not hold for root
    ++tried;
    EXPECT_NE(result.status, kEscaped);
    EXPECT_NE(result.status, -1);
    EXPECT_EQ(result.message, "");
  }
  std::printf("%d probes under %s as user %u\n", tried, std::string(mechanism_name(mechanism)).c_str(), uid);
}

std::vector<Setting> settings() {
  std::vector<Setting> out;
  for (const Mechanism mechanism : {Mechanism::kLandlock, Mechanism::kBubblewrap})
    for (const uid_t uid : users()) out.push_back({mechanism, uid});
  return out;
}

INSTANTIATE_TEST_SUITE_P(Under, EscapeTest, ::testing::ValuesIn(settings()), [](const auto& instance) {
  return format("{}_as_{}", mechanism_name(instance.param.mechanism), instance.param.uid);
});

// A container may keep these from its root, too; with CAP_SYS_ADMIN they work.
const std::set<std::string> kOfTheKernel = {
    "mount_tmpfs",     "open_mount_tree", "new_mount",       "unmount_secret",
    "user_namespace",  "mount_namespace", "clone_namespace", "clone3_namespace",
    "join_namespace",  "change_root",     "load_program",    "ring",
    "fault_handler",   "performance",     "keyring",         "handle",
    "module",          "kernel_log",      "host_name",       "type_ahead",
    "type_ahead_wide", "trace_victim",    "trace_parent",    "read_memory",
    "take_descriptor", "packet_socket",   "device_node",     "open_sysctl",
    "open_disk",       "read_shadow"};
// Process 1 of a container may have capabilities that its root has not, and is out of reach then.
const std::set<std::string> kOfProcess1 = {"environ_of_1", "through_proc_1_root"};

bool may_administer() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("CapEff:")) return (std::stoull(line.substr(7), nullptr, 16) & (1u << 21)) != 0;
  return false;
}

TEST(EscapeControlTest, EveryProbeSucceedsWithoutConfinement) {
  std::map<std::string, std::set<int>> statuses;
  for (const uid_t uid : users()) {
    const auto results = decode(as_user(uid, [] {
      const ProbeWorld world;
      std::string out;
      for (const std::string& probe : probes()) {
        world.reset();
        out += encode(world.run_free(probe));
      }
      return out;
    }));
    ASSERT_GT(results.size(), 100u);
    ASSERT_EQ(results.size(), probes().size());
    for (const auto& [probe, result] : results) statuses[probe].insert(result.status);
  }
  for (const auto& [probe, seen] : statuses) {
    if (seen.contains(kEscaped)) continue;
    if (seen.contains(kSenseless) || kOfProcess1.contains(probe) ||
        (kOfTheKernel.contains(probe) && !may_administer())) {
      std::printf("%s proves nothing on this machine\n", probe.c_str());
      continue;
    }
    ADD_FAILURE() << probe << " does not succeed unconfined";
  }
}

}  // namespace
}  // namespace tau::os
