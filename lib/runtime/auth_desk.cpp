#include "runtime/auth_desk.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace tau::runtime {
namespace {

using provider::Freshness;
using provider::LoginState;

constexpr int64_t kLockPatienceMs = 120'000;  // longer than a refresh by another process takes
constexpr int64_t kLockSliceMs = 500;
constexpr int kFinishMs = 35'000;  // longer than one request takes
constexpr int64_t kFirstPauseMs = 1'000;
constexpr int64_t kMaxPauseMs = 60'000;
constexpr int64_t kForcedEveryMs =
    30'000;  // a server that refuses every token does not cost one for each call
constexpr int kAttempts = 3;
constexpr int kSaves = 6;
constexpr int64_t kAgainMs = 250;
constexpr int kSliceMs = 20;

bool is_absent(const StatusOr<LoginState>& state) {
  return !state.ok() && state.status().reason() == "secret_not_found";
}

// Whether nothing of the request can have reached the server.
bool was_not_sent(const Status& status) {
  for (const std::string_view reason :
       {"connect_failed", "dns_failed", "tls_failed", "connect_timeout", "proxy_refused", "libcurl_missing",
        "invalid_url", "invalid_request", "credential_over_proxy", "credential_origin_mismatch"})
    if (status.reason() == reason) return true;
  return status.reason().starts_with("egress_");
}

// An answer that says that nothing was given out.
bool is_refusal(const Status& status) {
  return status.reason() != "invalid_token_answer" && status.reason() != "token_endpoint_unavailable";
}

Status unreachable(const Status& why) {
  if (why.code() == Code::kCancelled || why.reason().starts_with("egress_")) return why;
  if (why.reason() == "response_too_large" || why.reason() == "response_inflated")
    return data_loss("invalid_token_answer", "the authorization server's answer is larger than 64 KiB");
  return unavailable("token_endpoint_unavailable",
                     format("the authorization server cannot be asked: {}: {}", why.reason(), why.message()));
}

}  // namespace

// A pool that can start no thread drops the task: who waits is told.
struct AuthDesk::Work {
  Work(std::shared_ptr<AuthDesk> d, std::string a) : desk(std::move(d)), auth(std::move(a)) {}
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work() {
    if (!done) desk->give_up(auth);
  }
  const std::shared_ptr<AuthDesk> desk;
  const std::string auth;
  bool done = false;
};

AuthDesk::AuthDesk(Setup setup)
    : config_(std::move(setup.config)),
      store_(setup.secrets),
      secrets_(std::move(setup.secrets)),
      clock_(*setup.clock),
      random_(*setup.random),
      egress_(make_auth_policy(config_)),
      log_(std::move(setup.log)) {}

AuthDesk::~AuthDesk() = default;

void AuthDesk::finish() {
  (void)workers_.wait_idle(kFinishMs);
  const std::lock_guard lock(log_mutex_);
  log_ = nullptr;
}

void AuthDesk::log(bool bad, std::string_view message) {
  const std::lock_guard lock(log_mutex_);
  if (log_) log_(bad, message);
}

AuthDesk::Entry& AuthDesk::entry(const std::string& auth) {
  const std::lock_guard lock(mutex_);
  auto& found = entries_[auth];
  if (found == nullptr) found = std::make_unique<Entry>();
  return *found;
}

AuthDesk::Asked AuthDesk::now() const { return {.at_ns = now_ns(), .at_wall_ms = clock_.wall_ms()}; }

bool AuthDesk::pause(int64_t ms) {
  const int64_t end = now_ns() + ms * kNanosPerMilli;
  while (now_ns() < end && !stopping_) std::this_thread::sleep_for(std::chrono::milliseconds(kSliceMs));
  return !stopping_;
}

StatusOr<os::FileLock> AuthDesk::take_turn(const std::string& auth) {
  const int64_t end = now_ns() + kLockPatienceMs * kNanosPerMilli;
  while (true) {
    if (stopping_) return cancelled_error("the runtime stops");
    auto lock = store_.lock(auth, kLockSliceMs);
    if (lock.ok() || lock.status().reason() != "file_locked" || now_ns() >= end) return lock;
  }
}

int64_t AuthDesk::age_ms(Entry& entry, const LoginState& state) {
  const std::lock_guard lock(mutex_);
  return entry.born == state.generation ? (now_ns() - entry.born_ns) / kNanosPerMilli : -1;
}

