// One pass over files and folders, or a look at one place of a folder, and what either did. Private to the
// module.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "os/os.h"
#include "runtime/memory.h"
#include "runtime/memory_audit.h"
#include "runtime/memory_model_writes.h"

namespace tau::runtime {

// What a model is asked of the pieces of files.
struct IngestExtractAsk {
  std::string model;  // as it was asked for; empty: that of the runtime
  std::string key;    // of the model and of what it is told: an answer of another key is asked for anew
  memory::ExtractOptions options;
  int64_t timeout_ms = 0;     // of one question
  int64_t max_questions = 0;  // of all that one object asks
  int64_t max_extracted = 0;  // memories
};

struct IngestAsk {
  std::string path;
  store::MemoryScope scope;
  memory::FolderPolicy policy;
  memory::IngestOptions options;
  bool dry_run = false;
  bool forget_vanished = true;
  int64_t max_files = 0;  // that are read
  std::optional<IngestExtractAsk> extract;
};
// `more`: members of the request besides; `forget_vanished` where it says nothing.
StatusOr<IngestAsk> read_ingest_ask(Memory& memory, const json::Value& request,
                                    std::initializer_list<std::string_view> more, bool forget_vanished);

struct IngestCounts {
  int64_t files = 0;      // looked at
  int64_t unchanged = 0;  // of them
  int64_t ingested = 0;
  int64_t added = 0;  // memories
  int64_t moved = 0;
  int64_t vanished = 0;
  int64_t returned = 0;
  int64_t vanished_files = 0;
  int64_t failed = 0;
  int64_t skipped = 0;  // too large, or too many
  int64_t other = 0;    // of no format that is known, or ignored

  void add(const IngestCounts& more);
  void write(json::Writer& w) const;  // members, into an object
};

struct IngestProblem {
  std::string path;
  std::string reason;
  std::string message;
};

// What became of one file.
struct IngestChange {
  enum class What : uint8_t { kIngested, kGone, kFailed };
  std::string path;  // relative to the folder
  What what = What::kIngested;
  int64_t added = 0;
  int64_t moved = 0;
  int64_t vanished = 0;
  int64_t returned = 0;
  int64_t extracted = 0;
  std::string reason = {};  // of a failure
  std::string message = {};
};

// Who follows an ingestion. On its thread.
class IngestListener {
 public:
  virtual ~IngestListener() = default;
  virtual void enters(std::string_view folder) = 0;  // that is about to be listed
  // Whether the file is taken now; else it is passed over, and the memories of it stay.
  virtual bool takes(const std::string& path, const os::FileInfo& info) = 0;
  virtual void changed(IngestChange change) = 0;
};

// Asks a model about pieces of files that it was not asked about yet.
class IngestExtraction {
 public:
  IngestExtraction(Memory& memory, const IngestAsk& asked, const std::atomic<bool>* stop)
      : memory_(memory), asked_(asked), stop_(stop) {}

  // Of a file whose content has that digest. `ids` are those of its pieces, `rows` gives them when they are
  // needed. How many memories are new. Fails only as the store does.
  using Rows = std::function<StatusOr<std::vector<store::MemoryRow>>()>;
  StatusOr<int64_t> file(const std::string& source, const std::string& digest,
                         const std::vector<std::string>* ids, const Rows& rows);
  void write(json::Writer& w) const;  // an object
  int64_t questions() const { return questions_; }
  int64_t memories() const { return memories_; }
  bool more() const { return waiting_ > 0 && problem_.ok(); }
  // Of the model: nothing is asked any more.
  const Status& problem() const { return problem_; }

 private:
  std::string mark_name(std::string_view of) const;
  bool is_done(const std::string& id);
  bool may_ask();
  StatusOr<int64_t> pieces(const std::string& source, const std::vector<store::MemoryRow>& rows);
  StatusOr<int64_t> ask(const std::string& source, const store::MemoryRow& piece);
  StatusOr<ModelWrites> question(const std::string& source, const store::MemoryRow& piece);

  Memory& memory_;
  const IngestAsk& asked_;
  const std::atomic<bool>* const stop_;
  int64_t questions_ = 0;
  int64_t memories_ = 0;
  int64_t existing_ = 0;
  int64_t refused_ = 0;
  int64_t failed_ = 0;
  int64_t failed_in_a_row_ = 0;
  int64_t waiting_ = 0;  // pieces nobody was asked about
  Status problem_;
  Status last_failure_;
  ModelUse use_;
};

// One thread; lives for one request, or for one look.
class Ingesting {
 public:
  // `listener` and `stop` may be null. `asked` outlives it.
  Ingesting(Memory& memory, const IngestAsk& asked, IngestListener* listener = nullptr,
            const std::atomic<bool>* stop = nullptr);
  ~Ingesting();

  // The whole of what was asked for: a report.
  StatusOr<std::string> run();
  // NOT_FOUND, "not_a_directory", … of what was asked for.
  Status open();
  // What is at that place of the folder now, and below it, after open(); "": everything. `moved`: what was
  // there has another place, so that nothing of it stays. Fails as the store does.
  Status look(const std::string& path, bool moved);

  const IngestCounts& counts() const { return counts_; }
  const IngestExtraction* extraction() const { return extraction_ ? &*extraction_ : nullptr; }
  const std::string& root() const { return root_->root(); }
  bool is_folder() const { return single_.empty(); }

 private:
  Status scan(const std::string& folder);
  bool enters(const std::string& path);
  bool can_list(const std::string& path);
  os::WalkAction visit(const std::string& path, os::FileType type);
  void take(const std::string& path, const os::FileInfo& info);
  void read_ignore_files(std::string_view folder);
  Status forget_gone(const std::string& path, bool forget);
  StatusOr<std::set<std::string>> known_sources(const std::string& path);

  std::string source_of(std::string_view path) const;
  std::string mark_name(const std::string& source) const;
  void file(const std::string& path);
  Status ingest(const std::string& path, const std::string& source, const os::FileInfo& info);
  Status changed_file(const std::string& path, const std::string& source, const os::FileInfo& info,
                      const memory::FileMark& now, const std::string& bytes);
  Status extract(const std::string& source, const std::string& digest, const std::vector<std::string>* ids,
                 IngestChange* change);
  Status derived_of(const std::string& source);
  StatusOr<memory::ChunkedFile> chunks_of(const std::string& path, const std::string& bytes);
  StatusOr<std::vector<store::MemoryRow>> rows_of(const std::string& source, bool forgotten);
  Status write(std::vector<store::MemoryEdit> edits);
  void remember(const std::string& name, const memory::FileMark& mark);
  void problem(std::string_view path, std::string_view reason, std::string_view message);
  void tell(IngestChange change);
  bool stopped() const;
  std::string report() const;

  Memory& memory_;
  MemoryTally tally_{memory_, "ingest"};
  const IngestAsk& asked_;
  IngestListener* const listener_;
  const std::atomic<bool>* const stop_;
  std::optional<IngestExtraction> extraction_;
  const memory::ChunkOptions chunking_;
  std::unique_ptr<os::Workspace> root_;
  std::string single_;  // the file that was asked for; empty: a folder was
  std::string home_;    // within the folder: never taken in; empty: it is elsewhere
  std::optional<memory::FolderFilter> filter_;
  std::vector<std::string> seen_;  // sources
  std::vector<IngestProblem> problems_;
  IngestCounts counts_;
  bool whole_ = true;
  bool more_ = false;
  bool store_failed_ = false;
  Status failure_;
};

}  // namespace tau::runtime
