#include "scenario_player.h"

#include <fstream>

#include "failing_memory.h"

namespace tau::campaign {
namespace {

tau_str str(const std::string& text) { return {text.data(), text.size()}; }
std::string text_of(tau_str s) { return s.data == nullptr ? std::string() : std::string(s.data, s.len); }

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> parts;
  size_t at = 0;
  for (size_t tab = line.find('\t'); tab != std::string::npos; tab = line.find('\t', at)) {
    parts.push_back(line.substr(at, tab - at));
    at = tab + 1;
  }
  parts.push_back(line.substr(at));
  return parts;
}

Scenario::Tool parse_tool(const std::vector<std::string>& part) {
  static constexpr const char* kEffects[] = {"pure", "read", "write", "egress", "exec", "irreversible"};
  Scenario::Tool tool;
  tool.name = part[1];
  for (tau_tool_effect i = 0; i < std::size(kEffects); ++i)
    if (part[2] == kEffects[i]) tool.effect = i;
  if (part[3].find("parallel") != std::string::npos) tool.flags |= TAU_TOOL_PARALLEL;
  if (part[3].find("idempotent") != std::string::npos) tool.flags |= TAU_TOOL_IDEMPOTENT;
  if (part[3].find("ask") != std::string::npos) tool.flags |= TAU_TOOL_ASK;
  tool.parameters = part[4];
  tool.invoked = part[5] == "function";
  tool.answer = part[6];
  tool.error = part[7] == "1";
  tool.reason = part[8];
  return tool;
}

// "run_…" and "ses_…" without what was chosen by chance.
std::string without_ids(const std::string& body) {
  std::string out;
  for (size_t at = 0; at < body.size();) {
    const bool id = body.compare(at, 4, "run_") == 0 || body.compare(at, 4, "ses_") == 0;
    size_t end = id ? body.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz", at + 4) : at + 1;
    if (end == std::string::npos) end = body.size();
    if (id && end - at >= 14) {
      out += body.substr(at, 4) + "ID";
    } else {
      out += body.substr(at, end - at);
    }
    at = end;
  }
  return out;
}

const char* event_name(tau_event_kind kind) {
  switch (kind) {
    case TAU_EVENT_TEXT: return "text";
    case TAU_EVENT_REASONING: return "reasoning";
    case TAU_EVENT_TOOL_CALL: return "tool_call";
    case TAU_EVENT_APPROVAL: return "approval";
    default: return "";
  }
}

bool holds(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// A tool of the host: on a worker's thread. The scenario outlives the runtime.
void answer_with(void* userdata, const tau_tool_call*, tau_tool_reply* reply) {
  const auto& tool = *static_cast<const Scenario::Tool*>(userdata);
  std::string_view text = tool.answer;  // a string is given as its text: answers that need no unescaping
  if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
  const tau_str content = {text.data(), text.size()};
  if (tool.error) {
    tau_tool_reply_fail(reply, str(tool.reason), content, nullptr);
  } else {
    tau_tool_reply_complete(reply, content, nullptr);
  }
}

}  // namespace

Scenario read_scenario(const std::string& path) {
  Scenario scenario;
  scenario.name = path.substr(path.rfind('/') + 1);
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const std::vector<std::string> part = split(line);
    if (part[0] == "agent") scenario.agent = part[1];
    if (part[0] == "tool") scenario.tools.push_back(parse_tool(part));
    if (part[0] == "run") scenario.runs.push_back({part[1], part[2], std::stol(part[3]), part[4] == "quiet"});
    if (part[0] == "once" || part[0] == "each")
      scenario.rules.push_back({part[0] == "once", part[1], part[2]});
  }
  return scenario;
}

struct ScenarioPlayer::Now {
  tau_run* run = nullptr;
  tau_queue* queue = nullptr;
  std::vector<bool> obeyed;            // by rule
  std::map<std::string, int> results;  // by call id
  std::string streamed;                // name of the deltas that came last
  int ends = 0;
  int after_end = 0;
  bool out_of_memory = false;  // it ended so
  bool given_up = false;       // an op could not be sent: the run was cancelled
};

