// The commands: each takes the options and gives the exit code.
#pragma once

#include "options.h"

namespace cli {

int command_run(const Options& options);
int command_stdio(const Options& options);
int command_chat(const Options& options);
int command_sessions_list(const Options& options);
int command_sessions_show(const Options& options);
int command_sessions_export(const Options& options);
int command_sessions_fork(const Options& options);
int command_sessions_rm(const Options& options);
int command_sessions_resume(const Options& options);
int command_approvals_approve(const Options& options);
int command_approvals_deny(const Options& options);
int command_approvals_list(const Options& options);
int command_approvals_show(const Options& options);
int command_access_check(const Options& options);
int command_access_explain(const Options& options);
int command_access_lint(const Options& options);
int command_identity_list(const Options& options);
int command_identity_new(const Options& options);
int command_identity_prove(const Options& options);
int command_identity_resolve(const Options& options);
int command_identity_rotate(const Options& options);
int command_identity_show(const Options& options);
int command_identity_sign_card(const Options& options);
int command_identity_verify(const Options& options);
int command_identity_verify_card(const Options& options);
int command_replay(const Options& options);
int command_init(const Options& options);
int command_config_show(const Options& options);
int command_audit_head(const Options& options);
int command_audit_summary(const Options& options);
int command_audit_tail(const Options& options);
int command_audit_verify(const Options& options);
int command_auth_login(const Options& options);
int command_auth_logout(const Options& options);
int command_auth_refresh(const Options& options);
int command_auth_status(const Options& options);
int command_backup(const Options& options);
int command_restore(const Options& options);
int command_verify(const Options& options);
int command_prune(const Options& options);
int command_policy_presets(const Options& options);
int command_policy_show(const Options& options);
int command_policy_check(const Options& options);
int command_route_list(const Options& options);
int command_route_test(const Options& options);
int command_scan(const Options& options);
int command_models(const Options& options);
int command_models_list(const Options& options);
int command_models_show(const Options& options);
int command_doctor(const Options& options);
int command_usage(const Options& options);
int command_vault_add_key(const Options& options);
int command_vault_check(const Options& options);
int command_vault_expire(const Options& options);
int command_vault_get(const Options& options);
int command_vault_import(const Options& options);
int command_vault_init(const Options& options);
int command_vault_list(const Options& options);
int command_vault_put(const Options& options);
int command_vault_revoke(const Options& options);
int command_vault_rm(const Options& options);
int command_vault_rm_key(const Options& options);
int command_vault_rotate(const Options& options);
int command_vault_update(const Options& options);
int command_completion(const Options& options);
int command_man(const Options& options);
int command_version(const Options& options);

}  // namespace cli
