// The ops of logins, and what is told of one.
#include "runtime/auth_ops.h"

#include "runtime/auth_desk.h"
#include "runtime/core.h"
#include "runtime/host_document.h"

namespace tau::runtime {
namespace {

constexpr int64_t kMaxWaitMs = 600'000;
constexpr int64_t kUsualWaitMs = 10'000;

// The name, and whether this principal may do that with it.
StatusOr<std::string> permitted(Core& core, const json::Value& request, std::string_view action) {
  TAU_ASSIGN_OR_RETURN(std::string name, need_string(request, "request", "name"));
  TAU_RETURN_IF_ERROR(core.authorize({}, action, "auth/" + name));
  return name;
}

}  // namespace

StatusOr<std::string> begin_login(Core& core, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "name", "flow"}));
  TAU_ASSIGN_OR_RETURN(const std::string name, permitted(core, request, "auth:login"));
  std::string flow;
  if (request.contains("flow")) { TAU_ASSIGN_OR_RETURN(flow, need_string(request, "request", "flow")); }
  return core.auth()->login(name, flow);
}

StatusOr<std::string> wait_for_login(Core& core, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "name", "timeout_ms"}));
  TAU_ASSIGN_OR_RETURN(const std::string name, permitted(core, request, "auth:login"));
  int64_t timeout_ms = kUsualWaitMs;
  if (request.contains("timeout_ms")) {
    TAU_ASSIGN_OR_RETURN(timeout_ms, read_count(request, "request", "timeout_ms"));
  }
  TAU_RETURN_IF_ERROR(
      check_type(timeout_ms <= kMaxWaitMs, "request", "timeout_ms", "milliseconds up to 600000"));
  return core.auth()->wait_login(name, timeout_ms);
}

StatusOr<std::string> show_logins(Core& core, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "name"}));
  if (!request.contains("name")) {
    TAU_RETURN_IF_ERROR(core.authorize({}, "auth:status", "auth"));
    return core.auth()->status({});
  }
  TAU_ASSIGN_OR_RETURN(const std::string name, permitted(core, request, "auth:status"));
  return core.auth()->status(name);
}

StatusOr<std::string> refresh_login(Core& core, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "name"}));
  TAU_ASSIGN_OR_RETURN(const std::string name, permitted(core, request, "auth:login"));
  return core.auth()->refresh(name);
}

StatusOr<std::string> end_login(Core& core, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "name"}));
  TAU_ASSIGN_OR_RETURN(const std::string name, permitted(core, request, "auth:logout"));
  return core.auth()->logout(name);
}

namespace {

void write_list(json::Writer& w, const char* key, const std::vector<std::string>& list) {
  w.key(std::string_view(key)).begin_array();
  for (const std::string& text : list) w.string(text);
  w.end_array();
}

void write_state(json::Writer& w, const AuthSpec& spec, const provider::LoginState& state, int64_t wall_ms,
                 int64_t age_ms) {
  using provider::Freshness;
  const bool other = state.client_id != spec.oauth.client_id;
  const bool expired = provider::freshness(state, wall_ms, age_ms) == Freshness::kExpired;
  const bool over = provider::needs_login(spec.oauth.grant) &&
                    (other || state.login_required || (expired && !state.refreshable));
  w.field("state", over ? "login_required" : expired ? "expired" : "ok");
  if (over) w.field("reason", other ? "other_client" : state.login_required ? state.reason : "expired");
  w.field("refreshable", state.refreshable).field("obtained_ms", state.obtained_ms);
  if (state.lifetime_ms > 0) w.field("expires_ms", state.obtained_ms + state.lifetime_ms);
  if (state.refreshing_ms != 0) w.field("refreshing_since_ms", state.refreshing_ms);
  w.field("generation", state.generation).field("scope", state.scope);
  write_list(w, "origins", state.origins);
}

}  // namespace

void AuthDesk::describe(const std::string& auth, json::Writer& w) {
  w.begin_object().field("name", auth);
  const auto fail = [&](std::string_view state, const Status& why) {
    w.field("state", state).field("reason", why.reason()).field("message", why.message()).end_object();
  };
  const auto spec = read_auth(config_, auth);
  if (!spec.ok()) return fail("invalid", spec.status());
  w.field("kind", provider::grant_name(spec->oauth.grant));
  write_list(w, "providers", spec->providers);
  const auto state = store_.state(auth);
  if (state.ok()) {
    write_state(w, *spec, *state, clock_.wall_ms(), age_ms(entry(auth), *state));
  } else if (state.status().reason() != "secret_not_found") {
    return fail("unknown", state.status());
  } else {
    const bool person = provider::needs_login(spec->oauth.grant);
    w.field("state", person ? "login_required" : "none");
    if (person) w.field("reason", "no_token");
  }
  w.end_object();
}

StatusOr<std::string> AuthDesk::described(const std::string& auth) {
  std::string out;
  json::Writer w(out);
  describe(auth, w);
  return out;
}

StatusOr<std::string> AuthDesk::status(const std::string& auth) {
  if (!auth.empty() && config_.document()["auth"][auth].is_null())
    return not_found("unknown_auth", format("there is no login \"{0}\": define auth.{0}", auth));
  std::string out;
  json::Writer w(out);
  w.begin_object().key("logins").begin_array();
  for (const std::string& name : auth_names(config_))
    if (auth.empty() || auth == name) describe(name, w);
  w.end_array().end_object();
  return out;
}

}  // namespace tau::runtime
