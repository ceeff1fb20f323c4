// Finding the end of a log: when it is opened, and when another process has written to it.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "observe/writer.h"

namespace tau::observe {
namespace {

StatusOr<std::optional<Head>> parse(std::string_view text, const HeadKeys* keys) {
  if (text.empty()) return std::optional<Head>();
  TAU_ASSIGN_OR_RETURN(Head head, read_head(text, keys));
  return std::optional<Head>(std::move(head));
}

}  // namespace

StatusOr<std::unique_ptr<Writer>> Writer::open(const AuditOptions& options) {
  TAU_ASSIGN_OR_RETURN(Folder folder, Folder::make(options.directory));
  std::unique_ptr<Writer> writer(new Writer(options, std::move(folder)));
  TAU_ASSIGN_OR_RETURN(const os::FileLock held, writer->lock());
  TAU_RETURN_IF_ERROR(writer->load());
  return writer;
}

Status Writer::load() {
  TAU_ASSIGN_OR_RETURN(const std::string head_text, folder_.head());
  TAU_ASSIGN_OR_RETURN(const auto head, parse(head_text, options_.keys));
  std::string anchored_text;
  if (options_.anchor != nullptr) { TAU_ASSIGN_OR_RETURN(anchored_text, options_.anchor->load()); }
  TAU_ASSIGN_OR_RETURN(const auto anchored, parse(anchored_text, options_.keys));
  TAU_ASSIGN_OR_RETURN(const auto segments, folder_.segments());
  signed_ns_ = synced_ns_ = options_.clock->monotonic_ns();
  if (segments.empty() && !head && !anchored) return begin(Link(), "");
  if (segments.empty()) {
    if (!options_.replace_lost)
      return data_loss("audit_log_missing", "the files of the audit log are gone, but not its head");
    const bool ahead = anchored && (!head || head->last.seq < anchored->last.seq);
    return begin(ahead ? anchored->last : head->last, "anchored_log_missing");
  }
  if (anchored && (!head || head->last.seq < anchored->last.seq))
    return data_loss("audit_log_rolled_back",
                     format("the audit log goes as far as record {}, the head that was kept elsewhere to {}",
                            head ? head->last.seq : 0, anchored->last.seq));
  return recover(segments, head ? &*head : nullptr, anchored ? &*anchored : nullptr);
}

// The first file of a log that goes on from `before`.
Status Writer::begin(const Link& before, std::string_view reason) {
  link_ = before;
  tail_ = Tail();
  tail_.segment = {before.seq + 1, segment_name(before.seq + 1)};
  TAU_ASSIGN_OR_RETURN(tail_.fd, folder_.open_for_writing(tail_.segment.name));
  TAU_RETURN_IF_ERROR(write_own(Record(Kind::kLogBegun).set(Text::kReason, reason)));
  TAU_RETURN_IF_ERROR(folder_.sync());
  return write_head(&before);
}

Status Writer::recover(const std::vector<Segment>& segments, const Head* head, const Head* anchored) {
  // The first head is written behind the first record: a log without one has no more than that.
  if (head == nullptr && (segments.size() > 1 || segments[0].first_seq != 1))
    return damaged({"head_missing", std::string(kHeadFile), 1});
  if (head != nullptr && segments[0].first_seq > head->first_seq)
    return damaged({"records_missing", segments[0].name, 0});
  std::vector<Link> known = {Link()};
  size_t from = 0;
  if (head != nullptr) {
    known.insert(known.end(), {{head->first_seq - 1, head->first_prev}, head->last});
    while (from + 1 < segments.size() && segments[from + 1].first_seq <= head->last.seq) ++from;
  }
  if (anchored != nullptr) known.push_back(anchored->last);
  Walk walk(std::move(known));
  for (size_t i = from; i < segments.size() && walk.ok(); ++i) {
    TAU_ASSIGN_OR_RETURN(const os::Fd fd, folder_.open_for_reading(segments[i].name));
    TAU_RETURN_IF_ERROR(walk.file(segments[i], fd.get()));
  }
  const Segment& last = segments.back();
  const bool torn = walk.fault().reason == "torn_line" && walk.fault().file == last.name;
  if (torn) walk.forgive();
  walk.finish();
  if (!walk.ok()) return damaged(walk.fault());
  if (head == nullptr && walk.records() > 1) return damaged({"head_missing", std::string(kHeadFile), 1});
  TAU_RETURN_IF_ERROR(adopt(last, walk, head == nullptr ? 0 : head->last.seq, torn));
  if (head != nullptr) return ok_status();
  const Link nothing;
  if (walk.records() == 0) TAU_RETURN_IF_ERROR(write_own(Record(Kind::kLogBegun)));
  return write_head(&nothing);
}

// The last file becomes the one that is written to.
Status Writer::adopt(const Segment& segment, const Walk& walk, uint64_t signed_seq, bool torn) {
  Tail tail;
  tail.segment = segment;
  TAU_ASSIGN_OR_RETURN(tail.fd, folder_.open_for_writing(segment.name));
  TAU_ASSIGN_OR_RETURN(const uint64_t size, size_of(tail.fd.get()));
  tail.size = walk.good_bytes();
  tail.began_ms = walk.first_time_ms();
  tail_ = std::move(tail);
  link_ = walk.last();
  stats_.last_seq = link_.seq;
  // Who wrote last may not have come to it.
  unsigned_records_ = link_.seq - signed_seq;
  unsynced_ = unsigned_records_ != 0;
  return torn ? cut_torn(walk.good_bytes(), size) : ok_status();
}

// A line that was cut off in the middle: its writer died, or the machine lost power.
Status Writer::cut_torn(uint64_t good_bytes, uint64_t file_bytes) {
  if (::ftruncate(tail_.fd.get(), static_cast<off_t>(good_bytes)) != 0)
    return errno_status(errno, "cannot cut off the torn end of the audit log");
  tail_.size = good_bytes;
  const uint64_t cut = file_bytes - good_bytes;
  stats_.repaired_bytes += cut;
  TAU_RETURN_IF_ERROR(write_own(Record(Kind::kLogRepaired)
                                    .set(Text::kReason, "torn_line")
                                    .set(Number::kCount_, static_cast<int64_t>(cut))));
  return sync();
}

// What other processes have written since.
Status Writer::catch_up() {
  for (;;) {
    struct stat st;
    if (::fstat(tail_.fd.get(), &st) != 0) return errno_status(errno, "cannot stat the audit log");
    if (st.st_nlink == 0) return load();  // removed as old while this object slept
    const auto size = static_cast<uint64_t>(st.st_size);
    if (size < tail_.size) return damaged({"records_missing", tail_.segment.name, 0});
    if (size > tail_.size) TAU_RETURN_IF_ERROR(read_news());
    Segment next = {link_.seq + 1, segment_name(link_.seq + 1)};
    if (next.name == tail_.segment.name || !folder_.exists(next.name)) return ok_status();
    Tail tail;
    tail.segment = std::move(next);
    TAU_ASSIGN_OR_RETURN(tail.fd, folder_.open_for_writing(tail.segment.name));
    tail_ = std::move(tail);
  }
}

Status Writer::read_news() {
  LineReader reader(tail_.fd.get(), tail_.size);
  std::string_view line;
  for (;;) {
    const LineReader::Got got = reader.next(line);
    if (got == LineReader::Got::kFailed) return reader.status();
    if (got == LineReader::Got::kTooLong) return damaged({"line_too_long", tail_.segment.name, 0});
    if (got == LineReader::Got::kEnd) return ok_status();
    if (got == LineReader::Got::kTorn) return cut_torn(tail_.size, tail_.size + line.size());
    Line facts;
    std::string_view why = read_line(line, facts);
    if (why.empty()) why = check_follows(facts, link_);
    if (!why.empty()) return damaged({std::string(why), tail_.segment.name, 0});
    if (tail_.size == 0) tail_.began_ms = facts.time_ms;
    link_ = {facts.seq, std::string(facts.hash)};
    tail_.size = reader.offset();
    stats_.last_seq = link_.seq;
    unsynced_ = true;
    ++unsigned_records_;
  }
}

}  // namespace tau::observe
