// Transfer: one request on one libcurl easy handle: its options, callbacks, limits and outcome. Private to
// net.
#pragma once

#include <optional>

#include "net/curl_api.h"
#include "net/deadlines.h"
#include "net/header_list.h"
#include "net/net.h"

namespace tau::net {

// What all transfers of a client share; outlives them.
struct TransferContext {
  EventLoop& loop;
  EgressPolicy& egress;
  CredentialSource& credentials;
  const HttpClientOptions& options;
  StatusOr<CurlApi> api;  // a failure until the first request
  std::optional<Url> proxy;
  std::optional<HeaderList> fixed_addresses;  // after the first request, if the options name any
};

class Transfer {
 public:
  Transfer(TransferContext& context, HttpRequest request, HttpSink& sink, Deadlines::Expired expired);
  ~Transfer() {
    if (request_.wipe_body) secure_wipe(request_.body.data(), request_.body.size());
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // Checks the request, asks the policy and the credential source, and makes `easy` (fresh or reset) ready to
  // run. After this the handle points into this object until it is reset.
  Status prepare(CURL* easy);
  // The handle that prepare() took, or null.
  CURL* easy() const { return easy_; }
  CURL* release_easy() { return std::exchange(easy_, nullptr); }

  // From here on the sink is not called any more.
  void cancel();
  bool cancelled() const { return cancelled_; }

  // To be said before libcurl is told to drop a transfer in the middle.
  void give_up_connection();

  void set_paused(bool paused);
  // Whether libcurl keeps back bytes because the sink was paused, and is to be told to go on. Clears it.
  bool take_resumable();

  // What to report when libcurl is done with the transfer.
  Status outcome(CURLcode result) const;
  // The connection of a request that only connects, after an outcome that is OK; -1 where there is none.
  // libcurl keeps its own descriptor and closes that.
  int take_socket() const;
  HttpSink& sink() { return sink_; }

 private:
  Status check_proxy();
  Status build_headers();
  void set_target();
  void set_connection();
  void set_method_and_body();
  void set_transport();
  void set_trust();
  void set_callbacks();
  template <class T>
  void set(CURLoption option, T value) {
    options_ok_ = context_.api->easy_setopt(easy_, option, value) == CURLE_OK && options_ok_;
  }

  static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int before_request(void* self, char* peer_ip, char* local_ip, int peer_port, int local_port);
  static size_t header_line(char* bytes, size_t size, size_t count, void* self);
  static size_t body_bytes(char* bytes, size_t size, size_t count, void* self);
  std::optional<Status> proxy_refusal() const;
  bool fail(Status why);  // always false
  bool may_connect(const Address& address);
  bool take_header_line(std::string_view line);
  bool finish_head();
  size_t take_body(std::string_view bytes);
  bool is_inflated() const;

  TransferContext& context_;
  HttpRequest request_;
  HttpSink& sink_;
  Deadlines deadlines_;
  Url url_;
  const Url* proxy_ = nullptr;  // the one in use
  CURL* easy_ = nullptr;
  std::optional<HeaderList> header_list_;
  bool options_ok_ = true;
  bool cancelled_ = false;
  bool paused_ = false;
  bool held_ = false;  // libcurl keeps bytes back for us
  Status failure_;     // why a callback ended the transfer
  Status denied_;      // the last address that policy refused
  int attempts_ = 0;   // times the request began to go out; 2 when a pooled connection had died
  bool any_response_ = false;
  bool head_complete_ = false;
  int status_ = 0;
  size_t head_bytes_ = 0;
  uint64_t body_bytes_ = 0;
  std::vector<std::pair<std::string, std::string>> headers_;
  char detail_[CURL_ERROR_SIZE] = {};
};

}  // namespace tau::net
