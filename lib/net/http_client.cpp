// The client that make_http_client() makes: which of the two carries a request.
#include "net/curl_api.h"
#include "net/curl_client.h"
#include "net/plain_client.h"
#include "net/request_rules.h"

namespace tau::net {
namespace {

// A number of this client is one of another's, times two, and one more if that is libcurl's, less one.
constexpr RequestId plain_id(RequestId inner) { return 2 * inner - 1; }
constexpr RequestId curl_id(RequestId inner) { return 2 * inner; }

class SplitClient final : public HttpClient {
 public:
  SplitClient(EventLoop& loop, EgressPolicy& egress, CredentialSource& credentials, HttpClientOptions options)
      : loop_(loop),
        egress_(egress),
        credentials_(credentials),
        options_(std::move(options)),
        plain_(make_plain_client(loop, egress, credentials, options_)) {}

  RequestId start(HttpRequest request, HttpSink& sink) override {
    StatusOr<Url> url = parse_url(request.url);
    if (is_plain(request, url)) return plain_id(plain_->start_at(std::move(url), std::move(request), sink));
    if (curl_ == nullptr) curl_ = make_curl_client(loop_, egress_, credentials_, options_, kCurlLibrary);
    return curl_id(curl_->start(std::move(request), sink));
  }
  void cancel(RequestId id) override {
    if (HttpClient* client = client_of(id)) client->cancel((id + 1) / 2);
  }
  void pause(RequestId id) override {
    if (HttpClient* client = client_of(id)) client->pause((id + 1) / 2);
  }
  void resume(RequestId id) override {
    if (HttpClient* client = client_of(id)) client->resume((id + 1) / 2);
  }

 private:
  HttpClient* client_of(RequestId id) const { return id % 2 == 1 ? plain_.get() : curl_.get(); }

  // What needs no TLS, no resolver and no decompression. A URL that cannot be read is told so without
  // libcurl.
  bool is_plain(const HttpRequest& request, const StatusOr<Url>& url) const {
    if (!url.ok()) return true;
    if (url->scheme != "http" || request.decode || request.connect_only) return false;
    return url->host == "localhost" || parse_address(url->host, url->port).ok();
  }

  EventLoop& loop_;
  EgressPolicy& egress_;
  CredentialSource& credentials_;
  const HttpClientOptions options_;
  const std::unique_ptr<PlainClient> plain_;
  std::unique_ptr<HttpClient> curl_;  // from the first request that needs it
};

}  // namespace

std::unique_ptr<HttpClient> make_http_client(EventLoop& loop, EgressPolicy& egress,
                                             CredentialSource& credentials, HttpClientOptions options) {
  const bool all_by_curl = !options.native_http || !options.proxy.empty() || !options.fixed_addresses.empty();
  if (all_by_curl) return make_curl_client(loop, egress, credentials, std::move(options), kCurlLibrary);
  return std::make_unique<SplitClient>(loop, egress, credentials, std::move(options));
}

}  // namespace tau::net
