#include "provider/endpoint.h"

#include <algorithm>

#include "provider/aws_signature.h"

namespace tau::provider {
namespace {

constexpr std::string_view kModel = "{model}";
constexpr std::string_view kEvents = "text/event-stream";
constexpr std::string_view kJson = "application/json";

constexpr Endpoint kEndpoints[] = {
    {.dialect = "openai_chat",
     .path = "/chat/completions",
     .stream_path = "/chat/completions",
     .stream_type = kEvents},
    {.dialect = "openai_responses",
     .path = "/responses",
     .stream_path = "/responses",
     .stream_type = kEvents},
    {.dialect = "anthropic_messages",
     .path = "/messages",
     .stream_path = "/messages",
     .stream_type = kEvents,
     .key_header = "x-api-key",
     .key_prefix = "",
     .header = "anthropic-version",
     .value = "2023-06-01"},
    {.dialect = "gemini",
     .path = "/models/{model}:generateContent",
     .stream_path = "/models/{model}:streamGenerateContent?alt=sse",
     .stream_type = kEvents,
     .key_header = "x-goog-api-key",
     .key_prefix = ""},
    {.dialect = "bedrock_converse",
     .path = "/model/{model}/converse",
     .stream_path = "/model/{model}/converse-stream",
     .stream_type = "application/vnd.amazon.eventstream"},
    {.dialect = "cohere_chat", .path = "/chat", .stream_path = "/chat", .stream_type = kEvents},
    {.dialect = "ollama_chat",
     .path = "/api/chat",
     .stream_path = "/api/chat",
     .stream_type = "application/x-ndjson"},
    // Embeddings beside them: nothing of these streams.
    {.dialect = "openai_embeddings",
     .path = "/embeddings",
     .stream_path = "/embeddings",
     .stream_type = kJson},
    {.dialect = "gemini_embeddings",
     .path = "/models/{model}:batchEmbedContents",
     .stream_path = "/models/{model}:batchEmbedContents",
     .stream_type = kJson,
     .key_header = "x-goog-api-key",
     .key_prefix = ""},
    {.dialect = "cohere_embeddings", .path = "/embed", .stream_path = "/embed", .stream_type = kJson},
    {.dialect = "ollama_embeddings", .path = "/api/embed", .stream_path = "/api/embed", .stream_type = kJson},
};

}  // namespace

const Endpoint& endpoint_of(const wire::Dialect& dialect) {
  const auto* const end = std::end(kEndpoints);
  const auto* const found = std::find_if(std::begin(kEndpoints), end,
                                         [&](const Endpoint& e) { return e.dialect == dialect.name(); });
  return found != end ? *found : kEndpoints[0];
}

std::string endpoint_url(const Route& route, bool stream) {
  const Endpoint& endpoint = endpoint_of(*route.dialect);
  std::string url = route.base_url;
  url += stream ? endpoint.stream_path : endpoint.path;
  if (!route.query.empty()) url.append(url.find('?') == url.npos ? "?" : "&").append(route.query);
  const std::string model = aws_encode(route.model, false);
  for (size_t at = 0; (at = url.find(kModel, at)) != url.npos; at += model.size())
    url.replace(at, kModel.size(), model);
  return url;
}

}  // namespace tau::provider
