// What every memory must keep to before it is written, whoever wrote it: an application, a tool, a file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/base.h"
#include "store/store.h"

namespace tau::memory {

inline constexpr size_t kMaxMemoryTextBytes = 64 << 10;
inline constexpr size_t kMaxMemoryNameBytes = 256;  // an id, a part of a scope
inline constexpr size_t kMaxMemoryTags = 64;
inline constexpr size_t kMaxMemoryTagBytes = 128;
inline constexpr size_t kMaxMemorySourceBytes = 4'200;  // a thread too: the longest path and "file:"
inline constexpr size_t kMaxMemoryFactBytes = 4 << 10;  // each of its parts
inline constexpr size_t kMaxMemoryAttributesBytes = 64 << 10;

// INVALID_ARGUMENT "invalid_memory"; details_json names the field: {"field":"tags"}. Wants tags as
// tidy_tags() leaves them.
Status check_memory(const store::MemoryRow& row);
Status check_memory_scope(const store::MemoryScope& scope);
Status check_memory_ref(const store::MemoryRef& ref);
// Weight and relation, and that the two ends are two memories.
Status check_memory_relation(const store::MemoryRelate& relate);

// Sorted, each once, without blanks around them and without empty ones.
void tidy_tags(std::vector<std::string>& tags);

// `text` cut and on one line, for a message.
std::string shown_text(std::string_view text);

}  // namespace tau::memory
