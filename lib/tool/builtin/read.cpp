// read: a text file, or some lines of it.
#include <algorithm>

#include "tool/builtin/builtin.h"
#include "tool/builtin/file_tool.h"

namespace tau::tool {
namespace {

constexpr int64_t kDefaultLines = 2000;
// Leaves room for the header within max_result_bytes.
constexpr size_t kMaxTextBytes = 60 * 1024;

constexpr std::string_view kDescription =
    "Reads a text file of the workspace and returns its text exactly as it is. Without offset and limit you "
    "get the "
    "whole file, up to 2000 lines or 60 KB; when there is more, the first line of the result says which "
    "lines you "
    "got and the offset to go on with. Binary files are refused. Use grep to find the place in a large file "
    "first.";

constexpr std::string_view kParameters = R"({"type":"object","properties":{
"path":{"type":"string","minLength":1,"description":"File, relative to the workspace, such as src/main.c"},
"offset":{"type":"integer","minimum":1,"description":"First line to return, counted from 1. Default 1"},
"limit":{"type":"integer","minimum":1,"description":"Number of lines to return. Default 2000"}},
"required":["path"],"additionalProperties":false})";

// Takes lines out of a file that comes in pieces: from line `offset` on, whole ones within both budgets, at
// least the beginning of one. And counts all.
class LineReader {
 public:
  LineReader(int64_t offset, int64_t max_lines) : first_(offset), max_lines_(max_lines) {}

  void feed(std::string_view piece) {
    empty_ = false;
    ends_in_newline_ = piece.back() == '\n';
    while (!piece.empty()) {
      if (done_ || line_ < first_) {
        skip(piece);
      } else {
        take(piece);
      }
    }
  }

  int64_t total_lines() const { return line_ - 1 + (empty_ || ends_in_newline_ ? 0 : 1); }
  int64_t lines() const { return lines_ + (cut_ || !open_.empty() ? 1 : 0); }
  bool cut_line() const { return cut_; }
  std::string text() const { return text_ + open_; }

 private:
  // The rest of a line that is not wanted; all of the piece where no further line is.
  void skip(std::string_view& piece) {
    if (done_) {
      line_ += std::count(piece.begin(), piece.end(), '\n');
      piece = {};
      return;
    }
    const size_t newline = piece.find('\n');
    if (newline != piece.npos) ++line_;
    piece.remove_prefix(newline == piece.npos ? piece.size() : newline + 1);
  }

  void take(std::string_view& piece) {
    const size_t newline = piece.find('\n');
    const size_t size = newline == piece.npos ? piece.size() : newline + 1;
    open_ += piece.substr(0, std::min(size, kMaxTextBytes + 4 - std::min(open_.size(), kMaxTextBytes)));
    if (text_.size() + open_.size() > kMaxTextBytes) return stop();
    piece.remove_prefix(size);
    if (newline == piece.npos) return;
    ++line_;
    ++lines_;
    text_ += open_;
    open_.clear();
    if (lines_ == max_lines_) done_ = true;
  }

  // The line at hand does not fit. Its bytes are counted with the rest.
  void stop() {
    done_ = true;
    cut_ = lines_ == 0;
    open_.resize(cut_ ? truncate_utf8(open_, kMaxTextBytes).size() : 0);
  }

  const int64_t first_;
  const int64_t max_lines_;
  int64_t line_ = 1;   // the one that the next byte belongs to
  int64_t lines_ = 0;  // taken whole, with their ends
  std::string text_;   // of these
  std::string open_;   // the beginning of the next
  bool done_ = false;
  bool cut_ = false;  // a single line was longer than the budget
  bool empty_ = true;
  bool ends_in_newline_ = false;
};

class ReadTool final : public FileTool {
 public:
  ReadTool() : FileTool(read_manifest("read", kDescription, kParameters)) {}

 private:
  Result run(const json::Value& arguments, const os::Workspace& workspace,
             const std::atomic<bool>& cancelled) override {
    const std::string path(arguments["path"].as_string());
    const int64_t offset = arguments["offset"].as_int(1);
    LineReader reader(offset, arguments["limit"].as_int(kDefaultLines));
    const Status read = scan_text_file(workspace, path, cancelled, [&reader](std::string_view piece) {
      reader.feed(piece);
      return true;
    });
    if (!read.ok()) return error_result(read);
    const int64_t total = reader.total_lines();
    if (offset > std::max<int64_t>(total, 1))
      return error_result("offset_out_of_range", format("{} has only {} lines", path, total));

    Result result;
    const int64_t last = offset + reader.lines() - 1;
    if (total == 0) {
      result.content = "[the file is empty]";
    } else if (offset == 1 && last == total && !reader.cut_line()) {
      result.content = reader.text();
    } else {
      result.content = format("[lines {}-{} of {}", offset, last, total);
      if (reader.cut_line()) result.content += "; this line is longer than can be shown and is cut";
      if (last < total) result.content += format("; go on with offset={}", last + 1);
      result.content += "]\n";
      result.content += reader.text();
    }
    json::Writer(result.details_json)
        .begin_object()
        .field("lines", reader.lines())
        .field("total_lines", total)
        .end_object();
    return result;
  }
};

}  // namespace

std::shared_ptr<Tool> make_read_tool() { return std::make_shared<ReadTool>(); }

}  // namespace tau::tool
