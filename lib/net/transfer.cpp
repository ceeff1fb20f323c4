// The options and callbacks of transfer.h.
#include "net/transfer.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>

#include "net/address.h"
#include "net/request_rules.h"
#include "net/transfer_error.h"

namespace tau::net {
namespace {

constexpr size_t kMaxHeadBytes = 256u << 10;
constexpr int kMaxAttempts = 2;
constexpr long kKeepaliveIdleSeconds = 60;

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

long whole_seconds(int64_t ms) { return static_cast<long>(std::max<int64_t>((ms + 999) / 1000, 1)); }

}  // namespace

Transfer::Transfer(TransferContext& context, HttpRequest request, HttpSink& sink, Deadlines::Expired expired)
    : context_(context),
      request_(std::move(request)),
      sink_(sink),
      deadlines_(context.loop, request_.timeouts, std::move(expired)) {}

Status Transfer::prepare(CURL* easy) {
  easy_ = easy;
  TAU_ASSIGN_OR_RETURN(url_, parse_url(request_.url));
  TAU_RETURN_IF_ERROR(check_proxy());
  if (!request_.connect_only) TAU_RETURN_IF_ERROR(check_request(request_));
  TAU_RETURN_IF_ERROR(check_egress(context_.egress, url_, request_));
  if (request_.connect_only) {
    set_connection();
  } else {
    TAU_RETURN_IF_ERROR(build_headers());
    set_target();
    set_method_and_body();
  }
  set_transport();
  set_trust();
  set_callbacks();
  if (!options_ok_) return internal_error("transfer_failed", "libcurl refused one of the options it needs");
  deadlines_.connecting();
  return ok_status();
}

// A request without TLS is the proxy's to read, headers and all.
Status Transfer::check_proxy() {
  if (context_.options.proxy.empty()) return ok_status();
  if (!context_.proxy) {
    return invalid_argument("invalid_request", "the proxy option is not a URL that libtau accepts");
  }
  if (is_this_machine(url_.host)) return ok_status();
  proxy_ = &*context_.proxy;
  if (url_.scheme == "https" || request_.credential_id.empty()) return ok_status();
  return permission_denied("credential_over_proxy",
                           format("a credential for {} would be readable by the proxy {}: use https",
                                  url_.origin(), proxy_->origin()));
}

Status Transfer::build_headers() {
  HeaderList& list = header_list_.emplace(*context_.api);
  bool have_type = false;
  bool have_accept = false;
  bool have_agent = false;
  for (const auto& [name, value] : request_.headers) {
    TAU_RETURN_IF_ERROR(list.add(name, value));
    const std::string key = to_lower(name);
    have_type = have_type || key == "content-type";
    have_accept = have_accept || key == "accept";
    have_agent = have_agent || key == "user-agent";
  }
  // Without decoding bytes are delivered as they come; else libcurl names what it can decode.
  if (!request_.decode) TAU_RETURN_IF_ERROR(list.add("accept-encoding", "identity"));
  if (!have_agent && !context_.options.user_agent.empty()) {
    TAU_RETURN_IF_ERROR(list.add("user-agent", context_.options.user_agent));
  }
  list.suppress("Expect:");
  if (!have_type) list.suppress("Content-Type:");
  if (!have_accept) list.suppress("Accept:");
  if (request_.credential_id.empty()) return ok_status();
  TAU_ASSIGN_OR_RETURN(const Secret secret, context_.credentials.get(request_.credential_id, url_));
  if (!request_.signer)
    return list.add_secret(request_.credential_header, request_.credential_prefix, secret);
  TAU_ASSIGN_OR_RETURN(const auto headers, request_.signer(request_, url_, secret));
  for (const auto& [name, value] : headers) TAU_RETURN_IF_ERROR(list.add_secret(name, {}, value));
  return ok_status();
}

void Transfer::set_target() {
  // Put together from the parsed parts: what policy judged is what libcurl gets.
  set(CURLOPT_URL, (url_.origin() + url_.target).c_str());
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  if (request_.decode) set(CURLOPT_ACCEPT_ENCODING, "");
  set(CURLOPT_HTTP_VERSION, url_.scheme == "https" ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
  set(CURLOPT_PIPEWAIT, 1L);  // rather one more stream on a connection being made than another handshake
}

// The scheme was for policy: to libcurl it would mean a handshake.
void Transfer::set_connection() {
  Url plain = url_;
  plain.scheme = "http";
  set(CURLOPT_URL, plain.origin().c_str());
  set(CURLOPT_PROTOCOLS_STR, "http");
  set(CURLOPT_CONNECT_ONLY, 1L);
  set(CURLOPT_HTTPPROXYTUNNEL, 1L);
  set(CURLOPT_FRESH_CONNECT, 1L);
}

void Transfer::set_method_and_body() {
  const std::string& method = request_.method;
  const bool has_body = carries_body(request_);
  if (has_body) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDS, request_.body.data());  // not copied: request_ outlives the transfer
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
  } else if (method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else {
    set(CURLOPT_HTTPGET, 1L);
  }
  if (method != (has_body ? "POST" : method == "HEAD" ? "HEAD" : "GET")) {
    set(CURLOPT_CUSTOMREQUEST, method.c_str());
  }
  set(CURLOPT_HTTPHEADER, header_list_->get());
  set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));  // a proxy does not get our headers
}

