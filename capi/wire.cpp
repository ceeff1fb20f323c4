#include "tau/wire.h"

#include "guard.h"
#include "wire/wire.h"

using namespace tau::capi;
using tau::Status;
namespace wire = tau::wire;

struct tau_wire_stream {
  // One of the two.
  std::unique_ptr<wire::StreamTranscoder> decoder;
  std::unique_ptr<wire::StreamReencoder> encoder;
  Sequence sequence = {};

  Status feed(std::string_view bytes, std::string& out) {
    return decoder != nullptr ? decoder->feed(bytes, out) : encoder->feed(bytes, out);
  }
  Status end(std::string& out) { return decoder != nullptr ? decoder->end(out) : encoder->end(out); }
};

namespace {

tau::StatusOr<wire::Quirks> convert_quirks(tau_str quirks) {
  TAU_ASSIGN_OR_RETURN(const std::string_view json, text(quirks, "quirks"));
  if (json.empty()) return wire::Quirks();
  return wire::quirks_from_json(json);
}

struct Arguments {
  std::string_view dialect;
  std::string_view body;
  wire::Quirks quirks;
};

tau::StatusOr<Arguments> convert(tau_str dialect, tau_wire_kind kind, tau_str quirks, tau_str body) {
  Arguments a;
  if (kind > TAU_WIRE_EMBED_RESPONSE)
    return tau::invalid_argument("unknown_kind",
                                 tau::format("kind {} is neither request nor response", kind));
  TAU_ASSIGN_OR_RETURN(a.dialect, text(dialect, "dialect"));
  TAU_ASSIGN_OR_RETURN(a.body, text(body, "body"));
  TAU_ASSIGN_OR_RETURN(a.quirks, convert_quirks(quirks));
  return a;
}

}  // namespace

tau_status tau_wire_decode(tau_str dialect, tau_wire_kind kind, tau_str quirks, tau_str body, tau_buf* out,
                           tau_error** err) {
  if (out != nullptr) *out = {nullptr, 0, nullptr};
  return guard(err, [&]() -> Status {
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(const Arguments a, convert(dialect, kind, quirks, body));
    auto neutral = kind >= TAU_WIRE_EMBED_REQUEST
                       ? wire::embed_to_neutral(a.dialect, kind == TAU_WIRE_EMBED_REQUEST, a.body)
                   : kind == TAU_WIRE_REQUEST ? wire::request_to_neutral(a.dialect, a.body)
                                              : wire::response_to_neutral(a.dialect, a.body, a.quirks);
    if (!neutral.ok()) return neutral.status();
    return fill(out, *std::move(neutral));
  });
}

tau_status tau_wire_encode(tau_str dialect, tau_wire_kind kind, tau_str quirks, tau_str neutral, tau_buf* out,
                           tau_error** err) {
  if (out != nullptr) *out = {nullptr, 0, nullptr};
  return guard(err, [&]() -> Status {
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(const Arguments a, convert(dialect, kind, quirks, neutral));
    auto body = kind >= TAU_WIRE_EMBED_REQUEST
                    ? wire::neutral_to_embed(a.dialect, kind == TAU_WIRE_EMBED_REQUEST, a.body)
                : kind == TAU_WIRE_REQUEST ? wire::neutral_to_request(a.dialect, a.body, a.quirks)
                                           : wire::neutral_to_response(a.dialect, a.body);
    if (!body.ok()) return body.status();
    return fill(out, *std::move(body));
  });
}

tau_status tau_wire_decode_error(tau_str dialect, uint32_t http_status, tau_str headers, tau_str body,
                                 tau_buf* out, tau_error** err) {
  if (out != nullptr) *out = {nullptr, 0, nullptr};
  return guard(err, [&]() -> Status {
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(const std::string_view name, text(dialect, "dialect"));
    TAU_ASSIGN_OR_RETURN(const std::string_view list, text(headers, "headers"));
    constexpr uint32_t kLeast = 300;
    constexpr uint32_t kMost = 999;
    if (http_status < kLeast || http_status > kMost)
      return tau::invalid_argument("invalid_status",
                                   tau::format("HTTP status {} is not an error", http_status));
    auto error = wire::error_to_neutral(name, static_cast<int>(http_status), list, raw_view(body));
    if (!error.ok()) return error.status();
    return fill(out, *std::move(error));
  });
}

tau_status tau_wire_stream_new(tau_str dialect, tau_str quirks, tau_wire_stream** out, tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(const std::string_view name, text(dialect, "dialect"));
    TAU_ASSIGN_OR_RETURN(const wire::Quirks habits, convert_quirks(quirks));
    TAU_ASSIGN_OR_RETURN(auto transcoder, wire::StreamTranscoder::create(name, habits));
    *out = new tau_wire_stream{.decoder = std::move(transcoder), .encoder = nullptr};
    return tau::ok_status();
  });
}

tau_status tau_wire_stream_encoder_new(tau_str dialect, tau_wire_stream** out, tau_error** err) {
  if (out != nullptr) *out = nullptr;
  return guard(err, [&]() -> Status {
    if (out == nullptr) return null_argument("out");
    TAU_ASSIGN_OR_RETURN(const std::string_view name, text(dialect, "dialect"));
    TAU_ASSIGN_OR_RETURN(auto encoder, wire::StreamReencoder::create(name));
    *out = new tau_wire_stream{.decoder = nullptr, .encoder = std::move(encoder)};
    return tau::ok_status();
  });
}

tau_status tau_wire_stream_feed(tau_wire_stream* stream, tau_str bytes, tau_buf* out, tau_error** err) {
  return work(stream, "stream", out, err,
              [&](std::string& text) { return stream->feed(raw_view(bytes), text); });
}

tau_status tau_wire_stream_end(tau_wire_stream* stream, tau_buf* out, tau_error** err) {
  return work(stream, "stream", out, err, [&](std::string& text) { return stream->end(text); });
}

void tau_wire_stream_free(tau_wire_stream* stream) { delete stream; }
