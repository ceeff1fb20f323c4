// Encodes a journal row for its link and hashes it.
//
// Encoding: previous(32) body(32) effects(tag, bytes) seq time kind integrity readers principal policy_epoch
// scanned_epoch; integers as LEB128, strings with their length before them, so that no two rows encode alike.
// A usual row fits into one or two blocks of BLAKE2b.
#include "store/chain.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

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

// Collects small pieces on the stack and passes them to the hash in few calls; usually in one.
class LinkEncoder {
 public:
  void bytes(std::string_view data) {
    if (data.size() > buffer_.size() - size_) spill();
    if (data.size() > buffer_.size()) {
      hash_->update(data);
      return;
    }
    if (!data.empty()) std::memcpy(buffer_.data() + size_, data.data(), data.size());
    size_ += data.size();
  }
  void number(uint64_t value) {
    char out[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7) out[n++] = static_cast<char>(value | 0x80);
    out[n++] = static_cast<char>(value);
    bytes({out, n});
  }
  void number(int64_t value) { number(static_cast<uint64_t>(value)); }
  void text(std::string_view value) {
    number(uint64_t{value.size()});
    bytes(value);
  }
  Digest finish() {
    if (!hash_.has_value()) return crypto::blake2b({buffer_.data(), size_});
    spill();
    return hash_->finish();
  }

 private:
  void spill() {
    if (!hash_.has_value()) hash_.emplace();
    hash_->update({buffer_.data(), size_});
    size_ = 0;
  }
  std::array<char, 512> buffer_;
  size_t size_ = 0;
  std::optional<crypto::Blake2b> hash_;  // only once the buffer was too small
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
  LinkEncoder out;
  out.bytes(view(previous));
  out.bytes(view(body));
  out.number(uint64_t{effects.is_binary});
  out.text(effects.stored());
  out.number(row.seq);
  out.number(row.time_ms);
  out.text(row.kind);
  out.text(row.provenance.integrity);
  out.text(row.provenance.readers);
  out.text(row.provenance.principal);
  out.number(row.provenance.policy_epoch);
  out.number(row.provenance.scanned_epoch);
  return out.finish();
}

std::string chain_link(std::string_view previous, const JournalRow& row) {
  const EffectsDigest from_hex(previous);  // the same parse: the hex of a digest, or not
  const Digest before = from_hex.is_binary ? from_hex.binary : Digest{};
  return crypto::hex(next_link(before, row, crypto::blake2b(row.body), EffectsDigest(row.effects_digest)));
}

}  // namespace tau::store
