// Documents that hosts send: run options and ops. Unknown keys are errors that name the key.
#include "runtime/core.h"
#include "runtime/host_document.h"

namespace tau::runtime {
namespace {

using Action = UniqueFunction<void(RunState&)>;

StatusOr<Action> parse_message_op(json::Value& v, agent::HostOp::Kind kind, std::vector<wire::Media> blobs) {
  TAU_RETURN_IF_ERROR(only_keys(v, "op", {"op", "id", "text", "message"}));
  agent::HostOp op;
  op.kind = kind;
  op.op_id = v["id"].as_string();
  if (json::Value* message = v.find("message")) {
    if (v.contains("text"))
      return invalid_argument("two_messages", "op: \"text\" and \"message\" exclude each other");
    TAU_ASSIGN_OR_RETURN(op.message, host_message(std::move(*message), std::move(blobs)));
  } else {
    TAU_ASSIGN_OR_RETURN(const std::string text, need_string(v, "op", "text"));
    op.message = user_message(text, std::move(blobs));
    if (op.message.parts.empty()) return invalid_argument("empty_message", "op: \"text\" says nothing");
  }
  return Action([op = std::move(op)](RunState& run) mutable { run.driver->submit(std::move(op)); });
}

StatusOr<Action> parse_approval(const json::Value& v) {
  TAU_RETURN_IF_ERROR(only_keys(v, "op", {"op", "id", "call_id", "allow", "reason"}));
  agent::HostOp op;
  op.kind = agent::HostOp::Kind::kApproval;
  op.op_id = v["id"].as_string();
  TAU_ASSIGN_OR_RETURN(op.call_id, need_string(v, "op", "call_id"));
  TAU_RETURN_IF_ERROR(check_type(v["allow"].is_bool(), "op", "allow", "true or false"));
  op.allow = v["allow"].as_bool();
  op.reason = v["reason"].as_string();
  return Action([op = std::move(op)](RunState& run) mutable { run.driver->submit(std::move(op)); });
}

StatusOr<Action> parse_tool_result(const json::Value& v) {
  TAU_RETURN_IF_ERROR(only_keys(v, "op", {"op", "id", "call_id", "content", "is_error", "reason"}));
  TAU_ASSIGN_OR_RETURN(std::string call_id, need_string(v, "op", "call_id"));
  tool::Result result;
  const json::Value* content = v.find("content");
  TAU_RETURN_IF_ERROR(check_type(content != nullptr, "op", "content", "a string or any JSON value"));
  TAU_RETURN_IF_ERROR(
      check_type(!v.contains("is_error") || v["is_error"].is_bool(), "op", "is_error", "true or false"));
  result.content = content->is_string() ? std::string(content->as_string()) : json::write(*content);
  result.is_error = v["is_error"].as_bool();
  if (result.is_error) result.reason = v["reason"].as_string("tool_failed");
  return Action([call_id = std::move(call_id), result = std::move(result),
                 op_id = std::string(v["id"].as_string())](RunState& run) mutable {
    run.driver->tool_result(call_id, std::move(result), op_id);
  });
}

StatusOr<Action> parse_tool_progress(const json::Value& v) {
  TAU_RETURN_IF_ERROR(only_keys(v, "op", {"op", "call_id", "text"}));
  TAU_ASSIGN_OR_RETURN(std::string call_id, need_string(v, "op", "call_id"));
  TAU_ASSIGN_OR_RETURN(std::string text, need_string(v, "op", "text"));
  return Action([call_id = std::move(call_id), text = std::move(text)](RunState& run) mutable {
    run.driver->tool_progress(call_id, std::move(text));
  });
}

}  // namespace

StatusOr<Action> parse_op(std::string_view text, std::vector<wire::Media> blobs) {
  TAU_ASSIGN_OR_RETURN(json::Value v, json::parse(text));
  if (!v.is_object()) return invalid_argument("wrong_type", "an op should be a JSON object");
  TAU_ASSIGN_OR_RETURN(const std::string op, need_string(v, "op", "op"));
  if (op == "message") return parse_message_op(v, agent::HostOp::Kind::kMessage, std::move(blobs));
  if (op == "steer") return parse_message_op(v, agent::HostOp::Kind::kSteer, std::move(blobs));
  if (!blobs.empty()) return invalid_argument("unused_blob", "op \"" + op + "\" has no place for blobs");
  if (op == "approval") return parse_approval(v);
  if (op == "tool_result") return parse_tool_result(v);
  if (op == "tool_progress") return parse_tool_progress(v);
  if (op == "cancel") {
    TAU_RETURN_IF_ERROR(only_keys(v, "op", {"op", "id"}));
    return Action([](RunState& run) { run.driver->cancel(cancelled_by_host()); });
  }
  return invalid_argument(
      "unknown_op",
      "unknown op \"" + op + "\"; known are message, steer, tool_result, tool_progress, approval, cancel");
}

Status outcome_status(std::string_view outcome_json, Code code) {
  const auto outcome = json::parse(outcome_json);
  if (!outcome.ok()) return outcome.status();
  return {code, (*outcome)["reason"].as_string(), (*outcome)["message"].as_string()};
}

StatusOr<ParsedRunOptions> parse_run_options(std::string_view text, std::vector<wire::Media>& blobs) {
  ParsedRunOptions out;
  out.overrides = json::Value::object();
  if (text.empty()) return out;
  TAU_ASSIGN_OR_RETURN(json::Value v, json::parse(text));
  TAU_RETURN_IF_ERROR(only_keys(v, "run options",
                                {"message", "principal", "abandon", "limits", "response_schema", "params"}));
  if (json::Value* message = v.find("message")) {
    TAU_ASSIGN_OR_RETURN(out.message, host_message(std::move(*message), std::exchange(blobs, {})));
  }
  TAU_RETURN_IF_ERROR(check_type(!v.contains("principal") || is_valid_id(v["principal"].as_string()),
                                 "run options", "principal", "an id"));
  if (v.contains("principal")) out.principal = v["principal"].as_string();
  TAU_RETURN_IF_ERROR(check_type(!v.contains("abandon") || v["abandon"].is_bool(), "run options", "abandon",
                                 "true or false"));
  out.abandon = v["abandon"].as_bool();
  for (const std::string_view key : {"limits", "response_schema", "params"})
    if (const json::Value* value = v.find(key)) out.overrides.set(key, *value);
  return out;
}

}  // namespace tau::runtime
