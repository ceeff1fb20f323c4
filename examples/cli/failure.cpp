#include "failure.h"

#include <strings.h>

#include <cstdio>
#include <string>

#include "text.h"

namespace cli {
namespace {

struct HintRow {
  std::string_view reason;
  std::string_view hint;
};

constexpr HintRow kHints[] = {
    {"approval_unknown", "'tau approvals list' shows those that wait"},
    {"auth_incomplete", "docs/auth.md has an example for each kind of login"},
    {"login_required", "'tau auth login NAME' logs in; 'tau auth status' shows how the logins stand"},
    {"audit_log_damaged", "'tau doctor' tells how to go on; keep the folder as it is"},
    {"database_corrupt", "move that file away or restore a copy of it; another --home starts afresh"},
    {"database_too_new", "use the tau that wrote it or a later one, or another --home"},
    {"directory_not_private", "close it to others with chmod 700, or give another --home"},
    {"disk_full", "free some space on the disk of the home"},
    {"egress_denied", "grant the origin in network.private_origins of the home's tau.toml"},
    {"egress_port", "grant the origin in network.private_origins of the home's tau.toml"},
    {"egress_private_address", "grant the origin in network.private_origins of the home's tau.toml"},
    {"egress_reserved_name", "grant the origin in network.private_origins of the home's tau.toml"},
    {"egress_scheme", "grant the origin in network.private_origins of the home's tau.toml"},
    {"home_busy", "end the programs that use this home first"},
    {"home_damaged", "'tau restore BACKUP --replace' puts a backup in its place"},
    {"home_not_empty", "--replace moves what is there aside"},
    {"max_cost", "raise it with --max-cost-usd"},
    {"max_tokens", "raise it with --max-tokens"},
    {"max_turns", "raise it with --max-turns"},
    {"max_wall_time", "raise it with --timeout"},
    {"missing_key",
     "set that variable, or choose another model with --model; 'tau config show' tells what is in force"},
    {"no_vault_key", "say in tau.toml how the vault opens: vault.key_file, vault.key_env or vault.keyring"},
    {"no_audit_log", "runs of a home write one, unless audit.enabled is false"},
    {"no_home", "give --home DIR, set TAU_HOME, or use --no-store"},
    {"no_limit", "say --older-than 30d or --max-size 500M, or set retention.max_age_days in tau.toml"},
    {"no_such_run", "'tau sessions show ID' lists the runs of a session"},
    {"no_such_session", "'tau sessions list' shows the sessions of this home"},
    {"not_a_file", "move away what stands in its place"},
    {"not_a_workspace", "give an existing directory with --workspace"},
    {"record_damaged", "restore the vault's file from a copy, or store the secret again"},
    {"run_open", "go on with 'tau run --resume --session ID', or give it up with --abandon"},
    {"secret_expired", "tau vault update gives it a new value"},
    {"secret_not_found", "'tau vault list' shows what there is; 'tau vault put' stores one"},
    {"secret_origin_mismatch", "'tau vault put' again with the origin that it is for, if you trust that"},
    {"secret_revoked", "'tau vault put' stores a new one"},
    {"session_busy", "wait for the other run to end, or use another --session"},
    {"vault_damaged", "restore the vault's file from a copy"},
    {"vault_exists", "'tau vault list' opens it; another --vault FILE makes a second one"},
    {"wrong_key", "another key opens it: --key-file, --keyring, --key-env, --passphrase"},
};

std::string hint_for(std::string_view reason) {
  for (const HintRow& row : kHints)
    if (row.reason == reason) return std::string(row.hint);
  return {};
}

bool is_limit(std::string_view reason) {
  return reason == "max_turns" || reason == "max_tokens" || reason == "max_cost" ||
         reason == "max_wall_time" || reason == "max_memory";
}

// The parts of the table that calls and outcomes share; 0 when they differ.
int common_exit(tau_status status, std::string_view reason) {
  if (reason == "file_locked") return kExitBusy;
  if (reason == "session_busy" || reason == "home_busy" || reason == "store_busy") return kExitBusy;
  if (is_limit(reason)) return kExitLimit;
  switch (status) {
    case TAU_CANCELLED: return kExitCancelled;
    case TAU_UNAVAILABLE:
    case TAU_UNAUTHENTICATED:
    case TAU_DEADLINE_EXCEEDED: return kExitUnavailable;
    default: return kExitOk;
  }
}

// A call is refused for what it was told or for what it found in the home; that is input.
int exit_of_call(tau_status status, std::string_view reason) {
  if (reason == "wrong_key") return kExitInput;  // of a vault, not of a provider
  if (reason == "access_denied" || reason == "approval_refused") return kExitDenied;
  const int common = common_exit(status, reason);
  if (common != kExitOk) return common;
  switch (status) {
    case TAU_INVALID_ARGUMENT:
    case TAU_NOT_FOUND:
    case TAU_ALREADY_EXISTS:
    case TAU_PERMISSION_DENIED:
    case TAU_FAILED_PRECONDITION:
    case TAU_OUT_OF_RANGE: return kExitInput;
    case TAU_RESOURCE_EXHAUSTED: return reason == "file_too_large" ? kExitInput : kExitFailed;
    default: return kExitFailed;
  }
}

int exit_of_outcome(tau_status status, std::string_view reason) {
  const int common = common_exit(status, reason);
  if (common != kExitOk) return common;
  const bool is_local = reason == "out_of_memory" || reason == "disk_full" || reason == "store_backlog";
  if (status == TAU_RESOURCE_EXHAUSTED && !is_local) return kExitUnavailable;
  return status == TAU_PERMISSION_DENIED ? kExitDenied : kExitFailed;
}

// Outcomes name codes in lower case.
tau_status status_named(const std::string& name) {
  for (tau_status status = TAU_OK; status >= TAU_UNAUTHENTICATED; --status)
    if (strcasecmp(tau_status_name(status), name.c_str()) == 0) return status;
  return TAU_UNKNOWN;
}

}  // namespace

Failure library_failure(tau_status status, tau_error* error) {
  Failure failure;
  failure.reason = view(tau_error_reason(error));
  failure.message = view(tau_error_message(error));
  tau_error_free(error);
  if (failure.reason.empty()) failure.reason = "failed";
  if (failure.message.empty()) failure.message = tau_status_name(status);
  failure.exit = exit_of_call(status, failure.reason);
  failure.hint = hint_for(failure.reason);
  return failure;
}

Failure outcome_failure(const Json& outcome) {
  Failure failure;
  failure.reason = outcome["reason"].as_string();
  failure.message = outcome["message"].as_string();
  failure.exit = exit_of_outcome(status_named(outcome["code"].as_string()), failure.reason);
  failure.hint = hint_for(failure.reason);
  return failure;
}

Failure usage_failure(std::string message, std::string hint) {
  return {kExitUsage, "usage", std::move(message), std::move(hint)};
}

Failure input_failure(std::string reason, std::string message, std::string hint) {
  return {kExitInput, std::move(reason), std::move(message), std::move(hint)};
}

int report(const Failure& failure) {
  constexpr size_t kMaxMessage = 4096;
  std::fflush(stdout);
  std::fprintf(stderr, "tau: %s: %s\n", failure.reason.c_str(),
               one_line(failure.message, kMaxMessage).c_str());
  if (!failure.hint.empty()) std::fprintf(stderr, "hint: %s\n", failure.hint.c_str());
  return failure.exit;
}

}  // namespace cli
