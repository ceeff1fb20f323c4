// tau doctor, tau completion, tau man: what there is, what is wrong, how to type it.
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>

#include "client.h"
#include "commands.h"
#include "env_table.h"
#include "finding.h"
#include "surface.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr int64_t kScarceBytes = int64_t{256} << 20;
constexpr uintmax_t kInstructionsBytes = 32 << 10;

int print(const std::string& text) { return write_out(text) ? kExitOk : kExitFailed; }

using enum Finding::Level;

class Doctor {
 public:
  explicit Doctor(const Options& options) : options_(options) {}

  std::vector<Finding> examine() {
    check_home();
    check_configuration();
    check_database();
    check_sessions();
    for (Finding& finding : check_audit(options_)) add(std::move(finding));
    for (Finding& finding : check_vault(options_, /*ask=*/false)) add(std::move(finding));
    check_workspace();
    return std::move(findings_);
  }

 private:
  void add(Finding finding) { findings_.push_back(std::move(finding)); }

  Result<Client> open_without_store(bool bare) const {
    Options options = options_;
    options.bare = bare;
    options.no_store = true;
    return Client::open(options);
  }

  static Finding opening_problem(std::string_view check, const Failure& failure, std::string_view fix) {
    if (failure.reason == "helper_missing")
      return {kProblem, "tools", failure.message, "install tau as a whole, or correct $TAU_EXEC_HELPER"};
    return {kProblem, std::string(check), failure.message, std::string(fix)};
  }

