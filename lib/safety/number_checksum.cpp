// Checksums of numbers that people and their accounts are known by, as those who give the numbers out publish
// them.
#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "net/net.h"
#include "safety/chars.h"
#include "safety/checksum.h"

namespace tau::safety {
namespace {

// A number as it is written: its digits and capital letters, and where each stands in the text.
struct Written {
  static constexpr size_t kMost = 40;
  std::array<char, kMost> sign{};
  std::array<size_t, kMost> end{};  // behind the sign
  size_t size = 0;

  explicit Written(std::string_view text) {
    for (size_t i = 0; i < text.size() && size < kMost; ++i) {
      if (!is_digit(text[i]) && !is_upper(text[i])) continue;
      sign[size] = text[i];
      end[size++] = i + 1;
    }
  }
  std::string_view first(size_t count) const { return {sign.data(), std::min(count, size)}; }
  // Behind the first `count` signs; 0 when there are fewer.
  size_t behind(size_t count) const { return count == 0 || count > size ? 0 : end[count - 1]; }
  size_t all_if(bool holds) const { return holds ? behind(size) : 0; }
};

bool all_digits(std::string_view text) { return std::all_of(text.begin(), text.end(), is_digit); }

int value_of(char c) { return is_digit(c) ? c - '0' : c - 'A' + 10; }

// Decimal digits, letters as two of them.
int remainder_of(std::string_view number, int modulus, int from = 0) {
  for (const char c : number) from = (from * (is_digit(c) ? 10 : 100) + value_of(c)) % modulus;
  return from;
}

// Of the number's digits and `weights`, one for each.
int weighted(std::string_view number, std::span<const int> weights) {
  int sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) sum += value_of(number[i]) * weights[i];
  return sum;
}

// Lengths of the IBAN registry (SWIFT).
struct IbanLength {
  char country[3];
  uint8_t length;
};
constexpr IbanLength kIbanLengths[] = {
    {"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22},
    {"BH", 22}, {"BR", 29}, {"BY", 28}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24}, {"DE", 22},
    {"DK", 18}, {"DO", 28}, {"EE", 20}, {"EG", 29}, {"ES", 24}, {"FI", 18}, {"FO", 18}, {"FR", 27},
    {"GB", 22}, {"GE", 22}, {"GI", 23}, {"GL", 18}, {"GR", 27}, {"GT", 28}, {"HR", 21}, {"HU", 28},
    {"IE", 22}, {"IL", 23}, {"IQ", 23}, {"IS", 26}, {"IT", 27}, {"JO", 30}, {"KW", 30}, {"KZ", 20},
    {"LB", 28}, {"LC", 32}, {"LI", 21}, {"LT", 20}, {"LU", 20}, {"LV", 21}, {"LY", 25}, {"MC", 27},
    {"MD", 24}, {"ME", 22}, {"MK", 19}, {"MR", 27}, {"MT", 31}, {"MU", 30}, {"NL", 18}, {"NO", 15},
    {"PK", 24}, {"PL", 28}, {"PS", 29}, {"PT", 25}, {"QA", 29}, {"RO", 24}, {"RS", 22}, {"SA", 24},
    {"SC", 31}, {"SE", 24}, {"SI", 19}, {"SK", 24}, {"SM", 27}, {"ST", 25}, {"SV", 28}, {"TL", 23},
    {"TN", 24}, {"TR", 26}, {"UA", 29}, {"VA", 22}, {"VG", 24}, {"XK", 20},
};

size_t iban_length(const Written& number) {
  const auto known = std::find_if(
      std::begin(kIbanLengths), std::end(kIbanLengths),
      [&](const IbanLength& row) { return number.first(2) == std::string_view(row.country, 2); });
  if (known == std::end(kIbanLengths) || number.size < known->length) return 0;
  const std::string_view iban = number.first(known->length);
  const bool holds = remainder_of(iban.substr(0, 4), 97, remainder_of(iban.substr(4), 97)) == 1;
  return holds ? number.behind(known->length) : 0;
}

bool luhn_holds(std::string_view digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    const int digit = value_of(digits[digits.size() - 1 - i]);
    sum += i % 2 == 0 ? digit : digit * 2 - (digit > 4 ? 9 : 0);
  }
  return sum % 10 == 0;
}

