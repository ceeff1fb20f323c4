// The limiter.
#include "provider/limiter.h"

#include <algorithm>
#include <queue>

namespace tau::provider {
namespace {

constexpr int64_t kMostTokens = int64_t{1} << 40;  // sums of these do not overflow

int64_t milliseconds_until(int64_t at_ns, int64_t now_ns) {
  return (std::max<int64_t>(0, at_ns - now_ns) + kNanosPerMilli - 1) / kNanosPerMilli;
}

Status busy(std::string_view reason, std::string message, bool retryable = true, int64_t after_ms = -1) {
  ErrorInfo info;
  info.code = Code::kResourceExhausted;
  info.reason = reason;
  info.message = std::move(message);
  info.retryable = retryable;
  info.retry_after_ms = after_ms;
  return Status(std::move(info));
}

}  // namespace

// What was admitted in the last minute, by slots. A window of a minute touches 31 slots of two seconds at the
// most: as many count.
class Limiter::Window {
 public:
  static constexpr int64_t kCounted = 31;

  void roll(int64_t slot) {
    if (slot - head_ >= kSize) {
      slots_ = {};
      sum_ = 0;
      head_ = slot;
    }
    for (; head_ < slot; ++head_) {
      int64_t& gone = at(head_ + 1 - kCounted);
      sum_ -= std::exchange(gone, 0);
    }
  }
  void add(int64_t slot, int64_t amount) {
    if (slot <= head_ - kCounted) return;
    at(slot) += amount;
    sum_ += amount;
  }
  int64_t sum() const { return sum_; }
  // When `amount` more is within `most`.
  int64_t earliest_ns(int64_t amount, int64_t most) const {
    int64_t left = sum_;
    for (int64_t slot = head_ - kCounted + 1; slot <= head_; ++slot) {
      left -= slots_[index(slot)];
      if (left + amount <= most) return (slot + kCounted) * kSlotNs;
    }
    return kNever;
  }

 private:
  static constexpr int64_t kSize = 32;
  static size_t index(int64_t slot) { return static_cast<size_t>(slot) % static_cast<size_t>(kSize); }
  int64_t& at(int64_t slot) { return slots_[index(slot)]; }

  std::array<int64_t, kSize> slots_{};
  int64_t head_ = 0;
  int64_t sum_ = 0;
};

struct Limiter::Limit {
  std::string name;
  LimitRule rule;
  std::unique_ptr<Window> requests;  // null while the rule does not speak of them
  std::unique_ptr<Window> tokens;
  int64_t active = 0;
  int64_t waiting = 0;
  bool holds_up = false;  // somebody waits for this one: nobody passes

