// Looks for the patterns of injection_rules.h in text that was made plain first: what cannot be seen dropped,
// look-alikes of Latin letters replaced, spaced-out letters joined, white space narrowed.
#include "safety/injection.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>

#include "crypto/crypto.h"
#include "json/json.h"
#include "safety/chars.h"
#include "safety/injection_rules.h"
#include "safety/monitor_text.h"
#include "safety/prefilter.h"

namespace tau::safety {
namespace {

constexpr InjectionFamily kFamilies[] = {
    {"instruction_override", "asks to drop instructions or announces new ones", 0.9},
    {"role_spoofing", "claims a mode or a role without rules", 0.8},
    {"delimiter_spoofing", "imitates the marks between system, user and documents", 0.9},
    {"exfiltration", "asks for instructions or secrets, or to send secrets", 0.8},
    {"hidden_text", "hides text from people: invisible characters, styles, comments", 0.8},
    {"false_authority", "claims to be important, or speaks to a model as one", 0.7},
    {"encoded_instructions", "says one of the above in base 64", 0.9},
    {"response_steering", "tells how to answer", 0.5, true},
    {"code_lure", "wants code taken over", 0.4, true},
    {"tool_lure", "orders an action in the first person", 0.5, true},
    {"closing_request", "ends with a request to its reader", 0.3, true},
};
static_assert(std::size(kFamilies) == static_cast<size_t>(InjectionKind::kRequest) + 1);

// Of a pattern around a word: what stands before it, and behind.
constexpr size_t kReachBefore = 160;
constexpr size_t kReachBehind = 320;
constexpr size_t kFewHidden = 3;  // hidden characters that say nothing: emoji, byte order marks
constexpr size_t kMinEncoded = 32;
constexpr size_t kMaxRequest = 240;

// Letters of Cyrillic and Greek that look like Latin ones (Unicode UTS 39, confusables, single scripts).
constexpr std::pair<std::string_view, char> kLookAlikes[] = {
    {"\u0430", 'a'}, {"\u0435", 'e'}, {"\u043e", 'o'}, {"\u0440", 'p'}, {"\u0441", 'c'}, {"\u0445", 'x'},
    {"\u0443", 'y'}, {"\u0456", 'i'}, {"\u0455", 's'}, {"\u0458", 'j'}, {"\u0501", 'd'}, {"\u051b", 'q'},
    {"\u0410", 'A'}, {"\u0412", 'B'}, {"\u0415", 'E'}, {"\u041a", 'K'}, {"\u041c", 'M'}, {"\u041d", 'H'},
    {"\u041e", 'O'}, {"\u0420", 'P'}, {"\u0421", 'C'}, {"\u0422", 'T'}, {"\u0425", 'X'}, {"\u0406", 'I'},
    {"\u03bf", 'o'}, {"\u03b1", 'a'}, {"\u03bd", 'v'}, {"\u03b9", 'i'}, {"\u0131", 'i'}, {"\u2019", '\''},
};

char latin_of(std::string_view character) {
  // Full-width forms: U+FF01 to U+FF5E are U+0021 to U+007E.
  if (character.size() == 3 && character[0] == '\xef') {
    const auto second = static_cast<uint8_t>(character[1]);
    const auto third = static_cast<uint8_t>(character[2]);
    const uint32_t code = 0xf000U | (second & 0x3fU) << 6 | (third & 0x3fU);
    return code >= 0xff01 && code <= 0xff5e ? static_cast<char>(code - 0xfee0) : '\0';
  }
  if (character.size() != 2 && character[0] != '\xe2') return '\0';
  for (const auto& [look_alike, letter] : kLookAlikes)
    if (look_alike == character) return letter;
  return '\0';
}

size_t character_size(std::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  const size_t size = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return std::min(size, text.size());
}

// A text made plain, with where its bytes came from.
class Plain {
 public:
  explicit Plain(std::string_view text) {
    if (is_plain(text)) {
      as_it_is_ = text;
      return;
    }
    text_.reserve(text.size());
    from_.reserve(text.size());
    for (size_t i = 0; i < text.size();) {
      const size_t size = character_size(text.substr(i));
      add(text.substr(i, size), i);
      i += size;
    }
    join_letters();
  }
  std::string_view text() const { return text_.empty() ? as_it_is_ : std::string_view(text_); }
  uint64_t offset(size_t at) const { return text_.empty() ? at : at < from_.size() ? from_[at] : 0; }
  size_t hidden() const { return hidden_; }

