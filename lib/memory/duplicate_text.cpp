#include "memory/duplicate_text.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "base/base.h"

namespace tau::memory {
namespace {

// Sorted lists, looked up by binary search.
constexpr std::string_view kLight[] = {
    "*",      "-",    "a",      "actually",     "also",         "an", "basically",
    "indeed", "just", "please", "really",       "simply",       "so", "that",
    "the",    "too",  "very",   "\xe2\x80\x93", "\xe2\x80\xa2",
};
constexpr std::string_view kNumberWords[] = {
    "billion", "double", "dozen",   "eight",     "eighteen", "eighth",  "eighty",   "eleven",  "fifteen",
    "fifth",   "fifty",  "first",   "five",      "forty",    "four",    "fourteen", "fourth",  "half",
    "hundred", "last",   "million", "nine",      "nineteen", "ninety",  "ninth",    "once",    "one",
    "quarter", "second", "seven",   "seventeen", "seventh",  "seventy", "six",      "sixteen", "sixth",
    "sixty",   "ten",    "tenth",   "third",     "thirteen", "thirty",  "thousand", "three",   "triple",
    "twelve",  "twenty", "twice",   "two",       "zero",
};
constexpr std::string_view kDateWords[] = {
    "afternoon", "annually",  "april",  "august",  "autumn",  "century",  "daily",    "dawn",     "day",
    "decade",    "december",  "dusk",   "early",   "evening", "fall",     "february", "friday",   "hour",
    "hourly",    "january",   "july",   "june",    "late",    "midnight", "minute",   "monday",   "month",
    "monthly",   "morning",   "next",   "night",   "noon",    "november", "now",      "october",  "previous",
    "saturday",  "september", "spring", "summer",  "sunday",  "thursday", "today",    "tomorrow", "tonight",
    "tuesday",   "wednesday", "week",   "weekend", "weekly",  "winter",   "year",     "yearly",   "yesterday",
};
constexpr std::string_view kPolarWords[] = {
    "above",     "accept",   "accepted", "add",       "added",    "after",     "against",   "all",
    "allow",     "allowed",  "always",   "any",       "approve",  "approved",  "before",    "begin",
    "behind",    "below",    "buy",      "cancel",    "canceled", "cancelled", "cannot",    "cant",
    "close",     "closed",   "decrease", "decreased", "denied",   "deny",      "disable",   "disabled",
    "dislike",   "dislikes", "down",     "enable",    "enabled",  "end",       "fail",      "failed",
    "false",     "few",      "from",     "gain",      "good",     "hardly",    "hate",      "hates",
    "high",      "higher",   "if",       "in",        "increase", "increased", "inside",    "left",
    "less",      "lose",     "lost",     "love",      "loves",    "low",       "lower",     "many",
    "max",       "maximum",  "maybe",    "min",       "minimum",  "more",      "must",      "neither",
    "never",     "no",       "nobody",   "none",      "nor",      "not",       "nothing",   "nowhere",
    "off",       "on",       "only",     "open",      "opened",   "optional",  "or",        "out",
    "outside",   "over",     "pass",     "passed",    "rarely",   "refuse",    "refused",   "reject",
    "rejected",  "remove",   "removed",  "required",  "right",    "seldom",    "sell",      "some",
    "sometimes", "start",    "started",  "stop",      "stopped",  "succeed",   "succeeded", "to",
    "true",      "under",    "unless",   "until",     "up",       "will",      "win",       "with",
    "without",   "won",      "worse",    "would",     "wrong",    "yes",
};

static_assert(std::is_sorted(std::begin(kLight), std::end(kLight)));
static_assert(std::is_sorted(std::begin(kNumberWords), std::end(kNumberWords)));
static_assert(std::is_sorted(std::begin(kDateWords), std::end(kDateWords)));
static_assert(std::is_sorted(std::begin(kPolarWords), std::end(kPolarWords)));

template <size_t N>
bool listed(const std::string_view (&list)[N], std::string_view word) {
  return std::binary_search(std::begin(list), std::end(list), word);
}

struct Point {
  uint32_t code;
  size_t size;
};
Point point_at(std::string_view text) {  // of valid UTF-8
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  uint32_t code = lead & (0x7fU >> size);
  for (size_t i = 1; i < size; ++i) code = code << 6 | (static_cast<uint8_t>(text[i]) & 0x3fU);
  return {code, size};
}

bool is_space(uint32_t code) {
  return code == ' ' || (code >= '\t' && code <= '\r') || code == 0xa0 || code == 0x3000 ||
         (code >= 0x2000 && code <= 0x200b) || code == 0x2028 || code == 0x2029 || code == 0xfeff;
}

// Lower case of Latin, Greek and Cyrillic; itself for what has none.
uint32_t folded(uint32_t code) {
  if (code >= 'A' && code <= 'Z') return code + 32;
  if (code < 0xc0) return code;
  if (code <= 0xde) return code == 0xd7 ? code : code + 32;
  if (code >= 0x100 && code <= 0x137) return code | 1;
  if (code >= 0x14a && code <= 0x177) return code | 1;
  if (code >= 0x391 && code <= 0x3a9) return code + 32;
  if (code >= 0x410 && code <= 0x42f) return code + 32;
  if (code >= 0x400 && code <= 0x40f) return code + 80;
  return code;
}

void append_code(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

bool is_edge(uint32_t code) {
  constexpr std::string_view kAscii = ".,;:!?\"'()[]{}*_`";
  if (code < 0x80) return kAscii.find(static_cast<char>(code)) != std::string_view::npos;
  return (code >= 0x2018 && code <= 0x201f) || code == 0x2026 || code == 0xab || code == 0xbb ||
         (code >= 0x3001 && code <= 0x3002) || (code >= 0x300a && code <= 0x300f);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The word without punctuation around it; ".5" keeps its point.
std::string_view without_edges(std::string_view word) {
  while (!word.empty()) {
    const Point first = point_at(word);
    if (!is_edge(first.code) || (word[0] == '.' && word.size() > 1 && is_digit(word[1]))) break;
    word.remove_prefix(first.size);
  }
  while (!word.empty()) {
    size_t at = word.size() - 1;
    while ((static_cast<uint8_t>(word[at]) & 0xc0) == 0x80) --at;
    if (!is_edge(point_at(word.substr(at)).code)) break;
    word = word.substr(0, at);
  }
  return word;
}

std::string lower(std::string_view word) {
  std::string out;
  out.reserve(word.size());
  for (std::string_view rest = word; !rest.empty();) {
    const Point point = point_at(rest);
    // One apostrophe for all.
    append_code(out, point.code == 0x2019 || point.code == 0x2bc ? '\'' : folded(point.code));
    rest.remove_prefix(point.size);
  }
  return out;
}

// "plans" and "plan", "Bob's" and "Bob"; not "class", "this", "is".
std::string_view without_s(std::string_view word) {
  if (word.ends_with("'s")) return word.substr(0, word.size() - 2);
  const bool plural = word.size() > 3 && word.ends_with('s') && !word.ends_with("ss") &&
                      !word.ends_with("us") && !word.ends_with("is");
  return plural ? word.substr(0, word.size() - 1) : word;
}

bool is_negation(std::string_view low) { return low.ends_with("n't") || low == "cannot"; }

class FormMaker {
 public:
  TextForm take(std::string_view text) {
    bool sentence = true;  // the next word begins one
    while (!text.empty()) {
      size_t end = 0;
      bool line_break = false;
      while (end < text.size()) {
        const Point point = point_at(text.substr(end));
        if (is_space(point.code)) {
          line_break = point.code == '\n' || point.code == '\r';
          break;
        }
        end += point.size;
      }
      const std::string_view raw = text.substr(0, end);
      if (!raw.empty()) sentence = word(raw, sentence);
      sentence = sentence || line_break;
      if (end < text.size()) end += point_at(text.substr(end)).size;
      text.remove_prefix(end);
    }
    std::sort(form_.capitals.begin(), form_.capitals.end());
    form_.capitals.erase(std::unique(form_.capitals.begin(), form_.capitals.end()), form_.capitals.end());
    return std::move(form_);
  }

 private:
  // Whether a sentence begins after it.
  bool word(std::string_view raw, bool starts) {
    const bool asks = raw.find('?') != std::string_view::npos;
    const std::string_view bare = without_edges(raw);
    const bool ends = raw.ends_with('.') || raw.ends_with('!') || raw.ends_with(':') || asks;
    if (!bare.empty()) {
      const std::string low = lower(bare);
      if (!form_.plain.empty()) form_.plain += ' ';
      form_.plain += low;
      guard(bare, low, starts);
      if (!listed(kLight, low)) form_.words.emplace_back(without_s(low));
      if (low == "-" || low == "*" || low == "\xe2\x80\xa2") return starts;
    }
    // A question states nothing.
    if (asks) {
      form_.plain += " ?";
      form_.guards.emplace_back("?");
    }
    return ends || (bare.empty() && starts);
  }

  void guard(std::string_view bare, const std::string& low, bool starts) {
    const bool digits = std::any_of(low.begin(), low.end(), is_digit);
    const std::string_view singular = without_s(low);
    const bool first_capital = folded(point_at(bare).code) != point_at(bare).code;
    const bool pronoun = low == "i" || low.starts_with("i'");
    if (first_capital && !pronoun && !listed(kLight, low)) form_.capitals.push_back(low);
    if (digits) {
      std::string number = low;
      std::erase(number, ',');
      form_.guards.push_back(std::move(number));
    } else if (listed(kNumberWords, low) || listed(kDateWords, singular) || listed(kDateWords, low) ||
               listed(kPolarWords, low) || is_negation(low)) {
      form_.guards.push_back(low);
    } else if (!pronoun && (is_identifier(bare, first_capital) || (first_capital && !starts))) {
      form_.guards.emplace_back(without_s(low));
    }
  }

  // Paths, addresses, names of code, abbreviations: with a mark or a capital within.
  static bool is_identifier(std::string_view bare, bool first_capital) {
    constexpr std::string_view kMarks = "_/\\@#$%&=+<>|~^";
    if (bare.find_first_of(kMarks) != std::string_view::npos) return true;
    if (bare.find("::") != std::string_view::npos || bare.find('.') != std::string_view::npos) return true;
    std::string_view rest = bare;
    for (rest.remove_prefix(point_at(rest).size); !rest.empty(); rest.remove_prefix(point_at(rest).size))
      if (folded(point_at(rest).code) != point_at(rest).code) return true;
    return first_capital && bare.size() == 1 && bare != "A";
  }

  TextForm form_;
};

uint64_t mixed(uint64_t z) {  // SplitMix64
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

uint64_t hash_list(const std::vector<std::string>& list) {
  uint64_t hash = 0x9e3779b97f4a7c15U + list.size();
  for (const std::string& item : list) hash = hash_of(item, hash);
  return hash;
}

uint64_t simhash_of(const std::vector<std::string>& words) {
  std::array<int32_t, 64> votes{};
  for (const std::string& word : words) {
    const uint64_t hash = hash_of(word, 1);
    for (size_t bit = 0; bit < votes.size(); ++bit) votes[bit] += (hash >> bit & 1) != 0 ? 1 : -1;
  }
  uint64_t out = 0;
  for (size_t bit = 0; bit < votes.size(); ++bit)
    if (votes[bit] > 0) out |= uint64_t{1} << bit;
  return out;
}

// One permutation hashing (Li, Owen, Zhang 2012); an empty bin borrows from the next one that is not
// (Shrivastava, Li 2014).
std::array<uint32_t, kBands> bands_of(const std::vector<uint64_t>& shingles) {
  constexpr size_t kBins = kBands * kBandRows;
  constexpr uint64_t kEmpty = ~uint64_t{0};
  std::array<uint64_t, kBins> bins;
  bins.fill(kEmpty);
  for (const uint64_t shingle : shingles) {
    const uint64_t hash = mixed(shingle + 0x9e3779b97f4a7c15U);
    uint64_t& bin = bins[(hash >> 32) * kBins >> 32];
    bin = std::min(bin, hash & 0xffffffffU);
  }
  std::array<uint32_t, kBands> bands{};
  if (shingles.empty()) return bands;
  for (size_t band = 0; band < kBands; ++band) {
    uint64_t hash = band;
    for (size_t i = band * kBandRows; i < (band + 1) * kBandRows; ++i) {
      size_t steps = 0;
      while (bins[(i + steps) % kBins] == kEmpty) ++steps;
      hash = mixed(hash ^ (bins[(i + steps) % kBins] + (uint64_t{steps} << 32)));
    }
    bands[band] = static_cast<uint32_t>(hash);
  }
  return bands;
}

bool is_subsequence(const std::vector<std::string>& of, const std::vector<std::string>& whole) {
  size_t at = 0;
  for (const std::string& word : whole)
    if (at < of.size() && of[at] == word) ++at;
  return at == of.size();
}

std::vector<uint64_t> word_set(const TextForm& form) {
  std::vector<uint64_t> set;
  set.reserve(form.words.size());
  for (const std::string& word : form.words) set.push_back(hash_of(word));
  std::sort(set.begin(), set.end());
  set.erase(std::unique(set.begin(), set.end()), set.end());
  return set;
}

bool has_word(const TextForm& form, std::string_view word) {
  return std::find(form.words.begin(), form.words.end(), without_s(word)) != form.words.end();
}

}  // namespace

uint64_t hash_of(std::string_view text, uint64_t seed) {
  uint64_t hash = seed ^ (text.size() * 0x9e3779b97f4a7c15U);
  while (text.size() >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    hash = mixed(hash ^ word) + 0x9e3779b97f4a7c15U;
    text.remove_prefix(8);
  }
  uint64_t tail = 0;
  std::memcpy(&tail, text.data(), text.size());
  return mixed(hash ^ tail ^ 0x2545f4914f6cdd1dU);
}

TextForm form_of(std::string_view text) {
  if (is_valid_utf8(text)) return FormMaker().take(text);
  const std::string repaired = repair_utf8(text);
  return FormMaker().take(repaired);
}

std::vector<uint64_t> shingles_of(const TextForm& form) {
  constexpr size_t kChars = 5;
  std::vector<size_t> begins;
  begins.reserve(form.plain.size() + 1);
  for (size_t i = 0; i < form.plain.size(); ++i)
    if ((static_cast<uint8_t>(form.plain[i]) & 0xc0) != 0x80) begins.push_back(i);
  const size_t characters = begins.size();
  begins.push_back(form.plain.size());
  const std::string_view plain = form.plain;
  std::vector<uint64_t> shingles;
  if (characters <= kChars) {
    if (characters > 0) shingles.push_back(hash_of(plain));
    return shingles;
  }
  shingles.reserve(characters);
  for (size_t i = 0; i + kChars <= characters; ++i)
    shingles.push_back(hash_of(plain.substr(begins[i], begins[i + kChars] - begins[i])));
  std::sort(shingles.begin(), shingles.end());
  shingles.erase(std::unique(shingles.begin(), shingles.end()), shingles.end());
  return shingles;
}

double overlap(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
  size_t shared = 0;
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i] == b[j]) ++shared;
    const bool forward = a[i] <= b[j];
    if (b[j] <= a[i]) ++j;
    if (forward) ++i;
  }
  const size_t all = a.size() + b.size() - shared;
  return all == 0 ? 1 : static_cast<double>(shared) / static_cast<double>(all);
}

double word_overlap(const TextForm& a, const TextForm& b) { return overlap(word_set(a), word_set(b)); }

bool words_agree(const TextForm& a, const TextForm& b) {
  const auto& shorter = a.words.size() <= b.words.size() ? a.words : b.words;
  const auto& longer = a.words.size() <= b.words.size() ? b.words : a.words;
  return longer.size() - shorter.size() <= shorter.size() / kWordsForOneMore &&
         is_subsequence(shorter, longer);
}

bool capitals_agree(const TextForm& a, const TextForm& b) {
  const auto all_in = [](const TextForm& from, const TextForm& other) {
    return std::all_of(from.capitals.begin(), from.capitals.end(),
                       [&](const std::string& word) { return has_word(other, word); });
  };
  return all_in(a, b) && all_in(b, a);
}

TextPrint print_of(const TextForm& form) {
  TextPrint print;
  print.plain = hash_of(form.plain);
  print.words = hash_list(form.words);
  print.word_count = form.words.size();
  print.guards = hash_list(form.guards);
  print.simhash = simhash_of(form.words);
  print.bands = bands_of(shingles_of(form));
  return print;
}

}  // namespace tau::memory
