// Requests that carry memories in and out of files: export, import.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "os/os.h"
#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory_desk.h"
#include "runtime/memory_document.h"
#include "runtime/memory_ops.h"

namespace tau::runtime {
namespace {

using memory::ByteSink;
using memory::ImportOptions;
using memory::ImportReport;
using memory::MemoryRecord;
using store::MemoryEdge;
using store::MemoryEdit;
using store::MemoryRow;

constexpr size_t kPage = 500;
constexpr size_t kEdgesOfAPage = 65'536;
constexpr size_t kPieceBytes = 1 << 20;
constexpr size_t kMostNotes = 100'000;

enum class Format : uint8_t { kJsonl, kTau, kMarkdown };

StatusOr<std::string> read_path(const json::Value& request) {
  TAU_ASSIGN_OR_RETURN(std::string path, need_string(request, "request", "path"));
  if (!path.empty() && path.find('\0') == path.npos) return path;
  return invalid_argument("invalid_path", "request: \"path\" should name a file or a folder");
}

StatusOr<Format> read_format(const json::Value& request, std::string_view otherwise) {
  const std::string_view name = request["format"].as_string(otherwise);
  if (name == "jsonl") return Format::kJsonl;
  if (name == "tau") return Format::kTau;
  if (name == "markdown") return Format::kMarkdown;
  return invalid_argument("unknown_format",
                          format("request: \"format\" is \"{}\"; known are jsonl, tau, markdown", name));
}

// Where nobody says: notes of a folder, and of a file what its first line is.
StatusOr<Format> guess_format(const std::string& path) {
  if (os::Workspace::open(path).ok()) return Format::kMarkdown;
  TAU_ASSIGN_OR_RETURN(os::OpenFile file, os::OpenFile::open(path));
  TAU_ASSIGN_OR_RETURN(const std::string begin, file.read(kPieceBytes));
  const auto first = json::parse(std::string_view(begin).substr(0, begin.find('\n')));
  const bool of_tau = first.ok() && first->contains("schema_version");
  return of_tau && !first->contains(memory::kRecordSchemaKey) ? Format::kTau : Format::kJsonl;
}

StatusOr<Format> read_import_format(const json::Value& request, const std::string& path) {
  return request.contains("format") ? read_format(request, "") : guess_format(path);
}

// Records of what a filter takes, in the order in which they were recorded, one page after the other.
template <class Use>
Status each_record(Memory& memory, store::MemoryFilter filter, bool forgotten, const Use& use) {
  store::Memories& memories = memory.engine().memories();
  filter.superseded = true;
  for (const bool round : {false, true}) {
    if (round && !forgotten) break;
    filter.forgotten = round;
    for (int64_t after = 0;;) {
      TAU_ASSIGN_OR_RETURN(const std::vector<MemoryRow> rows, memories.list(filter, after, kPage));
      if (rows.empty()) break;
      TAU_RETURN_IF_ERROR(memory::each_record_of(memories, memory.reach(), rows, kEdgesOfAPage, use));
      after = rows.back().row;
    }
  }
  return ok_status();
}

class FileSink final : public ByteSink {
 public:
  explicit FileSink(os::NewFile& file) : file_(file) {}
  Status append(std::string_view bytes) override { return file_.append(bytes); }

 private:
  os::NewFile& file_;
};

StatusOr<int64_t> export_lines(Memory& memory, const store::MemoryFilter& filter, Format how, bool forgotten,
                               const std::string& path) {
  TAU_ASSIGN_OR_RETURN(os::NewFile file, os::NewFile::create(path));
  FileSink sink(file);
  memory::RecordWriter writer(sink, {.forgotten = forgotten});
  std::string line;
  int64_t count = 0;
  TAU_RETURN_IF_ERROR(each_record(memory, filter, forgotten, [&](const MemoryRecord& record) -> Status {
    ++count;
    if (how == Format::kJsonl) return writer.write(record);
    line.clear();
    memory::append_tau_record(line, record);
    return sink.append(line);
  }));
  TAU_RETURN_IF_ERROR(writer.finish());
  TAU_RETURN_IF_ERROR(file.publish());
  return count;
}

StatusOr<int64_t> export_notes(Memory& memory, const store::MemoryFilter& filter, const std::string& folder) {
  TAU_RETURN_IF_ERROR(os::make_private_dir(folder));
  std::set<std::string> names;
  TAU_RETURN_IF_ERROR(each_record(memory, filter, false, [&](const MemoryRecord& record) -> Status {
    const std::string name = memory::note_file_name(record.row.id);
    if (!names.insert(name).second)
      return failed_precondition("ambiguous_memory",
                                 format("memories of two scopes are called \"{}\", and notes have no scope: "
                                        "\"channel\" or \"actor\" says which to export",
                                        record.row.id));
    return os::write_private_file(folder + "/" + name, memory::write_note(record));
  }));
  return static_cast<int64_t>(names.size());
}

// Writes what an import reads, many memories in a transaction; relations once all memories are there.
class Importing final : public memory::RecordHandler {
 public:
  explicit Importing(Memory& memory) : memory_(memory), tally_(memory, "import") {}

