// What a stop and the last handle leave of the memories of a home: all that waited is written, the home is
// closed, and an embedder that does not return holds up nobody who says how long to wait.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <mutex>

#include "runtime/core.h"
#include "runtime/departure.h"
#include "runtime/memory.h"
#include "runtime/memory_desk.h"
#include "runtime/memory_embedders.h"
#include "runtime/runtime.h"
#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

// An embedder of the program's that waits in its first batch of documents until it is let go.
class Slow {
 public:
  std::shared_ptr<const memory::Embedder> embedder() {
    return *make_host_embedder(
        {.name = "slow", .dimensions = 2, .embed = [this](const auto& texts, auto purpose, float* out) {
           if (purpose == memory::Purpose::kDocument) wait();
           for (size_t i = 0; i < texts.size(); ++i) out[2 * i] = out[2 * i + 1] = 1;
           return true;
         }});
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void until_asked() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return batches_ > 0; });
  }
  int batches() {
    const std::lock_guard lock(mutex_);
    return batches_;
  }

 private:
  void wait() {
    std::unique_lock lock(mutex_);
    ++batches_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int batches_ = 0;
};

class MemoryDeskTest : public testing::Test {
 protected:
  std::string home() const { return dir_.file("home"); }
  bool has_log() const { return std::filesystem::exists(home() + "/tau.db-wal"); }

  void open(bool read_only = false, std::string_view model = "none") {
    RuntimeOptions options;
    options.home = home();
    options.read_only = read_only;
    options.config_json = format(R"({{"memory":{{"model":"{}"}}}})", model);
    auto runtime = Runtime::open(options);
    ASSERT_TRUE(runtime.ok()) << runtime.status().to_string();
    runtime_ = *std::move(runtime);
  }
  void open_memory() { memory_ = *Memory::open(runtime_, "{}"); }
  json::Value ask(std::string_view request) {
    const auto answer = memory_->perform(request, {});
    EXPECT_TRUE(answer.ok()) << answer.status().to_string();
    return answer.ok() ? *json::parse(*answer) : json::Value();
  }
  void add(int count) {
    std::string request = R"({"op":"add","memories":[)";
    for (int i = 0; i < count; ++i)
      request += format(R"({}{{"id":"m{}","text":"Note {} says tea"}})", i == 0 ? "" : ",", i, i);
    ask(request + "]}");
  }
  void find(std::string_view query) {
    const auto found = memory_->search(format(R"({{"query":"{}"}})", query), {});
    ASSERT_TRUE(found.ok()) << found.status().to_string();
  }
  // As another process sees them.
  int64_t uses_on_disk() {
    RuntimeOptions options;
    options.home = home();
    options.read_only = true;
    const auto reader = *Runtime::open(options);
    const auto memory = *Memory::open(reader, "{}");
    return (*json::parse(*memory->perform(R"({"op":"get","id":"m0"})", {})))["uses"].as_int();
  }
  void drop() {
    memory_ = nullptr;
    runtime_ = nullptr;
  }

  test::TempDir dir_;
  Slow slow_;
  std::shared_ptr<Runtime> runtime_;
  std::shared_ptr<Memory> memory_;
};

TEST_F(MemoryDeskTest, SettlingWritesWhatWaited) {
  open();
  open_memory();
  add(1);
  find("tea");
  EXPECT_EQ(uses_on_disk(), 0) << "a search does not wait for that";
  runtime_->core()->memory().settle();
  EXPECT_EQ(uses_on_disk(), 1);
  runtime_->core()->memory().settle();
  EXPECT_EQ(uses_on_disk(), 1) << "and once";
}

TEST_F(MemoryDeskTest, SettlingWhatNobodyOpenedOrMayWriteDoesNothing) {
  open();
  runtime_->core()->memory().settle();
  open_memory();
  add(1);
  ASSERT_TRUE(runtime_->stop(-1).ok());
  drop();
  open(/*read_only=*/true);
  open_memory();
  find("tea");
  runtime_->core()->memory().settle();
  drop();
  EXPECT_EQ(uses_on_disk(), 0);
}

