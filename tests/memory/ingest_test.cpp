// Files as memories: what is written for a file, again and again, through crashes, and which files are taken.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "base/utc.h"
#include "json/json.h"
#include "memory/external_text.h"
#include "memory/ingest.h"
#include "memory/ingest_folder.h"
#include "memory/memory_check.h"

namespace tau::memory {
namespace {

// As much of a store as a plan sees: a batch is written whole or not at all.
class Rows {
 public:
  void apply(const IngestPlan& plan) {
    for (const store::MemoryEdit& edit : plan.edits) {
      if (const auto* put = std::get_if<store::MemoryPut>(&edit.what)) {
        ASSERT_TRUE(check_memory(put->row).ok());
        rows_[put->row.id] = put->row;
        rows_[put->row.id].forgotten_ms = 0;
      } else if (const auto* forget = std::get_if<store::MemoryForget>(&edit.what)) {
        ASSERT_TRUE(rows_.contains(forget->ref.id));
        rows_[forget->ref.id].forgotten_ms = forget->at_ms;
      }
    }
    writes_ += static_cast<int64_t>(plan.edits.size());
  }
  std::vector<store::MemoryRow> of(std::string_view source) const {
    std::vector<store::MemoryRow> out;
    for (const auto& [id, row] : rows_)
      if (row.source.starts_with(source)) out.push_back(row);
    return out;
  }
  // What is not forgotten, in the order of the file.
  std::vector<std::string> texts(std::string_view source) const {
    std::map<int64_t, std::string> texts;
    for (const auto& [id, row] : rows_)
      if (row.source == source && row.forgotten_ms == 0) texts[row.position] = row.text;
    std::vector<std::string> out;
    for (const auto& [position, text] : texts) out.push_back(text);
    return out;
  }
  void forget(std::string_view text) {
    for (auto& [id, row] : rows_)
      if (row.text == text) row.forgotten_ms = 7;
  }
  int64_t writes() const { return writes_; }

