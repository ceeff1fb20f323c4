// Digests that stand for several texts: equal only for equal texts in equal places, and for one purpose.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "crypto/crypto.h"

namespace tau::access {

// BLAKE2b of the domain and the parts, each behind its length (eight bytes, least significant first).
crypto::Digest digest_of(std::string_view domain, std::initializer_list<std::string_view> parts);
// The bytes that digest covers.
std::string bind(std::string_view domain, std::initializer_list<std::string_view> parts);

}  // namespace tau::access
