// Fetch: the driver of next_request().
#include "net/fetch.h"

#include <algorithm>
#include <limits>

#include "net/net.h"

namespace tau::net {
namespace {

// The body of a redirect is read, not kept, so that its connection can be used again; up to here.
constexpr uint64_t kMaxIgnoredBytes = 16u << 10;

std::string_view without_www(std::string_view host) {
  return host.starts_with("www.") ? host.substr(4) : host;
}

bool is_other_host(const std::string& from, const std::string& to) {
  const StatusOr<Url> a = parse_url(from);
  const StatusOr<Url> b = parse_url(to);
  return !a.ok() || !b.ok() || without_www(a->host) != without_www(b->host);
}

class RunningFetch final : public Fetch, private HttpSink {
 public:
  RunningFetch(Loop& loop, HttpClient& client, HttpRequest request, FetchOptions options, Done done)
      : loop_(loop),
        client_(client),
        request_(std::move(request)),
        options_(std::move(options)),
        deadline_ns_(loop.now_ns() + options_.total_ms * kNanosPerMilli),
        done_(std::move(done)) {
    request_.max_response_bytes = std::numeric_limits<uint64_t>::max();  // cut here, not failed there
    request_.decode = true;
    send();
  }
  ~RunningFetch() override {
    if (id_ != 0) client_.cancel(id_);
  }

 private:
  void send() {
    const int64_t left_ms = std::max<int64_t>((deadline_ns_ - loop_.now_ns()) / kNanosPerMilli, 1);
    Timeouts& limits = request_.timeouts;
    for (int64_t* limit : {&limits.connect_ms, &limits.first_byte_ms, &limits.idle_ms, &limits.total_ms})
      *limit = *limit > 0 ? std::min(*limit, left_ms) : left_ms;
    seen_.push_back(request_.method + " " + request_.url);
    response_.url = request_.url;
    id_ = client_.start(request_, *this);
  }

  void on_head(int status, const Headers& headers) override {
    response_.status = status;
    response_.headers = headers;
    std::erase_if(response_.headers, [](const auto& header) {
      return header.first == "content-encoding" || header.first == "content-length" ||
             header.first == "transfer-encoding";
    });
    auto next = next_request(request_, status, headers);
    if (!next.ok()) return stop(next.status());
    if (!*next) return;
    const bool may_follow = options_.to_other_hosts || !is_other_host(request_.url, (*next)->url);
    if (!may_follow || (options_.may_follow && !options_.may_follow(**next))) {
      response_.elsewhere = (*next)->url;
      return;
    }
    if (response_.redirects == options_.max_redirects)
      return stop(
          resource_exhausted("redirect_limit", format("more than {} redirects", options_.max_redirects)));
    if (std::find(seen_.begin(), seen_.end(), (*next)->method + " " + (*next)->url) != seen_.end())
      return stop(
          resource_exhausted("redirect_loop", format("{} redirects to where it came from", response_.url)));
    next_ = std::move(*next);
  }

  void on_body(std::string_view bytes) override {
    if (next_) {
      ignored_ += bytes.size();
      if (ignored_ <= kMaxIgnoredBytes) return;
      client_.cancel(id_);
      return follow();
    }
    const uint64_t room = options_.max_body_bytes - response_.body.size();
    response_.body += bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(bytes.size(), room)));
    if (bytes.size() <= room) return;
    response_.truncated = true;
    client_.cancel(id_);
    finish(std::move(response_));
  }

  void on_done(const Status& status) override {
    if (!status.ok()) return finish(status);
    if (next_) return follow();
    finish(std::move(response_));
  }

  void follow() {
    request_ = *std::exchange(next_, std::nullopt);
    ++response_.redirects;
    ignored_ = 0;
    send();
  }

  void stop(const Status& why) {
    client_.cancel(id_);
    finish(why);
  }

  // Nothing of this object is touched after `done` was called.
  void finish(StatusOr<FetchResponse> result) {
    id_ = 0;
    Done done = std::move(done_);
    done(std::move(result));
  }

  Loop& loop_;
  HttpClient& client_;
  HttpRequest request_;
  const FetchOptions options_;
  const int64_t deadline_ns_;
  Done done_;
  RequestId id_ = 0;
  FetchResponse response_;
  std::optional<HttpRequest> next_;  // of the redirect being read
  uint64_t ignored_ = 0;
  std::vector<std::string> seen_;
};

}  // namespace

std::unique_ptr<Fetch> Fetch::start(Loop& loop, HttpClient& client, HttpRequest request, FetchOptions options,
                                    Done done) {
  return std::make_unique<RunningFetch>(loop, client, std::move(request), std::move(options),
                                        std::move(done));
}

}  // namespace tau::net