void Transfer::set_transport() {
  const HttpClientOptions& options = context_.options;
  set(CURLOPT_NOSIGNAL, 1L);
  // Set even when empty: unset options would make libcurl look into the environment.
  set(CURLOPT_PROXY, proxy_ != nullptr ? proxy_->origin().c_str() : "");
  set(CURLOPT_NOPROXY, "");
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  if (context_.fixed_addresses) set(CURLOPT_RESOLVE, context_.fixed_addresses->get());
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_TCP_KEEPIDLE, kKeepaliveIdleSeconds);
  // libcurl divides this time among the addresses of a host; deadlines_ holds the limit itself.
  const int64_t connect_ms = request_.timeouts.connect_ms > 0 ? request_.timeouts.connect_ms : INT32_MAX;
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min<int64_t>(connect_ms, INT32_MAX)));
  set(CURLOPT_MAXAGE_CONN, whole_seconds(options.max_connection_idle_ms));
  set(CURLOPT_MAXLIFETIME_CONN, whole_seconds(options.max_connection_age_ms));
  // Without this a cancel during name resolution blocks the loop until the resolver answers (7.87; older:
  // blocks).
  context_.api->easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
}

void Transfer::set_trust() {
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_PROXY_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  const std::string& given = context_.options.ca_file;
  const char* const file = given.empty() ? context_.api->trust_file : given.c_str();
  if (file == nullptr) return;
  // These and no others: the system's folder of certificates would stay in force beside the file.
  set(CURLOPT_CAINFO, file);
  set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  set(CURLOPT_PROXY_CAINFO, file);
  set(CURLOPT_PROXY_CAPATH, static_cast<const char*>(nullptr));
}

void Transfer::set_callbacks() {
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_ERRORBUFFER, detail_);
  set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::open_socket);
  set(CURLOPT_OPENSOCKETDATA, this);
  set(CURLOPT_PREREQFUNCTION, &Transfer::before_request);
  set(CURLOPT_PREREQDATA, this);
  set(CURLOPT_HEADERFUNCTION, &Transfer::header_line);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &Transfer::body_bytes);
  set(CURLOPT_WRITEDATA, this);
}

void Transfer::cancel() {
  cancelled_ = true;
  give_up_connection();
}

// libcurl 7.88 queues the RST_STREAM of an HTTP/2 stream that it gives up, and sends it with the next thing
// that happens on the connection. An idle one in the pool would never say it, and the server would write, and
// charge, to the end: such a connection is closed. One that other streams use stays open.
void Transfer::give_up_connection() {
  if (easy_ != nullptr) context_.api->easy_setopt(easy_, CURLOPT_FORBID_REUSE, 1L);
}

bool Transfer::fail(Status why) {
  failure_ = std::move(why);
  give_up_connection();
  return false;
}

void Transfer::set_paused(bool paused) {
  paused_ = paused;
  deadlines_.suspend_idle(paused);
}

bool Transfer::take_resumable() {
  return !cancelled_ && !paused_ && easy_ != nullptr && std::exchange(held_, false);
}

Status Transfer::outcome(CURLcode result) const {
  if (!failure_.ok()) return failure_;
  if (result == CURLE_OK && (head_complete_ || (request_.connect_only && attempts_ > 0))) return ok_status();
  if (attempts_ == 0 && !denied_.ok()) return denied_;
  if (std::optional<Status> refusal = proxy_refusal()) return *refusal;
  const TransferProgress progress = {attempts_ > 0, any_response_, head_complete_};
  return transfer_failure(result == CURLE_OK ? CURLE_WEIRD_SERVER_REPLY : result, progress, url_.origin(),
                          detail_);
}

int Transfer::take_socket() const {
  curl_socket_t socket = CURL_SOCKET_BAD;
  if (!request_.connect_only || easy_ == nullptr ||
      context_.api->easy_getinfo(easy_, CURLINFO_ACTIVESOCKET, &socket) != CURLE_OK)
    return -1;
  return fcntl(socket, F_DUPFD_CLOEXEC, 0);
}

