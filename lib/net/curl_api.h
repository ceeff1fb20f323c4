// CurlApi: libcurl as a table of functions, loaded at run time. Private to net; the only place, with
// curl_client and transfer, that sees libcurl's headers.
#pragma once

#define CURL_DISABLE_TYPECHECK \
  1  // the checks are macros over the functions' names, not over pointers to them
#include <curl/curl.h>

#include "base/base.h"

namespace tau::net {

extern const char* const kCurlLibrary;                 // the build's option curl_library
inline constexpr unsigned kMinCurlVersion = 0x075800;  // 7.88: its TLS writes raise no SIGPIPE

struct CurlApi {
  decltype(&curl_easy_init) easy_init;
  decltype(&curl_easy_cleanup) easy_cleanup;
  decltype(&curl_easy_reset) easy_reset;
  decltype(&curl_easy_setopt) easy_setopt;
  decltype(&curl_easy_getinfo) easy_getinfo;
  decltype(&curl_easy_pause) easy_pause;
  decltype(&curl_multi_init) multi_init;
  decltype(&curl_multi_cleanup) multi_cleanup;
  decltype(&curl_multi_setopt) multi_setopt;
  decltype(&curl_multi_add_handle) multi_add_handle;
  decltype(&curl_multi_remove_handle) multi_remove_handle;
  decltype(&curl_multi_socket_action) multi_socket_action;
  decltype(&curl_multi_info_read) multi_info_read;
  decltype(&curl_multi_timeout) multi_timeout;
  decltype(&curl_slist_append) slist_append;
  decltype(&curl_slist_free_all) slist_free_all;
  decltype(&curl_global_init) global_init;
  decltype(&curl_version_info) version_info;
  // The system's trust store, where libcurl was built to look in none; null: it knows by itself.
  const char* trust_file;
};

// The file of authorities that this system keeps, of the places that distributions use; null when none is
// there. `exists` tells of a path.
const char* find_trust_file(bool (*exists)(const char* path));

// Maps the library and initialises it, once in a process; it stays mapped. UNAVAILABLE "libcurl_missing" when
// it is not there or too old.
StatusOr<CurlApi> load_curl(const char* library = kCurlLibrary);

}  // namespace tau::net
