// Framing of application/vnd.amazon.eventstream: messages with typed headers, each with two checksums.
//
//   total length (4) | length of headers (4) | CRC-32 of these 8 bytes (4) | headers | payload | CRC-32 of
//   all before it (4)
//
// Numbers are in network order. A header: length of its name (1), name, type (1), value.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/base.h"

namespace tau::wire {

struct EventHeader {
  enum class Type : uint8_t { kTrue, kFalse, kByte, kInt16, kInt32, kInt64, kBytes, kString, kTime, kUuid };
  std::string_view name;
  Type type = Type::kString;
  std::string_view bytes;  // of kBytes, kString and kUuid
  int64_t number = 0;      // of the other types; kTime: milliseconds since 1970
};

// Views live until the callback returns.
struct EventMessage {
  std::vector<EventHeader> headers;
  std::string_view payload;
  bool again = false;  // the headers are those of the message before
  // The text of a string header, empty when there is none.
  std::string_view text(std::string_view name) const;
};

// Bytes in any split in, messages out.
class EventStreamParser {
 public:
  static constexpr size_t kMaxMessageBytes = 24u << 20;  // AWS: 16 MiB of payload
  static constexpr size_t kMaxHeaderBytes = 128u << 10;

  // Calls on_message(EventMessage) for each message that `bytes` completes; a false return stops parsing for
  // good. Failures are sticky: DATA_LOSS "event_stream_corrupt" (a wrong checksum, impossible lengths,
  // headers that are none), RESOURCE_EXHAUSTED "event_stream_too_large".
  template <class F>
  Status feed(std::string_view bytes, F&& on_message) {
    using Function = std::remove_reference_t<F>;
    return feed_impl(
        bytes, [](void* f, const EventMessage& m) -> bool { return (*static_cast<Function*>(f))(m); },
        const_cast<void*>(static_cast<const void*>(std::addressof(on_message))));
  }
  // Whether a message was cut off.
  bool has_partial() const { return !held_.empty(); }

 private:
  using Callback = bool (*)(void* f, const EventMessage& message);
  Status feed_impl(std::string_view bytes, Callback callback, void* f);
  Status check_prelude(std::string_view bytes);
  Status take(std::string_view message);
  Status fail(Status status);

  std::string held_;  // a message that is not whole
  size_t total_ = 0;  // its length, once its prelude is known
  uint32_t crc_ = 0;  // of its prelude
  bool stopped_ = false;
  std::string headers_;  // of the last message, which most that follow repeat
  EventMessage message_;
  Status failed_;
};

// Appends a message. Names of headers have 1 to 255 bytes, texts and bytes at most 65,535: what is longer is
// cut.
void append_event_message(std::string& out, const std::vector<EventHeader>& headers,
                          std::string_view payload);

}  // namespace tau::wire
