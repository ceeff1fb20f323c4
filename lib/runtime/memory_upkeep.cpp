// Requests that keep memories in order: maintain, embed.
#include <algorithm>
#include <utility>

#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory_desk.h"
#include "runtime/memory_document.h"
#include "runtime/memory_ops.h"

namespace tau::runtime {
namespace {

constexpr std::string_view kPolicy = "request.policy";
constexpr int64_t kMostDays = 36'500;
constexpr int64_t kMostEmbedded = 1'000'000;

Status read_days(const json::Value& v, std::string_view what, std::string_view key, int64_t& out_ms) {
  if (!v.contains(key)) return ok_status();
  TAU_ASSIGN_OR_RETURN(const int64_t days, read_bounded(v, what, key, 0, 0, kMostDays));
  out_ms = days * memory::kDayMs;
  return ok_status();
}

Status read_fraction(const json::Value& v, std::string_view key, double& out) {
  if (!v.contains(key)) return ok_status();
  const double number = v[key].as_double(-1);
  TAU_RETURN_IF_ERROR(
      check_type(v[key].is_number() && number >= 0 && number <= 1, kPolicy, key, "a number from 0 to 1"));
  out = number;
  return ok_status();
}

Status read_switch(const json::Value& v, std::string_view key, bool& out) {
  TAU_ASSIGN_OR_RETURN(out, read_flag(v, kPolicy, key, out));
  return ok_status();
}

Status read_half_lives(const json::Value& v, memory::DecayPolicy& decay) {
  const json::Value* const member = v.find("half_life_days");
  if (member == nullptr) return ok_status();
  TAU_RETURN_IF_ERROR(check_type(member->is_object(), kPolicy, "half_life_days", "an object by type"));
  for (const auto& [name, days] : member->as_object()) {
    TAU_ASSIGN_OR_RETURN(const memory::Type type, memory::parse_type(name));
    TAU_RETURN_IF_ERROR(check_type(days.is_number() && days.as_double() > 0, "request.policy.half_life_days",
                                   name, "days, more than 0"));
    decay.half_life_days[static_cast<size_t>(type)] = days.as_double();
  }
  return ok_status();
}

Status read_rule(const json::Value& v, std::string_view what, memory::RetentionRule& rule) {
  TAU_RETURN_IF_ERROR(
      only_keys(v, what, {"channel", "actor", "types", "max_age_days", "max_count", "max_bytes"}));
  for (const std::string_view key : {"channel", "actor"}) {
    TAU_RETURN_IF_ERROR(check_type(!v.contains(key) || v[key].is_string(), what, key, "a string"));
    (key == "channel" ? rule.channel : rule.actor) = v[key].as_string();
  }
  TAU_ASSIGN_OR_RETURN(const std::vector<std::string> types, read_strings(v, what, "types"));
  if (!types.empty()) rule.types = 0;
  for (const std::string& name : types) {
    TAU_ASSIGN_OR_RETURN(const memory::Type type, memory::parse_type(name));
    rule.types |= 1u << static_cast<uint32_t>(type);
  }
  TAU_RETURN_IF_ERROR(read_days(v, what, "max_age_days", rule.max_age_ms));
  TAU_ASSIGN_OR_RETURN(rule.max_count, read_count(v, what, "max_count"));
  TAU_ASSIGN_OR_RETURN(rule.max_bytes, read_count(v, what, "max_bytes"));
  return ok_status();
}

Status read_retention(const json::Value& v, std::vector<memory::RetentionRule>& rules) {
  const json::Value* const member = v.find("retention");
  if (member == nullptr) return ok_status();
  TAU_RETURN_IF_ERROR(check_type(member->is_array(), kPolicy, "retention", "an array of rules"));
  for (size_t i = 0; i < member->size(); ++i)
    TAU_RETURN_IF_ERROR(
        read_rule(member->as_array()[i], format("request.policy.retention[{}]", i), rules.emplace_back()));
  return ok_status();
}

StatusOr<memory::LifecyclePolicy> read_policy(const json::Value& request) {
  memory::LifecyclePolicy policy;
  const json::Value* const v = request.find("policy");
  if (v == nullptr) return policy;
  TAU_RETURN_IF_ERROR(only_keys(
      *v, kPolicy,
      {"forget_below", "grace_days", "forget_linked", "forget_threads", "orphans", "orphan_below",
       "duplicates", "min_overlap", "ended_after_days", "purge_after_days", "half_life_days", "retention"}));
  TAU_RETURN_IF_ERROR(read_fraction(*v, "forget_below", policy.forget_below));
  TAU_RETURN_IF_ERROR(read_days(*v, kPolicy, "grace_days", policy.grace_ms));
  TAU_RETURN_IF_ERROR(read_switch(*v, "forget_linked", policy.forget_linked));
  TAU_RETURN_IF_ERROR(read_switch(*v, "forget_threads", policy.forget_threads));
  TAU_RETURN_IF_ERROR(read_switch(*v, "orphans", policy.orphans));
  TAU_RETURN_IF_ERROR(read_fraction(*v, "orphan_below", policy.orphan_below));
  TAU_RETURN_IF_ERROR(read_switch(*v, "duplicates", policy.duplicates));
  TAU_RETURN_IF_ERROR(read_fraction(*v, "min_overlap", policy.duplicate.min_overlap));
  TAU_RETURN_IF_ERROR(read_days(*v, kPolicy, "ended_after_days", policy.ended_after_ms));
  TAU_RETURN_IF_ERROR(read_days(*v, kPolicy, "purge_after_days", policy.purge_after_ms));
  TAU_RETURN_IF_ERROR(read_half_lives(*v, policy.decay));
  TAU_RETURN_IF_ERROR(read_retention(*v, policy.retention));
  return policy;
}

}  // namespace

StatusOr<std::string> maintain_memories(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_filter_keys(request, {"op", "dry_run", "policy", "limit"}));
  memory::MaintainOptions options;
  TAU_ASSIGN_OR_RETURN(options.policy, read_policy(request));
  TAU_ASSIGN_OR_RETURN(options.dry_run, read_flag(request, "request", "dry_run", true));
  if (request.contains("limit")) {
    TAU_ASSIGN_OR_RETURN(const int64_t limit, read_count(request, "request", "limit"));
    options.max_actions = static_cast<size_t>(limit);
  }
  TAU_ASSIGN_OR_RETURN(store::MemoryFilter filter, read_filter(request, memory.reach()));
  int64_t changed = 0;
  auto report = memory::maintain(memory.engine(), memory.reach(), std::move(filter), options, &changed);
  MemoryTally(memory, "maintain").add(changed);
  return report;
}

StatusOr<std::string> embed_memories(Memory& memory, const json::Value& request) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "limit"}));
  TAU_ASSIGN_OR_RETURN(const int64_t limit,
                       read_bounded(request, "request", "limit", 1000, 1, kMostEmbedded));
  MemoryDesk& desk = memory.core().memory();
  TAU_ASSIGN_OR_RETURN(const int64_t embedded,
                       desk.embed_missing(static_cast<size_t>(limit), &memory.reach()));
  std::string out;
  json::Writer w(out);
  w.begin_object().field("embedded", embedded);
  TAU_RETURN_IF_ERROR(desk.describe_vectors(memory.reach(), w.key("vectors")));
  w.end_object();
  return out;
}

}  // namespace tau::runtime
