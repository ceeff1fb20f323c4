// Plain HTTP by libtau's own client beside libcurl, in turn: CPU time of a request and of an event, memory of
// a process, how long a small answer takes beside a large one, and how soon the next upstream is asked.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "provider/provider.h"
#include "support/report.h"
#include "support/stream_server.h"

namespace {

using namespace tau;            // NOLINT: a program of one file
using namespace tau::provider;  // NOLINT

class AllowAll final : public net::EgressPolicy {
 public:
  Status check_url(const net::Url&) override { return ok_status(); }
  Status check_address(const net::Url&, const net::Address&) override { return ok_status(); }
};

class NoKeys final : public net::CredentialSource {
 public:
  StatusOr<Secret> get(std::string_view, const net::Url&) override { return Secret(); }
};

// Counts, and goes on to nothing: what is measured is the client.
class Swallow final : public net::HttpSink {
 public:
  void on_head(int status, const net::Headers&) override {
    if (status != 200) std::abort();
  }
  void on_body(std::string_view bytes) override { received += bytes.size(); }
  void on_done(const Status& status) override {
    if (!status.ok()) {
      std::fprintf(stderr, "bench_http: %s\n", status.to_string().c_str());
      std::abort();
    }
    ++done;
    ended_ns = system_clock().monotonic_ns();
  }
  size_t received = 0;
  int done = 0;
  int64_t ended_ns = 0;
};

struct Side {
  explicit Side(bool native) {
    net::HttpClientOptions options;
    options.native_http = native;
    http = net::make_http_client(*loop, egress, keys, options);
  }
  net::HttpRequest post(const std::string& url) const {
    net::HttpRequest request;
    request.url = url;
    request.headers = {{"content-type", "application/json"}, {"accept", "text/event-stream"}};
    request.body = std::string(2'000, 'x');
    request.max_response_bytes = uint64_t{1} << 60;
    return request;
  }
  void run(const std::string& url, int together) {
    Swallow sink;
    for (int i = 0; i < together; ++i) http->start(post(url), sink);
    while (sink.done < together) (void)loop->process(-1);
  }
  AllowAll egress;
  NoKeys keys;
  std::unique_ptr<net::EventLoop> loop = *net::EventLoop::create(system_clock());
  std::unique_ptr<net::HttpClient> http;
};

double resident_mb() {
  long pages = 0;
  std::FILE* const file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr || std::fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
  if (file != nullptr) std::fclose(file);
  return static_cast<double>(pages * sysconf(_SC_PAGESIZE)) / 1e6;
}

// What a process grows by when it asks a server a hundred times.
double memory_of(bool native, const std::string& url) {
  int ends[2] = {-1, -1};
  if (pipe(ends) != 0) std::abort();
  const pid_t pid = fork();
  if (pid == 0) {
    const double before = resident_mb();
    Side side(native);
    for (int i = 0; i < 10; ++i) side.run(url, 10);
    const double grown = resident_mb() - before;
    _exit(write(ends[1], &grown, sizeof grown) == sizeof grown ? 0 : 1);
  }
  double grown = 0;
  if (read(ends[0], &grown, sizeof grown) != sizeof grown) std::abort();
  waitpid(pid, nullptr, 0);
  close(ends[0]);
  close(ends[1]);
  return grown;
}

double at_percent(std::vector<double> values, int percent) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[(values.size() - 1) * static_cast<size_t>(percent) / 100];
}

// The 99th percentile of how long an answer of twenty events takes, in microseconds.
double small_answers(Side& side, const test::StreamServer& server, int count, bool beside_a_large_one) {
  Swallow large;
  net::RequestId id = 0;
  if (beside_a_large_one) id = side.http->start(side.post(server.url("/size/2000000000000/v1")), large);
  std::vector<double> took;
  for (int i = 0; i < count; ++i) {
    Swallow small;
    const int64_t began = system_clock().monotonic_ns();
    side.http->start(side.post(server.url("/events/20/v1")), small);
    while (small.done == 0) (void)side.loop->process(-1);
    took.push_back(static_cast<double>(small.ended_ns - began) / 1e3);
  }
  if (beside_a_large_one) {
    if (large.done != 0 || large.received == 0) std::abort();
    side.http->cancel(id);
  }
  return at_percent(took, 99);
}

// Accepts, notes when, reads a request, and answers or resets, noting when.
class Stamped {
 public:
  explicit Stamped(bool answers) : answers_(answers) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, generic, size) != 0 || listen(listener_, 64) != 0 ||
        getsockname(listener_, generic, &size) != 0)
      std::abort();
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Stamped() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/v1"; }
  std::atomic<int64_t> accepted_ns = 0;
  std::atomic<int64_t> failed_ns = 0;

 private:
  void serve() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      accepted_ns = system_clock().monotonic_ns();
      char buffer[8192];
      (void)!recv(fd, buffer, sizeof buffer, 0);
      if (answers_) {
        constexpr std::string_view kAnswer =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
            R"(data: {"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]})"
            "\n\ndata: [DONE]\n\n";
        (void)!send(fd, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL);
      } else {
        const linger now = {1, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        failed_ns = system_clock().monotonic_ns();
      }
      close(fd);
    }
  }
  const bool answers_;
  int listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  uint16_t port_ = 0;
  std::thread thread_;
};