ScenarioPlayer::ScenarioPlayer(tau_runtime* runtime, const Scenario& scenario, Shortage shortage, bool invoke)
    : runtime_(runtime), scenario_(scenario), shortage_(shortage), invoke_(invoke) {}

ScenarioPlayer::~ScenarioPlayer() {
  memory::library([&] {
    tau_session_unref(session_);
    tau_agent_unref(agent_);
  });
}

void ScenarioPlayer::wrong(const std::string& what) { story_.wrong.push_back(what); }

// One call of the library. Only lack of memory may keep it from doing as it always does; the call after that
// is made with memory again, where only one allocation fails.
template <class F>
Answer ScenarioPlayer::call(const char* what, F&& f) {
  Answer answer;
  for (int attempt = 0; attempt < 2; ++attempt) {
    tau_error* err = nullptr;
    answer.status = memory::library([&] { return f(&err); });
    answer.reason = text_of(tau_error_reason(err));
    if (answer.status >= 0 && err != nullptr) wrong(std::string(what) + ": an error with a success");
    if (answer.status < 0 && err == nullptr) wrong(std::string(what) + ": a failure without an error");
    memory::library([&] { tau_error_free(err); });
    if (!answer.out_of_memory()) return answer;
    ++story_.told;
    if (shortage_ == Shortage::kLasting) return answer;
  }
  wrong(std::string(what) + " fails again");
  return answer;
}

bool ScenarioPlayer::add_tools() {
  for (const Scenario::Tool& t : scenario_.tools) {
    tau_tool tool = TAU_TOOL_INIT;
    tool.name = tool.description = str(t.name);
    tool.parameters = str(t.parameters);
    tool.effect = t.effect;
    tool.flags = t.flags;
    if (invoke_ && t.invoked) {
      tool.invoke = answer_with;
      tool.userdata = const_cast<Scenario::Tool*>(&t);
    }
    const Answer added =
        call("tau_agent_add_tool", [&](tau_error** err) { return tau_agent_add_tool(agent_, &tool, err); });
    if (added.status != TAU_OK) return added.out_of_memory() ? false : (wrong(added.reason), false);
  }
  return true;
}

bool ScenarioPlayer::open() {
  const Answer made = call("tau_agent_new", [&](tau_error** err) {
    return tau_agent_new(runtime_, str(scenario_.agent), &agent_, err);
  });
  if (made.status != TAU_OK) return made.out_of_memory() ? false : (wrong(made.reason), false);
  if (!add_tools()) return false;
  const Answer opened = call("tau_session_open", [&](tau_error** err) {
    return tau_session_open(agent_, tau_str{nullptr, 0}, &session_, err);
  });
  if (opened.status != TAU_OK && !opened.out_of_memory()) wrong(opened.reason);
  return opened.status == TAU_OK;
}

Story ScenarioPlayer::play() {
  if (open())
    for (const Scenario::Run& run : scenario_.runs) play_run(run);
  return std::move(story_);
}

void ScenarioPlayer::play_run(const Scenario::Run& wanted) {
  tau_run_options options = TAU_RUN_OPTIONS_INIT;
  options.prompt = str(wanted.prompt);
  options.options = str(wanted.options);
  options.deadline_ms = wanted.deadline_ms;
  if (wanted.quiet) options.flags = TAU_RUN_QUIET;
  Now now;
  now.obeyed.resize(scenario_.rules.size());
  const Answer started = call(
      "tau_run_start", [&](tau_error** err) { return tau_run_start(session_, &options, &now.run, err); });
  if (started.status != TAU_OK) {
    if (!started.out_of_memory()) wrong("tau_run_start: " + started.reason);
    return;
  }
  now.queue = tau_run_queue(now.run);
  follow(now);
  after_the_end(now);
  memory::library([&] { tau_run_unref(now.run); });
}

