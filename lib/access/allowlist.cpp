#include <array>

#include "access/fields.h"
#include "access/pairing.h"

namespace tau::access {
namespace {

constexpr std::string_view kReason = "invalid_allowlist";
constexpr std::string_view kAnyone = "*";

using Names = std::pair<std::string, std::string>;

}  // namespace

Status Allowlist::add(std::string_view channel, std::string_view actor, int64_t until_ms, int64_t now_ms) {
  for (const std::string_view name : {channel, actor})
    if (name.empty() || name.size() > kMaxNameBytes || !is_valid_utf8(name))
      return invalid_argument(
          "invalid_name", format("channels and actors have names of 1 to {} bytes of UTF-8", kMaxNameBytes));
  if (until_ms != 0 && until_ms <= now_ms)
    return invalid_argument("invalid_expiry", "an entry ends in the future, or not at all (0)");
  const Names names{channel, actor};
  if (entries_.size() >= kMaxEntries && !entries_.contains(names)) {
    std::erase_if(entries_, [&](const auto& entry) { return entry.second != 0 && entry.second <= now_ms; });
    if (entries_.size() >= kMaxEntries)
      return resource_exhausted("allowlist_full", format("the list has {} entries already", kMaxEntries));
  }
  entries_[names] = until_ms;
  return ok_status();
}

bool Allowlist::remove(std::string_view channel, std::string_view actor) {
  return entries_.erase(Names(channel, actor)) > 0;
}

Admission Allowlist::check(const Caller& caller, int64_t now_ms) const {
  if (caller.actor.empty() || caller.actor == kAnyone || caller.channel.empty())
    return {false, "deny_actor_missing"};
  if (caller.actor.starts_with("did:") && caller.proven_did != caller.actor)
    return {false, "deny_actor_unproven"};
  Admission out{false, "deny_not_listed"};
  const std::string family = caller.channel.substr(0, caller.channel.find(':'));
  for (const std::string_view channel :
       {std::string_view(caller.channel), std::string_view(family), kAnyone}) {
    for (const std::string_view actor : {std::string_view(caller.actor), kAnyone}) {
      const auto entry = entries_.find(Names(channel, actor));
      if (entry == entries_.end()) continue;
      if (entry->second == 0 || now_ms < entry->second) return {true, "allow_listed"};
      out.reason = "deny_expired";
    }
  }
  return out;
}

std::string Allowlist::to_json() const {
  json::Value list = json::Value::array();
  for (const auto& [names, until_ms] : entries_) {
    json::Value entry = json::Value::object();
    entry.set("actor", names.second);
    entry.set("channel", names.first);
    entry.set("until_ms", until_ms);
    list.push_back(std::move(entry));
  }
  json::Value out = json::Value::object();
  out.set("entries", std::move(list));
  out.set("schema_version", 1);
  return json::canonical(out);
}

StatusOr<Allowlist> Allowlist::parse(std::string_view text) {
  const auto value = json::parse(text);
  if (!value.ok()) return invalid_argument(kReason, value.status().message());
  Fields fields(*value, "the allowlist", kReason);
  fields.integer("schema_version", 1, 1);
  const json::Value& list = fields.array("entries", 0, kMaxEntries);
  TAU_RETURN_IF_ERROR(fields.finish({"entries", "schema_version"}));
  Allowlist out;
  for (const json::Value& item : list.as_array()) {
    Fields entry(item, "an entry of the allowlist", kReason);
    const std::string channel = entry.text("channel", kMaxNameBytes);
    const std::string actor = entry.text("actor", kMaxNameBytes);
    const int64_t until_ms = entry.integer("until_ms", 0, kMostInteger);
    entry.require(out.entries_.emplace(Names(channel, actor), until_ms).second, "is there twice");
    TAU_RETURN_IF_ERROR(entry.finish({"actor", "channel", "until_ms"}));
  }
  return out;
}

}  // namespace tau::access
