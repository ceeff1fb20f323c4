// Automatic recall: what is remembered and may matter to a prompt goes before it. A worker looks for it while
// the run waits, so that neither who starts a run nor its loop waits for a model of embeddings.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "agent/agent.h"
#include "base/base.h"
#include "net/net.h"
#include "runtime/config.h"
#include "wire/wire.h"

namespace tau::runtime {

class Core;
class Memory;
class Runtime;

// Of one run. Where finding fails, which is logged, nothing is recalled: a run goes on without.
class Recall final : public std::enable_shared_from_this<Recall> {
 public:
  struct Asked {
    std::weak_ptr<Runtime> runtime;
    MemoryConfig config;
    SharedString session;
    SharedString run;
    SharedString principal;
    std::string query;
  };
  // Null where the configuration asks for none, and for a message without a text.
  static std::shared_ptr<Recall> of(Asked asked, const wire::Message& message);
  explicit Recall(Asked asked) : asked_(std::move(asked)) {}

  // On the loop of the run, all that follow. `done` is called once, from the loop, unless drop() comes
  // before. It waits memory.recall_wait_ms, at most `most_ms` (0: no limit), for a vector; then words alone
  // count.
  using Done = UniqueFunction<void(std::optional<agent::Recalled>)>;
  void start(Core& core, net::EventLoop& loop, int64_t most_ms, Done done);
  // With what there is by now.
  void hurry();
  void drop() noexcept;
  int64_t waited_ms() const;

 private:
  struct Found {
    std::optional<agent::Recalled> recalled;
    int64_t count = 0;
  };
  enum class How : uint8_t { kAll, kWords, kWordsSinceSlow };

  void look();
  StatusOr<Found> find(const std::shared_ptr<Runtime>& runtime, How how) const;
  template <class Use>
  auto with_memory(const std::shared_ptr<Runtime>& runtime, const Use& use) const
      -> decltype(use(std::declval<Memory&>()));
  void wake_in(int64_t ms);
  void late();
  void finish(StatusOr<Found> found);

  const Asked asked_;
  net::EventLoop* loop_ = nullptr;
  net::TimerId timer_ = 0;
  int64_t began_ns_ = 0;
  int64_t wait_ms_ = 0;  // for a vector
  int64_t most_ms_ = 0;  // in all
  Done done_;

  std::shared_ptr<net::EventLoop::Poster> poster_;
  std::atomic<bool> wanted_{true};
  std::atomic<bool> begun_{false};           // by a worker
  std::mutex mutex_;                         // of what follows
  std::optional<StatusOr<Found>> by_words_;  // until there is a vector
  std::optional<StatusOr<Found>> found_;
};

}  // namespace tau::runtime
