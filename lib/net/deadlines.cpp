// The time limits of deadlines.h.
#include "net/deadlines.h"

#include <algorithm>

namespace tau::net {
namespace {

constexpr int64_t kNever = INT64_MAX;

int64_t after(int64_t since_ns, int64_t limit_ms) {
  if (limit_ms <= 0 || limit_ms > (kNever - since_ns) / kNanosPerMilli) return kNever;
  return since_ns + limit_ms * kNanosPerMilli;
}

Status timeout(std::string_view reason, std::string message, bool retryable) {
  ErrorInfo info;
  info.code = Code::kDeadlineExceeded;
  info.reason = reason;
  info.message = std::move(message);
  info.retryable = retryable;
  return Status(std::move(info));
}

}  // namespace

Deadlines::Deadlines(EventLoop& loop, const Timeouts& limits, Expired expired)
    : loop_(loop),
      limits_(limits),
      expired_(std::move(expired)),
      since_ns_(loop.now_ns()),
      total_ns_(after(since_ns_, limits.total_ms)) {
  arm();
}

Deadlines::~Deadlines() { loop_.cancel_timer(timer_); }

void Deadlines::enter(Phase phase) {
  phase_ = phase;
  since_ns_ = loop_.now_ns();
  arm();
}

void Deadlines::received() {
  if (phase_ != Phase::kReceiving) return enter(Phase::kReceiving);
  since_ns_ = loop_.now_ns();
}

void Deadlines::suspend_idle(bool suspended) {
  suspended_ = suspended;
  if (phase_ != Phase::kReceiving || suspended) return;
  since_ns_ = loop_.now_ns();
  arm();
}

int64_t Deadlines::phase_limit_ms() const {
  switch (phase_) {
    case Phase::kQueued: return 0;
    case Phase::kConnecting: return limits_.connect_ms;
    case Phase::kWaiting: return limits_.first_byte_ms;
    case Phase::kReceiving: return suspended_ ? 0 : limits_.idle_ms;
  }
  return 0;
}

int64_t Deadlines::phase_deadline_ns() const { return after(since_ns_, phase_limit_ms()); }

Status Deadlines::phase_failure() const {
  const int64_t ms = phase_limit_ms();
  switch (phase_) {
    case Phase::kQueued: break;
    case Phase::kConnecting:
      return timeout("connect_timeout", format("no connection within {} ms", ms), true);
    case Phase::kWaiting:
      return timeout("first_byte_timeout", format("the server did not begin to answer within {} ms", ms),
                     true);
    case Phase::kReceiving:
      return timeout("idle_timeout", format("the server was silent for {} ms in mid-response", ms), false);
  }
  return ok_status();
}

void Deadlines::arm() {
  const int64_t wanted = std::min(total_ns_, phase_deadline_ns());
  if (wanted >= armed_ns_) return;  // the timer fires too early, and looks again
  loop_.cancel_timer(timer_);
  armed_ns_ = wanted;
  timer_ = loop_.set_timer(wanted, [this] { on_timer(); });
}

void Deadlines::on_timer() {
  timer_ = 0;
  armed_ns_ = kNever;
  const int64_t now = loop_.now_ns();
  Status failure;
  if (now >= total_ns_) {
    failure = timeout("total_timeout", format("the request took longer than {} ms", limits_.total_ms), false);
  } else if (now >= phase_deadline_ns()) {
    failure = phase_failure();
  }
  if (failure.ok()) return arm();
  Expired expired = std::move(expired_);
  expired(failure);
}

}  // namespace tau::net
