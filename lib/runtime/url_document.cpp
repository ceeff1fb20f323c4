#include "runtime/url_document.h"

#include <algorithm>
#include <vector>

#include "runtime/host_document.h"
#include "safety/safety.h"

namespace tau::runtime {
namespace {

StatusOr<std::vector<uint16_t>> read_ports(const json::Value& v, std::string_view what) {
  const auto is_port = [](const json::Value& port) {
    return port.is_integer() && port.as_int() > 0 && port.as_int() <= UINT16_MAX;
  };
  const json::Value& ports = v["ports"];
  const bool good =
      ports.is_array() && std::all_of(ports.as_array().begin(), ports.as_array().end(), is_port);
  TAU_RETURN_IF_ERROR(check_type(!v.contains("ports") || good, what, "ports", "a list of ports"));
  std::vector<uint16_t> out;
  for (const json::Value& port : ports.as_array()) out.push_back(static_cast<uint16_t>(port.as_int()));
  return out;
}

}  // namespace

StatusOr<std::string> check_url(std::string_view url, std::string_view rules) {
  constexpr std::string_view kWhat = "rules";
  TAU_ASSIGN_OR_RETURN(const json::Value v, json::parse(rules.empty() ? "{}" : rules));
  TAU_RETURN_IF_ERROR(only_keys(
      v, kWhat,
      {"http", "ports", "any_port", "hosts", "denied_hosts", "private_origins", "base", "addresses"}));
  safety::EgressRules egress;
  TAU_ASSIGN_OR_RETURN(const bool http, read_flag(v, kWhat, "http", false));
  if (http) egress.schemes.emplace_back("http");
  TAU_ASSIGN_OR_RETURN(egress.ports, read_ports(v, kWhat));
  TAU_ASSIGN_OR_RETURN(egress.any_port, read_flag(v, kWhat, "any_port", false));
  TAU_ASSIGN_OR_RETURN(egress.hosts, read_strings(v, kWhat, "hosts"));
  TAU_ASSIGN_OR_RETURN(egress.denied_hosts, read_strings(v, kWhat, "denied_hosts"));
  TAU_ASSIGN_OR_RETURN(egress.granted_origins, read_strings(v, kWhat, "private_origins"));
  TAU_ASSIGN_OR_RETURN(const safety::Egress compiled, safety::Egress::compile(egress));
  TAU_RETURN_IF_ERROR(check_type(!v.contains("base") || v["base"].is_string(), kWhat, "base", "a string"));
  TAU_ASSIGN_OR_RETURN(const std::vector<std::string> addresses, read_strings(v, kWhat, "addresses"));
  return safety::egress_verdict_json(compiled, url, v["base"].as_string(), addresses);
}

}  // namespace tau::runtime