// Ranges of issuers by their first four digits, and how long their numbers are.
struct CardRange {
  int from;
  int to;
  uint8_t least;
  uint8_t most;
};
constexpr CardRange kCardRanges[] = {
    {2221, 2720, 16, 16},                        // Mastercard
    {3000, 3059, 14, 14}, {3600, 3699, 14, 14},  // Diners Club
    {3800, 3999, 14, 14},                        //
    {3400, 3499, 15, 15}, {3700, 3799, 15, 15},  // American Express
    {3528, 3589, 16, 16},                        // JCB
    {4000, 4999, 13, 19},                        // Visa
    {5100, 5599, 16, 16},                        // Mastercard
    {6011, 6011, 16, 19}, {6440, 6599, 16, 19},  // Discover
    {6200, 6299, 16, 19},                        // UnionPay
};

// The longest number that holds: one of 13 digits may be the beginning of one of 16.
size_t card_length(const Written& number) {
  if (number.size < 13 || !all_digits(number.first(number.size))) return 0;
  const int head = remainder_of(number.first(4), 10'000);
  for (const CardRange& range : kCardRanges) {
    if (head < range.from || head > range.to) continue;
    for (size_t length = std::min<size_t>(range.most, number.size); length >= range.least; --length) {
      const bool usual = length == range.least || length == 16 || length == range.most;
      if (usual && luhn_holds(number.first(length))) return number.behind(length);
    }
  }
  return 0;
}

// "+2020-01-01" is a year with its sign (ISO 8601), and a date; so is "20200101".
bool is_date(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.size() == 8 && all_digits(text))
    return (text.starts_with("19") || text.starts_with("20")) && text.substr(4, 2) >= "01" &&
           text.substr(4, 2) <= "12" && text.substr(6) >= "01" && text.substr(6) <= "31";
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  return all_digits(text.substr(0, 4)) && all_digits(text.substr(5, 2)) && all_digits(text.substr(8));
}

size_t e164_length(std::string_view text) {
  if (is_date(text)) return 0;
  const Written number(text);
  return number.all_if(number.size >= 8 && number.size <= 15);
}

size_t ipv4_length(std::string_view text) {
  const auto address = net::parse_address(text, 0);
  const bool somebody = address.ok() && !address->is_v6 && address->bytes[0] != 0 &&
                        address->bytes[0] != 127 && address->bytes[0] < 224;
  return somebody ? text.size() : 0;
}

// "ab::cd" is a name in C++ as well.
size_t ipv6_length(std::string_view text) {
  while (text.ends_with(':') && !text.ends_with("::")) text.remove_suffix(1);
  const auto colons = std::count(text.begin(), text.end(), ':');
  const bool digit = std::any_of(text.begin(), text.end(), is_digit);
  const bool plain = colons >= 3 || (text.find(':') == 4 && is_digit(text[0]));
  if (!plain || !digit) return 0;
  const auto address = net::parse_address(text, 0);
  return address.ok() && address->is_v6 ? text.size() : 0;
}

bool bsn_holds(std::string_view n) {
  constexpr int kWeights[] = {9, 8, 7, 6, 5, 4, 3, 2, -1};
  return n.size() == 9 && n != "000000000" && weighted(n, kWeights) % 11 == 0;
}

// Decree of the ministry of finance of 23 December 1976.
bool codice_fiscale_holds(std::string_view n) {
  constexpr int kOdd[] = {1,  0,  5, 7, 9,  13, 15, 17, 19, 21, 1,  0,  5,  7,  9,  13, 15, 17,
                          19, 21, 2, 4, 18, 20, 11, 3,  6,  8,  12, 14, 16, 10, 22, 25, 24, 23};
  if (n.size() != 16 || !is_upper(n[15])) return false;
  int sum = 0;
  for (size_t i = 0; i < 15; ++i) {
    const auto sign = static_cast<size_t>(value_of(n[i]));
    sum += i % 2 == 0 ? kOdd[sign] : value_of(n[i]) - (is_digit(n[i]) ? 0 : 10);
  }
  return sum % 26 == n[15] - 'A';
}

bool cpf_holds(std::string_view n) {
  constexpr int kWeights[] = {11, 10, 9, 8, 7, 6, 5, 4, 3, 2};
  if (n.size() != 11 || n.find_first_not_of(n[0]) == n.npos) return false;
  const auto digit = [](int sum) { return sum % 11 < 2 ? 0 : 11 - sum % 11; };
  return digit(weighted(n, std::span(kWeights).subspan(1))) == value_of(n[9]) &&
         digit(weighted(n, kWeights)) == value_of(n[10]);
}

