// Most chunks of a stream differ from the one before in a single string, the piece of text they bring. The
// shape of a chunk is all its other bytes: a chunk of the same shape says nothing new but that string.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tau::wire::openai {

class ChunkShape {
 public:
  void clear() { chunk_.clear(); }

  // Keeps the shape of a well-formed chunk whose piece of text is the string with its opening quote at
  // `open`. `field` names where the piece belongs and outlives this.
  void learn(std::string_view chunk, size_t open, std::string_view field) {
    size_t close = open + 1;
    while (chunk[close] != '"') close += chunk[close] == '\\' ? 2 : 1;
    chunk_.assign(chunk);
    before_ = open;
    after_ = chunk.size() - close - 1;
    field_ = field;
  }

  // What stands in `chunk` where the piece stood; empty when other bytes differ. If, and only if, it is one
  // JSON string, the chunk is well formed and differs in nothing but that string.
  std::string_view match(std::string_view chunk) const {
    if (chunk_.empty() || chunk.size() <= before_ + after_) return {};
    const std::string_view known = chunk_;
    if (chunk.substr(0, before_) != known.substr(0, before_)) return {};
    if (chunk.substr(chunk.size() - after_) != known.substr(known.size() - after_)) return {};
    return chunk.substr(before_, chunk.size() - before_ - after_);
  }

  std::string_view field() const { return field_; }

 private:
  std::string chunk_;  // empty: no shape is known
  std::string_view field_;
  size_t before_ = 0;  // bytes before the piece's opening quote
  size_t after_ = 0;   // bytes after its closing quote
};

}  // namespace tau::wire::openai
