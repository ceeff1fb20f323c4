// An authority: proofs, envelopes, pairing and lists behind one door, and what of it outlives a restart.
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "access/support.h"
#include "support/temp_dir.h"

namespace tau::access {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

class FixedClock final : public Clock {
 public:
  int64_t monotonic_ns() override { return 1; }
  int64_t wall_ms() override { return now_ms; }
  int64_t now_ms = kNow;
};

class AuthorityTest : public testing::Test {
 protected:
  std::shared_ptr<Authority> open(std::string audience = "telegram:4711", bool kept = true) {
    auto made =
        Authority::create({.policy = "", .audience = std::move(audience), .state = kept ? state_ : ""},
                          clock_, system_random());
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    return made.ok() ? *made : nullptr;
  }
  static std::string reason(const StatusOr<std::string>& answer) {
    return answer.ok() ? "" : std::string(answer.status().reason());
  }
  std::string envelope(unsigned key, std::string_view payload, int64_t issued_ms) {
    json::Value request = json::Value::object();
    request.set("id", "m1")
        .set("audience", "telegram:4711")
        .set("payload", payload)
        .set("issued_ms", issued_ms);
    return *Identity::make(key_number(key).seed(), "")
                ->sign(StatementKind::kEnvelope, json::write(request), system_random(), issued_ms);
  }
  static std::string opening(const std::string& envelope, std::string_view payload) {
    json::Value op = json::Value::object();
    op.set("op", "verify")
        .set("kind", "envelope")
        .set("envelope", *json::parse(envelope))
        .set("payload", payload);
    return json::write(op);
  }

