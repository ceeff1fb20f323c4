// One chunk of a chat completions stream, as it was received: views, nothing interpreted. Of a chunk that has
// the shape of an earlier one only what changed is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "json/json.h"
#include "wire/raw_member.h"

namespace tau::wire::openai {

// A vector whose elements keep their memory when it is cleared.
template <class T>
class Reused {
 public:
  T& add() {
    if (size_ == items_.size()) items_.emplace_back();
    T& item = items_[size_++];
    item.clear();
    return item;
  }
  void clear() { size_ = 0; }
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  T* begin() { return items_.data(); }
  T* end() { return items_.data() + size_; }
  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + size_; }

 private:
  std::vector<T> items_;
  size_t size_ = 0;
};

// A piece of reasoning and the member it came in.
struct ReasoningPiece {
  std::string_view name;
  json::Field text;
};

// A string within content that is an array of parts (Mistral's reasoning models).
struct ContentPiece {
  json::Field type;  // of the part
  json::Field text;
  bool thinking = false;
  void clear() { *this = {}; }
};

// One element of `reasoning_details`.
struct DetailPiece {
  struct Member {
    json::Field key;
    json::Field value;
    bool is_string = false;  // else JSON text
  };
  std::vector<Member> members;
  void clear() { members.clear(); }
};

// One element of `tool_calls`.
struct CallDelta {
  json::Field id;
  json::Field name;
  json::Field arguments;
  json::Field index;             // JSON text: index_of()
  bool arguments_whole = false;  // a JSON value, not a piece of text
  size_t position = 0;
  RawMembers extras;
  void clear();
};

// One element of `choices`.
struct ChunkChoice {
  json::Field index;  // JSON text: index_of()
  json::Field content;
  json::Field finish;
  json::Field error;  // JSON text
  std::vector<ReasoningPiece> reasoning;
  Reused<ContentPiece> parts;
  Reused<DetailPiece> details;
  bool nested_details = false;  // they are more than `details` says
  Reused<CallDelta> calls;
  bool has_calls = false;  // an array of them, even an empty one
  RawMembers delta;        // the other members of the delta
  RawMembers members;      // the other members of the choice
  void clear();
};

struct Chunk {
  json::Field id;
  json::Field model;
  json::Field created;       // JSON text of an integer
  json::Field usage;         // JSON text
  RawMembers usage_members;  // when that is an object
  json::Field error;         // JSON text
  RawMembers top;            // the other members
  Reused<ChunkChoice> choices;
  bool known = false;      // something in it belongs to a chunk of this dialect
  bool fractions = false;  // there is a number with one
  bool compact = false;    // its usage was, of the chunk that it has the shape of; found out by the decoder
  void clear();
  void follow(json::Shape& shape);
};

// An index, which some servers write as a string.
std::optional<int64_t> index_of(json::Field json);

class ChunkReader {
 public:
  // False when it is malformed; status() says why. The chunk's views live until the next call.
  bool read(std::string_view data);
  Chunk& chunk() { return *chunk_; }
  const Chunk& chunk() const { return *chunk_; }
  // Another stream begins.
  void restart() { shapes_.restart(); }
  const Status& status() const { return reader_.status(); }

 private:
  bool read_top(std::string_view key);
  bool read_usage();
  bool read_choices();
  bool read_choice(ChunkChoice& choice);
  bool read_delta(ChunkChoice& choice);
  bool read_parts(ChunkChoice& choice);
  bool read_part(ChunkChoice& choice);
  bool read_thinking(ChunkChoice& choice);
  bool read_details(ChunkChoice& choice);
  bool read_detail(ChunkChoice& choice);
  bool read_calls(ChunkChoice& choice);
  bool read_call(CallDelta& call);
  bool read_function(CallDelta& call);
  bool read_member(RawMembers& members, std::string_view key);

  Chunk* chunk_ = nullptr;
  json::Reader reader_{json::Halves::kReplace, true};
  json::Shapes<Chunk> shapes_;
};

}  // namespace tau::wire::openai
