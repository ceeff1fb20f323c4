#include "runtime/audit_report.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "os/os.h"
#include "runtime/audit.h"
#include "runtime/home.h"
#include "runtime/host_document.h"
#include "runtime/runtime.h"

namespace tau::runtime {
namespace {

using observe::Hash;
using observe::Kind;
using observe::Number;
using observe::Record;
using observe::Text;

constexpr size_t kMostHeadBytes = 4096;
constexpr uint32_t kMostRecords = 10'000;
constexpr uint32_t kUsualRecords = 1'000;
constexpr int kTries = 5;  // while files are removed as old

// What the library knows better than any host.
constexpr std::array kOfLibrary = {Kind::kRunStarted,       Kind::kRunEnded,       Kind::kToolDecided,
                                   Kind::kToolFinished,     Kind::kModelFinished,  Kind::kApprovalAsked,
                                   Kind::kApprovalAnswered, Kind::kNetworkDecided, Kind::kNetworkEnded,
                                   Kind::kMemoryChanged,    Kind::kMemoryRead};

template <class Enum>
std::optional<Enum> named(std::string_view name, std::string_view (*name_of)(Enum)) {
  for (size_t i = 0; i < static_cast<size_t>(Enum::kCount); ++i)
    if (name_of(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
  return std::nullopt;
}

bool is_directory(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

Status check_member(std::string_view key, const json::Value& value) {
  if (named(key, observe::text_name)) return check_type(value.is_string(), "record", key, "a string");
  if (const auto number = named(key, observe::number_name); number && *number != Number::kFirstSeq)
    return check_type(value.is_integer(), "record", key, "an integer");
  return invalid_argument("unknown_key", format("record.{} is not known", repair_utf8(key)));
}

// The text of a head as it was written, whatever became of its line feed on the way.
std::string tidy(std::string_view head) {
  while (!head.empty() && (head.back() == '\n' || head.back() == '\r' || head.back() == ' '))
    head.remove_suffix(1);
  return head.empty() ? std::string() : std::string(head) + "\n";
}

StatusOr<std::string> mark_of(std::string_view home, std::string_view name) {
  auto text = store::read_mark(database_path(home), name);
  if (text.ok() || (text.status().code() != Code::kNotFound && text.status().reason() != "database_too_old"))
    return text;
  return std::string();
}

// Which signatures count, and what that is called in the report.
struct Trust {
  std::optional<observe::Ed25519Keys> keys;
  std::string_view signature;
};

StatusOr<Trust> trust_of(std::string_view place, bool home, std::string_view anchored, std::string_view head,
                         std::string_view public_key) {
  const auto says = [&](std::string_view algorithm) {
    return head.find(format(R"("alg":"{}")", algorithm)) != std::string_view::npos;
  };
  Trust trust;
  trust.signature = "checked";
  if (!public_key.empty()) {
    TAU_ASSIGN_OR_RETURN(trust.keys, observe::Ed25519Keys::make({.public_keys = {std::string(public_key)}}));
    return trust;
  }
  std::string mark;
  if (home) { TAU_ASSIGN_OR_RETURN(mark, mark_of(place, kAuditKeysMark)); }
  if (!mark.empty()) {
    TAU_ASSIGN_OR_RETURN(trust.keys, keys_of_log(mark, anchored));
    if (says("none")) trust.signature = "none";
    return trust;
  }
  trust.signature = says("none") ? "none" : says("ed25519") ? "unpinned" : "unchecked";
  if (trust.signature == "unpinned") {
    TAU_ASSIGN_OR_RETURN(trust.keys, observe::Ed25519Keys::make({.any = true}));
  }
  return trust;
}

StatusOr<observe::Verification> verify_patiently(const observe::VerifyOptions& options) {
  for (int i = 1;; ++i) {
    auto found = observe::verify(options);
    if (found.ok() || found.status().reason() != "audit_log_changed" || i == kTries) return found;
  }
}

StatusOr<observe::Tail> tail_at(const std::string& folder, std::string_view cursor) {
  if (cursor.empty()) return observe::Tail::begin(folder);
  if (!cursor.starts_with('-')) return observe::Tail::resume(folder, cursor);
  size_t lines = 0;
  const auto read = std::from_chars(cursor.data() + 1, cursor.data() + cursor.size(), lines);
  if (read.ec != std::errc() || read.ptr != cursor.data() + cursor.size())
    return invalid_argument("invalid_cursor", "a cursor is \"next\" of an answer, or a number such as -20");
  return observe::Tail::open(folder, lines);
}

Status summarise_path(const std::string& path, observe::Summary& summary) {
  if (!is_directory(path)) return observe::summarise_file(path, summary);
  const std::string folder = audit_place(path);
  return observe::is_log(folder) ? observe::summarise_log(folder, summary) : no_audit_log(path);
}

}  // namespace

StatusOr<AuditNote> AuditNote::parse(std::string_view document) {
  AuditNote note;
  TAU_ASSIGN_OR_RETURN(note.document_, json::parse(document));
  if (!note.document_.is_object()) return invalid_argument("wrong_type", "record should be a JSON object");
  TAU_ASSIGN_OR_RETURN(const std::string kind, need_string(note.document_, "record", "kind"));
  const auto known = named(kind, observe::kind_name);
  if (!known)
    return invalid_argument("unknown_kind", format("record.kind \"{}\" is none", repair_utf8(kind)));
  if (observe::is_of_log(*known) || std::ranges::find(kOfLibrary, *known) != kOfLibrary.end())
    return invalid_argument("reserved_kind", format("records of the kind {} are the library's", kind));
  for (const auto& [key, value] : note.document_.as_object())
    if (key != "kind") TAU_RETURN_IF_ERROR(check_member(key, value));
  note.kind_ = *known;
  return note;
}

Record AuditNote::record() const {
  Record made(kind_);
  for (const auto& [key, value] : document_.as_object()) {
    if (const auto text = named(key, observe::text_name)) made.set(*text, value.as_string());
    if (const auto number = named(key, observe::number_name)) made.set(*number, value.as_int());
  }
  return made;
}

std::string audit_place(std::string_view place) {
  std::string path(place);
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const bool home = is_directory(audit_folder(path)) || os::path_exists(database_path(path));
  return home ? audit_folder(path) : path;
}

Status no_audit_log(std::string_view place) {
  if (place.empty()) return failed_precondition("no_audit_log", "this runtime has no audit log");
  return not_found("no_audit_log", format("\"{}\" has no audit log", place));
}

StatusOr<AuditFindings> examine_audit(std::string_view place, std::string_view kept_head,
                                      std::string_view public_key) {
  AuditFindings out;
  out.folder = audit_place(place);
  const bool home = os::path_exists(database_path(place));
  std::string anchored;
  if (home) { TAU_ASSIGN_OR_RETURN(anchored, mark_of(place, kAuditHeadMark)); }
  if (!observe::is_log(out.folder)) {
    if (anchored.empty()) return no_audit_log(place);
    out.found.reason = "records_missing";
    out.found.file = "head.json";
    out.heads.push_back("database");
    return out;
  }
  const auto own = os::read_file(out.folder + "/head.json", kMostHeadBytes);
  TAU_ASSIGN_OR_RETURN(const Trust trust,
                       trust_of(place, home, anchored, own.ok() ? *own : anchored, public_key));
  out.signature = trust.signature;
  std::vector<std::string> heads;
  if (!anchored.empty()) {
    heads.push_back(anchored);
    out.heads.push_back("database");
  }
  if (const std::string kept = tidy(kept_head); !kept.empty()) {
    heads.push_back(kept);
    out.heads.push_back("kept");
  }
  if (heads.empty()) heads.emplace_back();
  for (const std::string& head : heads) {
    TAU_ASSIGN_OR_RETURN(out.found, verify_patiently({.directory = out.folder,
                                                      .anchored_head = head,
                                                      .keys = trust.keys ? &*trust.keys : nullptr}));
    if (!out.found.ok()) break;
  }
  return out;
}

std::string fault_text(const observe::Verification& found) {
  return format("{}:{}: {}", found.file, found.line, found.reason);
}

StatusOr<std::string> verify_audit(std::string_view place, std::string_view kept_head,
                                   std::string_view public_key, std::string* fault) {
  TAU_ASSIGN_OR_RETURN(const AuditFindings report, examine_audit(place, kept_head, public_key));
  const observe::Verification& found = report.found;
  *fault = found.ok() ? std::string() : fault_text(found);
  std::string out;
  json::Writer w(out);
  w.begin_object().field("folder", report.folder).field("ok", found.ok()).field("reason", found.reason);
  w.field("file", found.file).field("line", static_cast<int64_t>(found.line));
  w.field("records", static_cast<int64_t>(found.records))
      .field("first_seq", static_cast<int64_t>(found.first_seq));
  w.field("last_seq", static_cast<int64_t>(found.last_seq)).field("last_hash", found.last_hash);
  w.field("signed_seq", static_cast<int64_t>(found.signed_seq)).field("signature", report.signature);
  w.field("key", found.key_id).key("heads").begin_array();
  for (const std::string_view head : report.heads) w.string(head);
  w.end_array().end_object();
  return out;
}

StatusOr<std::string> read_audit(std::string_view place, std::string_view cursor, uint32_t limit) {
  const std::string folder = audit_place(place);
  if (!observe::is_log(folder)) return no_audit_log(place);
  if (limit > kMostRecords) return Status(Code::kOutOfRange, "bad_limit", "limit should be 1 to 10000, or 0");
  TAU_ASSIGN_OR_RETURN(observe::Tail tail, tail_at(folder, cursor));
  std::vector<std::string> lines;
  TAU_RETURN_IF_ERROR(tail.poll(lines, limit == 0 ? kUsualRecords : limit).status());
  int64_t damaged = 0;
  std::string out;
  json::Writer w(out);
  w.begin_object().key("records").begin_array();
  for (const std::string& line : lines) {
    const auto record = json::parse(line);
    if (record.ok() && record->is_object()) {
      w.raw(line);
    } else {
      ++damaged;
    }
  }
  w.end_array().field("damaged", damaged).field("next", tail.cursor()).end_object();
  return out;
}

StatusOr<std::string> summarise_audit(std::string_view paths_json, std::string_view bytes) {
  observe::Summary summary;
  if (!paths_json.empty()) {
    TAU_ASSIGN_OR_RETURN(const json::Value paths, json::parse(paths_json));
    if (!paths.is_array()) return invalid_argument("wrong_type", "paths should be a JSON array of strings");
    for (const json::Value& path : paths.as_array()) {
      TAU_RETURN_IF_ERROR(check_type(path.is_string(), "paths", "[]", "a string"));
      TAU_RETURN_IF_ERROR(summarise_path(std::string(path.as_string()), summary));
    }
  }
  if (!bytes.empty()) {
    summary.feed(bytes);
    summary.end_file();
  }
  return summary.to_json();
}

StatusOr<std::string> audit_head(std::string_view place) {
  auto head = os::read_file(audit_place(place) + "/head.json", kMostHeadBytes);
  if (head.status().code() == Code::kNotFound) return no_audit_log(place);
  return head;
}

}  // namespace tau::runtime
