// The messages of an Anthropic request, both ways.
#include "wire/anthropic.h"
#include "wire/turns.h"

namespace tau::wire::anthropic {
namespace {

constexpr TurnRules kRules = {kAnthropic, can_write};

void write_turn(json::Writer& w, const Turn& turn) {
  const Message& first = *turn.front();
  const std::vector<const Part*> parts = parts_of(turn, kRules);
  ObjectWriter out(w, first.extras, kAnthropicRequest);
  out.field("role", turn_role(first));
  const bool string =
      parts.size() == 1 && parts.front()->as<Text>() != nullptr && !out.form("content").empty();
  if (string) {
    out.field("content", parts.front()->as<Text>()->text);
  } else if (!parts.empty() || out.wants("content")) {
    out.key("content").begin_array();
    for (const Part* part : parts) write_block(w, *part);
    w.end_array();
  }
  out.done();
}

}  // namespace

bool is_hoisted(const Message& message) { return wire::is_hoisted(message, kRules); }

void decode_messages(const json::Value& messages, Request& request) {
  std::string_view previous;
  for (const json::Value& value : messages.as_array()) {
    ObjectReader in(value);
    const std::string_view role = in.take("role")->as_string();
    std::vector<Part> blocks;
    decode_blocks(in, "content", kAnthropicRequest, blocks);
    add_turn(in, role, previous, kAnthropicRequest, std::move(blocks), request.messages);
    previous = role;
  }
}

void write_messages(json::Writer& out, const std::vector<Message>& messages) {
  out.begin_array();
  for (const Turn& turn : turns_of(messages, kRules)) write_turn(out, turn);
  out.end_array();
}

}  // namespace tau::wire::anthropic
