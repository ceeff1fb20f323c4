// Shards: after any history, saved and opened at any point, a shard says what going through all rows says.
#include "memory/shard.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>

#include "memory/shard_folder.h"
#include "os/private_file.h"
#include "segment_copy.h"
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
    if (*rc::gen::inRange(0, 2) == 0) r.valid_to_before_ms = some_time();
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

store::MemoryRow plain_row(int64_t row, std::string text) {
  store::MemoryRow r;
  r.row = row;
  r.text = std::move(text);
  r.thread = "talk";
  r.time_ms = row * 1000;
  r.created_ms = 5000;
  return r;
}

// Some of everything: live, forgotten, valid for a while, with tags, threads, sources and vectors.
ShardModel small_model() {
  ShardModel model;
  const std::array<float, test::kModelDimensions> vector = {1, -2, 3};
  for (int64_t row = 1; row <= 6; ++row) {
    store::MemoryRow r = plain_row(row, "the boat of river " + std::to_string(row % 3));
    r.tags = {"blue", "t" + std::to_string(row)};
    r.source = "file:" + std::to_string(row);
    if (row == 2) r.forgotten_ms = 9;
    if (row == 3) r.valid_to_ms = 70;
    model.put(r, row % 2 == 0 ? "" : *quantise(vector.data(), vector.size()));
  }
  return model;
}

TEST(Shard, IsEmptyAndMadeAnewWhenItsFileIsTornOrFlipped) {
  const tau::test::TempDir dir;
  ShardModel model = small_model();
  const ShardOptions options = options_of(dir.file("index"));
  {
    auto shard = opened(options);
    ASSERT_TRUE(model.follow(*shard).ok());
    ASSERT_TRUE(shard->save().ok());
  }
  const std::string whole = dir.read("index");
  const auto try_bytes = [&](std::string_view bytes) {
    test::AlignedCopy copy(bytes);
    const auto opened_shard = Shard::open(options_of(""), SegmentView::of(copy.span(), "index"));
    ASSERT_TRUE(opened_shard.ok());
    Shard& shard = **opened_shard;
    if (!shard.rejected().ok()) {
      ASSERT_EQ(shard.size(), 0u);
      ASSERT_EQ(shard.change(), 0);
    }
    ASSERT_TRUE(model.follow(shard).ok());
    ASSERT_EQ(test::difference(shard, model), "");
  };
  for (size_t size = 0; size < whole.size(); size += size < 4000 ? 499 : 97)
    try_bytes(std::string_view(whole).substr(0, size));
  for (size_t at = 0; at < whole.size(); at += at < 2200 || at > 4100 ? 29 : 397) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    try_bytes(flipped);
  }
  dir.write("index", whole.substr(0, whole.size() / 2));
  EXPECT_EQ(opened(options)->rejected().reason(), "index_damaged");
  auto shard = opened(options);
  ASSERT_TRUE(model.follow(*shard).ok());
  ASSERT_TRUE(shard->save().ok());
  EXPECT_TRUE(shard->rejected().ok());
  EXPECT_EQ(dir.read("index"), whole);  // the same memories make the same file
}

TEST(Shard, DoesNotUseAFileOfAnotherPast) {
  const tau::test::TempDir dir;
  ShardModel model = small_model();
  ShardOptions options = options_of(dir.file("index"));
  auto shard = opened(options);
  ASSERT_TRUE(model.follow(*shard).ok());
  ASSERT_TRUE(shard->save().ok());
  options.newest_change = model.change - 1;
  EXPECT_EQ(opened(options)->rejected().reason(), "index_stale");
  EXPECT_EQ(opened(options)->change(), 0);
  options.newest_change = model.change;
  EXPECT_TRUE(opened(options)->rejected().ok());
  options.key.scope_key = 6;
  EXPECT_EQ(opened(options)->rejected().reason(), "index_stale");
}

TEST(Shard, SaysNothingOfARejectionWhereThereWasNoFile) {
  const tau::test::TempDir dir;
  const auto shard = opened(options_of(dir.file("index")));
  EXPECT_TRUE(shard->rejected().ok());
  EXPECT_EQ(shard->change(), 0);
  ShardOptions wrong;
  wrong.key.space = 1;
  EXPECT_EQ(Shard::open(wrong).status().reason(), "vector_dimensions");
}

