// Memories as JSON documents, in and out: what tau/memory.h describes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "json/json.h"
#include "memory/memory.h"
#include "store/store.h"

namespace tau::runtime {

// A memory as a request wrote it.
struct MemoryDraft {
  store::MemoryRow row;
  int64_t expected_revision = store::MemoryPut::kAnyRevision;
  struct Link {
    std::string to;
    memory::Relation relation = memory::Relation::kRelatedTo;
    double weight = 1;
  };
  std::vector<Link> links;
};

// A time: text as parse_time_ms() reads it, or milliseconds since 1970. `otherwise` where the member is
// absent or null. INVALID_ARGUMENT "invalid_time".
StatusOr<int64_t> read_time(const json::Value& v, std::string_view what, std::string_view key,
                            int64_t otherwise);

// `what` names the memory in errors: "memories[3]". The channel and the actor are those of `reach` where it
// is bound; without an id there is none yet. INVALID_ARGUMENT "invalid_memory", "unknown_memory_type",
// "unknown_relation", "invalid_time", "unknown_key", "wrong_type"; PERMISSION_DENIED "outside_scope".
StatusOr<MemoryDraft> read_memory(const json::Value& v, std::string_view what, const memory::Reach& reach,
                                  int64_t now_ms);

// The channel or the actor that something is written to. PERMISSION_DENIED "outside_scope".
StatusOr<SharedString> read_scope_part(const json::Value& v, std::string_view what, std::string_view key,
                                       const std::optional<SharedString>& bound);

// The members of a request that choose memories; `more` are members of the request itself.
inline constexpr std::string_view kFilterKeys[] = {"types",   "tags",  "since",  "until",
                                                   "channel", "actor", "thread", "source"};
StatusOr<store::MemoryFilter> read_filter(const json::Value& request, const memory::Reach& reach);
// INVALID_ARGUMENT "unknown_key" for what is neither a member of a filter nor among `more`.
Status only_filter_keys(const json::Value& request, std::initializer_list<std::string_view> more);

// The members of a memory, into an object that is open.
void write_memory_members(json::Writer& w, const store::MemoryRow& row);
void write_memory(json::Writer& w, const store::MemoryRow& row);
// "2026-…" or null for what is unset.
void write_time(json::Writer& w, std::string_view key, int64_t ms);

}  // namespace tau::runtime
