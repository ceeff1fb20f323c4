#include "promise_host.h"

#include <sstream>

namespace tau::campaign {
namespace {

// Calls of every kind: pure, with an effect, idempotent, asking first; a loop, so that any number of answers
// has a next one.
constexpr const char* kConfig = R"({"model":"scripted/power","script":{"loop":true,"turns":[
  {"text":["I ","begin."],"tool_calls":[{"id":"w1","name":"write","arguments":{}},{"id":"a1","name":"again","arguments":{}}]},
  {"tool_calls":[{"id":"p1","name":"pure","arguments":{}},{"id":"q1","name":"ask","arguments":{}}]},
  {"text":["Done, ","piece by piece."]},
  {"text":"To the message."}]}})";

tau_str str(const std::string& text) { return {text.data(), text.size()}; }
std::string text_of(tau_str s) { return s.data == nullptr ? std::string() : std::string(s.data, s.len); }

std::string take(tau_buf& buf) {
  std::string out(buf.data == nullptr ? "" : buf.data, buf.len);
  tau_buf_free(&buf);
  return out;
}

// Every value of a text member, in order.
std::vector<std::string> values(const std::string& json, const std::string& before) {
  std::vector<std::string> out;
  for (size_t at = json.find(before); at != std::string::npos; at = json.find(before, at)) {
    at += before.size();
    out.push_back(json.substr(at, json.find('"', at) - at));
  }
  return out;
}

std::string one_result_each(const std::string& conversation) {
  std::map<std::string, int> results;
  for (const std::string& id : values(conversation, R"({"type":"tool_call","id":")"))
    if (!results.emplace(id, 0).second) return "call " + id + " is there twice";
  for (const std::string& id : values(conversation, R"({"type":"tool_result","call_id":")")) {
    if (!results.contains(id)) return "a result without its call " + id;
    if (++results[id] > 1) return "two results of call " + id;
  }
  for (const auto& [id, count] : results)
    if (count == 0) return "no result of call " + id;
  return results.empty() ? "no call at all" : "";
}

}  // namespace

std::string Promise::to_text() const {
  std::ostringstream out;
  for (const std::string& text : said) out << "said " << text << '\n';
  for (const std::string& text : results) out << "result " << text << '\n';
  for (const std::string& id : ended) out << "ended " << id << '\n';
  for (const auto& [id, count] : effects) out << "effect " << id << '\n';
  return out.str();
}

Promise Promise::from_text(const std::string& text) {
  Promise promise;
  std::istringstream in(text);
  for (std::string kind, value; in >> kind >> value;) {
    if (kind == "said") promise.said.insert(value);
    if (kind == "result") promise.results.insert(value);
    if (kind == "ended") promise.ended.insert(value);
    if (kind == "effect") promise.effects[value] = 1;
  }
  return promise;
}

bool PromiseHost::failed(const char* what, tau_error* err) {
  why_ = std::string(what) + ": " + text_of(tau_error_reason(err)) + ": " + text_of(tau_error_message(err));
  tau_error_free(err);
  return false;
}

bool PromiseHost::open(const std::string& home) {
  tau_error* err = nullptr;
  tau_runtime_options options = TAU_RUNTIME_OPTIONS_INIT;
  options.flags = TAU_RUNTIME_MANUAL;
  options.workers = TAU_NO_WORKERS;  // then nothing of the runtime outlives its last handle
  options.home = str(home);
  options.config = {kConfig, TAU_STRLEN};
  if (tau_runtime_new(&options, &runtime_, &err) != TAU_OK) return failed("open", err);
  if (tau_agent_new(runtime_, {"{}", 2}, &agent_, &err) != TAU_OK) return failed("agent", err);
  struct Row {
    const char* name;
    tau_tool_effect effect;
    tau_tool_flags flags;
  };
  for (const Row& row : {Row{"pure", TAU_EFFECT_PURE, TAU_TOOL_PARALLEL}, Row{"write", TAU_EFFECT_WRITE, 0},
                         Row{"again", TAU_EFFECT_WRITE, TAU_TOOL_IDEMPOTENT | TAU_TOOL_PARALLEL},
                         Row{"ask", TAU_EFFECT_WRITE, TAU_TOOL_ASK}}) {
    tau_tool tool = TAU_TOOL_INIT;
    tool.name = {row.name, TAU_STRLEN};
    tool.effect = row.effect;
    tool.flags = row.flags;
    if (tau_agent_add_tool(agent_, &tool, &err) != TAU_OK) return failed("tool", err);
  }
  if (tau_session_open(agent_, {"power", TAU_STRLEN}, &session_, &err) != TAU_OK)
    return failed("session", err);
  return true;
}

