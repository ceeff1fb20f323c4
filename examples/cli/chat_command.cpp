// tau chat: a conversation in the terminal.
#include <array>
#include <utility>

#include "client.h"
#include "commands.h"
#include "failure.h"
#include "files.h"
#include "interrupts.h"
#include "line_editor.h"
#include "runner.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

class Chat {
 public:
  Chat(const Options& options, const Client& client)
      : options_(options),
        client_(client),
        interactive_(can_edit()),
        editor_(interactive_ && !options.no_store ? client.home() + "/history" : std::string()),
        approver_(stdin_is_terminal() ? Approver::Whom::kTerminal : Approver::Whom::kNobody) {}

  int talk();

 private:
  struct Slash {
    std::string_view name;
    std::string_view help;
    void (Chat::*act)(const std::string& argument);
  };
  static const std::array<Slash, 9> kSlashes;

  std::optional<Failure> open(const std::string& config, const std::string& session);
  void ask(const std::string& prompt);
  void slash(const std::string& line);
  bool say(const std::string& text) { return write_out(text + "\n"); }
  std::string id() const { return std::string(view(tau_session_id(session_.get()))); }
  std::string model() const;

  void help(const std::string&);
  void change_model(const std::string& name);
  void change_session(const std::string& id);
  void begin(const std::string&);
  void fork(const std::string& entry);
  void tools(const std::string&);
  void usage(const std::string&);
  void export_to(const std::string& path);
  void quit(const std::string&) { quit_ = true; }

  const Options& options_;
  const Client& client_;
  bool interactive_;
  LineEditor editor_;
  Approver approver_;
  AgentPtr agent_;
  SessionPtr session_;
  std::string agent_config_;
  int exit_ = kExitOk;  // of the last request
  bool quit_ = false;
};

const std::array<Chat::Slash, 9> Chat::kSlashes = {{
    {"export", "[FILE]   the conversation as JSON, to a file or here", &Chat::export_to},
    {"fork", "[ENTRY]  go on in a copy of this session", &Chat::fork},
    {"help", "         this list", &Chat::help},
    {"model", "[NAME]   show or change the model", &Chat::change_model},
    {"new", "         begin a new session", &Chat::begin},
    {"quit", "         leave (also Ctrl-D)", &Chat::quit},
    {"session", "[ID]     show or change the session", &Chat::change_session},
    {"tools", "         what the model may call", &Chat::tools},
    {"usage", "         tokens and cost of this session", &Chat::usage},
}};

// Keeps what was open when the new one cannot be had.
std::optional<Failure> Chat::open(const std::string& config, const std::string& session) {
  auto agent = client_.agent(config);
  if (!agent.ok()) return agent.failure();
  auto opened = Client::session(agent->get(), session);
  if (!opened.ok()) return opened.failure();
  agent_ = *std::move(agent);
  session_ = *std::move(opened);
  agent_config_ = config;
  return std::nullopt;
}

std::string Chat::model() const {
  const auto about = json_of(tau_agent_describe, agent_.get());
  return about.ok() ? (*about)["model"].as_string() : std::string();
}

int Chat::talk() {
  if (const auto failure = open({}, options_.session)) return report(*failure);
  warn_of_missing_tools(agent_.get());
  if (interactive_) say(model() + ", session " + id() + "; /help lists the commands");
  int interrupts = 0;
  std::string line;
  while (!quit_) {
    reset_interrupts();
    const LineEditor::End end = editor_.read("> ", line);
    if (end == LineEditor::End::kEof) break;
    if (end == LineEditor::End::kInterrupt) {
      if (++interrupts == 2) break;
      say("(Ctrl-C again, Ctrl-D or /quit leaves)");
      continue;
    }
    interrupts = 0;
    if (line.starts_with('/')) {
      slash(line);
    } else if (line.find_first_not_of(" \t\r\n") != line.npos) {
      ask(line);
    }
  }
  return interactive_ ? kExitOk : exit_;
}

