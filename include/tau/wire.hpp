// Codecs between the dialects of model providers and libtau's neutral messages: pure functions, no runtime,
// no network.
#ifndef TAU_WIRE_HPP
#define TAU_WIRE_HPP

#include <tau/wire.h>

#include <tau/error.hpp>

namespace tau {
inline namespace v0 {
namespace wire {

// What a document is.
enum class Kind : uint32_t {
  kRequest = TAU_WIRE_REQUEST,
  kResponse = TAU_WIRE_RESPONSE,
  kEmbedRequest = TAU_WIRE_EMBED_REQUEST,  // of a dialect of embeddings
  kEmbedResponse = TAU_WIRE_EMBED_RESPONSE
};

// Translates a document of a dialect ("openai_chat", "gemini", …) into neutral JSON. quirks: JSON object
// of a provider's habits (tau_wire_decode).
// Errors: kInvalidArgument that names the member; "unknown_dialect".
// Thread: any.
inline Result<Text> decode(std::string_view dialect, Kind kind, std::string_view body,
                           std::string_view quirks = {}) {
  return detail::text_of(tau_wire_decode, detail::str(dialect), static_cast<tau_wire_kind>(kind),
                         detail::str(quirks), detail::str(body));
}

// Translates neutral JSON into a document of a dialect (tau_wire_encode).
// Errors, Thread: as decode.
inline Result<Text> encode(std::string_view dialect, Kind kind, std::string_view neutral,
                           std::string_view quirks = {}) {
  return detail::text_of(tau_wire_encode, detail::str(dialect), static_cast<tau_wire_kind>(kind),
                         detail::str(quirks), detail::str(neutral));
}

// Reads an answer whose HTTP status is not 2xx as the JSON of an error. headers: JSON object of strings;
// body: any bytes (tau_wire_decode_error).
// Errors: kInvalidArgument "unknown_dialect", "invalid_headers", "invalid_status".
// Thread: any.
inline Result<Text> decode_error(std::string_view dialect, uint32_t http_status, std::string_view body,
                                 std::string_view headers = {}) {
  return detail::text_of(tau_wire_decode_error, detail::str(dialect), http_status, detail::str(headers),
                         detail::str(body));
}

// One streamed response on its way from a dialect's bytes to neutral events, or back.
// Thread: owner.
class Stream : public detail::Handle<tau_wire_stream, tau_wire_stream_free> {
 public:
  using Handle::Handle;

  // Begins to decode a response stream (tau_wire_stream_new).
  // Errors: kInvalidArgument "unknown_dialect", or an unknown quirk.
  static Result<Stream> decoder(std::string_view dialect, std::string_view quirks = {}) {
    return detail::make<Stream>(tau_wire_stream_new, detail::str(dialect), detail::str(quirks));
  }

  // Begins to encode neutral events, as a decoder gives them (tau_wire_stream_encoder_new).
  // Errors: kInvalidArgument "unknown_dialect".
  static Result<Stream> encoder(std::string_view dialect) {
    return detail::make<Stream>(tau_wire_stream_encoder_new, detail::str(dialect));
  }

  // Takes bytes, in any split, and gives what they complete: of a decoder events as JSON lines, of an encoder
  // the bytes of the dialect (tau_wire_stream_feed).
  // Errors: the provider's own failure; kInvalidArgument for a malformed stream. A failure is final.
  Result<Text> feed(std::string_view bytes) const {
    return detail::text_of(tau_wire_stream_feed, c(), detail::str(bytes));
  }

  // Ends the stream and gives what is left (tau_wire_stream_end).
  // Errors: kUnavailable "stream_truncated"; the failure of an earlier feed.
  Result<Text> end() const { return detail::text_of(tau_wire_stream_end, c()); }
};

}  // namespace wire
}  // namespace v0
}  // namespace tau

#endif
