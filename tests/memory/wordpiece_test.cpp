// The tokenizer of BERT: golden pieces, and files that are none.
#include "memory/wordpiece.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "memory/wordpiece_unicode.h"

namespace tau::memory {
namespace {

const std::vector<std::string> kVocabulary = {
    "[PAD]", "[UNK]", "[CLS]", "[SEP]",     "un",       "##aff", "##able",   "play",  "##ing",
    "cafe",  "naive", "!",     ".",         "$",        "5",     "##0",      "日",    "本",
    "x",     "##x",   "i",     "##stanbul", "##s",      "ss",    "c",        "##afe", "[",
    "]",     "cl",    "##s2",  "\u1100",    "##\u1161", "Caf",   "##\u00e9", "a"};

std::string vocabulary_file() {
  std::string out;
  for (const std::string& piece : kVocabulary) out += piece + "\n";
  return out;
}

std::string pieces_of(const WordPiece& tokenizer, std::string_view text, size_t most = 100) {
  std::vector<uint32_t> pieces;
  tokenizer.tokenize(text, most, &pieces);
  std::string out;
  for (const uint32_t piece : pieces) out += (out.empty() ? "" : " ") + kVocabulary[piece];
  return out;
}

WordPiece tokenizer(WordPieceOptions options = {}) {
  return *WordPiece::from_vocabulary(vocabulary_file(), options);
}

struct Golden {
  std::string_view text;
  std::string_view pieces;
};

TEST(WordPiece, CutsAsBertDoes) {
  const WordPiece words = tokenizer();
  const Golden cases[] = {
      {"unaffable", "un ##aff ##able"},
      {"UNAFFABLE playing", "un ##aff ##able play ##ing"},
      {"  play\t\n\r play\xc2\xa0play\xe2\x80\xa8play ", "play play play play"},
      {"play!ing", "play ! [UNK]"},
      {"caf\xc3\xa9 cafe\xcc\x81 na\xc3\xafve", "cafe cafe naive"},
      {"$5.00!", "$ 5 . [UNK] !"},
      {"日本play", "日 本 play"},
      {"\xc4\xb0stanbul", "i ##stanbul"},
      {"unknownword", "[UNK]"},
      {"play\xe2\x80\x8bing", "play ##ing"},  // a blank of no width is a control character
      {"pl\x01"
       "ay\x7f",
       "play"},
      {"\xff\xfeplay\xc3", "play"},
      {"[CLS]", "[ cl ##s ]"},  // plain text, not the marker
      {"[PAD]", "[ [UNK] ]"},
      {"\xea\xb0\x80", "\u1100 ##\u1161"},  // a Hangul syllable comes apart
      {"", ""},
      {" \xcc\x81 ", ""},
  };
  for (const Golden& golden : cases) EXPECT_EQ(pieces_of(words, golden.text), golden.pieces) << golden.text;
}

TEST(WordPiece, KeepsCaseAndAccentsWhereAsked) {
  const WordPiece words = tokenizer({.strip_accents = false, .lowercase = false});
  EXPECT_EQ(pieces_of(words, "Caf\xc3\xa9"), "Caf ##\u00e9");
  EXPECT_EQ(pieces_of(words, "caf\xc3\xa9"), "[UNK]");
}

TEST(WordPiece, AWordOfMoreThanAHundredCharactersIsUnknown) {
  const WordPiece words = tokenizer();
  EXPECT_EQ(pieces_of(words, "a" + std::string(100, 'x')), "[UNK]");
  EXPECT_EQ(pieces_of(words, std::string(100, 'x')).substr(0, 7), "x ##x #");
  EXPECT_EQ(pieces_of(words, std::string(1 << 20, 'x') + " play"), "[UNK] play");
}

TEST(WordPiece, StopsAtTheLimit) {
  const WordPiece words = tokenizer();
  EXPECT_EQ(pieces_of(words, "unaffable play", 2), "un ##aff");
  EXPECT_EQ(pieces_of(words, "play", 0), "");
}

RC_GTEST_PROP(WordPiece, TakesAnyBytes, (const std::string& text)) {
  static const WordPiece words = tokenizer();
  std::vector<uint32_t> pieces;
  words.tokenize(text, 50, &pieces);
  RC_ASSERT(pieces.size() <= 50U);
  for (const uint32_t piece : pieces) RC_ASSERT(piece < words.size());
}

RC_GTEST_PROP(WordPiece, CharactersAreReadAsTheyAreWritten, ()) {
  const auto code = *rc::gen::inRange<uint32_t>(0, 0x110000);
  RC_PRE(code < 0xd800 || code > 0xdfff);
  char bytes[4];
  std::string_view text(bytes, put_character(code, bytes));
  RC_ASSERT(take_character(&text) == code);
  RC_ASSERT(text.empty());
}

std::string tokenizer_json(std::string_view normalizer, std::string_view cutter, std::string_view model) {
  return format(R"({{"normalizer":{},"pre_tokenizer":{},"model":{}}})", normalizer, cutter, model);
}
constexpr std::string_view kNormalizer =
    R"({"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true})";
