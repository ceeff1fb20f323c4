// A Shape in front of a Reader changes nothing but the time it takes.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>

#include "generators.h"
#include "json/json.h"

namespace tau::json {
namespace {

// Reads the value about to come as leaves: strings in both ways, some values whole, the rest by their parts.
bool read_leaves(Reader& r, std::vector<Field>& out) {
  const Value::Kind kind = r.kind();
  const size_t turn = out.size();
  Field leaf;
  if (kind == Value::Kind::kString && turn % 4 != 3) {
    const bool read = turn % 2 == 0 ? r.string(leaf) : r.piece(leaf);
    out.push_back(leaf);
    return read;
  }
  const bool whole = turn % 8 == 7;
  if (kind == Value::Kind::kObject && !whole) {
    if (!r.enter_object()) return false;
    std::string_view key;
    while (r.next_key(key)) {
      out.push_back(r.key(key));
      if (!read_leaves(r, out)) return false;
    }
    return r.status().ok();
  }
  if (kind == Value::Kind::kArray && !whole) {
    if (!r.enter_array()) return false;
    while (r.next_element())
      if (!read_leaves(r, out)) return false;
    return r.status().ok();
  }
  const bool read = r.raw(leaf);
  out.push_back(leaf);
  return read;
}

struct Leaves {
  std::vector<Field> fields;
  void clear() { fields.clear(); }
  void follow(Shape& shape) {
    for (Field& field : fields) shape.follow(field);
  }
};

// Reads the documents of a stream, each with the help of the one before.
class Stream {
 public:
  bool read(std::string_view document) {
    matched = shape_.match(document, true);
    if (matched) return true;
    shape_.clear();
    leaves_.clear();
    if (!reader_.load(document) || !read_leaves(reader_, leaves_.fields)) return false;
    shape_.learn(reader_);
    leaves_.follow(shape_);
    return true;
  }
  const std::vector<Field>& leaves() const { return leaves_.fields; }

  bool matched = false;

 private:
  Leaves leaves_;
  Reader reader_{Halves::kReplace, true};
  Shape shape_;
};

// Likewise, with the help of all that Shapes knows of earlier ones.
class ManyShapes {
 public:
  bool read(std::string_view document) {
    leaves_ = shapes_.match(document);
    matched = leaves_ != nullptr;
    if (matched) return true;
    leaves_ = &shapes_.begin();
    if (!reader_.load(document) || !read_leaves(reader_, leaves_->fields)) return false;
    shapes_.learn(reader_);
    return true;
  }
  void restart() { shapes_.restart(); }
  const std::vector<Field>& leaves() const { return leaves_->fields; }

  bool matched = false;