  test::TempDir dir_;
  const std::string state_ = dir_.file("access.state");
  FixedClock clock_;
};

TEST_F(AuthorityTest, ProofsGoThroughOnce) {
  const auto authority = open();
  const Identity agent = *Identity::make(key_number(1).seed(), "");
  const std::string challenge = *authority->perform(R"({"op":"challenge","purpose":"pair"})");
  const std::string proof =
      *agent.sign(StatementKind::kProof,
                  R"({"challenge":)" + challenge + R"(,"audience":"telegram:4711","purpose":"pair"})",
                  system_random(), kNow);
  const auto verify = [&](std::string_view purpose, std::string_view did) {
    json::Value op = json::Value::object();
    op.set("op", "verify").set("kind", "proof").set("proof", proof).set("purpose", purpose);
    if (!did.empty()) op.set("did", did);
    return reason(authority->perform(json::write(op)));
  };
  EXPECT_EQ(verify("pay", ""), "wrong_purpose");
  EXPECT_EQ(verify("pair", key_number(2).did()), "wrong_did");
  EXPECT_EQ(verify("pair", agent.did()), "");
  EXPECT_EQ(verify("pair", agent.did()), "replayed");
  clock_.now_ms += 121'000;
  EXPECT_EQ(verify("pair", agent.did()), "proof_expired");
}

TEST_F(AuthorityTest, EnvelopesAreAcceptedOnceAlsoAfterARestart) {
  clock_.now_ms = kNow;
  auto authority = open();
  clock_.now_ms += 120'000;
  const std::string sealed = envelope(1, "hello", clock_.now_ms);
  EXPECT_EQ(reason(authority->perform(opening(sealed, "other"))), "payload_mismatch");
  EXPECT_EQ(reason(authority->perform(opening(sealed, "hello"))), "");
  EXPECT_EQ(reason(authority->perform(opening(sealed, "hello"))), "replayed");
  authority = nullptr;
  authority = open();
  EXPECT_EQ(reason(authority->perform(opening(sealed, "hello"))), "replayed");
  EXPECT_EQ(reason(authority->perform(opening(envelope(1, "next", clock_.now_ms), "next"))), "");
  authority = nullptr;
  // Without the state, what was issued before is refused as a whole.
  std::filesystem::remove(state_);
  authority = open();
  EXPECT_EQ(reason(authority->perform(opening(sealed, "hello"))), "replay_window_passed");
  EXPECT_EQ(reason(open("telegram:4711", false)->perform(opening(sealed, "hello"))), "replay_window_passed");
}

TEST_F(AuthorityTest, RefusesWhatIsForSomebodyElse) {
  auto authority = open("telegram:1");
  clock_.now_ms += 120'000;
  const std::string sealed = envelope(1, "hello", clock_.now_ms);
  EXPECT_EQ(reason(authority->perform(opening(sealed, "hello"))), "wrong_audience");
  authority = nullptr;
  authority = open("");
  EXPECT_EQ(reason(authority->perform(opening(sealed, "hello"))), "no_audience");
  EXPECT_EQ(reason(authority->perform(R"({"op":"challenge","purpose":"pair"})")), "no_audience");
}

TEST_F(AuthorityTest, NothingIsAcceptedThatCannotBeKept) {
  std::filesystem::create_directory(dir_.file("sub"));
  auto made = Authority::create({.policy = "", .audience = "telegram:4711", .state = dir_.file("sub/state")},
                                clock_, system_random());
  ASSERT_TRUE(made.ok());
  clock_.now_ms += 120'000;
  std::filesystem::remove_all(dir_.file("sub"));
  EXPECT_FALSE((*made)->perform(opening(envelope(1, "hello", clock_.now_ms), "hello")).ok());
  EXPECT_FALSE((*made)->perform(R"({"op":"allow","channel":"c","actor":"a"})").ok());
  EXPECT_EQ(*(*made)->perform(R"({"op":"admit","channel":"c","actor":"a"})"),
            R"({"allowed":false,"reason":"deny_not_listed"})");
}

TEST_F(AuthorityTest, OneAtATimeHasTheFile) {
  const auto first = open();
  EXPECT_EQ(Authority::create({.policy = "", .audience = "x", .state = state_}, clock_, system_random())
                .status()
                .reason(),
            "state_busy");
}

TEST_F(AuthorityTest, APairedActorIsAdmittedAndStaysSo) {
  auto authority = open();
  const auto admitted = [&](const char* actor) {
    return *authority->perform(format(R"({{"op":"admit","channel":"telegram:4711","actor":"{}"}})", actor));
  };
  const json::Value made =
      *json::parse(*authority->perform(R"({"op":"pair","channel":"telegram:4711","actor":"alice"})"));
  EXPECT_EQ(reason(authority->perform(R"({"op":"pair","channel":"telegram:4711","actor":"alice"})")),
            "pairing_pending");
  EXPECT_EQ(reason(authority->perform(
                R"({"op":"redeem","channel":"telegram:4711","actor":"alice","code":"0000-0000"})")),
            "wrong_code");
  EXPECT_EQ(admitted("alice"), R"({"allowed":false,"reason":"deny_not_listed"})");
  const std::string redeem = format(R"({{"op":"redeem","channel":"telegram:4711","actor":"{}","code":"{}"}})",
                                    "bob", made["code"].as_string());
  EXPECT_EQ(reason(authority->perform(redeem)), "pairing_unknown");
  EXPECT_EQ(reason(authority->perform(
                format(R"({{"op":"redeem","channel":"telegram:4711","actor":"alice","code":"{}"}})",
                       made["code"].as_string()))),
            "");
  EXPECT_EQ(admitted("alice"), R"({"allowed":true,"reason":"allow_listed"})");
  EXPECT_EQ(admitted("bob"), R"({"allowed":false,"reason":"deny_not_listed"})");
  authority = nullptr;
  authority = open();
  EXPECT_EQ(admitted("alice"), R"({"allowed":true,"reason":"allow_listed"})");
  EXPECT_EQ(*authority->perform(R"({"op":"remove","channel":"telegram:4711","actor":"alice"})"),
            R"({"removed":true})");
  EXPECT_EQ(admitted("alice"), R"({"allowed":false,"reason":"deny_not_listed"})");
}

TEST_F(AuthorityTest, TrustRootsSpeakForWhoHasNoDid) {
  auto authority = open();
  clock_.now_ms += 120'000;
  json::Value list =
      *json::parse(R"({"schema_version":1,"version":1,"threshold":1,"revoked":[],"signatures":[]})");
  list.set("issued_ms", kNow).set("expires_ms", kNow + 86'400'000);
  list.set("roots", json::Value(json::Value::Array{key_number(1).multikey()}));
  list.set("keys", json::Value(json::Value::Array{*json::parse(
                       format(R"({{"id":"alice-1","key":"{}","issuers":["alice"],"expires_ms":{}}})",
                              key_number(4).multikey(), kNow + 86'400'000))}));
  const std::string roots = *sign_trust_roots(json::write(list), key_number(1));
  json::Value request = json::Value::object();
  request.set("id", "m1").set("audience", "telegram:4711").set("payload", "hi");
  request.set("issuer", "alice").set("key_id", "alice-1").set("issued_ms", clock_.now_ms);
  const std::string sealed =
      *Identity::make(key_number(4).seed(), "")
           ->sign(StatementKind::kEnvelope, json::write(request), system_random(), kNow);
  EXPECT_EQ(reason(authority->perform(opening(sealed, "hi"))), "untrusted_key");
  EXPECT_EQ(reason(authority->perform(R"({"op":"roots","list":)" + roots + "}")), "invalid_request");
  EXPECT_EQ(reason(authority->perform(R"({"op":"roots","list":)" + roots + R"(,"digest":")" +
                                      crypto::hex(TrustRoots::open(roots, 0)->digest()) + R"("})")),
            "");
  authority = nullptr;
  authority = open();  // they are kept
  EXPECT_EQ(reason(authority->perform(opening(sealed, "hi"))), "");
  EXPECT_EQ(reason(authority->perform(R"({"op":"roots","list":)" + roots + "}")), "roots_rollback");
}

