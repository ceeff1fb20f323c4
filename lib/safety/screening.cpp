#include <span>

#include "json/json.h"
#include "safety/safety.h"

namespace tau::safety {

Screening::Screening(RuleChoice choice, Random& random)
    : secrets_(random), random_(random), choice_(std::move(choice)) {
  random.fill(std::as_writable_bytes(std::span(key_)));
}

Status Screening::add_secret(std::string_view id, const Secret& secret) {
  const std::lock_guard lock(mutex_);
  const uint64_t mark =
      secret.reveal([&](std::string_view bytes) { return crypto::keyed_hash64(bytes, key_); });
  const auto known = known_.find(id);
  if (known != known_.end() && known->second == mark) return {};
  TAU_RETURN_IF_ERROR(secrets_.add(id, secret));
  known_.insert_or_assign(std::string(id), mark);
  changed();
  return {};
}

size_t Screening::remove_secret(std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(id);
  if (known == known_.end()) return 0;
  const size_t removed = secrets_.remove(id);
  known_.erase(known);
  changed();
  return removed;
}

Status Screening::replace_rules(std::string_view bundle_json) {
  const std::lock_guard lock(mutex_);
  if (!rules_) rules_.emplace(random_, choice_);
  TAU_RETURN_IF_ERROR(rules_->replace(bundle_json));
  changed();
  return {};
}

void Screening::changed() {
  current_.reset();
  version_.fetch_add(1, std::memory_order_release);
}

const std::shared_ptr<const Screens>& Screening::current_locked() const {
  if (current_ != nullptr) return current_;
  auto screens = std::make_shared<Screens>();
  if (!secrets_.empty()) screens->secrets.secrets = screens->all.secrets = secrets_.snapshot();
  if (choice_.any()) {
    if (!rules_) rules_.emplace(random_, choice_);
    screens->all.rules = rules_->current();
    screens->epoch = rules_->epoch();
  }
  current_ = std::move(screens);
  return current_;
}

bool Screening::knows_secrets() const {
  const std::lock_guard lock(mutex_);
  return !secrets_.empty();
}

std::shared_ptr<const Screens> Screening::current() const {
  const std::lock_guard lock(mutex_);
  return current_locked();
}

std::string Screening::describe() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  json::Writer w(out);
  const Screens& now = *current_locked();
  w.begin_object().field("epoch", static_cast<int64_t>(now.epoch)).key("rules").begin_array();
  if (now.all.rules != nullptr)
    for (const std::string& id : rule_ids(*now.all.rules)) w.string(id);
  w.end_array().key("secrets").begin_array();
  for (const auto& [id, mark] : known_) w.string(id);
  w.end_array().end_object();
  return out;
}

}  // namespace tau::safety