AuthDesk::Need AuthDesk::judge(Entry& entry, const AuthSpec& spec, const StatusOr<LoginState>& state,
                               int64_t refused) {
  const bool person = provider::needs_login(spec.oauth.grant);
  bool usable = false;
  bool good = false;
  bool theirs = false;  // a server did not accept it
  if (state.ok()) {
    const bool other = state->client_id != spec.oauth.client_id;
    if (other && person) return Need::kLogin;
    const Freshness fresh = provider::freshness(*state, clock_.wall_ms(), age_ms(entry, *state));
    theirs = refused == state->generation;
    usable = fresh != Freshness::kExpired && !theirs && !other;
    good = usable && fresh == Freshness::kGood;
  }
  if (good) return Need::kNothing;
  if (person && (!state.ok() || state->login_required || !state->refreshable))
    return usable ? Need::kNothing : Need::kLogin;
  const std::lock_guard lock(mutex_);
  const bool pausing = now_ns() < entry.retry_ns;
  if (usable) return pausing ? Need::kNothing : Need::kSoon;
  const bool again =
      theirs && entry.forced_ns != 0 && now_ns() - entry.forced_ns < kForcedEveryMs * kNanosPerMilli;
  if (again) return Need::kNothing;
  return pausing ? Need::kPause : Need::kRefresh;
}

StatusOr<int64_t> AuthDesk::answer(Entry& entry, const std::string& auth, Need need,
                                   const StatusOr<LoginState>& state) {
  if (need == Need::kNothing) return state->generation;
  if (need == Need::kPause) {
    const std::lock_guard lock(mutex_);
    ErrorInfo info = entry.failure.info();
    if (entry.failure.retryable())
      info.retry_after_ms = std::max<int64_t>(1, (entry.retry_ns - now_ns()) / kNanosPerMilli);
    return Status(std::move(info));
  }
  if (!state.ok()) return login_required(auth, "has no token");
  if (state->login_required)
    return login_required(auth, state->reason == "refresh_interrupted"
                                    ? "is over: a refresh was cut off between the server and the vault"
                                    : "is over: the server does not accept its refresh token any more");
  return login_required(auth, "has no token that can be used, and none to renew it with");
}

StatusOr<int64_t> AuthDesk::ensure(const std::string& auth, int64_t refused, bool forced) {
  TAU_ASSIGN_OR_RETURN(const AuthSpec spec, read_auth(config_, auth));
  Entry& own = entry(auth);
  const std::lock_guard flight(own.flight);
  TAU_RETURN_IF_ERROR(save_what_was_not(own, spec));
  StatusOr<LoginState> state = store_.state(auth);
  if (!state.ok() && !is_absent(state)) return state.status();
  const auto settled = [&](Need need) { return need != Need::kSoon && need != Need::kRefresh; };
  Need need = judge(own, spec, state, refused);
  if (settled(need) && !forced) return answer(own, auth, need, state);
  const int64_t before = state.ok() ? state->generation : 0;

  TAU_ASSIGN_OR_RETURN(const os::FileLock lock, take_turn(auth));
  state = store_.state(auth);  // as another process may have left it
  if (!state.ok() && !is_absent(state)) return state.status();
  need = judge(own, spec, state, refused);
  const bool renewed = state.ok() && state->generation != before;
  if (settled(need) && (!forced || renewed)) return answer(own, auth, need, state);
  // Nor is a token that is known to be dead shown again because somebody asks for it by hand.
  const bool dead =
      !state.ok() || !state->refreshable || state->login_required || state->client_id != spec.oauth.client_id;
  if (provider::needs_login(spec.oauth.grant) && dead) return answer(own, auth, Need::kLogin, state);
  const bool theirs = state.ok() && refused == state->generation;
  auto made = renew(own, spec, state);
  if (made.ok() && theirs) {
    const std::lock_guard guard(mutex_);
    own.forced_ns = now_ns();
  }
  // What is good for a while yet is used meanwhile.
  if (!made.ok() && need == Need::kSoon && !forced) return state->generation;
  return made;
}

