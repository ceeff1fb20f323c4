#include "runtime/model_question.h"

#include <optional>
#include <utility>

#include "runtime/agent_model.h"
#include "runtime/own_loop.h"
#include "runtime/redaction.h"
#include "runtime/run_audit.h"

namespace tau::runtime {
namespace {

constexpr std::string_view kRoutePrefix = "route/";

StatusOr<AgentSnapshot> asked_model(Core& core, const std::string& model) {
  AgentSnapshot asked;
  TAU_ASSIGN_OR_RETURN(asked.config, core.config().agent());
  asked.model = !model.empty()               ? SharedString(model)
                : asked.config.model.empty() ? SharedString(core.detected().model)
                                             : SharedString(asked.config.model);
  TAU_RETURN_IF_ERROR(provider::parse_model_reference(asked.model).status());
  TAU_RETURN_IF_ERROR(find_model(core, core.config(), asked));
  TAU_RETURN_IF_ERROR(asked.route.status());
  return asked;
}

StatusOr<wire::Request> read_request(Core& core, const std::string& text, const provider::Route& route) {
  TAU_ASSIGN_OR_RETURN(wire::Request request, wire::request_from_json(text));
  request.model = route.model;
  request.stream = true;  // so that silence is told from work
  if (!core.screening().knows_secrets()) return request;
  const Redaction redaction(core.screening().current());
  for (wire::Message& message : request.messages) redaction.clean(message, Author::kHost);
  return request;
}

// The loop of one question, with all that works on it. Owner thread: the caller's.
class Asking final : public provider::CallSink {
 public:
  Asking(Core& core, const AgentSnapshot& asked, std::unique_ptr<net::EventLoop> loop)
      : core_(core), loop_(std::move(loop)), answering_(asked.route->get()) {
    model_ = make_agent_model(core_, asked, *loop_,
                              [this](const provider::Route& route) { return make_upstream(route); });
    if (asked.script != nullptr) return;
    if (auto cache = core_.response_cache(asked.spec.get()))
      model_ = provider::make_cached_model(std::move(model_), std::move(cache), *loop_);
  }
  ~Asking() override {
    model_.reset();
    settle(*loop_);
  }

  // Answered, failed, or given up with what had come by then.
  Status wait(const wire::Request& request, const ModelQuestion& question) {
    provider::ModelCall call;
    call.request_id = make_id("ask_", system_clock(), system_random());
    call.request = &request;
    call.principal = question.principal;
    const provider::CallId id = model_->start(std::move(call), *this);
    const auto unwanted = [&] { return question.stop != nullptr && *question.stop; };
    Status failed = wait_on(*loop_, core_, question.timeout_ms, "model_timeout", "answer",
                            [&] { return outcome_.has_value() || unwanted(); });
    if (failed.ok() && !outcome_)
      failed = Status(Code::kCancelled, "stopped", "nobody waits for the answer any more");
    if (outcome_) return *std::move(outcome_);
    response_ = model_->cancel(id);
    return failed;
  }

  wire::Response& response() { return response_; }
  const provider::Route& route() const { return *answering_; }

 private:
  void on_event(const wire::StreamEvent&) override {}
  void on_attempt(int, const Status&) override {}
  void on_decision(const provider::RouteDecision& decision) override {
    const bool chooses = decision.decision != "failed" && decision.decision != "waiting";
    if (chooses && decision.route != nullptr) answering_ = decision.route;
  }
  void on_response(wire::Response response) override {
    response_ = std::move(response);
    outcome_ = ok_status();
  }
  void on_failure(const Status& status, wire::Response partial) override {
    response_ = std::move(partial);
    outcome_ = status;
  }

  std::unique_ptr<provider::Model> make_upstream(const provider::Route& route) {
    if (auto local = make_local_upstream(core_, *loop_, route)) return local;
    if (http_ == nullptr)
      http_ = net::make_http_client(*loop_, core_.egress(), core_.credentials(),
                                    http_client_options(core_.config()));
    if (!route.auth.empty() && authorizer_ == nullptr) authorizer_ = make_authorizer(core_, *loop_);
    return make_served_upstream(core_, *loop_, route, *http_,
                                route.auth.empty() ? nullptr : authorizer_.get(), recorded_);
  }

