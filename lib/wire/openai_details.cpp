#include "wire/openai_details.h"

#include "wire/openai_merge.h"

namespace tau::wire::openai {
namespace {

const DetailPiece::Member* find(const DetailPiece& piece, std::string_view key) {
  for (const DetailPiece::Member& member : piece.members)
    if (member.key == key) return &member;
  return nullptr;
}

ElementName name_of(const DetailPiece& piece) {
  ElementName name;
  const auto text = [&](std::string_view key, std::optional<std::string_view>& out) {
    const DetailPiece::Member* member = find(piece, key);
    if (member != nullptr && member->is_string) out = member->value.text;
  };
  text("type", name.type);
  text("id", name.id);
  const DetailPiece::Member* index = find(piece, "index");
  if (index != nullptr && !index->is_string) name.index = index->value.integer();
  return name;
}

}  // namespace

void DetailsAssembler::add(const Reused<DetailPiece>& pieces) {
  if (!details_.is_array()) details_ = json::Value::array();
  for (const DetailPiece& piece : pieces) add(piece);
}

void DetailsAssembler::add(const DetailPiece& piece) {
  json::Value::Array& elements = details_.mutable_array();
  json::Value* element = find_element(details_, name_of(piece));
  if (element == nullptr) element = &elements.emplace_back(json::Value::object());
  const auto position = static_cast<size_t>(element - elements.data());
  halves_.resize(elements.size());
  for (const DetailPiece::Member& member : piece.members) add_member(*element, position, member);
}

void DetailsAssembler::add_member(json::Value& element, size_t position, const DetailPiece::Member& member) {
  json::Value* known = element.find(member.key.text);
  if (!member.is_string) {
    if (known != nullptr && !member.value.fresh) return;
    StatusOr<json::Value> value = json::parse(member.value.text);
    if (value.ok() && (known == nullptr || !value->is_null()))
      element.set(member.key.text, *std::move(value));
    return;
  }
  const bool grows = comes_in_pieces(member.key.text);
  std::string_view text = member.value.text;
  if (grows) text = joiner_.join(text, halves_[position]);
  if (known == nullptr)
    element.set(member.key.text, text);
  else if (grows && known->is_string())
    known->mutable_string() += text;
  else if (known->as_string() != text || !known->is_string())
    *known = json::Value(text);
}

void DetailsAssembler::add_whole(const json::Value& pieces) {
  merge_fragment(details_, pieces, "reasoning_details");
}

const json::Value& DetailsAssembler::finish() {
  for (size_t i = 0; i < halves_.size(); ++i) {
    const std::string_view rest = HalfJoiner::finish(halves_[i]);
    if (rest.empty()) continue;
    for (auto& [key, value] : details_.mutable_array()[i].mutable_object()) {
      if (!comes_in_pieces(key) || !value.is_string()) continue;
      value.mutable_string() += rest;
      break;
    }
  }
  return details_;
}

}  // namespace tau::wire::openai
