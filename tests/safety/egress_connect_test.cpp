// No way of writing, redirecting to, resolving or reusing a place gets a connection to this machine through
// the rules of egress: servers that count what they accept count none.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "net/net.h"
#include "safety/egress.h"
#include "support/fake_clock.h"
#include "support/scripted_server.h"

namespace tau::safety {
namespace {

using net::FetchResponse;

// What a request that names this machine may look like.
constexpr std::string_view kSpellings[] = {
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "017700000001",
    "0",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:0001]",
    "[::127.0.0.1]",
    "user:pw@127.0.0.1",
    "example.com@127.0.0.1",
    "LOCALHOST",
    "foo.localhost",
    "localhost.",
    "%31%32%37.0.0.1",
    "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1",  // full-width digits
    "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1",  // circled digits
    "127\xe3\x80\x82"
    "0\xe3\x80\x82"
    "0\xe3\x80\x82"
    "1",  // ideographic full stops
};
static_assert(std::size(kSpellings) == 24);

// Listens on every address of both families at one port, and only counts.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const int no = 0;
    setsockopt(fd_, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    sockaddr_in6 any = {};
    any.sin6_family = AF_INET6;
    auto* const address = reinterpret_cast<sockaddr*>(&any);
    socklen_t size = sizeof any;
    usable_ = bind(fd_, address, size) == 0 && listen(fd_, 64) == 0 && getsockname(fd_, address, &size) == 0;
    port_ = ntohs(any.sin6_port);
  }
  ~Listener() { close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  bool usable() const { return usable_; }
  uint16_t port() const { return port_; }
  int accepted() {
    for (;;) {
      const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return count_;
      ++count_;
      close(fd);
    }
  }

 private:
  int fd_;
  bool usable_ = false;
  uint16_t port_ = 0;
  int count_ = 0;
};

// A listening socket for a proxy, which takes it over; and a client of it.
int listen_for_one() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool good =
      bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && listen(fd, 1) == 0;
  return good ? fd : -1;
}

int connect_to(int listener) {
  sockaddr_in address = {};
  socklen_t size = sizeof address;
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  return fd;
}

class NoCredentials final : public net::CredentialSource {
 public:
  StatusOr<Secret> get(std::string_view, const net::Url&) override {
    return permission_denied("credential_origin_mismatch", "none");
  }
};

// The rules, with a switch that lets everything pass: to fill the pool of connections.
class Guard final : public net::EgressPolicy {
 public:
  explicit Guard(Egress rules) : rules_(std::move(rules)) {}
  Status check_url(const net::Url& url) override { return open ? ok_status() : rules_.judge(url); }
  Status check_address(const net::Url& url, const net::Address& address) override {
    ++address_checks;
    return open ? ok_status() : rules_.judge(url, address);
  }
  bool open = false;
  int address_checks = 0;

 private:
  Egress rules_;
};

class Ending final : public net::HttpSink {
 public:
  void on_head(int, const net::Headers&) override {}
  void on_body(std::string_view) override {}
  void on_done(const Status& status) override { result = status; }
  std::optional<Status> result;
};

class EgressConnect : public testing::Test {
 protected:
  void SetUp() override {
    if (!listener.usable()) GTEST_SKIP() << "this machine has no IPv6";
    make_client({});
  }
  // Everything but private addresses: what remains is the guard of addresses.
  EgressRules rules() const {
    return {.schemes = {"http", "https"}, .any_port = true, .granted_origins = {trap.url("")}};
  }
  void make_client(net::HttpClientOptions options) {
    guard.emplace(*Egress::compile(rules()));
    client = net::make_http_client(*loop, *guard, credentials, std::move(options));
  }
  std::string url_of(std::string_view host) const { return format("http://{}:{}/", host, listener.port()); }

