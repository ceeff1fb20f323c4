// The words of the memory model: types, relations, their names and defaults.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/base.h"

namespace tau::memory {

// What kind of thing a memory is. The numbers are those of the database: they never change.
enum class Type : uint8_t { kObservation, kEvent, kFact, kPreference, kTodo, kDecision, kGoal, kIdentity };
inline constexpr int kTypes = 8;

std::string_view type_name(Type type);             // "observation", …
StatusOr<Type> parse_type(std::string_view name);  // INVALID_ARGUMENT "unknown_memory_type" names them all
double default_importance(Type type);              // .3 observation … 1 identity
// Days after which what is not used counts half; infinity: never.
double half_life_days(Type type);

enum class Relation : uint8_t { kRelatedTo, kUpdates, kContradicts, kCausedBy, kResultOf, kPartOf };
inline constexpr int kRelations = 6;

std::string_view relation_name(Relation relation);  // "related_to", …
// Also the names that older tools wrote: "relates_to", "supports", "references", "blocks", "depends_on".
StatusOr<Relation> parse_relation(std::string_view name);  // INVALID_ARGUMENT "unknown_relation"

}  // namespace tau::memory
