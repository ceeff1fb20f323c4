// Requests by their meaning.
#include "provider/request_match.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <span>

#include "crypto/crypto.h"

namespace tau::provider {
namespace {

constexpr size_t kShownBytes = 160;

// Of a request: who asks, and how the answer travels, is billed, kept or cached.
constexpr std::string_view kTransport[] = {
    "cache_control", "metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier",
    "service_tier",  "store",    "stream",           "stream_options",         "user",
};
// Of what stands in a message or a tool: hints for caches, names of items, proofs of whose they are.
constexpr std::string_view kMarks[] = {"cache_control", "encrypted_content", "id", "index", "signature",
                                       "status",        "thoughtSignature"};
// Of a part that is kept as its dialect's JSON: its ids may be what it says.
constexpr std::string_view kProofs[] = {"cache_control", "encrypted_content", "signature", "status",
                                        "thoughtSignature"};

using Names = std::span<const std::string_view>;

bool is_among(Names names, std::string_view key) { return std::ranges::find(names, key) != names.end(); }

bool is_default(std::string_view key, const json::Value& value) {
  if (value.is_null()) return true;
  if (key == "stop") return value.is_array() && value.size() == 0;
  if (key == "n") return value == json::Value(1);
  if (key == "presence_penalty" || key == "frequency_penalty") return value == json::Value(0);
  return key == "logprobs" && value == json::Value(false);
}

json::Value value_or_text(std::string_view text) {
  auto parsed = json::parse(text);
  return parsed.ok() ? *std::move(parsed) : json::Value(text);
}

// A value without the members that prove whose it is, at any depth.
json::Value without_proofs(const json::Value& value) {
  if (value.is_array()) {
    json::Value out = json::Value::array();
    for (const json::Value& item : value.as_array()) out.push_back(without_proofs(item));
    return out;
  }
  if (!value.is_object()) return value;
  json::Value out = json::Value::object();
  for (const auto& [key, member] : value.as_object())
    if (!is_among(kProofs, key)) out.mutable_object().emplace_back(key, without_proofs(member));
  return out;
}

// How a dialect spelled an object says nothing; what it left over of one that was nested does.
bool is_spelling(std::string_view key, const json::Value& value) {
  if (!key.starts_with("tau:") || key.starts_with("tau:=")) return false;
  return key == "tau:from" || key == "tau:absent" || !value.is_object() || value.size() == 0;
}

void add_extras(json::Value& out, const wire::Extras& extras, Names ignored = kMarks) {
  json::Value kept = json::Value::object();
  for (const auto& [key, text] : extras) {
    if (is_among(ignored, key)) continue;
    json::Value value = value_or_text(text);
    if (!is_spelling(key, value) && !is_default(key, value)) kept.set(key, std::move(value));
  }
  if (kept.size() > 0) out.set("extras", std::move(kept));
}

// Out of line: objects are built of dozens of members.
[[gnu::noinline]] json::Value& put(json::Value& out, std::string_view key, json::Value&& value) {
  return out.set(key, std::move(value));
}
[[gnu::noinline]] json::Value& put_text(json::Value& out, std::string_view key, std::string_view text) {
  return put(out, key, json::Value(text));
}
[[gnu::noinline]] void add_text(json::Value& out, std::string_view key, std::string_view text) {
  if (!text.empty()) put_text(out, key, text);
}
[[gnu::noinline]] void put_flag(json::Value& out, std::string_view key, bool value) {
  put(out, key, json::Value(value));
}

class Reading {
 public:
  json::Value messages(const std::vector<wire::Message>& messages);

 private:
  json::Value part(const wire::Part& part);
  json::Value parts(const std::vector<wire::Part>& parts);
  static json::Value media(const wire::Media& media);
  json::Value tool_call(const wire::ToolCall& call);
  json::Value tool_result(const wire::ToolResult& result);
  std::string call_name(std::string_view id);

