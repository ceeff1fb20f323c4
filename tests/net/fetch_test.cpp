// Redirects as rules, and fetches that follow them: hop by hop through policy, bounded in hops, bytes and
// time.
#include "http_fixture.h"

namespace tau::net {
namespace {

using test::Reply;

HttpRequest sent(std::string method, std::string url, std::string body = "") {
  HttpRequest request;
  request.method = std::move(method);
  request.url = std::move(url);
  request.body = std::move(body);
  request.headers = {{"Authorization", "x"}, {"Cookie", "x"},       {"X-Custom", "x"},
                     {"accept", "text/*"},   {"Content-Type", "t"}, {"If-None-Match", "x"}};
  request.credential_id = "some";
  return request;
}

std::string names(const HttpRequest& request) {
  std::string out;
  for (const auto& [name, value] : request.headers) out += name + " ";
  return out;
}

TEST(Redirect, RewritesMethodsAsTheStandardSays) {
  struct Case {
    int status;
    std::string method;
    std::string next;
  };
  const Case cases[] = {
      {301, "GET", "GET"},  {301, "HEAD", "HEAD"},   {301, "POST", "GET"},  {301, "PUT", "PUT"},
      {302, "POST", "GET"}, {302, "PATCH", "PATCH"}, {303, "GET", "GET"},   {303, "HEAD", "HEAD"},
      {303, "POST", "GET"}, {303, "DELETE", "GET"},  {307, "POST", "POST"}, {308, "PUT", "PUT"},
      {200, "GET", ""},     {304, "GET", ""},        {300, "GET", ""},      {305, "GET", ""},
      {306, "GET", ""},     {201, "POST", ""},
  };
  for (const Case& c : cases) {
    const std::string body = c.method == "GET" || c.method == "HEAD" ? "" : "body";
    const auto next = next_request(sent(c.method, "https://h/a/b", body), c.status, {{"location", "c"}});
    ASSERT_TRUE(next.ok()) << next.status().to_string();
    ASSERT_EQ(next->has_value(), !c.next.empty()) << c.status << c.method;
    if (!next->has_value()) continue;
    EXPECT_EQ((*next)->method, c.next) << c.status << c.method;
    EXPECT_EQ((*next)->body, c.next == c.method ? body : "") << c.status << c.method;
    EXPECT_EQ((*next)->url, "https://h:443/a/c");
    EXPECT_EQ(names(**next).find("Content-Type") != std::string::npos, c.next == c.method);
    EXPECT_NE(names(**next).find("Authorization"), std::string::npos) << "the origin is the same";
    EXPECT_EQ((*next)->credential_id, "some");
  }
  EXPECT_FALSE(next_request(sent("GET", "https://h/"), 302, {})->has_value()) << "no location";
}

TEST(Redirect, TakesNothingThatTellsWhoAsksToAnotherOrigin) {
  for (const char* location : {"https://other/", "//h:444/", "https://sub.h/"}) {
    const auto next = next_request(sent("GET", "https://h/"), 302, {{"location", location}});
    ASSERT_TRUE(next.ok() && next->has_value()) << location;
    EXPECT_EQ(names(**next), "accept Content-Type ") << location;
    EXPECT_EQ((*next)->credential_id, "") << location;
  }
  const auto upgraded = next_request(sent("GET", "http://h/"), 301, {{"location", "https://h/"}});
  EXPECT_EQ(names(**upgraded), "accept Content-Type ") << "https is another origin than http";
}

TEST(Redirect, RefusesWhatMayNotBeFollowed) {
  struct Case {
    std::string location;
    std::string reason;
  };
  const Case cases[] = {
      {"http://h/", "redirect_downgrade"},        {"ftp://h/", "redirect_invalid"},
      {"file:///etc/passwd", "redirect_invalid"}, {"https://u:p@h/", "redirect_invalid"},
      {"https://0x7f.1/", "redirect_invalid"},    {"//[::1", "redirect_invalid"},
      {"https://other/", "redirect_refused"},
  };
  for (const Case& c : cases) {
    const auto next = next_request(sent("POST", "https://h/", "body"), 307, {{"location", c.location}});
    EXPECT_EQ(next.status().reason(), c.reason) << c.location;
  }
  const Headers two = {{"location", "/a"}, {"location", "/b"}};
  EXPECT_EQ(next_request(sent("GET", "https://h/"), 302, two).status().reason(), "redirect_invalid");
  EXPECT_TRUE(next_request(sent("GET", "https://h/"), 302, {{"location", "/a"}, {"location", "/a"}}).ok());
}

class FetchTest : public HttpTest {
 protected:
  StatusOr<FetchResponse> fetch(HttpRequest request, FetchOptions limits = {}) {
    std::optional<StatusOr<FetchResponse>> result;
    fetch_ = Fetch::start(*loop, *client, std::move(request), limits, [&](StatusOr<FetchResponse> response) {
      EXPECT_FALSE(result.has_value());
      result = std::move(response);
      fetch_ = nullptr;
    });
    EXPECT_FALSE(result.has_value());
    EXPECT_TRUE(run_until([&] { return result.has_value(); }));
    return result ? *std::move(result) : Status(internal_error("test", "no result"));
  }
  static Reply redirect(const std::string& location, int status = 302) {
    return Reply(status).header("location", location).body("moved");
  }
  std::unique_ptr<Fetch> fetch_;
};

TEST_F(FetchTest, FollowsRedirectsUpToItsLimit) {
  for (int i = 1; i <= 5; ++i) server.enqueue(redirect("/hop" + std::to_string(i)));
  server.enqueue(Reply().header("x-last", "yes").body("here"));
  const auto response = fetch(get("/hop0"));
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "here");
  EXPECT_EQ(response->redirects, 5);
  EXPECT_EQ(response->url, server.url("/hop5"));
  EXPECT_EQ(server.connections(), 1u);
  EXPECT_EQ(policy.urls.size(), 6u) << "policy judges every hop";
}

TEST_F(FetchTest, EndsChainsThatAreTooLongAndLoops) {
  server.set_handler([](const test::RecordedRequest& r) { return redirect(r.target + "x"); });
  EXPECT_EQ(fetch(get()).status().reason(), "redirect_limit");
  EXPECT_EQ(server.requests().size(), 6u);
  server.set_handler([](const test::RecordedRequest& r) { return redirect(r.target == "/a" ? "/b" : "/a"); });
  EXPECT_EQ(fetch(get("/a")).status().reason(), "redirect_loop");
  EXPECT_EQ(server.requests().size(), 8u);
}

TEST_F(FetchTest, AsksPolicyAtEachHopAndDropsWhatIsSecret) {
  test::ScriptedServer other;
  server.enqueue(redirect(other.url("/x")));
  other.enqueue(Reply().body("theirs"));
  HttpRequest request = get();
  request.headers = {{"x-token", "t"}, {"accept", "text/plain"}};
  const auto response = fetch(request);
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_EQ(response->body, "theirs");
  ASSERT_EQ(other.requests().size(), 1u);
  EXPECT_FALSE(other.requests()[0].has_header("x-token"));
  EXPECT_EQ(other.requests()[0].header("accept"), "text/plain");
  EXPECT_TRUE(server.requests()[0].has_header("x-token"));
  EXPECT_TRUE(credentials.asked.empty());
}

TEST_F(FetchTest, ACredentialGoesAlongWithinItsOriginAlone) {
  test::ScriptedServer other;
  server.enqueue(redirect("/here"));
  server.enqueue(redirect(other.url("/there")));
  other.enqueue(redirect(server.url("/back")));
  server.enqueue(Reply().body("end"));
  HttpRequest request = get();
  request.credential_id = "provider";
  ASSERT_TRUE(fetch(request).ok());
  ASSERT_EQ(server.requests().size(), 3u);
  EXPECT_EQ(server.requests()[0].header("authorization"), "Bearer " + credentials.value);
  EXPECT_EQ(server.requests()[1].header("authorization"), "Bearer " + credentials.value);
  EXPECT_FALSE(other.requests().at(0).has_header("authorization"));
  EXPECT_FALSE(server.requests()[2].has_header("authorization")) << "once it has left it is not back";
}

TEST_F(FetchTest, AsksTheCallerAboutEachFurtherRequest) {
  server.enqueue(redirect("/a"));
  server.enqueue(redirect("/b"));
  std::vector<std::string> asked;
  const auto response = fetch(get(), {.may_follow = [&](const HttpRequest& next) {
                                asked.push_back(next.method + " " + next.url);
                                return !next.url.ends_with("/b");
                              }});
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_EQ(response->elsewhere, server.url("/b"));
  EXPECT_EQ(asked, (std::vector<std::string>{"GET " + server.url("/a"), "GET " + server.url("/b")}));
}

TEST_F(FetchTest, LeavesOtherHostsToTheCallerIfToldSo) {
  server.enqueue(redirect("http://elsewhere.example/x"));
  const auto response = fetch(get(), {.to_other_hosts = false});
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(response->elsewhere, "http://elsewhere.example:80/x");
  EXPECT_EQ(response->body, "moved");
  EXPECT_EQ(policy.urls.size(), 1u);
}

TEST_F(FetchTest, CutsBodiesAndHasOneLimitOfTimeForAllHops) {
  server.enqueue(Reply().body(std::string(100'000, 'x')));
  auto response = fetch(get(), {.max_body_bytes = 1000});
  ASSERT_TRUE(response.ok());
  EXPECT_TRUE(response->truncated);
  EXPECT_EQ(response->body.size(), 1000u);
  server.enqueue(Reply().body(std::string(1000, 'x')));
  response = fetch(get(), {.max_body_bytes = 1000});
  EXPECT_FALSE(response->truncated);

  server.enqueue(redirect("/slow"));
  server.enqueue(Reply().never());
  std::optional<Status> ended;
  fetch_ = Fetch::start(*loop, *client, get(), {.total_ms = 1000},
                        [&](const StatusOr<FetchResponse>& r) { ended = r.status(); });
  ASSERT_TRUE(turn_until([&] { return server.requests().size() == 4; }));
  clock.advance_ms(900);
  run_ready();
  EXPECT_FALSE(ended.has_value());
  clock.advance_ms(200);
  ASSERT_TRUE(turn_until([&] { return ended.has_value(); }));
  EXPECT_EQ(ended->code(), Code::kDeadlineExceeded);
}

TEST_F(FetchTest, ARedirectWithAnEndlessBodyIsFollowedAllTheSame) {
  server.enqueue(Reply(302)
                     .header("location", "/next")
                     .declare_length(1u << 30)
                     .body(std::string(200'000, 'x'))
                     .never());
  server.enqueue(Reply().body("there"));
  const auto response = fetch(get());
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_EQ(response->body, "there");
}

TEST_F(FetchTest, DropsWithoutAWordWhenItIsDestroyed) {
  server.enqueue(Reply().hold("gate").body("late"));
  fetch_ = Fetch::start(*loop, *client, get(), {}, [](const StatusOr<FetchResponse>&) { FAIL(); });
  ASSERT_TRUE(turn_until([&] { return server.requests().size() == 1; }));
  fetch_ = nullptr;
  server.release("gate");
  EXPECT_TRUE(turn_until([&] { return server.disconnects() == 1; }));
}

std::string from_hex(std::string_view hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return out;
}

// gzip of "plain text, compressed", and gzip of gzip of ten million zeros.
const std::string kCompressed =
    from_hex("1f8b08000000000002032bc849cccc532849ad28d15148cecf2d284a2d2e4e4d0100898e2a0e16000000");
const std::string kBomb = from_hex(
    "1f8b0800000000000203edd8bd09c2400080d14ba2102c7404dd430856c1d2c6216c5cc1034b41acc405523b83b50388851b881b"
    "f8776b1c"
    "ef55df0cdf785787a4ac9e97a2f8473c7cceaf7a1000000080ccc5fbb64a33204cbeb776b10400000072b71a0de7e905f4de9bc7"
    "7ed67747"
    "0072b32eafddb489c753f8016bc9471c16260000");

TEST_F(FetchTest, DecodesCompressedBodies) {
  server.enqueue(Reply().header("content-encoding", "gzip").body(kCompressed));
  const auto response = fetch(get());
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_EQ(response->body, "plain text, compressed");
  EXPECT_NE(server.requests()[0].header("accept-encoding").find("gzip"), std::string::npos);
  for (const auto& [name, value] : response->headers) EXPECT_NE(name, "content-encoding");
  server.enqueue(Reply().header("content-encoding", "gzip").body("no gzip at all"));
  EXPECT_EQ(fetch(get()).status().reason(), "invalid_response");
  server.enqueue(Reply().header("content-encoding", "compress").body("x"));
  EXPECT_EQ(fetch(get()).status().reason(), "invalid_response");
}

TEST_F(FetchTest, ABombIsCutBySizeAndByRatio) {
  ASSERT_LT(kBomb.size(), 200u);
  server.enqueue(Reply().header("content-encoding", "gzip, gzip").body(kBomb));
  auto response = fetch(get(), {.max_body_bytes = 65'536});
  ASSERT_TRUE(response.ok()) << response.status().to_string();
  EXPECT_TRUE(response->truncated);
  EXPECT_EQ(response->body.size(), 65'536u);
  server.enqueue(Reply().header("content-encoding", "gzip, gzip").body(kBomb));
  response = fetch(get(), {.max_body_bytes = 100u << 20});
  EXPECT_EQ(response.status().reason(), "response_inflated");
  EXPECT_EQ(response.status().code(), Code::kResourceExhausted);
  TestSink plain;
  server.enqueue(Reply().header("content-encoding", "gzip").body(kBomb));
  EXPECT_EQ(run(get(), plain).reason(), "invalid_response") << "only who asks for it gets it decoded";
}

}  // namespace
}  // namespace tau::net
