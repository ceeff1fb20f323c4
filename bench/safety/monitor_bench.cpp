// What a judgement of the monitor costs under a policy of 64 rules, and how often it allocates; what looking
// for signals of injection costs, on prose and on text made to be slow.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "safety/injection_rules.h"
#include "safety/safety.h"
#include "support/report.h"

namespace {

int64_t allocations = 0;

}  // namespace

void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace {

using tau::bench::keep;
using tau::bench::thread_cpu_ns;
namespace safety = tau::safety;

constexpr int kRules = 64;
constexpr int kJudgements = 200'000;

safety::PolicySpec policy_of_64_rules() {
  safety::PolicySpec spec;
  for (int i = 0; i < kRules; ++i) {
    const std::string n = std::to_string(i);
    spec.rules.push_back(*safety::parse_argument_rule(i % 2 == 0 ? "deny send_mail to *@blocked" + n + ".org"
                                                                 : "ask * path /etc/" + n + "/*"));
    spec.approved.push_back("friend" + n + "@example.org");
  }
  return spec;
}

std::string what_a_user_writes() {
  std::string text = "Please summarise the thread and send it to bob@example.org and carol@example.org. ";
  for (int i = 0; i < 400; ++i)
    text += "Some more of what the conversation was about, number " + std::to_string(i) + ". ";
  return text;
}

struct Judged {
  const char* name;
  const char* arguments;
};

// What reading the clock adds to a measurement.
double clock_us() {
  static const double median = [] {
    std::vector<double> micros;
    for (int i = 0; i < 10'001; ++i) {
      const int64_t begin = thread_cpu_ns();
      micros.push_back(static_cast<double>(thread_cpu_ns() - begin) / 1e3);
    }
    std::nth_element(micros.begin(), micros.begin() + 5'000, micros.end());
    return micros[5'000];
  }();
  return median;
}

void measure_judgements(tau::bench::Report& report) {
  const auto rules = *safety::MonitorRules::compile(policy_of_64_rules());
  safety::UserText user;
  user.add(what_a_user_writes());
  tau::Labels context = tau::Labels::from(tau::Source::kUser);
  context.join(tau::Labels::tool("fetch"));
  const std::vector<std::string> to = {"to"};
  safety::Action action;
  action.tool = "send_mail";
  action.effect = safety::EffectClass::kEgress;
  action.destinations = to;
  action.of_host = true;
  safety::Scene scene;
  scene.context = &context;
  scene.user = &user;
  const Judged cases[] = {
      {"allow_user",
       R"({"to":["bob@example.org","carol@example.org"],"body":"The summary, two lines of it."})"},
      {"allow_approved", R"({"to":"friend63@example.org","body":"The summary, two lines of it."})"},
      {"ask_foreign", R"({"to":"mallory@example.net","body":"The summary, two lines of it."})"},
  };
  for (const Judged& c : cases) {
    const auto arguments = *tau::json::parse(c.arguments);
    action.arguments = &arguments;
    std::vector<double> micros;
    micros.reserve(kJudgements);
    const int64_t before = allocations;
    for (int i = 0; i < kJudgements; ++i) {
      const int64_t begin = thread_cpu_ns();
      keep(rules->decide(action, scene));
      micros.push_back(static_cast<double>(thread_cpu_ns() - begin) / 1e3);
    }
    const auto allocated = static_cast<double>(allocations - before) / kJudgements;
    std::sort(micros.begin(), micros.end());
    for (double& us : micros) us -= clock_us();
    report.add(std::string(c.name) + "_p50", "us", {micros[micros.size() / 2]});
    report.add(std::string(c.name) + "_p99", "us", {micros[micros.size() * 99 / 100]});
    report.add(std::string(c.name) + "_allocations", "", {allocated});
  }
}

double ms_of(const std::string& text) {
  const int64_t begin = thread_cpu_ns();
  keep(safety::injection_signals(text, safety::TextChannel::kTool));
  return static_cast<double>(thread_cpu_ns() - begin) / 1e6;
}

std::string repeated(const std::string& unit, size_t size) {
  std::string text;
  while (text.size() < size) text += unit;
  return text;
}

void measure_signals(tau::bench::Report& report) {
  constexpr size_t kMegabyte = 1 << 20;
  const std::string prose = repeated(what_a_user_writes(), kMegabyte);
  ms_of(prose);
  report.add("signals_prose_megabyte", "ms", {ms_of(prose), ms_of(prose), ms_of(prose)});
  double worst = 0;
  std::string worst_unit;
  for (const auto& rule : safety::injection_rules()) {
    std::string words(rule.words);
    std::replace(words.begin(), words.end(), '|', ' ');
    for (const std::string& unit : {words + " ", words.substr(0, words.find(' ')) + " all the my "}) {
      const double ms = ms_of(repeated(unit, kMegabyte));
      if (ms > worst) worst = ms, worst_unit = unit;
    }
  }
  std::printf("worst megabyte: \"%s\", again and again\n", worst_unit.c_str());
  report.add("signals_worst_megabyte", "ms", {worst});
}

}  // namespace

int main(int argc, char** argv) {
  tau::bench::Report report(argc, argv);
  measure_judgements(report);
  measure_signals(report);
  return report.finish();
}
