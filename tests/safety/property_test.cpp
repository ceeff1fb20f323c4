// Laws of the scanners, over random texts and random cuts.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "safety/forms_by_hand.h"
#include "safety/safety.h"

namespace tau::safety {
namespace {

std::string drawn(std::string_view alphabet, size_t least, size_t most) {
  const auto size = *rc::gen::inRange(least, most + 1);
  return *rc::gen::container<std::string>(size, rc::gen::elementOf(std::string(alphabet)));
}

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

// Pieces that rules look at, joined at random: whole credentials, broken ones, and what stands around them.
std::string drawn_text() {
  std::string text;
  const auto parts = *rc::gen::inRange(0, 12);
  for (int i = 0; i < parts; ++i) {
    switch (*rc::gen::inRange(0, 12)) {
      case 0: text += std::string("gh") + "p_" + drawn(kAlphabet, 34, 38); break;
      case 1: text += "api_key = \"" + drawn(kAlphabet, 10, 40) + "\""; break;
      case 2: text += std::string("-----BEGIN RSA PRIV") + "ATE KEY-----\n"; break;
      case 3: text += drawn(kAlphabet, 64, 64) + "\n"; break;
      case 4: text += std::string("-----END RSA PRIV") + "ATE KEY-----"; break;
      case 5: text += "\\n"; break;
      case 6: text += "cloudflare_token: "; break;
      case 7:
        text += std::string("https://us") + "er:" + drawn(kAlphabet, 4, 20) + "1" + drawn(kAlphabet, 4, 20) +
                "@example.org/";
        break;
      case 8: text += "\n"; break;
      case 9: text += drawn("ghptoken_=: \"'\n-BEGINsk", 1, 30); break;
      case 10: text += std::string("xo") + "xb-1234567890-" + drawn(kAlphabet, 24, 24); break;
      default: text += " the secret of " + drawn("aeiou tns", 1, 20);
    }
  }
  return text;
}

// The text in pieces at random places.
std::vector<std::string> cut_at_random(const std::string& text) {
  std::vector<std::string> pieces;
  for (size_t at = 0; at < text.size();) {
    const size_t size = std::min(text.size() - at, *rc::gen::inRange<size_t>(1, 40));
    pieces.push_back(text.substr(at, size));
    at += size;
  }
  return pieces;
}

RC_GTEST_PROP(Scanner, FindsTheSameHoweverTheTextIsCut, ()) {
  static const auto rules = built_in_rules();
  SecretRegistry registry;
  const std::string secret = drawn(kAlphabet, 8, 30);
  RC_ASSERT(registry.add("s", Secret(secret)).ok());
  const Screen screen{.secrets = registry.snapshot(), .rules = rules};
  std::string text = drawn_text();
  if (*rc::gen::arbitrary<bool>()) text.insert(*rc::gen::inRange<size_t>(0, text.size() + 1), secret);
  std::vector<Finding> whole;
  const std::string redacted = redact(screen, text, &whole);
  RC_LOG() << text << "\n";
  RC_ASSERT(findings_json(scan(screen, text)) == findings_json(whole));
  Redactor redactor(screen);
  std::vector<Finding> found;
  std::string out;
  for (const std::string& piece : cut_at_random(text)) redactor.feed(piece, out, &found);
  redactor.finish(out, &found);
  RC_ASSERT(findings_json(found) == findings_json(whole));
  RC_ASSERT(out == redacted);
}

RC_GTEST_PROP(Scanner, FindingsAreInOrderAndDoNotOverlap, ()) {
  static const auto rules = built_in_rules();
  const std::string text = drawn_text();
  uint64_t end = 0;
  for (const Finding& finding : scan({.secrets = nullptr, .rules = rules}, text)) {
    RC_ASSERT(finding.offset >= end);
    RC_ASSERT(finding.length > 0U);
    end = finding.offset + finding.length;
  }
  RC_ASSERT(end <= text.size());
}

// Small alphabets and overlapping secrets: as many coincidences as possible.
RC_GTEST_PROP(ExactLayer, FindsWhatAPlainSearchFinds, ()) {
  SecretRegistry registry;
  std::vector<std::string> secrets;
  const auto count = *rc::gen::inRange(1, 6);
  for (int i = 0; i < count; ++i) {
    secrets.push_back(drawn("ab", 8, 14));
    RC_ASSERT(registry.add(std::to_string(i), Secret(secrets.back())).ok());
  }
  std::string text = drawn("ab", 0, 60);
  const bool planted = *rc::gen::arbitrary<bool>();
  const auto forms = test::forms_by_hand(secrets[0]);
  if (planted)
    text.insert(*rc::gen::inRange<size_t>(0, text.size() + 1),
                forms[*rc::gen::inRange<size_t>(0, forms.size())].text);
  std::vector<bool> covered(text.size());
  for (const std::string& secret : secrets)
    for (const std::string& form : {secret})
      for (size_t at = text.find(form); at != std::string::npos; at = text.find(form, at + 1))
        std::fill_n(covered.begin() + static_cast<std::ptrdiff_t>(at), form.size(), true);
  const auto snapshot = registry.snapshot();
  const std::vector<Finding> found = scan({.secrets = snapshot, .rules = nullptr}, text);
  for (size_t i = 0; i < covered.size(); ++i) {
    const bool inside = std::any_of(found.begin(), found.end(), [i](const Finding& f) {
      return i >= f.offset && i < f.offset + f.length;
    });
    RC_ASSERT(!covered[i] || inside);
  }
  RC_ASSERT(holds_secret(*snapshot, text) == !found.empty());
  const bool raw = std::find(covered.begin(), covered.end(), true) != covered.end();
  RC_ASSERT(!found.empty() == (raw || planted));
}

RC_GTEST_PROP(Redactor, LeavesNoLineOfAKey, ()) {
  static const auto rules = built_in_rules();
  std::string line_break = *rc::gen::elementOf(std::vector<std::string>{"\n", "\r\n", "\\n", "\\r\\n"});
  std::vector<std::string> body;
  const auto lines = *rc::gen::inRange(1, 12);
  for (int i = 0; i < lines; ++i) body.push_back(drawn(kAlphabet, i + 1 == lines && i > 0 ? 1 : 60, 64));
  std::string key = std::string("-----BEGIN PRIV") + "ATE KEY-----" + line_break;
  for (const std::string& line : body) key += line + line_break;
  key += std::string("-----END PRIV") + "ATE KEY-----";
  const std::string text = "before: \"" + key + "\" after";
  Redactor redactor({.secrets = nullptr, .rules = rules});
  std::string out;
  for (const std::string& piece : cut_at_random(text)) redactor.feed(piece, out);
  redactor.finish(out);
  RC_ASSERT(out == "before: \"[redacted:private-key]\" after");
}

}  // namespace
}  // namespace tau::safety
