// Documents that hosts send: run options and ops. Unknown keys are errors that name the key.
#include <initializer_list>

#include "runtime/core.h"

namespace tau::runtime {
namespace {

Status only_keys(const json::Value& v, std::string_view what, std::initializer_list<std::string_view> known) {
  if (!v.is_object()) return invalid_argument("wrong_type", std::string(what) + " should be a JSON object");
  for (const auto& [key, value] : v.as_object()) {
    bool found = false;
    for (const std::string_view k : known) found = found || k == key;
    if (!found)
      return invalid_argument("unknown_key", std::string(what) + " has an unknown key \"" + key + "\"");
  }
  return ok_status();
}

StatusOr<std::string> need_string(const json::Value& v, std::string_view what, std::string_view key) {
  const json::Value* member = v.find(key);
  if (member == nullptr || !member->is_string())
    return invalid_argument("wrong_type",
                            std::string(what) + ": \"" + std::string(key) + "\" should be a string");
  return std::string(member->as_string());
}

Status check_type(bool good, std::string_view what, std::string_view key, std::string_view type) {
  if (good) return ok_status();
  return invalid_argument(
      "wrong_type", std::string(what) + ": \"" + std::string(key) + "\" should be " + std::string(type));
}

wire::MediaKind media_kind(std::string_view mime) {
  if (mime.starts_with("image/")) return wire::MediaKind::kImage;
  if (mime.starts_with("audio/")) return wire::MediaKind::kAudio;
  return wire::MediaKind::kFile;
}

using Action = UniqueFunction<void(RunState&)>;

StatusOr<Action> parse_message_op(const json::Value& v, agent::HostOp::Kind kind,
                                  std::vector<wire::Media> blobs) {
  TAU_RETURN_IF_ERROR(only_keys(v, "op", {"op", "id", "text"}));
  agent::HostOp op;
  op.kind = kind;
  op.op_id = v["id"].as_string();
  TAU_ASSIGN_OR_RETURN(const std::string text, need_string(v, "op", "text"));
  op.message = user_message(text, std::move(blobs));
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

wire::Message user_message(std::string_view text, std::vector<wire::Media> blobs) {
  wire::Message message = wire::text_message(wire::Role::kUser, text, Labels::from(Source::kUser));
  for (wire::Media& blob : blobs) {
    blob.kind = media_kind(blob.mime);
    message.parts.push_back({.body = std::move(blob), .extras = {}});
  }
  return message;
}

StatusOr<Action> parse_op(std::string_view text, std::vector<wire::Media> blobs) {
  TAU_ASSIGN_OR_RETURN(const json::Value v, json::parse(text));
  if (!v.is_object()) return invalid_argument("wrong_type", "an op should be a JSON object");
  TAU_ASSIGN_OR_RETURN(const std::string op, need_string(v, "op", "op"));
  if (op == "message") return parse_message_op(v, agent::HostOp::Kind::kMessage, std::move(blobs));
  if (op == "steer") return parse_message_op(v, agent::HostOp::Kind::kSteer, std::move(blobs));
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

StatusOr<ParsedRunOptions> parse_run_options(std::string_view text) {
  ParsedRunOptions out;
  out.overrides = json::Value::object();
  if (text.empty()) return out;
  TAU_ASSIGN_OR_RETURN(const json::Value v, json::parse(text));
  TAU_RETURN_IF_ERROR(only_keys(v, "run options",
                                {"message", "principal", "abandon", "limits", "response_schema", "params"}));
  if (const json::Value* message = v.find("message")) {
    TAU_ASSIGN_OR_RETURN(out.message, wire::message_from_json(*message));
    out.message->role = wire::Role::kUser;
    out.message->labels = Labels::from(Source::kUser);
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
