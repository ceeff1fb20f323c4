// The request "ingest": files and folders as memories, only what has changed since. Files are never touched.
#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "crypto/crypto.h"
#include "os/os.h"
#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory_convert.h"
#include "runtime/memory_desk.h"
#include "runtime/memory_document.h"
#include "runtime/memory_ops.h"

namespace tau::runtime {
namespace {

using memory::FileMark;
using memory::FolderFilter;
using store::MemoryRow;

constexpr size_t kPage = 1000;
constexpr size_t kMostProblems = 100;
constexpr int64_t kMostFiles = 1'000'000;
constexpr uint64_t kMostIgnoreBytes = 1 << 20;

struct Counts {
  int64_t files = 0;      // looked at
  int64_t unchanged = 0;  // of them
  int64_t ingested = 0;
  int64_t added = 0;  // memories
  int64_t moved = 0;
  int64_t vanished = 0;
  int64_t returned = 0;
  int64_t vanished_files = 0;
  int64_t failed = 0;
  int64_t skipped = 0;
};

struct Asked {
  std::string path;
  store::MemoryScope scope;
  memory::FolderPolicy policy;
  memory::IngestOptions options;
  bool dry_run = false;
  bool forget_vanished = true;
  int64_t max_files = kMostFiles;  // that are read
};

StatusOr<Asked> read_ask(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request",
                                {"op", "path", "channel", "actor", "globs", "ignore", "hidden", "type",
                                 "tags", "importance", "origin", "dry_run", "forget_vanished", "max_files"}));
  Asked asked;
  TAU_ASSIGN_OR_RETURN(asked.path, need_string(request, "request", "path"));
  // The parts that a memory has too are read as one, with its checks.
  json::Value draft = json::Value::object();
  draft.set("text", "-");
  for (const std::string_view key : {"channel", "actor", "type", "tags", "importance"})
    if (request.contains(key)) draft.set(key, request[key]);
  draft.set("origin", request.contains("origin") ? request["origin"] : json::Value("workspace"));
  if (!request.contains("type")) draft.set("type", "fact");
  const int64_t now_ms = memory.engine().clock().wall_ms();
  TAU_ASSIGN_OR_RETURN(MemoryDraft read, read_memory(draft, "request", memory.reach(), now_ms));
  asked.scope = read.row.scope;
  asked.options.type = static_cast<memory::Type>(read.row.type);
  asked.options.importance = read.row.importance;
  asked.options.tags = std::move(read.row.tags);
  asked.options.provenance = read.row.provenance;
  asked.options.now_ms = now_ms;
  TAU_ASSIGN_OR_RETURN(asked.policy.globs, read_strings(request, "request", "globs"));
  TAU_ASSIGN_OR_RETURN(asked.policy.ignore, read_strings(request, "request", "ignore"));
  TAU_ASSIGN_OR_RETURN(asked.policy.hidden, read_flag(request, "request", "hidden", false));
  TAU_ASSIGN_OR_RETURN(asked.dry_run, read_flag(request, "request", "dry_run", false));
  TAU_ASSIGN_OR_RETURN(asked.forget_vanished, read_flag(request, "request", "forget_vanished", true));
  if (request.contains("max_files")) {
    TAU_ASSIGN_OR_RETURN(asked.max_files, read_count(request, "request", "max_files"));
  }
  return asked;
}

class Ingesting {
 public:
  Ingesting(Memory& memory, Asked asked) : memory_(memory), asked_(std::move(asked)) {
    tally_.within(asked_.scope);
  }

  StatusOr<std::string> run() {
    TAU_RETURN_IF_ERROR(open());
    if (single_.empty()) {
      TAU_RETURN_IF_ERROR(walk());
    } else {
      file(single_);
    }
    TAU_RETURN_IF_ERROR(failure_);
    if (single_.empty() && !more_ && asked_.forget_vanished) TAU_RETURN_IF_ERROR(forget_vanished());
    return report();
  }

 private:
  Status open() {
    auto folder = os::Workspace::open(asked_.path);
    if (folder.ok()) {
      root_ = *std::move(folder);
    } else {
      const size_t slash = asked_.path.find_last_of('/');
      single_ = asked_.path.substr(slash == std::string::npos ? 0 : slash + 1);
      const std::string parent = slash == std::string::npos ? "." : asked_.path.substr(0, slash + 1);
      TAU_ASSIGN_OR_RETURN(root_, os::Workspace::open(parent));
      TAU_RETURN_IF_ERROR(root_->stat(single_).status());
    }
    TAU_ASSIGN_OR_RETURN(auto filter, FolderFilter::create(asked_.policy));
    filter_.emplace(std::move(filter));
    return ok_status();
  }

