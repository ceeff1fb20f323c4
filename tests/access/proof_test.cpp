// Pins signatures as JWS and proofs of possession: what is right is taken once, and everything else never.
#include "access/proof.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "access/jws.h"
#include "access/support.h"

namespace tau::access {
namespace {

constexpr int64_t kNow = 1'700'000'000'500;

// RFC 8037 appendix A.4, with the key of A.1.
TEST(Jws, MatchesTheRfcVector) {
  const SigningKey key = *SigningKey::from_seed(
      Secret(*crypto::from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")));
  EXPECT_EQ(crypto::base64url_encode(bytes_of(key.public_key())),
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
  const std::string jws = sign_jws(key, json::Value::object(), "Example of Ed25519 signing");
  EXPECT_EQ(jws,
            std::string("eyJhbGciOiJFZERTQSJ9") + ".RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc." +
                "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
  const auto parsed = parse_jws(jws);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->payload, "Example of Ed25519 signing");
  EXPECT_TRUE(parsed->verified_by(key.public_key()));
  EXPECT_FALSE(parsed->verified_by(key_number(1).public_key()));
}

std::string b64(std::string_view text) { return crypto::base64url_encode(text); }

TEST(Jws, RefusesWhatIsNoneOfEdDsa) {
  const std::string tail = "." + b64("p") + "." + b64(std::string(64, 's'));
  EXPECT_TRUE(parse_jws(b64(R"({"alg":"EdDSA"})") + tail).ok());
  EXPECT_TRUE(parse_jws(b64(R"({"alg":"Ed25519"})") + tail).ok());
  // RFC 7515 appendices A.1 (HMAC) and A.5 (no signature) among them.
  for (const char* header : {R"({"typ":"JWT","alg":"HS256"})", R"({"alg":"none"})", R"({"alg":"eddsa"})",
                             "{}", R"({"alg":["EdDSA"]})", R"({"alg":"ES256"})"})
    EXPECT_EQ(parse_jws(b64(header) + tail).status().reason(), "unsupported_algorithm") << header;
  for (const std::string& bad :
       std::vector<std::string>{"",
                                ".",
                                "..",
                                "a",
                                tail,
                                b64("{}"),
                                b64(R"({"alg":"EdDSA","crit":["x"]})") + tail,
                                b64(R"({"alg":"EdDSA","b64":false})") + tail,
                                b64(R"({"alg":"EdDSA","alg":"EdDSA"})") + tail,
                                b64("[]") + tail,
                                b64("x") + tail,
                                b64(R"({"alg":"EdDSA"})") + "=" + tail,
                                b64(R"({"alg":"EdDSA"})") + ".!." + b64(std::string(64, 's')),
                                b64(R"({"alg":"EdDSA"})") + ".cA." + b64(std::string(63, 's')),
                                b64(R"({"alg":"EdDSA"})") + ".cA." + b64(std::string(65, 's')),
                                b64(R"({"alg":"EdDSA"})") + ".cA." + b64(std::string(64, 's')) + "=",
                                b64(R"({"alg":"EdDSA"})") + ".cA.",
                                b64(R"({"alg":"EdDSA"})") + ".cA..",
                                b64(R"({"alg":"EdDSA"})") + ".cA.cA." + b64(std::string(64, 's')),
                                b64(R"({"alg":"EdDSA"})") + "." + b64(std::string(kMaxJwsBytes, 'p')) + "." +
                                    b64(std::string(64, 's'))})
    EXPECT_EQ(parse_jws(bad).status().reason(), "invalid_jws") << bad.substr(0, 200);
  EXPECT_EQ(parse_jws_parts(std::string(kMaxJwsBytes + 1, 'x'), "", "").status().reason(), "invalid_jws");
}

class ProofTest : public ::testing::Test {
 protected:
  ProofTest() : verifier_(make("agent.example")) {}

  std::unique_ptr<ProofVerifier> make(std::string audience, size_t capacity = 64) {
    return *ProofVerifier::create(
        {.audience = std::move(audience), .lifetime_s = 60, .replay_capacity = capacity}, &random_);
  }
  Challenge challenge() { return *verifier_->challenge("pair", kNow); }
  std::string proof(const Challenge& challenge) {
    return *prove(key_, name_of(key_), challenge, challenge.audience, challenge.purpose);
  }
  std::string judge(const std::string& proof, int64_t now_ms = kNow, std::string_view purpose = "pair",
                    std::string_view did = "") {
    const auto verified = verifier_->verify(proof, purpose, did, web_.resolver(), now_ms);
    return verified.ok() ? "ok " + verified->did : std::string(verified.status().reason());
  }
  // A proof with other claims or another header, signed with the right key.
  std::string forged(const std::function<void(json::Value& header, json::Value& claims)>& change) {
    const Jws jws = *parse_jws(proof(challenge()));
    json::Value header = jws.header, claims = *json::parse(jws.payload);
    change(header, claims);
    return sign_jws(key_, header, json::canonical(claims));
  }

  CountingRandom random_;
  Web web_;
  const SigningKey key_ = key_number(7);
  std::unique_ptr<ProofVerifier> verifier_;
};

TEST_F(ProofTest, IsTakenOnce) {
  const Challenge asked = *parse_challenge(to_json(challenge()));
  const std::string answer = proof(asked);
  EXPECT_EQ(judge(answer), "ok " + key_.did());
  EXPECT_EQ(judge(answer), "replayed");
  // To the end of its validity, and when the clock goes back.
  EXPECT_EQ(judge(answer, kNow + 59'000), "replayed");
  EXPECT_EQ(judge(answer, kNow + 60'000), "proof_expired");
  EXPECT_EQ(judge(answer, kNow), "replayed");
  // Another signature over the same challenge is the same answer.
  EXPECT_EQ(judge(proof(asked)), "replayed");
  EXPECT_EQ(judge(proof(challenge())), "ok " + key_.did());
}

TEST_F(ProofTest, StaysRefusedAfterItWasForgotten) {
  const std::string answer = proof(challenge());
  EXPECT_EQ(judge(answer), "ok " + key_.did());
  const Challenge later = *verifier_->challenge("pair", kNow + 120'000);
  EXPECT_EQ(judge(proof(later), kNow + 120'000), "ok " + key_.did());  // forgets the first
  EXPECT_EQ(judge(answer, kNow), "replay_window_passed");
}

TEST_F(ProofTest, HasItsTime) {
  const Challenge asked = challenge();
  EXPECT_EQ(judge(proof(asked), asked.issued_s * 1000 - 1), "proof_not_yet_valid");
  EXPECT_EQ(judge(proof(asked), asked.expires_s * 1000), "proof_expired");
  EXPECT_EQ(judge(proof(asked), asked.expires_s * 1000 - 1), "ok " + key_.did());
  const Challenge again = challenge();
  EXPECT_EQ(judge(proof(again), again.issued_s * 1000), "ok " + key_.did());
}

TEST_F(ProofTest, IsForOneAudienceAndPurpose) {
  const auto other = make("other.example");
  const Challenge foreign = *other->challenge("pair", kNow);
  EXPECT_EQ(judge(proof(foreign)), "wrong_audience");
  EXPECT_EQ(judge(proof(*verifier_->challenge("log in", kNow))), "wrong_purpose");
  // Of the same audience, but asked by nobody here: another process, or one before a restart.
  EXPECT_EQ(judge(proof(*make("agent.example")->challenge("pair", kNow))), "unknown_challenge");
  // Who answers notices that it speaks to somebody else.
  EXPECT_EQ(prove(key_, name_of(key_), foreign, "agent.example", "pair").status().reason(), "wrong_audience");
  EXPECT_EQ(prove(key_, name_of(key_), challenge(), "agent.example", "log in").status().reason(),
            "wrong_purpose");
}

TEST_F(ProofTest, NeedsTheKeyThatItNames) {
  const SigningKey other = key_number(8);
  const Challenge asked = challenge();
  // Signed with one's own key in another's name; with a key that is not there; by another than is expected.
  EXPECT_EQ(judge(*prove(other, name_of(key_), asked, "agent.example", "pair")), "invalid_signature");
  EXPECT_EQ(judge(*prove(other, {key_.did(), other.key_id()}, asked, "agent.example", "pair")),
            "unknown_key");
  EXPECT_EQ(judge(proof(asked), kNow, "pair", other.did()), "wrong_did");
  EXPECT_EQ(judge(*prove(key_, {"did:web:example.com", key_.key_id()}, asked, "agent.example", "pair")),
            "http_404");
  EXPECT_EQ(judge(*prove(key_, {"nobody", key_.key_id()}, asked, "agent.example", "pair")), "invalid_did");
  EXPECT_EQ(judge(*prove(key_, {key_.did(), ""}, asked, "agent.example", "pair")), "invalid_proof");
  // None of that has used the challenge up.
  EXPECT_EQ(judge(proof(asked), kNow, "pair", key_.did()), "ok " + key_.did());
}

TEST_F(ProofTest, NeedsAKeyForAuthentication) {
  const std::string did = "did:web:example.com";
  const std::string at = "https://example.com/.well-known/did.json";
  const auto answer = [&] {
    return *prove(key_, {did, did + "#key-1"}, challenge(), "agent.example", "pair");
  };
  web_.documents[at] = web_document(did, key_, {"assertionMethod"});
  EXPECT_EQ(judge(answer()), "unknown_key");
  web_.documents[at] = web_document(did, key_, {"authentication"});
  EXPECT_EQ(judge(answer()), "ok " + did);
  web_.documents[at] = web_document(did, key_number(8), {"authentication"});  // the key was rotated
  EXPECT_EQ(judge(answer()), "invalid_signature");
}

TEST_F(ProofTest, AsksNobodyForWhatItDidNotAsk) {
  json::Value claims = *json::parse(parse_jws(proof(challenge()))->payload);
  claims.set("iss", "did:web:example.com");
  claims.set("nonce", b64(std::string(32, 'n')));
  json::Value header = json::Value::object();
  header.set("typ", "tau-proof+jws");
  header.set("kid", "did:web:example.com#key-1");
  EXPECT_EQ(judge(sign_jws(key_, header, json::canonical(claims))), "unknown_challenge");
  EXPECT_EQ(web_.fetched, 0);
}

TEST_F(ProofTest, IsNoticedWhenAnythingInItChanges) {
  using V = json::Value;
  const std::vector<std::function<void(V&, V&)>> changes = {
      [](V&, V& c) { c.set("aud", "agent.example2"); },
      [](V&, V& c) { c.set("purpose", "pay"); },
      [](V&, V& c) { c.set("exp", c["exp"].as_int() + 1); },
      [](V&, V& c) { c.set("iat", c["iat"].as_int() - 1); },
      [](V&, V& c) { c.set("exp", c["iat"].as_int() + kMaxChallengeSeconds + 1); },
      [](V&, V& c) { c.set("exp", c["iat"].as_int()); },
      [](V&, V& c) { c.set("exp", 1.5); },
      [](V&, V& c) { c.set("iat", -1); },
      [](V&, V& c) { c.set("nonce", std::string(c["nonce"].as_string()) + "AAAA"); },
      [](V&, V& c) { c.set("nonce", b64(std::string(15, 'n'))); },
      [](V&, V& c) { c.set("nonce", b64(std::string(16, 'n'))); },
      [](V&, V& c) { c.set("nonce", "!"); },
      [](V&, V& c) { c.set("more", 1); },
      [](V&, V& c) { c.erase("iss"); },
      [](V&, V& c) { c.set("iss", ""); },
      [](V&, V& c) { c = V::array(); },
      [](V& h, V&) { h.set("typ", "JWT"); },
      [](V& h, V&) { h.erase("typ"); },
      [](V& h, V&) { h.erase("kid"); },
      [](V& h, V&) { h.set("kid", std::string(kMaxDidBytes + 1, 'k')); },
  };
  for (size_t i = 0; i < changes.size(); ++i) EXPECT_NE(judge(forged(changes[i])).substr(0, 2), "ok") << i;
  EXPECT_EQ(judge(forged([](V&, V&) {})).substr(0, 2), "ok");
  EXPECT_EQ(judge(sign_jws(key_, *json::parse(R"({"typ":"tau-proof+jws"})"), "no JSON")), "invalid_proof");
  EXPECT_EQ(judge("x"), "invalid_jws");
}

TEST_F(ProofTest, RefusesWhenItCannotRemember) {
  verifier_ = make("agent.example", 2);
  EXPECT_EQ(judge(proof(challenge())), "ok " + key_.did());
  EXPECT_EQ(judge(proof(challenge())), "ok " + key_.did());
  const std::string third = proof(challenge());
  EXPECT_EQ(judge(third), "replay_store_full");
  const Challenge later = *verifier_->challenge("pair", kNow + 61'000);
  EXPECT_EQ(judge(proof(later), kNow + 61'000), "ok " + key_.did());
}

TEST_F(ProofTest, NeedsRandomnessAndNames) {
  EXPECT_EQ(ProofVerifier::create({.audience = "a"}, nullptr).status().reason(), "no_random");
  StuckRandom stuck;
  EXPECT_EQ(ProofVerifier::create({.audience = "a"}, &stuck).status().reason(), "no_random");
  for (const ProofVerifier::Options& bad : {ProofVerifier::Options{.audience = ""},
                                            {.audience = std::string(513, 'a')},
                                            {.audience = "a", .lifetime_s = 0},
                                            {.audience = "a", .lifetime_s = 601}})
    EXPECT_EQ(ProofVerifier::create(bad, &random_).status().reason(), "invalid_options");
  for (const std::string& bad : {std::string(), std::string(513, 'p'), std::string("\xff")})
    EXPECT_EQ(verifier_->challenge(bad, kNow).status().reason(), "invalid_purpose");
  EXPECT_NE(challenge().nonce, challenge().nonce);
}

TEST(Challenge, IsReadStrictly) {
  const std::string good = R"({"aud":"a","exp":60,"iat":0,"nonce":"AAAAAAAAAAAAAAAAAAAAAA","purpose":"p"})";
  const auto parsed = parse_challenge(good);
  ASSERT_TRUE(parsed.ok()) << parsed.status().to_string();
  EXPECT_EQ(to_json(*parsed), good);
  for (const char* bad :
       {"", "[]", "{}", R"({"aud":"a","exp":60,"iat":0,"nonce":"AAAAAAAAAAAAAAAAAAAAAA"})",
        R"({"aud":"a","exp":60,"iat":0,"nonce":"AAAAAAAAAAAAAAAAAAAAAA","purpose":"p","x":1})",
        R"({"aud":"a","exp":"60","iat":0,"nonce":"AAAAAAAAAAAAAAAAAAAAAA","purpose":"p"})",
        R"({"aud":"a","exp":9e30,"iat":0,"nonce":"AAAAAAAAAAAAAAAAAAAAAA","purpose":"p"})",
        R"({"aud":"a","exp":60,"iat":0,"nonce":"AAAA","purpose":"p"})"})
    EXPECT_EQ(parse_challenge(bad).status().reason(), "invalid_challenge") << bad;
}

RC_GTEST_PROP(Proof, IsNoticedWhenAnyByteChanges, ()) {
  CountingRandom random;
  const auto verifier =
      *ProofVerifier::create({.audience = "a", .lifetime_s = 60, .replay_capacity = 4}, &random);
  const SigningKey key = key_number(*rc::gen::inRange(0u, 100u));
  const Challenge asked = *verifier->challenge("p", kNow);
  std::string answer = *prove(key, name_of(key), asked, "a", "p");
  const auto at = *rc::gen::inRange<size_t>(0, answer.size());
  const auto byte = *rc::gen::arbitrary<char>();
  RC_PRE(byte != answer[at]);
  const char before = std::exchange(answer[at], byte);
  RC_ASSERT(!verifier->verify(answer, "p", "", resolve_did_key, kNow).ok());
  answer[at] = before;
  RC_ASSERT(verifier->verify(answer, "p", "", resolve_did_key, kNow).ok());
}

TEST_F(ProofTest, IsTakenOnceByManyThreads) {
  const std::string answer = proof(challenge());
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round)
        taken += verifier_->verify(answer, "pair", "", resolve_did_key, kNow).ok();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 1);
}

}  // namespace
}  // namespace tau::access
