// Checksums that issuers put into their tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tau::safety {

enum class Checksum : uint8_t {
  kNone,
  kCrc32Base62,  // "<prefix>_<body><6>": CRC-32 of the body as six digits of base 62 (GitHub, npm)
  kCrc32Hex,     // "<prefix>_<body>_<8>": CRC-32 of the body in hexadecimal digits
  kJwt,          // the first part is base64url of a JSON object that names an algorithm
};

std::optional<Checksum> checksum_named(std::string_view name);
bool checksum_holds(Checksum checksum, std::string_view token);

}  // namespace tau::safety
