// tau access …: what a policy of roles says, and what is wrong with it.
#include <set>

#include "client.h"
#include "commands.h"
#include "files.h"
#include "finding.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

using AccessPtr = std::unique_ptr<tau_access, Release<tau_access_unref>>;
using enum Finding::Level;

constexpr size_t kMostPolicy = 1u << 20;

struct PolicyText {
  std::string path;  // or where it stands
  std::string text;
};

// The file of --policy, else the policy in force.
Result<PolicyText> find_policy(const Options& options) {
  if (!options.file.empty()) {
    auto text = read_file(options.file, kMostPolicy);
    if (!text.ok()) return text.failure();
    return PolicyText{options.file, *std::move(text)};
  }
  const auto about = Client::about(options);
  if (!about.ok()) return about.failure();
  const Json& values = (*about)["config"]["values"];
  if (const Json& document = values["access.document"]["value"]; document.is_object())
    return PolicyText{"access.document", document.dump()};
  std::string path = values["access.policy"]["value"].as_string();
  if (path.empty())
    return input_failure("no_policy",
                         "no policy is configured: everybody may do what tools and rules let them",
                         "set access.policy in tau.toml, or name a file with --policy");
  if (!path.starts_with('/')) path = (*about)["home"].as_string() + "/" + path;
  auto text = read_file(path, kMostPolicy);
  if (!text.ok()) return text.failure();
  return PolicyText{path, *std::move(text)};
}

Result<AccessPtr> open_access(const std::string& policy) {
  tau_access_options o = TAU_ACCESS_OPTIONS_INIT;
  o.policy = to_tau(policy);
  tau_access* access = nullptr;
  tau_error* error = nullptr;
  const tau_status status = tau_access_open(&o, &access, &error);
  if (status != TAU_OK) return library_failure(status, error);
  return AccessPtr(access);
}

// The library's answer; of a refusal the details of its error.
Result<Json> ask(tau_access* access, const Options& options) {
  Buffer out;
  tau_error* error = nullptr;
  const tau_status status = tau_access_check(access, to_tau(options.id), to_tau(options.action),
                                             to_tau(options.resource), out.out(), &error);
  if (status != TAU_OK && status != TAU_PERMISSION_DENIED) return library_failure(status, error);
  const std::string text(status == TAU_OK ? out.view() : view(tau_error_details(error)));
  tau_error_free(error);
  auto answer = Json::parse(text);
  if (!answer) return Failure{kExitFailed, "bad_answer", "the library's answer is no JSON"};
  return *std::move(answer);
}

int answer(const Options& options, bool explains) {
  const auto policy = find_policy(options);
  if (!policy.ok()) return report(policy.failure());
  const auto access = open_access((*policy).text);
  if (!access.ok()) return report(access.failure());
  const auto found = ask((*access).get(), options);
  if (!found.ok()) return report(found.failure());
  const bool allowed = (*found)["allowed"].as_bool();
  const std::string text = options.json ? (*found).dump()
                           : explains   ? safe_text((*found)["explain"].as_string())
                                        : std::string(allowed ? "allowed" : "denied");
  if (!write_out(text + "\n")) return kExitFailed;
  return allowed ? kExitOk : kExitDenied;
}

// What a policy says that nobody can have meant.
class Lint {
 public:
  explicit Lint(const Json& policy) : policy_(policy) {}

  std::vector<Finding> examine() {
    for (const Json& binding : policy_["bindings"].items()) check_binding(binding);
    for (const auto& [name, role] : policy_["roles"].members())
      for (const Json& parent : role["inherits"].items()) used_.insert(parent.as_string());
    for (const auto& [name, role] : policy_["roles"].members()) {
      if (!used_.contains(name))
        warn("the role \"" + name + "\" is neither bound nor inherited", "bind it, or remove it");
      check_denials(name, role);
    }
    return std::move(findings_);
  }

 private:
  void warn(std::string message, std::string fix) {
    findings_.push_back({kWarning, "policy", std::move(message), std::move(fix)});
  }

  void check_binding(const Json& binding) {
    for (const Json& role : binding["roles"].items()) used_.insert(role.as_string());
    const std::string& who = binding["principal"].as_string();
    const size_t star = who.find('*');
    if (star != who.npos && who != "*" && !(star + 1 == who.size() && who.ends_with(":*")))
      warn("the binding of \"" + who + "\" covers every principal whose name goes on like that",
           "name principals whole, or a family as \"slack:*\"");
    if (who != "*") return;
    for (const Json& role : binding["roles"].items())
      for (const Json& rule : policy_["roles"][role.as_string()]["allow"].items())
        if (rule["action"].as_string() == "*" && rule["resource"].as_string() == "*")
          warn("everybody may do everything, by the role \"" + role.as_string() + "\"",
               "bind that role to the principals that are meant");
  }

  // Commands read what file tools may not: a rule on files alone does not hold them.
  void check_denials(const std::string& name, const Json& role) {
    for (const Json& rule : role["deny"].items()) {
      const std::string& action = rule["action"].as_string();
      const std::string& resource = rule["resource"].as_string();
      if (!resource.starts_with("workspace/") || !action.starts_with("tool:") || action == "tool:*") continue;
      warn("the role \"" + name + "\" denies " + action + " on \"" + resource +
               "\", and other tools may go there",
           "deny \"tool:*\" there, which holds commands, too");
    }
  }

  const Json& policy_;
  std::set<std::string> used_;
  std::vector<Finding> findings_;
};

}  // namespace

int command_access_check(const Options& options) { return answer(options, /*explains=*/false); }
int command_access_explain(const Options& options) { return answer(options, /*explains=*/true); }

int command_access_lint(const Options& options) {
  const auto policy = find_policy(options);
  if (!policy.ok() && policy.failure().reason != "invalid_policy") return report(policy.failure());
  std::optional<Failure> broken;
  if (!policy.ok()) {
    broken = policy.failure();
  } else if (const auto access = open_access((*policy).text); !access.ok()) {
    broken = access.failure();
  }
  if (broken)
    return show_findings(options, {{kProblem, "policy", broken->message,
                                    "correct it; docs/access.md has the form of a policy"}});
  const auto document = Json::parse((*policy).text);
  std::vector<Finding> findings = Lint(*document).examine();
  findings.insert(findings.begin(),
                  {kOk, "policy",
                   (*policy).path + ": " + std::to_string((*document)["roles"].members().size()) +
                       " roles, " + std::to_string((*document)["bindings"].items().size()) + " bindings"});
  return show_findings(options, findings);
}

}  // namespace cli
