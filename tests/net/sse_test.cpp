// Pins SSE framing: the standard's rules, that the split of the bytes never matters, and the size cap.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "net/net.h"

namespace tau::net {

struct Event {
  std::string type;
  std::string data;
  std::string id;
  bool operator==(const Event&) const = default;
};
void PrintTo(const Event& e, std::ostream* out) {
  *out << "{" << e.type << "|" << e.data << "|" << e.id << "}";
}
std::ostream& operator<<(std::ostream& out, const Event& e) {
  PrintTo(e, &out);
  return out;
}

namespace {

struct Parsed {
  std::vector<Event> events;
  bool partial = false;
  int64_t retry_ms = -1;
  bool operator==(const Parsed&) const = default;
};

Parsed parse_pieces(const std::vector<std::string>& pieces) {
  SseParser parser;
  Parsed out;
  for (const std::string& piece : pieces) {
    // A copy of exact size, freed at once: a view kept beyond feed() is a use after free.
    const std::vector<char> bytes(piece.begin(), piece.end());
    const Status status = parser.feed({bytes.data(), bytes.size()}, [&](const SseEvent& e) {
      out.events.push_back({std::string(e.type), std::string(e.data), std::string(e.id)});
      return true;
    });
    EXPECT_TRUE(status.ok());
  }
  out.partial = parser.has_partial();
  out.retry_ms = parser.retry_ms();
  return out;
}

// The algorithm of the standard, word for word and byte by byte, for comparison.
std::vector<Event> reference(std::string text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  std::vector<std::string> lines;
  std::string line;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' || text[i] == '\n') {
      if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
      lines.push_back(std::exchange(line, ""));
    } else {
      line += text[i];
    }
  }
  std::vector<Event> events;
  std::string data;
  std::string type;
  std::string id;
  for (const std::string& l : lines) {
    if (l.empty()) {
      if (!data.empty())
        events.push_back({type.empty() ? "message" : type, data.substr(0, data.size() - 1), id});
      data.clear();
      type.clear();
      continue;
    }
    const size_t colon = l.find(':');
    if (colon == 0) continue;
    const std::string field = l.substr(0, colon);
    std::string value = colon == std::string::npos ? "" : l.substr(colon + 1);
    if (value.starts_with(' ')) value.erase(0, 1);
    if (field == "event") type = value;
    if (field == "data") data += value + '\n';
    if (field == "id" && value.find('\0') == std::string::npos) id = value;
  }
  return events;
}

TEST(Sse, FollowsTheStandard) {
  struct Case {
    const char* name;
    std::string bytes;
    std::vector<Event> events;
  };
  const std::vector<Case> cases = {
      {"one event", "data: a\n\n", {{"message", "a", ""}}},
      {"no space after the colon", "data:a\n\n", {{"message", "a", ""}}},
      {"one space only is dropped", "data:  a\n\n", {{"message", " a", ""}}},
      {"several data lines", "data: a\ndata:\ndata: b\n\n", {{"message", "a\n\nb", ""}}},
      {"data without colon is empty data", "data\n\n", {{"message", "", ""}}},
      {"two data without colon", "data\ndata\n\n", {{"message", "\n", ""}}},
      {"named", "event: ping\ndata: {}\n\n", {{"ping", "{}", ""}}},
      {"name after data", "data: {}\nevent: ping\n\n", {{"ping", "{}", ""}}},
      {"the name is for one event",
       "event: x\ndata: 1\n\ndata: 2\n\n",
       {{"x", "1", ""}, {"message", "2", ""}}},
      {"no data, no event, and the name is forgotten", "event: x\n\ndata: 1\n\n", {{"message", "1", ""}}},
      {"ids persist",
       "id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
       {{"message", "a", "7"}, {"message", "b", "7"}, {"message", "c", ""}}},
      {"an id with NUL is ignored", std::string("id: 1\0\ndata: a\n\n", 17), {{"message", "a", ""}}},
      {"comments", ": ping\n\n:\ndata: a\n: x\n\n", {{"message", "a", ""}}},
      {"CR", "data: a\rdata: b\r\r", {{"message", "a\nb", ""}}},
      {"CRLF", "data: a\r\ndata: b\r\n\r\n", {{"message", "a\nb", ""}}},
      {"LF CR is two line ends", "data: a\n\rdata: b\n\n", {{"message", "a", ""}, {"message", "b", ""}}},
      {"byte order mark",
       "\xEF\xBB\xBF"
       "data: a\n\n",
       {{"message", "a", ""}}},
      {"half a mark is a field name",
       "\xEF\xBB"
       "data: a\n\ndata: b\n\n",
       {{"message", "b", ""}}},
      {"a mark inside is content", "data: \xEF\xBB\xBF\n\n", {{"message", "\xEF\xBB\xBF", ""}}},
      {"unknown fields and spaces before names", "foo: 1\n data: x\ndata : y\ndatax: z\n\n", {}},
      {"cut off", "data: a\n\ndata: b\n", {{"message", "a", ""}}},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(parse_pieces({c.bytes}).events, c.events) << c.name;
    EXPECT_EQ(reference(c.bytes), c.events) << c.name << " (reference)";
  }
}

TEST(Sse, RetryTakesDigitsOnly) {
  EXPECT_EQ(parse_pieces({"retry: 1500\n"}).retry_ms, 1500);
  EXPECT_EQ(
      parse_pieces({"retry: 1500\nretry: -1\nretry: 1x\nretry:\nretry: 99999999999999999999\n"}).retry_ms,
      1500);
  EXPECT_EQ(parse_pieces({"data: a\n\n"}).retry_ms, -1);
}

