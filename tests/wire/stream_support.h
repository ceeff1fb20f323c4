// Streams in tests: decode a body in some split, log its events, encode it again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/wire.h"

namespace tau::wire::test {

// How a body is cut into pieces.
struct Split {
  size_t size = 0;    // 0: not at all
  uint32_t seed = 0;  // not 0: random sizes
  static Split every(size_t n) { return {n, 0}; }
  static Split random(uint32_t seed) { return {0, seed}; }
};

struct Logged {
  StreamEvent::Kind kind;
  uint32_t index;
  uint32_t part;
  std::string text;
  std::string id;
  std::string name;
  bool operator==(const Logged&) const = default;
};

struct Decoded {
  Status status;
  Response response;
  std::vector<Logged> log;
};

Decoded decode_stream(const Dialect& dialect, std::string_view body, const Quirks& quirks,
                      const Split& split);
// The same with a decoder that may have decoded other streams before.
Decoded decode_stream(StreamDecoder& decoder, Framing framing, std::string_view body, const Split& split);
// Decodes and writes the events on in `to`.
std::string transcode_stream(const Dialect& from, const Dialect& to, std::string_view body,
                             const Quirks& quirks);
std::string reencode_stream(const Dialect& dialect, std::string_view body, const Quirks& quirks);

// Empty when the events keep the order that wire.h promises: one start first, one finish last, arguments
// between their call and its end, and their concatenation equal to the message.
std::string event_order_error(const Decoded& decoded);

// The stream with each of its JSON documents as `map` makes it.
std::string map_documents(Framing framing, std::string_view body,
                          const std::function<std::string(std::string_view)>& map);
// The same stream, but that white space keeps each document from having the shape of any other.
std::string without_repetition(Framing framing, std::string_view body);

// "data: <json>\n\n" for each, and the end mark of chat completions.
std::string chat_body(const std::vector<std::string>& chunks, bool done = true);
// A chunk whose only choice has this delta.
std::string chat_chunk(std::string_view delta, std::string_view finish = "null");

}  // namespace tau::wire::test
