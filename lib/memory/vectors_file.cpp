// Vectors in a sidecar: the sections that save() writes and open() reads in place.
#include <algorithm>
#include <bit>
#include <cstring>

#include "memory/vector_code.h"
#include "memory/vector_fine.h"
#include "memory/vectors.h"

namespace tau::memory {
namespace {

constexpr uint32_t kAbout = kVectorSections;
constexpr uint32_t kHas = kVectorSections + 1;
constexpr uint32_t kRows = kVectorSections + 2;
constexpr uint32_t kFactors = kVectorSections + 3;
constexpr uint32_t kBlocks = kVectorSections + 4;
constexpr uint32_t kFine = kVectorSections + 5;
constexpr uint32_t kFormat = 1;

struct About {
  uint32_t format = kFormat;
  uint32_t dimensions = 0;
  uint32_t documents = 0;
  uint32_t held = 0;  // documents with a vector; 0: there are no rows
};

size_t blocks_of(size_t documents) { return (documents + kBlockDocs - 1) / kBlockDocs; }

bool sensible(const float* factors, size_t count) {
  return std::all_of(factors, factors + count, [](float x) { return x >= 0 && x <= 1; });
}

}  // namespace

void Vectors::save(SegmentWriter& writer, const Renumber& renumber) const {
  std::vector<Doc> kept;
  for (size_t old = 0; old < renumber.size(); ++old)
    if (renumber[old] != kNoDoc) kept.push_back(static_cast<Doc>(old));
  About about{kFormat, static_cast<uint32_t>(dimensions_), static_cast<uint32_t>(kept.size()), 0};
  DocSet has(about.documents);
  for (size_t i = 0; i < kept.size(); ++i)
    if (has_.contains(kept[i])) {
      has.add(static_cast<Doc>(i));
      ++about.held;
    }
  writer.begin(kAbout);
  writer.write(&about, sizeof about);
  writer.begin(kHas);
  writer.write(has.words().data(), has.words().size_bytes());
  if (about.held == 0) return;
  const std::vector<int8_t> none(padded());
  writer.begin(kRows);
  for (const Doc doc : kept) writer.write(has_.contains(doc) ? row(doc) : none.data(), padded());
  writer.begin(kFactors);
  for (const Doc doc : kept) {
    const float by = has_.contains(doc) ? factor(doc) : 0;
    writer.write(&by, sizeof by);
  }
  writer.begin(kBlocks);
  std::vector<VectorLine> block(block_lines(padded()));
  for (size_t at = 0; at < kept.size(); at += kBlockDocs) {
    std::fill(block.begin(), block.end(), VectorLine{});
    for (size_t i = at; i < std::min(kept.size(), at + kBlockDocs); ++i)
      if (has_.contains(kept[i])) write_code(row(kept[i]), padded(), i - at, block.data());
    writer.write(block.data(), block.size() * sizeof(VectorLine));
  }
  writer.begin(kFine);
  const std::vector<uint64_t> no_code(fine_words(padded()));
  for (const Doc doc : kept)
    writer.write(has_.contains(doc) ? fine_code(doc) : no_code.data(), no_code.size() * sizeof(uint64_t));
}

StatusOr<Vectors> Vectors::open(const SegmentView& view, size_t dimensions) {
  Vectors out(dimensions);
  TAU_RETURN_IF_ERROR(out.read_base(view));
  return out;
}

Status Vectors::read_base(const SegmentView& view) {
  const auto about_bytes = view.section(kAbout);
  About about;
  if (about_bytes.size() != sizeof about) return SegmentView::damaged("vectors: what they are about");
  std::memcpy(&about, about_bytes.data(), sizeof about);
  if (about.format != kFormat || about.dimensions != dimensions_ ||
      about.documents != view.header().documents)
    return SegmentView::damaged("vectors: their dimensions or documents");
  const auto has = view.section(kHas);
  if (has.size() != (size_t{about.documents} + 63) / 64 * sizeof(uint64_t))
    return SegmentView::damaged("vectors: which documents have one");
  has_.resize(about.documents);
  if (!has.empty()) std::memcpy(has_.words().data(), has.data(), has.size());
  count_ = has_.count();
  if (about.documents % 64 != 0 && has_.words().back() >> about.documents % 64 != 0)
    return SegmentView::damaged("vectors: of documents that there are not");
  if (count_ != about.held) return SegmentView::damaged("vectors: how many there are");
  base_.count = about.documents;
  if (count_ == 0) return ok_status();
  const auto rows = view.section(kRows);
  const auto factors = view.section(kFactors);
  const auto blocks = view.section(kBlocks);
  const auto fine = view.section(kFine);
  if (rows.size() != size_t{about.documents} * padded() ||
      factors.size() != size_t{about.documents} * sizeof(float) ||
      blocks.size() != blocks_of(about.documents) * block_lines(padded()) * sizeof(VectorLine) ||
      fine.size() != about.documents * fine_words(padded()) * sizeof(uint64_t))
    return SegmentView::damaged("vectors: the size of their rows");
  base_.rows = reinterpret_cast<const int8_t*>(rows.data());
  base_.factors = reinterpret_cast<const float*>(factors.data());
  base_.blocks = reinterpret_cast<const VectorLine*>(blocks.data());
  base_.fine = reinterpret_cast<const uint64_t*>(fine.data());
  if (!sensible(base_.factors, base_.count)) return SegmentView::damaged("vectors: a factor");
  view_ = view;
  return ok_status();
}

}  // namespace tau::memory
