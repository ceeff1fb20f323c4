// Providers cut text between tokens, and a token may be half a character: "\ud83d" ends one delta, "\ude00"
// begins the next. json's pieces carry such halves as they are; here they meet, or become U+FFFD.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tau::wire {

class HalfJoiner {
 public:
  // `piece` as UTF-8, behind the half that the piece before it ended with. `held` belongs to the part that
  // the pieces make up: the half that waits for the next one, 0 for none. Valid until the next call.
  std::string_view join(std::string_view piece, uint16_t& held) {
    constexpr char kFirstByte = '\xED';  // of every surrogate
    if (held == 0 && piece.find(kFirstByte) == std::string_view::npos) return piece;
    return join_slowly(piece, held);
  }

  // What is left at the end of the part.
  static std::string_view finish(uint16_t& held);

 private:
  std::string_view join_slowly(std::string_view piece, uint16_t& held);
  std::string out_;
};

}  // namespace tau::wire
