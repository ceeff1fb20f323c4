// Pins signed agent cards: what was signed is what is read, member by member.
#include "access/card.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "access/jws.h"
#include "access/support.h"

namespace tau::access {
namespace {

constexpr int64_t kIssued = 1'700'000'000;
constexpr int64_t kExpires = kIssued + 86'400;
constexpr int64_t kNow = (kIssued + 10) * 1000;

const char* const kCard = R"({"name":"Ledger agent","description":"Keeps books","version":"1.2.0",
"protocolVersion":"1.0","url":"https://agent.example/a2a","preferredTransport":"JSONRPC",
"capabilities":{"streaming":true,"pushNotifications":false,"extensions":[{"uri":"https://x.example/e","required":false}]},
"defaultInputModes":["text/plain"],"defaultOutputModes":["text/plain","application/json"],
"skills":[{"id":"sum","name":"Sum","description":"Adds","tags":["maths"],"examples":[]}],
"provider":{"organization":"Example","url":"https://example.com"},"weight":0.5,"limit":1000000,"note":null})";

class CardTest : public ::testing::Test {
 protected:
  json::Value card() { return *json::parse(kCard); }
  json::Value signed_card() { return *sign_card(card(), key_, name_of(key_), kIssued, kExpires); }
  std::string judge(const json::Value& card, std::string_view did = "", int64_t now_ms = kNow) {
    return judge_text(json::write(card), did, now_ms);
  }
  std::string judge_text(const std::string& text, std::string_view did = "", int64_t now_ms = kNow) {
    const auto verified = verify_card(text, did, web_.resolver(), now_ms);
    return verified.ok() ? "ok " + verified->did : std::string(verified.status().reason());
  }
  // One signature with that protected header.
  json::Value with_header(const std::function<void(json::Value&)>& change) {
    json::Value out = card();
    json::Value header = json::Value::object();
    header.set("kid", key_.key_id());
    header.set("iat", kIssued);
    header.set("exp", kExpires);
    change(header);
    const std::string jws = sign_jws(key_, header, json::canonical(out));
    json::Value signature = json::Value::object();
    signature.set("protected", jws.substr(0, jws.find('.')));
    signature.set("signature", jws.substr(jws.rfind('.') + 1));
    out.set("signatures", json::Value::Array{signature});
    return out;
  }

  const SigningKey key_ = key_number(11);
  Web web_;
};

TEST_F(CardTest, HoldsForItsSignerAndItsTime) {
  const json::Value card = signed_card();
  EXPECT_EQ(judge(card), "ok " + key_.did());
  EXPECT_EQ(judge(card, key_.did()), "ok " + key_.did());
  EXPECT_EQ(judge(card, key_number(12).did()), "wrong_did");
  EXPECT_EQ(judge(card, "", kExpires * 1000 - 1), "ok " + key_.did());
  EXPECT_EQ(judge(card, "", kExpires * 1000), "card_expired");
  EXPECT_EQ(judge(card, "", (kIssued - 60) * 1000), "ok " + key_.did());
  EXPECT_EQ(judge(card, "", (kIssued - 60) * 1000 - 1), "card_not_yet_valid");
  const auto verified = verify_card(json::write(card), "", resolve_did_key, kNow);
  EXPECT_EQ(verified->key_id, key_.key_id());
  EXPECT_EQ(verified->issued_s, kIssued);
  EXPECT_EQ(verified->expires_s, kExpires);
}

TEST_F(CardTest, IsTheSameInAnyLayout) {
  const json::Value card = signed_card();
  EXPECT_EQ(judge_text(json::write_pretty(card)), "ok " + key_.did());
  json::Value reversed = json::Value::object();
  for (auto member = card.as_object().rbegin(); member != card.as_object().rend(); ++member)
    reversed.set(member->first, member->second);
  EXPECT_EQ(judge(reversed), "ok " + key_.did());
}

// Calls change(value) with every value of the tree in turn, all others as they were.
void for_each_value(const json::Value& value, const std::function<void(json::Value)>& use,
                    const std::function<json::Value(const json::Value&)>& change) {
  use(change(value));
  if (value.is_object()) {
    for (const auto& [key, ignored] : value.as_object()) {
      const auto set = [&, key = key](json::Value inner) {
        json::Value copy = value;
        copy.set(key, std::move(inner));
        use(std::move(copy));
      };
      for_each_value(value[key], set, change);
      json::Value without = value;
      without.erase(key);
      use(std::move(without));
    }
  } else if (value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) {
      const auto set = [&, i](json::Value inner) {
        json::Value copy = value;
        copy.mutable_array()[i] = std::move(inner);
        use(std::move(copy));
      };
      for_each_value(value.as_array()[i], set, change);
    }
  }
}

json::Value tampered(const json::Value& value) {
  switch (value.kind()) {
    case json::Value::Kind::kBool: return !value.as_bool();
    case json::Value::Kind::kString: return std::string(value.as_string()) + " ";
    case json::Value::Kind::kInt: return value.as_int() + 1;
    case json::Value::Kind::kDouble: return value.as_double() * 2;
    case json::Value::Kind::kNull: return false;
    case json::Value::Kind::kArray: {
      json::Value copy = value;
      copy.push_back(json::Value());
      return copy;
    }
    default: {
      json::Value copy = value;
      copy.set("added", true);
      return copy;
    }
  }
}

