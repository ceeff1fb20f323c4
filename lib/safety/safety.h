// The public face of safety: scanners that find secrets in text, whole or streamed, and take them out; rules
// of egress (safety/egress.h).
//
// Two layers. The exact layer finds every secret that was registered, in every encoding that text on its way
// out usually has, and nothing else: it may gate. The rule layer recognises credentials of others by their
// documented form: a strong signal, redacted by default. Findings never hold what was found.
//
// Snapshots (ExactSet, RuleSet) are immutable and shared by any number of threads; a Scanner or Redactor
// belongs to one stream of text.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "crypto/crypto.h"
#include "safety/egress.h"  // IWYU pragma: export

namespace tau::safety {

class ExactSet;  // snapshot of a SecretRegistry
class RuleSet;   // compiled rules
class Stream;

enum class Confidence : uint8_t {
  kLikely,   // the form of a credential, or a random value under a telling name
  kCertain,  // a registered secret, or a form whose checksum holds
};

// Where something stands that must not leave. It never holds the thing.
struct Finding {
  std::string rule;     // a rule's id, or kSecretRule
  std::string subject;  // the id of the registered secret, if one is, or is in, what was found
  uint64_t offset = 0;  // bytes from the beginning of the stream
  uint64_t length = 0;
  uint64_t fingerprint = 0;  // keyed for this process: equal for equal text, tells nothing about it
  Confidence confidence = Confidence::kLikely;
  bool signal = false;  // it stays where it stands: see RuleChoice
};

inline constexpr std::string_view kSecretRule = "registered-secret";
inline constexpr size_t kMinSecretBytes = 8;
inline constexpr size_t kMaxSecretBytes = 16 << 10;

// The secrets of this process, as keyed hashes of their encoded forms. Any thread.
class SecretRegistry {
 public:
  explicit SecretRegistry(Random& random = system_random());
  ~SecretRegistry();
  SecretRegistry(const SecretRegistry&) = delete;
  SecretRegistry& operator=(const SecretRegistry&) = delete;

  // Registers under `id` one secret more: the old and the rotated value may share an id. INVALID_ARGUMENT
  // "secret_too_short" (text of every kind would hold it by accident) or "secret_too_long".
  Status add(std::string_view id, const Secret& secret);
  // Forgets all secrets of `id`; returns how many there were.
  size_t remove(std::string_view id);
  // What is registered now. Later changes do not touch it.
  std::shared_ptr<const ExactSet> snapshot() const;
  bool empty() const;
  // Memory of the snapshot.
  size_t memory_bytes() const;

 private:
  ExactSet& own_copy();
  mutable std::mutex mutex_;
  std::shared_ptr<ExactSet> set_;
};

// Which rules of a set apply.
struct RuleChoice {
  bool credentials = true;            // of others
  std::vector<std::string> personal;  // classes of personal data, of personal_classes()
  bool personal_signals = false;      // what these find is told and stays where it stands

  bool any() const { return credentials || !personal.empty(); }
  bool wants(std::string_view personal_class) const;
};
// Those of the built-in rules, sorted.
const std::vector<std::string>& personal_classes();
// A JSON array of them; empty text: none. INVALID_ARGUMENT "invalid_pii" names the classes that there are.
StatusOr<std::vector<std::string>> parse_personal_classes(std::string_view json_text);

// Rules as data; docs/safety.md tells the form of a bundle. INVALID_ARGUMENT "invalid_rules" names rule and
// member. The built-in rules marked as floor are in every set: no bundle can remove, replace or except them.
StatusOr<std::shared_ptr<const RuleSet>> compile_rules(std::string_view bundle_json,
                                                       Random& random = system_random(),
                                                       const RuleChoice& choice = {});
std::shared_ptr<const RuleSet> built_in_rules(Random& random = system_random(),
                                              const RuleChoice& choice = {});
// The ids of a set, in order.
std::vector<std::string> rule_ids(const RuleSet& rules);

// The rules in force, replaced while scanners run: those that have begun end under the rules they began with.
class Rulebook {
 public:
  explicit Rulebook(Random& random = system_random(), RuleChoice choice = {});
  std::shared_ptr<const RuleSet> current() const;
  // Counts replacements: verdicts that were cached under another epoch are stale.
  uint64_t epoch() const;
  // FAILED_PRECONDITION "rules_outdated" when the bundle's revision is lower than the one in force. A bundle
  // that is refused changes nothing.
  Status replace(std::string_view bundle_json);

