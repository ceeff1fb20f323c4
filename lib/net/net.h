// The public face of net: the event loop, the HTTP client, SSE framing, and the policies they obey.
// This is the one HTTP egress of libtau.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/base.h"
#include "net/fetch.h"      // IWYU pragma: export
#include "net/proxy.h"      // IWYU pragma: export
#include "net/reference.h"  // IWYU pragma: export
#include "net/task.h"       // IWYU pragma: export

namespace tau::net {

using TimerId = uint64_t;  // 0 is never a timer

// Where state lives: everything given to one loop runs on that loop's thread, one thing at a time, in order.
// Abstract so that the simulator can put its own clock and scheduler under the real driver.
class Loop {
 public:
  virtual ~Loop() = default;
  // Any thread. `task` runs on the loop's thread, after whatever runs now. Tasks posted after the loop
  // stopped are destroyed unrun.
  virtual void post(Task task) = 0;
  // Owner thread only, all that follow.
  virtual bool on_owner_thread() const = 0;
  virtual int64_t now_ns() = 0;                                   // monotonic; cached per turn of the loop
  virtual TimerId set_timer(int64_t deadline_ns, Task task) = 0;  // one shot
  virtual void cancel_timer(TimerId id) = 0;                      // unknown ids are ignored
  // Any thread: work on behalf of `owner` failed there for lack of memory, as if a task had thrown
  // std::bad_alloc.
  virtual void out_of_memory(Owner owner) noexcept { (void)owner; }
};

// The real loop: epoll. Driven by its owner: process() once in a while, or whenever fd() is readable.
class EventLoop : public Loop {
 public:
  using IoHandler = UniqueFunction<void(uint32_t epoll_events)>;

  // How threads that may outlive the loop post to it.
  class Poster {
   public:
    virtual ~Poster() = default;
    // Any thread. False when the loop has ended: the task was destroyed unrun.
    virtual bool post(Task task) = 0;
  };

  // `clock` decides which timers are due. The calling thread is the owner until process() is called by
  // another.
  static StatusOr<std::unique_ptr<EventLoop>> create(Clock& clock);

  // Becomes readable when process(0) has something to do, timers included (a timerfd). Level-triggered. Posts
  // cost a system call from the first call of this on: ask only for a descriptor that will be polled. Any
  // thread.
  virtual int fd() = 0;
  // Makes the calling thread the owner, waits at most `timeout_ms` (-1: no limit, 0: not at all) for work,
  // runs all that is ready: descriptors, then timers, then tasks. Returns how many handlers, timers and tasks
  // ran; 0 after a wake(), a signal or a timer that was cancelled. FAILED_PRECONDITION "loop_busy" inside
  // itself or while another thread is in it.
  virtual StatusOr<int> process(int timeout_ms) = 0;
  // Any thread, async-signal-safe: makes process() return or run `post`ed work.
  virtual void wake() = 0;
  // post() by another thread needs a living loop; this handle does not.
  virtual std::shared_ptr<Poster> poster() = 0;
  // Owner thread. One handler per fd; `events` is EPOLLIN | EPOLLOUT. The loop does not own the fd. A handler
  // may unwatch, watch and close any fd, its own too: none that was unwatched is called any more.
  virtual Status watch(int fd, uint32_t events, IoHandler handler) = 0;
  virtual Status rewatch(int fd, uint32_t events) = 0;
  virtual void unwatch(int fd) = 0;
  // Owner thread. Called on the loop when a timer, a task or a handler threw std::bad_alloc, with whom it
  // belonged to, before anything else runs; and for out_of_memory(). The loop goes on. Must not throw.
  virtual void on_out_of_memory(UniqueFunction<void(Owner)> handler) = 0;
  // Owner thread. Up to so many owners at once out_of_memory() can tell of.
  virtual void expect_owners(size_t count) = 0;
};

// Strict: user information, spaces, control characters, backslashes, characters outside ASCII, IPv4 addresses
// in any but dotted decimal form, empty labels (a trailing dot, too) and port 0 are refused. Percent-encoding
// is kept, a fragment is dropped. INVALID_ARGUMENT "invalid_url".
StatusOr<Url> parse_url(std::string_view url);

// A socket address that a connection is about to use or uses.
struct Address {
  bool is_v6 = false;
  uint8_t bytes[16] = {};  // network order; 4 used when v4
  uint16_t port = 0;
  std::string to_string() const;
  bool is_loopback() const;  // 127.0.0.0/8, ::1 and v4-mapped forms
  // Anything but a public unicast host: loopback, link-local, RFC 1918, ULA, CGNAT, unspecified, multicast,
  // documentation and reserved blocks; v4-mapped, NAT64, 6to4, Teredo and ISATAP forms by the IPv4 address
  // they carry.
  bool is_private() const;
};
// An IPv4 or IPv6 address as text, no brackets, no zone; INVALID_ARGUMENT "invalid_address".
StatusOr<Address> parse_address(std::string_view ip, uint16_t port);

// Decides which connections may exist. Called on the loop's thread before a request starts, when a socket is
// about to connect, and again when a pooled connection is reused: never cache a verdict.
class EgressPolicy {
 public:
  virtual ~EgressPolicy() = default;
  // A refusal whose reason begins with "egress_" keeps it; any other becomes "egress_denied".
  virtual Status check_url(const Url& url) = 0;
  virtual Status check_address(const Url& url, const Address& address) = 0;
  // Whether this text may go to that URL: its path and query, a header's value, the body. Before anything is
  // sent; the credential, which the client adds, is not among them.
  virtual Status check_content(const Url& url, std::string_view text) {
    (void)url, (void)text;
    return ok_status();
  }
};

// Supplies the secret of a request at the moment it is sent. A credential is bound to origins: get() returns
// PERMISSION_DENIED "credential_origin_mismatch" for any other, and the request is not sent.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  virtual StatusOr<Secret> get(std::string_view credential_id, const Url& url) = 0;
};