void ScenarioPlayer::follow(Now& now) {
  tau_event event = {};
  event.struct_size = sizeof event;
  int failures = 0;
  while (now.ends == 0) {
    const Answer next =
        call("tau_queue_next", [&](tau_error** err) { return tau_queue_next(now.queue, -1, &event, err); });
    if (next.status == TAU_OK) {
      take(now, event);
    } else if (!next.out_of_memory() || ++failures > 3) {
      return wrong(std::string("tau_queue_next: ") + tau_status_name(next.status) + " " + next.reason);
    }
  }
}

// What differs from play to play is left out: ids, and how deltas were merged.
void ScenarioPlayer::take(Now& now, const tau_event& event) {
  tau_str json = {nullptr, 0};
  const Answer shown =
      call("tau_event_json", [&](tau_error** err) { return tau_event_json(now.queue, &event, &json, err); });
  const std::string body = shown.status == TAU_OK ? text_of(json) : std::string();
  if (shown.status != TAU_OK && !shown.out_of_memory()) wrong("tau_event_json: " + shown.reason);
  if (event.kind == TAU_EVENT_TEXT || event.kind == TAU_EVENT_REASONING) {
    const std::string name = without_ids(event_name(event.kind) + (" " + text_of(event.call_id)));
    if (now.streamed != name) story_.transcript += "\n" + name + " ";
    now.streamed = name;
    story_.transcript += text_of(event.text);
  } else {
    now.streamed.clear();
    story_.transcript += "\n" + without_ids(body);
  }
  if (event.kind == TAU_EVENT_TOOL_RESULT && ++now.results[text_of(event.call_id)] > 1)
    wrong("two results of call " + text_of(event.call_id));
  // A tool of the host that has no memory to answer: its call tells, and the model goes on.
  if (event.kind == TAU_EVENT_TOOL_RESULT && holds(body, R"("is_error":true,"reason":"out_of_memory")"))
    ++story_.told;
  if (event.kind == TAU_EVENT_RUN_DONE) return end_of_run(now, body);
  obey(now, event);
}

// A run that ends for lack of memory says so even when none is left to say it with.
void ScenarioPlayer::end_of_run(Now& now, const std::string& body) {
  ++now.ends;
  now.out_of_memory = holds(body, R"("reason":"out_of_memory")");
  if (now.out_of_memory) {
    ++story_.told;
    if (!holds(body, R"("status":"failed")") || !holds(body, R"("code":"resource_exhausted")"))
      wrong("the outcome is " + body);
  }
  const bool must_say = shortage_ == Shortage::kLasting && body.empty();
  if (must_say) wrong("the terminal event has no body");
}

void ScenarioPlayer::after_the_end(Now& now) {
  if (now.ends == 0) return;
  tau_event event = {};
  event.struct_size = sizeof event;
  const Answer next =
      call("tau_queue_next", [&](tau_error** err) { return tau_queue_next(now.queue, 0, &event, err); });
  if (next.status != TAU_DONE) wrong("after the end the queue says " + std::to_string(next.status));
  tau_buf out = {};
  const auto wait = [&](tau_error** err) {
    tau_buf_free(&out);  // it is filled with the failure of a run, too
    return tau_run_wait(now.run, -1, &out, err);
  };
  if (now.out_of_memory) {
    if (memory::library([&] { return wait(nullptr); }) != TAU_RESOURCE_EXHAUSTED)
      wrong("waiting does not tell of the lack of memory");
  } else {
    const Answer waited = call("tau_run_wait", wait);
    story_.transcript += "\nwait " + std::to_string(waited.status) + " " + waited.reason;
  }
  memory::library([&] { tau_buf_free(&out); });
}

void ScenarioPlayer::submit(Now& now, std::string op, const std::string& call_id) {
  if (const size_t mark = op.find("$CALL"); mark != std::string::npos) op.replace(mark, 5, call_id);
  const Answer sent = call(
      "tau_run_submit", [&](tau_error** err) { return tau_run_submit(now.run, str(op), nullptr, 0, err); });
  if (sent.status == TAU_OK) return;
  story_.transcript += "\n! " + sent.reason;
  if (!sent.out_of_memory() || now.given_up) return;
  now.given_up = true;  // a host that cannot answer stops the run
  memory::library([&] { tau_run_cancel(now.run); });
}

