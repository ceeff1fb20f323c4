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
  return manifest;
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
