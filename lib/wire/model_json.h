// Pieces of the neutral model's JSON that requests, responses and stream events share.
#pragma once

#include <string_view>
#include <vector>

#include "wire/wire.h"

namespace tau::wire {

// With `blobs`, media bytes are left out: "blob:N" stands for what becomes (*blobs)[N].
void write_part(json::Writer& out, const Part& part, std::vector<const Media*>* blobs = nullptr);
void write_message(json::Writer& out, const Message& message, std::vector<const Media*>* blobs = nullptr);
void write_usage(json::Writer& out, const Usage& usage);
void write_response(json::Writer& out, const Response& response);
// Writes the member "extras" unless there are none.
void write_extras(json::Writer& out, const Extras& extras);

StatusOr<Part> part_from_json(const json::Value& value);
Extras extras_from_json(const json::Value& value);
StatusOr<Response> response_from_json(const json::Value& value);
// Null when no role has that name.
const Role* find_role(std::string_view name);

}  // namespace tau::wire
