// The reader of words.
#include "memory/token_reader.h"

#include <algorithm>
#include <cstring>

namespace tau::memory {
namespace {

bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
bool is_ascii_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
bool begins_word(std::string_view text) {
  if (text.empty()) return false;
  const CharKind kind = fold_first(text).kind;
  return kind == CharKind::kLetter || kind == CharKind::kDigit;
}
// An apostrophe, typed or printed: its bytes, or 0.
size_t apostrophe(std::string_view text) {
  if (text.starts_with('\'')) return 1;
  return text.starts_with("\xe2\x80\x99") ? 3 : 0;
}

}  // namespace

void TokenReader::put(const FoldedChar& c) {
  const size_t part_size = folded_size_ - parts_[part_count_].first;
  if (part_size + c.written > kMaxBytes) return;
  std::memcpy(folded_.data() + folded_size_, c.bytes, c.written);
  folded_size_ += c.written;
}

// The comma of "12,345": its byte is skipped.
size_t TokenReader::thousands_separator() const {
  const std::string_view rest = text_.substr(at_);
  if (rest.size() < 4 || rest[0] != ',') return 0;
  if (!is_ascii_digit(rest[1]) || !is_ascii_digit(rest[2]) || !is_ascii_digit(rest[3])) return 0;
  return rest.size() > 4 && is_ascii_digit(rest[4]) ? 0 : 1;
}

bool TokenReader::part_goes_on(const FoldedChar& c, bool last_lower) const {
  if (c.kind == CharKind::kMark) return true;
  if (c.kind == CharKind::kLetter) return !(c.upper && last_lower);
  return c.kind == CharKind::kDigit;
}

void TokenReader::read_part() {
  Part& part = parts_[part_count_];
  part = {.first = folded_size_, .last = folded_size_, .begin = at_, .end = at_, .number = true};
  bool last_lower = false;
  bool last_digit = false;
  while (at_ < text_.size()) {
    const FoldedChar c = fold_first(text_.substr(at_));
    if (!part_goes_on(c, last_lower)) {
      const size_t skip = last_digit && part.number ? thousands_separator() : 0;
      if (skip == 0) break;
      at_ += skip;
      continue;
    }
    if (c.kind != CharKind::kMark) {
      put(c);
      last_digit = c.kind == CharKind::kDigit;
      if (!last_digit) part.number = false;
      last_lower = c.size == 1 && !c.upper && !last_digit;
    }
    at_ += c.size;
  }
  part.last = folded_size_;
  part.end = at_;
  drop_ordinal(&part);
}

// "3rd" and 3 are the same number.
void TokenReader::drop_ordinal(Part* part) {
  const size_t size = part->last - part->first;
  if (part->number || size < 3 || size > 6) return;
  const char* const word = folded_.data() + part->first;
  if (!std::all_of(word, word + size - 2, is_ascii_digit)) return;
  const std::string_view ending(word + size - 2, 2);
  if (ending != "st" && ending != "nd" && ending != "rd" && ending != "th") return;
  part->last -= 2;
  folded_size_ = part->last;
  part->number = true;
}

// Behind a word: "'s", "'ll" and so on are skipped. True when the word itself says only "not".
bool TokenReader::drop_contraction() {
  const size_t mark = apostrophe(text_.substr(at_));
  if (mark == 0) return false;
  size_t end = at_ + mark;
  while (end < text_.size() && end < at_ + mark + 3 && is_ascii_letter(text_[end])) ++end;
  if (begins_word(text_.substr(end))) return false;
  char letters[3] = {};
  const size_t size = end - at_ - mark;
  for (size_t i = 0; i < size; ++i) letters[i] = lower(text_[at_ + mark + i]);
  const std::string_view ending(letters, size);
  const Part& part = parts_[part_count_];
  if (ending == "t" && part.last > part.first && folded_[part.last - 1] == 'n') {
    at_ = end;
    return true;
  }
  static constexpr std::string_view kEndings[] = {"s", "m", "d", "re", "ve", "ll"};
  if (std::ranges::find(kEndings, ending) != std::end(kEndings)) at_ = end;
  return false;
}

// Whether the chain goes on behind the part: the sign between the two is written and skipped.
bool TokenReader::connect() {
  if (at_ >= text_.size()) return false;
  const char sign = text_[at_];
  if (std::string_view("_.-:/@").find(sign) == std::string_view::npos) {
    const bool camel = begins_word(text_.substr(at_));
    compound_ = compound_ || camel;
    return camel;
  }
  if (!begins_word(text_.substr(at_ + 1))) return false;
  if (sign == '_' || sign == '@') compound_ = true;
  folded_[folded_size_++] = sign;
  ++at_;
  return true;
}

void TokenReader::read_chain() {
  folded_size_ = part_count_ = emitted_ = 0;
  compound_ = false;
  bool more = true;
  while (more && part_count_ < kMaxParts) {
    read_part();
    const bool dropped = drop_contraction();
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with('#') || rest.starts_with("++")) {  // C#, C++
      const size_t size = rest[0] == '#' ? 1 : 2;
      if (!begins_word(rest.substr(size)) && parts_[part_count_].last - parts_[part_count_].first == 1) {
        std::memcpy(folded_.data() + folded_size_, rest.data(), size);
        folded_size_ = parts_[part_count_].last += size;
        parts_[part_count_].end = at_ += size;
      }
    }
    if (!dropped) ++part_count_;
    more = !dropped && part_count_ < kMaxParts && connect();
  }
  const auto has_digit = [this](const Part& part) {
    return std::any_of(folded_.data() + part.first, folded_.data() + part.last, is_ascii_digit);
  };
  if (part_count_ < 2) compound_ = false;
  if (part_count_ >= 2 && !compound_)
    compound_ = std::any_of(parts_.data(), parts_.data() + part_count_, has_digit);
  if (compound_ && parts_[part_count_ - 1].last > kMaxBytes) compound_ = false;
}

