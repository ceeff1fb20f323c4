#include "credential/import.h"

#include <algorithm>
#include <array>
#include <set>

#include "crypto/crypto.h"
#include "json/json.h"
#include "os/os.h"

namespace tau::credential {
namespace {

constexpr uint64_t kMaxImportBytes = 16 << 20;
constexpr std::string_view kContextV1 = "tau-credential-store-legacy-v1";
constexpr std::string_view kContextV2 = "tau-credential-store-v2";
constexpr std::string_view kContextV3 = "tau-credential-store-v3";
constexpr crypto::PasswordCost kCostV3 = {19 * 1024, 2};
constexpr size_t kNonceBytes = 12;
constexpr size_t kSaltV3Bytes = 16;

std::string_view trim(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view text_of(const crypto::Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Secret hash_passphrase(const Secret& passphrase) {
  crypto::Digest digest = passphrase.reveal([](std::string_view text) { return crypto::sha256(trim(text)); });
  Secret key(text_of(digest));
  secure_wipe(digest.data(), digest.size());
  return key;
}

Status not_authentic() {
  return data_loss("not_authentic", "the secret does not open: another passphrase, or damage");
}

// SHA-256 over pieces that include a key: the joined text is wiped.
crypto::Digest hash_with_key(const Secret& key, std::string_view rest) {
  const Secret joined = Secret::generate(key.size() + rest.size(), [&](std::span<char> to) {
    key.reveal([&](std::string_view bytes) { std::copy(bytes.begin(), bytes.end(), to.begin()); });
    std::copy(rest.begin(), rest.end(), to.begin() + static_cast<std::ptrdiff_t>(key.size()));
  });
  return joined.reveal([](std::string_view bytes) { return crypto::sha256(bytes); });
}

// A stream of SHA-256 (key, nonce, counter) and a tag of SHA-256 (key, nonce, ciphertext, context).
StatusOr<Secret> open_v1(std::string_view payload, const Secret& passphrase) {
  constexpr size_t kNonce = 16;
  constexpr size_t kTag = 32;
  if (payload.size() <= kNonce + kTag) return not_authentic();
  const std::string nonce(payload.substr(0, kNonce));
  const std::string_view tag = payload.substr(kNonce, kTag);
  const std::string_view body = payload.substr(kNonce + kTag);
  const Secret key = hash_passphrase(passphrase);
  const crypto::Digest expected = hash_with_key(key, nonce + std::string(body) + std::string(kContextV1));
  if (!constant_time_equal(text_of(expected), tag)) return not_authentic();
  return Secret::generate(body.size(), [&](std::span<char> to) {
    crypto::Digest pad = {};
    for (size_t i = 0; i < to.size(); ++i) {
      if (i % pad.size() == 0) {
        std::array<char, 8> counter;
        for (size_t b = 0; b < counter.size(); ++b)
          counter[b] = static_cast<char>(static_cast<uint64_t>(i / pad.size()) >> (8 * b));
        pad = hash_with_key(key, nonce + std::string(counter.data(), counter.size()));
      }
      to[i] = static_cast<char>(static_cast<uint8_t>(body[i]) ^ pad[i % pad.size()]);
    }
    secure_wipe(pad.data(), pad.size());
  });
}

StatusOr<Secret> open_gcm(std::string_view payload, const Secret& key, std::string_view context) {
  if (payload.size() <= kNonceBytes + crypto::kAeadTagBytes) return not_authentic();
  auto value =
      crypto::aes_gcm_open(key, payload.substr(0, kNonceBytes), context, payload.substr(kNonceBytes));
  return value.ok() ? std::move(value) : not_authentic();
}

StatusOr<Secret> open_v3(std::string_view payload, const Secret& passphrase) {
  if (payload.size() < kSaltV3Bytes) return not_authentic();
  const Secret trimmed = passphrase.reveal([](std::string_view text) { return Secret(trim(text)); });
  TAU_ASSIGN_OR_RETURN(const Secret key,
                       crypto::argon2id(trimmed, payload.substr(0, kSaltV3Bytes), kCostV3, kKeyBytes));
  return open_gcm(payload.substr(kSaltV3Bytes), key, kContextV3);
}

StatusOr<Secret> trimmed_secret(const Secret& value) {
  Secret trimmed = value.reveal([](std::string_view text) { return Secret(trim(text)); });
  if (trimmed.empty()) return invalid_argument("empty_secret", "the secret is empty");
  return trimmed;
}

// What a file tells of one provider or integration.
struct Entry {
  std::array<Secret, 2> values;  // as in the file
  int64_t expires_ms = 0;
  bool revoked = false;
};

struct Kind {
  std::string_view prefix;                  // of the id in the vault
  std::array<std::string_view, 2> members;  // that hold secrets
  std::array<std::string_view, 2> fields;   // in the vault
};
constexpr Kind kProvider = {
    "provider/", {"access_token", "refresh_token"}, {"access_token", "refresh_token"}};
constexpr Kind kIntegration = {"integration/", {"secret", ""}, {"value", ""}};

class FileReader {
 public:
  FileReader(const Secret& passphrase, const OriginOf& origin_of)
      : passphrase_(passphrase), origin_of_(origin_of) {}

  StatusOr<ImportedFile> read(std::string_view text) {
    int64_t version = 0;
    std::string_view key;
    if (reader_.load(text) && reader_.enter_object()) {
      while (reader_.next_key(key)) {
        if (key == "schema_version") {
          reader_.integer(version);
        } else if (key == "providers") {
          read_entries(kProvider);
        } else if (key == "integrations") {
          read_entries(kIntegration);
        } else {
          reader_.skip();
        }
      }
    }
    // The message of the reader may quote the text, and the text may hold secrets.
    if (!reader_.status().ok() || version != 1)
      return invalid_argument("not_a_credential_file",
                              "expected a credential file of Tau with schema_version 1");
    return std::move(out_);
  }

 private:
  void read_entries(const Kind& kind) {
    std::string_view name;
    if (!reader_.enter_object()) return;
    while (reader_.next_key(name)) {
      const std::string id = std::string(kind.prefix) + std::string(name);
      const Entry entry = read_entry(kind);
      if (!reader_.status().ok()) return;
      take(kind, id, entry);
    }
  }

  Entry read_entry(const Kind& kind) {
    Entry entry;
    std::string_view key, text;
    if (!reader_.enter_object()) return entry;
    while (reader_.next_key(key)) {
      const auto member = std::find(kind.members.begin(), kind.members.end(), key);
      if (reader_.null()) continue;
      if (member != kind.members.end()) {
        if (reader_.string(text))
          entry.values[static_cast<size_t>(member - kind.members.begin())] = Secret(text);
      } else if (key == "revoked") {
        reader_.boolean(entry.revoked);
      } else if (key == "expires_unix") {
        if (reader_.integer(entry.expires_ms))
          entry.expires_ms = std::clamp<int64_t>(entry.expires_ms, 0, INT64_MAX / 1000) * 1000;
      } else {
        reader_.skip();
      }
    }
    return entry;
  }

  void take(const Kind& kind, const std::string& id, const Entry& entry) {
    if (entry.revoked) {
      out_.skipped.push_back({id, "secret_revoked", "it is revoked"});
      return;
    }
    bool any = false;
    for (size_t i = 0; i < entry.values.size(); ++i) {
      if (entry.values[i].empty()) continue;
      any = true;
      // A refresh token outlives the access token whose time is given.
      take_value({id, std::string(kind.fields[i])}, entry.values[i], i == 0 ? entry.expires_ms : 0);
    }
    if (!any) out_.skipped.push_back({id, "empty_secret", "it holds no secret"});
  }

  void take_value(const SecretName& name, const Secret& stored, int64_t expires_ms) {
    Status status = check_name(name);
    auto value = stored.reveal([&](std::string_view text) -> StatusOr<Secret> {
      return text.substr(0, 4) == "enc:" ? open_envelope(text, passphrase_) : trimmed_secret(stored);
    });
    if (status.ok()) status = value.status();
    if (!status.ok()) {
      out_.skipped.push_back(
          {name.id + "#" + name.field, std::string(status.reason()), std::string(status.message())});
      return;
    }
    out_.secrets.push_back(
        {name, *std::move(value), origin_of_ ? origin_of_(name.id) : std::string(), expires_ms});
  }

  const Secret& passphrase_;
  const OriginOf& origin_of_;
  json::Reader reader_;
  ImportedFile out_;
};

}  // namespace

StatusOr<Secret> open_envelope(std::string_view envelope, const Secret& passphrase) {
  const std::string_view tag = envelope.substr(0, std::min<size_t>(envelope.size(), 7));
  if (tag != "enc:v1:" && tag != "enc:v2:" && tag != "enc:v3:")
    return invalid_argument("not_an_envelope", "expected enc:v1:, enc:v2: or enc:v3: and base 64");
  TAU_ASSIGN_OR_RETURN(const std::string payload, crypto::base64_decode(envelope.substr(tag.size())));
  StatusOr<Secret> value = tag == "enc:v1:"   ? open_v1(payload, passphrase)
                           : tag == "enc:v2:" ? open_gcm(payload, hash_passphrase(passphrase), kContextV2)
                                              : open_v3(payload, passphrase);
  if (!value.ok()) return value;
  return trimmed_secret(*value);
}

StatusOr<ImportedFile> read_credential_file(std::string_view json, const Secret& passphrase,
                                            const OriginOf& origin_of) {
  return FileReader(passphrase, origin_of).read(json);
}

StatusOr<ImportReport> import_credentials(Vault& vault, std::string_view path, const Secret& passphrase,
                                          const OriginOf& origin_of) {
  // Those files were written with the umask's mode, so only their content is looked at.
  TAU_ASSIGN_OR_RETURN(std::string text, os::read_file(path, kMaxImportBytes));
  auto file = read_credential_file(text, passphrase, origin_of);
  secure_wipe(text.data(), text.size());
  TAU_RETURN_IF_ERROR(file.status());
  TAU_RETURN_IF_ERROR(vault.refresh());
  std::set<SecretName> known;
  for (const SecretInfo& info : vault.list()) known.insert(info.name);
  ImportReport report{{}, std::move(file->skipped)};
  std::vector<NewSecret> wanted;
  for (NewSecret& secret : file->secrets) {
    const std::string name = to_reference(secret.name);
    if (known.contains(secret.name)) {
      report.skipped.push_back({name, "secret_exists", "the vault holds a secret of this name"});
    } else {
      report.imported.push_back(name);
      wanted.push_back(std::move(secret));
    }
  }
  if (!wanted.empty()) TAU_RETURN_IF_ERROR(vault.put(wanted));
  return report;
}

}  // namespace tau::credential
