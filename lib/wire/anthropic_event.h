// One event of a messages stream, as it was received: views, nothing interpreted. All events are read in the
// same way, so that of one that has the shape of an earlier one only what changed is read.
#pragma once

#include <string_view>

#include "json/json.h"
#include "wire/anthropic_block_start.h"
#include "wire/raw_member.h"

namespace tau::wire::anthropic {

struct Event {
  std::string_view data;  // all of it
  json::Field type;
  json::Field index;         // JSON text of an integer
  json::Field error;         // JSON text
  json::Field usage;         // JSON text
  RawMembers usage_members;  // when that is an object
  RawMembers others;

  // `delta`
  json::Field delta_type;
  json::Field piece;  // of text, thinking, signature or JSON
  json::Field stop_reason;
  RawMembers delta;

  // `message`
  json::Field id;
  json::Field model;
  json::Field content;        // JSON text
  json::Field message_usage;  // JSON text
  RawMembers message_usage_members;
  RawMembers message;

  BlockStart block;

  json::Field fraction;      // JSON text of an index that is no plain integer
  bool has_message = false;  // an object
  bool has_block = false;    // likewise
  bool odd = false;          // one of these is there and no object
  bool fractions = false;    // there is a number with one
  // Found out by the decoder, of the event that it has the shape of:
  bool unique = false;   // no object in it has a key twice
  bool compact = false;  // it is compact, has no fractions, and its keys no escapes

  void clear();
  void follow(json::Shape& shape);
};

class EventReader {
 public:
  // Null when it is malformed; status() says why. Its views live until the next call.
  Event* read(std::string_view data);
  const Status& status() const { return reader_.status(); }
  // Another stream begins.
  void restart() { shapes_.restart(); }

 private:
  bool read_event();
  bool read_member(std::string_view key);
  bool read_delta();
  bool read_message();
  bool read_usage(json::Field& usage, RawMembers& members);
  bool read_block();
  bool read_other(RawMembers& members, std::string_view key);

  Event* event_ = nullptr;
  json::Reader reader_{json::Halves::kReplace, true};
  json::Shapes<Event> shapes_;
};

}  // namespace tau::wire::anthropic
