// Every recorded request and response of the dialects: decoding and encoding keep the meaning, streams
// decode the same in any split, and what is re-encoded decodes to the same.
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <random>

#include "recordings.h"
#include "stream_support.h"
#include "variants.h"
#include "wire/transcode.h"
#include "wire/wire.h"

namespace tau::wire {
namespace {

struct Score {
  int passed = 0;
  int failed = 0;
  int unsupported = 0;
};

// What a provider whose habits are unknown is met with.
Quirks tolerant() {
  Quirks quirks;
  quirks.done_mark_optional = true;
  return quirks;
}

// The first place where two documents differ, as "path: before -> after".
std::string difference(const json::Value& a, const json::Value& b, const std::string& path) {
  if (a == b) return {};
  if (a.is_object() && b.is_object()) {
    for (const auto& [key, value] : a.as_object())
      if (std::string e = difference(value, b[key], path + "/" + key); !e.empty() || !b.contains(key))
        return e.empty() ? path + "/" + key + " is lost" : e;
    for (const auto& [key, value] : b.as_object())
      if (!a.contains(key)) return path + "/" + key + " is new: " + json::write(value);
  }
  if (a.is_array() && b.is_array() && a.size() == b.size())
    for (size_t i = 0; i < a.size(); ++i)
      if (std::string e = difference(a.as_array()[i], b.as_array()[i], path + "/" + std::to_string(i));
          !e.empty())
        return e;
  return path + ": " + json::write(a).substr(0, 300) + " -> " + json::write(b).substr(0, 300);
}

std::string same_meaning(std::string_view what, std::string_view before, std::string_view after) {
  const StatusOr<json::Value> a = json::parse(before);
  const StatusOr<json::Value> b = json::parse(after);
  if (!a.ok() || !b.ok()) return std::string(what) + " is not JSON";
  const std::string e = difference(*a, *b, {});
  return e.empty() ? e : std::string(what) + " changed: " + e;
}

std::string check_request(const Dialect& dialect, const std::string& body) {
  const StatusOr<Request> request = dialect.decode_request(body);
  if (!request.ok()) return "request: " + request.status().to_string();
  const StatusOr<std::string> encoded = dialect.encode_request(*request, {});
  if (!encoded.ok()) return "request: " + encoded.status().to_string();
  if (std::string e = same_meaning("request", body, *encoded); !e.empty()) return e;
  const StatusOr<Request> neutral = request_from_json(to_json(*request));
  if (!neutral.ok()) return "neutral request: " + neutral.status().to_string();
  const StatusOr<std::string> again = dialect.encode_request(*neutral, {});
  if (!again.ok() || *again != *encoded) return "the request changed in neutral JSON";
  return {};
}

std::string check_variants(std::string_view body,
                           const std::function<std::string(const std::string&)>& check) {
  for (const test::Variant& variant : test::document_variants(body))
    if (const std::string e = check(variant.body); !e.empty()) return variant.name + ": " + e;
  return {};
}

std::string check_error(const Dialect& dialect, int status, const std::string& body) {
  const Status error = dialect.decode_error(status, body);
  if (error.ok() || error.message().empty() || error.details_json().empty()) return "error without content";
  if (error.reason() == "provider_error") return "untyped error: " + error.to_string();
  if (status < 500 && status != 429 && error.retryable()) return "a client error must not be retried";
  return {};
}

std::string check_whole(const Dialect& dialect, const std::string& body) {
  const StatusOr<Response> response = dialect.decode_response(body, {});
  if (!response.ok()) return "response: " + response.status().to_string();
  if (std::string e = same_meaning("response", body, dialect.encode_response(*response)); !e.empty())
    return e;
  const StatusOr<Response> neutral = response_from_json(to_json(*response));
  if (!neutral.ok()) return "neutral response: " + neutral.status().to_string();
  return same_meaning("response after neutral JSON", body, dialect.encode_response(*neutral));
}

// A part with members that nobody knows comes as a whole once more.
std::vector<test::Logged> without_parts(std::vector<test::Logged> log) {
  std::erase_if(log, [](const test::Logged& event) { return event.kind == StreamEvent::Kind::kPart; });
  return log;
}

// Another server's manners do not change what a stream says.
std::string check_stream_variants(const Dialect& dialect, const std::string& body,
                                  const test::Decoded& expected) {
  for (const test::Variant& variant : test::stream_variants(dialect.framing(), body)) {
    const test::Decoded decoded = test::decode_stream(dialect, variant.body, tolerant(), {});
    if (!decoded.status.ok()) return variant.name + ": " + decoded.status.to_string();
    if (without_parts(decoded.log) != without_parts(expected.log)) return variant.name + ": other events";
  }
  return {};
}

// Another stream than the one recorded: some bytes of its documents, which say nothing of the framing, become
// others.
std::string damaged(Framing framing, const std::string& body, std::mt19937& random) {
  constexpr std::string_view kBytes = "\"\"\\09ae}],: {u\x01\xC3";
  size_t documents = 0;
  (void)test::map_documents(framing, body, [&](std::string_view document) {
    ++documents;
    return std::string(document);
  });
  if (documents == 0) return body;
  std::string out = body;
  for (size_t edits = 1 + random() % 4; edits > 0; --edits) {
    size_t left = random() % documents;
    out = test::map_documents(framing, out, [&](std::string_view document) {
      std::string text(document);
      if (left-- == 0 && text.size() > 4)
        text[3 + random() % (text.size() - 3)] = kBytes[random() % kBytes.size()];
      return text;
    });
  }
  return out;
}

// What differs, as a word or two.
std::string decoded_difference(const test::Decoded& a, const test::Decoded& b) {
  if (a.status.reason() != b.status.reason()) return "status: " + b.status.to_string();
  if (a.log != b.log) return "events";
  return to_json(a.response) == to_json(b.response) ? "" : "response";
}

// What a document repeats of an earlier one is not read again; that must not show.
std::string check_repetition(const Dialect& dialect, const std::string& body) {
  const test::Decoded fast = test::decode_stream(dialect, body, tolerant(), {});
  const test::Decoded slow =
      test::decode_stream(dialect, test::without_repetition(dialect.framing(), body), tolerant(), {});
  if (const std::string e = decoded_difference(fast, slow); !e.empty()) return "repetition shows: " + e;
  return {};
}

// Decoders that decode one stream after the other, good ones and damaged ones of all providers.
class KeptDecoders {
 public:
  std::string check(const Dialect& dialect, const std::string& body, uint32_t seed) {
    auto& decoder = decoders_[dialect.name()];
    if (decoder == nullptr) decoder = dialect.stream_decoder(tolerant());
    const test::Decoded fresh = test::decode_stream(dialect, body, tolerant(), {});
    for (const test::Split& split : {test::Split(), test::Split::random(seed)}) {
      const test::Decoded kept = test::decode_stream(*decoder, dialect.framing(), body, split);
      if (const std::string e = decoded_difference(fresh, kept); !e.empty())
        return "an earlier stream shows: " + e;
    }
    return {};
  }

