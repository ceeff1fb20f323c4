// What stream decoders share: the response in the making, failures that stay, and events that say nothing.
#pragma once

#include <string_view>
#include <utility>

#include "wire/wire.h"

namespace tau::wire {

// A decoder that ends once, well or not.
class EndingStreamDecoder : public StreamDecoder {
 public:
  bool finished() const override { return finished_; }

 protected:
  // No answer has so many blocks open at once; of one that never ends any, the oldest are ended.
  static constexpr size_t kMostOpen = 256;

  Status fail(Status status) {
    failed_ = std::move(status);
    return failed_;
  }
  void begin_again() {
    finished_ = false;
    failed_ = Status();
  }

  bool finished_ = false;
  Status failed_;
};

class ResponseStreamDecoder : public EndingStreamDecoder {
 public:
  const Response& response() const override { return response_; }
  Response take_response() override { return std::move(response_); }

 protected:
  ResponseStreamDecoder() { restart(); }
  // As if it were new.
  void restart();
  Status fail_malformed(const Status& why);

  // Whether nothing is to be done for an event: the stream has failed or ended, or the event is blank, a
  // ping, or the end of the stream in another dialect, which some gateways add. `answer` is then what event()
  // returns.
  bool is_idle(std::string_view type, std::string_view data, StreamSink& sink, Status& answer) {
    constexpr char kDoneBegins = '[';
    const bool live = failed_.ok() && !finished_ && !data.empty() && type != "ping";
    if (live && data.front() > ' ' && data.front() != kDoneBegins) [[likely]]
      return false;
    return is_idle_slowly(type, data, sink, answer);
  }
  // The first event, once.
  void tell_start(StreamSink& sink);
  // The last ones: what was used, if that is known, and the reason to finish.
  void tell_finish(StreamSink& sink);

  Response response_;
  bool started_ = false;

 private:
  bool is_idle_slowly(std::string_view type, std::string_view data, StreamSink& sink, Status& answer) const;
};

}  // namespace tau::wire
