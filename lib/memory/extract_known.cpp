#include "memory/extract_known.h"

#include <utility>

#include "memory/fence.h"
#include "memory/ingest.h"
#include "memory/recall.h"

namespace tau::memory {
namespace {

constexpr size_t kQueryBytes = 4'000;  // of a text, of which each word is looked for

}  // namespace

StatusOr<std::vector<KnownMemory>> known_memories(Engine& engine, const ExtractSource& source) {
  SearchRequest request;
  request.text = truncate_utf8(strip_recalled(source.text), kQueryBytes);
  request.k = 2 * ExtractSource::kMaxKnown;  // some may not be shown
  request.filter = {.workspace = source.scope.workspace,
                    .channels = {source.scope.channel},
                    .actors = {source.scope.actor}};
  TAU_ASSIGN_OR_RETURN(Found found, engine.search({.workspace = source.scope.workspace}, std::move(request),
                                                  {}, Engine::Words::kAndVectors));
  Labels own = labels_of(source.provenance);
  own.join(Labels::from(Source::kModel));
  std::vector<KnownMemory> known;
  for (store::MemoryRow& row : found.rows) {
    if (known.size() == ExtractSource::kMaxKnown) break;
    if (source.of_file && is_file_source(row.source)) continue;
    Labels joined = own;
    joined.join(labels_of(row.provenance));
    if (joined == own) known.push_back({std::move(row.id), std::move(row.text)});
  }
  return known;
}

}  // namespace tau::memory
