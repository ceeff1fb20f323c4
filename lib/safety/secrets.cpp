#include "safety/exact.h"
#include "safety/safety.h"

namespace tau::safety {

SecretRegistry::SecretRegistry(Random& random) : set_(std::make_shared<ExactSet>(random)) {}
SecretRegistry::~SecretRegistry() = default;

// The set, without anybody else who looks at it. A snapshot that was handed out stays as it is.
ExactSet& SecretRegistry::own_copy() {
  if (set_.use_count() > 1) set_ = std::make_shared<ExactSet>(*set_);
  return *set_;
}

Status SecretRegistry::add(std::string_view id, const Secret& secret) {
  if (secret.size() < kMinSecretBytes)
    return invalid_argument("secret_too_short", "a secret of less than " + std::to_string(kMinSecretBytes) +
                                                    " bytes cannot be searched for: " + std::string(id));
  if (secret.size() > kMaxSecretBytes)
    return invalid_argument("secret_too_long", "a secret of more than " + std::to_string(kMaxSecretBytes) +
                                                   " bytes cannot be searched for: " + std::string(id));
  const std::lock_guard lock(mutex_);
  secret.reveal([&](std::string_view bytes) { own_copy().add(id, bytes); });
  return {};
}

size_t SecretRegistry::remove(std::string_view id) {
  const std::lock_guard lock(mutex_);
  return own_copy().remove(id);
}

std::shared_ptr<const ExactSet> SecretRegistry::snapshot() const {
  const std::lock_guard lock(mutex_);
  return set_;
}

bool SecretRegistry::empty() const {
  const std::lock_guard lock(mutex_);
  return set_->empty();
}

size_t SecretRegistry::memory_bytes() const {
  const std::lock_guard lock(mutex_);
  return set_->memory_bytes();
}

}  // namespace tau::safety
