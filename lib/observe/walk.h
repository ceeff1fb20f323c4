// Walk: follows a chain through the files of a log and stops at the first fault.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "observe/chain.h"
#include "observe/folder.h"

namespace tau::observe {

// Where and why; `reason` empty: nothing is wrong. `line` counts from 1; 0: the file as a whole.
struct Fault {
  std::string reason;
  std::string file;
  uint64_t line = 0;
};

class Walk {
 public:
  // `known`: links that the chain has to have where it passes them.
  explicit Walk(std::vector<Link> known) : known_(std::move(known)) {}

  // The next file, up to `end`. Fails when it cannot be read; what is wrong with it is in fault().
  Status file(const Segment& segment, int fd, uint64_t end = UINT64_MAX);
  // After the last file: faults when a known link was not reached.
  void finish();

  // A line that was cut off at the end of the last file is no fault.
  void forgive() { fault_ = Fault(); }

  const Fault& fault() const { return fault_; }
  bool ok() const { return fault_.reason.empty(); }
  const Link& last() const { return link_; }
  uint64_t records() const { return records_; }
  // Of the file walked last: where its good lines end, and the time in its first one (0: it has none).
  uint64_t good_bytes() const { return good_bytes_; }
  int64_t first_time_ms() const { return first_time_ms_; }
  const std::string& name() const { return name_; }

 private:
  bool begin(const Segment& segment);
  bool pass(std::string_view line, uint64_t number);
  bool agrees(const Link& link) const;
  bool fail(std::string_view reason, uint64_t line);

  const std::vector<Link> known_;
  Fault fault_;
  bool begun_ = false;   // some file was walked
  bool linked_ = false;  // link_ is the record before the next
  bool empty_ = false;   // the file before had no record
  Link link_;
  uint64_t records_ = 0;
  uint64_t good_bytes_ = 0;
  int64_t first_time_ms_ = 0;
  uint64_t lines_ = 0;
  std::string name_;
};

}  // namespace tau::observe
