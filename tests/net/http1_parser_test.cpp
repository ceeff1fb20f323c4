// Pins the parser of HTTP/1.1 responses: what it reads, in any split of the bytes, and what it refuses.
#include "net/http1_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tau::net {
namespace {

// What a message amounts to, told so that two readings can be compared.
struct Reading {
  std::string told;  // head and body
  std::string body;
  size_t consumed = 0;
  bool ended = false;
  Status failure;
};

// Feeds the pieces between `cuts` one by one; each lives in memory of its own, gone afterwards.
Reading read(std::string_view bytes, const std::vector<size_t>& cuts, bool to_head = false) {
  Http1Parser parser(to_head);
  Reading out;
  size_t from = 0;
  for (size_t i = 0; i <= cuts.size() && !out.ended && out.failure.ok(); ++i) {
    const size_t to = i < cuts.size() ? cuts[i] : bytes.size();
    const std::string copy(bytes.substr(from, to - from));
    from = to;
    std::string_view left = copy;
    for (bool more = true; more;) {
      StatusOr<Http1Parser::Step> step = parser.next(left);
      if (!step.ok()) {
        out.failure = step.status();
        break;
      }
      left.remove_prefix(step->consumed);
      out.consumed += step->consumed;
      more = step->event == Http1Parser::Event::kHead || step->event == Http1Parser::Event::kBody;
      out.ended = step->event == Http1Parser::Event::kEnd;
      if (step->event == Http1Parser::Event::kBody) out.body += step->body;
      if (step->event != Http1Parser::Event::kHead) continue;
      out.told += std::to_string(parser.status());
      for (const auto& [name, value] : parser.headers()) out.told += "|" + name + "=" + value;
    }
  }
  if (out.failure.ok() && !out.ended && parser.ends_at_close()) out.told += "|until close";
  if (out.ended) out.told += parser.keeps_alive() ? "|keeps" : "|closes";
  return out;
}

struct Good {
  const char* bytes;
  const char* told;
  const char* body;
  bool to_head = false;
};

const Good kGood[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200|content-length=2|keeps", "hi"},
    {"HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", "200|content-length=0|keeps", ""},
    {"HTTP/1.1 200 \r\nX: \t a b\t \r\nx:\r\ncontent-length: 1\r\n\r\n!",
     "200|x=a b|x=|content-length=1|keeps", "!"},
    {"HTTP/1.1 103 Early\r\nlink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: "
     "1\r\n\r\n1",
     "200|content-length=1|keeps", "1"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\nt: "
     "z\r\n\r\n",
     "200|transfer-encoding=Chunked|keeps", "abc0123456789"},
    {"HTTP/1.1 200 OK\r\nconnection: Close\r\ncontent-length: 1\r\n\r\n1",
     "200|connection=Close|content-length=1|closes", "1"},
    {"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n1", "200|content-length=1|closes", "1"},
    {"HTTP/1.0 200 OK\r\nconnection: x, keep-alive\r\ncontent-length: 1\r\n\r\n1",
     "200|connection=x, keep-alive|content-length=1|keeps", "1"},
    {"HTTP/1.1 200 OK\r\n\r\nall that comes", "200|until close", "all that comes"},
    {"HTTP/1.1 204 No Content\r\n\r\n", "204|keeps", ""},
    {"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", "304|content-length=5|keeps", ""},
    {"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "200|content-length=5|keeps", "", true},
    {"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\nabc",
     "200|content-length=3|content-length=3|keeps", "abc"},
    {"HTTP/1.1 200 OK\r\nx: \xc3\xbc\r\ncontent-length: 0\r\n\r\n", "200|x=\xc3\xbc|content-length=0|keeps",
     ""},
};

TEST(Http1Parser, ReadsMessagesHoweverTheyAreCut) {
  for (const Good& good : kGood) {
    SCOPED_TRACE(good.bytes);
    const std::string_view bytes = good.bytes;
    const Reading whole = read(bytes, {}, good.to_head);
    ASSERT_TRUE(whole.failure.ok()) << whole.failure.to_string();
    EXPECT_EQ(whole.told, good.told);
    EXPECT_EQ(whole.body, good.body);
    EXPECT_EQ(whole.consumed, bytes.size());
    std::vector<size_t> each;
    for (size_t first = 1; first < bytes.size(); ++first) {
      each.push_back(first);
      for (size_t second = first; second < bytes.size(); ++second) {
        const Reading cut = read(bytes, {first, second}, good.to_head);
        ASSERT_EQ(cut.told, whole.told) << first << " " << second;
        ASSERT_EQ(cut.body, whole.body) << first << " " << second;
        ASSERT_EQ(cut.consumed, whole.consumed) << first << " " << second;
      }
    }
    const Reading bytewise = read(bytes, each, good.to_head);
    EXPECT_EQ(bytewise.told, whole.told);
    EXPECT_EQ(bytewise.body, whole.body);
  }
}

TEST(Http1Parser, TakesNothingBeyondTheMessage) {
  for (const Good& good : kGood) {
    const std::string bytes = std::string(good.bytes) + "HTTP/1.1 200 OK\r\n\r\nforged";
    const Reading reading = read(bytes, {}, good.to_head);
    if (!reading.ended) continue;  // until the connection closes
    EXPECT_EQ(reading.consumed, std::string_view(good.bytes).size()) << good.bytes;
    EXPECT_EQ(reading.body, good.body);
  }
}

const std::string kOk = "HTTP/1.1 200 OK\r\n";
const std::string kChunked = kOk + "transfer-encoding: chunked\r\n\r\n";

TEST(Http1Parser, RefusesWhatTwoProgramsMightReadDifferently) {
  const std::pair<const char*, std::string> bad[] = {
      {"another protocol", "SSH-2.0-OpenSSH_9.2\r\n"},
      {"HTTP/2", "HTTP/2 200\r\n"},
      {"a version of HTTP/1 to come", "HTTP/1.2 200 OK\r\n"},
      {"a status that is none", "HTTP/1.1 abc\r\n"},
      {"a status of two digits", "HTTP/1.1 20 OK\r\n"},
      {"a status of four digits", "HTTP/1.1 2000\r\n"},
      {"a status below 100", "HTTP/1.1 099 x\r\n"},
      {"two spaces", "HTTP/1.1  200 OK\r\n"},
      {"a bare LF", "HTTP/1.1 200 OK\ncontent-length: 0\r\n\r\n"},
      {"a bare LF in the fields", kOk + "a: b\nc: d\r\n\r\n"},
      {"a bare CR", kOk + "a: b\rc: d\r\n\r\n"},
      {"a blank line of LF", kOk + "a: b\r\n\n"},
      {"a NUL", kOk + std::string("a: b\0c\r\n\r\n", 10)},
      {"a control character", kOk + "a: b\x01\r\n\r\n"},
      {"DEL", kOk + "a: b\x7f\r\n\r\n"},
      {"a folded line", kOk + "a: b\r\n c: d\r\n\r\n"},
      {"a line folded by a tab", kOk + "a: b\r\n\tc\r\n\r\n"},
      {"a blank before the colon", kOk + "a : b\r\n\r\n"},
      {"no colon", kOk + "abc\r\n\r\n"},
      {"no name", kOk + ": abc\r\n\r\n"},
      {"a name that is no token", kOk + "a(b): c\r\n\r\n"},
      {"a length and an encoding", kOk + "content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n"},
      {"an encoding and a length", kOk + "transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n"},
      {"lengths that differ", kOk + "content-length: 2\r\ncontent-length: 3\r\n\r\n"},
      {"lengths in a list", kOk + "content-length: 2, 2\r\n\r\n"},
      {"a length with a sign", kOk + "content-length: +2\r\n\r\n"},
      {"an empty length", kOk + "content-length: \r\n\r\n"},
      {"a hexadecimal length", kOk + "content-length: 0x2\r\n\r\n"},
      {"a length beyond 64 bits", kOk + "content-length: 99999999999999999999\r\n\r\n"},
      {"two encodings", kOk + "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n"},
      {"a list of encodings", kOk + "transfer-encoding: gzip, chunked\r\n\r\n"},
      {"no encoding but a name", kOk + "transfer-encoding: identity\r\n\r\n"},
      {"chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"},
      {"a change of protocol", "HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n"},
      {"a compressed body", kOk + "content-encoding: gzip\r\ncontent-length: 2\r\n\r\n"},
      {"no chunk size", kChunked + "\r\n"},
      {"a negative chunk size", kChunked + "-1\r\n"},
      {"a chunk size with 0x", kChunked + "0x1\r\n"},
      {"a blank before the chunk size", kChunked + " 1\r\n"},
      {"a chunk size beyond 60 bits", kChunked + "ffffffffffffffff\r\n"},
      {"a chunk size of many zeros", kChunked + std::string(20, '0') + "1\r\n"},
      {"a chunk size with more behind", kChunked + "1 2\r\n"},
      {"a chunk size with a bare LF", kChunked + "1\na\r\n"},
      {"an extension without end", kChunked + "1;" + std::string(2000, 'x')},
      {"a chunk longer than it says", kChunked + "2\r\nabcd\r\n"},
      {"a chunk without its end", kChunked + "2\r\nab0\r\n\r\n"},
      {"a trailer that is folded", kChunked + "0\r\n a: b\r\n\r\n"},
      {"a trailer that is none", kChunked + "0\r\nabc\r\n\r\n"},
      {"a trailer with a NUL", kChunked + "0\r\n" + std::string("a: \0\r\n", 6)},
      {"a head too large", kOk + "x: " + std::string(Http1Parser::kMaxHeadBytes, 'x')},
      {"trailers too large", kChunked + "0\r\nx: " + std::string(Http1Parser::kMaxHeadBytes, 'x')},
  };
  for (const auto& [name, bytes] : bad) {
    SCOPED_TRACE(name);
    std::vector<size_t> each;
    for (size_t at = 1; at < bytes.size() && at < 300; ++at) each.push_back(at);
    for (const auto& cuts : {std::vector<size_t>{}, each}) {
      const Reading reading = read(bytes, cuts);
      EXPECT_EQ(reading.failure.reason(), "invalid_response") << reading.told << " body " << reading.body;
      EXPECT_FALSE(reading.failure.retryable());
    }
  }
}

TEST(Http1Parser, FloodsAreBounded) {
  const auto fails_within = [](std::string start, const std::string& piece, size_t most) {
    Http1Parser parser(false);
    std::string bytes = std::move(start);
    for (size_t fed = 0; fed < most; bytes = piece) {
      std::string_view left = bytes;
      for (;;) {
        const auto step = parser.next(left);
        if (!step.ok()) return true;
        left.remove_prefix(step->consumed);
        if (step->event != Http1Parser::Event::kHead) break;
      }
      fed += bytes.size();
    }
    return false;
  };
  constexpr size_t kMost = Http1Parser::kMaxHeadBytes + 64;
  EXPECT_TRUE(fails_within("", "HTTP/1.1 102 Processing\r\n\r\n", kMost));
  EXPECT_TRUE(fails_within(kOk, "x: y\r\n", kMost));
  EXPECT_TRUE(fails_within(kChunked + "0\r\n", "x: y\r\n", kMost));
  EXPECT_TRUE(fails_within(kOk + "x: ", "yyyy", kMost));
  EXPECT_TRUE(fails_within("HTTP/1.1 200 ", "yyyy", kMost));
  EXPECT_TRUE(fails_within(kChunked + "1;", "yyyy", 2 * Http1Parser::kMaxChunkLineBytes));
}

TEST(Http1Parser, WhatIsNotHttpIsToldBeforeALineEnds) {
  Http1Parser parser(false);
  EXPECT_TRUE(parser.next("HTT").ok());
  EXPECT_EQ(parser.next("X").status().reason(), "invalid_response");
}

}  // namespace
}  // namespace tau::net
