// What the built-in tools that work on files share: they block, run on a worker, and answer in one go.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "tool/tool.h"

namespace tau::tool {

class FileTool : public Tool {
 public:
  explicit FileTool(Manifest manifest) : manifest_(std::move(manifest)) {}
  const Manifest& manifest() const final { return manifest_; }
  void start(const Call& call, const Context& context, Reply reply, const std::atomic<bool>& cancelled) final;

 protected:
  // Polls `cancelled` wherever it may take long.
  virtual Result run(const json::Value& arguments, const os::Workspace& workspace,
                     const std::atomic<bool>& cancelled) = 0;

 private:
  Manifest manifest_;
};

// Larger files are not edited; reading and searching takes a file piece by piece.
inline constexpr uint64_t kMaxTextFileBytes = 32u << 20;
inline constexpr uint64_t kMaxScannedFileBytes = 1u << 30;

// Calls visit(piece) with the bytes of a file, in order and a megabyte at a time, until it returns false.
// FAILED_PRECONDITION "binary_file", RESOURCE_EXHAUSTED "file_too_large", "cancelled", and what
// Workspace::read says.
Status scan_text_file(const os::Workspace& workspace, const std::string& path,
                      const std::atomic<bool>& cancelled, const std::function<bool(std::string_view)>& visit);

// A manifest of a tool that reads: parallel, idempotent.
Manifest read_manifest(std::string_view name, std::string_view description, std::string_view parameters);
// A manifest of a tool that writes files: one at a time.
Manifest write_manifest(std::string_view name, std::string_view description, std::string_view parameters);

// A NUL byte in the first 8 KB: how git and grep tell, too.
bool looks_binary(std::string_view bytes);
// The path argument, or "." when there is none.
std::string path_or_root(const json::Value& arguments);
Result cancelled_result();

}  // namespace tau::tool
