#include "wire/event_fields.h"

#include "wire/error.h"

namespace tau::wire {
namespace {

using As = EventRule::As;
using Kind = json::Value::Kind;

bool fits(As as, Kind kind) {
  if (as == As::kObject) return kind == Kind::kObject;
  if (as == As::kJson) return kind != Kind::kNull;
  return kind == Kind::kString;
}

}  // namespace

int64_t EventFields::index(uint8_t id) const {
  json::Field field = fields[id];
  if (field.text.size() > 2 && field.text.front() == '"')
    field.text = field.text.substr(1, field.text.size() - 2);
  return field.integer().value_or(0);
}

void EventFields::clear() {
  fields.fill({});
  for (RawMembers& members : others) members.clear();
  present.fill(false);
}

void EventFields::follow(json::Shape& shape) {
  for (json::Field& field : fields)
    if (field.given()) shape.follow(field);
  for (RawMembers& members : others) wire::follow(shape, members);
}

void keep_member(const RawMember& member, json::Compactor& compactor, Extras& extras) {
  if (compactor.make(member.json.text)) extras.set(extra_key(member.key.text), compactor.text());
}

EventFields* EventFieldsReader::read(std::string_view data) {
  event_ = shapes_.match(data);
  if (event_ != nullptr) return event_;
  event_ = &shapes_.begin();
  if (!reader_.load(data) || !reader_.enter_object() || !read_object(0)) {
    status_ = reader_.status();
    return nullptr;
  }
  // The reader does not see a key that is there twice; of an event of a known shape this is known.
  if (!compactor_.make(data)) {
    status_ = json::parse(data, json::Halves::kReplace).status();
    return nullptr;
  }
  shapes_.learn(reader_);
  return event_;
}

bool EventFieldsReader::read_object(uint8_t number) {
  event_->present[number] = true;
  std::string_view key;
  while (reader_.next_key(key))
    if (!read_member(number, key)) return false;
  return reader_.status().ok();
}

bool EventFieldsReader::read_member(uint8_t number, std::string_view key) {
  const Kind kind = reader_.kind();
  for (const EventRule& rule : rules_) {
    if (rule.in != number || rule.key != key || !fits(rule.as, kind)) continue;
    switch (rule.as) {
      case As::kObject: return reader_.enter_object() && read_object(rule.id);
      case As::kText: return reader_.string(event_->fields[rule.id]);
      case As::kPiece: return reader_.piece(event_->fields[rule.id]);
      case As::kJson: return reader_.raw(event_->fields[rule.id]);
    }
  }
  RawMembers& members = event_->others[number];
  members.push_back({reader_.key(key), {}});
  return reader_.raw(members.back().json);
}

}  // namespace tau::wire