void ScenarioPlayer::answer_call(Now& now, const tau_event& event) {
  const std::string name = text_of(event.text);
  for (const Scenario::Tool& tool : scenario_.tools) {
    if (tool.name != name) continue;
    const std::string error = R"(,"is_error":true,"reason":")" + tool.reason + '"';
    submit(
        now,
        R"({"op":"tool_result","call_id":"$CALL","content":)" + tool.answer + (tool.error ? error : "") + "}",
        text_of(event.call_id));
  }
}

void ScenarioPlayer::obey(Now& now, const tau_event& event) {
  bool cancelled = false;
  for (size_t i = 0; i < scenario_.rules.size(); ++i) {
    const Scenario::Rule& rule = scenario_.rules[i];
    if (rule.event != event_name(event.kind) || (rule.once && now.obeyed[i])) continue;
    now.obeyed[i] = true;
    if (rule.op == "cancel") {
      memory::library([&] { tau_run_cancel(now.run); });
      cancelled = true;
    } else {
      submit(now, rule.op, text_of(event.call_id));
    }
  }
  if (!cancelled && event.kind == TAU_EVENT_TOOL_CALL) answer_call(now, event);
}

// Its script calls a tool and then answers.
Bystander::Bystander(tau_runtime* runtime) {
  static const std::string kConfig =
      R"({"model":"scripted/bystander","tools":[],"script":{"turns":[
        {"tool_calls":[{"name":"hold","arguments":{}}]},{"text":"untouched"}]}})";
  tau_tool tool = TAU_TOOL_INIT;
  tool.name = {"hold", TAU_STRLEN};
  tool.effect = TAU_EFFECT_PURE;
  tau_run_options options = TAU_RUN_OPTIONS_INIT;
  options.prompt = {"Go.", TAU_STRLEN};
  if (tau_agent_new(runtime, str(kConfig), &agent_, nullptr) != TAU_OK ||
      tau_agent_add_tool(agent_, &tool, nullptr) != TAU_OK ||
      tau_session_open(agent_, tau_str{nullptr, 0}, &session_, nullptr) != TAU_OK ||
      tau_run_start(session_, &options, &run_, nullptr) != TAU_OK) {
    wrong_ = "the bystander does not start";
    return;
  }
  std::string body;
  wrong_ = wait_for(TAU_EVENT_TOOL_CALL, &call_id_, &body);
}

Bystander::~Bystander() {
  tau_run_unref(run_);
  tau_session_unref(session_);
  tau_agent_unref(agent_);
}

std::string Bystander::wait_for(tau_event_kind kind, std::string* call_id, std::string* body) {
  tau_event event = {};
  event.struct_size = sizeof event;
  tau_queue* queue = tau_run_queue(run_);
  do {
    if (tau_queue_next(queue, 20'000, &event, nullptr) != TAU_OK) return "the bystander gets no event";
  } while (event.kind != kind);
  tau_str json = {nullptr, 0};
  if (tau_event_json(queue, &event, &json, nullptr) != TAU_OK) return "an event has no body";
  *call_id = text_of(event.call_id);
  *body = text_of(json);
  return "";
}

std::string Bystander::finish() {
  if (!wrong_.empty()) return wrong_;
  const std::string op = R"({"op":"tool_result","call_id":")" + call_id_ + R"(","content":"held"})";
  if (tau_run_submit(run_, str(op), nullptr, 0, nullptr) != TAU_OK) return "the bystander takes no result";
  std::string call_id;
  std::string body;
  std::string failure = wait_for(TAU_EVENT_RUN_DONE, &call_id, &body);
  if (failure.empty() && !holds(body, R"("text":"untouched")")) failure = "the bystander ended: " + body;
  return failure;
}

}  // namespace tau::campaign
