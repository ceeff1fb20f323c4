// One file of an ingestion: whether it changed, and what of it is written. All of a file is one transaction:
// after a crash it is in as a whole, or as it was.
#include <algorithm>
#include <utility>

#include "crypto/crypto.h"
#include "runtime/core.h"
#include "runtime/memory_convert.h"
#include "runtime/memory_ingest.h"
#include "runtime/memory_ops.h"

namespace tau::runtime {
namespace {

using memory::FileMark;
using store::MemoryRow;

constexpr size_t kPage = 1000;
constexpr size_t kMostEdges = 65'536;

}  // namespace

// What a file was like is kept by scope and source.
std::string Ingesting::mark_name(const std::string& source) const {
  std::string name;
  for (const std::string_view part :
       {std::string_view(asked_.scope.workspace), std::string_view(asked_.scope.channel),
        std::string_view(asked_.scope.actor), std::string_view(source)})
    name.append(part).push_back('\0');
  return "ingest:" + crypto::hex(crypto::blake2b(name));
}

// One file that cannot be taken in does not keep the others out; the store that fails does.
void Ingesting::file(const std::string& path) {
  ++counts_.files;
  const std::string source = source_of(path);
  seen_.push_back(source);
  const auto info = root_->stat(path);
  const Status status = info.ok() ? ingest(path, source, *info) : info.status();
  if (status.ok()) return;
  if (store_failed_) {
    failure_ = status;
    return;
  }
  if (status.code() == Code::kCancelled && stopped()) return;
  ++counts_.failed;
  problem(path, status.reason(), status.message());
}

Status Ingesting::ingest(const std::string& path, const std::string& source, const os::FileInfo& info) {
  FileMark now{.bytes = static_cast<int64_t>(info.size_bytes),
               .mtime_ns = info.mtime_ns,
               .inode = 0,
               .seen_ns = memory_.engine().clock().wall_ms() * kNanosPerMilli,
               .digest = {}};
  const std::string name = mark_name(source);
  const auto text = memory_.core().store().load_mark(name);
  const auto before = text.ok() ? memory::read_mark(*text) : std::nullopt;
  if (before && memory::freshness(*before, now) == memory::Freshness::kUnchanged) {
    ++counts_.unchanged;
    return extract(source, before->digest, nullptr, nullptr);
  }
  if (counts_.ingested >= asked_.max_files) {
    more_ = true;
    return ok_status();
  }
  TAU_ASSIGN_OR_RETURN(
      const std::string bytes,
      root_->read(path, {.max_file_bytes = static_cast<uint64_t>(asked_.policy.max_file_bytes)}));
  now.digest = memory::content_digest(bytes, chunking_);
  if (before && before->digest == now.digest) {
    remember(name, now);
    ++counts_.unchanged;
    return extract(source, now.digest, nullptr, nullptr);
  }
  TAU_RETURN_IF_ERROR(changed_file(path, source, info, now, bytes));
  remember(name, now);
  return ok_status();
}

Status Ingesting::changed_file(const std::string& path, const std::string& source, const os::FileInfo& info,
                               const FileMark& now, const std::string& bytes) {
  TAU_ASSIGN_OR_RETURN(const memory::ChunkedFile file, chunks_of(path, bytes));
  TAU_ASSIGN_OR_RETURN(const std::vector<MemoryRow> existing, rows_of(source, true));
  TAU_ASSIGN_OR_RETURN(
      memory::IngestPlan plan,
      memory::plan_ingest(
          {.scope = asked_.scope, .source = source, .time_ms = info.mtime_ns / kNanosPerMilli}, file,
          existing, asked_.options));
  const bool any = !plan.edits.empty();
  TAU_RETURN_IF_ERROR(write(std::move(plan.edits)));
  ++counts_.ingested;
  counts_.added += plan.added;
  counts_.moved += plan.moved;
  counts_.vanished += plan.vanished;
  counts_.returned += plan.returned;
  if (plan.vanished + plan.returned > 0) TAU_RETURN_IF_ERROR(derived_of(source));
  IngestChange change{.path = path,
                      .added = plan.added,
                      .moved = plan.moved,
                      .vanished = plan.vanished,
                      .returned = plan.returned};
  const Status extracted = extract(source, now.digest, &plan.ids, &change);
  if (any || change.extracted > 0) tell(std::move(change));
  return extracted;
}

Status Ingesting::extract(const std::string& source, const std::string& digest,
                          const std::vector<std::string>* ids, IngestChange* change) {
  if (!extraction_) return ok_status();
  const auto made = extraction_->file(source, digest, asked_.dry_run ? ids : nullptr,
                                      [&] { return rows_of(source, false); });
  store_failed_ = !made.ok();
  if (made.ok() && change != nullptr) change->extracted = *made;
  return made.status();
}

// What a model made of pieces of the file goes and comes with them.
Status Ingesting::derived_of(const std::string& source) {
  if (asked_.dry_run) return ok_status();
  TAU_ASSIGN_OR_RETURN(const std::vector<MemoryRow> derived, rows_of(memory::derived_source(source), true));
  if (derived.empty()) return ok_status();
  TAU_ASSIGN_OR_RETURN(const std::vector<MemoryRow> pieces, rows_of(source, false));
  std::vector<std::string> ids;
  std::set<int64_t> rows;
  for (const MemoryRow& piece : pieces) {
    ids.push_back(piece.id);
    rows.insert(piece.row);
  }
  std::vector<int64_t> asked;
  for (const MemoryRow& row : derived) asked.push_back(row.row);
  TAU_ASSIGN_OR_RETURN(const auto edges,
                       memory_.engine().memories().edges(asked, kMostEdges, only(asked_.scope)));
  std::vector<int64_t> led;
  for (const store::MemoryEdge& edge : edges)
    if (rows.contains(edge.target)) led.push_back(edge.source);
  return write(memory::plan_derived(derived, ids, led, asked_.options.now_ms).edits);
}

void Ingesting::remember(const std::string& name, const FileMark& mark) {
  if (!asked_.dry_run) (void)memory_.core().store().store_mark(name, memory::write_mark(mark));
}

StatusOr<memory::ChunkedFile> Ingesting::chunks_of(const std::string& path, const std::string& bytes) {
  const auto converter = memory::external_text(root_->root() + "/" + path);
  if (!converter) return memory::chunk_document(path, bytes, chunking_);
  TAU_ASSIGN_OR_RETURN(const std::string text, convert_file(memory_.core(), *root_, *converter, stop_));
  return converter->pages ? memory::chunk_pages(text, chunking_)
                          : memory::chunk_document("text.txt", text, chunking_);
}

// With those that somebody forgot: they stay so.
StatusOr<std::vector<MemoryRow>> Ingesting::rows_of(const std::string& source, bool forgotten) {
  store::MemoryFilter filter{.workspace = asked_.scope.workspace,
                             .channels = {asked_.scope.channel},
                             .actors = {asked_.scope.actor},
                             .source = source,
                             .superseded = true};
  std::vector<MemoryRow> rows;
  for (const bool round : {false, true}) {
    if (round && !forgotten) break;
    filter.forgotten = round;
    for (int64_t after = 0;;) {
      TAU_ASSIGN_OR_RETURN(std::vector<MemoryRow> page,
                           memory_.engine().memories().list(filter, after, kPage));
      if (page.empty()) break;
      after = page.back().row;
      for (MemoryRow& row : page)
        if (row.source == source) rows.push_back(std::move(row));
    }
  }
  return rows;
}

Status Ingesting::write(std::vector<store::MemoryEdit> edits) {
  if (asked_.dry_run || edits.empty()) return ok_status();
  for (store::MemoryEdit& edit : edits)
    if (auto* const put = std::get_if<store::MemoryPut>(&edit.what))
      TAU_RETURN_IF_ERROR(prepare_row(memory_, put->row));
  const auto written = memory_.engine().commit(std::move(edits));
  if (written.ok()) tally_.add(*written);
  store_failed_ = !written.ok() && written.status().code() != Code::kInvalidArgument;
  return written.status();
}

}  // namespace tau::runtime
