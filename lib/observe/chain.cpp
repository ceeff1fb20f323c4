#include "observe/chain.h"

#include <charconv>
#include <string>
#include <utility>

#include "crypto/crypto.h"
#include "json/json.h"

namespace tau::observe {
namespace {

constexpr std::string_view kPrev = R"(,"prev":")";
constexpr std::string_view kHash = R"(","hash":")";
constexpr std::string_view kSignature = R"(,"sig":")";
constexpr std::string_view kClose = "\"}";
// `"prev":"…","hash":"…"}` with what stands around the digits.
constexpr size_t kTailBytes = kPrev.size() + kHashDigits + kHash.size() + kHashDigits + kClose.size();
// What is hashed ends with the quote behind prev.
constexpr size_t kUnhashedBytes = kHash.size() - 1 + kHashDigits + kClose.size();
// So that a signature of a head can never be one of something else.
constexpr std::string_view kHeadDomain = "tau-audit-head\n";

bool is_hash(std::string_view text) {
  return text.size() == kHashDigits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::string hash_of(std::string_view bytes) { return crypto::hex(crypto::blake2b(bytes)); }

// Takes `prefix` off the front.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

template <class Int>
bool take_number(std::string_view& text, Int& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end == text.data()) return false;
  // One spelling for each number.
  const std::string_view digits(text.data(), static_cast<size_t>(end - text.data()));
  if (digits != std::to_string(out)) return false;
  text.remove_prefix(digits.size());
  return true;
}

// A whole object, each value of which is well-formed.
bool is_object(std::string_view text) {
  json::Reader reader;
  if (!reader.load(text) || !reader.enter_object()) return false;
  std::string_view key;
  while (reader.next_key(key)) {
    if (!reader.skip()) return false;
  }
  return reader.status().ok();
}

Status bad_head(std::string_view what) {
  return data_loss("bad_head", format("the head of the audit log is damaged: {}", what));
}

}  // namespace

void seal(std::string_view members, Link& link, std::string& out) {
  const size_t begin = out.size();
  ++link.seq;
  out += R"({"v":1,"seq":)";
  out += std::to_string(link.seq);
  out += ',';
  out += members;
  out += kPrev;
  out += link.hash;
  out += '"';
  link.hash = hash_of(std::string_view(out).substr(begin));
  out += kHash.substr(1);
  out += link.hash;
  out += kClose;
  out += '\n';
}

std::string_view read_line(std::string_view line, Line& out) {
  std::string_view head = line;
  uint64_t version = 0;
  if (!take(head, R"({"v":)") || !take_number(head, version)) return "bad_form";
  if (version != 1) return "unknown_version";
  if (!take(head, R"(,"seq":)") || !take_number(head, out.seq) || !take(head, R"(,"time_ms":)") ||
      !take_number(head, out.time_ms) || head.size() < kTailBytes)
    return "bad_form";
  std::string_view tail = head.substr(head.size() - kTailBytes);
  if (!take(tail, kPrev)) return "bad_form";
  out.prev = tail.substr(0, kHashDigits);
  tail.remove_prefix(kHashDigits);
  if (!take(tail, kHash)) return "bad_form";
  out.hash = tail.substr(0, kHashDigits);
  if (!is_hash(out.prev) || !is_hash(out.hash) || tail.substr(kHashDigits) != kClose) return "bad_form";
  if (hash_of(line.substr(0, line.size() - kUnhashedBytes)) != out.hash) return "bad_hash";
  return is_object(line) ? "" : "bad_form";
}

std::string_view check_follows(const Line& line, const Link& before) {
  if (line.seq != before.seq + 1) return "bad_sequence";
  return line.prev == before.hash ? "" : "bad_link";
}

StatusOr<std::string> write_head_text(Head head, Signer* signer) {
  if (signer != nullptr) {
    head.algorithm = std::string(signer->algorithm());
    head.key_id = signer->key_id();
    if (!is_valid_id(head.algorithm) || !is_valid_id(head.key_id))
      return invalid_argument("invalid_key_id", "the signer's algorithm and key id must be ids");
  }
  std::string text;
  json::Writer out(text);
  out.begin_object().field("v", 1).key("first_seq").raw(std::to_string(head.first_seq));
  out.field("first_prev", head.first_prev).key("seq").raw(std::to_string(head.last.seq));
  out.field("hash", head.last.hash).field("time_ms", head.time_ms);
  out.field("alg", head.algorithm).field("key", head.key_id).end_object();
  text.pop_back();
  std::string signature;
  if (signer != nullptr) { TAU_ASSIGN_OR_RETURN(signature, signer->sign(std::string(kHeadDomain) + text)); }
  text += kSignature;
  text += crypto::hex(signature);
  text += kClose;
  text += '\n';
  return text;
}

StatusOr<Head> read_head(std::string_view text, const HeadKeys* keys) {
  if (text.size() > kMostHeadBytes || !text.ends_with("\"}\n")) return bad_head("it does not end as one");
  const size_t at = text.rfind(kSignature);
  if (at == text.npos) return bad_head("it has no signature");
  const std::string_view signed_part = text.substr(0, at);
  std::string_view digits = text.substr(at + kSignature.size());
  digits.remove_suffix(kClose.size() + 1);
  Head head;
  std::string_view rest = signed_part;
  const auto take_text = [&rest](std::string_view key, std::string& out) {
    if (!take(rest, key)) return false;
    const size_t end = rest.find('"');
    if (end == rest.npos) return false;
    out = std::string(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    return true;
  };
  const bool formed = take(rest, R"({"v":1,"first_seq":)") && take_number(rest, head.first_seq) &&
                      take_text(R"(,"first_prev":")", head.first_prev) && take(rest, R"(,"seq":)") &&
                      take_number(rest, head.last.seq) && take_text(R"(,"hash":")", head.last.hash) &&
                      take(rest, R"(,"time_ms":)") && take_number(rest, head.time_ms) &&
                      take_text(R"(,"alg":")", head.algorithm) && take_text(R"(,"key":")", head.key_id) &&
                      rest.empty();
  if (!formed) return bad_head("it does not have the form of one");
  if (!is_valid_id(head.algorithm) || !(head.key_id.empty() || is_valid_id(head.key_id)))
    return bad_head("its algorithm or key is no id");
  if (!is_hash(head.first_prev) || !is_hash(head.last.hash) || head.first_seq == 0 ||
      head.last.seq < head.first_seq)
    return bad_head("it names no part of a chain");
  const auto signature = crypto::from_hex(digits);
  if (!signature.ok() || crypto::hex(*signature) != digits)
    return bad_head("its signature is no hexadecimal");
  if (keys != nullptr)
    TAU_RETURN_IF_ERROR(keys->check(head.algorithm, head.key_id,
                                    std::string(kHeadDomain) + std::string(signed_part), *signature));
  return head;
}

}  // namespace tau::observe
