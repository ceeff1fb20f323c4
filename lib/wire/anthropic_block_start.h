// What a content block of a stream begins with.
#pragma once

#include "json/json.h"
#include "wire/raw_member.h"
#include "wire/wire.h"

namespace tau::wire::anthropic {

struct BlockStart {
  json::Field type;
  json::Field text;
  json::Field thinking;
  json::Field signature;
  json::Field id;
  json::Field name;
  json::Field input;  // JSON text
  RawMembers others;
  void clear();
  void follow(json::Shape& shape);
};

// As decode_block() has it, but without a tree, for the blocks that nearly all streams consist of: text,
// thinking, and calls without input. False when it is another; no object in the start has a key twice.
bool decode_start(const BlockStart& start, json::Compactor& compactor, Part& part);

}  // namespace tau::wire::anthropic
