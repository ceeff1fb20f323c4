// Posting lists: adding, merging, the form on disk.
#include "memory/postings.h"

#include <algorithm>

namespace tau::memory {
namespace {

constexpr uint32_t kHeader = kPostingSections;
constexpr uint32_t kEntries = kPostingSections + 1;
constexpr uint32_t kLists = kPostingSections + 2;
constexpr uint32_t kLengths = kPostingSections + 3;

// A section as values; empty when its size is none of whole ones.
template <class T>
std::span<const T> values_of(std::span<const std::byte> section) {
  if (section.size() % sizeof(T) != 0) return {};
  return {reinterpret_cast<const T*>(section.data()), section.size() / sizeof(T)};
}

}  // namespace

StatusOr<Postings> Postings::open(const SegmentView& view) {
  Postings postings;
  const auto headers = values_of<Header>(view.section(kHeader));
  if (headers.size() != 1) return SegmentView::damaged("the header of the posting lists is missing");
  postings.view_ = view;
  postings.entries_ = values_of<Entry>(view.section(kEntries));
  postings.lists_ = values_of<uint8_t>(view.section(kLists));
  postings.base_lengths_ = values_of<uint16_t>(view.section(kLengths));
  postings.base_documents_ = headers[0].documents;
  postings.total_length_ = headers[0].total_length;
  if (postings.base_lengths_.size() != postings.base_documents_)
    return SegmentView::damaged(format("there are {} lengths of {} documents", postings.base_lengths_.size(),
                                       postings.base_documents_));
  return postings;
}

void Postings::append(Doc distance, uint32_t count, std::string* out) {
  const auto put = [out](uint64_t value) {
    for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(static_cast<uint8_t>(value | 0x80)));
    out->push_back(static_cast<char>(static_cast<uint8_t>(value)));
  };
  put(uint64_t{distance} << 1 | (count > 1 ? 1 : 0));
  if (count > 1) put(count);
}

void Postings::add(Doc doc, const std::vector<TermCount>& terms) {
  if (doc < size()) return;  // numbers ascend
  uint64_t length = 0;
  for (const TermCount& term : terms) {
    if (term.count == 0) continue;
    List& list = list_for(term.term);
    const Doc next = list.documents == 0 ? base_documents_ : list.last + 1;
    append(doc - next, std::min(term.count, kMaxCount), &list.bytes);
    list.last = doc;
    ++list.documents;
    length += term.count;
  }
  delta_lengths_.resize(doc - base_documents_);
  delta_lengths_.push_back(static_cast<uint16_t>(std::min<uint64_t>(length, kMaxLength)));
  total_length_ += delta_lengths_.back();
}

// Terms are hashes: where one stands among the others is nearly known.
const Postings::Entry* Postings::base_entry(uint64_t term) const {
  size_t low = 0;
  size_t high = entries_.size();
  for (int guesses = 0; guesses < 4 && high - low > 8; ++guesses) {
    const uint64_t first = entries_[low].term;
    const uint64_t last = entries_[high - 1].term;
    if (term < first || term > last) return nullptr;
    const double share = static_cast<double>(term - first) / (static_cast<double>(last - first) + 1);
    const size_t middle = low + static_cast<size_t>(share * static_cast<double>(high - 1 - low));
    if (entries_[middle].term < term) {
      low = middle + 1;
    } else {
      high = middle + 1;
    }
  }
  const auto range = entries_.subspan(low, high - low);
  const auto found = std::ranges::lower_bound(range, term, {}, &Entry::term);
  return found != range.end() && found->term == term ? &*found : nullptr;
}

size_t Postings::slot_of(uint64_t term) const {
  size_t slot = static_cast<size_t>(term) & (table_.size() - 1);
  while (table_[slot] != 0 && delta_[table_[slot] - 1].term != term) slot = (slot + 1) & (table_.size() - 1);
  return slot;
}

