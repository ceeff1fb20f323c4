// One rule, and a compiled set of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "crypto/crypto.h"
#include "safety/checksum.h"
#include "safety/form_table.h"
#include "safety/prefilter.h"
#include "safety/safety.h"

namespace tau::safety {

// Where findings overlap the higher kind names them.
enum class RuleKind : uint8_t {
  kForm,   // personal data: a form that tells itself by its characters; applies when its class is asked for
  kNamed,  // a random value under a name that says "secret", whoever issued it
  kAssigned,  // a value of a provider's form under a name that holds the provider's
  kToken,     // a form that tells itself by its beginning
  kBlock,     // a private key from its first line to its last
};

// The members of a rule in a bundle, checked.
struct RuleSpec {
  std::string id;
  RuleKind kind = RuleKind::kToken;
  std::vector<std::string> words;  // one of them begins the token, or stands in the name
  std::vector<std::string> after;  // kNamed: one of these must stand right before the word
  std::vector<std::string> never;  // kNamed: none of these may stand in the name
  std::string match;               // the whole token, or the whole value
  std::string left;                // kToken: characters beside letters, digits and "_" that may not precede
  std::vector<std::string> in_context;  // kToken: one of these must stand in the 64 bytes before
  size_t least = 1;                     // kAssigned, kNamed: bytes of the value
  size_t most = 4096;
  int random = 70;      // percent; see looks_random()
  bool fold = false;    // kToken: words in any case
  bool rare = false;    // pairs_are_rare() must hold
  bool quoted = false;  // the value must stand in quotes
  size_t span = 256;    // bytes from the word that are looked at
  Checksum checksum = Checksum::kNone;
  bool floor = false;
  // kForm. '9' stands for a digit, 'A' and 'a' for a letter of that case, all else for itself.
  std::string personal;             // its class: "email"
  std::vector<std::string> begins;  // one of these begins it, and nothing of a word stands before
  bool around_at = false;           // it has a '@' behind at most 64 characters of an address instead
  std::string over;  // the characters that it may have; letters and digits of e-mail are its own
};

class Rule {
 public:
  explicit Rule(RuleSpec spec) : spec_(std::move(spec)) {}
  const RuleSpec& spec() const { return spec_; }
  // Compiled at first use: most rules of a set are never tried. Null only if the pattern is refused, which
  // checking the bundle rules out.
  const Regex* regex() const;
  StatusOr<Regex> compile() const;

 private:
  RuleSpec spec_;
  mutable std::once_flag once_;
  mutable std::optional<Regex> regex_;
};

inline constexpr size_t kLookBehind = 64;

struct Bundle {
  int64_t revision = 0;
  std::vector<RuleSpec> rules;
  std::vector<std::string> drop;       // ids of built-in rules that do not apply
  std::vector<std::string> published;  // samples that everybody has: hex of the first 8 bytes of BLAKE2b-256
  // Could be anybody's key: except nothing of the floor.
  std::vector<std::string> published_by_bundle;
};

// INVALID_ARGUMENT "invalid_rules"; the message names rule and member.
StatusOr<Bundle> read_bundle(std::string_view json);

class RuleSet {
 public:
  RuleSet(Bundle bundle, crypto::HashKey key, const RuleChoice& choice = {});

  int64_t revision() const { return revision_; }
  const std::vector<std::unique_ptr<Rule>>& rules() const { return rules_; }
  const Prefilter& prefilter() const { return prefilter_; }
  const FormTable& forms() const { return forms_; }
  bool signals() const { return signals_; }  // what rules of forms find is told and left where it stands
  const crypto::HashKey& key() const { return key_; }
  // Whether everybody has it. What a bundle calls published excepts nothing of the floor.
  bool is_published(std::string_view value, bool floor) const;

 private:
  int64_t revision_;
  std::vector<std::unique_ptr<Rule>> rules_;
  std::set<std::string, std::less<>> published_;
  std::set<std::string, std::less<>> published_by_bundle_;
  Prefilter prefilter_;
  FormTable forms_;
  bool signals_;
  crypto::HashKey key_;
};

}  // namespace tau::safety
