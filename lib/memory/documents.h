// What a shard knows of its documents besides their words and vectors: columns over a base that is mapped
// from the sidecar and a delta in memory, the threads they stand in, and the tags they carry.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/base.h"
#include "memory/doc_set.h"
#include "memory/segment_file.h"
#include "store/memories.h"

namespace tau::memory {

inline constexpr uint32_t kNoThread = UINT32_MAX;

// When a fact is so, and since when it is known that it is not so any more.
struct Validity {
  int64_t from_ms = store::kNoTime;
  int64_t to_ms = store::kEndless;
  int64_t superseded_ms = store::kEndless;
  bool always() const { return *this == Validity{}; }
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

  // The next number, for a row that is not present.
  Doc add(const store::MemoryRow& row);
  // It is out: replaced or purged.
  void remove(Doc doc);

  Doc size() const;
  Doc delta_size() const;
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

  // The live document before or after it in its thread, by (time, position, row); kNoDoc.
  Doc previous(Doc doc) const;
  Doc next(Doc doc) const;

  // Neither out nor forgotten: what searches find and statistics count.
  const DocSet& live() const;
  // Live or forgotten: not out.
  const DocSet& present() const;

  // Sets of all documents, present or not, that have what a filter asks for.
  DocSet with_tag(std::string_view tag) const;
  DocSet with_thread(std::string_view thread) const;
  DocSet with_source_prefix(std::string_view prefix) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tau::memory
