// A route over HTTP: one model call is one or more attempts. This is the only retry layer, and it retries
// only while nothing of an answer has reached the host. (net repeats a request whose pooled connection turns
// out to be dead, once; that says nothing about the provider and counts as no attempt.)
#include <algorithm>
#include <iterator>
#include <map>

#include "provider/adaptations.h"
#include "provider/aws_signature.h"
#include "provider/endpoint.h"
#include "provider/prompt_prefix.h"
#include "provider/provider.h"
#include "provider/retry.h"

namespace tau::provider {
namespace {

constexpr size_t kMaxErrorBody = 1u << 20;
constexpr uint32_t kMaxToolCalls = 1024;  // of an answer: each is kept, shown and answered one by one
constexpr int64_t kLingerMs = 2'000;      // how long a finished stream may take to close its connection

// For net, bytes of the response have arrived and a retry is not its to decide; here none of them was
// content.
bool was_cut(const Status& status) {
  return status.reason() == "connection_reset" || status.reason() == "idle_timeout";
}

class HttpModel;

// One model call and its current attempt.
class Call final : public net::HttpSink, private wire::StreamSink {
 public:
  Call(HttpModel& model, CallId id, ModelCall call, CallSink& sink);
  ~Call() override;

  void begin();  // the first attempt
  void authorized(StatusOr<int64_t> generation);
  wire::Response cut();

 private:
  void attempt();
  Status encode();
  bool adapt(const Status& status);
  void again(int64_t delay_ms);
  void reset();
  void authorize();
  bool renew_token();
  void send();
  net::HttpRequest make_request() const;
  bool streaming() const { return !error_status_ && !whole_body_; }
  void fail(Status status);
  void deliver(wire::Response response);
  void remember();
  void arm_progress();
  void progress_due();
  void drop_http();

  void on_head(int status, const Headers& headers) override;
  void on_body(std::string_view bytes) override;
  void on_done(const Status& status) override;
  void on_event(const wire::StreamEvent& event) override;
  bool take(std::string_view type, std::string_view data, Status& failure);
  Status finish_stream();
  StatusOr<wire::Response> finish_body();
  Status http_error() const;
  Status unexpected_content() const;
  std::string_view content_type() const;

  HttpModel& model_;
  CallId id_;
  ModelCall call_;
  CallSink& sink_;
  std::string body_;
  wire::Quirks quirks_;  // the route's, and what was learned
  std::vector<std::shared_ptr<const AdaptRule>> adapted_;
  int attempt_ = 0;
  Status previous_;
  net::RequestId http_ = 0;
  net::TimerId timer_ = 0;
  int64_t last_progress_ns_ = 0;
  std::unique_ptr<wire::StreamDecoder> decoder_;
  wire::FrameReader frames_{wire::Framing::kSse};
  int error_status_ = 0;     // the HTTP status of a failed attempt
  bool whole_body_ = false;  // the provider answered without streaming
  Headers headers_;
  std::string buffer_;       // of an error or a whole body
  uint32_t tool_calls_ = 0;  // streamed so far
  int64_t token_ = 0;        // the generation of the login's token that was sent
  int64_t refused_ = 0;      // the one that was not accepted
  bool renewed_ = false;     // another one was asked for
  bool delivered_ = false;   // something reached the host: no further attempt
  bool over_ = false;        // the sink has had its last word
};

class HttpModel final : public Model {
 public:
  HttpModel(Route route, net::HttpClient& http, net::Loop& loop, Random& random, Authorizer* authorizer)
      : route_(std::move(route)),
        http_(http),
        loop_(loop),
        random_(random),
        authorizer_(authorizer),
        place_(format("{} {} {}", route_.provider, route_.model, route_.base_url)),
        self_(std::make_shared<HttpModel*>(this)) {}

  ~HttpModel() override { *self_ = nullptr; }

  CallId start(ModelCall call, CallSink& sink) override {
    const CallId id = ++last_id_;
    calls_.emplace(id, std::make_unique<Call>(*this, id, std::move(call), sink));
    // Not from inside start(): a failure to encode must come through the sink, later.
    loop_.post([self = self_, id] {
      if (*self == nullptr) return;
      if (const auto it = (*self)->calls_.find(id); it != (*self)->calls_.end()) it->second->begin();
    });
    return id;
  }

