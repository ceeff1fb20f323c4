// From [sandbox] to what commands run under, with and without what the machine needs for it.
#include "runtime/sandbox.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

Config config(std::string_view text, std::string_view origin = "option") {
  auto merged = Config::merge({{std::string(origin), std::string(origin), *json::parse(text)}});
  EXPECT_TRUE(merged.ok()) << merged.status().to_string();
  return *std::move(merged);
}

const SandboxPlaces kPlaces = {"/w/project", "/u/tau", "/u"};

bool holds(const std::vector<std::string>& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

TEST(SandboxConfig, DefaultsConfine) {
  const auto made = make_sandbox(config("{}"), kPlaces);
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  const os::Confinement& c = made->confinement;
  EXPECT_EQ(c.profile, os::Profile::kWorkspaceWrite);
  EXPECT_EQ(c.network, os::NetworkAccess::kNone);
  EXPECT_EQ(c.roots, std::vector<std::string>{"/w/project"});
  EXPECT_EQ(c.rules.read_only, os::default_read_only());
  EXPECT_TRUE(holds(c.hidden, "/u/tau")) << "the vault, the database and the configuration";
  EXPECT_TRUE(holds(c.hidden, "/u/.ssh"));
  EXPECT_FALSE(c.accept_gaps);
  EXPECT_EQ(made->limits.cpu_seconds, 3600u);
  EXPECT_EQ(made->limits.file_size_bytes, 8192ull << 20);
}

TEST(SandboxConfig, TakesWhatIsSaid) {
  const auto made = make_sandbox(
      config(
          R"({"sandbox":{"profile":"read-only","network":"host","writable":["/w/cache"],"protect":["AGENTS.md"],
      "hide":[".env","/w/project/private","/srv/keys"],"memory_mb":2,"processes":0}})"),
      kPlaces);
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  const os::Confinement& c = made->confinement;
  EXPECT_EQ(c.profile, os::Profile::kReadOnly);
  EXPECT_EQ(c.network, os::NetworkAccess::kHost);
  EXPECT_EQ(c.roots, (std::vector<std::string>{"/w/project", "/w/cache"}));
  EXPECT_TRUE(holds(c.rules.read_only, "AGENTS.md"));
  EXPECT_EQ(c.rules.hidden, (std::vector<std::string>{".env", "private"}));
  EXPECT_TRUE(holds(c.hidden, "/srv/keys"));
  EXPECT_EQ(made->limits.address_space_bytes, 2u << 20);
  EXPECT_EQ(made->limits.processes, 0u);
}

TEST(SandboxConfig, AHomeInTheWorkspaceIsHiddenThere) {
  const auto inside = make_path_rules(config("{}"), {"/w", "/w/.tau-home", "/u"});
  EXPECT_EQ(inside->hidden, std::vector<std::string>{".tau-home"});
  const auto same = make_path_rules(config("{}"), {"/w", "/w", "/u"});
  EXPECT_TRUE(holds(same->hidden, "vault"));
  EXPECT_TRUE(holds(same->read_only, "tau.toml"));
}

TEST(SandboxConfig, RefusesWhatClimbs) {
  for (const char* text : {R"({"sandbox":{"protect":["../x"]}})", R"({"sandbox":{"protect":["/etc"]}})",
                           R"({"sandbox":{"protect":[""]}})", R"({"sandbox":{"hide":["a/../../b"]}})",
                           R"({"sandbox":{"hide":["/w/project/../x"]}})"})
    EXPECT_EQ(make_sandbox(config(text), kPlaces).status().reason(), "bad_value") << text;
}

TEST(SandboxConfig, TakesAProxyAndItsCap) {
  const Config proxied = config(R"({"sandbox":{"network":"proxy","proxy_mb":3}})");
  EXPECT_EQ(make_sandbox(proxied, kPlaces)->confinement.network, os::NetworkAccess::kProxy);
  EXPECT_EQ(command_traffic_bytes(proxied), 3u << 20);
  EXPECT_EQ(command_traffic_bytes(config("{}")), uint64_t{4} << 30);
  EXPECT_EQ(command_traffic_bytes(config(R"({"sandbox":{"proxy_mb":0}})")), 0u);
}