TEST_F(AuthorityTest, AYesIsForOneUseOfTheSameByAnother) {
  auto authority = open();
  const std::string subject = R"("action":"tool:write","target":"workspace/a","content":"x","policy":"7")";
  const auto perform = [&](const std::string& op) { return authority->perform("{" + op + "}"); };
  const json::Value asked =
      *json::parse(*perform(R"("op":"ask","summary":"write a","requester":"agent",)" + subject));
  const std::string id(asked["id"].as_string());
  const std::string use = R"("op":"use","id":")" + id + "\"," + subject;
  const auto decide = [&](const char* approver) {
    return reason(perform(R"("op":"decide","allow":true,"approver":")" + std::string(approver) +
                          R"(","id":")" + id + "\""));
  };
  EXPECT_EQ(reason(perform(use)), "approval_pending");
  EXPECT_EQ(decide("agent"), "self_approval");
  authority = nullptr;
  authority = open();  // it waits over a restart
  EXPECT_EQ(decide("alice"), "");
  EXPECT_EQ(decide("alice"), "approval_decided");
  EXPECT_EQ(reason(perform(R"("op":"use","id":")" + id +
                           R"(","action":"tool:write","target":"workspace/b","content":"x")")),
            "approval_mismatch");
  EXPECT_EQ(reason(perform(use)), "");
  authority = nullptr;
  authority = open();  // and is spent over one
  EXPECT_EQ(reason(perform(use)), "approval_used");
  const json::Value listed = *json::parse(*perform(R"("op":"approvals")"));
  ASSERT_EQ(listed["approvals"].size(), 1u);
  EXPECT_EQ(listed["approvals"].as_array()[0]["approver"].as_string(), "alice");
  EXPECT_EQ(listed["approvals"].as_array()[0]["state"].as_string(), "used");
}

TEST_F(AuthorityTest, AStateThatIsDamagedOpensNothing) {
  open();
  const std::string whole = dir_.read("access.state");
  for (const std::string& text : {std::string(), whole.substr(1), whole.substr(0, whole.size() / 2),
                                  std::string(R"({"schema_version":2})"), std::string("{}")}) {
    ASSERT_TRUE(os::write_private_file(state_, text).ok());
    EXPECT_EQ(Authority::create({.policy = "", .audience = "x", .state = state_}, clock_, system_random())
                  .status()
                  .code(),
              Code::kDataLoss)
        << text;
  }
}

TEST_F(AuthorityTest, RefusesRequestsThatItDoesNotKnow) {
  const auto authority = open();
  for (const char* op : {"", "{}", R"({"op":"trust"})", R"({"op":"challenge"})",
                         R"({"op":"challenge","purpose":"p","x":1})", R"({"op":"verify","kind":"roots"})",
                         R"({"op":"admit","channel":"c"})", R"({"op":"pair","channel":"c","actor":1})"})
    EXPECT_EQ(reason(authority->perform(op)), "invalid_request") << op;
}

TEST_F(AuthorityTest, WithoutAPolicyNobodyMayDoAnything) {
  const Status denied = open()->check("root", "tool:read", "workspace/a").status();
  EXPECT_EQ(denied.reason(), "access_denied");
  EXPECT_EQ((*json::parse(denied.details_json()))["reason"].as_string(), "unbound_principal");
}

TEST_F(AuthorityTest, OfManyUsesAtOnceOneSucceeds) {
  const auto authority = open();
  clock_.now_ms += 120'000;
  const std::string op = opening(envelope(1, "hello", clock_.now_ms), "hello");
  std::atomic<int> accepted = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { accepted += authority->perform(op).ok() ? 1 : 0; });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(accepted, 1);
}

}  // namespace
}  // namespace tau::access
