// Requests that watch folders: watch, watches, unwatch.
#include <utility>

#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory_ops.h"
#include "runtime/memory_watch.h"

namespace tau::runtime {
namespace {

constexpr int64_t kMostQuietMs = 600'000;
constexpr int64_t kLeastPollMs = 100;
constexpr int64_t kMostPollMs = 86'400'000;
constexpr int64_t kMostWaitMs = 60'000;
constexpr int64_t kWrittenPerQuiet = 20;
constexpr int64_t kMostPerQuiet = 120;

Status read_ms(const json::Value& request, std::string_view key, int64_t least, int64_t most, int64_t& out) {
  if (!request.contains(key)) return ok_status();
  TAU_ASSIGN_OR_RETURN(out, read_count(request, "request", key));
  return check_type(out >= least && out <= most, "request", key,
                    format("{} to {} milliseconds", least, most));
}

StatusOr<WatchAsk> read_watch_ask(Memory& memory, const json::Value& request) {
  WatchAsk asked;
  TAU_ASSIGN_OR_RETURN(asked.ingest, read_ingest_ask(memory, request, {"quiet_ms", "poll_ms"},
                                                     /*forget_vanished=*/false));
  TAU_RETURN_IF_ERROR(check_writable(memory, /*dry_run=*/false));
  TAU_RETURN_IF_ERROR(read_ms(request, "quiet_ms", 0, kMostQuietMs, asked.timing.quiet_ms));
  TAU_RETURN_IF_ERROR(read_ms(request, "poll_ms", kLeastPollMs, kMostPollMs, asked.poll_ms));
  asked.timing.written_ms = asked.timing.quiet_ms * kWrittenPerQuiet;
  asked.timing.most_ms = asked.timing.quiet_ms * kMostPerQuiet;
  // Globs that are none are told now. So is a path that is no folder.
  TAU_RETURN_IF_ERROR(memory::FolderFilter::create(asked.ingest.policy).status());
  TAU_ASSIGN_OR_RETURN(const auto folder, os::Workspace::open(asked.ingest.path));
  asked.ingest.path = folder->root();
  return asked;
}

void write_watch(json::Writer& w, Watching& watching, bool changes, int64_t after) {
  w.begin_object().field("id", watching.id());
  watching.watch().write(w, changes, after);
  w.end_object();
}

}  // namespace

StatusOr<std::string> watch_folder(Memory& memory, const json::Value& request) {
  TAU_ASSIGN_OR_RETURN(WatchAsk asked, read_watch_ask(memory, request));
  const std::string path = asked.ingest.path;
  TAU_ASSIGN_OR_RETURN(const std::string id, memory.watches().add(memory, std::move(asked)));
  std::string out;
  json::Writer(out).begin_object().field("id", id).field("path", repair_utf8(path)).end_object();
  return out;
}

StatusOr<std::string> list_watches(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "id", "after", "wait_ms"}));
  int64_t after = 0;
  int64_t wait_ms = 0;
  if (request.contains("after")) { TAU_ASSIGN_OR_RETURN(after, read_count(request, "request", "after")); }
  TAU_RETURN_IF_ERROR(read_ms(request, "wait_ms", 0, kMostWaitMs, wait_ms));
  std::string out;
  json::Writer w(out);
  w.begin_object().key("watches").begin_array();
  if (request.contains("id")) {
    TAU_ASSIGN_OR_RETURN(const std::string id, need_string(request, "request", "id"));
    TAU_ASSIGN_OR_RETURN(const auto watching, memory.watches().find(id));
    watching->watch().wait_change(after, wait_ms);
    write_watch(w, *watching, /*changes=*/true, after);
  } else {
    if (request.contains("after") || request.contains("wait_ms"))
      return invalid_argument("invalid_request",
                              "request: \"after\" and \"wait_ms\" are of one watch: \"id\" says which");
    for (const auto& each : memory.watches().all()) write_watch(w, *each, /*changes=*/false, 0);
  }
  w.end_array().end_object();
  return out;
}

StatusOr<std::string> unwatch_folder(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "id"}));
  TAU_ASSIGN_OR_RETURN(const std::string id, need_string(request, "request", "id"));
  TAU_ASSIGN_OR_RETURN(const auto watching, memory.watches().find(id));
  memory.watches().remove(watching);
  std::string out;
  json::Writer(out).begin_object().field("id", id).field("watched", false).end_object();
  return out;
}

}  // namespace tau::runtime
