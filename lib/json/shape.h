// The documents of a stream repeat the one before but for some strings and numbers. A document of a known
// shape needs no parser: its other bytes are compared, and what stands between them is checked and taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"
#include "json/reader.h"

namespace tau::json {

// Knows one document, and takes another in its place when that differs in nothing but the values of strings
// and of numbers, and integers stay short integers: then a Reader would find the same tokens, and read the
// same fields, with other texts. It is as strict as a Reader that lets lone surrogates pass.
class Shape {
 public:
  void clear();
  // Begins with the document that `reader` read whole.
  void learn(const Reader& reader);
  // A field that was read from it, or a key. The field stays in its place until clear().
  void follow(Field& field);
  // True when `document` has the shape: the fields then say what it says. Their texts live as long as
  // `document`, and no longer than until the next call. With `again` the document before in the stream is the
  // one that matched last, or was learned; else all fields are fresh.
  bool match(std::string_view document, bool again);
  size_t bytes() const { return text_.size(); }  // of the document known
  // False when a look at its ends shows that `document` has another shape.
  bool may_match(std::string_view document) const {
    return document.size() >= sizeof(uint64_t) && ((word(document.data()) ^ head_) & head_mask_) == 0 &&
           ((word(document.data() + document.size() - sizeof(uint64_t)) ^ tail_) & tail_mask_) == 0;
  }

 private:
  struct Follower {
    Field* field = nullptr;
    // Of JSON text: where it begins and ends, from the end of the last slot before.
    size_t lead = 0;
    size_t tail = 0;
  };
  // What stands in a slot in the document being matched.
  struct Found {
    size_t begin = 0;
    size_t end = 0;
    std::string_view text;  // of a hot string, decoded
    bool changed = false;
  };
  // A follower whose text changes: from `lead` bytes before one hot slot to `tail` bytes behind another.
  struct Live {
    Field* field = nullptr;
    size_t first = 0;
    size_t last = 0;
    size_t lead = 0;
    size_t tail = 0;
  };

  static uint64_t word(const char* p) {
    uint64_t word = 0;
    std::memcpy(&word, p, sizeof word);
    return word;
  }
  void note_ends();
  bool match_hot(std::string_view document);
  bool find_changes(std::string_view document);
  bool take(std::string_view document, const Slot& slot, Found& found, bool decoded);
  bool take_string(std::string_view document, const Slot& slot, Found& found, bool decoded);
  bool decode(std::string_view document, const Slot& slot, Found& found);
  void adopt(std::string_view document);
  void bind(const Follower& follower);
  void update(std::string_view document, bool again);
  bool is_string(const Slot& slot) const { return text_[slot.begin] == '"'; }
  size_t end_before(size_t slot) const { return slot == 0 ? 0 : slots_[slot - 1].end; }

  std::string text_;  // the document known; empty: none
  // Its first and last bytes, and those of them that do not change.
  uint64_t head_ = 0;
  uint64_t tail_ = 0;
  uint64_t head_mask_ = 0;
  uint64_t tail_mask_ = 0;
  std::string_view document_;  // what it was read from, while it is learned
  bool settled_ = false;       // hot_ and live_ are made
  bool all_fresh_ = false;     // what does not change is marked as fresh nevertheless
  std::vector<Slot> slots_;
  std::vector<Slot> hot_;
  std::vector<uint32_t> hot_before_;  // how many of the slots before each are hot
  std::vector<Follower> followers_;
  std::vector<Live> live_;
  std::vector<Found> found_;
  std::string scratch_;  // decoded strings
  size_t used_ = 0;      // of scratch_
};

}  // namespace tau::json
