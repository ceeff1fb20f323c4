// The kernel's user keyring (keyrings(7)), by system call: libc has no functions for it.
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "credential/unlock.h"

namespace tau::credential {
namespace {

constexpr const char* kType = "user";

Status keyring_error(int error, std::string_view description) {
  if (error == ENOKEY || error == EKEYEXPIRED || error == EKEYREVOKED)
    return not_found("no_such_key", format("the user keyring has no key \"{}\"", description));
  return unavailable("keyring_unavailable", format("the user keyring cannot be used for \"{}\": {}",
                                                   description, errno_status(error, "keyctl").message()));
}

long find_key(std::string_view description) {
  return syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, kType, std::string(description).c_str(),
                 0);
}

}  // namespace

StatusOr<Unlock> keyring_unlock(std::string_view description, std::string label) {
  const long id = find_key(description);
  if (id < 0) return keyring_error(errno, description);
  long size = -1;
  int error = 0;
  Secret key = Secret::generate(kKeyBytes, [&](std::span<char> to) {
    size = syscall(SYS_keyctl, KEYCTL_READ, id, to.data(), to.size());
    error = errno;
  });
  if (size < 0) return keyring_error(error, description);
  if (size != static_cast<long>(kKeyBytes))
    return invalid_argument("invalid_key", format("the key \"{}\" of the keyring must have {} bytes, not {}",
                                                  description, kKeyBytes, size));
  return Unlock{SlotKind::kKeyring, std::move(label), std::move(key)};
}

Status store_in_keyring(std::string_view description, const Secret& key) {
  if (key.size() != kKeyBytes)
    return invalid_argument("invalid_key", format("a key has {} bytes", kKeyBytes));
  const long id = key.reveal([&](std::string_view bytes) {
    return syscall(SYS_add_key, kType, std::string(description).c_str(), bytes.data(), bytes.size(),
                   KEY_SPEC_USER_KEYRING);
  });
  return id < 0 ? keyring_error(errno, description) : ok_status();
}

Status remove_from_keyring(std::string_view description) {
  const long id = find_key(description);
  if (id < 0) return errno == ENOKEY ? ok_status() : keyring_error(errno, description);
  if (syscall(SYS_keyctl, KEYCTL_UNLINK, id, KEY_SPEC_USER_KEYRING) < 0)
    return keyring_error(errno, description);
  return ok_status();
}

}  // namespace tau::credential
