// Pins trust roots: who may follow whom, and what nobody can bring back.
#include "access/roots.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "access/support.h"

namespace tau::access {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;
constexpr int64_t kDay = 86'400'000;

json::Value texts(const std::vector<std::string>& list) {
  json::Value out = json::Value::array();
  for (const std::string& text : list) out.push_back(text);
  return out;
}

json::Value trusted(const SigningKey& key, const std::string& id, const std::vector<std::string>& issuers,
                    int64_t expires_ms = kNow + kDay) {
  json::Value out = json::Value::object();
  out.set("expires_ms", expires_ms);
  out.set("id", id);
  out.set("issuers", texts(issuers));
  out.set("key", key.multikey());
  return out;
}

// Roots are the keys 1 to 3, of which two must sign; key 10 speaks for alice, key 11 for bob and carol.
json::Value first_list() {
  json::Value out = json::Value::object();
  out.set("schema_version", 1);
  out.set("version", 1);
  out.set("issued_ms", kNow);
  out.set("expires_ms", kNow + 30 * kDay);
  out.set("threshold", 2);
  out.set("roots", texts({key_number(1).multikey(), key_number(2).multikey(), key_number(3).multikey()}));
  out.set("keys", json::Value::Array{trusted(key_number(10), "alice-1", {"alice"}),
                                     trusted(key_number(11), "bob-1", {"bob", "carol"})});
  out.set("revoked", json::Value::array());
  out.set("signatures", json::Value::array());
  return out;
}

std::string signed_by(const json::Value& list, std::initializer_list<unsigned> keys) {
  std::string text = json::write(list);
  for (const unsigned key : keys) text = *sign_trust_roots(text, key_number(key));
  return text;
}

TrustRoots first() { return *TrustRoots::open(signed_by(first_list(), {1, 2}), 0); }

json::Value next_list() {
  json::Value out = first_list();
  out.set("version", 2);
  return out;
}

std::string reason(const StatusOr<TrustRoots>& roots) {
  return roots.ok() ? "ok" : std::string(roots.status().reason());
}

TEST(TrustRoots, GiveKeysToTheirIssuersOnly) {
  const TrustRoots roots = first();
  const auto judge = [&](const char* issuer, const char* id, int64_t now_ms = kNow) {
    const auto key = roots.key_for(issuer, id, now_ms);
    return key.ok() ? "ok" : std::string(key.status().reason());
  };
  EXPECT_EQ(*roots.key_for("alice", "alice-1", kNow), key_number(10).public_key());
  EXPECT_EQ(judge("carol", "bob-1"), "ok");
  EXPECT_EQ(judge("alice", "bob-1"), "key_not_for_issuer");
  EXPECT_EQ(judge("Alice", "alice-1"), "key_not_for_issuer");
  EXPECT_EQ(judge("alice", "alice-2"), "untrusted_key");
  EXPECT_EQ(judge("alice", "ALICE-1"), "untrusted_key");
  // A root signs lists, not messages.
  EXPECT_EQ(judge("alice", key_number(1).multikey().c_str()), "untrusted_key");
  EXPECT_EQ(judge("alice", "alice-1", kNow + kDay - 1), "ok");
  EXPECT_EQ(judge("alice", "alice-1", kNow + kDay), "expired_key");
  EXPECT_EQ(judge("alice", "alice-1", kNow + 30 * kDay), "roots_expired");
  EXPECT_EQ(roots.expires_ms(), kNow + 30 * kDay);
}

TEST(TrustRoots, OpenWithEnoughSignaturesAndNoOlderThanSeen) {
  const json::Value list = first_list();
  EXPECT_EQ(reason(TrustRoots::open(signed_by(list, {}), 0)), "too_few_signatures");
  EXPECT_EQ(reason(TrustRoots::open(signed_by(list, {1}), 0)), "too_few_signatures");
  EXPECT_EQ(reason(TrustRoots::open(signed_by(list, {1, 1}), 0)), "too_few_signatures");
  EXPECT_EQ(reason(TrustRoots::open(signed_by(list, {1, 9}), 0)), "too_few_signatures");
  EXPECT_EQ(reason(TrustRoots::open(signed_by(list, {3, 1}), 0)), "ok");
  EXPECT_EQ(reason(TrustRoots::open(signed_by(list, {3, 1}), 1)), "ok");
  EXPECT_EQ(reason(TrustRoots::open(signed_by(list, {3, 1}), 2)), "roots_rollback");
  // The digest is that of the content, whoever signed it and however it is laid out.
  const TrustRoots a = *TrustRoots::open(signed_by(list, {1, 2}), 0);
  const TrustRoots b = *TrustRoots::open(json::write_pretty(*json::parse(signed_by(list, {3, 2, 1}))), 0);
  EXPECT_EQ(a.digest(), b.digest());
  EXPECT_EQ(reason(TrustRoots::open(a.text(), 0)), "ok");
  EXPECT_NE(first_list(), next_list());
  EXPECT_NE(TrustRoots::open(signed_by(next_list(), {1, 2}), 0)->digest(), a.digest());
}

TEST(TrustRoots, RotateByTheRootsOfBeforeAndTheNewOnes) {
  json::Value list = next_list();
  list.set("roots", texts({key_number(3).multikey(), key_number(4).multikey(), key_number(5).multikey()}));
  const auto rotate = [&](std::initializer_list<unsigned> keys) {
    return reason(first().rotate(signed_by(list, keys), kNow));
  };
  EXPECT_EQ(rotate({1, 2, 4, 5}), "ok");
  EXPECT_EQ(rotate({2, 3, 4}), "ok");  // the key 3 counts on both sides
  EXPECT_EQ(rotate({1, 2}), "too_few_signatures");
  EXPECT_EQ(rotate({4, 5}), "too_few_signatures");
  EXPECT_EQ(rotate({3, 4, 5}), "too_few_signatures");
  EXPECT_EQ(rotate({1, 2, 4}), "too_few_signatures");
  EXPECT_EQ(rotate({1, 2, 4, 6}), "too_few_signatures");
  const TrustRoots second = *first().rotate(signed_by(list, {1, 2, 4, 5}), kNow);
  EXPECT_EQ(second.version(), 2);
  list.set("version", 3);
  EXPECT_EQ(reason(second.rotate(signed_by(list, {1, 2}), kNow)), "too_few_signatures");
  EXPECT_EQ(reason(second.rotate(signed_by(list, {4, 5}), kNow)), "ok");
}

TEST(TrustRoots, RefuseRollbackGapsAndExpiry) {
  const auto rotate = [](const std::function<void(json::Value&)>& change, int64_t now_ms = kNow) {
    json::Value list = next_list();
    change(list);
    return reason(first().rotate(signed_by(list, {1, 2}), now_ms));
  };
  EXPECT_EQ(rotate([](json::Value&) {}), "ok");
  EXPECT_EQ(rotate([](json::Value& l) { l.set("version", 1); }), "roots_rollback");
  EXPECT_EQ(rotate([](json::Value& l) { l.set("version", 3); }), "roots_version_gap");
  EXPECT_EQ(rotate([](json::Value& l) { l.set("expires_ms", kNow + 1); }, kNow + 1), "roots_expired");
  // The list of before may have expired: else nothing could ever follow it.
  EXPECT_EQ(rotate([](json::Value& l) { l.set("expires_ms", kNow + 90 * kDay); }, kNow + 60 * kDay), "ok");
}

TEST(TrustRoots, KeepWhatIsRevokedRevoked) {
  json::Value list = next_list();
  list.set("keys", json::Value::Array{trusted(key_number(11), "bob-1", {"bob"})});
  list.set("revoked", texts({key_number(10).multikey()}));
  const TrustRoots second = *first().rotate(signed_by(list, {1, 2}), kNow);
  EXPECT_TRUE(second.is_revoked(key_number(10).multikey()));
  EXPECT_FALSE(second.is_revoked(key_number(11).multikey()));
  EXPECT_EQ(second.key_for("alice", "alice-1", kNow).status().reason(), "untrusted_key");
  // Neither forgotten, nor trusted again, under its old name or another. Tau un-revoked a key that was added
  // again.
  list.set("version", 3);
  list.set("revoked", json::Value::array());
  EXPECT_EQ(reason(second.rotate(signed_by(list, {1, 2}), kNow)), "key_unrevoked");
  list.set("revoked", texts({key_number(10).multikey()}));
  list.set("keys", json::Value::Array{trusted(key_number(10), "alice-2", {"alice"})});
  EXPECT_EQ(reason(second.rotate(signed_by(list, {1, 2}), kNow)), "invalid_trust_roots");
  // A revoked root is none.
  list.set("keys", json::Value::array());
  list.set("revoked", texts({key_number(10).multikey(), key_number(2).multikey()}));
  EXPECT_EQ(reason(second.rotate(signed_by(list, {1, 2}), kNow)), "invalid_trust_roots");
  list.set("roots", texts({key_number(1).multikey(), key_number(3).multikey()}));
  EXPECT_EQ(reason(second.rotate(signed_by(list, {1, 3}), kNow)), "ok");
}

TEST(TrustRoots, AreNoticedWhenAnyMemberChanges) {
  const json::Value list = *json::parse(signed_by(first_list(), {1, 2}));
  const auto refuses = [&](const char* key, json::Value value) {
    json::Value changed = list;
    changed.set(key, std::move(value));
    EXPECT_NE(reason(TrustRoots::open(json::write(changed), 0)), "ok") << key;
  };
  for (const char* number : {"version", "issued_ms", "expires_ms", "schema_version"})
    refuses(number, list[number].as_int() + 1);
  refuses("threshold", 1);
  refuses("roots", texts({key_number(1).multikey(), key_number(2).multikey()}));
  refuses("revoked", texts({key_number(20).multikey()}));
  refuses("keys", json::Value::array());
  refuses("keys", json::Value::Array{trusted(key_number(10), "alice-1", {"alice", "mallory"})});
}

TEST(TrustRoots, RefuseWhatIsMalformed) {
  using V = json::Value;
  const std::string key = key_number(10).multikey();
  std::vector<std::string> many(kMaxIssuers + 1, "x"), roots;
  for (unsigned i = 100; i <= 100 + kMaxRoots; ++i) roots.push_back(key_number(i).multikey());
  const std::vector<std::function<void(V&)>> changes = {
      [](V& l) { l.set("more", 1); },
      [](V& l) { l.erase("keys"); },
      [](V& l) { l.erase("revoked"); },
      [](V& l) { l.set("version", 0); },
      [](V& l) { l.set("threshold", 0); },
      [](V& l) { l.set("threshold", 4); },
      [](V& l) { l.set("threshold", "2"); },
      [](V& l) { l.set("expires_ms", l["issued_ms"]); },
      [](V& l) { l.set("roots", V::array()); },
      [&](V& l) { l.set("roots", texts(roots)); },
      [](V& l) {
        l.set("roots", texts({key_number(1).multikey(), key_number(1).multikey()}));
      },
      [](V& l) { l.set("roots", V::Array{1}); },
      [](V& l) { l.set("roots", texts({"z6LSrGb3qm4xMCEBjvwkLb2WEcXfTM94Tu1RyGCbT5wbg8i9"})); },
      [&](V& l) {
        l.set("revoked", texts({key, key}));
      },
      [](V& l) { l.set("revoked", texts({"x"})); },
      [&](V& l) { l.set("revoked", texts({key})); },  // trusted below
      [](V& l) { l.set("revoked", texts({key_number(1).multikey()})); },
      [](V& l) {
        l.set("keys", V::Array{trusted(key_number(10), "a", {"x"}), trusted(key_number(11), "a", {"x"})});
      },
      [](V& l) {
        l.set("keys", V::Array{trusted(key_number(10), "a", {"x"}), trusted(key_number(10), "b", {"x"})});
      },
      [](V& l) { l.set("keys", V::Array{trusted(key_number(10), "", {"x"})}); },
      [](V& l) { l.set("keys", V::Array{trusted(key_number(10), "a", {})}); },
      [](V& l) { l.set("keys", V::Array{trusted(key_number(10), "a", {""})}); },
      [&](V& l) { l.set("keys", V::Array{trusted(key_number(10), "a", many)}); },
      [](V& l) { l.set("keys", V::Array{1}); },
      [](V& l) { (*l.find("keys")).mutable_array()[0].set("key", "z"); },
      [](V& l) { (*l.find("keys")).mutable_array()[0].set("more", 1); },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    V list = first_list();
    changes[i](list);
    EXPECT_EQ(reason(TrustRoots::open(signed_by(list, {1, 2}), 0)), "invalid_trust_roots") << i;
  }
  V list = *json::parse(signed_by(first_list(), {1, 2}));
  list.set("signatures", V::Array{list["signatures"].as_array()[0], list["signatures"].as_array()[0]});
  EXPECT_EQ(reason(TrustRoots::open(json::write(list), 0)), "invalid_trust_roots");
  list.erase("signatures");
  EXPECT_EQ(reason(TrustRoots::open(json::write(list), 0)), "invalid_trust_roots");
  list.set("signatures", V::Array{1});
  EXPECT_EQ(reason(TrustRoots::open(json::write(list), 0)), "invalid_trust_roots");
  list = first_list();
  list.set("schema_version", 2);
  EXPECT_EQ(reason(TrustRoots::open(signed_by(list, {1, 2}), 0)), "unsupported_version");
  for (const std::string& bad : {std::string(), std::string("[]"), std::string(kMaxRootsBytes + 1, ' ')})
    EXPECT_EQ(reason(TrustRoots::open(bad, 0)), "invalid_trust_roots");
  for (const char* bad : {"", "[]", "1"})
    EXPECT_EQ(sign_trust_roots(bad, key_number(1)).status().reason(), "invalid_trust_roots");
}

// Whoever signs: a list opens exactly when the threshold of its roots is among them, and follows exactly when
// that of the list before is too.
RC_GTEST_PROP(TrustRoots, CountTheThreshold, ()) {
  const auto old_threshold = *rc::gen::inRange(1, 4), new_threshold = *rc::gen::inRange(1, 4);
  const auto signers = *rc::gen::container<std::set<unsigned>>(rc::gen::inRange(1u, 8u));
  json::Value list = first_list();
  list.set("threshold", old_threshold);
  const TrustRoots before = *TrustRoots::open(signed_by(list, {1, 2, 3}), 0);
  list = next_list();
  list.set("roots", texts({key_number(3).multikey(), key_number(4).multikey(), key_number(5).multikey()}));
  list.set("threshold", new_threshold);
  std::string text = json::write(list);
  int of_old = 0, of_new = 0;
  for (const unsigned signer : signers) {
    text = *sign_trust_roots(text, key_number(signer));
    of_old += signer <= 3;
    of_new += signer >= 3 && signer <= 5;
  }
  RC_ASSERT(TrustRoots::open(text, 0).ok() == (of_new >= new_threshold));
  RC_ASSERT(before.rotate(text, kNow).ok() == (of_new >= new_threshold && of_old >= old_threshold));
}

}  // namespace
}  // namespace tau::access
