// The HTTP client on libcurl's multi interface, with the library's name given. Private to net.
#pragma once

#include "net/net.h"

namespace tau::net {

std::unique_ptr<HttpClient> make_curl_client(EventLoop& loop, EgressPolicy& egress,
                                             CredentialSource& credentials, HttpClientOptions options,
                                             const char* library);

}  // namespace tau::net
