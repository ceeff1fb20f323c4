// The lines of a private key in text form, as they stand in files, in JSON strings and in source code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tau::safety {

struct PemLine {
  enum class Kind : uint8_t {
    kMore,   // the line is not complete
    kBody,   // part of the key, or what may stand between its parts
    kLast,   // the key ends in this line, at `end`
    kOther,  // something else: the key ended before, or `end` bytes into the line
  };
  Kind kind = Kind::kMore;
  size_t end = 0;    // where to go on
  size_t bytes = 0;  // of base 64
};

// Reads the line that begins at `at`. `fresh`: no byte of the body was seen, so headers may come.
PemLine read_pem_line(std::string_view text, size_t at, bool fresh, bool complete);

}  // namespace tau::safety
