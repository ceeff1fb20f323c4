// What a program feeds as the answer of its own model: any split reads the same, and whatever is read ends in
// a response or a typed failure.
#include <string>

#include "law.h"
#include "wire/wire.h"

namespace {

using tau::fuzz::require;

struct Text final : tau::wire::StreamSink {
  void on_event(const tau::wire::StreamEvent& event) override {
    said += static_cast<char>('a' + static_cast<int>(event.kind));
    said += event.text;
  }
  std::string said;
};

std::string play(std::string_view bytes, size_t piece) {
  const auto decoder = tau::wire::neutral_stream_decoder();
  tau::wire::FrameReader frames(tau::wire::Framing::kLines);
  Text sink;
  tau::Status status;
  const auto take = [&](std::string_view type, std::string_view data) {
    status = decoder->event(type, data, sink);
    return status.ok() && !decoder->finished();
  };
  while (!bytes.empty() && status.ok() && !decoder->finished()) {
    const tau::Status framing = frames.feed(bytes.substr(0, piece), take);
    if (status.ok()) status = framing;
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  if (status.ok() && !decoder->finished()) {
    (void)frames.end(take);
    if (status.ok()) status = decoder->end(sink);
  }
  require(decoder->finished() || !status.reason().empty());
  return sink.said + "|" + status.to_string() + "|" + tau::wire::to_json(decoder->take_response());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  require(play(bytes, 1) == play(bytes, size + 1));
  return 0;
}
