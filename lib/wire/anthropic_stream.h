// Decodes a stream of Anthropic messages. Events are read in one forward pass; what one repeats of an earlier
// one is not read again, and only what is rare goes through a tree.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wire/anthropic.h"
#include "wire/anthropic_event.h"
#include "wire/halves.h"
#include "wire/stream_base.h"
#include "wire/wire.h"

namespace tau::wire::anthropic {

class MessagesStreamDecoder final : public ResponseStreamDecoder {
 public:
  explicit MessagesStreamDecoder(const Quirks& quirks) : quirks_(quirks) {}

  Status event(std::string_view type, std::string_view data, StreamSink& sink) override;
  Status end(StreamSink& sink) override;
  void reset() override;

 private:
  // The state of message.parts at the same position. Blocks are kept in the order of their indices.
  struct Block {
    int64_t index = 0;  // as received
    int64_t order = 0;  // index, or behind all others when the server uses an index again
    uint32_t call = 0;  // number of the tool call
    bool open = true;
    std::string start_input;  // input that came whole, with the start
    json::Value opaque;       // of an Opaque part
    std::string opaque_input;
    json::Value citations;
    uint16_t half = 0;  // at the end of its text so far
  };
  Status apply(StreamSink& sink);
  void append(Block& block, std::string& to, StreamEvent::Kind kind, std::string_view text, StreamSink& sink);
  void finish_piece(Block& block, StreamSink& sink);
  void apply_rare(Block& block, const json::Value& delta);
  bool is_delta() const;
  Status unread(std::string_view type, std::string_view data, StreamSink& sink);
  Status apply_event(std::string_view type, StreamSink& sink);
  void message_start(StreamSink& sink);
  void add_content(std::string_view content, StreamSink& sink);
  void block_start(StreamSink& sink);
  void add_block(int64_t index, const json::Value& value, StreamSink& sink);
  void add_block(int64_t index, Part part, const json::Value& value, StreamSink& sink);
  void message_delta(StreamSink& sink);
  void keep_whole_delta();

  Block* find(int64_t index);
  Block& open(int64_t index, Part part);
  Block* open_for_delta();
  Part& part_of(const Block& block);
  uint32_t number_of(const Block& block) const { return static_cast<uint32_t>(block.order); }
  StreamEvent make_event(StreamEvent::Kind kind, const Block& block, std::string_view text);
  void close(Block& block, StreamSink& sink);
  void close_call(Block& block, ToolCall& call, StreamSink& sink);
  void close_opaque(Block& block, Opaque& opaque);
  bool merge_usage(std::string_view usage, const RawMembers& members);
  void add_usage(std::string_view usage, const RawMembers& members, StreamSink& sink);
  bool is_compact(std::string_view json) const { return event_->compact && stays_compact(json); }
  void keep_extra(std::string_view key, std::string_view json);
  void finish(StreamSink& sink);
  Status malformed(std::string_view type, std::string_view data, const Status& why);

  Quirks quirks_;
  EventReader reader_;
  Event* event_ = nullptr;  // being applied
  HalfJoiner halves_;
  std::vector<Block> blocks_;
  UsageMembers usage_;
  std::vector<json::CompactMember> usage_members_;
  json::Compactor compactor_{json::Halves::kReplace};
  uint32_t calls_ = 0;
};

}  // namespace tau::wire::anthropic
