// The monitor: decides of every tool call whether it may run, before it runs. No model, no clock, no I/O; the
// same facts give the same ruling.
//
// A policy is compiled once and shared by any number of threads. What is unknown is refused: an effect, an
// argument that cannot be read, a destination that cannot be compared. Deny beats ask, ask beats allow.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "json/json.h"
#include "net/net.h"
#include "safety/monitor_text.h"  // IWYU pragma: export

namespace tau::safety {

// What a call can do to the world, in order of consequence.
enum class EffectClass : uint8_t { kPure, kRead, kWrite, kEgress, kExec, kIrreversible, kUnknown };
// In order: the stricter one wins.
enum class Ruling : uint8_t { kAllow, kAsk, kDeny };
std::string_view ruling_name(Ruling ruling);

enum class Preset : uint8_t { kPermissive, kBalanced, kStrict, kHardened };
inline constexpr size_t kPresets = 4;

// One column of the table of presets; docs/monitor.md shows it.
struct PresetRules {
  std::string_view name;
  Ruling consequential = Ruling::kAsk;   // tools that act, where nothing else speaks of them
  bool host_vouches = true;              // tools of the host that name no destination run without asking
  bool allow_covers_labels = true;       // an allowed name needs to satisfy no rule of labels but of flow
  Ruling trusted_action = Ruling::kAsk;  // acting on untrusted input towards what the user did not name
  Ruling permitted_flow = Ruling::kAsk;  // sending private data to who may not read it
  Ruling requests = Ruling::kAsk;        // of HTTP that change something there or go to a private place
  Ruling rule_of_two = Ruling::kAsk;     // untrusted input, private data and a way out, all three
  Ruling signals = Ruling::kAllow;       // acting after a result showed signals of injection
  bool endorses = true;                  // dictated messages and looked-up addresses count as the user's
  bool workspace_untrusted = false;      // files of the workspace are untrusted input
  bool workspace_private = false;        // files of the workspace and memories are private data
  bool holds_web = false;                // what tools fetch from a network is shown to the model as a handle
  int64_t calls_per_minute = 0;          // of one run; 0: no cap
  int64_t tool_calls_per_minute = 0;     // of one tool in one run; 0: no cap
  int64_t max_calls = 0;                 // of one run; 0: no cap
};
const PresetRules& preset_rules(Preset preset);
// INVALID_ARGUMENT "unknown_preset" names those that there are.
StatusOr<Preset> parse_preset(std::string_view name);
// The table: {"presets":["permissive",…],"rows":[{"key","text","values":[…]}]}, and the same for people.
std::string presets_json();
std::string presets_markdown();

// "RULING TOOL [ARGUMENT PATTERN]": deny http url http://*. "*" is any tool; in a pattern '*' is any text
// and '?' any one byte, and the whole value must match. An argument that holds several values matches a rule
// that asks or denies when any of them does, one that allows when all do.
struct ArgumentRule {
  Ruling ruling = Ruling::kDeny;
  std::string tool;
  std::string argument;  // empty: whatever the arguments are
  std::string pattern;
};
// INVALID_ARGUMENT "invalid_rule" says what is wrong.
StatusOr<ArgumentRule> parse_argument_rule(std::string_view text);

// Who reads what is sent to a destination: a principal of labels.
struct Flow {
  std::string destination;
  std::string reader;
};
// "alice@example.org=alice". INVALID_ARGUMENT "invalid_flow".
StatusOr<Flow> parse_flow(std::string_view text);

// "POST https://api.example.com": a method and an origin, as the scope of a request over HTTP is written:
// with the port. INVALID_ARGUMENT "invalid_request_scope".
StatusOr<std::string> parse_request_scope(std::string_view text);
std::string request_scope(std::string_view method, const net::Url& url);

// A policy as data.
struct PolicySpec {
  Preset preset = Preset::kBalanced;
  std::vector<std::string> allow;  // names of tools; a name in several lists follows the strictest
  std::vector<std::string> ask;
  std::vector<std::string> deny;
  std::vector<std::string> task_tools;  // the only tools of the task; empty: any
  std::vector<std::string> approved;    // destinations that are as good as the user's: an address book
  std::vector<ArgumentRule> rules;
  std::vector<Flow> flows;
  // Requests over HTTP that need no approval, as parse_request_scope() gives them. The only permission that
  // covers those that change something or go to a private place.
  std::vector<std::string> requests;
  // Beside those of manifests: which arguments of a tool say where its effect lands.
  std::vector<std::pair<std::string, std::vector<std::string>>> destinations;
  std::optional<Ruling> signals;  // as the preset has it, unless said
  // Negative: as the preset has it.
  int64_t calls_per_minute = -1;
  int64_t tool_calls_per_minute = -1;
  int64_t max_calls = -1;
};

// Caps on what one run calls: a bucket of as many tokens as the cap allows in a minute, which refills evenly.
// One per run; owner thread only. Times are monotonic nanoseconds.
class CallMeter {
 public:
  struct Caps {
    int64_t calls_per_minute = 0;
    int64_t tool_calls_per_minute = 0;
    int64_t max_calls = 0;
    bool any() const { return calls_per_minute > 0 || tool_calls_per_minute > 0 || max_calls > 0; }
  };
  bool within_rate(const Caps& caps, std::string_view tool, int64_t now_ns) const;
  bool within_budget(const Caps& caps) const { return caps.max_calls <= 0 || calls_ < caps.max_calls; }
  // Calls that were not denied and so long ago that no rate remembers them.
  void add_earlier(int64_t calls) { calls_ += calls; }
  // A call was not denied.
  void charge(const Caps& caps, std::string_view tool, int64_t now_ns);