 private:
  // ASCII without anything that is made plain: the usual short result. No copy is made of it.
  static bool is_plain(std::string_view text) {
    char before = '\n';
    for (size_t i = 0; i < text.size(); before = text[i++]) {
      const char c = text[i];
      if (static_cast<uint8_t>(c) >= 0x80 || c == '\t' || c == '\r') return false;
      const bool narrowed = (c == ' ' && (before == ' ' || before == '\n')) || (c == '\n' && before == ' ');
      const bool spaced = i + 4 < text.size() && is_spacer(c) && text[i + 2] == c && text[i + 4] == c;
      if (narrowed || spaced) return false;
    }
    return true;
  }
  static bool is_spacer(char c) { return std::string_view(" .-_*").find(c) != std::string_view::npos; }

  void put(char c, size_t from) {
    text_ += c;
    from_.push_back(static_cast<uint32_t>(from));
  }
  void add(std::string_view character, size_t from) {
    if (character.size() == 1 && static_cast<uint8_t>(character[0]) < 0x80) {
      const char c = character[0] == '\t' || character[0] == '\r' ? ' ' : character[0];
      if (c == ' ' && (text_.empty() || text_.back() == ' ' || text_.back() == '\n')) return;
      if (c == '\n' && !text_.empty() && text_.back() == ' ') text_.pop_back(), from_.pop_back();
      return put(c, from);
    }
    if (holds_hidden(character, true)) return void(++hidden_);
    if (const char latin = latin_of(character); latin != '\0') return put(latin, from);
    for (const char c : character) put(c, from);
  }
  // "i g n o r e" and "i.g.n.o.r.e": four letters or more with one separator.
  void join_letters() {
    size_t out = 0;
    for (size_t i = 0; i < text_.size();) {
      const size_t end = spaced_end(i);
      const size_t step = end > i ? 2 : 1;
      for (const size_t stop = std::max(end, i + 1); i < stop; i += step, ++out) {
        text_[out] = text_[i];
        from_[out] = from_[i];
      }
      if (step == 2) --i;  // behind the last letter there is no separator to skip
    }
    text_.resize(out);
    from_.resize(out);
  }
  // Behind the last of the letters that are spaced out from `begin` on; `begin` when none are.
  size_t spaced_end(size_t begin) const {
    const bool may_begin = is_alpha(text_[begin]) && (begin == 0 || !is_alpha(text_[begin - 1]));
    if (!may_begin || begin + 1 >= text_.size()) return begin;
    const char separator = text_[begin + 1];
    if (!is_spacer(separator)) return begin;
    size_t last = begin;
    while (last + 2 < text_.size() && text_[last + 1] == separator && is_alpha(text_[last + 2])) last += 2;
    // The letter of a word that follows is its own.
    if (last > begin && last + 1 < text_.size() && is_alpha(text_[last + 1])) last -= 2;
    return last >= begin + 6 ? last + 1 : begin;
  }

  std::string_view as_it_is_;  // the text itself, when there was nothing to do
  std::string text_;
  std::vector<uint32_t> from_;
  size_t hidden_ = 0;
};

struct Compiled {
  InjectionKind kind;
  Regex regex;
};

struct Table {
  Prefilter words;
  std::vector<Compiled> rules;
  Regex request;
};

Regex compiled(std::string_view pattern) {
  auto regex = Regex::compile(pattern, {.ignore_case = true, .bytes = true});
  return *std::move(regex);  // the table is checked by a test
}

const Table& table() {
  static const Table* const all = [] {
    std::unique_ptr<Table> t(new Table{{}, {}, compiled(request_pattern())});
    for (const InjectionRule& rule : injection_rules()) {
      const auto index = static_cast<uint16_t>(t->rules.size());
      for (std::string_view rest = rule.words; !rest.empty();) {
        const size_t bar = std::min(rest.find('|'), rest.size());
        if (bar >= Prefilter::kMinWord) t->words.add(rest.substr(0, bar), true, index);
        rest.remove_prefix(std::min(bar + 1, rest.size()));
      }
      t->rules.push_back({rule.kind, compiled(std::string("(?s)").append(rule.pattern))});
    }
    t->words.build();
    return t.release();
  }();
  return *all;
}

class Search {
 public:
  Search(const Plain& plain, TextChannel channel) : plain_(plain), channel_(channel) {
    found_.fill(kNowhere);
  }
  void run();
  void mark(InjectionKind kind, uint64_t offset) {
    uint64_t& at = found_[static_cast<size_t>(kind)];
    at = std::min(at, offset);
  }
  std::vector<InjectionSignal> signals() const;

 private:
  static constexpr uint64_t kNowhere = UINT64_MAX;

  void try_rule(uint16_t index, size_t at);
  bool wanted(InjectionKind kind) const {
    const auto i = static_cast<size_t>(kind);
    return found_[i] == kNowhere && (channel_ == TextChannel::kTool || !kFamilies[i].tool_only);
  }
  void find_request();

