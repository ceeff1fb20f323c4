#include "memory/shard.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "memory/text_analysis.h"
#include "os/os.h"

namespace tau::memory {
namespace {

// A merge copies the base: it waits until there is something to gain.
constexpr Doc kLeastMerge = 4096;
// Terms whose counts are kept at hand.
constexpr size_t kKnownTerms = 4096;

}  // namespace

// What a sidecar holds, or what begins empty.
struct ShardParts {
  Documents documents;
  Postings postings;
  Vectors vectors;

  static StatusOr<ShardParts> open(const SegmentView& view, size_t dimensions);
};

StatusOr<ShardParts> ShardParts::open(const SegmentView& view, size_t dimensions) {
  ShardParts parts;
  TAU_ASSIGN_OR_RETURN(parts.documents, Documents::open(view));
  TAU_ASSIGN_OR_RETURN(parts.postings, Postings::open(view));
  TAU_ASSIGN_OR_RETURN(parts.vectors, Vectors::open(view, dimensions));
  if (parts.postings.size() != parts.documents.size() || parts.vectors.size() != parts.documents.size())
    return SegmentView::damaged(format("{} documents, words of {}, vectors of {}", parts.documents.size(),
                                       parts.postings.size(), parts.vectors.size()));
  return parts;
}

struct Shard::Impl {
  ShardOptions options;
  Status rejected;
  int64_t change = 0;
  ShardParts parts;
  Doc base_out = 0;            // documents of the base that are out
  bool holds_purged = false;   // some of those may be
  int64_t live = 0;            // documents
  int64_t without_vector = 0;  // of them
  int64_t total_length = 0;    // of them
  int64_t bad_vectors = 0;
  std::vector<TermCount> terms;  // of the document that is being added

  // How many documents that are not live have a term: what the posting lists count too many. Readers fill it
  // in, beside one another; every document that leaves empties it.
  mutable std::mutex dead_mutex;
  mutable std::unordered_map<uint64_t, int64_t> dead_counts;

