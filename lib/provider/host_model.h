// Models that the program itself supplies: a call goes out as a document, and its answer comes back as bytes,
// on any thread. Exported by provider.h.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "provider/provider.h"

namespace tau::provider {

// One call, as the program is shown it. Immutable.
struct HostCall {
  std::string call_id;      // of this try alone
  SharedString request_id;  // the same over tries and after a crash
  SharedString run_id;
  SharedString session_id;
  std::string model;               // "provider/model"
  std::string request;             // neutral JSON, or the body of a request in the dialect
  std::string path;                // where such a body goes, behind a base URL; empty: the request is neutral
  std::vector<wire::Media> blobs;  // that the neutral request names
  int64_t timeout_ms = 0;          // 0: none
};

// The way back of one call, shared by its loop and the program.
class HostReply {
 public:
  static constexpr size_t kRoom = 256u << 10;      // bytes that may wait for the loop
  static constexpr size_t kMostBytes = 64u << 20;  // of an answer

  enum class Fed : uint8_t { kTaken, kFull, kOver, kTooLarge };

  // `ready` is posted to the loop when there is something to take.
  HostReply(net::Loop& loop, std::function<void()> ready);

  // Any thread. All or nothing; a piece larger than the room is taken when nothing waits. Waits for room at
  // most timeout_ms (-1: no limit), not on the loop's own thread. kOver: nobody wants it any more.
  Fed feed(std::string_view bytes, int timeout_ms);
  // Any thread, once: nothing more comes. OK: dropped, or all was said.
  void end(Status why);
  bool over() const;

  // The loop's. What was fed so far; true once the end was told.
  bool take(std::string& bytes, Status& why);
  void close() noexcept;

 private:
  void tell(std::unique_lock<std::mutex>& lock);

  net::Loop& loop_;  // is not touched once over_
  const net::Owner owner_ = net::OwnerScope::current();
  const std::function<void()> ready_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::string inbox_;
  size_t total_ = 0;
  bool told_ = false;   // a task is on its way
  bool ended_ = false;  // by the program
  bool over_ = false;   // for the loop
  Status why_;
};

// The calls of one run that its events are to answer, by their ids. Any thread.
class HostReplies {
 public:
  void add(const std::string& call_id, std::shared_ptr<HostReply> reply);
  std::shared_ptr<HostReply> find(const std::string& call_id) const;  // null: none of that id
  void remove(const std::string& call_id);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<HostReply>> open_;
};

// Shows a call to who reads the events of its run. On the loop.
class HostModelPort {
 public:
  virtual ~HostModelPort() = default;
  virtual void model_called(const HostCall& call, std::shared_ptr<HostReply> reply) = 0;
  // Its answer is complete, or not wanted any more.
  virtual void model_call_over(const HostCall& call, bool answered) = 0;
};

// How calls of one model reach the program. On the loops; never blocks.
class HostModel {
 public:
  virtual ~HostModel() = default;
  virtual void call(std::shared_ptr<const HostCall> call, std::shared_ptr<HostReply> reply,
                    HostModelPort* port) = 0;
  // `answered`: the program has said all. Else it may stop: nobody wants it any more.
  virtual void over(const HostCall& call, HostModelPort* port, bool answered) = 0;

  const wire::Dialect* dialect = nullptr;  // null: neutral events
  wire::Quirks quirks;
  bool stream = true;       // false: the answer is one response document
  bool needs_blobs = true;  // media go beside the request
};

// One try per call, as for an upstream of a route.
std::unique_ptr<Model> make_host_model(Route route, net::Loop& loop);

}  // namespace tau::provider
