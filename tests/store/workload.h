// A random workload on a store that knows afterwards what was acknowledged, and can tell whether a database
// still holds all of it and nothing by halves.
#pragma once

#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "store/store.h"

namespace tau::store {

class Workload {
 public:
  // What must hold of a database from this moment on.
  struct Promise {
    std::map<std::string, int64_t> acknowledged;             // run: rows
    std::map<std::string, std::vector<int64_t>> boundaries;  // run: row counts at which a batch ends
  };

  explicit Workload(uint64_t seed) : random_(seed) {}

  // Submits `batches` random batches and waits for their answers. Takes up where an earlier call ended; a run
  // whose append failed is not used again.
  void run(Store& store, int batches);
  Promise promise() const;

  // Empty when the database at `path` keeps the promise, else what is wrong. Opens it with `vfs`.
  static std::string check(const std::string& path, const Promise& promise, const std::string& vfs = "");

 private:
  Batch next_batch(std::string* run, int64_t* rows);
  void note(const std::string& run, int64_t rows, bool ok);

  std::mt19937_64 random_;
  std::vector<std::string> open_runs_;
  int runs_started_ = 0;
  std::map<std::string, int64_t> submitted_;
  mutable std::mutex mutex_;
  Promise promise_;                  // under mutex_
  std::vector<std::string> broken_;  // under mutex_
};

}  // namespace tau::store
