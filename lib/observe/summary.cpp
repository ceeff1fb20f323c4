#include "observe/summary.h"

#include <utility>

#include "json/json.h"
#include "observe/folder.h"
#include "observe/summary_record.h"

namespace tau::observe {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr size_t kPieceBytes = 256 * 1024;

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

void write_count(json::Writer& out, std::string_view name, uint64_t count) {
  out.key(name).raw(std::to_string(count));
}

void write_latency(json::Writer& out, const Latency& latency) {
  out.key("duration_ms").begin_object();
  write_count(out, "count", latency.count());
  write_count(out, "sum", latency.sum());
  write_count(out, "least", latency.least());
  write_count(out, "p50", latency.percentile(50));
  write_count(out, "p95", latency.percentile(95));
  write_count(out, "p99", latency.percentile(99));
  write_count(out, "most", latency.most());
  out.end_object();
}

void write_row(json::Writer& out, const ToolRow& row) {
  write_count(out, "calls", row.calls);
  write_count(out, "errors", row.errors);
  write_count(out, "throttled", row.throttled);
  write_count(out, "cancelled", row.cancelled);
  write_count(out, "allowed", row.allowed);
  write_count(out, "asked", row.asked);
  write_count(out, "denied", row.denied);
  write_latency(out, row.duration_ms);
}

void write_row(json::Writer& out, const ProviderRow& row) {
  write_count(out, "requests", row.requests);
  write_count(out, "errors", row.errors);
  write_count(out, "throttled", row.throttled);
  write_count(out, "cancelled", row.cancelled);
  write_count(out, "input_tokens", row.input_tokens);
  write_count(out, "output_tokens", row.output_tokens);
  write_count(out, "total_tokens", row.total_tokens);
  write_count(out, "cost_usd_micros", row.cost_usd_micros);
  write_latency(out, row.duration_ms);
}

template <class Row>
void write_rows(json::Writer& out, std::string_view name,
                const std::map<std::string, Row, std::less<>>& rows) {
  out.key(name).begin_object();
  for (const auto& [key, row] : rows) {
    out.key(key).begin_object();
    write_row(out, row);
    out.end_object();
  }
  out.end_object();
}

void write_counts(json::Writer& out, std::string_view name,
                  const std::map<std::string, uint64_t, std::less<>>& counts) {
  out.key(name).begin_object();
  for (const auto& [key, count] : counts) write_count(out, key, count);
  out.end_object();
}

Status feed_all(int fd, Summary& summary) {
  std::string piece(kPieceBytes, '\0');
  for (uint64_t offset = 0;;) {
    TAU_ASSIGN_OR_RETURN(const size_t got, read_at(fd, offset, piece));
    summary.feed(std::string_view(piece).substr(0, got));
    offset += got;
    if (got < piece.size()) break;
  }
  summary.end_file();
  return ok_status();
}

}  // namespace

void Summary::feed(std::string_view bytes) {
  for (size_t at = bytes.find('\n'); at != bytes.npos; at = bytes.find('\n')) {
    take(bytes.substr(0, at), true);
    bytes.remove_prefix(at + 1);
  }
  if (!bytes.empty()) take(bytes, false);
}

// A piece of a line; `ended`: its last one.
void Summary::take(std::string_view piece, bool ended) {
  if (pending_.size() + piece.size() > kMostSummaryLineBytes) {
    too_long_ = true;
    pending_.clear();
  }
  if (!too_long_ && (!ended || !pending_.empty())) pending_ += piece;
  if (!ended) return;
  ++line_number_;
  line(pending_.empty() ? piece : std::string_view(pending_), true);
  pending_.clear();
}

void Summary::end_file() {
  if (!pending_.empty() || too_long_) {
    ++line_number_;
    line(pending_, false);
    pending_.clear();
  }
  at_start_ = true;
}

void Summary::line(std::string_view text, bool ended) {
  const bool too_long = std::exchange(too_long_, false);
  if (std::exchange(at_start_, false) && text.starts_with(kByteOrderMark))
    text.remove_prefix(kByteOrderMark.size());
  text = trimmed(text);
  if (text.empty() && !too_long) return;
  ++report_.lines;
  if (!too_long) {
    const auto value = json::parse(text);
    if (value.ok() && value->is_object()) return add_record(*value, report_);
  }
  if (!ended) {
    ++report_.torn;
    return;
  }
  ++report_.malformed;
  if (report_.bad_lines.size() < kMostBadLines) report_.bad_lines.push_back(line_number_);
}

std::string Summary::to_json() const {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  write_count(out, "lines", report_.lines);
  write_count(out, "records", report_.records);
  write_count(out, "newer", report_.newer);
  write_count(out, "unknown", report_.unknown);
  write_count(out, "malformed", report_.malformed);
  write_count(out, "torn", report_.torn);
  out.key("bad_lines").begin_array();
  for (const uint64_t number : report_.bad_lines) out.raw(std::to_string(number));
  out.end_array();
  write_counts(out, "kinds", report_.kinds);
  write_rows(out, "tools", report_.tools);
  write_rows(out, "providers", report_.providers);
  write_counts(out, "reasons", report_.reasons);
  out.key("connections").begin_object();
  write_count(out, "allowed", report_.connections_allowed);
  write_count(out, "denied", report_.connections_denied);
  write_count(out, "sent_bytes", report_.sent_bytes);
  write_count(out, "received_bytes", report_.received_bytes);
  out.end_object();
  out.key("lifecycle").begin_object();
  write_count(out, "compliant", report_.lifecycle_compliant);
  write_count(out, "other", report_.lifecycle_other);
  out.end_object();
  write_count(out, "first_seq", report_.first_seq);
  write_count(out, "last_seq", report_.last_seq);
  write_count(out, "lost", report_.lost);
  out.end_object();
  return text;
}

Status summarise_file(const std::string& path, Summary& summary) {
  const size_t slash = path.rfind('/');
  const std::string parent = slash == path.npos ? "." : path.substr(0, slash + 1);
  TAU_ASSIGN_OR_RETURN(const auto files, os::Workspace::open(parent));
  TAU_ASSIGN_OR_RETURN(const os::Fd fd, files->open_file(slash == path.npos ? path : path.substr(slash + 1)));
  return feed_all(fd.get(), summary);
}

Status summarise_log(const std::string& directory, Summary& summary) {
  TAU_ASSIGN_OR_RETURN(const Folder folder, Folder::open(directory));
  TAU_ASSIGN_OR_RETURN(const auto segments, folder.segments());
  for (const Segment& segment : segments) {
    auto fd = folder.open_for_reading(segment.name);
    if (!fd.ok() && fd.status().reason() == "file_not_found") continue;  // cut since
    if (!fd.ok()) return fd.status();
    TAU_RETURN_IF_ERROR(feed_all(fd->get(), summary));
  }
  return ok_status();
}

}  // namespace tau::observe
