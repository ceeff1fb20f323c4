#include "safety/checksum.h"

#include <string>
#include <utility>

#include "crypto/crypto.h"

namespace tau::safety {
namespace {

std::string base62(uint32_t number) {
  static constexpr std::string_view kDigits =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string out(6, '0');
  for (size_t i = out.size(); i > 0; number /= 62) out[--i] = kDigits[number % 62];
  return out;
}

bool crc32_base62_holds(std::string_view token) {
  const size_t body = token.rfind('_') + 1;  // 0 without one
  if (token.size() < body + 12) return false;
  const std::string_view text = token.substr(body, token.size() - body - 6);
  return base62(crypto::crc32(text)) == token.substr(token.size() - 6);
}

bool crc32_hex_holds(std::string_view token) {
  const size_t last = token.rfind('_');
  const size_t first = token.find('_');
  if (last == std::string_view::npos || first >= last || token.size() - last - 1 != 8) return false;
  const uint32_t crc = crypto::crc32(token.substr(first + 1, last - first - 1));
  const char bytes[] = {static_cast<char>(crc >> 24), static_cast<char>(crc >> 16),
                        static_cast<char>(crc >> 8), static_cast<char>(crc)};
  return crypto::hex(std::string_view(bytes, sizeof bytes)) == token.substr(last + 1);
}

bool jwt_holds(std::string_view token) {
  std::string head(token.substr(0, token.find('.')));
  for (char& c : head) c = c == '-' ? '+' : c == '_' ? '/' : c;
  head.resize((head.size() + 3) / 4 * 4, '=');
  const StatusOr<std::string> json = crypto::base64_decode(head);
  return json.ok() && json->starts_with('{') && json->find("\"alg\"") != std::string::npos;
}

}  // namespace

std::optional<Checksum> checksum_named(std::string_view name) {
  static constexpr std::pair<std::string_view, Checksum> kNames[] = {
      {"crc32_base62", Checksum::kCrc32Base62},
      {"crc32_hex", Checksum::kCrc32Hex},
      {"jwt", Checksum::kJwt},
      {"e164", Checksum::kE164},
      {"iban", Checksum::kIban},
      {"card", Checksum::kCard},
      {"ipv4", Checksum::kIpv4},
      {"ipv6", Checksum::kIpv6},
      {"bsn", Checksum::kBsn},
      {"codice_fiscale", Checksum::kCodiceFiscale},
      {"cpf", Checksum::kCpf},
      {"dni", Checksum::kDni},
      {"mod11_10", Checksum::kMod11x10},
      {"mod11_2", Checksum::kMod11x2},
      {"nhs", Checksum::kNhs},
      {"nir", Checksum::kNir},
      {"verhoeff", Checksum::kVerhoeff},
  };
  for (const auto& [known, checksum] : kNames)
    if (known == name) return checksum;
  return std::nullopt;
}

bool checksum_holds(Checksum checksum, std::string_view token) {
  switch (checksum) {
    case Checksum::kCrc32Base62: return crc32_base62_holds(token);
    case Checksum::kCrc32Hex: return crc32_hex_holds(token);
    case Checksum::kJwt: return jwt_holds(token);
    default: return checksum != Checksum::kNone && checked_length(checksum, token) == token.size();
  }
}

}  // namespace tau::safety
