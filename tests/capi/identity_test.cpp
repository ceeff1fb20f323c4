// Identities and access through the C functions, driven by the fixture that Python and Node are driven by:
// tests/access/golden/identity.json.
#include <gtest/gtest.h>
#include <tau/tau.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "json/json.h"

namespace {

using tau::json::Value;

tau_str str(const std::string& text) { return {text.data(), text.size()}; }

Value parsed(const std::string& text) {
  auto value = tau::json::parse(text);
  EXPECT_TRUE(value.ok()) << text;
  return value.ok() ? *value : Value();
}

Value fixture() {
  std::ifstream file(std::string(std::getenv("TAU_GOLDEN")) + "/identity.json");
  return parsed(std::string((std::istreambuf_iterator<char>(file)), {}));
}

// The text that a call gives, or "!" and the reason of its failure; "details" are those of the error.
template <class Function, class... Arguments>
std::string call(Function function, Arguments... arguments) {
  tau_buf out = {nullptr, 0, nullptr};
  tau_error* error = nullptr;
  std::string text;
  if (function(arguments..., &out, &error) == TAU_OK) {
    text.assign(out.data, out.len);
  } else {
    const tau_str reason = tau_error_reason(error);
    text = "!" + std::string(reason.data, reason.len);
    EXPECT_EQ(out.data, nullptr);
  }
  tau_buf_free(&out);
  tau_error_free(error);
  return text;
}

struct Unref {
  void operator()(tau_identity* identity) const { tau_identity_unref(identity); }
  void operator()(tau_access* access) const { tau_access_unref(access); }
};
using Identity = std::unique_ptr<tau_identity, Unref>;
using Access = std::unique_ptr<tau_access, Unref>;

Identity identity(int64_t number) {
  std::string seed(32, '\0');
  seed[31] = static_cast<char>(number);
  tau_identity* made = nullptr;
  EXPECT_EQ(tau_identity_new(seed.data(), seed.size(), {nullptr, 0}, &made, nullptr), TAU_OK);
  return Identity(made);
}

// With a state that forgets nothing of before: the fixture is old.
Access access_of(const std::string& audience, const std::string& state) {
  tau_access_options o = TAU_ACCESS_OPTIONS_INIT;
  o.audience = str(audience);
  o.state = str(state);
  tau_access* made = nullptr;
  tau_error* error = nullptr;
  EXPECT_EQ(tau_access_open(&o, &made, &error), TAU_OK) << tau_error_message(error).data;
  return Access(made);
}

std::string perform(const Access& access, const Value& request) {
  const std::string text = tau::json::write(request);
  return call(tau_access_perform, access.get(), str(text));
}

TEST(IdentityDoor, KeysAndDocuments) {
  const Value all = fixture();
  ASSERT_EQ(all["keys"].size(), 5u);
  for (const Value& wanted : all["keys"].as_array()) {
    const Value about = parsed(call(tau_identity_describe, identity(wanted["seed_number"].as_int()).get()));
    EXPECT_EQ(about["did"].as_string(), wanted["did"].as_string());
    EXPECT_EQ(about["key_id"].as_string(), wanted["key_id"].as_string());
  }
  const Value& wanted = all["did_web"];
  for (const Value& web : wanted.as_array()) {
    const std::string did(web["did"].as_string());
    const std::string found = call(tau_did_resolve, str(did), tau_str{nullptr, 0});
    EXPECT_EQ(found, web["url"].is_null() ? "!invalid_did_web" : "!no_document") << did;
  }
}

TEST(IdentityDoor, MakesTheStatementsOfTheFixture) {
  const Value all = fixture();
  Value proof = Value::object();
  proof.set("challenge", all["proof"]["challenge"]).set("audience", "agent.example").set("purpose", "pair");
  const std::string asked = tau::json::write(proof);
  std::string jws;
  for (const Value& part : all["proof"]["jws"].as_array())
    jws += (jws.empty() ? "" : ".") + std::string(part.as_string());
  EXPECT_EQ(call(tau_identity_sign, identity(1).get(), tau_statement_kind{TAU_STATEMENT_PROOF}, str(asked)),
            jws);

  Value bare = Value::object();
  for (const auto& [key, value] : all["agent_card"]["card"].as_object())
    if (key != "signatures") bare.set(key, value);
  const int64_t now_s = all["now_ms"].as_int() / 1000;
  Value card = Value::object();
  card.set("card", bare).set("issued_s", now_s).set("expires_s", now_s + 86'400);
  const std::string request = tau::json::write(card);
  EXPECT_EQ(parsed(call(tau_identity_sign, identity(3).get(), tau_statement_kind{TAU_STATEMENT_CARD},
                        str(request))),
            all["agent_card"]["card"]);

  Value list = all["trust_roots"]["list"];
  list.set("signatures", Value::array());
  for (const int64_t number : {1, 3}) {
    const std::string roots = tau::json::write(Value::object().set("list", list));
    list = parsed(
        call(tau_identity_sign, identity(number).get(), tau_statement_kind{TAU_STATEMENT_ROOTS}, str(roots)));
  }
  EXPECT_EQ(list, all["trust_roots"]["list"]);
}

TEST(IdentityDoor, JudgesTheStatementsOfTheFixture) {
  const Value all = fixture();
  const std::string card = tau::json::write(all["agent_card"]["card"]);
  const auto verify = [&](tau_statement_kind kind, const std::string& text, const std::string& request) {
    return call(tau_identity_verify, kind, str(text), str(request));
  };
  const std::string did(all["keys"].as_array()[3]["did"].as_string());
  const std::string now = std::to_string(all["now_ms"].as_int());
  const std::string expected = R"({"did":")" + did + R"(","now_ms":)" + now + "}";
  EXPECT_EQ(parsed(verify(TAU_STATEMENT_CARD, card, expected))["did"].as_string(), did);
  EXPECT_EQ(verify(TAU_STATEMENT_CARD, card, R"({"now_ms":1700086400000})"), "!card_expired");
  EXPECT_EQ(
      verify(TAU_STATEMENT_CARD, card,
             R"({"did":"did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp","now_ms":)" + now + "}"),
      "!wrong_did");
  std::string forged = card;
  forged.replace(forged.find("Fixture"), 7, "Mixture");
  EXPECT_EQ(verify(TAU_STATEMENT_CARD, forged, expected), "!invalid_signature");
  const std::string roots = tau::json::write(all["trust_roots"]["list"]);
  const std::string digest(all["trust_roots"]["digest"].as_string());
  EXPECT_EQ(
      parsed(verify(TAU_STATEMENT_ROOTS, roots, R"({"digest":")" + digest + R"("})"))["version"].as_int(), 1);
  EXPECT_EQ(verify(TAU_STATEMENT_ROOTS, roots, R"({"digest":"00"})"), "!unknown_roots");
  EXPECT_EQ(verify(TAU_STATEMENT_PROOF, "x", ""), "!needs_memory");
  EXPECT_EQ(verify(TAU_STATEMENT_ENVELOPE, "{}", ""), "!needs_memory");
}

class AccessDoor : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        std::string(std::getenv("TMPDIR") != nullptr ? std::getenv("TMPDIR") : "/tmp") + "/tau-access-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    state_ = folder_ + "/state";
  }
  void TearDown() override {
    for (const char* name : {"/state", "/state.lock", ""}) ::remove((folder_ + name).c_str());
  }
  std::string folder_, state_;
};

