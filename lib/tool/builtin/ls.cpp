// ls: the entries of one directory.
#include "tool/builtin/builtin.h"
#include "tool/builtin/file_tool.h"

namespace tau::tool {
namespace {

constexpr size_t kMaxEntries = 1000;

constexpr std::string_view kDescription =
    "Lists one directory of the workspace, sorted by name, hidden entries included, one per line. "
    "Directories end in "
    "'/', symbolic links in '@'. Shows at most 1000 entries. Use glob to find files below a directory.";

constexpr std::string_view kParameters = R"({"type":"object","properties":{
"path":{"type":"string","description":"Directory, relative to the workspace. Default: the workspace itself"}},
"additionalProperties":false})";

class LsTool final : public FileTool {
 public:
  LsTool() : FileTool(read_manifest("ls", kDescription, kParameters)) {}

 private:
  Result run(const json::Value& arguments, const os::Workspace& workspace,
             const std::atomic<bool>&) override {
    const auto entries = workspace.list(path_or_root(arguments));
    if (!entries.ok()) return error_result(entries.status());
    Result result;
    for (size_t i = 0; i < entries->size() && i < kMaxEntries; ++i) {
      const os::DirEntry& entry = (*entries)[i];
      result.content += entry.name;
      if (entry.type == os::FileType::kDirectory) result.content += '/';
      if (entry.type == os::FileType::kSymlink) result.content += '@';
      result.content += '\n';
    }
    if (entries->empty()) result.content = "[the directory is empty]";
    if (entries->size() > kMaxEntries)
      result.content += format("[{} more entries]\n", entries->size() - kMaxEntries);
    json::Writer(result.details_json)
        .begin_object()
        .field("entries", static_cast<int64_t>(entries->size()))
        .end_object();
    return result;
  }
};

}  // namespace

std::shared_ptr<Tool> make_ls_tool() { return std::make_shared<LsTool>(); }

}  // namespace tau::tool
