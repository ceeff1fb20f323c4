// Policies: presets, the forms of rules, and compiling.
#include <algorithm>

#include "crypto/crypto.h"
#include "safety/monitor.h"
#include "safety/monitor_match.h"

namespace tau::safety {
namespace {

constexpr int64_t kLogicVersion = 3;  // grows when the same policy decides otherwise

constexpr PresetRules kTable[kPresets] = {
    {.name = "permissive",
     .consequential = Ruling::kAllow,
     .trusted_action = Ruling::kAllow,
     .requests = Ruling::kAllow,
     .rule_of_two = Ruling::kAllow},
    {.name = "balanced"},
    {.name = "strict",
     .host_vouches = false,
     .allow_covers_labels = false,
     .permitted_flow = Ruling::kDeny,
     .signals = Ruling::kAsk,
     .endorses = false,
     .workspace_private = true,
     .calls_per_minute = 240,
     .tool_calls_per_minute = 60},
    {.name = "hardened",
     .consequential = Ruling::kDeny,
     .host_vouches = false,
     .allow_covers_labels = false,
     .trusted_action = Ruling::kDeny,
     .permitted_flow = Ruling::kDeny,
     .requests = Ruling::kDeny,
     .rule_of_two = Ruling::kDeny,
     .signals = Ruling::kAsk,
     .endorses = false,
     .workspace_untrusted = true,
     .workspace_private = true,
     .holds_web = true,
     .calls_per_minute = 120,
     .tool_calls_per_minute = 30,
     .max_calls = 200},
};

struct Row {
  std::string_view key;
  std::string_view text;
  std::string (*value)(const PresetRules&);
};

std::string yes_no(bool yes) { return yes ? "yes" : "no"; }
std::string cap(int64_t n) { return n == 0 ? "none" : std::to_string(n); }
std::string ruling(Ruling r) { return std::string(ruling_name(r)); }

constexpr Row kRows[] = {
    {"read", "tools that compute or read", [](const PresetRules&) { return ruling(Ruling::kAllow); }},
    {"consequential", "tools that write, send, run or cannot be undone",
     [](const PresetRules& p) { return ruling(p.consequential); }},
    {"host_vouches", "tools of the host program run without a word where they name no destination",
     [](const PresetRules& p) { return yes_no(p.host_vouches); }},
    {"trusted_action", "acting on untrusted input towards a destination that is not the user's",
     [](const PresetRules& p) { return ruling(p.trusted_action); }},
    {"requests", "requests of `http` that change something or go to a private place",
     [](const PresetRules& p) { return ruling(p.requests); }},
    {"permitted_flow", "sending private data to who may not read it",
     [](const PresetRules& p) { return ruling(p.permitted_flow); }},
    {"rule_of_two", "untrusted input, private data and a way out, all three in one session",
     [](const PresetRules& p) { return ruling(p.rule_of_two); }},
    {"signals", "acting after a result that the model was shown had signals of injection",
     [](const PresetRules& p) { return ruling(p.signals); }},
    {"allow_covers_labels", "`policy.allow` also lifts trusted action and the rule of two",
     [](const PresetRules& p) { return yes_no(p.allow_covers_labels); }},
    {"endorses", "dictated messages and addresses looked up by name count as the user's",
     [](const PresetRules& p) { return yes_no(p.endorses); }},
    {"workspace_untrusted", "files of the workspace (AGENTS.md) are untrusted input",
     [](const PresetRules& p) { return yes_no(p.workspace_untrusted); }},
    {"workspace_private", "files of the workspace and memories are private data",
     [](const PresetRules& p) { return yes_no(p.workspace_private); }},
    {"holds_web", "what tools fetch from a network is held in quarantine",
     [](const PresetRules& p) { return yes_no(p.holds_web); }},
    {"calls_per_minute", "calls of one run in a minute",
     [](const PresetRules& p) { return cap(p.calls_per_minute); }},
    {"tool_calls_per_minute", "calls of one tool in one run in a minute",
     [](const PresetRules& p) { return cap(p.tool_calls_per_minute); }},
    {"max_calls", "calls of one run", [](const PresetRules& p) { return cap(p.max_calls); }},
};

constexpr ReasonText kReasons[] = {
    {"allowed_read_only", "the tool only computes or reads"},
    {"allowed_host_tool", "the host program registered the tool and vouches for it"},
    {"allowed_by_policy", "the tool stands in policy.allow"},
    {"allowed_by_rule", "a rule of policy.rules allows the call"},
    {"allowed_by_request", "policy.requests names the method and origin"},
    {"allowed_by_preset", "the preset allows tools that act"},
    {"ask_by_tool", "the host program wants to be asked about this tool"},
    {"ask_by_policy", "the tool stands in policy.ask"},
    {"ask_by_rule", "a rule of policy.rules asks"},
    {"ask_by_default", "the tool acts, and nothing allows it"},
    {"ask_not_sandboxed", "the same, and it runs without confinement"},
    {"ask_changing_request",
     "a request over HTTP may change something there, and policy.requests does not name it"},
    {"ask_private_request",
     "a request goes to a place that may be private, and policy.requests does not name it"},
    {"ask_untrusted_destination", "untrusted input was seen, and a destination is not the user's"},
    {"ask_no_destination", "untrusted input was seen, and the call says not where its effect lands"},
    {"ask_private_flow", "private data would go to who may not read it"},
    {"ask_rule_of_two", "untrusted input, private data and a way out come together"},
    {"ask_signals", "a result that the model was shown has signals of injection"},
    {"denied_unknown_effect", "what the tool does is not known"},
    {"denied_arguments", "the arguments are no object, or nested too deep to be judged"},
    {"denied_by_policy", "the tool stands in policy.deny"},
    {"denied_not_in_task", "the tool is none of policy.task_tools"},
    {"denied_by_rule", "a rule of policy.rules denies the call"},
    {"denied_by_preset", "the preset denies tools that act, and nothing allows this one"},
    {"denied_rate", "too many calls in a minute"},
    {"denied_budget", "too many calls in the run"},
    {"denied_changing_request", "as ask_changing_request, under a preset that does not ask"},
    {"denied_private_request", "as ask_private_request, under a preset that does not ask"},
    {"denied_untrusted_destination", "as ask_untrusted_destination, under a preset that does not ask"},
    {"denied_no_destination", "as ask_no_destination, under a preset that does not ask"},
    {"denied_private_flow", "as ask_private_flow, under a preset that does not ask"},
    {"denied_rule_of_two", "as ask_rule_of_two, under a preset that does not ask"},
    {"denied_signals", "as ask_signals, under a policy that does not ask"},
};

// The next word of a rule.
std::string_view take_word(std::string_view& text) {
  const size_t begin = std::min(text.find_first_not_of(' '), text.size());
  const size_t end = std::min(text.find(' ', begin), text.size());
  const std::string_view word = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return word;
}

json::Value list_of(const std::vector<std::string>& names) {
  json::Value list = json::Value::array();
  for (const std::string& name : names) list.push_back(name);
  return list;
}

// What stands in the row: the preset's word, or the policy's own.
std::string value_in_force(const Row& row, const PresetRules& preset, const CallMeter::Caps& caps,
                           Ruling signals) {
  if (row.key == "signals") return ruling(signals);
  if (row.key == "calls_per_minute") return cap(caps.calls_per_minute);
  if (row.key == "tool_calls_per_minute") return cap(caps.tool_calls_per_minute);
  if (row.key == "max_calls") return cap(caps.max_calls);
  return row.value(preset);
}

// The lists of a policy, as configuration writes them.
json::Value document_of(const PolicySpec& spec) {
  json::Value v = json::Value::object();
  v.set("preset", preset_rules(spec.preset).name);
  v.set("allow", list_of(spec.allow)).set("ask", list_of(spec.ask)).set("deny", list_of(spec.deny));
  v.set("task_tools", list_of(spec.task_tools)).set("approved", list_of(spec.approved));
  json::Value rules = json::Value::array();
  for (const ArgumentRule& r : spec.rules) {
    std::string text = format("{} {}", ruling_name(r.ruling), r.tool);
    if (!r.argument.empty()) text += format(" {} {}", r.argument, r.pattern);
    rules.push_back(std::move(text));
  }
  v.set("rules", std::move(rules));
  v.set("requests", list_of(spec.requests));
  json::Value flows = json::Value::array();
  for (const Flow& f : spec.flows) flows.push_back(format("{}={}", f.destination, f.reader));
  v.set("flows", std::move(flows));
  json::Value tools = json::Value::object();
  for (const auto& [tool, names] : spec.destinations)
    tools.set(tool, json::Value::object().set("destinations", list_of(names)));
  v.set("tools", std::move(tools));
  return v;
}

// Everything that decides: equal for policies that decide alike.
json::Value identity_of(const PolicySpec& spec, const PresetRules& preset, const CallMeter::Caps& caps,
                        Ruling signals) {
  json::Value v = document_of(spec);
  v.erase("preset");  // its rows stand for it
  v.set("logic", kLogicVersion);
  json::Value rows = json::Value::object();
  for (const Row& row : kRows) rows.set(row.key, value_in_force(row, preset, caps, signals));
  v.set("rows", std::move(rows));
  return v;
}

int64_t epoch_of(const json::Value& document) {
  const crypto::Digest digest = crypto::blake2b(json::canonical(document));
  uint64_t epoch = 0;
  for (size_t i = 0; i < 7; ++i) epoch = epoch << 8 | static_cast<uint8_t>(digest[i]);
  constexpr uint64_t kExactInJson = (uint64_t{1} << 53) - 1;
  return static_cast<int64_t>(std::max<uint64_t>(1, epoch & kExactInJson));
}

bool is_valid_rule(const ArgumentRule& rule) {
  const bool named = rule.tool == "*" || is_valid_id(rule.tool);
  return named && rule.argument.empty() == rule.pattern.empty() && rule.argument.size() <= 256 &&
         rule.pattern.size() <= 1024;
}

}  // namespace

const PresetRules& preset_rules(Preset preset) { return kTable[static_cast<size_t>(preset)]; }

StatusOr<Preset> parse_preset(std::string_view name) {
  for (size_t i = 0; i < kPresets; ++i)
    if (kTable[i].name == name) return static_cast<Preset>(i);
  return invalid_argument("unknown_preset",
                          format("no preset is named \"{}\"; there are permissive, balanced, strict and "
                                 "hardened",
                                 name));
}

std::string presets_json() {
  std::string out;
  json::Writer w(out);
  w.begin_object().key("presets").begin_array();
  for (const PresetRules& preset : kTable) w.string(preset.name);
  w.end_array().key("rows").begin_array();
  for (const Row& row : kRows) {
    w.begin_object().field("key", row.key).field("text", row.text).key("values").begin_array();
    for (const PresetRules& preset : kTable) w.string(row.value(preset));
    w.end_array().end_object();
  }
  w.end_array().end_object();
  return out;
}

std::string presets_markdown() {
  std::string out = "| what |";
  for (const PresetRules& preset : kTable) out += format(" {} |", preset.name);
  out += "\n|---|";
  for (size_t i = 0; i < kPresets; ++i) out += "---|";
  out += '\n';
  for (const Row& row : kRows) {
    out += format("| {} |", row.text);
    for (const PresetRules& preset : kTable) out += format(" {} |", row.value(preset));
    out += '\n';
  }
  return out;
}

std::span<const ReasonText> reason_texts() { return kReasons; }

std::string_view reason_text(std::string_view code) {
  const auto at = std::find_if(std::begin(kReasons), std::end(kReasons),
                               [&](const ReasonText& reason) { return reason.code == code; });
  return at == std::end(kReasons) ? std::string_view() : at->text;
}

StatusOr<ArgumentRule> parse_argument_rule(std::string_view text) {
  ArgumentRule rule;
  std::string_view rest = text;
  const std::string_view verb = take_word(rest);
  if (verb == "allow") rule.ruling = Ruling::kAllow;
  if (verb == "ask") rule.ruling = Ruling::kAsk;
  const bool known = verb == "allow" || verb == "ask" || verb == "deny";
  rule.tool = take_word(rest);
  rule.argument = take_word(rest);
  const size_t pattern = rest.find_first_not_of(' ');
  if (pattern != rest.npos) rule.pattern = rest.substr(pattern);
  if (!known || !is_valid_rule(rule))
    return invalid_argument("invalid_rule",
                            format("\"{}\" is no rule; one reads: allow|ask|deny TOOL [ARGUMENT PATTERN]",
                                   truncate_utf8(text, 80)));
  return rule;
}

StatusOr<Flow> parse_flow(std::string_view text) {
  const size_t equals = text.rfind('=');
  Flow flow;
  if (equals != text.npos) flow = {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
  if (flow.destination.empty() || !is_valid_id(flow.reader))
    return invalid_argument(
        "invalid_flow", format("\"{}\" is no flow; one reads: DESTINATION=READER", truncate_utf8(text, 80)));
  return flow;
}

std::string request_scope(std::string_view method, const net::Url& url) {
  return format("{} {}", method, url.origin());
}

StatusOr<std::string> parse_request_scope(std::string_view text) {
  const size_t space = text.find(' ');
  const std::string_view method = text.substr(0, space);
  const bool is_method =
      !method.empty() && method.size() <= 16 &&
      std::all_of(method.begin(), method.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  const StatusOr<net::Url> url = net::parse_url(space == text.npos ? "" : text.substr(space + 1));
  if (!is_method || !url.ok() || url->target != "/")
    return invalid_argument("invalid_request_scope",
                            format("\"{}\" is no method and origin; one reads: POST https://api.example.com",
                                   truncate_utf8(text, 80)));
  return request_scope(method, *url);
}

const MonitorRules::Entry* MonitorRules::find(std::string_view tool) const {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), tool,
                                   [](const Entry& e, std::string_view name) { return e.tool < name; });
  return at != entries_.end() && at->tool == tool ? &*at : nullptr;
}

MonitorRules::Entry& MonitorRules::entry(std::string_view tool) {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), tool,
                                   [](const Entry& e, std::string_view name) { return e.tool < name; });
  if (at != entries_.end() && at->tool == tool) return *at;
  Entry fresh;
  fresh.tool = tool;
  return *entries_.insert(at, std::move(fresh));
}