TEST_F(AccessDoor, ProofsAreAcceptedOnceByWhoAsked) {
  const Access access = access_of("agent.example", state_);
  const std::string challenge = perform(access, parsed(R"({"op":"challenge","purpose":"pair"})"));
  Value answer = Value::object();
  answer.set("challenge", parsed(challenge)).set("audience", "agent.example").set("purpose", "pair");
  const std::string request = tau::json::write(answer);
  const std::string proof =
      call(tau_identity_sign, identity(1).get(), tau_statement_kind{TAU_STATEMENT_PROOF}, str(request));
  const auto verify = [&](const std::string& text, const char* purpose) {
    Value op = parsed(R"({"op":"verify","kind":"proof"})");
    op.set("proof", text).set("purpose", purpose);
    return perform(access, op);
  };
  EXPECT_EQ(verify(proof, "pay"), "!wrong_purpose");
  std::string forged = proof;
  forged[forged.size() - 10] = forged[forged.size() - 10] == 'A' ? 'B' : 'A';
  EXPECT_EQ(verify(forged, "pair"), "!invalid_signature");
  EXPECT_EQ(parsed(verify(proof, "pair"))["did"].as_string(),
            fixture()["keys"].as_array()[1]["did"].as_string());
  EXPECT_EQ(verify(proof, "pair"), "!replayed");
  // That of the fixture was for nobody's challenge here.
  const Value all = fixture();
  std::string jws;
  for (const Value& part : all["proof"]["jws"].as_array())
    jws += (jws.empty() ? "" : ".") + std::string(part.as_string());
  EXPECT_EQ(verify(jws, "pair"), "!unknown_challenge");
}