const Postings::List* Postings::delta_list(uint64_t term) const {
  if (table_.empty()) return nullptr;
  const uint32_t index = table_[slot_of(term)];
  return index == 0 ? nullptr : &delta_[index - 1];
}

void Postings::grow_table() {
  table_.assign(std::max<size_t>(64, table_.size() * 2), 0);
  for (size_t i = 0; i < delta_.size(); ++i) table_[slot_of(delta_[i].term)] = static_cast<uint32_t>(i + 1);
}

Postings::List& Postings::list_for(uint64_t term) {
  if (delta_.size() * 2 >= table_.size()) grow_table();
  uint32_t& index = table_[slot_of(term)];
  if (index == 0) {
    delta_.push_back({.term = term, .bytes = {}, .last = 0, .documents = 0});
    index = static_cast<uint32_t>(delta_.size());
  }
  return delta_[index - 1];
}

Doc Postings::document_count(uint64_t term) const {
  const Entry* const entry = base_entry(term);
  const List* const list = delta_list(term);
  return (entry != nullptr ? entry->documents : 0) + (list != nullptr ? list->documents : 0);
}

size_t Postings::delta_bytes() const {
  size_t bytes = delta_.capacity() * sizeof(List) + table_.capacity() * sizeof(uint32_t) +
                 delta_lengths_.capacity() * sizeof(uint16_t);
  for (const List& list : delta_)
    if (list.bytes.capacity() > sizeof(std::string) / 2) bytes += list.bytes.capacity();
  return bytes;
}

// One list of base and delta together, with new numbers.
struct Postings::Merge {
  const Renumber& renumber;
  std::string bytes;
  uint32_t documents = 0;
  Doc next = 0;

  void operator()(Doc doc, uint32_t count) {
    const Doc renamed = doc < renumber.size() ? renumber[doc] : kNoDoc;
    if (renamed == kNoDoc) return;
    append(renamed - next, count, &bytes);
    next = renamed + 1;
    ++documents;
  }
};

void Postings::save(SegmentWriter& writer, const Renumber& renumber) const {
  std::vector<uint64_t> added;
  added.reserve(delta_.size());
  for (const List& list : delta_) added.push_back(list.term);
  std::ranges::sort(added);

  writer.begin(kLists);
  std::vector<Entry> entries;
  entries.reserve(std::max(entries_.size(), added.size()));
  uint64_t offset = 0;
  for (size_t i = 0, j = 0; i < entries_.size() || j < added.size();) {
    const bool from_base = j >= added.size() || (i < entries_.size() && entries_[i].term <= added[j]);
    const uint64_t term = from_base ? entries_[i].term : added[j];
    if (i < entries_.size() && entries_[i].term == term) ++i;
    if (j < added.size() && added[j] == term) ++j;
    Merge merge{.renumber = renumber, .bytes = {}, .documents = 0, .next = 0};
    each(term, merge);
    if (merge.documents == 0) continue;
    if (merge.bytes.size() > UINT32_MAX)
      return writer.fail(internal_error("index_too_large", "a posting list has more than 4 GiB"));
    writer.write(merge.bytes.data(), merge.bytes.size());
    entries.push_back({term, offset, static_cast<uint32_t>(merge.bytes.size()), merge.documents});
    offset += merge.bytes.size();
  }
  writer.begin(kEntries);
  writer.write_all(entries);

  std::vector<uint16_t> lengths;
  Header header;
  for (Doc doc = 0; doc < renumber.size(); ++doc) {
    if (renumber[doc] == kNoDoc) continue;
    lengths.push_back(static_cast<uint16_t>(length(doc)));
    header.total_length += lengths.back();
  }
  header.documents = static_cast<uint32_t>(lengths.size());
  writer.begin(kLengths);
  writer.write_all(lengths);
  writer.begin(kHeader);
  writer.write(&header, sizeof header);
}

}  // namespace tau::memory
