// Pins pairing codes and the list of who may talk.
#include "access/pairing.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "access/support.h"

namespace tau::access {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;
constexpr int64_t kLife = 600'000;

class PairingTest : public ::testing::Test {
 protected:
  std::string issue(const char* channel = "telegram:1", const char* actor = "alice", int64_t now_ms = kNow) {
    auto code = desk_->issue(channel, actor, now_ms);
    return code.ok() ? *code : std::string(code.status().reason());
  }
  std::string redeem(std::string_view code, const char* channel = "telegram:1", const char* actor = "alice",
                     int64_t now_ms = kNow) {
    const Status status = desk_->redeem(channel, actor, code, now_ms);
    return status.ok() ? "ok" : std::string(status.reason());
  }

  CountingRandom random_;
  std::unique_ptr<PairingDesk> desk_ =
      *PairingDesk::create({.lifetime_ms = kLife, .attempts = 3, .capacity = 4}, &random_);
};

TEST_F(PairingTest, CodesServeOnce) {
  const std::string code = issue();
  EXPECT_EQ(code.size(), 9u);
  EXPECT_EQ(code[4], '-');
  EXPECT_EQ(code.find_first_not_of("0123456789ABCDEFGHJKMNPQRSTVWXYZ-"), code.npos);
  EXPECT_EQ(redeem(code), "ok");
  EXPECT_EQ(redeem(code), "pairing_unknown");
  EXPECT_EQ(desk_->size(), 0u);
}

TEST_F(PairingTest, CodesAreForOneActorOnOneChannel) {
  const std::string code = issue();
  EXPECT_EQ(redeem(code, "telegram:2"), "pairing_unknown");
  EXPECT_EQ(redeem(code, "telegram:1", "mallory"), "pairing_unknown");
  EXPECT_EQ(redeem(code, "telegram:1", "Alice"), "pairing_unknown");
  const std::string other = issue("telegram:1", "mallory");
  EXPECT_EQ(redeem(code, "telegram:1", "mallory"), "wrong_code");
  EXPECT_EQ(redeem(other), "wrong_code");
  EXPECT_EQ(redeem(code), "ok");
}

TEST_F(PairingTest, CodesExpire) {
  const std::string code = issue();
  EXPECT_EQ(redeem(code, "telegram:1", "alice", kNow + kLife), "pairing_expired");
  EXPECT_EQ(redeem(code), "pairing_unknown");
  const std::string again = issue();
  EXPECT_EQ(redeem(again, "telegram:1", "alice", kNow + kLife - 1), "ok");
}

TEST_F(PairingTest, GuessesAreCounted) {
  const std::string code = issue();
  std::string wrong = code;
  wrong[0] = wrong[0] == '0' ? '1' : '0';
  EXPECT_EQ(redeem(wrong), "wrong_code");
  EXPECT_EQ(redeem(""), "wrong_code");
  EXPECT_EQ(redeem(code + "0"), "wrong_code");
  // Neither the right code nor a new one helps until the time is over.
  EXPECT_EQ(redeem(code), "pairing_locked");
  EXPECT_EQ(issue(), "pairing_pending");
  EXPECT_EQ(redeem(code), "pairing_locked");
  EXPECT_EQ(issue("telegram:1", "alice", kNow + kLife).size(), 9u);
}

TEST_F(PairingTest, CodesAreReadAsPeopleWriteThem) {
  for (int i = 0; i < 20; ++i) {
    const std::string code = issue();
    std::string typed = "  ";
    for (char c : code) {
      if (c == '-') c = ' ';
      if (c == '0') c = 'o';
      if (c == '1') c = i % 2 == 0 ? 'l' : 'I';
      typed.push_back(c >= 'A' && c <= 'Z' && c != 'I' ? static_cast<char>(c - 'A' + 'a') : c);
    }
    EXPECT_EQ(redeem(typed), "ok") << code << " / " << typed;
  }
}

TEST_F(PairingTest, IsBounded) {
  for (const char* actor : {"a", "b", "c", "d"}) EXPECT_EQ(issue("x", actor).size(), 9u);
  EXPECT_EQ(issue("x", "e"), "pairing_full");
  EXPECT_EQ(issue("x", "a"), "pairing_pending");
  EXPECT_TRUE(desk_->cancel("x", "a"));
  EXPECT_FALSE(desk_->cancel("x", "a"));
  EXPECT_EQ(issue("x", "e").size(), 9u);
  EXPECT_EQ(issue("x", "f", kNow + kLife).size(), 9u);  // the others are over
  EXPECT_EQ(desk_->size(), 1u);
  EXPECT_EQ(issue("", "a"), "invalid_name");
  EXPECT_EQ(issue("x", std::string(513, 'a').c_str()), "invalid_name");
}

TEST_F(PairingTest, NeedsRandomnessAndSense) {
  EXPECT_EQ(PairingDesk::create({}, nullptr).status().reason(), "no_random");
  StuckRandom stuck;
  EXPECT_EQ(PairingDesk::create({}, &stuck).status().reason(), "no_random");
  for (const PairingDesk::Options& bad :
       {PairingDesk::Options{.lifetime_ms = 0}, {.attempts = 0}, {.attempts = 101}, {.capacity = 0}})
    EXPECT_EQ(PairingDesk::create(bad, &random_).status().reason(), "invalid_options");
  std::set<std::string> codes;
  for (int i = 0; i < 200; ++i) {
    codes.insert(issue());
    desk_->cancel("telegram:1", "alice");
  }
  EXPECT_EQ(codes.size(), 200u);
}

TEST_F(PairingTest, CodesServeOneOfManyThreads) {
  const std::string code = issue();
  std::atomic<int> paired = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] { paired += desk_->redeem("telegram:1", "alice", code, kNow).ok(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(paired, 1);
}

std::string judge(const Allowlist& list, Caller caller, int64_t now_ms = kNow) {
  const Admission admission = list.check(caller, now_ms);
  EXPECT_EQ(admission.allowed, admission.reason == "allow_listed");
  return std::string(admission.reason);
}

TEST(Allowlist, DeniesWhoIsNotOnIt) {
  Allowlist list;
  EXPECT_EQ(judge(list, {"telegram:1", "alice", ""}), "deny_not_listed");
  ASSERT_TRUE(list.add("telegram:1", "alice", 0, kNow).ok());
  EXPECT_EQ(judge(list, {"telegram:1", "alice", ""}), "allow_listed");
  for (const Caller& other : {Caller{"telegram:2", "alice", ""},
                              {"telegram:1", "Alice", ""},
                              {"telegram:1", "alice2", ""},
                              {"telegram", "alice", ""},
                              {"Telegram:1", "alice", ""}})
    EXPECT_EQ(judge(list, other), "deny_not_listed") << other.channel << other.actor;
  for (const Caller& none : {Caller{"telegram:1", "", ""}, {"", "alice", ""}, {"telegram:1", "*", ""}})
    EXPECT_EQ(judge(list, none), "deny_actor_missing");
  EXPECT_TRUE(list.remove("telegram:1", "alice"));
  EXPECT_FALSE(list.remove("telegram:1", "alice"));
  EXPECT_EQ(judge(list, {"telegram:1", "alice", ""}), "deny_not_listed");
}

TEST(Allowlist, KnowsFamiliesAndEveryone) {
  Allowlist list;
  ASSERT_TRUE(list.add("telegram", "alice", 0, kNow).ok());
  ASSERT_TRUE(list.add("*", "bob", 0, kNow).ok());
  ASSERT_TRUE(list.add("cli", "*", 0, kNow).ok());
  EXPECT_EQ(judge(list, {"telegram:1", "alice", ""}), "allow_listed");
  EXPECT_EQ(judge(list, {"telegram", "alice", ""}), "allow_listed");
  EXPECT_EQ(judge(list, {"slack:1", "alice", ""}), "deny_not_listed");
  EXPECT_EQ(judge(list, {"slack:1", "bob", ""}), "allow_listed");
  EXPECT_EQ(judge(list, {"cli", "anyone", ""}), "allow_listed");
}

TEST(Allowlist, EntriesEnd) {
  Allowlist list;
  ASSERT_TRUE(list.add("c", "a", kNow + 10, kNow).ok());
  EXPECT_EQ(judge(list, {"c", "a", ""}, kNow + 9), "allow_listed");
  EXPECT_EQ(judge(list, {"c", "a", ""}, kNow + 10), "deny_expired");
  EXPECT_EQ(list.add("c", "b", kNow, kNow).reason(), "invalid_expiry");
  ASSERT_TRUE(list.add("*", "a", 0, kNow).ok());
  ASSERT_TRUE(list.add("c", "a", kNow + 10, kNow).ok());
  EXPECT_EQ(judge(list, {"c", "a", ""}, kNow + 10), "allow_listed");  // by the other entry
}

// Tau took did:kamn:A:alice, did:kamn:B:alice and alice for one.
TEST(Allowlist, TakesADidForProofOnly) {
  Allowlist list;
  const std::string did = key_number(1).did();
  ASSERT_TRUE(list.add("c", did, 0, kNow).ok());
  ASSERT_TRUE(list.add("c", "did:web:example.com:alice", 0, kNow).ok());
  EXPECT_EQ(judge(list, {"c", did, ""}), "deny_actor_unproven");
  EXPECT_EQ(judge(list, {"c", did, key_number(2).did()}), "deny_actor_unproven");
  EXPECT_EQ(judge(list, {"c", did, did}), "allow_listed");
  EXPECT_EQ(judge(list, {"c", "alice", "did:web:example.com:alice"}), "deny_not_listed");
  const std::string other = "did:web:other.example:alice";
  EXPECT_EQ(judge(list, {"c", other, other}), "deny_not_listed");
}

TEST(Allowlist, IsReadAsItWasWritten) {
  Allowlist list;
  ASSERT_TRUE(list.add("telegram:1", "al\"ice", 0, kNow).ok());
  ASSERT_TRUE(list.add("*", "bob", kNow + 10, kNow).ok());
  const std::string text = list.to_json();
  const auto read = Allowlist::parse(text);
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_EQ(read->to_json(), text);
  EXPECT_EQ(judge(*read, {"telegram:1", "al\"ice", ""}), "allow_listed");
  for (const char* bad :
       {"", "[]", "{}", R"({"schema_version":2,"entries":[]})", R"({"schema_version":1,"entries":{}})",
        R"({"schema_version":1,"entries":[],"strict":false})", R"({"schema_version":1,"entries":[1]})",
        R"({"schema_version":1,"entries":[{"actor":"","channel":"c","until_ms":0}]})",
        R"({"schema_version":1,"entries":[{"actor":"a","channel":"c","until_ms":-1}]})",
        R"({"schema_version":1,"entries":[{"actor":"a","channel":"c"}]})",
        R"({"schema_version":1,"entries":[{"actor":"a","channel":"c","until_ms":0,"x":1}]})",
        R"({"schema_version":1,"entries":[{"actor":"a","channel":"c","until_ms":0},)"
        R"({"actor":"a","channel":"c","until_ms":1}]})"})
    EXPECT_EQ(Allowlist::parse(bad).status().reason(), "invalid_allowlist") << bad;
}

TEST(Allowlist, IsBounded) {
  Allowlist list;
  for (const auto& [channel, actor] : std::vector<std::pair<std::string, std::string>>{
           {"", "a"}, {"c", ""}, {"c", "\xff"}, {std::string(513, 'c'), "a"}, {"c", std::string(513, 'a')}})
    EXPECT_EQ(list.add(channel, actor, 0, kNow).reason(), "invalid_name");
  for (size_t i = 0; i < Allowlist::kMaxEntries; ++i)
    ASSERT_TRUE(list.add("c", std::to_string(i), kNow + 10, kNow).ok());
  EXPECT_EQ(list.add("c", "one more", 0, kNow).reason(), "allowlist_full");
  EXPECT_TRUE(list.add("c", "0", 0, kNow).ok());
  EXPECT_TRUE(list.add("c", "one more", 0, kNow + 10).ok());  // all others are over
  EXPECT_EQ(list.size(), 2u);
}

}  // namespace
}  // namespace tau::access
