#include "aho_corasick.h"

#include <algorithm>
#include <cctype>
#include <deque>

namespace tau::bench {

void AhoCorasick::add(std::string_view word, uint32_t rule) {
  uint32_t at = 0;
  for (const char c : word) {
    const auto byte = static_cast<size_t>(std::tolower(static_cast<unsigned char>(c)));
    if (nodes_[at].next[byte] == 0) {
      nodes_[at].next[byte] = static_cast<uint32_t>(nodes_.size());
      nodes_.emplace_back();
    }
    at = nodes_[at].next[byte];
  }
  nodes_[at].rules.push_back(rule);
}

void AhoCorasick::build() {
  std::deque<uint32_t> queue;
  for (const uint32_t child : nodes_[0].next)
    if (child != 0) queue.push_back(child);
  while (!queue.empty()) {
    const uint32_t at = queue.front();
    queue.pop_front();
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t child = nodes_[at].next[byte];
      const uint32_t otherwise = nodes_[nodes_[at].fallback].next[byte];
      if (child == 0) {
        nodes_[at].next[byte] = otherwise;
        continue;
      }
      nodes_[child].fallback = otherwise;
      const std::vector<uint32_t>& inherited = nodes_[otherwise].rules;
      nodes_[child].rules.insert(nodes_[child].rules.end(), inherited.begin(), inherited.end());
      queue.push_back(child);
    }
  }
}

void AhoCorasick::find(std::string_view text, std::vector<bool>& seen) const {
  uint32_t at = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    at = nodes_[at].next[byte >= 'A' && byte <= 'Z' ? byte | 0x20U : byte];
    for (const uint32_t rule : nodes_[at].rules) seen[rule] = true;
  }
}

void ReferenceScanner::add(const std::vector<std::string>& words, const std::string& pattern) {
  for (const std::string& word : words) automaton_.add(word, static_cast<uint32_t>(patterns_.size()));
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  patterns_.push_back(std::make_unique<re2::RE2>(pattern, options));
}

size_t ReferenceScanner::scan(std::string_view text) {
  seen_.assign(patterns_.size(), false);
  automaton_.find(text, seen_);
  size_t found = 0;
  const re2::StringPiece whole(text.data(), text.size());
  for (size_t i = 0; i < patterns_.size(); ++i)
    if (seen_[i] && re2::RE2::PartialMatch(whole, *patterns_[i])) ++found;
  return found;
}

}  // namespace tau::bench
