// Pins envelopes and the store that keeps them from coming twice.
#include "access/envelope.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "access/support.h"

namespace tau::access {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;
constexpr int64_t kSkew = 60'000;
constexpr int64_t kLife = 300'000;
const char* const kPayload = "deploy the ledger\n";

class EnvelopeTest : public ::testing::Test {
 protected:
  Envelope draft(int64_t issued_ms = kNow) {
    Envelope out;
    out.id = "evt-1";
    out.issuer = key_.did();
    out.audience = "telegram:4711";
    out.key_id = key_.key_id();
    out.issued_ms = issued_ms;
    out.expires_ms = issued_ms + kLife;
    return out;
  }
  std::string seal(const Envelope& draft) { return *seal_envelope(draft, kPayload, key_, &random_); }
  std::string judge(const std::string& text, int64_t now_ms = kNow, std::string_view payload = kPayload) {
    const EnvelopeOptions options{.audience = "telegram:4711", .skew_ms = kSkew, .max_validity_ms = kLife};
    const auto opened = open_envelope(text, payload, options, lookup_, replay_, now_ms);
    return opened.ok() ? "ok " + opened->id : std::string(opened.status().reason());
  }
  // Re-signed by its own key after the change: only what is checked beyond the signature notices.
  std::string resealed(const std::function<void(json::Value&)>& change) {
    json::Value value = *json::parse(seal(draft()));
    value.erase("signature");
    change(value);
    value.set("signature",
              crypto::base64url_encode(key_.sign(bind("tau envelope 1", {json::canonical(value)}))));
    return json::write(value);
  }

