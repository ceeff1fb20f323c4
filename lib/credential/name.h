// The name of a secret, and the reference by which everything but the vault speaks of it.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/base.h"

namespace tau::credential {

// "secret://provider/openai#access_token" names the field "access_token" of "provider/openai"; without a
// field it is "value". Ids and fields are of letters, digits and ".", "_", "-", ids of several parts with "/"
// between.
struct SecretName {
  std::string id;
  std::string field = "value";

  auto operator<=>(const SecretName&) const = default;
};

inline constexpr size_t kMaxNameBytes = 200;  // of an id, and of a field

// INVALID_ARGUMENT "invalid_secret_name".
Status check_name(const SecretName& name);

bool is_reference(std::string_view text);
// INVALID_ARGUMENT "invalid_secret_name" for anything else than a reference.
StatusOr<SecretName> parse_reference(std::string_view text);
std::string to_reference(const SecretName& name);

}  // namespace tau::credential
