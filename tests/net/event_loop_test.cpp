// Pins the event loop: order, readiness of its fd, timers, threads, and handlers that change what is watched.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <rapidcheck/gtest.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "net/net.h"
#include "net/timer_heap.h"
#include "support/fake_clock.h"

namespace tau::net {
namespace {

bool readable(int fd) {
  pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, 0) == 1;
}

struct Pipe {
  Pipe() { EXPECT_EQ(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0); }
  ~Pipe() {
    for (int fd : fds) {
      if (fd >= 0) close(fd);
    }
  }
  void fill() { EXPECT_EQ(write(fds[1], "x", 1), 1); }
  void drain() {
    char c;
    EXPECT_EQ(read(fds[0], &c, 1), 1);
  }
  int in() const { return fds[0]; }
  int fds[2] = {-1, -1};
};

class EventLoopTest : public testing::Test {
 protected:
  int process(int timeout_ms = 0) {
    StatusOr<int> ran = loop->process(timeout_ms);
    EXPECT_TRUE(ran.ok()) << ran.status().to_string();
    return ran.ok() ? *ran : -1;
  }
  test::FakeClock clock;
  std::unique_ptr<EventLoop> loop = *EventLoop::create(clock);
  std::string log;
};

TEST_F(EventLoopTest, TasksRunInOrderAndTheFdTellsWhetherSomeWait) {
  EXPECT_FALSE(readable(loop->fd()));
  for (char c : {'a', 'b', 'c'}) loop->post([this, c] { log += c; });
  EXPECT_TRUE(readable(loop->fd()));
  EXPECT_EQ(process(), 3);
  EXPECT_EQ(log, "abc");
  EXPECT_FALSE(readable(loop->fd()));
  EXPECT_EQ(process(), 0);
}

TEST_F(EventLoopTest, TasksPostedByTasksRunAfterThoseThatWait) {
  loop->post([this] {
    log += 'a';
    loop->post([this] { log += 'c'; });
  });
  loop->post([this] { log += 'b'; });
  EXPECT_EQ(process(), 3);
  EXPECT_EQ(log, "abc");
}

TEST_F(EventLoopTest, ATaskThatPostsItselfDoesNotStarveDescriptorsNorTimers) {
  Pipe pipe;
  pipe.fill();
  bool stop = false;
  bool timer_ran = false;
  UniqueFunction<void()> spin = [&] {
    if (!stop) loop->post([&] { spin(); });
  };
  loop->post([&] { spin(); });
  process();
  EXPECT_TRUE(readable(loop->fd())) << "work is left, so the host must come back";
  ASSERT_TRUE(loop->watch(pipe.in(), EPOLLIN,
                          [&](uint32_t) {
                            pipe.drain();
                            log += 'r';
                          })
                  .ok());
  loop->set_timer(clock.monotonic_ns(), [&] { timer_ran = true; });
  process();
  EXPECT_EQ(log, "r");
  EXPECT_TRUE(timer_ran);
  stop = true;
  process();
  EXPECT_EQ(process(), 0);
  EXPECT_FALSE(readable(loop->fd()));
}

TEST_F(EventLoopTest, WorkThatFailsForLackOfMemoryIsToldOfItsOwnerAndTheLoopGoesOn) {
  std::vector<Owner> failed;
  loop->on_out_of_memory([&](Owner owner) {
    EXPECT_EQ(OwnerScope::current(), owner);
    failed.push_back(owner);
  });
  {
    const OwnerScope scope(7);
    loop->post([this] {  // what it posts and sets belongs to 7, too
      loop->post([] { throw std::bad_alloc(); });
      loop->set_timer(loop->now_ns() + 1, [] { throw std::bad_alloc(); });
    });
  }
  loop->post([this] { log += 'b'; });
  process();
  EXPECT_EQ(log, "b");
  EXPECT_EQ(failed, (std::vector<Owner>{7}));
  clock.advance_ms(1);
  process();
  EXPECT_EQ(failed, (std::vector<Owner>{7, 7}));
  EXPECT_EQ(OwnerScope::current(), 0u);
}

TEST_F(EventLoopTest, OtherThreadsTellOfWorkThatFailedForLackOfMemory) {
  std::vector<Owner> failed;
  loop->on_out_of_memory([&](Owner owner) { failed.push_back(owner); });
  loop->expect_owners(2);
  std::thread([this] {
    for (const Owner owner : {3, 4, 3}) loop->out_of_memory(owner);
  }).join();
  EXPECT_TRUE(readable(loop->fd()));
  process();
  std::sort(failed.begin(), failed.end());
  EXPECT_EQ(failed, (std::vector<Owner>{3, 4}));  // each once
  process();
  EXPECT_EQ(failed.size(), 2u);
}

TEST_F(EventLoopTest, TimersFireByDeadlineThenByOrderOfSettingAndNeverEarly) {
  const int64_t t = clock.monotonic_ns();
  loop->set_timer(t + 20, [this] { log += 'c'; });
  loop->set_timer(t + 10, [this] { log += 'a'; });
  loop->set_timer(t + 10, [this] { log += 'b'; });
  const TimerId dead = loop->set_timer(t + 15, [this] { log += 'x'; });
  loop->cancel_timer(dead);
  loop->cancel_timer(dead);
  loop->cancel_timer(0);
  clock.advance_ns(9);
  EXPECT_EQ(process(), 0);
  clock.advance_ns(1);
  EXPECT_EQ(process(), 2);
  EXPECT_EQ(log, "ab");
  clock.advance_ns(100);
  EXPECT_EQ(process(), 1);
  EXPECT_EQ(log, "abc");
}

TEST_F(EventLoopTest, ATimerSetInThePastByATimerRunsInTheNextTurn) {
  loop->set_timer(0, [this] {
    log += 'a';
    loop->set_timer(0, [this] { log += 'b'; });
  });
  EXPECT_EQ(process(), 1);
  EXPECT_EQ(log, "a");
  EXPECT_EQ(process(-1), 1) << "the timerfd ends the wait";
  EXPECT_EQ(log, "ab");
}

TEST_F(EventLoopTest, TheFdBecomesReadableForATimerAndTheWaitEndsWithIt) {
  auto real = *EventLoop::create(system_clock());
  bool fired = false;
  real->set_timer(real->now_ns() + 2 * kNanosPerMilli, [&] { fired = true; });
  pollfd p = {real->fd(), POLLIN, 0};
  ASSERT_EQ(poll(&p, 1, 10'000), 1);
  ASSERT_EQ(*real->process(0), 1);
  EXPECT_TRUE(fired);
  EXPECT_FALSE(readable(real->fd()));
  fired = false;
  const int64_t deadline = real->now_ns() + kNanosPerMilli;
  real->set_timer(deadline, [&] { fired = true; });
  while (!fired) ASSERT_TRUE(real->process(-1).ok());
  EXPECT_GE(system_clock().monotonic_ns(), deadline);
}

TEST_F(EventLoopTest, ACancelledTimerLeavesTheFdQuiet) {
  auto real = *EventLoop::create(system_clock());
  const TimerId id = real->set_timer(0, [] { FAIL(); });
  real->cancel_timer(id);
  EXPECT_FALSE(readable(real->fd()));
  EXPECT_EQ(*real->process(0), 0);
}

TEST_F(EventLoopTest, TimeStandsStillDuringATurnAndMovesBetweenTurns) {
  int64_t first = 0;
  int64_t second = 0;
  loop->post([&] {
    first = loop->now_ns();
    clock.advance_ms(5);
    second = loop->now_ns();
  });
  process();
  EXPECT_EQ(first, second);
  EXPECT_EQ(loop->now_ns(), first + 5 * kNanosPerMilli);
}

TEST_F(EventLoopTest, AHandlerMayUnwatchAndCloseAnotherReadyDescriptor) {
  Pipe a;
  Pipe b;
  a.fill();
  b.fill();
  int ran = 0;
  auto watch_pair = [&](Pipe& self, Pipe& other) {
    ASSERT_TRUE(loop->watch(self.in(), EPOLLIN,
                            [&](uint32_t) {
                              ++ran;
                              loop->unwatch(other.in());
                              close(std::exchange(other.fds[0], -1));
                            })
                    .ok());
  };
  watch_pair(a, b);
  watch_pair(b, a);
  process();
  EXPECT_EQ(ran, 1) << "the second event was stale";
}

TEST_F(EventLoopTest, AnEventOfAClosedDescriptorDoesNotReachItsSuccessor) {
  Pipe a;
  Pipe b;
  a.fill();
  b.fill();
  int successor_ran = 0;
  int ran = 0;
  auto replace = [&](Pipe& victim) {
    const int number = victim.in();
    loop->unwatch(number);
    close(std::exchange(victim.fds[0], -1));
    Pipe fresh;  // nothing to read
    ASSERT_EQ(dup2(fresh.in(), number), number);
    victim.fds[0] = number;
    ASSERT_TRUE(loop->watch(number, EPOLLIN, [&](uint32_t) { ++successor_ran; }).ok());
    std::swap(fresh.fds[1], victim.fds[1]);
  };
  ASSERT_TRUE(loop->watch(a.in(), EPOLLIN, [&](uint32_t) { ++ran, replace(b), loop->unwatch(a.in()); }).ok());
  ASSERT_TRUE(loop->watch(b.in(), EPOLLIN, [&](uint32_t) { ++ran, replace(a), loop->unwatch(b.in()); }).ok());
  process();
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(successor_ran, 0);
}

TEST_F(EventLoopTest, AHandlerMayUnwatchAndRewatchItself) {
  Pipe pipe;
  pipe.fill();
  std::string owned = "still here";
  ASSERT_TRUE(loop->watch(pipe.in(), EPOLLIN,
                          [&, owned](uint32_t) {
                            loop->unwatch(pipe.in());
                            EXPECT_TRUE(loop->watch(pipe.in(), EPOLLIN, [&](uint32_t) { log += '2'; }).ok());
                            log += owned;  // the running handler outlives its own removal
                          })
                  .ok());
  process();
  EXPECT_EQ(log, "still here");
  process();
  EXPECT_EQ(log, "still here2");
}

TEST_F(EventLoopTest, RewatchChangesTheEventsAndMisuseIsAnError) {
  Pipe pipe;
  pipe.fill();
  ASSERT_TRUE(loop->watch(pipe.in(), EPOLLIN, [&](uint32_t) { log += 'r'; }).ok());
  EXPECT_EQ(loop->watch(pipe.in(), EPOLLIN, [](uint32_t) {}).reason(), "already_watched");
  ASSERT_TRUE(loop->rewatch(pipe.in(), 0).ok());
  EXPECT_EQ(process(), 0);
  ASSERT_TRUE(loop->rewatch(pipe.in(), EPOLLIN).ok());
  EXPECT_EQ(process(), 1);
  loop->unwatch(pipe.in());
  loop->unwatch(pipe.in());
  EXPECT_EQ(loop->rewatch(pipe.in(), EPOLLIN).reason(), "not_watched");
  EXPECT_FALSE(loop->watch(-1, EPOLLIN, [](uint32_t) {}).ok());
  EXPECT_FALSE(loop->watch(100'000, EPOLLIN, [](uint32_t) {}).ok());
}

TEST_F(EventLoopTest, ProcessInsideItselfIsRefused) {
  loop->post([&] { EXPECT_EQ(loop->process(0).status().reason(), "loop_busy"); });
  EXPECT_EQ(process(), 1);
}

TEST_F(EventLoopTest, WakeEndsAWaitAndWorksInASignalHandler) {
  static EventLoop* woken = nullptr;
  woken = loop.get();
  struct sigaction action = {};
  struct sigaction before = {};
  action.sa_handler = [](int) { woken->wake(); };
  ASSERT_EQ(sigaction(SIGUSR1, &action, &before), 0);
  ASSERT_EQ(raise(SIGUSR1), 0);
  EXPECT_TRUE(readable(loop->fd()));
  EXPECT_EQ(process(-1), 0);
  EXPECT_FALSE(readable(loop->fd()));
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_F(EventLoopTest, PostsOfManyThreadsAllRunOnTheOwnerEachThreadInOrder) {
  constexpr int kThreads = 4;
  constexpr int kPosts = 5000;
  std::vector<int> last(kThreads, -1);
  int ran = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kPosts; ++i) {
        loop->post([&, t, i] {
          EXPECT_TRUE(loop->on_owner_thread());
          EXPECT_EQ(last[static_cast<size_t>(t)], i - 1);
          last[static_cast<size_t>(t)] = i;
          ++ran;
        });
      }
    });
  }
  while (ran < kThreads * kPosts) process(-1);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ran, kThreads * kPosts);
}

TEST_F(EventLoopTest, TheThreadThatCallsProcessBecomesTheOwner) {
  EXPECT_TRUE(loop->on_owner_thread());
  std::thread other([&] {
    EXPECT_FALSE(loop->on_owner_thread());
    loop->post([&] { log += 'x'; });
    EXPECT_EQ(process(-1), 1);
    EXPECT_TRUE(loop->on_owner_thread());
  });
  other.join();
  EXPECT_EQ(log, "x");
  EXPECT_FALSE(loop->on_owner_thread());
}

TEST_F(EventLoopTest, PostsAfterTheLoopEndedAreDestroyedUnrun) {
  auto counter = std::make_shared<int>(0);
  std::shared_ptr<EventLoop::Poster> poster = loop->poster();
  EXPECT_TRUE(poster->post([counter] { ++*counter; }));
  process();
  EXPECT_EQ(*counter, 1);
  EXPECT_TRUE(poster->post([counter] { ++*counter; }));
  loop->post([counter] { ++*counter; });
  loop->set_timer(0, [counter] { ++*counter; });
  loop = nullptr;
  std::thread late([&] { EXPECT_FALSE(poster->post([counter] { ++*counter; })); });
  late.join();
  EXPECT_EQ(*counter, 1);
  EXPECT_EQ(counter.use_count(), 1) << "no task is left alive";
}

TEST_F(EventLoopTest, WhatATaskOwnsMayPostWhenTheLoopEnds) {
  struct PostsWhenItDies {
    explicit PostsWhenItDies(EventLoop* l) : loop(l) {}
    ~PostsWhenItDies() {
      loop->post([] {});
      loop->set_timer(0, [] {});
    }
    EventLoop* loop;
  };
  loop->post([keep = std::make_unique<PostsWhenItDies>(loop.get())] {});
  loop->set_timer(0, [keep = std::make_unique<PostsWhenItDies>(loop.get())] {});
  loop = nullptr;
}

// Against a sorted map: any mix of setting, cancelling and popping gives the same order.
RC_GTEST_PROP(TimerHeapProperty, BehavesLikeASortedMap, ()) {
  TimerHeap heap;
  std::map<std::pair<int64_t, uint64_t>, int> model;
  std::vector<std::pair<TimerId, std::pair<int64_t, uint64_t>>> ids;
  int fired = -1;
  const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 4), rc::gen::inRange(0, 50)));
  int serial = 0;
  for (const auto& [action, value] : steps) {
    if (action <= 1) {
      const int name = serial++;
      const std::pair<int64_t, uint64_t> key{value, heap.next_sequence()};
      ids.emplace_back(heap.set(value, [&fired, name] { fired = name; }), key);
      model[key] = name;
    } else if (action == 2 && !ids.empty()) {
      const auto& [id, key] = ids[static_cast<size_t>(value) % ids.size()];  // may be stale
      heap.cancel(id);
      model.erase(key);
    } else if (Task task = heap.pop_due(value, heap.next_sequence())) {
      task();
      RC_ASSERT(model.begin()->first.first <= value);
      RC_ASSERT(model.begin()->second == fired);
      model.erase(model.begin());
    } else {
      if (!model.empty()) RC_ASSERT(model.begin()->first.first > value);
    }
    RC_ASSERT(heap.empty() == model.empty());
    if (!model.empty()) RC_ASSERT(heap.earliest_ns() == model.begin()->first.first);
  }
}

}  // namespace
}  // namespace tau::net