  void check_home() {
    const auto client = open_without_store(/*bare=*/true);
    if (!client.ok()) {
      add(opening_problem("home", client.failure(), "name a directory with --home or $TAU_HOME"));
      return;
    }
    home_ = (*client).home();
    struct statvfs disk {};
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(home_, error);
    if (home_.empty()) {
      add({kProblem, "home", "there is no home directory: neither $HOME nor $XDG_DATA_HOME is set",
           "name a directory with --home or $TAU_HOME"});
    } else if (status.type() == std::filesystem::file_type::not_found) {
      add({kOk, "home", home_ + " is made when it is needed"});
    } else if (!std::filesystem::is_directory(status)) {
      add({kProblem, "home", home_ + " is not a directory",
           "move it away, or name another with --home or $TAU_HOME"});
    } else if (access(home_.c_str(), R_OK | X_OK) != 0) {
      add({kProblem, "home", home_ + " is not yours to enter",
           "run as the user whose home it is, or name another with --home"});
    } else if (statvfs(home_.c_str(), &disk) == 0 &&
               static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_frsize) < kScarceBytes) {
      add({kWarning, "home", home_ + ": less than 256 MB are free on its disk",
           "free some space, or let sessions go: tau prune --older-than 30d"});
    } else {
      add({kOk, "home", home_});
    }
  }

  void check_configuration() {
    const auto client = open_without_store(/*bare=*/false);
    if (!client.ok() && client.failure().reason == "invalid_policy")
      return add({kProblem, "access", client.failure().message,
                  "correct the policy: nothing runs without it; docs/access.md has its form"});
    if (!client.ok()) {
      add(opening_problem("configuration", client.failure(),
                          "correct that key; docs/configuration.md has them all, and 'tau config show' tells "
                          "where values come from"));
      return;
    }
    add({kOk, "configuration", "tau.toml, environment and options fit together"});
    check_access(*client);
    const auto agent = (*client).agent();
    if (!agent.ok()) {
      add({kProblem, "agent", agent.failure().message,
           "'tau config show' tells where each value comes from"});
      return;
    }
    const auto about = json_of(tau_agent_describe, (*agent).get());
    if (about.ok()) check_agent(*about);
  }

  void check_access(const Client& client) {
    const auto about = client.describe();
    if (!about.ok()) return;
    const Json& values = (*about)["config"]["values"];
    const bool inlined = values["access.document"]["value"].is_object();
    const std::string policy = inlined ? "access.document" : values["access.policy"]["value"].as_string();
    if (!policy.empty())
      add({kOk, "access", "the policy " + policy + " is in force; tau access lint reads it"});
  }

  void check_agent(const Json& about) {
    const std::string& model = about["model"].as_string();
    if (!about["model_error"].as_string().empty()) {
      add({kProblem, "model", about["model_error"].as_string(),
           "'tau models' shows which providers are ready"});
    } else if (model == "offline/offline") {
      add({kWarning, "model", "the built-in offline model would answer: " + about["model_reason"].as_string(),
           "set the key of a provider (tau models), or run a local server such as Ollama or llama.cpp"});
    } else {
      add({kOk, "model", model + ", because " + about["model_reason"].as_string()});
    }
    check_tools(about);
  }

  // What is configured and cannot be offered.
  void check_tools(const Json& about) {
    const auto holds = [](const Json& list, std::string_view name, std::string_view member) {
      for (const Json& item : list.items())
        if ((member.empty() ? item : item[member]).as_string() == name) return true;
      return false;
    };
    const Json& values = about["config"]["values"];
    for (const Json& tool : values["tools"]["value"].items()) {
      const std::string& name = tool.as_string();
      if (holds(about["tools"], name, "name") || holds(values["tools_disabled"]["value"], name, "")) continue;
      add({kWarning, "tools", name + " is configured and not offered: its helper tau-exec is missing",
           "install tau as a whole, or name the helper with $TAU_EXEC_HELPER"});
      return;
    }
    add({kOk, "tools", std::to_string(about["tools"].items().size()) + " are offered"});
    check_sandbox(about["sandbox"], values["sandbox.profile"]["value"].as_string());
  }

  void check_sandbox(const Json& sandbox, const std::string& profile) {
    if (sandbox["mechanism"].as_string().empty()) return;  // no tool that runs commands
    if (sandbox["confined"].as_bool()) {
      add({kOk, "sandbox", "commands are confined by " + sandbox["mechanism"].as_string()});
    } else if (profile == "full") {
      add({kOk, "sandbox", "commands are not confined: sandbox.profile is \"full\""});
    } else {
      add({kWarning, "sandbox", sandbox["notice"].as_string(),
           "install bubblewrap; docs/confinement.md tells what each mechanism needs"});
    }
  }

  void check_database() {
    std::error_code error;
    const std::filesystem::file_type found = std::filesystem::status(home_ + "/tau.db", error).type();
    if (home_.empty() || found == std::filesystem::file_type::not_found)
      return add({kOk, "database", "there is none yet"});
    Buffer text;
    tau_error* refusal = nullptr;
    const tau_status status = tau_home_verify(to_tau(home_), text.out(), &refusal);
    const auto report = Json::parse(text.view());
    if (status == TAU_OK && report) {
      add({kOk, "database", contents_text(*report) + ", every chain whole"});
      sound_ = true;
      return;
    }
    const Failure failure = library_failure(status, refusal);
    if (!report) {
      const bool newer = failure.reason == "database_too_new";
      add({kProblem, "database", failure.message,
           newer ? "use the newer tau that wrote it"
                 : "put a backup in its place: tau restore BACKUP --replace"});
      return;
    }
    for (const Json& problem : (*report)["problems"].items()) add(database_problem(problem));
  }

  Finding database_problem(const Json& problem) const {
    const std::string& message = problem["message"].as_string();
    if (problem["reason"].as_string() == "not_private")
      return {kProblem, "permissions", message, "chmod go= " + message.substr(0, message.find(" has mode"))};
    return {kProblem, "database", problem["reason"].as_string() + ": " + message,
            "put a backup in its place: tau restore BACKUP --replace"};
  }

  void check_sessions() {
    if (!sound_) return;
    Options reading = options_;
    reading.bare = true;
    const auto client = Client::open_to_read(reading);
    if (!client.ok()) {
      add({kProblem, "store", client.failure().message,
           client.failure().hint.empty() ? "'tau verify' tells more" : client.failure().hint});
      return;
    }
    const auto page = json_of(tau_session_list, (*client).runtime(), 1000u, to_tau(""));
    if (!page.ok()) return;
    for (const Json& session : (*page)["sessions"].items()) {
      if (session["open_run"].as_string().empty()) continue;
      const std::string& id = session["id"].as_string();
      add({kWarning, "sessions", "a run of session " + id + " was cut off, or still goes on elsewhere",
           "tau run --resume --session " + id + "   (or --abandon)"});
    }
  }

  void check_workspace() {
    std::error_code error;
    const std::filesystem::path workspace = options_.workspace.empty()
                                                ? std::filesystem::current_path(error)
                                                : std::filesystem::path(options_.workspace);
    const auto size = std::filesystem::file_size(workspace / "AGENTS.md", error);
    if (!error && size > kInstructionsBytes)
      add({kWarning, "workspace", "AGENTS.md has more than 32 KB: the model sees only its beginning",
           "shorten it, or move parts to files that it names"});
  }

  const Options& options_;
  std::string home_;
  bool sound_ = false;  // what is broken is not opened: that writes
  std::vector<Finding> findings_;
};

}  // namespace

int command_doctor(const Options& options) { return show_findings(options, Doctor(options).examine()); }

int command_completion(const Options& options) {
  Options unused;
  const std::string script = completion_script(*make_surface(unused), options.shell);
  if (!script.empty()) return print(script);
  return report(
      usage_failure("no completion for " + one_line(options.shell, 32), "shells are bash, zsh, fish"));
}

int command_man(const Options& options) {
  Options unused;
  const std::string page = manual_page(*make_surface(unused), options.topic);
  if (!page.empty()) return print(page);
  return report(usage_failure("there is no command " + one_line(options.topic, 32), "see 'tau help'"));
}

}  // namespace cli
