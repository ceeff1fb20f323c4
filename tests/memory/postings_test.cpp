// Posting lists beside a plain map: adding, saving, opening again, damage.
#include "memory/postings.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <vector>

namespace tau::memory {
namespace {

using Model = std::vector<std::map<uint64_t, uint32_t>>;  // terms of each document

std::vector<TermCount> counts_of(const std::map<uint64_t, uint32_t>& terms) {
  std::vector<TermCount> counts;
  for (const auto& [term, count] : terms) counts.push_back({term, count});
  return counts;
}

void expect_same(const Postings& postings, const Model& model, const std::vector<uint64_t>& vocabulary) {
  RC_ASSERT(postings.size() == model.size());
  uint64_t total = 0;
  for (Doc doc = 0; doc < model.size(); ++doc) {
    uint32_t length = 0;
    for (const auto& [term, count] : model[doc]) length += count;
    RC_ASSERT(postings.length(doc) == std::min(length, Postings::kMaxLength));
    total += postings.length(doc);
  }
  RC_ASSERT(postings.total_length() == total);
  for (const uint64_t term : vocabulary) {
    std::vector<std::pair<Doc, uint32_t>> found;
    postings.each(term, [&](Doc doc, uint32_t count) { found.emplace_back(doc, count); });
    std::vector<std::pair<Doc, uint32_t>> wanted;
    for (Doc doc = 0; doc < model.size(); ++doc)
      if (const auto it = model[doc].find(term); it != model[doc].end()) wanted.emplace_back(doc, it->second);
    RC_ASSERT(found == wanted);
    RC_ASSERT(postings.document_count(term) == wanted.size());
  }
}

Postings saved(const Postings& postings, const Renumber& renumber) {
  auto writer = SegmentWriter::create("");
  RC_ASSERT(writer.ok());
  postings.save(*writer, renumber);
  RC_ASSERT(writer->finish({}).ok());
  auto view = writer->view();
  RC_ASSERT(view.ok());
  auto opened = Postings::open(*view);
  RC_ASSERT(opened.ok());
  return *std::move(opened);
}

RC_GTEST_PROP(PostingsProperty, SayWhatAMapSaysThroughAddAndSave, ()) {
  const std::vector<uint64_t> vocabulary = {1, 2, 3, 77, uint64_t{1} << 40, ~uint64_t{0}, 0};
  Postings postings;
  Model model;
  const int steps = *rc::gen::inRange(0, 60);
  for (int i = 0; i < steps; ++i) {
    if (*rc::gen::inRange(0, 12) != 0) {
      model.emplace_back();
      const int terms = *rc::gen::inRange(0, 6);
      for (int t = 0; t < terms; ++t)
        model.back()[*rc::gen::elementOf(vocabulary)] = *rc::gen::element(1U, 1U, 2U, 127U, 128U, 40'000U);
      postings.add(static_cast<Doc>(model.size() - 1), counts_of(model.back()));
      continue;
    }
    Renumber renumber;
    Model left;
    for (const auto& terms : model) {
      const bool out = *rc::gen::inRange(0, 4) == 0;
      renumber.push_back(out ? kNoDoc : static_cast<Doc>(left.size()));
      if (!out) left.push_back(terms);
    }
    postings = saved(postings, renumber);
    model = std::move(left);
  }
  expect_same(postings, model, vocabulary);
}

TEST(Postings, FindAmongManyTerms) {
  Postings postings;
  std::vector<TermCount> terms;
  for (uint64_t i = 0; i < 20'000; ++i)
    terms.push_back({i * i * 0x9e3779b97f4a7c15, static_cast<uint32_t>(i % 3 + 1)});
  postings.add(0, terms);
  Renumber same = {0};
  const Postings base = saved(postings, same);
  for (const TermCount& term : terms) {
    EXPECT_EQ(base.document_count(term.term), 1U);
    uint32_t seen = 0;
    base.each(term.term, [&](Doc, uint32_t count) { seen = count; });
    EXPECT_EQ(seen, term.count);
  }
  EXPECT_EQ(base.document_count(12345), 0U);
}

TEST(Postings, DocumentsThatArePassedOverHaveNoTerms) {
  Postings postings;
  postings.add(3, {{9, 2}});
  postings.add(1, {{9, 2}});  // too late: numbers ascend
  EXPECT_EQ(postings.size(), 4U);
  EXPECT_EQ(postings.length(1), 0U);
  EXPECT_EQ(postings.document_count(9), 1U);
}

TEST(Postings, DamagedSectionsAreRefusedOrCutShort) {
  const auto sections = [](std::string_view lists, uint32_t documents, size_t lengths, uint64_t offset) {
    auto writer = SegmentWriter::create("");
    EXPECT_TRUE(writer.ok());
    writer->begin(kPostingSections + 2);
    writer->write(lists.data(), lists.size());
    writer->begin(kPostingSections + 1);
    const uint64_t entry[3] = {5, offset, uint64_t{7} << 32 | lists.size()};
    writer->write(entry, sizeof entry);
    writer->begin(kPostingSections + 3);
    const std::vector<uint16_t> values(lengths);
    writer->write_all(values);
    writer->begin(kPostingSections);
    const uint32_t header[4] = {0, 0, documents, 0};
    writer->write(header, sizeof header);
    EXPECT_TRUE(writer->finish({}).ok());
    auto view = writer->view();
    EXPECT_TRUE(view.ok());
    return Postings::open(*view);
  };
  EXPECT_EQ(sections("", 2, 1, 0).status().reason(), "index_damaged");
  for (const std::string_view lists :
       {"\xff\xff\xff\xff\xff\xff", "\x01", "\x40", "\x80", "\x00\x00\x00\x00"}) {
    const auto postings = sections(lists, 2, 2, 0);
    ASSERT_TRUE(postings.ok());
    postings->each(5, [](Doc doc, uint32_t) { EXPECT_LT(doc, 2U); });
  }
  const auto beyond = sections("\x02", 2, 2, 1000);
  ASSERT_TRUE(beyond.ok());
  beyond->each(5, [](Doc, uint32_t) { FAIL(); });
}

}  // namespace
}  // namespace tau::memory