  Core& core_;
  const std::unique_ptr<net::EventLoop> loop_;
  std::unique_ptr<net::HttpClient> http_;
  std::unique_ptr<provider::Authorizer> authorizer_;
  std::map<std::string, std::unique_ptr<net::HttpClient>> recorded_;  // over http_
  const provider::Route* answering_;
  std::unique_ptr<provider::Model> model_;
  wire::Response response_;
  std::optional<Status> outcome_;
};

wire::Usage usage_of(const wire::Response& response, const wire::Request& request,
                     const provider::Route& route, bool answered) {
  wire::Usage usage = response.usage;
  if (!answered || (usage.input > 0 && usage.output > 0)) return usage;
  const int64_t prompt = provider::estimate_prompt_tokens(request, route.image_tokens);
  const wire::CountedTokens counted = wire::counted_tokens(response, prompt);
  usage.input = counted.input;
  usage.output = counted.output;
  return usage;
}

// No row of a journal tells of it. A store that is only read counts nothing.
void count_usage(Core& core, const ModelQuestion& question, std::string_view asked, const ModelAnswer& answer,
                 bool priced, bool failed) {
  if (core.options().read_only) return;
  store::Batch batch;
  store::UsageNote& note = batch.usage.emplace_back();
  note.principal = question.principal;
  note.model = answer.model;
  if (asked.starts_with(kRoutePrefix)) note.route = asked.substr(kRoutePrefix.size());
  note.time_ms = system_clock().wall_ms();
  note.counts = {.calls = 1,
                 .failures = failed ? 1 : 0,
                 .unpriced = priced ? 0 : 1,
                 .input = answer.usage.input,
                 .cached_input = answer.usage.cached_input,
                 .cache_write = answer.usage.cache_write,
                 .output = answer.usage.output,
                 .reasoning = answer.usage.reasoning,
                 .cost_usd_micros = answer.cost_usd_micros};
  core.store().append(std::move(batch), [](const Status&, store::Lsn) {});
}

// What a server says of a failure may quote what it was sent.
Status cleaned(Core& core, const Status& status) {
  if (!core.screening().knows_secrets()) return status;
  ErrorInfo info = status.info();
  Redaction(core.screening().current()).clean(info);
  return Status(std::move(info));
}

}  // namespace

StatusOr<std::string> model_of_question(Core& core, const std::string& model) {
  TAU_ASSIGN_OR_RETURN(const AgentSnapshot asked, asked_model(core, model));
  return std::string(asked.model);
}

StatusOr<ModelAnswer> ask_model(Core& core, const ModelQuestion& question) {
  if (core.stopping()) return failed_precondition("runtime_stopped", "the runtime was stopped");
  TAU_ASSIGN_OR_RETURN(const AgentSnapshot asked, asked_model(core, question.model));
  TAU_ASSIGN_OR_RETURN(const wire::Request request, read_request(core, question.request, **asked.route));
  TAU_ASSIGN_OR_RETURN(auto loop, net::EventLoop::create(system_clock()));
  const int64_t began_ns = system_clock().monotonic_ns();
  Asking asking(core, asked, std::move(loop));
  const Status status = asking.wait(request, question);
  const provider::Route& route = asking.route();
  wire::Response& response = asking.response();
  ModelAnswer answer;
  answer.model = format("{}/{}", route.provider, route.model);
  answer.usage = usage_of(response, request, route, status.ok());
  answer.cost_usd_micros = provider::cost_usd_micros(route.price, answer.usage);
  count_usage(core, question, asked.model, answer, route.price.known, !status.ok());
  if (Audit* const audit = core.audit())
    note_model_request(
        *audit,
        {.principal = question.principal.empty() ? core.principal() : std::string_view(question.principal),
         .model = answer.model,
         .status = status,
         .began_ns = began_ns,
         .input_tokens = answer.usage.input,
         .output_tokens = answer.usage.output,
         .cost_usd_micros = answer.cost_usd_micros});
  if (!status.ok()) return cleaned(core, status);
  Redaction(core.screening().current()).clean(response);
  if (response.finish == wire::FinishReason::kLength)
    return failed_precondition("answer_cut",
                               "the answer ran into its limit of tokens; nothing of it was taken");
  answer.text = response.message.text();
  return answer;
}

}  // namespace tau::runtime