TEST(SandboxConfig, AProjectAddsAndSetsNothingElse) {
  EXPECT_TRUE(
      check_document({"project", "p", *json::parse(R"({"sandbox":{"protect":["a"],"hide":["b"]}})")}).ok());
  for (const char* text : {R"({"sandbox":{"profile":"full"}})", R"({"sandbox":{"network":"host"}})",
                           R"({"sandbox":{"required":false}})", R"({"sandbox":{"writable":["/"]}})"})
    EXPECT_EQ(check_document({"project", "p", *json::parse(text)}).reason(), "not_allowed_in_project")
        << text;
}

class SettleTest : public ::testing::Test {
 protected:
  tool::Sandbox demand() const {
    return *make_sandbox(config("{}"), {dir_.path(), dir_.path() + "/home", "/u"});
  }
  static std::unique_ptr<os::Launcher> launcher(bool bubblewrap, bool landlock) {
    return *os::Launcher::create({.helper_path = TAU_TEST_EXEC,
                                  .build_helper_path = "",
                                  .use_bubblewrap = bubblewrap,
                                  .use_landlock = landlock});
  }
  tau::test::TempDir dir_;
};

TEST_F(SettleTest, WithoutAMechanismItIsToldOrRefused) {
  const auto none = launcher(false, false);
  const EffectiveSandbox told = settle_sandbox(demand(), false, *none);
  EXPECT_FALSE(told.confined);
  EXPECT_NE(told.notice, "");
  EXPECT_EQ(told.sandbox->confinement.profile, os::Profile::kFull);
  const EffectiveSandbox refused = settle_sandbox(demand(), true, *none);
  EXPECT_FALSE(refused.confined);
  EXPECT_EQ(refused.sandbox->confinement.profile, os::Profile::kWorkspaceWrite) << "each command is refused";
  EXPECT_FALSE(refused.sandbox->confinement.accept_gaps);
}

// An unconfined command would pass the proxy by.
TEST_F(SettleTest, AProxyIsNeverLetGo) {
  for (const bool has_landlock : {false, true}) {
    tool::Sandbox demanded = demand();
    demanded.confinement.network = os::NetworkAccess::kProxy;
    const EffectiveSandbox settled =
        settle_sandbox(std::move(demanded), false, *launcher(false, has_landlock));
    EXPECT_FALSE(settled.confined);
    EXPECT_NE(settled.notice, "");
    EXPECT_EQ(settled.sandbox->confinement.profile, os::Profile::kWorkspaceWrite)
        << "each command is refused";
    EXPECT_EQ(settled.sandbox->confinement.network, os::NetworkAccess::kProxy);
  }
  tool::Sandbox full = demand();
  full.confinement.network = os::NetworkAccess::kProxy;
  full.confinement.profile = os::Profile::kFull;
  const EffectiveSandbox said = settle_sandbox(std::move(full), false, *launcher(false, false));
  EXPECT_NE(said.notice.find("sandbox.network says nothing"), std::string::npos);
  EXPECT_EQ(said.sandbox->confinement.network, os::NetworkAccess::kHost) << "and no proxy is waited for";
}

TEST_F(SettleTest, GapsAreToldAndNotCalledConfined) {
  const auto landlock = launcher(false, true);
  if (landlock->confinement_status().best != os::Mechanism::kLandlock) GTEST_SKIP() << "no Landlock here";
  const EffectiveSandbox told = settle_sandbox(demand(), false, *landlock);
  EXPECT_FALSE(told.confined);
  EXPECT_NE(told.notice.find("read_only_paths"), std::string::npos) << told.notice;
  EXPECT_TRUE(told.sandbox->confinement.accept_gaps);
  EXPECT_EQ(told.sandbox->confinement.profile, os::Profile::kWorkspaceWrite);
}

TEST_F(SettleTest, ConfinedMeansInFull) {
  const auto best = launcher(true, true);
  if (best->confinement_status().best != os::Mechanism::kBubblewrap)
    GTEST_SKIP() << "bubblewrap: " << best->confinement_status().bubblewrap_defect;
  const EffectiveSandbox settled = settle_sandbox(demand(), false, *best);
  EXPECT_TRUE(settled.confined);
  EXPECT_EQ(settled.notice, "");
  EXPECT_EQ(settled.enforcement.mechanism, os::Mechanism::kBubblewrap);
  tool::Sandbox full = demand();
  full.confinement.profile = os::Profile::kFull;
  EXPECT_FALSE(settle_sandbox(std::move(full), false, *best).confined);
}

}  // namespace
}  // namespace tau::runtime
