#include "simulator/tools.h"

namespace tau::sim {
namespace {

constexpr int64_t kTimeoutMs = 500;

// kCount: the tool works.
Fault choose_fate(Rng& rng) {
  static constexpr Fault kFates[] = {
      Fault::kToolError,       Fault::kToolHang,        Fault::kToolDropsReply, Fault::kToolAnswersTwice,
      Fault::kToolAnswersLate, Fault::kToolAnswersLate, Fault::kToolAnswersLate};
  return rng.chance(55) ? Fault::kCount : kFates[rng.below(std::size(kFates))];
}

}  // namespace

void Process::Tools::start(const tool::Call& call, const tool::Context& context, tool::Reply reply,
                           const std::atomic<bool>&) {
  process_.world_.trace("tool acts:", manifest_.name + " " + call.id);
  process_.view_.tool_starts(call, manifest_);
  if (manifest_.name == "host") return context.host->call(call, std::move(reply));
  open_.insert_or_assign(call.id, std::move(reply));
  const Fault fate = choose_fate(process_.world_.rng);
  const bool late = fate == Fault::kToolAnswersLate;
  Rng& rng = process_.world_.rng;
  const int64_t late_ns = rng.chance(60) ? 2 * kMs + rng.below(20 * kMs) : rng.below(300 * kMs);
  const int64_t delay_ns = late ? kTimeoutMs * kMs + late_ns : rng.below(20 * kMs);
  process_.loop_.after(delay_ns, [this, id = call.id, fate] {
    if (open_.contains(id)) meet_fate(id, fate);
  });
}

void Process::Tools::meet_fate(const std::string& call_id, Fault fate) {
  if (fate != Fault::kCount) {
    process_.race(fate);
    if (!open_.contains(call_id)) return;
    process_.hit(fate);
  }
  if (fate == Fault::kToolHang) return;  // until somebody stops it
  const auto node = open_.extract(call_id);
  if (fate == Fault::kToolDropsReply) return;  // the reply dies here
  tool::Result result;
  result.content = "ok";
  if (fate == Fault::kToolError) result = tool::error_result("tool_failed", "it did not work");
  node.mapped().complete(result);
  if (fate == Fault::kToolAnswersTwice) node.mapped().complete(tool::error_result("second", "again"));
}

// Some stop at once, some take their time, some never do.
void Process::Tools::cancel(std::string_view call_id) {
  const auto at = open_.find(call_id);
  if (at == open_.end() || process_.world_.rng.chance(70)) return;
  const auto node = open_.extract(at);
  node.mapped().complete(tool::error_result("cancelled", "stopped"));
}

void Process::add_tools() {
  const auto add = [&](std::string_view name, tool::Effect effect, bool parallel, bool idempotent) {
    tool::Manifest m;
    m.name = name;
    m.effect = effect;
    m.parallel = parallel;
    m.idempotent = idempotent;
    m.timeout_ms = kTimeoutMs;
    m.runs = name == "read" ? tool::Manifest::Runs::kWorker : tool::Manifest::Runs::kLoop;
    tools_.push_back(std::make_shared<Tools>(*this, std::move(m)));
    const Status added = registry_->add(tools_.back());
    if (!added.ok()) world_.ledger.violate(added.to_string());
  };
  add("pure", tool::Effect::kPure, true, true);
  add("read", tool::Effect::kRead, true, true);
  add("write", tool::Effect::kWrite, true, false);
  add("serial", tool::Effect::kExec, false, false);
  add("again", tool::Effect::kWrite, true, true);
  add("host", tool::Effect::kEgress, true, false);
}

}  // namespace tau::sim