TEST_F(MemoryDeskTest, SettlingDoesNotWaitForWhatIsAtWork) {
  open();
  ASSERT_TRUE(runtime_->set_embedder(slow_.embedder()).ok());
  open_memory();
  add(1);
  slow_.until_asked();
  find("tea");
  runtime_->core()->memory().settle();
  EXPECT_EQ(uses_on_disk(), 0);
  slow_.let_go();
  ASSERT_TRUE(runtime_->stop(-1).ok());
  EXPECT_EQ(uses_on_disk(), 1);
}

TEST_F(MemoryDeskTest, AStopWaitsForAnEmbedderNoLongerThanItIsTold) {
  open();
  ASSERT_TRUE(runtime_->set_embedder(slow_.embedder()).ok());
  open_memory();
  add(1);
  slow_.until_asked();
  const Status stopped = runtime_->stop(50);
  EXPECT_EQ(stopped.code(), Code::kDeadlineExceeded);
  EXPECT_NE(stopped.message().find("embedder"), std::string_view::npos) << stopped.message();
  slow_.let_go();
  EXPECT_TRUE(runtime_->stop(-1).ok());
}

TEST_F(MemoryDeskTest, AStopWaitsForOneBatchOfABacklog) {
  open();
  ASSERT_TRUE(runtime_->set_embedder(slow_.embedder()).ok());
  open_memory();
  add(1000);
  slow_.until_asked();
  EXPECT_EQ(runtime_->stop(0).code(), Code::kDeadlineExceeded);
  slow_.let_go();
  ASSERT_TRUE(runtime_->stop(-1).ok());
  EXPECT_EQ(slow_.batches(), 1);
  // What was left goes on when the home is opened again.
  drop();
  open();
  ASSERT_TRUE(runtime_->set_embedder(slow_.embedder()).ok());
  open_memory();
  ask(R"({"op":"embed","limit":1000})");
  EXPECT_EQ(ask(R"({"op":"stats"})")["vectors"]["missing"].as_int(-1), 0);
}

TEST_F(MemoryDeskTest, NothingIsBegunInTheBackgroundAfterAStop) {
  open();
  ASSERT_TRUE(runtime_->set_embedder(slow_.embedder()).ok());
  open_memory();
  ASSERT_TRUE(runtime_->stop(-1).ok());
  add(100);
  EXPECT_TRUE(runtime_->core()->workers().wait_idle(-1));
  EXPECT_EQ(slow_.batches(), 0);
}

TEST_F(MemoryDeskTest, AfterAStopTheLastHandleClosesTheHome) {
  for (int i = 0; i < 20; ++i) {
    open(false, "hash");
    open_memory();
    add(100);
    find("tea");
    ASSERT_TRUE(has_log());
    ASSERT_TRUE(runtime_->stop(-1).ok());
    const std::weak_ptr<Core> core = runtime_->core();
    runtime_ = nullptr;
    ASSERT_FALSE(core.expired()) << "the memories hold it";
    memory_ = nullptr;
    ASSERT_TRUE(core.expired());
    ASSERT_FALSE(has_log());
    std::filesystem::remove_all(home());
    ASSERT_FALSE(std::filesystem::exists(home()));
  }
}

// A thread of the library cannot wait for itself to end.
TEST_F(MemoryDeskTest, TheLastHandleMayGoOnAThreadOfTheLibrary) {
  for (const bool on_worker : {false, true}) {
    open();
    open_memory();
    add(1);
    ASSERT_TRUE(runtime_->stop(-1).ok());
    memory_ = nullptr;
    const uint64_t ended = Departure::ended_so_far();
    Core& core = *runtime_->core();
    std::promise<void> gone;
    auto last = [&gone, handle = std::move(runtime_)]() mutable {
      handle = nullptr;
      gone.set_value();
    };
    on_worker ? core.workers().submit(std::move(last)) : core.loop(0).loop().post(std::move(last));
    gone.get_future().wait();
    EXPECT_TRUE(Departure::wait_for_those_begun(ended));
    EXPECT_FALSE(has_log());
  }
}

}  // namespace
}  // namespace tau::runtime
