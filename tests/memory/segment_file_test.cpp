// Sidecar files: what is written is read, what is torn or flipped is refused, and the file that was there
// stays until the new one is whole.
#include "memory/segment_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>

#include "memory/segment_column.h"
#include "memory/segment_strings.h"
#include "segment_copy.h"
#include "support/temp_dir.h"

namespace tau::memory {
namespace {

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

size_t files_in(const tau::test::TempDir& dir) {
  size_t n = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir.path())) ++n;
  return n;
}

SegmentHeader some_header() {
  SegmentHeader header;
  header.key.scope_key = 3;
  header.key.space = 4;
  header.key.dimensions = 64;
  header.key.analysis_version = 2;
  header.change = 77;
  header.documents = 5;
  return header;
}

// Two sections, the second one larger than the writer's buffer.
void write_some(SegmentWriter& writer, char fill) {
  writer.begin(7);
  writer.write("hello", 5);
  writer.align(8);
  writer.write(&fill, 1);
  writer.begin(9);
  const std::string large(700'000, fill);
  writer.write(large.data(), large.size());
  writer.begin(11);
}

Status write_file(const std::string& path, char fill) {
  TAU_ASSIGN_OR_RETURN(SegmentWriter writer, SegmentWriter::create(path));
  write_some(writer, fill);
  TAU_RETURN_IF_ERROR(writer.finish(some_header()));
  return writer.publish();
}

TEST(SegmentFile, ReadsWhatWasWritten) {
  const tau::test::TempDir dir;
  ASSERT_TRUE(write_file(dir.file("a"), 'x').ok());
  const auto view = SegmentView::open(dir.file("a"));
  ASSERT_TRUE(view.ok()) << view.status().to_string();
  EXPECT_EQ(text_of(view->section(7)), std::string("hello\0\0\0x", 9));
  EXPECT_EQ(text_of(view->section(9)), std::string(700'000, 'x'));
  EXPECT_TRUE(view->section(11).empty());
  EXPECT_TRUE(view->section(8).empty());
  for (const uint32_t id : {7, 9})
    EXPECT_EQ(reinterpret_cast<uintptr_t>(view->section(id).data()) % kSectionAlignment, 0u);
  EXPECT_EQ(view->header().key, some_header().key);
  EXPECT_EQ(view->header().change, 77);
  EXPECT_EQ(view->header().documents, 5u);
}

TEST(SegmentFile, IsForItsOwnerAlone) {
  const tau::test::TempDir dir;
  ASSERT_TRUE(write_file(dir.file("a"), 'x').ok());
  struct stat st;
  ASSERT_EQ(stat(dir.file("a").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
  ASSERT_EQ(chmod(dir.file("a").c_str(), 0644), 0);
  EXPECT_EQ(SegmentView::open(dir.file("a")).status().reason(), "file_not_private");
}

TEST(SegmentFile, LivesInMemoryWithoutAPath) {
  auto writer = SegmentWriter::create("");
  ASSERT_TRUE(writer.ok());
  write_some(*writer, 'm');
  ASSERT_TRUE(writer->finish(some_header()).ok());
  const auto view = writer->view();
  ASSERT_TRUE(view.ok());
  EXPECT_TRUE(writer->publish().ok());
  EXPECT_EQ(text_of(view->section(9)), std::string(700'000, 'm'));
}

TEST(SegmentFile, StaysAsItWasUntilTheNewOneIsPublished) {
  const tau::test::TempDir dir;
  ASSERT_TRUE(write_file(dir.file("a"), 'o').ok());
  {
    auto writer = SegmentWriter::create(dir.file("a"));
    ASSERT_TRUE(writer.ok());
    write_some(*writer, 'n');
    ASSERT_TRUE(writer->finish(some_header()).ok());
    EXPECT_EQ(writer->view()->section(9)[0], std::byte{'n'});
    EXPECT_EQ(SegmentView::open(dir.file("a"))->section(9)[0], std::byte{'o'});
  }
  EXPECT_EQ(files_in(dir), 1u);  // nothing is left of what was not published
  const auto old = SegmentView::open(dir.file("a"));
  ASSERT_TRUE(write_file(dir.file("a"), 'n').ok());
  EXPECT_EQ(old->section(9)[0], std::byte{'o'});  // who has it open keeps it
  EXPECT_EQ(SegmentView::open(dir.file("a"))->section(9)[0], std::byte{'n'});
  EXPECT_EQ(files_in(dir), 1u);
}

TEST(SegmentFile, StaysAsItWasWhenThereIsNoRoomForTheNewOne) {
  const tau::test::TempDir dir;
  ASSERT_TRUE(write_file(dir.file("a"), 'o').ok());
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  for (const rlim_t room : {0, 100, 4096, 5000, 300'000, 704'000}) {
    const rlimit limited{room, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limited), 0);
    const Status status = write_file(dir.file("a"), 'n');
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(status.reason(), "file_too_large") << room;
    const auto view = SegmentView::open(dir.file("a"));
    ASSERT_TRUE(view.ok());
    EXPECT_EQ(view->section(9)[0], std::byte{'o'});
    EXPECT_EQ(files_in(dir), 1u);
  }
  std::signal(SIGXFSZ, old_handler);
}

TEST(SegmentFile, SaysThatItIsTornWhereverItEnds) {
  const tau::test::TempDir dir;
  ASSERT_TRUE(write_file(dir.file("a"), 'x').ok());
  test::AlignedCopy copy(dir.read("a"));
  for (size_t size = 0; size < copy.span().size(); size += size < 9000 ? 1 : 7919) {
    const auto view = SegmentView::of(copy.span().first(size), "a");
    ASSERT_EQ(view.status().reason(), "index_damaged") << size;
    ASSERT_EQ(view.status().code(), Code::kDataLoss);
  }
  dir.write("b", dir.read("a").substr(0, 9));
  chmod(dir.file("b").c_str(), 0600);
  EXPECT_EQ(SegmentView::open(dir.file("b")).status().reason(), "index_damaged");
  EXPECT_EQ(SegmentView::open(dir.file("none")).status().reason(), "file_not_found");
}

TEST(SegmentFile, NoticesEveryBitThatMatters) {
  const tau::test::TempDir dir;
  {
    auto writer = SegmentWriter::create(dir.file("a"));
    ASSERT_TRUE(writer.ok());
    writer->begin(7);
    writer->write("hello, you", 10);
    writer->begin(8);
    writer->write("and you", 7);
    ASSERT_TRUE(writer->finish(some_header()).ok());
    ASSERT_TRUE(writer->publish().ok());
  }
  test::AlignedCopy copy(dir.read("a"));
  for (size_t bit = 0; bit < copy.span().size() * 8; ++bit) {
    std::byte& byte = copy.span()[bit / 8];
    const auto flipped = byte ^ (std::byte{1} << (bit % 8));
    const std::byte old = std::exchange(byte, flipped);
    const auto view = SegmentView::of(copy.span(), "a");
    if (view.ok()) {  // between the sections there is nothing
      ASSERT_EQ(text_of(view->section(7)), "hello, you") << bit;
      ASSERT_EQ(text_of(view->section(8)), "and you") << bit;
      ASSERT_EQ(view->header().key, some_header().key) << bit;
      ASSERT_EQ(view->header().change, 77);
    } else {
      ASSERT_TRUE(view.status().reason() == "index_damaged" || view.status().reason() == "index_stale")
          << bit;
    }
    byte = old;
  }
}

TEST(SegmentFile, OfSomethingElseIsStale) {
  const tau::test::TempDir dir;
  ASSERT_TRUE(write_file(dir.file("a"), 'x').ok());
  const auto view = SegmentView::open(dir.file("a"));
  const SegmentKey key = some_header().key;
  EXPECT_TRUE(view->matches(key, 77).ok());
  const auto reason = [&](const SegmentKey& other) { return std::string(view->matches(other, 77).reason()); };
  SegmentKey other = key;
  other.scope_key = 4;
  EXPECT_EQ(reason(other), "index_stale");
  other = key;
  other.space = 5;
  EXPECT_EQ(reason(other), "index_stale");
  other = key;
  other.dimensions = 65;
  EXPECT_EQ(reason(other), "index_stale");
  other = key;
  other.analysis_version = 3;
  EXPECT_EQ(reason(other), "index_stale");
  // The store went back to a time before.
  EXPECT_EQ(view->matches(key, 76).reason(), "index_stale");
}

TEST(SegmentColumn, HoldsEveryRangeOfNumbers) {
  const std::vector<std::vector<int64_t>> columns = {
      {},
      {5},
      {-3, -3, -3},
      {0, 255},
      {-1, 255},
      {1'700'000'000'000, 1'700'000'000'001, 1'800'000'000'000},
      {INT64_MIN, 0, INT64_MAX, -1},
      {INT64_MAX},
      {INT64_MIN, INT64_MIN + 1},
  };
  auto writer = SegmentWriter::create("");
  for (uint32_t i = 0; i < columns.size(); ++i) write_column(*writer, i, columns[i]);
  ASSERT_TRUE(writer->finish({}).ok());
  const auto view = writer->view();
  for (uint32_t i = 0; i < columns.size(); ++i) {
    const auto column = SegmentColumn::open(*view, i, columns[i].size());
    ASSERT_TRUE(column.ok()) << column.status().to_string();
    for (size_t j = 0; j < columns[i].size(); ++j) EXPECT_EQ(column->at(j), columns[i][j]);
    EXPECT_EQ(column_count(*view, i), columns[i].size());
    EXPECT_EQ(SegmentColumn::open(*view, i, columns[i].size() + 1).status().reason(), "index_damaged");
  }
  EXPECT_EQ(SegmentColumn::open(*view, 99, 0).status().reason(), "index_damaged");
}

TEST(SegmentStrings, FindWhatIsThereAndWhatBeginsLikeIt) {
  auto writer = SegmentWriter::create("");
  write_strings(*writer, 1, {"", "a", "ab", "abc", "b", "\xff"});
  write_strings(*writer, 3, {});
  ASSERT_TRUE(writer->finish({}).ok());
  const auto view = writer->view();
  const auto strings = SegmentStrings::open(*view, 1);
  ASSERT_TRUE(strings.ok());
  EXPECT_EQ(strings->size(), 6u);
  EXPECT_EQ(strings->find(""), 0u);
  EXPECT_EQ(strings->find("abc"), 3u);
  EXPECT_EQ(strings->find("abd"), kNoString);
  EXPECT_EQ(strings->find("zz"), kNoString);
  const auto range = strings->with_prefix("ab");
  EXPECT_EQ(range.begin, 2u);
  EXPECT_EQ(range.end, 4u);
  EXPECT_EQ(strings->with_prefix("\xff").end, 6u);
  EXPECT_EQ(strings->with_prefix("c").begin, strings->with_prefix("c").end);
  EXPECT_EQ(SegmentStrings::open(*view, 3)->size(), 0u);
}

}  // namespace
}  // namespace tau::memory
