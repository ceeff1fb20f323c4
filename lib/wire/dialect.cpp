// The dialects as objects, and their error bodies.
#include "wire/anthropic.h"
#include "wire/error.h"
#include "wire/openai.h"

namespace tau::wire {
namespace {

class OpenAiChat final : public Dialect {
 public:
  std::string_view name() const override { return kOpenAi; }
  StatusOr<Request> decode_request(std::string_view body) const override {
    return openai::decode_request(body);
  }
  using Dialect::encode_request;
  StatusOr<std::string> encode_request(const Request& request, const Quirks& quirks,
                                       const Target& target) const override {
    return openai::encode_request(request, quirks, target);
  }
  StatusOr<Response> decode_response(std::string_view body, const Quirks& quirks) const override {
    return openai::decode_response(body, quirks);
  }
  std::string encode_response(const Response& response) const override {
    return openai::encode_response(response);
  }
  std::unique_ptr<StreamDecoder> stream_decoder(const Quirks& quirks) const override {
    return openai::make_stream_decoder(quirks);
  }
  std::unique_ptr<StreamEncoder> stream_encoder() const override { return openai::make_stream_encoder(); }
  Status decode_error(int http_status, std::string_view body) const override {
    return error_status(read_error(http_status, body));
  }
  std::string encode_error(const Status& status) const override {
    std::string text;
    json::Writer out(text);
    out.begin_object().key("error").begin_object();
    out.field("message", status.message()).field("type", openai_error_type(status));
    out.key("param").null().field("code", status.reason()).end_object().end_object();
    return text;
  }
};

class AnthropicMessages final : public Dialect {
 public:
  std::string_view name() const override { return kAnthropic; }
  StatusOr<Request> decode_request(std::string_view body) const override {
    return anthropic::decode_request(body);
  }
  using Dialect::encode_request;
  StatusOr<std::string> encode_request(const Request& request, const Quirks& quirks,
                                       const Target& target) const override {
    return anthropic::encode_request(request, quirks, target);
  }
  StatusOr<Response> decode_response(std::string_view body, const Quirks& quirks) const override {
    return anthropic::decode_response(body, quirks);
  }
  std::string encode_response(const Response& response) const override {
    return anthropic::encode_response(response);
  }
  std::unique_ptr<StreamDecoder> stream_decoder(const Quirks& quirks) const override {
    return anthropic::make_stream_decoder(quirks);
  }
  std::unique_ptr<StreamEncoder> stream_encoder() const override { return anthropic::make_stream_encoder(); }
  Status decode_error(int http_status, std::string_view body) const override {
    return error_status(read_error(http_status, body));
  }
  std::string encode_error(const Status& status) const override {
    std::string text;
    json::Writer out(text);
    out.begin_object().field("type", "error").key("error").begin_object();
    out.field("type", anthropic_error_type(status))
        .field("message", status.message())
        .end_object()
        .end_object();
    return text;
  }
};

}  // namespace

const Dialect& openai_chat() {
  static const OpenAiChat dialect;
  return dialect;
}

const Dialect& anthropic_messages() {
  static const AnthropicMessages dialect;
  return dialect;
}

const Dialect* find_dialect(std::string_view name) {
  for (const Dialect* dialect : {&openai_chat(), &anthropic_messages()})
    if (dialect->name() == name) return dialect;
  return nullptr;
}

}  // namespace tau::wire
