// Whether two requests ask for the same: what recordings are found by, and what a cache of answers is keyed
// by.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "json/json.h"
#include "wire/wire.h"

namespace tau::provider {

// What a request means, as a value of its own form: two requests ask for the same exactly if their meanings
// are equal. It holds the model, the messages, the tools and every parameter. What makes no difference:
//
// - the order of keys, spaces and ways to write a number, in arguments, schemas and parameters: JSON is
//   compared as RFC 8785 has it. Text that is no JSON is compared as it stands;
// - ids of tool calls: the first one is "call_1", wherever it is named;
// - whether the answer is streamed ("stream", "stream_options");
// - what says who asks or how it is billed, kept or cached: "user", "metadata", "store", "service_tier",
//   "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "cache_control";
// - what a provider wants back untouched (signatures and encrypted reasoning), and ids and states of items;
// - labels of messages; whether instructions are of the role system or developer; texts without a character,
//   and messages of nothing else; the order of tools;
// - parameters at a default that holds everywhere: tool_choice auto (any choice without tools),
//   parallel_tool_calls true, response_format text, strict false, n 1, penalties 0, logprobs false, no stop
//   texts; a tool without parameters, and one whose schema allows none.
//
// Sampling at the value that one server has for its default is not the same as leaving it away, for another
// server has another. Bytes of media count by their digest.
json::Value request_meaning(const wire::Request& request);

// Of a meaning: BLAKE2b-256 over its canonical text, hex.
std::string meaning_digest(const json::Value& meaning);
std::string request_digest(const wire::Request& request);

// Where two meanings part first, in the order of their members: a JSON Pointer, and what stands there as JSON
// text of at most 160 bytes; "absent" where nothing does.
struct Difference {
  std::string path;
  std::string asked;
  std::string recorded;
};
std::optional<Difference> first_difference(const json::Value& asked, const json::Value& recorded);

// How many values of the one the other does not have; stops counting at `most`.
size_t count_differences(const json::Value& asked, const json::Value& recorded, size_t most);

}  // namespace tau::provider
