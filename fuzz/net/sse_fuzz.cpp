// SSE framing: the same bytes whole, byte by byte and cut in two give the same events.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/net.h"

namespace {

using tau::net::SseEvent;
using tau::net::SseParser;

// All events in one string; lengths keep fields apart.
struct Trace {
  std::string text;
  bool partial = false;
  int64_t retry_ms = -1;
  bool operator==(const Trace&) const = default;
};

void feed(SseParser& parser, std::string_view bytes, Trace& trace) {
  // Exactly as large as the bytes, so that a sanitizer sees a read beyond them, and gone afterwards.
  const std::string copy(bytes);
  const tau::Status status = parser.feed(copy, [&](const SseEvent& e) {
    for (std::string_view field : {e.type, e.data, e.id})
      trace.text.append(std::to_string(field.size())).append(field);
    return true;
  });
  if (!status.ok()) std::abort();  // inputs of a fuzzer are smaller than the cap
  trace.partial = parser.has_partial();
  trace.retry_ms = parser.retry_ms();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > (1u << 20)) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Trace whole;
  Trace single;
  Trace halves;
  SseParser a;
  SseParser b;
  SseParser c;
  feed(a, bytes, whole);
  for (size_t i = 0; i < size; ++i) feed(b, bytes.substr(i, 1), single);
  const size_t cut = size == 0 ? 0 : bytes.front() % (size + 1);
  feed(c, bytes.substr(0, cut), halves);
  feed(c, bytes.substr(cut), halves);
  if (!(whole == single) || !(whole == halves)) std::abort();
  return 0;
}
