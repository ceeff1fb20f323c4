// The engine's state at a turn boundary as JSON: what a resumed run starts from.
#include <algorithm>

#include "agent/state.h"

namespace tau::agent {

std::string Engine::snapshot() const {
  const State& s = *state_;
  std::string out;
  json::Writer w(out);
  w.begin_object();
  w.field("logic_version", kLogicVersion);
  w.field("turn", s.turn).field("call", s.call);
  w.field("input_tokens", s.input_tokens).field("output_tokens", s.output_tokens);
  w.field("cached_tokens", s.cached_tokens).field("cost_usd_micros", s.cost_usd_micros);
  w.field("unreported_tokens", s.unreported_tokens).field("structured_failures", s.structured_failures);
  // Messages that wait for the end of the answer: the journal rows that hold them.
  w.key("pending").begin_array();
  for (const PendingMessage& p : s.pending)
    w.begin_object().field("seq", p.seq).field("steer", p.steer).end_object();
  w.end_array();
  // The configuration travels in the form of a Start input.
  Start start;
  if (s.config != nullptr) start.config = *s.config;
  w.key("start").raw(input_to_json(start));
  w.end_object();
  return out;
}

StatusOr<Engine> Engine::restore(std::string_view snapshot) {
  TAU_ASSIGN_OR_RETURN(const json::Value v, json::parse(snapshot));
  if (v["logic_version"].as_int() != kLogicVersion)
    return failed_precondition("logic_version",
                               format("the run was recorded by engine version {}, this is version {}",
                                      v["logic_version"].as_int(), kLogicVersion));
  TAU_ASSIGN_OR_RETURN(const InputBody start, input_from_json("start", json::write(v["start"])));
  Engine engine;
  State& s = *engine.state_;
  s.config = std::make_shared<const RunConfig>(std::get<Start>(start).config);
  if (!s.config->response_schema.empty()) {
    TAU_ASSIGN_OR_RETURN(const json::Value schema, json::parse(s.config->response_schema));
    TAU_ASSIGN_OR_RETURN(json::Schema compiled, json::Schema::compile(schema));
    s.schema = std::make_shared<const json::Schema>(std::move(compiled));
  }
  s.phase = Phase::kAssembling;
  s.turn = v["turn"].as_int();
  s.call = v["call"].as_int();
  s.input_tokens = v["input_tokens"].as_int();
  s.output_tokens = v["output_tokens"].as_int();
  s.cached_tokens = v["cached_tokens"].as_int();
  s.cost_usd_micros = v["cost_usd_micros"].as_int();
  s.unreported_tokens = v["unreported_tokens"].as_int();
  s.structured_failures = v["structured_failures"].as_int();
  for (const json::Value& p : v["pending"].as_array())
    s.pending.push_back({p["seq"].as_int(), p["steer"].as_bool()});
  return engine;
}

int64_t first_needed_seq(std::string_view snapshot, int64_t snapshot_seq) {
  const auto v = json::parse(snapshot);
  if (!v.ok()) return snapshot_seq;
  int64_t first = snapshot_seq;
  for (const json::Value& p : (*v)["pending"].as_array()) first = std::min(first, p["seq"].as_int());
  return first;
}

}  // namespace tau::agent