void Chat::ask(const std::string& prompt) {
  RunRequest request;
  request.prompt = prompt;
  const auto deadline = deadline_of(options_);
  request.deadline_ms = deadline.ok() ? *deadline : 0;
  TextView events;
  exit_ = run_to_end(session_.get(), client_.queue(), request, events, approver_);
}

void Chat::slash(const std::string& line) {
  const size_t blank = std::min(line.find(' '), line.size());
  const std::string name = line.substr(1, blank - 1);
  const size_t begin = line.find_first_not_of(' ', blank);
  const std::string argument = begin == line.npos ? std::string() : line.substr(begin);
  std::vector<std::string_view> known;
  for (const Slash& command : kSlashes) {
    if (command.name == name) return (this->*command.act)(argument);
    known.push_back(command.name);
  }
  const std::string_view meant = nearest(name, known);
  report(usage_failure("unknown command /" + one_line(name, 64),
                       meant.empty() ? "/help lists them" : "did you mean /" + std::string(meant) + "?"));
}

void Chat::help(const std::string&) {
  for (const Slash& command : kSlashes) {
    std::string line = "/";
    line += padded(command.name, 8);
    line += command.help;
    say(line);
  }
  say("A line that ends with \\ goes on in the next one. Ctrl-C stops an answer.");
}

void Chat::change_model(const std::string& name) {
  if (name.empty()) {
    say(model());
    return;
  }
  Json config = Json::object();
  config.set("model", Json::string(name));
  if (const auto failure = open(config.dump(), id())) report(*failure);
}

void Chat::change_session(const std::string& wanted) {
  if (!wanted.empty())
    if (const auto failure = open(agent_config_, wanted)) report(*failure);
  say(id());
}

void Chat::begin(const std::string&) {
  if (const auto failure = open(agent_config_, {})) report(*failure);
  say(id());
}

void Chat::fork(const std::string& entry) {
  tau_session* fork = nullptr;
  tau_error* error = nullptr;
  const tau_status status = tau_session_fork(session_.get(), to_tau(entry), to_tau({}), &fork, &error);
  SessionPtr owned(fork);
  if (status != TAU_OK) {
    report(library_failure(status, error));
    return;
  }
  session_ = std::move(owned);
  say(id());
}

void Chat::tools(const std::string&) {
  const auto about = json_of(tau_agent_describe, agent_.get());
  if (!about.ok()) {
    report(about.failure());
    return;
  }
  for (const Json& tool : (*about)["tools"].items())
    say(padded(tool["name"].as_string(), 12) + " " + padded(tool["effect"].as_string(), 12) +
        (tool["sandboxed"].as_bool() ? "" : " not sandboxed"));
  for (const Json& tool : (*about)["unavailable"].items())
    say(padded(tool["name"].as_string(), 12) + " not offered: " + tool["message"].as_string());
}

void Chat::usage(const std::string&) {
  const auto about = json_of(tau_session_describe, session_.get());
  if (!about.ok()) {
    report(about.failure());
    return;
  }
  Json outcome = Json::object();
  outcome.set("turns", (*about)["turns"]);
  outcome.set("usage", *about);  // holds the same members
  say(usage_line(outcome));
}

void Chat::export_to(const std::string& path) {
  const auto text = text_of(tau_session_export, session_.get());
  if (!text.ok()) {
    report(text.failure());
  } else if (path.empty()) {
    say(*text);
  } else if (const auto made = create_private_file(path, *text + "\n"); !made.ok()) {
    report(made.failure());
  } else {
    say(*made ? "written to " + path : path + " is there already");
  }
}

}  // namespace

int command_chat(const Options& options) {
  const auto deadline = deadline_of(options);
  if (!deadline.ok()) return report(deadline.failure());
  if (const auto failure = check_tool_names(options)) return report(*failure);
  const auto client = Client::open(options);
  if (!client.ok()) return report(client.failure());
  return Chat(options, *client).talk();
}

}  // namespace cli
