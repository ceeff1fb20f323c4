// Requests to an authorization server: to the endpoints of the configuration and nowhere else, no redirect
// followed, bounded in bytes and time, tokens in no memory that stays.
#include <algorithm>
#include <charconv>

#include "crypto/crypto.h"
#include "runtime/auth_desk.h"

namespace tau::runtime {
namespace {

constexpr net::Timeouts kTimeouts = {
    .connect_ms = 10'000, .first_byte_ms = 20'000, .idle_ms = 10'000, .total_ms = 30'000};
constexpr int kTurnMs = 100;
constexpr int64_t kMaxRetryAfterS = 3600;
constexpr size_t kMaxKeyBytes = 32 << 10;

// The header of a client that shows its secret as one.
class BasicCredential final : public net::CredentialSource {
 public:
  BasicCredential(const Secret& secret, const std::string& url) : secret_(secret), url_(url) {}
  StatusOr<Secret> get(std::string_view, const net::Url& url) override {
    const auto own = net::parse_url(url_);
    if (own.ok() && own->origin() == url.origin()) return secret_.clone();
    return permission_denied("credential_origin_mismatch", "the client's secret is for its own server");
  }

 private:
  const Secret& secret_;
  const std::string& url_;
};

class AnswerSink final : public net::HttpSink {
 public:
  AnswerSink() { answer.body.reserve(provider::kMaxTokenAnswerBytes + 1); }
  void on_head(int status, const net::Headers& headers) override {
    answer.status = status;
    for (const auto& [name, value] : headers) {
      int64_t seconds = -1;
      if (name != "retry-after") continue;
      const auto end = std::from_chars(value.data(), value.data() + value.size(), seconds);
      if (end.ec == std::errc() && end.ptr == value.data() + value.size() && seconds >= 0)
        answer.retry_after_ms = std::min(seconds, kMaxRetryAfterS) * 1000;
    }
  }
  // In the one piece of memory that is wiped: it never grows.
  void on_body(std::string_view bytes) override {
    const size_t room = answer.body.capacity() - answer.body.size();
    answer.body.append(bytes.substr(0, std::min(room, bytes.size())));
  }
  void on_done(const Status& status) override {
    failure = status;
    done = true;
  }

  AuthAnswer answer;
  Status failure;
  bool done = false;
};

}  // namespace

StatusOr<AuthAnswer> AuthDesk::send(const std::string& url, std::string form, const Secret& basic) {
  TAU_ASSIGN_OR_RETURN(const auto loop, net::EventLoop::create(system_clock()));
  BasicCredential credential(basic, url);
  AnswerSink sink;
  // A client of its own: on no standing connection, on which libcurl would send the request again by itself.
  const auto client = net::make_http_client(*loop, *egress_, credential, http_client_options(config_));
  net::HttpRequest request;
  request.url = url;
  request.headers = {{"content-type", "application/x-www-form-urlencoded"}, {"accept", "application/json"}};
  request.body = std::move(form);
  request.wipe_body = true;
  request.timeouts = kTimeouts;
  request.max_response_bytes = provider::kMaxTokenAnswerBytes;
  if (!basic.empty()) {
    request.credential_id = "client";
    request.credential_prefix = "Basic ";
  }
  if (stopping_) return cancelled_error("the runtime stops");
  // Not given up when the runtime stops: what the server gives now, it gives once.
  client->start(std::move(request), sink);
  while (!sink.done) TAU_RETURN_IF_ERROR(loop->process(kTurnMs).status());
  if (!sink.failure.ok()) return sink.failure;
  return std::move(sink.answer);
}

StatusOr<AuthAnswer> AuthDesk::post(const AuthSpec& spec, Form form) {
  const provider::OAuth& oauth = spec.oauth;
  Secret client_secret;
  if (!spec.client_secret.empty()) {
    // The vault knows whom it is for: an endpoint that moved does not get it.
    TAU_ASSIGN_OR_RETURN(client_secret, secrets_->get(spec.client_secret, form.url));
  }
  const bool basic = oauth.client_auth == provider::ClientAuth::kBasic;
  if (!basic && !oauth.client_id.empty()) form.fields.emplace_back("client_id", oauth.client_id);
  if (basic) {
    const Secret credential = provider::basic_credential(oauth.client_id, client_secret);
    return send(form.url, provider::make_form(std::move(form.fields), oauth), credential);
  }
  return client_secret.reveal([&](std::string_view text) {
    if (!text.empty()) form.fields.emplace_back("client_secret", text);
    return send(form.url, provider::make_form(std::move(form.fields), oauth), {});
  });
}

StatusOr<Secret> AuthDesk::assertion(const AuthSpec& spec) {
  Secret file;
  if (spec.key.empty()) {
    TAU_ASSIGN_OR_RETURN(file, os::read_secret_file(spec.key_file, kMaxKeyBytes));
  } else {
    TAU_ASSIGN_OR_RETURN(file, secrets_->get(spec.key, spec.oauth.token_url));
  }
  TAU_ASSIGN_OR_RETURN(const provider::ServiceKey key, provider::read_service_key(file));
  std::string text = provider::assertion_text(spec.oauth, key, clock_.wall_ms() / 1000);
  TAU_ASSIGN_OR_RETURN(const std::string signature, crypto::rsa_sign_sha256(key.pem, text));
  text += '.';
  text += crypto::base64url_encode(signature);
  Secret made(text);
  secure_wipe(text.data(), text.size());
  return made;
}

}  // namespace tau::runtime