class OneCall final : public CallSink {
 public:
  void on_event(const wire::StreamEvent&) override {}
  void on_attempt(int, const Status&) override {}
  void on_response(wire::Response) override { done = true; }
  void on_failure(const Status& status, wire::Response) override {
    std::fprintf(stderr, "bench_http: %s\n", status.to_string().c_str());
    std::abort();
  }
  bool done = false;
};

// From an upstream's reset to the connection at the next one, as the two servers see it, in milliseconds.
std::vector<double> failovers(bool native, int count) {
  Stamped broken(false);
  Stamped good(true);
  Side side(native);
  auto spec = std::make_shared<RouteSpec>();
  spec->name = "main";
  spec->breaker = {.failures = 0, .failure_percent = 0};
  for (const Stamped* server : {&broken, &good}) {
    Upstream upstream;
    upstream.route.provider = server == &broken ? "broken" : "good";
    upstream.route.model = "m";
    upstream.route.base_url = server->url();
    upstream.route.dialect = &wire::openai_chat();
    upstream.route.retry.max_attempts = 1;
    spec->upstreams.push_back(std::move(upstream));
  }
  auto traffic = std::make_shared<Traffic>(system_clock(), nullptr, BudgetSpec());
  std::vector<std::unique_ptr<Model>> models;
  for (const Upstream& u : spec->upstreams)
    models.push_back(make_http_model(u.route, *side.http, *side.loop, system_random()));
  const auto model = make_routed_model(spec, std::move(models), traffic, *side.loop, system_random());
  wire::Request request;
  request.stream = true;
  request.messages.push_back(wire::text_message(wire::Role::kUser, "hi", {}));
  std::vector<double> took;
  for (int i = 0; i < count; ++i) {
    OneCall sink;
    ModelCall call;
    call.request = &request;
    (void)model->start(std::move(call), sink);
    while (!sink.done) (void)side.loop->process(-1);
    took.push_back(static_cast<double>(good.accepted_ns - broken.failed_ns) / 1e6);
  }
  return took;
}

}  // namespace

int main(int argc, char** argv) {
  const test::StreamServer server;
  std::vector<double> native_mb;
  std::vector<double> curl_mb;
  for (int i = 0; i < 5; ++i) {
    native_mb.push_back(memory_of(true, server.url("/events/20/v1")));
    curl_mb.push_back(memory_of(false, server.url("/events/20/v1")));
  }
  bench::Report report(argc, argv);
  Side native(true);
  Side curl(false);
  report.compare(
      "thirty_two_requests_of_five_events", {.iterations = 100},
      [&] { native.run(server.url("/events/5/v1"), 32); }, [&] { curl.run(server.url("/events/5/v1"), 32); });
  report.compare(
      "one_request", {.iterations = 1'000}, [&] { native.run(server.url("/events/1/v1"), 1); },
      [&] { curl.run(server.url("/events/1/v1"), 1); });
  report.compare(
      "ten_thousand_events", {.iterations = 20}, [&] { native.run(server.url("/events/10000/v1"), 1); },
      [&] { curl.run(server.url("/events/10000/v1"), 1); });
  report.add("memory_of_a_hundred_requests", "MB", native_mb, curl_mb);
  report.add("small_answer_alone_p99", "us", {small_answers(native, server, 2'000, false)},
             {small_answers(curl, server, 2'000, false)});
  report.add("small_answer_beside_a_large_one_p99", "us", {small_answers(native, server, 2'000, true)},
             {small_answers(curl, server, 2'000, true)});
  const std::vector<double> by_native = failovers(true, 500);
  const std::vector<double> by_curl = failovers(false, 500);
  report.add("failover_to_connect_p50", "ms", {at_percent(by_native, 50)}, {at_percent(by_curl, 50)});
  report.add("failover_to_connect_p99", "ms", {at_percent(by_native, 99)}, {at_percent(by_curl, 99)});
  return report.finish();
}
