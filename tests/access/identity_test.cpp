// Identities as hosts use them: requests and answers in JSON.
#include <gtest/gtest.h>

#include <sys/wait.h>

#include "access/support.h"

namespace tau::access {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

Secret seed_number(unsigned number) { return key_number(number).seed(); }

Identity identity(unsigned number, std::string_view did = {}) {
  return *Identity::make(seed_number(number), did);
}

TEST(IdentityTest, SpeaksForItsDidKeyOrADidWeb) {
  EXPECT_EQ(identity(1).did(), key_number(1).did());
  EXPECT_EQ(identity(1, key_number(1).did()).key_id(), key_number(1).key_id());
  EXPECT_EQ(identity(1, "did:web:agent.example").key_id(),
            "did:web:agent.example#" + key_number(1).multikey());
  EXPECT_EQ(identity(1, "did:web:agent.example#k1").key_id(), "did:web:agent.example#k1");
  const std::pair<std::string, const char*> refused[] = {{key_number(2).did(), "wrong_did"},
                                                         {"did:web:Agent.example", "invalid_did_web"},
                                                         {"did:web:localhost", "invalid_did_web"},
                                                         {"agent", "invalid_did"},
                                                         {"did:ion:x", "unimplemented"}};
  for (const auto& [did, reason] : refused)
    EXPECT_EQ(Identity::make(seed_number(1), did).status().reason(), reason);
  EXPECT_EQ(Identity::make(Secret("short"), "").status().reason(), "invalid_length");
}

// The document that it says is one that its own statements verify by.
TEST(IdentityTest, TheDocumentOfADidWebIsWhatVerifiersNeed) {
  const Identity agent = identity(1, "did:web:agent.example");
  CountingRandom random;
  const json::Value about = *json::parse(agent.describe());
  EXPECT_EQ(about["url"].as_string(), "https://agent.example/.well-known/did.json");
  const std::string card = *agent.sign(StatementKind::kCard, R"({"card":{"name":"x"}})", random, kNow);
  json::Value request = json::Value::object();
  request.set("did", "did:web:agent.example");
  EXPECT_EQ(verify_statement(StatementKind::kCard, card, json::write(request), kNow).status().reason(),
            "no_document");
  request.set("documents", json::Value::object().set("did:web:agent.example", about["document"]));
  const auto found = verify_statement(StatementKind::kCard, card, json::write(request), kNow);
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  EXPECT_EQ((*json::parse(*found))["key_id"].as_string(), agent.key_id());
}

TEST(IdentityTest, TellsWhereTheDocumentIsThatIsMissing) {
  const Status missing = describe_did("did:web:agent.example", "").status();
  EXPECT_EQ(missing.reason(), "no_document");
  EXPECT_EQ((*json::parse(missing.details_json()))["url"].as_string(),
            "https://agent.example/.well-known/did.json");
}

TEST(IdentityTest, RequestsAreClosed) {
  const Identity agent = identity(1);
  CountingRandom random;
  for (const char* request : {"", "[]", "{}", R"({"card":{"name":"x"},"more":1})", R"({"card":1})",
                              R"({"card":{"name":"x"},"issued_s":-1})"})
    EXPECT_EQ(agent.sign(StatementKind::kCard, request, random, kNow).status().reason(), "invalid_request")
        << request;
  EXPECT_EQ(
      agent.sign(StatementKind::kEnvelope, R"({"id":"a","audience":"b"})", random, kNow).status().reason(),
      "invalid_request");
  EXPECT_EQ(verify_statement(StatementKind::kCard, "{}", R"({"dids":1})", kNow).status().reason(),
            "invalid_request");
}

TEST(IdentityTest, AnswersNoChallengeForSomethingElse) {
  const Identity agent = identity(1);
  CountingRandom random;
  const std::string challenge =
      R"({"challenge":{"aud":"bank","exp":1700000100,"iat":1700000000,"nonce":"KioqKioqKioqKioqKioqKio","purpose":"pay"},)";
  EXPECT_EQ(
      agent.sign(StatementKind::kProof, challenge + R"("audience":"chat","purpose":"pay"})", random, kNow)
          .status()
          .reason(),
      "wrong_audience");
  EXPECT_EQ(
      agent.sign(StatementKind::kProof, challenge + R"("audience":"bank","purpose":"pair"})", random, kNow)
          .status()
          .reason(),
      "wrong_purpose");
}

TEST(IdentityTest, AFirstListOfRootsIsKnownByItsDigest) {
  CountingRandom random;
  json::Value list = *json::parse(
      R"({"schema_version":1,"version":1,"threshold":1,"keys":[],"revoked":[],"signatures":[]})");
  list.set("issued_ms", kNow).set("expires_ms", kNow + 1000);
  list.set("roots", json::Value(json::Value::Array{key_number(1).multikey()}));
  const std::string text =
      *identity(1).sign(StatementKind::kRoots, R"({"list":)" + json::write(list) + "}", random, kNow);
  const auto verify = [&](std::string_view request) {
    const auto found = verify_statement(StatementKind::kRoots, text, request, kNow);
    return found.ok() ? "" : std::string(found.status().reason());
  };
  EXPECT_EQ(verify("{}"), "invalid_request");
  EXPECT_EQ(verify(R"({"digest":"00"})"), "unknown_roots");
  const std::string digest = crypto::hex(TrustRoots::open(text, 0)->digest());
  EXPECT_EQ(verify(R"({"digest":")" + digest + R"("})"), "");
  EXPECT_EQ(verify(R"({"previous":)" + text + "}"), "roots_rollback");
}

TEST(IdentityTest, WhatIsAcceptedOnceNeedsAMemory) {
  for (const StatementKind kind : {StatementKind::kProof, StatementKind::kEnvelope})
    EXPECT_EQ(verify_statement(kind, "x", "", kNow).status().reason(), "needs_memory");
}

TEST(IdentityTest, AForkedChildHasNoKey) {
  const Identity agent = identity(1);
  const pid_t child = fork();
  if (child == 0) {
    CountingRandom random;
    const bool refused = agent.seed().status().reason() == "forked" &&
                         agent.sign(StatementKind::kCard, "{}", random, kNow).status().reason() == "forked";
    _exit(refused ? 0 : 1);
  }
  int status = 1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace tau::access
