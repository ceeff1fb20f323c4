// Raw simdjson on-demand, reading what the decoders read of a chunk: the price that no parser avoids.
#pragma once

#include <simdjson.h>

#include <cstddef>

namespace tau::bench {

// The bytes of the strings read, so that nothing is dropped.
size_t read_chat_chunk(simdjson::ondemand::parser& parser, const simdjson::padded_string& chunk);
size_t read_message_event(simdjson::ondemand::parser& parser, const simdjson::padded_string& event);

}  // namespace tau::bench
