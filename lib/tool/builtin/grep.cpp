// grep: lines of files that match a regular expression.
#include <algorithm>

#include "base/glob_pattern.h"
#include "tool/builtin/builtin.h"
#include "tool/builtin/file_tool.h"

namespace tau::tool {
namespace {

constexpr size_t kMaxLineBytes = 400;      // shown of a line
constexpr size_t kLongestLine = 2u << 20;  // a longer one counts as several
constexpr size_t kMaxOutputBytes = 60 * 1024;

constexpr std::string_view kDescription =
    "Searches the files of the workspace for a regular expression (RE2 syntax, no backreferences or "
    "lookaround), line "
    "by line. Returns lines as path:line: text, in a fixed order; lines of context as path-line- text. "
    "Binary files, "
    "files over 1 GB and .git are skipped.";

constexpr std::string_view kParameters = R"({"type":"object","properties":{
"pattern":{"type":"string","minLength":1,"description":"Regular expression, or plain text with literal"},
"path":{"type":"string","description":"File or directory to search, relative to the workspace. Default: all of it"},
"glob":{"type":"string","minLength":1,"description":"Search only files that match, such as *.py or src/**/*.{c,h}"},
"ignore_case":{"type":"boolean","description":"Default false"},
"literal":{"type":"boolean","description":"The pattern is plain text. Default false"},
"context":{"type":"integer","minimum":0,"maximum":20,"description":"Lines to show around each match. Default 0"},
"max_matches":{"type":"integer","minimum":1,"maximum":1000,"description":"Stop after so many. Default 200"}},
"required":["pattern"],"additionalProperties":false})";

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return lines;
}

// Collects the matches of one call.
class Search {
 public:
  Search(const Regex& regex, const json::Value& arguments)
      : regex_(regex),
        context_(static_cast<size_t>(arguments["context"].as_int(0))),
        max_matches_(static_cast<size_t>(arguments["max_matches"].as_int(200))) {}

  void begin_file(std::string_view path) {
    path_ = path;
    text_at_hand_.clear();
    base_ = next_ = shown_ = 0;
  }
  // The file comes in pieces. A line is searched when those of its context are there.
  void feed(std::string_view piece) {
    text_at_hand_ += piece;
    const size_t whole = text_at_hand_.rfind('\n') + 1;  // 0 when there is none
    if (text_at_hand_.size() - whole < kLongestLine) return search(whole, /*last=*/false);
    search(text_at_hand_.size(), /*last=*/true);
    text_at_hand_.clear();
    base_ = --next_;  // what comes belongs to the same line
  }
  void end_file() { search(text_at_hand_.size(), /*last=*/true); }

  bool full() const { return matches_ >= max_matches_ || text_.size() >= kMaxOutputBytes; }
  size_t matches() const { return matches_; }
  std::string take_text() { return std::move(text_); }

 private:
  // Searches the whole lines among the first `size` bytes at hand, and forgets what is of no use any more.
  void search(size_t size, bool last) {
    const std::vector<std::string_view> lines = split_lines(std::string_view(text_at_hand_).substr(0, size));
    const size_t end = last ? lines.size() : lines.size() - std::min(lines.size(), context_);
    for (size_t i = next_ - base_; i < end && !full(); ++i)
      if (regex_.search(lines[i])) show(lines, i);
    next_ = std::max(next_, base_ + end);
    if (last) return;
    const size_t keep_from = next_ - std::min(next_ - base_, context_) - base_;
    if (keep_from == 0) return;
    const size_t kept =
        keep_from < lines.size() ? static_cast<size_t>(lines[keep_from].data() - text_at_hand_.data()) : size;
    base_ += keep_from;
    text_at_hand_.erase(0, kept);
  }

