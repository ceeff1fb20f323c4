// What a shard knows of its documents besides their words and vectors: columns over a base that is mapped
// from the sidecar and a delta in memory, the threads they stand in, and the tags they carry.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/base.h"
#include "memory/doc_set.h"
#include "memory/segment_file.h"
#include "store/store.h"

namespace tau::memory {

inline constexpr uint32_t kNoThread = UINT32_MAX;

// A point in time to see memories from. What is kNoTime is not asked about.
//
// With neither set: what was superseded shows only when the filter asks for it; validity does not matter.
// With `recorded_ms` r: what was recorded after r (created_ms > r) does not show. What is superseded at
// s <= r shows in the interval of validity that it was left with; what is superseded at s > r shows as it
// stood before, with the end valid_to_before_ms. So later writes never change what an
// earlier r shows.
// With `valid_ms` v: only what is valid at v shows: from <= v < to, ends as above. Without v what is
// superseded at s <= r does not show, unless the filter asks for it.
// With `valid_ms` alone r is now: all that is recorded.
struct AsOf {
  int64_t valid_ms = store::kNoTime;
  int64_t recorded_ms = store::kNoTime;
};

// When a fact is so, and since when it is known that it is not so any more.
struct Validity {
  int64_t from_ms = store::kNoTime;
  int64_t to_ms = store::kEndless;
  int64_t superseded_ms = store::kEndless;
  int64_t to_before_ms = store::kEndless;  // what to_ms was until then
  bool operator==(const Validity&) const = default;
};

class Documents {
 public:
  Documents();
  ~Documents();
  Documents(Documents&&) noexcept;
  Documents& operator=(Documents&&) noexcept;

  static StatusOr<Documents> open(const SegmentView& view);
  // Base and delta, without those that are out.
  void save(SegmentWriter& writer, const Renumber& renumber) const;
  // What becomes of each when it is saved.
  Renumber renumber() const;

  // The next number, for a row that is not present.
  Doc add(const store::MemoryRow& row);
  // It is out: replaced or purged.
  void remove(Doc doc);

  Doc size() const;
  Doc base_size() const;  // those below it are in the sidecar
  // The document of a row that is present; kNoDoc.
  Doc find(int64_t row) const;

  int64_t row(Doc doc) const;
  int64_t time_ms(Doc doc) const;
  int64_t position(Doc doc) const;
  int64_t created_ms(Doc doc) const;
  int64_t updated_ms(Doc doc) const;
  uint8_t type(Doc doc) const;
  float importance(Doc doc) const;
  Validity validity(Doc doc) const;
  // A number for the thread, the same for all documents of one and of no other; kNoThread. Below threads().
  uint32_t thread(Doc doc) const;
  uint32_t threads() const;
  // Live documents of a thread; threads that have one, and how many documents stand in those.
  uint32_t thread_size(uint32_t thread) const;
  uint32_t live_threads() const;
  uint64_t in_threads() const;

  // The live document before or after it in its thread, by (time, position, row); kNoDoc.
  Doc previous(Doc doc) const;
  Doc next(Doc doc) const;

  // Neither out nor forgotten: what searches find and statistics count.
  const DocSet& live() const;
  // Live or forgotten: not out.
  const DocSet& present() const;

  // Documents that the filter shows. Its workspace, channels and actors are not looked at: a shard is one
  // scope.
  DocSet select(const store::MemoryFilter& filter, const AsOf& as_of) const;

  size_t memory_bytes() const;  // of the delta and of tables over the base; roughly

 private:
  struct Impl;
  friend class DocumentsSaver;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tau::memory
