// Logins: how they are made, that their tokens are renewed once whoever asks, that no fault of a server loses
// one, and that no token is anywhere but in the vault.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "auth_fixture.h"
#include "provider/oauth.h"
#include "runtime/auth_desk.h"
#include "runtime/runtime.h"
#include "support/fake_clock.h"
#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

class AuthTest : public testing::Test {
 protected:
  void SetUp() override {
    VaultOptions options;
    options.path = dir_.file("vault");
    options.create = true;
    VaultKey key;
    key.kind = credential::SlotKind::kKeyFile;
    key.name = dir_.file("key");
    key.make = true;
    auto vault = Vault::open(options, key);
    ASSERT_TRUE(vault.ok()) << vault.status().to_string();
    vault_ = *vault;
  }
  void TearDown() override {
    if (runtime_ != nullptr) { EXPECT_TRUE(runtime_->stop(20'000).ok()); }
  }

  std::string config(const std::string& more = "") const {
    return format(
        R"({{"model":"mine/m","tools":[],"providers":{{"mine":{{"base_url":"{0}","auth":"main","retry":{{"max_attempts":1}}}}}},)"
        R"("auth":{{"main":{{"kind":"oauth_pkce","client_id":"c","authorize_url":"{1}","token_url":"{2}",)"
        R"("device_url":"{3}","revoke_url":"{4}","scopes":["a","b"]{5}}}}}}})",
        server_.url("/v1"), server_.url("/authorize"), server_.url("/token"), server_.url("/device"),
        server_.url("/revoke"), more);
  }
  std::shared_ptr<Runtime> open_one(const std::string& text) {
    RuntimeOptions options;
    options.home = dir_.file("home");
    options.config_json = text;
    options.vault = vault_;
    options.log_level = LogLevel::kDebug;
    options.log = [this](LogLevel, std::string_view, std::string_view message) {
      const std::lock_guard lock(log_mutex_);
      log_ += std::string(message) + "\n";
    };
    auto runtime = Runtime::open(options);
    EXPECT_TRUE(runtime.ok()) << runtime.status().to_string();
    return runtime.ok() ? *runtime : nullptr;
  }
  void open(const std::string& text) { runtime_ = open_one(text); }

  StatusOr<json::Value> perform(const std::string& op, const std::string& more = "",
                                const char* name = "main") {
    auto text = runtime_->perform(format(R"({{"op":"{}","name":"{}"{}}})", op, name, more));
    if (!text.ok()) return std::move(text).status();
    seen_ += *text;
    return json::parse(*text);
  }
  std::string state() {
    const auto found = perform("auth_status");
    return found.ok() ? std::string((*found)["logins"].as_array().at(0)["state"].as_string())
                      : std::string(found.status().reason());
  }
  std::string reason_of(const StatusOr<json::Value>& answer) {
    if (answer.ok()) return std::string((*answer)["state"].as_string());
    seen_ += answer.status().message();
    return std::string(answer.status().reason());
  }

  // What a browser does: one request, the whole answer.
  std::string browse(const std::string& request_text, uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::string answer;
    if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) {
      (void)!::write(fd, request_text.data(), request_text.size());
      char piece[4096];
      for (ssize_t n = 0; (n = ::read(fd, piece, sizeof piece)) > 0;)
        answer.append(piece, static_cast<size_t>(n));
    }
    ::close(fd);
    return answer;
  }
  struct Begun {
    uint16_t port = 0;
    std::string state;
  };
  Begun begin() {
    const auto begun = perform("auth_login");
    EXPECT_TRUE(begun.ok()) << begun.status().to_string();
    if (!begun.ok()) return {};
    const std::string url((*begun)["url"].as_string());
    auto fields = read_form(url.substr(url.find('?') + 1));
    server_.expect_challenge(fields["code_challenge"]);
    EXPECT_EQ(fields["code_challenge_method"], "S256");
    EXPECT_EQ(fields["scope"], "a b");
    const std::string& back = fields["redirect_uri"];
    EXPECT_TRUE(back.starts_with("http://127.0.0.1:"));
    return {static_cast<uint16_t>(std::stoi(back.substr(17))), fields["state"]};
  }
  static std::string get(const Begun& begun, const std::string& target) {
    return format("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", target, begun.port);
  }
  std::string wait(int64_t ms = 10'000) {
    return reason_of(perform("auth_wait", format(R"(,"timeout_ms":{})", ms)));
  }
  void log_in() {
    const Begun begun = begin();
    std::thread browser([&] {
      const std::string page = browse(get(begun, "/callback?code=good&state=" + begun.state), begun.port);
      EXPECT_NE(page.find("200 OK"), page.npos) << page;
    });
    EXPECT_EQ(wait(), "ok");
    browser.join();
  }
  json::Value ask(Runtime& runtime, const std::shared_ptr<Runtime>& shared) {
    auto agent = Agent::make(shared, "");
    if (!agent.ok()) return json::Value(std::string(agent.status().reason()));
    const auto queue = *runtime.make_queue(0, {});
    const auto session = *Session::open(*agent, "");
    RunOptions options;
    options.prompt = "hello";
    options.queue = queue;
    auto run = session->start(std::move(options));
    if (!run.ok()) return json::Value(std::string(run.status().reason()));
    Code code = Code::kInternal;
    const auto waited = (*run)->wait(30'000, &code);
    std::string events;
    for (const auto& queued : queue->take(1'000)) events += std::string(queued->body());
    queue->abandon();
    const std::lock_guard lock(log_mutex_);
    seen_ += events + (waited.ok() ? *waited : "");
    const auto outcome = json::parse(waited.ok() ? *waited : "null");
    return outcome.ok() ? *outcome : json::Value();
  }
  json::Value ask() { return ask(*runtime_, runtime_); }

  // No text of a token in the home, in what was logged, answered and told.
  void expect_no_token_outside() {
    std::vector<std::pair<std::string, std::string>> places = {{"log", log_}, {"answers", seen_}};
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_.path())) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      places.emplace_back(entry.path(), std::string(std::istreambuf_iterator<char>(in), {}));
    }
    for (const std::string& token : server_.all())
      for (const auto& [place, text] : places)
        EXPECT_EQ(text.find(token.substr(8, 20)), text.npos) << "a token is in " << place;
  }

  test::TempDir dir_;
  AuthServer server_;
  std::shared_ptr<Vault> vault_;
  std::mutex log_mutex_;
  std::string log_, seen_;
  std::shared_ptr<Runtime> runtime_;
};

TEST_F(AuthTest, ABrowserLogsInAndTheTokenIsUsed) {
  open(config());
  EXPECT_EQ(state(), "login_required");
  log_in();
  EXPECT_EQ(state(), "ok");
  EXPECT_EQ(ask()["status"].as_string(), "done");
  EXPECT_EQ(server_.answered(), 1);
  EXPECT_EQ(server_.refreshes(), 0);
  EXPECT_EQ(vault_->get("secret://auth/main#refresh_token", "https://elsewhere.example").status().reason(),
            "secret_origin_mismatch");
  expect_no_token_outside();
}

TEST_F(AuthTest, WithoutALoginTheErrorSaysSo) {
  open(config());
  EXPECT_NE(json::write(ask()).find("login_required"), std::string::npos);
  const auto refused = runtime_->perform(R"({"op":"auth_refresh","name":"main"})");
  EXPECT_EQ(refused.status().code(), Code::kUnauthenticated);
  EXPECT_NE(refused.status().message().find("tau auth login main"), std::string_view::npos);
  EXPECT_TRUE(server_.server().requests().empty());
}

TEST_F(AuthTest, StrayRequestsDoNotEndALogin) {
  open(config());
  const Begun begun = begin();
  std::thread browser([&] {
    EXPECT_NE(browse("", begun.port).find(""), std::string::npos);
    EXPECT_NE(browse(get(begun, "/favicon.ico"), begun.port).find("404"), std::string::npos);
    EXPECT_NE(browse("BREW /pot HTTP/1.1\r\n\r\n", begun.port).find("400"), std::string::npos);
    EXPECT_NE(browse(std::string(20'000, 'x'), begun.port).size(), 1u);
    EXPECT_NE(
        browse("GET /callback?code=good&state=" + begun.state + " HTTP/1.1\r\nHost: evil.example\r\n\r\n",
               begun.port)
            .find("400"),
        std::string::npos);
    EXPECT_NE(browse(get(begun, "/callback?code=good&state=" + begun.state), begun.port).find("200"),
              std::string::npos);
  });
  EXPECT_EQ(wait(30'000), "ok");
  browser.join();
}

TEST_F(AuthTest, AnotherStateOrARefusalEndsIt) {
  open(config());
  for (const auto& [query, reason] :
       {std::pair<std::string, std::string>{"code=good&state=other", "state_mismatch"},
        {"error=access_denied&state=", "access_denied"}}) {
    const Begun begun = begin();
    std::thread browser([&] {
      const std::string page = browse(
          get(begun, "/callback?" + query + (query.ends_with("state=") ? begun.state : "")), begun.port);
      EXPECT_NE(page.find("did not succeed"), page.npos);
      EXPECT_EQ(page.find("good"), page.npos);
    });
    EXPECT_EQ(wait(), reason);
    browser.join();
    EXPECT_EQ(wait(), "no_login");
  }
  EXPECT_EQ(state(), "login_required");
}

TEST_F(AuthTest, TheIssuerIsAskedForWhereItIsConfigured) {
  open(config(R"(,"issuer":"https://login.example")"));
  for (const auto& [more, reason] : {std::pair<std::string, std::string>{"", "issuer_mismatch"},
                                     {"&iss=https%3A%2F%2Fevil.example", "issuer_mismatch"},
                                     {"&iss=https%3A%2F%2Flogin.example", "ok"}}) {
    const Begun begun = begin();
    std::thread browser(
        [&] { browse(get(begun, "/callback?code=good&state=" + begun.state + more), begun.port); });
    EXPECT_EQ(wait(), reason) << more;
    browser.join();
  }
}

TEST_F(AuthTest, ADeviceLogsIn) {
  open(config());
  server_.pending(1);
  const auto begun = perform("auth_login", R"(,"flow":"device")");
  ASSERT_TRUE(begun.ok()) << begun.status().to_string();
  EXPECT_EQ((*begun)["user_code"].as_string(), "ABCD-EFGH");
  EXPECT_EQ(wait(200), "waiting");
  EXPECT_EQ(wait(20'000), "ok");
  EXPECT_EQ(ask()["status"].as_string(), "done");
  server_.pending(5, "access_denied");
  ASSERT_TRUE(perform("auth_login", R"(,"flow":"device")").ok());
  EXPECT_EQ(wait(20'000), "access_denied");
  EXPECT_EQ(state(), "ok");  // the login before is as it was
  expect_no_token_outside();
}

TEST_F(AuthTest, AnExpiredTokenIsRenewedOnceForAll) {
  open(config());
  server_.lifetime(1);
  log_in();
  server_.lifetime(3600);
  std::this_thread::sleep_for(std::chrono::milliseconds(1'000));
  const auto other = open_one(config());
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      const auto& runtime = i % 2 == 0 ? runtime_ : other;
      EXPECT_EQ(ask(*runtime, runtime)["status"].as_string(), "done");
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(server_.refreshes(), 1);
  EXPECT_EQ(server_.reuses(), 0);
  EXPECT_EQ(server_.answered(), 8);
  EXPECT_TRUE(other->stop(20'000).ok());
  expect_no_token_outside();
}

TEST_F(AuthTest, ATokenThatIsRefusedIsReplacedOnce) {
  open(config());
  log_in();
  server_.forget_access();
  EXPECT_EQ(ask()["status"].as_string(), "done");
  EXPECT_EQ(server_.refreshes(), 1);
  // A server that refuses every token does not cost one for each call.
  for (int i = 0; i < 3; ++i) {
    server_.forget_access();
    EXPECT_NE(ask()["status"].as_string(), "done");
  }
  EXPECT_EQ(server_.refreshes(), 1);
  EXPECT_EQ(server_.reuses(), 0);
}

TEST_F(AuthTest, TheEndOfALoginIsNoLoop) {
  open(config());
  server_.lifetime(1);
  log_in();
  server_.end_family();
  std::this_thread::sleep_for(std::chrono::milliseconds(1'000));
  const size_t before = server_.server().requests().size();
  for (int i = 0; i < 3; ++i) {
    const json::Value outcome = ask();
    EXPECT_NE(outcome["status"].as_string(), "done");
    EXPECT_NE(json::write(outcome).find("login_required"), std::string::npos) << json::write(outcome);
  }
  EXPECT_EQ(server_.server().requests().size(), before + 1);
  EXPECT_EQ(state(), "login_required");
  log_in();
  EXPECT_EQ(state(), "ok");
  EXPECT_EQ(ask()["status"].as_string(), "done");
}

TEST_F(AuthTest, ABusyServerIsAskedAgainAndATokenThatIsGoodIsUsed) {
  open(config());
  log_in();
  server_.fail_next(Reply::json("{}", 503));
  server_.fail_next(Reply(500).body("<html>sorry</html>"));
  EXPECT_EQ(reason_of(perform("auth_refresh")), "ok");
  EXPECT_EQ(server_.refreshes(), 1);
  for (int i = 0; i < 3; ++i) server_.fail_next(Reply(503).header("retry-after", "0"));
  EXPECT_EQ(reason_of(perform("auth_refresh")), "token_endpoint_unavailable");
  EXPECT_EQ(ask()["status"].as_string(), "done");
  EXPECT_EQ(state(), "ok");
  EXPECT_EQ(server_.reuses(), 0);
}

TEST_F(AuthTest, WhatIsNoAnswerLosesNothing) {
  open(config());
  log_in();
  const std::pair<Reply, std::string> cases[] = {
      {Reply(200).body("<html>log in</html>"), "invalid_token_answer"},
      {Reply::json("{\"access_token\":\"" + std::string(80'000, 'a') + "\"}"), "invalid_token_answer"},
      {Reply(302).header("location", "https://elsewhere.example/token"), "redirect_refused"},
      {Reply::json(R"({"error":"invalid_client"})", 401), "invalid_client"},
      {Reply::json(R"({"error":"invalid_scope"})", 400), "invalid_scope"},
      {Reply().reset(), "token_endpoint_unavailable"},
  };
  for (const auto& [reply, reason] : cases) {
    server_.fail_next(reply);
    EXPECT_EQ(reason_of(perform("auth_refresh")), reason);
    EXPECT_EQ(state(), "ok");
  }
  EXPECT_EQ(reason_of(perform("auth_refresh")), "ok");
  EXPECT_EQ(server_.reuses(), 0);
  expect_no_token_outside();
}

TEST_F(AuthTest, AnAnswerThatIsLostEndsTheLoginAndSaysWhy) {
  open(config());
  log_in();
  server_.fail_next(Reply().reset(), /*accepts=*/true);
  EXPECT_EQ(reason_of(perform("auth_refresh")), "token_endpoint_unavailable");
  EXPECT_EQ(reason_of(perform("auth_refresh")), "login_required");
  const auto found = perform("auth_status");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ((*found)["logins"].as_array()[0]["reason"].as_string(), "refresh_interrupted");
}

TEST_F(AuthTest, LogoutGivesBackAndErases) {
  open(config());
  log_in();
  const std::string refresh = server_.refresh();
  const auto ended = perform("auth_logout");
  ASSERT_TRUE(ended.ok()) << ended.status().to_string();
  EXPECT_TRUE((*ended)["revoked"].as_bool());
  EXPECT_EQ(server_.revoked(), refresh);
  EXPECT_EQ(state(), "login_required");
  for (const char* field : {"access_token", "refresh_token", "state"})
    EXPECT_EQ(vault_->get(format("secret://auth/main#{}", field), server_.url("/")).status().reason(),
              "secret_not_found");
  EXPECT_EQ(reason_of(perform("auth_logout")), "logged_out");
}

TEST_F(AuthTest, ATokenGoesToItsOriginAlone) {
  open(config());
  log_in();
  EXPECT_TRUE(runtime_->stop(10'000).ok());
  AuthServer other;
  std::string moved = config();
  const std::string base = "\"base_url\":\"" + server_.url("/v1");
  moved.replace(moved.find(base), base.size(), "\"base_url\":\"" + other.url("/v1"));
  open(moved);
  EXPECT_NE(json::write(ask()).find("secret_origin_mismatch"), std::string::npos);
  // Nor does the refresh token.
  EXPECT_TRUE(runtime_->stop(10'000).ok());
  moved = config();
  const std::string token = "\"token_url\":\"" + server_.url("/token");
  moved.replace(moved.find(token), token.size(), "\"token_url\":\"" + other.url("/token"));
  open(moved);
  EXPECT_EQ(reason_of(perform("auth_refresh")), "secret_origin_mismatch");
  EXPECT_TRUE(other.server().requests().empty());
}

TEST_F(AuthTest, AVaultThatCannotBeWrittenCostsNoToken) {
  open(config());
  log_in();
  EXPECT_TRUE(runtime_->stop(10'000).ok());
  VaultOptions options;
  options.path = dir_.file("vault");
  options.read_only = true;
  VaultKey key;
  key.kind = credential::SlotKind::kKeyFile;
  key.name = dir_.file("key");
  vault_ = *Vault::open(options, key);
  open(config());
  EXPECT_EQ(reason_of(perform("auth_refresh")), "vault_read_only");
  EXPECT_EQ(server_.refreshes(), 0);
  EXPECT_EQ(ask()["status"].as_string(), "done");
}

TEST_F(AuthTest, ClientCredentialsNeedNoPerson) {
  ASSERT_TRUE(vault_->put("auth/main#client_secret", Secret(std::string(20, 's')), server_.url("/"), 0).ok());
  for (const char* way : {"post", "basic"}) {
    std::string text =
        config(format(R"(,"client_secret":"secret://auth/main#client_secret","client_auth":"{}")", way));
    text.replace(text.find("oauth_pkce"), 10, "client_credentials");
    open(text);
    EXPECT_EQ(ask()["status"].as_string(), "done") << way;
    server_.forget_access();
    EXPECT_EQ(ask()["status"].as_string(), "done") << way;
    EXPECT_EQ(server_.last_form()["grant_type"], "client_credentials");
    EXPECT_EQ(server_.last_form()["client_secret"], way == std::string("post") ? std::string(20, 's') : "");
    EXPECT_EQ(reason_of(perform("auth_login")), "ok");
    EXPECT_EQ(reason_of(perform("auth_logout")), "logged_out");
    EXPECT_TRUE(runtime_->stop(10'000).ok());
  }
  expect_no_token_outside();
}

// A key of nobody, made now.
std::string service_key() {
  EVP_PKEY* const key = EVP_RSA_gen(2048);
  BIO* const bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  std::string file = R"({"type":"service_account","client_email":"a@b.example","private_key":)";
  json::append_string(file, std::string_view(bytes, static_cast<size_t>(size)));
  BIO_free(bio);
  EVP_PKEY_free(key);
  return file + "}";
}

TEST_F(AuthTest, AServiceAccountSignsForItsToken) {
  const std::string file = dir_.write("key.json", service_key());
  ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
  ASSERT_TRUE(vault_->put("auth/main#key", Secret(service_key()), server_.url("/"), 0).ok());
  for (const std::string& key :
       {format(R"(,"key_file":"{}")", file), std::string(R"(,"key":"secret://auth/main#key")")}) {
    std::string text = config(key);
    text.replace(text.find("oauth_pkce"), 10, "service_account");
    open(text);
    EXPECT_EQ(ask()["status"].as_string(), "done") << key;
    EXPECT_EQ(server_.last_form()["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    const std::string assertion = server_.last_form()["assertion"];
    EXPECT_EQ(std::ranges::count(assertion, '.'), 2);
    EXPECT_EQ(crypto::base64url_decode(assertion.substr(assertion.rfind('.') + 1))->size(), 256u);
    EXPECT_EQ(reason_of(perform("auth_logout")), "logged_out");
    EXPECT_TRUE(runtime_->stop(10'000).ok());
  }
  ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
  std::string text = config(format(R"(,"key_file":"{}")", file));
  text.replace(text.find("oauth_pkce"), 10, "service_account");
  open(text);
  EXPECT_EQ(reason_of(perform("auth_login")), "file_not_private");
  expect_no_token_outside();
}

TEST_F(AuthTest, AnotherClientIsAnotherLogin) {
  open(config());
  log_in();
  EXPECT_TRUE(runtime_->stop(10'000).ok());
  std::string other = config();
  other.replace(other.find(R"("client_id":"c")"), 15, R"("client_id":"d")");
  open(other);
  EXPECT_EQ(state(), "login_required");
  const size_t before = server_.server().requests().size();
  EXPECT_EQ(reason_of(perform("auth_refresh")), "login_required");
  EXPECT_NE(json::write(ask()).find("login_required"), std::string::npos);
  EXPECT_EQ(server_.server().requests().size(), before);
}

TEST_F(AuthTest, AProjectSetsNoLogin) {
  for (const char* text : {R"({"auth":{"a":{"token_url":"https://evil.example/"}}})",
                           R"({"providers":{"openai":{"auth":"a"}}})"})
    EXPECT_EQ(Config::merge({{"project", "", *json::parse(text)}}).status().reason(),
              "not_allowed_in_project")
        << text;
}

TEST_F(AuthTest, RequestsAreChecked) {
  open(config());
  for (const char* request :
       {R"({"op":"auth_login"})", R"({"op":"auth_login","name":7})",
        R"({"op":"auth_login","name":"main","x":1})", R"({"op":"auth_login","name":"none"})",
        R"({"op":"auth_login","name":"main","flow":"fax"})",
        R"({"op":"auth_wait","name":"main","timeout_ms":-1})",
        R"({"op":"auth_wait","name":"main","timeout_ms":9e9})", R"({"op":"auth_status","name":"none"})",
        R"({"op":"auth_refresh","name":"main"})", R"({"op":"auth_wait","name":"main"})"})
    EXPECT_FALSE(runtime_->perform(request).ok()) << request;
  EXPECT_TRUE(runtime_->perform(R"({"op":"auth_status"})").ok());
}

// By the clocks alone.
TEST_F(AuthTest, ClocksMayJump) {
  ASSERT_TRUE(vault_->put("auth/main#client_secret", Secret(std::string(20, 's')), server_.url("/"), 0).ok());
  std::string text = config(R"(,"client_secret":"secret://auth/main#client_secret")");
  text.replace(text.find("oauth_pkce"), 10, "client_credentials");
  test::FakeClock clock;
  const Config merged = *Config::merge({{"option", "", *json::parse(text)}});
  const auto make = [&] {
    return std::make_shared<AuthDesk>(AuthDesk::Setup{
        .config = merged, .secrets = std::make_shared<VaultSource>(vault_), .clock = &clock, .log = {}});
  };
  const auto desk = make();
  EXPECT_EQ(*desk->ensure("main", 0), 1);
  clock.set_wall_ms(clock.wall_ms() - 86'400'000);  // back: this process knows how old the token is
  EXPECT_EQ(*desk->ensure("main", 0), 1);
  const auto other = make();  // and this one does not: it gets a new one, once
  EXPECT_EQ(*other->ensure("main", 0), 2);
  EXPECT_EQ(*other->ensure("main", 0), 2);
  clock.set_wall_ms(clock.wall_ms() + 10 * 86'400'000);  // forward
  EXPECT_EQ(*other->ensure("main", 0), 3);
  EXPECT_EQ(*desk->ensure("main", 0), 3);
  clock.advance_ms(3'500'000);
  EXPECT_TRUE(other->ready("main", 0).has_value());  // due: used, and renewed behind
  const int64_t end = system_clock().monotonic_ns() + 10'000 * kNanosPerMilli;
  while (server_.grants() < 4 && system_clock().monotonic_ns() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(server_.grants(), 4);
  desk->stop();
  other->stop();
  desk->finish();
  other->finish();
}

}  // namespace
}  // namespace tau::runtime