 private:
  Leaves* leaves_ = nullptr;
  Reader reader_{Halves::kReplace, true};
  Shapes<Leaves> shapes_;
};

std::vector<std::string> texts(const std::vector<Field>& leaves) {
  std::vector<std::string> out;
  for (const Field& leaf : leaves) out.emplace_back(leaf.text);
  return out;
}

// One document after the other: what the stream says of each is what a reader says that knows nothing.
template <class Reading = Stream>
std::string stream_error(const std::vector<std::string>& documents, size_t* matches = nullptr) {
  Reading stream;
  std::vector<std::string> before;
  for (const std::string& document : documents) {
    // A copy of its own: a view into an earlier document would be seen by a sanitizer.
    const std::string bytes = document;
    const bool read = stream.read(bytes);
    Stream fresh;
    if (fresh.read(bytes) != read) return "accepted or not: " + document;
    if (!read) {
      before.clear();
      continue;
    }
    const std::vector<std::string> now = texts(stream.leaves());
    if (now != texts(fresh.leaves())) return "other texts: " + document;
    for (size_t i = 0; i < now.size(); ++i)
      if (!stream.leaves()[i].fresh && (i >= before.size() || before[i] != now[i]))
        return "something new was not fresh: " + document;
    before = now;
    if (matches != nullptr) *matches += stream.matched ? 1 : 0;
  }
  return {};
}

const std::vector<std::string> kAtoms = {"\"",
                                         "\\",
                                         "\\\"",
                                         "\\n",
                                         "\\u0041",
                                         "\\ud83d",
                                         "\\ude00",
                                         "\\u12",
                                         "\\x",
                                         "a",
                                         " ",
                                         ",",
                                         ":",
                                         "0",
                                         "1",
                                         "12",
                                         "-",
                                         "-7",
                                         "1.5",
                                         "007",
                                         "1e3",
                                         "null",
                                         "{",
                                         "}",
                                         "[",
                                         "]",
                                         "\x01",
                                         "\xC3\xA9",
                                         "\xC3",
                                         "\xED\xA0\x80",
                                         "\xF0\x9F\x98\x80",
                                         "99999999999999999999"};

// The same document with some of its strings and numbers changed, or with damage of any kind.
std::string changed(std::string document, std::mt19937& random) {
  const auto below = [&](size_t n) { return n == 0 ? 0 : random() % n; };
  for (size_t edits = below(3); edits > 0; --edits) {
    std::vector<size_t> places;
    const bool anywhere = below(4) == 0;
    for (size_t i = 0; i < document.size(); ++i)
      if (anywhere || document[i] == '"' || (document[i] >= '0' && document[i] <= '9')) places.push_back(i);
    if (places.empty()) break;
    const size_t place = places[below(places.size())] + below(2);
    document.insert(std::min(place, document.size()), kAtoms[below(kAtoms.size())]);
  }
  return document;
}

RC_GTEST_PROP(Shape, ReadsWhatAReaderReads, (uint32_t seed)) {
  const Value value = *testing::value();
  std::mt19937 random(seed);
  const std::string base = seed % 2 == 0 ? write(value) : write_pretty(value);
  std::vector<std::string> documents = {base};
  for (int i = 0; i < 12; ++i)
    documents.push_back(changed(random() % 2 == 0 ? base : documents.back(), random));
  RC_ASSERT(stream_error(documents) == "");
}

TEST(Shape, TakesDocumentsThatDifferInStringsAndIntegers) {
  const auto document = [](const std::string& n, const std::string& text, const std::string& id) {
    return R"({ "id":)" + id + R"(, "n" : )" + n + R"( ,"a":[{"text":)" + text + R"(}],"end":true})";
  };
  const std::vector<std::string> documents = {
      document("1", R"("a")", R"("x")"),
      document("1", R"("b")", R"("x")"),
      document("1", R"("")", R"("x")"),
      document("-234567890123456789", R"("\u00e9\n")", R"("x")"),
      document("0", "\"\xC3\xA9\"", R"("y")"),
      document("7", R"("\ud83d")", R"("y")"),
      document("7", R"("a longer text, \\")", R"("y")"),
  };
  size_t matches = 0;
  EXPECT_EQ(stream_error(documents, &matches), "");
  EXPECT_EQ(matches, documents.size() - 1);
}

TEST(Shape, RefusesWhatIsNotTheSameButForStringsAndIntegers) {
  const std::string known = R"({"a":"x","n":1,"z":[null]})";
  const char* others[] = {
      R"({"a":"x","n":1,"z":[null]} )",        R"({"b":"x","n":1,"z":[null]})",
      R"({"a":null,"n":1,"z":[null]})",        R"({"a":"x","n":1.5,"z":[null]})",
      R"({"a":"x","n":01,"z":[null]})",        R"({"a":"x","n":1234567890123456789,"z":[null]})",
      R"({"a":"x","n":-,"z":[null]})",         R"({"a":"x","n":,"z":[null]})",
      R"({"a":"x,"n":1,"z":[null]})",          R"({"a":"x\","n":1,"z":[null]})",
      R"({"a":"x"y","n":1,"z":[null]})",       R"({"a":"\q","n":1,"z":[null]})",
      "{\"a\":\"\x02\",\"n\":1,\"z\":[null]}", "{\"a\":\"\xFF\",\"n\":1,\"z\":[null]}",
      R"({"a":"x","n":1,"z":[null])",          ""};
  for (const std::string other : others) {
    SCOPED_TRACE(other);
    size_t matches = 0;
    EXPECT_EQ(stream_error({known, R"({"a":"y","n":2,"z":[null]})", other}, &matches), "");
    EXPECT_EQ(matches, 1u);
  }
}

TEST(Shape, TellsWhatIsTheSameAsBefore) {
  Stream stream;
  ASSERT_TRUE(stream.read(R"(["a","b",{"raw":[1,"c"]}])"));
  for (const Field& leaf : stream.leaves()) EXPECT_TRUE(leaf.fresh);
  ASSERT_TRUE(stream.read(R"(["a","longer",{"raw":[1,"c"]}])"));
  EXPECT_TRUE(stream.matched);
  EXPECT_FALSE(stream.leaves()[0].fresh);
  EXPECT_TRUE(stream.leaves()[1].fresh);
  EXPECT_FALSE(stream.leaves()[2].fresh);
  EXPECT_FALSE(stream.leaves()[3].fresh);
}

