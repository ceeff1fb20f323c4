// tau memory ingest: files and folders into memories, once, or for as long as the folder is watched.
#include <algorithm>
#include <filesystem>

#include "commands.h"
#include "interrupts.h"
#include "memory_view.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

using Mode = MemoryClient::Mode;

constexpr size_t kPathWidth = 400;
constexpr int64_t kWaitMs = 200;  // for a change, before interrupts are looked at

std::string absolute(const std::string& path) {
  std::error_code no_directory;
  return std::filesystem::absolute(path, no_directory).string();
}

void set_list(Json& request, std::string_view key, const std::vector<std::string>& values) {
  if (values.empty()) return;
  Json items = Json::array();
  for (const std::string& value : values) items.push_back(Json::string(value));
  request.set(key, std::move(items));
}

Result<Json> ingest_request(const Options& options) {
  const MemoryOptions& m = options.memory;
  Json request = request_of(m.watch ? "watch" : "ingest");
  request.set("path", Json::string(m.path.empty() ? m.path : absolute(m.path)));
  set_list(request, "globs", m.globs);
  set_list(request, "ignore", m.ignore);
  set_list(request, "tags", m.tags);
  set_text(request, "type", m.type);
  if (m.hidden) request.set("hidden", Json::boolean(true));
  if (!m.vanished.empty()) request.set("forget_vanished", Json::boolean(m.vanished == "forget"));
  if (!m.max_file_size.empty()) {
    const auto bytes = parse_bytes(m.max_file_size);
    if (!bytes) return usage_failure("--max-file-size " + m.max_file_size + ": expected a size: 500M, 1.5G");
    request.set("max_file_bytes", Json::number(*bytes));
  }
  if (m.extract) request.set("extract", Json::boolean(true));
  set_text(request, "model", m.model);
  if (m.questions > 0) request.set("max_questions", Json::number(m.questions));
  return request;
}

// How far an ingestion is, as a line on stderr that is written over.
void show_progress(int64_t done, int64_t all, const char* what) {
  constexpr int64_t kBar = 30;
  const int64_t full = all > 0 ? done * kBar / all : kBar;
  write_err("\r\033[K[" + std::string(static_cast<size_t>(full), '#') +
            std::string(static_cast<size_t>(kBar - full), ' ') + "] " + std::to_string(done) + " of " +
            std::to_string(all) + " " + what);
}

void add_member(Json& sum, const Json& before, const char* key) {
  sum.set(key, Json::number(before[key].as_int() + sum[key].as_int()));
}

// The report of all slices: what each did is added up, what they saw is that of the last.
void add_up(Json& sum, const Json& slice) {
  Json report = slice;
  report.set("unchanged", Json::number(slice["unchanged"].as_int() - sum["ingested"].as_int()));
  for (const char* key : {"ingested", "added", "moved", "returned", "vanished", "vanished_files"})
    add_member(report, sum, key);
  if (slice.contains("extract")) {
    Json extract = slice["extract"];
    for (const char* key : {"questions", "memories", "existing", "refused", "failed", "calls", "input_tokens",
                            "output_tokens", "cost_usd_micros"})
      add_member(extract, sum["extract"], key);
    report.set("extract", std::move(extract));
  } else if (sum.contains("extract")) {
    report.set("extract", sum["extract"]);
  }
  sum = std::move(report);
}

// Slice by slice under a bar: of the files that are to be read, or of the questions that are to be asked.
class Slices {
 public:
  Slices(const MemoryClient& client, Json request) : client_(client), request_(std::move(request)) {}

  Result<Json> run() {
    Json looking = request_;
    looking.set("dry_run", Json::boolean(true));
    const auto plan = client_.perform(looking);
    if (!plan.ok()) return plan;
    files_ = (*plan)["ingested"].as_int();
    questions_ = (*plan)["extract"]["questions"].as_int();
    if (const int64_t most = request_["max_questions"].as_int(); most > 0)
      questions_ = std::min(questions_, most);
    for (bool more = true; more;) {
      show();
      const int64_t left = questions_left();
      const auto slice = client_.perform(next());
      if (!slice.ok()) {
        write_err("\n");
        return slice;
      }
      add_up(sum_, *slice);
      const bool goes_on =
          (*slice)["ingested"].as_int() > 0 || (left > questions_left() && questions_left() > 0);
      more = (*slice)["more"].as_bool() && goes_on;
    }
    write_err("\r\033[K");
    return sum_;
  }

 private:
  static constexpr int64_t kSlices = 40;
  int64_t questions_left() const { return questions_ - sum_["extract"]["questions"].as_int(); }
  void show() const {
    if (questions_ > 0) return show_progress(questions_ - questions_left(), questions_, "questions");
    show_progress(std::min(sum_["ingested"].as_int(), files_), files_, "files");
  }
  // When all questions are asked, the files that are left are only read.
  Json next() const {
    const bool asks = questions_ == 0 || questions_left() > 0;
    Json slice = Json::object();
    for (const auto& [key, value] : request_.members())
      if (asks || (key != "extract" && key != "model" && key != "max_questions")) slice.set(key, value);
    slice.set("max_files", Json::number(std::max<int64_t>(1, files_ / kSlices)));
    if (questions_ > 0 && asks)
      slice.set("max_questions",
                Json::number(std::min(std::max<int64_t>(1, questions_ / kSlices), questions_left())));
    return slice;
  }

