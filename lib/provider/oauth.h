// OAuth 2.0 as pure functions: what is asked of an authorization server (RFC 6749, 7523, 7636, 8252, 8628),
// what its answers mean, and what is remembered of a login. No I/O: runtime/auth.h sends, waits and stores.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base.h"

namespace tau::provider {

enum class Grant : uint8_t { kPkce, kDevice, kClientCredentials, kServiceAccount };
// How a client that has a secret shows it: in the body (RFC 6749 section 2.3.1) or as a header.
enum class ClientAuth : uint8_t { kNone, kPost, kBasic };

// One [auth.NAME] of the configuration. URLs are https, or http to this machine.
struct OAuth {
  std::string name;
  Grant grant = Grant::kPkce;
  std::string client_id;
  ClientAuth client_auth = ClientAuth::kNone;
  std::string authorize_url;
  std::string token_url;
  std::string device_url;
  std::string revoke_url;
  std::string issuer;  // empty: no "iss" is asked for
  std::string scopes;  // joined by spaces
  std::string audience;
  std::string subject;                                      // of a service account that acts for somebody
  std::vector<std::pair<std::string, std::string>> params;  // further ones, of every request
};

// Whether the person has to say yes once, in a browser.
constexpr bool needs_login(Grant grant) { return grant == Grant::kPkce || grant == Grant::kDevice; }
std::string_view grant_name(Grant grant);  // "oauth_pkce", …

// FAILED_PRECONDITION "auth_incomplete" names what the kind of grant needs; INVALID_ARGUMENT "bad_value" for
// a URL that is neither https nor of this machine, and for a further parameter that is the protocol's own.
Status check_oauth(const OAuth& auth);

inline constexpr size_t kMaxTokenAnswerBytes = 64 << 10;
inline constexpr size_t kMaxTokenBytes = 16 << 10;  // of one token
inline constexpr size_t kMaxRedirectBytes = 8 << 10;

using FormFields = std::vector<std::pair<std::string_view, std::string_view>>;
// application/x-www-form-urlencoded. One allocation of its size: whoever wipes the result wiped all of it.
std::string make_form(const FormFields& fields);
// Further fields of the configuration behind these.
std::string make_form(FormFields fields, const OAuth& auth);
// The value of an authorization header (RFC 6749 section 2.3.1), for the vault's secret of the client.
Secret basic_credential(std::string_view client_id, const Secret& client_secret);

// Authorization code with PKCE, S256.
struct Pkce {
  static constexpr size_t kVerifierBytes = 43;
  static Pkce make(Random& random);
  Secret verifier;
  std::string challenge;
  std::string state;
};
std::string authorize_url(const OAuth& auth, const Pkce& pkce, std::string_view redirect_uri);

// What the browser brings back, one HTTP request on the loopback listener. `path` and `host` ("127.0.0.1:N")
// must be its own. INVALID_ARGUMENT "invalid_redirect" for what is no such request, NOT_FOUND "other_path"
// for another place (a browser's icon), PERMISSION_DENIED "state_mismatch" and "issuer_mismatch",
// "access_denied" or "authorization_failed" for what the server refused.
struct RedirectRules {
  std::string_view path;
  std::string_view host;
  std::string_view state;
  std::string_view issuer;
};
StatusOr<Secret> read_redirect(std::string_view head, const RedirectRules& rules);
// Whether the head of a request is all there.
bool is_whole_head(std::string_view bytes);

// What a token endpoint gave.
struct Tokens {
  Secret access;
  Secret refresh;          // empty: the one before stays
  int64_t lifetime_s = 0;  // 0: it did not say
  std::string scope;       // empty: as asked
};
// `content_type` may be empty. Failures: UNAUTHENTICATED "invalid_grant", "invalid_client"; PERMISSION_DENIED
// "access_denied"; FAILED_PRECONDITION "invalid_scope", "unauthorized_client", "unsupported_grant_type",
// "token_refused", "redirect_refused"; UNAVAILABLE "token_endpoint_unavailable", retryable; DATA_LOSS
// "invalid_token_answer" for what is no such answer; of the device flow UNAVAILABLE "authorization_pending"
// and "slow_down", DEADLINE_EXCEEDED "expired_token". No text of an answer that could be a token is in them.
StatusOr<Tokens> read_tokens(int http_status, std::string_view body);

// The device flow's beginning.
struct DeviceCode {
  Secret code;
  std::string user_code;     // printable, to be shown
  std::string verify_url;    // where to type it
  std::string complete_url;  // the same with the code in it; may be empty
  int64_t lifetime_s = 0;
  int64_t interval_s = 5;
};
StatusOr<DeviceCode> read_device_code(int http_status, std::string_view body);

// When to ask again whether the person has said yes (RFC 8628 section 3.5).
class DevicePolls {
 public:
  DevicePolls(int64_t now_ms, const DeviceCode& code);
  // Milliseconds of a clock that does not jump.
  int64_t next_ms() const { return next_ms_; }
  int64_t end_ms() const { return end_ms_; }
  // OK: go on, at next_ms(); else how the flow ended. `answer` is a failure of read_tokens or of the request.
  Status after(int64_t now_ms, const Status& answer);

 private:
  int64_t interval_ms_;
  int64_t next_ms_;
  int64_t end_ms_;
};

// What the vault keeps beside the tokens of a login; itself no secret.
struct LoginState {
  bool login_required = false;
  std::string reason;         // why, of a login that is required
  int64_t generation = 0;     // one more with each token
  int64_t obtained_ms = 0;    // wall clock
  int64_t lifetime_ms = 0;    // 0: unknown
  int64_t refreshing_ms = 0;  // a refresh began and its end is not known
  bool refreshable = false;   // there is a refresh token
  std::string client_id;      // that the tokens were given to
  std::string scope;
  std::vector<std::string> origins;  // that may see the access token

  std::string write() const;
  static StatusOr<LoginState> read(std::string_view text);  // DATA_LOSS "invalid_login_state"
};

// How good a token is by the clocks. `age_ms` since it was obtained, of a clock that does not jump; -1: by
// another process, or before a restart. A wall clock before the time at which the token was obtained says
// nothing: the token is due.
enum class Freshness : uint8_t { kGood, kDue, kExpired };
Freshness freshness(const LoginState& state, int64_t wall_ms, int64_t age_ms);

// A service account's key, the JSON file that its console gives out.
struct ServiceKey {
  std::string email;
  std::string key_id;
  Secret pem;
};
StatusOr<ServiceKey> read_service_key(const Secret& file);  // INVALID_ARGUMENT "invalid_service_key"
// What is signed of a JWT bearer assertion (RFC 7523): header and claims in base64url, joined by a dot.
std::string assertion_text(const OAuth& auth, const ServiceKey& key, int64_t now_s);

}  // namespace tau::provider
