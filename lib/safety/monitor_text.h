// What the user wrote, as tokens: whether an argument of a tool call is the user's own.
//
// A value is the user's when all of its canonical tokens stand, whole and one after the other, in what the
// user wrote. A part of a longer token is not: evil.com is no part of notevil.com, nor user@x.com of
// user@x.com.evil.org. What cannot be compared for sure (invisible, bidirectional or control characters,
// ill-formed UTF-8, look-alikes of other scripts) is never equal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tau::safety {

// One token as it stands in a text, and the form in which it is compared.
struct TextToken {
  enum class Kind : uint8_t {
    kHidden,  // holds what cannot be seen: equal to nothing
    kWord,    // names, identifiers, account numbers: ASCII letters in any case
    kNumber,  // an amount: 1,200.00 is 1200
    kEmail,   // the domain in any case
    kUrl,     // with a scheme; scheme and host in any case, without the default port
    kHost,    // a host without a scheme, or a file's name
    kOpaque,  // a path or anything else: every byte counts
  };
  static constexpr size_t kMaxBytes = 512;  // longer ones are hidden

  Kind kind = Kind::kHidden;
  bool begins_sentence = false;
  std::string_view raw;        // in the text, without the punctuation around it
  std::string_view canonical;  // in `bytes`
  char bytes[kMaxBytes];

  TextToken() = default;
  TextToken(const TextToken&) = delete;
  TextToken& operator=(const TextToken&) = delete;
};

// Reads the tokens of a text one after the other. Allocates nothing.
class TextTokens {
 public:
  explicit TextTokens(std::string_view text) : text_(text) {}
  bool next(TextToken& token);

 private:
  bool next_chunk();
  std::string_view text_;
  std::string_view chunk_;  // what is left of a run without white space
  bool sentence_ended_ = true;
};

// Whether it holds a character that a reader does not see or that reorders others, or is no UTF-8. Line ends
// and tabs count only if `strict`.
bool holds_hidden(std::string_view text, bool strict);

// What one user wrote in one session. Owner thread only; lookups allocate nothing.
class UserText {
 public:
  static constexpr size_t kMaxBytes = 4 << 20;  // what stands beyond is nobody's

  void add(std::string_view message);
  bool empty() const { return tokens_.empty(); }

  // Whether `value`, of the argument of that name, is the user's as a destination. Where it holds addresses,
  // each of them must be. A number of few digits needs a word before it that says what it counts: "file 13".
  bool owns(std::string_view value, std::string_view argument = {}) const;
  // Whether all of it was written by the user in these words: at least `kDictatedTokens`.
  bool dictated(std::string_view value) const;
  // Whether the local part of an e-mail address is made of a name that the user wrote: sarah.baker@… of
  // "Sarah Baker". A single word must be written as a name is, amid a sentence.
  bool names_owner_of(std::string_view email) const;

  static constexpr size_t kDictatedTokens = 4;

 private:
  struct Token {
    uint32_t raw = 0;  // offsets in bytes_
    uint32_t raw_size = 0;
    uint32_t canonical = 0;
    uint32_t canonical_size = 0;
    TextToken::Kind kind = TextToken::Kind::kHidden;
    bool begins_sentence = false;
  };
  struct Key {
    uint64_t hash = 0;
    uint32_t token = 0;
  };
  enum class Compare : uint8_t { kCanonical, kBytes };

  void add_token(const TextToken& token);
  void add_joined(std::string_view message);
  void add_barrier();
  void add_key(std::string_view text, uint32_t token);
  std::string_view raw(const Token& token) const { return {bytes_.data() + token.raw, token.raw_size}; }
  std::string_view canonical(const Token& token) const {
    return {bytes_.data() + token.canonical, token.canonical_size};
  }
  bool same(const Token& mine, const TextToken& theirs, Compare how) const;
  template <class Visit>
  bool any_place(const TextToken& token, Compare how, Visit&& visit) const;
  bool holds_all(std::string_view value, Compare how) const;
  bool holds_in_order(std::string_view value, Compare how) const;
  bool holds_number(const TextToken& number, std::string_view argument) const;
  bool is_anchored(size_t token, std::string_view argument) const;

  std::string bytes_;
  std::vector<Token> tokens_;  // in the order of the text; hidden ones between messages
  std::vector<Key> keys_;      // sorted by hash
};

}  // namespace tau::safety
