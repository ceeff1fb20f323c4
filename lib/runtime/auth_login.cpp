// Logins: what a person does in a browser, and what becomes of it. Whoever waits drives: between two calls of
// wait_login() nothing runs, and a browser that comes back meanwhile waits in the listener's queue.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "runtime/auth_desk.h"

namespace tau::runtime {
namespace {

using provider::LoginState;

constexpr int64_t kBrowserMs = 600'000;
constexpr int64_t kRequestMs = 2'000;  // for a browser to send its one request
constexpr int kMaxConnections = 32;    // of a login, stray ones among them
constexpr int kSliceMs = 100;

constexpr std::string_view kPage =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>tau</title><p>{}</p></html>\n";
constexpr std::string_view kGood = "You are logged in. This page can be closed.";
constexpr std::string_view kBad =
    "The login did not succeed. This page can be closed; the program says more.";
constexpr std::string_view kNothing = "There is nothing here.";

// Nothing of the request is in the answer.
std::string page(std::string_view status, std::string_view text) {
  std::string body(kPage);
  body.replace(body.find("{}"), 2, text);
  return format(
      "HTTP/1.1 {}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n"
      "cache-control: no-store\r\nreferrer-policy: no-referrer\r\nx-content-type-options: nosniff\r\n"
      "content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n\r\n{}",
      status, body.size(), body);
}

bool wait_readable(int fd, int64_t ms) {
  pollfd one = {.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, static_cast<int>(std::clamp<int64_t>(ms, 0, kSliceMs))) > 0;
}

// Sends the answer, and takes what the browser still has to say, so that the kernel does not reset it.
void answer_and_close(os::Fd connection, const std::string& text) {
  size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t n = ::send(connection.get(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;
    sent += static_cast<size_t>(n);
  }
  ::shutdown(connection.get(), SHUT_WR);
  char rest[1024];
  for (int i = 0; i < 8 && wait_readable(connection.get(), kSliceMs); ++i)
    if (::recv(connection.get(), rest, sizeof rest, MSG_DONTWAIT) <= 0) return;
}

StatusOr<os::Fd> listen_here(uint16_t& port) {
  os::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const at = reinterpret_cast<sockaddr*>(&address);
  if (!fd.valid() || ::bind(fd.get(), at, size) != 0 || ::listen(fd.get(), 8) != 0 ||
      ::getsockname(fd.get(), at, &size) != 0)
    return errno_status(errno, "a listener on 127.0.0.1");
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

struct AuthDesk::Login {
  std::mutex mutex;  // one thread waits at a time
  std::atomic<bool> replaced{false};
  bool device = false;
  int64_t end_ns = 0;
  provider::Pkce pkce;
  os::Fd listener;
  std::string host;
  std::string redirect_uri;
  int connections = 0;
  provider::DeviceCode code;
  std::optional<provider::DevicePolls> polls;
};

StatusOr<std::string> AuthDesk::login(const std::string& auth, std::string_view flow) {
  TAU_ASSIGN_OR_RETURN(const AuthSpec spec, read_auth(config_, auth));
  const provider::Grant grant = spec.oauth.grant;
  if (!provider::needs_login(grant)) {
    TAU_RETURN_IF_ERROR(ensure(auth, 0, /*forced=*/true).status());
    return described(auth);
  }
  const bool device = flow == "device" || (flow.empty() && grant == provider::Grant::kDevice);
  const std::string& url = device ? spec.oauth.device_url : spec.oauth.authorize_url;
  if ((!flow.empty() && flow != "device" && flow != "browser") || url.empty())
    return invalid_argument("bad_flow", format("the login \"{}\" has no such flow: \"browser\" needs auth.{}."
                                               "authorize_url, \"device\" device_url",
                                               auth, auth));
  // A vault that is not there should not be noticed after the login.
  TAU_RETURN_IF_ERROR(secrets_->opened().status());
  TAU_ASSIGN_OR_RETURN(auto begun, device ? begin_device(spec) : begin_browser(spec));
  std::string out;
  json::Writer w(out);
  w.begin_object().field("name", auth).field("state", "waiting").field("flow", device ? "device" : "browser");
  if (device) {
    w.field("user_code", begun->code.user_code).field("url", begun->code.verify_url);
    if (!begun->code.complete_url.empty()) w.field("complete_url", begun->code.complete_url);
  } else {
    w.field("url", provider::authorize_url(spec.oauth, begun->pkce, begun->redirect_uri));
    w.field("redirect_uri", begun->redirect_uri);
  }
  w.field("expires_in_ms", (begun->end_ns - now_ns()) / kNanosPerMilli).end_object();
  Entry& own = entry(auth);
  const std::lock_guard lock(mutex_);
  if (own.login != nullptr) own.login->replaced = true;
  own.login = std::move(begun);
  return out;
}

StatusOr<std::shared_ptr<AuthDesk::Login>> AuthDesk::begin_browser(const AuthSpec& spec) {
  auto login = std::make_shared<Login>();
  uint16_t port = 0;
  TAU_ASSIGN_OR_RETURN(login->listener, listen_here(port));
  login->host = format("127.0.0.1:{}", port);
  login->redirect_uri = format("http://{}{}", login->host, spec.redirect_path);
  login->pkce = provider::Pkce::make(random_);
  login->end_ns = now_ns() + kBrowserMs * kNanosPerMilli;
  return login;
}

StatusOr<std::shared_ptr<AuthDesk::Login>> AuthDesk::begin_device(const AuthSpec& spec) {
  Form form{spec.oauth.device_url, {}};
  if (!spec.oauth.scopes.empty()) form.fields.emplace_back("scope", spec.oauth.scopes);
  if (!spec.oauth.audience.empty()) form.fields.emplace_back("audience", spec.oauth.audience);
  const auto answer = post(spec, std::move(form));
  if (!answer.ok()) return answer.status();
  auto login = std::make_shared<Login>();
  login->device = true;
  TAU_ASSIGN_OR_RETURN(login->code, provider::read_device_code(answer->status, answer->body));
  login->polls.emplace(now_ns() / kNanosPerMilli, login->code);
  login->end_ns = login->polls->end_ms() * kNanosPerMilli;
  return login;
}

void AuthDesk::drop_login(const std::string& auth, const std::shared_ptr<Login>& login) {
  Entry& own = entry(auth);
  const std::lock_guard lock(mutex_);
  if (own.login == login) own.login.reset();
}

StatusOr<std::string> AuthDesk::wait_login(const std::string& auth, int64_t timeout_ms) {
  TAU_ASSIGN_OR_RETURN(const AuthSpec spec, read_auth(config_, auth));
  const int64_t until_ns = now_ns() + timeout_ms * kNanosPerMilli;
  std::shared_ptr<Login> login;
  {
    Entry& own = entry(auth);
    const std::lock_guard lock(mutex_);
    login = own.login;
  }
  if (login == nullptr)
    return failed_precondition("no_login", format("no login \"{}\" was begun in this runtime", auth));
  const std::unique_lock one(login->mutex, std::try_to_lock);
  if (!one.owns_lock()) return unavailable("login_busy", format("somebody waits for the login \"{}\"", auth));
  auto done = login->device ? step_device(spec, *login, until_ns) : step_browser(spec, *login, until_ns);
  if (done.ok() && !*done && now_ns() >= login->end_ns)
    done = deadline_exceeded("login_timeout", format("nobody has logged in to \"{}\" in time", auth));
  if (!done.ok() || *done) drop_login(auth, login);
  if (!done.ok()) return done.status();
  if (*done) return described(auth);
  std::string out;
  json::Writer w(out);
  w.begin_object().field("name", auth).field("state", "waiting").end_object();
  return out;
}

StatusOr<bool> AuthDesk::step_browser(const AuthSpec& spec, Login& login, int64_t until_ns) {
  const int64_t end_ns = std::min(until_ns, login.end_ns);
  do {
    if (stopping_) return cancelled_error("the runtime stops");
    if (login.replaced) return cancelled_error("another login has begun, or a logout");
    if (!wait_readable(login.listener.get(), (end_ns - now_ns()) / kNanosPerMilli)) continue;
    os::Fd connection(::accept4(login.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection.valid()) continue;
    if (++login.connections > kMaxConnections)
      return resource_exhausted("too_many_connections", "too many requests came to the login's listener");
    TAU_ASSIGN_OR_RETURN(const bool done, serve_browser(spec, login, std::move(connection)));
    if (done) return true;
  } while (now_ns() < end_ns);
  return false;
}

// False when no whole request comes in time.
bool AuthDesk::read_head(int connection, std::string& head) {
  const int64_t end_ns = now_ns() + kRequestMs * kNanosPerMilli;
  head.reserve(provider::kMaxRedirectBytes + 1);
  char piece[1024];
  while (now_ns() < end_ns && !stopping_) {
    if (!wait_readable(connection, kSliceMs)) continue;
    const size_t room = std::min(sizeof piece, provider::kMaxRedirectBytes + 1 - head.size());
    const ssize_t n = ::recv(connection, piece, room, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) break;
    head.append(piece, static_cast<size_t>(n));
    if (provider::is_whole_head(head) || head.size() > provider::kMaxRedirectBytes) break;
  }
  secure_wipe(piece, sizeof piece);
  return provider::is_whole_head(head);
}

StatusOr<bool> AuthDesk::serve_browser(const AuthSpec& spec, Login& login, os::Fd connection) {
  std::string head;
  const bool whole = read_head(connection.get(), head);
  const provider::RedirectRules rules = {
      .path = spec.redirect_path, .host = login.host, .state = login.pkce.state, .issuer = spec.oauth.issuer};
  auto code = provider::read_redirect(head, rules);
  secure_wipe(head.data(), head.size());
  if (!whole || code.status().reason() == "invalid_redirect") {
    answer_and_close(std::move(connection), page("400 Bad Request", kNothing));
    return false;
  }
  if (code.status().reason() == "other_path") {
    answer_and_close(std::move(connection), page("404 Not Found", kNothing));
    return false;
  }
  Status done = code.status();
  if (done.ok()) done = redeem(spec, login, *code);
  answer_and_close(std::move(connection), page("200 OK", done.ok() ? kGood : kBad));
  TAU_RETURN_IF_ERROR(done);
  return true;
}

Status AuthDesk::redeem(const AuthSpec& spec, Login& login, const Secret& code) {
  const Asked asked = now();
  return code.reveal([&](std::string_view text) {
    return login.pkce.verifier.reveal([&](std::string_view verifier) {
      return take_tokens(spec,
                         post(spec, {spec.oauth.token_url,
                                     {{"grant_type", "authorization_code"},
                                      {"code", text},
                                      {"redirect_uri", login.redirect_uri},
                                      {"code_verifier", verifier}}}),
                         asked);
    });
  });
}

Status AuthDesk::take_tokens(const AuthSpec& spec, const StatusOr<AuthAnswer>& answer, const Asked& asked) {
  if (!answer.ok())
    return unavailable("token_endpoint_unavailable",
                       format("the authorization server cannot be asked: {}: {}", answer.status().reason(),
                              answer.status().message()));
  TAU_ASSIGN_OR_RETURN(provider::Tokens tokens, provider::read_tokens(answer->status, answer->body));
  return accept(spec, std::move(tokens), asked);
}

StatusOr<bool> AuthDesk::step_device(const AuthSpec& spec, Login& login, int64_t until_ns) {
  while (true) {
    const int64_t next_ns = std::min(login.polls->next_ms() * kNanosPerMilli, login.end_ns);
    while (now_ns() < std::min(next_ns, until_ns)) {
      if (login.replaced) return cancelled_error("another login has begun, or a logout");
      const int64_t left_ms = (std::min(next_ns, until_ns) - now_ns()) / kNanosPerMilli;
      if (!pause(std::clamp<int64_t>(left_ms, 1, kSliceMs))) return cancelled_error("the runtime stops");
    }
    if (now_ns() < next_ns || now_ns() >= login.end_ns) return false;
    const Asked asked = now();
    const Status done = login.code.code.reveal([&](std::string_view code) {
      return take_tokens(spec,
                         post(spec, {spec.oauth.token_url,
                                     {{"grant_type", "urn:ietf:params:oauth:grant-type:device_code"},
                                      {"device_code", code}}}),
                         asked);
    });
    if (done.ok()) return true;
    TAU_RETURN_IF_ERROR(login.polls->after(now_ns() / kNanosPerMilli, done));
    if (now_ns() >= until_ns) return false;
  }
}

Status AuthDesk::accept(const AuthSpec& spec, provider::Tokens tokens, const Asked& asked) {
  const std::string& auth = spec.oauth.name;
  Entry& own = entry(auth);
  const std::lock_guard flight(own.flight);
  TAU_ASSIGN_OR_RETURN(const os::FileLock lock, take_turn(auth));
  LoginState state;
  // Whatever was there before: a state that cannot be read does not stand in the way of a new login.
  if (const auto before = store_.state(auth); before.ok()) state.generation = before->generation;
  state.origins = spec.origins;
  state.scope = spec.oauth.scopes;
  TAU_RETURN_IF_ERROR(keep(own, spec, std::move(state), std::move(tokens), asked));
  TAU_RETURN_IF_ERROR(store_.forget_origins_from(auth, spec.origins.size()));
  log(false, format("the login \"{}\" has begun", auth));
  return ok_status();
}

StatusOr<std::string> AuthDesk::refresh(const std::string& auth) {
  TAU_RETURN_IF_ERROR(ensure(auth, 0, /*forced=*/true).status());
  return described(auth);
}

Status AuthDesk::revoke(const AuthSpec& spec, const LoginState& state) {
  if (!state.refreshable) return not_found("nothing_to_revoke", "the login has no refresh token");
  // Bound to its server: the vault does not give it out for an endpoint elsewhere.
  TAU_ASSIGN_OR_RETURN(const Secret token,
                       secrets_->get(refresh_reference(spec.oauth.name), spec.oauth.revoke_url));
  const auto answer = token.reveal([&](std::string_view text) {
    return post(spec, {spec.oauth.revoke_url, {{"token", text}, {"token_type_hint", "refresh_token"}}});
  });
  if (!answer.ok()) return answer.status();
  if (answer->status == 200 || answer->status == 204) return ok_status();
  return failed_precondition("revocation_refused",
                             format("the authorization server answers with status {}", answer->status));
}

StatusOr<std::string> AuthDesk::logout(const std::string& auth) {
  TAU_ASSIGN_OR_RETURN(const AuthSpec spec, read_auth(config_, auth));
  Entry& own = entry(auth);
  {
    const std::lock_guard lock(mutex_);
    if (own.login != nullptr) own.login->replaced = true;
    own.login.reset();
  }
  const std::lock_guard flight(own.flight);
  TAU_ASSIGN_OR_RETURN(const os::FileLock lock, take_turn(auth));
  own.unsaved.reset();
  const auto state = store_.state(auth);
  Status revoked;
  const bool asks = state.ok() && !spec.oauth.revoke_url.empty();
  if (asks) revoked = revoke(spec, *state);
  TAU_RETURN_IF_ERROR(store_.remove(auth));
  log(false, format("the login \"{}\" was ended", auth));
  std::string out;
  json::Writer w(out);
  w.begin_object().field("name", auth).field("state", "logged_out");
  w.field("revoked", asks && revoked.ok());
  if (asks && !revoked.ok()) w.field("reason", revoked.reason()).field("message", revoked.message());
  w.end_object();
  return out;
}

}  // namespace tau::runtime
