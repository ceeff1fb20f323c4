// What libcurl's result codes mean to callers of HttpClient. Private to net.
#pragma once

#include "net/curl_api.h"

namespace tau::net {

// How far the transfer had come when it failed.
struct TransferProgress {
  bool sent = false;           // a connection stood and the request began to go out
  bool any_response = false;   // a byte of the response had arrived
  bool head_complete = false;  // the final head had been delivered
};

// `origin` is where the request went, `detail` is libcurl's own message, which may be empty. `code` is not
// CURLE_OK.
Status transfer_failure(CURLcode code, const TransferProgress& progress, std::string_view origin,
                        std::string_view detail);

}  // namespace tau::net
