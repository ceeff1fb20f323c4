// The request "ingest": files and folders as memories, only what has changed since. Files are never touched.
#include "runtime/memory_ingest.h"

#include <algorithm>
#include <utility>

#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory_desk.h"
#include "runtime/memory_ops.h"

namespace tau::runtime {
namespace {

using memory::FolderFilter;
using store::MemoryRow;

constexpr size_t kPage = 1000;
constexpr size_t kMostProblems = 100;
constexpr uint64_t kMostIgnoreBytes = 1 << 20;
constexpr std::string_view kIgnoreFiles[] = {".gitignore", ".tauignore"};

std::string joined(std::string_view folder, std::string_view path) {
  return folder.empty() ? std::string(path) : std::string(folder) + "/" + std::string(path);
}

std::string_view parent_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos ? std::string_view() : path.substr(0, slash);
}

// Where the home is below the folder; empty when it is not.
std::string home_within(const Core& core, const std::string& root) {
  if (core.options().home.empty()) return {};
  const auto home = os::Workspace::open(core.options().home);
  const std::string top = root == "/" ? root : root + "/";
  if (!home.ok() || !(*home)->root().starts_with(top)) return {};
  return (*home)->root().substr(top.size());
}

}  // namespace

void IngestCounts::add(const IngestCounts& more) {
  for (const auto each :
       {&IngestCounts::files, &IngestCounts::unchanged, &IngestCounts::ingested, &IngestCounts::added,
        &IngestCounts::moved, &IngestCounts::vanished, &IngestCounts::returned, &IngestCounts::vanished_files,
        &IngestCounts::failed, &IngestCounts::skipped, &IngestCounts::other})
    this->*each += more.*each;
}

void IngestCounts::write(json::Writer& w) const {
  w.field("files", files).field("unchanged", unchanged).field("ingested", ingested);
  w.field("added", added).field("moved", moved).field("returned", returned);
  w.field("vanished", vanished).field("vanished_files", vanished_files);
  w.field("failed", failed).field("skipped", skipped).field("other", other);
}

Ingesting::Ingesting(Memory& memory, const IngestAsk& asked, IngestListener* listener,
                     const std::atomic<bool>* stop)
    : memory_(memory),
      asked_(asked),
      listener_(listener),
      stop_(stop),
      chunking_{.max_file_bytes = static_cast<size_t>(asked.policy.max_file_bytes)} {
  tally_.within(asked.scope);
  if (asked.extract) extraction_.emplace(memory, asked, stop);
}

Ingesting::~Ingesting() = default;

StatusOr<std::string> Ingesting::run() {
  TAU_RETURN_IF_ERROR(open());
  if (is_folder()) {
    TAU_RETURN_IF_ERROR(look("", false));
  } else {
    file(single_);
  }
  TAU_RETURN_IF_ERROR(failure_);
  return report();
}

Status Ingesting::open() {
  auto folder = os::Workspace::open(asked_.path);
  if (folder.ok()) {
    root_ = *std::move(folder);
  } else {
    const size_t slash = asked_.path.find_last_of('/');
    single_ = asked_.path.substr(slash == std::string::npos ? 0 : slash + 1);
    const std::string parent = slash == std::string::npos ? "." : asked_.path.substr(0, slash + 1);
    TAU_ASSIGN_OR_RETURN(root_, os::Workspace::open(parent));
    TAU_RETURN_IF_ERROR(root_->stat(single_).status().annotate(asked_.path));
  }
  home_ = home_within(memory_.core(), root_->root());
  return ok_status();
}

bool Ingesting::stopped() const { return (stop_ != nullptr && *stop_) || memory_.core().stopping(); }

