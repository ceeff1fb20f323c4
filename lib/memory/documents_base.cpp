#include "memory/documents_base.h"

#include <algorithm>

namespace tau::memory {
namespace {

StatusOr<std::span<const uint8_t>> bytes(const SegmentView& view, uint32_t section, uint64_t count) {
  const std::span<const std::byte> found = view.section(section);
  if (found.size() != count)
    return SegmentView::damaged(
        format("section {} has {} bytes for {} documents", section, found.size(), count));
  return std::span<const uint8_t>(reinterpret_cast<const uint8_t*>(found.data()), count);
}

// The first of [0, count) for which `is_after` holds, which goes from false to true once.
template <class F>
uint64_t bisect(uint64_t low, uint64_t high, F&& is_after) {
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if (is_after(middle))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

bool ascends(const SegmentColumn& starts, uint64_t limit) {
  uint64_t last = 0;
  for (uint64_t i = 0; i < starts.count(); ++i) {
    const auto start = static_cast<uint64_t>(starts.at(i));
    if (start < last || start > limit) return false;
    last = start;
  }
  return true;
}

}  // namespace

StatusOr<DocumentsBase> DocumentsBase::open(const SegmentView& view) {
  DocumentsBase base;
  const uint64_t count = view.header().documents;
  if (count == kNoDoc) return SegmentView::damaged("too many documents");
  base.size = static_cast<Doc>(count);
  // First: they take a byte for each, so that no small file claims many documents.
  TAU_ASSIGN_OR_RETURN(base.types, bytes(view, kTypes, count));
  TAU_ASSIGN_OR_RETURN(base.flags, bytes(view, kFlags, count));
  TAU_ASSIGN_OR_RETURN(base.thread_names, SegmentStrings::open(view, kThreadNames));
  TAU_ASSIGN_OR_RETURN(base.source_names, SegmentStrings::open(view, kSourceNames));
  TAU_ASSIGN_OR_RETURN(base.tag_names, SegmentStrings::open(view, kTagNames));
  const struct {
    SegmentColumn DocumentsBase::*column;
    DocumentSection section;
    uint64_t count;
  } columns[] = {
      {&DocumentsBase::rows, kRows, count},
      {&DocumentsBase::times, kTimes, count},
      {&DocumentsBase::positions, kPositions, count},
      {&DocumentsBase::created, kCreated, count},
      {&DocumentsBase::updated, kUpdated, count},
      {&DocumentsBase::importances, kImportances, count},
      {&DocumentsBase::threads, kThreads, count},
      {&DocumentsBase::sources, kSources, count},
      {&DocumentsBase::by_row, kByRow, count},
      {&DocumentsBase::ranks, kRanks, count},
      {&DocumentsBase::order, kOrder, std::min(column_count(view, kOrder), count)},
      {&DocumentsBase::thread_starts, kThreadStarts, uint64_t{base.thread_names.size()} + 1},
      {&DocumentsBase::valid_docs, kValidDocs, std::min(column_count(view, kValidDocs), count)},
      {&DocumentsBase::valid_from, kValidFrom, std::min(column_count(view, kValidDocs), count)},
      {&DocumentsBase::valid_to, kValidTo, std::min(column_count(view, kValidDocs), count)},
      {&DocumentsBase::superseded, kSuperseded, std::min(column_count(view, kValidDocs), count)},
      {&DocumentsBase::valid_to_before, kValidToBefore, std::min(column_count(view, kValidDocs), count)},
      {&DocumentsBase::tag_starts, kTagStarts, uint64_t{base.tag_names.size()} + 1},
      {&DocumentsBase::tag_docs, kTagDocs, column_count(view, kTagDocs)},
  };
  for (const auto& c : columns) {
    TAU_ASSIGN_OR_RETURN(base.*c.column, SegmentColumn::open(view, c.section, c.count));
  }
  // A byte for each again: work over all lists stays within the size of the file.
  if (view.section(kTagDocs).size() < base.tag_docs.count())
    return SegmentView::damaged(format("{} documents with tags", base.tag_docs.count()));
  if (!ascends(base.thread_starts, base.order.count()) || !ascends(base.tag_starts, base.tag_docs.count()))
    return SegmentView::damaged("lists of threads or tags that overlap");
  return base;
}

DocumentsBase::Run DocumentsBase::run(const SegmentColumn& starts, uint32_t index) {
  if (uint64_t{index} + 1 >= starts.count()) return {};
  return {static_cast<uint64_t>(starts.at(index)), static_cast<uint64_t>(starts.at(index + 1))};
}

Doc DocumentsBase::find(int64_t row) const {
  if (by_row.count() == 0) return kNoDoc;
  // Rows of a scope that no other one wrote between: where one stands is known.
  if (const Doc first = doc_of(by_row, 0); first != kNoDoc) {
    const uint64_t guess = static_cast<uint64_t>(row) - static_cast<uint64_t>(rows.at(first));
    const Doc doc = guess < by_row.count() ? doc_of(by_row, guess) : kNoDoc;
    if (doc != kNoDoc && rows.at(doc) == row) return doc;
  }
  const uint64_t at = bisect(0, by_row.count(), [&](uint64_t i) {
    const Doc doc = doc_of(by_row, i);
    return doc == kNoDoc || rows.at(doc) >= row;
  });
  if (at == by_row.count()) return kNoDoc;
  const Doc doc = doc_of(by_row, at);
  return doc != kNoDoc && rows.at(doc) == row ? doc : kNoDoc;
}

uint64_t DocumentsBase::find_validity(Doc doc) const {
  const uint64_t at = bisect(0, valid_docs.count(), [&](uint64_t i) { return valid_docs.at(i) >= doc; });
  return at < valid_docs.count() && valid_docs.at(at) == doc ? at : valid_docs.count();
}

uint64_t DocumentsBase::first_from(const Run& run, const DocumentPlace& at, bool after) const {
  return bisect(run.begin, run.end, [&](uint64_t i) {
    const Doc doc = doc_of(order, i);
    return doc == kNoDoc || (after ? place(doc) > at : place(doc) >= at);
  });
}

}  // namespace tau::memory
