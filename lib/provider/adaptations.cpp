// Remembering what servers refused.
#include "provider/adaptations.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <vector>

#include "wire/wire.h"

namespace tau::provider {

struct Adaptations::Impl {
  struct Entry {
    std::string place;
    std::string session;  // empty: all of them
    std::vector<std::shared_ptr<const AdaptRule>> rules;
  };
  std::atomic<size_t> known = 0;  // so that a process that learned nothing pays nothing
  mutable std::mutex mutex;
  std::deque<Entry> entries;  // oldest first
};

Adaptations::Adaptations() : impl_(std::make_unique<Impl>()) {}
Adaptations::~Adaptations() = default;

Adaptations& Adaptations::process() {
  static auto* const all = new Adaptations;
  return *all;
}

void Adaptations::learn(std::string_view place, std::string_view session,
                        std::shared_ptr<const AdaptRule> rule) {
  if (rule->remember == AdaptRule::Remember::kCall) return;
  const bool of_session = rule->remember == AdaptRule::Remember::kSession;
  if (of_session && session.empty()) return;
  const std::string_view whose = of_session ? session : std::string_view();
  const std::lock_guard lock(impl_->mutex);
  auto& entries = impl_->entries;
  auto at = std::find_if(entries.begin(), entries.end(), [&](const Impl::Entry& entry) {
    return entry.place == place && entry.session == whose;
  });
  if (at == entries.end()) {
    if (entries.size() == kMost) entries.pop_front();
    entries.push_back({std::string(place), std::string(whose), {}});
    at = std::prev(entries.end());
  }
  const auto same = std::find_if(at->rules.begin(), at->rules.end(),
                                 [&](const auto& known) { return known->name == rule->name; });
  if (same != at->rules.end()) at->rules.erase(same);  // the last word is the last one learned
  at->rules.push_back(std::move(rule));
  impl_->known.store(entries.size(), std::memory_order_relaxed);
}

void Adaptations::apply(std::string_view place, std::string_view session, wire::Quirks& quirks) const {
  if (impl_->known.load(std::memory_order_relaxed) == 0) return;
  const std::lock_guard lock(impl_->mutex);
  for (const Impl::Entry& entry : impl_->entries) {
    if (entry.place != place || (!entry.session.empty() && entry.session != session)) continue;
    for (const auto& rule : entry.rules) (void)wire::set_quirks(rule->set, quirks);
  }
}

size_t Adaptations::size() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->entries.size();
}

void Adaptations::forget() {
  const std::lock_guard lock(impl_->mutex);
  impl_->entries.clear();
  impl_->known.store(0, std::memory_order_relaxed);
}

}  // namespace tau::provider
