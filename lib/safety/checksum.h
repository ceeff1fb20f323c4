// Checksums that issuers put into their tokens, and into the numbers of people and their accounts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tau::safety {

enum class Checksum : uint8_t {
  kNone,
  kCrc32Base62,  // "<prefix>_<body><6>": CRC-32 of the body as six digits of base 62 (GitHub, npm)
  kCrc32Hex,     // "<prefix>_<body>_<8>": CRC-32 of the body in hexadecimal digits
  kJwt,          // the first part is base64url of a JSON object that names an algorithm
  // Of rules of forms: see checked_length().
  kE164,           // a telephone number with its country's code: 8 to 15 digits (ITU-T E.164)
  kIban,           // length by country, 97-10 (ISO 13616, ISO 7064)
  kCard,           // length by the issuer's range, Luhn (ISO/IEC 7812)
  kIpv4,           // an address that may be somebody's: no loopback, no mask
  kIpv6,           // RFC 4291, with three groups or more
  kBsn,            // Netherlands, burgerservicenummer: weights 9 to 2 and -1, modulo 11
  kCodiceFiscale,  // Italy: odd and even places, modulo 26
  kCpf,            // Brazil: two digits, modulo 11
  kDni,            // Spain, DNI and NIE: letter by the remainder of 23
  kMod11x10,       // ISO 7064 MOD 11,10: Germany's tax id
  kMod11x2,        // ISO 7064 MOD 11-2: China's resident id
  kNhs,            // United Kingdom, NHS number: weights 10 to 2, modulo 11
  kNir,            // France: two digits, 97 less the remainder
  kVerhoeff,       // India's Aadhaar
};

std::optional<Checksum> checksum_named(std::string_view name);
bool checksum_holds(Checksum checksum, std::string_view token);
// How many of the first bytes of `text`, blanks and signs between its digits included, are a number for which
// the checksum holds; 0: none.
size_t checked_length(Checksum checksum, std::string_view text);

}  // namespace tau::safety
