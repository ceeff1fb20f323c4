// The journal form of inputs: one JSON object each. Where an input carries a message of the conversation it
// is the member "message" (or "response"."message"), so that rows can be read without knowing their kind.
#include <algorithm>
#include <array>

#include "agent/agent.h"

namespace tau::agent {
namespace {

using json::Value;
using json::Writer;

void write_error(Writer& w, const ErrorInfo& e) {
  w.begin_object();
  w.field("code", code_name(e.code)).field("reason", e.reason).field("message", e.message);
  if (e.retryable) w.field("retryable", true);
  if (e.retry_after_ms >= 0) w.field("retry_after_ms", e.retry_after_ms);
  w.end_object();
}

ErrorInfo read_error(const Value& v) {
  ErrorInfo e;
  for (int32_t c = 0; c <= 16; ++c)
    if (code_name(static_cast<Code>(c)) == v["code"].as_string()) e.code = static_cast<Code>(c);
  e.reason = v["reason"].as_string();
  e.message = v["message"].as_string();
  e.retryable = v["retryable"].as_bool();
  e.retry_after_ms = v["retry_after_ms"].as_int(-1);
  return e;
}

struct LimitField {
  const char* name;
  int64_t Limits::*member;
};
constexpr LimitField kLimitFields[] = {
    {"max_turns", &Limits::max_turns},
    {"max_tokens", &Limits::max_tokens},
    {"max_cost_usd_micros", &Limits::max_cost_usd_micros},
    {"max_wall_ms", &Limits::max_wall_ms},
    {"max_prompt_bytes", &Limits::max_prompt_bytes},
    {"max_parallel_tools", &Limits::max_parallel_tools},
    {"max_calls_per_turn", &Limits::max_calls_per_turn},
    {"approval_timeout_ms", &Limits::approval_timeout_ms},
    {"structured_retries", &Limits::structured_retries},
};

struct UseField {
  const char* name;
  int64_t ModelUse::*member;
};
constexpr UseField kUseFields[] = {
    {"input_tokens", &ModelUse::input_tokens},       {"output_tokens", &ModelUse::output_tokens},
    {"cached_tokens", &ModelUse::cached_tokens},     {"unreported_tokens", &ModelUse::unreported_tokens},
    {"cost_usd_micros", &ModelUse::cost_usd_micros},
};

// Limits that are not written are the defaults: those of one logic version never change.
void write_config(Writer& w, const RunConfig& c) {
  constexpr Limits kDefaults;
  w.begin_object();
  w.field("run", c.run_id)
      .field("session", c.session_id)
      .field("principal", c.principal)
      .field("model", c.model);
  w.key("limits").begin_object();
  for (const LimitField& f : kLimitFields)
    if (c.limits.*f.member != kDefaults.*f.member) w.field(f.name, c.limits.*f.member);
  w.end_object();
  if (!c.response_schema.empty()) w.field("response_schema", c.response_schema);
  w.end_object();
}

RunConfig read_config(const Value& v) {
  RunConfig c;
  c.run_id = v["run"].as_string();
  c.session_id = v["session"].as_string();
  c.principal = v["principal"].as_string();
  c.model = v["model"].as_string();
  for (const LimitField& f : kLimitFields)
    c.limits.*f.member = v["limits"][f.name].as_int(c.limits.*f.member);
  c.response_schema = v["response_schema"].as_string();
  return c;
}

constexpr std::string_view kDecisions[] = {"allow", "ask", "deny"};
constexpr std::string_view kOps[] = {"message", "steer", "approval"};

// What a verdict says of "pure" unless the row says otherwise.
bool is_pure(std::string_view effect) { return effect == "pure"; }

template <class E, size_t N>
E read_name(const std::string_view (&names)[N], std::string_view name, E otherwise) {
  for (size_t i = 0; i < N; ++i)
    if (names[i] == name) return static_cast<E>(i);
  return otherwise;
}

struct Encoder {
  Writer& w;

