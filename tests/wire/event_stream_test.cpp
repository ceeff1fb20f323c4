// Framing of application/vnd.amazon.eventstream: any split, damage in any byte, all types of headers, bounds.
#include "wire/event_stream.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>

#include "crypto/crypto.h"
#include "wire/framing.h"

namespace tau::wire {
namespace {

using Type = EventHeader::Type;

struct Read {
  Status status;
  std::vector<std::string> payloads;
  std::vector<std::string> types;
  bool partial = false;
};

Read read(std::string_view bytes, uint32_t seed) {
  Read out;
  EventStreamParser parser;
  std::mt19937 random(seed);
  while (!bytes.empty() && out.status.ok()) {
    const std::string_view piece = bytes.substr(0, seed == 0 ? bytes.size() : 1 + random() % 40);
    bytes.remove_prefix(piece.size());
    out.status = parser.feed(piece, [&](const EventMessage& message) {
      out.payloads.emplace_back(message.payload);
      out.types.emplace_back(message.text(":event-type"));
      return true;
    });
  }
  out.partial = parser.has_partial();
  return out;
}

std::string message(std::string_view type, std::string_view payload) {
  std::string out;
  append_event_message(out, {{":event-type", Type::kString, type}, {":message-type", Type::kString, "event"}},
                       payload);
  return out;
}

// A message that AWS documents: no headers, no payload.
TEST(EventStream, TheEmptyMessageIsThatOfTheStandard) {
  std::string out;
  append_event_message(out, {}, {});
  EXPECT_EQ(crypto::hex(std::string_view(out)), "000000100000000005c248eb7d98c8ff");
}

TEST(EventStream, AMessageWithPayloadOnly) {
  std::string out;
  append_event_message(out, {}, "{'foo':'bar'}");
  EXPECT_EQ(crypto::hex(std::string_view(out)), "0000001d00000000fd528c5a7b27666f6f273a27626172277dc3653936");
}

TEST(EventStream, HeadersOfAllTypesComeBack) {
  const std::string uuid = "0123456789abcdef";
  const std::vector<EventHeader> headers = {
      {"t", Type::kTrue, {}, 0},
      {"f", Type::kFalse, {}, 0},
      {"b", Type::kByte, {}, -1},
      {"s", Type::kInt16, {}, -32768},
      {"i", Type::kInt32, {}, 2147483647},
      {"l", Type::kInt64, {}, INT64_MIN},
      {"bytes", Type::kBytes, std::string_view("\0\xFF", 2)},
      {"text", Type::kString, "caf\xC3\xA9"},
      {"time", Type::kTime, {}, 1'700'000'000'123},
      {"uuid", Type::kUuid, uuid},
  };
  std::string bytes;
  append_event_message(bytes, headers, "x");
  size_t seen = 0;
  EventStreamParser parser;
  const Status status = parser.feed(bytes, [&](const EventMessage& m) {
    EXPECT_EQ(m.headers.size(), headers.size());
    for (size_t i = 0; i < headers.size(); ++i) {
      EXPECT_EQ(m.headers[i].name, headers[i].name);
      EXPECT_EQ(m.headers[i].type, headers[i].type);
      EXPECT_EQ(m.headers[i].bytes, headers[i].bytes) << headers[i].name;
      EXPECT_EQ(m.headers[i].number, headers[i].number) << headers[i].name;
    }
    ++seen;
    return true;
  });
  EXPECT_TRUE(status.ok()) << status.to_string();
  EXPECT_EQ(seen, 1u);
}

RC_GTEST_PROP(EventStream, AnySplitReadsTheSame, (const std::vector<std::string>& payloads, uint32_t seed)) {
  std::string bytes;
  for (const std::string& payload : payloads) bytes += message("t", payload);
  const Read whole = read(bytes, 0);
  const Read pieces = read(bytes, seed | 1);
  RC_ASSERT(whole.status.ok() && pieces.status.ok());
  RC_ASSERT(whole.payloads == payloads && pieces.payloads == payloads);
  RC_ASSERT(!whole.partial && !pieces.partial);
}

TEST(EventStream, EachByteIsUnderAChecksum) {
  const std::string bytes = message("contentBlockDelta", R"({"delta":{"text":"x"}})");
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes + bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    for (const uint32_t seed : {0u, 1u}) {
      const Read got = read(damaged, seed);
      EXPECT_TRUE(got.payloads.empty()) << at;
      EXPECT_EQ(got.status.reason(), "event_stream_corrupt") << at;
      EXPECT_TRUE(got.status.retryable());
    }
  }
}

std::string with_lengths(uint32_t total, uint32_t headers) {
  std::string prelude;
  for (const uint32_t n : {total, headers})
    for (int shift = 24; shift >= 0; shift -= 8) prelude += static_cast<char>(n >> shift);
  const uint32_t crc = crypto::crc32(prelude);
  for (int shift = 24; shift >= 0; shift -= 8) prelude += static_cast<char>(crc >> shift);
  return prelude + std::string(64, 'x');
}

TEST(EventStream, LengthsAreBounded) {
  EXPECT_EQ(read(with_lengths(UINT32_MAX, 0), 0).status.reason(), "event_stream_too_large");
  EXPECT_EQ(read(with_lengths(1000, 600'000), 0).status.reason(), "event_stream_too_large");
  EXPECT_EQ(read(with_lengths(15, 0), 0).status.reason(), "event_stream_corrupt");
  EXPECT_EQ(read(with_lengths(40, 100), 0).status.reason(), "event_stream_corrupt");
}

TEST(EventStream, AHeaderThatIsNoneIsRefused) {
  for (const std::string_view headers :
       {std::string_view("\x01"), std::string_view("\x00\x07\x00\x00", 4), std::string_view("\x01n\x0A"),
        std::string_view("\x01n\x07\x00\x05"
                         "ab",
                         7),
        std::string_view("\x01n\x05\x00", 4)}) {
    std::string bytes;
    append_event_message(bytes, {}, {});
    // Put together by hand: the writer writes no bad ones.
    std::string made;
    const auto total = static_cast<uint32_t>(16 + headers.size());
    for (const uint32_t n : {total, static_cast<uint32_t>(headers.size())})
      for (int shift = 24; shift >= 0; shift -= 8) made += static_cast<char>(n >> shift);
    for (const bool last : {false, true}) {
      const uint32_t crc = crypto::crc32(made);
      for (int shift = 24; shift >= 0; shift -= 8) made += static_cast<char>(crc >> shift);
      if (!last) made += headers;
    }
    EXPECT_EQ(read(made, 0).status.reason(), "event_stream_corrupt");
  }
}

TEST(EventStream, ACutMessageIsPartial) {
  const std::string bytes = message("t", "payload");
  for (size_t size = 1; size < bytes.size(); ++size) {
    const Read got = read(bytes.substr(0, size), 0);
    EXPECT_TRUE(got.status.ok() && got.partial && got.payloads.empty()) << size;
  }
  FrameReader frames(Framing::kMessages);
  const auto ignore = [](std::string_view, std::string_view) { return true; };
  EXPECT_TRUE(frames.feed(bytes.substr(0, 20), ignore).ok());
  EXPECT_EQ(frames.end(ignore).reason(), "stream_truncated");
}

TEST(Lines, AreBoundedAndTheLastNeedsNoEnd) {
  FrameReader frames(Framing::kLines);
  std::vector<std::string> lines;
  const auto take = [&](std::string_view, std::string_view line) {
    lines.emplace_back(line);
    return true;
  };
  EXPECT_TRUE(frames.feed("a\r\n\n \nb", take).ok());
  EXPECT_TRUE(frames.feed("c\nd", take).ok());
  EXPECT_TRUE(frames.end(take).ok());
  EXPECT_EQ(lines, (std::vector<std::string>{"a", "bc", "d"}));
  const std::string big(FrameReader::kMaxLineBytes / 2 + 1, 'x');
  FrameReader bounded(Framing::kLines);
  EXPECT_TRUE(bounded.feed(big, take).ok());
  EXPECT_EQ(bounded.feed(big, take).reason(), "stream_line_too_large");
}

}  // namespace
}  // namespace tau::wire
