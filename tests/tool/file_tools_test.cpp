// The built-in tools on files, through the executor as a run uses them.
#include <sys/stat.h>

#include <filesystem>

#include "executor_fixture.h"

namespace tau::tool {
namespace {

class FileTools : public test::ExecutorFixture {
 protected:
  void SetUp() override {
    ExecutorFixture::SetUp();
    for (const auto& tool : builtin_tools()) ASSERT_TRUE(registry.add(tool).ok());
    make_executor();
  }
  std::string content(const std::string& name, const std::string& arguments) {
    const Result r = run(name, arguments);
    EXPECT_FALSE(r.is_error) << r.reason << ": " << r.content;
    return r.content;
  }
  std::string reason(const std::string& name, const std::string& arguments) {
    const Result r = run(name, arguments);
    EXPECT_TRUE(r.is_error) << r.content;
    EXPECT_FALSE(r.content.empty());
    return r.reason;
  }
  int64_t detail(const std::string& name) {
    return (*json::parse(results["c1"].details_json))[name].as_int(-1);
  }
};

TEST_F(FileTools, ReadReturnsTheTextAsItIs) {
  dir.write("f", "one\r\n\ttwo\nthree");
  EXPECT_EQ(content("read", R"({"path":"f"})"), "one\r\n\ttwo\nthree");
  EXPECT_EQ(results["c1"].labels.integrity(), "workspace,tool:read");
  dir.write("empty", "");
  EXPECT_EQ(content("read", R"({"path":"empty"})"), "[the file is empty]");
}

TEST_F(FileTools, ReadPagesThroughLines) {
  std::string text;
  for (int i = 1; i <= 2500; ++i) text += format("{}\n", i);
  dir.write("f", text);
  EXPECT_EQ(content("read", R"({"path":"f","offset":7,"limit":2})"),
            "[lines 7-8 of 2500; go on with offset=9]\n7\n8\n");
  EXPECT_EQ(content("read", R"({"path":"f","offset":2500})"), "[lines 2500-2500 of 2500]\n2500\n");
  EXPECT_TRUE(content("read", R"({"path":"f"})")
                  .starts_with("[lines 1-2000 of 2500; go on with offset=2001]\n1\n2\n"));
  EXPECT_EQ(detail("total_lines"), 2500);
  EXPECT_EQ(reason("read", R"({"path":"f","offset":2501})"), "offset_out_of_range");
}

TEST_F(FileTools, ReadStaysWithinItsBudget) {
  dir.write("wide", std::string(200'000, 'x') + "\nend\n");
  const std::string text = content("read", R"({"path":"wide"})");
  EXPECT_LE(text.size(), 64u * 1024);
  EXPECT_NE(text.substr(0, 100).find("is cut; go on with offset=2]"), std::string::npos)
      << text.substr(0, 100);
  dir.write("binary", std::string("a\0b", 3));
  EXPECT_EQ(reason("read", R"({"path":"binary"})"), "binary_file");
  EXPECT_EQ(reason("read", R"({"path":"../x"})"), "path_escapes_workspace");
  EXPECT_EQ(reason("read", R"({"path":"none"})"), "file_not_found");
  EXPECT_EQ(reason("read", R"({"path":"."})"), "not_a_regular_file");
}

TEST_F(FileTools, WriteCreatesAndReplaces) {
  EXPECT_EQ(content("write", R"({"path":"a/b/c","content":"hello"})"), "created a/b/c (5 bytes)");
  EXPECT_EQ(content("write", R"({"path":"a/b/c","content":""})"), "replaced a/b/c (0 bytes)");
  EXPECT_EQ(dir.read("a/b/c"), "");
  EXPECT_EQ(reason("write", R"({"path":"x/../../c","content":""})"), "path_escapes_workspace");
  EXPECT_FALSE(std::filesystem::exists(dir.file("x")));
}

TEST_F(FileTools, EditChangesOnePlaceAndKeepsTheMode) {
  dir.write("f.sh", "#!/bin/sh\necho one\necho two\n");
  ASSERT_EQ(chmod(dir.file("f.sh").c_str(), 0755), 0);
  EXPECT_EQ(content("edit", R"({"path":"f.sh","old_text":"one","new_text":"1"})"), "edited f.sh at line 2");
  EXPECT_EQ(dir.read("f.sh"), "#!/bin/sh\necho 1\necho two\n");
  EXPECT_EQ(workspace->stat("f.sh")->mode, 0755u);
  EXPECT_EQ(content("edit", R"({"path":"f.sh","old_text":"echo","new_text":"printf","replace_all":true})"),
            "edited f.sh: 2 replacements, on lines 2, 3");
}

TEST_F(FileTools, EditExplainsWhyItDidNothing) {
  dir.write("f", "  alpha\nbeta\nbeta\n");
  EXPECT_EQ(reason("edit", R"({"path":"f","old_text":"beta","new_text":"x"})"), "text_not_unique");
  EXPECT_NE(results["c1"].content.find("2 times in f, on lines 2, 3"), std::string::npos)
      << results["c1"].content;
  EXPECT_EQ(reason("edit", R"({"path":"f","old_text":"\talpha","new_text":"x"})"), "text_not_found");
  EXPECT_NE(results["c1"].content.find("line 1"), std::string::npos) << results["c1"].content;
  EXPECT_EQ(reason("edit", R"({"path":"f","old_text":"beta","new_text":"beta"})"), "no_change");
  EXPECT_EQ(dir.read("f"), "  alpha\nbeta\nbeta\n");
}

TEST_F(FileTools, LsMarksAndSorts) {
  dir.write("b", "");
  dir.write("a/x", "");
  dir.write(".hidden", "");
  std::filesystem::create_symlink("b", dir.file("c"));
  EXPECT_EQ(content("ls", "{}"), ".hidden\na/\nb\nc@\n");
  EXPECT_EQ(content("ls", R"({"path":"a"})"), "x\n");
  EXPECT_EQ(reason("ls", R"({"path":"b"})"), "not_a_directory");
  for (int i = 0; i < 1003; ++i) dir.write(format("many/{:04}", i), "");
  EXPECT_TRUE(content("ls", R"({"path":"many"})").ends_with("0999\n[3 more entries]\n"));
  std::filesystem::create_directory(dir.file("void"));
  EXPECT_EQ(content("ls", R"({"path":"void"})"), "[the directory is empty]");
}

TEST_F(FileTools, GlobFindsSortedPathsBelowTheStart) {
  for (const char* name : {"src/b.c", "src/a/z.c", "src/a/y.h", "top.c", ".git/x.c", "src/.git/y.c"})
    dir.write(name, "");
  EXPECT_EQ(content("glob", R"({"pattern":"*.c"})"), "src/a/z.c\nsrc/b.c\ntop.c\n");
  EXPECT_EQ(content("glob", R"({"pattern":"a/*","path":"src"})"), "src/a/y.h\nsrc/a/z.c\n");
  EXPECT_EQ(content("glob", R"({"pattern":"*.py"})"), "[no file matches]");
  EXPECT_EQ(reason("glob", R"({"pattern":"[a"})"), "invalid_glob");
  EXPECT_EQ(reason("glob", R"({"pattern":"*","path":"none"})"), "file_not_found");
  for (int i = 0; i < 1002; ++i) dir.write(format("many/{:04}", i), "");
  EXPECT_TRUE(content("glob", R"({"pattern":"many/*"})")
                  .ends_with("0999\n[more files match; use a narrower pattern]\n"));
  EXPECT_EQ(detail("matches"), 1000);
}

TEST_F(FileTools, GrepShowsPathLineAndText) {
  dir.write("b.txt", "Alpha\nbeta\r\nalpha beta\n");
  dir.write("a/c.py", "alpha = 1\n");
  dir.write("bin", std::string("alpha\0", 6));
  dir.write(".git/x", "alpha");
  EXPECT_EQ(content("grep", R"({"pattern":"^alpha"})"), "a/c.py:1: alpha = 1\nb.txt:3: alpha beta\n");
  EXPECT_EQ(content("grep", R"({"pattern":"ALPHA","ignore_case":true,"glob":"*.txt"})"),
            "b.txt:1: Alpha\nb.txt:3: alpha beta\n");
  EXPECT_EQ(content("grep", R"({"pattern":"beta$","path":"b.txt"})"), "b.txt:2: beta\nb.txt:3: alpha beta\n");
  EXPECT_EQ(content("grep", R"({"pattern":"a.p","literal":true})"), "[no line matches]\n");
  EXPECT_EQ(content("grep", R"({"pattern":"alpha","path":"bin"})"), "[no line matches]\n");
  EXPECT_EQ(reason("grep", R"({"pattern":"("})"), "invalid_regex");
  EXPECT_EQ(reason("grep", R"({"pattern":"x","path":"/etc"})"), "path_escapes_workspace");
}

TEST_F(FileTools, GrepShowsContextOnce) {
  dir.write("f", "1\n2\nx3\n4\nx5\n6\n7\n8\n9\nx10\n");
  EXPECT_EQ(content("grep", R"({"pattern":"x","context":1})"),
            "f-2- 2\nf:3: x3\nf-4- 4\nf:5: x5\nf-6- 6\n--\nf-9- 9\nf:10: x10\n");
}

TEST_F(FileTools, GrepIsBounded) {
  std::string lines;
  for (int i = 0; i < 300; ++i) lines += "match\n";
  dir.write("f", lines);
  dir.write("g", "match " + std::string(1000, 'y') + "\n");
  dir.write("huge", std::string(3u << 20, 'z'));
  content("grep", R"({"pattern":"match"})");
  EXPECT_EQ(detail("matches"), 200);
  EXPECT_EQ(content("grep", R"({"pattern":"match","max_matches":1})"),
            "f:1: match\n[there may be more matches; use a narrower pattern, path or glob]\n");
  EXPECT_LT(content("grep", R"({"pattern":"match y","path":"g"})").size(), 500u);
  const std::string part = "huge:1: " + std::string(400, 'z') + "…\n";
  EXPECT_EQ(content("grep", R"({"pattern":"z","path":"huge","context":2})"), part + part)
      << "in parts of 2 MB";
}

// Against a search of the whole text at once, for lines and pieces that meet anywhere.
TEST_F(FileTools, LargeFilesAreReadAndSearchedPieceByPiece) {
  std::string text;
  for (int i = 1; text.size() < (34u << 20); ++i)
    text += format("{} {}{}\n", i, i % 200'000 == 77 ? "needle " : "",
                   std::string(static_cast<size_t>(i % 61), '.'));
  const auto lines = static_cast<int64_t>(std::count(text.begin(), text.end(), '\n'));
  dir.write("log", text);
  std::string expected;
  const auto line_of = [&text](int64_t n) {
    const size_t at = n == 1 ? 0 : text.find(format("\n{} ", n)) + 1;
    return text.substr(at, text.find('\n', at) - at);
  };
  for (int64_t n = 77; n < lines; n += 200'000) {
    if (!expected.empty()) expected += "--\n";
    for (int64_t k = n - 3; k <= n + 3; ++k)
      expected += format("log{0}{1}{0} {2}\n", k == n ? ':' : '-', k, line_of(k));
  }
  EXPECT_EQ(content("grep", R"({"pattern":"needle","context":3})"), expected);
  EXPECT_EQ(detail("matches"), (lines - 77) / 200'000 + 1);
  for (const int64_t n : {int64_t{1}, int64_t{54321}, lines - 1})
    EXPECT_EQ(
        content("read", format(R"({{"path":"log","offset":{},"limit":2}})", n)),
        format("[lines {}-{} of {}{}]\n{}\n{}\n", n, n + 1, lines,
               n + 1 < lines ? format("; go on with offset={}", n + 2) : "", line_of(n), line_of(n + 1)));
  EXPECT_EQ(reason("edit", R"({"path":"log","old_text":"1 ","new_text":"2 "})"), "file_too_large");
}

TEST_F(FileTools, TheSameSearchGivesTheSameBytes) {
  for (int i = 0; i < 50; ++i) dir.write(format("d{}/f{}", i % 7, i), format("needle {}\n", i));
  const std::string first = content("grep", R"({"pattern":"needle"})");
  EXPECT_EQ(content("grep", R"({"pattern":"needle"})"), first);
  std::string copy = first;
  std::vector<std::string> lines;
  for (size_t end; (end = copy.find('\n')) != std::string::npos; copy.erase(0, end + 1))
    lines.push_back(copy.substr(0, copy.find(':')));
  EXPECT_TRUE(std::is_sorted(lines.begin(), lines.end()));
}

TEST_F(FileTools, NoWorkspaceIsAnAnswerToo) {
  workspace.reset();
  make_executor();
  EXPECT_EQ(reason("read", R"({"path":"f"})"), "no_workspace");
  EXPECT_EQ(reason("bash", R"({"command":"true"})"), "no_launcher");
}

}  // namespace
}  // namespace tau::tool
