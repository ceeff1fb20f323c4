// Puts streamed JSON fragments together where the model has no field: unknown members of deltas,
// reasoning_details, log probabilities, choices other than the first.
#pragma once

#include <string_view>

#include "json/json.h"

namespace tau::wire::openai {

// Adds `piece`, found under `key`, to `into`: fragments of text are joined, arrays appended (elements with
// the same index and type merged), objects merged, anything else replaced. Null never replaces a value.
void merge_fragment(json::Value& into, const json::Value& piece, std::string_view key);

}  // namespace tau::wire::openai
