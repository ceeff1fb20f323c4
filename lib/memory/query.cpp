// Reading queries.
#include "memory/query.h"

#include <algorithm>
#include <array>
#include <utility>

#include "memory/query_times.h"

namespace tau::memory {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool begins_letter(std::string_view text) {
  return !text.empty() && fold_first(text).kind == CharKind::kLetter;
}

struct Quotes {
  std::string_view open;
  std::string_view close;
};
constexpr std::array kQuotes = std::to_array<Quotes>({
    {"\"", "\""},
    {"\xe2\x80\x9c", "\xe2\x80\x9d"},  // “ ”
    {"\xc2\xab", "\xc2\xbb"},          // « »
    {"\xe3\x80\x8c", "\xe3\x80\x8d"},  // corner brackets
});

size_t count_tokens(std::string_view text) {
  TokenReader reader(text);
  size_t tokens = 0;
  for (Token token; tokens < 2 && reader.next(&token);) ++tokens;
  return tokens;
}

// Takes the syntax out of a text, from the front to the end.
class QueryReader {
 public:
  QueryReader(std::string_view text, Query* query) : text_(text), query_(*query) {}

  void read() {
    while (at_ < text_.size()) {
      const bool at_start = at_ == 0 || is_blank(text_[at_ - 1]);
      if (read_phrase() || (at_start && (read_excluded() || read_prefix()))) continue;
      query_.plain.push_back(text_[at_++]);
    }
  }

 private:
  bool read_phrase() {
    const std::string_view rest = text_.substr(at_);
    for (size_t i = 0; i < kQuotes.size(); ++i) {
      if (!rest.starts_with(kQuotes[i].open)) continue;
      if (unclosed_[i]) return false;
      const size_t begin = kQuotes[i].open.size();
      const size_t end = rest.find(kQuotes[i].close, begin);
      unclosed_[i] = end == std::string_view::npos;  // from here on as well
      if (unclosed_[i]) return false;
      const std::string_view inside = rest.substr(begin, end - begin);
      if (query_.phrases.size() < Query::kMaxParts && count_tokens(inside) > 1)
        query_.phrases.emplace_back(inside);
      query_.plain.append(" ").append(inside).append(" ");
      at_ += end + kQuotes[i].close.size();
      return true;
    }
    return false;
  }

  std::string_view word() const {
    const std::string_view rest = text_.substr(at_);
    return rest.substr(0, static_cast<size_t>(std::ranges::find_if(rest, is_blank) - rest.begin()));
  }

  bool read_excluded() {
    const std::string_view whole = word();
    if (whole.size() < 2 || whole[0] != '-' || !begins_letter(whole.substr(1))) return false;
    std::vector<uint64_t> terms;
    Analyzer().analyze(whole.substr(1), &terms);
    if (query_.excluded.size() + terms.size() <= Query::kMaxParts)
      query_.excluded.insert(query_.excluded.end(), terms.begin(), terms.end());
    at_ += whole.size();
    return true;
  }

  bool read_prefix() {
    const std::string_view whole = word();
    if (whole.size() < 3 || !whole.ends_with('*')) return false;
    const std::string_view stump = whole.substr(0, whole.size() - 1);
    TokenReader reader(stump);
    Token token;
    if (!reader.next(&token) || token.end != stump.size() || token.begin != 0) return false;
    if (query_.prefixes.size() < Query::kMaxParts) query_.prefixes.emplace_back(token.text);
    query_.plain.append(stump).push_back(' ');
    at_ += whole.size();
    return true;
  }

  std::string_view text_;
  Query& query_;
  size_t at_ = 0;
  std::array<bool, kQuotes.size()> unclosed_{};
};

// Terms of all words but those of times that are relative: "last week" in a memory was another week.
void read_terms(const std::vector<TimeMention>& mentions, Query* query) {
  std::vector<uint64_t> terms;
  const Analyzer analyzer;
  const std::string_view plain = query->plain;
  size_t from = 0;
  for (const TimeMention& mention : mentions) {
    query->windows.push_back(mention.window);
    query->window_terms.emplace_back();
    if (!mention.relative) continue;
    analyzer.analyze(plain.substr(mention.begin, mention.end - mention.begin), &query->window_terms.back());
    analyzer.analyze(plain.substr(from, mention.begin - from), &terms);
    from = mention.end;
  }
  analyzer.analyze(plain.substr(from), &terms);
  for (const std::string& prefix : query->prefixes) {  // it is looked for as one
    std::vector<uint64_t> stump;
    analyzer.analyze(prefix, &stump);
    for (const uint64_t term : stump)
      if (const auto found = std::ranges::find(terms, term); found != terms.end()) terms.erase(found);
  }
  std::ranges::sort(query->excluded);
  std::erase_if(terms, [&](uint64_t term) { return std::ranges::binary_search(query->excluded, term); });
  count_terms(terms, &query->terms);
  if (query->terms.size() > Query::kMaxTerms) query->terms.resize(Query::kMaxTerms);
}

}  // namespace

void Query::read_as_words(size_t window) {
  for (const uint64_t term : std::exchange(window_terms[window], {})) {
    if (std::ranges::binary_search(excluded, term)) continue;
    const auto at = std::ranges::lower_bound(terms, term, {}, &TermCount::term);
    if (at != terms.end() && at->term == term) {
      ++at->count;
    } else if (terms.size() < kMaxTerms) {
      terms.insert(at, {term, 1});
    }
  }
}

Query parse_query(std::string_view text, int64_t now_ms) {
  Query query;
  QueryReader(truncate_utf8(text, Query::kMaxBytes), &query).read();
  read_terms(find_time_mentions(query.plain, now_ms, Query::kMaxParts), &query);
  return query;
}

}  // namespace tau::memory