  Status walk() {
    read_ignore_files("");
    const auto visit = [this](const os::WalkEntry& entry) {
      if (entry.type == os::FileType::kDirectory) {
        if (filter_->folder(entry.path) != FolderFilter::Verdict::kTake)
          return os::WalkAction::kSkipDirectory;
        read_ignore_files(entry.path);
        return os::WalkAction::kContinue;
      }
      const auto info = root_->stat(entry.path);
      const int64_t bytes = info.ok() ? static_cast<int64_t>(info->size_bytes) : 0;
      const FolderFilter::Verdict verdict = filter_->file(entry.path, bytes);
      if (verdict == FolderFilter::Verdict::kTake) {
        file(std::string(entry.path));
      } else if (verdict == FolderFilter::Verdict::kTooLarge || verdict == FolderFilter::Verdict::kTooMany) {
        problem(entry.path, memory::verdict_name(verdict), "it is not taken in");
        ++counts_.skipped;
      }
      return failure_.ok() && !more_ ? os::WalkAction::kContinue : os::WalkAction::kStop;
    };
    TAU_ASSIGN_OR_RETURN(const os::WalkEnd end, root_->walk(".", {}, visit));
    whole_ = end.unreadable == 0 && !end.truncated;
    return ok_status();
  }

  void read_ignore_files(std::string_view folder) {
    const std::string prefix = folder.empty() ? std::string() : std::string(folder) + "/";
    for (const std::string_view name : {".gitignore", ".tauignore"}) {
      const auto text = root_->read(prefix + std::string(name), {.max_file_bytes = kMostIgnoreBytes});
      if (text.ok()) filter_->add_ignore_file(folder, *text);
    }
  }

  std::string source_of(std::string_view path) const {
    return "file:" + root_->root() + "/" + std::string(path);
  }

  // What a file was like is kept by scope and source.
  std::string mark_name(const std::string& source) const {
    std::string name;
    for (const std::string_view part :
         {std::string_view(asked_.scope.workspace), std::string_view(asked_.scope.channel),
          std::string_view(asked_.scope.actor), std::string_view(source)})
      name.append(part).push_back('\0');
    return "ingest:" + crypto::hex(crypto::blake2b(name));
  }

  // One file that cannot be taken in does not keep the others out; the store that fails does.
  void file(const std::string& path) {
    ++counts_.files;
    const std::string source = source_of(path);
    seen_.push_back(source);
    const Status status = ingest(path, source);
    if (status.ok()) return;
    if (store_failed_) {
      failure_ = status;
      return;
    }
    ++counts_.failed;
    problem(path, status.reason(), status.message());
  }

