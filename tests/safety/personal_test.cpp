// Personal data: what each class knows, what is none, that it is off by default, and that streams agree.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "safety/checksum.h"
#include "safety/safety.h"

namespace tau::safety {
namespace {

const Screen& screen(bool signals = false) {
  static const Screen all[2] = {
      {nullptr, built_in_rules(system_random(), {.personal = personal_classes(), .personal_signals = false})},
      {nullptr, built_in_rules(system_random(), {.personal = personal_classes(), .personal_signals = true})}};
  return all[signals ? 1 : 0];
}

// "RULE:text found", for each finding.
std::vector<std::string> found_in(const std::string& text) {
  std::vector<std::string> out;
  for (const Finding& finding : scan(screen(), text))
    out.push_back(finding.rule + ":" + text.substr(finding.offset, finding.length));
  return out;
}

struct Sample {
  const char* rule;
  const char* value;
  const char* before = "";  // that the rule needs
};

// Examples of the standards, of those who give the numbers out, and ranges reserved for fiction and
// documents.
constexpr Sample kSamples[] = {
    {"email", "jane.doe+news@example.org"},
    {"email", "J_D@mail-1.example.co.uk"},
    {"email", "user@163.com"},
    {"phone-international", "+49 30 901820"},
    {"phone-international", "+44 20 7946 0958"},
    {"phone-international", "+442079460958"},
    {"phone-international", "+33 1 23 45 67 89"},
    {"phone-international", "+49 (30) 901820"},
    {"phone-nanp", "+1 (212) 555-0143"},
    {"phone-nanp", "+12125550143"},
    {"phone-nanp", "(212) 555-0143"},
    {"phone-nanp", "212-555-0143"},
    {"phone-nanp", "1-212-555-0143"},
    {"phone-national", "030 901820", "Tel.: "},
    {"phone-national", "(020) 7946 0958", "phone "},
    {"phone-national", "0171/2345678", "Mobil: "},
    {"iban", "DE89 3704 0044 0532 0130 00"},
    {"iban", "GB82WEST12345698765432"},
    {"iban", "FR14 2004 1010 0505 0001 3M02 606"},
    {"iban", "NL91ABNA0417164300"},
    {"iban", "NO9386011117947"},
    {"payment-card", "4111 1111 1111 1111"},
    {"payment-card", "4012888888881881"},
    {"payment-card", "5500-0000-0000-0004"},
    {"payment-card", "2223003122003222"},
    {"payment-card", "340000000000009"},
    {"payment-card", "3782 822463 10005"},
    {"payment-card", "6011000000000004"},
    {"payment-card", "30569309025904"},
    {"payment-card", "3530111333300000"},
    {"ipv4-address", "203.0.113.7"},
    {"ipv4-address", "192.168.1.10"},
    {"ipv6-address", "2001:db8::8a2e:370:7334"},
    {"ipv6-address", "2001:db8:85a3:8d3:1319:8a2e:370:7348"},
    {"br-cpf", "529.982.247-25"},
    {"cn-resident-id", "11010519491231002X"},
    {"de-tax-id", "86095742719", "Steuer-ID "},
    {"de-tax-id", "86 095 742 719", "Steuer-ID: "},
    {"es-dni", "12345678Z"},
    {"es-dni", "X1234567L"},
    {"fr-nir", "2 55 08 14 168 025 38"},
    {"gb-nhs", "943 476 5919", "NHS number "},
    {"in-aadhaar", "2341 2341 2346", "Aadhaar "},
    {"it-codice-fiscale", "RSSMRA85T10A562S"},
    {"nl-bsn", "111222333", "BSN "},
    {"us-ssn", "078-05-1120"},
    // As typesetters write them: blanks and hyphens at which no line may end.
    {"phone-international", "+33\u00a01\u202f23\u202f45\u202f67\u202f89"},
    {"phone-nanp", "(212)\u00a0555\u20110143"},
    {"iban", "DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000"},
    {"payment-card", "4111\u202f1111\u202f1111\u202f1111"},
    {"us-ssn", "078\u201105\u20111120"},
};

TEST(PersonalData, IsKnownByItsForm) {
  for (const Sample& sample : kSamples) {
    const std::vector<std::string> wanted = {std::string(sample.rule) + ":" + sample.value};
    for (const std::string around :
         {"@", "x @ y", "\"@\"", "(@)", "a: @.", "<@>", "=@\n", "\\n@", "caf\u00e9 @, z"}) {
      // What an escape leaves before an address is a character that an address may have.
      if (around == "\\n@" && std::string_view(sample.rule) == "email") continue;
      std::string text = around;
      text.replace(text.find('@'), 1, std::string(sample.before) + sample.value);
      EXPECT_EQ(found_in(text), wanted) << text;
    }
  }
}

TEST(PersonalData, ChecksumsFindEveryChangedDigit) {
  for (const Sample& sample : kSamples) {
    const std::string rule = sample.rule;
    const bool checked = rule == "iban" || rule == "payment-card" || rule == "br-cpf" ||
                         rule == "cn-resident-id" || rule == "de-tax-id" || rule == "es-dni" ||
                         rule == "fr-nir" || rule == "gb-nhs" || rule == "in-aadhaar" || rule == "nl-bsn";
    std::string text = std::string(sample.before) + sample.value;
    for (size_t i = std::string(sample.before).size(); checked && i < text.size(); ++i) {
      if (text[i] < '0' || text[i] > '9') continue;
      const char was = text[i];
      text[i] = was == '9' ? '0' : static_cast<char>(was + 1);
      const auto found = found_in(text);
      EXPECT_TRUE(std::none_of(found.begin(), found.end(), [&](const std::string& f) {
        return f == rule + ":" + text.substr(text.size() - f.size() + rule.size() + 1);
      })) << text;
      text[i] = was;
    }
  }
}

TEST(PersonalData, OtherNumbersAndNamesAreNone) {
  const std::string hex = "4532015112830366a1b2c3d4e5f60718293a4b5c6d7e8f90";
  for (const std::string& text : std::vector<std::string>{"version 1.2.3.4",
                                                          "v1.2.3.4",
                                                          "Chrome/120.0.0.0 Safari/537.36",
                                                          "release: 10.0.19041.1",
                                                          "RFC 5321, 4.2.3.1",
                                                          "section 3.2.2.3",
                                                          "1.2.3.4.5",
                                                          "2.4.18",
                                                          "127.0.0.1",
                                                          "0.0.0.0",
                                                          "255.255.255.0",
                                                          "256.1.1.1",
                                                          "lodash@4.17.21",
                                                          "pkg@1.0.0-rc.beta",
                                                          "icon@2x.png",
                                                          "git@github.com:a/b.git",
                                                          "@angular/core",
                                                          "user@localhost",
                                                          "https://u@example.org/",
                                                          "550e8400-e29b-41d4-a716-446655440000",
                                                          "urn:uuid:4111-1111-1111-1111-ffff",
                                                          hex,
                                                          "sha256:" + hex,
                                                          "1234567890123456",
                                                          "4111111111111112",
                                                          "0.4111111111111111",
                                                          "3.14159265358979323846",
                                                          "41111111111111111111",
                                                          std::string(64, '4'),
                                                          "2147483647",
                                                          "+2147483647",
                                                          "-2147483648",
                                                          "0x4111111111111111",
                                                          "1700000000000",
                                                          "2024-01-02",
                                                          "2024-01-02T12:34:56Z",
                                                          "12:34:56",
                                                          "10:20:30:40",
                                                          "00:1b:44:11:3a:b7",
                                                          "std::vector",
                                                          "dead::beef",
                                                          "a::b::c1",
                                                          "DE89 3704 0044 0532 0130 01",
                                                          "ZZ89 3704 0044 0532 0130 00",
                                                          "SHA256 2004 1010 0505",
                                                          "000-12-3456",
                                                          "666-12-3456",
                                                          "900-12-3456",
                                                          "123-00-4567",
                                                          "123-45-0000",
                                                          "1123-45-6789",
                                                          "123-45-67890",
                                                          "86095742719",
                                                          "943 476 5919",
                                                          "2341 2341 2346",
                                                          "111222333",
                                                          "030 901820",
                                                          "hotel 030 901820",
                                                          "12345678A",
                                                          "RSSMRA85T10A562T",
                                                          "529.982.247-26",
                                                          "11010519491331002X",
                                                          "+1 111 111 1111",
                                                          "(123) 456-7890",
                                                          "lines 100-200-3000",
                                                          "for (i = 0; i < 4111; i++)",
                                                          "a[4111] = 1111; b = 1111 + 1111;",
                                                          "constexpr uint64_t kPrime = 1099511628211u;",
                                                          "0123456789",
                                                          "1.5e+10 +0000"}) {
    EXPECT_EQ(found_in(text), std::vector<std::string>()) << text;
  }
}

TEST(PersonalData, VersionsDatesAndFingerprintsAreNone) {
  for (const std::string text :
       {"+2020-01-01", "call from 20190706 changes", "(1:14~++20220202101403+91632c8ac97f-1~exp1)",
        "1:14~+20191229111838", "1:1:1:1:1:1:1:1:1:1:1", "CA:92:52:51:B4:91:3B:34:DD:9C:0B:FB:76:19:7E:3B:F1",
        "(>= 2.0.3.4)", "Revision 1.3.4.1", "4111\u00a01111\u00a01111\u00a01112"})
    EXPECT_EQ(found_in(text), std::vector<std::string>()) << text;
}

TEST(PersonalData, ACardIsNoPartOfARowOfNumbers) {
  for (const char* text : {"4553 4584 4615 4646 4677 4708 4740 4771", "4111 1111 1111 1111 4584 4615",
                           "4584 4615 4111 1111 1111 1111", "4615 4111 1111 1111 1111 4584"})
    EXPECT_EQ(found_in(text), std::vector<std::string>()) << text;
  for (const char* text :
       {"4111 1111 1111 1111 1227 123", "in 2024 4111 1111 1111 1111", "4111 1111 1111 1111"})
    EXPECT_EQ(found_in(text), std::vector<std::string>{"payment-card:4111 1111 1111 1111"}) << text;
}

TEST(PersonalData, AnAddressStandsBesideColonsThatAreNotItsOwn) {
  for (const char* text : {"ip:2001:db8::8a2e:370:7334", "2001:db8::8a2e:370:7334: unreachable",
                           "[2001:db8::8a2e:370:7334]:443", "src:2001:db8::8a2e:370:7334,"})
    EXPECT_EQ(found_in(text), std::vector<std::string>{"ipv6-address:2001:db8::8a2e:370:7334"}) << text;
}

TEST(PersonalData, IsLookedForWhenAskedTo) {
  const std::string text = "jane@example.org pays with 4111 1111 1111 1111";
  EXPECT_TRUE(scan({nullptr, built_in_rules()}, text).empty());
  const RuleChoice cards = {.credentials = false, .personal = {"card"}};
  EXPECT_EQ(redact({nullptr, built_in_rules(system_random(), cards)}, text),
            "jane@example.org pays with [redacted:payment-card]");
  EXPECT_EQ(rule_ids(*built_in_rules(system_random(), cards)), std::vector<std::string>{"payment-card"});
  EXPECT_EQ(redact(screen(), text), "[redacted:email] pays with [redacted:payment-card]");
}

TEST(PersonalData, ASignalLeavesTheTextAsItIs) {
  const std::string text = "jane@example.org has https://jane:hunter2hunter2@example.org/";
  std::vector<Finding> found;
  const Screen personal{
      nullptr, built_in_rules(system_random(),
                              {.credentials = false, .personal = {"email"}, .personal_signals = true})};
  EXPECT_EQ(redacted(personal, text, &found), std::nullopt);
  EXPECT_EQ(redact(personal, text), text);
  ASSERT_GE(found.size(), 1U);
  EXPECT_TRUE(found[0].signal);
  EXPECT_NE(findings_json(found).find(R"("signal":true)"), std::string::npos);
}

TEST(PersonalData, ABundleMayAddAForm) {
  const auto rules = compile_rules(
      R"({"format":1,"revision":2,"rules":[{"id":"badge","kind":"form","personal":"badge","begins":["B-9"],"over":"9B-",)"
      R"("match":"B-[0-9]{5}","least":7,"span":16}]})",
      system_random(), {.personal = {"badge"}});
  ASSERT_TRUE(rules.ok()) << rules.status().message();
  EXPECT_EQ(redact({nullptr, *rules}, "badge B-12345, not B-123456"), "badge [redacted:badge], not B-123456");
  for (const char* wrong :
       {R"({"id":"x","kind":"form","begins":["9"],"over":"9","match":"9"})",
        R"({"id":"x","kind":"form","personal":"x","match":"9"})",
        R"({"id":"x","kind":"form","personal":"x","begins":["9"],"match":"9"})",
        R"({"id":"x","kind":"form","personal":"X","begins":["9"],"over":"9","match":"9"})",
        R"({"id":"x","kind":"form","personal":"x","begins":["9"],"around_at":true,"over":"9","match":"9"})",
        R"({"id":"x","kind":"token","personal":"x","words":["abc"],"match":"abc"})"}) {
    const auto refused = compile_rules(format(R"({{"format":1,"revision":2,"rules":[{}]}})", wrong));
    EXPECT_EQ(refused.status().reason(), "invalid_rules") << wrong;
  }
}

TEST(PersonalData, ChecksumsReadNoFurtherThanTheirNumber) {
  EXPECT_EQ(checked_length(Checksum::kIban, "DE89 3704 0044 0532 0130 00 EUR"), 27U);
  EXPECT_EQ(checked_length(Checksum::kCard, "4111 1111 1111 1111 12"), 19U);
  for (const Checksum checksum :
       {Checksum::kE164, Checksum::kIban, Checksum::kCard, Checksum::kIpv4, Checksum::kIpv6, Checksum::kBsn,
        Checksum::kCodiceFiscale, Checksum::kCpf, Checksum::kDni, Checksum::kMod11x10, Checksum::kMod11x2,
        Checksum::kNhs, Checksum::kNir, Checksum::kVerhoeff})
    for (const std::string& text : std::vector<std::string>{"", "-", "ABCDEFGHIJKLMNOP", "ZZZZZZZZZZZZZZZZZZ",
                                                            std::string(200, '9'), "9Z9Z9Z9Z9"})
      EXPECT_LE(checked_length(checksum, text), text.size());
}

std::string drawn_text() {
  std::string text;
  const auto parts = *rc::gen::inRange(0, 10);
  for (int i = 0; i < parts; ++i) {
    const Sample& sample = kSamples[*rc::gen::inRange<size_t>(0, std::size(kSamples))];
    const std::string value = std::string(sample.before) + sample.value;
    switch (*rc::gen::inRange(0, 4)) {
      case 0: text += value; break;
      case 1: text += value.substr(0, *rc::gen::inRange<size_t>(0, value.size())); break;
      case 2:
        text += *rc::gen::element<std::string>(" ", ", ", ".", "-", "@", "\n", "x", "1", " the phone of ",
                                               "\u00e9");
        break;
      default: text += *rc::gen::container<std::string>(rc::gen::elementOf(std::string("019aAfX+@.:-/ ()")));
    }
  }
  return text;
}

RC_GTEST_PROP(PersonalData, AStreamFindsWhatTheWholeHolds, ()) {
  const Screen& what = screen(*rc::gen::arbitrary<bool>());
  const std::string text = drawn_text();
  RC_LOG() << text << "\n";
  std::vector<Finding> whole;
  const std::string redacted = redact(what, text, &whole);
  RC_ASSERT(findings_json(scan(what, text)) == findings_json(whole));
  Redactor redactor(what);
  std::vector<Finding> found;
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t size = std::min(text.size() - at, *rc::gen::inRange<size_t>(1, 24));
    redactor.feed(text.substr(at, size), out, &found);
    at += size;
  }
  redactor.finish(out, &found);
  RC_ASSERT(findings_json(found) == findings_json(whole));
  RC_ASSERT(out == redacted);
}

}  // namespace
}  // namespace tau::safety
