#include "runtime/auth_store.h"

#include "credential/credential.h"

namespace tau::runtime {
namespace {

StatusOr<credential::NewSecret> secret_of(const std::string& reference, Secret value, std::string_view url) {
  credential::NewSecret secret;
  TAU_ASSIGN_OR_RETURN(secret.name, credential::parse_reference(reference));
  TAU_ASSIGN_OR_RETURN(secret.origin, origin_of_url(url));
  secret.value = std::move(value);
  return secret;
}

Status remove_one(Vault& vault, const std::string& reference) {
  const Status removed = vault.remove(reference);
  return removed.reason() == "secret_not_found" ? ok_status() : removed;
}

}  // namespace

StatusOr<provider::LoginState> AuthStore::state(const std::string& auth) const {
  TAU_ASSIGN_OR_RETURN(const Secret text, vault_->get(state_reference(auth), {}));
  return text.reveal([](std::string_view bytes) { return provider::LoginState::read(bytes); });
}

StatusOr<Secret> AuthStore::refresh_token(const AuthSpec& spec) const {
  return vault_->get(refresh_reference(spec.oauth.name), spec.oauth.token_url);
}

StatusOr<os::FileLock> AuthStore::lock(const std::string& auth, int64_t patience_ms) const {
  TAU_ASSIGN_OR_RETURN(const auto vault, vault_->opened());
  return os::FileLock::acquire(format("{}.auth-{}.lock", vault->path(), auth), patience_ms);
}

Status AuthStore::write_state(const std::string& auth, const provider::LoginState& state) const {
  TAU_ASSIGN_OR_RETURN(const auto vault, vault_->opened());
  std::vector<credential::NewSecret> all;
  TAU_ASSIGN_OR_RETURN(auto one, secret_of(state_reference(auth), Secret(state.write()), {}));
  all.push_back(std::move(one));
  return vault->put_all(std::move(all), {});
}

Status AuthStore::write_tokens(const AuthSpec& spec, const provider::LoginState& state,
                               const provider::Tokens& tokens) const {
  TAU_ASSIGN_OR_RETURN(const auto vault, vault_->opened());
  const std::string& auth = spec.oauth.name;
  std::vector<credential::NewSecret> all;
  for (size_t i = 0; i < state.origins.size(); ++i) {
    TAU_ASSIGN_OR_RETURN(auto access,
                         secret_of(access_reference(auth, i), tokens.access.clone(), state.origins[i]));
    all.push_back(std::move(access));
  }
  if (!tokens.refresh.empty()) {
    TAU_ASSIGN_OR_RETURN(auto refresh,
                         secret_of(refresh_reference(auth), tokens.refresh.clone(), spec.oauth.token_url));
    all.push_back(std::move(refresh));
  }
  TAU_ASSIGN_OR_RETURN(auto about, secret_of(state_reference(auth), Secret(state.write()), {}));
  all.push_back(std::move(about));
  return vault->put_all(std::move(all), "secret://auth/" + auth);
}

Status AuthStore::forget_origins_from(const std::string& auth, size_t count) const {
  TAU_ASSIGN_OR_RETURN(const auto vault, vault_->opened());
  for (size_t i = count; i < kMaxTokenOrigins; ++i) {
    const Status removed = vault->remove(access_reference(auth, i));
    if (removed.reason() == "secret_not_found") break;
    TAU_RETURN_IF_ERROR(removed);
  }
  return ok_status();
}

Status AuthStore::remove(const std::string& auth) const {
  TAU_ASSIGN_OR_RETURN(const auto vault, vault_->opened());
  TAU_RETURN_IF_ERROR(remove_one(*vault, refresh_reference(auth)));
  for (size_t i = kMaxTokenOrigins; i-- > 0;)
    TAU_RETURN_IF_ERROR(remove_one(*vault, access_reference(auth, i)));
  return remove_one(*vault, state_reference(auth));
}

}  // namespace tau::runtime
