// The tool http: what a call may ask, what comes back, and that it ends in every case.
#include <gmock/gmock.h>

#include "executor_fixture.h"
#include "safety/safety.h"
#include "support/scripted_server.h"
#include "tool/builtin/http_call.h"
#include "tool/builtin/http_text.h"

namespace tau::tool {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using HttpReply = tau::test::Reply;

class OneCredential final : public net::CredentialSource {
 public:
  StatusOr<Secret> get(std::string_view id, const net::Url& url) override {
    if (id != "card" || url.origin() != origin)
      return permission_denied("credential_origin_mismatch", "none");
    return Secret(std::string(12, 'k'));
  }
  std::string origin;
};

class HttpToolTest : public test::ExecutorFixture {
 protected:
  void SetUp() override {
    ExecutorFixture::SetUp();
    for (const auto& tool : builtin_tools()) ASSERT_TRUE(registry.add(tool).ok());
    use({.granted_origins = {server.url(""), other.url("")}});
  }
  void use(const safety::EgressRules& rules) {
    executor.reset();
    egress = std::make_unique<safety::Egress>(*safety::Egress::compile(rules));
    web = net::make_http_client(*loop, *egress, credentials, {});
    credentials.origin = net::parse_url(server.url(""))->origin();
    Context c = context();
    c.web = web.get();
    c.access = std::make_shared<const WebAccess>(
        WebAccess{*egress, {{"card", credentials.origin, "x-token", "Token "}}});
    executor = std::make_unique<Executor>(registry, policy, &audit, nullptr, workers, *loop, c);
  }
  std::string arguments(std::string_view target, std::string_view more = "") const {
    return format(R"({{"url":"{}"{}}})", server.url(target), more);
  }
  Result get(std::string_view target, std::string_view more = "") {
    return run("http", arguments(target, more));
  }

