// OAuth as pure functions: what is asked, what answers mean, what a browser may bring, how fresh a token is.
#include <gtest/gtest.h>

#include "crypto/crypto.h"
#include "json/json.h"
#include "provider/oauth.h"

namespace tau::provider {
namespace {

std::string text_of(const Secret& secret) {
  return secret.reveal([](std::string_view text) { return std::string(text); });
}

// A token of nobody, made here.
std::string made(char c, size_t size = 24) { return std::string(size, c); }

OAuth pkce() {
  OAuth auth;
  auth.name = "a";
  auth.client_id = "client 1";
  auth.authorize_url = "https://login.example/authorize";
  auth.token_url = "https://login.example/token";
  auth.scopes = "one two";
  return auth;
}

std::string reason(const OAuth& auth) {
  const Status status = check_oauth(auth);
  return status.ok() ? "ok" : std::string(status.reason());
}

TEST(OAuthConfig, EndpointsAreHttpsOrOfThisMachine) {
  EXPECT_EQ(reason(pkce()), "ok");
  for (const char* url : {"http://127.0.0.1:80/t", "http://localhost:8080/t", "http://[::1]:9/t"}) {
    OAuth auth = pkce();
    auth.token_url = url;
    EXPECT_EQ(reason(auth), "ok") << url;
  }
  for (const char* url : {"http://login.example/token", "ftp://login.example/", "login.example",
                          "http://127.0.0.1.example/", "http://10.0.0.1/t"}) {
    OAuth auth = pkce();
    auth.token_url = url;
    EXPECT_EQ(reason(auth), "bad_value") << url;
    auth = pkce();
    auth.revoke_url = url;
    EXPECT_EQ(reason(auth), "bad_value") << url;
  }
}

TEST(OAuthConfig, WhatAKindNeedsIsNamed) {
  OAuth auth = pkce();
  auth.client_id.clear();
  EXPECT_EQ(reason(auth), "auth_incomplete");
  auth = pkce();
  auth.authorize_url.clear();
  EXPECT_EQ(reason(auth), "auth_incomplete");
  auth.grant = Grant::kDevice;
  EXPECT_EQ(reason(auth), "auth_incomplete");
  auth.device_url = "https://login.example/device";
  EXPECT_EQ(reason(auth), "ok");
  auth.grant = Grant::kClientCredentials;
  EXPECT_EQ(reason(auth), "auth_incomplete");
  auth.client_auth = ClientAuth::kBasic;
  EXPECT_EQ(reason(auth), "ok");
}

TEST(OAuthConfig, FurtherParametersAreNotTheProtocolsOwn) {
  for (const char* name : {"state", "redirect_uri", "client_id", "code_challenge_method", "grant_type"}) {
    OAuth auth = pkce();
    auth.params = {{name, "x"}};
    EXPECT_EQ(reason(auth), "bad_value") << name;
  }
}

TEST(OAuthRequest, FormsEncodeEverythingButUnreservedCharacters) {
  EXPECT_EQ(make_form({{"a", "b c&d=é"}, {"e", ""}, {"f", "-._~"}}), "a=b%20c%26d%3D%C3%A9&e=&f=-._~");
  OAuth auth = pkce();
  auth.params = {{"access_type", "offline"}};
  EXPECT_EQ(make_form({{"x", "1"}}, auth), "x=1&access_type=offline");
}

TEST(OAuthRequest, TheChallengeIsTheDigestOfTheVerifier) {
  const Pkce one = Pkce::make(system_random());
  const Pkce other = Pkce::make(system_random());
  const std::string verifier = text_of(one.verifier);
  EXPECT_EQ(verifier.size(), Pkce::kVerifierBytes);
  const crypto::Digest digest = crypto::sha256(verifier);
  EXPECT_EQ(one.challenge,
            crypto::base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()}));
  EXPECT_NE(one.state, other.state);
  EXPECT_NE(verifier, text_of(other.verifier));
  const std::string url = authorize_url(pkce(), one, "http://127.0.0.1:5/callback");
  EXPECT_TRUE(url.starts_with("https://login.example/authorize?response_type=code&client_id=client%201"));
  EXPECT_NE(url.find("&code_challenge_method=S256"), url.npos);
  EXPECT_NE(url.find("redirect_uri=http%3A%2F%2F127.0.0.1%3A5%2Fcallback"), url.npos);
  EXPECT_EQ(url.find(verifier), url.npos);
}