struct HttpRequest;

// Makes of a credential the headers, (name, value), that go with one request: for schemes in which a key
// signs and is not sent. Called at the moment the request is sent, with its URL.
using CredentialSigner = std::function<StatusOr<std::vector<std::pair<std::string, Secret>>>(
    const HttpRequest& request, const Url& url, const Secret& credential)>;

struct Timeouts {  // milliseconds; 0 = no limit
  int64_t connect_ms = 10'000;
  int64_t first_byte_ms = 60'000;  // from the request being sent to the first byte of the response
  int64_t idle_ms = 60'000;        // between two reads of the body
  int64_t total_ms = 600'000;
};

struct HttpRequest {
  std::string method = "POST";
  std::string url;
  // Never a secret: see credential. Headers that frame the message (host, content-length, ...) and
  // accept-encoding are refused: "invalid_request".
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool wipe_body = false;  // overwritten when the request is over: it holds a secret
  Timeouts timeouts;
  std::string credential_id;  // empty: none
  std::string credential_header = "authorization";
  std::string credential_prefix = "Bearer ";
  CredentialSigner signer;                  // in place of that header
  uint64_t max_response_bytes = 64u << 20;  // as delivered
  // Asks for a compressed body (gzip, deflate, br, zstd, as libcurl was built) and delivers it decompressed.
  // One that grows more than kMaxInflation times fails with "response_inflated"; the first
  // kFreeInflatedBytes are free. Off: a compressed body is an error.
  bool decode = false;
  // Nothing is sent: the sink gets the connection, for bytes of its own, and libtau speaks no TLS on it.
  // Path, headers and body are judged all the same. Through a proxy it is a tunnel (CONNECT), whatever the
  // scheme.
  bool connect_only = false;
};
inline constexpr uint64_t kMaxInflation = 200;
inline constexpr uint64_t kFreeInflatedBytes = 1u << 20;

// Receives one response. Called on the loop's thread, never from inside start() or cancel(); on_done comes
// exactly once and last, unless the request was cancelled, then never.
class HttpSink {
 public:
  virtual ~HttpSink() = default;
  // Final status line and headers (names in lower case). Redirects are not followed: a 3xx is a response.
  virtual void on_head(int status, const std::vector<std::pair<std::string, std::string>>& headers) = 0;
  virtual void on_body(std::string_view bytes) = 0;
  // Of a request that only connects, before on_done with OK: a nonblocking socket, the sink's to close.
  virtual void on_connected(int socket) { (void)socket; }
  // OK: the response is complete. Else reasons: connect_failed, dns_failed, tls_failed, connect_timeout,
  // first_byte_timeout, idle_timeout, total_timeout, connection_reset, response_too_large, response_inflated,
  // egress_denied or whatever reason "egress_…" the policy gives, proxy_refused, credential_over_proxy,
  // credential_origin_mismatch (and whatever else the credential source says), invalid_url, invalid_request,
  // invalid_response, libcurl_missing, transfer_failed (what libcurl reports and nothing here has a name
  // for). `retryable` is set where no byte of the response had arrived and a new try may help. A request on a
  // pooled connection that breaks before any response byte is repeated once on its own, silently. One limit
  // of libcurl: an HTTP/2 body without content-length that the server resets with NO_ERROR counts as
  // complete.
  virtual void on_done(const Status& status) = 0;
};

