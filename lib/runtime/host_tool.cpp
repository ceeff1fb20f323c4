#include "runtime/host_tool.h"

#include <algorithm>

#include "json/json.h"

namespace tau::runtime {

StatusOr<std::vector<std::string>> read_destinations(std::string_view json) {
  constexpr size_t kMost = 64;
  constexpr size_t kMaxNameBytes = 256;
  std::vector<std::string> names;
  if (json.empty()) return names;
  const StatusOr<json::Value> list = json::parse(json);
  const auto is_name = [](const json::Value& name) {
    return name.is_string() && !name.as_string().empty() && name.as_string().size() <= kMaxNameBytes;
  };
  const bool good = list.ok() && list->is_array() && list->size() <= kMost &&
                    std::all_of(list->as_array().begin(), list->as_array().end(), is_name);
  if (!good)
    return invalid_argument(
        "invalid_manifest",
        format("tool.destinations: expected a JSON list of at most {} names of arguments, each of "
               "1 to {} bytes",
               kMost, kMaxNameBytes));
  for (const json::Value& name : list->as_array()) names.emplace_back(name.as_string());
  return names;
}

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
