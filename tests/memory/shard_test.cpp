// Shards: after any history, saved and opened at any point, a shard says what going through all rows says.
#include "memory/shard.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>

#include "os/private_file.h"
#include "shard_model.h"
#include "support/temp_dir.h"

namespace tau::memory {
namespace {

using test::ShardModel;

constexpr std::array<const char*, 8> kWords = {"river", "boat",  "harbour", "sailing",
                                               "lamp",  "glass", "seven",   "mountains"};
constexpr std::array<const char*, 4> kTags = {"blue", "green", "home", "work"};
constexpr std::array<const char*, 4> kThreads = {"", "notes", "talk-1", "talk-2"};
constexpr std::array<const char*, 5> kSources = {"", "file:a.md", "file:b.md", "session:1", "file:"};

template <class T, size_t N>
std::string any_of(const std::array<T, N>& from) {
  return from[*rc::gen::inRange<size_t>(0, N)];
}

int64_t some_time() { return *rc::gen::inRange<int64_t>(0, 12) * 86'400'000 + 1'700'000'000'000; }

std::string some_text() {
  std::string text;
  const int words = *rc::gen::inRange(0, 6);
  for (int i = 0; i < words; ++i) text += any_of(kWords) + " ";
  return text;
}

std::string some_vector() {
  if (*rc::gen::inRange(0, 4) == 0) return "";
  std::array<float, test::kModelDimensions> vector;
  for (float& x : vector) x = static_cast<float>(*rc::gen::inRange(-9, 10));
  vector[0] = 3;  // one of zeros is none
  return *quantise(vector.data(), vector.size());
}

store::MemoryRow some_row(int64_t row) {
  store::MemoryRow r;
  r.row = row;
  r.text = some_text();
  r.type = static_cast<uint8_t>(*rc::gen::inRange(0, 8));
  r.importance = *rc::gen::inRange(0, 5) / 4.0;
  for (const char* tag : kTags)
    if (*rc::gen::inRange(0, 3) == 0) r.tags.emplace_back(tag);
  r.thread = any_of(kThreads);
  r.source = any_of(kSources);
  r.time_ms = some_time();
  r.position = *rc::gen::inRange(-1, 2);
  r.created_ms = some_time();
  r.updated_ms = some_time();
  if (*rc::gen::inRange(0, 3) == 0) {
    r.valid_from_ms = some_time();
    if (*rc::gen::inRange(0, 2) == 0) r.valid_to_ms = some_time();
    if (*rc::gen::inRange(0, 2) == 0) r.superseded_ms = some_time();
  }
  return r;
}

store::MemoryFilter some_filter() {
  store::MemoryFilter f;
  if (*rc::gen::inRange(0, 3) == 0) f.types = static_cast<uint32_t>(*rc::gen::inRange(0, 256));
  for (const char* tag : kTags)
    if (*rc::gen::inRange(0, 5) == 0) f.tags.emplace_back(tag);
  if (*rc::gen::inRange(0, 20) == 0) f.tags.emplace_back("of nobody");
  if (*rc::gen::inRange(0, 3) == 0) f.thread = any_of(kThreads);
  if (*rc::gen::inRange(0, 20) == 0) f.thread = "of nobody";
  if (*rc::gen::inRange(0, 3) == 0) f.source = any_of(std::array{"f", "file:", "file:b.md", "session:", "x"});
  if (*rc::gen::inRange(0, 3) == 0) f.since_ms = some_time();
  if (*rc::gen::inRange(0, 3) == 0) f.until_ms = some_time();
  f.forgotten = *rc::gen::inRange(0, 4) == 0;
  f.superseded = *rc::gen::inRange(0, 3) == 0;
  return f;
}

AsOf some_as_of() {
  AsOf as_of;
  if (*rc::gen::inRange(0, 2) == 0) as_of.valid_ms = some_time();
  if (*rc::gen::inRange(0, 2) == 0) as_of.recorded_ms = some_time();
  return as_of;
}

ShardOptions options_of(const std::string& path) {
  ShardOptions options;
  options.path = path;
  options.key.database[3] = 7;
  options.key.scope_key = 5;
  options.key.space = 2;
  options.key.dimensions = test::kModelDimensions;
  return options;
}

std::unique_ptr<Shard> opened(const ShardOptions& options) {
  auto shard = Shard::open(options);
  EXPECT_TRUE(shard.ok()) << shard.status().to_string();
  return *std::move(shard);
}

int64_t some_kept_row(const ShardModel& model) {
  const auto at = *rc::gen::inRange<size_t>(0, model.rows.size());
  return std::next(model.rows.begin(), static_cast<std::ptrdiff_t>(at))->first;
}

// One edit of the store.
void change_something(ShardModel& model, int64_t* next_row) {
  const int what = model.rows.empty() ? 0 : *rc::gen::inRange(0, 8);
  if (what < 3) {
    model.put(some_row((*next_row)++), some_vector());
    return;
  }
  const int64_t row = some_kept_row(model);
  ShardModel::Kept kept = model.rows[row];
  if (what == 3) return model.purge(row);
  if (what == 4) kept = {some_row(row), some_vector()};
  if (what == 5) kept.row.forgotten_ms = kept.row.forgotten_ms == 0 ? 99 : 0;
  if (what == 6) kept.vector = some_vector();
  if (what == 7) kept.row.superseded_ms = some_time();
  model.put(kept.row, kept.vector);
}

// Changes that a shard has come again, and say something else.
void apply_again(const ShardModel& model, Shard& shard) {
  for (const auto& [row, kept] : model.rows) {
    if (kept.row.change > shard.change()) continue;
    store::MemoryRow other = kept.row;
    other.thread = "of an older change";
    RC_ASSERT(shard.apply(other, "").ok());
    RC_ASSERT(shard.purged(row, kept.row.change).ok());
  }
}

void expect_same(const Shard& shard, const ShardModel& model) {
  RC_ASSERT(test::difference(shard, model) == "");
  for (int i = 0; i < 4; ++i) {
    const store::MemoryFilter filter = some_filter();
    const AsOf as_of = some_as_of();
    RC_ASSERT(test::rows_of(shard, shard.select(filter, as_of)) == test::shown_rows(model, filter, as_of));
  }
}

RC_GTEST_PROP(ShardProperty, SaysWhatTheRowsSayAfterAnyHistory, (bool on_disk)) {
  const tau::test::TempDir dir;
  const ShardOptions options = options_of(on_disk ? dir.path() + "/index" : "");
  std::unique_ptr<Shard> shard = opened(options);
  ShardModel model;
  int64_t next_row = 1;
  const int steps = *rc::gen::inRange(0, 40);
  for (int i = 0; i < steps; ++i) {
    const int what = *rc::gen::inRange(0, 20);
    if (what == 0) RC_ASSERT(shard->save().ok());
    if (what == 1) {  // everything that was not saved is lost
      shard = opened(options);
      RC_ASSERT(shard->rejected().ok());
    }
    if (what == 2) apply_again(model, *shard);
    if (what > 2) change_something(model, &next_row);
    if (what % 3 == 0) {
      RC_ASSERT(model.follow(*shard).ok());
      expect_same(*shard, model);
    }
  }
  RC_ASSERT(model.follow(*shard).ok());
  expect_same(*shard, model);
  RC_ASSERT(shard->save().ok());
  RC_ASSERT(!shard->holds_removed());
  RC_ASSERT(shard->size() == model.rows.size());
  expect_same(*shard, model);
  if (!on_disk) return;
  shard = opened(options);
  RC_ASSERT(shard->change() == model.change);
  expect_same(*shard, model);
}

}  // namespace
}  // namespace tau::memory
