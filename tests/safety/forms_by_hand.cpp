#include "safety/forms_by_hand.h"

#include <cstdint>
#include <cstdio>

#include "json/json.h"

namespace tau::test {
namespace {

std::string hex_of(std::string_view bytes, const char* digits) {
  std::string out;
  for (const char c : bytes) {
    char digits_of_byte[8];
    std::snprintf(digits_of_byte, sizeof digits_of_byte, digits,
                  static_cast<unsigned>(static_cast<uint8_t>(c)));
    out += digits_of_byte;
  }
  return out;
}

std::string percent_of(std::string_view bytes, const char* digits, std::string_view kept, bool form) {
  std::string out;
  for (const char c : bytes) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (plain || kept.find(c) != std::string_view::npos) {
      out += c;
    } else if (form && c == ' ') {
      out += '+';
    } else {
      out += hex_of(std::string_view(&c, 1), digits);
    }
  }
  return out;
}

std::string json_of(std::string_view text) {
  std::string literal;
  json::append_string(literal, text);
  return literal.substr(1, literal.size() - 2);
}

}  // namespace

std::string base64_of(std::string_view bytes, bool url) {
  const std::string alphabet =
      std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") + (url ? "-_" : "+/");
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k)
      group = group << 8 | (i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0U);
    for (size_t k = 0; k < 4; ++k) out += i + k > bytes.size() ? '=' : alphabet[group >> (18 - 6 * k) & 63];
  }
  return out;
}

std::vector<EncodedForm> forms_by_hand(std::string_view secret) {
  const std::string raw(secret);
  std::vector<EncodedForm> forms = {{"raw", raw}};
  for (const bool url : {false, true})
    for (const char* before : {"", "a", "ab"})
      forms.push_back({"base64", base64_of(before + raw + "tail", url)});
  forms.push_back({"hex", hex_of(raw, "%02x")});
  forms.push_back({"HEX", hex_of(raw, "%02X")});
  forms.push_back({"percent", percent_of(raw, "%%%02X", "-._~", false)});
  forms.push_back({"percent, small digits", percent_of(raw, "%%%02x", "-._~", false)});
  forms.push_back({"percent, component", percent_of(raw, "%%%02X", "-._~!'()*", false)});
  forms.push_back({"percent, form", percent_of(raw, "%%%02X", "*-._", true)});
  forms.push_back({"percent, all", hex_of(raw, "%%%02X")});
  forms.push_back({"JSON", json_of(raw)});
  forms.push_back({"JSON in JSON", json_of(json_of(raw))});
  return forms;
}

}  // namespace tau::test
