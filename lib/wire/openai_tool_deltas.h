// Puts streamed tool-call deltas together. Servers disagree on how deltas name their call: by id, by index,
// by position, or not at all; indices are missing, constant or reused; names come in pieces and repeatedly.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wire/halves.h"
#include "wire/openai_chunk.h"
#include "wire/wire.h"

namespace tau::wire::openai {

class ToolCallAssembler {
 public:
  // Parts are appended to the response's message. `response` outlives this.
  explicit ToolCallAssembler(Response& response) : response_(response) {}

  // One `tool_calls` array of a delta.
  void chunk(const Reused<CallDelta>& deltas, StreamSink& sink);
  // A call that is already whole.
  void add_whole(std::string_view name, std::string_view arguments, StreamSink& sink);
  // The stream ended: every call is announced and ended.
  void finish(StreamSink& sink);
  // A part was inserted before all calls.
  void shift_parts();
  bool empty() const { return calls_.empty(); }
  // Another response begins.
  void reset() {
    calls_.clear();
    chunks_ = 0;
  }

 private:
  struct Call {
    size_t part = 0;      // position in message.parts
    std::string wire_id;  // empty until the server names one
    int64_t index = -1;
    size_t position = 0;  // in the array that began it
    size_t chunk = 0;     // which array began it
    uint16_t half = 0;    // at the end of its arguments so far
    bool announced = false;
  };
  void apply(const CallDelta& delta, StreamSink& sink);
  Call* find(const CallDelta& delta);
  Call* find_without_id(const CallDelta& delta);
  Call& open(const CallDelta& delta);
  ToolCall& body(const Call& call) { return *response_.message.parts[call.part].as<ToolCall>(); }
  bool is_repeat(const Call& call, const CallDelta& delta);
  void add_name(Call& call, std::string_view name);
  void add_extras(const Call& call, const CallDelta& delta);
  void add_arguments(Call& call, const CallDelta& delta, StreamSink& sink);
  void append_arguments(Call& call, std::string_view text, StreamSink& sink);
  void announce(Call& call, StreamSink& sink);
  StreamEvent make_event(StreamEvent::Kind kind, const Call& call);

  Response& response_;
  HalfJoiner halves_;
  std::vector<Call> calls_;
  size_t chunks_ = 0;
};

}  // namespace tau::wire::openai