  wire::Response cancel(CallId id) override {
    const auto it = calls_.find(id);
    if (it == calls_.end()) return {};
    wire::Response partial = it->second->cut();
    retire(id);
    return partial;
  }

  const Route& route() const override { return route_; }

  // Calls that wait are found by their id: they may be over by then.
  void wait_for_token(CallId id, int64_t refused) {
    authorizer_->wait(route_.auth, refused, [self = self_, id](StatusOr<int64_t> generation) {
      if (*self == nullptr) return;
      if (const auto it = (*self)->calls_.find(id); it != (*self)->calls_.end())
        it->second->authorized(std::move(generation));
    });
  }

  // The call may be on the stack: it is destroyed on the next turn of the loop.
  void retire(CallId id) {
    auto node = calls_.extract(id);
    if (node.empty()) return;
    loop_.post([call = std::move(node.mapped())]() mutable { call.reset(); });
  }

  Route route_;
  net::HttpClient& http_;
  net::Loop& loop_;
  Random& random_;
  Authorizer* const authorizer_;
  // The server and the model, for what is learned of them.
  const std::string place_;
  PromptPrefixes prefixes_;

 private:
  std::shared_ptr<HttpModel*> self_;
  std::map<CallId, std::unique_ptr<Call>> calls_;
  CallId last_id_ = 0;
};

Status too_many_calls() {
  return Status(Code::kResourceExhausted, "too_many_tool_calls",
                format("the model asked for more than {} tool calls at once", kMaxToolCalls));
}

// Servers are not strict in the type that they give an event stream, but these are none.
bool is_page_or_media(std::string_view content_type) {
  for (const char* kind : {"text/html", "image/", "audio/", "video/", "font/"})
    if (content_type.starts_with(kind)) return true;
  return false;
}

// Signs a request for AWS at the moment it is sent.
net::CredentialSigner aws_signer(std::string region) {
  return
      [region = std::move(region)](const net::HttpRequest& request, const net::Url& url, const Secret& key) {
        const size_t query = std::min(url.target.find('?'), url.target.size());
        const std::string origin = url.origin();
        AwsRequest signed_part;
        signed_part.method = request.method;
        signed_part.host = std::string_view(origin).substr(origin.find("//") + 2);
        signed_part.path = std::string_view(url.target).substr(0, query);
        signed_part.query = std::string_view(url.target).substr(std::min(query + 1, url.target.size()));
        for (const auto& [name, value] : request.headers)
          if (name == "content-type") signed_part.headers.emplace_back(name, value);
        signed_part.body = request.body;
        signed_part.region = region.empty() ? aws_region_of(url.host) : std::string_view(region);
        signed_part.service = "bedrock";
        signed_part.time_s = system_clock().wall_ms() / 1000;
        return sign_aws(signed_part, key);
      };
}

Call::Call(HttpModel& model, CallId id, ModelCall call, CallSink& sink)
    : model_(model), id_(id), call_(std::move(call)), sink_(sink) {}

Call::~Call() { drop_http(); }

void Call::drop_http() {
  if (http_ != 0) model_.http_.cancel(std::exchange(http_, 0));
  if (timer_ != 0) model_.loop_.cancel_timer(std::exchange(timer_, 0));
}

wire::Response Call::cut() {
  drop_http();
  const bool have = decoder_ != nullptr && !over_;
  over_ = true;
  return have ? decoder_->take_response() : wire::Response();
}

void Call::begin() {
  quirks_ = model_.route_.quirks;
  Adaptations::process().apply(model_.place_, call_.session_id, quirks_);
  if (Status status = encode(); !status.ok()) return fail(std::move(status));
  attempt();
}

Status Call::encode() {
  const wire::Dialect& dialect = *model_.route_.dialect;
  wire::Request scratch;
  const wire::Request& fitted = wire::fit(*call_.request, dialect, quirks_, scratch, call_.target.model);
  TAU_ASSIGN_OR_RETURN(body_, dialect.encode_request(fitted, quirks_, call_.target));
  if (call_.session_id.empty()) return ok_status();  // nobody's conversation
  PromptSize size;
  size.bytes = static_cast<int64_t>(body_.size());
  const std::string_view skipped =
      &fitted == &scratch ? wire::breakpoint_text(dialect, fitted.prompt_cache) : std::string_view();
  size.prefix_bytes = model_.prefixes_.follow(call_.session_id, body_, skipped);
  sink_.on_prompt(size);
  return ok_status();
}

// Whether the server said what it wants and can be given it: then the request is as it wants it. Each rule
// has one try, and only one that changes what is sent.
bool Call::adapt(const Status& status) {
  const Route& route = model_.route_;
  if (delivered_ || over_ || (error_status_ != 0 && (error_status_ < 400 || error_status_ > 422)))
    return false;
  std::vector<std::string> used;
  for (const auto& rule : adapted_) used.push_back(rule->name);
  const QuirkTable& table = route.table != nullptr ? *route.table : QuirkTable::built_in();
  const std::string said = error_status_ != 0 ? buffer_ : std::string(status.message());
  while (const auto rule = table.find_rule(route.provider, said, quirks_, used)) {
    used.push_back(rule->name);
    const wire::Quirks before = quirks_;
    (void)wire::set_quirks(rule->set, quirks_);
    const std::string refused = std::exchange(body_, {});
    if (!encode().ok() || body_ == refused) {
      quirks_ = before;
      body_ = refused;
      continue;
    }
    adapted_.push_back(rule);
    RouteDecision told;
    told.decision = "adapted";
    told.reason = rule->name;
    told.message = status.message();
    const std::string upstream = format("{}/{}", route.provider, route.model);
    told.upstream = upstream;
    told.attempt = attempt_;
    sink_.on_decision(told);
    return true;
  }
  return false;
}

// Another attempt, after a pause.
void Call::again(int64_t delay_ms) {
  timer_ = model_.loop_.set_timer(model_.loop_.now_ns() + delay_ms * kNanosPerMilli, [this] {
    timer_ = 0;
    attempt();
  });
}

net::HttpRequest Call::make_request() const {
  const Route& route = model_.route_;
  net::HttpRequest request;
  const Endpoint& endpoint = endpoint_of(*route.dialect);
  const bool stream = call_.request->stream;
  request.url = endpoint_url(route, stream);
  request.headers = {{"content-type", "application/json"},
                     {"accept", std::string(stream ? endpoint.stream_type : "application/json")},
                     {"x-request-id", call_.request_id.str()}};
  if (!endpoint.header.empty()) request.headers.emplace_back(endpoint.header, endpoint.value);
  if (!call_.traceparent.empty()) request.headers.emplace_back("traceparent", call_.traceparent);
  request.headers.insert(request.headers.end(), route.headers.begin(), route.headers.end());
  request.body = body_;
  request.timeouts = {route.deadlines.connect_ms, route.deadlines.first_byte_ms, route.deadlines.idle_ms,
                      route.deadlines.total_ms};
  request.credential_id = route.credential_id;
  const bool own = !route.credential_header.empty();
  request.credential_header = own ? std::string_view(route.credential_header) : endpoint.key_header;
  request.credential_prefix = own ? std::string_view(route.credential_prefix) : endpoint.key_prefix;
  if (route.aws_signature) request.signer = aws_signer(route.aws_region);
  return request;
}

void Call::attempt() {
  ++attempt_;
  reset();
  sink_.on_attempt(attempt_, previous_);
  if (!over_) authorize();
}

void Call::reset() {
  decoder_ = model_.route_.dialect->stream_decoder(quirks_);
  frames_ = wire::FrameReader(model_.route_.dialect->framing());
  error_status_ = 0;
  tool_calls_ = 0;
  whole_body_ = false;
  buffer_.clear();
  headers_.clear();
}

void Call::authorize() {
  const Route& route = model_.route_;
  if (route.auth.empty() || model_.authorizer_ == nullptr) return send();
  const std::optional<int64_t> good = model_.authorizer_->ready(route.auth, refused_);
  if (!good) return model_.wait_for_token(id_, refused_);
  token_ = *good;
  send();
}

void Call::authorized(StatusOr<int64_t> generation) {
  if (over_ || http_ != 0) return;
  if (!generation.ok()) return fail(std::move(generation).status());
  token_ = *generation;
  send();
}

// A token that a server does not accept any more before its time: once a call, with the same attempt.
bool Call::renew_token() {
  if (error_status_ != 401 || renewed_ || token_ == 0 || delivered_) return false;
  renewed_ = true;
  refused_ = token_;
  reset();
  authorize();
  return true;
}

void Call::send() {
  http_ = model_.http_.start(make_request(), *this);
  last_progress_ns_ = model_.loop_.now_ns();
  arm_progress();
}

// Pings keep bytes coming: this timer watches content. It re-arms itself lazily instead of at every delta.
void Call::arm_progress() {
  const int64_t limit = model_.route_.deadlines.progress_ms;
  if (limit <= 0) return;
  timer_ = model_.loop_.set_timer(last_progress_ns_ + limit * kNanosPerMilli, [this] { progress_due(); });
}

void Call::progress_due() {
  timer_ = 0;
  const int64_t limit_ns = model_.route_.deadlines.progress_ms * kNanosPerMilli;
  if (model_.loop_.now_ns() - last_progress_ns_ < limit_ns) return arm_progress();
  drop_http();
  ErrorInfo info;
  info.code = Code::kDeadlineExceeded;
  info.reason = "progress_timeout";
  info.message = format("no content came for {} ms", model_.route_.deadlines.progress_ms);
  info.retryable = true;
  fail(Status(std::move(info)));
}

void Call::on_head(int status, const Headers& headers) {
  headers_ = headers;
  if (status < 200 || status > 299) {
    error_status_ = status;
    return;
  }
  whole_body_ = content_type().starts_with("application/json");
}

std::string_view Call::content_type() const {
  for (const auto& [name, value] : headers_)
    if (name == "content-type") return value;
  return {};
}

void Call::on_body(std::string_view bytes) {
  if (over_) return;
  if (!streaming()) {
    if (error_status_ == 0 || buffer_.size() < kMaxErrorBody) buffer_ += bytes;
    return;
  }
  Status failure;
  const Status framing = frames_.feed(
      bytes, [&](std::string_view type, std::string_view data) { return take(type, data, failure); });
  if (over_) return;
  if (failure.ok()) failure = framing;
  if (!failure.ok()) {
    drop_http();
    return fail(std::move(failure));
  }
  if (!decoder_->finished()) return;
  // The answer is complete; the connection may still want to end in order, to be used again.
  if (timer_ != 0) model_.loop_.cancel_timer(std::exchange(timer_, 0));
  timer_ = model_.loop_.set_timer(model_.loop_.now_ns() + kLingerMs * kNanosPerMilli, [this] {
    timer_ = 0;
    drop_http();
    model_.retire(id_);
  });
  over_ = true;
  remember();
  sink_.on_response(decoder_->take_response());
}

// False when nothing more is wanted of the stream.
bool Call::take(std::string_view type, std::string_view data, Status& failure) {
  failure = decoder_->event(type, data, *this);
  if (failure.ok() && tool_calls_ > kMaxToolCalls) failure = too_many_calls();
  return failure.ok() && !over_ && !decoder_->finished();
}

// What the end of the body completes.
Status Call::finish_stream() {
  Status failure;
  const Status framing =
      frames_.end([&](std::string_view type, std::string_view data) { return take(type, data, failure); });
  TAU_RETURN_IF_ERROR(failure);
  if (!decoder_->finished()) TAU_RETURN_IF_ERROR(framing);
  return decoder_->end(*this);
}

void Call::on_event(const wire::StreamEvent& event) {
  if (over_) return;
  if (event.kind == wire::StreamEvent::Kind::kToolCall && ++tool_calls_ > kMaxToolCalls) return;
  if (event.kind != wire::StreamEvent::Kind::kPing) last_progress_ns_ = model_.loop_.now_ns();
  switch (event.kind) {
    case wire::StreamEvent::Kind::kText:
    case wire::StreamEvent::Kind::kReasoning:
    case wire::StreamEvent::Kind::kToolCall: delivered_ = true; break;
    default: break;
  }
  sink_.on_event(event);
}

StatusOr<wire::Response> Call::finish_body() {
  if (error_status_ != 0) return http_error();
  if (whole_body_) return model_.route_.dialect->decode_response(buffer_, quirks_);
  const Status ended = finish_stream();
  if (!ended.ok() && !delivered_ && is_page_or_media(content_type())) return unexpected_content();
  TAU_RETURN_IF_ERROR(ended);
  return decoder_->take_response();
}

// A page to log in, or that of another server: asking again would not help.
Status Call::unexpected_content() const {
  return failed_precondition("unexpected_content",
                             format("{} answered with {}, which is neither an event stream nor JSON: "
                                    "correct the base URL",
                                    model_.route_.base_url, content_type()));
}

// net follows no redirect: the key and the conversation would go where the other side says.
Status redirect_refused(int http_status, const Headers& headers) {
  std::string place = "elsewhere";
  for (const auto& [name, value] : headers) {
    if (name != "location") continue;
    const StatusOr<net::Url> url = net::parse_url(value);
    if (url.ok()) place = "to " + url->origin() + url->target.substr(0, url->target.find('?'));
    if (value.starts_with('/') && !value.starts_with("//"))
      place = "to its " + value.substr(0, value.find('?'));
  }
  return failed_precondition(
      "redirect_refused",
      format("the provider redirects {} (HTTP {}), which is not followed: correct the base "
             "URL if it is the right place",
             place, http_status));
}

Status Call::http_error() const {
  if (error_status_ >= 300 && error_status_ < 400) return redirect_refused(error_status_, headers_);
  return wire::decode_http_error(*model_.route_.dialect, error_status_, headers_, buffer_);
}

void Call::on_done(const Status& status) {
  http_ = 0;
  if (over_) {  // the answer was complete before its connection was
    drop_http();
    model_.retire(id_);
    return;
  }
  if (timer_ != 0) model_.loop_.cancel_timer(std::exchange(timer_, 0));
  if (!status.ok()) return fail(status);
  if (renew_token()) return;
  auto response = finish_body();
  if (over_) return;
  if (!response.ok()) return fail(response.status());
  if (whole_body_) {
    const std::string text = response->message.text();
    if (!text.empty()) sink_.on_event({.kind = wire::StreamEvent::Kind::kText, .text = text});
    if (over_) return;
  }
  deliver(*std::move(response));
}

void Call::deliver(wire::Response response) {
  const auto is_call = [](const wire::Part& part) { return part.as<wire::ToolCall>() != nullptr; };
  if (std::ranges::count_if(response.message.parts, is_call) > kMaxToolCalls) return fail(too_many_calls());
  over_ = true;
  model_.retire(id_);
  remember();
  sink_.on_response(std::move(response));
}

// An adapted request was answered: the next one is made like that.
void Call::remember() {
  for (const auto& rule : adapted_) Adaptations::process().learn(model_.place_, call_.session_id, rule);
}

void Call::fail(Status status) {
  const bool adapted = adapt(status);
  if (over_) return;  // who was told gave up
  if (adapted) {
    previous_ = std::move(status);
    return again(0);
  }
  const RetryPolicy& policy = model_.route_.retry;
  const int tries = attempt_ - static_cast<int>(adapted_.size());
  const bool waits_too_long = status.retry_after_ms() > policy.max_retry_after_ms;
  const bool may_help = status.retryable() || was_cut(status);
  if (may_help && !delivered_ && tries < policy.max_attempts && !waits_too_long) {
    const int64_t delay = retry_delay_ms(policy, tries + 1, status.retry_after_ms(), model_.random_);
    previous_ = std::move(status);
    return again(delay);
  }
  over_ = true;
  model_.retire(id_);
  sink_.on_failure(status, decoder_ != nullptr ? decoder_->take_response() : wire::Response());
}

}  // namespace

std::unique_ptr<Model> make_http_model(Route route, net::HttpClient& http, net::Loop& loop, Random& random,
                                       Authorizer* authorizer) {
  return std::make_unique<HttpModel>(std::move(route), http, loop, random, authorizer);
}

}  // namespace tau::provider