StatusOr<int64_t> AuthDesk::renew(Entry& entry, const AuthSpec& spec, StatusOr<LoginState> found) {
  const bool person = provider::needs_login(spec.oauth.grant);
  LoginState state;
  if (found.ok()) state = *std::move(found);
  if (!found.ok()) state.origins = spec.origins;
  const bool interrupted = state.refreshing_ms != 0;
  if (person) {
    // Shows that the vault can be written before the server takes the old token back.
    state.refreshing_ms = std::max<int64_t>(1, clock_.wall_ms());
    TAU_RETURN_IF_ERROR(store_.write_state(spec.oauth.name, state));
  }
  state.reason = interrupted ? "refresh_interrupted" : "invalid_grant";
  Asked asked;
  auto tokens = ask(spec, asked);
  if (!tokens.ok()) return mark_failure(entry, spec, std::move(state), tokens.status(), asked);
  TAU_RETURN_IF_ERROR(keep(entry, spec, std::move(state), *std::move(tokens), asked));
  log(false, format("the login \"{}\" has a new token", spec.oauth.name));
  const std::lock_guard lock(mutex_);
  return entry.born;
}

StatusOr<provider::Tokens> AuthDesk::ask(const AuthSpec& spec, Asked& asked) {
  for (int attempt = 1;; ++attempt) {
    auto tokens = ask_once(spec, asked);
    const bool person = provider::needs_login(spec.oauth.grant);
    const bool again = !tokens.ok() && tokens.status().retryable() && !(person && asked.ambiguous);
    if (!again || attempt == kAttempts || asked.retry_after_ms > kFirstPauseMs) return tokens;
    const int64_t wait_ms = std::max(kAgainMs << (2 * (attempt - 1)), asked.retry_after_ms);
    if (!pause(wait_ms)) return cancelled_error("the runtime stops");
  }
}

StatusOr<provider::Tokens> AuthDesk::ask_once(const AuthSpec& spec, Asked& asked) {
  using provider::Grant;
  Secret secret;
  Form form{spec.oauth.token_url, {}};
  std::string_view grant = "refresh_token";
  std::string_view name = "refresh_token";
  if (provider::needs_login(spec.oauth.grant)) {
    TAU_ASSIGN_OR_RETURN(secret, store_.refresh_token(spec));
  } else if (spec.oauth.grant == Grant::kServiceAccount) {
    TAU_ASSIGN_OR_RETURN(secret, assertion(spec));
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    name = "assertion";
  } else {
    grant = "client_credentials";
    name = {};
    if (!spec.oauth.scopes.empty()) form.fields.emplace_back("scope", spec.oauth.scopes);
    if (!spec.oauth.audience.empty()) form.fields.emplace_back("audience", spec.oauth.audience);
  }
  form.fields.emplace_back("grant_type", grant);
  asked = now();
  auto answer = secret.reveal([&](std::string_view text) {
    if (!name.empty()) form.fields.emplace_back(name, text);
    return post(spec, std::move(form));
  });
  if (!answer.ok()) {
    asked.ambiguous = !was_not_sent(answer.status());
    return unreachable(answer.status());
  }
  asked.retry_after_ms = answer->retry_after_ms;
  auto tokens = provider::read_tokens(answer->status, answer->body);
  asked.ambiguous = !tokens.ok() && answer->status == 200 && !is_refusal(tokens.status());
  return tokens;
}

Status AuthDesk::mark_failure(Entry& entry, const AuthSpec& spec, LoginState state, const Status& why,
                              const Asked& asked) {
  const std::string& auth = spec.oauth.name;
  const bool person = provider::needs_login(spec.oauth.grant);
  if (person && why.reason() == "invalid_grant") {
    state.login_required = true;
    state.refreshing_ms = 0;
    log(true, format("the login \"{}\" is over: {}", auth, why.message()));
    TAU_RETURN_IF_ERROR(store_.write_state(auth, state));
    return answer(entry, auth, Need::kLogin, state).status();
  }
  log(true, format("the login \"{}\" has no new token: {}", auth, why.message()));
  if (person && !asked.ambiguous) {
    state.refreshing_ms = 0;
    state.reason.clear();
    (void)store_.write_state(auth, state);  // the mark that stays tells of more doubt than there is
  }
  const std::lock_guard lock(mutex_);
  entry.failure = why;
  const int64_t pause_ms = std::min(kMaxPauseMs, kFirstPauseMs << std::min(entry.failures++, 10));
  entry.retry_ns = now_ns() + std::max(pause_ms, asked.retry_after_ms) * kNanosPerMilli;
  return why;
}

