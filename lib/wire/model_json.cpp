// Messages, usage and responses as the neutral JSON of docs/schema, and back.
#include "wire/model_json.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "crypto/crypto.h"

namespace tau::wire {
namespace {

constexpr std::array<Role, 5> kRoles = {Role::kSystem, Role::kDeveloper, Role::kUser, Role::kAssistant,
                                        Role::kTool};
constexpr std::array<std::string_view, 3> kMediaKinds = {"image", "audio", "file"};
constexpr std::array<std::string_view, 4> kReasoningForms = {"plain", "signature", "redacted", "details"};
constexpr size_t kFinishReasonCount = static_cast<size_t>(FinishReason::kOther) + 1;

template <size_t N>
void optional_field(json::Writer& out, const char (&name)[N], const std::string& text) {
  if (!text.empty()) out.field(name, text);
}
template <size_t N>
void optional_field(json::Writer& out, const char (&name)[N], int64_t n) {
  if (n != 0) out.field(name, n);
}

struct PartWriter {
  json::Writer& out;
  std::vector<const Media*>* blobs;

  void operator()(const Text& text) const { out.field("type", "text").field("text", text.text); }
  void operator()(const Media& media) const {
    out.field("type", kMediaKinds[static_cast<size_t>(media.kind)]);
    optional_field(out, "mime", media.mime);
    optional_field(out, "url", media.url);
    if (!media.data.empty() && blobs != nullptr) {
      out.field("data", format("blob:{}", blobs->size()));
      blobs->push_back(&media);
    } else if (!media.data.empty()) {
      out.field("data", crypto::base64_encode(media.data));
    }
    optional_field(out, "id", media.id);
    optional_field(out, "name", media.name);
  }
  void operator()(const ToolCall& call) const {
    out.field("type", "tool_call")
        .field("id", call.id)
        .field("name", call.name)
        .field("arguments", call.arguments);
  }
  void operator()(const ToolResult& result) const {
    out.field("type", "tool_result").field("call_id", result.call_id);
    optional_field(out, "name", result.name);
    out.key("content").begin_array();
    for (const Part& part : result.content) write_part(out, part, blobs);
    out.end_array();
    if (result.is_error) out.field("is_error", true);
  }
  void operator()(const Reasoning& reasoning) const {
    out.field("type", "reasoning").field("text", reasoning.text);
    optional_field(out, "opaque", reasoning.opaque);
    out.field("form", kReasoningForms[static_cast<size_t>(reasoning.form)]);
  }
  void operator()(const Opaque& opaque) const {
    out.field("type", "opaque").field("kind", opaque.type).field("json", opaque.json);
  }
};

void begin_message(json::Writer& out, const Message& message, std::vector<const Media*>* blobs = nullptr) {
  out.begin_object().field("role", role_name(message.role)).key("parts").begin_array();
  for (const Part& part : message.parts) write_part(out, part, blobs);
  out.end_array();
}

void end_message(json::Writer& out, const Message& message) {
  write_extras(out, message.extras);
  out.end_object();
}

// The member "usage", unless nothing is known of it.
void write_known_usage(json::Writer& out, const Usage& usage) {
  const int64_t counts[] = {usage.input, usage.output, usage.cached_input, usage.cache_write,
                            usage.reasoning};
  const bool none = std::all_of(std::begin(counts), std::end(counts), [](int64_t n) { return n == 0; });
  if (none && !usage.known && usage.extras.empty()) return;
  out.key("usage").begin_object();
  optional_field(out, "input", usage.input);
  optional_field(out, "output", usage.output);
  optional_field(out, "cached_input", usage.cached_input);
  optional_field(out, "cache_write", usage.cache_write);
  optional_field(out, "reasoning", usage.reasoning);
  if (usage.known) out.field("known", true);
  write_extras(out, usage.extras);
  out.end_object();
}

std::string text_of(const json::Value& value, std::string_view key) {
  return std::string(value[key].as_string());
}

template <size_t N>
size_t index_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

Status bad_part(std::string_view what) { return invalid_argument("invalid_message", what); }

StatusOr<std::vector<Part>> parts_from_json(const json::Value& value) {
  std::vector<Part> parts;
  for (const json::Value& item : value.as_array()) {
    TAU_ASSIGN_OR_RETURN(Part part, part_from_json(item));
    parts.push_back(std::move(part));
  }
  return parts;
}

StatusOr<Media> media_from_json(const json::Value& value, size_t kind) {
  Media media;
  media.kind = static_cast<MediaKind>(kind);
  media.mime = text_of(value, "mime");
  media.url = text_of(value, "url");
  media.id = text_of(value, "id");
  media.name = text_of(value, "name");
  TAU_ASSIGN_OR_RETURN(media.data, crypto::base64_decode(value["data"].as_string()));
  return media;
}

StatusOr<ToolResult> tool_result_from_json(const json::Value& value) {
  ToolResult result;
  result.call_id = text_of(value, "call_id");
  result.name = text_of(value, "name");
  TAU_ASSIGN_OR_RETURN(result.content, parts_from_json(value["content"]));
  result.is_error = value["is_error"].as_bool();
  return result;
}

StatusOr<Reasoning> reasoning_from_json(const json::Value& value) {
  Reasoning reasoning{text_of(value, "text"), text_of(value, "opaque"), Reasoning::Form::kPlain};
  const size_t form = index_of(kReasoningForms, value["form"].as_string("plain"));
  if (form == kReasoningForms.size())
    return bad_part("reasoning.form is not plain, signature, redacted or details");
  reasoning.form = static_cast<Reasoning::Form>(form);
  return reasoning;
}

StatusOr<Labels> labels_from_json(const json::Value& value) {
  if (value.is_string()) return parse_integrity(value.as_string());
  std::string names;
  for (const json::Value& name : value["integrity"].as_array()) {
    if (!names.empty()) names += ',';
    names += name.as_string();
  }
  TAU_ASSIGN_OR_RETURN(Labels labels, parse_integrity(names));
  const json::Value* readers = value.find("readers");
  if (readers == nullptr) return labels;
  std::vector<std::string> who;
  for (const json::Value& reader : readers->as_array()) {
    if (reader.as_string() == "*") return labels;
    who.emplace_back(reader.as_string());
  }
  labels.restrict_readers(std::move(who));
  return labels;
}

}  // namespace

const Role* find_role(std::string_view name) {
  const auto* role = std::find_if(kRoles.begin(), kRoles.end(), [&](Role r) { return role_name(r) == name; });
  return role == kRoles.end() ? nullptr : role;
}

void write_extras(json::Writer& out, const Extras& extras) {
  if (extras.empty()) return;
  out.key("extras").begin_object();
  for (const auto& [key, json] : extras) out.key(key).raw(json);
  out.end_object();
}

Extras extras_from_json(const json::Value& value) {
  Extras extras;
  for (const auto& [key, member] : value.as_object()) extras.add(key, json::write(member));
  return extras;
}

void write_part(json::Writer& out, const Part& part, std::vector<const Media*>* blobs) {
  out.begin_object();
  std::visit(PartWriter{out, blobs}, part.body);
  write_extras(out, part.extras);
  out.end_object();
}

void write_message(json::Writer& out, const Message& message, std::vector<const Media*>* blobs) {
  begin_message(out, message, blobs);
  if (message.labels != Labels()) out.field_raw("labels", message.labels.to_json());
  end_message(out, message);
}

void write_brief(json::Writer& out, const Message& message) {
  begin_message(out, message);
  if (!message.labels.readable_by_all()) {
    out.field_raw("labels", message.labels.to_json());
  } else if (!message.labels.integrity().empty()) {
    out.field("labels", message.labels.integrity().view());
  }
  end_message(out, message);
}

void write_usage(json::Writer& out, const Usage& usage) {
  out.begin_object().field("input", usage.input).field("output", usage.output);
  out.field("cached_input", usage.cached_input).field("cache_write", usage.cache_write);
  out.field("reasoning", usage.reasoning).field("known", usage.known);
  write_extras(out, usage.extras);
  out.end_object();
}

void write_response(json::Writer& out, const Response& response) {
  out.begin_object()
      .field("id", response.id)
      .field("model", response.model)
      .field("created", response.created);
  write_message(out.key("message"), response.message);
  out.field("finish", finish_reason_name(response.finish)).field("finish_text", response.finish_text);
  write_usage(out.key("usage"), response.usage);
  write_extras(out, response.extras);
  out.end_object();
}

void write_brief(json::Writer& out, const Response& response) {
  out.begin_object();
  optional_field(out, "id", response.id);
  optional_field(out, "model", response.model);
  optional_field(out, "created", response.created);
  write_brief(out.key("message"), response.message);
  out.field("finish", finish_reason_name(response.finish));
  optional_field(out, "finish_text", response.finish_text);
  write_known_usage(out, response.usage);
  write_extras(out, response.extras);
  out.end_object();
}

void write_json(json::Writer& out, const Message& message) { write_message(out, message); }
void write_json(json::Writer& out, const Response& response) { write_response(out, response); }

std::string to_json(const Message& message) {
  std::string text;
  json::Writer out(text);
  write_message(out, message);
  return text;
}

std::string to_json(const Usage& usage) {
  std::string text;
  json::Writer out(text);
  write_usage(out, usage);
  return text;
}

std::string to_json(const Response& response) {
  std::string text;
  json::Writer out(text);
  write_response(out, response);
  return text;
}

StatusOr<Part> part_from_json(const json::Value& value) {
  Part part;
  part.extras = extras_from_json(value["extras"]);
  const std::string_view type = value["type"].as_string();
  if (type == "text") {
    part.body = Text{text_of(value, "text")};
  } else if (type == "tool_call") {
    part.body = ToolCall{text_of(value, "id"), text_of(value, "name"), text_of(value, "arguments")};
  } else if (type == "tool_result") {
    TAU_ASSIGN_OR_RETURN(part.body, tool_result_from_json(value));
  } else if (type == "reasoning") {
    TAU_ASSIGN_OR_RETURN(part.body, reasoning_from_json(value));
  } else if (type == "opaque") {
    part.body = Opaque{text_of(value, "kind"), text_of(value, "json")};
  } else if (const size_t kind = index_of(kMediaKinds, type); kind < kMediaKinds.size()) {
    TAU_ASSIGN_OR_RETURN(part.body, media_from_json(value, kind));
  } else {
    return bad_part(format("part.type \"{}\" is not known", type));
  }
  return part;
}

StatusOr<Message> message_from_json(const json::Value& value) {
  if (!value.is_object()) return bad_part("a message is a JSON object");
  const Role* role = find_role(value["role"].as_string());
  if (role == nullptr) return bad_part(format("message.role \"{}\" is not known", value["role"].as_string()));
  Message message;
  message.role = *role;
  TAU_ASSIGN_OR_RETURN(message.parts, parts_from_json(value["parts"]));
  TAU_ASSIGN_OR_RETURN(message.labels, labels_from_json(value["labels"]));
  message.extras = extras_from_json(value["extras"]);
  return message;
}

StatusOr<Message> message_from_json(std::string_view text) {
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(text));
  return message_from_json(value);
}

