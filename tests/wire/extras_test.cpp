// Extras behave as a list of pairs would.
#include "wire/extras.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace tau::wire {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs pairs_of(const Extras& extras) {
  Pairs out;
  for (const auto& [key, json] : extras) out.emplace_back(key, json);
  return out;
}

RC_GTEST_PROP(Extras, AreAListOfPairs, ()) {
  Extras extras;
  Pairs expected;
  const int changes = *rc::gen::inRange(0, 30);
  for (int i = 0; i < changes; ++i) {
    const std::string key(1, *rc::gen::inRange('a', 'f'));
    const std::string json(static_cast<size_t>(*rc::gen::inRange(1, 40)), '7');
    const auto known =
        std::find_if(expected.begin(), expected.end(), [&](auto& p) { return p.first == key; });
    const bool is_known = known != expected.end();
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        extras.erase(key);
        if (is_known) expected.erase(known);
        break;
      case 1:
        if (is_known) break;
        extras.add_front(key, json);
        expected.insert(expected.begin(), {key, json});
        break;
      case 2:
        if (is_known) break;
        extras.add(key, json);
        expected.emplace_back(key, json);
        break;
      default:
        extras.set(key, json);
        if (is_known)
          known->second = json;
        else
          expected.emplace_back(key, json);
    }
    RC_ASSERT(pairs_of(extras) == expected);
    RC_ASSERT(extras.empty() == expected.empty());
  }
  Extras again;
  for (const auto& [key, json] : expected) {
    RC_ASSERT(extras.find(key) == json);
    again.add(key, json);
  }
  RC_ASSERT(again == extras);
  RC_ASSERT(extras.find("none").empty());
}

TEST(Extras, KeysAndTextMayHaveAnyBytes) {
  const Extras extras = {{std::string_view("a\0b", 3), "1"}, {"", "2"}, {"a", "3"}};
  EXPECT_EQ(extras.find(std::string_view("a\0b", 3)), "1");
  EXPECT_EQ(extras.find(""), "2");
  EXPECT_EQ(extras.find("a"), "3");
}

}  // namespace
}  // namespace tau::wire
