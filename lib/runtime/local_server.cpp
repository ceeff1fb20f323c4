// Asks servers on this machine for their models.
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "os/os.h"
#include "runtime/config.h"
#include "runtime/config_local.h"

namespace tau::runtime {
namespace {

constexpr uint64_t kMaxProcBytes = 16u << 20;
constexpr uint64_t kMaxAnswerBytes = 1u << 20;

// These servers and nothing else.
class ProbePolicy final : public net::EgressPolicy {
 public:
  explicit ProbePolicy(std::span<const LocalServer> servers) {
    for (const LocalServer& server : servers) {
      const auto url = net::parse_url(server.base_url);
      if (url.ok()) origins_.push_back(url->origin());
    }
  }
  Status check_url(const net::Url& url) override {
    if (std::find(origins_.begin(), origins_.end(), url.origin()) != origins_.end()) return ok_status();
    return permission_denied("egress_denied", format("{} is not asked for models", url.origin()));
  }
  Status check_address(const net::Url& url, const net::Address& address) override {
    TAU_RETURN_IF_ERROR(check_url(url));
    if (address.is_loopback()) return ok_status();
    return permission_denied("egress_denied", format("{} is not on this machine", address.to_string()));
  }

 private:
  std::vector<std::string> origins_;
};

class NoCredentials final : public net::CredentialSource {
 public:
  StatusOr<Secret> get(std::string_view, const net::Url& url) override {
    return permission_denied("credential_origin_mismatch", format("no credential is for {}", url.origin()));
  }
};

class Probe final : public net::HttpSink {
 public:
  void on_head(int status, const std::vector<std::pair<std::string, std::string>>&) override {
    good_ = status == 200;
  }
  void on_body(std::string_view bytes) override { body_.append(bytes); }
  void on_done(const Status& status) override {
    good_ = good_ && status.ok();
    done = true;
  }
  std::string model(std::string_view provider) const {
    return done && good_ ? first_model(provider, body_) : std::string();
  }

  bool done = false;

 private:
  bool good_ = false;
  std::string body_;
};

net::HttpRequest models_request(const LocalServer& server, int64_t timeout_ms) {
  net::HttpRequest request;
  request.method = "GET";
  request.url = server.base_url + "/models";
  request.headers = {{"accept", "application/json"}};
  request.timeouts = {timeout_ms, timeout_ms, timeout_ms, timeout_ms};
  request.max_response_bytes = kMaxAnswerBytes;
  return request;
}

// Waits until every probe is done or the time is over.
void run_until(net::EventLoop& loop, const std::vector<Probe>& probes, Clock& clock, int64_t deadline_ns) {
  for (;;) {
    if (std::all_of(probes.begin(), probes.end(), [](const Probe& p) { return p.done; })) return;
    const int64_t left_ns = deadline_ns - clock.monotonic_ns();
    if (left_ns <= 0) return;
    const int64_t left_ms = (left_ns + kNanosPerMilli - 1) / kNanosPerMilli;
    if (!loop.process(static_cast<int>(std::min<int64_t>(left_ms, 60'000))).ok()) return;
  }
}

}  // namespace

std::optional<Detected> ask_servers(std::span<const LocalServer> servers, Clock& clock, int64_t timeout_ms) {
  if (servers.empty() || timeout_ms <= 0) return std::nullopt;
  const int64_t deadline_ns = clock.monotonic_ns() + timeout_ms * kNanosPerMilli;
  auto loop = net::EventLoop::create(clock);
  if (!loop.ok()) return std::nullopt;
  ProbePolicy policy(servers);
  NoCredentials credentials;
  const auto http = net::make_http_client(**loop, policy, credentials, {});
  std::vector<Probe> probes(servers.size());
  std::vector<net::RequestId> requests;
  for (size_t i = 0; i < servers.size(); ++i)
    requests.push_back(http->start(models_request(servers[i], timeout_ms), probes[i]));
  run_until(**loop, probes, clock, deadline_ns);
  for (size_t i = 0; i < servers.size(); ++i)
    if (!probes[i].done) http->cancel(requests[i]);
  for (size_t i = 0; i < servers.size(); ++i) {
    std::string model = probes[i].model(servers[i].provider);
    if (!model.empty())
      return Detected{std::move(model), format("a local server answers at {}", servers[i].base_url)};
  }
  return std::nullopt;
}

std::optional<Detected> find_local_server(Clock& clock, int64_t timeout_ms, bool any_owner) {
  std::vector<Listener> listeners;
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    const auto text = os::read_file(path, kMaxProcBytes);
    if (!text.ok()) continue;  // no IPv6, or no /proc: nothing is known to listen
    const auto found = parse_listeners(*text);
    listeners.insert(listeners.end(), found.begin(), found.end());
  }
  std::vector<LocalServer> servers = known_local_servers();
  std::erase_if(servers, [&](const LocalServer& server) {
    const Trust trust = judge_port(listeners, server.port, geteuid());
    return trust == Trust::kNobody || (trust == Trust::kForeign && !any_owner);
  });
  return ask_servers(servers, clock, timeout_ms);
}

}  // namespace tau::runtime