  void set(const LimitRule& wanted) {
    rule = wanted;
    if (rule.requests_per_minute > 0 && requests == nullptr) requests = std::make_unique<Window>();
    if (rule.tokens_per_minute > 0 && tokens == nullptr) tokens = std::make_unique<Window>();
  }
  void roll(int64_t slot) {
    if (requests != nullptr) requests->roll(slot);
    if (tokens != nullptr) tokens->roll(slot);
  }
  void add(int64_t slot, int64_t calls, int64_t count) {
    if (requests != nullptr) requests->add(slot, calls);
    if (tokens != nullptr) tokens->add(slot, count);
  }
  bool idle() const {
    return active == 0 && waiting == 0 && (requests == nullptr || requests->sum() == 0) &&
           (tokens == nullptr || tokens->sum() == 0);
  }
};

Limiter::Limiter() = default;
Limiter::~Limiter() = default;

int64_t Limiter::monotonic(int64_t now_ns) { return now_ns_ = std::max(now_ns_, now_ns); }

bool Limiter::forget_an_idle_one() {
  constexpr size_t kLook = 256;
  for (size_t looked = 0; looked < std::min(kLook, limits_.size()); ++looked) {
    hand_ = (hand_ + 1) % limits_.size();
    Limit& limit = *limits_[hand_];
    limit.roll(now_ns_ / kSlotNs);
    if (limit.name.empty() || !limit.idle()) continue;
    names_.erase(limit.name);
    limit = Limit();
    free_.push_back(static_cast<uint32_t>(hand_));
    return true;
  }
  return false;
}

uint32_t Limiter::find_or_add(const Use& use) {
  uint32_t id = kNoLimit;
  if (const auto known = names_.find(use.name); known != names_.end()) {
    id = known->second;
  } else {
    if (names_.size() >= kMaxLimits && !forget_an_idle_one()) return kNoLimit;
    if (free_.empty()) {
      limits_.push_back(std::make_unique<Limit>());
      free_.push_back(static_cast<uint32_t>(limits_.size() - 1));
    }
    id = free_.back();
    names_.emplace(use.name, id);
    free_.pop_back();
    limits_[id]->name = use.name;
  }
  limits_[id]->set(use.rule);
  limits_[id]->roll(now_ns_ / kSlotNs);
  return id;
}

Limiter::Lack Limiter::lack_of(Limit& limit, int64_t tokens) const {
  limit.roll(now_ns_ / kSlotNs);
  const LimitRule& rule = limit.rule;
  if (rule.tokens_per_minute > 0) {
    if (tokens > rule.tokens_per_minute) return Lack::kTooSmall;
    if (limit.tokens->sum() + tokens > rule.tokens_per_minute) return Lack::kTokens;
  }
  if (rule.requests_per_minute > 0 && limit.requests->sum() + 1 > rule.requests_per_minute)
    return Lack::kRequests;
  if (rule.concurrency > 0 && limit.active >= rule.concurrency) return Lack::kConcurrency;
  return limit.holds_up ? Lack::kOthersFirst : Lack::kNone;
}

int64_t Limiter::earliest(Limit& limit, Lack lack, int64_t tokens) const {
  if (lack == Lack::kTokens) return limit.tokens->earliest_ns(tokens, limit.rule.tokens_per_minute);
  if (lack == Lack::kRequests) return limit.requests->earliest_ns(1, limit.rule.requests_per_minute);
  return kNever;
}

Limiter::Lack Limiter::first_lack(const Ids& ids, int64_t tokens, size_t* which) {
  for (size_t i = 0; i < ids.size() && ids[i] != kNoLimit; ++i) {
    const Lack lack = lack_of(*limits_[ids[i]], tokens);
    *which = i;
    if (lack != Lack::kNone) return lack;
  }
  return Lack::kNone;
}

Status Limiter::refusal(const Limit& limit, Lack lack, int64_t tokens, int64_t at_ns) const {
  const std::string& name = limit.name;
  const LimitRule& rule = limit.rule;
  const int64_t after_ms = at_ns == kNever ? -1 : milliseconds_until(at_ns, now_ns_);
  switch (lack) {
    case Lack::kTooSmall:
      return busy(
          "limit_too_small",
          format("the call may take {} tokens, {} allows {} a minute", tokens, name, rule.tokens_per_minute),
          false);
    case Lack::kTokens:
      return busy("limit_tokens",
                  format("{} allows {} tokens a minute, and {} more do not fit now", name,
                         rule.tokens_per_minute, tokens),
                  true, after_ms);
    case Lack::kRequests:
      return busy("limit_requests", format("{} allows {} requests a minute", name, rule.requests_per_minute),
                  true, after_ms);
    case Lack::kConcurrency:
      return busy("limit_concurrency", format("{} allows {} calls at a time", name, rule.concurrency));
    default: return busy("limit_queue", format("calls that came before this one wait for {}", name));
  }
}

// Each once. False when there is no room for one of them.
bool Limiter::find_all(std::span<const Use> uses, Ids* ids) {
  ids->fill(kNoLimit);
  size_t count = 0;
  bool all = true;
  for (const Use& use : uses.first(std::min(uses.size(), kMaxUses))) {
    const uint32_t id = find_or_add(use);
    all = id != kNoLimit;
    if (!all) break;
    if (std::find(ids->begin(), ids->end(), id) != ids->end()) continue;
    ++limits_[id]->active;  // adding the next one must not forget it
    (*ids)[count++] = id;
  }
  for (size_t i = 0; i < count; ++i) --limits_[(*ids)[i]]->active;
  return all;
}

Limiter::Answer Limiter::acquire(std::span<const Use> uses, int64_t tokens, bool may_wait, int64_t now_ns) {
  monotonic(now_ns);
  tokens = std::clamp<int64_t>(tokens, 0, kMostTokens);
  if (!places_.empty()) advance(now_ns_);
  Ids ids;
  if (!find_all(uses, &ids)) {
    Answer full;
    full.refusal = resource_exhausted("limiter_full", "too many limits are in use at once");
    return full;
  }
  size_t which = 0;
  const Lack lack = first_lack(ids, tokens, &which);
  if (lack != Lack::kNone) return refuse_or_wait(uses, ids, tokens, may_wait, lack, which);
  Answer granted;
  granted.kind = Answer::Kind::kGranted;
  granted.id = ++last_id_;
  grant(granted.id, ids, tokens);
  return granted;
}

Limiter::Answer Limiter::refuse_or_wait(std::span<const Use> uses, const Ids& ids, int64_t tokens,
                                        bool may_wait, Lack lack, size_t which) {
  Answer answer;
  Limit& limit = *limits_[ids[which]];
  while (answer.which + 1 < uses.size() && uses[answer.which].name != limit.name) ++answer.which;
  const int64_t at_ns = earliest(limit, lack, tokens);
  const int64_t deadline_ns = now_ns_ + limit.rule.max_wait_ms * kNanosPerMilli;
  const bool in_time = lack == Lack::kTooSmall ? false : at_ns == kNever || at_ns <= deadline_ns;
  if (!may_wait || limit.rule.max_wait_ms <= 0 || !in_time) {
    answer.refusal = refusal(limit, lack, tokens, at_ns);
    return answer;
  }
  if (limit.waiting >= limit.rule.max_waiting) {
    answer.refusal =
        busy("limit_queue_full", format("{} calls wait for {} already", limit.waiting, limit.name));
    return answer;
  }
  answer.kind = Answer::Kind::kWaiting;
  answer.id = ++last_id_;
  Waiter waiter{.tokens = tokens, .deadline_ns = deadline_ns, .lack = lack, .which = which};
  lines_[ids].emplace(answer.id, waiter);
  places_.emplace(answer.id, ids);
  deadlines_.emplace(deadline_ns, answer.id);
  for (const uint32_t id : ids)
    if (id != kNoLimit) ++limits_[id]->waiting;
  limit.holds_up = true;
  due_ns_ = std::min({due_ns_, at_ns, deadlines_.begin()->first});
  return answer;
}

void Limiter::grant(uint64_t id, const Ids& ids, int64_t tokens) {
  const int64_t slot = now_ns_ / kSlotNs;
  grants_.emplace(id, Grant{ids, tokens, slot});
  for (const uint32_t limit : ids) {
    if (limit == kNoLimit) break;
    limits_[limit]->add(slot, 1, tokens);
    ++limits_[limit]->active;
  }
}

void Limiter::release(uint64_t id, int64_t tokens, bool made) {
  const auto found = grants_.find(id);
  if (found == grants_.end()) return;
  const Grant grant = found->second;
  grants_.erase(found);
  for (const uint32_t limit : grant.limits) {
    if (limit == kNoLimit) break;
    limits_[limit]->roll(now_ns_ / kSlotNs);
    limits_[limit]->add(grant.slot, made ? 0 : -1, tokens - grant.tokens);
    --limits_[limit]->active;
  }
  if (!places_.empty()) advance(now_ns_);
}

void Limiter::settle(uint64_t id, int64_t tokens, int64_t now_ns) {
  monotonic(now_ns);
  release(id, std::clamp<int64_t>(tokens, 0, kMostTokens), true);
}

void Limiter::undo(uint64_t id, int64_t now_ns) {
  monotonic(now_ns);
  release(id, 0, false);
}

void Limiter::leave(const Ids& ids) {
  for (const uint32_t id : ids)
    if (id != kNoLimit && --limits_[id]->waiting == 0) limits_[id]->holds_up = false;
}

void Limiter::cancel(uint64_t id, int64_t now_ns) {
  monotonic(now_ns);
  const auto place = places_.find(id);
  if (place == places_.end()) return;
  const auto line = lines_.find(place->second);
  const auto waiter = line->second.find(id);
  deadlines_.erase({waiter->second.deadline_ns, id});
  leave(place->second);
  line->second.erase(waiter);
  if (line->second.empty()) lines_.erase(line);
  places_.erase(place);
  advance(now_ns_);
}

void Limiter::time_out() {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_ns_) {
    const uint64_t id = deadlines_.begin()->second;
    const auto place = places_.find(id);
    const auto line = lines_.find(place->second);
    const Waiter waiter = line->second.at(id);
    const Limit& limit = *limits_[place->second[waiter.which]];
    decisions_.push_back({id, busy("limit_wait_timeout", format("{} had no room within {} ms", limit.name,
                                                                limit.rule.max_wait_ms))});
    deadlines_.erase(deadlines_.begin());
    leave(place->second);
    line->second.erase(id);
    if (line->second.empty()) lines_.erase(line);
    places_.erase(place);
  }
}

