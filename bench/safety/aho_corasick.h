// The usual way to scan for credentials: an Aho-Corasick automaton over the rules' words, case dropped, and
// for each rule of which a word occurs its pattern over the whole text, with RE2.
#pragma once

#include <re2/re2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tau::bench {

class AhoCorasick {
 public:
  void add(std::string_view word, uint32_t rule);
  void build();
  // Sets seen[rule] for every rule of which a word stands in the text.
  void find(std::string_view text, std::vector<bool>& seen) const;

 private:
  struct Node {
    std::array<uint32_t, 256> next{};
    std::vector<uint32_t> rules;
    uint32_t fallback = 0;
  };
  std::vector<Node> nodes_{1};
};

class ReferenceScanner {
 public:
  void add(const std::vector<std::string>& words, const std::string& pattern);
  void build() { automaton_.build(); }
  size_t scan(std::string_view text);

 private:
  AhoCorasick automaton_;
  std::vector<std::unique_ptr<re2::RE2>> patterns_;
  std::vector<bool> seen_;
};

}  // namespace tau::bench
