// What writing a stream has in common in dialects whose message is a list of numbered blocks: which block is
// open, and when it ends.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "wire/wire.h"

namespace tau::wire {

class BlockStreamEncoder : public StreamEncoder {
 public:
  void event(const StreamEvent& event, std::string& out) override;

 protected:
  virtual bool can_write(const Part& part) const = 0;
  // A block of text or thinking.
  virtual void start_text(int64_t index, bool thinking, const StreamEvent& event, std::string& out) = 0;
  virtual void text_delta(int64_t index, bool thinking, std::string_view text, std::string& out) = 0;
  // What its deltas did not say, now that its part is complete.
  virtual void complete(int64_t index, const Part& part, std::string& out) = 0;
  virtual void start_call(int64_t index, const StreamEvent& event, std::string& out) = 0;
  virtual void call_delta(int64_t index, std::string_view json, std::string& out) = 0;
  virtual void stop(int64_t index, bool call, std::string& out) = 0;
  // A block that has no deltas, from its start to its end.
  virtual void whole(int64_t index, const Part& part, std::string& out) = 0;
  virtual void ping(std::string& out) { (void)out; }

  // Ends the text or thinking that is open.
  void close_open(std::string& out);

 private:
  struct Open {
    uint32_t part;
    bool thinking;
    int64_t index;
  };
  const Open& open_text(const StreamEvent& event, bool thinking, std::string& out);
  void part(const StreamEvent& event, std::string& out);

  std::optional<Open> open_;
  std::map<uint32_t, int64_t> calls_;  // block index of each tool call
  int64_t next_ = 0;
};

}  // namespace tau::wire