TEST(OAuthRequest, ChallengeOfTheStandard) {  // RFC 7636, appendix B
  const crypto::Digest digest = crypto::sha256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
  EXPECT_EQ(crypto::base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()}),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

std::string answer(std::string_view more = "") {
  return format(R"({{"access_token":"{}","token_type":"Bearer","expires_in":3600,"refresh_token":"{}"{}}})",
                made('A'), made('R'), more);
}

std::string why(int status, std::string_view body) {
  const auto tokens = read_tokens(status, body);
  return tokens.ok() ? "ok" : std::string(tokens.status().reason());
}

TEST(OAuthAnswer, TokensAreRead) {
  const auto tokens = read_tokens(200, answer(R"(,"scope":"one","id_token":{"a":[1]},"x":null)"));
  ASSERT_TRUE(tokens.ok()) << tokens.status().to_string();
  EXPECT_EQ(text_of(tokens->access), made('A'));
  EXPECT_EQ(text_of(tokens->refresh), made('R'));
  EXPECT_EQ(tokens->lifetime_s, 3600);
  EXPECT_EQ(tokens->scope, "one");
  EXPECT_EQ(read_tokens(200, R"({"access_token":"a\/b+c\u003d","token_type":"bearer","expires_in":"60"})")
                ->lifetime_s,
            60);
  EXPECT_EQ(text_of(read_tokens(200, R"({"access_token":"a\/b\u003d"})")->access), "a/b=");
  EXPECT_EQ(read_tokens(200, R"({"access_token":"abc","expires_in":3599.5})")->lifetime_s, 3599);
  EXPECT_TRUE(read_tokens(200, R"({"access_token":"abc","refresh_token":null})")->refresh.empty());
}

TEST(OAuthAnswer, WhatIsNoAnswerIsRefused) {
  const std::string huge = format(R"({{"access_token":"{}"}})", made('A', kMaxTokenBytes + 1));
  const std::string large = answer(format(R"(,"x":"{}")", made('x', kMaxTokenAnswerBytes)));
  for (const std::string& body : {std::string(),
                                  std::string("<html>log in</html>"),
                                  std::string("[]"),
                                  std::string("null"),
                                  std::string(R"({"token_type":"Bearer"})"),
                                  std::string(R"({"access_token":""})"),
                                  std::string(R"({"access_token":7})"),
                                  std::string(R"({"access_token":"a b"})"),
                                  std::string(R"({"access_token":"a\n"})"),
                                  std::string(R"({"access_token":"a","access_token":"b"})"),
                                  std::string(R"({"access_token":"a","expires_in":-1})"),
                                  std::string(R"({"access_token":"a","expires_in":"soon"})"),
                                  std::string(R"({"access_token":"a","expires_in":{}})"),
                                  std::string(R"({"access_token":"a","expires_in":1e300})"),
                                  std::string(R"({"access_token":"a","token_type":"mac"})"),
                                  std::string(R"({"access_token":"a","token_type":7})"),
                                  std::string(R"({"access_token":"a"} x)"),
                                  std::string(R"({"access_token":"a")"),
                                  std::string("{\"access_token\":\"\xff\"}"),
                                  huge,
                                  large})
    EXPECT_EQ(why(200, body), "invalid_token_answer") << body.substr(0, 100);
}

TEST(OAuthAnswer, RefusalsHaveReasons) {
  const auto error = [](std::string_view name) { return format(R"({{"error":"{}"}})", name); };
  for (const char* name :
       {"invalid_grant", "invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
        "access_denied", "expired_token", "authorization_pending", "slow_down"})
    EXPECT_EQ(why(400, error(name)), name);
  EXPECT_EQ(why(401, "no"), "invalid_client");
  EXPECT_EQ(why(400, "<html>"), "token_refused");
  EXPECT_EQ(why(400, error("some_other")), "token_refused");
  EXPECT_EQ(why(302, ""), "redirect_refused");
  for (const int status : {500, 502, 503, 429, 408}) {
    EXPECT_EQ(why(status, "<html>"), "token_endpoint_unavailable") << status;
    // Not the end of a login.
    EXPECT_EQ(why(status, error("invalid_grant")), "token_endpoint_unavailable") << status;
  }
  EXPECT_EQ(why(400, error("temporarily_unavailable")), "token_endpoint_unavailable");
  EXPECT_TRUE(read_tokens(503, "").status().retryable());
  EXPECT_FALSE(read_tokens(400, error("invalid_grant")).status().retryable());
  EXPECT_EQ(why(200, error("authorization_pending")), "authorization_pending");  // as one server does it
}