std::vector<MonitorRules::Known> MonitorRules::index_of(std::span<const std::string_view> texts) {
  std::vector<Known> known;
  for (size_t i = 0; i < texts.size(); ++i)
    known.push_back({tokens_hash(texts[i]), static_cast<uint32_t>(i)});
  std::sort(known.begin(), known.end());
  return known;
}

StatusOr<std::shared_ptr<const MonitorRules>> MonitorRules::compile(PolicySpec spec) {
  if (spec.rules.size() > kMaxPolicyRules || spec.flows.size() > kMaxPolicyRules ||
      spec.approved.size() > kMaxPolicyRules)
    return invalid_argument("too_many_rules",
                            format("a policy takes at most {} rules of a kind", kMaxPolicyRules));
  std::shared_ptr<MonitorRules> rules(new MonitorRules());
  MonitorRules& out = *rules;
  out.spec_ = std::move(spec);
  const PolicySpec& s = out.spec_;
  out.preset_ = &preset_rules(s.preset);
  const auto list = [&out](const std::vector<std::string>& names, Ruling ruling) {
    for (const std::string& name : names) {
      Entry& e = out.entry(name);
      if (!e.listed || e.ruling < ruling) e.ruling = ruling;
      e.listed = true;
    }
  };
  list(s.allow, Ruling::kAllow);
  list(s.ask, Ruling::kAsk);
  list(s.deny, Ruling::kDeny);
  for (const std::string& name : s.task_tools) out.entry(name).of_task = true;
  for (const auto& [tool, names] : s.destinations) {
    auto& all = out.entry(tool).destinations;
    all.insert(all.end(), names.begin(), names.end());
  }
  for (size_t i = 0; i < s.rules.size(); ++i) {
    if (!is_valid_rule(s.rules[i])) return invalid_argument("invalid_rule", format("rule {} is none", i));
    auto& place = s.rules[i].tool == "*" ? out.any_tool_rules_ : out.entry(s.rules[i].tool).rules;
    place.push_back(static_cast<uint16_t>(i));
  }
  out.approved_ = index_of(std::vector<std::string_view>(s.approved.begin(), s.approved.end()));
  std::vector<std::string_view> destinations;
  for (const Flow& flow : s.flows) destinations.push_back(flow.destination);
  out.flows_ = index_of(destinations);
  const auto either = [](int64_t own, int64_t preset) { return own < 0 ? preset : own; };
  out.caps_ = {either(s.calls_per_minute, out.preset_->calls_per_minute),
               either(s.tool_calls_per_minute, out.preset_->tool_calls_per_minute),
               either(s.max_calls, out.preset_->max_calls)};
  out.signals_ = s.signals.value_or(out.preset_->signals);
  out.epoch_ = epoch_of(identity_of(s, *out.preset_, out.caps_, out.signals_));
  return std::shared_ptr<const MonitorRules>(std::move(rules));
}

void MonitorRules::describe(json::Writer& w) const {
  json::Value document = document_of(spec_);
  const auto own = [&](std::string_view key, int64_t cap) {
    if (cap >= 0) document.set(key, cap);
  };
  if (spec_.signals) document.set("signals", ruling_name(*spec_.signals));
  own("calls_per_minute", spec_.calls_per_minute);
  own("tool_calls_per_minute", spec_.tool_calls_per_minute);
  own("max_calls", spec_.max_calls);
  w.field("epoch", epoch_).key("document").value(document).key("in_force").begin_array();
  for (const Row& row : kRows) {
    w.begin_object().field("key", row.key).field("text", row.text);
    w.field("value", value_in_force(row, *preset_, caps_, signals_)).end_object();
  }
  w.end_array();
}

std::string approval_binding(std::string_view tool, const json::Value& arguments, const Labels& labels,
                             int64_t policy_epoch) {
  const json::Value bound =
      json::Value::Array{tool, json::canonical(arguments), labels.to_json(), policy_epoch};
  return crypto::hex(crypto::blake2b(json::canonical(bound))).substr(0, 32);
}

}  // namespace tau::safety
