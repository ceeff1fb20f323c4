// Which documents a filter shows: lists first, then columns over what is left.
#include <algorithm>

#include "memory/documents.h"
#include "memory/documents_impl.h"

namespace tau::memory {
namespace {

constexpr Doc kWordBits = 64;

// Leaves those in the set for which keep(doc) holds. Words without a document cost nothing.
template <class F>
void keep_if(DocSet& set, F&& keep) {
  const std::span<uint64_t> words = set.words();
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] == 0) continue;
    uint64_t kept = 0;
    const Doc first = static_cast<Doc>(i) * kWordBits;
    for (uint64_t word = words[i]; word != 0; word &= word - 1) {
      const auto bit = static_cast<Doc>(std::countr_zero(word));
      kept |= uint64_t{keep(first + bit)} << bit;
    }
    words[i] = kept;
  }
}

bool is_visible(const Validity& v, const AsOf& as_of, bool with_superseded) {
  const bool is_superseded = v.superseded_ms != store::kEndless;
  const bool known =
      is_superseded && (as_of.recorded_ms == store::kNoTime || v.superseded_ms <= as_of.recorded_ms);
  if (as_of.valid_ms == store::kNoTime) return !known || with_superseded;
  if (v.from_ms > as_of.valid_ms) return false;
  const int64_t end = is_superseded && !known ? v.to_before_ms : v.to_ms;
  return end == store::kEndless || as_of.valid_ms < end;
}

bool is_visible_always(const AsOf& as_of, const store::MemoryFilter& filter) {
  return as_of.valid_ms == store::kNoTime && as_of.recorded_ms == store::kNoTime && filter.superseded;
}

}  // namespace

DocSet Documents::select(const store::MemoryFilter& filter, const AsOf& as_of) const {
  const Impl& d = *impl_;
  DocSet set = d.live;
  if (filter.forgotten) {
    set = d.present;
    set.subtract(d.live);
  }
  for (const std::string& tag : filter.tags) d.keep_tagged(set, tag);
  if (!filter.thread.empty()) d.keep_threaded(set, filter.thread);
  if (!filter.source.empty()) d.keep_sources(set, filter.source);
  if (filter.types != ~0u)
    keep_if(set, [&](Doc doc) {
      const uint8_t type = this->type(doc);
      return type < 32 && (filter.types >> type & 1) != 0;
    });
  if (filter.since_ms != INT64_MIN || filter.until_ms != INT64_MAX)
    keep_if(set, [&](Doc doc) {
      const int64_t time = d.in_base(doc) ? d.base.times.at(doc) : d.added(doc).time_ms;
      return time >= filter.since_ms && time <= filter.until_ms;
    });
  if (as_of.recorded_ms != store::kNoTime)
    keep_if(set, [&](Doc doc) {
      const int64_t created = d.in_base(doc) ? d.base.created.at(doc) : d.added(doc).created_ms;
      return created <= as_of.recorded_ms;
    });
  if (!is_visible_always(as_of, filter))
    d.each_validity([&](Doc doc, const Validity& validity) {
      if (!is_visible(validity, as_of, filter.superseded)) set.remove(doc);
    });
  return set;
}

void Documents::Impl::keep_tagged(DocSet& set, std::string_view tag) const {
  const uint32_t number = tags.find(tag);
  DocSet tagged(set.size());
  if (number != kNoString) each_tagged(number, [&](Doc doc) { tagged.add(doc); });
  set.intersect(tagged);
}

void Documents::Impl::keep_threaded(DocSet& set, std::string_view name) const {
  const uint32_t number = threads.find(name);
  if (number == kNoString) return set.clear();
  // The order knows of those that are live; what is forgotten is looked for one by one.
  DocSet threaded(set.size());
  const DocumentsBase::Run run = base.thread_run(number);
  for (uint64_t i = run.begin; i < run.end; ++i)
    if (const Doc doc = base.doc_of(base.order, i); doc != kNoDoc) threaded.add(doc);
  for (auto at = delta_order.lower_bound({number, {INT64_MIN, INT64_MIN, INT64_MIN}, 0});
       at != delta_order.end() && at->thread == number; ++at)
    threaded.add(at->doc);
  DocSet rest = set;
  rest.subtract(live);
  rest.each([&](Doc doc) {
    if (thread(doc) == number) threaded.add(doc);
  });
  set.intersect(threaded);
}

void Documents::Impl::keep_sources(DocSet& set, std::string_view prefix) const {
  const std::vector<bool> found = sources.with_prefix(prefix);
  keep_if(set, [&](Doc doc) {
    const uint32_t number = source(doc);
    return number != kNoString && found[number];
  });
}

}  // namespace tau::memory
