// How references are read: the results of the WHATWG URL standard, and what is refused of them for use.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "net/net.h"

namespace tau::net {
namespace {

constexpr std::string_view kBase = "https://example.org/a/b/c?q";

std::string shown(const Url& url) { return url.origin() + url.target; }

TEST(Reference, IsResolvedAgainstItsBase) {
  struct Case {
    std::string_view text;
    std::string_view url;
  };
  constexpr Case kCases[] = {
      {"", "https://example.org:443/a/b/c?q"},
      {"#frag", "https://example.org:443/a/b/c?q"},
      {"?x#y?z", "https://example.org:443/a/b/c?x"},
      {"d", "https://example.org:443/a/b/d"},
      {"./d/.", "https://example.org:443/a/b/d/"},
      {"../d", "https://example.org:443/a/d"},
      {"../../../../d", "https://example.org:443/d"},
      {"%2e%2E/d", "https://example.org:443/a/d"},
      {"/d//e/..", "https://example.org:443/d//"},
      {"//other.example/x", "https://other.example:443/x"},
      {"\\\\other.example\\x", "https://other.example:443/x"},
      {"http:d", "http://d:80/"},
      {"https:d", "https://example.org:443/a/b/d"},
      {"https:/d", "https://example.org:443/d"},
      {"HTTP://Other.Example:8080", "http://other.example:8080/"},
      {" \t/d e\n", "https://example.org:443/d%20e"},
      {"/\xc3\xa9?\"'\\", "https://example.org:443/%C3%A9?%22%27%5C"},
      {"https:////[::FFFF:7f00:1]:0443/x", "https://[::ffff:127.0.0.1]:443/x"},
      {"a:b", ""},
      {"javascript:alert(1)", ""},
      {"file:///etc/passwd", ""},
      {"//", ""},
      {"//h:65536/", ""},
      {"//h:1x/", ""},
      {"//[::1/", ""},
      {"//a b/", ""},
      {"//a%2fb/", ""},
      {"//\xff/", ""},
      {"//1.2.3.4.5/", ""},
      {"//1.2.3.256/", ""},
      {"//4294967296/", ""},
      {"//foo.0x/", ""},
      {"//08.1/", ""},
  };
  for (const Case& c : kCases) {
    const StatusOr<Reference> read = read_reference(c.text, kBase);
    EXPECT_EQ(read.ok() ? shown(read->url) : "", c.url) << c.text;
  }
}

TEST(Reference, NeedsAnAbsoluteUrlToBeRelativeTo) {
  for (const std::string_view base : {"", "about:blank", "a/b", "http://[::1", "ftp://h/"}) {
    EXPECT_FALSE(read_reference("/x", base).ok()) << base;
    const bool malformed = base == "a/b" || base == "http://[::1";
    EXPECT_EQ(read_reference("https://h/", base).ok(), !malformed) << base;
  }
  EXPECT_EQ(read_reference("ftp://h/").status().reason(), "unsupported_scheme");
  EXPECT_EQ(read_reference(std::string(70'000, 'a'), kBase).status().reason(), "invalid_url");
}

TEST(Reference, TellsAddressesInDisguiseAndUserInformation) {
  for (const char* host : {"127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001",
                           "127.0.0.1", "127.0.0.1.", "%31%32%37.0.0.1", "0x7F.0x0.0.1"}) {
    const StatusOr<Reference> read = read_reference(format("http://{}/", host));
    ASSERT_TRUE(read.ok()) << host;
    EXPECT_EQ(read->url.host, "127.0.0.1") << host;
    EXPECT_EQ(read->disguised, !std::string_view(host).starts_with("127.0.0.1")) << host;
    EXPECT_EQ(resolve_url(format("http://{}/", host)).ok(), !read->disguised) << host;
  }
  EXPECT_EQ(read_reference("http://0/")->url.host, "0.0.0.0");
  for (const char* url : {"http://u:p@h/", "http://@h/", "http://a@b@h/", "http:u@h"}) {
    EXPECT_TRUE(read_reference(url)->user_information) << url;
    EXPECT_EQ(read_reference(url)->url.host, "h") << url;
    EXPECT_EQ(resolve_url(url).status().reason(), "invalid_url") << url;
  }
  EXPECT_EQ(resolve_url("//evil.example@h/", kBase).status().reason(), "invalid_url");
}

TEST(Reference, MapsNamesOutsideAsciiWhereLibidn2Is) {
  const StatusOr<Reference> name = read_reference(
      "https://B\xc3\xbc"
      "cher.example/");
  if (!name.ok()) {
    ASSERT_NE(name.status().message().find("libidn2"), std::string_view::npos) << name.status().to_string();
    GTEST_SKIP() << "no libidn2 on this machine";
  }
  EXPECT_EQ(name->url.host, "xn--bcher-kva.example");
  EXPECT_EQ(read_reference("https://fa\xc3\x9f.example/")->url.host, "xn--fa-hia.example");
  EXPECT_EQ(read_reference("https://\xe2\x98\x83/")->url.host, "xn--n3h");
  const StatusOr<Reference> digits =
      read_reference("http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.\xe2\x93\xaa.0.1/");
  ASSERT_TRUE(digits.ok());
  EXPECT_EQ(digits->url.host, "127.0.0.1");
  EXPECT_TRUE(digits->disguised);
  EXPECT_FALSE(read_reference("https://\xc2\xad/").ok()) << "nothing is left of a soft hyphen";
  EXPECT_FALSE(read_reference("https://a\xe2\x80\xae"
                              "b/")
                   .ok());
}

// What comes out can be read again, by the strict parser and relative to anything, and stays as it is.
RC_GTEST_PROP(Reference, WhatIsUsedIsCanonical, ()) {
  const std::string alphabet = "htps:/\\?#@.[]%2e01xa \t";
  const auto draw = [&alphabet] { return rc::gen::container<std::string>(rc::gen::elementOf(alphabet)); };
  const std::string text = "http://" + *draw();
  const std::string more = *draw();
  const StatusOr<Url> base = resolve_url(text);
  if (!base.ok()) return;
  RC_ASSERT(shown(*resolve_url(shown(*base))) == shown(*base));
  const StatusOr<Url> next = resolve_url(more, shown(*base));
  if (!next.ok()) return;
  RC_ASSERT(parse_url(shown(*next)).ok());
  RC_ASSERT(shown(*resolve_url(shown(*next), "https://other.example/")) == shown(*next));
}

}  // namespace
}  // namespace tau::net