// As Shape's, with documents of several kinds in any order.
RC_GTEST_PROP(Shapes, ReadWhatAReaderReads, (uint32_t seed)) {
  std::mt19937 random(seed);
  std::vector<std::string> kinds;
  for (size_t n = 1 + random() % 12; n > 0; --n) kinds.push_back(write(*testing::value()));
  std::vector<std::string> documents;
  for (int i = 0; i < 60; ++i) {
    std::string& kind = kinds[random() % kinds.size()];
    std::string document = changed(kind, random);
    if (random() % 4 == 0) kind = document;
    documents.push_back(std::move(document));
  }
  RC_ASSERT(stream_error<ManyShapes>(documents) == "");
}

const std::string kBegin = R"({"id":"a","role":"assistant"})";
const std::string kMiddle = R"({"id":"a","text":"x"})";
const std::string kEnd = R"({"id":"a","finish":"stop","usage":{"n":1}})";

TEST(Shapes, AStreamIsKnownFromTheOneBefore) {
  ManyShapes stream;
  size_t matches = 0;
  for (int round = 0; round < 3; ++round) {
    stream.restart();
    for (const std::string& document : {kBegin, kMiddle, kMiddle, kEnd}) {
      ASSERT_TRUE(stream.read(document));
      matches += stream.matched ? 1 : 0;
    }
  }
  EXPECT_EQ(matches, 3u * 4 - 3);
}

TEST(Shapes, WhatAnotherDocumentCameBetweenIsFresh) {
  ManyShapes stream;
  for (const std::string& document : {kMiddle, kMiddle, kEnd, kMiddle}) ASSERT_TRUE(stream.read(document));
  EXPECT_TRUE(stream.matched);
  EXPECT_TRUE(stream.leaves()[1].fresh);
  ASSERT_TRUE(stream.read(kMiddle));
  EXPECT_FALSE(stream.leaves()[1].fresh);
  stream.restart();
  ASSERT_TRUE(stream.read(kMiddle));
  EXPECT_TRUE(stream.matched);
  EXPECT_TRUE(stream.leaves()[1].fresh);
}

TEST(Shapes, TheOneThatWasOfNoUseForTheLongestTimeIsForgotten) {
  const auto kind = [](size_t n) { return R"({"k)" + std::to_string(n) + R"(":"x"})"; };
  ManyShapes stream;
  for (size_t n = 0; n < Shapes<Leaves>::kMost; ++n) ASSERT_TRUE(stream.read(kind(n)));
  ASSERT_TRUE(stream.read(kind(0)));
  EXPECT_TRUE(stream.matched);
  ASSERT_TRUE(stream.read(kind(100)));
  ASSERT_TRUE(stream.read(kind(0)));
  EXPECT_TRUE(stream.matched);
  ASSERT_TRUE(stream.read(kind(1)));
  EXPECT_FALSE(stream.matched);
}

TEST(Shapes, HoldNoMoreThanTheirLimit) {
  const auto big = [](char key) {
    return std::string(R"({")") + key + R"(":")" + std::string(Shapes<Leaves>::kMostBytes / 2, 'x') + "\"}";
  };
  ManyShapes stream;
  for (const char key : {'a', 'b'}) ASSERT_TRUE(stream.read(big(key)));
  ASSERT_TRUE(stream.read(big('b')));
  EXPECT_TRUE(stream.matched);
  ASSERT_TRUE(stream.read(big('a')));
  EXPECT_FALSE(stream.matched);
  const std::string over = '"' + std::string(Shapes<Leaves>::kMostBytes, 'x') + '"';
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(stream.read(over));
    EXPECT_FALSE(stream.matched);
  }
}

TEST(Shapes, KeysWithEscapesAreReadAnew) {
  ManyShapes stream;
  for (const std::string document : {R"({"\u0061":"x"})", R"({"\u0062":"x"})", R"({"\u0061":"x"})"}) {
    ASSERT_TRUE(stream.read(document));
    EXPECT_FALSE(stream.matched);
  }
}

TEST(Shape, DocumentsWithVeryManyValuesAreLeftToTheReader) {
  std::string document = "[0";
  for (size_t i = 0; i < Reader::kMostSlots; ++i) document += ",1";
  document += ']';
  size_t matches = 0;
  EXPECT_EQ(stream_error({document, document}, &matches), "");
  EXPECT_EQ(matches, 0u);
}

}  // namespace
}  // namespace tau::json
