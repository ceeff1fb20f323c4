// Choosing words for feedback.
#include "memory/feedback.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "memory/text_analysis.h"

namespace tau::memory {
namespace {

constexpr size_t kMaxTextBytes = 16'384;  // the beginning of a long text says what it is about

struct Choice {
  uint64_t term = 0;
  double weight = 0;  // probability in the texts
  double value = 0;   // by which it is chosen
};

}  // namespace

std::vector<WeightedTerm> feedback_terms(const std::vector<FeedbackText>& texts, const TermWeights& weights) {
  double total = 0;
  for (const FeedbackText& text : texts) total += text.score;
  if (!(total > 0)) return {};
  std::map<uint64_t, double> shares;
  for (const FeedbackText& text : texts) {
    std::vector<uint64_t> terms;
    std::vector<TermCount> counts;
    Analyzer().analyze(truncate_utf8(text.text, kMaxTextBytes), &terms);
    const auto length = static_cast<double>(terms.size());
    count_terms(terms, &counts);
    for (const TermCount& count : counts) shares[count.term] += text.score / total * count.count / length;
  }
  std::vector<Choice> choices;
  for (const auto& [term, share] : shares)
    if (const double value = share * weights.weight(term); value > 0) choices.push_back({term, share, value});
  std::ranges::sort(choices, [](const Choice& a, const Choice& b) {
    return a.value != b.value ? a.value > b.value : a.term < b.term;
  });
  if (choices.size() > kFeedbackTerms) choices.resize(kFeedbackTerms);
  std::ranges::sort(choices, {}, &Choice::term);
  double sum = 0;
  for (const Choice& choice : choices) sum += choice.weight;
  std::vector<WeightedTerm> terms;
  for (const Choice& choice : choices) terms.push_back({choice.term, choice.weight / sum});
  return terms;
}

}  // namespace tau::memory
