// Making a request fit the habits of its provider.
#include "wire/fit.h"

#include <algorithm>

#include "crypto/crypto.h"
#include "wire/form.h"

namespace tau::wire {
namespace {

constexpr size_t kMaxBreakpoints = 4;
constexpr std::string_view kFive = R"({"type":"ephemeral"})";
constexpr std::string_view kHour = R"({"type":"ephemeral","ttl":"1h"})";

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

bool has_form(std::string_view id, CallIds form) {
  switch (form) {
    case CallIds::kAny: return true;
    case CallIds::kAlnum9:
      return id.size() == 9 &&
             std::all_of(id.begin(), id.end(), [](char c) { return is_word(c) && c != '_' && c != '-'; });
    case CallIds::kWord40:
    case CallIds::kWord64: break;
  }
  const size_t most = form == CallIds::kWord40 ? 40 : 64;
  return !id.empty() && id.size() <= most && std::all_of(id.begin(), id.end(), is_word);
}

bool has_breakpoints(const Dialect& dialect) {
  return dialect.name() == kAnthropic || dialect.name() == kBedrock;
}

bool is_breakpoint(const Part& part) {
  const auto* opaque = part.as<Opaque>();
  return !part.extras.find("cache_control").empty() ||
         (opaque != nullptr && opaque->json.find("\"cachePoint\"") != std::string::npos);
}

bool host_set_breakpoints(const Request& request) {
  if (!request.extras.find("cache_control").empty()) return true;
  for (const ToolSpec& tool : request.tools)
    if (!tool.extras.find("cache_control").empty() || !tool.extras.find("cachePoint").empty()) return true;
  for (const Message& message : request.messages)
    if (std::any_of(message.parts.begin(), message.parts.end(), is_breakpoint)) return true;
  return false;
}

bool is_system(const Message& message) {
  return message.role == Role::kSystem || message.role == Role::kDeveloper;
}

// Parts behind which a breakpoint may stand.
bool may_carry(const Part& part) {
  if (const auto* text = part.as<Text>()) return text->text.find_first_not_of(" \t\r\n") != std::string::npos;
  return part.as<ToolCall>() != nullptr || part.as<ToolResult>() != nullptr || part.as<Media>() != nullptr;
}

Part* last_part(Message& message) {
  const auto at = std::find_if(message.parts.rbegin(), message.parts.rend(), may_carry);
  return at == message.parts.rend() ? nullptr : &*at;
}

// Sets breakpoints in a copy of a request.
class Breakpoints {
 public:
  Breakpoints(Request& request, const Dialect& dialect, int64_t least_tokens)
      : request_(request), bedrock_(dialect.name() == kBedrock), least_(least_tokens) {}

  void set() {
    for (const ToolSpec& tool : request_.tools) tokens_ += tokens_of(tool);
    if (!request_.tools.empty() && enough()) mark(request_.tools.back());
    Message* system = nullptr;
    for (Message& message : request_.messages)
      if (is_system(message)) {
        tokens_ += estimate_tokens(message);
        system = &message;
      }
    if (system != nullptr && enough()) mark(*system);
    const auto [before, last] = places();
    for (Message& message : request_.messages) {
      if (is_system(message)) continue;
      tokens_ += estimate_tokens(message);
      if ((&message == before || &message == last) && enough()) mark(message);
    }
  }

 private:
  static int64_t tokens_of(const ToolSpec& tool) {
    return static_cast<int64_t>(tool.name.size() + tool.description.size() + tool.parameters.size() + 2) / 3;
  }
  bool enough() const { return tokens_ >= least_ && marks_ < kMaxBreakpoints; }

  // What ended the request before this one: the message in front of the last answer; and the last of this
  // one.
  std::pair<Message*, Message*> places() {
    Message* before = nullptr;
    Message* previous = nullptr;
    for (Message& message : request_.messages) {
      if (is_system(message)) continue;
      if (message.role == Role::kAssistant) before = previous;
      previous = &message;
    }
    return {before, previous};
  }

  std::string_view value() const { return request_.prompt_cache == PromptCache::kHour ? kHour : kFive; }

