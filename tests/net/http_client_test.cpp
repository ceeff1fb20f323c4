// Pins the HTTP client: what goes out, what comes in, connection reuse, flow control, cancelling,
// re-entrance.
#include <cstdlib>

#include "http_fixture.h"
#include "net/curl_client.h"

namespace tau::net {
namespace {

using test::Reply;

TEST_F(HttpTest, SendsARequestAndDeliversTheResponse) {
  server.enqueue(Reply(201).header("X-Thing", " a b ").header("x-thing", "c").body("hello").body(" world"));
  HttpRequest request = post("{\"q\":1}", "/v1/x?y=%2F&z");
  request.headers = {{"Content-Type", "application/json"}, {"x-empty", ""}};
  ASSERT_TRUE(run(std::move(request), sink).ok()) << sink.result.to_string();
  EXPECT_EQ(sink.status, 201);
  EXPECT_EQ(sink.body, "hello world");
  EXPECT_EQ(sink.headers[0], (std::pair<std::string, std::string>("x-thing", "a b")));
  EXPECT_EQ(sink.headers[1], (std::pair<std::string, std::string>("x-thing", "c")));
  const test::RecordedRequest got = server.requests().at(0);
  EXPECT_EQ(got.method, "POST");
  EXPECT_EQ(got.target, "/v1/x?y=%2F&z");
  EXPECT_EQ(got.body, "{\"q\":1}");
  EXPECT_EQ(got.header("content-type"), "application/json");
  EXPECT_TRUE(got.has_header("x-empty"));
  EXPECT_EQ(got.header("host"), credentials.origin.substr(7));
}

TEST_F(HttpTest, AddsNoHeaderThatWasNotAskedFor) {
  server.enqueue(Reply::json("{}"));
  ASSERT_TRUE(run(post("x"), sink).ok());
  std::vector<std::string> names;
  const test::RecordedRequest got = server.requests().at(0);
  for (const auto& [name, value] : got.headers) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"host", "accept-encoding", "content-length"}));
  EXPECT_EQ(got.header("accept-encoding"), "identity");
}

