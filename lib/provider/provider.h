// The public face of provider: one model call, through one route, with deadlines, retries and typed errors.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "net/net.h"
#include "provider/model_catalog.h"  // IWYU pragma: export
#include "provider/money.h"          // IWYU pragma: export
#include "wire/wire.h"

namespace tau::provider {

// Milliseconds, 0 = no limit. `idle_ms` bounds the silence between bytes, `progress_ms` the silence between
// events that carry content (pings keep bytes coming), `total_ms` one attempt as a whole.
struct Deadlines {
  int64_t connect_ms = 10'000;
  int64_t first_byte_ms = 120'000;
  int64_t idle_ms = 60'000;
  int64_t progress_ms = 120'000;
  int64_t total_ms = 900'000;
};

struct RetryPolicy {
  int max_attempts = 3;  // the first one included
  int64_t base_delay_ms = 200;
  int64_t max_delay_ms = 12'800;
  int64_t max_retry_after_ms = 60'000;  // a longer Retry-After fails at once
};

// How a route chooses among its upstreams.
enum class Strategy : uint8_t { kOrdered, kWeighted, kLatency, kCost };

// Where and how a model is reached.
struct Route {
  std::string provider;  // "openai", "anthropic", "local", …
  std::string model;     // as the provider names it
  std::string base_url;  // without the dialect's path; {model} stands for the model
  std::string query;     // of each request's URL; may be empty
  const wire::Dialect* dialect = nullptr;
  wire::Quirks quirks;
  std::string credential_id;      // empty: none needed
  std::string credential_header;  // empty: header and prefix are those of the dialect
  std::string credential_prefix;  // used as it stands when a header is given
  bool aws_signature = false;     // the key is not sent: it signs each request (AWS Signature V4)
  std::string aws_region;         // empty: as the host says
  std::vector<std::pair<std::string, std::string>> headers;
  std::string recording;  // the file that answers in the place of a server; empty: none
  bool record = true;     // where there is a recorder
  Deadlines deadlines;
  RetryPolicy retry;
  Price price;
  int64_t context_tokens = 0;     // 0: unknown
  int64_t max_output_tokens = 0;  // 0: unknown
  Abilities abilities;
};

// The URL of a request: base URL, path, query.
std::string endpoint_url(const Route& route, bool stream);
// Whether a key may sign for AWS: "<access key id>:<secret>", and ":<session token>" where there is one.
bool is_aws_key(std::string_view key);

// A provider known by name: its base URL, dialect, habits and the environment variable of its key.
struct KnownProvider {
  std::string_view name;
  std::string_view base_url;
  std::string_view dialect;
  std::string_view key_variable;  // empty: no key
  std::string_view default_model;
  wire::Quirks quirks;
};
const KnownProvider* find_provider(std::string_view name);
const std::vector<KnownProvider>& known_providers();

// "provider/model"; the model may contain slashes. INVALID_ARGUMENT "invalid_model_reference" names what is
// known when the provider is not.
struct ModelReference {
  std::string provider;
  std::string model;
};
StatusOr<ModelReference> parse_model_reference(std::string_view text);

struct ModelCall {
  SharedString request_id;                 // stays the same over retries and after a crash
  std::string traceparent;                 // W3C; empty: none
  const wire::Request* request = nullptr;  // lives until the call ends or is cancelled
  wire::Target target;                     // what is asked for in the place of what the request says
  // Who calls, for limits and budgets; each may be empty.
  SharedString run_id;
  SharedString session_id;
  SharedString principal;
};

// What a route decided of a call. Texts live during the callback.
struct RouteDecision {
  // "selected", "skipped", "waiting", "failed", "failover", "retry", "hedge", "hedge_lost", "recovery",
  // "answers", "breaker_opened", "breaker_closed", "gave_up".
  std::string_view decision;
  std::string_view reason;       // stable; docs/routing.md has the table
  std::string_view message;      // for people; may be empty
  std::string_view upstream;     // "provider/model"; empty: it is about the route
  int attempt = 0;               // from 1; 0: before the first
  int64_t wait_ms = -1;          // of "waiting"
  const Route* route = nullptr;  // of "selected", "failover", "retry", "hedge", "recovery", and of "answers"
};

class CallSink : public wire::StreamSink {
 public:
  // A new attempt begins (from 1); `previous` says how the one before failed. Its deltas are void.
  virtual void on_attempt(int attempt, const Status& previous) = 0;
  virtual void on_response(wire::Response response) = 0;
  // A route with several upstreams tells what it does. What it costs follows the last one that it chose: that
  // of "selected", "failover", "retry", "hedge" or "recovery", and of "answers", which says which one won.
  virtual void on_decision(const RouteDecision& decision) { (void)decision; }
  // The last word when there is no response. After some deltas were delivered no retry is made: the partial
  // message is `partial` (may have no parts).
  virtual void on_failure(const Status& status, wire::Response partial) = 0;
};

using CallId = uint64_t;

// A model behind some transport. Owner thread of its loop only; sinks are never called from inside start()
// or cancel(); exactly one of on_response and on_failure comes, unless cancelled, then neither.
class Model {
 public:
  virtual ~Model() = default;
  virtual CallId start(ModelCall call, CallSink& sink) = 0;
  // Gives up a call and returns what of the answer had arrived; empty for an unknown id.
  virtual wire::Response cancel(CallId id) = 0;
  virtual const Route& route() const = 0;
};

// The route over HTTP.
std::unique_ptr<Model> make_http_model(Route route, net::HttpClient& http, net::Loop& loop, Random& random);

// A model that plays a script, for tests, demos and benchmarks; no network. docs/schema/script.json:
// {"turns":[{"text":["Hel","lo"],"reasoning":[…],"tool_calls":[{"name":"add","arguments":{…}}],
//            "usage":{"input":1,"output":2},"error":{"code":"unavailable","reason":"overloaded"}}],
//  "loop":false}. A request that holds N answers already is answered by turn N; "loop" starts over at the
//  end. A turn with "when":"a text" is not counted: it answers requests whose last message holds that text.
struct Script;  // immutable: any number of models may play it
StatusOr<std::shared_ptr<const Script>> parse_script(std::string_view script_json);  // INVALID_ARGUMENT
std::unique_ptr<Model> make_scripted_model(std::shared_ptr<const Script> script, net::Loop& loop);

// The built-in model that needs no network and no key. It says what it is; it answers by searching the
// workspace with the tools it is offered and quoting what it finds.
std::unique_ptr<Model> make_offline_model(net::Loop& loop);

}  // namespace tau::provider

// Routes over several of these, recordings in their place, and answers that are given again.
#include "provider/recorder.h"        // IWYU pragma: export
#include "provider/recordings.h"      // IWYU pragma: export
#include "provider/response_cache.h"  // IWYU pragma: export
#include "provider/route.h"           // IWYU pragma: export
