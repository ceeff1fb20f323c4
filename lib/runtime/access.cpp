#include "runtime/access.h"

#include <algorithm>
#include <vector>

namespace tau::runtime {
namespace {

using access::Extent;

constexpr size_t kMaxPlaces = 64;  // of one call
constexpr int kMaxDepth = 32;      // of an argument
constexpr int64_t kMostEpoch = (int64_t{1} << 53) - 1;

// Built-in tools that look at everything below a directory.
bool descends(std::string_view tool) { return tool == "glob" || tool == "grep"; }

// The texts that an argument is made of; false when they are too many, or nested too deep.
bool collect(const json::Value& value, std::vector<std::string>& texts, int depth = 0) {
  if (depth > kMaxDepth || texts.size() >= kMaxPlaces) return false;
  if (value.is_array())
    return std::all_of(value.as_array().begin(), value.as_array().end(),
                       [&](const json::Value& item) { return collect(item, texts, depth + 1); });
  if (value.is_object())
    return std::all_of(value.as_object().begin(), value.as_object().end(),
                       [&](const auto& member) { return collect(member.second, texts, depth + 1); });
  if (!value.is_null())
    texts.push_back(value.is_string() ? std::string(value.as_string()) : json::write(value));
  return true;
}

// The same of "to" or "to.address", in each item of the lists on the way.
bool collect_at(const json::Value& value, std::string_view path, std::vector<std::string>& texts,
                int depth = 0) {
  if (path.empty()) return collect(value, texts, depth);
  if (depth > kMaxDepth) return false;
  if (value.is_array())
    return std::all_of(value.as_array().begin(), value.as_array().end(),
                       [&](const json::Value& item) { return collect_at(item, path, texts, depth + 1); });
  const size_t dot = path.find('.');
  const std::string_view rest = dot == path.npos ? std::string_view() : path.substr(dot + 1);
  return collect_at(value[path.substr(0, dot)], rest, texts, depth + 1);
}

}  // namespace

// A call by its principal, and the resources that it names.
struct AccessControl::Ask {
  const AccessControl& access;
  const tool::Call& call;
  const std::string action;

  Status one(std::string_view resource, Extent extent = Extent::kOne) const {
    return access.authorize(call.principal, action, resource, extent);
  }
  Status unclear(std::string_view why) const {
    return permission_denied(kAccessDenied, format("denied: {}", why));
  }

  Status path() const {
    if (access.workspace_ == nullptr) return unclear("there is no workspace");
    const std::string given(call.arguments["path"].as_string());
    const StatusOr<std::string> place = access.workspace_->place(given.empty() ? "." : given);
    if (!place.ok()) return unclear(place.status().message());
    const std::string resource = "workspace/" + (*place == "." ? std::string() : *place);
    if (!descends(call.name)) return one(resource);
    const StatusOr<os::FileInfo> info = access.workspace_->stat(*place);
    if (info.ok() && info->type == os::FileType::kFile) return one(resource);
    return one(resource.ends_with('/') ? resource : resource + "/", Extent::kBelow);
  }

  Status url() const {
    const StatusOr<tool::HttpCallTraits> traits = tool::http_call_traits(call.arguments);
    return traits.ok() ? one(traits->url.origin()) : unclear(traits.status().message());
  }

  // What the host's arguments mean is its affair: each is a resource by its name. `asked`: whether any was.
  Status argument(const std::string& name, bool& asked) const {
    std::vector<std::string> texts;
    if (!collect_at(call.arguments, name, texts))
      return unclear(format("the argument \"{}\" names too many places", name));
    for (const std::string& text : texts) {
      asked = true;
      TAU_RETURN_IF_ERROR(one(format("{}:{}", name, text)));
    }
    return ok_status();
  }
};

std::string access_policy_path(const AccessConfig& config, std::string_view home) {
  if (config.policy.empty() || config.policy.front() == '/') return config.policy;
  return std::string(home) + "/" + config.policy;
}

StatusOr<std::shared_ptr<const AccessControl>> AccessControl::make(
    const AccessConfig& config, std::string_view home, std::shared_ptr<const os::Workspace> workspace) {
  if (config.policy.empty() && config.document.empty()) return std::shared_ptr<const AccessControl>();
  if (!config.policy.empty() && !config.document.empty())
    return invalid_argument("two_policies",
                            "access.policy names a file and access.document is a policy: set one of them");
  std::string text = config.document;
  if (text.empty()) {
    if (home.empty() && config.policy.front() != '/')
      return failed_precondition("no_home", "access.policy: a relative name needs a home");
    auto read = os::read_file(access_policy_path(config, home), access::kMaxPolicyBytes);
    if (!read.ok()) return std::move(read).status().annotate("access.policy");
    text = *std::move(read);
  }
  auto policy = access::Policy::parse(text);
  if (!policy.ok())
    return std::move(policy).status().annotate(config.policy.empty() ? "access.document"
                                                                     : access_policy_path(config, home));
  return std::shared_ptr<const AccessControl>(
      new AccessControl(*std::move(policy), config.principal, std::move(workspace)));
}

Status AccessControl::authorize(std::string_view principal, std::string_view action,
                                std::string_view resource, Extent extent) const {
  const access::Decision decision = policy_.check(principal, action, resource, extent);
  if (decision.allowed) return ok_status();
  const std::string below = extent == Extent::kBelow ? "everything below " : "";
  return permission_denied(
      kAccessDenied, format("\"{}\" may not {} on {}\"{}\"; {}", repair_utf8(principal), repair_utf8(action),
                            below, repair_utf8(resource), access::explain(decision)));
}

Status AccessControl::authorize_call(const tool::Facts& facts, const safety::MonitorRules& rules,
                                     bool of_host) const {
  const tool::Manifest& manifest = facts.manifest;
  const Ask ask{*this, facts.call, "tool:" + manifest.name};
  // A command can do whatever its sandbox lets it: on everything.
  if (manifest.effect >= tool::Effect::kExec && !of_host) return ask.one("", Extent::kBelow);
  if (!manifest.resource.empty()) return ask.one(manifest.resource);
  if (!of_host) return manifest.name == "http" ? ask.url() : ask.path();
  bool asked = false;
  for (const std::string& name : manifest.destination_args) TAU_RETURN_IF_ERROR(ask.argument(name, asked));
  for (const auto& [tool, names] : rules.spec().destinations) {
    if (tool != manifest.name) continue;
    for (const std::string& name : names) TAU_RETURN_IF_ERROR(ask.argument(name, asked));
  }
  return asked ? ok_status() : ask.one("tool/" + manifest.name);
}

int64_t AccessControl::epoch(int64_t rules_epoch) const {
  const crypto::Digest both = access::digest_of(
      "tau policy epoch 1", {format("{}", rules_epoch), access::bytes_of(policy_.digest())});
  int64_t out = 0;
  for (size_t i = 0; i < 7; ++i) out = out << 8 | static_cast<unsigned char>(both[i]);
  return std::max<int64_t>(out & kMostEpoch, 1);
}

}  // namespace tau::runtime
