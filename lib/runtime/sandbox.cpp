#include "runtime/sandbox.h"

#include "runtime/access.h"
#include "runtime/config_state.h"

namespace tau::runtime {
namespace {

bool climbs(std::string_view path) {
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part == ".." || part == "." || part.empty()) return true;
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
  }
  return false;
}

Status bad_path(std::string_view key, std::string_view path) {
  return invalid_argument("bad_value",
                          format("sandbox.{}: \"{}\" is not a plain path beneath the workspace", key, path));
}

// `path` as seen from the workspace; empty when it is not beneath.
std::string_view beneath(std::string_view path, std::string_view workspace) {
  if (path.size() <= workspace.size() + 1 || !path.starts_with(workspace) || path[workspace.size()] != '/')
    return {};
  return path.substr(workspace.size() + 1);
}

uint64_t number(const json::Value& value, int64_t otherwise) {
  return static_cast<uint64_t>(value.as_int(otherwise));
}

std::vector<std::string> hidden_places(const SandboxPlaces& places) {
  std::vector<std::string> hidden = os::default_hidden(places.user_home);
  if (!places.home.empty()) hidden.push_back(places.home);
  return hidden;
}

}  // namespace

StatusOr<os::PathRules> make_path_rules(const Config& config, const SandboxPlaces& places) {
  const json::Value& keys = config.document()["sandbox"];
  os::PathRules rules;
  rules.read_only = os::default_read_only();
  for (const json::Value& entry : keys["protect"].as_array()) {
    const std::string_view path = entry.as_string();
    if (path.empty() || climbs(path)) return bad_path("protect", path);
    rules.read_only.emplace_back(path);
  }
  for (const std::string& place : hidden_places(places))
    if (const std::string_view inside = beneath(place, places.workspace); !inside.empty())
      rules.hidden.emplace_back(inside);
  if (places.home == places.workspace) {
    rules.read_only.emplace_back("tau.toml");
    for (const char* name : {"vault", "tau.db", "tau.db-wal", "tau.db-shm", "audit/", "access.state"})
      rules.hidden.emplace_back(name);
  }
  const std::string policy = access_policy_path(config.access(), places.home);
  if (const std::string_view inside = beneath(policy, places.workspace); !inside.empty())
    rules.read_only.emplace_back(inside);
  for (const json::Value& entry : keys["hide"].as_array()) {
    std::string_view path = entry.as_string();
    if (path.starts_with('/')) path = beneath(path, places.workspace);
    if (entry.as_string().empty() || climbs(path)) return bad_path("hide", entry.as_string());
    if (!path.empty()) rules.hidden.emplace_back(path);
  }
  return rules;
}

StatusOr<tool::Sandbox> make_sandbox(const Config& config, const SandboxPlaces& places) {
  const json::Value& keys = config.document()["sandbox"];
  tool::Sandbox out;
  os::Confinement& c = out.confinement;
  TAU_ASSIGN_OR_RETURN(c.profile, os::parse_profile(keys["profile"].as_string("workspace-write")));
  TAU_ASSIGN_OR_RETURN(c.network, os::parse_network_access(keys["network"].as_string("none")));
  TAU_ASSIGN_OR_RETURN(c.rules, make_path_rules(config, places));
  c.roots = {places.workspace};
  for (const json::Value& entry : keys["writable"].as_array()) c.roots.emplace_back(entry.as_string());
  c.hidden = hidden_places(places);
  for (const json::Value& entry : keys["hide"].as_array())
    if (entry.as_string().starts_with('/')) c.hidden.emplace_back(entry.as_string());
  constexpr uint64_t kMb = 1 << 20;
  out.limits.cpu_seconds = number(keys["cpu_seconds"], 3600);
  out.limits.address_space_bytes = number(keys["memory_mb"], 0) * kMb;
  out.limits.file_size_bytes = number(keys["file_mb"], 8192) * kMb;
  out.limits.open_files = number(keys["open_files"], 4096);
  out.limits.processes = number(keys["processes"], 4096);
  return out;
}

uint64_t command_traffic_bytes(const Config& config) {
  return number(config.document()["sandbox"]["proxy_mb"], 4096) << 20;
}

EffectiveSandbox settle_sandbox(tool::Sandbox demanded, bool required, const os::Launcher& launcher) {
  EffectiveSandbox out;
  os::Confinement& c = demanded.confinement;
  if (c.profile != os::Profile::kFull) {
    c.accept_gaps = !required;
    StatusOr<os::Enforcement> enforcement = launcher.enforcement(c);
    if (!enforcement.ok()) {
      out.notice = enforcement.status().message();
      const bool may_run_free = !required && c.network != os::NetworkAccess::kProxy;
      if (may_run_free && enforcement.status().reason() == "sandbox_unavailable")
        c.profile = os::Profile::kFull;
    } else {
      out.confined = enforcement->gaps.empty();
      for (const std::string& gap : enforcement->gaps)
        out.notice += (out.notice.empty() ? "commands are confined but for: " : ", ") + gap;
      out.enforcement = *std::move(enforcement);
    }
  }
  if (c.profile == os::Profile::kFull && c.network == os::NetworkAccess::kProxy) {
    c.network = os::NetworkAccess::kHost;
    out.notice =
        "sandbox.profile is \"full\": commands have the host's network, sandbox.network says nothing";
  }
  out.sandbox = std::make_shared<const tool::Sandbox>(std::move(demanded));
  return out;
}

}  // namespace tau::runtime
