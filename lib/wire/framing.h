// From the bytes of a response stream to its events, whatever frames them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "net/net.h"
#include "wire/event_stream.h"
#include "wire/wire.h"

namespace tau::wire {

// Bytes in any split in, what StreamDecoder::event() takes out: the type and data of a server-sent event; a
// line; the event of an event-stream message, where the type of an exception is "exception:" and its name,
// and that of an error "error:" and its code.
class FrameReader {
 public:
  static constexpr size_t kMaxLineBytes = net::SseParser::kMaxEventBytes;

  explicit FrameReader(Framing framing) : framing_(framing) {}

  // Calls on_event(std::string_view type, std::string_view data) for each event; a false return stops reading
  // for good. Failures are those of net::SseParser and EventStreamParser; for lines RESOURCE_EXHAUSTED
  // "stream_line_too_large".
  template <class F>
  Status feed(std::string_view bytes, F&& on_event) {
    if (framing_ == Framing::kSse)
      return sse_.feed(bytes, [&](const net::SseEvent& event) {
        return on_event(event.type == "message" ? std::string_view() : event.type, event.data);
      });
    using Function = std::remove_reference_t<F>;
    const Sink sink = {[](void* f, std::string_view type, std::string_view data) -> bool {
                         return (*static_cast<Function*>(f))(type, data);
                       },
                       const_cast<void*>(static_cast<const void*>(std::addressof(on_event)))};
    return framing_ == Framing::kLines ? feed_lines(bytes, sink) : feed_messages(bytes, sink);
  }
  // The body ended: a last line needs no line end; a message that is cut is "stream_truncated".
  template <class F>
  Status end(F&& on_event) {
    if (framing_ == Framing::kLines) return feed("\n", std::forward<F>(on_event));
    return cut();
  }

 private:
  struct Sink {
    bool (*call)(void* f, std::string_view type, std::string_view data);
    void* f;
  };
  Status feed_lines(std::string_view bytes, const Sink& sink);
  Status feed_messages(std::string_view bytes, const Sink& sink);
  Status cut() const;

  Framing framing_;
  net::SseParser sse_;
  EventStreamParser messages_;
  std::string line_;  // one that is not whole
  bool stopped_ = false;
  std::string type_;  // of the last message
  bool is_error_ = false;
  std::string data_;
};

}  // namespace tau::wire
