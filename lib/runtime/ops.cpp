// Documents that hosts send: run options and ops. Unknown keys are errors that name the key.
#include <algorithm>
#include <array>

#include "runtime/core.h"
#include "runtime/host_document.h"

namespace tau::runtime {
namespace {

// The members of an op as they stand in its text, which they do not outlive.
class OpDocument {
 public:
  struct Member {
    std::string_view key;
    json::Value::Kind kind = json::Value::Kind::kNull;
    std::string_view text;  // of a string what it says; else its JSON
    bool is(bool value) const { return kind == json::Value::Kind::kBool && (text == "true") == value; }
  };

  // As strict as json::parse(), whose words it uses for what is wrong.
  Status read(std::string_view text) {
    if (reader_.load(text) && read_members()) return ok_status();
    TAU_ASSIGN_OR_RETURN(const json::Value v, json::parse(text));
    if (!v.is_object()) return invalid_argument("wrong_type", "an op should be a JSON object");
    return size_ < kMembers ? ok_status()
                            : only_keys({"op", "id", "text", "message", "call_id", "content", "is_error",
                                         "reason", "allow", "binding", "handle", "lines", "bytes", "error"});
  }
  const Member* find(std::string_view key) const {
    for (size_t i = 0; i < size_; ++i)
      if (members_[i].key == key) return &members_[i];
    return nullptr;
  }
  std::string_view string(std::string_view key, std::string_view otherwise = {}) const {
    const Member* const member = find(key);
    return member != nullptr && member->kind == json::Value::Kind::kString ? member->text : otherwise;
  }
  StatusOr<std::string_view> need_string(std::string_view key) const {
    const Member* const member = find(key);
    const bool good = member != nullptr && member->kind == json::Value::Kind::kString;
    TAU_RETURN_IF_ERROR(check_type(good, "op", key, "a string"));
    return member->text;
  }
  Status only_keys(std::initializer_list<std::string_view> known) const {
    for (size_t i = 0; i < size_; ++i) {
      if (std::find(known.begin(), known.end(), members_[i].key) == known.end())
        return invalid_argument("unknown_key",
                                "op has an unknown key \"" + std::string(members_[i].key) + "\"");
    }
    return ok_status();
  }

 private:
  // False where parse() has to look: it may find what is wrong, or a key that occurs twice further inside.
  bool read_members() {
    if (!reader_.enter_object()) return false;
    bool flat = true;
    std::string_view key;
    while (reader_.next_key(key)) {
      if (size_ == kMembers || find(key) != nullptr) return false;
      Member& member = members_[size_];
      member.key = key;
      member.kind = reader_.kind();
      flat = flat && member.kind != json::Value::Kind::kArray && member.kind != json::Value::Kind::kObject;
      const bool is_string = member.kind == json::Value::Kind::kString;
      if (!(is_string ? reader_.string(member.text) : reader_.raw(member.text))) return false;
      ++size_;
    }
    return reader_.status().ok() && flat;
  }

  static constexpr size_t kMembers = 15;  // one more than there are keys