StatusOr<Usage> usage_from_json(const json::Value& value) {
  if (!value.is_object()) return invalid_argument("invalid_usage", "usage is a JSON object");
  Usage usage;
  usage.input = value["input"].as_int();
  usage.output = value["output"].as_int();
  usage.cached_input = value["cached_input"].as_int();
  usage.cache_write = value["cache_write"].as_int();
  usage.reasoning = value["reasoning"].as_int();
  usage.known = value["known"].as_bool();
  usage.extras = extras_from_json(value["extras"]);
  return usage;
}

StatusOr<Response> response_from_json(const json::Value& value) {
  if (!value.is_object()) return invalid_argument("invalid_response", "a response is a JSON object");
  Response response;
  response.id = text_of(value, "id");
  response.model = text_of(value, "model");
  response.created = value["created"].as_int();
  TAU_ASSIGN_OR_RETURN(response.message, message_from_json(value["message"]));
  const std::string_view finish = value["finish"].as_string("unknown");
  size_t reason = 0;
  while (reason < kFinishReasonCount && finish_reason_name(static_cast<FinishReason>(reason)) != finish)
    ++reason;
  if (reason == kFinishReasonCount)
    return invalid_argument("invalid_response", format("finish \"{}\" is not known", finish));
  response.finish = static_cast<FinishReason>(reason);
  response.finish_text = text_of(value, "finish_text");
  if (value.contains("usage")) { TAU_ASSIGN_OR_RETURN(response.usage, usage_from_json(value["usage"])); }
  response.extras = extras_from_json(value["extras"]);
  return response;
}

StatusOr<Response> response_from_json(std::string_view text) {
  TAU_ASSIGN_OR_RETURN(const json::Value value, json::parse(text));
  return response_from_json(value);
}

}  // namespace tau::wire
