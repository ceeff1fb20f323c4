// The documents of a stream repeat the one before but for some strings and integers. A document of a known
// shape needs no parser: its other bytes are compared, and what stands between them is checked and taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace tau::json {

// A value that was read from a document of a stream.
struct Field {
  std::string_view text;  // data() is null: the document has none
  bool fresh = false;     // false: the document before said the same

  // Of a field that holds the JSON text of an integer; nothing when that has no 64 bits, or is something
  // else.
  std::optional<int64_t> integer() const;
  bool given() const { return text.data() != nullptr; }
  bool operator==(std::string_view other) const { return text == other; }
};

// Knows one document, and takes another in its place when that differs in nothing but the values of strings
// and the digits of short integers: then a Reader would find the same tokens, and read the same fields, with
// other texts. It is as strict as a Reader that lets lone surrogates pass.
class Shape {
 public:
  enum class Kind : uint8_t { kString, kPiece, kRaw };  // the call of Reader that read the field

  void clear();
  // Begins with `document`, which `reader` read whole. The reader stays as it is until clear().
  void learn(std::string_view document, const Reader& reader);
  // A field that was read from it. The field stays in its place until clear().
  void follow(Field& field, Kind kind);
  // True when `document` has the shape: the fields then say what it says. Their texts live as long as
  // `document`, and no longer than until the next call.
  bool match(std::string_view document);

 private:
  // A string, with its quotes, or an integer, and where it stands in the document known.
  struct Slot {
    size_t begin = 0;
    size_t end = 0;
    Kind kind = Kind::kString;
    bool is_string = false;
    bool hot = false;  // it has changed
  };
  struct Follower {
    Field* field = nullptr;
    size_t begin = 0;
    size_t end = 0;
    Kind kind = Kind::kString;
  };
  // What stands in a slot in the document being matched.
  struct Found {
    size_t begin = 0;
    size_t end = 0;
    std::string_view text;  // of a string, decoded
    bool escaped = false;
  };
  // A follower whose text changes: from `lead` bytes before one hot slot to `tail` bytes behind another.
  struct Live {
    Field* field = nullptr;
    size_t first = 0;
    size_t last = 0;
    size_t lead = 0;
    size_t tail = 0;
    bool raw = false;
  };

  bool build();
  void add_slot(size_t begin, size_t end);
  bool walk(std::string_view document, std::span<const Slot> slots);
  bool take_string(std::string_view document, const Slot& slot, Found& found);
  bool decode(std::string_view document, const Slot& slot, Found& found);
  bool widen(std::string_view document);
  size_t moved(size_t offset, size_t document_size) const;
  void adopt(std::string_view document);
  void bind(const Follower& follower);
  void update(std::string_view document);

  std::string text_;  // the document known; empty: none
  const Reader* reader_ = nullptr;
  bool built_ = false;
  bool settled_ = false;  // hot_ and live_ are made
  std::vector<Slot> slots_;
  std::vector<Slot> hot_;
  std::vector<Follower> followers_;
  std::vector<Live> live_;
  std::vector<Found> found_;
  std::string scratch_;  // decoded strings
  size_t used_ = 0;      // of scratch_
};

}  // namespace tau::json
