// The chain: how lines are sealed and checked, and what a head says. Pure functions over bytes.
//
// A line is `{"v":1,"seq":N,<members>,"prev":"<hash of the line before>","hash":"<hash>"}` and a line feed.
// The hash is BLAKE2b-256 over the exact bytes of the line before `,"hash"`, as 64 lower-case hexadecimal
// digits. docs/audit.md is the specification.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/base.h"
#include "observe/signer.h"

namespace tau::observe {

inline constexpr size_t kHashDigits = 64;
// Of a line, its line feed included. What can be written is shorter.
inline constexpr size_t kMostLineBytes = 64 * 1024;
// What the chain adds to the members of a record, at most.
inline constexpr size_t kMostSealBytes = 184;
inline constexpr size_t kMostHeadBytes = 4096;

// The last record of a chain; seq 0: there is none.
struct Link {
  uint64_t seq = 0;
  std::string hash = std::string(kHashDigits, '0');
  bool operator==(const Link&) const = default;
};

// Appends the line of a record (render()) to `out`, and moves `link` on to it.
void seal(std::string_view members, Link& link, std::string& out);

struct Line {
  uint64_t seq = 0;
  int64_t time_ms = 0;
  std::string_view prev;
  std::string_view hash;
};

// Why a line is no good by itself: "bad_form", "bad_hash", "unknown_version"; empty: it is good. `line` has
// no line feed.
std::string_view read_line(std::string_view line, Line& out);
// Why a good line does not follow: "bad_sequence" or "bad_link".
std::string_view check_follows(const Line& line, const Link& before);

// What is signed: both ends of the chain.
struct Head {
  uint64_t first_seq = 1;                                  // the first record that has to be there
  std::string first_prev = std::string(kHashDigits, '0');  // its "prev"
  Link last;
  int64_t time_ms = 0;
  std::string algorithm = "none";
  std::string key_id;
};

// The signed text: one line, with its line feed. Without a signer it says "none".
StatusOr<std::string> write_head_text(Head head, Signer* signer);
// DATA_LOSS "bad_head"; what `keys` says of its signature. Without keys no signature is looked at.
StatusOr<Head> read_head(std::string_view text, const HeadKeys* keys);

}  // namespace tau::observe
