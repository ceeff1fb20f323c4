#include "safety/answer_form.h"

#include <algorithm>
#include <cmath>

#include "safety/chars.h"
#include "safety/extract.h"
#include "safety/monitor_text.h"

namespace tau::safety {
namespace {

constexpr size_t kMaxNumberBytes = 32;
constexpr size_t kDateBytes = 10;
constexpr size_t kMaxEscapedBytes = 6;  // of one character of a text, "\u0041" or UTF-8
constexpr double kMaxMagnitude = 1e15;  // a number that has no end is a text

Status wrong(std::string_view where, std::string_view what) {
  return invalid_argument("invalid_form", format("schema{}: {}", where, what));
}

bool is_member_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxIdBytes &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_alnum(c) || c == '_'; });
}

// 0 when it is no whole number from 1 to `most`.
size_t bound(const json::Value& value, size_t most) {
  const uint64_t n = value.is_number() ? value.as_uint() : 0;
  return n <= most ? static_cast<size_t>(n) : 0;
}

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(),
                                           [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

}  // namespace

class AnswerForm::Compiler {
 public:
  Status compile(const json::Value& schema, std::string_view where, int depth, Node& out) {
    if (depth > kMaxDepth) return wrong(where, format("nested deeper than {} levels", kMaxDepth));
    if (!schema.is_object()) return wrong(where, "expected an object");
    TAU_RETURN_IF_ERROR(check_keywords(schema, where));
    if (schema.contains("enum")) return compile_choice(schema, where, out);
    const std::string_view type = schema["type"].as_string();
    if (type == "boolean") return out.kind = Kind::kBoolean, out.bytes = 5, ok_status();
    if (type == "integer" || type == "number") return compile_number(schema, where, out);
    if (type == "string") return compile_text(schema, where, out);
    if (type == "array") return compile_list(schema, where, depth, out);
    if (type == "object") return compile_record(schema, where, depth, out);
    return wrong(where, "needs an enum, or a type of boolean, integer, number, string, array and object");
  }

 private:
  static Status check_keywords(const json::Value& schema, std::string_view where) {
    constexpr std::string_view kKnown[] = {"type",     "enum",       "minimum",     "maximum",
                                           "format",   "maxLength",  "items",       "maxItems",
                                           "required", "properties", "description", "additionalProperties"};
    for (const auto& [keyword, value] : schema.as_object())
      if (std::ranges::find(kKnown, keyword) == std::end(kKnown))
        return wrong(where,
                     format("the keyword \"{}\" is none that gives a bound", truncate_utf8(keyword, 64)));
    return ok_status();
  }

  static Status compile_choice(const json::Value& schema, std::string_view where, Node& out) {
    const json::Value& choices = schema["enum"];
    const bool good = choices.is_array() && choices.size() >= 1 && choices.size() <= kMaxChoices &&
                      std::ranges::all_of(choices.as_array(), [](const json::Value& choice) {
                        return choice.is_string() && !choice.as_string().empty() &&
                               choice.as_string().size() <= kMaxIdBytes;
                      });
    if (!good)
      return wrong(where,
                   format("an enum has 1 to {} texts, each of 1 to {} bytes", kMaxChoices, kMaxIdBytes));
    out.kind = Kind::kChoice;
    for (const json::Value& choice : choices.as_array()) {
      out.choices.emplace_back(choice.as_string());
      out.bytes = std::max(out.bytes, json::write(choice).size());
    }
    return ok_status();
  }

  static Status compile_number(const json::Value& schema, std::string_view where, Node& out) {
    out.kind = schema["type"].as_string() == "integer" ? Kind::kInteger : Kind::kNumber;
    out.bytes = kMaxNumberBytes;
    for (const char* const end : {"minimum", "maximum"})
      if (schema.contains(end) && !schema[end].is_number()) return wrong(where, "a bound is no number");
    out.has_min = schema.contains("minimum");
    out.has_max = schema.contains("maximum");
    out.min = schema["minimum"].as_double();
    out.max = schema["maximum"].as_double();
    return ok_status();
  }

  static Status compile_text(const json::Value& schema, std::string_view where, Node& out) {
    if (schema.contains("format")) {
      if (schema["format"].as_string() != "date") return wrong(where, "the only format is date");
      out.kind = Kind::kDate;
      out.bytes = kDateBytes + 2;
      return ok_status();
    }
    out.kind = Kind::kText;
    out.most = bound(schema["maxLength"], kMaxAnswerCharacters);
    out.bytes = out.most * kMaxEscapedBytes + 2;
    if (out.most > 0) return ok_status();
    return wrong(where,
                 format("a string needs a maxLength of 1 to {}, or the format date", kMaxAnswerCharacters));
  }

