// tau policy: the table of presets, what is in force here, and verdicts on calls that a file holds.
#include <algorithm>
#include <optional>

#include "client.h"
#include "commands.h"
#include "files.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr size_t kTextWidth = 78;
constexpr size_t kValueWidth = 12;
constexpr size_t kVerdictWidth = 6;
constexpr size_t kToolWidth = 24;
constexpr size_t kReasonWidth = 28;
constexpr size_t kMaxFileBytes = 64 << 20;

int print(const std::string& text) { return write_out(text) ? kExitOk : kExitFailed; }

Result<PolicyPtr> make_policy(std::string_view document) {
  tau_policy* policy = nullptr;
  tau_error* error = nullptr;
  const tau_status status = tau_policy_new(to_tau(document), &policy, &error);
  if (status != TAU_OK) return library_failure(status, error);
  return PolicyPtr(policy);
}

// What the configuration of this workspace makes of the policy.
Result<Json> policy_in_force(const Options& options) {
  Options closed = options;
  closed.no_store = true;
  const auto client = Client::open(closed);
  if (!client.ok()) return client.failure();
  const auto agent = (*client).agent();
  if (!agent.ok()) return agent.failure();
  const auto about = json_of(tau_agent_describe, (*agent).get());
  if (!about.ok()) return about.failure();
  return (*about)["policy"];
}

std::string plain_text(const Json& row) {
  std::string text = row["text"].as_string();
  std::erase(text, '`');  // the same words stand in a page of Markdown
  return padded(text, kTextWidth);
}

std::string document_text(const Json& document) {
  std::string text;
  for (const auto& [key, value] : document.members()) {
    const bool empty = !value.is_string() && value.items().empty() && value.members().empty() &&
                       (value.kind() == Json::Kind::kArray || value.is_object());
    if (!empty) text += "  " + padded(key, kToolWidth) + one_line(value.dump(), kTextWidth) + "\n";
  }
  return text;
}

// Verdicts on the calls of a text, one JSON document a line.
class Court {
 public:
  Court(const tau_policy* policy, bool json) : policy_(policy), json_(json) {}

  std::optional<Failure> judge(std::string_view text) {
    for (size_t line = 1; !text.empty(); ++line) {
      const size_t end = std::min(text.find('\n'), text.size());
      const std::string_view call = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (call.find_first_not_of(" \t\r") == call.npos) continue;
      const auto verdict = json_of(tau_policy_decide, policy_, to_tau(call));
      if (!verdict.ok()) {
        Failure failure = verdict.failure();
        failure.message = "line " + std::to_string(line) + ": " + failure.message;
        return failure;
      }
      add(*Json::parse(call), *verdict, line);
    }
    return std::nullopt;
  }
  const std::string& text() const { return text_; }
  bool all_allowed() const { return all_allowed_; }

 private:
  void add(const Json& call, const Json& verdict, size_t line) {
    const std::string& word = verdict["verdict"].as_string();
    all_allowed_ = all_allowed_ && word == "allow";
    if (json_) {
      Json out = verdict;
      out.set("line", Json::number(static_cast<int64_t>(line)));
      text_ += out.dump() + "\n";
      return;
    }
    const std::string& argument = verdict["argument"].as_string();
    text_ += padded(word, kVerdictWidth) + " " +
             padded(one_line(call["tool"]["name"].as_string(), kToolWidth), kToolWidth) + " " +
             padded(verdict["reason"].as_string(), kReasonWidth) +
             (argument.empty() ? "" : " " + one_line(argument, kToolWidth)) + "\n";
  }

  const tau_policy* policy_;
  const bool json_;
  std::string text_;
  bool all_allowed_ = true;
};

}  // namespace

int command_policy_presets(const Options& options) {
  const auto policy = make_policy({});
  if (!policy.ok()) return report(policy.failure());
  const auto about = json_of(tau_policy_describe, (*policy).get());
  if (!about.ok()) return report(about.failure());
  const Json& table = (*about)["presets"];
  if (options.json) return print(table.dump() + "\n");
  std::string head = padded("", kTextWidth);
  for (const Json& name : table["presets"].items()) head += padded(name.as_string(), kValueWidth);
  std::string text = paint(stdout_is_rich(), Style::kBold, head) + "\n";
  for (const Json& row : table["rows"].items()) {
    text += plain_text(row);
    for (const Json& value : row["values"].items()) text += padded(value.as_string(), kValueWidth);
    text += "\n";
  }
  return print(text + "\nChoose one: policy.preset in tau.toml, or --set policy.preset=strict\n");
}

int command_policy_show(const Options& options) {
  const auto policy = policy_in_force(options);
  if (!policy.ok()) return report(policy.failure());
  if (options.json) return print((*policy).dump() + "\n");
  std::string text =
      "epoch: " + (*policy)["epoch"].dump() + "\n" + document_text((*policy)["document"]) + "\n";
  for (const Json& row : (*policy)["in_force"].items())
    text += plain_text(row) + row["value"].as_string() + "\n";
  return print(text);
}

int command_policy_check(const Options& options) {
  const auto text = options.file == "-" ? read_stdin(kMaxFileBytes) : read_file(options.file, kMaxFileBytes);
  if (!text.ok()) return report(text.failure());
  const auto in_force = policy_in_force(options);
  if (!in_force.ok()) return report(in_force.failure());
  const auto policy = make_policy((*in_force)["document"].dump());
  if (!policy.ok()) return report(policy.failure());
  Court court((*policy).get(), options.json);
  const auto failure = court.judge(*text);
  const int printed = print(court.text());
  if (failure) return report(*failure);
  return printed != kExitOk || court.all_allowed() ? printed : kExitDenied;
}

}  // namespace cli
