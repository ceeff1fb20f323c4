// What the rules of egress cost: judging the address of a connection (at each connect and each reuse) and a
// URL, beside reading the address from text, which is what libcurl does to it anyway.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "safety/safety.h"
#include "support/report.h"

int main(int argc, char** argv) {
  using tau::bench::keep;
  using tau::safety::Egress;
  tau::bench::Report report(argc, argv);
  tau::safety::EgressRules rules;
  rules.schemes = {"http", "https"};
  for (int i = 0; i < 16; ++i) {
    rules.granted_origins.push_back(tau::format("http://10.0.0.{}:8080", i));
    rules.hosts.push_back(tau::format("host{}.example", i));
    rules.hosts.push_back(tau::format("*.zone{}.example", i));
    rules.denied_hosts.push_back(tau::format("*.evil{}.example", i));
  }
  const tau::StatusOr<Egress> egress = Egress::compile(rules);
  const auto url = tau::net::parse_url("https://api.zone9.example/v1/things?q=1");
  const auto v4 = tau::net::parse_address("93.184.215.14", 443);
  const auto v6 = tau::net::parse_address("2606:4700:4700::1111", 443);
  if (!egress.ok() || !url.ok() || !egress->judge(*url, *v4).ok() || !egress->judge(*url, *v6).ok()) {
    std::fputs("bench_egress: the place must be allowed\n", stderr);
    return 1;
  }
  constexpr tau::bench::Plan kPlan = {.iterations = 100'000};
  const auto parse = [] { keep(tau::net::parse_address("2606:4700:4700::1111", 443)); };
  report.compare(
      "egress_judge_v4", kPlan, [&] { keep(egress->judge(*url, *v4)); }, parse);
  report.compare(
      "egress_judge_v6", kPlan, [&] { keep(egress->judge(*url, *v6)); }, parse);
  report.measure("egress_judge_url", kPlan, [&] { keep(egress->judge(*url)); });
  report.measure("resolve_url", {.iterations = 20'000}, [] {
    keep(tau::net::resolve_url("../x/./y?q=1", "https://api.zone9.example/v1/things?q=1"));
  });
  return report.finish();
}
