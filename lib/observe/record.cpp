#include "observe/record.h"

#include <forward_list>

#include "json/json.h"

namespace tau::observe {
namespace {

template <class Enum>
using Names = std::array<std::string_view, static_cast<size_t>(Enum::kCount)>;

constexpr Names<Kind> kKinds = {
    "run.started",     "run.ended",         "tool.decided",   "tool.finished",  "model.finished",
    "approval.asked",  "approval.answered", "policy.changed", "config.changed", "vault.changed",
    "network.decided", "network.ended",     "access.denied",  "access.changed", "identity.changed",
    "memory.changed",  "memory.read",       "host.noted",     "log.begun",      "log.repaired",
    "log.cut",         "log.lost",
};
constexpr Names<Text> kTexts = {
    "agent",    "principal", "session", "run",      "call",  "tool",      "action",  "target",
    "decision", "outcome",   "reason",  "provider", "model", "integrity", "readers",
};
constexpr Names<Number> kNumbers = {
    "policy_epoch",    "duration_ms",    "argument_bytes", "result_bytes",   "input_tokens", "output_tokens",
    "cost_usd_micros", "retry_after_ms", "sent_bytes",     "received_bytes", "count",        "first_seq",
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

std::string too_long(size_t size) { return format("[TOO LONG: {} BYTES]", size); }

// The one way of a caller's text into the log.
void append_text(json::Writer& out, std::string_view name, std::string_view text, const Redact& redact) {
  if (text.size() > kMostInputBytes) {
    out.key(name).string(too_long(text.size()));
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

bool same_texts(const Record& a, const Record& b) {
  if (a.kind() != b.kind()) return false;
  for (size_t i = 0; i < kTexts.size(); ++i)
    if (a.text(static_cast<Text>(i)) != b.text(static_cast<Text>(i))) return false;
  return true;
}

// What is too long to be written is not kept either.
KeptRecord::KeptRecord(const Record& record) : record_(record) {
  std::forward_list<std::string> notes;
  for (std::string_view& text : record_.texts_) {
    if (text.size() > kMostInputBytes) text = notes.emplace_front(too_long(text.size()));
    text_bytes_ += text.size();
  }
  texts_ = std::make_unique_for_overwrite<char[]>(text_bytes_);
  char* at = texts_.get();
  for (std::string_view& text : record_.texts_) {
    const size_t size = text.copy(at, text.size());
    text = {at, size};
    at += size;
  }
}

std::string render(const Record& record, int64_t now_ms, const Redact& redact) {
  const int64_t time_ms = record.time_ms() != 0 ? record.time_ms() : now_ms;
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
