#include "wire/stream_base.h"

#include "wire/error.h"
#include "wire/turns.h"

namespace tau::wire {
namespace {

constexpr std::string_view kDone = "[DONE]";

}  // namespace

void ResponseStreamDecoder::restart() {
  response_ = Response();
  response_.message.role = Role::kAssistant;
  response_.message.labels = role_labels(Role::kAssistant);
  started_ = false;
  begin_again();
}

Status ResponseStreamDecoder::fail_malformed(const Status& why) {
  return fail(bad_response(format("an event of the stream is malformed: {}", why.message())));
}

bool ResponseStreamDecoder::is_idle_slowly(std::string_view type, std::string_view data, StreamSink& sink,
                                           Status& answer) const {
  answer = failed_;
  if (!failed_.ok() || finished_) return true;
  const size_t first = data.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || type == "ping") {
    StreamEvent ping{};
    ping.kind = StreamEvent::Kind::kPing;
    sink.on_event(ping);
    return true;
  }
  return data.substr(first).starts_with(kDone);
}

void ResponseStreamDecoder::tell_start(StreamSink& sink) {
  if (std::exchange(started_, true)) return;
  StreamEvent event{};
  event.kind = StreamEvent::Kind::kStart;
  event.id = response_.id;
  sink.on_event(event);
}

void ResponseStreamDecoder::tell_finish(StreamSink& sink) {
  finished_ = true;
  StreamEvent event{};
  event.kind = StreamEvent::Kind::kUsage;
  if (response_.usage.known) sink.on_event(event);
  event.kind = StreamEvent::Kind::kFinish;
  event.text = response_.finish_text;
  sink.on_event(event);
}

}  // namespace tau::wire