TEST(Sse, PartialTellsACutEventFromACleanEnd) {
  for (const char* cut : {"data: a", "data: a\n", "data: a\n\ndat", "event: x\n", "data: a\r"}) {
    EXPECT_TRUE(parse_pieces({cut}).partial) << cut;
  }
  for (const char* clean : {"", "data: a\n\n", "data: a\n\n: ping\n", ": pi", "data: a\r\r", "id: 3\n"}) {
    EXPECT_FALSE(parse_pieces({clean}).partial) << clean;
  }
}

TEST(Sse, TwoLineEndsDeliverWhatTheSenderLeftOpen) {
  for (const char* open :
       {"data: a", "data: a\n", "data: a\r", "data: a\r\n", "data: a\n\n", "data: a\r\n\r"}) {
    EXPECT_EQ(parse_pieces({open, "\n\n"}).events, (std::vector<Event>{{"message", "a", ""}})) << open;
  }
}

TEST(Sse, FalseStopsTheParserForGood) {
  SseParser parser;
  int seen = 0;
  const auto once = [&](const SseEvent&) { return ++seen, false; };
  EXPECT_TRUE(parser.feed("data: 1\n\ndata: 2\n\n", once).ok());
  EXPECT_TRUE(parser.feed("data: 3\n\n", once).ok());
  EXPECT_EQ(seen, 1);
}

TEST(Sse, AWholeEventIsAViewIntoTheCallersBytes) {
  SseParser parser;
  const std::string bytes = "event: delta\ndata: {\"a\":1}\n\n";
  int seen = 0;
  ASSERT_TRUE(parser
                  .feed(bytes,
                        [&](const SseEvent& e) {
                          EXPECT_EQ(e.data.data(), bytes.data() + bytes.find('{'));
                          EXPECT_EQ(e.type.data(), bytes.data() + bytes.find("delta"));
                          return ++seen > 0;
                        })
                  .ok());
  EXPECT_EQ(seen, 1);
}

TEST(Sse, TheCapHoldsForOneLineForManyLinesAndAcrossChunks) {
  const std::string block(1u << 20, 'x');
  const auto deliver = [](const SseEvent&) { return true; };
  SseParser endless;  // one line that never ends
  Status status = endless.feed("data: ", deliver);
  for (int i = 0; i < 15; ++i) EXPECT_TRUE(endless.feed(block, deliver).ok());
  EXPECT_EQ(endless.feed(block, deliver).reason(), "sse_event_too_large");
  EXPECT_EQ(endless.feed("\n\n", deliver).code(), Code::kResourceExhausted) << "the failure stays";

  SseParser lines;  // many lines of one event
  const std::string line = "data: " + block + "\n";
  for (int i = 0; i < 15; ++i) EXPECT_TRUE(lines.feed(line, deliver).ok());
  EXPECT_EQ(lines.feed(line, deliver).reason(), "sse_event_too_large");

  SseParser whole;  // inside one chunk
  EXPECT_EQ(whole.feed("data: " + std::string(SseParser::kMaxEventBytes, 'x') + "\n\n", deliver).reason(),
            "sse_event_too_large");
  SseParser exact;
  size_t got = 0;
  const std::string most = "data:" + std::string(SseParser::kMaxEventBytes - 5, 'x') + "\n\n";
  EXPECT_TRUE(exact.feed(most, [&](const SseEvent& e) { return (got = e.data.size()) > 0; }).ok());
  EXPECT_EQ(got, SseParser::kMaxEventBytes - 5);
}

// Streams made of the pieces that matter to the grammar.
rc::Gen<std::string> gen_stream() {
  const auto piece = rc::gen::elementOf(std::vector<std::string>{"data:",
                                                                 "data: ",
                                                                 "data",
                                                                 "event:",
                                                                 "id: ",
                                                                 "id",
                                                                 "retry: ",
                                                                 "12",
                                                                 "\n",
                                                                 "\n",
                                                                 "\n\n",
                                                                 "\r",
                                                                 "\r\n",
                                                                 "\r\n\r\n",
                                                                 ":",
                                                                 " ",
                                                                 "x",
                                                                 "{\"a\":\"b\"}",
                                                                 "\xEF\xBB\xBF",
                                                                 "\xEF",
                                                                 "\xBB",
                                                                 std::string(1, '\0'),
                                                                 "\xF0\x9F\x98\x80"});
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(piece),
                      [](const std::vector<std::string>& pieces) {
                        std::string all;
                        for (const std::string& p : pieces) all += p;
                        return all;
                      });
}

std::vector<std::string> split_at_random(const std::string& stream) {
  std::vector<std::string> pieces;
  for (size_t at = 0; at < stream.size();) {
    const size_t n = *rc::gen::inRange<size_t>(1, 10);
    pieces.push_back(stream.substr(at, n));
    if (n == 9) pieces.emplace_back();  // an empty piece changes nothing
    at += n;
  }
  return pieces;
}

RC_GTEST_PROP(SseProperty, EqualsTheReference, ()) {
  const std::string stream = *gen_stream();
  RC_ASSERT(parse_pieces({stream}).events == reference(stream));
}

RC_GTEST_PROP(SseProperty, AnySplitGivesTheSameEvents, ()) {
  const std::string stream = *gen_stream();
  const Parsed whole = parse_pieces({stream});
  RC_ASSERT(parse_pieces(split_at_random(stream)) == whole);
  std::vector<std::string> bytes;
  for (char c : stream) bytes.emplace_back(1, c);
  RC_ASSERT(parse_pieces(bytes) == whole);
}

RC_GTEST_PROP(SseProperty, AnySplitOfAnyBytesGivesTheSameEvents, (const std::string& stream)) {
  RC_ASSERT(parse_pieces(split_at_random(stream)) == parse_pieces({stream}));
}

}  // namespace
}  // namespace tau::net
