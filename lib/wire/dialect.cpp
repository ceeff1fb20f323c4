// The dialects as objects, and their error bodies.
#include "wire/anthropic.h"
#include "wire/error.h"
#include "wire/gemini.h"
#include "wire/openai.h"
#include "wire/responses.h"

namespace tau::wire {
namespace {

// The functions of a dialect.
struct Codec {
  std::string_view name;
  StatusOr<Request> (*decode_request)(std::string_view);
  StatusOr<std::string> (*encode_request)(const Request&, const Quirks&);
  StatusOr<Response> (*decode_response)(std::string_view, const Quirks&);
  std::string (*encode_response)(const Response&);
  std::unique_ptr<StreamDecoder> (*stream_decoder)(const Quirks&);
  std::unique_ptr<StreamEncoder> (*stream_encoder)();
  std::string (*encode_error)(const Status&);
};

class CodecDialect final : public Dialect {
 public:
  explicit CodecDialect(const Codec& codec) : codec_(codec) {}
  std::string_view name() const override { return codec_.name; }
  StatusOr<Request> decode_request(std::string_view body) const override {
    return codec_.decode_request(body);
  }
  StatusOr<std::string> encode_request(const Request& request, const Quirks& quirks) const override {
    return codec_.encode_request(request, quirks);
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

// The functions that a dialect's namespace has, under the names that all of them use.
#define TAU_DIALECT(name, ns)                                                                           \
  CodecDialect({name, ns::decode_request, ns::encode_request, ns::decode_response, ns::encode_response, \
                ns::make_stream_decoder, ns::make_stream_encoder, ns::encode_error})
const auto& codecs() {
  static const CodecDialect all[] = {
      TAU_DIALECT(kOpenAi, openai),
      TAU_DIALECT(kAnthropic, anthropic),
      TAU_DIALECT(kResponses, responses),
      TAU_DIALECT(kGemini, gemini),
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
