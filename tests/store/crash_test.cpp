// Power failures: whatever the disk keeps of unsynced writes, nothing acknowledged is lost.
#include <gtest/gtest.h>

#include "crash_vfs.h"
#include "store_fixture.h"
#include "workload.h"

namespace tau::store {
namespace {

// What a crash at one moment leaves, and what the store had promised by then.
struct Moment {
  CrashVfs::Image image;
  Workload::Promise promise;
};

struct Outcome {
  size_t images = 0;
  std::vector<std::string> losses;
};

class Campaign {
 public:
  explicit Campaign(uint64_t seed)
      : random_(seed), workload_(seed), vfs_("tau_crash_" + std::to_string(seed)) {}

  void plant_ignored_syncs() { vfs_.ignore_syncs(true); }

  // Some rounds of open, work and close, with moments taken at every sync and at random operations.
  void work(int rounds, int batches) {
    vfs_.set_observer([this](CrashVfs::Event event) { observe(event); });
    for (int i = 0; i < rounds; ++i) {
      auto store = open_store({.path = dir_.file("tau.db"), .vfs = vfs_.name()}, clock_);
      ASSERT_TRUE(store.ok()) << store.status().to_string();
      workload_.run(**store, batches / 2);
      // A removal empties the WAL, which moves everything to the database in the middle of the work.
      const std::string scratch = "scratch" + std::to_string(i);
      fill_session(**store, scratch, 2);
      ASSERT_TRUE((*store)->remove_session(scratch).ok());
      workload_.run(**store, batches - batches / 2);
    }
    vfs_.set_observer(nullptr);
  }

  Outcome judge(int random_images) {
    Outcome outcome;
    for (const Moment& moment : moments_) {
      judge(moment, CrashVfs::Loss::kAllUnsynced, &outcome);
      judge(moment, CrashVfs::Loss::kNothing, &outcome);
      for (int i = 0; i < random_images; ++i) judge(moment, CrashVfs::Loss::kRandom, &outcome);
    }
    return outcome;
  }

 private:
  void observe(CrashVfs::Event event) {
    const std::lock_guard lock(mutex_);
    const bool at_write = event == CrashVfs::Event::kWrite && random_() % 40 == 0;
    const bool at_sync = event == CrashVfs::Event::kSync && random_() % 4 == 0;
    if (!at_write && !at_sync) return;
    // The promise first: what is acknowledged before the image is taken must be in it.
    Workload::Promise promise = workload_.promise();
    CrashVfs::Image image = vfs_.capture();
    // Boundaries of batches submitted meanwhile belong to the image.
    promise.boundaries = workload_.promise().boundaries;
    moments_.push_back({std::move(image), std::move(promise)});
  }

  void judge(const Moment& moment, CrashVfs::Loss loss, Outcome* outcome) {
    TempDir crashed;
    CrashVfs::materialize(moment.image, loss, random_, crashed.path());
    const std::string wrong = Workload::check(crashed.file("tau.db"), moment.promise, vfs_.name());
    ++outcome->images;
    if (!wrong.empty()) outcome->losses.push_back(wrong);
  }

  std::mt19937_64 random_;
  Workload workload_;
  CrashVfs vfs_;
  TempDir dir_;
  FixedClock clock_;
  std::mutex mutex_;
  std::vector<Moment> moments_;
};

TEST(StoreCrash, NothingAcknowledgedIsLostWhateverTheDiskKept) {
  size_t images = 0;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    Campaign campaign(seed);
    campaign.work(2, 60);
    const Outcome outcome = campaign.judge(3);
    images += outcome.images;
    EXPECT_TRUE(outcome.losses.empty()) << "seed " << seed << ": " << outcome.losses.size() << " of "
                                        << outcome.images << " images, first: " << outcome.losses.front();
  }
  EXPECT_GT(images, 200u);
  RecordProperty("images", static_cast<int>(images));
}

TEST(StoreCrash, TheCampaignFindsAStoreThatDoesNotSync) {
  Campaign campaign(5);
  campaign.plant_ignored_syncs();
  campaign.work(1, 60);
  const Outcome outcome = campaign.judge(1);
  ASSERT_GT(outcome.images, 0u);
  EXPECT_FALSE(outcome.losses.empty());
}

}  // namespace
}  // namespace tau::store
