// The index of one scope's memories: documents, postings and vectors over an immutable base, mapped from a
// sidecar file, and a delta in memory. It follows the store by change numbers and can always be made anew
// from it. Many may read at once; who changes it is alone (the engine holds a std::shared_mutex).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/base.h"
#include "memory/doc_set.h"
#include "memory/documents.h"
#include "memory/postings.h"
#include "memory/segment_file.h"
#include "memory/vectors.h"
#include "store/memories.h"

namespace tau::memory {

struct ShardOptions {
  std::string path;  // of its sidecar; empty: it lives in memory alone
  SegmentKey key;    // its analysis_version is set by the shard
  // The store's newest change: a sidecar that knows of later ones is not used.
  int64_t newest_change = INT64_MAX;
};

// A point in time to see the memories from. What is kNoTime is not asked about.
//
// With neither set: what was superseded shows only when the filter asks for it; validity does not matter.
// With `recorded_ms` r: what was recorded after r (created_ms > r) does not show. What is superseded at
// s <= r shows in the interval of validity that it was left with; what is superseded at s > r shows as it
// stood before, when nobody knew of its end: from valid_from_ms on. So later writes never change what an
// earlier r shows. With `valid_ms` v: only what is valid at v shows: from <= v < to, ends as above. Without v
// what is superseded at s <= r does not show, unless the filter asks for it. With `valid_ms` alone r is now:
// everything that is recorded.
struct AsOf {
  int64_t valid_ms = store::kNoTime;
  int64_t recorded_ms = store::kNoTime;
};

class Shard {
 public:
  // A sidecar that is missing, damaged or of something else is not used: the shard is empty, change() is 0,
  // and rejected() says why. Fails only where the options make no sense.
  static StatusOr<std::unique_ptr<Shard>> open(ShardOptions options);
  ~Shard();
  const Status& rejected() const;  // ok: the sidecar was used, or there was none

  // A memory as it is after its change; the document that stood for it before is out. `vector_bytes` is of
  // the shard's space, as quantise() makes it, or empty. Changes come in the order of their numbers; those at
  // or below change() do nothing.
  Status apply(const store::MemoryRow& row, std::string_view vector_bytes);
  Status purged(int64_t row, int64_t change);
  // All changes up to this one are applied, also where the last ones were of other scopes.
  void advance(int64_t change);
  int64_t change() const;

  Doc size() const;  // documents, those that are out included
  // Statistics, over documents that are live: neither replaced, purged nor forgotten.
  int64_t live() const;
  int64_t total_length() const;                 // of all their lengths in terms
  int64_t document_count(uint64_t term) const;  // how many have the term

  const Documents& documents() const;
  const Postings& postings() const;
  const Vectors& vectors() const;

  // Documents that the filter shows. Its workspace, channels and actors are not looked at: a shard is one
  // scope.
  DocSet select(const store::MemoryFilter& filter, const AsOf& as_of = {}) const;

  // Whether the delta is worth a merge, or something that is out is still in the sidecar.
  bool wants_save() const;
  // Something that is out is still in the sidecar or in memory: save() drops it.
  bool holds_removed() const;
  // Merges delta and base and writes them, durably; where there is no path, in memory.
  Status save();

  // The same in two steps: write() may run beside readers, adopt() is alone. Nothing may be applied in
  // between: then adopt() does nothing and returns ABORTED "index_changed".
  struct Written;
  StatusOr<std::unique_ptr<Written>> write() const;
  Status adopt(std::unique_ptr<Written> written);

  // Bytes of memory of the delta and of tables over the base, the mapping apart; roughly.
  size_t delta_bytes() const;

 private:
  struct Impl;
  explicit Shard(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tau::memory
