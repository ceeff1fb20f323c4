// What the tests of store share: temporary homes, batches to append, and appends that wait for their answer.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"
#include "support/temp_dir.h"

namespace tau::store {

using test::TempDir;

// A clock that stands still unless it is moved.
class FixedClock final : public Clock {
 public:
  int64_t monotonic_ns() override { return now_ms * kNanosPerMilli; }
  int64_t wall_ms() override { return now_ms; }
  std::atomic<int64_t> now_ms{1'700'000'000'000};
};

struct Answer {
  Status status;
  Lsn lsn = 0;
};

// A store with a database (true) or without.
class EitherStore : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!durable()) store_ = make_memory_store(clock_);
    reopen();
  }
  bool durable() const { return GetParam(); }
  // A durable store is closed and opened again; a memory store cannot be.
  void reopen() {
    if (!durable()) return;
    store_.reset();
    auto opened = open_store({.path = dir_.file("tau.db")}, clock_);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    store_ = std::move(*opened);
  }

  TempDir dir_;
  FixedClock clock_;
  std::unique_ptr<Store> store_;
};

// Appends and waits for the answer.
Answer append(Store& store, Batch batch);

RunRecord run_record(std::string_view id, std::string_view session = "ses_a");
SessionRecord session_record(std::string_view id, int64_t created_ms = 1000);
JournalRow row(std::string_view run, int64_t seq, std::string_view body);
EntryRow entry(std::string_view id, std::string_view parent, std::string_view session, std::string_view run,
               int64_t seq);

// The bodies of journal entries, in order.
std::vector<std::string> bodies(const StatusOr<std::vector<JournalEntry>>& entries);

// A session with one finished run of `count` rows; row i has the body "<prefix><i>" and the entry "<id>.<i>".
void fill_session(Store& store, std::string_view id, int64_t count, std::string_view prefix = "body ");

std::string read_file(const std::string& path);
// Whether any file of the directory holds the text.
bool directory_holds(const std::string& directory, std::string_view text);

}  // namespace tau::store
