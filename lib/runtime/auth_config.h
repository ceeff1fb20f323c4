// The logins of a configuration: [auth.NAME], and where the vault keeps what belongs to one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "provider/provider.h"
#include "runtime/config.h"

namespace tau::runtime {

struct AuthSpec {
  provider::OAuth oauth;
  std::string client_secret;  // a reference; empty: none
  std::string key;            // of a service account, a reference
  std::string key_file;       // or its file
  std::string redirect_path;
  std::vector<std::string> origins;    // that may see the access token, as net::Url::origin() has them
  std::vector<std::string> providers;  // that use it
};

// NOT_FOUND "unknown_auth"; else as provider::check_oauth, and "auth_incomplete" where nobody may see a
// token.
StatusOr<AuthSpec> read_auth(const Config& config, std::string_view name);
std::vector<std::string> auth_names(const Config& config);

// Every endpoint that the logins name, and the proxy; nothing else that is private.
std::unique_ptr<net::EgressPolicy> make_auth_policy(const Config& config);

// At most so many origins see one token: each has a secret of its own, bound to it.
inline constexpr size_t kMaxTokenOrigins = 8;
std::string access_reference(std::string_view auth, size_t origin);
std::string refresh_reference(std::string_view auth);
std::string state_reference(std::string_view auth);
// What is stored of a login beside its tokens is no secret.
bool is_state_reference(std::string_view reference);

// The token of a login for this origin. UNAUTHENTICATED "login_required" when there is none.
StatusOr<Secret> read_token(std::string_view auth, const std::string& origin,
                            const std::shared_ptr<const SecretLookup>& secrets);
Status login_required(std::string_view auth, std::string_view why);

}  // namespace tau::runtime
