// Agent cards, signatures as JWS, challenges and proofs. Nobody has signed what the search makes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "access/access.h"

namespace tau::access {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

void require(bool law) {
  if (!law) std::abort();
}

class CountingRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = static_cast<std::byte>(++count_ * 37);
  }

 private:
  unsigned count_ = 0;
};

const SigningKey& fuzz_key() {
  static const SigningKey key = *SigningKey::from_seed(Secret(std::string(32, '\x2a')));
  return key;
}

// Signs whatever can be signed: then it verifies, and with a member more it does not.
void check_card(std::string_view text) {
  require(!verify_card(text, fuzz_key().did(), resolve_did_key, kNow).ok());
  const auto card = json::parse(text);
  if (!card.ok()) return;
  auto made =
      sign_card(*card, fuzz_key(), {fuzz_key().did(), fuzz_key().key_id()}, kNow / 1000, kNow / 1000 + 60);
  if (!made.ok()) return;
  require(verify_card(json::write(*made), fuzz_key().did(), resolve_did_key, kNow).ok() ||
          json::write(*made).size() > kMaxCardBytes);
  made->set("fuzz added this", true);
  require(!verify_card(json::write(*made), fuzz_key().did(), resolve_did_key, kNow).ok());
}

void check_proof(std::string_view text) {
  if (const auto jws = parse_jws(text); jws.ok()) {
    require(text.starts_with(jws->signing_input) && jws->signature.size() == 64);
    require(!jws->verified_by(fuzz_key().public_key()));
  }
  if (const auto challenge = parse_challenge(text); challenge.ok())
    require(parse_challenge(to_json(*challenge)).ok());
  CountingRandom random;
  const auto verifier = ProofVerifier::create({.audience = "a"}, &random);
  require(!(*verifier)->verify(text, "p", "", resolve_did_key, kNow).ok());
}

}  // namespace
}  // namespace tau::access

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  tau::access::check_card(text);
  tau::access::check_proof(text);
  return 0;
}
