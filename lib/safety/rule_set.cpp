// Sets of rules: the built-in one, what a bundle makes of it, and the one in force.
#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "json/json.h"
#include "safety/rule.h"
#include "safety/safety.h"
#include "safety/tables.h"

namespace tau::safety {
namespace {

// What a pattern may cache. Counted repeats have many states; with too few RE2 falls back to a much slower
// search.
constexpr int64_t kRegexMemory = 2 << 20;

crypto::HashKey random_key(Random& random) {
  crypto::HashKey key;
  random.fill(std::as_writable_bytes(std::span(key)));
  return key;
}

std::string published_digest(std::string_view value) {
  return crypto::hex(crypto::blake2b(value)).substr(0, 16);
}

// The built-in rules as the bundle leaves them. What is floor stays as it is.
Status merge(Bundle& bundle) {
  TAU_ASSIGN_OR_RETURN(Bundle base, read_bundle(kBuiltInRules));
  const auto named = [](const std::string& id) {
    return [&id](const RuleSpec& rule) { return rule.id == id; };
  };
  const auto is_floor = [&](const std::string& id) {
    const auto at = std::find_if(base.rules.begin(), base.rules.end(), named(id));
    return at != base.rules.end() && at->floor;
  };
  for (const std::string& id : bundle.drop)
    if (is_floor(id)) return invalid_argument("invalid_rules", id + ": this rule cannot be switched off");
  for (RuleSpec& rule : bundle.rules) {
    if (is_floor(rule.id))
      return invalid_argument("invalid_rules", rule.id + ": this rule cannot be replaced");
    if (rule.floor)
      return invalid_argument("invalid_rules", rule.id + ".floor: only built-in rules are floor");
  }
  for (const std::string& id : bundle.drop) std::erase_if(base.rules, named(id));
  for (const RuleSpec& rule : bundle.rules) std::erase_if(base.rules, named(rule.id));
  base.rules.insert(base.rules.end(), std::make_move_iterator(bundle.rules.begin()),
                    std::make_move_iterator(bundle.rules.end()));
  base.revision = bundle.revision;
  base.published_by_bundle = std::move(bundle.published);
  bundle = std::move(base);
  return {};
}

}  // namespace

StatusOr<Regex> Rule::compile() const {
  return Regex::compile(spec_.match, {.bytes = true, .max_memory_bytes = kRegexMemory});
}

const Regex* Rule::regex() const {
  std::call_once(once_, [this] {
    StatusOr<Regex> made = compile();
    if (made.ok()) regex_.emplace(*std::move(made));
  });
  return regex_ ? &*regex_ : nullptr;
}

RuleSet::RuleSet(Bundle bundle, crypto::HashKey key, const RuleChoice& choice)
    : revision_(bundle.revision),
      published_(bundle.published.begin(), bundle.published.end()),
      published_by_bundle_(bundle.published_by_bundle.begin(), bundle.published_by_bundle.end()),
      signals_(choice.personal_signals),
      key_(key) {
  for (RuleSpec& spec : bundle.rules) {
    const bool form = spec.kind == RuleKind::kForm;
    if (form ? !choice.wants(spec.personal) : !choice.credentials) continue;
    const auto number = static_cast<uint16_t>(rules_.size());
    for (const std::string& word : spec.words) prefilter_.add(word, spec.fold, number);
    for (const std::string& begins : spec.begins) forms_.add(begins, number);
    if (spec.around_at) forms_.add_around_at(number);
    rules_.push_back(std::make_unique<Rule>(std::move(spec)));
  }
  prefilter_.build();
}

bool RuleSet::is_published(std::string_view value, bool floor) const {
  if (published_.empty() && published_by_bundle_.empty()) return false;
  const std::string digest = published_digest(value);
  return published_.contains(digest) || (!floor && published_by_bundle_.contains(digest));
}

bool RuleChoice::wants(std::string_view personal_class) const {
  return std::find(personal.begin(), personal.end(), personal_class) != personal.end();
}

const std::vector<std::string>& personal_classes() {
  static const auto* const all =
      new std::vector<std::string>{"card", "email", "iban", "ip", "national_id", "phone"};
  return *all;
}

StatusOr<std::vector<std::string>> parse_personal_classes(std::string_view json_text) {
  std::vector<std::string> classes;
  if (json_text.empty()) return classes;
  const auto wrong = [] {
    std::string known;
    for (const std::string& name : personal_classes()) known += (known.empty() ? "" : ", ") + name;
    return invalid_argument("invalid_pii", "expected an array of classes of personal data: " + known);
  };
  const auto list = json::parse(json_text);
  if (!list.ok() || !list->is_array()) return wrong();
  for (const json::Value& entry : list->as_array()) {
    const auto& all = personal_classes();
    if (std::find(all.begin(), all.end(), entry.as_string()) == all.end()) return wrong();
    classes.emplace_back(entry.as_string());
  }
  return classes;
}

std::shared_ptr<const RuleSet> built_in_rules(Random& random, const RuleChoice& choice) {
  StatusOr<Bundle> bundle = read_bundle(kBuiltInRules);
  // The table is checked by the build and by a test of this module.
  return std::make_shared<const RuleSet>(bundle.ok() ? *std::move(bundle) : Bundle{}, random_key(random),
                                         choice);
}

StatusOr<std::shared_ptr<const RuleSet>> compile_rules(std::string_view bundle_json, Random& random,
                                                       const RuleChoice& choice) {
  TAU_ASSIGN_OR_RETURN(Bundle bundle, read_bundle(bundle_json));
  for (const RuleSpec& spec : bundle.rules)
    if (const auto regex = Rule(spec).compile(); !regex.ok())
      return invalid_argument("invalid_rules", spec.id + ".match: " + std::string(regex.status().message()));
  TAU_RETURN_IF_ERROR(merge(bundle));
  return std::make_shared<const RuleSet>(std::move(bundle), random_key(random), choice);
}

std::vector<std::string> rule_ids(const RuleSet& rules) {
  std::vector<std::string> ids;
  for (const auto& rule : rules.rules()) ids.push_back(rule->spec().id);
  return ids;
}

Rulebook::Rulebook(Random& random, RuleChoice choice)
    : random_(random), choice_(std::move(choice)), rules_(built_in_rules(random, choice_)) {}

std::shared_ptr<const RuleSet> Rulebook::current() const {
  const std::lock_guard lock(mutex_);
  return rules_;
}

uint64_t Rulebook::epoch() const {
  const std::lock_guard lock(mutex_);
  return epoch_;
}

Status Rulebook::replace(std::string_view bundle_json) {
  TAU_ASSIGN_OR_RETURN(std::shared_ptr<const RuleSet> rules, compile_rules(bundle_json, random_, choice_));
  const std::lock_guard lock(mutex_);
  if (rules->revision() < rules_->revision())
    return failed_precondition("rules_outdated", "revision " + std::to_string(rules->revision()) +
                                                     " is older than " + std::to_string(rules_->revision()) +
                                                     ", which is in force");
  rules_ = std::move(rules);
  ++epoch_;
  return {};
}

}  // namespace tau::safety
