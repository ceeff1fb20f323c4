// Providers known by name, and model references. Their habits are in quirks.json.
#include <algorithm>

#include "provider/provider.h"

namespace tau::provider {
namespace {

constexpr std::string_view kOpenAi = "openai_chat";
constexpr std::string_view kAnthropic = "anthropic_messages";
constexpr std::string_view kBedrock = "bedrock_converse";
constexpr std::string_view kCohere = "cohere_chat";
constexpr std::string_view kGemini = "gemini";

// Sorted as detection tries them: the order in which keys in the environment are looked for.
std::vector<KnownProvider> make_known() {
  return {
      {"anthropic", "https://api.anthropic.com/v1", kAnthropic, "ANTHROPIC_API_KEY", "claude-sonnet-5-5"},
      {"openai", "https://api.openai.com/v1", kOpenAi, "OPENAI_API_KEY", "gpt-5.6-terra"},
      {"openrouter", "https://openrouter.ai/api/v1", kOpenAi, "OPENROUTER_API_KEY", "openrouter/auto"},
      {"deepseek", "https://api.deepseek.com", kOpenAi, "DEEPSEEK_API_KEY", "deepseek-flash"},
      {"groq", "https://api.groq.com/openai/v1", kOpenAi, "GROQ_API_KEY", "openai/gpt-oss-120b"},
      {"mistral", "https://api.mistral.ai/v1", kOpenAi, "MISTRAL_API_KEY", "mistral-small-latest"},
      {"xai", "https://api.x.ai/v1", kOpenAi, "XAI_API_KEY", "grok-4.7"},
      {"gemini", "https://generativelanguage.googleapis.com/v1beta", kGemini, "GEMINI_API_KEY",
       "gemini-3.8-flash"},
      {"cohere", "https://api.cohere.com/v2", kCohere, "COHERE_API_KEY", "command-a-03-2025"},
      {"bedrock", "https://bedrock-runtime.us-east-1.amazonaws.com", kBedrock, "AWS_BEARER_TOKEN_BEDROCK",
       "amazon.nova-lite-v1:0"},
      {"ollama", "http://127.0.0.1:11434/v1", kOpenAi, "", ""},
      {"llamacpp", "http://127.0.0.1:8080/v1", kOpenAi, "", ""},
      {"vllm", "http://127.0.0.1:8000/v1", kOpenAi, "", ""},
      {"lmstudio", "http://127.0.0.1:1234/v1", kOpenAi, "", ""},
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
