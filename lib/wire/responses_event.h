// One event of a Responses stream, as far as its deltas need: views, nothing interpreted. All events are read
// in the same way, so that of one that has the shape of an earlier one only what changed is read.
#pragma once

#include <string_view>

#include "json/json.h"

namespace tau::wire::responses {

enum class EventType : uint8_t {
  kOther,  // of no interest, or from the future
  kTextDelta,
  kRefusalDelta,
  kSummaryDelta,
  kReasoningDelta,
  kArgumentsDelta,
  kCustomDelta,
  kTextDone,
  kRefusalDone,
  kSummaryDone,
  kReasoningDone,
  kArgumentsDone,
  kCustomDone,
  kBegun,  // created, queued, in_progress
  kItemAdded,
  kItemDone,
  kEnded,  // completed, incomplete, cancelled
  kFailed,
  kError
};

struct Event {
  json::Field type;
  json::Field delta;
  json::Field item_id;
  json::Field output_index;  // JSON text of an integer
  json::Field content_index;
  json::Field summary_index;
  json::Field error;  // JSON text
  EventType kind = EventType::kOther;

  void clear() { *this = {}; }
  void follow(json::Shape& shape);
};

class EventReader {
 public:
  // Null when it is malformed; status() says why. Its views live until the next call. `type` is the name of
  // the server-sent event, for a document that does not say its own.
  Event* read(std::string_view type, std::string_view data);
  const Status& status() const { return reader_.status(); }
  // Another stream begins.
  void restart() { shapes_.restart(); }

 private:
  bool read_event();

  Event* event_ = nullptr;
  json::Reader reader_{json::Halves::kReplace, true};
  json::Shapes<Event> shapes_;
};

}  // namespace tau::wire::responses
