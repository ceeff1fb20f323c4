#include "wire/openai_merge.h"

#include <algorithm>
#include <array>

namespace tau::wire::openai {
namespace {

// Members whose strings arrive in pieces.
constexpr std::array<std::string_view, 8> kPieces = {"arguments", "content", "reasoning", "reasoning_content",
                                                     "refusal",   "summary", "text",      "transcript"};

ElementName name_of(const json::Value& piece) {
  ElementName name;
  if (piece["index"].kind() == json::Value::Kind::kInt) name.index = piece["index"].as_int();
  if (piece["type"].is_string()) name.type = piece["type"].as_string();
  if (piece["id"].is_string()) name.id = piece["id"].as_string();
  return name;
}

void merge_array(json::Value& into, const json::Value& piece) {
  if (!into.is_array()) into = json::Value::array();
  for (const json::Value& item : piece.as_array()) {
    json::Value* known = find_element(into, name_of(item));
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

bool comes_in_pieces(std::string_view key) {
  return std::find(kPieces.begin(), kPieces.end(), key) != kPieces.end();
}

json::Value* find_element(json::Value& array, const ElementName& name) {
  if (!name.index) return nullptr;
  const auto agrees = [](const json::Value& known, const std::optional<std::string_view>& said) {
    return !said || !known.is_string() || known.as_string() == *said;
  };
  for (json::Value& item : array.mutable_array())
    if (item["index"] == json::Value(*name.index) && agrees(item["type"], name.type) &&
        agrees(item["id"], name.id))
      return &item;
  return nullptr;
}

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