 private:
  Random& random_;  // keys of fingerprints
  const RuleChoice choice_;
  mutable std::mutex mutex_;
  std::shared_ptr<const RuleSet> rules_;
  uint64_t epoch_ = 1;
};

// What to look for; either may be null.
struct Screen {
  std::shared_ptr<const ExactSet> secrets;
  std::shared_ptr<const RuleSet> rules;
};

// What a program looks for at one moment, in texts of its own and in those of others.
struct Screens {
  Screen secrets;      // registered secrets alone
  Screen all;          // and the rules, unless they are off
  uint64_t epoch = 0;  // of the rules; 0: they are off
};

// The secrets and rules of a program. Any thread.
class Screening {
 public:
  explicit Screening(RuleChoice choice = {}, Random& random = system_random());

  // Registers a secret; again with the same value changes nothing, with another one both are known. As
  // SecretRegistry::add().
  Status add_secret(std::string_view id, const Secret& secret);
  size_t remove_secret(std::string_view id);
  // As Rulebook::replace().
  Status replace_rules(std::string_view bundle_json);

  bool knows_secrets() const;
  // Never null. The first call reads the rules, which takes a millisecond.
  std::shared_ptr<const Screens> current() const;
  uint64_t version() const { return version_.load(std::memory_order_acquire); }  // of current(), from 1
  // {"epoch":1,"rules":["aws-access-key", …],"secrets":["openai", …]}: ids.
  std::string describe() const;

 private:
  void changed();
  const std::shared_ptr<const Screens>& current_locked() const;

  mutable std::mutex mutex_;
  SecretRegistry secrets_;
  mutable std::optional<Rulebook> rules_;  // made when asked for
  Random& random_;
  const RuleChoice choice_;
  crypto::HashKey key_{};
  std::map<std::string, uint64_t, std::less<>> known_;  // a hash of the latest value, keyed with key_, by id
  mutable std::shared_ptr<const Screens> current_;      // null until asked for: rules take their time to read
  std::atomic<uint64_t> version_{1};
};

// Finds in text that arrives in pieces what it would find in the whole. Findings come in order, without
// overlaps, each as soon as no later byte can change it.
class Scanner {
 public:
  explicit Scanner(Screen screen);
  ~Scanner();
  Scanner(Scanner&&) noexcept;
  Scanner& operator=(Scanner&&) noexcept;
  void feed(std::string_view piece, std::vector<Finding>& out);
  // The text ends here. The scanner is ready for another text.
  void finish(std::vector<Finding>& out);

 private:
  std::unique_ptr<Stream> stream_;
};

// Passes text through with "[redacted:RULE]" in place of what is found. Bytes are held back only while they
// may belong to something: mostly the last word, never more than kMaxHeldBytes or the longest registered
// form. Text in UTF-8 goes on in whole characters.
class Redactor {
 public:
  explicit Redactor(Screen screen);
  ~Redactor();
  Redactor(Redactor&&) noexcept;
  Redactor& operator=(Redactor&&) noexcept;
  // Appends to `out` what may go on; `found` may be null.
  void feed(std::string_view piece, std::string& out, std::vector<Finding>* found = nullptr);
  // Appends what is held back, for readers who have waited long enough. It is still looked at together with
  // what follows: of a secret that goes on, only what follows is taken out.
  void flush(std::string& out);
  void finish(std::string& out, std::vector<Finding>* found = nullptr);
  size_t held_bytes() const;

 private:
  std::unique_ptr<Stream> stream_;
};

inline constexpr size_t kMaxHeldBytes = 4096 + 256;

// Who cuts a text to size and has it looked at hands over this much beyond the cut: what straddles it is
// recognised whole, and a text without bounds costs no unbounded scan.
inline constexpr size_t kScanSlackBytes = 64 * 1024;

// The same over a whole text.
std::vector<Finding> scan(const Screen& screen, std::string_view text);
std::string redact(const Screen& screen, std::string_view text, std::vector<Finding>* found = nullptr);
// The same, and nothing when nothing is taken out.
std::optional<std::string> redacted(const Screen& screen, std::string_view text,
                                    std::vector<Finding>* found = nullptr);
// Whether any registered secret stands in `text`: the gate.
bool holds_secret(const ExactSet& secrets, std::string_view text);

// A JSON array of objects {rule, subject?, offset, length, fingerprint, confidence, signal?}.
std::string findings_json(std::span<const Finding> findings);

}  // namespace tau::safety

// Labels enforced: what a tool call may do.
#include "safety/monitor.h"  // IWYU pragma: export

// Signals of prompt injection.
#include "safety/injection.h"  // IWYU pragma: export

// Untrusted results behind handles.
#include "safety/answer_form.h"  // IWYU pragma: export
#include "safety/quarantine.h"   // IWYU pragma: export

// Characters that nobody sees.
#include "safety/invisible.h"  // IWYU pragma: export
