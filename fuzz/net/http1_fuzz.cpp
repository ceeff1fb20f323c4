// HTTP/1.1 responses: the same bytes whole, byte by byte and cut in two mean the same; nothing is taken
// beyond the end; what is accepted is bounded and clean.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "law.h"
#include "net/http1_parser.h"

namespace {

using tau::fuzz::require;
using tau::net::Http1Parser;

struct Trace {
  std::string text;
  size_t consumed = 0;
  bool failed = false;
  bool ended = false;
  bool operator==(const Trace&) const = default;
};

void tell_head(const Http1Parser& parser, Trace& trace) {
  require(parser.status() >= 200 && parser.status() <= 999);
  require(parser.headers().size() <= Http1Parser::kMaxHeaders);
  trace.text += std::to_string(parser.status());
  size_t bytes = 0;
  for (const auto& [name, value] : parser.headers()) {
    require(!name.empty() && (name + value).find_first_of(std::string_view("\r\n\0", 3)) == name.npos);
    bytes += name.size() + value.size();
    trace.text.append("|").append(name).append("=").append(value);
  }
  require(bytes <= Http1Parser::kMaxHeadBytes);
  trace.text += "\n";
}

void feed(Http1Parser& parser, std::string_view bytes, Trace& trace) {
  const std::string copy(bytes);  // exactly as large, so that a sanitizer sees a read beyond it
  std::string_view left = copy;
  while (!trace.failed && !trace.ended) {
    const auto step = parser.next(left);
    trace.failed = !step.ok();
    if (trace.failed) return;
    require(step->consumed <= left.size());
    left.remove_prefix(step->consumed);
    trace.consumed += step->consumed;
    trace.ended = step->event == Http1Parser::Event::kEnd;
    if (step->event == Http1Parser::Event::kMore) {
      require(left.empty());
      return;
    }
    if (step->event == Http1Parser::Event::kHead) tell_head(parser, trace);
    if (step->event == Http1Parser::Event::kBody) {
      require(parser.head_complete() && !step->body.empty());
      trace.text += step->body;
    }
  }
}

// A failure may be told a few bytes sooner or later: what came before it is the same up to the shorter one.
void require_same(const Trace& a, const Trace& b) {
  require(a.failed == b.failed);
  if (!a.failed) return require(a == b);
  const size_t shared = std::min(a.text.size(), b.text.size());
  require(a.text.compare(0, shared, b.text, 0, shared) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > (1u << 18)) return 0;
  const bool to_head = data[size - 1] == 'h';
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Trace whole;
  Trace single;
  Trace halves;
  Http1Parser a(to_head);
  Http1Parser b(to_head);
  Http1Parser c(to_head);
  feed(a, bytes, whole);
  for (size_t i = 0; i < size; ++i) feed(b, bytes.substr(i, 1), single);
  const size_t cut = static_cast<uint8_t>(bytes.back()) % (size + 1);
  feed(c, bytes.substr(0, cut), halves);
  feed(c, bytes.substr(cut), halves);
  require_same(whole, single);
  require_same(whole, halves);
  return 0;
}
