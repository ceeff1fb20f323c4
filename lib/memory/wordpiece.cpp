// The vocabulary as a hash table, and the walk over a text.
#include "memory/wordpiece.h"

#include <algorithm>

#include "memory/wordpiece_unicode.h"

namespace tau::memory {
namespace {

// FNV-1a over the bytes, so that a longer text goes on from a shorter one; mixed before use.
constexpr uint64_t kStart = 0xcbf29ce484222325;
constexpr uint64_t kStartContinues = 0x84222325cbf29ce4;
uint64_t step(uint64_t hash, char c) { return (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3; }
uint64_t mixed(uint64_t hash) {
  hash = (hash ^ hash >> 32) * 0xd6e8feb86659fd93;
  return hash ^ hash >> 32;
}
uint64_t start(bool continues) { return continues ? kStartContinues : kStart; }

uint64_t hash_of(std::string_view text, bool continues) {
  uint64_t hash = start(continues);
  for (const char c : text) hash = step(hash, c);
  return mixed(hash);
}

}  // namespace

StatusOr<PieceTable> PieceTable::make(const std::vector<std::string>& pieces, std::string_view prefix) {
  if (pieces.empty() || pieces.size() > kMaxPieces)
    return invalid_argument(
        "invalid_model", format("a vocabulary has 1 to {} pieces, this one {}", kMaxPieces, pieces.size()));
  PieceTable out;
  out.prefix_ = prefix;
  out.size_ = pieces.size();
  size_t slots = 16;
  while (slots < 2 * pieces.size()) slots *= 2;
  out.slots_.resize(slots);
  for (size_t i = 0; i < pieces.size(); ++i) {
    std::string_view text = pieces[i];
    if (text.size() > kMaxPieceBytes)
      return invalid_argument("invalid_model",
                              format("piece {} of the vocabulary has {} bytes", i, text.size()));
    const bool continues = !prefix.empty() && text.size() > prefix.size() && text.starts_with(prefix);
    if (continues) text.remove_prefix(prefix.size());
    const Slot slot{.hash = hash_of(text, continues),
                    .piece = static_cast<uint32_t>(i),
                    .begin = static_cast<uint32_t>(out.text_.size()),
                    .bytes = static_cast<uint16_t>(text.size()),
                    .continues = continues};
    out.text_ += text;
    out.longest_ = std::max(out.longest_, text.size());
    if (!out.insert(slot))
      return invalid_argument("invalid_model", format("piece {} of the vocabulary is damaged", i));
  }
  return out;
}

// False when it is there, or when the place is so crowded that somebody must have meant it.
bool PieceTable::insert(const Slot& slot) {
  const std::string_view text = std::string_view(text_).substr(slot.begin, slot.bytes);
  for (size_t probe = 0; probe < kMaxProbes; ++probe) {
    Slot& at = slots_[(slot.hash + probe) & (slots_.size() - 1)];
    if (at.piece == kNone) {
      at = slot;
      return true;
    }
    if (at.hash == slot.hash && at.continues == slot.continues &&
        std::string_view(text_).substr(at.begin, at.bytes) == text)
      return false;
  }
  return false;
}

uint32_t PieceTable::lookup(uint64_t hash, std::string_view text, bool continues) const {
  for (size_t probe = 0; probe < kMaxProbes; ++probe) {
    const Slot& at = slots_[(hash + probe) & (slots_.size() - 1)];
    if (at.piece == kNone) return kNone;
    if (at.hash == hash && at.continues == continues &&
        std::string_view(text_).substr(at.begin, at.bytes) == text)
      return at.piece;
  }
  return kNone;
}

uint32_t PieceTable::find(std::string_view entry) const {
  const bool continues = !prefix_.empty() && entry.size() > prefix_.size() && entry.starts_with(prefix_);
  if (continues) entry.remove_prefix(prefix_.size());
  return lookup(hash_of(entry, continues), entry, continues);
}

uint32_t PieceTable::longest(std::string_view word, bool continues, size_t* bytes) const {
  uint64_t hashes[kMaxPieceBytes];
  const size_t most = std::min(word.size(), longest_);
  uint64_t hash = start(continues);
  for (size_t i = 0; i < most; ++i) hashes[i] = hash = step(hash, word[i]);
  for (size_t length = most; length > 0; --length) {
    const bool inside = length < word.size() && (static_cast<uint8_t>(word[length]) & 0xc0) == 0x80;
    if (inside) continue;  // of a character
    const uint32_t piece = lookup(mixed(hashes[length - 1]), word.substr(0, length), continues);
    if (piece == kNone) continue;
    *bytes = length;
    return piece;
  }
  return kNone;
}

// A word as it grows. What is beyond the limit is counted, not kept.
struct WordPiece::Word {
  std::string text;
  size_t characters = 0;
};

void WordPiece::tokenize(std::string_view text, size_t most, std::vector<uint32_t>* out) const {
  Word word;
  while (!text.empty() && out->size() < most) {
    const auto lead = static_cast<uint8_t>(text[0]);
    if (lead < 0x80) {
      text.remove_prefix(1);
      add_character(lead, &word, most, out);
    } else {
      add_character(take_character(&text), &word, most, out);
    }
  }
  end_word(&word, most, out);
}

void WordPiece::add_character(uint32_t code, Word* word, size_t most, std::vector<uint32_t>* out) const {
  const bool ascii = code < 0x80;
  const bool blank = code == ' ' || code == '\t' || code == '\n' || code == '\r';
  if (options_.clean && !blank) {
    if (code == 0 || code == kReplacement || (ascii ? code < 0x20 || code == 0x7f : is_in(controls(), code)))
      return;
  }
  if (blank || (ascii ? code >= 0x0b && code <= 0x0c : is_in(spaces(), code)))
    return end_word(word, most, out);
  if (ascii) return put(options_.lowercase ? to_lower(code) : code, word, most, out);
  const bool alone = options_.ideographs && is_ideograph(code);
  if (alone) end_word(word, most, out);
  uint32_t parts[3] = {code, 0, 0};
  const size_t count = options_.strip_accents ? bare_characters(code, parts) : 1;
  for (size_t i = 0; i < count; ++i) put(options_.lowercase ? to_lower(parts[i]) : parts[i], word, most, out);
  if (alone) end_word(word, most, out);
}

void WordPiece::put(uint32_t code, Word* word, size_t most, std::vector<uint32_t>* out) const {
  const bool alone = is_word_punctuation(code);
  if (alone) end_word(word, most, out);
  if (++word->characters <= options_.max_word_characters) {
    char bytes[4];
    word->text.append(bytes, put_character(code, bytes));
  }
  if (alone) end_word(word, most, out);
}

// A word of which any part is no piece is unknown as a whole.
void WordPiece::end_word(Word* word, size_t most, std::vector<uint32_t>* out) const {
  if (word->characters == 0) return;
  const size_t before = out->size();
  bool known = word->characters <= options_.max_word_characters;
  std::string_view rest = word->text;
  for (bool continues = false; known && !rest.empty(); continues = true) {
    size_t bytes = 0;
    const uint32_t piece = pieces_.longest(rest, continues, &bytes);
    known = piece != PieceTable::kNone;
    if (!known) break;
    out->push_back(piece);
    rest.remove_prefix(bytes);
  }
  if (!known) {
    out->resize(before);
    out->push_back(unknown_);
  }
  if (out->size() > most) out->resize(std::max(most, before));
  word->text.clear();
  word->characters = 0;
}

}  // namespace tau::memory
