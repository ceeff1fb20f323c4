#include "simulator/ledger.h"

namespace tau::sim {
namespace {

// The value of a text field of a journaled body; ids need no unescaping.
std::string field(std::string_view body, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":\"";
  const size_t at = body.find(key);
  if (at == std::string_view::npos) return {};
  const size_t begin = at + key.size();
  return std::string(body.substr(begin, body.find('"', begin) - begin));
}

}  // namespace

void Ledger::answered(const std::string& call_id, bool allow) {
  answered_ns_[call_id] = clock_.now_ns;
  if (allow) approved_.insert(call_id);
}

// An answer that did not reach the disk was not given.
void Ledger::rebooted() {
  answered_ns_.clear();
  std::erase_if(approved_, [this](const std::string& id) { return !durable_answers_.contains(id); });
}

void Ledger::accepted(const std::string& op_id) {
  accepted_.insert(op_id);
  const auto result = result_ops_.find(op_id);
  const bool durable =
      result == result_ops_.end() ? durable_ops_.contains(op_id) : durable_results_.contains(result->second);
  if (!durable) violate("op " + op_id + " was acknowledged before it was durable");
}

// Before a tool that is not pure acts, the decision that let it must be on the disk.
void Ledger::acts(const tool::Call& call, const tool::Manifest& manifest) {
  // A pure call and its id may be forgotten in a crash, and the id used again.
  if (manifest.effect != tool::Effect::kPure) effects_[call.id] += 1;
  if (effects_[call.id] > 1 && !manifest.idempotent) violate("call " + call.id + " took effect twice");
  if (manifest.effect != tool::Effect::kPure && !durable_verdicts_.contains(call.id))
    violate("tool " + manifest.name + " acted before its intent was durable");
  const auto decision = decisions_.find(call.id);
  if (decision == decisions_.end() || decision->second == tool::Decision::kDeny)
    violate("tool " + manifest.name + " acted although policy did not allow it");
  else if (decision->second == tool::Decision::kAsk && !approved_.contains(call.id))
    violate("tool " + manifest.name + " acted without its approval");
}

void Ledger::committed(const store::Batch& batch) {
  for (const store::JournalRow& row : batch.rows) committed_row(row);
}

void Ledger::committed_row(const store::JournalRow& row) {
  if (row.kind == "op") {
    durable_ops_.insert(field(row.body, "op_id"));
    if (field(row.body, "op") == "approval") durable_answers_.insert(field(row.body, "call_id"));
  }
  if (row.kind == "verdict") durable_verdicts_.insert(field(row.body, "call_id"));
  if (row.kind == "tool_done") durable_results_.insert(field(row.body, "call_id"));
  if (row.kind != "timer") return;
  const std::string name = field(row.body, "name");
  const auto answer = answered_ns_.find(name.substr(name.find(':') + 1));
  if (answer != answered_ns_.end() && clock_.now_ns - answer->second > 300 * kMs)
    violate("the timer of an answered approval went on");
}

bool Ledger::run_is_over() const {
  const auto run = disk_.load_run(kRun);
  return run.ok() && run->state != store::RunState::kOpen;
}

void Ledger::check_end(const agent::Limits& limits) {
  const auto run = disk_.load_run(kRun);
  const auto session = disk_.load_session(kSession);
  const auto journal = disk_.load_journal(kRun, 0);
  if (!run.ok() || !session.ok() || !journal.ok()) return violate("the run is not on the disk");
  if (run->state == store::RunState::kOpen) return violate("the run has no end on the disk");
  if (!session->open_run.empty()) violate("a run that ended is still the open one");
  const auto lineage = disk_.load_lineage(session->head_entry);
  if (!lineage.ok()) return violate("the conversation does not load");
  check_conversation(*lineage);
  check_spending(*run, *session, *journal, limits);
  check_replay(*journal);
}

void Ledger::check_conversation(const std::vector<store::JournalEntry>& lineage) {
  std::map<std::string, int> results;
  std::string text;
  for (const store::JournalEntry& entry : lineage) {
    const auto message = agent::message_of_row(entry.row.body);
    if (!message.ok()) return violate("an entry is no message");
    text += message->text() + "\n";
    for (const wire::Part& part : message->parts) {
      if (const auto* call = part.as<wire::ToolCall>()) {
        if (!results.emplace(call->id, 0).second) violate("call id " + call->id + " is used twice");
      }
      if (const auto* result = part.as<wire::ToolResult>()) {
        if (!results.contains(result->call_id)) violate("a result without a call");
        if (++results[result->call_id] > 1) violate("a second result for " + result->call_id);
      }
    }
  }
  for (const auto& [id, count] : results)
    if (count != 1) violate("call " + id + " has " + std::to_string(count) + " results");
  check_texts(text);
}

void Ledger::check_texts(const std::string& text) {
  for (const std::string& op_id : accepted_)
    if (op_texts_.contains(op_id) && text.find(op_texts_[op_id] + "\n") == std::string::npos)
      violate("acknowledged and lost: " + op_id);
  for (const std::string& owed : owed_texts_)
    if (text.find(owed) == std::string::npos) violate("shown to the host and lost: " + owed);
}

void Ledger::check_spending(const store::RunRecord& run, const store::SessionRecord& session,
                            const std::vector<store::JournalEntry>& journal, const agent::Limits& limits) {
  int64_t cost = 0;
  int64_t turns = 0;
  for (const store::JournalEntry& entry : journal) {
    if (!std::string_view(entry.row.kind).starts_with("model_")) continue;
    const auto body = json::parse(entry.row.body);
    cost += body.ok() ? (*body)["cost_usd_micros"].as_int() : 0;
    turns += 1;
  }
  const auto outcome = json::parse(run.outcome_json);
  if (!outcome.ok()) return violate("the outcome is no JSON");
  if ((*outcome)["usage"]["cost_usd_micros"].as_int() != cost || session.cost_usd_micros != cost)
    violate("what the run cost and what its records say differ");
  if (limits.max_cost_usd_micros > 0 && cost > limits.max_cost_usd_micros)
    violate("the run cost more than it may");
  if (turns > limits.max_turns) violate("the run took more turns than it may");
}

void Ledger::check_replay(const std::vector<store::JournalEntry>& journal) {
  if (!disk_.verify_chain(kRun).ok()) violate("the chain is broken");
  agent::Engine engine;
  int64_t next = 0;
  for (const store::JournalEntry& entry : journal) {
    if (entry.row.seq != next++) return violate("the journal has a gap");
    if (entry.row.kind == "message") continue;
    auto body = agent::input_from_json(entry.row.kind, entry.row.body);
    if (!body.ok()) return violate("a journaled input does not read back");
    const auto effects = engine.step({entry.row.seq, entry.row.time_ms, *std::move(body)});
    if (agent::digest_of(effects) != entry.row.effects_digest)
      return violate("replay diverges at row " + std::to_string(entry.row.seq));
  }
  if (!engine.finished()) violate("the replayed run does not end");
}

// The conversation in memory is the one on the disk.
void Ledger::check_memory(const runtime::Conversation& conversation) {
  const auto session = disk_.load_session(kSession);
  const auto lineage = session.ok() ? disk_.load_lineage(session->head_entry)
                                    : StatusOr<std::vector<store::JournalEntry>>(session.status());
  const auto history = conversation.history();
  if (!lineage.ok() || history.size() != lineage->size())
    return violate("memory and disk hold different conversations");
  for (size_t i = 0; i < history.size(); ++i) {
    const auto message = agent::message_of_row((*lineage)[i].row.body);
    if (!message.ok() || wire::to_json(*message) != wire::to_json(*history[i]))
      return violate("memory and disk differ in message " + std::to_string(i));
  }
}

}  // namespace tau::sim