using RequestId = uint64_t;

// Abstract for the simulator. Owner thread of its loop only. Sinks may start, cancel, pause and resume any
// request from any of their functions; they must not destroy the client. Destroying it cancels what is under
// way.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // `sink` must live until on_done or cancel. Bad requests fail through on_done, too.
  virtual RequestId start(HttpRequest request, HttpSink& sink) = 0;
  virtual void cancel(RequestId id) = 0;  // closes the connection at once; unknown ids are ignored
  // Flow control: stop and resume reading the body.
  virtual void pause(RequestId id) = 0;
  virtual void resume(RequestId id) = 0;
};

struct HttpClientOptions {
  std::string ca_file;  // the authorities to trust, and no others; empty: the system's trust store
  // "http://host:port"; empty: none. The environment is never read. https goes through a tunnel (CONNECT); a
  // credential on http through a proxy is refused ("credential_over_proxy"); this machine (localhost,
  // 127.0.0.0/8,
  // ::1) is reached without it.
  std::string proxy;
  // Names with the addresses to use in place of the resolver's: "host:port:address,address". For tests.
  std::vector<std::string> fixed_addresses;
  int max_connections = 256;  // and requests under way; more wait in order
  int64_t max_connection_age_ms = 300'000;
  int64_t max_connection_idle_ms = 55'000;
  std::string user_agent;
  // Requests to http origins that are an IP address or "localhost" are carried by libtau itself, each on a
  // connection of HTTP/1.1, unless they decode, only connect, or a proxy or fixed addresses are set. False:
  // by libcurl, like all others. The limits above are each client's.
  bool native_http = true;
};

// libcurl is loaded from the shared library at the first request that it carries; UNAVAILABLE
// "libcurl_missing" if there is none.
std::unique_ptr<HttpClient> make_http_client(EventLoop& loop, EgressPolicy& egress,
                                             CredentialSource& credentials, HttpClientOptions options);
// Whether libcurl is mapped into this process by us.
bool http_library_loaded();

// Server-sent events (WHATWG HTML, section 9.2): bytes in any split in, events out.
struct SseEvent {
  std::string_view type;  // "message" when the stream names none
  std::string_view data;  // several data lines joined by '\n'
  std::string_view id;
};

class SseParser {
 public:
  static constexpr size_t kMaxEventBytes = 16u << 20;

  // Calls on_event(SseEvent) for each event that `bytes` completes; views are valid during the call only. A
  // false return stops parsing. RESOURCE_EXHAUSTED "sse_event_too_large" beyond kMaxEventBytes.
  template <class F>
  Status feed(std::string_view bytes, F&& on_event) {
    using Function = std::remove_reference_t<F>;
    return feed_impl(
        bytes, [](void* f, const SseEvent& e) -> bool { return (*static_cast<Function*>(f))(e); },
        const_cast<void*>(static_cast<const void*>(std::addressof(on_event))));
  }
  // At end of stream: whether an event was cut off. The standard drops it; feed("\n\n") delivers it, for
  // senders that omit the last blank line.
  bool has_partial() const;
  // Time in ms that the stream last asked for by "retry:", or -1.
  int64_t retry_ms() const { return retry_ms_; }

 private:
  using Callback = bool (*)(void* f, const SseEvent& event);
  struct Draft;
  Status feed_impl(std::string_view bytes, Callback callback, void* f);
  void parse(std::string_view bytes, Callback callback, void* f);
  std::string_view skip_byte_order_mark(std::string_view bytes);
  const char* after_line_end(const char* eol, const char* end);
  // These three return false when parsing is over.
  bool take_line(std::string_view line, Draft& draft, Callback callback, void* f);
  bool take_field(std::string_view line, Draft& draft);
  bool add_data(std::string_view value, Draft& draft);
  void keep(const Draft& draft);
  void fail_too_large();

  std::string line_;  // an unfinished line of earlier bytes
  std::string data_;  // data and type of an unfinished event of earlier bytes
  std::string type_;
  std::string id_;
  bool have_data_ = false;
  bool last_was_cr_ = false;
  bool at_start_ = true;
  uint8_t bom_matched_ = 0;  // bytes of a byte order mark seen at the start
  bool stopped_ = false;
  bool too_large_ = false;
  int64_t retry_ms_ = -1;
};

}  // namespace tau::net
