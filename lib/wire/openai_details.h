// Puts the pieces of reasoning_details together (OpenRouter), which must go back whole: as merge_fragment()
// would, but without a tree for each piece.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"
#include "wire/halves.h"
#include "wire/openai_chunk.h"

namespace tau::wire::openai {

class DetailsAssembler {
 public:
  void add(const Reused<DetailPiece>& pieces);
  // An array with elements that are more than a DetailPiece can say.
  void add_whole(const json::Value& pieces);
  // All of them, null when there were none. The stream ended.
  const json::Value& finish();

 private:
  void add(const DetailPiece& piece);
  void add_member(json::Value& element, size_t position, const DetailPiece::Member& member);

  json::Value details_;
  HalfJoiner joiner_;
  // For each element the half of a character that its text ends with.
  std::vector<uint16_t> halves_;
};

}  // namespace tau::wire::openai
