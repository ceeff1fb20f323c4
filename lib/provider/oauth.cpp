// Requests: checks of a configuration, forms, PKCE, the URL that a person opens.
#include "provider/oauth.h"

#include <algorithm>
#include <array>

#include "crypto/crypto.h"
#include "json/json.h"
#include "net/net.h"

namespace tau::provider {
namespace {

constexpr int64_t kAssertionSeconds = 600;

// Parameters of the protocol; a further one of the configuration may not stand in for them.
constexpr std::string_view kOwn[] = {
    "assertion",     "client_assertion", "client_id",     "client_secret", "code",  "code_challenge",
    "code_verifier", "device_code",      "grant_type",    "password",      "scope", "code_challenge_method",
    "redirect_uri",  "refresh_token",    "response_mode", "response_type", "state", "username"};

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

size_t encoded_size(std::string_view text) {
  return text.size() +
         2 * static_cast<size_t>(std::ranges::count_if(text, [](char c) { return !is_unreserved(c); }));
}

void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
}

bool is_this_machine(const std::string& host) {
  if (host == "localhost") return true;
  const auto address = net::parse_address(host, 0);
  return address.ok() && address->is_loopback();
}

Status check_endpoint(const OAuth& auth, std::string_view key, const std::string& text, bool needed) {
  if (text.empty() && needed)
    return failed_precondition("auth_incomplete",
                               format("auth.{0}: a login of the kind {1} needs auth.{0}.{2}", auth.name,
                                      grant_name(auth.grant), key));
  if (text.empty()) return ok_status();
  const auto url = net::parse_url(text);
  if (url.ok() && (url->scheme == "https" || is_this_machine(url->host))) return ok_status();
  return invalid_argument(
      "bad_value", format("auth.{}.{}: expected an https URL, or one of this machine", auth.name, key));
}

// Random characters that a URL and a form can carry as they are.
std::string random_text(Random& random, size_t bytes) {
  std::array<char, 64> raw{};
  const auto part = std::span(raw).first(bytes);
  random.fill(std::as_writable_bytes(part));
  std::string text = crypto::base64url_encode({part.data(), part.size()});
  secure_wipe(raw.data(), raw.size());
  return text;
}

}  // namespace

std::string_view grant_name(Grant grant) {
  switch (grant) {
    case Grant::kPkce: return "oauth_pkce";
    case Grant::kDevice: return "oauth_device";
    case Grant::kClientCredentials: return "client_credentials";
    case Grant::kServiceAccount: return "service_account";
  }
  return "";
}

Status check_oauth(const OAuth& auth) {
  if (auth.client_id.empty() && auth.grant != Grant::kServiceAccount)
    return failed_precondition("auth_incomplete", format("auth.{0} needs auth.{0}.client_id", auth.name));
  TAU_RETURN_IF_ERROR(check_endpoint(auth, "token_url", auth.token_url, true));
  TAU_RETURN_IF_ERROR(check_endpoint(auth, "authorize_url", auth.authorize_url, auth.grant == Grant::kPkce));
  TAU_RETURN_IF_ERROR(check_endpoint(auth, "device_url", auth.device_url, auth.grant == Grant::kDevice));
  TAU_RETURN_IF_ERROR(check_endpoint(auth, "revoke_url", auth.revoke_url, false));
  if (auth.grant == Grant::kClientCredentials && auth.client_auth == ClientAuth::kNone)
    return failed_precondition("auth_incomplete",
                               format("auth.{0}: client credentials need auth.{0}.client_secret", auth.name));
  for (const auto& [name, value] : auth.params)
    if (std::ranges::find(kOwn, name) != std::end(kOwn))
      return invalid_argument(
          "bad_value",
          format("auth.{}.params: \"{}\" is a parameter of the protocol itself", auth.name, name));
  return ok_status();
}

std::string make_form(const FormFields& fields) {
  size_t size = 0;
  for (const auto& [name, value] : fields) size += encoded_size(name) + encoded_size(value) + 2;
  std::string out;
  out.reserve(size);
  for (const auto& [name, value] : fields) {
    if (!out.empty()) out += '&';
    append_encoded(out, name);
    out += '=';
    append_encoded(out, value);
  }
  return out;
}

std::string make_form(FormFields fields, const OAuth& auth) {
  for (const auto& [name, value] : auth.params) fields.emplace_back(name, value);
  return make_form(fields);
}

Secret basic_credential(std::string_view client_id, const Secret& client_secret) {
  return client_secret.reveal([&](std::string_view secret) {
    std::string pair;
    pair.reserve(encoded_size(client_id) + encoded_size(secret) + 1);
    append_encoded(pair, client_id);
    pair += ':';
    append_encoded(pair, secret);
    std::string text = crypto::base64_encode(pair);
    Secret out(text);
    secure_wipe(pair.data(), pair.size());
    secure_wipe(text.data(), text.size());
    return out;
  });
}

Pkce Pkce::make(Random& random) {
  constexpr size_t kBytes = 32;
  Pkce made;
  std::string verifier = random_text(random, kBytes);
  const crypto::Digest digest = crypto::sha256(verifier);
  made.challenge = crypto::base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
  made.verifier = Secret(verifier);
  secure_wipe(verifier.data(), verifier.size());
  made.state = random_text(random, kBytes);
  return made;
}

std::string authorize_url(const OAuth& auth, const Pkce& pkce, std::string_view redirect_uri) {
  FormFields fields = {{"response_type", "code"},          {"client_id", auth.client_id},
                       {"redirect_uri", redirect_uri},     {"state", pkce.state},
                       {"code_challenge", pkce.challenge}, {"code_challenge_method", "S256"}};
  if (!auth.scopes.empty()) fields.emplace_back("scope", auth.scopes);
  if (!auth.audience.empty()) fields.emplace_back("audience", auth.audience);
  const char joint = auth.authorize_url.find('?') == std::string::npos ? '?' : '&';
  return auth.authorize_url + joint + make_form(std::move(fields), auth);
}

std::string assertion_text(const OAuth& auth, const ServiceKey& key, int64_t now_s) {
  std::string header;
  json::Writer h(header);
  h.begin_object().field("alg", "RS256").field("typ", "JWT");
  if (!key.key_id.empty()) h.field("kid", key.key_id);
  h.end_object();
  std::string claims;
  json::Writer c(claims);
  c.begin_object().field("iss", key.email);
  if (!auth.subject.empty()) c.field("sub", auth.subject);
  if (!auth.scopes.empty()) c.field("scope", auth.scopes);
  c.field("aud", auth.audience.empty() ? auth.token_url : auth.audience);
  c.field("iat", now_s).field("exp", now_s + kAssertionSeconds).end_object();
  return crypto::base64url_encode(header) + "." + crypto::base64url_encode(claims);
}

}  // namespace tau::provider
