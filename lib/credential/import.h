// Reads the credential files of Tau, the program before this library: JSON whose secrets are envelopes
// "enc:v1:", "enc:v2:" or "enc:v3:" under a passphrase, or plain text. Nothing is ever written in that form.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "credential/vault.h"

namespace tau::credential {

// INVALID_ARGUMENT "not_an_envelope", "invalid_base64"; DATA_LOSS "not_authentic": another passphrase, or
// damage, which those formats cannot tell apart; "empty_secret".
StatusOr<Secret> open_envelope(std::string_view envelope, const Secret& passphrase);

struct ImportedFile {
  struct Skipped {
    std::string name;  // as in the file
    std::string reason;
    std::string message;
  };
  std::vector<NewSecret> secrets;
  std::vector<Skipped> skipped;  // one bad entry hides no other
};

// Which origin may see the secret of that id; empty: none.
using OriginOf = std::function<std::string(std::string_view id)>;

// provider P's tokens become provider/P#access_token and #refresh_token, integration I's secret
// integration/I. INVALID_ARGUMENT "not_a_credential_file" when it is none as a whole.
StatusOr<ImportedFile> read_credential_file(std::string_view json, const Secret& passphrase,
                                            const OriginOf& origin_of);

// Reads the file and puts what the vault does not hold yet; what it holds is skipped as "secret_exists".
// The names of what was put, and what was skipped.
struct ImportReport {
  std::vector<std::string> imported;
  std::vector<ImportedFile::Skipped> skipped;
};
StatusOr<ImportReport> import_credentials(Vault& vault, std::string_view path, const Secret& passphrase,
                                          const OriginOf& origin_of);

}  // namespace tau::credential