  void mark(ToolSpec& tool) {
    // Nova takes no breakpoint among tools, and what came from Bedrock has its own form.
    if (bedrock_ && (!tool.extras.empty() || request_.model.find("nova") != std::string::npos)) return;
    tool.extras.add("cache_control", value());
    if (bedrock_) mark_origin(tool.extras, kAnthropic);
    ++marks_;
  }
  void mark(Message& message) {
    Part* const part = last_part(message);
    if (part == nullptr) return;
    ++marks_;
    if (!bedrock_ || !extras_belong(part->extras, kBedrock) || part->extras.empty())
      return part->extras.add("cache_control", value());
    const size_t at = static_cast<size_t>(part - message.parts.data()) + 1;
    message.parts.insert(message.parts.begin() + static_cast<std::ptrdiff_t>(at),
                         Part{Opaque{"cachePoint", R"({"cachePoint":{"type":"default"}})"}, {}});
  }

  Request& request_;
  const bool bedrock_;
  const int64_t least_;
  int64_t tokens_ = 0;
  size_t marks_ = 0;
};

bool wants_breakpoints(const Request& request, const Dialect& dialect, const Quirks& quirks) {
  return quirks.cache_min_tokens > 0 && request.prompt_cache != PromptCache::kOff &&
         has_breakpoints(dialect) && estimate_tokens(request) >= quirks.cache_min_tokens &&
         !host_set_breakpoints(request);
}

// What one message has that does not fit; or makes it fit.
struct MessageFit {
  const Dialect& dialect;
  const Quirks& quirks;

  bool needs_reasoning(const Message& message) const {
    if (!quirks.reasoning_required || message.role != Role::kAssistant) return false;
    bool calls = false;
    for (const Part& part : message.parts) {
      calls = calls || part.as<ToolCall>() != nullptr;
      if (const auto* reasoning = part.as<Reasoning>(); reasoning != nullptr && !reasoning->text.empty())
        return false;
    }
    return calls;
  }

  bool fits(const Message& message) const {
    if (needs_reasoning(message)) return false;
    return std::all_of(message.parts.begin(), message.parts.end(), [this](const Part& part) {
      if (const auto* call = part.as<ToolCall>()) return has_form(call->id, quirks.call_ids);
      if (const auto* result = part.as<ToolResult>()) return has_form(result->call_id, quirks.call_ids);
      if (part.as<Reasoning>() == nullptr) return !drops(part);
      return !quirks.no_old_reasoning && !quirks.reasoning_short_name;
    });
  }

  // Reasoning that is kept as its dialect's own item, too.
  bool drops(const Part& part) const {
    if (!quirks.no_old_reasoning) return false;
    const auto* opaque = part.as<Opaque>();
    return part.as<Reasoning>() != nullptr ||
           (opaque != nullptr && (opaque->type == "reasoning" || opaque->type == "thinking" ||
                                  opaque->type == "redacted_thinking"));
  }

  void apply(Message& message) const {
    std::erase_if(message.parts, [this](const Part& part) { return drops(part); });
    if (needs_reasoning(message))
      message.parts.insert(message.parts.begin(), Part{Reasoning{" ", {}, Reasoning::Form::kPlain}, {}});
    for (Part& part : message.parts) {
      if (auto* call = part.as<ToolCall>()) call->id = fitted_call_id(call->id, quirks.call_ids);
      if (auto* result = part.as<ToolResult>())
        result->call_id = fitted_call_id(result->call_id, quirks.call_ids);
      if (part.as<Reasoning>() != nullptr && quirks.reasoning_short_name) {
        part.extras.erase("tau:fields");
        set_form(part.extras, "fields", R"(["reasoning"])");
      }
    }
  }