TEST_F(AccessDoor, TheEnvelopeOfTheFixture) {
  const Value all = fixture();
  Value op = parsed(R"({"op":"verify","kind":"envelope"})");
  op.set("envelope", all["envelope"]["envelope"]).set("payload", all["envelope"]["payload"]);
  op.set("now_ms", all["now_ms"]);
  // A state that is new refuses what was issued before it.
  {
    const Access access = access_of("telegram:4711", state_);
    EXPECT_EQ(perform(access, op), "!replay_window_passed");
    EXPECT_EQ(perform(access_of("telegram:1", ""), op), "!wrong_audience");
    Value later = op;
    later.set("now_ms", all["now_ms"].as_int() + 400'000);
    EXPECT_EQ(perform(access, later), "!envelope_expired");
    Value other = op;
    other.set("payload", "other");
    EXPECT_EQ(perform(access, other), "!payload_mismatch");
    tau_access_options o = TAU_ACCESS_OPTIONS_INIT;
    o.state = str(state_);
    tau_access* second = nullptr;
    EXPECT_EQ(tau_access_open(&o, &second, nullptr), TAU_UNAVAILABLE);
  }
}

TEST_F(AccessDoor, EnvelopesAreAcceptedOnceAlsoAfterARestart) {
  const int64_t later = int64_t{4'000'000'000'000};  // whatever the clock says, behind the start of the state
  const std::string request = R"({"id":"m","audience":"a","payload":"hi","issued_ms":4000000000000})";
  Value op = parsed(R"({"op":"verify","kind":"envelope","payload":"hi"})");
  op.set("envelope", parsed(call(tau_identity_sign, identity(2).get(),
                                 tau_statement_kind{TAU_STATEMENT_ENVELOPE}, str(request))));
  op.set("now_ms", later);
  EXPECT_EQ(parsed(perform(access_of("a", state_), op))["id"].as_string(), "m");
  EXPECT_EQ(perform(access_of("a", state_), op), "!replayed");
}

TEST_F(AccessDoor, ADenialTellsTheRule) {
  const std::string policy =
      R"({"schema_version":1,"roles":{"r":{"allow":[{"action":"read","resource":"*"}],)"
      R"("deny":[{"action":"*","resource":"x"}]}},"bindings":[{"principal":"alice","roles":["r"]}]})";
  tau_access_options o = TAU_ACCESS_OPTIONS_INIT;
  o.policy = str(policy);
  tau_access* made = nullptr;
  ASSERT_EQ(tau_access_open(&o, &made, nullptr), TAU_OK);
  const Access access(made);
  const std::string alice = "alice", bob = "bob", read = "read", a = "a", x = "x";
  EXPECT_EQ(parsed(call(tau_access_check, made, str(alice), str(read), str(a)))["role"].as_string(), "r");
  EXPECT_EQ(call(tau_access_check, made, str(bob), str(read), str(a)), "!access_denied");
  tau_buf out = {nullptr, 0, nullptr};
  tau_error* error = nullptr;
  EXPECT_EQ(tau_access_check(made, str(alice), str(read), str(x), &out, &error), TAU_PERMISSION_DENIED);
  const tau_str details = tau_error_details(error);
  EXPECT_EQ(parsed(std::string(details.data, details.len))["reason"].as_string(), "deny_rule");
  tau_error_free(error);
}

}  // namespace
