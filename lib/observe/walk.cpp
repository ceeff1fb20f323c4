#include "observe/walk.h"

#include <algorithm>

namespace tau::observe {

bool Walk::fail(std::string_view reason, uint64_t line) {
  fault_ = {std::string(reason), name_, line};
  return false;
}

bool Walk::agrees(const Link& link) const {
  return std::all_of(known_.begin(), known_.end(),
                     [&link](const Link& known) { return known.seq != link.seq || known.hash == link.hash; });
}

bool Walk::begin(const Segment& segment) {
  if (empty_) return fail("empty_file", 0);  // with the name of the file before
  name_ = segment.name;
  good_bytes_ = lines_ = 0;
  first_time_ms_ = 0;
  if (!begun_) {
    begun_ = true;
    link_.seq = segment.first_seq - 1;
    for (const Link& known : known_) {
      if (known.seq == link_.seq) {
        link_ = known;
        linked_ = true;
      }
    }
    return agrees(link_) || !linked_ || fail("head_mismatch", 0);
  }
  if (segment.first_seq == link_.seq + 1) return true;
  return fail(segment.first_seq > link_.seq + 1 ? "records_missing" : "bad_sequence", 0);
}

bool Walk::pass(std::string_view line, uint64_t number) {
  Line facts;
  if (const std::string_view why = read_line(line, facts); !why.empty()) return fail(why, number);
  if (!linked_) {  // a chain that begins in the middle: what came before is not known
    link_.hash = std::string(facts.prev);
    linked_ = true;
  }
  if (const std::string_view why = check_follows(facts, link_); !why.empty()) return fail(why, number);
  link_ = {facts.seq, std::string(facts.hash)};
  if (!agrees(link_)) return fail("head_mismatch", number);
  if (number == 1) first_time_ms_ = facts.time_ms;
  ++records_;
  return true;
}

Status Walk::file(const Segment& segment, int fd, uint64_t end) {
  if (!ok() || !begin(segment)) return ok_status();
  LineReader reader(fd, 0, end);
  std::string_view line;
  for (;;) {
    switch (reader.next(line)) {
      case LineReader::Got::kLine:
        if (!pass(line, ++lines_)) return ok_status();
        good_bytes_ = reader.offset();
        continue;
      case LineReader::Got::kTorn: fail("torn_line", lines_ + 1); return ok_status();
      case LineReader::Got::kTooLong: fail("line_too_long", lines_ + 1); return ok_status();
      case LineReader::Got::kFailed: return reader.status();
      case LineReader::Got::kEnd: empty_ = lines_ == 0; return ok_status();
    }
  }
}

void Walk::finish() {
  if (!ok()) return;
  const bool missing = !begun_ || std::any_of(known_.begin(), known_.end(),
                                              [this](const Link& known) { return known.seq > link_.seq; });
  if (missing) fail("records_missing", lines_ + 1);
}

}  // namespace tau::observe