  Status ingest(const std::string& path, const std::string& source) {
    TAU_ASSIGN_OR_RETURN(const os::FileInfo info, root_->stat(path));
    FileMark now{.bytes = static_cast<int64_t>(info.size_bytes),
                 .mtime_ns = info.mtime_ns,
                 .inode = 0,
                 .seen_ns = memory_.engine().clock().wall_ms() * kNanosPerMilli,
                 .digest = {}};
    const std::string name = mark_name(source);
    const auto text = memory_.core().store().load_mark(name);
    const auto before = text.ok() ? memory::read_mark(*text) : std::nullopt;
    if (before && memory::freshness(*before, now) == memory::Freshness::kUnchanged) return unchanged();
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
      return unchanged();
    }
    TAU_ASSIGN_OR_RETURN(const memory::ChunkedFile file, chunks_of(path, bytes));
    TAU_ASSIGN_OR_RETURN(const std::vector<MemoryRow> existing, rows_of(source));
    TAU_ASSIGN_OR_RETURN(
        memory::IngestPlan plan,
        memory::plan_ingest(
            {.scope = asked_.scope, .source = source, .time_ms = info.mtime_ns / kNanosPerMilli}, file,
            existing, asked_.options));
    TAU_RETURN_IF_ERROR(write(std::move(plan.edits)));
    ++counts_.ingested;
    counts_.added += plan.added;
    counts_.moved += plan.moved;
    counts_.vanished += plan.vanished;
    counts_.returned += plan.returned;
    remember(name, now);
    return ok_status();
  }

  Status unchanged() {
    ++counts_.unchanged;
    return ok_status();
  }

  void remember(const std::string& name, const FileMark& mark) {
    if (!asked_.dry_run) (void)memory_.core().store().store_mark(name, memory::write_mark(mark));
  }

  StatusOr<memory::ChunkedFile> chunks_of(const std::string& path, const std::string& bytes) {
    const auto converter = memory::external_text(root_->root() + "/" + path);
    if (!converter) return memory::chunk_document(path, bytes, chunking_);
    TAU_ASSIGN_OR_RETURN(const std::string text, convert_file(memory_.core(), *root_, *converter));
    return converter->pages ? memory::chunk_pages(text, chunking_)
                            : memory::chunk_document("text.txt", text, chunking_);
  }

  // Forgotten ones too: what somebody forgot stays so.
  StatusOr<std::vector<MemoryRow>> rows_of(const std::string& source) {
    store::MemoryFilter filter{.workspace = asked_.scope.workspace,
                               .channels = {asked_.scope.channel},
                               .actors = {asked_.scope.actor},
                               .source = source,
                               .superseded = true};
    std::vector<MemoryRow> rows;
    for (const bool forgotten : {false, true}) {
      filter.forgotten = forgotten;
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

  // A file is one transaction: after a crash it is in as a whole, or as it was.
  Status write(std::vector<store::MemoryEdit> edits) {
    if (asked_.dry_run || edits.empty()) return ok_status();
    for (store::MemoryEdit& edit : edits)
      if (auto* const put = std::get_if<store::MemoryPut>(&edit.what))
        TAU_RETURN_IF_ERROR(prepare_row(memory_, put->row));
    const auto written = memory_.engine().commit(std::move(edits));
    if (written.ok()) tally_.add(*written);
    store_failed_ = !written.ok() && written.status().code() != Code::kInvalidArgument;
    return written.status();
  }

  // Sources below the folder that are not there any more. Only a whole walk can tell.
  Status forget_vanished() {
    if (!whole_) return ok_status();
    const std::string top = "file:" + root_->root();
    std::set<std::string> known;
    store::MemoryFilter filter{.workspace = asked_.scope.workspace,
                               .channels = {asked_.scope.channel},
                               .actors = {asked_.scope.actor},
                               .source = top + "/"};
    for (int64_t after = 0;;) {
      TAU_ASSIGN_OR_RETURN(const std::vector<MemoryRow> page,
                           memory_.engine().memories().list(filter, after, kPage));
      if (page.empty()) break;
      after = page.back().row;
      for (const MemoryRow& row : page) known.insert(row.source);
    }
    std::sort(seen_.begin(), seen_.end());
    for (const std::string& source : memory::vanished_sources(top, {known.begin(), known.end()}, seen_, {})) {
      TAU_ASSIGN_OR_RETURN(const std::vector<MemoryRow> existing, rows_of(source));
      memory::IngestPlan plan = memory::plan_vanished(existing, asked_.options.now_ms);
      TAU_RETURN_IF_ERROR(write(std::move(plan.edits)));
      ++counts_.vanished_files;
      counts_.vanished += plan.vanished;
      if (!asked_.dry_run) (void)memory_.core().store().store_mark(mark_name(source), "");
    }
    return ok_status();
  }

  void problem(std::string_view path, std::string_view reason, std::string_view message) {
    if (problems_.size() < kMostProblems)
      problems_.push_back({std::string(path), std::string(reason), std::string(message)});
  }

  std::string report() const {
    std::string out;
    json::Writer w(out);
    w.begin_object().field("path", asked_.path).field("dry_run", asked_.dry_run);
    w.field("files", counts_.files).field("unchanged", counts_.unchanged).field("ingested", counts_.ingested);
    w.field("added", counts_.added).field("moved", counts_.moved).field("returned", counts_.returned);
    w.field("vanished", counts_.vanished).field("vanished_files", counts_.vanished_files);
    w.field("failed", counts_.failed).field("skipped", counts_.skipped).field("more", more_);
    w.key("problems").begin_array();
    for (const Problem& each : problems_)
      w.begin_object()
          .field("path", repair_utf8(each.path))
          .field("reason", each.reason)
          .field("message", repair_utf8(each.message))
          .end_object();
    w.end_array().end_object();
    return out;
  }

  struct Problem {
    std::string path;
    std::string reason;
    std::string message;
  };

  Memory& memory_;
  MemoryTally tally_{memory_, "ingest"};
  const Asked asked_;
  const memory::ChunkOptions chunking_;
  std::unique_ptr<os::Workspace> root_;
  std::string single_;  // the file that was asked for; empty: a folder was
  std::optional<FolderFilter> filter_;
  std::vector<std::string> seen_;
  std::vector<Problem> problems_;
  Counts counts_;
  bool whole_ = true;
  bool more_ = false;
  bool store_failed_ = false;
  Status failure_;
};

}  // namespace

StatusOr<std::string> ingest_memories(Memory& memory, const json::Value& request) {
  TAU_ASSIGN_OR_RETURN(Asked asked, read_ask(memory, request));
  TAU_ASSIGN_OR_RETURN(std::string report, Ingesting(memory, std::move(asked)).run());
  memory.core().memory().wrote();
  return report;
}

}  // namespace tau::runtime