 private:
  std::map<std::string, store::MemoryRow> rows_;
  int64_t writes_ = 0;
};

ChunkedFile lines_file(const std::vector<std::string>& lines) {
  ChunkedFile file;
  for (size_t i = 0; i < lines.size(); ++i) {
    const auto number = static_cast<int64_t>(i + 1);
    file.chunks.push_back({lines[i], "", number, number, "text"});
  }
  return file;
}
IngestSource source_of(std::string_view path) { return {{"w", "", ""}, "file:" + std::string(path), 1'000}; }
IngestOptions options() {
  IngestOptions options;
  options.now_ms = 5'000;
  options.tags = {"notes"};
  return options;
}
IngestPlan plan(Rows& rows, std::string_view path, const ChunkedFile& file) {
  const IngestSource source = source_of(path);
  auto plan = plan_ingest(source, file, rows.of(source.source), options());
  EXPECT_TRUE(plan.ok()) << plan.status().to_string();
  return plan.ok() ? *std::move(plan) : IngestPlan();
}

TEST(Ingest, WritesAFileOnceAndThenWhatHasChanged) {
  Rows rows;
  IngestPlan first = plan(rows, "a", lines_file({"one", "two", "one"}));
  EXPECT_EQ(first.added, 3);
  rows.apply(first);
  EXPECT_EQ(rows.texts("file:a"), (std::vector<std::string>{"one", "two", "one"}));
  EXPECT_TRUE(plan(rows, "a", lines_file({"one", "two", "one"})).edits.empty());

  const IngestPlan second = plan(rows, "a", lines_file({"zero", "one", "three"}));
  EXPECT_EQ(second.added, 2);
  EXPECT_EQ(second.moved, 1);
  EXPECT_EQ(second.vanished, 2);
  rows.apply(second);
  EXPECT_EQ(rows.texts("file:a"), (std::vector<std::string>{"zero", "one", "three"}));

  const IngestPlan third = plan(rows, "a", lines_file({"two"}));
  EXPECT_EQ(third.returned, 1);
  rows.apply(third);
  EXPECT_EQ(rows.texts("file:a"), (std::vector<std::string>{"two"}));
  EXPECT_TRUE(plan(rows, "a", lines_file({"two"})).edits.empty());
}

TEST(Ingest, LeavesForgottenWhatSomebodyForgot) {
  Rows rows;
  rows.apply(plan(rows, "a", lines_file({"one", "two"})));
  rows.forget("one");
  const IngestPlan again = plan(rows, "a", lines_file({"one", "two", "three"}));
  EXPECT_EQ(again.left_forgotten, 1);
  rows.apply(again);
  EXPECT_EQ(rows.texts("file:a"), (std::vector<std::string>{"two", "three"}));
  rows.apply(plan_vanished(rows.of("file:a"), 9));
  EXPECT_TRUE(rows.texts("file:a").empty());
  rows.apply(plan(rows, "a", lines_file({"one", "two"})));
  EXPECT_EQ(rows.texts("file:a"), (std::vector<std::string>{"two"}));
}

TEST(Ingest, TakesAFileWhoseTagsHaveControlCharacters) {
  const auto file = chunk_document("a.md",
                                   "---\ntags: [gar\x1f"
                                   "den, \x01, home]\n---\nWater it.\n",
                                   {});
  const auto plan = plan_ingest(source_of("a.md"), *file, {}, options());
  ASSERT_TRUE(plan.ok()) << plan.status().to_string();
  ASSERT_EQ(plan->edits.size(), 1u);
  EXPECT_EQ(std::get<store::MemoryPut>(plan->edits[0].what).row.tags,
            (std::vector<std::string>{"gar den", "home", "notes"}));
}

TEST(Ingest, TellsWhereAChunkStandsAndTakesTagsAndDateOfTheFile) {
  const auto file =
      chunk_document("a.md", "---\ntags: [garden, home]\ndate: 2024-05-01\n---\n# Plan\nWater it.\n", {});
  const auto plan = plan_ingest(source_of("a.md"), *file, {}, options());
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ(plan->edits.size(), 1u);
  const auto& row = std::get<store::MemoryPut>(plan->edits[0].what).row;
  EXPECT_EQ(row.text, "Plan\n\nWater it.");
  EXPECT_EQ(row.tags, (std::vector<std::string>{"garden", "home", "notes"}));
  EXPECT_EQ(row.time_ms, *parse_time_ms("2024-05-01"));
  EXPECT_EQ(row.thread, "file:a.md");
  EXPECT_EQ(row.source, "file:a.md");
  EXPECT_EQ(static_cast<Type>(row.type), Type::kFact);
  EXPECT_EQ(row.importance, default_importance(Type::kFact));
  EXPECT_EQ(row.attributes, R"({"chunk":{"heading":"Plan","kind":"text","first_line":6,"last_line":6},)"
                            R"("file":{"date":"2024-05-01","tags":["garden","home"]}})");
  EXPECT_EQ(plan_ingest({{"", "", ""}, "file:a", 0}, *file, {}, options()).status().reason(),
            "invalid_memory");
}

TEST(Ingest, KeepsWhatUsersAddToAMemory) {
  Rows rows;
  IngestPlan first = plan(rows, "a", lines_file({"one"}));
  auto& row = std::get<store::MemoryPut>(first.edits[0].what).row;
  row.attributes.insert(1, "\"mine\":1,");
  row.importance = 1;
  row.tags = {"other"};
  rows.apply(first);
  EXPECT_TRUE(plan(rows, "a", lines_file({"one"})).edits.empty());
  rows.apply(plan(rows, "a", lines_file({"zero", "one"})));
  for (const auto& now : rows.of("file:a"))
    if (now.text == "one") {
      EXPECT_EQ(now.importance, 1);
      EXPECT_EQ(now.tags, (std::vector<std::string>{"other"}));
      EXPECT_NE(now.attributes.find("\"mine\":1"), std::string::npos);
      EXPECT_EQ(now.position, 1);
    }
}

// A pass over a folder that dies after any number of files, and is done again.
TEST(Ingest, ACrashBetweenFilesNeitherDoublesNorLosesAnything) {
  const std::map<std::string, ChunkedFile> files = {
      {"a", lines_file({"one", "two"})}, {"b", lines_file({"one"})}, {"c", lines_file({"x", "x", "x"})}};
  for (size_t dies_after = 0; dies_after <= files.size(); ++dies_after) {
    Rows rows;
    size_t done = 0;
    for (const auto& [path, file] : files) {
      const IngestPlan planned = plan(rows, path, file);
      if (done++ == dies_after) break;  // the batch was not committed
      rows.apply(planned);
    }
    int64_t added = 0;
    for (const auto& [path, file] : files) {
      const IngestPlan planned = plan(rows, path, file);
      added += planned.added;
      rows.apply(planned);
    }
    EXPECT_EQ(rows.writes(), 6);
    EXPECT_EQ(rows.texts("file:c").size(), 3u);
    for (const auto& [path, file] : files) EXPECT_TRUE(plan(rows, path, file).edits.empty());
  }
}

RC_GTEST_PROP(IngestLaws, TheStoreSaysWhatTheFileSays, ()) {
  Rows rows;
  for (int round = 0; round < 6; ++round) {
    const auto picks = *rc::gen::resize(20, rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 6)));
    std::vector<std::string> lines;
    for (const int pick : picks) lines.push_back(format("line {}", pick));
    rows.apply(plan(rows, "a", lines_file(lines)));
    RC_ASSERT(rows.texts("file:a") == lines);
    RC_ASSERT(plan(rows, "a", lines_file(lines)).edits.empty());
  }
}

TEST(Ingest, NamesDifferBySourceTextAndOccurrence) {
  EXPECT_EQ(chunk_id("file:a", "t", 0), chunk_id("file:a", "t", 0));
  EXPECT_NE(chunk_id("file:a", "t", 0), chunk_id("file:a", "t", 1));
  EXPECT_NE(chunk_id("file:a", "bt", 0), chunk_id("file:ab", "t", 0));
}

TEST(FolderFilter, TakesFilesOfKnownFormatsThatNothingIgnores) {
  using Verdict = FolderFilter::Verdict;
  FolderPolicy policy;
  policy.ignore = {"build/", "*.log", "!keep.log", "/top.md", "docs/*.txt", "# no", "{a}.md"};
  policy.max_file_bytes = 10;
  policy.max_files = 6;
  auto filter = FolderFilter::create(policy);
  ASSERT_TRUE(filter.ok());
  filter->add_ignore_file("sub", "/here.md\nwide.md\n");
  EXPECT_EQ(filter->folder("a/build"), Verdict::kIgnored);
  EXPECT_EQ(filter->folder(".git"), Verdict::kHidden);
  EXPECT_EQ(filter->folder("a"), Verdict::kTake);
  EXPECT_EQ(filter->file("a/build", 1), Verdict::kUnknownFormat);
  EXPECT_EQ(filter->file("a/x.log", 1), Verdict::kIgnored);
  EXPECT_EQ(filter->file("a/keep.log", 1), Verdict::kTake);
  EXPECT_EQ(filter->file("top.md", 1), Verdict::kIgnored);
  EXPECT_EQ(filter->file("a/top.md", 1), Verdict::kTake);
  EXPECT_EQ(filter->file("docs/a.txt", 1), Verdict::kIgnored);
  EXPECT_EQ(filter->file("docs/b/a.txt", 1), Verdict::kTake);
  EXPECT_EQ(filter->file("{a}.md", 1), Verdict::kIgnored);
  EXPECT_EQ(filter->file("a.md", 1), Verdict::kTake);
  EXPECT_EQ(filter->file("sub/here.md", 1), Verdict::kIgnored);
  EXPECT_EQ(filter->file("sub/x/here.md", 1), Verdict::kTake);
  EXPECT_EQ(filter->file("sub/x/wide.md", 1), Verdict::kIgnored);
  EXPECT_EQ(filter->file("photo.jpg", 1), Verdict::kUnknownFormat);
  EXPECT_EQ(filter->file(".env", 1), Verdict::kHidden);
  EXPECT_EQ(filter->file("Makefile", 11), Verdict::kTooLarge);
  EXPECT_EQ(filter->file("Makefile", 1), Verdict::kTake);
  EXPECT_EQ(filter->file("b.md", 1), Verdict::kTooMany);
  policy.globs = {"[a"};
  EXPECT_EQ(FolderFilter::create(policy).status().reason(), "invalid_glob");
}

TEST(FileMark, BelievesWhatHadSettledWhenItWasRead) {
  FileMark mark{10, 5'000'000'000, 3, 8'000'000'000, "d"};
  const auto back = read_mark(write_mark(mark));
  ASSERT_TRUE(back);
  EXPECT_EQ(freshness(*back, mark), Freshness::kUnchanged);
  FileMark now = mark;
  now.inode = 4;
  EXPECT_EQ(freshness(mark, now), Freshness::kLook);
  mark.seen_ns = 6'000'000'000;  // it was changed a second before
  EXPECT_EQ(freshness(mark, mark), Freshness::kLook);
  EXPECT_FALSE(read_mark("{}"));
  EXPECT_FALSE(read_mark("x"));
  ChunkOptions other;
  other.max_bytes = 1'999;
  EXPECT_NE(content_digest("a", {}), content_digest("a", other));
}

TEST(Vanished, AreSourcesBelowTheTopThatAWholeWalkHasNotMet) {
  const std::vector<std::string> known = {"file:/n/a.md", "file:/n/sub/b.md", "file:/n/shut/c.md",
                                          "file:/nn/d.md", "file:/n/e.md"};
  EXPECT_EQ(vanished_sources("file:/n", known, {"file:/n/a.md"}, {"file:/n/shut"}),
            (std::vector<std::string>{"file:/n/e.md", "file:/n/sub/b.md"}));
}

TEST(ExternalText, IsKnownForPdf) {
  const auto how = external_text("-x.PDF");
  ASSERT_TRUE(how);
  EXPECT_EQ(how->argv.front(), "pdftotext");
  EXPECT_EQ(how->argv[how->argv.size() - 2], "./-x.PDF");
  EXPECT_TRUE(how->pages);
  EXPECT_FALSE(external_text("a.txt"));
}

}  // namespace
}  // namespace tau::memory
