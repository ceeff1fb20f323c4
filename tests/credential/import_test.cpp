// Credential files of Tau, the program before: the vectors of its formats, and files that are partly bad.
#include "credential/fixture.h"

namespace tau::credential {
namespace {

// Built here, so that no text of this file looks like a credential.
std::string phrase() { return std::string("credential-") + "store-" + "passphrase"; }

constexpr std::string_view kV1 =
    "enc:v1:BwcHBwcHBwcHBwcHBwcHB9X+CQa093sGK8bMVmK5lWN2I7GR4J3ax4jIHyr1j73NZ4IvRE7B++CE3uvI1Q==";
constexpr std::string_view kV2 = "enc:v2:BQUFBQUFBQUFBQUFrr24vTQ0mXIdSsHi63Xs8nntEeUfy8ISPfxRLBfPpcc=";
// Salt 16 bytes 3, nonce 12 bytes 4; made with OpenSSL, which shares no code with what reads it.
constexpr std::string_view kV3 =
    "enc:v3:AwMDAwMDAwMDAwMDAwMDAwQEBAQEBAQEBAQEBORdS+BiMGYy6MuKn6oHLLqXsgTcsQrcRThDZrBXYKHs";

std::string text_of(const Secret& secret) {
  return secret.reveal([](std::string_view text) { return std::string(text); });
}

TEST(Envelope, OpensEachVersionOfTheFormat) {
  EXPECT_EQ(text_of(*open_envelope(kV1, Secret(phrase()))), "legacy-secret");
  EXPECT_EQ(text_of(*open_envelope(kV2, Secret(phrase()))), "legacy-v2-secret");
  EXPECT_EQ(text_of(*open_envelope(kV3, Secret(phrase()))), "legacy-v3-secret");
  EXPECT_EQ(text_of(*open_envelope(kV2, Secret("  " + phrase() + "\n"))), "legacy-v2-secret");
}

TEST(Envelope, RefusesAnotherPassphraseAndDamage) {
  for (const std::string_view envelope : {kV1, kV2, kV3}) {
    EXPECT_EQ(open_envelope(envelope, Secret("another passphrase")).status().reason(), "not_authentic");
    const std::string bytes = *crypto::base64_decode(envelope.substr(7));
    const auto open = [&](const std::string& payload) {
      return open_envelope(std::string(envelope.substr(0, 7)) + crypto::base64_encode(payload),
                           Secret(phrase()));
    };
    EXPECT_TRUE(open(bytes).ok());
    for (size_t i = 0; i < bytes.size(); i += envelope == kV3 ? 7 : 1) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ 1);
      EXPECT_EQ(open(flipped).status().reason(), "not_authentic") << envelope.substr(0, 7) << " byte " << i;
    }
    for (size_t size = 0; size < bytes.size(); size += 9) EXPECT_FALSE(open(bytes.substr(0, size)).ok());
    EXPECT_EQ(open_envelope(std::string(envelope) + "!", Secret(phrase())).status().reason(),
              "invalid_base64");
  }
  EXPECT_EQ(open_envelope("enc:v4:AAAA", Secret(phrase())).status().reason(), "not_an_envelope");
  EXPECT_EQ(open_envelope("", Secret(phrase())).status().reason(), "not_an_envelope");
}

std::string sample_file() {
  return format(R"({{"schema_version": 1, "encryption": "keyed", "providers": {{
    "openai": {{"auth_method": "api_key", "access_token": "{}", "refresh_token": null, "expires_unix": 1800000000, "revoked": false}},
    "anthropic": {{"auth_method": "oauth_token", "access_token": "enc:v2:AAAA", "refresh_token": "{}", "revoked": false}},
    "google": {{"auth_method": "api_key", "access_token": "{}", "revoked": true}}}},
  "integrations": {{"github": {{"secret": "{}", "revoked": false, "updated_unix": 1}},
    "plain": {{"secret": " not encrypted "}}, "Bad Name": {{"secret": "x"}}, "empty": {{"revoked": false}}}}}})",
                kV1, kV2, kV2, kV3);
}

using ImportTest = VaultFixture;

TEST_F(ImportTest, OneBadEntryHidesNoOther) {
  const auto vault = create();
  dir_.write("credentials.json", sample_file());
  const auto origin_of = [](std::string_view id) {
    return id == "provider/openai" ? std::string(kOrigin) : std::string();
  };
  const auto report = import_credentials(*vault, dir_.file("credentials.json"), Secret(phrase()), origin_of);
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  const std::vector<std::string> imported = {"secret://provider/openai#access_token",
                                             "secret://provider/anthropic#refresh_token",
                                             "secret://integration/github", "secret://integration/plain"};
  EXPECT_EQ(report->imported, imported);
  std::vector<std::string> skipped;
  for (const auto& entry : report->skipped) {
    skipped.push_back(entry.name + " " + entry.reason);
    EXPECT_EQ(entry.message.find("AAAA"), std::string::npos);
  }
  const std::vector<std::string> expected = {
      "provider/anthropic#access_token not_authentic", "provider/google secret_revoked",
      "integration/Bad Name#value invalid_secret_name", "integration/empty empty_secret"};
  EXPECT_EQ(skipped, expected);
  EXPECT_EQ(text_of(*vault->get({"provider/openai", "access_token"}, kOrigin)), "legacy-secret");
  EXPECT_EQ(text_of(*vault->get({"provider/anthropic", "refresh_token"}, "")), "legacy-v2-secret");
  EXPECT_EQ(read(*vault, "integration/github", ""), "legacy-v3-secret");
  EXPECT_EQ(read(*vault, "integration/plain", ""), "not encrypted");
  for (const SecretInfo& info : vault->list())
    if (info.name.id == "provider/openai") { EXPECT_EQ(info.expires_ms, 1'800'000'000'000); }
  EXPECT_EQ(vault->epoch(), 2u) << "one write";
}

TEST_F(ImportTest, ImportingTwiceOverwritesNothing) {
  const auto vault = create();
  ASSERT_TRUE(put(*vault, "integration/github", "newer", "").ok());
  dir_.write("credentials.json", sample_file());
  const auto report = import_credentials(*vault, dir_.file("credentials.json"), Secret(phrase()), nullptr);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->imported.size(), 3u);
  EXPECT_EQ(report->skipped.back().reason, "secret_exists");
  EXPECT_EQ(read(*vault, "integration/github", ""), "newer");
  EXPECT_TRUE(
      import_credentials(*vault, dir_.file("credentials.json"), Secret(phrase()), nullptr)->imported.empty());
}

TEST_F(ImportTest, AFileThatIsNoneIsRefusedWithoutRepeatingIt) {
  for (const std::string text :
       {"", "hunter2", "[]", "{}", R"({"schema_version": 2})", R"({"schema_version": 1, "providers": 7})",
        R"({"schema_version": 1, "providers": {"a": {"access_token": "hunter2)"}) {
    const auto file = read_credential_file(text, Secret(phrase()), nullptr);
    EXPECT_EQ(file.status().reason(), "not_a_credential_file") << text;
    EXPECT_EQ(file.status().message().find("hunter2"), std::string::npos);
  }
}

}  // namespace
}  // namespace tau::credential
