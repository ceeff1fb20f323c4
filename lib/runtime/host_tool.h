// Tools of the host program, in both forms.
#pragma once

#include <functional>

#include "tool/tool.h"

namespace tau::runtime {

// Names of arguments, of JSON as tau_tool.destinations has it; empty: none. INVALID_ARGUMENT
// "invalid_manifest".
StatusOr<std::vector<std::string>> read_destinations(std::string_view json);

// Answered by the host from its event queue, with op tool_result.
class EventTool final : public tool::Tool {
 public:
  // `keep_alive` dies with the tool.
  EventTool(tool::Manifest manifest, std::shared_ptr<void> keep_alive);
  const tool::Manifest& manifest() const override { return manifest_; }
  void start(const tool::Call& call, const tool::Context& context, tool::Reply reply,
             const std::atomic<bool>& cancelled) override;

 private:
  tool::Manifest manifest_;
  std::shared_ptr<void> keep_alive_;
};

// A function that runs on a worker and may answer later.
class InvokeTool final : public tool::Tool {
 public:
  // `call` and `cancelled` live as long as a copy of `reply`.
  using Invoke =
      std::function<void(const tool::Call& call, tool::Reply reply, const std::atomic<bool>& cancelled)>;
  InvokeTool(tool::Manifest manifest, Invoke invoke);
  const tool::Manifest& manifest() const override { return manifest_; }
  void start(const tool::Call& call, const tool::Context& context, tool::Reply reply,
             const std::atomic<bool>& cancelled) override;

 private:
  tool::Manifest manifest_;
  Invoke invoke_;
};

}  // namespace tau::runtime