  void show(const std::vector<std::string_view>& lines, size_t i) {
    ++matches_;
    const size_t shown = shown_ - std::min(shown_, base_);  // lines at hand before this one have been printed
    const size_t begin = std::max(shown, i - std::min(i, context_));
    if (context_ > 0 && !text_.empty() && (shown_ == 0 || base_ + begin > shown_)) text_ += "--\n";
    for (size_t k = begin; k < i; ++k) print(k, lines[k], '-');
    print(i, lines[i], ':');
    size_t after = i + 1;
    for (; after < lines.size() && after <= i + context_ && !regex_.search(lines[after]); ++after)
      print(after, lines[after], '-');
    shown_ = base_ + after;
  }

  void print(size_t index, std::string_view line, char mark) {
    const std::string_view kept = truncate_utf8(line, kMaxLineBytes);
    text_ += format("{}{}{}{} {}{}\n", path_, mark, base_ + index + 1, mark, kept,
                    kept.size() < line.size() ? "…" : "");
  }

  const Regex& regex_;
  size_t context_;
  size_t max_matches_;
  size_t matches_ = 0;
  std::string text_;
  // Of the file being searched.
  std::string path_;
  std::string text_at_hand_;
  size_t base_ = 0;   // the number of the first line at hand, from 0
  size_t next_ = 0;   // the line to search next
  size_t shown_ = 0;  // lines before this one have been printed
};

class GrepTool final : public FileTool {
 public:
  GrepTool() : FileTool(read_manifest("grep", kDescription, kParameters)) {}

 private:
  Result run(const json::Value& arguments, const os::Workspace& workspace,
             const std::atomic<bool>& cancelled) override {
    const auto regex = Regex::compile(
        arguments["pattern"].as_string(),
        {.ignore_case = arguments["ignore_case"].as_bool(), .literal = arguments["literal"].as_bool()});
    if (!regex.ok()) return error_result(regex.status());
    const std::string_view glob_text = arguments["glob"].as_string("**");
    const auto glob = GlobPattern::compile(glob_text);
    if (!glob.ok()) return error_result(glob.status());
    const auto start = workspace.relative(path_or_root(arguments));
    if (!start.ok()) return error_result(start.status());
    const auto info = workspace.stat(*start);
    if (!info.ok()) return error_result(info.status());

    Search search(*regex, arguments);
    size_t skipped = 0;
    bool partial = false;
    auto search_file = [&](const std::string& path) {
      search.begin_file(path);
      const Status read = scan_text_file(workspace, path, cancelled, [&search](std::string_view piece) {
        search.feed(piece);
        return !search.full();
      });
      if (read.ok()) search.end_file();
      skipped += read.ok() || read.reason() == "binary_file" ? 0 : 1;
    };
    if (info->type != os::FileType::kDirectory) {
      search_file(*start);
    } else {
      const std::string prefix = *start == "." ? "" : *start + "/";
      const auto end = workspace.walk(*start, {}, [&](const os::WalkEntry& entry) {
        if (cancelled || search.full()) return os::WalkAction::kStop;
        if (entry.type == os::FileType::kDirectory)
          return entry.path == ".git" || entry.path.ends_with("/.git") ? os::WalkAction::kSkipDirectory
                                                                       : os::WalkAction::kContinue;
        if (glob->matches(entry.path)) search_file(prefix + std::string(entry.path));
        return os::WalkAction::kContinue;
      });
      if (!end.ok()) return error_result(end.status());
      partial = end->truncated;
    }
    if (cancelled) return cancelled_result();
    return make_result(search, skipped, partial);
  }

  static Result make_result(Search& search, size_t skipped, bool partial) {
    Result result;
    const bool full = search.full();
    result.content = search.take_text();
    if (search.matches() == 0) result.content = "[no line matches]\n";
    if (full) result.content += "[there may be more matches; use a narrower pattern, path or glob]\n";
    if (skipped > 0) result.content += format("[{} files were too large or unreadable]\n", skipped);
    if (partial) result.content += "[not all directories were searched: there are too many entries]\n";
    json::Writer(result.details_json)
        .begin_object()
        .field("matches", static_cast<int64_t>(search.matches()))
        .field("truncated", full || partial)
        .end_object();
    return result;
  }
};

}  // namespace

std::shared_ptr<Tool> make_grep_tool() { return std::make_shared<GrepTool>(); }

}  // namespace tau::tool
