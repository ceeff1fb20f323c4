#include "wire/halves.h"

namespace tau::wire {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr size_t kHalfBytes = 3;

// The surrogate that `text` begins with; 0 when it begins with something else.
uint16_t half_at(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (text.size() < kHalfBytes || byte(0) != 0xED || byte(1) < 0xA0) return 0;
  return static_cast<uint16_t>(0xD000 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F));
}

void append_pair(std::string& out, uint16_t high, uint16_t low) {
  const uint32_t c = 0x10000 + ((high - 0xD800U) << 10) + (low - 0xDC00U);
  for (const uint32_t byte :
       {0xF0 | c >> 18, 0x80 | (c >> 12 & 0x3F), 0x80 | (c >> 6 & 0x3F), 0x80 | (c & 0x3F)})
    out += static_cast<char>(byte);
}

}  // namespace

std::string_view HalfJoiner::finish(uint16_t& held) {
  const bool waits = held != 0;
  held = 0;
  return waits ? kReplacement : std::string_view();
}

std::string_view HalfJoiner::join_slowly(std::string_view piece, uint16_t& held) {
  out_.clear();
  while (!piece.empty()) {
    const uint16_t half = half_at(piece);
    const bool is_low = half >= 0xDC00;
    if (is_low && held != 0) {
      append_pair(out_, held, half);
      held = 0;
    } else {
      out_ += finish(held);
      if (is_low) out_ += kReplacement;
      if (half != 0 && !is_low) held = half;
      if (half == 0) out_ += piece.front();
    }
    piece.remove_prefix(half != 0 ? kHalfBytes : 1);
  }
  return out_;
}

}  // namespace tau::wire