PromiseHost::~PromiseHost() {
  tau_session_unref(session_);
  tau_agent_unref(agent_);
  if (runtime_ != nullptr) tau_runtime_stop(runtime_, 5'000, nullptr);
  tau_runtime_unref(runtime_);
}

Promise PromiseHost::promise() {
  const std::lock_guard lock(mutex_);
  return promise_;
}

void PromiseHost::submit(tau_run* run, const std::string& op) {
  tau_error* err = nullptr;
  if (tau_run_submit(run, str(op), nullptr, 0, &err) != TAU_OK) failed("submit", err);
}

// The tool has its effect, then the host reports it.
void PromiseHost::act(tau_run* run, const tau_event& event) {
  const std::string id = text_of(event.call_id);
  const std::string tool = text_of(event.text);
  if (tool == "write" || tool == "ask") {
    const std::lock_guard lock(mutex_);
    if (++promise_.effects[id] > 1) repeated_ = id;
  }
  const std::string op_id = "r" + std::to_string(next_op_++);
  asked_[op_id] = "result:" + id;
  submit(run, R"({"op":"tool_result","id":")" + op_id + R"(","call_id":")" + id + R"(","content":"result:)" +
                  id + R"("})");
}

void PromiseHost::answer(tau_run* run, tau_queue* queue, const tau_event& event) {
  tau_str json = {nullptr, 0};
  switch (event.kind) {
    case TAU_EVENT_TOOL_CALL: act(run, event); break;
    case TAU_EVENT_APPROVAL:
      submit(run, R"({"op":"approval","call_id":")" + text_of(event.call_id) + R"(","allow":true})");
      break;
    case TAU_EVENT_OP_ACCEPTED: {
      if (tau_event_json(queue, &event, &json, nullptr) != TAU_OK) break;
      const auto ids = values(text_of(json), R"("id":")");
      const std::string promised = ids.empty() ? "" : asked_[ids.front()];
      const std::lock_guard lock(mutex_);
      (promised.starts_with("said:") ? promise_.said : promise_.results).insert(promised);
      break;
    }
    case TAU_EVENT_RUN_DONE: {
      const std::lock_guard lock(mutex_);
      promise_.ended.insert(text_of(event.run_id));
      break;
    }
    default: break;
  }
}

bool PromiseHost::run(tau_run* run) {
  tau_queue* queue = tau_run_queue(run);
  runs_.push_back(text_of(tau_run_id(run)));
  const std::string op_id = "m" + std::to_string(next_op_++);
  asked_[op_id] = "said:" + runs_.back() + op_id;
  submit(run, R"({"op":"message","id":")" + op_id + R"(","text":")" + asked_[op_id] + R"("})");
  tau_event event = {};
  event.struct_size = sizeof event;
  do {
    tau_error* err = nullptr;
    if (tau_queue_next(queue, 20'000, &event, &err) != TAU_OK) {
      tau_run_unref(run);
      return failed("no event in time", err);
    }
    answer(run, queue, event);
  } while (event.kind != TAU_EVENT_RUN_DONE);
  tau_run_unref(run);
  return true;
}

bool PromiseHost::play(const std::string& prompt) {
  tau_run_options options = TAU_RUN_OPTIONS_INIT;
  options.prompt = str(prompt);
  tau_run* started = nullptr;
  tau_error* err = nullptr;
  if (tau_run_start(session_, &options, &started, &err) != TAU_OK) return failed("start", err);
  return run(started);
}

std::string PromiseHost::open_run() {
  tau_buf out = {};
  if (tau_session_describe(session_, &out, nullptr) != TAU_OK) return {};
  const auto ids = values(take(out), R"("open_run":")");
  return ids.empty() ? "" : ids.front();
}

std::string PromiseHost::conversation() {
  tau_buf out = {};
  tau_error* err = nullptr;
  if (tau_session_export(session_, &out, &err) != TAU_OK) failed("export", err);
  return take(out);
}

bool PromiseHost::finish_open_run() {
  if (open_run().empty()) return true;
  tau_run_options options = TAU_RUN_OPTIONS_INIT;
  options.flags = TAU_RUN_RESUME;
  tau_run* started = nullptr;
  tau_error* err = nullptr;
  if (tau_run_start(session_, &options, &started, &err) != TAU_OK) return failed("resume", err);
  return run(started);
}

std::string PromiseHost::judge(const Promise& before) {
  promise_.effects = before.effects;
  const std::string open = open_run();
  if (before.ended.contains(open)) return "a run whose end was told is open again";
  if (!finish_open_run() || !play("afterwards")) return why_;
  if (!repeated_.empty()) return "the effect of call " + repeated_ + " happened twice";
  const std::string all = conversation();
  for (const std::string& text : before.said)
    if (all.find("\"" + text + "\"") == std::string::npos) return "acknowledged and lost: " + text;
  for (const std::string& text : before.results)
    if (all.find("\"" + text + "\"") == std::string::npos) return "acknowledged and lost: " + text;
  for (const auto& [id, count] : before.effects)
    if (all.find("\"" + id + "\"") == std::string::npos) return "call " + id + " acted and is forgotten";
  for (const std::string& id : before.ended) runs_.push_back(id);
  for (const std::string& id : runs_) {
    tau_buf report = {};
    tau_error* err = nullptr;
    const tau_status replayed = tau_run_replay(runtime_, str(id), &report, &err);
    tau_buf_free(&report);
    if (replayed != TAU_OK) return failed(("replay of " + id).c_str(), err), why_;
  }
  return one_result_each(all);
}

}  // namespace tau::campaign
