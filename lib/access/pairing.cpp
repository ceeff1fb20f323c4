#include "access/pairing.h"

#include <algorithm>

#include "access/binding.h"
#include "access/fields.h"
#include "access/key.h"

namespace tau::access {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";  // Crockford
constexpr size_t kCodeChars = 8;

using Names = std::pair<std::string, std::string>;

// What a person meant by what they typed.
std::string normalized(std::string_view code) {
  std::string out;
  for (char c : code.substr(0, 64)) {
    if (c == '-' || c == ' ') continue;
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == 'O') c = '0';
    if (c == 'I' || c == 'L') c = '1';
    out.push_back(c);
  }
  return out;
}

}  // namespace

PairingDesk::PairingDesk(Options options, Random& random, Secret mac_key)
    : options_(options), random_(random), mac_key_(std::move(mac_key)) {}

StatusOr<std::unique_ptr<PairingDesk>> PairingDesk::create(Options options, Random* random) {
  if (options.lifetime_ms < 1 || options.attempts < 1 || options.attempts > 100 || options.capacity < 1)
    return invalid_argument("invalid_options",
                            "a code lives for a time, can be tried 1 to 100 times, and has room");
  TAU_ASSIGN_OR_RETURN(Secret mac_key, random_secret(random, sizeof(crypto::Digest)));
  return std::unique_ptr<PairingDesk>(new PairingDesk(options, *random, std::move(mac_key)));
}

std::string PairingDesk::tag(std::string_view channel, std::string_view actor, std::string_view code) const {
  return std::string(bytes_of(crypto::hmac_sha256(mac_key_, bind("tau pairing 1", {channel, actor, code}))));
}

StatusOr<std::string> PairingDesk::issue(std::string_view channel, std::string_view actor, int64_t now_ms) {
  for (const std::string_view name : {channel, actor})
    if (name.empty() || name.size() > Allowlist::kMaxNameBytes)
      return invalid_argument("invalid_name", format("channels and actors have names of 1 to {} bytes",
                                                     Allowlist::kMaxNameBytes));
  const std::lock_guard lock(mutex_);
  std::erase_if(pending_, [&](const auto& entry) { return entry.second.expires_ms <= now_ms; });
  const Names names{channel, actor};
  if (pending_.contains(names))
    return failed_precondition("pairing_pending", "a code is out for that actor until it expires");
  if (pending_.size() >= options_.capacity)
    return resource_exhausted("pairing_full", format("{} codes are out already", options_.capacity));
  std::byte random[kCodeChars];
  random_.fill(random);
  std::string code;
  for (const std::byte byte : random)
    code.push_back(kAlphabet[std::to_integer<size_t>(byte) % kAlphabet.size()]);
  pending_[names] = {tag(channel, actor, code), now_ms + options_.lifetime_ms, options_.attempts};
  return code.insert(kCodeChars / 2, "-");
}

Status PairingDesk::redeem(std::string_view channel, std::string_view actor, std::string_view code,
                           int64_t now_ms) {
  const std::string offered = tag(channel, actor, normalized(code));
  const std::lock_guard lock(mutex_);
  const auto found = pending_.find(Names(channel, actor));
  if (found == pending_.end()) return refuse("pairing_unknown", "no code is out for that actor");
  Pending& pending = found->second;
  if (pending.expires_ms <= now_ms) {
    pending_.erase(found);
    return refuse("pairing_expired", "the code has expired");
  }
  if (pending.attempts_left == 0) return refuse("pairing_locked", "the code was guessed at too often");
  --pending.attempts_left;
  if (!constant_time_equal(offered, pending.tag)) return refuse("wrong_code", "that is not the code");
  pending_.erase(found);
  return ok_status();
}

bool PairingDesk::cancel(std::string_view channel, std::string_view actor) {
  const std::lock_guard lock(mutex_);
  return pending_.erase(Names(channel, actor)) > 0;
}

size_t PairingDesk::size() const {
  const std::lock_guard lock(mutex_);
  return pending_.size();
}

}  // namespace tau::access
