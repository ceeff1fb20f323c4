// What scanning costs, in megabytes a second of CPU time: 10,000 registered secrets beside a plain search for
// one text that is absent, and all built-in rules on messages of 4 KiB beside Aho-Corasick + RE2.
//
// The text is what this machine has of C and C++ headers.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "aho_corasick.h"
#include "safety/rule.h"
#include "safety/safety.h"
#include "safety/tables.h"
#include "support/report.h"

namespace {

namespace files = std::filesystem;
using tau::bench::keep;
using tau::bench::thread_cpu_ns;

constexpr size_t kTextBytes = 8 << 20;
constexpr size_t kMessage = 4 << 10;
constexpr size_t kChunk = 64 << 10;
constexpr int kSecrets = 10'000;
constexpr int kRounds = 5;

std::string headers_of_this_machine() {
  std::vector<files::path> found;
  for (const auto& entry :
       files::recursive_directory_iterator("/usr/include", files::directory_options::skip_permission_denied))
    if (entry.is_regular_file()) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  std::shuffle(found.begin(), found.end(), std::mt19937_64(1));
  std::string text;
  for (const files::path& path : found) {
    std::ifstream file(path, std::ios::binary);
    text.append(std::istreambuf_iterator<char>(file), {});
    if (text.size() >= kTextBytes) break;
  }
  if (text.size() < kTextBytes) {
    std::fputs("bench_safety: there is too little text below /usr/include\n", stderr);
    std::exit(1);
  }
  text.resize(kTextBytes);
  return text;
}

std::string random_token(std::mt19937_64& random, size_t size) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  std::string out;
  for (size_t i = 0; i < size; ++i) out += kAlphabet[random() % kAlphabet.size()];
  return out;
}

double megabytes_per_second(size_t bytes, int64_t ns) {
  return static_cast<double>(bytes) * 1e3 / static_cast<double>(ns);
}

template <class Work>
int64_t timed(Work&& work) {
  const int64_t before = thread_cpu_ns();
  work();
  return std::max<int64_t>(thread_cpu_ns() - before, 1);
}

void measure_exact(tau::bench::Report& report, std::string_view text) {
  std::mt19937_64 random(7);
  tau::safety::SecretRegistry registry;
  for (int i = 0; i < kSecrets; ++i)
    if (!registry.add(std::to_string(i), tau::Secret(random_token(random, 16 + random() % 48))).ok())
      std::abort();
  const tau::safety::Screen screen{registry.snapshot(), nullptr};
  const std::string absent = random_token(random, 24);
  std::vector<double> whole, streamed, plain;
  for (int round = 0; round < kRounds; ++round) {
    whole.push_back(megabytes_per_second(
        text.size(), timed([&] { keep(tau::safety::holds_secret(*screen.secrets, text)); })));
    streamed.push_back(megabytes_per_second(text.size(), timed([&] {
                                              tau::safety::Scanner scanner(screen);
                                              std::vector<tau::safety::Finding> found;
                                              for (size_t at = 0; at < text.size(); at += kChunk)
                                                scanner.feed(text.substr(at, kChunk), found);
                                              scanner.finish(found);
                                              if (!found.empty()) std::abort();
                                            })));
    plain.push_back(megabytes_per_second(text.size(), timed([&] { keep(text.find(absent)); })));
  }
  report.add("exact_10000_whole", "MB/s", whole, plain);
  report.add("exact_10000_streamed_64k", "MB/s", streamed, plain);
  report.add("exact_10000_memory", "MB", {static_cast<double>(registry.memory_bytes()) / 1e6});
}

tau::bench::ReferenceScanner reference_scanner(const tau::safety::Bundle& bundle) {
  tau::bench::ReferenceScanner reference;
  for (const auto& rule : bundle.rules) reference.add(rule.words, rule.match);
  reference.build();
  return reference;
}

void measure_rules(tau::bench::Report& report, std::string_view text, const tau::safety::Bundle& bundle) {
  const tau::safety::Screen screen{nullptr, tau::safety::built_in_rules()};
  tau::bench::ReferenceScanner reference = reference_scanner(bundle);
  std::vector<double> ours, theirs, micros, their_micros;
  for (int round = 0; round < kRounds; ++round) {
    int64_t sum = 0, their_sum = 0;
    for (size_t at = 0; at + kMessage <= text.size(); at += kMessage) {
      const std::string_view message = text.substr(at, kMessage);
      const int64_t ns = timed([&] { keep(tau::safety::scan(screen, message)); });
      const int64_t their_ns = timed([&] { keep(reference.scan(message)); });
      sum += ns;
      their_sum += their_ns;
      if (round == 0) continue;  // patterns are compiled at first use
      micros.push_back(static_cast<double>(ns) / 1e3);
      their_micros.push_back(static_cast<double>(their_ns) / 1e3);
    }
    if (round == 0) continue;
    ours.push_back(megabytes_per_second(text.size(), sum));
    theirs.push_back(megabytes_per_second(text.size(), their_sum));
  }
  const auto p99 = [](std::vector<double>& values) {
    std::sort(values.begin(), values.end());
    return values[values.size() * 99 / 100];
  };
  report.add("rules_4k", "MB/s", ours, theirs);
  report.add("rules_4k_p99", "us", {p99(micros)}, {p99(their_micros)});
}

// A megabyte that keeps one rule as busy as its words allow, in several ways; the worst of all rules.
void measure_adversarial(tau::bench::Report& report, const tau::safety::Bundle& bundle) {
  const tau::safety::Screen screen{nullptr, tau::safety::built_in_rules()};
  double worst = 0;
  std::string worst_rule;
  for (const auto& rule : bundle.rules) {
    if (rule.words.empty()) continue;  // of personal data, which is not looked for here
    for (const char* after : {"", " ", "=", "=a1b2c3d4"}) {
      std::string text;
      while (text.size() < (1 << 20))
        text.append("=").append(rule.words[text.size() % rule.words.size()]).append(after);
      const double ms = static_cast<double>(timed([&] { keep(tau::safety::scan(screen, text)); })) / 1e6;
      if (ms > worst) {
        worst = ms;
        worst_rule = rule.id + " with \"" + after + "\"";
      }
    }
  }
  std::printf("worst megabyte: %s\n", worst_rule.c_str());
  report.add("adversarial_megabyte_worst_rule", "ms", {worst});
}

}  // namespace

int main(int argc, char** argv) {
  tau::bench::Report report(argc, argv);
  const std::string text = headers_of_this_machine();
  const auto bundle = tau::safety::read_bundle(tau::safety::kBuiltInRules);
  if (!bundle.ok()) return 1;
  measure_exact(report, text);
  measure_rules(report, text, *bundle);
  measure_adversarial(report, *bundle);
  return report.finish();
}
