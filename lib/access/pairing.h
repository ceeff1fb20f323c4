// Who may talk to an agent over a channel: a list of actors, and codes that put one on it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/base.h"

namespace tau::access {

// Channels are names like "telegram:4711"; "telegram" stands for all of a family and "*" for all.
struct Caller {
  std::string channel;
  std::string actor;
  std::string proven_did;  // by a proof or an envelope; empty: none
};

struct Admission {
  bool allowed = false;
  // "allow_listed"; "deny_not_listed", "deny_expired", "deny_actor_missing" or "deny_actor_unproven".
  std::string_view reason;
};

// Names are compared as they are: no case is folded and no part left out. One thread at a time.
class Allowlist {
 public:
  static constexpr size_t kMaxEntries = 65536;
  static constexpr size_t kMaxNameBytes = 512;

  // The actor "*" is everyone on that channel. `until_ms`: 0 for no end. Replaces an entry of the same names.
  // Entries that are over go when room is needed.
  // INVALID_ARGUMENT "invalid_name" or "invalid_expiry", RESOURCE_EXHAUSTED "allowlist_full".
  Status add(std::string_view channel, std::string_view actor, int64_t until_ms, int64_t now_ms);
  bool remove(std::string_view channel, std::string_view actor);

  // An actor that is a DID must be the one that was proven.
  Admission check(const Caller& caller, int64_t now_ms) const;

  size_t size() const { return entries_.size(); }
  // {"entries": [{"actor", "channel", "until_ms"}], "schema_version": 1}; INVALID_ARGUMENT
  // "invalid_allowlist".
  std::string to_json() const;
  static StatusOr<Allowlist> parse(std::string_view text);

 private:
  std::map<std::pair<std::string, std::string>, int64_t> entries_;
};

// Codes that live short, serve once, and are good for the one actor on the one channel that they were made
// for. Kept in memory only: a restart forgets them. Any thread, if Random is.
class PairingDesk {
 public:
  struct Options {
    int64_t lifetime_ms = 600'000;
    int attempts = 5;
    size_t capacity = 1024;
  };

  // `random` outlives the desk. FAILED_PRECONDITION "no_random", INVALID_ARGUMENT "invalid_options".
  static StatusOr<std::unique_ptr<PairingDesk>> create(Options options, Random* random);

  // Eight characters of Crockford's base 32, "7K2M-Q9XZ": 40 bits. FAILED_PRECONDITION "pairing_pending"
  // while one is out or was guessed at too often: a second one would double the guesses. INVALID_ARGUMENT
  // "invalid_name", RESOURCE_EXHAUSTED "pairing_full".
  StatusOr<std::string> issue(std::string_view channel, std::string_view actor, int64_t now_ms);

  // OK once. Case, blanks and hyphens do not matter; O is 0, I and L are 1. UNAUTHENTICATED
  // "pairing_unknown", "pairing_expired", "pairing_locked" or "wrong_code".
  Status redeem(std::string_view channel, std::string_view actor, std::string_view code, int64_t now_ms);

  bool cancel(std::string_view channel, std::string_view actor);
  size_t size() const;

 private:
  struct Pending {
    std::string tag;
    int64_t expires_ms = 0;
    int attempts_left = 0;
  };
  PairingDesk(Options options, Random& random, Secret mac_key);
  std::string tag(std::string_view channel, std::string_view actor, std::string_view code) const;

  const Options options_;
  Random& random_;
  const Secret mac_key_;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Pending> pending_;
};

}  // namespace tau::access