TEST(Shard, KeepsNothingOfWhatWasPurgedOnceItIsSaved) {
  const tau::test::TempDir dir;
  const auto shard = opened(options_of(dir.file("index")));
  ShardModel model = small_model();
  store::MemoryRow secret = plain_row(50, "zirconium");
  secret.thread = "thread-of-the-secret";
  secret.source = "source-of-the-secret";
  secret.tags = {"tag-of-the-secret"};
  const std::array<float, test::kModelDimensions> direction = {7, 1, -5, 2};
  const std::string vector = *quantise(direction.data(), direction.size());
  model.put(secret, vector);
  ASSERT_TRUE(model.follow(*shard).ok());
  ASSERT_TRUE(shard->save().ok());
  std::vector<uint64_t> terms;
  Analyzer().analyze("zirconium", &terms);
  const std::string term(reinterpret_cast<const char*>(terms.data()), sizeof terms[0]);
  const std::array<std::string, 5> traces = {term, vector.substr(0, 16), secret.thread, secret.source,
                                             secret.tags[0]};
  for (const std::string& trace : traces)
    EXPECT_NE(dir.read("index").find(trace), std::string::npos) << trace;
  EXPECT_FALSE(shard->holds_removed());

  model.purge(50);
  ASSERT_TRUE(model.follow(*shard).ok());
  EXPECT_TRUE(shard->holds_removed());
  EXPECT_TRUE(opened(options_of(dir.file("index")))->documents().find(50) != kNoDoc);
  ASSERT_TRUE(shard->save().ok());
  EXPECT_FALSE(shard->holds_removed());
  for (const std::string& trace : traces)
    EXPECT_EQ(dir.read("index").find(trace), std::string::npos) << trace;
}

TEST(Shard, ShowsFactsAsTheyWereKnown) {
  // Recorded at 100: Ann lives in Rome, since 10. Recorded at 200: she lives in Oslo, since 50.
  const auto shard = opened(options_of(""));
  ShardModel model;
  store::MemoryRow rome = plain_row(1, "Ann lives in Rome");
  rome.created_ms = 100;
  rome.valid_from_ms = 10;
  rome.valid_to_ms = 50;
  rome.superseded_ms = 200;
  rome.valid_to_before_ms = 900;
  store::MemoryRow oslo = plain_row(2, "Ann lives in Oslo");
  oslo.created_ms = 200;
  oslo.valid_from_ms = 50;
  model.put(rome, "");
  model.put(oslo, "");
  ASSERT_TRUE(model.follow(*shard).ok());
  const auto shown = [&](int64_t valid, int64_t recorded, bool superseded = false) {
    store::MemoryFilter filter;
    filter.superseded = superseded;
    return test::rows_of(*shard, shard->select(filter, {valid, recorded}));
  };
  using Rows = std::vector<int64_t>;
  constexpr int64_t kAny = store::kNoTime;
  EXPECT_EQ(shown(kAny, kAny), (Rows{2}));
  EXPECT_EQ(shown(kAny, kAny, true), (Rows{1, 2}));
  EXPECT_EQ(shown(9, kAny), (Rows{}));
  EXPECT_EQ(shown(10, kAny), (Rows{1}));
  EXPECT_EQ(shown(49, kAny), (Rows{1}));
  EXPECT_EQ(shown(50, kAny), (Rows{2}));
  EXPECT_EQ(shown(60, 199), (Rows{1}));  // nobody knew better
  EXPECT_EQ(shown(900, 199), (Rows{}));
  EXPECT_EQ(shown(60, 200), (Rows{2}));
  EXPECT_EQ(shown(20, 200), (Rows{1}));
  EXPECT_EQ(shown(kAny, 99), (Rows{}));
  EXPECT_EQ(shown(kAny, 100), (Rows{1}));
  EXPECT_EQ(shown(kAny, 199), (Rows{1}));
  EXPECT_EQ(shown(kAny, 200), (Rows{2}));
  EXPECT_EQ(shown(INT64_MAX, kAny), (Rows{2}));
}

