#include "wire/openai_merge.h"

#include <algorithm>
#include <array>

namespace tau::wire::openai {
namespace {

// Members whose strings arrive in pieces.
constexpr std::array<std::string_view, 8> kPieces = {"arguments", "content", "reasoning", "reasoning_content",
                                                     "refusal",   "summary", "text",      "transcript"};

bool comes_in_pieces(std::string_view key) {
  return std::find(kPieces.begin(), kPieces.end(), key) != kPieces.end();
}

// The element that `piece` continues: the same index, and no different type or id.
json::Value* find_element(json::Value& array, const json::Value& piece) {
  const json::Value* index = piece.find("index");
  if (index == nullptr || !index->is_integer()) return nullptr;
  for (json::Value& item : array.mutable_array()) {
    const auto agrees = [&](std::string_view key) {
      return !piece[key].is_string() || !item[key].is_string() ||
             piece[key].as_string() == item[key].as_string();
    };
    if (item["index"] == *index && agrees("type") && agrees("id")) return &item;
  }
  return nullptr;
}

void merge_array(json::Value& into, const json::Value& piece) {
  if (!into.is_array()) into = json::Value::array();
  for (const json::Value& item : piece.as_array()) {
    json::Value* known = find_element(into, item);
    if (known != nullptr)
      merge_fragment(*known, item, {});
    else
      into.push_back(item);
  }
}

void merge_object(json::Value& into, const json::Value& piece, std::string_view key) {
  if (!into.is_object()) into = json::Value::object();
  for (const auto& [name, value] : piece.as_object()) {
    json::Value* known = into.find(name);
    if (known == nullptr)
      into.set(name, value);
    else
      // Audio bytes come as pieces of base 64.
      merge_fragment(*known, value, key == "audio" && name == "data" ? std::string_view("text") : name);
  }
}

}  // namespace

void merge_fragment(json::Value& into, const json::Value& piece, std::string_view key) {
  if (piece.is_null()) return;
  if (piece.is_array()) return merge_array(into, piece);
  if (piece.is_object()) return merge_object(into, piece, key);
  if (piece.is_string() && into.is_string() && comes_in_pieces(key))
    into.mutable_string() += piece.as_string();
  else
    into = piece;
}

}  // namespace tau::wire::openai
