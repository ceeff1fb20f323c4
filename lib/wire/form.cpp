#include "wire/form.h"

#include <algorithm>
#include <iterator>

namespace tau::wire {
namespace {

constexpr std::string_view kPrefix = "tau:";
constexpr std::string_view kEscape = "tau:=";
constexpr std::string_view kFrom = "tau:from";
constexpr std::string_view kAbsent = "tau:absent";
constexpr std::string_view kMarks[] = {R"("openai_chat")",
                                       R"("openai_chat.request")",
                                       R"("openai_chat.response")",
                                       R"("anthropic_messages")",
                                       R"("anthropic_messages.request")",
                                       R"("anthropic_messages.response")",
                                       R"("openai_responses")",
                                       R"("openai_responses.request")",
                                       R"("openai_responses.response")",
                                       R"("gemini")",
                                       R"("gemini.request")",
                                       R"("gemini.response")",
                                       R"("bedrock_converse")",
                                       R"("bedrock_converse.request")",
                                       R"("bedrock_converse.response")",
                                       R"("cohere_chat")",
                                       R"("cohere_chat.request")",
                                       R"("cohere_chat.response")",
                                       R"("ollama_chat")",
                                       R"("ollama_chat.request")",
                                       R"("ollama_chat.response")"};

bool is_form(std::string_view key) { return key.starts_with(kPrefix) && !key.starts_with(kEscape); }

// The member's name of an extras key.
std::string_view member_key(std::string_view extra) {
  return extra.starts_with(kEscape) ? extra.substr(kEscape.size()) : extra;
}

}  // namespace

std::string extra_key(std::string_view member) {
  return member.starts_with(kPrefix) ? std::string(kEscape) + std::string(member) : std::string(member);
}

bool is_foreign_server_tool(const ToolSpec& tool, std::string_view dialect) {
  if (extras_belong(tool.extras, dialect)) return false;
  if (!find_form(tool.extras, "server").empty()) return true;
  const std::string_view type = tool.extras.find("type");
  return !type.empty() && type != R"("custom")";
}

std::string quoted(std::string_view text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

bool is_refusal(const Part& part) {
  return part.as<Text>() != nullptr && find_form(part.extras, "type") == kRefusalForm;
}

std::string list_json(const std::vector<std::string>& texts) {
  std::string out;
  json::Writer w(out);
  w.begin_array();
  for (const std::string& text : texts) w.string(text);
  w.end_array();
  return out;
}

std::string_view extras_origin(const Extras& extras) {
  const std::string_view mark = extras.find(kFrom);
  return mark.size() < 2 ? std::string_view() : mark.substr(1, mark.size() - 2);
}

bool extras_belong(const Extras& extras, std::string_view origin) {
  const std::string_view mark = extras_origin(extras);
  if (mark.empty() || mark == origin) return true;
  return origin.find('.') == std::string_view::npos && mark.starts_with(origin) && mark[origin.size()] == '.';
}

void mark_origin(Extras& extras, std::string_view origin) {
  if (extras.empty() || (*extras.begin()).first == kFrom) return;
  extras.add_front(kFrom, origin_mark(origin));
}

std::string_view origin_mark(std::string_view origin) {
  const auto names = [&](std::string_view mark) { return mark.substr(1, mark.size() - 2) == origin; };
  return *std::find_if(std::begin(kMarks), std::end(kMarks), names);
}

void add_member(Extras& extras, std::string_view member, std::string_view json) {
  if (member.starts_with(kPrefix))
    extras.add(extra_key(member), json);
  else
    extras.add(member, json);
}

std::string_view find_form(const Extras& extras, std::string_view name) {
  for (const auto& [key, json] : extras)
    if (key.size() == kPrefix.size() + name.size() && key.starts_with(kPrefix) && key.ends_with(name))
      return json;
  return {};
}

void set_form(Extras& extras, std::string_view name, std::string_view json) {
  extras.set(std::string(kPrefix).append(name), json);
}

void set_absent(Extras& extras, std::string_view key) {
  std::string list(extras.find(kAbsent));
  if (list.empty()) {
    list += '[';
  } else {
    list.back() = ',';
  }
  json::append_string(list, key);
  list += ']';
  extras.set(kAbsent, list);
}

ObjectReader::ObjectReader(const json::Value& object) : object_(object), taken_(object.as_object().size()) {}

const json::Value* ObjectReader::take(std::string_view key) {
  const json::Value::Object& members = object_.as_object();
  for (size_t i = 0; i < members.size(); ++i) {
    if (members[i].first != key) continue;
    taken_[i] = true;
    return &members[i].second;
  }
  return nullptr;
}

bool ObjectReader::take_string(std::string_view key, std::string& out) {
  const json::Value* v = peek(key);
  if (v == nullptr || !v->is_string()) return false;
  out = take(key)->as_string();
  return true;
}

bool ObjectReader::take_text(std::string_view key, std::string& out) {
  const json::Value* v = peek(key);
  return v != nullptr && !v->as_string().empty() && take_string(key, out);
}

bool ObjectReader::take_int(std::string_view key, std::optional<int64_t>& out) {
  const json::Value* v = peek(key);
  if (v == nullptr || v->kind() != json::Value::Kind::kInt) return false;
  out = take(key)->as_int();
  return true;
}

bool ObjectReader::take_double(std::string_view key, std::optional<double>& out) {
  const json::Value* v = peek(key);
  if (v == nullptr || !v->is_number()) return false;
  // A double holds integers up to 2^53; what is larger stays as it came.
  constexpr int64_t kExact = int64_t{1} << 53;
  if (v->is_integer() &&
      (v->kind() == json::Value::Kind::kUint || v->as_int() > kExact || v->as_int() < -kExact))
    return false;
  out = take(key)->as_double();
  return true;
}

bool ObjectReader::take_bool(std::string_view key, std::optional<bool>& out) {
  const json::Value* v = peek(key);
  if (v == nullptr || !v->is_bool()) return false;
  out = take(key)->as_bool();
  return true;
}

bool ObjectReader::take_true(std::string_view key) {
  const json::Value* v = peek(key);
  return v != nullptr && v->as_bool() && take(key) != nullptr;
}

const json::Value* ObjectReader::take_object(std::string_view key) {
  const json::Value* v = peek(key);
  return v != nullptr && v->is_object() ? take(key) : nullptr;
}

const json::Value* ObjectReader::take_array(std::string_view key) {
  const json::Value* v = peek(key);
  return v != nullptr && !v->as_array().empty() ? take(key) : nullptr;
}

void ObjectReader::take_strings(std::string_view key, std::vector<std::string>& out) {
  const json::Value* v = peek(key);
  if (v == nullptr) return;
  for (const json::Value& item : v->as_array())
    if (!item.is_string()) return;
  if (take_array(key) == nullptr) return;
  for (const json::Value& item : v->as_array()) out.emplace_back(item.as_string());
}

void ObjectReader::take_no_elements(std::string_view key) {
  const json::Value* v = peek(key);
  if (v == nullptr) return absent(key);
  if (v->is_array() && v->as_array().empty()) take(key);
}

bool ObjectReader::take_exactly(std::string_view key, std::string_view value) {
  const json::Value* v = peek(key);
  return v != nullptr && v->is_string() && v->as_string() == value && take(key) != nullptr;
}

void ObjectReader::expect(std::string_view key) {
  if (peek(key) == nullptr) absent(key);
}

void ObjectReader::nested(std::string_view name, const ObjectReader& inner) {
  const json::Value left = inner.rest();
  if (!left.is_null()) form(name, json::write(left));
}

void ObjectReader::kept(std::string_view key, const ObjectReader& inner) {
  take(key);
  const json::Value left = inner.rest();
  form(key, left.is_null() ? "{}" : json::write(left));
}

json::Value ObjectReader::rest() const {
  json::Value out;
  const json::Value::Object& members = object_.as_object();
  for (size_t i = 0; i < members.size(); ++i)
    if (!taken_[i]) out.set(members[i].first, members[i].second);
  return out;
}

Extras ObjectReader::finish(std::string_view origin) {
  Extras out = std::move(extras_);
  const json::Value::Object& members = object_.as_object();
  for (size_t i = 0; i < members.size(); ++i)
    if (!taken_[i]) add_member(out, members[i].first, json::write(members[i].second));
  mark_origin(out, origin);
  return out;
}

ObjectWriter::ObjectWriter(json::Writer& out, const Extras& extras, std::string_view origin)
    : out_(out), extras_(extras), own_(extras_belong(extras, origin)) {
  out_.begin_object();
}

void ObjectWriter::note(std::string_view name) {
  if (count_ < written_.size()) written_[count_++] = name;
}

bool ObjectWriter::noted(std::string_view name) const {
  const auto end = written_.begin() + static_cast<std::ptrdiff_t>(count_);
  return std::find(written_.begin(), end, name) != end;
}

json::Writer& ObjectWriter::key(std::string_view name) {
  note(name);
  return out_.key(name);
}

bool ObjectWriter::wants(std::string_view name) const {
  if (!own_) return true;
  if (!extras_.find(name).empty()) return false;
  const std::string_view list = extras_.find(kAbsent);
  return list.empty() || list.find(quoted(name)) == std::string_view::npos;
}

std::string_view ObjectWriter::form(std::string_view name) const {
  return own_ ? find_form(extras_, name) : std::string_view();
}

void ObjectWriter::nested(std::string_view name) {
  if (const std::string_view json = form(name); !json.empty()) write_members(out_, json);
}

void ObjectWriter::settings(std::string_view name, const std::vector<Setting>& settings) {
  const std::string_view rest = form(name);
  if (settings.empty() && rest.empty()) return;
  json::Writer& w = key(name).begin_object();
  for (const auto& [member, json] : settings) w.key(member).raw(json);
  const StatusOr<json::Value> left = json::parse(rest);
  const auto is_set = [&](std::string_view member) {
    return std::any_of(settings.begin(), settings.end(), [&](const Setting& s) { return s.first == member; });
  };
  if (left.ok())
    for (const auto& [member, value] : left->as_object())
      if (!is_set(member)) w.key(member).value(value);
  w.end_object();
}

void ObjectWriter::done() {
  if (own_)
    for (const auto& [name, json] : extras_) {
      if (is_form(name) || noted(member_key(name))) continue;
      out_.key(member_key(name)).raw(json);
    }
  out_.end_object();
}

void write_members(json::Writer& out, std::string_view json) {
  const StatusOr<json::Value> object = json::parse(json);
  if (!object.ok()) return;
  for (const auto& [name, value] : object->as_object()) out.key(name).value(value);
}

}  // namespace tau::wire