  void operator()(const Start& in) const {
    write_config(w.key("config"), in.config);
    wire::write_brief(w.key("message"), in.message);
  }
  void operator()(const Recalled& in) const {
    wire::write_brief(w.key("message"), in.message);
    if (!in.report.empty()) w.field_raw("report", in.report);
  }
  void operator()(const PromptReady& in) const {
    w.field("call", in.call).field("tokens", in.input_tokens).field("bytes", in.prompt_bytes);
    w.field("prefix_bytes", in.stable_prefix_bytes);
    if (in.cost_bound_usd_micros != 0) w.field("cost_bound", in.cost_bound_usd_micros);
    write_request_digest(in);
  }
  void operator()(const ModelDone& in) const {
    if (in.prompt_bytes > 0)
      w.field("prompt_bytes", in.prompt_bytes).field("prompt_prefix_bytes", in.prompt_prefix_bytes);
    model(in.call, in.cost_usd_micros, *in.response);
  }
  void operator()(const ModelFailed& in) const {
    w.key("error");
    write_error(w, in.error);
    partial(in.call, in.cost_usd_micros, *in.partial);
  }
  void operator()(const ModelCut& in) const { partial(in.call, in.cost_usd_micros, *in.partial); }
  void operator()(const Verdict& in) const {
    w.field("call_id", in.call_id).field("decision", kDecisions[static_cast<size_t>(in.decision)]);
    w.field("effect", in.effect);
    if (in.pure != is_pure(in.effect)) w.field("pure", in.pure);
    flag("idempotent", in.idempotent), flag("parallel", in.parallel), flag("sandboxed", in.sandboxed);
    w.field("reason", in.reason);
    if (!in.message.empty()) w.field("text", in.message);
    w.field("policy_epoch", in.policy_epoch);
    if (!in.binding.empty()) w.field("binding", in.binding);
    if (!in.scope.empty()) w.field("scope", in.scope);
  }
  void operator()(const ToolDone& in) const {
    w.field("call_id", in.call_id);
    if (!in.reason.empty()) w.field("reason", in.reason);
    if (!in.details.empty()) w.field("details", in.details);
    if (!in.signals.empty()) w.field("signals", in.signals);
    if (in.use.any()) write_use(in.use);
    wire::write_brief(w.key("message"), in.message);
    if (in.held == nullptr) return;
    w.key("held").begin_object().field("handle", in.held->handle);
    wire::write_brief(w.key("message"), in.held->message);
    w.end_object();
  }
  void operator()(const HostOp& in) const {
    w.field("op", kOps[static_cast<size_t>(in.kind)]);
    if (!in.op_id.empty()) w.field("op_id", in.op_id);
    if (in.kind != HostOp::Kind::kApproval) {
      wire::write_brief(w.key("message"), in.message);
      return;
    }
    w.field("call_id", in.call_id).field("allow", in.allow);
    if (!in.reason.empty()) w.field("reason", in.reason);
    if (!in.binding.empty()) w.field("binding", in.binding);
    if (!in.decider.empty()) w.field("decider", in.decider);
  }
  void operator()(const Timer& in) const { w.field("name", in.name); }
  void operator()(const Cancel& in) const {
    w.key("why");
    write_error(w, in.why);
  }
  void operator()(const Resumed&) const {}
  void operator()(const Continued& in) const {
    write_config(w.key("config"), in.config);
    w.field("turn", in.turn).field("call", in.call);
    w.field("input_tokens", in.input_tokens).field("output_tokens", in.output_tokens);
    w.field("cached_tokens", in.cached_tokens).field("cost_usd_micros", in.cost_usd_micros);
    if (in.structured_failures != 0) w.field("structured_failures", in.structured_failures);
    if (in.answer != nullptr) wire::write_brief(w.key("answer"), *in.answer);
    if (in.stop != nullptr) write_error(w.key("stop"), *in.stop);
  }

