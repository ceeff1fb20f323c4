// Scanners: find secrets in text, whole or streamed, and take them out. Texts are bytes; findings never hold what was
// found (tau/safety.h).
#ifndef TAU_SAFETY_HPP
#define TAU_SAFETY_HPP

#include <tau/safety.h>

#include <tau/error.hpp>
#include <tau/runtime.hpp>

namespace tau {
inline namespace v0 {

class Redactor;

// Who says a text: a person may ask a model for anything, what a tool returns has no business to.
enum class TextChannel : uint32_t { kTool = TAU_TEXT_OF_TOOL, kUser = TAU_TEXT_OF_USER };

// Whether a URL may be reached, and as what it is read, as JSON; rules: JSON, empty for https to public hosts
// (tau_url_check).
// Errors: kInvalidArgument names the member of rules.
inline Result<Text> check_url(std::string_view url, std::string_view rules = {}) {
  return detail::text_of(tau_url_check, detail::str(url), detail::str(rules));
}

// What in a text looks like an attempt to give a model orders, as a JSON array (tau_injection_signals).
inline Result<Text> injection_signals(std::string_view text, TextChannel channel = TextChannel::kTool) {
  return detail::text_of(tau_injection_signals, detail::str(text), static_cast<tau_text_channel>(channel));
}

struct ScannerOptions {
  bool no_rules = false;   // registered secrets alone, no credentials of others
  std::string rules = {};  // a bundle, docs/safety.md; empty: the built-in rules
  std::string pii = {};    // classes of personal data, a JSON array; empty: none
  bool personal_signals = false;  // personal data is found and stays where it stands
};

// The secrets and rules that are looked for.
// Thread: any.
class Scanner : public detail::Handle<tau_scanner, tau_scanner_unref> {
 public:
  using Handle::Handle;

  // Makes a scanner of its own (tau_scanner_new).
  // Errors: kInvalidArgument "invalid_rules", "invalid_pii".
  static Result<Scanner> make(const ScannerOptions& options = {}) {
    tau_scanner_options o;
    tau_scanner_options_init(&o, sizeof o);
    o.flags = detail::flag(options.no_rules, TAU_SCANNER_EXACT) |
              detail::flag(options.personal_signals, TAU_SCANNER_PERSONAL_SIGNALS);
    o.rules = detail::str(options.rules);
    o.pii = detail::str(options.pii);
    return detail::make<Scanner>(tau_scanner_new, &o);
  }

  // The one that every text of a runtime's runs passes (tau_runtime_scanner).
  // Errors: kFailedPrecondition after fork.
  static Result<Scanner> of(const Runtime& runtime) {
    return detail::make<Scanner>(tau_runtime_scanner, runtime.c());
  }

  // Another owner of the same scanner.
  Scanner share() const noexcept { return Scanner(tau_scanner_ref(c())); }

  // Registers a secret, which is kept as keyed hashes; id: what findings call it (tau_scanner_add_secret).
  // Errors: kInvalidArgument "secret_too_short", "secret_too_long".
  Result<void> add_secret(std::string_view id, std::string_view secret) const {
    return detail::done(tau_scanner_add_secret, c(), detail::str(id), detail::str(secret));
  }

  // Forgets every secret of an id (tau_scanner_remove_secret).
  // Errors: kNotFound.
  Result<void> remove_secret(std::string_view id) const {
    return detail::done(tau_scanner_remove_secret, c(), detail::str(id));
  }

  // Replaces the rules by a bundle (tau_scanner_replace_rules).
  // Errors: kInvalidArgument "invalid_rules"; kFailedPrecondition "rules_outdated".
  Result<void> replace_rules(std::string_view bundle) const {
    return detail::done(tau_scanner_replace_rules, c(), detail::str(bundle));
  }

  // What is looked for, as JSON of ids (tau_scanner_describe).
  Result<Text> describe() const { return detail::text_of(tau_scanner_describe, c()); }

  // What stands in a text, as a JSON array (tau_scanner_scan).
  Result<Text> scan(std::string_view text) const {
    return detail::text_of(tau_scanner_scan, c(), detail::str(text));
  }

  // The text without what was found (tau_scanner_redact).
  Result<Text> redact(std::string_view text) const {
    return detail::text_of(tau_scanner_redact, c(), detail::str(text));
  }

  // Begins a text that comes in pieces (tau_redactor_new).
  Result<Redactor> redactor() const;
};

// Takes secrets out of one text that comes in pieces.
// Thread: owner.
class Redactor : public detail::Handle<tau_redactor, tau_redactor_free> {
 public:
  using Handle::Handle;

  // Takes a piece, in any split, and gives what may go on: mostly all but the last word (tau_redactor_feed).
  // Errors: kFailedPrecondition "redactor_busy". A lack of memory is final.
  Result<Text> feed(std::string_view piece) const {
    return detail::text_of(tau_redactor_feed, c(), detail::str(piece));
  }

  // What is held back, for a reader who has waited long enough (tau_redactor_flush).
  Result<Text> flush() const { return detail::text_of(tau_redactor_flush, c()); }

  // What is left; then it is ready for another text (tau_redactor_finish).
  Result<Text> finish() const { return detail::text_of(tau_redactor_finish, c()); }
};

inline Result<Redactor> Scanner::redactor() const { return detail::make<Redactor>(tau_redactor_new, c()); }

}  // namespace v0
}  // namespace tau

#endif
