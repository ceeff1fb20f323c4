// One action, one judgement.
#include "safety/monitor.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "safety/monitor_match.h"

namespace tau::safety {
namespace {

// What a destination argument says.
enum class Standing : uint8_t { kNone, kTrusted, kForeign };

bool sends(EffectClass effect) { return effect >= EffectClass::kEgress; }

bool holds_name(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (list.substr(0, comma) == name) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

}  // namespace

std::string_view ruling_name(Ruling ruling) {
  constexpr std::string_view kNames[] = {"allow", "ask", "deny"};
  return kNames[static_cast<size_t>(ruling)];
}

template <class Visit>
bool MonitorRules::any_known(const std::vector<Known>& known, std::string_view text, Visit&& visit) {
  if (known.empty()) return false;
  const auto [first, last] = std::equal_range(known.begin(), known.end(), Known{tokens_hash(text), 0});
  return std::any_of(first, last, [&](const Known& k) { return visit(k.index); });
}

struct MonitorRules::Case {
  const MonitorRules& policy;
  const Action& action;
  const Scene& scene;
  const Entry* entry = nullptr;
  Judgement out{.ruling = Ruling::kAllow};
  bool standing = false;  // the policy allows the call by name or by rule
  bool listed_request = false;

  // The stricter ruling stands; of two alike the first.
  void rule(Ruling ruling, std::string_view reason, std::string_view by, std::string_view argument = {}) {
    if (!out.reason.empty() && ruling <= out.ruling) return;
    out.ruling = ruling;
    out.reason = reason;
    out.rule = by;
    out.argument = argument;
  }
  bool denied() const { return out.ruling == Ruling::kDeny; }