  Status use(const SegmentView& view);
  void count_live();
  void remove(Doc doc);
  int64_t dead_count(uint64_t term) const;
};

Status Shard::Impl::use(const SegmentView& view) {
  if (view.file_bytes() == 0) return ok_status();  // there was none
  TAU_RETURN_IF_ERROR(view.matches(options.key, options.newest_change));
  TAU_ASSIGN_OR_RETURN(parts, ShardParts::open(view, options.key.dimensions));
  change = view.header().change;
  return ok_status();
}

void Shard::Impl::count_live() {
  live = 0;
  without_vector = 0;
  total_length = 0;
  parts.documents.live().each([&](Doc doc) {
    ++live;
    without_vector += parts.vectors.has(doc) ? 0 : 1;
    total_length += parts.postings.length(doc);
  });
}

void Shard::Impl::remove(Doc doc) {
  if (parts.documents.live().contains(doc)) {
    --live;
    without_vector -= parts.vectors.has(doc) ? 0 : 1;
    total_length -= parts.postings.length(doc);
  }
  if (doc < parts.documents.base_size()) ++base_out;
  parts.documents.remove(doc);
  parts.vectors.remove(doc);
  dead_counts.clear();
}

int64_t Shard::Impl::dead_count(uint64_t term) const {
  {
    const std::lock_guard lock(dead_mutex);
    if (const auto found = dead_counts.find(term); found != dead_counts.end()) return found->second;
  }
  const DocSet& alive = parts.documents.live();
  int64_t count = 0;
  parts.postings.each(term, [&](Doc doc, uint32_t) { count += alive.contains(doc) ? 0 : 1; });
  const std::lock_guard lock(dead_mutex);
  if (dead_counts.size() >= kKnownTerms) dead_counts.clear();
  dead_counts[term] = count;
  return count;
}

struct Shard::Written {
  SegmentWriter writer;
  ShardParts parts;
  ShardOptions options;
  int64_t change = 0;
};

Shard::Shard(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Shard::~Shard() = default;

StatusOr<std::unique_ptr<Shard>> Shard::open(ShardOptions options) {
  StatusOr<SegmentView> view = SegmentView();
  if (!options.path.empty() && os::path_exists(options.path)) view = SegmentView::open(options.path);
  return open(std::move(options), view);
}

StatusOr<std::unique_ptr<Shard>> Shard::open(ShardOptions options, const StatusOr<SegmentView>& view) {
  const size_t dimensions = options.key.dimensions;
  if (dimensions > kMaxVectorDimensions || (dimensions == 0) != (options.key.space == 0))
    return invalid_argument("vector_dimensions", format("vector space {} has {} dimensions; they are 1 to {}",
                                                        options.key.space, dimensions, kMaxVectorDimensions));
  options.key.analysis_version = kAnalysisVersion;
  auto impl = std::make_unique<Impl>();
  impl->parts.vectors = Vectors(dimensions);
  impl->options = std::move(options);
  impl->rejected = view.ok() ? impl->use(*view) : view.status();
  impl->count_live();
  return std::unique_ptr<Shard>(new Shard(std::move(impl)));
}

StatusOr<std::unique_ptr<Shard>> Shard::open(std::shared_ptr<Written> written) {
  TAU_RETURN_IF_ERROR(written->writer.publish());
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(written->options);
  impl->change = written->change;
  impl->parts = std::move(written->parts);
  impl->count_live();
  return std::unique_ptr<Shard>(new Shard(std::move(impl)));
}

const Status& Shard::rejected() const { return impl_->rejected; }

Status Shard::apply(const store::MemoryRow& row, std::string_view vector_bytes) {
  Impl& s = *impl_;
  if (row.change <= s.change) return ok_status();
  if (s.parts.documents.size() == kNoDoc - 1)
    return resource_exhausted("index_full", format("an index has at most {} documents", kNoDoc - 1));
  if (!vector_bytes.empty() && !check_vector_bytes(vector_bytes, s.options.key.dimensions).ok()) {
    vector_bytes = {};
    ++s.bad_vectors;
  }
  if (const Doc old = s.parts.documents.find(row.row); old != kNoDoc) s.remove(old);
  document_terms(row, &s.terms);
  const Doc doc = s.parts.documents.add(row);
  s.parts.postings.add(doc, s.terms);
  TAU_RETURN_IF_ERROR(s.parts.vectors.add(doc, vector_bytes));
  if (row.forgotten_ms == 0) {
    ++s.live;
    s.without_vector += s.parts.vectors.has(doc) ? 0 : 1;
    s.total_length += s.parts.postings.length(doc);
  } else {
    s.dead_counts.clear();
  }
  s.change = row.change;
  return ok_status();
}

Status Shard::purged(int64_t row, int64_t change) {
  if (change <= impl_->change) return ok_status();
  if (const Doc old = impl_->parts.documents.find(row); old != kNoDoc) impl_->remove(old);
  // What is out of the base may be what the memory said before.
  impl_->holds_purged = impl_->base_out > 0;
  impl_->change = change;
  return ok_status();
}

void Shard::advance(int64_t change) { impl_->change = std::max(impl_->change, change); }
int64_t Shard::change() const { return impl_->change; }

int64_t Shard::bad_vectors() const { return impl_->bad_vectors; }

Doc Shard::size() const { return impl_->parts.documents.size(); }
int64_t Shard::live() const { return impl_->live; }
int64_t Shard::without_vector() const { return impl_->without_vector; }
int64_t Shard::total_length() const { return impl_->total_length; }

int64_t Shard::document_count(uint64_t term) const {
  const int64_t all = impl_->parts.postings.document_count(term);
  if (all == 0 || impl_->live == size()) return all;
  return all - impl_->dead_count(term);
}

const Documents& Shard::documents() const { return impl_->parts.documents; }
const Postings& Shard::postings() const { return impl_->parts.postings; }
const Vectors& Shard::vectors() const { return impl_->parts.vectors; }

DocSet Shard::select(const store::MemoryFilter& filter, const AsOf& as_of) const {
  return impl_->parts.documents.select(filter, as_of);
}

bool Shard::wants_save() const {
  return impl_->holds_purged || unsaved() > std::max(kLeastMerge, impl_->parts.documents.base_size() / 8);
}

Doc Shard::unsaved() const { return size() - impl_->parts.documents.base_size() + impl_->base_out; }

bool Shard::holds_removed() const { return impl_->base_out > 0 || !impl_->rejected.ok(); }

Status Shard::save() {
  TAU_ASSIGN_OR_RETURN(std::shared_ptr<Written> written, write());
  TAU_ASSIGN_OR_RETURN(const std::unique_ptr<Shard> saved, open(std::move(written)));
  impl_.swap(saved->impl_);
  return ok_status();
}

StatusOr<std::shared_ptr<Shard::Written>> Shard::write() const {
  const Impl& s = *impl_;
  TAU_ASSIGN_OR_RETURN(SegmentWriter writer, SegmentWriter::create(s.options.path));
  const Renumber renumber = s.parts.documents.renumber();
  s.parts.documents.save(writer, renumber);
  s.parts.postings.save(writer, renumber);
  s.parts.vectors.save(writer, renumber);
  SegmentHeader header;
  header.key = s.options.key;
  header.change = s.change;
  header.documents = s.parts.documents.present().count();
  TAU_RETURN_IF_ERROR(writer.finish(header));
  TAU_ASSIGN_OR_RETURN(const SegmentView view, writer.view());
  TAU_ASSIGN_OR_RETURN(ShardParts parts, ShardParts::open(view, s.options.key.dimensions));
  return std::shared_ptr<Written>(new Written{std::move(writer), std::move(parts), s.options, s.change});
}

size_t Shard::delta_bytes() const {
  return impl_->parts.documents.memory_bytes() + impl_->parts.postings.delta_bytes() +
         impl_->parts.vectors.memory_bytes();
}

}  // namespace tau::memory
