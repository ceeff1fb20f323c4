// Credential files of Tau: whatever they hold, what is read has a good name and a value, and no message
// repeats the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "credential/credential.h"

namespace {

void require(bool law) {
  if (!law) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // Each of these envelopes costs an Argon2id: the search would hardly move.
  if (text.find("enc:v3:") != text.npos) return 0;
  const auto file =
      tau::credential::read_credential_file(text, tau::Secret("a passphrase of some length"), nullptr);
  if (!file.ok()) {
    require(file.status().reason() == "not_a_credential_file");
    return 0;
  }
  for (const auto& secret : file->secrets)
    require(tau::credential::check_name(secret.name).ok() && !secret.value.empty() && secret.expires_ms >= 0);
  for (const auto& skipped : file->skipped) require(!skipped.reason.empty());
  return 0;
}