  void judge();
  void check_readable();
  void check_lists();
  void check_arguments();
  void check_caps();
  void check_default();
  void check_request();
  void check_labels();
  void check_signals();
  void check_flow();
  bool covered() const { return standing && policy.preset_->allow_covers_labels; }
  bool matches(const ArgumentRule& rule) const;
  bool untrusted() const;
  bool is_private() const;
  bool names_destinations() const {
    return !action.destinations.empty() || (entry != nullptr && !entry->destinations.empty());
  }
  template <class Visit>
  void each_destination(Visit&& visit) const;
  Standing destinations(std::string_view& foreign) const;
  bool is_trusted(std::string_view value, std::string_view argument) const;
  bool is_approved(std::string_view value) const;
  bool is_looked_up(std::string_view address) const;
  bool is_listed(std::string_view name) const;
  bool is_dictated_message(std::string_view recipient) const;
  bool is_destination(std::string_view argument) const;
  bool may_read(std::string_view destination) const;
};

void MonitorRules::Case::judge() {
  check_readable();
  if (denied()) return;
  check_lists();
  check_arguments();
  check_caps();
  if (denied()) return;
  check_default();
  check_request();
  check_labels();
  check_signals();
}

void MonitorRules::Case::check_readable() {
  if (action.effect >= EffectClass::kUnknown)
    return rule(Ruling::kDeny, "denied_unknown_effect", "fail_closed");
  const bool readable = action.arguments != nullptr && action.arguments->is_object() &&
                        is_shallow(*action.arguments, kMaxArgumentDepth);
  if (!readable) rule(Ruling::kDeny, "denied_arguments", "fail_closed");
}

void MonitorRules::Case::check_lists() {
  entry = policy.find(action.tool);
  const bool listed = entry != nullptr && entry->listed;
  if (listed && entry->ruling == Ruling::kDeny) rule(Ruling::kDeny, "denied_by_policy", "policy.deny");
  const bool off_task = !policy.spec_.task_tools.empty() && (entry == nullptr || !entry->of_task);
  if (off_task) rule(Ruling::kDeny, "denied_not_in_task", "policy.task_tools");
  if (action.always_ask) return rule(Ruling::kAsk, "ask_by_tool", "tool");
  const auto& requests = policy.spec_.requests;
  listed_request = !action.request.empty() &&
                   std::find(requests.begin(), requests.end(), action.request) != requests.end();
  if (listed_request) {
    standing = true;
    rule(Ruling::kAllow, "allowed_by_request", "policy.requests");
  }
  if (!listed) return;
  if (entry->ruling == Ruling::kAsk) rule(Ruling::kAsk, "ask_by_policy", "policy.ask");
  if (entry->ruling == Ruling::kAllow) {
    standing = true;
    rule(Ruling::kAllow, "allowed_by_policy", "policy.allow");
  }
}

bool MonitorRules::Case::matches(const ArgumentRule& rule) const {
  if (rule.argument.empty()) return true;
  bool any = false;
  bool all = true;
  each_leaf_at(*action.arguments, rule.argument, [&](std::string_view value) {
    // What is too long to be matched is not what an allowing rule means, and may be what another does.
    const bool hit = value.size() > kMaxMatchedBytes ? rule.ruling != Ruling::kAllow
                                                     : matches_pattern(value, rule.pattern);
    any = any || hit;
    all = all && hit;
  });
  return rule.ruling == Ruling::kAllow ? any && all : any;
}

void MonitorRules::Case::check_arguments() {
  const auto apply = [this](std::span<const uint16_t> rules) {
    for (const uint16_t index : rules) {
      const ArgumentRule& r = policy.spec_.rules[index];
      if (!matches(r)) continue;
      if (r.ruling == Ruling::kDeny) rule(Ruling::kDeny, "denied_by_rule", "policy.rules", r.argument);
      if (r.ruling == Ruling::kAsk) rule(Ruling::kAsk, "ask_by_rule", "policy.rules", r.argument);
      if (r.ruling == Ruling::kAllow) {
        standing = true;
        rule(Ruling::kAllow, "allowed_by_rule", "policy.rules", r.argument);
      }
    }
  };
  apply(policy.any_tool_rules_);
  if (entry != nullptr) apply(entry->rules);
}

void MonitorRules::Case::check_caps() {
  if (!policy.caps_.any()) return;
  // Caps that cannot be counted are held to be used up.
  if (scene.meter == nullptr || !scene.meter->within_budget(policy.caps_))
    return rule(Ruling::kDeny, "denied_budget", "caps");
  if (!scene.meter->within_rate(policy.caps_, action.tool, scene.now_ns))
    rule(Ruling::kDeny, "denied_rate", "caps");
}

void MonitorRules::Case::check_default() {
  if (!out.reason.empty()) return;
  if (action.of_host && policy.preset_->host_vouches)
    return rule(Ruling::kAllow, "allowed_host_tool", "preset");
  if (action.effect <= EffectClass::kRead) return rule(Ruling::kAllow, "allowed_read_only", "preset");
  switch (policy.preset_->consequential) {
    case Ruling::kAllow: return rule(Ruling::kAllow, "allowed_by_preset", "preset");
    case Ruling::kAsk:
      return rule(Ruling::kAsk, action.confined ? "ask_by_default" : "ask_not_sandboxed", "preset");
    case Ruling::kDeny: return rule(Ruling::kDeny, "denied_by_preset", "preset");
  }
}

// The name of the tool says nothing of what is changed, and where.
void MonitorRules::Case::check_request() {
  if (listed_request || !(action.changes_there || action.to_private_place)) return;
  const Ruling ruling = policy.preset_->requests;
  const bool denies = ruling == Ruling::kDeny;
  if (action.changes_there)
    return rule(ruling, denies ? "denied_changing_request" : "ask_changing_request", "policy.requests");
  rule(ruling, denies ? "denied_private_request" : "ask_private_request", "policy.requests");
}

bool MonitorRules::Case::untrusted() const {
  if (scene.untrusted_seen || scene.context == nullptr) return true;
  const Labels& labels = *scene.context;
  return labels.has(Source::kTool) || labels.has(Source::kWeb) || labels.has(Source::kMemory) ||
         (policy.preset_->workspace_untrusted && labels.has(Source::kWorkspace));
}

bool MonitorRules::Case::is_private() const {
  if (scene.private_seen || scene.context == nullptr || !scene.context->readable_by_all()) return true;
  return policy.preset_->workspace_private &&
         (scene.context->has(Source::kWorkspace) || scene.context->has(Source::kMemory));
}

void MonitorRules::Case::check_labels() {
  if (action.effect < EffectClass::kWrite) return;
  check_flow();
  if (covered() || !untrusted()) return;
  const PresetRules& preset = *policy.preset_;
  if (sends(action.effect) && preset.rule_of_two != Ruling::kAllow && is_private())
    rule(preset.rule_of_two, preset.rule_of_two == Ruling::kDeny ? "denied_rule_of_two" : "ask_rule_of_two",
         "rule_of_two");
  const bool vouched = action.of_host && preset.host_vouches && !names_destinations();
  if (vouched || preset.trusted_action <= out.ruling) return;
  const bool denies = preset.trusted_action == Ruling::kDeny;
  std::string_view foreign;
  switch (destinations(foreign)) {
    case Standing::kTrusted: return;
    case Standing::kForeign:
      return rule(preset.trusted_action,
                  denies ? "denied_untrusted_destination" : "ask_untrusted_destination", "trusted_action",
                  foreign);
    case Standing::kNone:
      // A change at home that names nobody stays at home.
      if (!sends(action.effect) && names_destinations()) return;
      return rule(preset.trusted_action, denies ? "denied_no_destination" : "ask_no_destination",
                  "trusted_action");
  }
}

// Signals tell of a try, and not of what it wanted: no destination and no permission makes up for them. Among
// reasons to ask this one says more than that nothing allows the call.
void MonitorRules::Case::check_signals() {
  const Ruling ruling = policy.signals_;
  if (action.effect < EffectClass::kWrite || !scene.signals_seen || ruling == Ruling::kAllow) return;
  const bool asks_by_default = out.ruling == Ruling::kAsk && out.rule == "preset";
  if (asks_by_default && ruling == Ruling::kAsk) out.reason = {};
  rule(ruling, ruling == Ruling::kDeny ? "denied_signals" : "ask_signals", "policy.signals");
}

// Data that not all may read leaves only to those who may.
void MonitorRules::Case::check_flow() {
  const Ruling ruling = policy.preset_->permitted_flow;
  const bool open = scene.context != nullptr && scene.context->readable_by_all();
  if (open || ruling <= out.ruling || !sends(action.effect)) return;
  bool any = false;
  bool all = true;
  std::string_view foreign;
  each_destination([&](std::string_view value, std::string_view argument) {
    any = true;
    if (may_read(value)) return;
    all = false;
    foreign = argument;
  });
  if (any && all) return;
  rule(ruling, ruling == Ruling::kDeny ? "denied_private_flow" : "ask_private_flow", "permitted_flow",
       foreign);
}

bool MonitorRules::Case::may_read(std::string_view destination) const {
  if (scene.context == nullptr) return false;
  return any_known(policy.flows_, destination, [&](uint32_t index) {
    const Flow& flow = policy.spec_.flows[index];
    return same_tokens(destination, flow.destination) && holds_name(scene.context->readers(), flow.reader);
  });
}

template <class Visit>
void MonitorRules::Case::each_destination(Visit&& visit) const {
  const auto arguments = [&](std::span<const std::string> names) {
    for (const std::string& name : names)
      each_leaf_at(*action.arguments, name, [&](std::string_view value) {
        if (!value.empty()) visit(value, std::string_view(name));
      });
  };
  arguments(action.destinations);
  if (entry != nullptr) arguments(entry->destinations);
}

Standing MonitorRules::Case::destinations(std::string_view& foreign) const {
  Standing standing_of_all = Standing::kNone;
  each_destination([&](std::string_view value, std::string_view argument) {
    if (standing_of_all == Standing::kForeign) return;
    const bool good = is_trusted(value, argument);
    standing_of_all = good ? Standing::kTrusted : Standing::kForeign;
    if (!good) foreign = argument;
  });
  return standing_of_all;
}

bool MonitorRules::Case::is_trusted(std::string_view value, std::string_view argument) const {
  if (scene.user != nullptr && scene.user->owns(value, argument)) return true;
  if (is_approved(value)) return true;
  return policy.preset_->endorses && scene.user != nullptr &&
         (is_looked_up(value) || is_dictated_message(value));
}

bool MonitorRules::Case::is_approved(std::string_view value) const {
  if (value.size() > kMaxMatchedBytes || holds_hidden(value, true)) return false;
  return any_known(policy.approved_, value,
                   [&](uint32_t index) { return same_tokens(value, policy.spec_.approved[index]); });
}

// An address that the user did not write, but whose owner the user named, as it stood in the answer to a
// question that the user asked in these words. Where anything read so far has another address of that name,
// which of them the user means is not known.
bool MonitorRules::Case::is_looked_up(std::string_view address) const {
  if (!scene.earlier_reads || !scene.user->names_owner_of(address)) return false;
  bool found = false;
  bool doubtful = false;
  scene.earlier_reads([&](const EarlierRead& read) {
    doubtful = doubtful || holds_namesake(read.content, address);
    found = found || (!doubtful && holds_token(read.content, address) &&
                      asked_by(*scene.user, read.arguments_json) == AskedBy::kUser);
  });
  return found && !doubtful;
}

// Whether a name stood in what the user asked for, or in what a call without any words lists.
bool MonitorRules::Case::is_listed(std::string_view name) const {
  if (!scene.earlier_reads) return false;
  bool found = false;
  scene.earlier_reads([&](const EarlierRead& read) {
    found = found || (holds_tokens(read.content, name) &&
                      asked_by(*scene.user, read.arguments_json) != AskedBy::kOther);
  });
  return found;
}

bool MonitorRules::Case::is_destination(std::string_view argument) const {
  const auto named = [&](std::span<const std::string> names) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return std::string_view(name).substr(0, name.find('.')) == argument;
    });
  };
  return named(action.destinations) || (entry != nullptr && named(entry->destinations));
}

// A message that says nothing but what the user wrote, to a name within the service: no address, no account.
bool MonitorRules::Case::is_dictated_message(std::string_view recipient) const {
  if (action.effect != EffectClass::kEgress || !is_plain_name(recipient)) return false;
  bool any = false;
  for (const auto& [name, value] : action.arguments->as_object()) {
    if (is_destination(name) || value.is_null()) continue;
    if (!value.is_string() || !scene.user->dictated(value.as_string())) return false;
    any = true;
  }
  return any && is_listed(recipient);
}

Judgement MonitorRules::decide(const Action& action, const Scene& scene) const {
  Case c{*this, action, scene};
  c.judge();
  c.out.policy_epoch = epoch_;
  c.out.untrusted_input = c.untrusted();
  c.out.private_data = c.is_private();
  c.out.way_out = sends(action.effect);
  return c.out;
}

}  // namespace tau::safety
