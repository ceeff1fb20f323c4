// Decodes a Responses stream. Deltas are read in one forward pass; what begins and ends an item goes through
// a tree. What the server says of an item when it is done, and of all when it ends, is what the response
// holds, as far as that agrees with what was streamed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wire/halves.h"
#include "wire/responses.h"
#include "wire/responses_event.h"
#include "wire/stream_base.h"
#include "wire/wire.h"

namespace tau::wire::responses {

class ItemStreamDecoder final : public ResponseStreamDecoder {
 public:
  explicit ItemStreamDecoder(const Quirks& quirks) : quirks_(quirks) {}

  Status event(std::string_view type, std::string_view data, StreamSink& sink) override;
  Status end(StreamSink& sink) override;
  void reset() override;

 private:
  // An item of the output, by its index.
  struct Item {
    int64_t output = 0;
    std::string id;
    json::Value begun;  // as it was added
    bool done = false;
  };
  // The state of message.parts at the same position. Parts stand in the order of their items and contents.
  struct Slot {
    int64_t output = 0;
    int64_t content = 0;
    uint32_t number = 0;                 // of the part, in the events
    uint32_t call = 0;                   // number of the tool call
    int64_t summary = -1;                // the summary that its text goes on with
    uint16_t half = 0;                   // at the end of its text so far
    EventType from = EventType::kOther;  // the deltas that its text comes from
    bool open = true;
  };

  Status apply(std::string_view data, StreamSink& sink);
  Status apply_rare(const json::Value& value, StreamSink& sink);
  void start(const json::Value& response, StreamSink& sink);
  void text_delta(std::string_view piece, StreamSink& sink);
  void text_done(std::string_view whole, StreamSink& sink);
  bool begins_summary(Slot& slot, StreamSink& sink);
  void add_item(const json::Value& value, StreamSink& sink);
  void finish_item(int64_t output, const json::Value& value, StreamSink& sink);
  void settle(Slot& slot, Part part, StreamSink& sink);
  void announce(Slot& slot, StreamSink& sink);
  void close(Slot& slot, StreamSink& sink);
  void finish(const json::Value& response, StreamSink& sink);
  void adopt(const json::Value& output);
  bool is_whole() const;

  int64_t output_of_event(std::string_view id) const;
  Item& item(int64_t output);
  Slot* find(int64_t output, int64_t content);
  Slot* slot_for_delta();
  Slot& open(int64_t output, int64_t content, Part part);
  Part& part_of(const Slot& slot) {
    return response_.message.parts[static_cast<size_t>(&slot - slots_.data())];
  }
  StreamEvent make_event(StreamEvent::Kind kind, const Slot& slot, std::string_view text);
  void append(Slot& slot, std::string_view text, StreamSink& sink);
  void complete(Slot& slot, std::string_view whole, StreamSink& sink);

  Quirks quirks_;
  EventReader reader_;
  Event* event_ = nullptr;  // being applied
  HalfJoiner halves_;
  std::vector<Item> items_;
  std::vector<Slot> slots_;
  uint32_t numbers_ = 0;
  uint32_t calls_ = 0;
};

}  // namespace tau::wire::responses
