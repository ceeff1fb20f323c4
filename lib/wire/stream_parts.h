// The message of a stream while it is put together: parts in the order in which they begin, and the events
// that tell of them.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/halves.h"
#include "wire/stream_base.h"
#include "wire/wire.h"

namespace tau::wire {

class StreamParts {
 public:
  StreamParts() { reset(); }
  void reset();

  Response& response() { return response_; }
  const Response& response() const { return response_; }
  Part& part(size_t at) { return response_.message.parts[at]; }
  bool is_open(size_t at) const { return states_[at].open; }
  size_t size() const { return states_.size(); }
  bool started() const { return started_; }
  bool has_calls() const { return calls_ > 0; }

  // Once, however often it is called.
  void start(StreamSink& sink);
  // Adds a part behind the others. The arguments of a call come by append(); text that it has already is
  // told.
  size_t add(Part part, StreamSink& sink);
  // A piece of the text of a text or reasoning part, or of a call's arguments; of what has none it is
  // nothing. `field`: the name of the event.
  void append(size_t at, std::string_view piece, StreamSink& sink, std::string_view field = {});
  // The part is complete. A call without arguments has "{}".
  void close(size_t at, StreamSink& sink);
  void close_all(StreamSink& sink);
  void usage(StreamSink& sink);
  // Closes all and says that the response is whole.
  void finish(StreamSink& sink);

 private:
  struct State {
    uint32_t call = 0;  // number of the tool call
    uint16_t half = 0;  // at the end of its text so far
    bool open = true;
  };
  void tell(StreamEvent::Kind kind, size_t at, std::string_view text, StreamSink& sink,
            std::string_view field = {});
  void add_text(size_t at, std::string_view text, StreamSink& sink, std::string_view field);

  Response response_;
  std::vector<State> states_;
  HalfJoiner halves_;
  uint32_t calls_ = 0;
  bool started_ = false;
};

// A decoder whose response is put together so: failures that stay, and the end.
class PartsStreamDecoder : public EndingStreamDecoder {
 public:
  const Response& response() const override { return parts_.response(); }
  Response take_response() override { return std::move(parts_.response()); }

 protected:
  // As if it were new.
  void restart() {
    parts_.reset();
    begin_again();
  }

  StreamParts parts_;
};

}  // namespace tau::wire
