#include "memory/documents.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "memory/documents_impl.h"

namespace tau::memory {

static_assert(kNoThread == kNoString);

Documents::Documents() : impl_(std::make_unique<Impl>()) {}
Documents::~Documents() = default;
Documents::Documents(Documents&&) noexcept = default;
Documents& Documents::operator=(Documents&&) noexcept = default;

StatusOr<Documents> Documents::open(const SegmentView& view) {
  Documents documents;
  Impl& d = *documents.impl_;
  d.view = view;
  TAU_ASSIGN_OR_RETURN(d.base, DocumentsBase::open(view));
  d.threads = DocumentNames(d.base.thread_names);
  d.sources = DocumentNames(d.base.source_names);
  d.tags = DocumentNames(d.base.tag_names);
  d.present = DocSet(d.base.size, true);
  d.live = d.present;
  for (Doc doc = 0; doc < d.base.size; ++doc)
    if ((d.base.flags[doc] & kForgottenFlag) != 0) d.live.remove(doc);
  for (uint32_t thread = 0; thread < d.base.thread_names.size(); ++thread) {
    const DocumentsBase::Run run = d.base.thread_run(thread);
    const uint64_t end = std::min<uint64_t>(run.end, d.base.size);
    if (run.begin < end) d.join(thread, static_cast<uint32_t>(end - run.begin));
  }
  return documents;
}

void Documents::Impl::join(uint32_t thread, uint32_t documents) {
  if (thread >= thread_sizes.size()) thread_sizes.resize(size_t{thread} + 1);
  if (thread_sizes[thread] == 0) ++live_threads;
  thread_sizes[thread] += documents;
  in_threads += documents;
}

void Documents::Impl::leave(uint32_t thread) {
  if (thread >= thread_sizes.size() || thread_sizes[thread] == 0) return;  // in no thread, or a damaged file
  --in_threads;
  if (--thread_sizes[thread] == 0) --live_threads;
}

Doc Documents::add(const store::MemoryRow& row) {
  Impl& d = *impl_;
  const Doc doc = d.size();
  const Validity validity{row.valid_from_ms, row.valid_to_ms, row.superseded_ms, row.valid_to_before_ms};
  const bool forgotten = row.forgotten_ms != 0;
  const uint32_t thread = row.thread.empty() ? kNoString : d.threads.number(row.thread);
  const uint32_t source = row.source.empty() ? kNoString : d.sources.number(row.source);
  d.delta.push_back({row.row, row.time_ms, row.position, row.created_ms, row.updated_ms,
                     static_cast<float>(row.importance), thread, source, row.type, forgotten,
                     validity != Validity{}});
  d.present.resize(doc + 1, true);
  d.live.resize(doc + 1, !forgotten);
  d.delta_rows[row.row] = doc;
  if (validity != Validity{}) d.validities[doc] = validity;
  if (!forgotten && thread != kNoString) {
    d.delta_order.insert({thread, d.place(doc), doc});
    d.join(thread, 1);
  }
  for (const std::string& tag : row.tags) d.delta_tags[d.tags.number(tag)].push_back(doc);
  d.delta_tag_count += row.tags.size();
  return doc;
}

void Documents::remove(Doc doc) {
  Impl& d = *impl_;
  if (!d.present.contains(doc)) return;
  d.present.remove(doc);
  if (d.live.contains(doc)) d.leave(d.thread(doc));
  d.live.remove(doc);
  if (d.in_base(doc)) return;
  const auto found = d.delta_rows.find(d.added(doc).row);
  if (found != d.delta_rows.end() && found->second == doc) d.delta_rows.erase(found);
  if (d.added(doc).thread != kNoString) d.delta_order.erase({d.added(doc).thread, d.place(doc), doc});
}

Doc Documents::size() const { return impl_->size(); }
Doc Documents::base_size() const { return impl_->base.size; }

Doc Documents::find(int64_t row) const {
  const Impl& d = *impl_;
  if (const auto found = d.delta_rows.find(row); found != d.delta_rows.end()) return found->second;
  const Doc doc = d.base.find(row);
  return doc != kNoDoc && d.present.contains(doc) ? doc : kNoDoc;
}

int64_t Documents::row(Doc doc) const {
  return impl_->in_base(doc) ? impl_->base.rows.at(doc) : impl_->added(doc).row;
}
int64_t Documents::time_ms(Doc doc) const {
  return impl_->in_base(doc) ? impl_->base.times.at(doc) : impl_->added(doc).time_ms;
}
int64_t Documents::position(Doc doc) const {
  return impl_->in_base(doc) ? impl_->base.positions.at(doc) : impl_->added(doc).position;
}
int64_t Documents::created_ms(Doc doc) const {
  return impl_->in_base(doc) ? impl_->base.created.at(doc) : impl_->added(doc).created_ms;
}
int64_t Documents::updated_ms(Doc doc) const {
  return impl_->in_base(doc) ? impl_->base.updated.at(doc) : impl_->added(doc).updated_ms;
}
uint8_t Documents::type(Doc doc) const {
  return impl_->in_base(doc) ? impl_->base.types[doc] : impl_->added(doc).type;
}
float Documents::importance(Doc doc) const {
  if (!impl_->in_base(doc)) return impl_->added(doc).importance;
  const auto value = std::bit_cast<float>(static_cast<uint32_t>(impl_->base.importances.at(doc)));
  return value >= 0 && value <= 1 ? value : 0;  // also where a damaged file holds no number
}

Validity Documents::validity(Doc doc) const {
  const Impl& d = *impl_;
  if (d.in_base(doc)) {
    if ((d.base.flags[doc] & kValidityFlag) == 0) return {};
    const uint64_t index = d.base.find_validity(doc);
    return index < d.base.valid_docs.count() ? d.base_validity(index) : Validity{};
  }
  return d.added(doc).has_validity ? d.validities.at(doc) : Validity{};
}

uint32_t Documents::thread(Doc doc) const { return impl_->thread(doc); }
uint32_t Documents::threads() const { return impl_->threads.size(); }
uint32_t Documents::thread_size(uint32_t thread) const {
  return thread < impl_->thread_sizes.size() ? impl_->thread_sizes[thread] : 0;
}
uint32_t Documents::live_threads() const { return impl_->live_threads; }
uint64_t Documents::in_threads() const { return impl_->in_threads; }

Doc Documents::next(Doc doc) const {
  const Impl& d = *impl_;
  const uint32_t thread = d.thread(doc);
  if (thread == kNoThread) return kNoDoc;
  const DocumentPlace place = d.place(doc);
  const Doc best = d.base_neighbour(doc, thread, place, true);
  const auto after = d.delta_order.upper_bound({thread, place, kNoDoc});
  if (after == d.delta_order.end() || after->thread != thread) return best;
  return best == kNoDoc || after->place < d.place(best) ? after->doc : best;
}

Doc Documents::previous(Doc doc) const {
  const Impl& d = *impl_;
  const uint32_t thread = d.thread(doc);
  if (thread == kNoThread) return kNoDoc;
  const DocumentPlace place = d.place(doc);
  const Doc best = d.base_neighbour(doc, thread, place, false);
  auto before = d.delta_order.lower_bound({thread, place, 0});
  if (before == d.delta_order.begin() || (--before)->thread != thread) return best;
  return best == kNoDoc || d.place(best) < before->place ? before->doc : best;
}

// The nearest of the base that stands after the place, or before it.
Doc Documents::Impl::base_neighbour(Doc doc, uint32_t thread, const DocumentPlace& place, bool after) const {
  const DocumentsBase::Run run = base.thread_run(thread);
  for (uint64_t i = base_rank(doc, run, place, after); i != (after ? run.end : run.begin); after ? ++i : --i)
    if (const Doc at = base.doc_of(base.order, after ? i : i - 1); live.contains(at)) return at;
  return kNoDoc;
}

// Where in the run the search for what stands after the place begins, or ends for what stands before it.
uint64_t Documents::Impl::base_rank(Doc doc, const DocumentsBase::Run& run, const DocumentPlace& at,
                                    bool after) const {
  if (in_base(doc)) {
    const auto rank = static_cast<uint64_t>(base.ranks.at(doc));
    if (rank >= run.begin && rank < run.end && base.doc_of(base.order, rank) == doc)
      return after ? rank + 1 : rank;
  }
  return base.first_from(run, at, after);
}

const DocSet& Documents::live() const { return impl_->live; }
const DocSet& Documents::present() const { return impl_->present; }

size_t Documents::memory_bytes() const {
  const Impl& d = *impl_;
  // Nodes of trees and hash tables: what they hold and four words.
  return d.delta.capacity() * sizeof(Impl::Fields) + d.validities.size() * (sizeof(Validity) + 40) +
         d.delta_rows.size() * 56 + d.delta_order.size() * (sizeof(Impl::Threaded) + 32) +
         d.delta_tag_count * sizeof(Doc) * 2 + d.threads.memory_bytes() + d.sources.memory_bytes() +
         d.tags.memory_bytes() + d.thread_sizes.capacity() * sizeof(uint32_t) + size_t{d.size()} / 4;
}

}  // namespace tau::memory
