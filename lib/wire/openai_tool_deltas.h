// Puts streamed tool-call deltas together. Servers disagree on how deltas name their call: by id, by index,
// by position, or not at all; indices are missing, constant or reused; names come in pieces and repeatedly.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wire/wire.h"

namespace tau::wire::openai {

class ToolCallAssembler {
 public:
  // Parts are appended to the response's message. `response` outlives this.
  explicit ToolCallAssembler(Response& response) : response_(response) {}

  // One `tool_calls` array of a delta, as JSON text.
  Status chunk(std::string_view calls_json, StreamSink& sink);
  // A call that is already whole.
  void add_whole(std::string_view name, std::string_view arguments, StreamSink& sink);
  // The stream ended: every call is announced and ended.
  void finish(StreamSink& sink);
  // A part was inserted before all calls.
  void shift_parts();
  bool empty() const { return calls_.empty(); }

 private:
  struct Call {
    size_t part = 0;      // position in message.parts
    std::string wire_id;  // empty until the server names one
    int64_t index = -1;
    size_t position = 0;  // in the array that began it
    size_t chunk = 0;     // which array began it
    bool announced = false;
  };
  // One element of a `tool_calls` array. Views live until the reader's next load.
  struct Delta {
    std::string_view id;
    std::string_view name;
    std::string_view arguments;
    bool arguments_whole = false;  // a JSON value, not a piece of text
    int64_t index = -1;
    size_t position = 0;
  };

  bool read_delta(Delta& delta);
  bool read_function(Delta& delta);
  void apply(const Delta& delta, StreamSink& sink);
  Call* find(const Delta& delta);
  Call* find_without_id(const Delta& delta);
  Call& open(const Delta& delta);
  ToolCall& body(const Call& call) { return *response_.message.parts[call.part].as<ToolCall>(); }
  bool is_repeat(const Call& call, const Delta& delta);
  void add_name(Call& call, std::string_view name);
  void add_arguments(Call& call, const Delta& delta, StreamSink& sink);
  void announce(Call& call, StreamSink& sink);
  StreamEvent make_event(StreamEvent::Kind kind, const Call& call);

  Response& response_;
  json::Reader reader_;
  std::vector<Call> calls_;
  std::vector<std::pair<std::string, std::string>> extras_;  // of the element being read
  size_t chunks_ = 0;
};

}  // namespace tau::wire::openai
