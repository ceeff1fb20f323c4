// Providers known by name, and model references.
#include <algorithm>

#include "provider/provider.h"

namespace tau::provider {
namespace {

constexpr std::string_view kOpenAi = "openai_chat";
constexpr std::string_view kAnthropic = "anthropic_messages";
constexpr std::string_view kBedrock = "bedrock_converse";
constexpr std::string_view kCohere = "cohere_chat";
constexpr std::string_view kGemini = "gemini";

wire::Quirks quirks(void (*set)(wire::Quirks&)) {
  wire::Quirks q;
  set(q);
  return q;
}

// Sorted as detection tries them: the order in which keys in the environment are looked for.
std::vector<KnownProvider> make_known() {
  const wire::Quirks plain;
  return {
      {"anthropic", "https://api.anthropic.com/v1", kAnthropic, "ANTHROPIC_API_KEY", "claude-sonnet-4-5",
       plain},
      {"openai", "https://api.openai.com/v1", kOpenAi, "OPENAI_API_KEY", "gpt-5-mini",
       quirks([](wire::Quirks& q) { q.max_completion_tokens = true; })},
      {"openrouter", "https://openrouter.ai/api/v1", kOpenAi, "OPENROUTER_API_KEY", "openrouter/auto",
       quirks([](wire::Quirks& q) { q.reasoning_details_back = true; })},
      {"deepseek", "https://api.deepseek.com", kOpenAi, "DEEPSEEK_API_KEY", "deepseek-chat",
       quirks([](wire::Quirks& q) { q.reasoning_back = true; })},
      {"groq", "https://api.groq.com/openai/v1", kOpenAi, "GROQ_API_KEY", "llama-3.3-70b-versatile", plain},
      {"mistral", "https://api.mistral.ai/v1", kOpenAi, "MISTRAL_API_KEY", "mistral-small-latest",
       quirks([](wire::Quirks& q) { q.usage_in_stream_option = false; })},
      {"xai", "https://api.x.ai/v1", kOpenAi, "XAI_API_KEY", "grok-4", plain},
      {"gemini", "https://generativelanguage.googleapis.com/v1beta", kGemini, "GEMINI_API_KEY",
       "gemini-2.5-flash", plain},
      {"cohere", "https://api.cohere.com/v2", kCohere, "COHERE_API_KEY", "command-a-03-2025", plain},
      {"bedrock", "https://bedrock-runtime.us-east-1.amazonaws.com", kBedrock, "AWS_BEARER_TOKEN_BEDROCK",
       "amazon.nova-lite-v1:0", plain},
      {"ollama", "http://127.0.0.1:11434/v1", kOpenAi, "", "",
       quirks([](wire::Quirks& q) { q.done_mark_optional = true, q.text_tool_calls = true; })},
      {"llamacpp", "http://127.0.0.1:8080/v1", kOpenAi, "", "",
       quirks([](wire::Quirks& q) { q.done_mark_optional = true, q.text_tool_calls = true; })},
      {"vllm", "http://127.0.0.1:8000/v1", kOpenAi, "", "",
       quirks([](wire::Quirks& q) { q.text_tool_calls = true; })},
      {"lmstudio", "http://127.0.0.1:1234/v1", kOpenAi, "", "",
       quirks([](wire::Quirks& q) { q.done_mark_optional = true, q.text_tool_calls = true; })},
  };
}

}  // namespace

const std::vector<KnownProvider>& known_providers() {
  static const auto* const known = new std::vector<KnownProvider>(make_known());
  return *known;
}

const KnownProvider* find_provider(std::string_view name) {
  const auto& known = known_providers();
  const auto it =
      std::find_if(known.begin(), known.end(), [&](const KnownProvider& p) { return p.name == name; });
  return it == known.end() ? nullptr : &*it;
}

StatusOr<ModelReference> parse_model_reference(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size())
    return invalid_argument("invalid_model_reference",
                            "model \"" + std::string(text) + "\" should have the form provider/model");
  if (!is_valid_utf8(text) || text.find_first_of(" \t\r\n") != std::string_view::npos)
    return invalid_argument("invalid_model_reference",
                            "model \"" + repair_utf8(text) + "\" holds white space");
  return ModelReference{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

}  // namespace tau::provider
