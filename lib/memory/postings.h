// Which documents of a shard have a term, and how often: an immutable base, mapped from the sidecar, and a
// delta in memory. Private to memory.
//
// A list is a row of pairs in order of the documents: the distance to the one before, doubled, plus one when
// the term is there more than once, as a variable-length number; then the count, where it is more than one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/base.h"
#include "memory/doc_set.h"
#include "memory/segment_file.h"
#include "memory/text_analysis.h"

namespace tau::memory {

class Postings {
 public:
  static constexpr uint32_t kMaxLength = UINT16_MAX;  // of a document; longer ones count as this long
  static constexpr uint32_t kMaxCount = UINT16_MAX;

  Postings() = default;
  // DATA_LOSS "index_damaged". What is wrong inside of a list shows as documents that are left out.
  static StatusOr<Postings> open(const SegmentView& view);
  // Base and delta, without what is out.
  void save(SegmentWriter& writer, const Renumber& renumber) const;

  // Documents ascend; each term once. Numbers that are passed over have no terms.
  void add(Doc doc, const std::vector<TermCount>& terms);

  // f(Doc, uint32_t count) for all that have the term, ascending; those that are out as well.
  template <class F>
  void each(uint64_t term, F&& f) const {
    if (const Entry* entry = base_entry(term)) each_of(base_list(*entry), 0, base_documents_, f);
    if (const List* list = delta_list(term)) each_of(bytes_of(*list), base_documents_, size(), f);
  }

  Doc size() const { return base_documents_ + static_cast<Doc>(delta_lengths_.size()); }
  // Terms of a document, each time it is there.
  uint32_t length(Doc doc) const {
    if (doc < base_documents_) return base_lengths_[doc];
    const size_t i = doc - base_documents_;
    return i < delta_lengths_.size() ? delta_lengths_[i] : 0;
  }
  // Of all documents, those that are out as well.
  Doc document_count(uint64_t term) const;
  uint64_t total_length() const { return total_length_; }
  size_t delta_bytes() const;  // of memory, roughly

 private:
  struct Entry {
    uint64_t term = 0;
    uint64_t offset = 0;  // into lists_
    uint32_t bytes = 0;
    uint32_t documents = 0;
  };
  struct List {
    uint64_t term = 0;
    std::string bytes;
    Doc last = 0;
    uint32_t documents = 0;
  };
  struct Header {
    uint64_t total_length = 0;
    uint32_t documents = 0;
    uint32_t reserved = 0;
  };

  // Reads a number; past the end of damaged bytes it is 0 and `at` is `end`.
  static uint32_t take(const uint8_t*& at, const uint8_t* end) {
    uint32_t value = 0;
    for (uint32_t shift = 0; at < end && shift < 35; shift += 7) {
      const uint32_t byte = *at++;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    at = end;
    return 0;
  }
  // Documents count from `first`; none reaches `limit`.
  template <class F>
  static void each_of(std::span<const uint8_t> bytes, Doc first, Doc limit, F&& f) {
    const uint8_t* at = bytes.data();
    const uint8_t* const end = at + bytes.size();
    uint64_t doc = first;
    while (at < end) {
      const uint32_t head = *at < 0x80 ? *at++ : take(at, end);
      doc += head >> 1;
      uint32_t count = 1;
      if ((head & 1) != 0) count = at < end && *at < 0x80 ? *at++ : take(at, end);
      if (doc >= limit || count == 0) return;
      f(static_cast<Doc>(doc), count);
      ++doc;
    }
  }
  static std::span<const uint8_t> bytes_of(const List& list) {
    return {reinterpret_cast<const uint8_t*>(list.bytes.data()), list.bytes.size()};
  }
  std::span<const uint8_t> base_list(const Entry& entry) const {
    return entry.offset > lists_.size() || entry.bytes > lists_.size() - entry.offset
               ? std::span<const uint8_t>()
               : lists_.subspan(static_cast<size_t>(entry.offset), entry.bytes);
  }
  static void append(Doc distance, uint32_t count, std::string* out);
  const Entry* base_entry(uint64_t term) const;
  const List* delta_list(uint64_t term) const;
  List& list_for(uint64_t term);
  size_t slot_of(uint64_t term) const;
  void grow_table();
  struct Merge;

  SegmentView view_;  // keeps the base mapped
  std::span<const Entry> entries_;
  std::span<const uint8_t> lists_;
  std::span<const uint16_t> base_lengths_;
  Doc base_documents_ = 0;
  uint64_t total_length_ = 0;

  std::vector<List> delta_;
  std::vector<uint32_t> table_;  // open addressing: index into delta_ plus 1; its size is a power of two
  std::vector<uint16_t> delta_lengths_;
};

}  // namespace tau::memory
