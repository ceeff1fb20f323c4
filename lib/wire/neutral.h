// The neutral model's own event lines as a stream that can be decoded like that of any dialect: what a
// program that supplies a model of its own feeds. Exported by wire.h.
#pragma once

#include <memory>
#include <string_view>

#include "wire/wire.h"

namespace tau::wire {

class StreamDecoder;

// Lines as StreamTranscoder writes them, and what is easier to write by hand: "start" and the numbers of
// parts may be left out, a "tool_call" may bring its "arguments" with it, and "finish" without a "response"
// is the message so far, with "finish" and "usage" where they are given.
// {"event":"error","error":{…}} fails with that error.
std::unique_ptr<StreamDecoder> neutral_stream_decoder();

// An error as error_to_neutral() writes it.
Status error_from_neutral(const json::Value& error);

}  // namespace tau::wire
