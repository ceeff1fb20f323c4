// glob: files by name.
#include "base/glob_pattern.h"
#include "tool/builtin/builtin.h"
#include "tool/builtin/file_tool.h"

namespace tau::tool {
namespace {

constexpr size_t kMaxMatches = 1000;

constexpr std::string_view kDescription =
    "Finds files of the workspace by name. * matches within one path component, ** any number of components, "
    "? one "
    "character, [a-z] a set, {a,b} either. A pattern without '/' matches file names at any depth: *.py finds "
    "all "
    "Python files, src/**/*.{c,h} those below src. Returns paths relative to the workspace, sorted, one per "
    "line, at "
    "most 1000. .git is skipped, symbolic links are not followed.";

constexpr std::string_view kParameters = R"({"type":"object","properties":{
"pattern":{"type":"string","minLength":1,"description":"Pattern for the path below `path`"},
"path":{"type":"string","description":"Directory to search, relative to the workspace. Default: all of it"}},
"required":["pattern"],"additionalProperties":false})";

class GlobTool final : public FileTool {
 public:
  GlobTool() : FileTool(read_manifest("glob", kDescription, kParameters)) {}

 private:
  Result run(const json::Value& arguments, const os::Workspace& workspace,
             const std::atomic<bool>& cancelled) override {
    const auto pattern = GlobPattern::compile(arguments["pattern"].as_string());
    if (!pattern.ok()) return error_result(pattern.status());
    const auto start = workspace.relative(path_or_root(arguments));
    if (!start.ok()) return error_result(start.status());
    const std::string prefix = *start == "." ? "" : *start + "/";
    Result result;
    size_t matches = 0;
    const auto end = workspace.walk(*start, {}, [&](const os::WalkEntry& entry) {
      if (cancelled) return os::WalkAction::kStop;
      if (entry.type == os::FileType::kDirectory)
        return entry.path == ".git" || entry.path.ends_with("/.git") ? os::WalkAction::kSkipDirectory
                                                                     : os::WalkAction::kContinue;
      if (!pattern->matches(entry.path)) return os::WalkAction::kContinue;
      if (++matches > kMaxMatches) return os::WalkAction::kStop;
      result.content += format("{}{}\n", prefix, entry.path);
      return os::WalkAction::kContinue;
    });
    if (cancelled) return cancelled_result();
    if (!end.ok()) return error_result(end.status());
    if (matches == 0) result.content = "[no file matches]";
    if (matches > kMaxMatches) result.content += "[more files match; use a narrower pattern]\n";
    if (end->truncated) result.content += "[not all directories were searched: there are too many entries]\n";
    json::Writer(result.details_json)
        .begin_object()
        .field("matches", static_cast<int64_t>(std::min(matches, kMaxMatches)))
        .field("truncated", end->truncated || matches > kMaxMatches)
        .end_object();
    return result;
  }
};

}  // namespace

std::shared_ptr<Tool> make_glob_tool() { return std::make_shared<GlobTool>(); }

}  // namespace tau::tool