  const Plain& plain_;
  TextChannel channel_;
  std::array<uint64_t, std::size(kFamilies)> found_{};
  std::vector<size_t> searched_;  // of each rule: the text up to here
};

// Every part of the text is searched for a rule at most a few times, however many words stand in it.
void Search::try_rule(uint16_t index, size_t at) {
  const Compiled& rule = table().rules[index];
  if (searched_.empty()) searched_.assign(table().rules.size(), 0);
  if (!wanted(rule.kind) || at + kReachBehind / 2 < searched_[index]) return;
  const std::string_view text = plain_.text();
  const size_t begin = at > kReachBefore ? at - kReachBefore : 0;
  const size_t end = std::min(text.size(), at + kReachBehind);
  searched_[index] = end;
  size_t where = 0;
  size_t length = 0;
  // A pattern for the beginning of the text must not see that of the window.
  const std::string_view window = text.substr(begin, end - begin);
  if (!rule.regex.search(window, &where, &length)) return;
  if (where == 0 && begin > 0 && length > 0 && is_word(window[0]) && is_word(text[begin - 1])) return;
  mark(rule.kind, plain_.offset(begin + where));
}

void Search::run() {
  const Table& all = table();
  const std::string_view text = plain_.text();
  const size_t end = text.size() < Prefilter::kMinWord ? 0 : text.size() - Prefilter::kMinWord + 1;
  for (size_t at = all.words.next(text, 0); at < end; at = all.words.next(text, at + 1)) {
    for (const uint16_t* word = all.words.begin_at(text.data() + at);
         word != all.words.end_at(text.data() + at); ++word) {
      const Prefilter::Word& w = all.words.word(*word);
      if (!equal_folded(text.substr(at, w.text.size()), w.text)) continue;
      for (const uint16_t rule : w.rules) try_rule(rule, at);
    }
  }
  if (wanted(InjectionKind::kRequest)) find_request();
}

// The last line, when it is short and asks for something.
void Search::find_request() {
  std::string_view text = plain_.text();
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const size_t line = text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1;
  const std::string_view last = text.substr(line);
  size_t length = 0;
  const bool ends = !last.empty() && std::string_view(".?!'\")").find(last.back()) != std::string_view::npos;
  if (ends && last.size() <= kMaxRequest && table().request.match_prefix(last, &length))
    mark(InjectionKind::kRequest, plain_.offset(line));
}

std::vector<InjectionSignal> Search::signals() const {
  std::vector<InjectionSignal> out;
  for (size_t i = 0; i < found_.size(); ++i)
    if (found_[i] != kNowhere) out.push_back({kFamilies[i].name, found_[i], kFamilies[i].score});
  return out;
}

bool is_readable(std::string_view text) {
  const auto printable = [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\t' || c == '\r'; };
  return !text.empty() && std::all_of(text.begin(), text.end(), printable);
}

// What stands in base 64 is searched, too; what it decodes to is not decoded again.
void search_encoded(std::string_view text, Search& search) {
  for (size_t begin = 0; begin < text.size();) {
    if (!is_base64(text[begin])) {
      ++begin;
      continue;
    }
    size_t end = begin;
    while (end < text.size() && is_base64(text[end])) ++end;
    if (end - begin < kMinEncoded) {
      begin = end;
      continue;
    }
    std::string run(text.substr(begin, end - begin));
    while (run.ends_with('=')) run.pop_back();
    if (run.size() >= kMinEncoded && run.size() % 4 != 1) {
      run.append((4 - run.size() % 4) % 4, '=');
      const auto decoded = crypto::base64_decode(run);
      if (decoded.ok() && is_readable(*decoded)) {
        const Plain plain(*decoded);
        Search inner(plain, TextChannel::kUser);
        inner.run();
        if (!inner.signals().empty()) return search.mark(InjectionKind::kEncoded, begin);
      }
    }
    begin = end;
  }
}

}  // namespace

std::string injection_signals_json(std::string_view text, TextChannel channel) {
  std::string out;
  json::Writer w(out);
  w.begin_array();
  for (const InjectionSignal& signal : injection_signals(text, channel)) {
    w.begin_object().field("family", signal.family).field("offset", static_cast<int64_t>(signal.offset));
    w.key("score").number(signal.score).end_object();
  }
  w.end_array();
  return out;
}

std::span<const InjectionFamily> injection_families() { return kFamilies; }

std::vector<InjectionSignal> injection_signals(std::string_view text, TextChannel channel) {
  const Plain plain(text);
  Search search(plain, channel);
  if (plain.hidden() > kFewHidden && plain.hidden() * 8 > std::min<size_t>(text.size(), 256))
    search.mark(InjectionKind::kHidden, 0);
  search.run();
  search_encoded(text, search);
  return search.signals();
}

}  // namespace tau::safety