bool dni_holds(std::string_view n) {
  constexpr std::string_view kLetters = "TRWAGMYFPDXBNJZSQVHLCKE";
  if (n.size() != 9 || !is_upper(n[8])) return false;
  std::string digits(n.substr(0, 8));
  if (is_upper(digits[0])) {  // NIE
    if (digits[0] < 'X') return false;
    digits[0] = static_cast<char>(digits[0] - 'X' + '0');
  }
  return all_digits(digits) && kLetters[static_cast<size_t>(remainder_of(digits, 23))] == n[8];
}

bool mod11x10_holds(std::string_view n) {
  if (n.size() != 11 || n[0] == '0') return false;
  int product = 10;
  for (size_t i = 0; i < 10; ++i) {
    const int sum = (value_of(n[i]) + product) % 10;
    product = (sum == 0 ? 10 : sum) * 2 % 11;
  }
  return (11 - product) % 10 == value_of(n[10]);
}

bool mod11x2_holds(std::string_view n) {
  if (n.size() != 18) return false;
  int sum = 0;
  for (size_t i = 0; i < 17; ++i) sum = (sum + value_of(n[i])) * 2 % 11;
  return (12 - sum) % 11 == (n[17] == 'X' ? 10 : value_of(n[17]));
}

bool nhs_holds(std::string_view n) {
  constexpr int kWeights[] = {10, 9, 8, 7, 6, 5, 4, 3, 2};
  if (n.size() != 10) return false;
  const int check = (11 - weighted(n, kWeights) % 11) % 11;
  return check == value_of(n[9]) && n.find_first_not_of('0') != n.npos;
}

// Corsica's departments 2A and 2B count as 19 and 18.
bool nir_holds(std::string_view n) {
  if (n.size() != 15) return false;
  std::string digits(n);
  if (is_upper(digits[6])) {
    digits[5] = '1';
    digits[6] = digits[6] == 'A' ? '9' : '8';
  }
  return all_digits(digits) &&
         97 - remainder_of(digits.substr(0, 13), 97) == remainder_of(digits.substr(13), 100);
}

// J. Verhoeff, Error detecting decimal codes, 1969: the dihedral group of order 10.
bool verhoeff_holds(std::string_view n) {
  constexpr std::string_view kPermutation = "1576283094";
  if (n.size() != 12 || n[0] < '2' || !all_digits(n)) return false;
  const auto multiplied = [](int a, int b) {
    const int rotation = a < 5 ? (a + b) % 5 : (a - b + 5) % 5;
    return (a < 5) == (b < 5) ? rotation : rotation + 5;
  };
  int check = 0;
  for (size_t i = 0; i < n.size(); ++i) {
    int digit = value_of(n[n.size() - 1 - i]);
    for (size_t k = 0; k < i % 8; ++k) digit = value_of(kPermutation[static_cast<size_t>(digit)]);
    check = multiplied(check, digit);
  }
  return check == 0;
}

}  // namespace

size_t checked_length(Checksum checksum, std::string_view text) {
  const Written number(text);
  const std::string_view n = number.first(number.size);
  switch (checksum) {
    case Checksum::kE164: return e164_length(text);
    case Checksum::kIban: return iban_length(number);
    case Checksum::kCard: return card_length(number);
    case Checksum::kIpv4: return ipv4_length(text);
    case Checksum::kIpv6: return ipv6_length(text);
    case Checksum::kBsn: return number.all_if(bsn_holds(n));
    case Checksum::kCodiceFiscale: return number.all_if(codice_fiscale_holds(n));
    case Checksum::kCpf: return number.all_if(cpf_holds(n));
    case Checksum::kDni: return number.all_if(dni_holds(n));
    case Checksum::kMod11x10: return number.all_if(mod11x10_holds(n));
    case Checksum::kMod11x2: return number.all_if(mod11x2_holds(n));
    case Checksum::kNhs: return number.all_if(nhs_holds(n));
    case Checksum::kNir: return number.all_if(nir_holds(n));
    case Checksum::kVerhoeff: return number.all_if(verhoeff_holds(n));
    default: return 0;
  }
}

}  // namespace tau::safety