TEST_F(HttpTest, MethodsFrameTheirBodies) {
  struct Case {
    const char* method;
    const char* body;
    const char* content_length;
  };
  for (const Case& c : {Case{"GET", "", ""}, Case{"HEAD", "", ""}, Case{"DELETE", "", ""},
                        Case{"POST", "", "0"}, Case{"PUT", "", "0"}, Case{"PATCH", "a", "1"},
                        Case{"DELETE", "ab", "2"}, Case{"QUERY", "abc", "3"}, Case{"GET", "q", "1"}}) {
    server.enqueue(c.method == std::string("HEAD")
                       ? Reply::raw().bytes("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
                       : Reply::json("{}"));
    HttpRequest request = post(c.body);
    request.method = c.method;
    TestSink each;
    ASSERT_TRUE(run(std::move(request), each).ok()) << c.method << each.result.to_string();
    const test::RecordedRequest got = server.requests().back();
    EXPECT_EQ(got.method, c.method);
    EXPECT_EQ(got.body, c.body) << c.method;
    EXPECT_EQ(got.header("content-length"), c.content_length) << c.method;
    EXPECT_FALSE(got.has_header("expect"));
  }
}

TEST_F(HttpTest, StreamsAsTheServerSends) {
  server.enqueue(Reply::sse().event("1").hold("first").event("2").hold("second"));
  client->start(get(), sink);
  ASSERT_TRUE(run_until([&] { return sink.body == "data: 1\n\n"; }));
  EXPECT_EQ(sink.header("content-type"), "text/event-stream");
  server.release("first");
  ASSERT_TRUE(run_until([&] { return sink.body == "data: 1\n\ndata: 2\n\n"; }));
  EXPECT_FALSE(sink.done);
  server.release("second");
  ASSERT_TRUE(run_until([&] { return sink.done; }));
  EXPECT_TRUE(sink.result.ok());
}

TEST_F(HttpTest, RedirectsAndErrorsAreResponses) {
  for (int status : {301, 302, 304, 307, 400, 401, 404, 407, 429, 500, 503, 529}) {
    server.enqueue(Reply(status).header("location", server.url("/elsewhere")).header("retry-after", "3"));
    TestSink each;
    ASSERT_TRUE(run(get("/here"), each).ok()) << status << each.result.to_string();
    EXPECT_EQ(each.status, status);
    EXPECT_EQ(each.header("retry-after"), "3");
    EXPECT_EQ(server.requests().back().target, "/here");
  }
}

TEST_F(HttpTest, OnlyTheFinalHeadIsReportedAndTrailersAreNot) {
  server.enqueue(
      Reply::raw().bytes("HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n"
                         "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx: y\r\n\r\n"
                         "2\r\nhi\r\n0\r\ntrailer: z\r\n\r\n"));
  ASSERT_TRUE(run(get(), sink).ok()) << sink.result.to_string();
  EXPECT_EQ(sink.status, 200);
  EXPECT_EQ(sink.header("link"), "");
  EXPECT_EQ(sink.header("x"), "y");
  EXPECT_EQ(sink.header("trailer"), "");
  EXPECT_EQ(sink.body, "hi");
}

TEST_F(HttpTest, ReusesConnectionsAndAsksThePolicyAgain) {
  server.enqueue(Reply::json("1"));
  server.enqueue(Reply::json("2"));
  server.enqueue(Reply::json("3"));
  TestSink second;
  TestSink third;
  ASSERT_TRUE(run(get(), sink).ok());
  policy.addresses.clear();
  ASSERT_TRUE(run(get(), second).ok());
  EXPECT_EQ(server.connections(), 1u);
  const std::string origin = server.url("");
  EXPECT_EQ(policy.addresses, std::vector<std::string>{origin + " " + origin.substr(7)});
  policy.allow_addresses = false;
  EXPECT_EQ(run(get(), third).reason(), "egress_denied") << "the pool is no way around the policy";
  EXPECT_EQ(server.requests().size(), 2u);
  EXPECT_EQ(third.heads, 0);
}

TEST_F(HttpTest, ThePolicySeesAllThatWouldGoOut) {
  policy.forbidden_text = "forbidden";
  HttpRequest in_target = get();
  in_target.url += "?q=forbidden";
  HttpRequest in_header = get();
  in_header.headers.emplace_back("x-note", "so forbidden");
  HttpRequest in_body = get();
  in_body.method = "POST";
  in_body.body = "a forbidden body";
  for (HttpRequest* request : {&in_target, &in_header, &in_body}) {
    TestSink refused;
    EXPECT_EQ(run(std::move(*request), refused).reason(), "egress_test");
  }
  EXPECT_EQ(server.connections(), 0u);
}

TEST_F(HttpTest, ThePolicyStopsUrlsBeforeAnyConnectionAndAddressesBeforeConnecting) {
  policy.allow_urls = false;
  EXPECT_EQ(run(get(), sink).reason(), "egress_denied");
  EXPECT_EQ(sink.result.code(), Code::kPermissionDenied);
  EXPECT_FALSE(sink.result.retryable());
  EXPECT_TRUE(policy.addresses.empty());
  policy.allow_urls = true;
  policy.allow_addresses = false;
  TestSink second;
  EXPECT_EQ(run(get(), second).reason(), "egress_denied");
  EXPECT_EQ(policy.addresses.size(), 1u);
  policy.allow_addresses = true;
  server.enqueue(Reply::json("1"));
  TestSink third;
  EXPECT_TRUE(run(get(), third).ok());
  EXPECT_EQ(server.connections(), 1u) << "the refused ones never reached the server";
}

TEST_F(HttpTest, TheCredentialGoesToItsOriginOnly) {
  server.enqueue(Reply::json("{}"));
  HttpRequest request = get();
  request.credential_id = "provider";
  ASSERT_TRUE(run(request, sink).ok());
  EXPECT_EQ(server.requests().at(0).header("authorization"), "Bearer " + credentials.value);
  credentials.origin = "https://api.example.com:443";
  TestSink second;
  EXPECT_EQ(run(request, second).reason(), "credential_origin_mismatch");
  EXPECT_EQ(server.requests().size(), 1u);

  credentials.origin = server.url("");
  server.enqueue(Reply::json("{}"));
  request.credential_header = "x-api-key";
  request.credential_prefix = "";
  TestSink third;
  ASSERT_TRUE(run(request, third).ok());
  EXPECT_EQ(server.requests().at(1).header("x-api-key"), credentials.value);
  EXPECT_FALSE(server.requests().at(1).has_header("authorization"));
}

TEST_F(HttpTest, TheNextRequestOnTheSameHandleCarriesNothingOfTheLast) {
  server.enqueue(Reply::json("{}"));
  server.enqueue(Reply::json("{}"));
  HttpRequest first = post("body");
  first.credential_id = "provider";
  first.headers = {{"x-a", "1"}};
  ASSERT_TRUE(run(first, sink).ok());
  TestSink second;
  ASSERT_TRUE(run(get(), second).ok());
  const test::RecordedRequest got = server.requests().at(1);
  EXPECT_EQ(got.method, "GET");
  EXPECT_EQ(got.body, "");
  EXPECT_FALSE(got.has_header("authorization"));
  EXPECT_FALSE(got.has_header("x-a"));
}

TEST_F(HttpTest, TheEnvironmentDoesNotChangeTheRoute) {
  const std::string nowhere = "http://127.0.0.1:" + std::to_string(test::ScriptedServer::closed_port());
  for (const char* name : {"http_proxy", "all_proxy", "ALL_PROXY"}) setenv(name, nowhere.c_str(), 1);
  server.enqueue(Reply::json("{}"));
  EXPECT_TRUE(run(get(), sink).ok()) << sink.result.to_string();
  for (const char* name : {"http_proxy", "all_proxy", "ALL_PROXY"}) unsetenv(name);
}

TEST_F(HttpTest, AProxyIsUsedWhenConfiguredAndIsTheAddressThatPolicyJudges) {
  options.proxy = server.url("");
  setenv("no_proxy", "*", 1);
  client = make_http_client(*loop, policy, credentials, options);
  server.enqueue(Reply::json("via proxy"));
  HttpRequest request = get();
  request.url = "http://service.example/x";
  EXPECT_TRUE(run(std::move(request), sink).ok()) << sink.result.to_string();
  unsetenv("no_proxy");
  EXPECT_EQ(server.requests().at(0).target, "http://service.example/x");
  EXPECT_EQ(policy.urls, std::vector<std::string>{"http://service.example:80"});
  EXPECT_EQ(policy.addresses.at(0), options.proxy + " " + options.proxy.substr(7));

  options.proxy = "not a url";
  client = make_http_client(*loop, policy, credentials, options);
  TestSink second;
  EXPECT_EQ(run(get(), second).reason(), "invalid_request");
}

TEST_F(HttpTest, PauseStopsTheBodyAndResumeGoesOn) {
  const std::string large(5'000'000, 'x');
  server.enqueue(Reply().body(large));
  sink.at_body = [&] { client->pause(1); };
  const RequestId id = client->start(get(), sink);
  ASSERT_EQ(id, 1u);
  ASSERT_TRUE(run_until([&] { return !sink.body.empty(); }));
  const size_t got = sink.body.size();
  run_ready();
  clock.advance_ms(Timeouts().idle_ms * 3);
  run_ready();
  EXPECT_EQ(sink.body.size(), got);
  EXPECT_FALSE(sink.done) << "a reader that waits is not a silent server";
  sink.at_body = nullptr;
  client->resume(id);
  EXPECT_EQ(sink.body.size(), got) << "resume() itself delivers nothing";
  ASSERT_TRUE(run_until([&] { return sink.done; }));
  EXPECT_TRUE(sink.result.ok());
  EXPECT_EQ(sink.body, large);
}

TEST_F(HttpTest, EveryChunkMayPauseAndBeResumed) {
  const std::string large(1'000'000, 'y');
  server.enqueue(Reply().body(large));
  RequestId id = 0;
  int pauses = 0;
  sink.at_body = [&] {
    client->pause(id);
    ++pauses;
    loop->post([&] { client->resume(id); });
  };
  id = client->start(get(), sink);
  ASSERT_TRUE(run_until([&] { return sink.done; }));
  EXPECT_TRUE(sink.result.ok());
  EXPECT_EQ(sink.body, large);
  EXPECT_GT(pauses, 10);
}

TEST_F(HttpTest, CancelClosesTheConnectionAndSilencesTheSink) {
  server.enqueue(Reply::sse().event("1").never());
  const RequestId id = client->start(get(), sink);
  ASSERT_TRUE(run_until([&] { return !sink.body.empty(); }));
  client->cancel(id);
  EXPECT_TRUE(server.wait_disconnects(1)) << "closed at once, without another turn of the loop";
  client->cancel(id);
  client->cancel(12345);
  run_ready();
  EXPECT_FALSE(sink.done);
}

TEST_F(HttpTest, CancelRightAfterStartSendsNothing) {
  client->cancel(client->start(get(), sink));
  run_ready();
  EXPECT_FALSE(sink.done);
  EXPECT_EQ(server.connections(), 0u);
}

TEST_F(HttpTest, ASinkMayCancelItselfInItsHeadAndItsBody) {
  for (const bool in_body : {false, true}) {
    server.enqueue(Reply::sse().event("1").never());
    TestSink each;
    RequestId id = 0;
    bool called = false;
    const auto cancel = [&] {
      client->cancel(id);
      called = true;
    };
    (in_body ? each.at_body : each.at_head) = cancel;
    id = client->start(get(), each);
    ASSERT_TRUE(run_until([&] { return called; }));
    EXPECT_TRUE(server.wait_disconnects(in_body ? 2 : 1));
    run_ready();
    EXPECT_FALSE(each.done);
    EXPECT_EQ(each.body.empty(), !in_body);
  }
}

TEST_F(HttpTest, CancellingInOnDoneIsHarmless) {
  server.enqueue(Reply::json("x"));
  RequestId id = 0;
  sink.at_done = [&] { client->cancel(id); };
  id = client->start(get(), sink);
  ASSERT_TRUE(run_until([&] { return sink.done; }));
  EXPECT_TRUE(sink.result.ok());
}

TEST_F(HttpTest, ASinkMayCancelAnotherAndStartMoreInsideItsCallbacks) {
  server.enqueue(Reply::sse().event("victim").never());
  TestSink victim;
  const RequestId id = client->start(get("/victim"), victim);
  ASSERT_TRUE(run_until([&] { return !victim.body.empty(); }));
  server.enqueue(Reply::sse().event("a").hold("a"));
  server.enqueue(Reply::json("from head"));
  server.enqueue(Reply::json("from body"));
  TestSink from_head;
  TestSink from_body;
  sink.at_head = [&] { client->start(get("/from_head"), from_head); };
  sink.at_body = [&] {
    client->cancel(id);
    client->start(get("/from_body"), from_body);
    EXPECT_FALSE(from_body.done);
  };
  client->start(get("/main"), sink);
  ASSERT_TRUE(run_until([&] { return from_head.done && from_body.done; }));
  EXPECT_TRUE(server.wait_disconnects(1));
  EXPECT_FALSE(victim.done);
  server.release("a");
  TestSink from_done;
  server.enqueue(Reply::json("from done"));
  sink.at_done = [&] { client->start(get("/from_done"), from_done); };
  ASSERT_TRUE(run_until([&] { return from_done.done; }));
  EXPECT_EQ(from_done.body, "from done");
}

TEST_F(HttpTest, OfTwoThatEndInOneTurnOneMayCancelTheOther) {
  TestSink a;
  TestSink b;
  HttpRequest bad = get();
  bad.url = "bad";
  RequestId id_a = 0;
  RequestId id_b = 0;
  a.at_done = [&] { client->cancel(id_b); };
  b.at_done = [&] { client->cancel(id_a); };
  id_a = client->start(bad, a);
  id_b = client->start(bad, b);
  run_ready();
  EXPECT_TRUE(a.done);
  EXPECT_FALSE(b.done);
}

TEST_F(HttpTest, MoreRequestsThanConnectionsWaitInOrder) {
  options.max_connections = 1;
  client = make_http_client(*loop, policy, credentials, options);
  server.enqueue(Reply::sse().event("1").hold("go"));
  server.enqueue(Reply::json("2"));
  server.enqueue(Reply::json("3"));
  TestSink second;
  TestSink third;
  client->start(get("/1"), sink);
  client->start(get("/2"), second);
  client->start(get("/3"), third);
  ASSERT_TRUE(run_until([&] { return !sink.body.empty(); }));
  clock.advance_ms(Timeouts().connect_ms + 1);  // waiting for a place is not connecting
  run_ready();
  EXPECT_EQ(server.requests().size(), 1u);
  EXPECT_FALSE(second.done);
  server.release("go");
  ASSERT_TRUE(run_until([&] { return third.done; }));
  EXPECT_TRUE(second.done);
  EXPECT_EQ(second.body, "2");
  EXPECT_EQ(third.body, "3");
  EXPECT_EQ(server.connections(), 1u);
}

TEST_F(HttpTest, ManyStreamsRunAtOnce) {
  constexpr size_t kStreams = 64;
  server.set_handler([](const test::RecordedRequest& request) {
    return Reply::sse().event(request.target).hold("all").event("end");
  });
  std::vector<std::unique_ptr<TestSink>> sinks;
  for (size_t i = 0; i < kStreams; ++i) {
    sinks.push_back(std::make_unique<TestSink>());
    client->start(get("/" + std::to_string(i)), *sinks.back());
  }
  const auto all = [&](auto&& is) { return std::all_of(sinks.begin(), sinks.end(), is); };
  ASSERT_TRUE(run_until([&] { return all([](const auto& s) { return !s->body.empty(); }); }));
  EXPECT_EQ(server.connections(), kStreams);
  server.release("all");
  ASSERT_TRUE(run_until([&] { return all([](const auto& s) { return s->done; }); }));
  for (size_t i = 0; i < kStreams; ++i) {
    EXPECT_TRUE(sinks[i]->result.ok());
    EXPECT_EQ(sinks[i]->body, "data: /" + std::to_string(i) + "\n\ndata: end\n\n");
  }
}

TEST_F(HttpTest, DestroyingTheClientCancelsWhatIsUnderWay) {
  server.enqueue(Reply::sse().event("1").never());
  client->start(get(), sink);
  ASSERT_TRUE(run_until([&] { return !sink.body.empty(); }));
  TestSink second;
  client->start(get(), second);
  client = nullptr;
  EXPECT_TRUE(server.wait_disconnects(1));
  run_ready();
  EXPECT_FALSE(sink.done);
  EXPECT_FALSE(second.done);
}

TEST_F(HttpTest, RequestsThatNoMessageMayBeMadeOfAreRefused) {
  const auto with_header = [&](std::string name, std::string value) {
    HttpRequest request = get();
    request.headers = {{std::move(name), std::move(value)}};
    return request;
  };
  std::vector<HttpRequest> bad = {
      with_header("Host", "evil"),
      with_header("content-length", "3"),
      with_header("Transfer-Encoding", "chunked"),
      with_header("a b", "c"),
      with_header("", "c"),
      with_header("a", "b\r\nc: d"),
      with_header("a:", "b"),
      with_header("a", std::string(1, '\0')),
      with_header("Accept-Encoding", "gzip"),
  };
  bad.push_back(with_header("Authorization", "x"));
  bad.back().credential_id = "provider";
  bad.push_back(get());
  bad.back().method = "GET / HTTP/1.1\r\nx:";
  bad.push_back(get());
  bad.back().method = "";
  for (const HttpRequest& request : bad) {
    TestSink each;
    EXPECT_EQ(run(request, each).reason(), "invalid_request") << each.result.to_string();
  }
  credentials.value = "line\nbreak";
  HttpRequest request = get();
  request.credential_id = "provider";
  EXPECT_EQ(run(request, sink).reason(), "invalid_request");
  EXPECT_EQ(sink.result.message().find("line"), std::string_view::npos) << "no secret in errors";
  EXPECT_EQ(server.connections(), 0u);
}

TEST_F(HttpTest, AnAbsentLibraryIsAnErrorOfTheRequest) {
  client = make_curl_client(*loop, policy, credentials, options, "libcurl_of_another_world.so.4");
  EXPECT_EQ(run(get(), sink).reason(), "libcurl_missing");
  EXPECT_EQ(sink.result.code(), Code::kUnavailable);
  EXPECT_FALSE(sink.result.retryable());
}

TEST(HttpLibraryDeathTest, IsNotLoadedForPlainText) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";  // a fresh process, in which nothing ran before
  EXPECT_EXIT(
      {
        test::ScriptedServer server;
        server.enqueue(Reply::json("{}"));
        auto loop = *EventLoop::create(system_clock());
        TestPolicy policy;
        TestCredentials credentials;
        auto client = make_http_client(*loop, policy, credentials, {});
        for (const std::string& url : {server.url("/"), std::string("bad")}) {
          TestSink sink;
          HttpRequest request;
          request.url = url;
          client->start(request, sink);
          while (!sink.done) static_cast<void>(loop->process(-1));
          if (http_library_loaded()) std::_Exit(1);
        }
        std::_Exit(server.requests().size() == 1 ? 0 : 2);
      },
      testing::ExitedWithCode(0), "");
}

TEST(HttpLibraryDeathTest, IsLoadedByTheFirstRequestThatNeedsItAndNotBefore) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";  // a fresh process, in which nothing ran before
  EXPECT_EXIT(
      {
        auto loop = *EventLoop::create(system_clock());
        TestPolicy policy;
        TestCredentials credentials;
        auto client = make_http_client(*loop, policy, credentials, {});
        if (http_library_loaded()) std::_Exit(1);
        TestSink sink;
        HttpRequest request;
        request.url = "https://127.0.0.1:1/";
        client->start(request, sink);
        if (http_library_loaded()) std::_Exit(2);
        while (!sink.done) static_cast<void>(loop->process(-1));
        std::_Exit(http_library_loaded() ? 0 : 3);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace tau::net
