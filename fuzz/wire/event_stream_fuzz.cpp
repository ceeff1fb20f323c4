// The framing of application/vnd.amazon.eventstream on arbitrary bytes: any split reads the same, and what
// was read is written as it was.
#include "wire/event_stream.h"

#include <cstdlib>
#include <string>

namespace {

using tau::Status;
using tau::wire::EventMessage;

struct Read {
  std::string said;     // names, values and payloads
  std::string written;  // the messages once more
  std::string failure;
  bool partial = false;
};

Read read(std::string_view bytes, size_t piece) {
  Read out;
  tau::wire::EventStreamParser parser;
  Status status;
  while (!bytes.empty() && status.ok()) {
    const std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    status = parser.feed(part, [&](const EventMessage& message) {
      for (const auto& header : message.headers)
        out.said.append(header.name).append("=").append(header.bytes).append(std::to_string(header.number)) +=
            ';';
      out.said.append(message.payload) += '\n';
      append_event_message(out.written, message.headers, message.payload);
      return true;
    });
  }
  out.failure = status.to_string();
  out.partial = parser.has_partial();
  return out;
}

void require(bool law) {
  if (!law) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Read whole = read(bytes, size + 1);
  for (const size_t piece : {size_t{1}, size_t{7}}) {
    const Read pieces = read(bytes, piece);
    require(pieces.said == whole.said && pieces.failure == whole.failure && pieces.partial == whole.partial);
  }
  require(bytes.starts_with(whole.written));
  require(read(whole.written, 3).said == whole.said);
  // Arbitrary bytes as the parts of a message.
  std::string made;
  const size_t half = size / 2;
  const size_t name = half == 0 ? 0 : 1 + half % 200;
  if (name > 0 && name < half)
    tau::wire::append_event_message(
        made,
        {{bytes.substr(0, name), tau::wire::EventHeader::Type::kBytes, bytes.substr(name, half - name)}},
        bytes.substr(half));
  require(read(made, 5).failure == tau::ok_status().to_string() && !read(made, 5).partial);
  return 0;
}
