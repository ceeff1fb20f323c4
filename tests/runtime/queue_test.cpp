// The event queue: when it tells its host, and when it does not any more.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "runtime/queue.h"

namespace tau::runtime {
namespace {

std::shared_ptr<Channel> channel_of(const std::shared_ptr<EventQueue>& queue) {
  return std::make_shared<Channel>(queue, SharedString("run"), nullptr, false);
}
agent::Event event(agent::EventKind kind) {
  agent::Event out;
  out.kind = kind;
  return out;
}

// A notification that began before the last handle went is over when abandon() returns.
TEST(QueueNotify, IsWaitedForWhenTheQueueIsGivenBack) {
  std::atomic<bool> inside = false;
  std::atomic<bool> over = false;
  std::shared_ptr<EventQueue> queue;
  queue = std::make_shared<EventQueue>(0, [&] {
    inside = true;
    while (!queue->empty()) std::this_thread::yield();  // until abandon() dropped the event
    for (int i = 0; i < 200; ++i) std::this_thread::yield();
    over = true;
  });
  std::thread loop([channel = channel_of(queue)] { channel->emit(event(agent::EventKind::kMessage)); });
  while (!inside) std::this_thread::yield();
  queue->abandon();
  EXPECT_TRUE(over);
  loop.join();
}

TEST(QueueNotify, MayGiveItsOwnQueueBack) {
  int told = 0;
  std::shared_ptr<EventQueue> queue;
  queue = std::make_shared<EventQueue>(0, [&] {
    ++told;
    std::exchange(queue, nullptr)->abandon();
  });
  const auto channel = channel_of(queue);
  channel->emit(event(agent::EventKind::kMessage));
  channel->emit(event(agent::EventKind::kMessage));
  EXPECT_EQ(told, 1);
  EXPECT_EQ(queue, nullptr);
}

TEST(QueueNotify, AWakeupMayGiveItsQueueBack) {
  EventQueue* bare = nullptr;
  std::shared_ptr<EventQueue> queue;
  queue = std::make_shared<EventQueue>(0, [&] { std::exchange(queue, nullptr)->abandon(); });
  bare = queue.get();
  bare->wakeup();
  EXPECT_EQ(queue, nullptr);
}

// What the notification uses dies as soon as the queue was given back: a sanitizer sees a late one.
TEST(QueueNotify, NeverComesLate) {
  for (int round = 0; round < 100; ++round) {
    auto told = std::make_unique<std::atomic<int>>(0);
    auto queue = std::make_shared<EventQueue>(0, [count = told.get()] { ++*count; });
    std::atomic<bool> stop = false;
    std::thread loop([&stop, channel = channel_of(queue)] {
      while (!stop) channel->emit(event(agent::EventKind::kMessage));
    });
    std::thread waker([&stop, queue] {
      while (!stop) queue->wakeup();
    });
    while (*told == 0) std::this_thread::yield();
    queue->take(8);
    queue->abandon();
    const int seen = *told;
    std::this_thread::yield();
    ASSERT_EQ(*told, seen);
    told = nullptr;
    stop = true;
    loop.join();
    waker.join();
  }
}

TEST(QueueOfOneRun, ClosesWithItsTerminalEvent) {
  const auto queue = std::make_shared<EventQueue>(0, nullptr);
  queue->serve_one_run();
  const auto channel = channel_of(queue);
  channel->emit(event(agent::EventKind::kMessage));
  EXPECT_FALSE(queue->closed());
  channel->emit(event(agent::EventKind::kRunDone));
  EXPECT_EQ(queue->take(8).size(), 2u);
  queue->wait(-1);
  EXPECT_TRUE(queue->closed());
  queue->serve_many_runs();
  EXPECT_FALSE(queue->closed());
  channel->emit(event(agent::EventKind::kRunDone));
  EXPECT_FALSE(queue->closed());
  queue->abandon();
}

TEST(QueueOfOneRun, WhoSeesItClosedFindsItsLastEvent) {
  for (int round = 0; round < 1000; ++round) {
    const auto queue = std::make_shared<EventQueue>(0, nullptr);
    queue->serve_one_run();
    std::thread loop([channel = channel_of(queue)] { channel->emit(event(agent::EventKind::kRunDone)); });
    bool closed = false;
    size_t taken = 0;
    while (!closed && taken == 0) {
      closed = queue->closed();
      taken = queue->take(8).size();
    }
    loop.join();
    ASSERT_EQ(taken, 1u);
    queue->abandon();
  }
}

// It is written here, without memory.
TEST(QueueOfOneRun, ShowsItsTerminalEventAsAnyOther) {
  const auto queue = std::make_shared<EventQueue>(0, nullptr);
  const auto channel = channel_of(queue);
  agent::Event last = event(agent::EventKind::kRunDone);
  last.json = R"({"status":"done","code":"ok"})";
  const std::string expected = agent::event_json(last, channel->run_id());
  channel->emit(std::move(last));
  EXPECT_EQ(queue->take(8).at(0)->body(), expected);
  queue->abandon();
}

TEST(QueueOfOneRun, WakesWhoWaitsWhenNobodyHoldsTheRun) {
  const auto queue = std::make_shared<EventQueue>(0, nullptr);
  queue->serve_one_run();
  const auto channel = channel_of(queue);
  std::thread reader([&] { queue->wait(-1); });
  channel->mute();
  reader.join();
  EXPECT_TRUE(queue->closed());
}

}  // namespace
}  // namespace tau::runtime
