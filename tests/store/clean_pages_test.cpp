// What of a page belongs to nothing, and that nothing else is taken for it.
#include "store/clean_pages.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace tau::store {
namespace {

constexpr size_t kPage = 4096;

std::vector<std::byte> page_of(std::vector<int> begin) {
  std::vector<std::byte> page(kPage, std::byte{0xaa});
  for (size_t i = 0; i < begin.size(); ++i) page[i] = static_cast<std::byte>(begin[i]);
  return page;
}
// A leaf of a table with two cells, at 4,000 and 4,050.
std::vector<std::byte> leaf() { return page_of({13, 0, 0, 0, 2, 0x0f, 0xa0, 0, 0x0f, 0xd2, 0x0f, 0xa0}); }

TEST(CleanPages, TheUnusedPartLiesBetweenTheTableAndTheCells) {
  auto page = leaf();
  const auto rest = unused_part(page, 7);
  EXPECT_EQ(rest.data() - page.data(), 12);
  EXPECT_EQ(rest.size(), 4000u - 12u);
  auto first = page;
  std::copy(page.begin(), page.begin() + 12, first.begin() + 100);
  EXPECT_EQ(unused_part(first, 1).data() - first.data(), 112);
}

TEST(CleanPages, OtherPagesAreLeftAlone) {
  auto page = leaf();
  EXPECT_TRUE(unused_part(page, 2).empty()) << "the first map";
  EXPECT_TRUE(unused_part(page, 3).empty()) << "where it would stand beside the page of locks";
  EXPECT_TRUE(unused_part(page, 2 + (kPage / 5 + 1)).empty()) << "the second map";
  EXPECT_TRUE(unused_part(page, uint64_t{1} << 24).empty());
  for (const int type : {0, 1, 3, 4, 14, 255}) {
    page[0] = static_cast<std::byte>(type);
    EXPECT_TRUE(unused_part(page, 7).empty()) << type;
  }
  page = leaf();
  page[9] = std::byte{0x10};  // a cell before the first one
  page[8] = std::byte{0};
  EXPECT_TRUE(unused_part(page, 7).empty());
  page = leaf();
  page[4] = page[3] = std::byte{0xff};  // more cells than there is room for
  EXPECT_TRUE(unused_part(page, 7).empty());
}

RC_GTEST_PROP(CleanPagesProperty, OfAnyBytesItHoldsNoCellAndStaysWithinThePage,
              (std::vector<uint8_t> bytes)) {
  auto page = leaf();
  for (size_t i = 0; i < std::min(bytes.size(), page.size()); ++i)
    if (bytes[i] % 3 != 0) page[i] = static_cast<std::byte>(bytes[i]);
  const auto rest = unused_part(page, *rc::gen::inRange<uint64_t>(1, 5000));
  if (rest.empty()) return;
  const auto begin = static_cast<size_t>(rest.data() - page.data());
  RC_ASSERT(begin >= 8);
  RC_ASSERT(begin + rest.size() <= page.size());
}

}  // namespace
}  // namespace tau::store
