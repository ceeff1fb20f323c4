// tau audit: verifies, shows and sums up the audit log of the home, or of a folder.
#include <poll.h>

#include "client.h"
#include "clock.h"
#include "commands.h"
#include "files.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr int kFollowMs = 500;  // between two looks at a log that is followed
constexpr size_t kHeadBytes = 4096;
constexpr size_t kKindWidth = 18;
constexpr size_t kNameWidth = 28;
constexpr size_t kStdinBytes = size_t{256} << 20;

int print(const std::string& text) { return write_out(text) ? kExitOk : kExitFailed; }

// What the options mean: a directory, or the home.
Result<std::string> place_of(const Options& options) {
  if (!options.directory.empty()) return options.directory;
  return home_of(options);
}

// A record for people: what it says, without what the chain adds.
std::string record_text(const Json& record) {
  std::string line =
      utc_text(record["time_ms"].as_int()) + "  " + padded(record["kind"].as_string(), kKindWidth);
  for (const auto& [name, value] : record.members()) {
    if (name == "v" || name == "time_ms" || name == "kind" || name == "prev" || name == "hash") continue;
    line += " " + name + "=" + (value.is_string() ? value.as_string() : value.dump());
  }
  return safe_text(line) + "\n";
}

std::string verdict_text(const Json& about) {
  std::string text = about["folder"].as_string() + ": " + counted(about, "records", "record");
  if (!about["ok"].as_bool()) return text + "\n";
  text += ", " + std::to_string(about["first_seq"].as_int()) + " to " +
          std::to_string(about["last_seq"].as_int());
  const std::string& signature = about["signature"].as_string();
  if (signature == "none")
    text += "\nnot signed: this shows accidents, and no forgery";
  else
    text += "\nsigned as far as " + std::to_string(about["signed_seq"].as_int()) + " with the key " +
            about["key"].as_string();
  if (signature == "unpinned")
    text += "\nwhich only the log itself names: --public-key says whose it must be";
  if (signature == "unchecked") text += "\nwhich is of a kind that is not checked here";
  return text + "\nnothing is wrong\n";
}

std::string number(const Json& value) { return std::to_string(value.as_int()); }

std::string duration_text(const Json& row) {
  const Json& duration = row["duration_ms"];
  if (duration["count"].as_int() == 0) return {};
  return ", p50 " + number(duration["p50"]) + " ms, p99 " + number(duration["p99"]) + " ms";
}

// The counts of a row that are not zero.
std::string row_text(std::string_view name, const Json& row) {
  std::string text = "  " + padded(one_line(name, kNameWidth), kNameWidth);
  bool first = true;
  for (const auto& [key, value] : row.members()) {
    if (value.as_int() == 0 || value.is_object()) continue;
    text += (first ? " " : ", ") + key + " " + number(value);
    first = false;
  }
  return text + duration_text(row) + "\n";
}

std::string summary_text(const Json& about) {
  std::string text = counted(about, "records", "record") + " in " + counted(about, "lines", "line");
  for (const char* key : {"newer", "unknown", "malformed", "torn", "lost"})
    if (about[key].as_int() > 0) text += ", " + number(about[key]) + " " + key;
  text += "\n";
  for (const Json& line : about["bad_lines"].items()) text += "line " + number(line) + " is no record\n";
  for (const char* table : {"kinds", "reasons"}) {
    if (!about[table].members().empty()) text += std::string("\n") + table + "\n";
    for (const auto& [name, count] : about[table].members())
      text += "  " + padded(one_line(name, kNameWidth), kNameWidth) + " " + number(count) + "\n";
  }
  for (const char* table : {"tools", "providers"}) {
    if (!about[table].members().empty()) text += std::string("\n") + table + "\n";
    for (const auto& [name, row] : about[table].members()) text += row_text(name, row);
  }
  const Json& connections = about["connections"];
  if (connections["allowed"].as_int() + connections["denied"].as_int() > 0)
    text += "\ncommands\n" + row_text("connections", connections);
  return text;
}