Token TokenReader::emit() {
  if (emitted_ < part_count_) {
    const Part& part = parts_[emitted_++];
    return {part.number ? Token::Kind::kNumber : Token::Kind::kWord,
            {folded_.data() + part.first, part.last - part.first},
            part.begin,
            part.end};
  }
  compound_ = false;
  return {Token::Kind::kCompound,
          {folded_.data(), parts_[part_count_ - 1].last},
          parts_[0].begin,
          parts_[part_count_ - 1].end};
}

// Every two neighbours are a token; a character without one is a token by itself.
bool TokenReader::read_pair(const FoldedChar& c, Token* token) {
  const size_t begin = at_;
  at_ += c.size;
  std::memcpy(folded_.data(), c.bytes, c.written);
  size_t size = c.written;
  size_t next = at_;
  FoldedChar second;
  while (next < text_.size() && (second = fold_first(text_.substr(next))).kind == CharKind::kMark)
    next += second.size;
  if (next < text_.size() && second.kind == CharKind::kDense) {
    std::memcpy(folded_.data() + size, second.bytes, second.written);
    size += second.written;
    at_ = next;
    next += second.size;
  } else if (in_dense_) {
    in_dense_ = false;
    return false;
  }
  in_dense_ = size > c.written;
  *token = {Token::Kind::kPair, {folded_.data(), size}, begin, next};
  return true;
}

bool TokenReader::next(Token* token) {
  while (true) {
    if (emitted_ < part_count_ || compound_) {
      *token = emit();
      if (token->text.empty()) continue;
      return true;
    }
    if (at_ >= text_.size()) return false;
    const FoldedChar c = fold_first(text_.substr(at_));
    if (c.kind == CharKind::kDense) {
      if (read_pair(c, token)) return true;
    } else if (c.kind == CharKind::kLetter || c.kind == CharKind::kDigit) {
      in_dense_ = false;
      read_chain();
    } else {
      if (c.kind == CharKind::kOther) in_dense_ = false;
      at_ += c.size;
    }
  }
}

}  // namespace tau::memory
