// What a dialect has no form for of what people and tools say: it is replaced by a text that says so, and
// never left out in silence.
//
//   [image left out: bedrock_converse has no images by URL: https://…]
//
// A file of plain text becomes text with its content. What a provider's own tools did for an earlier answer,
// and reasoning, are no such parts: they are dropped, as docs/dialects.md says.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "wire/wire.h"

namespace tau::wire {

// The text that takes the place of a part; nothing when the dialect can write it, or drops it.
std::optional<std::string> stand_in(const Part& part, Role role, std::string_view dialect);
// The messages with texts in the place of what the dialect cannot write; nothing when it can write all.
std::optional<std::vector<Message>> with_stand_ins(const std::vector<Message>& messages,
                                                   std::string_view dialect);
// An encoder that does the same for the parts of a stream.
std::unique_ptr<StreamEncoder> with_stand_ins(std::unique_ptr<StreamEncoder> encoder,
                                              std::string_view dialect);

}  // namespace tau::wire
