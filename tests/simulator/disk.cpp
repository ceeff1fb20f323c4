#include "simulator/disk.h"

namespace tau::sim {

void SimStore::append(store::Batch&& given, store::Done done) {
  store::Batch batch = std::move(given);
  given.clear();
  if (poisoned_) return done(data_loss("store_poisoned", "an earlier commit failed"), 0);
  queue_.push_back({std::move(batch), std::move(done)});
  if (committing_) return;
  committing_ = true;
  loop_.after(rng_.below(latency_ns_), [this] { commit(); });
}

// Everything that waits becomes durable together, and only then is anybody told.
void SimStore::commit() {
  committing_ = false;
  std::deque<Waiting> group;
  group.swap(queue_);
  const DiskFault fault = hooks_.fault();
  if (fault != DiskFault::kNone) return fail(std::move(group), fault);
  for (Waiting& w : group) {
    const Status status = write(std::move(w.batch));
    loop_.as_foreign_thread([&] { w.done(status, 1); });
  }
}

Status SimStore::write(store::Batch batch) {
  const store::Batch copy = batch;
  Status status;
  disk_.append(std::move(batch), [&](Status s, store::Lsn) { status = std::move(s); });
  if (status.ok()) hooks_.committed(copy);
  return status;
}

// Nobody learns whether the transaction reached the disk.
void SimStore::fail(std::deque<Waiting> group, DiskFault fault) {
  poisoned_ = true;
  if (rng_.chance(50))
    for (Waiting& w : group) (void)write(std::move(w.batch));
  const Status status = fault == DiskFault::kDiskFull ? resource_exhausted("disk_full", "no space left")
                                                      : data_loss("io_error", "fsync failed");
  for (Waiting& w : group) loop_.as_foreign_thread([&] { w.done(status, 0); });
}

}  // namespace tau::sim
