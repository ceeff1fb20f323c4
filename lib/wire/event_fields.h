// Events of a stream read by a table: which members of which objects are fields, and what the others are. All
// events are read in the same way, so that of one that has the shape of an earlier one only what changed is
// read.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "json/json.h"
#include "wire/form.h"
#include "wire/raw_member.h"

namespace tau::wire {

// A member that is read: in the object `in` (0: the event itself), and as what. A member of another kind than
// wanted counts as one of the others.
struct EventRule {
  enum class As : uint8_t {
    kObject,  // `id` is the object's number, from 1
    kText,    // a string
    kPiece,   // a string that others continue (json::Reader::piece)
    kJson     // its JSON text, but for null
  };
  uint8_t in = 0;
  std::string_view key;
  As as = As::kText;
  uint8_t id = 0;
};

// One event: views, nothing interpreted.
struct EventFields {
  static constexpr size_t kMostFields = 24;
  static constexpr size_t kMostObjects = 8;

  const json::Field& operator[](uint8_t id) const { return fields[id]; }
  std::string_view text(uint8_t id) const { return fields[id].text; }
  bool has(uint8_t id) const { return fields[id].given(); }
  // Of an index, which some gateways write as text; 0 when there is none.
  int64_t index(uint8_t id) const;

  void clear();
  void follow(json::Shape& shape);

  std::array<json::Field, kMostFields> fields;
  std::array<RawMembers, kMostObjects> others;  // by the number of their object
  std::array<bool, kMostObjects> present{};
};

// Keeps a member as an extra, unless it is no JSON that can be made compact.
void keep_member(const RawMember& member, json::Compactor& compactor, Extras& extras);

class EventFieldsReader {
 public:
  // The rules outlive the reader.
  explicit EventFieldsReader(std::span<const EventRule> rules) : rules_(rules) {}

  // Null when it is malformed, is no object, or has a key twice; status() says why. Its views live until the
  // next call.
  EventFields* read(std::string_view data);
  const Status& status() const { return status_; }
  // Another stream begins.
  void restart() { shapes_.restart(); }

 private:
  bool read_object(uint8_t number);
  bool read_member(uint8_t number, std::string_view key);

  std::span<const EventRule> rules_;
  EventFields* event_ = nullptr;
  json::Reader reader_{json::Halves::kReplace, true};
  json::Shapes<EventFields> shapes_;
  json::Compactor compactor_{json::Halves::kReplace};
  Status status_;
};

}  // namespace tau::wire
