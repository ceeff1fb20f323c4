// Raw simdjson on-demand, reading what the decoders read of a chunk: the price that no parser avoids.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <string>
#include <vector>

#include "support/report.h"

namespace tau::bench {

// The bytes of the strings read, so that nothing is dropped.
size_t read_chat_chunk(simdjson::ondemand::parser& parser, const simdjson::padded_string& chunk);
size_t read_message_event(simdjson::ondemand::parser& parser, const simdjson::padded_string& event);
size_t read_response_event(simdjson::ondemand::parser& parser, const simdjson::padded_string& event);
size_t read_generated_chunk(simdjson::ondemand::parser& parser, const simdjson::padded_string& chunk);
// Of the other dialects: all strings in objects.
size_t read_strings(simdjson::ondemand::parser& parser, const simdjson::padded_string& event);

using ReadReference = size_t (*)(simdjson::ondemand::parser&, const simdjson::padded_string&);

// What on-demand reads of the same chunks, which it finds framed and padded.
class Reference {
 public:
  Reference(ReadReference read, const std::vector<std::string>& chunks) : read_(read) {
    for (const std::string& chunk : chunks) chunks_.emplace_back(chunk);
  }
  void next() { keep(read_(parser_, chunks_[count_++ % chunks_.size()])); }
  size_t size() const { return chunks_.size(); }

 private:
  ReadReference read_;
  std::vector<simdjson::padded_string> chunks_;
  simdjson::ondemand::parser parser_;
  size_t count_ = 0;
};

}  // namespace tau::bench
