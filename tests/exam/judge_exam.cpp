// The native half of tools/exam toolcalls: judges one tool call after the other.
//
// In, one JSON object a line: {"preset","tool","effect","destinations":[…],"arguments":{…},"user":["what the
// user wrote"],"sources":"user,tool:x","reads":[{"arguments":"JSON","content":"…"}]}. Out, one line each:
// {"ruling","reason","rule","argument"}. All tools are tools of the host.
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "safety/safety.h"

namespace {

using tau::json::Value;
namespace safety = tau::safety;

safety::EffectClass effect_of(std::string_view name) {
  constexpr std::string_view kNames[] = {"pure", "read", "write", "egress", "exec", "irreversible"};
  size_t i = 0;
  while (i < std::size(kNames) && kNames[i] != name) ++i;
  return static_cast<safety::EffectClass>(i);
}

std::string judge(const Value& line) {
  safety::PolicySpec spec;
  spec.preset = *safety::parse_preset(line["preset"].as_string("balanced"));
  spec.calls_per_minute = spec.tool_calls_per_minute = spec.max_calls = 0;
  const auto rules = *safety::MonitorRules::compile(std::move(spec));
  safety::UserText user;
  for (const Value& text : line["user"].as_array()) user.add(text.as_string());
  std::vector<std::string> destinations;
  for (const Value& name : line["destinations"].as_array()) destinations.emplace_back(name.as_string());
  const tau::Labels context = *tau::parse_integrity(line["sources"].as_string());
  const std::string tool(line["tool"].as_string());
  safety::Action action;
  action.tool = tool;
  action.effect = effect_of(line["effect"].as_string());
  action.arguments = line.find("arguments");
  action.destinations = destinations;
  action.of_host = true;
  safety::Scene scene;
  scene.context = &context;
  scene.user = &user;
  scene.earlier_reads = [&](const std::function<void(const safety::EarlierRead&)>& visit) {
    for (const Value& read : line["reads"].as_array())
      visit({read["arguments"].as_string(), read["content"].as_string()});
  };
  const safety::Judgement judgement = rules->decide(action, scene);
  std::string out;
  tau::json::Writer w(out);
  w.begin_object().field("ruling", safety::ruling_name(judgement.ruling));
  w.field("reason", judgement.reason).field("rule", judgement.rule).field("argument", judgement.argument);
  w.end_object();
  return out;
}

}  // namespace

int main() {
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto value = tau::json::parse(line);
    if (!value.ok()) {
      std::fprintf(stderr, "judge_exam: %s\n", std::string(value.status().message()).c_str());
      return 1;
    }
    std::cout << judge(*value) << std::endl;
  }
  return 0;
}