  json::Reader reader_;
  std::array<Member, kMembers> members_;
  size_t size_ = 0;
};

StatusOr<std::unique_ptr<Op>> parse_message_op(const OpDocument& v, agent::HostOp::Kind kind,
                                               std::vector<wire::Media> blobs) {
  TAU_RETURN_IF_ERROR(v.only_keys({"op", "id", "text", "message"}));
  auto op = std::make_unique<Op>(Op::Kind::kSubmit);
  op->host.kind = kind;
  op->host.op_id = v.string("id");
  if (const OpDocument::Member* message = v.find("message")) {
    if (v.find("text") != nullptr)
      return invalid_argument("two_messages", "op: \"text\" and \"message\" exclude each other");
    const bool is_string = message->kind == json::Value::Kind::kString;
    TAU_ASSIGN_OR_RETURN(json::Value value,
                         is_string ? json::Value(message->text) : json::parse(message->text));
    TAU_ASSIGN_OR_RETURN(op->host.message, host_message(std::move(value), std::move(blobs)));
  } else {
    TAU_ASSIGN_OR_RETURN(const std::string_view text, v.need_string("text"));
    op->host.message = user_message(text, std::move(blobs));
    if (op->host.message.parts.empty()) return invalid_argument("empty_message", "op: \"text\" says nothing");
  }
  return op;
}

StatusOr<std::unique_ptr<Op>> parse_approval(const OpDocument& v) {
  TAU_RETURN_IF_ERROR(v.only_keys({"op", "id", "call_id", "allow", "reason", "binding"}));
  auto op = std::make_unique<Op>(Op::Kind::kSubmit);
  op->host.kind = agent::HostOp::Kind::kApproval;
  op->host.op_id = v.string("id");
  TAU_ASSIGN_OR_RETURN(op->host.call_id, v.need_string("call_id"));
  const OpDocument::Member* const allow = v.find("allow");
  const bool is_bool = allow != nullptr && allow->kind == json::Value::Kind::kBool;
  TAU_RETURN_IF_ERROR(check_type(is_bool, "op", "allow", "true or false"));
  op->host.allow = allow->is(true);
  op->host.reason = v.string("reason");
  op->host.binding = v.string("binding");
  return op;
}

StatusOr<std::unique_ptr<Op>> parse_tool_result(const OpDocument& v) {
  TAU_RETURN_IF_ERROR(v.only_keys({"op", "id", "call_id", "content", "is_error", "reason"}));
  auto op = std::make_unique<Op>(Op::Kind::kToolResult);
  TAU_ASSIGN_OR_RETURN(op->host.call_id, v.need_string("call_id"));
  const OpDocument::Member* const content = v.find("content");
  TAU_RETURN_IF_ERROR(check_type(content != nullptr, "op", "content", "a string or any JSON value"));
  const OpDocument::Member* const is_error = v.find("is_error");
  const bool good = is_error == nullptr || is_error->kind == json::Value::Kind::kBool;
  TAU_RETURN_IF_ERROR(check_type(good, "op", "is_error", "true or false"));
  if (content->kind == json::Value::Kind::kString) {
    op->result.content = content->text;
  } else {
    TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(content->text));
    op->result.content = json::write(value);
  }
  op->result.is_error = is_error != nullptr && is_error->is(true);
  if (op->result.is_error) op->result.reason = v.string("reason", "tool_failed");
  op->host.op_id = v.string("id");
  return op;
}

StatusOr<std::unique_ptr<Op>> parse_tool_progress(const OpDocument& v) {
  TAU_RETURN_IF_ERROR(v.only_keys({"op", "call_id", "text"}));
  auto op = std::make_unique<Op>(Op::Kind::kToolProgress);
  TAU_ASSIGN_OR_RETURN(op->host.call_id, v.need_string("call_id"));
  TAU_ASSIGN_OR_RETURN(op->result.content, v.need_string("text"));
  return op;
}

StatusOr<std::unique_ptr<Op>> parse_quarantine_read(const OpDocument& v) {
  TAU_RETURN_IF_ERROR(v.only_keys({"op", "id", "handle"}));
  auto op = std::make_unique<Op>(Op::Kind::kReadHeld);
  TAU_ASSIGN_OR_RETURN(op->result.content, v.need_string("handle"));
  op->host.op_id = v.string("id");
  return op;
}

// Text, or the bytes of the one blob.
StatusOr<std::unique_ptr<Op>> parse_model_event(const OpDocument& v, std::vector<wire::Media> blobs) {
  TAU_RETURN_IF_ERROR(v.only_keys({"op", "call_id", "lines", "bytes"}));
  auto op = std::make_unique<Op>(Op::Kind::kModelEvent);
  TAU_ASSIGN_OR_RETURN(op->host.call_id, v.need_string("call_id"));
  if (v.find("bytes") == nullptr && blobs.empty()) {
    TAU_ASSIGN_OR_RETURN(op->result.content, v.need_string("lines"));
    return op;
  }
  if (v.string("bytes") != "blob:0" || blobs.size() != 1 || v.find("lines") != nullptr)
    return invalid_argument("no_such_blob", "op: \"bytes\" is \"blob:0\", with one blob and no \"lines\"");
  op->result.content = std::move(blobs[0].data);
  return op;
}

StatusOr<std::unique_ptr<Op>> parse_model_drop(const OpDocument& v) {
  TAU_RETURN_IF_ERROR(v.only_keys({"op", "call_id", "error"}));
  auto op = std::make_unique<Op>(Op::Kind::kModelDrop);
  TAU_ASSIGN_OR_RETURN(op->host.call_id, v.need_string("call_id"));
  const OpDocument::Member* const error = v.find("error");
  if (error == nullptr || error->kind == json::Value::Kind::kNull) return op;
  TAU_RETURN_IF_ERROR(check_type(error->kind == json::Value::Kind::kObject, "op", "error", "an object"));
  TAU_RETURN_IF_ERROR(read_model_error(error->text, op->error));
  return op;
}

}  // namespace

StatusOr<std::unique_ptr<Op>> parse_op(std::string_view text, std::vector<wire::Media> blobs) {
  OpDocument v;
  TAU_RETURN_IF_ERROR(v.read(text));
  TAU_ASSIGN_OR_RETURN(const std::string_view op, v.need_string("op"));
  if (op == "message") return parse_message_op(v, agent::HostOp::Kind::kMessage, std::move(blobs));
  if (op == "steer") return parse_message_op(v, agent::HostOp::Kind::kSteer, std::move(blobs));
  if (op == "model_event") return parse_model_event(v, std::move(blobs));
  if (!blobs.empty())
    return invalid_argument("unused_blob", "op \"" + std::string(op) + "\" has no place for blobs");
  if (op == "approval") return parse_approval(v);
  if (op == "tool_result") return parse_tool_result(v);
  if (op == "tool_progress") return parse_tool_progress(v);
  if (op == "quarantine_read") return parse_quarantine_read(v);
  if (op == "model_drop") return parse_model_drop(v);
  if (op == "cancel") {
    TAU_RETURN_IF_ERROR(v.only_keys({"op", "id"}));
    return std::make_unique<Op>(Op::Kind::kCancel);
  }
  return invalid_argument(
      "unknown_op",
      "unknown op \"" + std::string(op) +
          "\"; known are message, steer, tool_result, tool_progress, approval, quarantine_read, "
          "model_event, model_drop, cancel");
}

void perform(Op&& op, Driver& driver) {
  switch (op.kind) {
    case Op::Kind::kSubmit: return driver.submit(std::move(op.host));
    case Op::Kind::kToolResult:
      return driver.tool_result(op.host.call_id, std::move(op.result), op.host.op_id);
    case Op::Kind::kToolProgress: return driver.tool_progress(op.host.call_id, std::move(op.result.content));
    case Op::Kind::kReadHeld: return driver.read_held(op.result.content, op.host.op_id);
    case Op::Kind::kCancel: return driver.cancel(cancelled_by_host());
    case Op::Kind::kModelEvent:
    case Op::Kind::kModelDrop: return;
  }
}

Status answer_model(const Op& op, const provider::HostReplies& replies) {
  const auto reply = replies.find(op.host.call_id);
  if (reply == nullptr) return fed_status(provider::HostReply::Fed::kOver);
  if (op.kind == Op::Kind::kModelEvent) return fed_status(reply->feed(op.result.content, 0));
  reply->end(op.error);
  return ok_status();
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