  const MemoryClient& client_;
  const Json request_;
  Json sum_ = Json::object();
  int64_t files_ = 0;
  int64_t questions_ = 0;
};

int64_t number(const Json& json, const char* key) { return json[key].as_int(); }

std::string change_text(const Json& change) {
  std::string text =
      time_text(change["time"]) + "  " + one_line(change["path"].as_string(), kPathWidth) + ": ";
  if (change["what"].as_string() == "failed")
    return text + one_line(change["message"].as_string(), kPathWidth) + "\n";
  std::string parts;
  for (const auto& [key, name] :
       {std::pair("added", "new"), std::pair("returned", "back"), std::pair("moved", "moved"),
        std::pair("vanished", "gone"), std::pair("extracted", "made by the model")})
    if (const int64_t count = number(change, key); count > 0)
      parts += (parts.empty() ? "" : ", ") + std::to_string(count) + " " + name;
  if (change["what"].as_string() == "gone")
    parts = parts.empty() ? "the file is gone, its memories stay" : "the file is gone: " + parts;
  return text + (parts.empty() ? "as before" : parts) + "\n";
}

// What a person who watches wants to know besides the changes; to stderr, when it is new.
std::string state_text(const Json& watch) {
  const std::string& state = watch["state"].as_string();
  const std::string path = one_line(watch["path"].as_string(), kPathWidth);
  if (state == "scanning") return path + ": looking at what is there\n";
  if (state == "watching") return path + ": watching; Ctrl-C ends it\n";
  if (state == "polling")
    return path + ": looking every " + std::to_string(number(watch, "poll_ms") / 1000) +
           " seconds, for there are no events: " +
           one_line(watch["polls"]["message"].as_string(), kPathWidth) + "\n";
  if (state == "folder_gone") return path + ": the folder is gone; its memories stay, and it may come back\n";
  if (state == "failing")
    return path + ": " + one_line(watch["last_error"]["message"].as_string(), kPathWidth) + "\n";
  return {};
}

int follow(const Options& options, const MemoryClient& client, const std::string& id) {
  Json request = request_of("watches");
  request.set("id", Json::string(id));
  request.set("wait_ms", Json::number(kWaitMs));
  std::string shown;
  while (!interrupted()) {
    const auto answer = client.perform(request);
    if (!answer.ok()) return report(answer.failure());
    const Json& watch = (*answer)["watches"].items()[0];
    for (const Json& change : watch["changes"].items())
      if (!write_out(options.json ? change.dump() + "\n" : change_text(change))) return kExitFailed;
    request.set("after", watch["last"]);
    if (watch["state"].as_string() == "ended")
      return report(
          {kExitFailed, watch["ended"]["reason"].as_string(), watch["ended"]["message"].as_string(), {}});
    if (shown != watch["state"].as_string() && !options.json) write_err(state_text(watch));
    shown = watch["state"].as_string();
  }
  return kExitOk;
}

int watch(const Options& options, const MemoryClient& client, const Json& request) {
  install_interrupts();
  const auto begun = client.perform(request);
  if (!begun.ok()) return report(begun.failure());
  const std::string id = (*begun)["id"].as_string();
  const int exit = follow(options, client, id);
  Json end = request_of("unwatch");
  end.set("id", Json::string(id));
  (void)client.perform(end);
  return exit;
}

// A single file that cannot be taken in is a failure; one among many is told.
int exit_of(const Json& report) {
  const bool alone = report["files"].as_int() == 1 && report["failed"].as_int() == 1;
  return alone && report["skipped"].as_int() + report["other"].as_int() == 0 ? kExitFailed : kExitOk;
}

}  // namespace

int command_memory_ingest(const Options& options) {
  if (options.memory.watch && options.dry_run)
    return report(usage_failure("a folder is watched, or looked at without changing anything",
                                "leave --watch or --dry-run out"));
  auto request = ingest_request(options);
  if (!request.ok()) return report(request.failure());
  const auto client = MemoryClient::open(options, Mode::kWriting);
  if (!client.ok()) return report(client.failure());
  if (options.memory.watch) return watch(options, *client, *request);
  if (options.dry_run) (*request).set("dry_run", Json::boolean(true));
  const bool bar = stderr_is_rich() && !options.dry_run;
  const auto answer = bar ? Slices(*client, *request).run() : (*client).perform(*request);
  if (!answer.ok()) return report(answer.failure());
  const int shown = print_answer(options, answer, report_lines);
  return shown == kExitOk ? exit_of(*answer) : shown;
}

}  // namespace cli