  Status record(MemoryRecord&& record) override {
    // Nothing that a file says leads out of the scope of the handle.
    const memory::Reach& reach = memory_.reach();
    record.row.scope.workspace = reach.workspace;
    if (!reach.writes(record.row.scope))
      return permission_denied("outside_scope", format("memory \"{}\" is of another scope", record.row.id));
    for (memory::RecordRelation& relation : record.relations)
      relation.target.scope.workspace = reach.workspace;
    TAU_RETURN_IF_ERROR(prepare_row(memory_, record.row));
    for (const memory::RecordRelation& relation : record.relations) {
      // As if it were not there, whether it is or not.
      if (!reach.sees(relation.target.scope)) {
        ++dropped_;
        continue;
      }
      links_.push_back({.source = {record.row.scope, record.row.id},
                        .target = relation.target,
                        .relation = static_cast<uint8_t>(relation.relation),
                        .weight = relation.weight,
                        .at_ms = relation.created_ms});
    }
    edits_.push_back({.what = store::MemoryPut{.row = std::move(record.row)}});
    return edits_.size() < kPage ? ok_status() : write();
  }
  Status finish() {
    TAU_RETURN_IF_ERROR(write());
    for (store::MemoryRelate& link : links_) TAU_RETURN_IF_ERROR(relate(std::move(link)));
    return ok_status();
  }
  int64_t created() const { return created_; }
  int64_t changed() const { return changed_; }
  int64_t unchanged() const { return unchanged_; }
  int64_t relations() const { return relations_; }
  int64_t dropped() const { return dropped_; }

 private:
  Status write() {
    if (edits_.empty()) return ok_status();
    TAU_ASSIGN_OR_RETURN(const auto outcomes, memory_.engine().commit(std::exchange(edits_, {})));
    tally_.add(outcomes);
    for (const store::MemoryOutcome& outcome : outcomes) {
      created_ += outcome.created;
      unchanged_ += outcome.unchanged;
      changed_ += !outcome.created && !outcome.unchanged;
    }
    return ok_status();
  }
  // One by one: where an end is missing the others are kept.
  Status relate(store::MemoryRelate link) {
    std::vector<MemoryEdit> edits;
    edits.push_back({.what = std::move(link)});
    const auto done = memory_.engine().commit(std::move(edits));
    if (done.ok()) {
      tally_.add(*done);
      ++relations_;
      return ok_status();
    }
    if (done.status().reason() != "no_such_memory") return done.status();
    ++dropped_;
    return ok_status();
  }

