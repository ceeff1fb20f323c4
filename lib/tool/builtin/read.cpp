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

struct Slice {
  std::string_view text;
  int64_t lines = 0;
  bool cut_line = false;  // a single line was longer than the budget
};

// Whole lines from the start of `text`, within both budgets; at least the beginning of one.
Slice take_lines(std::string_view text, int64_t max_lines) {
  Slice slice;
  size_t end = 0;
  while (slice.lines < max_lines && end < text.size()) {
    const size_t newline = text.find('\n', end);
    const size_t next = newline == text.npos ? text.size() : newline + 1;
    if (next > kMaxTextBytes) break;
    end = next;
    ++slice.lines;
  }
  slice.text = text.substr(0, end);
  if (slice.lines == 0 && !text.empty()) {
    slice = {truncate_utf8(text.substr(0, kMaxTextBytes + 4), kMaxTextBytes), 1, true};
  }
  return slice;
}

int64_t count_lines(std::string_view text) {
  const auto newlines = std::count(text.begin(), text.end(), '\n');
  return newlines + (text.empty() || text.back() == '\n' ? 0 : 1);
}

// The text from the first byte of line `offset` (from 1) on.
std::string_view skip_lines(std::string_view text, int64_t offset) {
  for (; offset > 1; --offset) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  return text;
}

class ReadTool final : public FileTool {
 public:
  ReadTool() : FileTool(read_manifest("read", kDescription, kParameters)) {}

 private:
  Result run(const json::Value& arguments, const os::Workspace& workspace,
             const std::atomic<bool>&) override {
    const std::string path(arguments["path"].as_string());
    const StatusOr<std::string> bytes = workspace.read(path, {.max_file_bytes = kMaxTextFileBytes});
    if (!bytes.ok()) return error_result(bytes.status());
    if (looks_binary(*bytes))
      return error_result("binary_file", format("{} is a binary file of {} bytes", path, bytes->size()));
    const int64_t total = count_lines(*bytes);
    const int64_t offset = arguments["offset"].as_int(1);
    if (offset > std::max<int64_t>(total, 1))
      return error_result("offset_out_of_range", format("{} has only {} lines", path, total));
    const Slice slice = take_lines(skip_lines(*bytes, offset), arguments["limit"].as_int(kDefaultLines));

    Result result;
    const int64_t last = offset + slice.lines - 1;
    if (total == 0) {
      result.content = "[the file is empty]";
    } else if (offset == 1 && last == total && !slice.cut_line) {
      result.content = slice.text;
    } else {
      result.content = format("[lines {}-{} of {}", offset, last, total);
      if (slice.cut_line) result.content += "; this line is longer than can be shown and is cut";
      if (last < total) result.content += format("; go on with offset={}", last + 1);
      result.content += "]\n";
      result.content += slice.text;
    }
    json::Writer(result.details_json)
        .begin_object()
        .field("lines", slice.lines)
        .field("total_lines", total)
        .end_object();
    return result;
  }
};

}  // namespace

std::shared_ptr<Tool> make_read_tool() { return std::make_shared<ReadTool>(); }

}  // namespace tau::tool
