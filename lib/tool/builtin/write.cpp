// write: a whole file.
#include "tool/builtin/builtin.h"
#include "tool/builtin/file_tool.h"

namespace tau::tool {
namespace {

constexpr std::string_view kDescription =
    "Writes a file of the workspace: creates it, with missing directories, or replaces all of its content. "
    "The change "
    "is atomic. To change a part of an existing file use edit.";

constexpr std::string_view kParameters = R"({"type":"object","properties":{
"path":{"type":"string","minLength":1,"description":"File, relative to the workspace, such as src/main.c"},
"content":{"type":"string","description":"The complete new content"}},
"required":["path","content"],"additionalProperties":false})";

Manifest idempotent_manifest() {
  Manifest m = write_manifest("write", kDescription, kParameters);
  m.idempotent = true;  // the same content again changes nothing
  return m;
}

class WriteTool final : public FileTool {
 public:
  WriteTool() : FileTool(idempotent_manifest()) {}

 private:
  Result run(const json::Value& arguments, const os::Workspace& workspace,
             const std::atomic<bool>& cancelled) override {
    const std::string_view path = arguments["path"].as_string(), content = arguments["content"].as_string();
    if (cancelled) return cancelled_result();
    const StatusOr<bool> created = workspace.write(path, content, {.create_parents = true});
    if (!created.ok()) return error_result(created.status());
    Result result;
    result.content = format("{} {} ({} bytes)", *created ? "created" : "replaced", path, content.size());
    json::Writer(result.details_json)
        .begin_object()
        .field("bytes", static_cast<int64_t>(content.size()))
        .field("created", *created)
        .end_object();
    return result;
  }
};

}  // namespace

std::shared_ptr<Tool> make_write_tool() { return std::make_shared<WriteTool>(); }

}  // namespace tau::tool
