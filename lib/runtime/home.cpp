// Backup, restore, verification and pruning of homes.
//
// A backup is a directory: "tau.db", the files beside it, and "backup.json", which says what it is. It is
// filled under another name, so that whatever has the right name is whole.
#include "runtime/home.h"

#include <sys/stat.h>

#include <array>
#include <string>
#include <utility>

#include "json/json.h"
#include "observe/observe.h"
#include "os/os.h"
#include "runtime/audit.h"
#include "runtime/audit_report.h"
#include "runtime/config.h"
#include "runtime/config_keys.h"
#include "runtime/runtime.h"

namespace tau::runtime {
namespace {

constexpr std::string_view kManifest = "backup.json";
constexpr int64_t kBackupFormat = 1;
constexpr uint64_t kMaxSideFile = 16 << 20;
constexpr size_t kMaxRemovedShown = 1000;
constexpr std::string_view kAuditName = "audit";
constexpr int kAuditTries = 5;
// What stands beside the database and is the user's.
constexpr std::array<std::string_view, 2> kSideFiles = {"tau.toml", "history"};

std::string in(std::string_view directory, std::string_view name) {
  std::string path(directory);
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return (path += '/') += name;
}

// The files of a log that is not to be one.
Status remove_audit(const std::string& folder) {
  if (!os::path_exists(folder)) return ok_status();
  TAU_ASSIGN_OR_RETURN(const auto files, os::Workspace::open(folder));
  TAU_ASSIGN_OR_RETURN(const auto entries, files->list("."));
  for (const os::DirEntry& entry : entries)
    TAU_RETURN_IF_ERROR(os::remove_private_file(in(folder, entry.name)));
  return os::remove_empty_dir(folder);
}

// False when there is no such file.
StatusOr<bool> copy_side_file(std::string_view from, std::string_view to) {
  const auto bytes = os::read_file(from, kMaxSideFile);
  if (bytes.status().code() == Code::kNotFound) return false;
  if (!bytes.ok()) return bytes.status();
  TAU_RETURN_IF_ERROR(os::write_private_file(to, *bytes));
  return true;
}

void write_counts(json::Writer& w, const store::Soundness& found) {
  w.field("schema_version", found.schema_version).field("sessions", found.sessions).field("runs", found.runs);
  w.field("open_runs", found.open_runs).field("rows", found.rows).field("entries", found.entries);
  w.field("blobs", found.blobs).field("memories", found.memories).field("bytes", found.bytes);
}

// The counts of a database in which nothing is wrong.
StatusOr<store::Soundness> sound(const std::string& path, std::string_view reason) {
  TAU_ASSIGN_OR_RETURN(store::Soundness found, store::verify_database(path));
  if (found.problems.empty()) return found;
  return data_loss(reason, format("{}: {}", path, found.problems.front().message));
}

// The log goes at least as far as the head in the database that was copied before it.
StatusOr<bool> copy_audit(std::string_view home, std::string_view target) {
  if (!observe::is_log(audit_folder(home))) return false;
  for (int i = 1;; ++i) {
    TAU_RETURN_IF_ERROR(remove_audit(audit_folder(target)));  // of a broken attempt
    const Status copied = observe::copy_log(audit_folder(home), audit_folder(target));
    if (copied.ok()) return true;
    if (copied.reason() != "audit_log_changed" || i == kAuditTries) return copied;
  }
}

Status fill_backup(store::Store& store, std::string_view home, std::string_view target, std::string& report) {
  for (const char* suffix : {"", "-journal", "-wal", "-shm"})
    TAU_RETURN_IF_ERROR(os::remove_private_file(database_path(target) + suffix));  // of a broken attempt
  TAU_RETURN_IF_ERROR(store.backup(database_path(target)));
  TAU_ASSIGN_OR_RETURN(const store::Soundness found, sound(database_path(target), "home_damaged"));
  json::Writer w(report);
  w.begin_object().field("format", kBackupFormat).field("created_ms", system_clock().wall_ms());
  write_counts(w, found);
  w.key("files").begin_array().string("tau.db");
  for (const std::string_view name : kSideFiles) {
    TAU_ASSIGN_OR_RETURN(const bool copied, copy_side_file(in(home, name), in(target, name)));
    if (copied) w.string(name);
  }
  TAU_ASSIGN_OR_RETURN(const bool logged, copy_audit(home, target));
  if (logged) w.string(kAuditName);
  w.end_array().end_object();
  return os::write_private_file(in(target, kManifest), report);
}

StatusOr<json::Value> read_manifest(std::string_view backup) {
  const auto text = os::read_file(in(backup, kManifest), kMaxSideFile);
  if (text.status().code() == Code::kNotFound)
    return not_found("no_backup", format("\"{}\" holds no {}: it is no backup", backup, kManifest));
  if (!text.ok()) return text.status();
  auto manifest = json::parse(*text);
  if (!manifest.ok() || (*manifest)["format"].as_int() < 1)
    return data_loss("backup_damaged", format("{} of \"{}\" cannot be read", kManifest, backup));
  if ((*manifest)["format"].as_int() > kBackupFormat)
    return failed_precondition("backup_too_new", format("the backup has format {}, this library knows {}",
                                                        (*manifest)["format"].as_int(), kBackupFormat));
  return manifest;
}

// A directory in the home for what a restore replaces.
StatusOr<std::string> make_aside(std::string_view home) {
  std::string path = in(home, format("replaced-{}", system_clock().wall_ms()));
  TAU_RETURN_IF_ERROR(os::make_private_dir(path));
  return path;
}

Status restore_side_files(std::string_view backup, std::string_view home, const std::string& aside) {
  for (const std::string_view name : kSideFiles) {
    if (!os::path_exists(in(backup, name))) continue;
    if (os::path_exists(in(home, name))) {
      if (aside.empty()) continue;  // who made it meant it
      TAU_RETURN_IF_ERROR(os::move_private(in(home, name), in(aside, name)));
    }
    TAU_RETURN_IF_ERROR(copy_side_file(in(backup, name), in(home, name)).status());
  }
  return ok_status();
}

// A log belongs to the database that knows its head: what is there goes aside with that.
Status restore_audit(std::string_view backup, std::string_view home, const std::string& aside) {
  const std::string folder = audit_folder(home);
  if (observe::is_log(folder)) {
    std::string place = aside;
    if (place.empty()) { TAU_ASSIGN_OR_RETURN(place, make_aside(home)); }
    TAU_RETURN_IF_ERROR(os::move_private(folder, in(place, kAuditName)));
  }
  if (!observe::is_log(audit_folder(backup))) return ok_status();
  TAU_RETURN_IF_ERROR(remove_audit(folder));
  return observe::copy_log(audit_folder(backup), folder);
}

// What is wrong with the log, if there is one.
Status check_audit(std::string_view directory, std::vector<store::Soundness::Problem>& problems) {
  const auto found = examine_audit(directory, {}, {});
  if (found.ok() && !found->found.ok()) problems.push_back({"audit_log_damaged", fault_text(found->found)});
  if (found.status().code() == Code::kResourceExhausted)
    return found.status();  // nothing was seen of the log
  if (!found.ok() && found.status().reason() != "no_audit_log")
    problems.push_back({std::string(found.status().reason()), std::string(found.status().message())});
  return ok_status();
}

// What others could read or change.
void check_modes(std::string_view directory, std::vector<store::Soundness::Problem>& problems) {
  const auto is_private = [&](const std::string& path) {
    struct stat st {};
    if (lstat(path.c_str(), &st) != 0 || (st.st_mode & 0077) == 0) return true;
    problems.push_back({"not_private", format("{} has mode {:04o}: close it to group and others", path,
                                              static_cast<unsigned>(st.st_mode & 07777))});
    return false;
  };
  const auto check = [&](const std::string& path) { static_cast<void>(is_private(path)); };
  check(std::string(directory));
  // What SQLite puts beside a database has the mode of that, and comes and goes with whoever looks.
  if (is_private(database_path(directory)))
    for (const char* suffix : {"-wal", "-shm", "-owners"}) check(database_path(directory) + suffix);
  for (const std::string_view name : kSideFiles) check(in(directory, name));
  check(in(directory, kAuditName));
}

// A member of the document, held to the row of the configuration key of that name.
StatusOr<int64_t> limit_of(const json::Value& limits, const std::string& name, int64_t otherwise) {
  const json::Value* value = limits.find(name);
  if (value == nullptr) return otherwise;
  const std::array<std::string, 2> path = {"retention", name};
  const Status status = check_value(*find_key(path).key, *value);
  if (!status.ok()) return status.annotate("limits." + name);
  return value->as_int();
}

}  // namespace

StatusOr<std::string> backup_home(store::Store& store, std::string_view home, std::string_view directory) {
  if (home.empty()) return failed_precondition("no_database", "this runtime keeps nothing on a disk");
  if (directory.empty())
    return invalid_argument("invalid_path", "a backup needs the path of a new directory");
  const std::string target(directory.substr(0, directory.find_last_not_of('/') + 1));
  if (os::path_exists(target))
    return Status(Code::kAlreadyExists, "file_exists", format("\"{}\" exists", target));
  const std::string partial = target + ".partial";
  TAU_RETURN_IF_ERROR(os::make_private_dir(partial));
  std::string report;
  TAU_RETURN_IF_ERROR(fill_backup(store, home, partial, report));
  TAU_RETURN_IF_ERROR(os::move_private(partial, target));
  return report;
}

StatusOr<std::string> restore_home(std::string_view backup, std::string_view home, bool replace) {
  if (home.empty()) return invalid_argument("invalid_path", "a restore needs the path of a home");
  TAU_ASSIGN_OR_RETURN(const json::Value manifest, read_manifest(backup));
  TAU_ASSIGN_OR_RETURN(const store::Soundness found, sound(database_path(backup), "backup_damaged"));
  TAU_RETURN_IF_ERROR(os::make_private_dir(home));
  const bool occupied = os::path_exists(database_path(home));
  if (occupied && !replace)
    return failed_precondition("home_not_empty", format("\"{}\" has a database already", home));
  std::string aside;
  if (occupied) { TAU_ASSIGN_OR_RETURN(aside, make_aside(home)); }
  const Status replaced = store::replace_database(database_path(backup), database_path(home), aside);
  if (!replaced.ok()) {
    if (!aside.empty()) (void)os::remove_empty_dir(aside);
    return replaced;
  }
  TAU_RETURN_IF_ERROR(restore_side_files(backup, home, aside));
  // Those are of the database that went aside.
  if (!aside.empty() && os::path_exists(memory_folder(home)))
    TAU_RETURN_IF_ERROR(os::move_private(memory_folder(home), memory_folder(aside)));
  TAU_RETURN_IF_ERROR(restore_audit(backup, home, aside));
  std::string report;
  json::Writer w(report);
  w.begin_object().field("home", home).field("created_ms", manifest["created_ms"].as_int());
  write_counts(w, found);
  w.field("replaced", aside).end_object();
  return report;
}

StatusOr<std::string> verify_home(std::string_view directory, bool* sound) {
  TAU_ASSIGN_OR_RETURN(store::Soundness found, store::verify_database(database_path(directory)));
  TAU_RETURN_IF_ERROR(check_audit(directory, found.problems));
  check_modes(directory, found.problems);
  *sound = found.problems.empty();
  std::string report;
  json::Writer w(report);
  w.begin_object().field("home", directory).field("sound", *sound);
  write_counts(w, found);
  w.key("problems").begin_array();
  for (const auto& problem : found.problems)
    w.begin_object().field("reason", problem.reason).field("message", problem.message).end_object();
  w.end_array();
  if (found.more_problems > 0) w.field("more_problems", found.more_problems);
  w.end_object();
  return report;
}

StatusOr<std::string> prune_home(store::Store& store, store::Retention retention,
                                 std::string_view limits_json) {
  json::Value limits = json::Value::object();
  if (!limits_json.empty()) { TAU_ASSIGN_OR_RETURN(limits, json::parse(limits_json)); }
  if (!limits.is_object()) return invalid_argument("wrong_type", "limits should be a JSON object");
  for (const auto& [key, value] : limits.as_object())
    if (key != "max_age_days" && key != "max_bytes" && key != "dry_run")
      return invalid_argument("unknown_key",
                              format("limits.{} is not known; known are max_age_days, max_bytes, "
                                     "dry_run",
                                     repair_utf8(key)));
  if (limits.contains("dry_run") && !limits["dry_run"].is_bool())
    return invalid_argument("wrong_type", "limits.dry_run should be true or false");
  TAU_ASSIGN_OR_RETURN(const int64_t days,
                       limit_of(limits, "max_age_days", retention.max_age_ms / kMillisPerDay));
  TAU_ASSIGN_OR_RETURN(retention.max_bytes, limit_of(limits, "max_bytes", retention.max_bytes));
  retention.max_age_ms = days * kMillisPerDay;
  if (!retention.limited())
    return invalid_argument("no_limit", "neither limits nor the configuration's retention say what may go");
  const bool dry_run = limits["dry_run"].as_bool();
  TAU_ASSIGN_OR_RETURN(const store::Pruned pruned, store.prune(retention, dry_run));
  std::string report;
  json::Writer w(report);
  w.begin_object().field("dry_run", dry_run).field("count", static_cast<int64_t>(pruned.removed.size()));
  w.field("spared", pruned.spared).field("bytes_before", pruned.bytes_before);
  w.field("bytes_after", pruned.bytes_after).key("removed").begin_array();
  for (size_t i = 0; i < pruned.removed.size() && i < kMaxRemovedShown; ++i) w.string(pruned.removed[i]);
  w.end_array().end_object();
  return report;
}

}  // namespace tau::runtime
