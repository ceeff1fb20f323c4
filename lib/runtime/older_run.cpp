#include "runtime/older_run.h"

#include <algorithm>

namespace tau::runtime {
namespace {

// What the model is told of a call without a result.
wire::Message unanswered(const wire::ToolCall& call, bool may_have_run) {
  constexpr std::string_view kNotRun = "skipped: the program stopped before this call started";
  return agent::tool_error_message(call, may_have_run ? agent::kOutcomeUnknown : kNotRun);
}

// The rows of the run, one after the other.
class Reading {
 public:
  explicit Reading(const std::vector<int64_t>& appended) : appended_(appended) {}

  void operator()(agent::Start& in) {
    out_.state.config = in.config;
    keep(std::move(in.message));
  }
  void operator()(agent::Continued& in) {
    answer_ = in.answer;
    asked_ = false;
    out_.state = std::move(in);
  }
  void operator()(agent::PromptReady& in) {
    out_.state.call = std::max(out_.state.call, in.call);
    out_.state.turn += 1;
    answer_ = nullptr;
    asked_ = true;
  }
  void operator()(agent::ModelDone& in) {
    spend(*in.response, in.cost_usd_micros);
    keep(in.response->message);
    calls_.clear();
    results_.clear();
    started_.clear();
    for (const wire::Part& part : in.response->message.parts)
      if (const auto* call = part.as<wire::ToolCall>()) calls_.push_back(*call);
    answer_ = calls_.empty() ? in.response : nullptr;
  }
  void operator()(agent::ModelFailed& in) { spend(*in.partial, in.cost_usd_micros); }
  void operator()(agent::ModelCut& in) { spend(*in.partial, in.cost_usd_micros); }
  void operator()(agent::ToolDone& in) {
    out_.state.input_tokens += in.use.input_tokens;
    out_.state.output_tokens += in.use.output_tokens;
    out_.state.cached_tokens += in.use.cached_tokens;
    out_.state.cost_usd_micros += in.use.cost_usd_micros;
    results_.push_back(
        {seq_, std::move(in.message), in.held == nullptr ? std::move(in.signals) : std::string()});
  }
  void operator()(agent::HostOp& in) {
    if (in.kind != agent::HostOp::Kind::kApproval) return said_.push_back({seq_, std::move(in.message)});
    if (in.allow) started_.push_back(std::move(in.call_id));
  }
  // A call that has an effect starts when its permission is durable, not before.
  void operator()(agent::Verdict& in) {
    if (in.decision == agent::Verdict::Decision::kAllow) started_.push_back(std::move(in.call_id));
  }
  void operator()(const agent::Timer&) {}
  void operator()(agent::Cancel& in) {
    if (out_.state.stop == nullptr) out_.state.stop = std::make_shared<const ErrorInfo>(std::move(in.why));
  }
  void operator()(const agent::Resumed&) {}
  void operator()(agent::Recalled& in) { keep(std::move(in.message)); }

  void at(int64_t seq) { seq_ = seq; }
  // A message that the engine made: the result of a call that it refused, what is left of a broken-off
  // answer, or the request to answer again in the form that the host wants.
  void made(wire::Message message) {
    if (message.role == wire::Role::kTool) return results_.push_back({seq_, std::move(message)});
    if (message.role == wire::Role::kUser) {
      out_.state.structured_failures += 1;
      answer_ = nullptr;
    }
    keep(std::move(message));
  }
  void keep(wire::Message message) {
    if (!is_appended(seq_)) out_.messages.push_back({seq_, std::move(message)});
  }

  OlderRun finish() {
    close_calls();
    for (OlderRun::Kept& said : said_) {
      if (is_appended(said.seq)) continue;
      out_.messages.push_back(std::move(said));
      answer_ = nullptr;  // it is answered next
    }
    out_.state.answer = answer_;
    if (asked_) {  // the call has no outcome: it is made again, as the same turn under the same request id
      out_.state.turn -= 1;
      out_.state.call -= 1;
    }
    return std::move(out_);
  }

 private:
  void spend(const wire::Response& response, int64_t cost) {
    asked_ = false;
    out_.state.input_tokens += response.usage.input;
    out_.state.output_tokens += response.usage.output;
    out_.state.cached_tokens += response.usage.cached_input;
    out_.state.cost_usd_micros += cost;
  }

  bool is_appended(int64_t seq) const { return std::ranges::find(appended_, seq) != appended_.end(); }
  static bool answers(const wire::Message& message, std::string_view call_id) {
    return std::ranges::any_of(message.parts, [&](const wire::Part& part) {
      const auto* result = part.as<wire::ToolResult>();
      return result != nullptr && result->call_id == call_id;
    });
  }
  void answered(const wire::Message& message) {
    std::erase_if(calls_, [&](const wire::ToolCall& call) { return answers(message, call.id); });
  }

  bool started(const wire::ToolCall& call) const {
    return std::ranges::find(started_, call.id) != started_.end();
  }

  // One result for each call of the open turn, in the order of the calls.
  void close_calls() {
    for (const OlderRun::Kept& result : results_)
      if (is_appended(result.seq)) answered(result.message);
    for (const wire::ToolCall& call : calls_) {
      const auto known = std::ranges::find_if(
          results_, [&](const OlderRun::Kept& result) { return answers(result.message, call.id); });
      out_.messages.push_back(known != results_.end() ? *known
                                                      : OlderRun::Kept{-1, unanswered(call, started(call))});
    }
  }

  const std::vector<int64_t>& appended_;
  int64_t seq_ = 0;
  OlderRun out_;
  std::vector<wire::ToolCall> calls_;  // of the last answer, without those that have a result
  std::vector<OlderRun::Kept> results_;
  std::vector<std::string> started_;  // ids of calls that were allowed to
  std::vector<OlderRun::Kept> said_;  // by the host, while the run went on
  std::shared_ptr<const wire::Response> answer_;
  bool asked_ = false;  // the model, and there is no outcome yet
};

}  // namespace

StatusOr<OlderRun> read_older_run(const std::vector<store::JournalEntry>& journal,
                                  const std::vector<int64_t>& appended) {
  Reading reading(appended);
  for (const store::JournalEntry& entry : journal) {
    reading.at(entry.row.seq);
    if (entry.purged) continue;
    if (entry.row.kind == agent::kMessageRow) {
      TAU_ASSIGN_OR_RETURN(wire::Message message, agent::message_of_row(entry.row.body));
      reading.made(std::move(message));
      continue;
    }
    TAU_ASSIGN_OR_RETURN(agent::InputBody body, agent::input_from_json(entry.row.kind, entry.row.body));
    std::visit(reading, body);
  }
  return reading.finish();
}

}  // namespace tau::runtime
