// Removing the oldest files: verified first, the cut recorded and signed, then gone.
#include <utility>

#include "observe/writer.h"

namespace tau::observe {
namespace {

// In one go: others wait meanwhile.
constexpr size_t kMostFilesAtOnce = 4;

StatusOr<Line> first_line(int fd, std::string& storage) {
  LineReader reader(fd);
  std::string_view line;
  if (reader.next(line) != LineReader::Got::kLine)
    return data_loss("audit_log_damaged", "a file of the audit log has no record");
  storage = std::string(line);
  Line facts;
  if (const std::string_view why = read_line(storage, facts); !why.empty())
    return data_loss("audit_log_damaged", format("the first record of a file is damaged: {}", why));
  return facts;
}

}  // namespace

// How many files from the first on are to go; the current one stays.
StatusOr<size_t> Writer::count_old(const std::vector<Segment>& segments) const {
  std::vector<uint64_t> sizes;
  uint64_t total = 0;
  for (const Segment& segment : segments) {
    TAU_ASSIGN_OR_RETURN(const os::Fd fd, folder_.open_for_reading(segment.name));
    TAU_ASSIGN_OR_RETURN(const uint64_t size, size_of(fd.get()));
    sizes.push_back(size);
    total += size;
  }
  size_t count = 0;
  while (count < kMostFilesAtOnce && count + 1 < segments.size()) {
    if (sizes[count + 1] == 0) break;
    bool old = options_.keep_bytes != 0 && total > options_.keep_bytes;
    if (!old && options_.keep_ms != 0) {
      // Older than the first record of the next file are all of this one.
      TAU_ASSIGN_OR_RETURN(const os::Fd fd, folder_.open_for_reading(segments[count + 1].name));
      std::string storage;
      TAU_ASSIGN_OR_RETURN(const Line line, first_line(fd.get(), storage));
      old = line.time_ms <= options_.clock->wall_ms() - options_.keep_ms;
    }
    if (!old) break;
    total -= sizes[count++];
  }
  return count;
}

Status Writer::cut_old() {
  if (options_.keep_bytes == 0 && options_.keep_ms == 0) return ok_status();
  TAU_ASSIGN_OR_RETURN(auto segments, folder_.segments());
  TAU_ASSIGN_OR_RETURN(const std::string head_text, folder_.head());
  TAU_ASSIGN_OR_RETURN(const Head head, read_head(head_text, options_.keys));
  // What an earlier cut did not come to.
  while (!segments.empty() && segments[0].first_seq < head.first_seq) {
    TAU_RETURN_IF_ERROR(folder_.remove(segments[0].name));
    segments.erase(segments.begin());
  }
  TAU_ASSIGN_OR_RETURN(const size_t count, count_old(segments));
  if (count == 0) return ok_status();
  Walk walk({{head.first_seq - 1, head.first_prev}});
  for (size_t i = 0; i < count; ++i) {
    TAU_ASSIGN_OR_RETURN(const os::Fd fd, folder_.open_for_reading(segments[i].name));
    TAU_RETURN_IF_ERROR(walk.file(segments[i], fd.get()));
  }
  if (!walk.ok()) return damaged(walk.fault());
  const Segment& kept = segments[count];
  TAU_ASSIGN_OR_RETURN(const os::Fd fd, folder_.open_for_reading(kept.name));
  std::string storage;
  TAU_ASSIGN_OR_RETURN(const Line line, first_line(fd.get(), storage));
  if (const std::string_view why = check_follows(line, walk.last()); !why.empty())
    return damaged({std::string(why), kept.name, 1});
  TAU_RETURN_IF_ERROR(write_own(Record(Kind::kLogCut)
                                    .set(Number::kCount_, static_cast<int64_t>(count))
                                    .set(Number::kFirstSeq, static_cast<int64_t>(kept.first_seq))));
  const Link before = walk.last();
  TAU_RETURN_IF_ERROR(write_head(&before));
  for (size_t i = 0; i < count; ++i) TAU_RETURN_IF_ERROR(folder_.remove(segments[i].name));
  return ok_status();
}

}  // namespace tau::observe
