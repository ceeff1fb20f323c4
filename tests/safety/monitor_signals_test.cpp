// Signals of injection in what the model was shown: under which policies what acts then asks.
#include <gtest/gtest.h>

#include "safety/safety.h"

namespace tau::safety {
namespace {

// A call that writes to whom the user named, in a session where a tool has answered.
class MonitorSignals : public testing::Test {
 protected:
  MonitorSignals() {
    user_.add("Write to bob@x.org");
    labels_ = Labels::from(Source::kUser);
    labels_.join(Labels::tool("read_mail"));
    mail_.tool = "send_mail";
    mail_.effect = EffectClass::kEgress;
    mail_.arguments = &arguments_;
    mail_.destinations = to_;
    mail_.of_host = true;
  }
  std::string reason(PolicySpec spec, const Action& action, bool signals = true) const {
    spec.calls_per_minute = spec.tool_calls_per_minute = spec.max_calls = 0;
    Scene scene;
    scene.context = &labels_;
    scene.user = &user_;
    scene.signals_seen = signals;
    const Judgement judgement = (*MonitorRules::compile(std::move(spec)))->decide(action, scene);
    return std::string(judgement.reason);
  }
  static PolicySpec spec(Preset preset) {
    PolicySpec out;
    out.preset = preset;
    return out;
  }
  static PolicySpec deciding(Ruling ruling) {
    PolicySpec out;
    out.signals = ruling;
    return out;
  }

  const json::Value arguments_ = *json::parse(R"({"to":"bob@x.org"})");
  const std::vector<std::string> to_ = {"to"};
  UserText user_;
  Labels labels_;
  Action mail_;
};

TEST_F(MonitorSignals, PresetsSayWhetherTheyCount) {
  EXPECT_EQ(reason(spec(Preset::kPermissive), mail_), "allowed_host_tool");
  EXPECT_EQ(reason(spec(Preset::kBalanced), mail_), "allowed_host_tool");
  PolicySpec strict = spec(Preset::kStrict);
  strict.allow = {"send_mail"};
  EXPECT_EQ(reason(strict, mail_, false), "allowed_by_policy");
  EXPECT_EQ(reason(strict, mail_), "ask_signals");
  EXPECT_EQ(reason(spec(Preset::kHardened), mail_), "denied_by_preset") << "to ask makes nothing milder";
}

TEST_F(MonitorSignals, NoDestinationAndNoPermissionMakesUpForThem) {
  PolicySpec asking = deciding(Ruling::kAsk);
  EXPECT_EQ(reason(asking, mail_, false), "allowed_host_tool") << "nothing was found";
  EXPECT_EQ(reason(asking, mail_), "ask_signals") << "though the destination is the user's";
  asking.allow = {"send_mail"};
  EXPECT_EQ(reason(asking, mail_), "ask_signals") << "though the tool is allowed";
  asking.ask = {"send_mail"};
  EXPECT_EQ(reason(asking, mail_), "ask_by_policy") << "the user's own word stands";
  asking.deny = {"send_mail"};
  EXPECT_EQ(reason(asking, mail_), "denied_by_policy");
}

TEST_F(MonitorSignals, TheirReasonSaysMoreThanThatNothingAllowsTheCall) {
  Action bash = mail_;
  bash.tool = "bash";
  bash.of_host = false;
  bash.destinations = {};
  EXPECT_EQ(reason(deciding(Ruling::kAsk), bash, false), "ask_not_sandboxed");
  EXPECT_EQ(reason(deciding(Ruling::kAsk), bash), "ask_signals");
  EXPECT_EQ(reason(deciding(Ruling::kDeny), bash), "denied_signals");
}

TEST_F(MonitorSignals, WhatOnlyReadsIsNotAskedAbout) {
  Action read = mail_;
  read.effect = EffectClass::kRead;
  EXPECT_EQ(reason(deciding(Ruling::kDeny), read), "allowed_host_tool");
}

TEST_F(MonitorSignals, AreAPartOfWhatAPolicyIs) {
  const auto epoch = [](PolicySpec spec) { return (*MonitorRules::compile(std::move(spec)))->epoch(); };
  PolicySpec said = spec(Preset::kStrict);
  said.signals = Ruling::kAsk;
  EXPECT_EQ(epoch(said), epoch(spec(Preset::kStrict))) << "the same policy";
  said.signals = Ruling::kAllow;
  EXPECT_NE(epoch(said), epoch(spec(Preset::kStrict)));
}

}  // namespace
}  // namespace tau::safety
