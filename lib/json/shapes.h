// The documents that a stream begins with, goes on with and ends with have a few shapes, which follow each
// other in much the same order in every stream of one server.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "json/reader.h"
#include "json/shape.h"

namespace tau::json {

// Knows the shapes of the last few kinds of documents. A Document holds the fields of one; its clear()
// empties it. Which documents are known changes how long reading takes and nothing else.
template <class Document>
class Shapes {
 public:
  static constexpr size_t kMost = 8;
  static constexpr size_t kMostBytes = 256u << 10;  // of the documents known

  // The fields of `text`, when its shape is known; else null. They live until the next call of anything.
  Document* match(std::string_view text) {
    ++clock_;
    const uint8_t likely = last_ == kNone ? first_ : known_[last_]->next;
    if (likely != kNone && matches(likely, text)) return &known_[likely]->document;
    for (uint8_t i = 0; i < count_; ++i)
      if (i != likely && matches(i, text)) return &known_[i]->document;
    return nullptr;
  }

  // Where to read a document that did not match.
  Document& begin() {
    const uint8_t i = place();
    follow_last(i);
    Known& known = *known_[i];
    known.used = clock_;
    known.shape.clear();
    known.document.clear();
    return known.document;
  }

  // `reader` read the document of the last begin() whole; document.follow(shape) has the shape follow its
  // fields.
  void learn(const Reader& reader) {
    Known& known = *known_[last_];
    size_t bytes = reader.document().size();
    if (bytes > kMostBytes) return;
    for (uint8_t i = 0; i < count_; ++i)
      if (i != last_) bytes += known_[i]->shape.bytes();
    for (uint8_t i = 0; i < count_ && bytes > kMostBytes; ++i) {
      if (i == last_) continue;
      bytes -= known_[i]->shape.bytes();
      known_[i]->shape.clear();
    }
    known.shape.learn(reader);
    known.document.follow(known.shape);
  }

  // Another stream begins: nothing in it is the same as before.
  void restart() { last_ = kNone; }

 private:
  static constexpr uint8_t kNone = UINT8_MAX;

  struct Known {
    Document document;
    Shape shape;
    uint64_t used = 0;     // when it matched last
    uint8_t next = kNone;  // what came after it the last time
  };

  bool matches(uint8_t i, std::string_view text) {
    Known& known = *known_[i];
    if (!known.shape.may_match(text) || !known.shape.match(text, i == last_)) return false;
    known.used = clock_;
    follow_last(i);
    return true;
  }

  void follow_last(uint8_t i) {
    (last_ == kNone ? first_ : known_[last_]->next) = i;
    last_ = i;
  }

  // A place that is free, or the one that has not been of use for the longest time.
  uint8_t place() {
    if (count_ < kMost) {
      known_[count_] = std::make_unique<Known>();
      return count_++;
    }
    const auto oldest = std::min_element(known_.begin(), known_.end(),
                                         [](const auto& a, const auto& b) { return a->used < b->used; });
    return static_cast<uint8_t>(oldest - known_.begin());
  }

  std::array<std::unique_ptr<Known>, kMost> known_;
  uint8_t count_ = 0;
  uint8_t first_ = kNone;  // what the last stream began with
  uint8_t last_ = kNone;   // the document before, in this stream
  uint64_t clock_ = 0;
};

}  // namespace tau::json
