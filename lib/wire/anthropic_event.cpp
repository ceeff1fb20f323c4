#include "wire/anthropic_event.h"

namespace tau::wire::anthropic {
namespace {

using Kind = json::Value::Kind;

bool is_piece(std::string_view key) {
  return key == "text" || key == "thinking" || key == "signature" || key == "partial_json";
}

}  // namespace

void Event::clear() {
  data = {};
  type = index = error = usage = delta_type = piece = stop_reason = {};
  id = model = content = message_usage = fraction = {};
  for (RawMembers* members : {&others, &delta, &message, &usage_members, &message_usage_members})
    members->clear();
  block.clear();
  has_message = has_block = odd = fractions = unique = compact = false;
}

void Event::follow(json::Shape& shape) {
  for (json::Field* field : {&type, &index, &error, &usage, &delta_type, &piece, &stop_reason, &id, &model,
                             &content, &message_usage, &fraction})
    shape.follow(*field);
  for (RawMembers* members : {&others, &delta, &message, &usage_members, &message_usage_members})
    wire::follow(shape, *members);
  block.follow(shape);
}

Event* EventReader::read(std::string_view data) {
  event_ = shapes_.match(data);
  if (event_ == nullptr) {
    event_ = &shapes_.begin();
    if (!reader_.load(data) || !read_event()) return nullptr;
    event_->fractions = reader_.has_fraction();
    shapes_.learn(reader_);
  }
  event_->data = data;
  return event_;
}

bool EventReader::read_event() {
  if (!reader_.enter_object()) return false;
  std::string_view key;
  while (reader_.next_key(key))
    if (!read_member(key)) return false;
  return reader_.status().ok();
}

bool EventReader::read_member(std::string_view key) {
  const Kind kind = reader_.kind();
  if (key == "type") return kind == Kind::kString ? reader_.string(event_->type) : reader_.skip();
  if (key == "index") return reader_.raw(kind == Kind::kInt ? event_->index : event_->fraction);
  if (key == "delta") return kind == Kind::kObject ? read_delta() : reader_.skip();
  if (key == "usage") return read_usage(event_->usage, event_->usage_members);
  if (key == "error") return reader_.raw(event_->error);
  if (key != "message" && key != "content_block") return read_other(event_->others, key);
  if (kind == Kind::kObject) return key == "message" ? read_message() : read_block();
  event_->odd = true;
  return reader_.skip();
}

bool EventReader::read_delta() {
  if (!reader_.enter_object()) return false;
  std::string_view key;
  while (reader_.next_key(key)) {
    const bool string = reader_.kind() == Kind::kString;
    const bool good = string && key == "type"          ? reader_.string(event_->delta_type)
                      : string && is_piece(key)        ? reader_.piece(event_->piece)
                      : string && key == "stop_reason" ? reader_.string(event_->stop_reason)
                                                       : read_other(event_->delta, key);
    if (!good) return false;
  }
  return reader_.status().ok();
}

bool EventReader::read_message() {
  event_->has_message = true;
  if (!reader_.enter_object()) return false;
  std::string_view key;
  while (reader_.next_key(key)) {
    const bool string = reader_.kind() == Kind::kString;
    const bool good = string && key == "id"      ? reader_.string(event_->id)
                      : string && key == "model" ? reader_.string(event_->model)
                      : key == "content"         ? reader_.raw(event_->content)
                      : key == "usage" ? read_usage(event_->message_usage, event_->message_usage_members)
                                       : read_other(event_->message, key);
    if (!good) return false;
  }
  return reader_.status().ok();
}

bool EventReader::read_usage(json::Field& usage, RawMembers& members) {
  if (reader_.kind() != Kind::kObject) return reader_.raw(usage);
  members.clear();
  if (!reader_.enter_object(usage)) return false;
  std::string_view key;
  while (reader_.next_key(key))
    if (!read_other(members, key)) return false;
  reader_.leave(usage);
  return reader_.status().ok();
}

bool EventReader::read_block() {
  event_->has_block = true;
  BlockStart& block = event_->block;
  if (!reader_.enter_object()) return false;
  std::string_view key;
  while (reader_.next_key(key)) {
    json::Field* const text = reader_.kind() != Kind::kString ? nullptr
                              : key == "type"                 ? &block.type
                              : key == "text"                 ? &block.text
                              : key == "thinking"             ? &block.thinking
                              : key == "signature"            ? &block.signature
                              : key == "id"                   ? &block.id
                              : key == "name"                 ? &block.name
                                                              : nullptr;
    const bool good = text != nullptr  ? reader_.string(*text)
                      : key == "input" ? reader_.raw(block.input)
                                       : read_other(block.others, key);
    if (!good) return false;
  }
  return reader_.status().ok();
}

bool EventReader::read_other(RawMembers& members, std::string_view key) {
  members.push_back({reader_.key(key), {}});
  return reader_.raw(members.back().json);
}

}  // namespace tau::wire::anthropic
