#include "money.h"

#include <cstdio>

namespace cli {
std::string dollars_text(int64_t micros) {
  char text[40];
  std::snprintf(text, sizeof text, "$%lld.%06lld", static_cast<long long>(micros / 1'000'000),
                static_cast<long long>(micros % 1'000'000));
  return text;
}

std::string rate_text(int64_t micros) {
  std::string text = dollars_text(micros);
  while (text.ends_with('0') && text[text.size() - 3] != '.') text.pop_back();
  return text;
}

std::string price_text(const Json& price) {
  if (!price.is_object()) return "price unknown";
  const int64_t input = price["input"].as_int();
  const int64_t output = price["output"].as_int();
  if (input == 0 && output == 0) return "free";
  return rate_text(input) + " / " + rate_text(output) + " per M";
}

std::string tokens_text(int64_t tokens) {
  char text[32];
  if (tokens < 1'000) {
    std::snprintf(text, sizeof text, "%lld", static_cast<long long>(tokens));
  } else if (tokens < 1'000'000) {
    std::snprintf(text, sizeof text, "%lldk", static_cast<long long>((tokens + 500) / 1'000));
  } else {
    std::snprintf(text, sizeof text, "%.3gM", static_cast<double>(tokens) / 1e6);
  }
  return text;
}

}  // namespace cli
