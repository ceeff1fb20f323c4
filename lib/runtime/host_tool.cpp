#include "runtime/host_tool.h"

namespace tau::runtime {

EventTool::EventTool(tool::Manifest manifest, std::shared_ptr<void> keep_alive)
    : manifest_(std::move(manifest)), keep_alive_(std::move(keep_alive)) {
  manifest_.runs = tool::Manifest::Runs::kLoop;
}

void EventTool::start(const tool::Call& call, const tool::Context& context, tool::Reply reply,
                      const std::atomic<bool>&) {
  if (context.host == nullptr)
    return reply.complete(tool::error_result("no_host", "no host program answers calls here"));
  context.host->call(call, std::move(reply));
}

InvokeTool::InvokeTool(tool::Manifest manifest, Invoke invoke)
    : manifest_(std::move(manifest)), invoke_(std::move(invoke)) {
  manifest_.runs = tool::Manifest::Runs::kWorker;
}

void InvokeTool::start(const tool::Call& call, const tool::Context&, tool::Reply reply,
                       const std::atomic<bool>& cancelled) {
  invoke_(call, std::move(reply), cancelled);
}

}  // namespace tau::runtime
