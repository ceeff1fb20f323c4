#include "variants.h"

#include <algorithm>
#include <functional>
#include <initializer_list>

#include "stream_support.h"

namespace tau::wire::test {
namespace {

// Members whose names are data, or whose order is: the schema of a tool, the arguments of a call.
bool is_data(std::string_view key) {
  return key == "parameters" || key == "input_schema" || key == "schema" || key == "input" ||
         key == "arguments" || key == "metadata" || key == "logit_bias" || key == "json" || key == "format" ||
         key == "args" || key == "responseSchema" || key == "responseJsonSchema" ||
         key == "parametersJsonSchema";
}

void for_each_object(json::Value& value, const std::function<void(json::Value&)>& visit) {
  if (value.is_array())
    for (json::Value& item : value.mutable_array()) for_each_object(item, visit);
  if (!value.is_object()) return;
  for (auto& [key, member] : value.mutable_object())
    if (!is_data(key)) for_each_object(member, visit);
  visit(value);
}

void reverse(json::Value& object) {
  std::reverse(object.mutable_object().begin(), object.mutable_object().end());
}

void extend(json::Value& object) {
  object.set("x_vendor", json::Value(json::Value::Array{1, "two", 3.5}));
  object.set("x_absent", nullptr);
}

void quote_numbers(json::Value& object) {
  for (auto& [key, member] : object.mutable_object())
    if (member.is_integer() && (key == "index" || key == "created")) member = json::write(member);
}

void set_absent_null(json::Value* object, std::initializer_list<std::string_view> keys) {
  if (object == nullptr || !object->is_object()) return;
  for (const std::string_view key : keys)
    if (!object->contains(key)) object->set(key, nullptr);
}

// What most servers leave out, others write as null.
void spell_out(json::Value& object) {
  if (object.contains("choices")) set_absent_null(&object, {"error", "id", "model", "usage", "created"});
  for (const std::string_view name : {"delta", "message"})
    if (object.contains("index") && !object.contains("type"))
      set_absent_null(object.find(name), {"role", "content", "tool_calls", "reasoning", "reasoning_content",
                                          "reasoning_details", "refusal", "function_call", "audio"});
  if (object.contains("delta")) set_absent_null(&object, {"finish_reason", "logprobs", "error"});
  if (object.contains("function") && object.contains("index")) set_absent_null(&object, {"id", "type"});
}

struct Change {
  const char* name;
  void (*apply)(json::Value& object);
};
constexpr Change kChanges[] = {{"members in another order", reverse},
                               {"unknown members", extend},
                               {"numbers as text", quote_numbers},
                               {"nulls", spell_out}};

std::string changed(std::string_view document, const Change& change) {
  StatusOr<json::Value> value = json::parse(document);
  if (!value.ok()) return std::string(document);
  for_each_object(*value, change.apply);
  return json::write(*value);
}

std::string map_lines(std::string_view body, const std::function<std::string(std::string_view)>& map) {
  std::string out;
  for (size_t begin = 0; begin < body.size();) {
    const size_t end = std::min(body.find('\n', begin), body.size());
    out += map(body.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

}  // namespace

std::vector<Variant> document_variants(std::string_view body) {
  std::vector<Variant> out;
  for (const Change& change : kChanges) out.push_back({change.name, changed(body, change)});
  return out;
}

std::vector<Variant> stream_variants(Framing framing, std::string_view body) {
  std::vector<Variant> out;
  for (const Change& change : kChanges)
    out.push_back({change.name, map_documents(framing, body, [&](std::string_view document) {
                     return changed(document, change);
                   })});
  if (framing == Framing::kMessages) return out;
  const auto add = [&](const char* name, auto map) { out.push_back({name, map_lines(body, map)}); };
  const auto plain = [](std::string_view line) {
    return std::string(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
  };
  add("CRLF", [&](std::string_view line) { return plain(line) + "\r\n"; });
  if (framing == Framing::kLines) {
    add("empty lines", [&](std::string_view line) { return plain(line) + "\n\r\n \n"; });
    return out;
  }
  add("CR", [&](std::string_view line) { return plain(line) + "\r"; });
  add("comments", [&](std::string_view line) {
    return line.starts_with("data:") ? ": keep-alive\nid: 7\nretry: 10\n" + plain(line) + "\n"
                                     : plain(line) + "\n";
  });
  add("no space after the colon", [&](std::string_view line) {
    return (line.starts_with("data: ") ? "data:" + plain(line).substr(6) : plain(line)) + "\n";
  });
  add("no end mark", [&](std::string_view line) {
    return line.starts_with("data: [DONE]") ? std::string() : plain(line) + "\n";
  });
  return out;
}

}  // namespace tau::wire::test