  const SigningKey key_ = key_number(21);
  CountingRandom random_;
  ReplayStore replay_{64};
  KeyLookup lookup_ = keys_of_dids(resolve_did_key);
};

TEST_F(EnvelopeTest, IsAcceptedOnceInItsWholeValidity) {
  const std::string text = seal(draft());
  EXPECT_EQ(judge(text), "ok evt-1");
  // Tau forgot after 300 s what it accepted for 600 s.
  for (int64_t at = kNow; at < kNow + kLife + kSkew; at += 1000) EXPECT_EQ(judge(text, at), "replayed") << at;
  EXPECT_EQ(judge(text, kNow + kLife + kSkew - 1), "replayed");
  EXPECT_EQ(judge(text, kNow + kLife + kSkew), "envelope_expired");
}

TEST_F(EnvelopeTest, FromTheFutureIsHeldToo) {
  const std::string text = seal(draft(kNow + kSkew));
  EXPECT_EQ(judge(text, kNow - 1), "envelope_not_yet_valid");
  EXPECT_EQ(judge(text), "ok evt-1");
  for (int64_t at = kNow; at < kNow + kSkew + kLife + kSkew; at += 997)
    EXPECT_EQ(judge(text, at), "replayed") << at;
}

TEST_F(EnvelopeTest, StaysRefusedWhenTheClockGoesBack) {
  const std::string text = seal(draft());
  EXPECT_EQ(judge(text), "ok evt-1");
  const int64_t later = kNow + 10 * kLife;
  EXPECT_EQ(judge(seal(draft(later)), later), "ok evt-1");  // the first is forgotten
  EXPECT_EQ(replay_.size(), 1u);
  EXPECT_EQ(judge(text), "replay_window_passed");
}

TEST_F(EnvelopeTest, IsAcceptedOnceAcrossARestart) {
  const std::string text = seal(draft()), other = seal(draft());
  EXPECT_EQ(judge(text), "ok evt-1");
  ReplayStore restarted(64);
  ASSERT_TRUE(restarted.restore(replay_.serialize()).ok());
  const EnvelopeOptions options{.audience = "telegram:4711", .skew_ms = kSkew, .max_validity_ms = kLife};
  EXPECT_EQ(open_envelope(text, kPayload, options, lookup_, restarted, kNow).status().reason(), "replayed");
  EXPECT_TRUE(open_envelope(other, kPayload, options, lookup_, restarted, kNow).ok());
  // Without the state nothing of before is accepted.
  ReplayStore lost(64);
  lost.refuse_issued_before(kNow + kSkew + 1);
  for (const std::string& old : {text, other})
    EXPECT_EQ(open_envelope(old, kPayload, options, lookup_, lost, kNow).status().reason(),
              "replay_window_passed");
  const int64_t then = kNow + kSkew + 1;
  EXPECT_TRUE(open_envelope(seal(draft(then)), kPayload, options, lookup_, lost, then).ok());
}

TEST_F(EnvelopeTest, BindsThePayloadTheChannelAndTheActor) {
  const std::string text = seal(draft());
  EXPECT_EQ(judge(text, kNow, "deploy the ledger"), "payload_mismatch");
  EXPECT_EQ(judge(text, kNow, ""), "payload_mismatch");
  EXPECT_EQ(judge(resealed([](json::Value& v) { v.set("audience", "telegram:4712"); })), "wrong_audience");
  EXPECT_EQ(judge(resealed([](json::Value& v) { v.set("audience", "Telegram:4711"); })), "wrong_audience");
  // A key speaks for its own DID alone: Tau let any trusted key speak for any actor.
  EXPECT_EQ(judge(resealed([](json::Value& v) { v.set("issuer", key_number(22).did()); })), "unknown_key");
  EXPECT_EQ(judge(resealed([](json::Value& v) { v.set("issuer", "alice"); })), "invalid_did");
  EXPECT_EQ(judge(text), "ok evt-1");
}

TEST_F(EnvelopeTest, IsNoticedWhenAnyMemberChanges) {
  const json::Value value = *json::parse(seal(draft()));
  for (const auto& [key, member] : value.as_object()) {
    json::Value changed = value;
    changed.set(key, member.is_string() ? json::Value("AAAA" + std::string(member.as_string()))
                                        : json::Value(member.as_int() + 1));
    EXPECT_NE(judge(json::write(changed)).substr(0, 2), "ok") << key;
    changed.erase(key);
    EXPECT_EQ(judge(json::write(changed)), "invalid_envelope") << key;
  }
  json::Value more = value;
  more.set("more", 1);
  EXPECT_EQ(judge(json::write(more)), "invalid_envelope");
  EXPECT_EQ(judge(json::write(value)), "ok evt-1");
}

// Tau wrote "key=value" lines: a line break in one value was another key.
TEST_F(EnvelopeTest, HasOneMeaning) {
  Envelope a = draft();
  a.id = "x\",\"issuer\":\"y\nnonce=1";
  const std::string text = seal(a);
  EXPECT_EQ(json::parse(text)->find("id")->as_string(), a.id);
  EXPECT_EQ(judge(text), "ok " + a.id);
  // Nonces that differ in case only are two.
  const auto with_nonce = [&](const char* nonce) {
    return resealed([&](json::Value& v) { v.set("nonce", nonce); });
  };
  EXPECT_EQ(judge(with_nonce("aaaaaaaaaaaaaaaaaaaaaQ")), "ok evt-1");
  EXPECT_EQ(judge(with_nonce("AAAAAAAAAAAAAAAAAAAAAQ")), "ok evt-1");
  EXPECT_EQ(judge(with_nonce("AAAAAAAAAAAAAAAAAAAAAQ")), "replayed");
}

TEST_F(EnvelopeTest, HasBoundedTimes) {
  using V = json::Value;
  EXPECT_EQ(judge(resealed([](V& v) { v.set("expires_ms", kNow + kLife + 1); })),
            "envelope_validity_too_long");
  EXPECT_EQ(judge(resealed([](V& v) { v.set("expires_ms", kNow); })), "invalid_envelope");
  EXPECT_EQ(judge(resealed([](V& v) { v.set("issued_ms", -1); })), "invalid_envelope");
  EXPECT_EQ(judge(resealed([](V& v) { v.set("expires_ms", int64_t{1} << 53); })), "invalid_envelope");
  EXPECT_EQ(judge(resealed([](V& v) { v.set("issued_ms", std::to_string(kNow)); })), "invalid_envelope");
  EXPECT_EQ(judge(resealed([](V& v) { v.set("schema_version", 2); })), "unsupported_version");
  EXPECT_EQ(judge(resealed([](V& v) { v.set("nonce", "AAAA"); })), "invalid_envelope");
  EXPECT_EQ(judge(resealed([](V& v) { v.set("payload_hash", "AAAA"); })), "invalid_envelope");
  for (const std::string& bad : {std::string(), std::string("[]"), std::string("{}"), std::string("null"),
                                 std::string(kMaxEnvelopeBytes + 1, ' ')})
    EXPECT_EQ(judge(bad), "invalid_envelope");
}

TEST_F(EnvelopeTest, IsNotSealedWithoutRandomnessOrNames) {
  EXPECT_EQ(seal_envelope(draft(), kPayload, key_, nullptr).status().reason(), "no_random");
  for (const auto& change : std::vector<std::function<void(Envelope&)>>{
           [](Envelope& e) { e.id = ""; }, [](Envelope& e) { e.issuer = std::string(kMaxDidBytes + 1, 'x'); },
           [](Envelope& e) { e.audience = "\xff"; }, [](Envelope& e) { e.key_id = ""; },
           [](Envelope& e) { e.expires_ms = e.issued_ms; }, [](Envelope& e) { e.issued_ms = -1; },
           [](Envelope& e) { e.expires_ms = int64_t{1} << 60; }}) {
    Envelope bad = draft();
    change(bad);
    EXPECT_EQ(seal_envelope(bad, kPayload, key_, &random_).status().reason(), "invalid_envelope");
  }
}

TEST_F(EnvelopeTest, DoesNotTrustALookupThatAnswersForAnother) {
  lookup_ = keys_of_dids([](const std::string&) { return resolve_did_key(key_number(22).did()); });
  EXPECT_EQ(judge(seal(draft())), "unknown_key");
}

TEST_F(EnvelopeTest, CanBeOfKeysInTheTrustRoots) {
  json::Value list = *json::parse(
      R"({"schema_version":1,"version":1,"issued_ms":0,"expires_ms":1800000000000,"threshold":1,"revoked":[],"signatures":[]})");
  list.set("roots", json::Value::Array{key_number(1).multikey()});
  json::Value trusted = *json::parse(R"({"id":"alice-1","issuers":["alice"],"expires_ms":1800000000000})");
  trusted.set("key", key_.multikey());
  list.set("keys", json::Value::Array{trusted});
  const auto roots = TrustRoots::open(*sign_trust_roots(json::write(list), key_number(1)), 0);
  ASSERT_TRUE(roots.ok()) << roots.status().to_string();
  lookup_ = keys_of_roots(std::make_shared<TrustRoots>(*roots));
  Envelope alice = draft();
  alice.issuer = "alice";
  alice.key_id = "alice-1";
  EXPECT_EQ(judge(seal(alice)), "ok evt-1");
  alice.issuer = "bob";
  EXPECT_EQ(judge(seal(alice)), "key_not_for_issuer");
  EXPECT_EQ(judge(seal(draft())), "untrusted_key");
}

TEST_F(EnvelopeTest, FullStoreRefusesAndForgetsNothing) {
  std::vector<std::string> taken;
  for (int i = 0; i < 64; ++i) {
    taken.push_back(seal(draft()));
    EXPECT_EQ(judge(taken.back()), "ok evt-1");
  }
  EXPECT_EQ(judge(seal(draft())), "replay_store_full");
  for (const std::string& text : taken) EXPECT_EQ(judge(text), "replayed");
  const int64_t later = kNow + kLife + kSkew + 1;
  EXPECT_EQ(judge(seal(draft(later)), later), "ok evt-1");
  EXPECT_EQ(replay_.size(), 1u);
}

crypto::Digest digest(unsigned number) {
  crypto::Digest out = {};
  out[0] = static_cast<uint8_t>(number);
  out[1] = static_cast<uint8_t>(number >> 8);
  return out;
}

// Against one that forgets nothing: whatever is valid is admitted once, under any clock and any restarts;
// what is refused as new was full, or could have been forgotten.
RC_GTEST_PROP(ReplayStore, AdmitsNothingTwice, ()) {
  const auto capacity = *rc::gen::inRange<size_t>(1, 6);
  auto store = std::make_unique<ReplayStore>(capacity);
  std::set<unsigned> admitted;
  int64_t now = 1000;
  for (int step = 0; step < 200; ++step) {
    now += *rc::gen::inRange(-60, 63);
    if (*rc::gen::inRange(0, 20) == 0) {
      auto next = std::make_unique<ReplayStore>(capacity);
      RC_ASSERT(next->restore(store->serialize()).ok());
      store = std::move(next);
    }
    const auto number = *rc::gen::inRange(0u, 16u);
    const int64_t hold_until = 1000 + static_cast<int64_t>(number) * 25;  // a key has one validity
    const Status status = store->admit(digest(number), 0, hold_until, now);
    RC_ASSERT(store->size() <= capacity);
    if (admitted.contains(number)) RC_ASSERT(!status.ok());
    if (status.ok()) {
      RC_ASSERT(hold_until >= now);
      admitted.insert(number);
    }
    if (status.reason() == "replayed") RC_ASSERT(admitted.contains(number));
    if (status.reason() == "replay_store_full") RC_ASSERT(store->size() == capacity);
  }
}

// With a clock that does not go back it admits exactly what an unbounded one would.
RC_GTEST_PROP(ReplayStore, AdmitsWhatIsNewAndValid, ()) {
  ReplayStore store(1000);
  std::set<unsigned> admitted;
  int64_t now = 1000;
  for (int step = 0; step < 200; ++step) {
    now += *rc::gen::inRange(0, 30);
    const auto number = *rc::gen::inRange(0u, 64u);
    const int64_t hold_until = 900 + static_cast<int64_t>(number) * 83;
    const bool expected = hold_until >= now && !admitted.contains(number);
    RC_ASSERT(store.admit(digest(number), 0, hold_until, now).ok() == expected);
    if (expected) admitted.insert(number);
  }
}

TEST(ReplayStore, NoticesEveryFlippedBitOfItsState) {
  ReplayStore store(4);
  ASSERT_TRUE(store.admit(digest(1), 0, 100, 50).ok());
  ASSERT_TRUE(store.admit(digest(2), 0, 200, 50).ok());
  store.refuse_issued_before(0);
  const std::string state = store.serialize();
  ReplayStore other(4);
  ASSERT_TRUE(other.restore(state).ok());
  EXPECT_EQ(other.serialize(), state);
  for (size_t bit = 0; bit < state.size() * 8; ++bit) {
    std::string changed = state;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
    EXPECT_EQ(other.restore(changed).reason(), "replay_state_damaged") << bit;
  }
  for (size_t size = 0; size < state.size(); ++size)
    EXPECT_EQ(other.restore(state.substr(0, size)).reason(), "replay_state_damaged") << size;
  EXPECT_EQ(other.restore(state + "x").reason(), "replay_state_damaged");
  EXPECT_EQ(other.serialize(), state);
  ReplayStore small(1);
  EXPECT_EQ(small.restore(state).reason(), "replay_store_full");
  EXPECT_EQ(small.size(), 0u);
}

// Made right again, so that what stands behind the digest is reached.
std::string sealed_state(std::string body) { return body.append(bytes_of(crypto::blake2b(body))); }

TEST(ReplayStore, NoticesAStateThatCountsWrong) {
  ReplayStore store(4);
  ASSERT_TRUE(store.admit(digest(1), 0, 100, 50).ok());
  const std::string state = store.serialize();
  const std::string body = state.substr(0, state.size() - 32);
  EXPECT_TRUE(store.restore(sealed_state(body)).ok());
  std::string two = body + body.substr(40);  // the entry twice
  EXPECT_EQ(store.restore(sealed_state(two)).reason(), "replay_state_damaged");
  two[32] = 2;
  EXPECT_EQ(store.restore(sealed_state(two)).reason(), "replay_state_damaged");
  EXPECT_EQ(store.restore(sealed_state(body.substr(0, body.size() - 1))).reason(), "replay_state_damaged");
  std::string later = body;
  later[8] = 2;  // version
  EXPECT_EQ(store.restore(sealed_state(later)).reason(), "replay_state_damaged");
}

TEST(ReplayStore, AdmitsOneOfManyThreads) {
  ReplayStore store(1000);
  std::atomic<int> admitted = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (unsigned i = 0; i < 500; ++i) admitted += store.admit(digest(i), 0, 1000, 0).ok();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admitted, 500);
}

TEST(Binding, IsInjective) {
  EXPECT_NE(bind("d", {"ab", "c"}), bind("d", {"a", "bc"}));
  EXPECT_NE(bind("d", {"a", ""}), bind("d", {"a"}));
  EXPECT_NE(bind("d", {}), bind("", {"d"}));
  EXPECT_NE(digest_of("a", {"x"}), digest_of("b", {"x"}));
}

}  // namespace
}  // namespace tau::access
