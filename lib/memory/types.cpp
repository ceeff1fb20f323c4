#include "memory/types.h"

#include <array>
#include <limits>
#include <string>
#include <utility>

namespace tau::memory {
namespace {

struct TypeRow {
  std::string_view name;
  double importance;
  double half_life_days;
};
constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr std::array<TypeRow, kTypes> kTypeRows = {{
    {"observation", 0.3, 7},
    {"event", 0.55, 30},
    {"fact", 0.65, 180},
    {"preference", 0.7, kNever},
    {"todo", 0.8, 30},
    {"decision", 0.85, 180},
    {"goal", 0.9, 180},
    {"identity", 1, kNever},
}};

constexpr std::array<std::string_view, kRelations> kRelationNames = {
    "related_to", "updates", "contradicts", "caused_by", "result_of", "part_of",
};
constexpr std::pair<std::string_view, Relation> kOlderNames[] = {
    {"relates_to", Relation::kRelatedTo}, {"supports", Relation::kRelatedTo},
    {"references", Relation::kRelatedTo}, {"blocks", Relation::kContradicts},
    {"depends_on", Relation::kCausedBy},
};

}  // namespace

std::string_view type_name(Type type) { return kTypeRows[static_cast<size_t>(type)].name; }
double default_importance(Type type) { return kTypeRows[static_cast<size_t>(type)].importance; }
double half_life_days(Type type) { return kTypeRows[static_cast<size_t>(type)].half_life_days; }
std::string_view relation_name(Relation relation) { return kRelationNames[static_cast<size_t>(relation)]; }

StatusOr<Type> parse_type(std::string_view name) {
  std::string known;
  for (size_t i = 0; i < kTypeRows.size(); ++i) {
    if (kTypeRows[i].name == name) return static_cast<Type>(i);
    known.append(known.empty() ? "" : ", ").append(kTypeRows[i].name);
  }
  return invalid_argument("unknown_memory_type",
                          format("unknown type of memory \"{}\"; known are {}", name, known));
}

StatusOr<Relation> parse_relation(std::string_view name) {
  std::string known;
  for (size_t i = 0; i < kRelationNames.size(); ++i) {
    if (kRelationNames[i] == name) return static_cast<Relation>(i);
    known.append(known.empty() ? "" : ", ").append(kRelationNames[i]);
  }
  for (const auto& [older, relation] : kOlderNames)
    if (older == name) return relation;
  return invalid_argument("unknown_relation", format("unknown relation \"{}\"; known are {}", name, known));
}

}  // namespace tau::memory
