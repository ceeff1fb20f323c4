// What is remembered of a login, how fresh a token is, and keys of service accounts.
#include <algorithm>

#include "json/json.h"
#include "provider/oauth.h"

namespace tau::provider {
namespace {

constexpr int64_t kVersion = 1;
constexpr size_t kMaxOrigins = 8;
// A token is renewed so long before its end, and not used any more so long before.
constexpr int64_t kDueMs = 120'000;
constexpr int64_t kLastMs = 10'000;
constexpr int64_t kClockToleranceMs = 5'000;

Status invalid_state() {
  return data_loss("invalid_login_state", "what the vault holds of this login cannot be read: log in again");
}

}  // namespace

std::string LoginState::write() const {
  std::string out;
  json::Writer w(out);
  w.begin_object().field("version", kVersion).field("login_required", login_required);
  w.field("reason", reason).field("generation", generation).field("obtained_ms", obtained_ms);
  w.field("lifetime_ms", lifetime_ms).field("refreshing_ms", refreshing_ms);
  w.field("refreshable", refreshable).field("client_id", client_id).field("scope", scope);
  w.key("origins").begin_array();
  for (const std::string& origin : origins) w.string(origin);
  w.end_array().end_object();
  return out;
}

StatusOr<LoginState> LoginState::read(std::string_view text) {
  const auto parsed = json::parse(text);
  if (!parsed.ok() || (*parsed)["version"].as_int() != kVersion) return invalid_state();
  const json::Value& v = *parsed;
  LoginState state;
  state.login_required = v["login_required"].as_bool();
  state.reason = v["reason"].as_string();
  state.generation = v["generation"].as_int();
  state.obtained_ms = v["obtained_ms"].as_int();
  state.lifetime_ms = v["lifetime_ms"].as_int();
  state.refreshing_ms = v["refreshing_ms"].as_int();
  state.refreshable = v["refreshable"].as_bool();
  state.client_id = v["client_id"].as_string();
  state.scope = v["scope"].as_string();
  for (const json::Value& origin : v["origins"].as_array()) state.origins.emplace_back(origin.as_string());
  if (state.generation <= 0 || state.lifetime_ms < 0 || state.origins.size() > kMaxOrigins)
    return invalid_state();
  return state;
}

Freshness freshness(const LoginState& state, int64_t wall_ms, int64_t age_ms) {
  if (state.lifetime_ms <= 0) return Freshness::kGood;  // until a server refuses it
  const int64_t wall_age = wall_ms - state.obtained_ms;
  const int64_t age = std::max(wall_age, age_ms);
  const int64_t last = std::max<int64_t>(0, state.lifetime_ms - std::min(kLastMs, state.lifetime_ms / 10));
  const int64_t due = std::max<int64_t>(0, state.lifetime_ms - std::min(kDueMs, state.lifetime_ms / 5));
  if (age >= last) return Freshness::kExpired;
  if (age >= due || (age_ms < 0 && wall_age < -kClockToleranceMs)) return Freshness::kDue;
  return Freshness::kGood;
}

StatusOr<ServiceKey> read_service_key(const Secret& file) {
  const auto bad = [] {
    return invalid_argument(
        "invalid_service_key",
        "the key of the service account is no JSON file with client_email and private_key");
  };
  return file.reveal([&](std::string_view text) -> StatusOr<ServiceKey> {
    ServiceKey key;
    json::Reader r;
    if (!r.load(text) || !r.enter_object()) return bad();
    std::string_view name;
    std::string_view value;
    while (r.next_key(name)) {
      const bool email = name == "client_email";
      const bool id = name == "private_key_id";
      const bool pem = name == "private_key";
      if (!email && !id && !pem) {
        r.skip();
        continue;
      }
      if (!r.string(value) || value.empty()) return bad();
      if (email) key.email = value;
      if (id) key.key_id = value;
      if (pem) key.pem = Secret(value);
    }
    if (!r.status().ok() || key.email.empty() || key.pem.empty()) return bad();
    return key;
  });
}

}  // namespace tau::provider
