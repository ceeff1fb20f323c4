// Chunks of files: what each format becomes, and what holds of all of them.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <chrono>

#include "json/json.h"
#include "memory/chunk.h"
#include "memory/chunk_pack.h"
#include "memory/front_matter.h"

namespace tau::memory {
namespace {

using testing::Test;

std::vector<Chunk> chunks_of(std::string_view name, std::string_view text, ChunkOptions options = {}) {
  auto file = chunk_document(name, text, options);
  EXPECT_TRUE(file.ok()) << file.status().to_string();
  return file.ok() ? std::move(file->chunks) : std::vector<Chunk>();
}
std::string repeat(std::string_view text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}
std::vector<std::string> headings(const std::vector<Chunk>& chunks) {
  std::vector<std::string> out;
  for (const Chunk& chunk : chunks) out.push_back(chunk.heading);
  return out;
}

TEST(Chunk, PutsShortParagraphsTogetherAndCutsLongOnesAtSentences) {
  const auto short_ones = chunks_of("a.txt", "One.\n\nTwo.\n\n\nThree.\n");
  ASSERT_EQ(short_ones.size(), 1u);
  EXPECT_EQ(short_ones[0].text, "One.\n\nTwo.\n\nThree.");
  EXPECT_EQ(short_ones[0].first_line, 1);
  EXPECT_EQ(short_ones[0].last_line, 6);

  const auto parts = chunks_of("a.txt", repeat("Dr. Grey wrote a sentence of some length here. ", 100));
  ASSERT_GT(parts.size(), 2u);
  for (const Chunk& part : parts) {
    EXPECT_LE(part.text.size(), 1'200u);
    EXPECT_TRUE(part.text.starts_with("Dr. Grey")) << part.text;
    EXPECT_TRUE(part.text.ends_with("here.")) << part.text;
  }
}

TEST(Chunk, OfMarkdownStandUnderTheirHeadings) {
  const auto chunks =
      chunks_of("guide.md",
                "---\ntitle: The guide\ntags: [a, b]\n---\nBefore.\n\n# Guide\n\n## Install\nRun it.\n\n"
                "## Use ##\n\n```sh\n# no heading\nrun\n```\n\nTitle\n=====\nUnder it.\n");
  EXPECT_EQ(headings(chunks), (std::vector<std::string>{"", "Guide > Install", "Guide > Use", "Title"}));
  EXPECT_EQ(chunks[0].first_line, 5);
  EXPECT_EQ(chunks[1].text, "Run it.");
  EXPECT_EQ(chunks[1].first_line, 10);
  EXPECT_EQ(chunks[2].text, "```sh\n# no heading\nrun\n```");
  EXPECT_EQ(chunks[2].kind, "code");
  EXPECT_EQ(chunks[3].text, "Under it.");
  const auto file = chunk_document("guide.md", "---\ntitle: The guide\n---\nText\n", {});
  EXPECT_EQ(file->attributes, R"({"title":"The guide"})");
}

TEST(Chunk, OfMarkdownKeepHeadingsWithNothingUnderThem) {
  const auto chunks = chunks_of("a.md", "# A\n## B\n## C\nText.\n# D\n");
  EXPECT_EQ(headings(chunks), (std::vector<std::string>{"A", "A > C", ""}));
  EXPECT_EQ(chunks[0].text, "B");
  EXPECT_EQ(chunks[0].kind, "heading");
  EXPECT_EQ(chunks[2].text, "D");
}

TEST(Chunk, OfMarkdownKeepListsAndTablesWholeOrRepeatTheHeader) {
  const std::string list = "- one\n  more\n\n  and more\n- two\n";
  const auto small = chunks_of("a.md", repeat("Word word word. ", 70) + "\n\n" + list);
  ASSERT_EQ(small.size(), 1u);
  EXPECT_TRUE(small[0].text.ends_with("- one\n  more\n\n  and more\n- two"));

  const auto table =
      chunks_of("a.md", "| a | b |\n|---|---|\n" + repeat("| a cell of a row | another |\n", 200));
  ASSERT_GT(table.size(), 2u);
  for (const Chunk& chunk : table) {
    EXPECT_TRUE(chunk.text.starts_with("| a | b |\n|---|---|\n| a cell"));
    EXPECT_EQ(chunk.kind, "table");
  }
  EXPECT_EQ(table.back().last_line, 202);
}

TEST(Chunk, OfJsonAreRecordsUnderTheirPaths) {
  const auto chunks = chunks_of(
      "a.json", R"({"name":"x","items":[{"title":"One \u00e9","tags":["a","b"]},{"title":"Two"}],"pad":")" +
                    repeat("p", 3'000) + "\"}");
  ASSERT_GE(chunks.size(), 3u);
  EXPECT_EQ(chunks[0].text,
            "name: x\nitems:\n  -\n    title: One é\n    tags:\n      - a\n      - b\n  -\n    title: Two");
  EXPECT_EQ(chunks[1].heading, "pad");
  const auto list = chunks_of("a.json", R"([{"a":1},{"a":{"b":null}},7])");
  EXPECT_EQ(headings(list), (std::vector<std::string>{"1", "2", ""}));
  EXPECT_EQ(list[0].text, "a: 1");
  EXPECT_EQ(list[0].kind, "record");
  EXPECT_EQ(list[2].text, "- 7");
}

TEST(Chunk, OfLinesOfJsonAreOneARecord) {
  const auto chunks = chunks_of("a.jsonl", "{\"a\":\"x\\ny\"}\n\n{broken\n[1,2]\n");
  ASSERT_EQ(chunks.size(), 3u);
  EXPECT_EQ(chunks[0].text, "a: x\ny");
  EXPECT_EQ(chunks[1].text, "{broken");
  EXPECT_EQ(chunks[2].first_line, 4);
  const auto broken = chunk_document("a.json", "{\"a\": 1", {});
  ASSERT_TRUE(broken.ok());
  EXPECT_EQ(broken->format, "lines");
  EXPECT_NE(broken->note, "");
  EXPECT_EQ(broken->chunks.size(), 1u);
}

TEST(Chunk, OfTablesRepeatTheHeaderAndKeepQuotedLines) {
  std::string text = "id;note\n";
  for (int i = 0; i < 100; ++i) text += format("{};\"first line\nsecond \"\"line\"\"; of {}\"\n", i, i);
  const auto chunks = chunks_of("a.csv", text);
  ASSERT_GT(chunks.size(), 2u);
  for (const Chunk& chunk : chunks) {
    EXPECT_TRUE(chunk.text.starts_with("id;note\n")) << chunk.text;
    EXPECT_TRUE(chunk.text.ends_with("\"")) << chunk.text;
  }
  EXPECT_EQ(chunks.back().last_line, 201);
  // A quote that nobody closes does not make one row of the rest.
  const auto open = chunks_of("a.csv", "a,b\n1,\"open\n" + repeat("2,row\n", 20'000));
  EXPECT_GT(open.size(), 50u);
}

TEST(Chunk, OfCodeAreFunctionsWithTheirComments) {
  const std::string body = repeat("    total += value * factor;  // some work\n", 30);
  const auto chunks =
      chunks_of("a.cpp", "#include <x>\n\nnamespace n {\n\n// Adds.\nint add(int a) {\n" + body +
                             "}\n\n/* Takes\n   away. */\nint take(int a) {\n" + body + "}\n}\n");
  ASSERT_GE(chunks.size(), 3u);
  const auto with = [&](std::string_view text) {
    return std::find_if(chunks.begin(), chunks.end(),
                        [&](const Chunk& c) { return c.text.find(text) != std::string::npos; });
  };
  EXPECT_NE(with("int add(")->text.find("// Adds."), std::string::npos);
  EXPECT_NE(with("int take(")->text.find("/* Takes"), std::string::npos);
  EXPECT_EQ(with("int take(")->heading, "n > take");

  const auto python = chunks_of(
      "a.py",
      "import os\n\nclass A:\n    \"\"\"Doc\nat margin.\n    \"\"\"\n\n    @property\n    def one(self):\n" +
          repeat("        self.work()\n", 60) + "\n    def two(self):\n" +
          repeat("        self.work()\n", 60));
  EXPECT_EQ(python.back().heading, "A > two");
}

TEST(Chunk, OfSettingsAndLogsKeepBlocksTogether) {
  const auto toml = chunks_of("a.toml", "top = 1\n[server]\nport = 80\n[client]\nname = \"x\"\n");
  ASSERT_EQ(toml.size(), 1u);
  EXPECT_EQ(toml[0].heading, "server, client");
  const auto log = chunks_of("a.log", repeat("12:00 failed\n    at one\n    at two\n", 100));
  for (const Chunk& chunk : log) {
    EXPECT_TRUE(chunk.text.starts_with("12:00"));
    EXPECT_TRUE(chunk.text.ends_with("at two"));
  }
}

TEST(Chunk, OfPagesAreWhatAReaderSees) {
  const auto file = chunk_document(
      "a.html",
      "<!doctype html><title>T &amp; t</title><style>p{x:'<p>no'}</style><script>if (a<b) '</p>no'</script>"
      "<h1>Caf&eacute; &#x41;</h1><p>Visible <a href=x>link</a>.<p hidden>secret<p>Next&nbsp;one"
      "<div style='display: none'>gone<div>gone</div></div><!-- no --><ul><li>a<li>b</ul>"
      "<table><tr><td>1<td>2</table><h2>Empty</h2><pre>a\n  b</pre>",
      {});
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->attributes, R"({"title":"T & t"})");
  ASSERT_EQ(file->chunks.size(), 2u);
  EXPECT_EQ(file->chunks[0].heading, "Café A");
  EXPECT_EQ(file->chunks[0].text, "Visible link.\n\nNext one\n- a\n- b\n1 | 2");
  EXPECT_EQ(file->chunks[1].heading, "Café A > Empty");
  EXPECT_EQ(file->chunks[1].text, "a\n  b");
}

TEST(Chunk, OfConvertedPagesNameThem) {
  const auto file = chunk_pages("First page.\n\f  \n\fThird.\n\f", {});
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(headings(file->chunks), (std::vector<std::string>{"page 1", "page 3"}));
}

TEST(Chunk, RefusesWhatIsNoText) {
  const auto reason = [](std::string_view bytes) {
    return std::string(chunk_document("x", bytes, {}).status().reason());
  };
  EXPECT_EQ(reason(std::string_view("a\0b", 3)), "not_text");
  EXPECT_EQ(reason("\xff\xfe"), "not_text");
  EXPECT_EQ(reason("gr\xfc\xdf"), "not_text");
  EXPECT_EQ(reason("%PDF-1.7"), "needs_converter");
  EXPECT_TRUE(chunks_of("x", "").empty());
  EXPECT_TRUE(chunks_of("x.md", " \r\n\t\r\n").empty());
  ChunkOptions few;
  few.max_chunks = 2;
  EXPECT_EQ(chunk_document("a.jsonl", "1\n2\n3\n", few).status().reason(), "too_many_chunks");
  few.max_file_bytes = 3;
  EXPECT_EQ(chunk_document("a.txt", "1234", few).status().reason(), "file_too_large");
  few.target_bytes = 5'000;
  EXPECT_EQ(chunk_document("a.txt", "1", few).status().reason(), "invalid_chunk_options");
}

TEST(Chunk, TakesLinesOfWindowsAndAMarkOfByteOrder) {
  const auto chunks = chunks_of("a.md", "\xef\xbb\xbf# A\r\nText\r\nmore\r\n");
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_EQ(chunks[0].text, "Text\nmore");
  EXPECT_EQ(chunks[0].heading, "A");
}

TEST(Chunk, RepeatsTheEndOfTheOneBeforeWhenAsked) {
  ChunkOptions options;
  options.overlap_bytes = 100;
  const auto chunks = chunks_of("a.txt", repeat("Some words that go on and on. ", 200), options);
  ASSERT_GT(chunks.size(), 2u);
  EXPECT_LE(chunks[1].text.size(), 2'101u);
  const std::string front = chunks[1].text.substr(0, chunks[1].text.find('\n'));
  EXPECT_GT(front.size(), 50u);
  EXPECT_TRUE(chunks[0].text.ends_with(front));
}

// Text that looks like all the formats.
rc::Gen<std::string> any_text() {
  static const std::vector<std::string> kParts = {"word ",
                                                  "\n",
                                                  "\n\n",
                                                  "# H\n",
                                                  "## ",
                                                  "- item\n",
                                                  "```\n",
                                                  "| a | b |\n|---|---|\n",
                                                  "{\"k\": ",
                                                  "[1, ",
                                                  "\"",
                                                  "}",
                                                  "]",
                                                  ",",
                                                  "<p>",
                                                  "<h1>",
                                                  "</",
                                                  "&amp;",
                                                  "é",
                                                  "漢字",
                                                  "def f():\n    ",
                                                  "int f() {\n",
                                                  "}\n",
                                                  "\t",
                                                  "key: value\n",
                                                  "[section]\n",
                                                  "---\n",
                                                  "***\n",
                                                  "===\n",
                                                  ". ",
                                                  "a,b\n",
                                                  "\f",
                                                  "\r\n"};
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(kParts)),
                      [](const std::vector<std::string>& parts) {
                        std::string out;
                        for (const auto& part : parts) out += part;
                        return out;
                      });
}

std::string letters(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (!std::isspace(static_cast<unsigned char>(c))) out += c;
  return out;
}

RC_GTEST_PROP(ChunkLaws, HoldForAnyText, ()) {
  ChunkOptions options;
  options.max_bytes = *rc::gen::inRange<size_t>(64, 300);
  options.target_bytes = *rc::gen::inRange<size_t>(32, options.max_bytes);
  const std::string text = *rc::gen::resize(200, any_text());
  for (const char* name :
       {"a.txt", "a.md", "a.json", "a.jsonl", "a.csv", "a.html", "a.py", "a.cpp", "a.toml", "a"}) {
    const auto file = chunk_document(name, text, options);
    RC_ASSERT(file.ok());
    int64_t line = 1;
    std::string all;
    for (const Chunk& chunk : file->chunks) {
      RC_ASSERT(!chunk.text.empty() && chunk.text.size() <= options.max_bytes);
      RC_ASSERT(is_valid_utf8(chunk.text) && is_valid_utf8(chunk.heading));
      RC_ASSERT(chunk.heading.size() <= kMaxHeadingBytes + kMaxHeadingPartBytes);
      RC_ASSERT(chunk.first_line >= line && chunk.last_line >= chunk.first_line);
      line = chunk.first_line;
      all += chunk.text;
    }
    // Plain text and code come out as they are, but for the blanks between chunks.
    const std::string_view format = file->format;
    if (format == "text" || format == "code") RC_ASSERT(letters(all) == letters(text));
  }
}

TEST(ChunkLaws, TimeIsLinearInHostileText) {
  const std::string cases[] = {repeat("x", 1 << 18),
                               repeat("# ", 1 << 16),
                               repeat("[", 1 << 16),
                               repeat("[1,", 1 << 16),
                               repeat("<a ", 1 << 16),
                               repeat("<!--", 1 << 16),
                               repeat("&#", 1 << 16),
                               repeat("\"\"", 1 << 16),
                               repeat("{\n", 1 << 16),
                               repeat("- a\n\n", 1 << 16),
                               repeat("```\n", 1 << 16),
                               repeat("|-\n", 1 << 16),
                               "# " + repeat("t", 1 << 17) + "\n" + repeat("## b\n", 1 << 14),
                               repeat("\n", 1 << 18),
                               repeat("a,\"\n", 1 << 16),
                               repeat("<p hidden><div>", 1 << 15),
                               repeat(" ", 1 << 18) + "x"};
  const auto begin = std::chrono::steady_clock::now();
  ChunkOptions options;
  options.max_chunks = 10'000'000;
  for (const std::string& text : cases)
    for (const char* name :
         {"a.txt", "a.md", "a.json", "a.jsonl", "a.csv", "a.html", "a.py", "a.js", "a.yaml"})
      EXPECT_TRUE(chunk_document(name, text, options).ok());
  // Quadratic time would take hours; this is a bound on accidents, not a figure.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::minutes(2));
}

TEST(FrontMatter, ReadsWhatPeopleWrite) {
  const auto front = read_front_matter(
      "---\ntitle: \"A: b\"\ndate: 2024-05-01\nweight: 0.5\ndraft: false\ntags:\n  - one\n  - "
      "'two''s'\nlist: [a, "
      "\"b, c\", 3]\nnote: text # comment\ntext: |\n  a\n    b\nlink: [[other]]\n# no\nempty:\n---\nBody\n");
  ASSERT_TRUE(front);
  EXPECT_EQ(
      json::write(front->fields),
      R"({"date":"2024-05-01","draft":false,"empty":null,"link":"[[other]]","list":["a","b, c",3],"note":"text",)"
      R"("tags":["one","two's"],"text":"a\n  b","title":"A: b","weight":0.5})");
  EXPECT_EQ(front->body, "Body\n");
  EXPECT_FALSE(read_front_matter("---\nno end\n"));
  EXPECT_FALSE(read_front_matter("text\n---\n"));
}

RC_GTEST_PROP(FrontMatterLaws, WhatIsWrittenReadsBack,
              (std::string text, std::vector<std::string> list, double d, int64_t i)) {
  text = repair_utf8(text);
  json::Value::Array items;
  for (const std::string& item : list) items.emplace_back(repair_utf8(item));
  const json::Value values[] = {text, json::Value(items), d, i, true, nullptr};
  std::string out = "---\n";
  for (size_t n = 0; n < std::size(values); ++n) append_front_field(out, format("k{}", n), values[n]);
  const auto front = read_front_matter(out + "---\nbody");
  RC_ASSERT(front.has_value());
  for (size_t n = 0; n < std::size(values); ++n) RC_ASSERT(front->fields[format("k{}", n)] == values[n]);
}

}  // namespace
}  // namespace tau::memory
