// What this build can do.
#include "runtime/config.h"
#include "runtime/runtime.h"
#include "tool/tool.h"

namespace tau::runtime {
namespace {

std::vector<std::string> features() {
  std::vector<std::string> all = {"model:offline", "model:scripted", "store:sqlite"};
  for (const wire::Dialect* dialect : wire::dialects())
    all.push_back("dialect:" + std::string(dialect->name()));
  for (const provider::KnownProvider& p : provider::known_providers())
    all.push_back("provider:" + std::string(p.name));
  for (const auto& t : tool::builtin_tools()) all.push_back("tool:" + t->manifest().name);
  return all;
}

}  // namespace

bool has_feature(std::string_view name) {
  for (const std::string& feature : features())
    if (feature == name) return true;
  return false;
}

std::string build_info_json(std::string_view version, uint32_t abi_version) {
  std::string out;
  json::Writer w(out);
  w.begin_object().key("version").string(version).field("abi_version", static_cast<int64_t>(abi_version));
  w.key("features").begin_array();
  for (const std::string& feature : features()) w.string(feature);
  w.end_array().key("environment").begin_array();
  for (const Variable& v : environment_variables()) {
    w.begin_object()
        .key("name")
        .string(v.name)
        .key("help")
        .string(v.help)
        .field("secret", v.secret)
        .end_object();
  }
  w.end_array().end_object();
  return out;
}

}  // namespace tau::runtime