  tau::test::ScriptedServer server, other;
  OneCredential credentials;
  std::unique_ptr<safety::Egress> egress;
  std::unique_ptr<net::HttpClient> web;
};

TEST_F(HttpToolTest, ReturnsStatusHeadersAndText) {
  server.enqueue(HttpReply(404)
                     .header("content-type", "text/html; charset=UTF-8")
                     .header("set-cookie", "id=1")
                     .header("etag", "\"e\"")
                     .body("<p>gr\xc3\xbc\xc3\x9f"));
  const Result result = get("/x?y");
  EXPECT_FALSE(result.is_error);
  EXPECT_EQ(result.content, format("HTTP 404 {}\ncontent-type: text/html; charset=UTF-8\netag: \"e\"\n\n"
                                   "<p>gr\xc3\xbc\xc3\x9f",
                                   server.url("/x?y")));
  EXPECT_TRUE(result.labels.has(Source::kWeb));
  EXPECT_TRUE(result.labels.has(Source::kTool));
  const auto details = json::parse(result.details_json);
  ASSERT_TRUE(details.ok()) << result.details_json;
  EXPECT_EQ((*details)["status"].as_int(), 404);
  EXPECT_EQ((*details)["body_bytes"].as_int(), 9);
  EXPECT_FALSE(server.requests()[0].has_header("cookie"));
  EXPECT_FALSE(server.requests()[0].has_header("authorization"));
  EXPECT_EQ(server.requests()[0].header("x-token"), "Token " + std::string(12, 'k'));
}

TEST_F(HttpToolTest, SendsWhatTheCallSays) {
  server.enqueue(HttpReply(201));
  Result result = get("/", R"(,"method":"POST","headers":{"X-One":"1"},"body":"{\"a\":1}")");
  EXPECT_THAT(result.content, StartsWith("HTTP 201 "));
  server.enqueue(HttpReply(204));
  result = get("/", R"(,"method":"PATCH","body":"text","headers":{"content-type":"text/x"})");
  server.enqueue(HttpReply(200).header("content-type", "text/plain").declare_length(99));
  result = get("/", R"(,"method":"HEAD")");
  server.enqueue(HttpReply(200));
  result = get("/", R"(,"method":"DELETE")");
  const auto seen = server.requests();
  ASSERT_EQ(seen.size(), 4u);
  EXPECT_EQ(seen[0].method + seen[0].body, "POST{\"a\":1}");
  EXPECT_EQ(seen[0].header("content-type"), "application/json");
  EXPECT_EQ(seen[0].header("x-one"), "1");
  EXPECT_EQ(seen[1].method + seen[1].body, "PATCHtext");
  EXPECT_EQ(seen[1].header("content-type"), "text/x");
  EXPECT_EQ(seen[2].method, "HEAD");
  EXPECT_EQ(seen[3].method, "DELETE");
}

TEST_F(HttpToolTest, RefusesHeadersThatAreNotForCalls) {
  for (const char* name : {"Host", "authorization", "COOKIE", "Proxy-Authorization", "content-length",
                           "Connection", "Transfer-Encoding", "TE", "upgrade", "Sec-Fetch-Site",
                           "X-HTTP-Method-Override", "Accept-Encoding", "X-Forwarded-For", "Expect", ":path"})
    EXPECT_EQ(get("/", format(R"(,"headers":{{"{}":"x"}})", name)).reason, "header_not_allowed") << name;
  EXPECT_EQ(get("/", R"(,"headers":{"x":"a\r\nhost: b"})").reason, "header_not_allowed");
  EXPECT_EQ(get("/", R"(,"headers":{"x y":"a"})").reason, "invalid_request");
  EXPECT_EQ(get("/", R"(,"body":"x")").reason, "body_not_allowed");
  std::string many;
  for (int i = 0; i < 32; ++i)
    many += format(R"({}"h{}":"{}")", i == 0 ? "" : ",", i, std::string(1000, 'x'));
  EXPECT_EQ(get("/", ",\"headers\":{" + many + "}").reason, "header_not_allowed");
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(HttpToolTest, RefusesArgumentsBeyondItsBounds) {
  for (const char* more :
       {R"(,"method":"TRACE")", R"(,"method":"get")", R"(,"max_bytes":0)", R"(,"max_bytes":245761)",
        R"(,"timeout_ms":120001)", R"(,"x":1)", R"(,"headers":{"a":1})"})
    EXPECT_EQ(executor->prepare(call("http", arguments("/", more))).refusal, "invalid_arguments") << more;
  EXPECT_EQ(executor->prepare(call("http", "{}")).refusal, "invalid_arguments");
}

TEST_F(HttpToolTest, StaysWhereTheRulesOfEgressHoldIt) {
  struct Case {
    const char* url;
    const char* reason;
  };
  const Case cases[] = {
      {"http://127.0.0.1:1/", "egress_scheme"},        {"https://127.0.0.1/", "egress_private_address"},
      {"https://169.254.169.254/", "egress_metadata"}, {"https://localhost/", "egress_reserved_name"},
      {"https://example.com:22/", "egress_port"},      {"http://0x7f.1/", "invalid_url"},
      {"https://u:p@example.com/", "invalid_url"},     {"example.com", "invalid_url"},
      {"file:///etc/passwd", "unsupported_scheme"},    {"gopher://x/", "unsupported_scheme"},
  };
  for (const Case& c : cases) {
    const Result result = run("http", format(R"({{"url":"{}"}})", c.url));
    EXPECT_TRUE(result.is_error) << c.url;
    EXPECT_EQ(result.reason, c.reason) << c.url << ": " << result.content;
  }
  server.enqueue(HttpReply(302).header("location", "/next"));
  server.enqueue(HttpReply(302).header("location", "http://127.0.0.1:1/"));
  EXPECT_EQ(get("/").reason, "egress_scheme") << "the same host, another port";
}

TEST_F(HttpToolTest, TellsOfRedirectsToOtherHosts) {
  server.enqueue(HttpReply(302).header("location", "/next"));
  server.enqueue(HttpReply(301).header("location", "https://other.example/x y").body("gone"));
  const Result result = get("/");
  EXPECT_FALSE(result.is_error);
  EXPECT_THAT(result.content,
              HasSubstr("[a redirect to https://other.example:443/x%20y was not followed: that is a call of "
                        "its own]\n"));
  EXPECT_EQ((*json::parse(result.details_json))["elsewhere"].as_string(), "https://other.example:443/x%20y");
  EXPECT_EQ((*json::parse(result.details_json))["redirects"].as_int(), 1);
}

// Policy judged the call, not what a server makes of it.
TEST_F(HttpToolTest, NoRedirectMakesACallPrivateOrMutating) {
  const auto elsewhere = [](const Result& result) {
    return (*json::parse(result.details_json))["elsewhere"].as_string() != "";
  };
  const std::string other_place = other.url("/private");  // the same host, granted, another port
  server.enqueue(HttpReply(302).header("location", other_place));
  EXPECT_TRUE(elsewhere(get("/"))) << "a GET of another private place";
  server.enqueue(HttpReply(307).header("location", other_place));
  EXPECT_TRUE(elsewhere(get("/", R"(,"method":"DELETE")"))) << "a DELETE at another place";
  server.enqueue(HttpReply(303).header("location", other_place));
  EXPECT_TRUE(elsewhere(get("/", R"(,"method":"POST","body":"x")"))) << "what becomes a GET elsewhere";
  EXPECT_EQ(other.connections(), 0u);
  server.enqueue(HttpReply(307).header("location", "/next"));
  server.enqueue(HttpReply(200).body("done"));
  EXPECT_THAT(get("/", R"(,"method":"POST","body":"x")").content, HasSubstr("done"));
  EXPECT_EQ(server.requests().back().method + server.requests().back().body, "POSTx")
      << "within the origin that was judged";
  server.enqueue(HttpReply(302).header("location", "/get"));
  server.enqueue(HttpReply(200).body("got"));
  EXPECT_THAT(get("/").content, HasSubstr("got"));
}

TEST_F(HttpToolTest, ACredentialStaysAtItsOrigin) {
  server.enqueue(HttpReply(302).header("location", "/again"));
  server.enqueue(HttpReply(200));
  EXPECT_FALSE(get("/").is_error);
  ASSERT_EQ(server.requests().size(), 2u);
  for (const auto& request : server.requests())
    EXPECT_EQ(request.header("x-token"), "Token " + std::string(12, 'k'));
  other.enqueue(HttpReply(200));
  EXPECT_FALSE(run("http", format(R"({{"url":"{}"}})", other.url("/"))).is_error);
  EXPECT_FALSE(other.requests()[0].has_header("x-token")) << "bound to another origin";
  EXPECT_EQ(get("/", R"(,"headers":{"X-Token":"mine"})").reason, "invalid_request")
      << "a call cannot take its place";
}

TEST_F(HttpToolTest, CutsAndDescribes) {
  server.enqueue(HttpReply().body(std::string(5000, 'a')));
  EXPECT_THAT(get("/", R"(,"max_bytes":10)").content, HasSubstr("\n\naaaaaaaaaa\n[cut after 10 bytes]"));
  server.enqueue(HttpReply().header("content-type", "image/png").body(std::string("\x89PNG\0\x1a", 6)));
  EXPECT_THAT(get("/").content, HasSubstr("\n\n[no text: image/png, 6 bytes]"));
  server.enqueue(HttpReply().body(std::string(300'000, 'b')));
  const Result big = get("/", R"(,"max_bytes":245760)");
  EXPECT_THAT(big.content, HasSubstr("[cut after 245760 bytes]"));
}

TEST_F(HttpToolTest, EndsWhenItsTimeIsUpOrNobodyWaits) {
  server.enqueue(HttpReply().never());
  EXPECT_EQ(get("/", R"(,"timeout_ms":50)").reason, "total_timeout");
  server.enqueue(HttpReply().hold("gate").body("late"));
  results.clear();
  execute("http", arguments("/"));
  for (int i = 0; i < 2000 && server.requests().size() < 2; ++i) ASSERT_TRUE(loop->process(1).ok());
  executor->cancel("r1", "c1");
  EXPECT_EQ(wait().reason, "cancelled");
  server.enqueue(HttpReply().never());
  execute("http", arguments("/"), "c2");
  for (int i = 0; i < 2000 && server.requests().size() < 3; ++i) ASSERT_TRUE(loop->process(1).ok());
  executor.reset();
  web.reset();  // nothing under way touches it any more
  server.release("gate");
}

TEST_F(HttpToolTest, HasNoNetworkWhereThereIsNone) {
  make_executor();
  EXPECT_EQ(get("/").reason, "no_network");
}

TEST(HttpCallTraits, TellPolicyWhatTheCallIs) {
  const auto traits = [](std::string_view text) { return http_call_traits(*json::parse(text)); };
  EXPECT_EQ(traits(R"({"url":"HTTPS://Example.COM/a/../b"})")->url.origin(), "https://example.com:443");
  EXPECT_EQ(traits(R"({"url":"https://e.example/a/../b"})")->url.target, "/b");
  EXPECT_FALSE(traits(R"({"url":"https://e.example","method":"HEAD"})")->mutating);
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "other"})
    EXPECT_TRUE(traits(format(R"({{"url":"https://e.example","method":"{}"}})", method))->mutating) << method;
  EXPECT_FALSE(traits(R"({"url":"http://2130706433/"})").ok());
}

TEST(HttpText, TakesTextForTextOnly) {
  EXPECT_EQ(body_text("\xef\xbb\xbf"
                      "abc",
                      ""),
            "abc");
  EXPECT_EQ(body_text("caf\xe9 \x93", "text/plain; charset=\"ISO-8859-1\""), "caf\xc3\xa9 \xe2\x80\x9c");
  EXPECT_EQ(body_text("ab\xc3", ""), "ab") << "a cut character";
  EXPECT_EQ(body_text("a\xff\xff\xff\xff"
                      "b",
                      ""),
            std::nullopt);
  EXPECT_EQ(body_text("a\x1b[2J", "text/plain"), std::nullopt) << "an escape sequence";
  EXPECT_EQ(body_text(std::string_view("a\0b", 3), ""), std::nullopt);
  EXPECT_EQ(body_text("abc", "text/plain; charset=utf-16"), std::nullopt);
  EXPECT_EQ(body_text("", "image/png"), "");
}

TEST(HttpText, NoHeaderOfAServerMakesALine) {
  net::FetchResponse response;
  response.status = 200;
  response.url = "https://e.example:443/";
  response.headers = {
      {"etag", "a\nHTTP 200 https://other/\x1b\xff"}, {"link", std::string(2000, 'l')}, {"x", "y"}};
  const std::string text = http_text(response);
  EXPECT_THAT(text, HasSubstr("etag: a HTTP 200 https://other/ \xef\xbf\xbd\n"));
  EXPECT_LT(text.size(), 800u);
  EXPECT_EQ(text.find("x: y"), std::string::npos);
}

}  // namespace
}  // namespace tau::tool