constexpr std::string_view kCutter = R"({"type":"BertPreTokenizer"})";

TEST(WordPiece, ReadsTokenizerJson) {
  const std::string model =
      R"({"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":5,)"
      R"("vocab":{"play":1,"[UNK]":0,"##ing":2}})";
  const StatusOr<WordPiece> words =
      WordPiece::from_tokenizer_json(tokenizer_json(kNormalizer, kCutter, model));
  ASSERT_TRUE(words.ok()) << words.status().to_string();
  std::vector<uint32_t> pieces;
  words->tokenize("Play playi playing", 10, &pieces);
  EXPECT_EQ(pieces, (std::vector<uint32_t>{1, 0, 0}));
  EXPECT_EQ(words->find("##ing"), 2U);
  EXPECT_EQ(words->find("ing"), PieceTable::kNone);
}

TEST(WordPiece, NamesWhatItDoesNotSupport) {
  const std::string model = R"({"type":"WordPiece","vocab":{"[UNK]":0}})";
  const auto status = [](const std::string& file) { return WordPiece::from_tokenizer_json(file).status(); };
  ASSERT_TRUE(status(tokenizer_json(kNormalizer, kCutter, model)).ok());
  const std::string files[] = {
      tokenizer_json(R"({"type":"Precompiled"})", kCutter, model),
      tokenizer_json(kNormalizer, R"({"type":"Metaspace"})", model),
      tokenizer_json(kNormalizer, "null", model),
      tokenizer_json(kNormalizer, kCutter, R"({"type":"Unigram","vocab":[]})"),
      tokenizer_json("null", kCutter, model),
  };
  for (const std::string& file : files) {
    EXPECT_EQ(status(file).code(), Code::kUnimplemented) << file;
    EXPECT_EQ(status(file).reason(), "tokenizer_unsupported") << file;
  }
  EXPECT_NE(status(files[3]).message().find("Unigram"), std::string_view::npos);
}

TEST(WordPiece, RefusesDamagedFiles) {
  const auto with = [](std::string_view vocabulary) {
    return std::string(
        WordPiece::from_tokenizer_json(
            tokenizer_json(kNormalizer, kCutter, format(R"({{"type":"WordPiece","vocab":{}}})", vocabulary)))
            .status()
            .reason());
  };
  EXPECT_EQ(with(R"({"[UNK]":1})"), "invalid_model");
  EXPECT_EQ(with(R"({"[UNK]":0,"a":0})"), "invalid_model");
  EXPECT_EQ(with(R"({"[UNK]":0,"a":-1})"), "invalid_model");
  EXPECT_EQ(with(R"({"[UNK]":0,"a":"1"})"), "invalid_model");
  EXPECT_EQ(with(R"({"a":0})"), "invalid_model");
  EXPECT_EQ(with("[]"), "invalid_model");
  EXPECT_EQ(WordPiece::from_tokenizer_json("{").status().reason(), "invalid_model");
  EXPECT_EQ(WordPiece::from_vocabulary("", {}).status().reason(), "invalid_model");
  EXPECT_EQ(WordPiece::from_vocabulary("a\nb\n", {}).status().reason(), "invalid_model");
  EXPECT_EQ(WordPiece::from_vocabulary("[UNK]\na\na\n", {}).status().reason(), "invalid_model");
  EXPECT_EQ(WordPiece::from_vocabulary("[UNK]\n" + std::string(600, 'a') + "\n", {}).status().reason(),
            "invalid_model");
}

TEST(WordPiece, ItsChecksumIsThatOfItsSettingsAndPieces) {
  const uint64_t sum = tokenizer().checksum();
  EXPECT_EQ(tokenizer().checksum(), sum);
  EXPECT_NE(tokenizer({.lowercase = false}).checksum(), sum);
  EXPECT_NE(WordPiece::from_vocabulary("[UNK]\na\n", {})->checksum(), sum);
}

}  // namespace
}  // namespace tau::memory