  StatusOr<FetchResponse> fetch(std::string url, net::FetchOptions options = {}) {
    net::HttpRequest request;
    request.method = "GET";
    request.url = std::move(url);
    std::optional<StatusOr<FetchResponse>> result;
    const auto running = net::Fetch::start(*loop, *client, std::move(request), options,
                                           [&](StatusOr<FetchResponse> r) { result = std::move(r); });
    for (int turn = 0; turn < 10'000 && !result; ++turn) EXPECT_TRUE(loop->process(1).ok());
    EXPECT_TRUE(result.has_value());
    return result ? *std::move(result) : Status(internal_error("test", "no result"));
  }
  // As models are asked: by libtau itself, where the place is an address.
  Status ask(std::string url) {
    net::HttpRequest request;
    request.url = std::move(url);
    Ending ending;
    client->start(std::move(request), ending);
    for (int turn = 0; turn < 10'000 && !ending.result; ++turn) EXPECT_TRUE(loop->process(1).ok());
    return ending.result.value_or(internal_error("test", "no result"));
  }
  static void expect_refused(const Status& status, std::string_view what) {
    EXPECT_FALSE(status.ok()) << what;
    const bool by_rule = status.reason().starts_with("egress_") || status.reason() == "invalid_url" ||
                         status.reason() == "redirect_invalid";
    EXPECT_TRUE(by_rule) << what << ": " << status.to_string();
  }

  test::FakeClock clock;
  std::unique_ptr<net::EventLoop> loop = *net::EventLoop::create(clock);
  Listener listener;          // what must not be reached
  test::ScriptedServer trap;  // a granted server, which leads there
  NoCredentials credentials;
  std::optional<Guard> guard;
  std::unique_ptr<net::HttpClient> client;
};

TEST_F(EgressConnect, TheListenerIsReachedWhereNothingForbidsIt) {
  guard->open = true;
  for (const char* host : {"127.0.0.1", "[::1]"}) {
    net::HttpRequest request;
    request.method = "GET";
    request.url = url_of(host);
    const int before = listener.accepted();
    const auto running =
        net::Fetch::start(*loop, *client, request, {}, [](const StatusOr<FetchResponse>&) {});
    for (int turn = 0; turn < 10'000 && listener.accepted() == before; ++turn)
      EXPECT_TRUE(loop->process(1).ok());
    EXPECT_EQ(listener.accepted(), before + 1) << host << ": what is not reached must be there to be reached";
  }
}

TEST_F(EgressConnect, Directly) {
  for (const std::string_view host : kSpellings) {
    expect_refused(fetch(url_of(host)).status(), host);
    const auto meant = net::read_reference(url_of(host));  // and as it would be written after reading
    if (meant.ok()) expect_refused(fetch(meant->url.origin()).status(), host);
  }
  EXPECT_EQ(listener.accepted(), 0);
}

TEST_F(EgressConnect, ByRedirectsAtEachHop) {
  for (int hops = 1; hops <= 5; ++hops) {
    for (const std::string_view host : kSpellings) {
      for (int hop = 1; hop < hops; ++hop)
        trap.enqueue(test::Reply(302).header("location", format("/{}", hop)));
      trap.enqueue(test::Reply(307).header("location", url_of(host)));
      expect_refused(fetch(trap.url("/start")).status(), host);
    }
  }
  EXPECT_EQ(trap.requests().size(), std::size(kSpellings) * (1 + 2 + 3 + 4 + 5));
  EXPECT_EQ(listener.accepted(), 0);
}

TEST_F(EgressConnect, OnConnectionsThatStand) {
  test::ScriptedServer local;  // its connections stay open
  local.set_handler([](const test::RecordedRequest&) { return test::Reply().body("in"); });
  int standing = 0;
  for (const std::string_view host : kSpellings) {
    const std::string url = format("http://{}:{}/", host, local.port());
    guard->open = true;
    standing += fetch(url).ok() ? 1 : 0;  // the others name no place, or one where nobody listens
    guard->open = false;
    const size_t before = local.requests().size();
    expect_refused(fetch(url).status(), host);
    EXPECT_EQ(local.requests().size(), before) << host;
  }
  EXPECT_GE(standing, 6);
}

TEST_F(EgressConnect, WithoutLibcurlDirectlyAndOnConnectionsThatStand) {
  test::ScriptedServer local;
  local.set_handler([](const test::RecordedRequest&) { return test::Reply().body("in"); });
  int standing = 0;
  for (const std::string_view host : kSpellings) {
    expect_refused(ask(url_of(host)), host);
    const std::string url = format("http://{}:{}/", host, local.port());
    guard->open = true;
    standing += ask(url).ok() ? 1 : 0;
    guard->open = false;
    const size_t before = local.requests().size();
    expect_refused(ask(url), host);
    EXPECT_EQ(local.requests().size(), before) << host;
  }
  EXPECT_GE(standing, 6);
  EXPECT_EQ(listener.accepted(), 0);
}

// The URL passes, and only what the connection goes to is wrong.
TEST_F(EgressConnect, OnAStandingConnectionOfAHostThatIsAllowed) {
  test::ScriptedServer local;
  net::HttpClientOptions options;
  options.fixed_addresses = {format("host.example:{}:127.0.0.1", local.port())};
  make_client(options);
  const std::string url = format("http://host.example:{}/", local.port());
  guard->open = true;
  local.enqueue(test::Reply().body("in"));
  ASSERT_TRUE(fetch(url).ok());
  guard->open = false;
  guard->address_checks = 0;
  EXPECT_EQ(fetch(url).status().reason(), "egress_private_address");
  EXPECT_EQ(guard->address_checks, 1);
  EXPECT_EQ(local.requests().size(), 1u);
  EXPECT_EQ(local.connections(), 1u);
}

TEST_F(EgressConnect, ByNamesThatResolveToThisMachine) {
  constexpr std::string_view kAddresses[] = {"127.0.0.1",
                                             "127.8.8.8",
                                             "0.0.0.0",
                                             "[::1]",
                                             "[::]",
                                             "[::ffff:127.0.0.1]",
                                             "[::127.0.0.1]",
                                             "[64:ff9b::7f00:1]",
                                             "[2002:7f00:1::]",
                                             "[fe80::5efe:127.0.0.1]",
                                             "127.0.0.1,[::1]",
                                             "[::1],127.0.0.1"};
  net::HttpClientOptions options;
  for (size_t i = 0; i < std::size(kAddresses); ++i)
    options.fixed_addresses.push_back(format("rebound{}.example:{}:{}", i, listener.port(), kAddresses[i]));
  make_client(options);
  for (size_t i = 0; i < std::size(kAddresses); ++i) {
    const std::string name = format("rebound{}.example", i);
    EXPECT_TRUE(
        egress_verdict_json(*Egress::compile(rules()), url_of(name))->starts_with(R"({"verdict":"resolve")"));
    expect_refused(fetch(url_of(name)).status(), kAddresses[i]);
    trap.enqueue(test::Reply(302).header("location", url_of(name)));
    expect_refused(fetch(trap.url("/")).status(), kAddresses[i]);
  }
  EXPECT_EQ(listener.accepted(), 0);
}

TEST_F(EgressConnect, AroundAProxyOfTheEnvironment) {
  const std::string proxy = format("http://127.0.0.1:{}", listener.port());
  constexpr const char* kVariables[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
  for (const char* name : kVariables) setenv(name, proxy.c_str(), 1);
  net::HttpClientOptions options;
  options.fixed_addresses = {format("host.example:{}:127.0.0.1", listener.port())};
  make_client(options);
  for (const std::string_view host : kSpellings) expect_refused(fetch(url_of(host)).status(), host);
  expect_refused(fetch(url_of("host.example")).status(), "host.example");
  trap.enqueue(test::Reply().body("direct"));
  const auto direct = fetch(trap.url("/"));
  for (const char* name : kVariables) unsetenv(name);
  ASSERT_TRUE(direct.ok()) << direct.status().to_string();
  EXPECT_EQ(direct->body, "direct");
  EXPECT_EQ(listener.accepted(), 0) << "the proxy was not asked";
}

// The proxy for commands stands on the same client, and so on the same rules.
TEST_F(EgressConnect, NoSpellingGetsThroughTheProxyForCommands) {
  for (const std::string_view host : kSpellings)
    for (const bool tunnel : {true, false}) {
      const int inside = listen_for_one();
      std::string verdict;
      auto proxy = net::Proxy::serve(*loop, *client, inside, {},
                                     {.ended = [&](const net::ProxyRecord& r) { verdict = r.verdict; }});
      ASSERT_TRUE(proxy.ok());
      const int fd = connect_to(inside);
      const std::string place = format("{}:{}", host, listener.port());
      const std::string request = tunnel ? format("CONNECT {} HTTP/1.1\r\n\r\n", place)
                                         : format("GET http://{}/ HTTP/1.1\r\n\r\n", place);
      ASSERT_EQ(send(fd, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
      std::string answer;
      for (int turn = 0; turn < 10'000 && verdict.empty(); ++turn) {
        EXPECT_TRUE(loop->process(1).ok());
        char buffer[1024];
        const ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (n > 0) answer.append(buffer, static_cast<size_t>(n));
        if (n == 0) shutdown(fd, SHUT_WR);
      }
      const bool refused = answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.1 403 ");
      EXPECT_TRUE(refused) << place << ": " << answer;
      close(fd);
    }
  EXPECT_EQ(listener.accepted(), 0);
}

}  // namespace
}  // namespace tau::safety
