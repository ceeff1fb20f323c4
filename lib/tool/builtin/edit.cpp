// edit: exact replacement inside a file.
#include <algorithm>

#include "tool/builtin/builtin.h"
#include "tool/builtin/file_tool.h"
#include "tool/builtin/replace_text.h"

namespace tau::tool {
namespace {

constexpr size_t kShownLines = 20;

constexpr std::string_view kDescription =
    "Replaces text in a file of the workspace. old_text must occur exactly as written, blanks and line "
    "breaks "
    "included, and only once: take enough lines around the place to make it unique, or set replace_all to "
    "change "
    "every occurrence. Read the file first. The change is atomic; mode and line endings stay.";

constexpr std::string_view kParameters = R"({"type":"object","properties":{
"path":{"type":"string","minLength":1,"description":"File, relative to the workspace"},
"old_text":{"type":"string","minLength":1,"description":"The text to replace, exactly as it stands in the file"},
"new_text":{"type":"string","description":"The text to put in its place; empty to delete"},
"replace_all":{"type":"boolean","description":"Replace every occurrence. Default false"}},
"required":["path","old_text","new_text"],"additionalProperties":false})";

std::string join_lines(const std::vector<int64_t>& lines) {
  std::string out;
  for (size_t i = 0; i < std::min(lines.size(), kShownLines); ++i)
    out += format("{}{}", i == 0 ? "" : ", ", lines[i]);
  if (lines.size() > kShownLines) out += ", …";
  return out;
}

Result no_match(const std::string& path, std::string_view text, std::string_view old_text) {
  const int64_t near = nearest_line(text, old_text);
  std::string message = format("old_text does not occur in {}", path);
  if (near != 0)
    message += format(
        "; line {} looks like its beginning but the text differs, perhaps in blanks: read the file "
        "around it and copy exactly",
        near);
  return error_result("text_not_found", message);
}

class EditTool final : public FileTool {
 public:
  EditTool() : FileTool(write_manifest("edit", kDescription, kParameters)) {}

 private:
  Result run(const json::Value& arguments, const os::Workspace& workspace,
             const std::atomic<bool>& cancelled) override {
    const std::string path(arguments["path"].as_string());
    const std::string_view old_text = arguments["old_text"].as_string(),
                           new_text = arguments["new_text"].as_string();
    if (old_text == new_text) return error_result("no_change", "old_text and new_text are the same");
    const StatusOr<std::string> text = workspace.read(path, {.max_file_bytes = kMaxTextFileBytes});
    if (!text.ok()) return error_result(text.status());
    if (looks_binary(*text)) return error_result("binary_file", format("{} is a binary file", path));
    const bool all = arguments["replace_all"].as_bool();
    const Replacement replaced = replace_text(*text, old_text, new_text, all);
    const size_t count = replaced.lines.size();
    if (count == 0) return no_match(path, *text, old_text);
    if (count > 1 && !all)
      return error_result(
          "text_not_unique",
          format("old_text occurs {} times in {}, on lines {}; add lines around it to make it unique, "
                 "or set replace_all",
                 count, path, join_lines(replaced.lines)));
    if (cancelled) return cancelled_result();
    const StatusOr<bool> written = workspace.write(path, replaced.text, {});
    if (!written.ok()) return error_result(written.status());
    Result result;
    result.content = count == 1 ? format("edited {} at line {}", path, replaced.lines[0])
                                : format("edited {}: {} replacements, on lines {}", path, count,
                                         join_lines(replaced.lines));
    json::Writer(result.details_json)
        .begin_object()
        .field("replacements", static_cast<int64_t>(count))
        .end_object();
    return result;
  }
};

}  // namespace

std::shared_ptr<Tool> make_edit_tool() { return std::make_shared<EditTool>(); }

}  // namespace tau::tool