 private:
  std::map<std::string_view, std::unique_ptr<StreamDecoder>> decoders_;
};

std::string check_stream(const Dialect& dialect, const std::string& body, KeptDecoders& kept) {
  const test::Decoded whole = test::decode_stream(dialect, body, tolerant(), {});
  if (!whole.status.ok()) return "stream: " + whole.status.to_string();
  if (const std::string e = test::event_order_error(whole); !e.empty()) return "event order: " + e;
  if (std::string e = check_stream_variants(dialect, body, whole); !e.empty()) return e;
  const std::string expected = to_json(whole.response);
  for (const test::Split& split : {test::Split::every(1), test::Split::random(7), test::Split::random(8)}) {
    const test::Decoded part = test::decode_stream(dialect, body, tolerant(), split);
    if (!part.status.ok() || to_json(part.response) != expected || part.log != whole.log)
      return "the split of the bytes changed what was decoded: " + part.status.to_string();
  }
  std::mt19937 random(static_cast<uint32_t>(body.size()));
  std::string stream = body;
  constexpr int kDamaged = 8;
  for (int i = 0; i <= kDamaged; ++i) {
    if (const std::string e = check_repetition(dialect, stream); !e.empty()) return e + "\n" + stream;
    if (const std::string e = kept.check(dialect, stream, static_cast<uint32_t>(i) + 1); !e.empty())
      return e + "\n" + stream;
    stream = damaged(dialect.framing(), i % 2 == 0 ? body : stream, random);
  }
  const std::string encoded = test::reencode_stream(dialect, body, tolerant());
  const test::Decoded again = test::decode_stream(dialect, encoded, {}, {});
  if (!again.status.ok()) return "re-encoded stream: " + again.status.to_string();
  return same_meaning("the re-encoded stream", expected, to_json(again.response));
}

std::string check(const Dialect& dialect, const test::Interaction& i, KeptDecoders& kept) {
  const auto request = [&](const std::string& body) { return check_request(dialect, body); };
  const auto response = [&](const std::string& body) { return check_whole(dialect, body); };
  if (std::string e = request(i.request); !e.empty()) return e;
  if (std::string e = check_variants(i.request, request); !e.empty()) return e;
  if (i.status < 200 || i.status > 299) return check_error(dialect, i.status, i.response);
  if (test::is_stream(dialect.framing(), i.response)) return check_stream(dialect, i.response, kept);
  const std::string e = response(i.response);
  return e.empty() ? check_variants(i.response, response) : e;
}

TEST(Recordings, EveryInteractionOfTheseDialectsKeepsItsMeaning) {
  const char* data = std::getenv("TAU_SHARED_DATA");
  const std::string folder = std::string(data != nullptr ? data : "") + "/provider-recordings";
  if (!test::have_recordings(folder))
    GTEST_SKIP() << "no recordings in " << folder << " (set TAU_SHARED_DATA)";
  std::map<std::string, Score> scores;
  KeptDecoders kept;
  int shown = 0;
  std::string error;
  const bool read = test::for_each_interaction(
      folder,
      [&](const test::Interaction& i) {
        Score& score = scores[i.provider];
        const Dialect* dialect = test::dialect_of(i.path);
        if (dialect == nullptr) {
          ++score.unsupported;
          return;
        }
        const std::string failure = check(*dialect, i, kept);
        ++(failure.empty() ? score.passed : score.failed);
        constexpr int kMostShown = 20;
        if (!failure.empty() && shown++ < kMostShown)
          ADD_FAILURE() << i.provider << " " << i.name << ": " << failure.substr(0, 6000);
      },
      error);
  EXPECT_TRUE(read) << error;
  int passed = 0;
  for (const auto& [provider, score] : scores) {
    std::cout << provider << ": " << score.passed << " passed, " << score.failed << " failed, "
              << score.unsupported << " of other dialects\n";
    EXPECT_EQ(score.failed, 0) << provider;
    passed += score.passed;
  }
  EXPECT_GT(passed, 0);
}

}  // namespace
}  // namespace tau::wire
