// Loads libcurl.
#include "net/curl_api.h"

#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include "net/net.h"

namespace tau::net {

const char* const kCurlLibrary = TAU_CURL_LIBRARY;

namespace {

std::atomic<bool> loaded = false;

Status missing(std::string_view why) {
  return Status(Code::kUnavailable, "libcurl_missing",
                format("HTTP needs libcurl 7.88 or newer ({}): {}", kCurlLibrary, why));
}

template <class F>
bool find(void* library, const char* name, F& out) {
  out = reinterpret_cast<F>(dlsym(library, name));
  return out != nullptr;
}

bool find_all(void* library, CurlApi& api) {
  return find(library, "curl_easy_init", api.easy_init) &&
         find(library, "curl_easy_cleanup", api.easy_cleanup) &&
         find(library, "curl_easy_reset", api.easy_reset) &&
         find(library, "curl_easy_setopt", api.easy_setopt) &&
         find(library, "curl_easy_getinfo", api.easy_getinfo) &&
         find(library, "curl_easy_pause", api.easy_pause) &&
         find(library, "curl_multi_init", api.multi_init) &&
         find(library, "curl_multi_cleanup", api.multi_cleanup) &&
         find(library, "curl_multi_setopt", api.multi_setopt) &&
         find(library, "curl_multi_add_handle", api.multi_add_handle) &&
         find(library, "curl_multi_remove_handle", api.multi_remove_handle) &&
         find(library, "curl_multi_socket_action", api.multi_socket_action) &&
         find(library, "curl_multi_info_read", api.multi_info_read) &&
         find(library, "curl_multi_timeout", api.multi_timeout) &&
         find(library, "curl_slist_append", api.slist_append) &&
         find(library, "curl_slist_free_all", api.slist_free_all) &&
         find(library, "curl_global_init", api.global_init) &&
         find(library, "curl_version_info", api.version_info);
}

// Of Debian, Fedora, openSUSE, older Red Hat, and Alpine, in this order: as Go's crypto/x509 knows them.
constexpr const char* kTrustFiles[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
};

bool is_readable(const char* path) { return access(path, R_OK) == 0; }

// A libcurl of a distribution has its place built in; one that is carried along has none.
bool knows_its_trust(const curl_version_info_data& version) {
  return version.age >= CURLVERSION_SEVENTH && (version.cainfo != nullptr || version.capath != nullptr);
}

// A program may have a libcurl or an OpenSSL of its own and show its names (Node does): the library's calls
// of itself would end there. With its own names first they do not; sanitizers refuse that (it hides their
// malloc), so not there.
int how_to_load() {
  int flags = RTLD_NOW | RTLD_LOCAL;
#ifdef RTLD_DEEPBIND
  if (dlsym(RTLD_DEFAULT, "__sanitizer_set_report_path") == nullptr) flags |= RTLD_DEEPBIND;
#endif
  return flags;
}

}  // namespace

const char* find_trust_file(bool (*exists)(const char* path)) {
  for (const char* path : kTrustFiles)
    if (exists(path)) return path;
  return nullptr;
}

StatusOr<CurlApi> load_curl(const char* name) {
  void* library = dlopen(name, how_to_load());
  if (library == nullptr) return missing(dlerror());
  CurlApi api = {};
  if (!find_all(library, api)) {
    dlclose(library);
    return missing("the library lacks a function");
  }
  const curl_version_info_data* version = api.version_info(CURLVERSION_NOW);
  if (version->version_num < kMinCurlVersion) return missing(format("found {}", version->version));
  api.trust_file = knows_its_trust(*version) ? nullptr : find_trust_file(is_readable);
  static std::once_flag initialised;
  std::call_once(initialised, [&] { api.global_init(CURL_GLOBAL_DEFAULT); });
  loaded.store(true, std::memory_order_relaxed);
  return api;
}

bool http_library_loaded() { return loaded.load(std::memory_order_relaxed); }

}  // namespace tau::net
