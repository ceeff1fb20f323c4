// The English stemmer.
#include "memory/stemmer.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>

namespace tau::memory {
namespace {

struct Rule {
  std::string_view suffix;
  std::string_view instead;
};

// The word while it shrinks. "Y" stands for a y that is a consonant.
class Word {
 public:
  Word(char* text, size_t length) : text_(text), length_(length) {}

  size_t stem();

 private:
  std::string_view view() const { return {text_, length_}; }
  char at(size_t i) const { return text_[i]; }
  char from_end(size_t i) const { return i <= length_ && i > 0 ? text_[length_ - i] : '\0'; }
  static bool is_vowel(char c) {
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
  }
  // Nearly always the last letter says no.
  bool ends(std::string_view suffix) const {
    return length_ > 0 && text_[length_ - 1] == suffix.back() && view().ends_with(suffix);
  }
  void replace(size_t cut, std::string_view instead) {
    std::memcpy(text_ + length_ - cut, instead.data(), instead.size());
    length_ = length_ - cut + instead.size();
  }
  bool in_r1(std::string_view suffix) const { return length_ - suffix.size() >= r1_; }
  bool in_r2(std::string_view suffix) const { return length_ - suffix.size() >= r2_; }
  bool has_vowel(size_t before) const { return std::any_of(text_, text_ + before, is_vowel); }
  // Whether the first `end` letters end in a short syllable.
  bool short_syllable(size_t end) const {
    if (end == 2) return is_vowel(at(0)) && !is_vowel(at(1));
    if (end < 3) return false;
    const char last = at(end - 1);
    return !is_vowel(last) && last != 'w' && last != 'x' && last != 'Y' && is_vowel(at(end - 2)) &&
           !is_vowel(at(end - 3));
  }
  bool is_short() const { return r1_ >= length_ && short_syllable(length_); }
  // The rule with the longest suffix that the word has; null when there is none.
  const Rule* longest(std::span<const Rule> rules) const {
    const Rule* best = nullptr;
    for (const Rule& rule : rules)
      if (ends(rule.suffix) && (best == nullptr || rule.suffix.size() > best->suffix.size())) best = &rule;
    return best;
  }

  bool special();
  void mark_consonants();
  size_t region(size_t from) const;
  void plural();
  bool stands_as_it_is() const;
  void past_and_gerund();
  void final_y();
  void derived();
  void derived_further();
  void residual();
  void final_e();

