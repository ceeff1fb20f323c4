// What the vault holds of logins: tokens, each bound to who may see it, and their state, written together.
#pragma once

#include <memory>
#include <string>

#include "os/os.h"
#include "runtime/auth_config.h"
#include "runtime/vault_source.h"

namespace tau::runtime {

// Any thread. Failures besides those listed are the vault's.
class AuthStore {
 public:
  explicit AuthStore(std::shared_ptr<VaultSource> vault) : vault_(std::move(vault)) {}

  // NOT_FOUND "secret_not_found": nobody has logged in. Sees what other processes wrote.
  StatusOr<provider::LoginState> state(const std::string& auth) const;
  // For its authorization server alone, which the vault knows.
  StatusOr<Secret> refresh_token(const AuthSpec& spec) const;

  // One at a time of a login, among all threads and processes. UNAVAILABLE "file_locked".
  StatusOr<os::FileLock> lock(const std::string& auth, int64_t patience_ms) const;
  // Under that lock. Durable when they return.
  Status write_state(const std::string& auth, const provider::LoginState& state) const;
  // Tokens and state in one write: whoever dies in it leaves the login as it was, or as it is meant.
  Status write_tokens(const AuthSpec& spec, const provider::LoginState& state,
                      const provider::Tokens& tokens) const;
  // Tokens of origins behind the first `count` that an earlier login was for.
  Status forget_origins_from(const std::string& auth, size_t count) const;
  // What is not there is no error.
  Status remove(const std::string& auth) const;

 private:
  const std::shared_ptr<VaultSource> vault_;
};

}  // namespace tau::runtime