  void model(int64_t call, int64_t cost, const wire::Response& response) const {
    w.field("call", call).field("cost_usd_micros", cost);
    wire::write_brief(w.key("response"), response);
  }
  // Not "response": a broken-off answer is not a message of the conversation.
  void partial(int64_t call, int64_t cost, const wire::Response& response) const {
    w.field("call", call).field("cost_usd_micros", cost);
    wire::write_brief(w.key("partial"), response);
  }
  void write_use(const ModelUse& use) const {
    w.key("model_use").begin_object();
    for (const UseField& f : kUseFields)
      if (use.*f.member != 0) w.field(f.name, use.*f.member);
    w.end_object();
  }
  void write_request_digest(const PromptReady& in) const {
    fmt::memory_buffer text;
    const auto append = [&text](std::string_view part) {
      text.append(part.data(), part.data() + part.size());
    };
    append(in.prefix_digest);
    if (!in.prefix_digest.empty()) append(":"), append(in.head_entry);
    w.field("digest", std::string_view(text.data(), text.size()));
  }
  void flag(std::string_view name, bool set) const {
    if (set) w.field(name, true);
  }
};

StatusOr<std::shared_ptr<const wire::Response>> read_response(const Value& v) {
  TAU_ASSIGN_OR_RETURN(wire::Response response, wire::response_from_json(json::write(v)));
  return std::make_shared<const wire::Response>(std::move(response));
}

StatusOr<InputBody> read_start(const Value& v) {
  Start in;
  in.config = read_config(v["config"]);
  TAU_ASSIGN_OR_RETURN(in.message, wire::message_from_json(v["message"]));
  return InputBody(std::move(in));
}

StatusOr<InputBody> read_recalled(const Value& v) {
  Recalled in;
  TAU_ASSIGN_OR_RETURN(in.message, wire::message_from_json(v["message"]));
  if (const Value* const report = v.find("report")) in.report = json::write(*report);
  return InputBody(std::move(in));
}

StatusOr<InputBody> read_prompt_ready(const Value& v) {
  PromptReady in;
  in.call = v["call"].as_int();
  in.input_tokens = v["tokens"].as_int();
  in.prompt_bytes = v["bytes"].as_int();
  in.stable_prefix_bytes = v["prefix_bytes"].as_int();
  in.cost_bound_usd_micros = v["cost_bound"].as_int();
  const std::string_view digest = v["digest"].as_string();
  const size_t colon = std::min(digest.find(':'), digest.size());
  in.prefix_digest = digest.substr(0, colon);
  in.head_entry = digest.substr(std::min(colon + 1, digest.size()));
  return InputBody(std::move(in));
}

StatusOr<InputBody> read_model_done(const Value& v) {
  ModelDone in;
  in.call = v["call"].as_int();
  in.cost_usd_micros = v["cost_usd_micros"].as_int();
  in.prompt_bytes = v["prompt_bytes"].as_int();
  in.prompt_prefix_bytes = v["prompt_prefix_bytes"].as_int();
  TAU_ASSIGN_OR_RETURN(in.response, read_response(v["response"]));
  return InputBody(std::move(in));
}

StatusOr<InputBody> read_model_failed(const Value& v) {
  ModelFailed in;
  in.call = v["call"].as_int();
  in.cost_usd_micros = v["cost_usd_micros"].as_int();
  in.error = read_error(v["error"]);
  TAU_ASSIGN_OR_RETURN(in.partial, read_response(v["partial"]));
  return InputBody(std::move(in));
}

StatusOr<InputBody> read_model_cut(const Value& v) {
  ModelCut in;
  in.call = v["call"].as_int();
  in.cost_usd_micros = v["cost_usd_micros"].as_int();
  TAU_ASSIGN_OR_RETURN(in.partial, read_response(v["partial"]));
  return InputBody(std::move(in));
}

StatusOr<InputBody> read_verdict(const Value& v) {
  Verdict in;
  in.call_id = v["call_id"].as_string();
  in.decision = read_name(kDecisions, v["decision"].as_string(), Verdict::Decision::kDeny);
  in.effect = v["effect"].as_string();
  in.pure = v["pure"].as_bool(is_pure(in.effect));
  in.idempotent = v["idempotent"].as_bool();
  in.parallel = v["parallel"].as_bool();
  in.sandboxed = v["sandboxed"].as_bool();
  in.reason = v["reason"].as_string();
  in.message = v["text"].as_string();
  in.policy_epoch = v["policy_epoch"].as_int();
  in.binding = v["binding"].as_string();
  in.scope = v["scope"].as_string();
  return InputBody(std::move(in));
}

// The member "held" of a row, if it has one.
StatusOr<std::shared_ptr<HeldResult>> read_held(const Value& row) {
  const Value* const v = row.find("held");
  if (v == nullptr) return std::shared_ptr<HeldResult>();
  auto held = std::make_shared<HeldResult>();
  held->handle = (*v)["handle"].as_string();
  TAU_ASSIGN_OR_RETURN(held->message, wire::message_from_json((*v)["message"]));
  return held;
}

StatusOr<InputBody> read_tool_done(const Value& v) {
  ToolDone in;
  in.call_id = v["call_id"].as_string();
  in.reason = v["reason"].as_string();
  in.details = v["details"].as_string();
  in.signals = v["signals"].as_string();
  TAU_ASSIGN_OR_RETURN(in.message, wire::message_from_json(v["message"]));
  TAU_ASSIGN_OR_RETURN(in.held, read_held(v));
  for (const UseField& f : kUseFields) in.use.*f.member = v["model_use"][f.name].as_int();
  return InputBody(std::move(in));
}

StatusOr<InputBody> read_op(const Value& v) {
  HostOp in;
  in.kind = read_name(kOps, v["op"].as_string(), HostOp::Kind::kMessage);
  in.op_id = v["op_id"].as_string();
  if (in.kind != HostOp::Kind::kApproval) {
    TAU_ASSIGN_OR_RETURN(in.message, wire::message_from_json(v["message"]));
  }
  in.call_id = v["call_id"].as_string();
  in.allow = v["allow"].as_bool();
  in.reason = v["reason"].as_string();
  in.binding = v["binding"].as_string();
  in.decider = v["decider"].as_string();
  return InputBody(std::move(in));
}

StatusOr<InputBody> read_timer(const Value& v) {
  return InputBody(Timer{std::string(v["name"].as_string())});
}
StatusOr<InputBody> read_cancel(const Value& v) { return InputBody(Cancel{read_error(v["why"])}); }
StatusOr<InputBody> read_resumed(const Value&) { return InputBody(Resumed{}); }

StatusOr<InputBody> read_continued(const Value& v) {
  Continued in;
  in.config = read_config(v["config"]);
  in.turn = v["turn"].as_int();
  in.call = v["call"].as_int();
  in.input_tokens = v["input_tokens"].as_int();
  in.output_tokens = v["output_tokens"].as_int();
  in.cached_tokens = v["cached_tokens"].as_int();
  in.cost_usd_micros = v["cost_usd_micros"].as_int();
  in.structured_failures = v["structured_failures"].as_int();
  if (const Value* stop = v.find("stop")) in.stop = std::make_shared<const ErrorInfo>(read_error(*stop));
  if (const Value* answer = v.find("answer")) { TAU_ASSIGN_OR_RETURN(in.answer, read_response(*answer)); }
  return InputBody(std::move(in));
}

struct KindRow {
  std::string_view name;
  StatusOr<InputBody> (*read)(const Value&);
};
// In the order of the alternatives of InputBody.
constexpr KindRow kKinds[] = {
    {"start", read_start},           {"prompt_ready", read_prompt_ready},
    {"model_done", read_model_done}, {"model_failed", read_model_failed},
    {"model_cut", read_model_cut},   {"verdict", read_verdict},
    {"tool_done", read_tool_done},   {"op", read_op},
    {"timer", read_timer},           {"cancel", read_cancel},
    {"resumed", read_resumed},       {"continued", read_continued},
    {"recalled", read_recalled},
};
static_assert(std::size(kKinds) == std::variant_size_v<InputBody>);

}  // namespace

const SharedString& input_kind(const InputBody& body) {
  static const std::array<SharedString, std::size(kKinds)>* const kNames = [] {
    auto* names = new std::array<SharedString, std::size(kKinds)>;
    for (size_t i = 0; i < names->size(); ++i) (*names)[i] = kKinds[i].name;
    return names;
  }();
  return (*kNames)[body.index()];
}

void input_to_json(const InputBody& body, std::string& out) {
  Writer w(out);
  w.begin_object();
  std::visit(Encoder{w}, body);
  w.end_object();
}

std::string input_to_json(const InputBody& body) {
  std::string out;
  input_to_json(body, out);
  return out;
}

StatusOr<InputBody> input_from_json(std::string_view kind, std::string_view text) {
  TAU_ASSIGN_OR_RETURN(const Value v, json::parse(text));
  for (const KindRow& row : kKinds)
    if (row.name == kind) return row.read(v);
  return data_loss("unknown_journal_kind",
                   "the journal has a row of unknown kind \"" + std::string(kind) + "\"");
}

StatusOr<RowMessage> row_message(std::string_view body) {
  TAU_ASSIGN_OR_RETURN(const Value v, json::parse(body));
  const Value* const message = v.contains("message") ? v.find("message") : v["response"].find("message");
  if (message == nullptr)
    return data_loss("not_a_message", "a journal row that should hold a message does not");
  RowMessage row;
  TAU_ASSIGN_OR_RETURN(row.message, wire::message_from_json(*message));
  TAU_ASSIGN_OR_RETURN(row.held, read_held(v));
  row.signals = v["signals"].as_string();
  return row;
}

StatusOr<wire::Message> message_of_row(std::string_view body) {
  TAU_ASSIGN_OR_RETURN(RowMessage row, row_message(body));
  return std::move(row.message);
}

}  // namespace tau::agent
