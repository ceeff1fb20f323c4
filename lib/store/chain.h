// The hash chain of a run's journal, in binary. Both stores and the verifier use these, so that one run has
// one chain wherever it is kept.
#pragma once

#include <string>
#include <string_view>

#include "crypto/crypto.h"
#include "store/store.h"

namespace tau::store {

using crypto::Digest;

inline std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// False when `bytes` has another length than a digest.
bool to_digest(std::string_view bytes, Digest* out);

// An effects digest as stored: 32 bytes when the text is the hex of a digest, else the text itself.
struct EffectsDigest {
  Digest binary{};
  bool is_binary = false;
  std::string_view text;  // of the original

  explicit EffectsDigest(std::string_view hex);
  std::string_view stored() const { return is_binary ? view(binary) : text; }
};

// The link after `previous` (all zero before the first row). Covers everything of `row` but its run and its
// body, for which the digest stands.
Digest next_link(const Digest& previous, const JournalRow& row, const Digest& body,
                 const EffectsDigest& effects);

}  // namespace tau::store
