// The dialects as objects: a row of functions each. Error bodies are written here.
#include "wire/anthropic.h"
#include "wire/bedrock.h"
#include "wire/cohere.h"
#include "wire/error.h"
#include "wire/gemini.h"
#include "wire/left_out.h"
#include "wire/ollama.h"
#include "wire/openai.h"
#include "wire/responses.h"

namespace tau::wire {
namespace {

template <char const* kMember>
std::string plain_error(const Status& status) {
  std::string text;
  json::Writer(text).begin_object().field(std::string_view(kMember), status.message()).end_object();
  return text;
}
constexpr char kError[] = "error";
constexpr char kMessage[] = "message";

// The functions of a dialect.
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
    std::optional<std::vector<Message>> messages = with_stand_ins(request.messages, codec_.name);
    if (!messages) return codec_.encode_request(request, quirks, target);
    Request whole = request;
    whole.messages = *std::move(messages);
    return codec_.encode_request(whole, quirks, target);
  }
  StatusOr<Response> decode_response(std::string_view body, const Quirks& quirks) const override {
    return codec_.decode_response(body, quirks);
  }
  std::string encode_response(const Response& response) const override {
    std::optional<std::vector<Message>> message = with_stand_ins({response.message}, codec_.name);
    if (!message) return codec_.encode_response(response);
    Response whole = response;
    whole.message = std::move(message->front());
    return codec_.encode_response(whole);
  }
  std::unique_ptr<StreamDecoder> stream_decoder(const Quirks& quirks) const override {
    return codec_.stream_decoder(quirks);
  }
  std::unique_ptr<StreamEncoder> stream_encoder() const override {
    return with_stand_ins(codec_.stream_encoder(), codec_.name);
  }
  Status decode_error(int http_status, std::string_view body) const override {
    return error_status(read_error(http_status, body));
  }
  std::string encode_error(const Status& status) const override { return codec_.encode_error(status); }

 private:
  Codec codec_;
};

// The functions that a dialect's namespace has, under the names that all of them use.
#define TAU_DIALECT(name, framing, ns, encode_error)                                        \
  CodecDialect({name, framing, ns::decode_request, ns::encode_request, ns::decode_response, \
                ns::encode_response, ns::make_stream_decoder, ns::make_stream_encoder, encode_error})
const auto& codecs() {
  static const CodecDialect all[] = {
      TAU_DIALECT(kOpenAi, Framing::kSse, openai, openai::encode_error),
      TAU_DIALECT(kResponses, Framing::kSse, responses, responses::encode_error),
      TAU_DIALECT(kAnthropic, Framing::kSse, anthropic, anthropic::encode_error),
      TAU_DIALECT(kGemini, Framing::kSse, gemini, gemini::encode_error),
      TAU_DIALECT(kBedrock, Framing::kMessages, bedrock, plain_error<kMessage>),
      TAU_DIALECT(kCohere, Framing::kSse, cohere, plain_error<kMessage>),
      TAU_DIALECT(kOllama, Framing::kLines, ollama, plain_error<kError>),
  };
  return all;
}
#undef TAU_DIALECT

}  // namespace

std::string openai::encode_error(const Status& status) {
  std::string text;
  json::Writer out(text);
  out.begin_object().key("error").begin_object();
  out.field("message", status.message()).field("type", openai_error_type(status));
  out.key("param").null().field("code", status.reason()).end_object().end_object();
  return text;
}

std::string anthropic::encode_error(const Status& status) {
  std::string text;
  json::Writer out(text);
  out.begin_object().field("type", "error").key("error").begin_object();
  out.field("type", anthropic_error_type(status)).field("message", status.message());
  out.end_object().end_object();
  return text;
}

std::string gemini::encode_error(const Status& status) {
  std::string text;
  json::Writer out(text);
  const GoogleCode code = google_code(status);
  out.begin_object().key("error").begin_object();
  out.field("code", code.http_status).field("message", status.message()).field("status", code.name);
  out.end_object().end_object();
  return text;
}

const Dialect& openai_chat() { return *find_dialect(kOpenAi); }
const Dialect& anthropic_messages() { return *find_dialect(kAnthropic); }
const Dialect& openai_responses() { return *find_dialect(kResponses); }
const Dialect& gemini_generate() { return *find_dialect(kGemini); }
const Dialect& bedrock_converse() { return *find_dialect(kBedrock); }
const Dialect& cohere_chat() { return *find_dialect(kCohere); }
const Dialect& ollama_chat() { return *find_dialect(kOllama); }

const std::vector<const Dialect*>& dialects() {
  static const std::vector<const Dialect*> all = [] {
    std::vector<const Dialect*> out;
    for (const CodecDialect& dialect : codecs()) out.push_back(&dialect);
    return out;
  }();
  return all;
}

const Dialect* find_dialect(std::string_view name) {
  for (const CodecDialect& dialect : codecs())
    if (dialect.name() == name) return &dialect;
  return nullptr;
}

}  // namespace tau::wire