  Memory& memory_;
  MemoryTally tally_;
  std::vector<MemoryEdit> edits_;
  std::vector<store::MemoryRelate> links_;
  int64_t created_ = 0;
  int64_t changed_ = 0;
  int64_t unchanged_ = 0;
  int64_t relations_ = 0;
  int64_t dropped_ = 0;
};

// Feeds a file in pieces.
template <class Reader>
Status feed_file(const std::string& path, Reader& reader) {
  TAU_ASSIGN_OR_RETURN(os::OpenFile file, os::OpenFile::open(path));
  while (true) {
    TAU_ASSIGN_OR_RETURN(const std::string piece, file.read(kPieceBytes));
    if (piece.empty()) return ok_status();
    TAU_RETURN_IF_ERROR(reader.feed(piece));
  }
}

StatusOr<ImportReport> import_lines(const std::string& path, Format how, const ImportOptions& options,
                                    Importing& importing) {
  if (how == Format::kJsonl) {
    memory::JsonImport import(options, importing);
    TAU_RETURN_IF_ERROR(feed_file(path, import));
    return import.finish();
  }
  memory::TauVersions versions;
  TAU_RETURN_IF_ERROR(feed_file(path, versions));
  TAU_RETURN_IF_ERROR(versions.finish());
  memory::TauImport import(options, versions, importing);
  TAU_RETURN_IF_ERROR(feed_file(path, import));
  return import.finish();
}

StatusOr<ImportReport> import_notes(const std::string& folder, const ImportOptions& options,
                                    Importing& importing) {
  TAU_ASSIGN_OR_RETURN(const auto notes, os::Workspace::open(folder));
  std::vector<std::string> paths;
  TAU_ASSIGN_OR_RETURN(const os::WalkEnd end, notes->walk(".", {}, [&](const os::WalkEntry& entry) {
    if (entry.type == os::FileType::kFile && entry.path.ends_with(".md")) paths.emplace_back(entry.path);
    return paths.size() < kMostNotes ? os::WalkAction::kContinue : os::WalkAction::kStop;
  }));
  (void)end;
  memory::NoteNames names;
  const auto read = [&](const std::string& path) {
    return notes->read(path, {.max_file_bytes = memory::kMaxNoteBytes});
  };
  for (const std::string& path : paths)
    if (const auto bytes = read(path); bytes.ok()) names.add(path, *bytes);
  ImportReport report;
  for (const std::string& path : paths) {
    ++report.lines;
    auto bytes = read(path);
    StatusOr<MemoryRecord> record =
        bytes.ok() ? memory::read_note(path, *bytes, names, options, &report.dropped_relations)
                   : StatusOr<MemoryRecord>(bytes.status());
    if (!record.ok()) {
      ++report.failed;
      if (report.errors.size() < ImportReport::kMaxErrors)
        report.errors.push_back({.line = report.lines,
                                 .reason = std::string(record.status().reason()),
                                 .message = path + ": " + std::string(record.status().message())});
      continue;
    }
    ++report.records;
    TAU_RETURN_IF_ERROR(importing.record(*std::move(record)));
  }
  return report;
}

// `named`: the format has no scopes of its own.
StatusOr<ImportOptions> read_import_options(Memory& memory, const json::Value& request, bool named) {
  ImportOptions options;
  const std::string_view origin = request["origin"].as_string("user");
  auto labels = parse_integrity(origin);
  if (!labels.ok())
    return invalid_argument("invalid_origin", format("request: \"origin\": {}", labels.status().message()));
  options.origin = *std::move(labels);
  const memory::Reach& reach = memory.reach();
  options.principal = reach.principal;
  options.now_ms = memory.engine().clock().wall_ms();
  // A handle of one channel or actor takes all into that; another one leaves them where the file says.
  if (reach.channel || reach.actor || request.contains("channel") || request.contains("actor") || named) {
    options.scope.workspace = reach.workspace;
    TAU_ASSIGN_OR_RETURN(options.scope.channel,
                         read_scope_part(request, "request", "channel", reach.channel));
    TAU_ASSIGN_OR_RETURN(options.scope.actor, read_scope_part(request, "request", "actor", reach.actor));
  }
  TAU_RETURN_IF_ERROR(memory::check_import_options(options));
  return options;
}

}  // namespace

StatusOr<std::string> export_memories(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_filter_keys(request, {"op", "path", "format", "forgotten"}));
  TAU_ASSIGN_OR_RETURN(const std::string path, read_path(request));
  TAU_ASSIGN_OR_RETURN(const Format how, read_format(request, "jsonl"));
  TAU_ASSIGN_OR_RETURN(const bool forgotten, read_flag(request, "request", "forgotten", false));
  TAU_ASSIGN_OR_RETURN(const store::MemoryFilter filter, read_filter(request, memory.reach()));
  TAU_ASSIGN_OR_RETURN(const int64_t count, how == Format::kMarkdown
                                                ? export_notes(memory, filter, path)
                                                : export_lines(memory, filter, how, forgotten, path));
  MemoryTally(memory, "export", observe::Kind::kMemoryRead).add(count);
  std::string out;
  json::Writer(out).begin_object().field("path", path).field("memories", count).end_object();
  return out;
}

StatusOr<std::string> import_memories(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "path", "format", "origin", "channel", "actor"}));
  TAU_ASSIGN_OR_RETURN(const std::string path, read_path(request));
  TAU_ASSIGN_OR_RETURN(const Format how, read_import_format(request, path));
  TAU_ASSIGN_OR_RETURN(const ImportOptions options,
                       read_import_options(memory, request, how == Format::kMarkdown));
  Importing importing(memory);
  TAU_ASSIGN_OR_RETURN(const ImportReport report, how == Format::kMarkdown
                                                      ? import_notes(path, options, importing)
                                                      : import_lines(path, how, options, importing));
  TAU_RETURN_IF_ERROR(importing.finish());
  memory.core().memory().wrote();
  std::string out;
  json::Writer w(out);
  w.begin_object().field("path", path).field("read", report.lines).field("created", importing.created());
  w.field("changed", importing.changed()).field("unchanged", importing.unchanged());
  w.field("older_versions", report.superseded).field("relations", importing.relations());
  w.field("dropped_relations", report.dropped_relations + importing.dropped());
  w.field("failed", report.failed).field("torn", report.torn).key("errors").begin_array();
  for (const memory::ImportError& error : report.errors)
    w.begin_object()
        .field("line", error.line)
        .field("reason", error.reason)
        .field("message", error.message)
        .end_object();
  w.end_array().end_object();
  return out;
}

}  // namespace tau::runtime
