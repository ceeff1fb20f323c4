#include "memory/model_text.h"

#include <algorithm>

#include "crypto/crypto.h"
#include "memory/fence.h"
#include "memory/recall.h"

namespace tau::memory {
namespace {

void write_message(json::Writer& out, std::string_view role, std::string_view text, const Labels& labels) {
  out.begin_object().field("role", role).key("parts").begin_array();
  out.begin_object().field("type", "text").field("text", text).end_object().end_array();
  out.field_raw("labels", labels.to_json()).end_object();
}

Status no_answer(std::string_view why) {
  return failed_precondition("model_answer", format("the model's answer {}; nothing of it was taken", why));
}

void read_tags(const json::Value& list, const WriteBounds& bounds, std::vector<std::string>* tags) {
  for (const json::Value& item : list.as_array()) {
    if (tags->size() == bounds.max_tags) break;
    const std::string tag(trimmed(item.as_string()));
    const bool plain =
        std::none_of(tag.begin(), tag.end(), [](char c) { return static_cast<uint8_t>(c) < 0x20; });
    if (!tag.empty() && plain && count_characters(tag) <= bounds.max_tag_characters) tags->push_back(tag);
  }
  std::sort(tags->begin(), tags->end());
  tags->erase(std::unique(tags->begin(), tags->end()), tags->end());
}

}  // namespace

std::string request_json(const ModelPrompt& prompt) {
  std::string text;
  json::Writer out(text);
  out.begin_object().field("model", prompt.model).key("messages").begin_array();
  write_message(out, "system", prompt.instructions, Labels::from(Source::kSystem));
  write_message(out, "user", prompt.content, prompt.labels);
  out.end_array().key("response_format").begin_object().field("kind", "json_schema");
  out.field("name", prompt.schema_name).field_raw("schema", prompt.schema).field("strict", true).end_object();
  if (prompt.max_tokens > 0) out.field("max_tokens", prompt.max_tokens);
  out.key("temperature").number(0);
  out.end_object();
  return text;
}

StatusOr<json::Value> answer_object(std::string_view text) {
  constexpr size_t kMaxBytes = 1 << 20;
  if (text.size() > kMaxBytes) return no_answer("is longer than 1 MB");
  text = trimmed(text);
  if (text.starts_with("```")) {
    text.remove_prefix(std::min(text.find('\n'), text.size()));
    text = trimmed(text);
    if (text.ends_with("```")) text.remove_suffix(3);
  }
  StatusOr<json::Value> value = json::parse(text, json::Halves::kReplace);
  if (!value.ok()) return no_answer("is not JSON");
  if (!value->is_object()) return no_answer("is not a JSON object");
  return value;
}

std::string_view read_written(const json::Value& item, const WriteBounds& bounds, WrittenMemory* out) {
  const std::string_view text = trimmed(item["text"].as_string());
  if (text.empty()) return "no_text";
  if (count_characters(text) > bounds.max_characters) return "text_too_long";
  if (holds_recalled(text)) return "holds_recalled";
  out->text = text;
  const StatusOr<Type> type = parse_type(item["type"].as_string());
  if (!type.ok()) return "unknown_type";
  out->type = *type;
  if (out->type == Type::kIdentity && !bounds.identity) return "identity";
  const json::Value& importance = item["importance"];
  out->importance = importance.is_null() ? default_importance(out->type) : importance.as_double(-1);
  if (!(out->importance >= 0 && out->importance <= 1)) return "importance";
  out->tags.clear();
  read_tags(item["tags"], bounds, &out->tags);
  return {};
}

std::string derived_id(std::string_view prefix, std::initializer_list<std::string_view> parts) {
  constexpr size_t kHexDigits = 20;
  std::string all;
  for (const std::string_view part : parts) (all += format("{}:", part.size())) += part;
  return format("{}-{}", prefix, crypto::hex(crypto::blake2b(all)).substr(0, kHexDigits));
}

std::string type_names_json(bool identity) {
  std::string text;
  json::Writer out(text);
  out.begin_object().key("enum").begin_array();
  for (int i = 0; i < kTypes; ++i)
    if (const auto type = static_cast<Type>(i); identity || type != Type::kIdentity)
      out.string(type_name(type));
  out.end_array().end_object();
  return text;
}

std::string relation_names_json() {
  std::string text;
  json::Writer out(text);
  out.begin_object().key("enum").begin_array();
  for (int i = 0; i < kRelations; ++i) out.string(relation_name(static_cast<Relation>(i)));
  out.end_array().end_object();
  return text;
}

}  // namespace tau::memory
