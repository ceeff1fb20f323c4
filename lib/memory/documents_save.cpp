// Writes the documents of a base and its delta as one new base.
#include <algorithm>
#include <bit>
#include <numeric>

#include "memory/documents.h"
#include "memory/documents_impl.h"

namespace tau::memory {

Renumber Documents::renumber() const {
  Renumber numbers(size(), kNoDoc);
  Doc next = 0;
  impl_->present.each([&](Doc doc) { numbers[doc] = next++; });
  return numbers;
}

// One save: documents in their new order, and a column at a time.
class DocumentsSaver {
 public:
  DocumentsSaver(const Documents& documents, const Documents::Impl& impl, SegmentWriter& writer,
                 const Renumber& renumber)
      : documents_(documents), d_(impl), writer_(writer), renumber_(renumber) {
    for (Doc old = 0; old < renumber.size(); ++old)
      if (renumber[old] != kNoDoc) kept_.push_back(old);
  }

  void save() {
    write_bytes();
    column(kRows, [&](Doc doc) { return d_.place(doc).row; });
    column(kTimes, [&](Doc doc) { return documents_.time_ms(doc); });
    column(kPositions, [&](Doc doc) { return documents_.position(doc); });
    column(kCreated, [&](Doc doc) { return documents_.created_ms(doc); });
    column(kUpdated, [&](Doc doc) { return documents_.updated_ms(doc); });
    column(kImportances, [&](Doc doc) { return std::bit_cast<uint32_t>(documents_.importance(doc)); });
    write_rows();
    write_names(d_.sources, kSourceNames, kSources, [&](Doc doc) { return d_.source(doc); });
    const auto threads =
        write_names(d_.threads, kThreadNames, kThreads, [&](Doc doc) { return d_.thread(doc); });
    write_order(threads);
    write_validity();
    write_tags();
  }

 private:
  template <class F>
  void column(uint32_t section, F&& value) {
    values_.clear();
    for (const Doc doc : kept_) values_.push_back(value(doc));
    write_column(writer_, section, values_);
  }

  void write_bytes() {
    std::vector<uint8_t> bytes;
    for (const Doc doc : kept_) bytes.push_back(documents_.type(doc));
    writer_.begin(kTypes);
    writer_.write_all(bytes);
    for (size_t i = 0; i < kept_.size(); ++i) {
      const bool forgotten = !d_.live.contains(kept_[i]);
      const bool has_validity = documents_.validity(kept_[i]) != Validity{};
      bytes[i] = static_cast<uint8_t>((forgotten ? kForgottenFlag : 0) | (has_validity ? kValidityFlag : 0));
    }
    writer_.begin(kFlags);
    writer_.write_all(bytes);
  }

  void write_rows() {
    std::vector<std::pair<int64_t, int64_t>> rows;  // with their new documents
    for (size_t i = 0; i < kept_.size(); ++i) rows.emplace_back(documents_.row(kept_[i]), i);
    if (!std::is_sorted(rows.begin(), rows.end())) std::sort(rows.begin(), rows.end());
    values_.clear();
    for (const auto& [row, doc] : rows) values_.push_back(doc);
    write_column(writer_, kByRow, values_);
  }

  // The names that are in use and the column of their numbers.
  template <class F>
  std::vector<uint32_t> write_names(const DocumentNames& names, uint32_t section, uint32_t column_section,
                                    F&& number_of) {
    std::vector<bool> used(names.size());
    int64_t count = 0;
    for (const Doc doc : kept_)
      if (const uint32_t number = number_of(doc); number != kNoString && !used[number]) {
        used[number] = true;
        ++count;
      }
    const std::vector<uint32_t> numbers = names.save(writer_, section, used);
    column(column_section, [&](Doc doc) {
      const uint32_t number = number_of(doc);
      return number == kNoString ? count : int64_t{numbers[number]};
    });
    return numbers;
  }

  void write_order(const std::vector<uint32_t>& threads) {
    struct Place {
      int64_t thread;
      DocumentPlace place;
      int64_t doc;
      auto operator<=>(const Place&) const = default;
    };
    std::vector<Place> order;
    for (size_t i = 0; i < kept_.size(); ++i) {
      const uint32_t thread = d_.thread(kept_[i]);
      if (thread == kNoThread || !d_.live.contains(kept_[i])) continue;
      order.push_back({threads[thread], d_.place(kept_[i]), static_cast<int64_t>(i)});
    }
    if (!std::is_sorted(order.begin(), order.end())) std::sort(order.begin(), order.end());
    values_.clear();
    for (const Place& p : order) values_.push_back(p.doc);
    write_column(writer_, kOrder, values_);
    values_.assign(kept_.size(), 0);
    for (size_t i = 0; i < order.size(); ++i)
      values_[static_cast<size_t>(order[i].doc)] = static_cast<int64_t>(i);
    write_column(writer_, kRanks, values_);
    const auto named =
        std::count_if(threads.begin(), threads.end(), [](uint32_t n) { return n != kNoString; });
    values_.clear();
    size_t at = 0;
    for (int64_t thread = 0; thread <= named; ++thread) {
      while (at < order.size() && order[at].thread < thread) ++at;
      values_.push_back(static_cast<int64_t>(at));
    }
    write_column(writer_, kThreadStarts, values_);
  }

  void write_validity() {
    std::vector<Doc> docs;  // old numbers
    for (const Doc doc : kept_)
      if (documents_.validity(doc) != Validity{}) docs.push_back(doc);
    docs.swap(kept_);
    column(kValidDocs, [&](Doc doc) { return renumber_[doc]; });
    column(kValidFrom, [&](Doc doc) { return documents_.validity(doc).from_ms; });
    column(kValidTo, [&](Doc doc) { return documents_.validity(doc).to_ms; });
    column(kSuperseded, [&](Doc doc) { return documents_.validity(doc).superseded_ms; });
    column(kValidToBefore, [&](Doc doc) { return documents_.validity(doc).to_before_ms; });
    docs.swap(kept_);
  }

  void write_tags() {
    std::vector<bool> used(d_.tags.size());
    for (uint32_t tag = 0; tag < used.size(); ++tag)
      d_.each_tagged(tag, [&](Doc doc) { used[tag] = used[tag] || renumber_[doc] != kNoDoc; });
    const std::vector<uint32_t> numbers = d_.tags.save(writer_, kTagNames, used);
    std::vector<uint32_t> olds(d_.tags.size());  // by new number
    for (uint32_t tag = 0; tag < numbers.size(); ++tag)
      if (numbers[tag] != kNoString) olds[numbers[tag]] = tag;
    olds.resize(static_cast<size_t>(std::count(used.begin(), used.end(), true)));
    std::vector<int64_t> starts = {0};
    values_.clear();
    for (const uint32_t tag : olds) {
      d_.each_tagged(tag, [&](Doc doc) {
        if (renumber_[doc] != kNoDoc) values_.push_back(renumber_[doc]);
      });
      starts.push_back(static_cast<int64_t>(values_.size()));
    }
    write_column(writer_, kTagDocs, values_, 1);
    write_column(writer_, kTagStarts, starts);
  }

  const Documents& documents_;
  const Documents::Impl& d_;
  SegmentWriter& writer_;
  const Renumber& renumber_;
  std::vector<Doc> kept_;  // old numbers, in the order of the new ones
  std::vector<int64_t> values_;
};

void Documents::save(SegmentWriter& writer, const Renumber& renumber) const {
  DocumentsSaver(*this, *impl_, writer, renumber).save();
}

}  // namespace tau::memory
