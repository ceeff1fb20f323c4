// What an audit record says. Metadata alone: who, what, which verdict, how much; never an argument or an
// output. The tables below are the whole schema: a record has no place for anything that has no row here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/base.h"
#include "crypto/crypto.h"

namespace tau::observe {

inline constexpr int kRecordVersion = 1;

enum class Kind : uint8_t {
  kRunStarted,
  kRunEnded,
  kToolDecided,
  kToolFinished,
  kModelFinished,
  kApprovalAsked,
  kApprovalAnswered,
  kPolicyChanged,
  kConfigChanged,
  kVaultChanged,
  kNetworkDecided,  // a connection of a command
  kNetworkEnded,    // those of a command, all together
  kAccessDenied,
  kAccessChanged,
  kIdentityChanged,
  kMemoryChanged,  // memories were written, forgotten or erased: "action" says how
  kMemoryRead,     // memories went into a prompt or a file
  kHostNoted,      // a program's own: "action" says what
  // Written by the log itself; it takes them from nobody.
  kLogBegun,
  kLogRepaired,
  kLogCut,
  kLogLost,
  kCount
};

enum class Text : uint8_t {
  kAgent,
  kPrincipal,
  kSession,
  kRun,
  kCall,
  kTool,
  kAction,    // of a change: "put", "rotate", "set"
  kTarget,    // what a change is about: a key of the configuration, the reference of a secret
  kDecision,  // "allow", "ask", "deny"
  kOutcome,   // "ok", "error", "throttled", "cancelled"
  kReason,    // a stable code
  kProvider,
  kModel,
  kIntegrity,  // Labels::integrity()
  kReaders,    // Labels::readers()
  kCount
};

enum class Number : uint8_t {
  kPolicyEpoch,
  kDurationMs,
  kArgumentBytes,
  kResultBytes,
  kInputTokens,
  kOutputTokens,
  kCostUsdMicros,
  kRetryAfterMs,
  kSentBytes,  // over a network
  kReceivedBytes,
  kCount_,    // "count": files, bytes or records, as the kind says
  kFirstSeq,  // of a cut: the first record that remains
  kCount
};

// BLAKE2b-256 of what was not written down. A text that few could have been is found by trying: give none
// for those.
enum class Hash : uint8_t { kArguments, kResult, kCount };

constexpr bool is_of_log(Kind kind) { return kind >= Kind::kLogBegun; }
std::string_view kind_name(Kind kind);
std::string_view text_name(Text text);
std::string_view number_name(Number number);
std::string_view hash_name(Hash hash);

// A record to be written. Holds views: what they show lives until append() or submit() returns.
class Record {
 public:
  explicit Record(Kind kind) : kind_(kind) {}
  Record& set(Text field, std::string_view text) {
    texts_[static_cast<size_t>(field)] = text;
    return *this;
  }
  Record& set(Number field, int64_t number) {
    numbers_[static_cast<size_t>(field)] = number;
    given_ |= 1u << static_cast<unsigned>(field);
    return *this;
  }
  Record& set(Hash field, const crypto::Digest& digest) {
    hashes_[static_cast<size_t>(field)] = digest;
    hashed_ |= 1u << static_cast<unsigned>(field);
    return *this;
  }

  // When it happened, by the wall clock; 0: when it is taken.
  Record& at(int64_t time_ms) {
    time_ms_ = time_ms;
    return *this;
  }

  Kind kind() const { return kind_; }
  int64_t time_ms() const { return time_ms_; }
  std::string_view text(Text field) const { return texts_[static_cast<size_t>(field)]; }
  int64_t number(Number field) const { return numbers_[static_cast<size_t>(field)]; }
  bool has(Number field) const { return (given_ >> static_cast<unsigned>(field) & 1u) != 0; }
  const crypto::Digest& hash(Hash field) const { return hashes_[static_cast<size_t>(field)]; }
  bool has(Hash field) const { return (hashed_ >> static_cast<unsigned>(field) & 1u) != 0; }

 private:
  friend class KeptRecord;
  Kind kind_;
  int64_t time_ms_ = 0;
  std::array<std::string_view, static_cast<size_t>(Text::kCount)> texts_{};
  std::array<int64_t, static_cast<size_t>(Number::kCount)> numbers_{};
  std::array<crypto::Digest, static_cast<size_t>(Hash::kCount)> hashes_{};
  uint32_t given_ = 0;
  uint32_t hashed_ = 0;
};

// Whether two records are of one kind and have the same texts.
bool same_texts(const Record& a, const Record& b);

// A record with texts of its own.
class KeptRecord {
 public:
  explicit KeptRecord(const Record& record);
  const Record& record() const { return record_; }
  void set_time(int64_t time_ms) { record_.at(time_ms); }
  void set(Number field, int64_t number) { record_.set(field, number); }
  size_t bytes() const { return sizeof *this + text_bytes_; }  // of memory

 private:
  Record record_;
  size_t text_bytes_ = 0;
  std::unique_ptr<char[]> texts_;  // what its views show; stays where it is when this moves
};

// Takes secrets out of a text. Called by several threads at once.
using Redact = std::function<std::string(std::string_view)>;

// A text longer than this is not written at all, only its size: to cut it first could cut a secret in two
// that is then no longer found.
inline constexpr size_t kMostInputBytes = 4096;
// What is left after redaction is cut to this, at a character's end.
inline constexpr size_t kMostTextBytes = 256;

// The members of a record from "time_ms" on, without what the chain adds: `"time_ms":1,"kind":"run.started"`.
// `now_ms`: of a record without a time.
std::string render(const Record& record, int64_t now_ms, const Redact& redact);

}  // namespace tau::observe
