// One chunk of a Gemini stream, as far as one that brings nothing but text goes: views, nothing interpreted.
// All chunks are read in the same way, so that of one that has the shape of an earlier one only what changed
// is read.
#pragma once

#include <string_view>

#include "json/json.h"

namespace tau::wire::gemini {

struct Chunk {
  json::Field text;
  json::Field role;
  json::Field index;  // JSON text of an integer
  json::Field finish;
  json::Field usage;  // JSON text
  json::Field id;
  json::Field model;
  bool thought = false;
  bool plain = true;  // there is nothing else in it, and nothing twice

  void clear() { *this = {}; }
  void follow(json::Shape& shape);
  // Whether all that it says is in the fields.
  bool is_text() const;
};

class ChunkReader {
 public:
  // Null when it is malformed; status() says why. Its views live until the next call.
  const Chunk* read(std::string_view data);
  const Status& status() const { return reader_.status(); }
  // Another stream begins.
  void restart() { shapes_.restart(); }

 private:
  bool read_chunk();
  bool read_candidates();
  bool read_candidate();
  bool read_content();
  bool read_parts();
  bool read_part();
  bool text(json::Field& field);
  bool other();

  Chunk* chunk_ = nullptr;
  json::Reader reader_{json::Halves::kReplace, true};
  json::Shapes<Chunk> shapes_;
};

}  // namespace tau::wire::gemini