  bool touches() const {
    return quirks.call_ids != CallIds::kAny || quirks.reasoning_required || quirks.no_old_reasoning ||
           quirks.reasoning_short_name;
  }
};

bool has_strict(const Request& request) {
  return request.response_format.strict ||
         std::any_of(request.tools.begin(), request.tools.end(), [](const ToolSpec& t) { return t.strict; });
}

// Whether a member of the head has to change; or changes it.
bool head_fits(const Request& r, const Quirks& q) {
  using Choice = ToolChoice::Mode;
  return !((q.no_temperature && r.temperature) || (q.no_top_p && r.top_p) || (q.no_stop && !r.stop.empty()) ||
           (q.no_seed && r.seed) || (q.no_effort && !r.reasoning_effort.empty()) ||
           (q.adaptive_thinking && !r.reasoning_effort.empty()) ||
           (q.no_parallel_tool_calls && r.parallel_tool_calls) ||
           (q.no_tool_choice_required && r.tool_choice.mode == Choice::kRequired) ||
           (q.no_tool_choice_named && r.tool_choice.mode == Choice::kNamed) ||
           (q.no_strict && has_strict(r)) ||
           (q.no_json_schema && r.response_format.kind == ResponseFormat::Kind::kJsonSchema) ||
           (q.no_cache_key && !r.extras.find("prompt_cache_key").empty()) ||
           (q.no_previous_response && !r.extras.find("previous_response_id").empty()));
}

// The effort in the words of models that decide for themselves how long to think.
void fit_thinking(Request& r) {
  if (r.reasoning_effort.empty()) return;
  std::string effort = r.reasoning_effort == "minimal" ? "low" : r.reasoning_effort;
  r.reasoning_effort.clear();
  if (effort == "none") return;
  r.extras.set("thinking", R"({"type":"adaptive"})");
  const std::string config = "{\"effort\":" + quoted(effort) + "}";
  if (r.response_format.kind == ResponseFormat::Kind::kJsonSchema) {
    r.extras.erase("tau:output_config");
    set_form(r.extras, "output_config", config);
  } else {
    r.extras.set("output_config", config);
  }
}

void fit_choice(Request& r, const Quirks& q) {
  using Choice = ToolChoice::Mode;
  if (q.no_tool_choice_named && r.tool_choice.mode == Choice::kNamed) {
    std::erase_if(r.tools, [&](const ToolSpec& tool) { return tool.name != r.tool_choice.name; });
    r.tool_choice = {Choice::kRequired, {}};
  }
  if (q.no_tool_choice_required && r.tool_choice.mode == Choice::kRequired)
    r.tool_choice.mode = Choice::kAuto;
}

void fit_head(Request& r, const Quirks& q) {
  if (q.no_temperature) r.temperature.reset();
  if (q.no_top_p) r.top_p.reset();
  if (q.no_stop) r.stop.clear();
  if (q.no_seed) r.seed.reset();
  if (q.no_effort) r.reasoning_effort.clear();
  if (q.adaptive_thinking) fit_thinking(r);
  if (q.no_parallel_tool_calls) r.parallel_tool_calls.reset();
  fit_choice(r, q);
  if (q.no_strict) {
    r.response_format.strict = false;
    for (ToolSpec& tool : r.tools) tool.strict = false;
  }
  if (q.no_json_schema && r.response_format.kind == ResponseFormat::Kind::kJsonSchema)
    r.response_format = {ResponseFormat::Kind::kJsonObject, {}, {}, false};
  if (q.no_cache_key) r.extras.erase("prompt_cache_key");
  if (q.no_previous_response) r.extras.erase("previous_response_id");
}

}  // namespace

std::string fitted_call_id(std::string_view id, CallIds form) {
  if (has_form(id, form)) return std::string(id);
  const auto digest = crypto::sha256(id);
  constexpr std::string_view kLetters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const size_t size = form == CallIds::kAlnum9 ? 9 : 24;
  std::string out;
  for (size_t i = 0; i < size; ++i) out += kLetters[static_cast<uint8_t>(digest[i]) % kLetters.size()];
  return out;
}

std::string_view breakpoint_text(const Dialect& dialect, PromptCache cache) {
  if (dialect.name() == kBedrock) return R"(,{"cachePoint":{"type":"default"}})";
  if (dialect.name() != kAnthropic) return {};
  return cache == PromptCache::kHour ? R"(,"cache_control":{"type":"ephemeral","ttl":"1h"})"
                                     : R"(,"cache_control":{"type":"ephemeral"})";
}

const Request& fit(const Request& request, const Dialect& dialect, const Quirks& quirks, Request& scratch,
                   std::string_view model) {
  const MessageFit messages = {dialect, quirks};
  const bool change = messages.touches() && !std::all_of(request.messages.begin(), request.messages.end(),
                                                         [&](const Message& m) { return messages.fits(m); });
  const bool mark = wants_breakpoints(request, dialect, quirks);
  if (!change && !mark && head_fits(request, quirks)) return request;
  scratch = request;
  if (!model.empty()) scratch.model = model;
  fit_head(scratch, quirks);
  if (change)
    for (Message& message : scratch.messages) messages.apply(message);
  if (mark) Breakpoints(scratch, dialect, quirks.cache_min_tokens).set();
  return scratch;
}

}  // namespace tau::wire
