// The connections of one command as the audit log is told of them: each place and outcome once, as many as a
// record each is worth, and all of them by number. Bounded, whatever the command does. On the run's loop.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "net/net.h"
#include "observe/observe.h"

namespace tau::runtime {

// "host:port"; empty when the request could not be read.
std::string connection_target(const net::ProxyRecord& connection);

class NetworkAudit {
 public:
  static constexpr size_t kMostTold = 64;

  // Whether a connection that was just decided about gets a record: the first of its place and outcome does.
  bool tell(const net::ProxyRecord& connection, std::string_view target);
  // A connection is over.
  void count(const net::ProxyRecord& connection) noexcept;
  // The records that sum up, made from `base`; none where there was no connection.
  template <class Note>
  void sum_up(const observe::Record& base, const Note& note) const {
    using namespace observe;
    if (allowed_ > 0)
      note(Record(base)
               .set(Text::kDecision, "allow")
               .set(Number::kSentBytes, sent_bytes_)
               .set(Number::kReceivedBytes, received_bytes_)
               .set(Number::kCount_, allowed_));
    if (refused_ > 0) note(Record(base).set(Text::kDecision, "deny").set(Number::kCount_, refused_));
    if (untold_ > 0) note(Record(base).set(Text::kReason, "too_many_places").set(Number::kCount_, untold_));
  }

 private:
  std::set<std::string> told_;
  int64_t allowed_ = 0;
  int64_t refused_ = 0;
  int64_t untold_ = 0;  // of both: those whose place has no record
  int64_t sent_bytes_ = 0;
  int64_t received_bytes_ = 0;
};

}  // namespace tau::runtime