// The head of every line, the oldest first; a line whose head is held up is over for this time.
void Limiter::serve() {
  using Head = std::pair<uint64_t, std::map<Ids, Line>::iterator>;
  const auto later = [](const Head& a, const Head& b) { return a.first > b.first; };
  std::vector<Head> heads;
  for (auto line = lines_.begin(); line != lines_.end(); ++line) {
    for (const uint32_t id : line->first)
      if (id != kNoLimit) limits_[id]->holds_up = false;
    heads.emplace_back(line->second.begin()->first, line);
  }
  std::make_heap(heads.begin(), heads.end(), later);
  while (!heads.empty()) {
    std::pop_heap(heads.begin(), heads.end(), later);
    const auto [id, line] = heads.back();
    Waiter& waiter = line->second.begin()->second;
    waiter.lack = first_lack(line->first, waiter.tokens, &waiter.which);
    if (waiter.lack != Lack::kNone) {
      Limit& limit = *limits_[line->first[waiter.which]];
      limit.holds_up = true;
      due_ns_ = std::min(due_ns_, earliest(limit, waiter.lack, waiter.tokens));
      heads.pop_back();
      continue;
    }
    grant(id, line->first, waiter.tokens);
    decisions_.push_back({id, ok_status()});
    deadlines_.erase({waiter.deadline_ns, id});
    leave(line->first);
    places_.erase(id);
    line->second.erase(line->second.begin());
    heads.pop_back();
    if (line->second.empty()) {
      lines_.erase(line);
      continue;
    }
    heads.emplace_back(line->second.begin()->first, line);
    std::push_heap(heads.begin(), heads.end(), later);
  }
}

