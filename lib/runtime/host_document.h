// JSON documents that hosts send: strict checks whose errors name the member, and messages with their blobs.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "json/json.h"
#include "wire/wire.h"

namespace tau::runtime {

// `what` names the object in the errors: "op", "message.parts[2]". INVALID_ARGUMENT "wrong_type" for what is
// no object, "unknown_key".
Status only_keys(const json::Value& v, std::string_view what, std::initializer_list<std::string_view> known);
StatusOr<std::string> need_string(const json::Value& v, std::string_view what, std::string_view key);
// Empty, `otherwise` and 0 where there is no such key.
StatusOr<std::vector<std::string>> read_strings(const json::Value& v, std::string_view what,
                                                std::string_view key);
StatusOr<bool> read_flag(const json::Value& v, std::string_view what, std::string_view key, bool otherwise);
StatusOr<int64_t> read_count(const json::Value& v, std::string_view what, std::string_view key);
// A number from `least` to `most`; `otherwise` where there is no such key.
StatusOr<int64_t> read_bounded(const json::Value& v, std::string_view what, std::string_view key,
                               int64_t otherwise, int64_t least, int64_t most);
Status check_type(bool good, std::string_view what, std::string_view key, std::string_view type);

// What a user says: text, then the blobs in their order.
wire::Message user_message(std::string_view text, std::vector<wire::Media> blobs);

// A message of the user as the host wrote it (docs/schema/message.json). A media part whose data is "blob:N"
// takes blob N, with its type and name unless the part has its own; every blob must be named by a part.
// Labels are not the host's to give. INVALID_ARGUMENT "unknown_key", "wrong_type", "invalid_message",
// "empty_message", "no_such_blob" or "unused_blob".
StatusOr<wire::Message> host_message(json::Value message, std::vector<wire::Media> blobs);

}  // namespace tau::runtime
