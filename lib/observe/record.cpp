#include "observe/record.h"

#include "json/json.h"

namespace tau::observe {
namespace {

template <class Enum>
using Names = std::array<std::string_view, static_cast<size_t>(Enum::kCount)>;

constexpr Names<Kind> kKinds = {
    "run.started",    "run.ended",         "tool.decided",     "tool.finished",  "model.finished",
    "approval.asked", "approval.answered", "policy.changed",   "config.changed", "vault.changed",
    "access.denied",  "access.changed",    "identity.changed", "log.begun",      "log.repaired",
    "log.cut",        "log.lost",
};
constexpr Names<Text> kTexts = {
    "agent",    "principal", "session", "run",      "call",  "tool",      "action",  "target",
    "decision", "outcome",   "reason",  "provider", "model", "integrity", "readers",
};
constexpr Names<Number> kNumbers = {
    "policy_epoch",  "duration_ms",     "argument_bytes", "result_bytes", "input_tokens",
    "output_tokens", "cost_usd_micros", "retry_after_ms", "count",        "first_seq",
};
constexpr Names<Hash> kHashes = {"arguments_blake2b", "result_blake2b"};

template <class Enum>
constexpr bool all_named(const Names<Enum>& names) {
  for (const std::string_view name : names) {
    if (name.empty()) return false;
  }
  return true;
}
static_assert(all_named<Kind>(kKinds) && all_named<Text>(kTexts) && all_named<Number>(kNumbers) &&
              all_named<Hash>(kHashes));

// The one way of a caller's text into the log.
void append_text(json::Writer& out, std::string_view name, std::string_view text, const Redact& redact) {
  if (text.size() > kMostInputBytes) {
    out.key(name).string(format("[TOO LONG: {} BYTES]", text.size()));
    return;
  }
  const std::string clean = redact(text);
  out.key(name).string(truncate_utf8(clean, kMostTextBytes));
}

}  // namespace

std::string_view kind_name(Kind kind) { return kKinds[static_cast<size_t>(kind)]; }
std::string_view text_name(Text text) { return kTexts[static_cast<size_t>(text)]; }
std::string_view number_name(Number number) { return kNumbers[static_cast<size_t>(number)]; }
std::string_view hash_name(Hash hash) { return kHashes[static_cast<size_t>(hash)]; }

std::string render(const Record& record, int64_t time_ms, const Redact& redact) {
  std::string text;
  json::Writer out(text);
  out.begin_object().field("time_ms", time_ms).field("kind", kind_name(record.kind()));
  for (size_t i = 0; i < kTexts.size(); ++i) {
    const std::string_view value = record.text(static_cast<Text>(i));
    if (!value.empty()) append_text(out, kTexts[i], value, redact);
  }
  for (size_t i = 0; i < kNumbers.size(); ++i) {
    const auto field = static_cast<Number>(i);
    if (record.has(field)) out.key(kNumbers[i]).integer(record.number(field));
  }
  for (size_t i = 0; i < kHashes.size(); ++i) {
    const auto field = static_cast<Hash>(i);
    if (record.has(field)) out.key(kHashes[i]).string(crypto::hex(record.hash(field)));
  }
  out.end_object();
  return text.substr(1, text.size() - 2);
}

}  // namespace tau::observe