void Limiter::advance(int64_t now_ns) {
  monotonic(now_ns);
  due_ns_ = kNever;
  time_out();
  serve();
  if (!deadlines_.empty()) due_ns_ = std::min(due_ns_, deadlines_.begin()->first);
}

bool Limiter::next_decision(Decision* out) {
  if (next_decision_ == decisions_.size()) {
    decisions_.clear();
    next_decision_ = 0;
    return false;
  }
  *out = std::move(decisions_[next_decision_++]);
  return true;
}

Limiter::Load Limiter::load_of(Limit& limit) const {
  limit.roll(now_ns_ / kSlotNs);
  return {.active = limit.active,
          .waiting = limit.waiting,
          .requests = limit.requests == nullptr ? 0 : limit.requests->sum(),
          .tokens = limit.tokens == nullptr ? 0 : limit.tokens->sum()};
}

Limiter::Load Limiter::load(std::string_view name, int64_t now_ns) {
  monotonic(now_ns);
  const auto known = names_.find(name);
  return known == names_.end() ? Load() : load_of(*limits_[known->second]);
}

std::vector<Limiter::NamedLoad> Limiter::loads(int64_t now_ns) {
  monotonic(now_ns);
  std::vector<NamedLoad> all;
  for (const auto& limit : limits_) {
    if (limit->name.empty()) continue;
    NamedLoad row{limit->name, limit->rule, load_of(*limit)};
    if (!limit->idle()) all.push_back(std::move(row));
  }
  std::sort(all.begin(), all.end(), [](const NamedLoad& a, const NamedLoad& b) {
    return a.load.waiting != b.load.waiting ? a.load.waiting > b.load.waiting : a.name < b.name;
  });
  return all;
}

}  // namespace tau::provider
