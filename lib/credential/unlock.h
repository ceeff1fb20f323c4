// What opens a vault: a passphrase, or a key of 32 bytes that a file, the environment, the keyring or the
// host holds. There is no other way: no key is ever made of what the machine is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/base.h"
#include "base/cpu_clock.h"
#include "credential/image.h"

namespace tau::credential {

struct Unlock {
  SlotKind kind = SlotKind::kPassphrase;
  std::string label;  // of the slot. Empty: every slot of the kind is tried; a new one is named for its kind
  Secret material;    // the passphrase, or the key
};

inline constexpr size_t kLeastPassphraseBytes = 12;

// INVALID_ARGUMENT "weak_passphrase" for one that is too short.
StatusOr<Unlock> passphrase_unlock(Secret passphrase, std::string label = {});

// A private file of 64 hexadecimal digits. INVALID_ARGUMENT "invalid_key" for another content.
StatusOr<Unlock> key_file_unlock(std::string_view path, std::string label = {});
// ALREADY_EXISTS "file_exists".
Status make_key_file(std::string_view path, Random& random);

// The environment, which no module reads by itself.
using EnvironmentLookup = std::function<std::optional<std::string>(std::string_view name)>;
// 64 hexadecimal digits in a variable. NOT_FOUND "variable_not_set".
StatusOr<Unlock> environment_unlock(std::string_view variable, const EnvironmentLookup& lookup,
                                    std::string label = {});

// A key of type "user" in the user keyring of the kernel, which lasts until the machine restarts.
// NOT_FOUND "no_such_key"; UNAVAILABLE "keyring_unavailable" where the system denies keyrings.
StatusOr<Unlock> keyring_unlock(std::string_view description, std::string label = {});
Status store_in_keyring(std::string_view description, const Secret& key);
Status remove_from_keyring(std::string_view description);

// A key of 32 bytes from the host: from a desktop's keyring, a key management service, hardware.
StatusOr<Unlock> callback_unlock(const std::function<StatusOr<Secret>()>& supply, std::string label = {});

// What Argon2id is to cost so that opening a vault takes about `target_ms` here, of 64 MiB where that is
// possible. Takes as long itself. By the processor's time: a busy machine must not make guessing cheap.
StatusOr<crypto::PasswordCost> calibrate_password_cost(int64_t target_ms = 300,
                                                       Clock& clock = thread_cpu_clock());

}  // namespace tau::credential
