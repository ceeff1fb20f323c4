// Glob patterns: by table, and against a matcher that is simple enough to believe.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/glob_pattern.h"

namespace tau::tool {
namespace {

bool matches(std::string_view pattern, std::string_view path) {
  const auto compiled = GlobPattern::compile(pattern);
  EXPECT_TRUE(compiled.ok()) << pattern;
  return compiled.ok() && compiled->matches(path);
}

TEST(Glob, FollowsItsTable) {
  struct Case {
    const char* pattern;
    const char* path;
    bool expected;
  };
  constexpr Case kCases[] = {
      {"*.c", "a.c", true},
      {"*.c", "x/y/a.c", true},
      {"*.c", "a.cc", false},
      {"./*.c", "x/a.c", false},
      {"./*.c", "a.c", true},
      {"src/*.c", "src/a.c", true},
      {"src/*.c", "src/x/a.c", false},
      {"src/**/*.c", "src/a.c", true},
      {"src/**/*.c", "src/x/y/a.c", true},
      {"**/x/**", "a/x", true},
      {"**/x/**", "a/x/b", true},
      {"**/x/**", "a/b", false},
      {"**", "a/b/c", true},
      {"a?c", "abc", true},
      {"a?c", "a/c", false},
      {"a?c",
       "a\xc3\xa4"
       "c",
       true},
      {"[a-c]x", "bx", true},
      {"[!a-c]x", "bx", false},
      {"[!a-c]x", "dx", true},
      {"[]a]", "]", true},
      {"[a-]", "-", true},
      {"{a,b}.c", "b.c", true},
      {"{a,b}.c", "c.c", false},
      {"{a,{b,c}d}", "cd", true},
      {"x{,y}", "x", true},
      {"{src,lib}/**/*.{c,h}", "lib/q/z.h", true},
      {"\\*.c", "*.c", true},
      {"\\*.c", "a.c", false},
      {"\\{a\\}", "{a}", true},
      {"*", ".hidden", true},
      {"a*b*c*d", "aXbXcX", false},
      {"a/b", "a/b/c", false},
  };
  for (const Case& c : kCases)
    EXPECT_EQ(matches(c.pattern, c.path), c.expected) << c.pattern << " on " << c.path;
}

TEST(Glob, RefusesPatternsThatSayNothing) {
  for (const std::string& bad :
       {std::string(), std::string("[a"), std::string("{a,b"), std::string("a/[b/c]"), std::string(5000, 'a'),
        std::string("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}")})
    EXPECT_EQ(GlobPattern::compile(bad).status().reason(), "invalid_glob") << bad;
}

TEST(Glob, HostilePatternsStayCheap) {
  std::string stars, path;
  for (int i = 0; i < 400; ++i) stars += "*a";
  for (int i = 0; i < 400; ++i) path += "**/";
  EXPECT_FALSE(matches(stars + "b", std::string(4000, 'a')));
  EXPECT_FALSE(matches(path + "b", std::string("a/") + path));
}

bool naive(std::string_view p, std::string_view t) {
  if (p.empty()) return t.empty();
  if (p.starts_with("**/")) {
    if (naive(p.substr(3), t)) return true;
    const size_t slash = t.find('/');
    return slash != t.npos && naive(p, t.substr(slash + 1));
  }
  if (p == "**") return true;
  if (p[0] == '*') {
    if (naive(p.substr(1), t)) return true;
    return !t.empty() && t[0] != '/' && naive(p, t.substr(1));
  }
  if (t.empty()) return false;
  if (p[0] == '?') return t[0] != '/' && naive(p.substr(1), t.substr(1));
  return p[0] == t[0] && naive(p.substr(1), t.substr(1));
}

RC_GTEST_PROP(GlobProperty, AgreesWithTheNaiveMatcher, ()) {
  const auto parts = *rc::gen::resize(
      6, rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(
             rc::gen::element<std::string>("**", "*", "a", "b", "?", "a*", "*b", "?a*", "*a*b"))));
  const auto names =
      *rc::gen::resize(6, rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(
                              rc::gen::element<std::string>("a", "b", "ab", "ba", "aab", "bba"))));
  auto join = [](const std::vector<std::string>& v) {
    std::string out;
    for (const std::string& s : v) out += (out.empty() ? "" : "/") + s;
    return out;
  };
  // "x/" in front: patterns with a slash are anchored, as the naive matcher's are. A last "**" takes nothing,
  // too.
  const std::string pattern = "x/" + join(parts), path = "x/" + join(names);
  bool expected = naive(pattern, path);
  for (std::string p = pattern; !expected && p.ends_with("/**");) {
    p.resize(p.size() - 3);
    expected = naive(p, path);
  }
  RC_ASSERT(matches(pattern, path) == expected);
}

}  // namespace
}  // namespace tau::tool