Status AuthDesk::keep(Entry& entry, const AuthSpec& spec, LoginState state, provider::Tokens tokens,
                      const Asked& asked) {
  const bool person = provider::needs_login(spec.oauth.grant);
  if (!person) tokens.refresh = Secret();  // RFC 6749 section 4.4.3: there should be none
  state.login_required = false;
  state.reason.clear();
  ++state.generation;
  state.obtained_ms = asked.at_wall_ms;
  state.lifetime_ms = tokens.lifetime_s * 1000;
  state.refreshing_ms = 0;
  state.refreshable = person && (state.refreshable || !tokens.refresh.empty());
  state.client_id = spec.oauth.client_id;
  if (!tokens.scope.empty()) state.scope = tokens.scope;
  const int64_t generation = state.generation;
  entry.unsaved = Unsaved{std::move(state), std::move(tokens)};
  TAU_RETURN_IF_ERROR(save(entry, spec));
  const std::lock_guard lock(mutex_);
  entry.born = generation;
  entry.born_ns = asked.at_ns;
  entry.retry_ns = 0;
  entry.failures = 0;
  return ok_status();
}

// The server has given these and taken the old ones back: they are kept here until they are in the vault.
Status AuthDesk::save(Entry& entry, const AuthSpec& spec) {
  Status saved;
  for (int attempt = 0; attempt < kSaves; ++attempt) {
    if (attempt > 0 && !pause(kAgainMs)) break;
    saved = store_.write_tokens(spec, entry.unsaved->state, entry.unsaved->tokens);
    if (!saved.ok()) continue;
    entry.unsaved.reset();
    return ok_status();
  }
  log(true,
      format("the new token of the login \"{}\" is not stored yet: {}", spec.oauth.name, saved.message()));
  return saved.annotate(format("the new token of the login \"{}\" is not stored yet", spec.oauth.name));
}

Status AuthDesk::save_what_was_not(Entry& entry, const AuthSpec& spec) {
  if (!entry.unsaved) return ok_status();
  TAU_ASSIGN_OR_RETURN(const os::FileLock lock, take_turn(spec.oauth.name));
  const auto state = store_.state(spec.oauth.name);
  if (state.ok() && state->generation >= entry.unsaved->state.generation) entry.unsaved.reset();
  return entry.unsaved ? save(entry, spec) : ok_status();
}

std::optional<int64_t> AuthDesk::ready(const std::string& auth, int64_t refused) {
  const auto spec = read_auth(config_, auth);
  const auto state = store_.state(auth);
  if (!spec.ok() || !state.ok()) return std::nullopt;
  const Need need = judge(entry(auth), *spec, state, refused);
  if (need != Need::kNothing && need != Need::kSoon) return std::nullopt;
  if (need == Need::kSoon) begin_work(auth);
  return state->generation;
}

void AuthDesk::wait(const std::string& auth, int64_t refused, Done done) {
  Entry& own = entry(auth);
  {
    const std::lock_guard lock(mutex_);
    own.waiters.push_back({refused, std::move(done)});
  }
  begin_work(auth);
}

void AuthDesk::begin_work(const std::string& auth) {
  Entry& own = entry(auth);
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(own.working, true)) return;
  }
  workers_.submit([work = std::make_unique<Work>(shared_from_this(), auth)] {
    work->done = true;
    work->desk->serve(work->auth);
  });
}

void AuthDesk::give_up(const std::string& auth) {
  Entry& own = entry(auth);
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    waiters.swap(own.waiters);
    own.working = false;
  }
  for (Waiter& waiter : waiters)
    waiter.done(unavailable("no_worker", format("no thread can be started to renew the login \"{}\"", auth)));
}

// Who comes while others are served waits for the next round, which finds what was done.
void AuthDesk::serve(const std::string& auth) {
  Entry& own = entry(auth);
  while (true) {
    std::vector<Waiter> waiters;
    {
      const std::lock_guard lock(mutex_);
      waiters.swap(own.waiters);
    }
    int64_t refused = 0;
    for (const Waiter& waiter : waiters) refused = std::max(refused, waiter.refused);
    StatusOr<int64_t> got = Status::out_of_memory();
    try {
      got = ensure(auth, refused);
    } catch (const std::bad_alloc&) {
      // they are told of that
    }
    for (Waiter& waiter : waiters) waiter.done(got);
    const std::lock_guard lock(mutex_);
    if (!own.waiters.empty()) continue;
    own.working = false;
    return;
  }
}

}  // namespace tau::runtime
