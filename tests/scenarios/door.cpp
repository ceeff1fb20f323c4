// Plays scenarios through the C++ wrapper; the form of a file: scenarios.py. Prints the body of every event.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <tau/tau.hpp>
#include <vector>

namespace {

using Line = std::vector<std::string>;

Line split(const std::string& line) {
  Line parts(1);
  for (const char c : line) {
    if (c == '\t') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::string event_name(tau::EventKind kind) {
  switch (kind) {
    case tau::EventKind::kText: return "text";
    case tau::EventKind::kReasoning: return "reasoning";
    case tau::EventKind::kToolCall: return "tool_call";
    case tau::EventKind::kApproval: return "approval";
    default: return {};
  }
}

tau::Effect effect_of(const std::string& name) {
  const std::map<std::string, tau::Effect> effects = {
      {"pure", tau::Effect::kPure},   {"read", tau::Effect::kRead},
      {"write", tau::Effect::kWrite}, {"egress", tau::Effect::kEgress},
      {"exec", tau::Effect::kExec},   {"irreversible", tau::Effect::kIrreversible}};
  return effects.at(name);
}

class Play {
 public:
  explicit Play(const tau::Runtime& runtime) : runtime_(runtime) {}

  void line(const Line& part) {
    if (part[0] == "agent") {
      agent_ = runtime_.agent(part[1]).value();
    } else if (part[0] == "tool") {
      add_tool(part);
    } else if (part[0] == "run") {
      if (!session_) session_ = agent_.session().value();
      run(part);
    } else if (part[0] == "memory") {
      memory_ = tau::Memory::open(runtime_, part[1]).value();
    } else if (part[0] == "perform") {
      print(memory_.perform(part[1]));
    } else if (part[0] == "search") {
      print(memory_.search(part[1]));
    } else {
      rules_.push_back(part);
    }
  }

 private:
  static void print(const tau::Result<tau::Text>& answer) {
    if (answer)
      std::cout << "memory " << answer->view() << '\n';
    else
      std::cout << "! " << answer.error().reason() << '\n';
  }

  void add_tool(const Line& part) {
    tools_[part[1]] = part;
    tau::Tool tool;
    tool.name = tool.description = part[1];
    tool.effect = effect_of(part[2]);
    tool.parallel = part[3].find("parallel") != std::string::npos;
    tool.idempotent = part[3].find("idempotent") != std::string::npos;
    tool.ask = part[3].find("ask") != std::string::npos;
    tool.parameters = part[4];
    const auto added = agent_.add_tool(tool);
    if (!added) std::cout << "! " << added.error().reason() << '\n';
  }

  void run(const Line& part) {
    tau::RunOptions options;
    options.prompt = part[1];
    options.options = part[2];
    options.deadline_ms = std::stoll(part[3]);
    options.quiet = part[4] == "quiet";
    std::vector<bool> done(rules_.size(), false);
    const tau::Run run = session_.run(options).value();
    for (const tau::Event& event : run.events()) {
      std::cout << event.json() << '\n';
      bool cancelled = false;  // then its calls wait for no answer
      for (size_t i = 0; i < rules_.size(); ++i) {
        const Line& rule = rules_[i];
        if (rule[1] != event_name(event.kind()) || (rule[0] == "once" && done[i])) continue;
        done[i] = true;
        cancelled = cancelled || rule[2] == "cancel";
        obey(run, rule[2], event);
      }
      if (!cancelled && event.kind() == tau::EventKind::kToolCall) answer(run, event);
    }
  }

  static void obey(const tau::Run& run, const std::string& op, const tau::Event& event) {
    if (op == "cancel") return run.cancel();
    std::string text = op;
    const size_t mark = text.find("$CALL");
    if (mark != std::string::npos) text.replace(mark, 5, event.call_id());
    const auto sent = run.submit(text);
    if (!sent) std::cout << "! " << sent.error().reason() << '\n';
  }

  void answer(const tau::Run& run, const tau::Event& event) const {
    const Line& tool = tools_.at(std::string(event.text()));
    std::string op = R"({"op":"tool_result","call_id":"$CALL","content":)" + tool[6];
    if (tool[7] == "1") op += R"(,"is_error":true,"reason":")" + tool[8] + '"';
    obey(run, op + "}", event);
  }

  const tau::Runtime& runtime_;
  tau::Agent agent_;
  tau::Session session_;
  tau::Memory memory_;
  std::map<std::string, Line> tools_;
  std::vector<Line> rules_;
};

}  // namespace

int main(int argc, char** argv) {
  tau::RuntimeOptions options;
  options.no_store = true;
  if (const char* config = std::getenv("DOOR_CONFIG")) options.config = config;
  const tau::Runtime runtime = tau::Runtime::open(options).value();
  for (int i = 1; i < argc; ++i) {
    std::cout << "== " << argv[i] << '\n';
    std::ifstream file(argv[i]);
    Play play(runtime);
    for (std::string line; std::getline(file, line);) play.line(split(line));
  }
}
