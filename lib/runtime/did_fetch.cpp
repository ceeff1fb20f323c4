// DIDs of did:web, resolved by asking their host: over https, past the rules of egress that requests of
// agents have to pass, bounded in bytes and time, without a credential and without leaving the origin.
#include <algorithm>
#include <optional>
#include <utility>

#include "access/access.h"
#include "net/net.h"
#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/requests.h"

namespace tau::runtime {
namespace {

constexpr int64_t kUsualTimeoutMs = 10'000;
constexpr int64_t kMaxTimeoutMs = 60'000;
constexpr int kMaxRedirects = 3;
constexpr int kTurnMs = 100;
constexpr std::string_view kWeb = "did:web:";

class NoCredentials final : public net::CredentialSource {
 public:
  StatusOr<Secret> get(std::string_view, const net::Url&) override {
    return permission_denied("credential_origin_mismatch",
                             "a DID document is asked for without a credential");
  }
};

std::string origin_of(const std::string& url) {
  const auto parsed = net::parse_url(url);
  return parsed.ok() ? parsed->origin() : std::string();
}

// A loop of its own: the caller waits, whoever drives the others.
StatusOr<net::FetchResponse> fetch(Core& core, const std::string& url, int64_t timeout_ms) {
  TAU_ASSIGN_OR_RETURN(const auto loop, net::EventLoop::create(system_clock()));
  NoCredentials credentials;
  const auto client =
      net::make_http_client(*loop, core.fetch_egress(), credentials, http_client_options(core.config()));
  net::HttpRequest request;
  request.method = "GET";
  request.url = url;
  request.headers = {{"accept", "application/did+json, application/did+ld+json, application/json"}};
  net::FetchOptions options;
  options.max_redirects = kMaxRedirects;
  options.total_ms = timeout_ms;
  options.max_body_bytes = access::kMaxDocumentBytes;
  options.may_follow = [origin = origin_of(url)](const net::HttpRequest& next) {
    return origin_of(next.url) == origin;
  };
  std::optional<StatusOr<net::FetchResponse>> answer;
  const auto running = net::Fetch::start(*loop, *client, std::move(request), std::move(options),
                                         [&](StatusOr<net::FetchResponse> got) { answer = std::move(got); });
  while (!answer) TAU_RETURN_IF_ERROR(loop->process(kTurnMs).status());
  return *std::move(answer);
}

// What may stand in the place of a document.
StatusOr<std::string> document_at(Core& core, const std::string& url, int64_t timeout_ms) {
  auto answer = fetch(core, url, timeout_ms);
  if (!answer.ok()) return std::move(answer).status().annotate(url);
  if (!answer->elsewhere.empty())
    return permission_denied("redirect_refused",
                             format("{} leads to another origin, which does not speak for this DID: {}", url,
                                    truncate_utf8(repair_utf8(answer->elsewhere), 200)));
  if (answer->status == 404 || answer->status == 410)
    return not_found("did_not_found", format("{} answers with status {}", url, answer->status));
  if (answer->status != 200)
    return unavailable("did_unavailable", format("{} answers with status {}", url, answer->status));
  if (answer->truncated)
    return resource_exhausted("document_too_large",
                              format("{} is larger than {} bytes", url, access::kMaxDocumentBytes));
  return std::move(answer->body);
}

}  // namespace

StatusOr<std::string> resolve_did(Core& core, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "did", "timeout_ms"}));
  TAU_ASSIGN_OR_RETURN(const std::string did, need_string(request, "request", "did"));
  TAU_ASSIGN_OR_RETURN(int64_t timeout_ms, read_count(request, "request", "timeout_ms"));
  TAU_RETURN_IF_ERROR(
      check_type(timeout_ms <= kMaxTimeoutMs, "request", "timeout_ms", "milliseconds up to 60000"));
  if (timeout_ms == 0) timeout_ms = kUsualTimeoutMs;
  if (!did.starts_with(kWeb)) return access::describe_did(did, {});
  // Hosts without a domain are for tests and for one's own network, where the configuration grants them.
  constexpr access::WebOptions kAny = {.allow_addresses = true, .allow_single_label = true};
  TAU_ASSIGN_OR_RETURN(const std::string any_url, access::did_web_url(did, kAny));
  TAU_ASSIGN_OR_RETURN(const net::Url parsed, net::parse_url(any_url));
  const bool granted = core.web_access()->places.place(parsed) == safety::EgressPlace::kGranted;
  const access::WebOptions web = granted ? kAny : access::WebOptions();
  TAU_ASSIGN_OR_RETURN(const std::string url, access::did_web_url(did, web));
  TAU_ASSIGN_OR_RETURN(const std::string document, document_at(core, url, timeout_ms));
  if (document.empty()) return invalid_argument("invalid_did_document", url + " is empty");
  return access::describe_did(did, document, web);
}

}  // namespace tau::runtime