std::optional<Status> Transfer::proxy_refusal() const {
  long answer = 0;
  if (proxy_ == nullptr || attempts_ > 0 ||
      context_.api->easy_getinfo(easy_, CURLINFO_HTTP_CONNECTCODE, &answer) != CURLE_OK || answer < 300) {
    return std::nullopt;
  }
  ErrorInfo info;
  info.code = Code::kUnavailable;
  info.reason = "proxy_refused";
  info.message =
      format("the proxy {} answered {} to CONNECT for {}", proxy_->origin(), answer, url_.origin());
  info.retryable = answer >= 500;
  return Status(std::move(info));
}

// With a proxy the socket goes to the proxy, and it is that address which policy has to allow.
bool Transfer::may_connect(const Address& address) {
  const Status verdict = context_.egress.check_address(proxy_ != nullptr ? *proxy_ : url_, address);
  if (!verdict.ok()) denied_ = egress_denied(verdict);
  return verdict.ok();
}

curl_socket_t Transfer::open_socket(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::optional<Address> target = address_from_sockaddr(&address->addr, address->addrlen);
  if (!target || !transfer.may_connect(*target)) return CURL_SOCKET_BAD;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// Called with the peer of the connection that the request is about to use, fresh or from the pool.
int Transfer::before_request(void* self, char* peer_ip, char*, int peer_port, int) {
  auto& transfer = *static_cast<Transfer*>(self);
  const StatusOr<Address> peer = parse_address(peer_ip, static_cast<uint16_t>(peer_port));
  if (!peer.ok() || !transfer.may_connect(*peer)) {
    transfer.failure_ = peer.ok() ? transfer.denied_ : egress_denied(peer.status());
    return CURL_PREREQFUNC_ABORT;
  }
  if (transfer.attempts_ == kMaxAttempts) {
    transfer.failure_ = unavailable("connection_reset", "pooled connections broke twice before any response");
    return CURL_PREREQFUNC_ABORT;
  }
  ++transfer.attempts_;
  transfer.deadlines_.sent();
  return CURL_PREREQFUNC_OK;
}

// Returning less than was given makes libcurl end the transfer.
size_t Transfer::header_line(char* bytes, size_t size, size_t count, void* self) {
  return static_cast<Transfer*>(self)->take_header_line({bytes, size * count}) ? size * count : 0;
}

bool Transfer::take_header_line(std::string_view line) {
  if (cancelled_) return false;
  any_response_ = true;
  deadlines_.received();
  head_bytes_ += line.size();
  if (head_bytes_ > kMaxHeadBytes) {
    return fail(invalid_response(format("the response head is longer than {} bytes", kMaxHeadBytes)));
  }
  if (head_complete_) return true;  // trailers
  if (line.starts_with("HTTP/")) {
    headers_.clear();
    status_ = 0;
    const std::string_view code = trim(line.substr(std::min(line.find(' '), line.size())));
    std::from_chars(code.data(), code.data() + code.size(), status_);
    return true;
  }
  if (trim(line).empty()) return finish_head();
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos)
    headers_.emplace_back(to_lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  return true;
}

bool Transfer::finish_head() {
  if (status_ >= 100 && status_ < 200) return true;  // interim: the final head follows
  if (Status status = check_framing(headers_, request_.decode); !status.ok()) return fail(std::move(status));
  head_complete_ = true;
  sink_.on_head(status_, headers_);
  return !cancelled_;
}

bool Transfer::is_inflated() const {
  if (body_bytes_ <= kFreeInflatedBytes) return false;
  curl_off_t received = 0;
  const CURLcode told = context_.api->easy_getinfo(easy_, CURLINFO_SIZE_DOWNLOAD_T, &received);
  return told != CURLE_OK || body_bytes_ / kMaxInflation > static_cast<uint64_t>(received);
}

size_t Transfer::body_bytes(char* bytes, size_t size, size_t count, void* self) {
  return static_cast<Transfer*>(self)->take_body({bytes, size * count});
}

size_t Transfer::take_body(std::string_view bytes) {
  if (cancelled_ || !failure_.ok()) return 0;
  if (paused_) {
    held_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  deadlines_.received();
  if (bytes.size() > request_.max_response_bytes - body_bytes_) {
    fail(resource_exhausted("response_too_large", format("the response body is longer than {} bytes",
                                                         request_.max_response_bytes)));
    return 0;
  }
  body_bytes_ += bytes.size();
  if (request_.decode && is_inflated()) {
    fail(resource_exhausted("response_inflated",
                            format("the body grows more than {} times when decompressed", kMaxInflation)));
    return 0;
  }
  sink_.on_body(bytes);
  return cancelled_ ? 0 : bytes.size();
}

}  // namespace tau::net
