// The HTTP client for origins without TLS that need no resolver, on the event loop alone. Private to net.
#pragma once

#include "net/net.h"

namespace tau::net {

class PlainClient : public HttpClient {
 public:
  // `url` is that of the request, as parse_url() reads it. Compressed bodies, proxies and requests that only
  // connect are not for this client; host names but "localhost" neither.
  virtual RequestId start_at(StatusOr<Url> url, HttpRequest request, HttpSink& sink) = 0;
};

std::unique_ptr<PlainClient> make_plain_client(EventLoop& loop, EgressPolicy& egress,
                                               CredentialSource& credentials,
                                               const HttpClientOptions& options);

}  // namespace tau::net
