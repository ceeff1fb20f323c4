// Pins URLs and addresses: what is refused, what libcurl would make of the same text, which addresses are
// private.
#include <curl/curl.h>
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "net/net.h"

namespace tau::net {
namespace {

TEST(Url, TakesUrlsApart) {
  struct Case {
    const char* text;
    const char* origin;
    const char* target;
  };
  const Case cases[] = {
      {"https://api.example.com/v1/chat?x=1&y=%2F#frag", "https://api.example.com:443", "/v1/chat?x=1&y=%2F"},
      {"HTTP://API.Example.COM", "http://api.example.com:80", "/"},
      {"http://a?x=/../b", "http://a:80", "/?x=/../b"},
      {"http://a#x", "http://a:80", "/"},
      {"http://a/b#c?d", "http://a:80", "/b"},
      {"http://127.0.0.1:8080/", "http://127.0.0.1:8080", "/"},
      {"http://[::1]:8080/x", "http://[::1]:8080", "/x"},
      {"http://[0:0:0:0:0:0:0:1]/x", "http://[::1]:80", "/x"},
      {"http://[::FFFF:127.0.0.1]/", "http://[::ffff:127.0.0.1]:80", "/"},
      {"https://my_service:65535/a//b/../c", "https://my_service:65535", "/a//b/../c"},
      {"http://xn--bcher-kva.example/%zz", "http://xn--bcher-kva.example:80", "/%zz"},
      {"http://a/@b:c", "http://a:80", "/@b:c"},
      {"http://1.2.3.com/", "http://1.2.3.com:80", "/"},
      {"http://0x7f.example/", "http://0x7f.example:80", "/"},
  };
  for (const Case& c : cases) {
    StatusOr<Url> url = parse_url(c.text);
    ASSERT_TRUE(url.ok()) << c.text << ": " << url.status().to_string();
    EXPECT_EQ(url->origin(), c.origin) << c.text;
    EXPECT_EQ(url->target, c.target) << c.text;
  }
}

// What parsers read differently, or what has no place in a URL.
const std::string kRefusedUrls[] = {
    "",
    "a",
    "//a/",
    "/a",
    "http:",
    "http:/a",
    "http:///a",
    "http://",
    "http://?x",
    "http://#",
    "ftp://a/",
    "file:///etc/passwd",
    "javascript://a/",
    " http://a/",
    "http ://a/",
    "http://a /",
    "http://a/ b",
    "http://a/\t",
    "http://a/\nb",
    "http://a\r\n/",
    std::string("http://a\0b/", 11),
    "http://a/\x7f",
    "http://b\xC3\xBC"
    "cher.example/",
    "http://a/\xC3\xBC",
    "http://user@a/",
    "http://user:pw@a/",
    "http://a@b@c/",
    "http://@a/",
    "http://a%40b/",
    "http://%61/",
    "http://a\\@b/",
    "http://a\\b/",
    "http:\\\\a/",
    "http://a/b\\c",
    "http://a;b/",
    "http://a,b/",
    "http://a*b/",
    "http://a.",
    "http://a./",
    "http://.a/",
    "http://a..b/",
    "http://./",
    "http://127.0.0.1./",
    "http://a:/",
    "http://a:0/",
    "http://a:65536/",
    "http://a:99999999999/",
    "http://a:-1/",
    "http://a:+1/",
    "http://a:8 0/",
    "http://a:0x50/",
    "http://a:80:80/",
    "http://a:80a/",
    "http://:80/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.0.01/",
    "http://127.0.0.256/",
    "http://1.2.3.4.5/",
    "http://a.0x1/",
    "http://0x/",
    "http://a.1/",
    "http://00.0.0.0/",
    "http://[::1/",
    "http://::1/",
    "http://[::1]a/",
    "http://[]/",
    "http://[1.2.3.4]/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[::1]]/",
    "http://[v1.x]/",
    "http://a[::1]/",
    "http://[::g]/",
    "http://" + std::string(64, 'a') + "/",
    "http://a/" + std::string(70'000, 'b'),
};

TEST(Url, RefusesWhatParsersReadDifferently) {
  for (const std::string& text : kRefusedUrls) {
    StatusOr<Url> url = parse_url(text);
    EXPECT_FALSE(url.ok()) << text;
    EXPECT_EQ(url.status().reason(), "invalid_url") << text;
  }
}

// libcurl's own URL parser, loaded like the client loads it.
class CurlParser {
 public:
  bool parse(const std::string& text) { return set_(url_, CURLUPART_URL, text.c_str(), 0) == CURLUE_OK; }
  std::string part(CURLUPart what, unsigned flags = 0) {
    char* out = nullptr;
    if (get_(url_, what, &out, flags) != CURLUE_OK) return "";
    std::string copy = out;
    free_(out);
    return copy;
  }
  ~CurlParser() { cleanup_(url_); }

 private:
  template <class F>
  F* symbol(const char* name) {
    return reinterpret_cast<F*>(dlsym(library_, name));
  }
  void* library_ = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  decltype(&curl_url_set) set_ = symbol<decltype(curl_url_set)>("curl_url_set");
  decltype(&curl_url_get) get_ = symbol<decltype(curl_url_get)>("curl_url_get");
  decltype(&curl_url_cleanup) cleanup_ = symbol<decltype(curl_url_cleanup)>("curl_url_cleanup");
  decltype(&curl_free) free_ = symbol<decltype(curl_free)>("curl_free");
  CURLU* url_ = symbol<decltype(curl_url)>("curl_url")();
};

void expect_same_destination(const std::string& text) {
  StatusOr<Url> ours = parse_url(text);
  if (!ours.ok()) return;
  CurlParser curl;
  ASSERT_TRUE(curl.parse(text)) << text << " is accepted here and refused by libcurl";
  std::string host = curl.part(CURLUPART_HOST);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  if (ours->host.find(':') != std::string::npos) {
    EXPECT_EQ(parse_address(host, 1)->to_string(), parse_address(ours->host, 1)->to_string()) << text;
  } else {
    EXPECT_STRCASEEQ(host.c_str(), ours->host.c_str()) << text;
  }
  EXPECT_EQ(curl.part(CURLUPART_PORT, CURLU_DEFAULT_PORT), std::to_string(ours->port)) << text;
  EXPECT_EQ(curl.part(CURLUPART_SCHEME), ours->scheme) << text;
  EXPECT_EQ(curl.part(CURLUPART_USER), "") << text;
}

RC_GTEST_PROP(UrlProperty, WhatIsAcceptedLeadsLibcurlToTheSameHostAndPort, ()) {
  const auto piece = rc::gen::elementOf(std::vector<std::string>{
      "http://",       "https://", "a",  "b.c", "127.0.0.1", "0x7f", "017", "1",     "@",        ":",
      ":80",           ":0443",    "/",  "//",  "\\",        "?",    "#",   "[::1]", "[",        "]",
      "%41",           ".",        "..", "-",   "_",         " ",    "\t",  "\n",    "user:pw@", "localhost",
      "::ffff:1.2.3.4"});
  const int count = *rc::gen::inRange(1, 6);
  std::string text =
      *rc::gen::elementOf(std::vector<std::string>{"http://", "https://", "http://a", "HTTP://b.c"});
  for (int i = 0; i < count; ++i) text += *piece;
  expect_same_destination(text);
}

TEST(Url, AgreesWithLibcurlOnTrickyOnes) {
  for (const char* text :
       {"http://a/@b", "http://a?@b", "http://a#@b", "http://a/b:c@d", "http://[::ffff:7f00:1]:81/",
        "HTTPS://A.B:443", "http://a:00080/", "http://0x7f.example/", "http://1.2.3.com", "http://a//b",
        "http://a/?http://b", "http://-a-/", "http://127.0.0.1:1?x"}) {
    ASSERT_TRUE(parse_url(text).ok()) << text;
    expect_same_destination(text);
  }
}

RC_GTEST_PROP(UrlProperty, ParsingWhatWasParsedChangesNothing, ()) {
  const auto host =
      *rc::gen::elementOf(std::vector<std::string>{"a", "A.b", "[::1]", "10.0.0.1", "x_y-z.example"});
  const auto port = *rc::gen::inRange(1, 65536);
  const std::string text = "https://" + host + ":" + std::to_string(port) + "/p?q";
  const StatusOr<Url> url = parse_url(text);
  RC_ASSERT(url.ok());
  const StatusOr<Url> again = parse_url(url->origin() + url->target);
  RC_ASSERT(again.ok());
  RC_ASSERT(again->origin() == url->origin());
  RC_ASSERT(again->target == url->target);
  RC_ASSERT(again->port == port);
}

struct AddressCase {
  const char* ip;
  bool is_private;
  bool loopback;
};
constexpr AddressCase kAddressCases[] = {
    {"0.0.0.0", true, false},
    {"0.255.255.255", true, false},
    {"1.0.0.0", false, false},
    {"9.255.255.255", false, false},
    {"10.0.0.0", true, false},
    {"10.255.255.255", true, false},
    {"11.0.0.0", false, false},
    {"100.63.255.255", false, false},
    {"100.64.0.0", true, false},
    {"100.127.255.255", true, false},
    {"100.128.0.0", false, false},
    {"126.255.255.255", false, false},
    {"127.0.0.0", true, true},
    {"127.255.255.255", true, true},
    {"128.0.0.0", false, false},
    {"169.253.255.255", false, false},
    {"169.254.169.254", true, false},
    {"169.255.0.0", false, false},
    {"172.15.255.255", false, false},
    {"172.16.0.0", true, false},
    {"172.31.255.255", true, false},
    {"172.32.0.0", false, false},
    {"191.255.255.255", false, false},
    {"192.0.0.170", true, false},
    {"192.0.1.0", false, false},
    {"192.0.2.1", true, false},
    {"192.88.99.1", true, false},
    {"192.167.255.255", false, false},
    {"192.168.0.0", true, false},
    {"192.169.0.0", false, false},
    {"198.17.255.255", false, false},
    {"198.18.0.0", true, false},
    {"198.19.255.255", true, false},
    {"198.20.0.0", false, false},
    {"198.51.100.7", true, false},
    {"203.0.113.7", true, false},
    {"223.255.255.255", false, false},
    {"224.0.0.1", true, false},
    {"239.255.255.255", true, false},
    {"240.0.0.1", true, false},
    {"255.255.255.255", true, false},
    {"::", true, false},
    {"::1", true, true},
    {"::2", true, false},
    {"::127.0.0.1", true, false},
    {"::8.8.8.8", true, false},
    {"::ffff:127.0.0.1", true, true},
    {"::ffff:10.0.0.1", true, false},
    {"::ffff:169.254.169.254", true, false},
    {"::ffff:8.8.8.8", false, false},
    {"64:ff9b::7f00:1", true, false},
    {"64:ff9b::a00:1", true, false},
    {"64:ff9b::808:808", false, false},
    {"64:ff9b:1::808:808", false, false},
    {"64:ff9b:1::a00:1", true, false},
    {"64:ff9b:1:7f00:0:100:808:808", true, false},
    {"2001::f7f7:f7f7", false, false},  // Teredo, 8.8.8.8
    {"2001::80ff:fffe", true, false},   // Teredo, 127.0.0.1
    {"2001:4860::5efe:8.8.8.8", false, false},
    {"2001:4860::5efe:10.0.0.1", true, false},
    {"2001:4860::200:5efe:7f00:1", true, false},
    {"2001:4860::1111:5efe:7f00:1", false, false},
    {"100::1", true, false},
    {"2001::1", true, false},
    {"2001:1ff:ffff::", true, false},
    {"2001:200::1", false, false},
    {"2001:4860:4860::8888", false, false},
    {"2001:db8::1", true, false},
    {"2002:7f00:1::", true, false},
    {"2002:a9fe:a9fe::1", true, false},
    {"2002:808:808::1", false, false},
    {"2606:4700::1111", false, false},
    {"3fff::1", true, false},
    {"3fff:1000::1", false, false},
    {"4000::1", true, false},
    {"fc00::1", true, false},
    {"fdff::1", true, false},
    {"fe80::1", true, false},
    {"fec0::1", true, false},
    {"ff02::1", true, false},
};

TEST(Address, TellsPublicFromPrivate) {
  for (const AddressCase& c : kAddressCases) {
    StatusOr<Address> address = parse_address(c.ip, 1);
    ASSERT_TRUE(address.ok()) << c.ip;
    EXPECT_EQ(address->is_private(), c.is_private) << c.ip;
    EXPECT_EQ(address->is_loopback(), c.loopback) << c.ip;
  }
}

TEST(Address, HasTextFormsAndRefusesOthers) {
  EXPECT_EQ(parse_address("1.2.3.4", 80)->to_string(), "1.2.3.4:80");
  EXPECT_EQ(parse_address("2001:DB8:0::1", 443)->to_string(), "[2001:db8::1]:443");
  for (const char* bad :
       {"", "1.2.3", "01.2.3.4", "1.2.3.4.5", "::1%lo", "[::1]", "localhost", "0x7f000001"}) {
    EXPECT_EQ(parse_address(bad, 1).status().reason(), "invalid_address") << bad;
  }
}

}  // namespace
}  // namespace tau::net