Status Ingesting::look(const std::string& path, bool moved) {
  TAU_ASSIGN_OR_RETURN(auto filter, FolderFilter::create(asked_.policy));
  filter_.emplace(std::move(filter));
  seen_.clear();
  whole_ = true;
  if (path.empty()) return scan("");
  read_ignore_files("");
  for (size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
    if (!enters(path.substr(0, slash))) return ok_status();
  const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
  if (std::find(std::begin(kIgnoreFiles), std::end(kIgnoreFiles), name) != std::end(kIgnoreFiles))
    return look(std::string(parent_of(path)), false);
  // A link is none of the folder's own files, wherever it leads to.
  const auto place = root_->place(path);
  const auto info = place.ok() && *place == path ? root_->stat(path) : not_found("file_not_found", path);
  if (info.ok() && info->type == os::FileType::kDirectory) return enters(path) ? scan(path) : ok_status();
  if (info.ok() && info->type == os::FileType::kFile) {
    visit(path, os::FileType::kFile);
    TAU_RETURN_IF_ERROR(failure_);
    return asked_.forget_vanished ? forget_gone(path, true) : ok_status();
  }
  if (info.ok() || info.status().code() == Code::kNotFound)
    return forget_gone(path, asked_.forget_vanished || moved);
  problem(path, info.status().reason(), info.status().message());
  return ok_status();
}

// Everything below a folder that is entered.
Status Ingesting::scan(const std::string& folder) {
  if (listener_ != nullptr) listener_->enters(folder);
  if (folder.empty()) read_ignore_files("");
  const auto walked = root_->walk(folder.empty() ? "." : folder, {}, [&](const os::WalkEntry& entry) {
    return visit(joined(folder, entry.path), entry.type);
  });
  // A folder below that went meanwhile: its parent tells.
  const bool gone =
      walked.status().code() == Code::kNotFound || walked.status().reason() == "not_a_directory";
  if (gone && !folder.empty()) return ok_status();
  TAU_RETURN_IF_ERROR(walked.status());
  const os::WalkEnd& end = *walked;
  TAU_RETURN_IF_ERROR(failure_);
  if (end.truncated)
    problem(folder, "folder_too_large",
            "it has more files and folders, or deeper ones, than one pass goes through: ingest parts of it");
  whole_ = whole_ && end.unreadable == 0 && !end.truncated;
  if (!whole_ || more_ || !asked_.forget_vanished) return ok_status();
  return forget_gone(folder, true);
}

bool Ingesting::enters(const std::string& path) {
  const bool is_home = !home_.empty() && path == home_;
  if (is_home || filter_->folder(path) != FolderFilter::Verdict::kTake) return false;
  read_ignore_files(path);
  return true;
}

os::WalkAction Ingesting::visit(const std::string& path, os::FileType type) {
  more_ = more_ || stopped();
  if (more_) return os::WalkAction::kStop;
  if (type == os::FileType::kDirectory) {
    if (!enters(path)) return os::WalkAction::kSkipDirectory;
    if (listener_ != nullptr) listener_->enters(path);
    return can_list(path) ? os::WalkAction::kContinue : os::WalkAction::kSkipDirectory;
  }
  const auto info = root_->stat(path);
  const int64_t bytes = info.ok() ? static_cast<int64_t>(info->size_bytes) : 0;
  const FolderFilter::Verdict verdict = filter_->file(path, bytes);
  if (verdict == FolderFilter::Verdict::kTake) {
    if (!info.ok() || listener_ == nullptr || listener_->takes(path, *info)) {
      file(path);
    } else {
      seen_.push_back(source_of(path));
    }
  } else if (verdict == FolderFilter::Verdict::kTooLarge || verdict == FolderFilter::Verdict::kTooMany) {
    const bool large = verdict == FolderFilter::Verdict::kTooLarge;
    problem(path, memory::verdict_name(verdict),
            large ? format("it has {} bytes; at most {} are taken in", bytes, asked_.policy.max_file_bytes)
                  : format("more than {} files are not taken in", asked_.policy.max_files));
    ++counts_.skipped;
    seen_.push_back(source_of(path));  // what is known of it stays
  } else {
    ++counts_.other;
  }
  return failure_.ok() && !more_ ? os::WalkAction::kContinue : os::WalkAction::kStop;
}

// Of a folder that cannot be listed nothing is known; it does not count as empty.
bool Ingesting::can_list(const std::string& path) {
  const auto folder = root_->open_directory(path);
  if (folder.ok() || folder.status().code() == Code::kNotFound) return true;
  whole_ = false;
  problem(path, folder.status().reason(), folder.status().message());
  return false;
}

void Ingesting::read_ignore_files(std::string_view folder) {
  for (const std::string_view name : kIgnoreFiles) {
    const auto text = root_->read(joined(folder, name), {.max_file_bytes = kMostIgnoreBytes});
    if (text.ok()) filter_->add_ignore_file(folder, *text);
  }
}

std::string Ingesting::source_of(std::string_view path) const {
  return "file:" + (root_->root() == "/" ? std::string() : root_->root()) + "/" + std::string(path);
}

// Sources at that place and below it, of memories that nobody forgot.
StatusOr<std::set<std::string>> Ingesting::known_sources(const std::string& path) {
  const std::string top = source_of(path);
  store::MemoryFilter filter{.workspace = asked_.scope.workspace,
                             .channels = {asked_.scope.channel},
                             .actors = {asked_.scope.actor},
                             .source = top};
  std::set<std::string> known;
  for (int64_t after = 0;;) {
    TAU_ASSIGN_OR_RETURN(const std::vector<MemoryRow> page,
                         memory_.engine().memories().list(filter, after, kPage));
    if (page.empty()) return known;
    after = page.back().row;
    for (const MemoryRow& row : page)
      if (path.empty() || row.source == top || row.source.starts_with(top + "/")) known.insert(row.source);
  }
}

// What was there, or below, and is not among what was seen: it is forgotten, or only told. Only who has seen
// all of it can say so.
Status Ingesting::forget_gone(const std::string& path, bool forget) {
  TAU_ASSIGN_OR_RETURN(const std::set<std::string> known, known_sources(path));
  const std::set<std::string_view> seen(seen_.begin(), seen_.end());
  for (const std::string& source : known) {
    if (seen.contains(source)) continue;
    IngestChange change{.path = source.substr(source_of("").size()), .what = IngestChange::What::kGone};
    if (forget) {
      TAU_ASSIGN_OR_RETURN(const std::vector<MemoryRow> existing, rows_of(source, false));
      memory::IngestPlan plan = memory::plan_vanished(existing, asked_.options.now_ms);
      TAU_RETURN_IF_ERROR(write(std::move(plan.edits)));
      ++counts_.vanished_files;
      counts_.vanished += change.vanished = plan.vanished;
      TAU_RETURN_IF_ERROR(derived_of(source));
      if (!asked_.dry_run) (void)memory_.core().store().store_mark(mark_name(source), "");
    }
    tell(std::move(change));
  }
  return ok_status();
}

void Ingesting::problem(std::string_view path, std::string_view reason, std::string_view message) {
  if (problems_.size() < kMostProblems)
    problems_.push_back({std::string(path), std::string(reason), std::string(message)});
  tell({.path = std::string(path),
        .what = IngestChange::What::kFailed,
        .reason = std::string(reason),
        .message = std::string(message)});
}

void Ingesting::tell(IngestChange change) {
  if (listener_ != nullptr) listener_->changed(std::move(change));
}

std::string Ingesting::report() const {
  std::string out;
  json::Writer w(out);
  w.begin_object().field("path", asked_.path).field("dry_run", asked_.dry_run);
  counts_.write(w);
  w.field("more", more_ || (extraction_ && extraction_->more()));
  if (extraction_) extraction_->write(w.key("extract"));
  w.key("problems").begin_array();
  for (const IngestProblem& each : problems_)
    w.begin_object()
        .field("path", repair_utf8(each.path))
        .field("reason", each.reason)
        .field("message", repair_utf8(each.message))
        .end_object();
  w.end_array().end_object();
  return out;
}

StatusOr<std::string> ingest_memories(Memory& memory, const json::Value& request) {
  TAU_ASSIGN_OR_RETURN(const IngestAsk asked,
                       read_ingest_ask(memory, request, {"dry_run", "max_files"}, /*forget_vanished=*/true));
  TAU_ASSIGN_OR_RETURN(std::string report, Ingesting(memory, asked).run());
  memory.core().memory().wrote();
  return report;
}

}  // namespace tau::runtime
