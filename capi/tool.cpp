#include "tau/tool.h"

#include "host_userdata.h"
#include "tool_adapter.h"

using namespace tau::capi;
using tau::Status;
namespace tool = tau::tool;

struct tau_tool_reply {
  tool::Reply reply;
  const std::atomic<bool>* cancelled;  // lives as long as the reply
};

namespace {

tau::runtime::InvokeTool::Invoke make_invoke(tau_tool_invoke_fn invoke,
                                             std::shared_ptr<HostUserdata> userdata) {
  return [invoke, userdata = std::move(userdata)](const tool::Call& call, tool::Reply reply,
                                                  const std::atomic<bool>& cancelled) {
    const tau_tool_call c = {sizeof c,
                             0,
                             view(call.run_id),
                             view(call.session_id),
                             view(call.id),
                             view(call.name),
                             view(call.raw_arguments)};
    invoke(userdata->data, &c, new tau_tool_reply{std::move(reply), &cancelled});
  };
}

tau::StatusOr<tool::Manifest> convert_manifest(const tau_tool& t) {
  tool::Manifest m;
  TAU_ASSIGN_OR_RETURN(m.name, text(t.name, "tool.name"));
  TAU_ASSIGN_OR_RETURN(m.description, text(t.description, "tool.description"));
  TAU_ASSIGN_OR_RETURN(const std::string_view parameters, text(t.parameters, "tool.parameters"));
  if (!parameters.empty()) m.parameters = parameters;
  if (t.effect > TAU_EFFECT_IRREVERSIBLE)
    return tau::invalid_argument("invalid_manifest", tau::format("tool.effect {} is unknown", t.effect));
  if (t.timeout_ms < 0) return tau::invalid_argument("invalid_manifest", "tool.timeout_ms is negative");
  m.effect = static_cast<tool::Effect>(t.effect);
  m.parallel = (t.flags & TAU_TOOL_PARALLEL) != 0;
  m.idempotent = (t.flags & TAU_TOOL_IDEMPOTENT) != 0;
  if (t.timeout_ms > 0) m.timeout_ms = t.timeout_ms;
  TAU_ASSIGN_OR_RETURN(const std::string_view destinations, text(t.destinations, "tool.destinations"));
  TAU_ASSIGN_OR_RETURN(m.destination_args, tau::runtime::read_destinations(destinations));
  return m;
}

// Answers a call with what `make` gives, or with its failure. The reply is consumed, whatever happens.
template <class Make>
tau_status answer(tau_tool_reply* reply, tau_error** err, Make make) {
  return guard(err, [&]() -> Status {
    if (reply == nullptr) return null_argument("reply");
    const std::unique_ptr<tau_tool_reply> consumed(reply);
    try {
      tau::StatusOr<tool::Result> result = make();
      reply->reply.complete(result.ok() ? *std::move(result) : tool::error_result(result.status()));
      return result.status();
    } catch (const std::bad_alloc&) { reply->reply.complete(tool::out_of_memory_result()); }
    return Status::out_of_memory();
  });
}

}  // namespace

namespace tau::capi {

StatusOr<HostTool> convert_tool(const tau_tool& given) {
  tau_tool t = TAU_TOOL_INIT;
  TAU_RETURN_IF_ERROR(read_options(&given, &t, "tool"));
  constexpr tau_tool_flags kKnown = TAU_TOOL_PARALLEL | TAU_TOOL_IDEMPOTENT | TAU_TOOL_ASK;
  if ((t.flags & ~kKnown) != 0 || t.reserved != 0)
    return Status(Code::kUnimplemented, "unknown_flag", "unknown flag in tool.flags");
  TAU_ASSIGN_OR_RETURN(tool::Manifest manifest, convert_manifest(t));
  auto userdata = std::make_shared<HostUserdata>(t.userdata, t.finalize);
  HostTool out;
  out.keep = [userdata] { userdata->owned = true; };
  if (t.invoke != nullptr) {
    out.tool = std::make_shared<runtime::InvokeTool>(std::move(manifest), make_invoke(t.invoke, userdata));
  } else {
    out.tool = std::make_shared<runtime::EventTool>(std::move(manifest), userdata);
  }
  return out;
}

}  // namespace tau::capi

void tau_tool_init(tau_tool* t, uint32_t struct_size) {
  const tau_tool defaults = TAU_TOOL_INIT;
  init_options(t, struct_size, defaults);
}

tau_status tau_tool_reply_complete(tau_tool_reply* reply, tau_str content, tau_error** err) {
  return answer(reply, err, [&]() -> tau::StatusOr<tool::Result> {
    TAU_ASSIGN_OR_RETURN(const std::string_view checked, text(content, "content"));
    return tool::Result{.content = std::string(checked), .reason = {}, .details_json = {}, .labels = {}};
  });
}

tau_status tau_tool_reply_fail(tau_tool_reply* reply, tau_str reason, tau_str message, tau_error** err) {
  return answer(reply, err, [&]() -> tau::StatusOr<tool::Result> {
    TAU_ASSIGN_OR_RETURN(const std::string_view code, text(reason, "reason"));
    TAU_ASSIGN_OR_RETURN(const std::string_view words, text(message, "message"));
    return tool::error_result(code.empty() ? "tool_failed" : code, words);
  });
}

int32_t tau_tool_reply_cancelled(const tau_tool_reply* reply) {
  return reply != nullptr && *reply->cancelled ? 1 : 0;
}

void tau_tool_reply_drop(tau_tool_reply* reply) { delete reply; }
