// Bundles of rules from outside, and the scanners on any bytes, with the laws that tie their entries
// together.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "law.h"
#include "safety/safety.h"

namespace {

using tau::fuzz::require;
using tau::safety::Finding;
using tau::safety::Screen;

// Rules of a bundle see the bundle's own text; what was refused says why.
void check_bundle(std::string_view text) {
  const auto rules = tau::safety::compile_rules(text);
  require(rules.ok() || rules.status().reason() == "invalid_rules");
  if (rules.ok()) (void)tau::safety::scan({.secrets = nullptr, .rules = *rules}, text);
}

// Whole and in pieces the scanners find the same, and the redactor leaves none of it.
void check_text(const Screen& screen, std::string_view text, size_t piece) {
  std::vector<Finding> whole;
  const std::string redacted = tau::safety::redact(screen, text, &whole);
  std::vector<Finding> found;
  std::string out;
  tau::safety::Redactor redactor(screen);
  for (size_t at = 0; at < text.size(); at += piece) redactor.feed(text.substr(at, piece), out, &found);
  redactor.finish(out, &found);
  require(out == redacted);
  require(tau::safety::findings_json(found) == tau::safety::findings_json(whole));
  uint64_t end = 0;
  for (const Finding& finding : whole) {
    require(finding.offset >= end && finding.length > 0);
    end = finding.offset + finding.length;
  }
  require(end <= text.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto rules =
      tau::safety::built_in_rules(tau::system_random(), {.personal = tau::safety::personal_classes()});
  static tau::safety::SecretRegistry registry;
  static const auto secrets = [] {
    require(registry.add("a", tau::Secret("fuzzing-secret")).ok() &&
            registry.add("b", tau::Secret("aaaaaaaa")).ok());
    return registry.snapshot();
  }();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.starts_with('{')) check_bundle(text);
  const Screen screen{.secrets = secrets, .rules = rules};
  for (const size_t piece : {size_t{1}, size_t{7}, size % 61 + 1}) check_text(screen, text, piece);
  return 0;
}
