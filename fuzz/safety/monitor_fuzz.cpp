// The monitor on any bytes: rules and flows as text, arguments as JSON, what the user wrote. The first three
// lines of the input are a rule, what the user wrote and the arguments; the whole of it is text to look for
// signals in, and the rest an answer in the form that the third line says.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "law.h"
#include "safety/safety.h"

namespace {

using tau::fuzz::require;
using tau::fuzz::take_line;
using namespace tau::safety;  // NOLINT: one program

void check_provenance(std::string_view user_text, std::string_view value) {
  UserText user;
  user.add(user_text);
  const bool owned = user.owns(value, "to");
  require(!owned || !holds_hidden(value, true));
  // More text takes nothing away.
  user.add("something else");
  require(user.owns(value, "to") == owned || !owned);
  (void)user.dictated(value);
  (void)user.names_owner_of(value);
  require(UserText().owns(value, "to") == false);
}

void check_judgement(std::string_view rule, std::string_view user_text, const tau::json::Value& arguments) {
  PolicySpec spec;
  if (auto parsed = parse_argument_rule(rule); parsed.ok()) spec.rules.push_back(*std::move(parsed));
  if (auto parsed = parse_flow(rule); parsed.ok()) spec.flows.push_back(*std::move(parsed));
  const auto rules = MonitorRules::compile(std::move(spec));
  require(rules.ok());
  UserText user;
  user.add(user_text);
  const tau::Labels context = tau::Labels::tool("x");
  const std::vector<std::string> to = {"to"};
  Action action;
  action.tool = "x";
  action.arguments = &arguments;
  action.destinations = to;
  action.of_host = true;
  Scene scene;
  scene.context = &context;
  scene.user = &user;
  for (int effect = 0; effect < 8; ++effect) {
    action.effect = static_cast<EffectClass>(effect);
    const Judgement one = (*rules)->decide(action, scene);
    const Judgement two = (*rules)->decide(action, scene);
    require(one.ruling == two.ruling && one.reason == two.reason && !one.reason.empty());
    require(effect < 6 || one.ruling == Ruling::kDeny);
    require(arguments.is_object() || one.ruling == Ruling::kDeny);
  }
}

// What is taken is within the bounds of the form, and is taken again as it stands.
void check_answer(const tau::json::Value& schema, std::string_view answer) {
  const auto form = AnswerForm::compile(schema);
  if (!form.ok()) return require(form.status().reason() == "invalid_form");
  const auto taken = form->read(answer);
  if (!taken.ok())
    return require(taken.status().reason() == "answer_form" || taken.status().reason() == "no_extract");
  require(taken->size() <= AnswerForm::kMaxAnswerBytes);
  const auto again = form->read(*taken);
  require(again.ok() && *again == *taken);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string_view rest = text;
  const std::string_view rule = take_line(rest);
  const std::string_view user = take_line(rest);
  const std::string_view arguments = take_line(rest);
  check_provenance(user, arguments);
  if (const auto value = tau::json::parse(arguments); value.ok()) {
    check_judgement(rule, user, *value);
    check_answer(*value, rest);
  }
  for (const TextChannel channel : {TextChannel::kUser, TextChannel::kTool})
    for (const InjectionSignal& signal : injection_signals(text, channel)) require(signal.offset <= size);
  Quarantine quarantine;
  const auto handle = quarantine.hold(std::string(text), tau::Labels());
  ExtractForm form;
  for (int kind = 0; kind <= static_cast<int>(ExtractForm::Kind::kSize); ++kind) {
    form.kind = static_cast<ExtractForm::Kind>(kind);
    form.choices = {"a", "b"};
    form.pattern = "[a-z]+";
    for (const std::string& pointer : {std::string(), std::string(user)}) {
      form.pointer = pointer;
      if (const auto extract = quarantine.extract(*handle, form); extract.ok())
        require(extract->value.size() <= kMaxUrlBytes);
    }
  }
  return 0;
}
