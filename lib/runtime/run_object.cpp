// The handle of a run.
#include <algorithm>
#include <chrono>

#include "runtime/core.h"

namespace tau::runtime {
namespace {

constexpr int kSliceMs = 50;

}  // namespace

Run::Run(std::shared_ptr<Session> session, std::shared_ptr<RunState> state, std::shared_ptr<EventQueue> queue,
         bool private_queue)
    : session_(std::move(session)),
      state_(std::move(state)),
      queue_(std::move(queue)),
      private_queue_(private_queue) {}

Run::~Run() {
  if (!private_queue_ || session_->agent()->runtime()->core()->forked()) return;
  cancel();
  state_->channel->mute();
}

std::string_view Run::id() const { return state_->id; }

Status Run::submit(std::string_view op_json, std::vector<wire::Media> blobs) {
  TAU_RETURN_IF_ERROR(session_->agent()->runtime()->check());
  TAU_ASSIGN_OR_RETURN(auto op, parse_op(op_json, std::move(blobs)));
  if (op->kind == Op::Kind::kModelEvent || op->kind == Op::Kind::kModelDrop)
    return answer_model(*op, *state_->replies);
  if (state_->done) return failed_precondition("run_ended", format("run {} has ended", state_->id));
  const net::OwnerScope scope(state_->owner);
  state_->host->loop().post([state = state_, op = std::move(op)]() mutable {
    // A cancel that came before this op is not overtaken by it.
    if (state->cancel_requested) LoopHost::hurry(*state);
    if (state->driver == nullptr) {
      if (state->beginning)
        state->beginning->early.emplace_back(
            [op = std::move(op)](Driver& driver) mutable { perform(std::move(*op), driver); });
      return;
    }
    if (state->cancel_requested) state->driver->cancel(cancelled_by_host());
    if (state->driver != nullptr) perform(std::move(*op), *state->driver);
  });
  return ok_status();
}

void Run::cancel() noexcept {
  if (state_->done) return;
  state_->cancel_requested = true;
  state_->host->cancel_soon();
}

StatusOr<std::string> Run::wait(int timeout_ms, Code* code) {
  const std::shared_ptr<Runtime>& runtime = session_->agent()->runtime();
  TAU_RETURN_IF_ERROR(runtime->check());
  if (state_->host->inside())
    return failed_precondition("reentrant", "a run cannot be waited for on the thread of its loop");
  const int64_t start = system_clock().monotonic_ns();
  const auto left_ms = [&] { return timeout_ms - (system_clock().monotonic_ns() - start) / kNanosPerMilli; };
  const auto expired = [&] { return timeout_ms >= 0 && left_ms() <= 0; };
  std::unique_lock lock(state_->mutex);
  const auto told = [&] { return state_->told; };
  while (!state_->done && (runtime->manual() || state_->host->lent_to_this_thread())) {
    lock.unlock();
    const auto ran = state_->host->process(timeout_ms < 0 ? -1 : std::min(timeout_ms, kSliceMs));
    if (!ran.ok() && runtime->manual()) return ran.status();
    lock.lock();
    if (!ran.ok() || (!state_->done && expired())) break;
  }
  if (!runtime->manual() && timeout_ms >= 0)
    state_->finished.wait_for(lock, std::chrono::milliseconds(std::max<int64_t>(0, left_ms())), told);
  if (!state_->done && timeout_ms >= 0)
    return deadline_exceeded("wait_timeout", format("run {} still runs", state_->id));
  // The event of an outcome is only a moment away; its reader may have been faster.
  state_->finished.wait(lock, told);
  *code = state_->code;
  return state_->outcome.str();
}

}  // namespace tau::runtime
