#include "wire/gemini_chunk.h"

namespace tau::wire::gemini {
namespace {

using Kind = json::Value::Kind;

}  // namespace

void Chunk::follow(json::Shape& shape) {
  for (json::Field* field : {&text, &role, &index, &finish, &usage, &id, &model}) shape.follow(*field);
}

bool Chunk::is_text() const {
  return plain && text.given() && role == "model" && (!index.given() || index == "0");
}

const Chunk* ChunkReader::read(std::string_view data) {
  chunk_ = shapes_.match(data);
  if (chunk_ == nullptr) {
    chunk_ = &shapes_.begin();
    if (!reader_.load(data) || !read_chunk()) return nullptr;
    shapes_.learn(reader_);
  }
  return chunk_;
}

// Something that is not text, or not said for the first time.
bool ChunkReader::other() {
  chunk_->plain = false;
  return reader_.skip();
}

bool ChunkReader::text(json::Field& field) {
  return reader_.kind() == Kind::kString && !field.given() ? reader_.string(field) : other();
}

bool ChunkReader::read_chunk() {
  if (!reader_.enter_object()) return false;
  std::string_view key;
  bool candidates = false;
  while (reader_.next_key(key)) {
    const Kind kind = reader_.kind();
    bool good = false;
    if (key == "candidates" && kind == Kind::kArray && !candidates) {
      candidates = true;
      good = read_candidates();
    } else if (key == "usageMetadata" && kind == Kind::kObject && !chunk_->usage.given()) {
      good = reader_.raw(chunk_->usage);
    } else {
      good = key == "responseId" ? text(chunk_->id) : key == "modelVersion" ? text(chunk_->model) : other();
    }
    if (!good) return false;
  }
  return reader_.status().ok();
}

bool ChunkReader::read_candidates() {
  if (!reader_.enter_array()) return false;
  bool first = true;
  while (reader_.next_element()) {
    if (!(first && reader_.kind() == Kind::kObject ? read_candidate() : other())) return false;
    first = false;
  }
  return reader_.status().ok();
}

bool ChunkReader::read_candidate() {
  if (!reader_.enter_object()) return false;
  std::string_view key;
  bool content = false;
  while (reader_.next_key(key)) {
    const Kind kind = reader_.kind();
    bool good = false;
    if (key == "content" && kind == Kind::kObject && !content) {
      content = true;
      good = read_content();
    } else if (key == "index" && kind == Kind::kInt && !chunk_->index.given()) {
      good = reader_.raw(chunk_->index);
    } else {
      good = key == "finishReason" ? text(chunk_->finish) : other();
    }
    if (!good) return false;
  }
  return reader_.status().ok();
}

bool ChunkReader::read_content() {
  if (!reader_.enter_object()) return false;
  std::string_view key;
  bool known = false;
  while (reader_.next_key(key)) {
    const bool parts = key == "parts" && reader_.kind() == Kind::kArray && !known;
    known = known || parts;
    if (!(parts ? read_parts() : key == "role" ? text(chunk_->role) : other())) return false;
  }
  return reader_.status().ok();
}

bool ChunkReader::read_parts() {
  if (!reader_.enter_array()) return false;
  bool first = true;
  while (reader_.next_element()) {
    if (!(first && reader_.kind() == Kind::kObject ? read_part() : other())) return false;
    first = false;
  }
  return reader_.status().ok();
}

bool ChunkReader::read_part() {
  if (!reader_.enter_object()) return false;
  std::string_view key;
  bool thought = false;
  while (reader_.next_key(key)) {
    const Kind kind = reader_.kind();
    bool good = false;
    if (key == "text" && kind == Kind::kString && !chunk_->text.given()) {
      good = reader_.piece(chunk_->text);
    } else if (key == "thought" && kind == Kind::kBool && !thought) {
      thought = true;
      good = reader_.boolean(chunk_->thought);
      chunk_->plain = chunk_->plain && chunk_->thought;
    } else {
      good = other();
    }
    if (!good) return false;
  }
  return reader_.status().ok();
}

}  // namespace tau::wire::gemini
