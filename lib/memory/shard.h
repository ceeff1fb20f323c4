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
#include "store/store.h"

namespace tau::memory {

struct ShardOptions {
  std::string path;  // of its sidecar; empty: it lives in memory alone
  SegmentKey key;    // its analysis_version is set by the shard
  // The store's newest change: a sidecar that knows of later ones is not used.
  int64_t newest_change = INT64_MAX;
};

class Shard {
 public:
  // A sidecar that is missing, damaged or of something else is not used: the shard is empty, change() is 0,
  // and rejected() says why. Fails only where the options make no sense.
  static StatusOr<std::unique_ptr<Shard>> open(ShardOptions options);
  // The same of a sidecar that is mapped already, or the failure to do so.
  static StatusOr<std::unique_ptr<Shard>> open(ShardOptions options, const StatusOr<SegmentView>& view);
  ~Shard();
  const Status& rejected() const;  // ok: the sidecar was used, or there was none

  // A memory as it is after its change; the document that stood for it before is out. `vector_bytes` is of
  // the shard's space, as quantise() makes it, or empty. Changes come in the order of their numbers; those at
  // or below change() do nothing.
  Status apply(const store::MemoryRow& row, std::string_view vector_bytes);
  Status purged(int64_t row, int64_t change);
  // Vectors that were none of the shard's space: their memories are found by words alone.
  int64_t bad_vectors() const;
  // All changes up to this one are applied, also where the last ones were of other scopes.
  void advance(int64_t change);
  int64_t change() const;

  Doc size() const;  // documents, those that are out included
  // Statistics, over documents that are live: neither replaced, purged nor forgotten.
  int64_t live() const;
  int64_t without_vector() const;               // of the live ones; a vector of 0 is none
  int64_t total_length() const;                 // of all their lengths in terms
  int64_t document_count(uint64_t term) const;  // how many have the term

  const Documents& documents() const;
  const Postings& postings() const;
  const Vectors& vectors() const;

  // Documents that the filter shows. Its workspace, channels and actors are not looked at: a shard is one
  // scope.
  DocSet select(const store::MemoryFilter& filter, const AsOf& as_of = {}) const;

  // Whether the delta, or what is out, has grown enough to be worth a merge; or the sidecar holds something
  // of a memory that was purged.
  bool wants_save() const;
  // Documents that the sidecar does not have, or has too many. What a process that ends does not save, the
  // next one reads from the store again: a few tens of thousands a second.
  Doc unsaved() const;
  // Something that was replaced or purged is still in the sidecar, as hashes of its words, its vector and the
  // names of its thread, source and tags; or a sidecar that was rejected is still there, whatever it holds.
  // save() drops it.
  bool holds_removed() const;
  // Merges delta and base and writes them, durably; where there is no path, in memory. ABORTED "index_newer"
  // where another process has written a later one: nothing is lost, the next process that opens it has that
  // one.
  Status save();

  // The same in two steps, of which the first may run beside readers: the index that was written, on its
  // file, which takes its place. change() is that of the moment when it was written.
  struct Written;
  StatusOr<std::shared_ptr<Written>> write() const;
  static StatusOr<std::unique_ptr<Shard>> open(std::shared_ptr<Written> written);

  // Bytes of memory of the delta and of tables over the base, the mapping apart; roughly.
  size_t delta_bytes() const;

 private:
  struct Impl;
  explicit Shard(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tau::memory