  std::map<std::string, std::string, std::less<>> calls_;
};

std::string Reading::call_name(std::string_view id) {
  const auto known = calls_.find(id);
  if (known != calls_.end()) return known->second;
  return calls_.emplace(id, format("call_{}", calls_.size() + 1)).first->second;
}

json::Value Reading::media(const wire::Media& media) {
  constexpr std::string_view kKinds[] = {"image", "audio", "file"};
  json::Value out = json::Value::object();
  put_text(out, "media", kKinds[static_cast<size_t>(media.kind)]);
  add_text(out, "mime", media.mime);
  add_text(out, "url", media.url);
  add_text(out, "file", media.id);
  add_text(out, "name", media.name);
  if (!media.data.empty()) put_text(out, "digest", crypto::hex(crypto::blake2b(media.data)));
  return out;
}

json::Value Reading::tool_call(const wire::ToolCall& call) {
  json::Value out = json::Value::object();
  put_text(out, "tool_call", call_name(call.id));
  put_text(out, "name", call.name);
  put(out, "arguments", value_or_text(call.arguments.empty() ? "{}" : call.arguments));
  return out;
}

// What tool answered is said by its call, and not by every dialect.
json::Value Reading::tool_result(const wire::ToolResult& result) {
  json::Value out = json::Value::object();
  put_text(out, "tool_result", call_name(result.call_id));
  put(out, "content", parts(result.content));
  if (result.is_error) put_flag(out, "is_error", true);
  return out;
}

json::Value Reading::part(const wire::Part& part) {
  json::Value out = json::Value::object();
  if (const auto* const text = part.as<wire::Text>()) {
    put_text(out, "text", text->text);
  } else if (const auto* const file = part.as<wire::Media>()) {
    out = media(*file);
  } else if (const auto* const call = part.as<wire::ToolCall>()) {
    out = tool_call(*call);
  } else if (const auto* const result = part.as<wire::ToolResult>()) {
    out = tool_result(*result);
  } else if (const auto* const reasoning = part.as<wire::Reasoning>()) {
    put_text(out, "reasoning", reasoning->text);
  } else if (const auto* const opaque = part.as<wire::Opaque>()) {
    put_text(out, "opaque", opaque->type);
    put(out, "json", without_proofs(value_or_text(opaque->json)));
  }
  add_extras(out, part.extras);
  return out;
}

json::Value Reading::parts(const std::vector<wire::Part>& parts) {
  json::Value out = json::Value::array();
  for (const wire::Part& each : parts) {
    const auto* const text = each.as<wire::Text>();
    if (text == nullptr || !text->text.empty()) out.push_back(part(each));
  }
  return out;
}

json::Value Reading::messages(const std::vector<wire::Message>& messages) {
  json::Value out = json::Value::array();
  for (const wire::Message& message : messages) {
    json::Value content = parts(message.parts);
    if (content.size() == 0) continue;
    const bool instructs = message.role == wire::Role::kDeveloper;
    json::Value one = json::Value::object();
    put_text(one, "role", wire::role_name(instructs ? wire::Role::kSystem : message.role));
    put(one, "parts", std::move(content));
    add_extras(one, message.extras);
    out.push_back(std::move(one));
  }
  return out;
}

// A schema of an object without members says what no schema says.
bool allows_nothing(const json::Value& schema) {
  if (schema.is_null() || (schema.is_object() && schema.size() == 0)) return true;
  for (const auto& [key, value] : schema.as_object()) {
    const bool says_nothing = (key == "type" && value.as_string() == "object") ||
                              (key == "properties" && value.is_object() && value.size() == 0) ||
                              (key == "required" && value.is_array() && value.size() == 0) ||
                              (key == "additionalProperties" && value.is_bool());
    if (!says_nothing) return false;
  }
  return schema.is_object();
}

json::Value tools_of(const wire::Request& request) {
  std::vector<const wire::ToolSpec*> tools;
  for (const wire::ToolSpec& tool : request.tools) {
    auto at = tools.end();
    while (at != tools.begin() && tool.name < (*(at - 1))->name) --at;
    tools.insert(at, &tool);
  }
  json::Value out = json::Value::array();
  for (const wire::ToolSpec* const tool : tools) {
    json::Value one = json::Value::object();
    put_text(one, "name", tool->name);
    add_text(one, "description", tool->description);
    json::Value schema = tool->parameters.empty() ? json::Value() : value_or_text(tool->parameters);
    if (!allows_nothing(schema)) put(one, "parameters", std::move(schema));
    if (tool->strict) put_flag(one, "strict", true);
    add_extras(one, tool->extras);
    out.push_back(std::move(one));
  }
  return out;
}

void add_choice(json::Value& out, const wire::Request& request) {
  using Mode = wire::ToolChoice::Mode;
  if (request.tools.empty()) return;
  switch (request.tool_choice.mode) {
    case Mode::kUnset:
    case Mode::kAuto: break;
    case Mode::kNone: put_text(out, "tool_choice", "none"); break;
    case Mode::kRequired: put_text(out, "tool_choice", "required"); break;
    case Mode::kNamed:
      put_text(out, "tool_choice", "named");
      put_text(out, "named_tool", request.tool_choice.name);
      break;
  }
  if (!request.parallel_tool_calls.value_or(true)) put_flag(out, "parallel_tool_calls", false);
}

void add_format(json::Value& out, const wire::ResponseFormat& wanted) {
  using Kind = wire::ResponseFormat::Kind;
  if (wanted.kind == Kind::kUnset || wanted.kind == Kind::kText) return;
  json::Value one = json::Value::object();
  put_text(one, "kind", wanted.kind == Kind::kJsonObject ? "json_object" : "json_schema");
  add_text(one, "name", wanted.name);
  if (!wanted.schema.empty()) put(one, "schema", value_or_text(wanted.schema));
  if (wanted.strict) put_flag(one, "strict", true);
  put(out, "response_format", std::move(one));
}

void add_options(json::Value& out, const wire::Request& request) {
  if (request.max_tokens) put(out, "max_tokens", json::Value(*request.max_tokens));
  if (request.temperature) put(out, "temperature", json::Value(*request.temperature));
  if (request.top_p) put(out, "top_p", json::Value(*request.top_p));
  if (request.seed) put(out, "seed", json::Value(*request.seed));
  add_text(out, "reasoning_effort", request.reasoning_effort);
  if (request.stop.empty()) return;
  json::Value stop = json::Value::array();
  for (const std::string& text : request.stop) stop.push_back(text);
  put(out, "stop", std::move(stop));
}

std::string shown(const json::Value* value) {
  if (value == nullptr) return "absent";
  std::string text = json::canonical(*value);
  if (text.size() <= kShownBytes) return text;
  size_t end = kShownBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text += "…";
}

std::string escaped(std::string_view key) {
  std::string out;
  for (const char c : key) c == '~' ? out += "~0" : c == '/' ? out += "~1" : out += c;
  return out;
}

// Calls visit(path, asked, recorded) for each place where the two part, until it answers false. A place that
// only one of them has comes whole; null stands for what is absent.
using Visit = std::function<bool(const std::string&, const json::Value*, const json::Value*)>;
bool compare(const std::string& path, const json::Value* asked, const json::Value* recorded,
             const Visit& visit) {
  if (asked == nullptr || recorded == nullptr) return visit(path, asked, recorded);
  if (asked->is_array() && recorded->is_array()) {
    const auto& a = asked->as_array();
    const auto& b = recorded->as_array();
    for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
      const json::Value* const left = i < a.size() ? &a[i] : nullptr;
      const json::Value* const right = i < b.size() ? &b[i] : nullptr;
      if (!compare(path + "/" + std::to_string(i), left, right, visit)) return false;
    }
    return true;
  }
  if (asked->is_object() && recorded->is_object()) {
    for (const auto& [key, value] : asked->as_object())
      if (!compare(path + "/" + escaped(key), &value, recorded->find(key), visit)) return false;
    for (const auto& [key, value] : recorded->as_object())
      if (!asked->contains(key) && !visit(path + "/" + escaped(key), nullptr, &value)) return false;
    return true;
  }
  return *asked == *recorded || visit(path, asked, recorded);
}

size_t weight(const json::Value& value) {
  size_t sum = 1;
  for (const json::Value& item : value.as_array()) sum += weight(item);
  for (const auto& member : value.as_object()) sum += weight(member.second);
  return sum;
}

}  // namespace

