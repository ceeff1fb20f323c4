// The native half of tools/exam ssrf: reads URLs, answers each with what the rules of egress make of it.
//
// In: "<bytes> <bytes>\n", a URL and the URL it is relative to (0 bytes: none), again and again. Out: one
// line of JSON for each (safety::egress_verdict_json). The rules: http and https, every port, every public
// host.
#include <iostream>
#include <string>

#include "safety/safety.h"

int main() {
  using tau::safety::Egress;
  const tau::StatusOr<Egress> rules = Egress::compile({.schemes = {"http", "https"}, .any_port = true});
  if (!rules.ok()) return 1;
  size_t sizes[2] = {};
  while (std::cin >> sizes[0] >> sizes[1]) {
    std::string texts[2] = {std::string(sizes[0], '\0'), std::string(sizes[1], '\0')};
    if (std::cin.get() != '\n') return 1;
    for (std::string& text : texts)
      if (!std::cin.read(text.data(), static_cast<std::streamsize>(text.size()))) return 1;
    std::cout << tau::safety::egress_verdict_json(*rules, texts[0], texts[1]) << std::endl;
  }
  return 0;
}
