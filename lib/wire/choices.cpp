#include "wire/choices.h"

namespace tau::wire {

const json::Value* take_first_choice(ObjectReader& in, std::string_view key) {
  const json::Value* choices = in.peek(key);
  if (choices == nullptr || choices->as_array().empty()) return nullptr;
  const json::Value::Array& items = choices->as_array();
  size_t first = 0;
  for (size_t i = 0; i < items.size(); ++i)
    if (items[i].contains("index") && items[i]["index"].as_int(-1) == 0) first = i;
  if (!items[first].is_object()) return nullptr;
  in.take(key);
  if (first != 0) in.form("position", std::to_string(first));
  if (items.size() > 1) {
    json::Value others = json::Value::array();
    for (size_t i = 0; i < items.size(); ++i)
      if (i != first) others.push_back(items[i]);
    in.form("choices", json::write(others));
  }
  return &items[first];
}

void write_choices(ObjectWriter& out, std::string_view key, const std::function<void()>& write_first) {
  json::Writer& w = out.key(key).begin_array();
  const StatusOr<json::Value> others = json::parse(out.form("choices"));
  const json::Value::Array none;
  const json::Value::Array& items = others.ok() ? others->as_array() : none;
  const StatusOr<json::Value> position = json::parse(out.form("position"));
  const size_t first = position.ok() ? static_cast<size_t>(position->as_int()) : 0;
  for (size_t i = 0; i < items.size() && i < first; ++i) w.value(items[i]);
  write_first();
  for (size_t i = first; i < items.size(); ++i) w.value(items[i]);
  w.end_array();
}

}  // namespace tau::wire