  Status compile_list(const json::Value& schema, std::string_view where, int depth, Node& out) {
    out.kind = Kind::kList;
    out.most = bound(schema["maxItems"], kMaxAnswerItems);
    if (out.most == 0) return wrong(where, format("an array needs a maxItems of 1 to {}", kMaxAnswerItems));
    TAU_RETURN_IF_ERROR(
        compile(schema["items"], format("{}/items", where), depth + 1, out.children.emplace_back()));
    out.bytes = out.most * (out.children[0].bytes + 1) + 2;
    return ok_status();
  }

  Status compile_record(const json::Value& schema, std::string_view where, int depth, Node& out) {
    out.kind = Kind::kRecord;
    const json::Value& members = schema["properties"];
    if (!members.is_object() || members.size() < 1 || members.size() > kMaxAnswerMembers)
      return wrong(where, format("an object has 1 to {} properties", kMaxAnswerMembers));
    if (schema["additionalProperties"].as_bool() || schema["additionalProperties"].is_object())
      return wrong(where, "additionalProperties can only be false");
    const auto& needed = schema["required"].as_array();
    out.bytes = 2;
    for (const auto& [name, member] : members.as_object()) {
      if (!is_member_name(name)) return wrong(where, "a property is named by letters, digits and _");
      TAU_RETURN_IF_ERROR(
          compile(member, format("{}/{}", where, name), depth + 1, out.children.emplace_back()));
      out.names.push_back(name);
      out.required.push_back(std::ranges::any_of(
          needed, [&name = name](const json::Value& n) { return n.as_string() == name; }));
      out.bytes += name.size() + 4 + out.children.back().bytes;
    }
    return ok_status();
  }
};

StatusOr<AnswerForm> AnswerForm::compile(const json::Value& schema) {
  AnswerForm form;
  TAU_RETURN_IF_ERROR(Compiler().compile(schema, "", 1, form.root_));
  if (form.root_.bytes > kMaxAnswerBytes)
    return wrong("",
                 format("an answer could have {} bytes, and may have {}", form.root_.bytes, kMaxAnswerBytes));
  return form;
}

bool AnswerForm::take_number(const Node& node, const json::Value& given) {
  if (node.kind == Kind::kInteger ? !given.is_integer() : !given.is_number()) return false;
  const double n = given.as_double();
  return std::isfinite(n) && std::abs(n) <= kMaxMagnitude && (!node.has_min || n >= node.min) &&
         (!node.has_max || n <= node.max) && json::write(given).size() <= kMaxNumberBytes;
}

bool AnswerForm::take_record(const Node& node, const json::Value& given, json::Value& out) {
  if (!given.is_object()) return false;
  out = json::Value::object();
  size_t known = 0;
  for (size_t i = 0; i < node.names.size(); ++i) {
    const json::Value* const member = given.find(node.names[i]);
    if (member == nullptr && node.required[i]) return false;
    if (member == nullptr) continue;
    json::Value value;
    if (!take(node.children[i], *member, value)) return false;
    out.set(node.names[i], std::move(value));
    ++known;
  }
  return known == given.size();
}

bool AnswerForm::take(const Node& node, const json::Value& given, json::Value& out) {
  const std::string_view text = given.as_string();
  bool good = false;
  switch (node.kind) {
    case Kind::kChoice:
      good = given.is_string() && std::ranges::find(node.choices, text) != node.choices.end();
      break;
    case Kind::kBoolean: good = given.is_bool(); break;
    case Kind::kInteger:
    case Kind::kNumber: good = take_number(node, given); break;
    case Kind::kDate: good = is_calendar_date(text); break;
    case Kind::kText:
      good = given.is_string() && characters(text) <= node.most && !holds_hidden(text, true);
      break;
    case Kind::kRecord: return take_record(node, given, out);
    case Kind::kList:
      if (!given.is_array() || given.size() > node.most) return false;
      out = json::Value::array();
      for (const json::Value& item : given.as_array()) {
        json::Value taken;
        if (!take(node.children[0], item, taken)) return false;
        out.push_back(std::move(taken));
      }
      return true;
  }
  if (good) out = given;
  return good;
}

StatusOr<std::string> AnswerForm::read(std::string_view answer) const {
  const auto value = json::parse(answer);
  if (value.ok() && value->is_null()) return not_found("no_extract", "the text does not answer the question");
  json::Value taken;
  if (!value.ok() || !take(root_, *value, taken))
    return failed_precondition("answer_form", "the model's answer does not fit the schema");
  return json::write(taken);
}

}  // namespace tau::safety
