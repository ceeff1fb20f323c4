// Encodes a journal row for its link and hashes it.
//
// Encoding: previous(32) body(32) effects(tag, bytes) seq time kind integrity readers principal policy_epoch
// scanned_epoch; integers as LEB128, strings with their length before them, so that no two rows encode alike.
// A usual row fits into one or two blocks of BLAKE2b.
#include "store/chain.h"

#include <array>
#include <cstring>

namespace tau::store {
namespace {

// The value of each lower-case hex digit, -1 for all else: a run decodes one digest a row.
constexpr std::array<int8_t, 256> kHexDigits = [] {
  std::array<int8_t, 256> table{};
  table.fill(-1);
  for (int i = 0; i < 16; ++i)
    table[static_cast<unsigned char>("0123456789abcdef"[i])] = static_cast<int8_t>(i);
  return table;
}();

int hex_digit(char c) { return kHexDigits[static_cast<unsigned char>(c)]; }

constexpr size_t kNumberBytes = 10;  // of an integer, at most

// Writes the pieces one after the other, where there is room for all.
class LinkEncoder {
 public:
  explicit LinkEncoder(char* to) : at_(to) {}
  const char* end() const { return at_; }

  void digest(const Digest& value) {
    std::memcpy(at_, value.data(), value.size());
    at_ += value.size();
  }
  void number(uint64_t value) {
    for (; value >= 0x80; value >>= 7) *at_++ = static_cast<char>(value | 0x80);
    *at_++ = static_cast<char>(value);
  }
  void number(int64_t value) { number(static_cast<uint64_t>(value)); }
  void text(std::string_view value) {
    number(uint64_t{value.size()});
    at_ += value.copy(at_, value.size());
  }

 private:
  char* at_;
};

}  // namespace

// One string for the process: nearly every row says the same.
const SharedString& Provenance::everyone() {
  static const SharedString* const all = new SharedString("*");
  return *all;
}

bool to_digest(std::string_view bytes, Digest* out) {
  if (bytes.size() != out->size()) return false;
  std::memcpy(out->data(), bytes.data(), out->size());
  return true;
}

EffectsDigest::EffectsDigest(std::string_view hex) : text(hex) {
  if (hex.size() != 2 * binary.size()) return;
  int bad = 0;
  for (size_t i = 0; i < binary.size(); ++i) {
    const int high = hex_digit(hex[2 * i]);
    const int low = hex_digit(hex[2 * i + 1]);
    bad |= high | low;  // negative once any digit is
    binary[i] = static_cast<uint8_t>((high << 4 | low) & 0xff);
  }
  is_binary = bad >= 0;
}

Digest next_link(const Digest& previous, const JournalRow& row, const Digest& body,
                 const EffectsDigest& effects) {
  const Provenance& from = row.provenance;
  const size_t most = 2 * sizeof(Digest) + 10 * kNumberBytes + effects.stored().size() + row.kind.size() +
                      from.integrity.size() + from.readers.size() + from.principal.size();
  char small[512];
  std::string large(most > sizeof small ? most : 0, '\0');  // rare: names are short
  char* const begin = large.empty() ? small : large.data();
  LinkEncoder out(begin);
  out.digest(previous);
  out.digest(body);
  out.number(uint64_t{effects.is_binary});
  out.text(effects.stored());
  out.number(row.seq);
  out.number(row.time_ms);
  out.text(row.kind);
  out.text(from.integrity);
  out.text(from.readers);
  out.text(from.principal);
  out.number(from.policy_epoch);
  out.number(from.scanned_epoch);
  return crypto::blake2b({begin, static_cast<size_t>(out.end() - begin)});
}

std::string chain_link(std::string_view previous, const JournalRow& row) {
  const EffectsDigest from_hex(previous);  // the same parse: the hex of a digest, or not
  const Digest before = from_hex.is_binary ? from_hex.binary : Digest{};
  return crypto::hex(next_link(before, row, crypto::blake2b(row.body), EffectsDigest(row.effects_digest)));
}

}  // namespace tau::store
