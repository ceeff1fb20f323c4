// What others send and what was kept: envelopes, lists of trust roots, states of replay stores and queues.
// What is accepted is written again as what it was.
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

// Nobody signs what the search makes with this key: nothing is accepted, and nothing taken down.
// once.
void check_envelope(std::string_view text) {
  const EnvelopeOptions options{.audience = "telegram:4711"};
  ReplayStore replay(4);
  static const SigningKey key = *SigningKey::from_seed(Secret(std::string(32, '\x2a')));
  const auto lookup = [](const std::string&, const std::string&, int64_t) -> StatusOr<PublicKey> {
    return key.public_key();
  };
  const auto opened = open_envelope(text, text, options, lookup, replay, kNow);
  require(!opened.ok() && replay.size() == 0);
}

void check_roots(std::string_view text) {
  const auto roots = TrustRoots::open(text, 0);
  if (!roots.ok()) return;
  require(TrustRoots::open(roots->text(), roots->version()).ok());
  require(!TrustRoots::open(text, roots->version() + 1).ok());
  require(!roots->rotate(text, kNow).ok());
}

class NoRandom final : public Random {
  void fill(std::span<std::byte>) override {}
};

void check_states(std::string_view text) {
  ReplayStore replay(64);
  if (replay.restore(text).ok()) require(replay.serialize() == text);
  NoRandom random;
  const auto queue = ApprovalQueue::create({}, &random);
  if ((*queue)->restore(text).ok()) {
    const std::string state = (*queue)->serialize();
    require((*queue)->restore(state).ok() && (*queue)->serialize() == state);
  }
  if (const auto list = Allowlist::parse(text); list.ok())
    require(Allowlist::parse(list->to_json())->to_json() == list->to_json());
}

}  // namespace
}  // namespace tau::access

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  tau::access::check_envelope(text);
  tau::access::check_roots(text);
  tau::access::check_states(text);
  return 0;
}
