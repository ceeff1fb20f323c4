// A request over plain HTTP, with each of its allocations failing in turn: it is answered, or whoever it
// belongs to is told, once; the client goes on, and nothing stays open.
#include <dirent.h>

#include <cstdio>
#include <cstdlib>
#include <new>

#include "failing_memory.h"
#include "net/net.h"
#include "support/stream_server.h"

namespace {

using namespace tau;            // NOLINT: a program of one file
using namespace tau::campaign;  // NOLINT

constexpr net::Owner kOwner = 7;
constexpr long kMostAllocations = 10'000;

class AllowAll final : public net::EgressPolicy {
 public:
  Status check_url(const net::Url&) override { return ok_status(); }
  Status check_address(const net::Url&, const net::Address&) override { return ok_status(); }
};

class OneKey final : public net::CredentialSource {
 public:
  StatusOr<Secret> get(std::string_view, const net::Url&) override { return Secret("not-a-key"); }
};

class Sink final : public net::HttpSink {
 public:
  void on_head(int, const net::Headers&) override { ++heads; }
  void on_body(std::string_view bytes) override { received += bytes.size(); }
  void on_done(const Status& status) override {
    ++done;
    ok = status.ok();
  }
  int heads = 0;
  int done = 0;
  bool ok = false;
  size_t received = 0;
};

[[noreturn]] void fail(long n, const char* what) {
  std::fprintf(stderr, "out_of_memory_http: allocation %ld: %s\n", n, what);
  std::exit(1);
}

int open_descriptors() {
  int count = 0;
  DIR* const folder = opendir("/proc/self/fd");
  while (folder != nullptr && readdir(folder) != nullptr) ++count;
  if (folder != nullptr) closedir(folder);
  return count;
}

net::HttpRequest request_to(const test::StreamServer& server) {
  net::HttpRequest request;
  request.url = server.url("/events/3/v1");
  request.headers = {{"content-type", "application/json"}};
  request.body = std::string(500, 'x');
  request.credential_id = "key";
  return request;
}

// False when the request made fewer allocations than that.
bool one_failure(long n, const test::StreamServer& server) {
  AllowAll egress;
  OneKey keys;
  auto loop = *net::EventLoop::create(system_clock());
  int told = 0;
  loop->on_out_of_memory([&](net::Owner owner) { told += owner == kOwner ? 1 : 0; });
  loop->expect_owners(8);
  auto client = net::make_http_client(*loop, egress, keys, {});
  Sink sink;
  net::RequestId id = 0;
  bool refused = false;
  net::HttpRequest request = request_to(server);
  memory::fail_at(n, false);
  memory::library([&] {
    const net::OwnerScope scope(kOwner);
    try {
      id = client->start(std::move(request), sink);
    } catch (const std::bad_alloc&) { refused = true; }
  });
  const int64_t end = system_clock().monotonic_ns() + 10'000 * kNanosPerMilli;
  while (!refused && sink.done == 0 && told == 0) {
    if (system_clock().monotonic_ns() > end) fail(n, "the request hangs, and nobody was told");
    const auto ran = memory::library([&] { return loop->process(50); });
    if (!ran.ok()) fail(n, "the loop ended");
  }
  memory::fail_never();
  const bool failed = memory::failed() > 0;
  if (!failed && !sink.ok) fail(n, "a request failed for which there was memory");
  if (refused && (sink.done != 0 || sink.heads != 0)) fail(n, "a request that was refused had an answer");
  if (id != 0) client->cancel(id);
  Sink next;
  client->start(request_to(server), next);
  while (next.done == 0) {
    if (system_clock().monotonic_ns() > end) fail(n, "the next request hangs");
    (void)loop->process(50);
  }
  if (!next.ok) fail(n, "the next request failed");
  if (sink.done > 1) fail(n, "the end was told twice");
  return failed;
}

}  // namespace

int main() {
  memory::this_thread_is_of_the_test();
  const test::StreamServer server;
  const int descriptors = open_descriptors();
  long n = 1;
  while (n < kMostAllocations && one_failure(n, server)) ++n;
  if (n < 10 || n == kMostAllocations) fail(n, "this is not how many a request makes");
  if (open_descriptors() > descriptors) fail(n, "descriptors are left");
  std::printf("out_of_memory_http: each of %ld allocations failed once\n", n - 1);
  return 0;
}
