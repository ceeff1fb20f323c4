// A sidecar that is damaged or hostile: once as the bytes of a file, once as sections under checksums that
// are right: four bytes of the number of documents, then for each section two of its id, four of its size,
// and its bytes. It is refused, or used: then whatever it says, reading it, changing it and saving it hold.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "law.h"
#include "memory/shard.h"

namespace {

using namespace tau::memory;  // NOLINT
using tau::fuzz::require;

constexpr size_t kDimensions = 20;
constexpr Doc kDocsTried = 512;

ShardOptions options() {
  ShardOptions options;
  options.key.space = 1;
  options.key.dimensions = kDimensions;
  options.newest_change = 100;
  return options;
}

void check_refusal(const tau::Status& status) {
  require(status.reason() == "index_damaged" || status.reason() == "index_stale");
}

void open_file(std::string_view data) {
  // Aligned as a mapping is; a piece of its end that is no whole line is not tried.
  struct alignas(kSectionAlignment) Line {
    std::byte bytes[kSectionAlignment];
  };
  std::vector<Line> lines(data.size() / sizeof(Line));
  const std::span<std::byte> bytes(reinterpret_cast<std::byte*>(lines.data()), lines.size() * sizeof(Line));
  std::copy_n(reinterpret_cast<const std::byte*>(data.data()), bytes.size(), bytes.data());
  const auto view = SegmentView::of(bytes, "input");
  if (!view.ok()) check_refusal(view.status());
}

template <class T>
T take(std::string_view& data) {
  T value{};
  const size_t size = std::min(sizeof value, data.size());
  std::memcpy(&value, data.data(), size);
  data.remove_prefix(size);
  return value;
}

tau::StatusOr<SegmentView> sections(std::string_view data) {
  auto writer = SegmentWriter::create("");
  if (!writer.ok()) return writer.status();
  SegmentHeader header;
  header.key = options().key;
  header.key.analysis_version = kAnalysisVersion;
  header.change = 50;
  header.documents = take<uint32_t>(data);
  for (size_t n = 0; n < kMaxSections && !data.empty(); ++n) {
    const auto id = take<uint16_t>(data);
    const auto claimed = take<uint32_t>(data);
    const size_t size = std::min<size_t>(claimed, data.size());
    writer->begin(id);
    writer->write(data.data(), size);
    data.remove_prefix(size);
  }
  TAU_RETURN_IF_ERROR(writer->finish(header));
  return writer->view();
}

void search(const Shard& shard) {
  const Documents& d = shard.documents();
  for (Doc doc = 0; doc < std::min(d.size(), kDocsTried); ++doc) {
    require(d.importance(doc) >= 0 && d.importance(doc) <= 1);
    require(d.thread(doc) == kNoThread || d.thread(doc) < d.threads());
    for (const Doc other : {d.next(doc), d.previous(doc)})
      require(other == kNoDoc || d.live().contains(other));
    const Doc found = d.find(d.row(doc));
    require(found == kNoDoc || d.present().contains(found));
    (void)d.validity(doc);
    (void)shard.postings().length(doc);
    (void)shard.vectors().bytes(doc);
    (void)shard.vectors().similarity(doc, doc / 2);
  }
  tau::store::MemoryFilter filter;
  require(shard.select(filter).count() <= static_cast<Doc>(shard.live()));
  filter.tags = {"blue"};
  filter.thread = "talk";
  filter.source = "file:";
  filter.types = 7;
  filter.since_ms = 3;
  (void)shard.select(filter, {.valid_ms = 5, .recorded_ms = 8000});
  filter.forgotten = true;
  (void)shard.select(filter);
  std::vector<uint64_t> terms;
  Analyzer().analyze("the boat of river 1", &terms);
  for (const uint64_t term : terms) {
    shard.postings().each(term, [&](Doc doc, uint32_t) { require(doc < shard.size()); });
    (void)shard.document_count(term);
  }
  const float vector[kDimensions] = {1, 2, -3};
  const auto query = VectorQuery::make(vector, kDimensions);
  if (!query.ok()) return;
  for (const VectorHit& hit : shard.vectors().top(*query, 5, d.live())) require(d.live().contains(hit.doc));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  open_file(input);
  const auto view = sections(input);
  if (!view.ok()) return 0;
  const auto opened = Shard::open(options(), view);
  require(opened.ok());
  Shard& shard = **opened;
  if (!shard.rejected().ok()) {
    check_refusal(shard.rejected());
    require(shard.size() == 0 && shard.change() == 0);
  }
  search(shard);
  tau::store::MemoryRow row;
  row.text = "the boat of river 1";
  row.thread = "talk";
  row.tags = {"blue"};
  for (const int64_t number : {1, 2, 900}) {
    row.row = number;
    row.change = shard.change() + 1;
    require(shard.apply(row, "").ok());
  }
  require(shard.purged(3, shard.change() + 1).ok());
  search(shard);
  require(shard.save().ok() && !shard.holds_removed());
  search(shard);
  return 0;
}