TEST(Shard, CountsNothingThatIsForgottenOrReplaced) {
  const auto shard = opened(options_of(""));
  ShardModel model;
  std::vector<uint64_t> boat;
  Analyzer().analyze("boat", &boat);
  for (int64_t row = 1; row <= 3; ++row) model.put(plain_row(row, "boat"), "");
  ASSERT_TRUE(model.follow(*shard).ok());
  EXPECT_EQ(shard->document_count(boat[0]), 3);
  const int64_t length = shard->total_length();
  store::MemoryRow row = plain_row(1, "boat");
  row.forgotten_ms = 4;
  model.put(row, "");
  model.put(plain_row(2, "river"), "");
  ASSERT_TRUE(model.follow(*shard).ok());
  EXPECT_EQ(shard->document_count(boat[0]), 1);
  EXPECT_EQ(shard->live(), 2);
  EXPECT_EQ(shard->total_length(), length / 3 * 2);
  row.forgotten_ms = 0;
  model.put(row, "");
  ASSERT_TRUE(model.follow(*shard).ok());
  EXPECT_EQ(shard->document_count(boat[0]), 2);
  EXPECT_EQ(shard->total_length(), length);
}

TEST(Shard, IsWrittenBesideItsReadersAndLearnsOfWhatCameMeanwhile) {
  const tau::test::TempDir dir;
  const auto shard = opened(options_of(dir.file("index")));
  ShardModel model = small_model();
  ASSERT_TRUE(model.follow(*shard).ok());
  auto written = shard->write();
  ASSERT_TRUE(written.ok());
  const int64_t change = model.change;
  model.put(plain_row(7, "one more"), "");
  ASSERT_TRUE(model.follow(*shard).ok());
  EXPECT_EQ(opened(options_of(dir.file("index")))->change(), 0);
  const auto saved = Shard::open(*std::move(written));
  ASSERT_TRUE(saved.ok());
  EXPECT_EQ((*saved)->change(), change);
  EXPECT_EQ((*saved)->unsaved(), 0u);
  ASSERT_TRUE(model.follow(**saved).ok());
  EXPECT_EQ(test::difference(**saved, model), "");
  EXPECT_EQ(test::difference(*shard, model), "") << "the old one stays as it is";
  EXPECT_EQ(opened(options_of(dir.file("index")))->change(), change);
}

TEST(Shard, LeavesOutVectorsOfAnotherSpace) {
  const auto shard = opened(options_of(""));
  store::MemoryRow row = plain_row(1, "boat");
  row.change = 1;
  ASSERT_TRUE(shard->apply(row, "too short").ok());
  EXPECT_EQ(shard->bad_vectors(), 1);
  EXPECT_EQ(shard->vectors().count(), 0u);
  EXPECT_EQ(shard->live(), 1);
}

TEST(Shard, WantsToBeSavedWhenItsDeltaHasGrown) {
  const auto shard = opened(options_of(""));
  store::MemoryRow row = plain_row(1, "boat");
  EXPECT_FALSE(shard->wants_save());
  for (row.change = 1; row.change <= 4097; ++row.change) {
    row.row = row.change;
    EXPECT_FALSE(shard->wants_save());
    ASSERT_TRUE(shard->apply(row, "").ok());
  }
  EXPECT_TRUE(shard->wants_save());
  EXPECT_EQ(shard->unsaved(), 4097u);
  ASSERT_TRUE(shard->save().ok());
  EXPECT_FALSE(shard->wants_save());
  EXPECT_EQ(shard->unsaved(), 0u);
}

RC_GTEST_PROP(ShardProperty, KnowsNothingOfAnotherScope, ()) {
  const std::array<std::unique_ptr<Shard>, 2> shards = {opened(options_of("")), opened(options_of(""))};
  std::array<ShardModel, 2> models;
  int64_t next_row = 1;
  for (int i = *rc::gen::inRange(0, 30); i > 0; --i) {
    const size_t scope = *rc::gen::inRange<size_t>(0, 2);
    models[scope].change = std::max(models[0].change, models[1].change);  // both are of one store
    change_something(models[scope], &next_row);
    if (i % 7 == 0) RC_ASSERT(models[scope].follow(*shards[scope]).ok());
  }
  for (size_t scope = 0; scope < 2; ++scope) {
    RC_ASSERT(models[scope].follow(*shards[scope]).ok());
    RC_ASSERT(test::difference(*shards[scope], models[scope]) == "");
  }
}

