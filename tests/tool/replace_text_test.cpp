// Exact replacement: against a naive model, and what stays as it was.
#include "tool/builtin/replace_text.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tau::tool {
namespace {

TEST(ReplaceText, NeedsOneMatchUnlessToldOtherwise) {
  EXPECT_EQ(replace_text("a b c", "b", "x", false).text, "a x c");
  const Replacement two = replace_text("a\nb\na\n", "a", "x", false);
  EXPECT_EQ(two.text, "");
  EXPECT_EQ(two.lines, (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(replace_text("a\nb\na\n", "a", "x", true).text, "x\nb\nx\n");
  EXPECT_TRUE(replace_text("a", "b", "x", true).lines.empty());
  EXPECT_EQ(replace_text("aaaa", "aa", "b", true).text, "bb") << "matches do not overlap";
}

TEST(ReplaceText, KeepsTheLineEndingsOfTheFile) {
  EXPECT_EQ(replace_text("one\r\ntwo\r\nthree\r\n", "one\ntwo", "1\n2", false).text, "1\r\n2\r\nthree\r\n");
  EXPECT_EQ(replace_text("one\r\ntwo\r\n", "one", "1\n1", false).text, "1\r\n1\r\ntwo\r\n");
  EXPECT_EQ(replace_text("one\r\ntwo\r\n", "one\r\ntwo", "x", false).text, "x\r\n");
  EXPECT_EQ(replace_text("one\ntwo\n", "one", "1\n1", false).text, "1\n1\ntwo\n");
}

TEST(ReplaceText, FindsTheLineThatWasMeant) {
  const std::string text = "int main() {\n    return 0;\n}\n";
  EXPECT_EQ(nearest_line(text, "\n\treturn 0;\n}"), 2);
  EXPECT_EQ(nearest_line(text, "main()"), 1);
  EXPECT_EQ(nearest_line(text, "nothing like it"), 0);
  EXPECT_EQ(nearest_line(text, " \n\t\n"), 0);
}

RC_GTEST_PROP(ReplaceTextProperty, EqualsSplittingAndJoining, ()) {
  const auto small = rc::gen::container<std::string>(rc::gen::element('a', 'b', '\n'));
  const std::string text = *small, with = *small, what = *rc::gen::nonEmpty(small);
  std::vector<std::string> parts = {""};
  for (size_t i = 0; i < text.size();) {
    if (text.compare(i, what.size(), what) == 0) {
      parts.emplace_back();
      i += what.size();
    } else {
      parts.back() += text[i++];
    }
  }
  std::string expected = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) expected += with + parts[i];
  const Replacement all = replace_text(text, what, with, true);
  RC_ASSERT(all.lines.size() == parts.size() - 1);
  if (!all.lines.empty()) RC_ASSERT(all.text == expected);
  if (parts.size() == 2) RC_ASSERT(replace_text(text, what, with, false).text == expected);
}

}  // namespace
}  // namespace tau::tool
