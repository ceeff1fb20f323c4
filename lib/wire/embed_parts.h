// Pieces that the codecs of embeddings share. Private to the module.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "json/json.h"
#include "wire/embed.h"

namespace tau::wire {

// Members of an object but for those that are known.
Extras other_members(const json::Value& object, std::initializer_list<std::string_view> known);
void write_members(json::Writer& out, const Extras& extras);
// A float in as few digits as read back to it.
void write_vector(json::Writer& out, const Embeddings& from, size_t row);
// Adds a vector: a list of numbers, or base 64 of float32 in little endian.
Status add_vector(const json::Value& value, Embeddings& to);
Status bad_embeddings(std::string_view what);
StatusOr<json::Value> parse_object(std::string_view body, bool request);
// {"model":…,"NAME":[texts]} as most of them have it; a string stands for one.
Status read_texts(const json::Value& value, EmbedRequest& to, bool& other);
void write_texts(json::Writer& out, const EmbedRequest& request);

}  // namespace tau::wire