json::Value request_meaning(const wire::Request& request) {
  json::Value out = json::Value::object();
  put_text(out, "model", request.model);
  put(out, "messages", Reading().messages(request.messages));
  if (!request.tools.empty()) put(out, "tools", tools_of(request));
  add_choice(out, request);
  add_format(out, request.response_format);
  add_options(out, request);
  add_extras(out, request.extras, kTransport);
  return out;
}

std::string meaning_digest(const json::Value& meaning) {
  return crypto::hex(crypto::blake2b(json::canonical(meaning)));
}

std::string request_digest(const wire::Request& request) { return meaning_digest(request_meaning(request)); }

std::optional<Difference> first_difference(const json::Value& asked, const json::Value& recorded) {
  std::optional<Difference> first;
  const Visit visit = [&](const std::string& path, const json::Value* a, const json::Value* b) {
    first = Difference{path, shown(a), shown(b)};
    return false;
  };
  (void)compare("", &asked, &recorded, visit);
  return first;
}

size_t count_differences(const json::Value& asked, const json::Value& recorded, size_t most) {
  size_t count = 0;
  const Visit visit = [&](const std::string&, const json::Value* a, const json::Value* b) {
    count += a == nullptr ? weight(*b) : b == nullptr ? weight(*a) : std::max(weight(*a), weight(*b));
    return count < most;
  };
  (void)compare("", &asked, &recorded, visit);
  return std::min(count, most);
}

}  // namespace tau::provider