TEST_F(CardTest, IsNoticedWhenAnyMemberChanges) {
  const json::Value card = signed_card();
  int changes = 0;
  const auto is_refused = [&](json::Value changed) {
    if (changed == card) return;
    ++changes;
    EXPECT_NE(judge(changed).substr(0, 2), "ok") << json::write(changed);
  };
  // All but what stands beside the parts of a signature: that is the unprotected header's place.
  json::Value bare = card;
  bare.erase("signatures");
  const auto signed_again = [&](json::Value changed) {
    changed.set("signatures", card["signatures"]);
    is_refused(std::move(changed));
  };
  for_each_value(bare, signed_again, tampered);
  for (const char* member : {"protected", "signature"}) {
    json::Value changed = card;
    json::Value& part = *(*changed.find("signatures")).mutable_array()[0].find(member);
    part = tampered(part);
    is_refused(changed);
  }
  EXPECT_GT(changes, 60);
}

TEST_F(CardTest, TakesTheFirstSignatureThatHolds) {
  const SigningKey other = key_number(12);
  json::Value both = *sign_card(signed_card(), other, name_of(other), kIssued, kExpires);
  EXPECT_EQ(judge(both), "ok " + key_.did());
  EXPECT_EQ(judge(both, other.did()), "ok " + other.did());
  (*both.find("signatures")).mutable_array()[0].set("signature", std::string("x"));
  EXPECT_EQ(judge(both), "ok " + other.did());
  EXPECT_EQ(judge(both, key_.did()), "wrong_did");  // of the last that was tried
  json::Value unsigned_card = card();
  EXPECT_EQ(judge(unsigned_card), "card_unsigned");
  unsigned_card.set("signatures", json::Value::array());
  EXPECT_EQ(judge(unsigned_card), "card_unsigned");
}

TEST_F(CardTest, HasAHeaderThatNamesAKeyAndATime) {
  EXPECT_EQ(judge(with_header([](json::Value&) {})), "ok " + key_.did());
  for (const char* member : {"kid", "iat", "exp"})
    EXPECT_EQ(judge(with_header([&](json::Value& h) { h.erase(member); })), "invalid_jws") << member;
  EXPECT_EQ(judge(with_header([](json::Value& h) { h.set("exp", 1.5); })), "invalid_jws");
  EXPECT_EQ(judge(with_header([](json::Value& h) { h.set("crit", json::Value::Array{"exp"}); })),
            "invalid_jws");
  EXPECT_EQ(judge(with_header([](json::Value& h) { h.set("kid", "key-1"); })), "unknown_key");
  EXPECT_EQ(judge(with_header([&](json::Value& h) { h.set("kid", key_.did()); })), "unknown_key");
  EXPECT_EQ(judge(with_header([&](json::Value& h) { h.set("kid", key_.did() + "#key-9"); })), "unknown_key");
  // Keys that come with the card prove nothing.
  EXPECT_EQ(judge(with_header([&](json::Value& h) {
              h.set("kid", key_number(13).key_id());
              h.set("jku", "https://agent.example/keys.json");
              h.set("jwk", *json::parse(R"({"kty":"OKP"})"));
            })),
            "invalid_signature");
}

TEST_F(CardTest, NeedsAKeyForAssertions) {
  const std::string did = "did:web:agent.example";
  const std::string at = "https://agent.example/.well-known/did.json";
  const json::Value card = *sign_card(this->card(), key_, {did, did + "#key-1"}, kIssued, kExpires);
  EXPECT_EQ(judge(card), "http_404");
  web_.documents[at] = web_document(did, key_, {"authentication"});
  EXPECT_EQ(judge(card), "unknown_key");
  web_.documents[at] = web_document(did, key_, {"assertionMethod"});
  EXPECT_EQ(judge(card), "ok " + did);
  web_.documents[at] = web_document(did, key_number(12), {"assertionMethod"});
  EXPECT_EQ(judge(card), "invalid_signature");
}

TEST_F(CardTest, RefusesWhatNotEveryReaderSeesAlike) {
  for (const char* bad :
       {"", "[]", "{}", R"({"name":""})", R"({"name":1})", R"({"name":"a","name":"b"})",
        R"({"name":"a","n":9007199254740992})", R"({"name":"a","n":[-9007199254740992]})",
        R"({"name":"a","n":{"m":1e30}})", R"({"name":"a","n":18446744073709551615})",
        R"({"name":"a","signatures":{}})", R"({"name":"a","signatures":[1,2,3,4,5,6,7,8,9]})"})
    EXPECT_EQ(judge_text(bad), "invalid_card") << bad;
  EXPECT_EQ(judge_text(R"({"name":")" + std::string(kMaxCardBytes, 'x') + "\"}"), "invalid_card");
  EXPECT_EQ(judge_text(R"({"name":"a","signatures":[1]})"), "invalid_jws");
  EXPECT_EQ(judge_text(R"({"name":"a","signatures":[{"protected":"e30","signature":""}]})"),
            "unsupported_algorithm");
  const auto sign = [&](const char* text, int64_t issued_s, int64_t expires_s) {
    return std::string(
        sign_card(*json::parse(text), key_, name_of(key_), issued_s, expires_s).status().reason());
  };
  EXPECT_EQ(sign("{}", 0, 1), "invalid_card");
  EXPECT_EQ(sign(R"({"name":"a","n":1e17})", 0, 1), "invalid_card");
  EXPECT_EQ(sign(R"({"name":"a","signatures":[1,2,3,4,5,6,7,8]})", 0, 1), "invalid_card");
  EXPECT_EQ(sign(R"({"name":"a"})", 1, 1), "invalid_validity");
  EXPECT_EQ(sign(R"({"name":"a"})", -1, 1), "invalid_validity");
  EXPECT_EQ(sign(R"({"name":"a"})", 0, int64_t{1} << 53), "invalid_validity");
}

}  // namespace
}  // namespace tau::access
