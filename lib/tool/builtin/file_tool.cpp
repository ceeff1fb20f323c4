#include "tool/builtin/file_tool.h"

namespace tau::tool {
namespace {

constexpr size_t kBinaryProbeBytes = 8192;

Manifest file_manifest(std::string_view name, std::string_view description, std::string_view parameters) {
  Manifest manifest;
  manifest.name = name;
  manifest.description = description;
  manifest.parameters = parameters;
  manifest.destination_args = {"path"};
  manifest.runs = Manifest::Runs::kWorker;
  return manifest;
}

}  // namespace

void FileTool::start(const Call& call, const Context& context, Reply reply,
                     const std::atomic<bool>& cancelled) {
  if (context.workspace == nullptr)
    return reply.complete(
        error_result("no_workspace", "this runtime has no workspace; files are out of reach"));
  Result result = run(call.arguments, *context.workspace, cancelled);
  result.labels.join(Labels::from(Source::kWorkspace));
  reply.complete(std::move(result));
}

Manifest read_manifest(std::string_view name, std::string_view description, std::string_view parameters) {
  Manifest manifest = file_manifest(name, description, parameters);
  manifest.effect = Effect::kRead;
  manifest.idempotent = true;
  manifest.parallel = true;
  return manifest;
}

Manifest write_manifest(std::string_view name, std::string_view description, std::string_view parameters) {
  Manifest manifest = file_manifest(name, description, parameters);
  manifest.effect = Effect::kWrite;
  manifest.sandboxed = true;  // openat2 keeps it beneath the workspace, the path rules out of what is kept
  return manifest;
}

Status scan_text_file(const os::Workspace& workspace, const std::string& path,
                      const std::atomic<bool>& cancelled,
                      const std::function<bool(std::string_view)>& visit) {
  constexpr uint64_t kPieceBytes = 1u << 20;
  for (uint64_t offset = 0; offset < kMaxScannedFileBytes;) {
    if (cancelled) return Status(Code::kCancelled, "cancelled", "the call was cancelled");
    TAU_ASSIGN_OR_RETURN(const std::string piece,
                         workspace.read(path, {.offset_bytes = offset, .limit_bytes = kPieceBytes}));
    if (offset == 0 && looks_binary(piece))
      return failed_precondition("binary_file", path + " is a binary file");
    if (piece.empty() || !visit(piece)) return ok_status();
    offset += piece.size();
  }
  return resource_exhausted("file_too_large",
                            format("{} has more than {} bytes", path, kMaxScannedFileBytes));
}

bool looks_binary(std::string_view bytes) {
  return bytes.substr(0, kBinaryProbeBytes).find('\0') != std::string_view::npos;
}

std::string path_or_root(const json::Value& arguments) {
  const std::string_view path = arguments["path"].as_string();
  return path.empty() ? "." : std::string(path);
}

Result cancelled_result() { return error_result("cancelled", "the call was cancelled"); }

}  // namespace tau::tool
