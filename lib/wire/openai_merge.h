// Puts streamed JSON fragments together where the model has no field: unknown members of deltas,
// reasoning_details, log probabilities, choices other than the first.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "json/json.h"

namespace tau::wire::openai {

// Adds `piece`, found under `key`, to `into`: fragments of text are joined, arrays appended (elements with
// the same index and type merged), objects merged, anything else replaced. Null never replaces a value.
void merge_fragment(json::Value& into, const json::Value& piece, std::string_view key);

// Whether strings under `key` are pieces of one text.
bool comes_in_pieces(std::string_view key);

// What a piece says of the element of an array that it continues.
struct ElementName {
  std::optional<int64_t> index;
  std::optional<std::string_view> type;
  std::optional<std::string_view> id;
};

// That element: the same index, and no other type or id. Null when there is none yet.
json::Value* find_element(json::Value& array, const ElementName& name);

}  // namespace tau::wire::openai
