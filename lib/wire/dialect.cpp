// The dialects as objects: a row of functions each. Error bodies are written here.
#include <array>

#include "wire/anthropic.h"
#include "wire/bedrock.h"
#include "wire/cohere.h"
#include "wire/error.h"
#include "wire/ollama.h"
#include "wire/openai.h"

namespace tau::wire {
namespace {

std::string openai_error(const Status& status) {
  std::string text;
  json::Writer out(text);
  out.begin_object().key("error").begin_object();
  out.field("message", status.message()).field("type", openai_error_type(status));
  out.key("param").null().field("code", status.reason()).end_object().end_object();
  return text;
}

std::string anthropic_error(const Status& status) {
  std::string text;
  json::Writer out(text);
  out.begin_object().field("type", "error").key("error").begin_object();
  out.field("type", anthropic_error_type(status))
      .field("message", status.message())
      .end_object()
      .end_object();
  return text;
}

template <char const* kMember>
std::string plain_error(const Status& status) {
  std::string text;
  json::Writer(text).begin_object().field(std::string_view(kMember), status.message()).end_object();
  return text;
}
constexpr char kError[] = "error";
constexpr char kMessage[] = "message";

struct Codec {
  std::string_view name;
  Framing framing;
  StatusOr<Request> (*decode_request)(std::string_view body);
  StatusOr<std::string> (*encode_request)(const Request& request, const Quirks& quirks, const Target& target);
  StatusOr<Response> (*decode_response)(std::string_view body, const Quirks& quirks);
  std::string (*encode_response)(const Response& response);
  std::unique_ptr<StreamDecoder> (*stream_decoder)(const Quirks& quirks);
  std::unique_ptr<StreamEncoder> (*stream_encoder)();
  std::string (*encode_error)(const Status& status);
};

class CodecDialect final : public Dialect {
 public:
  explicit constexpr CodecDialect(const Codec& codec) : codec_(codec) {}

  std::string_view name() const override { return codec_.name; }
  Framing framing() const override { return codec_.framing; }
  StatusOr<Request> decode_request(std::string_view body) const override {
    return codec_.decode_request(body);
  }
  using Dialect::encode_request;
  StatusOr<std::string> encode_request(const Request& request, const Quirks& quirks,
                                       const Target& target) const override {
    return codec_.encode_request(request, quirks, target);
  }
  StatusOr<Response> decode_response(std::string_view body, const Quirks& quirks) const override {
    return codec_.decode_response(body, quirks);
  }
  std::string encode_response(const Response& response) const override {
    return codec_.encode_response(response);
  }
  std::unique_ptr<StreamDecoder> stream_decoder(const Quirks& quirks) const override {
    return codec_.stream_decoder(quirks);
  }
  std::unique_ptr<StreamEncoder> stream_encoder() const override { return codec_.stream_encoder(); }
  Status decode_error(int http_status, std::string_view body) const override {
    return error_status(read_error(http_status, body));
  }
  std::string encode_error(const Status& status) const override { return codec_.encode_error(status); }

 private:
  Codec codec_;
};

const std::array<CodecDialect, 5>& all() {
  static const std::array<CodecDialect, 5> dialects = {
      CodecDialect({kOpenAi, Framing::kSse, openai::decode_request, openai::encode_request,
                    openai::decode_response, openai::encode_response, openai::make_stream_decoder,
                    openai::make_stream_encoder, openai_error}),
      CodecDialect({kAnthropic, Framing::kSse, anthropic::decode_request, anthropic::encode_request,
                    anthropic::decode_response, anthropic::encode_response, anthropic::make_stream_decoder,
                    anthropic::make_stream_encoder, anthropic_error}),
      CodecDialect({kBedrock, Framing::kMessages, bedrock::decode_request, bedrock::encode_request,
                    bedrock::decode_response, bedrock::encode_response, bedrock::make_stream_decoder,
                    bedrock::make_stream_encoder, plain_error<kMessage>}),
      CodecDialect({kCohere, Framing::kSse, cohere::decode_request, cohere::encode_request,
                    cohere::decode_response, cohere::encode_response, cohere::make_stream_decoder,
                    cohere::make_stream_encoder, plain_error<kMessage>}),
      CodecDialect({kOllama, Framing::kLines, ollama::decode_request, ollama::encode_request,
                    ollama::decode_response, ollama::encode_response, ollama::make_stream_decoder,
                    ollama::make_stream_encoder, plain_error<kError>}),
  };
  return dialects;
}

}  // namespace

const Dialect& openai_chat() { return *find_dialect(kOpenAi); }
const Dialect& anthropic_messages() { return *find_dialect(kAnthropic); }
const Dialect& bedrock_converse() { return *find_dialect(kBedrock); }
const Dialect& cohere_chat() { return *find_dialect(kCohere); }
const Dialect& ollama_chat() { return *find_dialect(kOllama); }

const Dialect* find_dialect(std::string_view name) {
  for (const CodecDialect& dialect : all())
    if (dialect.name() == name) return &dialect;
  return nullptr;
}

std::vector<const Dialect*> all_dialects() {
  std::vector<const Dialect*> out;
  for (const CodecDialect& dialect : all()) out.push_back(&dialect);
  return out;
}

}  // namespace tau::wire