TEST(OAuthAnswer, NoWordThatCouldBeATokenIsRepeated) {
  const std::string token = made('Q', 40);
  const auto refused = read_tokens(
      400,
      format(
          R"({{"error":"invalid_grant","error_description":"AADSTS70000: the token {} \u001b[31m is\n bad"}})",
          token));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().message().find(token), std::string_view::npos);
  EXPECT_NE(refused.status().message().find("AADSTS70000"), std::string_view::npos);
  EXPECT_EQ(refused.status().message().find('\x1b'), std::string_view::npos);
  const auto named = read_tokens(400, format(R"({{"error":"{}"}})", token));
  EXPECT_EQ(named.status().message().find(token), std::string_view::npos);
  const auto type = read_tokens(200, format(R"({{"access_token":"a","token_type":"{}"}})", token));
  EXPECT_EQ(type.status().message().find(token), std::string_view::npos);
}

std::string device(std::string_view more) {
  return format(R"({{"device_code":"{}","user_code":"WDJB-MJHT"{}}})", made('D'), more);
}

TEST(OAuthDevice, CodesAreRead) {
  const auto code = read_device_code(
      200, device(R"(,"verification_uri":"https://login.example/device","expires_in":900,"interval":7)"));
  ASSERT_TRUE(code.ok()) << code.status().to_string();
  EXPECT_EQ(code->user_code, "WDJB-MJHT");
  EXPECT_EQ(code->interval_s, 7);
  EXPECT_EQ(code->lifetime_s, 900);
  EXPECT_TRUE(read_device_code(200, device(R"(,"verification_url":"https://login.example/d")")).ok());
  for (const char* more :
       {"", R"(,"verification_uri":"javascript:x")", R"(,"verification_uri":"file:///etc/x")",
        R"(,"verification_uri":"https://a.example/","verification_uri_complete":"x:y")",
        R"(,"verification_uri":"https://a.example/\u001b")"})
    EXPECT_EQ(read_device_code(200, device(more)).status().reason(), "invalid_token_answer") << more;
}

TEST(OAuthDevice, PollsSlowDownAndEnd) {
  DeviceCode code;
  code.lifetime_s = 60;
  code.interval_s = 5;
  const auto pending = read_tokens(400, R"({"error":"authorization_pending"})").status();
  const auto slow = read_tokens(400, R"({"error":"slow_down"})").status();
  DevicePolls polls(1'000, code);
  EXPECT_EQ(polls.next_ms(), 6'000);
  EXPECT_TRUE(polls.after(6'000, pending).ok());
  EXPECT_EQ(polls.next_ms(), 11'000);
  EXPECT_TRUE(polls.after(11'000, slow).ok());
  EXPECT_EQ(polls.next_ms(), 21'000);
  EXPECT_TRUE(polls.after(21'000, unavailable("token_endpoint_unavailable", "")).ok());
  EXPECT_EQ(polls.next_ms(), 41'000);  // less and less often
  EXPECT_EQ(polls.after(41'000, pending).reason(), "expired_token");
  DevicePolls other(0, code);
  EXPECT_EQ(other.after(5'000, read_tokens(400, R"({"error":"access_denied"})").status()).reason(),
            "access_denied");
}

const RedirectRules kRules = {.path = "/callback", .host = "127.0.0.1:5000", .state = "s3", .issuer = ""};

std::string request(std::string_view target, std::string_view more = "") {
  return format("GET {} HTTP/1.1\r\nHost: 127.0.0.1:5000\r\n{}\r\n", target, more);
}

std::string redirect(const std::string& head, const RedirectRules& rules = kRules) {
  const auto code = read_redirect(head, rules);
  return code.ok() ? "code " + text_of(*code) : std::string(code.status().reason());
}

TEST(OAuthRedirect, TheCodeOfThisLoginIsTaken) {
  EXPECT_EQ(redirect(request("/callback?code=c%2F1&state=s3")), "code c/1");
  EXPECT_EQ(redirect(request("/callback?state=s3&code=c&scope=a+b&iss=x", "Cookie: a=b\r\n")), "code c");
}

TEST(OAuthRedirect, StateAndIssuerAreChecked) {
  for (const char* query :
       {"code=c", "code=c&state=", "code=c&state=s4", "code=c&state=s33", "state=S3&code=c"})
    EXPECT_EQ(redirect(request(std::string("/callback?") + query)), "state_mismatch") << query;
  RedirectRules rules = kRules;
  rules.issuer = "https://login.example";
  EXPECT_EQ(redirect(request("/callback?code=c&state=s3"), rules), "issuer_mismatch");
  EXPECT_EQ(redirect(request("/callback?code=c&state=s3&iss=https://evil.example"), rules),
            "issuer_mismatch");
  EXPECT_EQ(redirect(request("/callback?code=c&state=s3&iss=https%3A%2F%2Flogin.example"), rules), "code c");
  rules.state = "";
  EXPECT_EQ(redirect(request("/callback?code=c&state="), rules), "state_mismatch");
}

TEST(OAuthRedirect, ARefusalCountsForThisLoginOnly) {
  EXPECT_EQ(redirect(request("/callback?error=access_denied&state=s3")), "access_denied");
  EXPECT_EQ(redirect(request("/callback?error=server_error&state=s3")), "authorization_failed");
  EXPECT_EQ(redirect(request("/callback?error=access_denied&state=other")), "state_mismatch");
}

TEST(OAuthRedirect, OtherPlacesAndOtherHostsAreNotIt) {
  for (const char* target : {"/", "/favicon.ico", "/callback/?code=c&state=s3", "/callbac?code=c&state=s3",
                             "//callback?code=c&state=s3", "/%63allback?code=c&state=s3",
                             "http://127.0.0.1:5000/callback?code=c&state=s3"})
    EXPECT_EQ(redirect(request(target)), "other_path") << target;
  const std::string line = "GET /callback?code=c&state=s3 HTTP/1.1\r\n";
  for (const char* hosts : {"", "Host: evil.example\r\n", "Host: 127.0.0.1\r\n", "Host: 127.0.0.1:5001\r\n",
                            "Host: 127.0.0.1:5000\r\nHost: 127.0.0.1:5000\r\n", "Host : 127.0.0.1:5000\r\n",
                            " Host: 127.0.0.1:5000\r\n"})
    EXPECT_EQ(redirect(line + hosts + "\r\n"), "invalid_redirect") << hosts;
}

TEST(OAuthRedirect, WhatIsMalformedIsRefused) {
  const std::string good = "/callback?code=c&state=s3";
  const std::string host = "Host: 127.0.0.1:5000\r\n\r\n";
  for (const std::string& head : {std::string(),
                                  std::string("GET"),
                                  "POST " + good + " HTTP/1.1\r\n" + host,
                                  "GET " + good + " HTTP/2.0\r\n" + host,
                                  "GET " + good + "\r\n" + host,
                                  "GET  " + good + " HTTP/1.1\r\n" + host,
                                  "GET " + good + " HTTP/1.1\n" + host,
                                  request(good, "Content-Length: 5\r\n"),
                                  request(good, "Transfer-Encoding: chunked\r\n"),
                                  request(good, "no colon\r\n"),
                                  request(good, std::string("a: \0\r\n", 6)),
                                  request("/callback?code=c&state=s3&code=d"),
                                  request("/callback?code=%zz&state=s3"),
                                  request("/callback?code=%c&state=s3"),
                                  request("/callback?code=%00&state=s3"),
                                  request("/callback?code=%0d%0a&state=s3"),
                                  request("/callback?code=&state=s3"),
                                  request("/callback?code=c&state=s3#x"),
                                  request("/callback?&code=c&state=s3"),
                                  request("/callback?code=" + made('c', kMaxRedirectBytes) + "&state=s3"),
                                  request("/callback?state=s3")})
    EXPECT_EQ(redirect(head), "invalid_redirect") << head.substr(0, 100);
  EXPECT_FALSE(is_whole_head("GET / HTTP/1.1\r\n"));
}

TEST(OAuthState, ItIsReadAsItIsWritten) {
  LoginState state;
  state.generation = 7;
  state.obtained_ms = 1'700'000'000'000;
  state.lifetime_ms = 3'600'000;
  state.refreshing_ms = 5;
  state.refreshable = true;
  state.client_id = "a \"b\"";
  state.origins = {"https://a.example:443"};
  const auto read = LoginState::read(state.write());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->write(), state.write());
  for (const char* text :
       {"", "{}", "[]", R"({"version":2,"generation":1})", R"({"version":1})",
        R"({"version":1,"generation":-1})", R"({"version":1,"generation":1,"lifetime_ms":-5})"})
    EXPECT_EQ(LoginState::read(text).status().reason(), "invalid_login_state") << text;
}

TEST(OAuthState, FreshnessByBothClocks) {
  LoginState state;
  state.generation = 1;
  state.obtained_ms = 1'000'000;
  state.lifetime_ms = 3'600'000;
  const auto at = [&](int64_t wall, int64_t age) { return freshness(state, 1'000'000 + wall, age); };
  EXPECT_EQ(at(0, 0), Freshness::kGood);
  EXPECT_EQ(at(3'479'000, -1), Freshness::kGood);
  EXPECT_EQ(at(3'481'000, -1), Freshness::kDue);
  EXPECT_EQ(at(3'591'000, -1), Freshness::kExpired);
  EXPECT_EQ(at(-10'000'000, 3'595'000), Freshness::kExpired);  // the wall clock was put back
  EXPECT_EQ(at(-10'000'000, 5'000), Freshness::kGood);
  EXPECT_EQ(at(-10'000'000, -1), Freshness::kDue);        // and nobody here knows how old the token is
  EXPECT_EQ(at(90'000'000, 5'000), Freshness::kExpired);  // or forward; or the machine slept
  state.lifetime_ms = 10'000;
  EXPECT_EQ(at(7'900, -1), Freshness::kGood);
  EXPECT_EQ(at(8'100, -1), Freshness::kDue);
  EXPECT_EQ(at(9'100, -1), Freshness::kExpired);
  state.lifetime_ms = 0;
  EXPECT_EQ(at(90'000'000, -1), Freshness::kGood);  // until a server refuses it
}

TEST(OAuthAssertion, ClaimsAreThoseOfTheKey) {
  const std::string pem = "-----BEGIN " + std::string("X-----\nabc\n");
  std::string file =
      R"({"type":"service_account","client_email":"a@b.example","private_key_id":"k1","private_key":)";
  json::append_string(file, pem);
  file += "}";
  const auto key = read_service_key(Secret(file));
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(text_of(key->pem), pem);
  OAuth auth = pkce();
  auth.subject = "u@b.example";
  const std::string text = assertion_text(auth, *key, 1'700'000'000);
  const size_t dot = text.find('.');
  const json::Value header = *json::parse(*crypto::base64url_decode(text.substr(0, dot)));
  const json::Value claims = *json::parse(*crypto::base64url_decode(text.substr(dot + 1)));
  EXPECT_EQ(header["alg"].as_string(), "RS256");
  EXPECT_EQ(header["kid"].as_string(), "k1");
  EXPECT_EQ(claims["iss"].as_string(), "a@b.example");
  EXPECT_EQ(claims["sub"].as_string(), "u@b.example");
  EXPECT_EQ(claims["aud"].as_string(), auth.token_url);
  EXPECT_EQ(claims["scope"].as_string(), "one two");
  EXPECT_EQ(claims["exp"].as_int() - claims["iat"].as_int(), 600);
  for (const char* bad :
       {"", "{}", "x", R"({"client_email":"a"})", R"({"client_email":"a","private_key":7})"})
    EXPECT_EQ(read_service_key(Secret(std::string_view(bad))).status().reason(), "invalid_service_key")
        << bad;
}

}  // namespace
}  // namespace tau::provider
