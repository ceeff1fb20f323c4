// Commands under confinement: no probe of escape_probes.c gets out, by either mechanism, as root and as
// nobody; each one does when it runs free, else it would prove nothing.
#include "os/confinement.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "probe_world.h"

namespace tau::os {
namespace {

using test::as_user;
using test::launcher_for;
using test::ProbeResult;
using test::ProbeWorld;
using test::Setting;
using test::users;

constexpr int kEscaped = 0;
constexpr int kSenseless = 77;

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

class EscapeTest : public ::testing::TestWithParam<Setting> {
 protected:
  void SetUp() override {
    const std::string defect = test::defect_of(GetParam());
    if (!defect.empty()) GTEST_SKIP() << defect;
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

// A network that is a proxy leads nowhere else; what cannot give one refuses.
TEST_P(EscapeTest, NoProbePassesTheProxyBy) {
  const auto [mechanism, uid] = GetParam();
  const auto results = decode(as_user(uid, [mechanism = mechanism] {
    ProbeWorld world;
    world.set_network(NetworkAccess::kProxy);
    const auto launcher = launcher_for(world, mechanism);
    std::string out;
    std::vector<std::string> names = {"must_read_system", "reach_proxy", "other_interface"};
    if (mechanism == Mechanism::kBubblewrap) names = probes();
    names.insert(names.end(), {"reach_proxy", "other_interface"});
    for (const std::string& probe : names) {
      world.reset();
      out += encode(world.run_confined(*launcher, probe, mechanism == Mechanism::kLandlock));
    }
    return out;
  }));
  if (mechanism == Mechanism::kLandlock) {
    const ProbeResult& refused = results.at("must_read_system");
    EXPECT_EQ(refused.status, -1);
    EXPECT_NE(refused.message.find("a proxy needs bubblewrap"), std::string::npos) << refused.message;
    return;
  }
  ASSERT_EQ(results.size(), probes().size() + 2);
  EXPECT_EQ(results.at("reach_proxy").status, kEscaped) << "its listener is there from the start";
  int tried = 0;
  for (const auto& [probe, result] : results) {
    SCOPED_TRACE(probe + " " + result.message);
    if (probe.starts_with("must_") || probe == "reach_proxy") {
      EXPECT_EQ(result.status, kEscaped);
      continue;
    }
    if (probe == "fork_bomb" && uid == 0) continue;  // RLIMIT_NPROC does not hold for root
    ++tried;
    EXPECT_NE(result.status, kEscaped);
    EXPECT_NE(result.status, -1);
    EXPECT_EQ(result.message, "");
  }
  std::printf("%d probes beside the proxy under %s as user %u\n", tried,
              std::string(mechanism_name(mechanism)).c_str(), uid);
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

INSTANTIATE_TEST_SUITE_P(Under, EscapeTest, ::testing::ValuesIn(test::settings()),
                         [](const auto& instance) { return test::name_of(instance.param); });

// A container may keep these from its root, too; with CAP_SYS_ADMIN they work.
const std::set<std::string> kOfTheKernel = {
    "mount_tmpfs",     "open_mount_tree", "new_mount",       "unmount_secret",
    "user_namespace",  "mount_namespace", "clone_namespace", "clone3_namespace",
    "join_namespace",  "change_root",     "load_program",    "ring",
    "fault_handler",   "performance",     "keyring",         "handle",
    "module",          "kernel_log",      "host_name",       "type_ahead",
    "type_ahead_wide", "trace_victim",    "trace_parent",    "read_memory",
    "take_descriptor", "packet_socket",   "device_node",     "open_sysctl",
    "open_disk",       "read_shadow",     "raw_socket"};
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