TEST(Shard, ThatLagsDoesNotBringBackWhatAnotherProcessDropped) {
  const tau::test::TempDir dir;
  const ShardOptions options = options_of(dir.file("index"));
  ShardModel model = small_model();
  const auto ours = opened(options);
  const auto theirs = opened(options);
  ASSERT_TRUE(model.follow(*ours).ok());
  ASSERT_TRUE(model.follow(*theirs).ok());
  model.purge(1);
  ASSERT_TRUE(model.follow(*theirs).ok());
  ASSERT_TRUE(theirs->save().ok());
  EXPECT_EQ(ours->save().reason(), "index_newer");
  EXPECT_EQ(opened(options)->change(), model.change);
  EXPECT_EQ(test::difference(*opened(options), model), "");
  ASSERT_TRUE(model.follow(*ours).ok());
  EXPECT_TRUE(ours->save().ok());
}

TEST(Shard, WantsToBeSavedWhileItsFileHoldsSomethingPurged) {
  const tau::test::TempDir dir;
  const ShardOptions options = options_of(dir.file("index"));
  ShardModel model = small_model();
  auto shard = opened(options);
  ASSERT_TRUE(model.follow(*shard).ok());
  ASSERT_TRUE(shard->save().ok());
  model.put(plain_row(1, "it says something else now"), "");
  ASSERT_TRUE(model.follow(*shard).ok());
  EXPECT_FALSE(shard->wants_save());
  model.purge(1);
  // The process ends between the purge and the save.
  shard = opened(options);
  ASSERT_TRUE(model.follow(*shard).ok());
  EXPECT_TRUE(shard->wants_save());
  EXPECT_TRUE(shard->holds_removed());
  ASSERT_TRUE(shard->save().ok());
  EXPECT_FALSE(shard->wants_save());
  EXPECT_FALSE(shard->holds_removed());
}

TEST(Shard, HoldsSomethingRemovedWhileAFileThatItDoesNotUseIsThere) {
  const tau::test::TempDir dir;
  ShardOptions options = options_of(dir.file("index"));
  ShardModel model = small_model();
  auto shard = opened(options);
  ASSERT_TRUE(model.follow(*shard).ok());
  ASSERT_TRUE(shard->save().ok());
  options.key.space = 3;  // another embedder
  shard = opened(options);
  EXPECT_TRUE(shard->holds_removed());
  ASSERT_TRUE(model.follow(*shard).ok());
  ASSERT_TRUE(shard->save().ok());
  EXPECT_FALSE(shard->holds_removed());
  EXPECT_TRUE(opened(options)->rejected().ok());
}

TEST(ShardFolder, LosesWhatBelongsToNoScope) {
  const tau::test::TempDir dir;
  EXPECT_EQ(sidecar_path("/x", 12), "/x/12.index");
  for (const char* name : {"1.index", "2.index", "-3.index", "x.index", "1.index.old",
                           ".tau-0123456789abcdef.tmp", ".tau-others.tmp", "notes.txt"})
    dir.write(name, "");
  const auto removed = sweep_sidecars(dir.path(), {7, 2});
  ASSERT_TRUE(removed.ok()) << removed.status().to_string();
  EXPECT_EQ(*removed, 3);
  EXPECT_FALSE(os::path_exists(dir.file("1.index")));
  EXPECT_FALSE(os::path_exists(dir.file("-3.index")));
  EXPECT_FALSE(os::path_exists(dir.file(".tau-0123456789abcdef.tmp")));
  for (const char* name : {"2.index", "x.index", "1.index.old", ".tau-others.tmp", "notes.txt"})
    EXPECT_TRUE(os::path_exists(dir.file(name))) << name;
  EXPECT_EQ(*sweep_sidecars(dir.file("none"), {}), 0);
}

}  // namespace
}  // namespace tau::memory
