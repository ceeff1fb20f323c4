#include "wire/openai_chunk.h"

#include "wire/openai_merge.h"

namespace tau::wire::openai {
namespace {

using Kind = json::Value::Kind;

void follow(json::Shape& shape, CallDelta& call) {
  for (json::Field* field : {&call.id, &call.name, &call.arguments, &call.index}) shape.follow(*field);
  wire::follow(shape, call.extras);
}

void follow(json::Shape& shape, ChunkChoice& choice) {
  for (json::Field* field : {&choice.content, &choice.finish, &choice.index, &choice.error})
    shape.follow(*field);
  for (ReasoningPiece& piece : choice.reasoning) shape.follow(piece.text);
  for (ContentPiece& piece : choice.parts) {
    shape.follow(piece.type);
    shape.follow(piece.text);
  }
  for (DetailPiece& detail : choice.details)
    for (DetailPiece::Member& member : detail.members) {
      shape.follow(member.key);
      shape.follow(member.value);
    }
  for (CallDelta& call : choice.calls) follow(shape, call);
  wire::follow(shape, choice.delta);
  wire::follow(shape, choice.members);
}

}  // namespace

void CallDelta::clear() {
  id = name = arguments = index = {};
  arguments_whole = false;
  position = 0;
  extras.clear();
}

void ChunkChoice::clear() {
  index = content = finish = error = {};
  reasoning.clear();
  parts.clear();
  details.clear();
  nested_details = false;
  calls.clear();
  has_calls = false;
  delta.clear();
  members.clear();
}

void Chunk::clear() {
  id = model = created = usage = error = {};
  usage_members.clear();
  top.clear();
  choices.clear();
  known = fractions = compact = false;
}

void Chunk::follow(json::Shape& shape) {
  for (json::Field* field : {&id, &model, &created, &usage, &error}) shape.follow(*field);
  wire::follow(shape, usage_members);
  wire::follow(shape, top);
  for (ChunkChoice& choice : choices) openai::follow(shape, choice);
}

std::optional<int64_t> index_of(json::Field json) {
  const bool quoted = json.text.size() > 2 && json.text.front() == '"';
  if (quoted) json.text = json.text.substr(1, json.text.size() - 2);
  return json.integer();
}

bool ChunkReader::read(std::string_view data) {
  chunk_ = shapes_.match(data);
  if (chunk_ != nullptr) return true;
  chunk_ = &shapes_.begin();
  if (!reader_.load(data) || !reader_.enter_object()) return false;
  std::string_view key;
  while (reader_.next_key(key))
    if (!read_top(key)) return false;
  if (!reader_.status().ok()) return false;
  chunk_->fractions = reader_.has_fraction();
  shapes_.learn(reader_);
  return true;
}

bool ChunkReader::read_top(std::string_view key) {
  const Kind kind = reader_.kind();
  if (key == "choices") {
    if (kind != Kind::kArray) return reader_.skip();
    chunk_->known = true;
    return read_choices();
  }
  const bool is_id = key == "id";
  const bool is_usage = key == "usage";
  const bool is_error = key == "error";
  chunk_->known = chunk_->known || is_id || is_usage || key == "object";
  if (key == "object") return reader_.skip();
  if (is_id || key == "model") {
    if (kind == Kind::kString) return reader_.string(is_id ? chunk_->id : chunk_->model);
    if (kind == Kind::kNull) return reader_.skip();
  } else if (is_error || is_usage || key == "created") {
    if (kind == Kind::kNull) return reader_.skip();
    if (is_error) return reader_.raw(chunk_->error);
    if (is_usage) return kind == Kind::kObject ? read_usage() : reader_.raw(chunk_->usage);
    if (kind == Kind::kInt) return reader_.raw(chunk_->created);
  }
  return read_member(chunk_->top, key);
}

bool ChunkReader::read_usage() {
  chunk_->usage_members.clear();
  if (!reader_.enter_object(chunk_->usage)) return false;
  std::string_view key;
  while (reader_.next_key(key))
    if (!read_member(chunk_->usage_members, key)) return false;
  reader_.leave(chunk_->usage);
  return reader_.status().ok();
}

bool ChunkReader::read_choices() {
  if (!reader_.enter_array()) return false;
  while (reader_.next_element()) {
    const bool good = reader_.kind() == Kind::kObject ? read_choice(chunk_->choices.add()) : reader_.skip();
    if (!good) return false;
  }
  return reader_.status().ok();
}

bool ChunkReader::read_choice(ChunkChoice& choice) {
  if (!reader_.enter_object()) return false;
  std::string_view key;
  while (reader_.next_key(key)) {
    const Kind kind = reader_.kind();
    bool good = true;
    if (key == "delta" && kind == Kind::kObject)
      good = read_delta(choice);
    else if (key == "index")
      good = reader_.raw(choice.index);
    else if (key == "finish_reason" && kind == Kind::kString)
      good = reader_.string(choice.finish);
    else if (key == "finish_reason" || key == "delta")
      good = reader_.skip();
    else if (key == "error" && kind != Kind::kNull)
      good = reader_.raw(choice.error);
    else
      good = read_member(choice.members, key);
    if (!good) return false;
  }
  return reader_.status().ok();
}

bool ChunkReader::read_delta(ChunkChoice& choice) {
  if (!reader_.enter_object()) return false;
  std::string_view key;
  while (reader_.next_key(key)) {
    const Kind kind = reader_.kind();
    bool good = true;
    if (key == "content") {
      good = kind == Kind::kString  ? reader_.piece(choice.content)
             : kind == Kind::kArray ? read_parts(choice)
                                    : reader_.skip();
    } else if (key == "reasoning_content" || key == "reasoning") {
      const std::string_view name = key == "reasoning" ? "reasoning" : "reasoning_content";
      if (kind == Kind::kString) choice.reasoning.push_back({name, {}});
      good = kind == Kind::kString ? reader_.piece(choice.reasoning.back().text) : reader_.skip();
    } else if (key == "role") {
      good = reader_.skip();
    } else if (key == "tool_calls") {
      good = kind == Kind::kArray ? read_calls(choice) : reader_.skip();
    } else if (key == "reasoning_details" && kind == Kind::kArray) {
      good = read_details(choice);
    } else {
      good = read_member(choice.delta, key);
    }
    if (!good) return false;
  }
  return reader_.status().ok();
}

bool ChunkReader::read_parts(ChunkChoice& choice) {
  if (!reader_.enter_array()) return false;
  while (reader_.next_element()) {
    const bool good = reader_.kind() == Kind::kObject ? read_part(choice) : reader_.skip();
    if (!good) return false;
  }
  return reader_.status().ok();
}

// The type may stand behind the text it speaks of.
bool ChunkReader::read_part(ChunkChoice& choice) {
  if (!reader_.enter_object()) return false;
  json::Field type;
  json::Field text;
  std::string_view key;
  while (reader_.next_key(key)) {
    const Kind kind = reader_.kind();
    bool good = true;
    if (key == "type" && kind == Kind::kString)
      good = reader_.string(type);
    else if (key == "text" && kind == Kind::kString)
      good = reader_.piece(text);
    else if (key == "thinking" && kind == Kind::kArray)
      good = read_thinking(choice);
    else
      good = reader_.skip();
    if (!good) return false;
  }
  if (text.given()) {
    ContentPiece& out = choice.parts.add();
    out.type = type;
    out.text = text;
  }
  return reader_.status().ok();
}

bool ChunkReader::read_thinking(ChunkChoice& choice) {
  if (!reader_.enter_array()) return false;
  while (reader_.next_element()) {
    if (reader_.kind() != Kind::kObject) {
      if (!reader_.skip()) return false;
      continue;
    }
    if (!reader_.enter_object()) return false;
    std::string_view key;
    while (reader_.next_key(key)) {
      if (key != "text" || reader_.kind() != Kind::kString) {
        if (!reader_.skip()) return false;
        continue;
      }
      ContentPiece& out = choice.parts.add();
      out.thinking = true;
      if (!reader_.piece(out.text)) return false;
    }
  }
  return reader_.status().ok();
}

bool ChunkReader::read_details(ChunkChoice& choice) {
  if (!reader_.enter_array()) return false;
  while (reader_.next_element()) {
    const bool is_object = reader_.kind() == Kind::kObject;
    choice.nested_details = choice.nested_details || !is_object;
    if (!(is_object ? read_detail(choice) : reader_.skip())) return false;
  }
  return reader_.status().ok();
}

bool ChunkReader::read_detail(ChunkChoice& choice) {
  if (!reader_.enter_object()) return false;
  DetailPiece& detail = choice.details.add();
  std::string_view key;
  while (reader_.next_key(key)) {
    const Kind kind = reader_.kind();
    DetailPiece::Member& member = detail.members.emplace_back();
    member.key = reader_.key(key);
    member.is_string = kind == Kind::kString;
    choice.nested_details = choice.nested_details || kind == Kind::kObject || kind == Kind::kArray;
    const bool good = !member.is_string      ? reader_.raw(member.value)
                      : comes_in_pieces(key) ? reader_.piece(member.value)
                                             : reader_.string(member.value);
    if (!good) return false;
  }
  return reader_.status().ok();
}

bool ChunkReader::read_calls(ChunkChoice& choice) {
  choice.has_calls = true;
  if (!reader_.enter_array()) return false;
  for (size_t position = 0; reader_.next_element(); ++position) {
    CallDelta& call = choice.calls.add();
    call.position = position;
    const bool good = reader_.kind() == Kind::kObject ? read_call(call) : reader_.skip();
    if (!good) return false;
  }
  return reader_.status().ok();
}

bool ChunkReader::read_call(CallDelta& call) {
  if (!reader_.enter_object()) return false;
  std::string_view key;
  while (reader_.next_key(key)) {
    const Kind kind = reader_.kind();
    bool good = true;
    if (key == "index")
      good = reader_.raw(call.index);
    else if (key == "id" && kind == Kind::kString)
      good = reader_.string(call.id);
    else if (key == "function" && kind == Kind::kObject)
      good = read_function(call);
    else if (key == "id" || key == "type" || key == "function")
      good = reader_.skip();
    else
      good = read_member(call.extras, key);
    if (!good) return false;
  }
  return reader_.status().ok();
}

bool ChunkReader::read_function(CallDelta& call) {
  if (!reader_.enter_object()) return false;
  std::string_view key;
  while (reader_.next_key(key)) {
    const Kind kind = reader_.kind();
    bool good = true;
    if (key == "name" && kind == Kind::kString) {
      good = reader_.string(call.name);
    } else if (key == "arguments" && kind == Kind::kString) {
      good = reader_.piece(call.arguments);
    } else if (key == "arguments" && kind != Kind::kNull) {
      call.arguments_whole = true;
      good = reader_.raw(call.arguments);
    } else {
      good = reader_.skip();
    }
    if (!good) return false;
  }
  return reader_.status().ok();
}

bool ChunkReader::read_member(RawMembers& members, std::string_view key) {
  members.push_back({reader_.key(key), {}});
  return reader_.raw(members.back().json);
}

}  // namespace tau::wire::openai
