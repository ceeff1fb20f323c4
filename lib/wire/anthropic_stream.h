// Decodes a stream of Anthropic messages. Deltas of content blocks, nearly all there is, are read without a
// tree, and what a delta repeats of the one before is not read again; the few other events go through a tree.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wire/anthropic.h"
#include "wire/halves.h"
#include "wire/wire.h"

namespace tau::wire::anthropic {

class MessagesStreamDecoder final : public StreamDecoder {
 public:
  explicit MessagesStreamDecoder(const Quirks& quirks);

  Status event(std::string_view type, std::string_view data, StreamSink& sink) override;
  Status end(StreamSink& sink) override;
  bool finished() const override { return finished_; }
  const Response& response() const override { return response_; }
  Response take_response() override { return std::move(response_); }
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
  // Views live until the next event.
  struct Delta {
    json::Field index;  // JSON text of an integer
    json::Field event;
    json::Field type;
    json::Field text;       // of text, thinking, signature or JSON
    std::string_view data;  // the whole event
    void clear() { *this = {}; }
    void follow(json::Shape& shape);
  };
  // Of any other event; compact JSON.
  struct Members {
    explicit Members(std::string_view json);
    std::string_view whole;
    std::string_view type;
    std::string_view index;
    std::string_view message;
    std::string_view block;
    std::string_view delta;
    std::string_view usage;
    std::string_view error;
  };

  bool read(std::string_view data);
  bool read_members();
  bool read_delta();
  Status apply(StreamSink& sink);
  void append(Block& block, std::string& to, StreamEvent::Kind kind, std::string_view text, StreamSink& sink);
  void finish_piece(Block& block, StreamSink& sink);
  void apply_rare(Block& block, const json::Value& delta);
  Status apply_event(std::string_view type, const Members& event, StreamSink& sink);
  void message_start(std::string_view message, StreamSink& sink);
  void block_start(int64_t index, const json::Value& value, StreamSink& sink);
  void message_delta(const Members& event, StreamSink& sink);
  void start(StreamSink& sink);

  Block* find(int64_t index);
  Block& open(int64_t index, Part part);
  Block* open_for_delta();
  Part& part_of(const Block& block);
  uint32_t number_of(const Block& block) const { return static_cast<uint32_t>(block.order); }
  StreamEvent make_event(StreamEvent::Kind kind, const Block& block, std::string_view text);
  void close(Block& block, StreamSink& sink);
  void close_call(Block& block, ToolCall& call, StreamSink& sink);
  void close_opaque(Block& block, Opaque& opaque);
  void merge_usage(std::string_view usage, StreamSink& sink);
  void keep_extra(std::string_view key, std::string_view json);
  void finish(StreamSink& sink);
  Status fail(Status status);
  Status malformed(std::string_view type, std::string_view data, const Status& why);

  Quirks quirks_;
  Response response_;
  json::Reader reader_{json::Halves::kReplace, true};
  json::Shapes<Delta> shapes_;
  Delta* delta_ = nullptr;
  HalfJoiner halves_;
  std::vector<Block> blocks_;
  UsageMembers usage_;
  json::Compactor compactor_{json::Halves::kReplace};
  std::string scratch_;
  uint32_t calls_ = 0;
  bool started_ = false;
  bool finished_ = false;
  Status failed_;
};

}  // namespace tau::wire::anthropic