// One answer of the log from a cursor on; the next cursor, or nothing when stdout takes no more.
Result<std::string> show_records(const Options& options, const std::string& place,
                                 const std::string& cursor) {
  const auto page = json_of(tau_audit_read, to_tau(place), to_tau(cursor), 0u);
  if (!page.ok()) return page.failure();
  std::string text;
  for (const Json& record : (*page)["records"].items())
    text += options.json ? record.dump() + "\n" : record_text(record);
  if (!write_out(text)) return std::string();
  if ((*page)["damaged"].as_int() > 0)
    write_err("tau: warning: " + counted(*page, "damaged", "line") +
              " cannot be read; see 'tau audit verify'\n");
  return (*page)["next"].as_string();
}

}  // namespace

int command_audit_verify(const Options& options) {
  const auto place = place_of(options);
  if (!place.ok()) return report(place.failure());
  std::string head;
  if (!options.file.empty()) {
    auto kept = read_file(options.file, kHeadBytes);
    if (!kept.ok()) return report(kept.failure());
    head = *std::move(kept);
  }
  Buffer text;
  tau_error* error = nullptr;
  const tau_status status =
      tau_audit_verify(to_tau(*place), to_tau(head), to_tau(options.public_key), text.out(), &error);
  const auto about = Json::parse(text.view());
  if (about && !write_out(options.json ? std::string(text.view()) + "\n" : verdict_text(*about)))
    return kExitFailed;
  return status == TAU_OK ? kExitOk : report(library_failure(status, error));
}

int command_audit_tail(const Options& options) {
  const auto place = place_of(options);
  if (!place.ok()) return report(place.failure());
  std::string cursor = "-" + std::to_string(options.limit);
  for (std::string before;; before = cursor) {
    const auto next = show_records(options, *place, cursor);
    if (!next.ok()) return report(next.failure());
    if ((*next).empty()) return kExitFailed;
    cursor = *next;
    if (cursor != before) continue;  // there may be more
    if (!options.follow) return kExitOk;
    // A reader that went away is noticed without a record for it.
    struct pollfd out = {1, 0, 0};
    if (poll(&out, 1, kFollowMs) > 0 && (out.revents & (POLLERR | POLLHUP)) != 0) return kExitOk;
  }
}

int command_audit_summary(const Options& options) {
  Json paths = Json::array();
  for (const std::string& path : options.paths) paths.push_back(Json::string(path));
  std::string bytes;
  if (options.paths.size() == 1 && options.paths.front() == "-") {
    paths = Json::array();
    auto given = read_stdin(kStdinBytes);
    if (!given.ok()) return report(given.failure());
    bytes = *std::move(given);
  } else if (options.paths.empty()) {
    const auto home = home_of(options);
    if (!home.ok()) return report(home.failure());
    paths.push_back(Json::string(*home));
  }
  const auto sums = text_of(tau_audit_summary, to_tau(paths.dump()), to_tau(bytes));
  if (!sums.ok()) return report(sums.failure());
  if (options.json) return print(*sums + "\n");
  const auto about = Json::parse(*sums);
  return print(about ? summary_text(*about) : *sums + "\n");
}

int command_audit_head(const Options& options) {
  const auto place = place_of(options);
  if (!place.ok()) return report(place.failure());
  const auto head = text_of(tau_audit_head, static_cast<tau_runtime*>(nullptr), to_tau(*place));
  if (!head.ok()) return report(head.failure());
  if (options.output.empty()) return print(*head);
  const auto made = create_private_file(options.output, *head);
  if (!made.ok()) return report(made.failure());
  if (*made) return kExitOk;
  return report(
      input_failure("file_exists", "\"" + options.output + "\" exists", "name another file with -o"));
}

}  // namespace cli
