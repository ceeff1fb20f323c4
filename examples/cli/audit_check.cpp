// What may be wrong with the audit log of the home.
#include "client.h"
#include "finding.h"

namespace cli {
namespace {

using enum Finding::Level;
constexpr int64_t kManyUnsigned = 1000;  // the library signs far more often

// How to go on with a log that is no good: it is kept, and a new one follows it.
std::string restart_fix(const std::string& folder, bool gone) {
  const std::string again = "begin anew, once: tau run --set audit.replace_lost=true PROMPT";
  return gone ? "put a copy of " + folder + " back, or " + again
              : "look into it, then move it away as it is: mv " + folder + " DIR; and " + again;
}

Finding of_sound_log(const Json& about) {
  const int64_t last = about["last_seq"].as_int();
  const int64_t unsigned_records = last - about["signed_seq"].as_int();
  const std::string text = counted(about, "records", "record") + ", every one as it was written; ";
  if (about["signature"].as_string() == "none")
    return {kOk, "audit", text + "not signed, which shows no forgery: a vault that runs can open signs it"};
  if (unsigned_records > kManyUnsigned)
    return {kWarning, "audit", text + "the last " + std::to_string(unsigned_records) + " are not signed",
            "let runs open the vault that has its key: vault.key_file in tau.toml, for one"};
  return {kOk, "audit", text + "signed with the key " + about["key"].as_string()};
}

}  // namespace

std::vector<Finding> check_audit(const Options& options) {
  const auto runtime = Client::about(options);
  if (!runtime.ok()) return {};  // who looks at more has said why
  const Json& values = (*runtime)["config"]["values"];
  const bool enabled =
      values["audit.enabled"]["value"].as_bool() || values["audit.required"]["value"].as_bool();
  const std::string& home = (*runtime)["home"].as_string();
  std::vector<Finding> findings;
  if (!enabled) findings.push_back({kOk, "audit", "no record is written: audit.enabled is false"});
  Buffer text;
  tau_error* error = nullptr;
  const tau_status status = tau_audit_verify(to_tau(home), to_tau(""), to_tau(""), text.out(), &error);
  const auto about = Json::parse(text.view());
  if (status == TAU_OK && about) {
    findings.push_back(of_sound_log(*about));
    return findings;
  }
  const Failure failure = library_failure(status, error);
  if (failure.reason == "no_audit_log") {
    if (enabled) findings.push_back({kOk, "audit", "there is no record yet"});
  } else if (about) {
    const bool gone =
        (*about)["records"].as_int() == 0 && (*about)["reason"].as_string() == "records_missing";
    findings.push_back({kProblem, "audit", "the log is not as it was written: " + failure.message,
                        restart_fix((*about)["folder"].as_string(), gone)});
  } else {
    findings.push_back({kProblem, "audit", failure.message, "make it readable for this user"});
  }
  return findings;
}

}  // namespace cli
