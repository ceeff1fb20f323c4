// Reply: the promise of one result.
#include <atomic>
#include <new>

#include "tool/tool.h"

namespace tau::tool {

struct Reply::State {
  explicit State(Sink s) : sink(std::move(s)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (done.load(std::memory_order_acquire)) return;
    Result dropped;
    dropped.is_error = true;
    dropped.reason = "reply_dropped";
    try {
      dropped.content = "the tool ended without a result";
    } catch (const std::bad_alloc&) {}
    sink(std::move(dropped));
  }
  Sink sink;
  std::atomic<bool> done{false};
};

Reply::Reply(Sink sink) : state_(std::make_shared<State>(std::move(sink))) {}

void Reply::complete(Result result) const {
  if (!state_->done.exchange(true, std::memory_order_acq_rel)) state_->sink(std::move(result));
}

bool Reply::completed() const { return state_->done.load(std::memory_order_acquire); }

// Its texts are short enough to live in the object.
Result out_of_memory_result() {
  Result out;
  out.is_error = true;
  out.reason = Status::out_of_memory().reason();
  out.content = Status::out_of_memory().message();
  return out;
}

}  // namespace tau::tool