 private:
  struct Bucket {
    std::string tool;
    int64_t full_at_ns = INT64_MIN;  // when it will hold all its tokens again
  };
  const Bucket* find(std::string_view tool) const;
  Bucket run_;
  std::vector<Bucket> tools_;
  int64_t calls_ = 0;
};

// What a tool returned earlier in the session, and with which arguments it was asked.
struct EarlierRead {
  std::string_view arguments_json;
  std::string_view content;
};

// What the session knows. All of it may be absent: then nothing is the user's.
struct Scene {
  const Labels* context = nullptr;  // joined over what the model had seen; null: untrusted and private
  const UserText* user = nullptr;
  // Calls its argument with each earlier result; asked only when an address is to be endorsed.
  std::function<void(const std::function<void(const EarlierRead&)>&)> earlier_reads;
  bool untrusted_seen = false;  // beside what the labels say
  bool private_seen = false;
  bool signals_seen = false;  // a result that the model was shown had signals of injection
  const CallMeter* meter = nullptr;
  int64_t now_ns = 0;
};

// What is to be done.
struct Action {
  std::string_view tool;
  EffectClass effect = EffectClass::kUnknown;
  const json::Value* arguments = nullptr;     // null: they could not be read
  std::span<const std::string> destinations;  // arguments that say where the effect lands; "to.address"
  bool of_host = false;                       // registered by the host program
  bool always_ask = false;                    // the host wants to be asked
  bool confined = false;                      // runs in a sandbox
  // Of a request over HTTP: method and origin; request_scope(). Else empty.
  std::string_view request;
  bool changes_there = false;     // its method may change something
  bool to_private_place = false;  // its origin was granted, and so may be a private one
};

struct Judgement {
  Ruling ruling = Ruling::kDeny;
  std::string_view reason;    // a stable code, of kReasons
  std::string_view rule;      // what decided: "policy.deny", "trusted_action", …
  std::string_view argument;  // of the action or policy: the destination or rule that decided, if one did
  int64_t policy_epoch = 0;
  // What the rule of two counts, as this policy sees the scene.
  bool untrusted_input = false;
  bool private_data = false;
  bool way_out = false;
};

// All reason codes with what they mean.
struct ReasonText {
  std::string_view code;
  std::string_view text;
};
std::span<const ReasonText> reason_texts();
// Of one code; empty for none of them.
std::string_view reason_text(std::string_view code);

class MonitorRules {
 public:
  // INVALID_ARGUMENT as parse_argument_rule and parse_flow fail, or "too_many_rules".
  static StatusOr<std::shared_ptr<const MonitorRules>> compile(PolicySpec spec);

  // Allocates nothing when it allows, unless an address has to be endorsed.
  Judgement decide(const Action& action, const Scene& scene) const;

  // Equal for equal policies and for no others but by chance: positive, below 2^53.
  int64_t epoch() const { return epoch_; }
  const CallMeter::Caps& caps() const { return caps_; }
  const PolicySpec& spec() const { return spec_; }
  // Members of an object: "epoch", "document":{…}, "in_force":[{"key","text","value"}]. A document of
  // configuration's form that makes the same policy, and the preset's column with what the policy put in its
  // place.
  void describe(json::Writer& w) const;

 private:
  MonitorRules() = default;
  // What the policy says of a name.
  struct Entry {
    std::string tool;
    Ruling ruling = Ruling::kAsk;
    bool listed = false;
    bool of_task = false;
    std::vector<std::string> destinations;
    std::vector<uint16_t> rules;  // of spec_.rules
  };
  struct Case;  // one action on its way to a judgement
  // A destination that the policy names, by the hash of its tokens.
  struct Known {
    uint64_t hash = 0;
    uint32_t index = 0;
    bool operator<(const Known& other) const { return hash < other.hash; }
  };
  static std::vector<Known> index_of(std::span<const std::string_view> texts);
  // Whether `visit` is true of the index of a text with the same tokens.
  template <class Visit>
  static bool any_known(const std::vector<Known>& known, std::string_view text, Visit&& visit);
  const Entry* find(std::string_view tool) const;
  Entry& entry(std::string_view tool);

  PolicySpec spec_;
  const PresetRules* preset_ = nullptr;
  std::vector<Entry> entries_;  // sorted by name
  std::vector<uint16_t> any_tool_rules_;
  std::vector<Known> approved_;
  std::vector<Known> flows_;
  CallMeter::Caps caps_;
  Ruling signals_ = Ruling::kAllow;
  int64_t epoch_ = 0;
};

// What an approval is bound to: equal only for the same tool, arguments, labels and policy. 32 hexadecimal
// digits.
std::string approval_binding(std::string_view tool, const json::Value& arguments, const Labels& labels,
                             int64_t policy_epoch);

inline constexpr int kMaxArgumentDepth = 32;
inline constexpr size_t kMaxPolicyRules = 1024;

}  // namespace tau::safety
