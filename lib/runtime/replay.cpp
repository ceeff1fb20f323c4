#include "runtime/replay.h"

#include <algorithm>

#include "agent/agent.h"
#include "crypto/crypto.h"

namespace tau::runtime {
namespace {

struct Divergence {
  int64_t seq = -1;
  SharedString kind;
  std::string expected;
  std::string actual;
};

void write_report(json::Writer& w, std::string_view run_id, int64_t steps, const std::string& digest,
                  const Divergence& divergence) {
  w.begin_object();
  w.key("run").string(run_id);
  w.field("steps", steps).field("digest", digest).field("identical", divergence.seq < 0);
  if (divergence.seq >= 0) {
    w.key("divergence").begin_object();
    w.field("seq", divergence.seq).field("kind", divergence.kind);
    w.field("expected", divergence.expected).field("actual", divergence.actual).end_object();
  }
  w.end_object();
}

}  // namespace

StatusOr<std::string> replay_run(store::Store& store, std::string_view run_id, bool* identical) {
  TAU_ASSIGN_OR_RETURN(const store::RunRecord run, store.load_run(run_id));
  if (run.logic_version != agent::kLogicVersion)
    return failed_precondition("logic_version",
                               format("the run was recorded by engine version {}, this is version {}",
                                      run.logic_version, agent::kLogicVersion));
  TAU_RETURN_IF_ERROR(store.verify_chain(run_id));
  TAU_ASSIGN_OR_RETURN(auto journal, store.load_journal(run_id, 0));
  // Rows before the last "continued" were written by another version: the chain covers them, nothing feeds
  // them.
  const auto continued = std::find_if(journal.rbegin(), journal.rend(), [](const store::JournalEntry& entry) {
    return entry.row.kind == "continued";
  });
  if (continued != journal.rend()) journal.erase(journal.begin(), continued.base() - 1);
  agent::Engine engine;
  crypto::Blake2b all;
  int64_t steps = 0;
  Divergence divergence;
  for (const store::JournalEntry& entry : journal) {
    if (entry.row.kind == agent::kMessageRow) continue;
    if (entry.purged) {
      divergence = {entry.row.seq, entry.row.kind, entry.row.effects_digest, "purged"};
      break;
    }
    TAU_ASSIGN_OR_RETURN(agent::InputBody body, agent::input_from_json(entry.row.kind, entry.row.body));
    const agent::Effects effects = engine.step({entry.row.seq, entry.row.time_ms, std::move(body)});
    const std::string digest = agent::digest_of(effects);
    all.update(digest);
    ++steps;
    if (digest == entry.row.effects_digest) continue;
    divergence = {entry.row.seq, entry.row.kind, entry.row.effects_digest, digest};
    break;
  }
  *identical = divergence.seq < 0;
  std::string out;
  json::Writer w(out);
  write_report(w, run_id, steps, crypto::hex(all.finish()), divergence);
  return out;
}

void write_session(json::Writer& w, const store::SessionRecord& s) {
  w.begin_object();
  w.field("id", s.id).field("title", s.title).field("head", s.head_entry);
  if (!s.parent_session.empty()) w.field("forked_from", s.parent_session);
  w.field("workspace", s.workspace).field("model", s.model);
  w.field("created_ms", s.created_ms).field("updated_ms", s.updated_ms).field("turns", s.turns);
  w.field("input_tokens", s.input_tokens).field("output_tokens", s.output_tokens);
  w.field("cost_usd_micros", s.cost_usd_micros);
  if (!s.open_run.empty()) w.field("open_run", s.open_run);
  w.end_object();
}

}  // namespace tau::runtime
