#include "wire/text_tool_calls.h"

#include <algorithm>

#include "wire/openai.h"

namespace tau::wire {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kToolOpen = "<tool_call>";
constexpr std::string_view kToolClose = "</tool_call>";
constexpr std::string_view kFunctionOpen = "<function=";
constexpr std::string_view kFunctionClose = "</function>";

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// The raw text of a member's value; json::Reader keeps the bytes that the model wrote.
bool raw_member(std::string_view object, std::string_view wanted, std::string& out) {
  json::Reader reader;
  std::string_view key;
  if (!reader.load(object) || !reader.enter_object()) return false;
  while (reader.next_key(key)) {
    const bool match = key == wanted;
    std::string_view raw;
    if (!reader.raw(raw)) return false;
    if (match) {
      out = trim(raw);
      return true;
    }
  }
  return false;
}

// {"name":…,"arguments":{…}}; arguments may also be a string that holds JSON, or be called "parameters".
bool parse_call(std::string_view text, TextToolFilter::Call& call) {
  const std::string_view object = trim(text);
  const StatusOr<json::Value> value = json::parse(object);
  if (!value.ok() || !value->is_object()) return false;
  const std::string_view name = (*value)["name"].as_string();
  const std::string_view key = value->contains("arguments") ? "arguments" : "parameters";
  const json::Value* arguments = value->find(key);
  if (name.empty() || arguments == nullptr) return false;
  call.name = name;
  if (arguments->is_string()) {
    call.arguments = arguments->as_string().empty() ? "{}" : arguments->as_string();
    return json::parse(call.arguments).ok();
  }
  return (arguments->is_object() || arguments->is_array()) && raw_member(object, key, call.arguments);
}

// <function=name>{json}</function> with or without the closing tag.
bool parse_function(std::string_view text, TextToolFilter::Call& call) {
  if (!text.starts_with(kFunctionOpen)) return false;
  const size_t end = text.find('>');
  if (end == std::string_view::npos) return false;
  call.name = trim(text.substr(kFunctionOpen.size(), end - kFunctionOpen.size()));
  std::string_view body = text.substr(end + 1);
  body = trim(body.substr(0, body.find(kFunctionClose)));
  call.arguments = body.empty() ? "{}" : body;
  const StatusOr<json::Value> value = json::parse(call.arguments);
  return !call.name.empty() && value.ok() && value->is_object();
}

bool parse_tagged(std::string_view text, TextToolFilter::Call& call) {
  if (text.starts_with(kFunctionOpen)) return parse_function(text, call);
  if (!text.starts_with(kToolOpen)) return false;
  std::string_view body = text.substr(kToolOpen.size());
  body = trim(body.substr(0, body.find(kToolClose)));
  return body.starts_with(kFunctionOpen) ? parse_function(body, call) : parse_call(body, call);
}

// How many bytes at the end of `text` could be the beginning of a tag.
size_t partial_tag(std::string_view text) {
  for (size_t n = std::min(text.size(), kToolOpen.size() - 1); n > 0; --n) {
    const std::string_view tail = text.substr(text.size() - n);
    if (kToolOpen.starts_with(tail) || kFunctionOpen.starts_with(tail)) return n;
  }
  return 0;
}

}  // namespace

void TextToolFilter::feed(std::string_view piece, std::string& visible, std::vector<Call>& calls) {
  held_ += piece;
  while (step(visible, calls)) {}
}

// One move; false when more input is needed.
bool TextToolFilter::step(std::string& visible, std::vector<Call>& calls) {
  if (whole_json_ || held_.empty()) return false;
  if (!seen_text_) {
    const size_t first = held_.find_first_not_of(kSpace);
    if (first == std::string::npos) return false;
    if (held_[first] == '{') {
      whole_json_ = true;
      return false;
    }
  }
  const size_t tag = std::min(held_.find(kToolOpen), held_.find(kFunctionOpen));
  if (tag == std::string::npos) {
    const size_t keep = partial_tag(held_);
    const size_t shown = held_.size() - keep;
    seen_text_ = seen_text_ || shown > 0;
    visible.append(held_, 0, shown);
    held_.erase(0, shown);
    return false;
  }
  if (tag > 0) {
    visible.append(held_, 0, tag);
    held_.erase(0, tag);
  }
  seen_text_ = true;
  return close_tag(held_.starts_with(kToolOpen) ? kToolClose : kFunctionClose, visible, calls);
}

bool TextToolFilter::close_tag(std::string_view closing, std::string& visible, std::vector<Call>& calls) {
  const size_t end = held_.find(closing);
  if (end == std::string::npos) return false;
  const size_t size = end + closing.size();
  Call call;
  if (parse_tagged(std::string_view(held_).substr(0, size), call))
    calls.push_back(std::move(call));
  else
    visible.append(held_, 0, size);
  held_.erase(0, size);
  return true;
}

void TextToolFilter::finish(std::string& visible, std::vector<Call>& calls) {
  Call call;
  const bool is_call = whole_json_ ? parse_call(held_, call) : parse_tagged(held_, call);
  if (is_call)
    calls.push_back(std::move(call));
  else
    visible += held_;
  held_.clear();
}

void extract_text_tool_calls(Response& response) {
  std::vector<Part>& parts = response.message.parts;
  if (std::any_of(parts.begin(), parts.end(), [](const Part& p) { return p.as<ToolCall>() != nullptr; }))
    return;
  std::vector<TextToolFilter::Call> calls;
  std::vector<Part> kept;
  for (Part& part : parts) {
    if (auto* text = part.as<Text>()) {
      TextToolFilter filter;
      std::string visible;
      filter.feed(text->text, visible, calls);
      filter.finish(visible, calls);
      if (visible.find_first_not_of(kSpace) == std::string::npos && !calls.empty()) continue;
      text->text = std::move(visible);
    }
    kept.push_back(std::move(part));
  }
  for (size_t i = 0; i < calls.size(); ++i)
    kept.push_back({ToolCall{openai::synthetic_call_id(response.id, i), std::move(calls[i].name),
                             std::move(calls[i].arguments)},
                    {}});
  parts = std::move(kept);
  if (!calls.empty() && response.finish == FinishReason::kStop) response.finish = FinishReason::kToolCalls;
}

}  // namespace tau::wire