  char* text_;
  size_t length_;
  size_t r1_ = 0;
  size_t r2_ = 0;
};

bool Word::special() {
  static constexpr Rule kForms[] = {
      {"skis", "ski"},      {"skies", "sky"},    {"dying", "die"},   {"lying", "lie"},   {"tying", "tie"},
      {"idly", "idl"},      {"gently", "gentl"}, {"ugly", "ugli"},   {"early", "earli"}, {"only", "onli"},
      {"singly", "singl"},  {"sky", "sky"},      {"news", "news"},   {"howe", "howe"},   {"atlas", "atlas"},
      {"cosmos", "cosmos"}, {"bias", "bias"},    {"andes", "andes"},
  };
  for (const Rule& form : kForms)
    if (form.suffix[0] == text_[0] && form.suffix == view()) {
      replace(length_, form.instead);
      return true;
    }
  return false;
}

void Word::mark_consonants() {
  for (size_t i = 0; i < length_; ++i)
    if (text_[i] == 'y' && (i == 0 || is_vowel(text_[i - 1]))) text_[i] = 'Y';
}

// Behind the first consonant that follows a vowel.
size_t Word::region(size_t from) const {
  for (size_t i = from + 1; i < length_; ++i)
    if (!is_vowel(at(i)) && is_vowel(at(i - 1))) return i + 1;
  return length_;
}

void Word::plural() {
  if (ends("sses")) return replace(4, "ss");
  if (ends("ied") || ends("ies")) return replace(3, length_ > 4 ? "i" : "ie");
  if (ends("us") || ends("ss") || !ends("s")) return;
  if (length_ >= 2 && has_vowel(length_ - 2)) replace(1, "");
}

bool Word::stands_as_it_is() const {
  static constexpr std::string_view kWords[] = {"inning",  "outing",  "canning", "herring", "earring",
                                                "evening", "proceed", "exceed",  "succeed"};
  return std::ranges::any_of(kWords,
                             [this](std::string_view word) { return word[0] == text_[0] && word == view(); });
}

void Word::past_and_gerund() {
  static constexpr Rule kRules[] = {{"eed", ""},  {"eedly", ""}, {"ed", ""},
                                    {"edly", ""}, {"ing", ""},   {"ingly", ""}};
  const Rule* const rule = longest(kRules);
  if (rule == nullptr) return;
  if (rule->suffix.starts_with("ee")) {
    if (in_r1(rule->suffix)) replace(rule->suffix.size(), "ee");
    return;
  }
  if (!has_vowel(length_ - rule->suffix.size())) return;
  replace(rule->suffix.size(), "");
  if (ends("at") || ends("bl") || ends("iz")) return replace(0, "e");
  const char last = from_end(1);
  if (last == from_end(2) && std::string_view("bdfgmnprt").find(last) != std::string_view::npos) {
    if (length_ > 3 || std::string_view("aeo").find(at(0)) == std::string_view::npos)
      replace(1, "");  // "add"
    return;
  }
  if (is_short()) replace(0, "e");
}

void Word::final_y() {
  if (length_ > 2 && (from_end(1) == 'y' || from_end(1) == 'Y') && !is_vowel(from_end(2))) replace(1, "i");
}

void Word::derived() {
  static constexpr Rule kRules[] = {
      {"tional", "tion"}, {"enci", "ence"},   {"anci", "ance"},   {"abli", "able"},   {"entli", "ent"},
      {"izer", "ize"},    {"ization", "ize"}, {"ational", "ate"}, {"ation", "ate"},   {"ator", "ate"},
      {"alism", "al"},    {"aliti", "al"},    {"alli", "al"},     {"fulness", "ful"}, {"ousli", "ous"},
      {"ousness", "ous"}, {"iveness", "ive"}, {"iviti", "ive"},   {"biliti", "ble"},  {"bli", "ble"},
      {"ogi", "og"},      {"ogist", "og"},    {"fulli", "ful"},   {"lessli", "less"}, {"li", ""},
  };
  const Rule* const rule = longest(kRules);
  if (rule == nullptr || !in_r1(rule->suffix)) return;
  if (rule->suffix == "ogi" && from_end(4) != 'l') return;
  if (rule->suffix == "li" && std::string_view("cdeghkmnrt").find(from_end(3)) == std::string_view::npos)
    return;
  replace(rule->suffix.size(), rule->instead);
}

void Word::derived_further() {
  static constexpr Rule kRules[] = {
      {"tional", "tion"}, {"ational", "ate"}, {"alize", "al"}, {"icate", "ic"}, {"iciti", "ic"},
      {"ical", "ic"},     {"ful", ""},        {"ness", ""},    {"ative", ""},
  };
  const Rule* const rule = longest(kRules);
  if (rule == nullptr || !in_r1(rule->suffix)) return;
  if (rule->suffix == "ative" && !in_r2(rule->suffix)) return;
  replace(rule->suffix.size(), rule->instead);
}

void Word::residual() {
  static constexpr Rule kRules[] = {
      {"al", ""},   {"ance", ""}, {"ence", ""},  {"er", ""},   {"ic", ""},  {"able", ""},
      {"ible", ""}, {"ant", ""},  {"ement", ""}, {"ment", ""}, {"ent", ""}, {"ism", ""},
      {"ate", ""},  {"iti", ""},  {"ous", ""},   {"ive", ""},  {"ize", ""}, {"ion", ""},
  };
  const Rule* const rule = longest(kRules);
  if (rule == nullptr || !in_r2(rule->suffix)) return;
  if (rule->suffix == "ion" && from_end(4) != 's' && from_end(4) != 't') return;
  replace(rule->suffix.size(), "");
}

void Word::final_e() {
  if (ends("e")) {
    if (in_r2("e") || (in_r1("e") && !short_syllable(length_ - 1))) replace(1, "");
  } else if (ends("ll") && in_r2("l")) {
    replace(1, "");
  }
}

size_t Word::stem() {
  if (length_ <= 2 || special()) return length_;
  mark_consonants();
  r1_ = region(0);
  for (const std::string_view start :
       {"gener", "commun", "arsen", "past", "univers", "later", "emerg", "organ", "inter"})
    if (at(0) == start.front() && view().starts_with(start)) r1_ = start.size();
  r2_ = r1_ < length_ ? region(r1_) : length_;
  plural();
  if (!stands_as_it_is()) {
    past_and_gerund();
    final_y();
    derived();
    derived_further();
    residual();
    final_e();
  }
  std::replace(text_, text_ + length_, 'Y', 'y');
  return length_;
}

}  // namespace

size_t stem_english(char* word, size_t length) { return Word(word, length).stem(); }

}  // namespace tau::memory
