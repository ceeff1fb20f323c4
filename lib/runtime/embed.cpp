#include "runtime/embed.h"

#include <optional>

#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/own_loop.h"
#include "runtime/redaction.h"
#include "runtime/run_audit.h"

namespace tau::runtime {
namespace {

constexpr int64_t kUsualTimeoutMs = 60'000;
constexpr int64_t kMaxTimeoutMs = 3'600'000;
constexpr size_t kMostTexts = 65'536;
constexpr size_t kMostBytes = 64u << 20;  // of all texts
constexpr std::string_view kEmbedAction = "model:embed";

struct Asked {
  std::string model;
  provider::EmbedJob job;
  int64_t timeout_ms = 0;
};

Status check_texts(const std::vector<std::string>& texts) {
  if (texts.empty() || texts.size() > kMostTexts)
    return invalid_argument("invalid_texts", format("\"texts\" should be 1 to {} texts", kMostTexts));
  size_t bytes = 0;
  for (const std::string& text : texts) {
    if (text.empty()) return invalid_argument("invalid_texts", "a text without a character has no vector");
    bytes += text.size();
  }
  if (bytes > kMostBytes)
    return invalid_argument("invalid_texts", format("the texts have more than {} bytes", kMostBytes));
  return ok_status();
}

StatusOr<Asked> read(std::string_view request) {
  TAU_ASSIGN_OR_RETURN(const json::Value v, json::parse(request));
  TAU_RETURN_IF_ERROR(
      only_keys(v, "request", {"model", "texts", "input_type", "dimensions", "timeout_ms", "principal"}));
  Asked asked;
  TAU_ASSIGN_OR_RETURN(asked.model, need_string(v, "request", "model"));
  TAU_ASSIGN_OR_RETURN(asked.job.texts, read_strings(v, "request", "texts"));
  TAU_RETURN_IF_ERROR(check_texts(asked.job.texts));
  TAU_RETURN_IF_ERROR(check_type(!v.contains("input_type") || v["input_type"].is_string(), "request",
                                 "input_type", "a string"));
  asked.job.input_type = v["input_type"].as_string();
  TAU_ASSIGN_OR_RETURN(const int64_t dimensions, read_count(v, "request", "dimensions"));
  if (dimensions > 0) asked.job.dimensions = dimensions;
  TAU_ASSIGN_OR_RETURN(asked.timeout_ms, read_count(v, "request", "timeout_ms"));
  TAU_RETURN_IF_ERROR(
      check_type(asked.timeout_ms <= kMaxTimeoutMs, "request", "timeout_ms", "milliseconds up to 3600000"));
  if (asked.timeout_ms == 0) asked.timeout_ms = kUsualTimeoutMs;
  const bool named = v.contains("principal");
  TAU_RETURN_IF_ERROR(
      check_type(!named || is_valid_id(v["principal"].as_string()), "request", "principal", "an id"));
  asked.job.principal = v["principal"].as_string();
  return asked;
}

StatusOr<provider::RouteSpec> spec_of(const Core& core, std::string_view model) {
  const Config& config = core.config();
  TAU_ASSIGN_OR_RETURN(const auto reference, provider::parse_model_reference(model));
  if (reference.provider == kRouteProvider) return config.route_spec(reference.model, core.environment());
  TAU_ASSIGN_OR_RETURN(const provider::Route route, config.route(model, core.environment()));
  if (auto single = config.single_route(route)) return *std::move(single);
  provider::RouteSpec spec;
  spec.name = model;
  spec.retry = route.retry;
  spec.breaker.failures = 0;  // there is nobody else to ask
  spec.breaker.failure_percent = 0;
  provider::Upstream& upstream = spec.upstreams.emplace_back();
  upstream.route = route;
  upstream.route.retry.max_attempts = 1;  // the route retries
  return spec;
}

StatusOr<provider::EmbedResult> wait(Core& core, const provider::RouteSpec& spec, Asked asked) {
  // A loop of its own: the caller waits, whoever drives the others.
  TAU_ASSIGN_OR_RETURN(const auto loop, net::EventLoop::create(system_clock()));
  const auto client =
      net::make_http_client(*loop, core.egress(), core.credentials(), http_client_options(core.config()));
  TAU_ASSIGN_OR_RETURN(auto embedder,
                       provider::make_embedder(spec, *client, core.traffic(), *loop, system_random()));
  std::optional<StatusOr<provider::EmbedResult>> answer;
  embedder->start(std::move(asked.job),
                  [&](StatusOr<provider::EmbedResult> got) { answer = std::move(got); });
  const Status waited =
      wait_on(*loop, core, asked.timeout_ms, "embed_timeout", "vectors", [&] { return answer.has_value(); });
  embedder.reset();
  settle(*loop);
  if (answer) return *std::move(answer);
  return waited;
}

std::string principal_of(const Core& core, const Asked& asked) {
  return asked.job.principal.empty() ? core.principal() : asked.job.principal.str();
}

// Who may not is told to the audit log, as who may is by the end of the request.
Status authorize(Core& core, const Asked& asked) {
  const std::string target = "model/" + asked.model;
  Status status = core.authorize(asked.job.principal, kEmbedAction, target);
  if (Audit* const audit = core.audit(); audit != nullptr && !status.ok()) {
    using namespace observe;
    const std::string principal = principal_of(core, asked);
    audit->add_up(Record(Kind::kAccessDenied)
                      .set(Text::kPrincipal, principal)
                      .set(Text::kAction, kEmbedAction)
                      .set(Text::kTarget, target)
                      .set(Text::kReason, status.reason())
                      .set(Number::kCount_, 1));
  }
  return status;
}

StatusOr<Embedded> ask(Core& core, Asked asked) {
  if (core.stopping()) return failed_precondition("runtime_stopped", "the runtime was stopped");
  if (core.screening().knows_secrets()) {
    const Redaction redaction(core.screening().current());
    for (std::string& text : asked.job.texts) redaction.clean(text, Author::kHost);
  }
  TAU_ASSIGN_OR_RETURN(const provider::RouteSpec spec, spec_of(core, asked.model));
  const std::string model = asked.model;
  const std::string principal = core.audit() == nullptr ? std::string() : principal_of(core, asked);
  const int64_t began_ns = system_clock().monotonic_ns();
  const StatusOr<provider::EmbedResult> answer = wait(core, spec, std::move(asked));
  if (core.audit() != nullptr) {
    ModelRequestRecord record{
        .principal = principal, .model = model, .status = answer.status(), .began_ns = began_ns};
    if (answer.ok()) {
      record.input_tokens = answer->input_tokens;
      record.cost_usd_micros = answer->cost_usd_micros;
      record.requests = answer->requests;
    }
    note_model_request(*core.audit(), record);
  }
  TAU_RETURN_IF_ERROR(answer.status());
  const provider::EmbedResult& result = *answer;
  Embedded out;
  out.vectors.assign(reinterpret_cast<const char*>(result.values.data()),
                     result.values.size() * sizeof(float));
  json::Writer w(out.report);
  w.begin_object().field("model", model).field("count", static_cast<int64_t>(result.count));
  w.field("dimensions", static_cast<int64_t>(result.dimensions)).field("input_tokens", result.input_tokens);
  w.field("cost_usd_micros", result.cost_usd_micros).field("requests", result.requests).end_object();
  return out;
}

}  // namespace

StatusOr<Embedded> embed(Core& core, std::string_view request) {
  TAU_ASSIGN_OR_RETURN(Asked asked, read(request));
  TAU_RETURN_IF_ERROR(authorize(core, asked));
  return ask(core, std::move(asked));
}

StatusOr<Embedded> embed_for_memories(Core& core, std::string_view request) {
  TAU_ASSIGN_OR_RETURN(Asked asked, read(request));
  return ask(core, std::move(asked));
}

}  // namespace tau::runtime
