// Token counts and finish reasons of Gemini. The prompt's count holds what came from a cache but not what
// tools of the server added to it; the candidates' count leaves out the thoughts.
#include <algorithm>
#include <iterator>

#include "wire/gemini.h"
#include "wire/token_count.h"

namespace tau::wire::gemini {
namespace {

constexpr std::string_view kFiltered[] = {
    "SAFETY",      "RECITATION",      "BLOCKLIST",    "PROHIBITED_CONTENT",
    "SPII",        "LANGUAGE",        "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT",
    "MODEL_ARMOR", "IMAGE_RECITATION"};
constexpr std::string_view kFailed[] = {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL",
                                        "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE",
                                        "MALFORMED_RESPONSE"};

template <class List>
bool holds(const List& list, std::string_view wanted) {
  return std::find(std::begin(list), std::end(list), wanted) != std::end(list);
}

// Takes the member when it is a count, and notes when there is none.
int64_t take_count(ObjectReader& in, std::string_view key) {
  std::optional<int64_t> count;
  const json::Value* v = in.peek(key);
  if (v == nullptr || !token_count(json::write(*v))) {
    in.absent(key);
    return 0;
  }
  in.take_int(key, count);
  return count.value_or(0);
}

int64_t count_in(const Extras& extras, std::string_view key) { return first_token_count({extras.find(key)}); }

}  // namespace

Usage decode_usage(const json::Value& metadata) {
  ObjectReader in(metadata);
  Usage usage;
  usage.known = true;
  const int64_t prompt = take_count(in, "promptTokenCount");
  const int64_t candidates = take_count(in, "candidatesTokenCount");
  usage.reasoning = take_count(in, "thoughtsTokenCount");
  usage.cached_input = take_count(in, "cachedContentTokenCount");
  in.expect("totalTokenCount");
  usage.extras = in.finish(kGeminiResponse);
  const int64_t tools = count_in(usage.extras, "toolUsePromptTokenCount");
  usage.input = prompt + tools;
  usage.output = candidates + usage.reasoning;
  // Some models count the thoughts within the candidates; the total tells.
  const int64_t total = count_in(usage.extras, "totalTokenCount");
  if (usage.reasoning > 0 && candidates >= usage.reasoning && total == prompt + tools + candidates) {
    usage.output = candidates;
    set_form(usage.extras, "thoughts_within", "true");
  }
  return usage;
}

void write_usage(json::Writer& w, const Usage& usage) {
  ObjectWriter out(w, usage.extras, kGeminiResponse);
  const int64_t tools = out.own() ? count_in(usage.extras, "toolUsePromptTokenCount") : 0;
  const bool within = !out.form("thoughts_within").empty();
  const bool native = extras_origin(usage.extras) == kGeminiResponse;
  // Some servers count more thoughts than tokens in all.
  const int64_t thoughts = native ? usage.reasoning : std::min(usage.reasoning, usage.output);
  if (out.wants("promptTokenCount")) out.field("promptTokenCount", usage.input - tools);
  if (out.wants("candidatesTokenCount"))
    out.field("candidatesTokenCount", usage.output - (within ? 0 : thoughts));
  if (out.wants("thoughtsTokenCount") && (native || thoughts > 0)) out.field("thoughtsTokenCount", thoughts);
  if (out.wants("cachedContentTokenCount") && (native || usage.cached_input > 0))
    out.field("cachedContentTokenCount", usage.cached_input);
  if (out.wants("totalTokenCount")) out.field("totalTokenCount", usage.input + usage.output);
  out.done();
}

FinishReason finish_reason(std::string_view text, const Message& message) {
  if (text == "STOP") {
    const bool calls = std::any_of(message.parts.begin(), message.parts.end(),
                                   [](const Part& part) { return part.as<ToolCall>() != nullptr; });
    return calls ? FinishReason::kToolCalls : FinishReason::kStop;
  }
  if (text == "MAX_TOKENS") return FinishReason::kLength;
  if (holds(kFiltered, text)) return FinishReason::kContentFilter;
  if (holds(kFailed, text)) return FinishReason::kError;
  return text.empty() ? FinishReason::kUnknown : FinishReason::kOther;
}

std::string_view finish_text(const Response& response) {
  if (extras_origin(response.extras) == kGeminiResponse) return response.finish_text;
  switch (response.finish) {
    case FinishReason::kUnknown: return {};
    case FinishReason::kLength: return "MAX_TOKENS";
    case FinishReason::kContentFilter:
    case FinishReason::kRefusal: return "SAFETY";
    case FinishReason::kError: return "MALFORMED_RESPONSE";
    default: return "STOP";
  }
}

}  // namespace tau::wire::gemini
