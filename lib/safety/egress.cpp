#include "safety/egress.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "json/json.h"

namespace tau::safety {
namespace {

Status invalid_rule(std::string_view what, std::string_view text) {
  return invalid_argument("invalid_egress_rule", format("{}: \"{}\"", what, text.substr(0, 256)));
}

Status refuse(std::string_view reason, const net::Url& url, std::string_view why) {
  return permission_denied(reason, format("{}: {}", url.origin(), why));
}

std::optional<net::Address> literal(const net::Url& url) {
  const bool may_be =
      url.host.find(':') != url.host.npos || (url.host.back() >= '0' && url.host.back() <= '9');
  if (!may_be) return std::nullopt;
  const StatusOr<net::Address> address = net::parse_address(url.host, url.port);
  return address.ok() ? std::optional(*address) : std::nullopt;
}

// `text` is a host or an IPv6 address and nothing else.
std::optional<net::Url> url_of_host(std::string_view text) {
  if (text.find_first_of("/?#[]") != text.npos) return std::nullopt;
  const bool v6 = text.find(':') != text.npos;
  const StatusOr<net::Url> url =
      net::parse_url(v6 ? format("https://[{}]", text) : format("https://{}", text));
  return url.ok() ? std::optional(*url) : std::nullopt;
}

Status check_metadata(const net::Url& url, const net::Address& address) {
  if (!is_metadata_address(address)) return ok_status();
  return permission_denied("egress_metadata",
                           format("{} leads to {}, a link-local or metadata address; these are never reached",
                                  url.origin(), address.to_string()));
}

Status private_address(const net::Url& url, const net::Address& address) {
  return permission_denied("egress_private_address",
                           format("{} leads to {}, which is not a public address; grant the origin "
                                  "(network.private_origins) to allow it",
                                  url.origin(), address.to_string()));
}

}  // namespace

bool Egress::Hosts::has(std::string_view host) const {
  return std::binary_search(exact.begin(), exact.end(), host) ||
         std::any_of(suffixes.begin(), suffixes.end(), [&](const std::string& suffix) {
           return host.size() > suffix.size() && host.ends_with(suffix);
         });
}

Status Egress::compile_hosts(const std::vector<std::string>& patterns, Hosts& out) {
  for (const std::string& pattern : patterns) {
    const bool below = pattern.starts_with("*.");
    const std::optional<net::Url> url = url_of_host(std::string_view(pattern).substr(below ? 2 : 0));
    if (!url || (below && literal(*url)))
      return invalid_rule("expected a host as example.com, *.example.com or an IP address", pattern);
    if (below) {
      out.suffixes.push_back("." + url->host);
    } else {
      out.exact.push_back(url->host);
    }
  }
  std::sort(out.exact.begin(), out.exact.end());
  return ok_status();
}

StatusOr<Egress> Egress::compile(const EgressRules& rules) {
  Egress out;
  for (const std::string& scheme : rules.schemes) {
    if (scheme != "http" && scheme != "https")
      return invalid_rule("expected the scheme http or https", scheme);
    (scheme == "http" ? out.http_ : out.https_) = true;
  }
  out.ports_ = rules.ports;
  out.any_port_ = rules.any_port;
  TAU_RETURN_IF_ERROR(compile_hosts(rules.hosts, out.hosts_));
  TAU_RETURN_IF_ERROR(compile_hosts(rules.denied_hosts, out.denied_));
  for (const std::string& origin : rules.granted_origins) {
    TAU_ASSIGN_OR_RETURN(Origin granted, compile_origin(origin));
    out.granted_.push_back(std::move(granted));
  }
  if (!rules.proxy.empty()) { TAU_ASSIGN_OR_RETURN(out.proxy_, compile_origin(rules.proxy)); }
  return out;
}

StatusOr<Egress::Origin> Egress::compile_origin(const std::string& text) {
  const StatusOr<net::Url> url = net::parse_url(text);
  if (!url.ok()) return invalid_rule("expected an origin as https://host:port", text);
  return Origin{url->scheme, url->host, url->port};
}

bool Egress::is_granted(const net::Url& url) const {
  return std::any_of(granted_.begin(), granted_.end(),
                     [&](const Origin& origin) { return origin.is_of(url); });
}

Status Egress::judge(const net::Url& url) const {
  if (denied_.has(url.host)) return refuse("egress_host", url, "the host is denied by configuration");
  const std::optional<net::Address> address = literal(url);
  if (address) TAU_RETURN_IF_ERROR(check_metadata(url, *address));
  if (is_granted(url)) return ok_status();
  if (!(url.scheme == "https" ? https_ : url.scheme == "http" && http_))
    return refuse("egress_scheme", url,
                  url.scheme == "http"
                      ? "http is allowed to granted origins only (network.private_origins); use https"
                      : "the scheme is not allowed");
  const bool own_port = url.port == (url.scheme == "https" ? 443 : 80);
  if (!own_port && !any_port_ && std::find(ports_.begin(), ports_.end(), url.port) == ports_.end())
    return refuse("egress_port", url, "the port is not allowed; grant the origin to allow it");
  if (!hosts_.empty() && !hosts_.has(url.host))
    return refuse("egress_host", url, "the host is not among those that configuration allows");
  if (is_reserved_name(url.host))
    return refuse("egress_reserved_name", url,
                  "the name is reserved for private use; grant the origin to allow it");
  return address && address->is_private() ? private_address(url, *address) : ok_status();
}

Status Egress::judge(const net::Url& url, const net::Address& address) const {
  TAU_RETURN_IF_ERROR(check_metadata(url, address));
  if (proxy_.is_of(url)) return ok_status();
  TAU_RETURN_IF_ERROR(judge(url));
  return address.is_private() && !is_granted(url) ? private_address(url, address) : ok_status();
}

bool is_reserved_name(std::string_view host) {
  static constexpr std::string_view kZones[] = {"localhost", "localdomain", "local", "internal",
                                                "home.arpa", "onion",       "alt",   "invalid"};
  if (host.ends_with('.')) host.remove_suffix(1);
  return std::any_of(std::begin(kZones), std::end(kZones), [&](std::string_view zone) {
    return host.ends_with(zone) && (host.size() == zone.size() || host[host.size() - zone.size() - 1] == '.');
  });
}

namespace {

// Whether all that a name resolved to may be connected to; an address names itself.
Status judge_addresses(const Egress& rules, const net::Url& url, std::span<const net::Address> addresses) {
  TAU_RETURN_IF_ERROR(rules.judge(url));
  for (const net::Address& address : addresses) TAU_RETURN_IF_ERROR(rules.judge(url, address));
  return ok_status();
}

StatusOr<std::vector<net::Address>> read_addresses(std::span<const std::string> texts) {
  std::vector<net::Address> addresses;
  for (const std::string& text : texts) {
    const StatusOr<net::Address> address = net::parse_address(text, 0);
    if (!address.ok())
      return invalid_argument("invalid_address", format("\"{}\" is no IP address", text.substr(0, 64)));
    addresses.push_back(*address);
  }
  return addresses;
}

}  // namespace

StatusOr<std::string> egress_verdict_json(const Egress& rules, std::string_view text, std::string_view base,
                                          std::span<const std::string> addresses) {
  TAU_ASSIGN_OR_RETURN(const std::vector<net::Address> resolved, read_addresses(addresses));
  const StatusOr<net::Reference> read = net::read_reference(text, base);
  Status status = read.status();
  std::string_view verdict = "deny";
  std::optional<net::Address> own;
  if (read.ok()) {
    const StatusOr<net::Url> url = net::resolve_url(text, base);
    own = literal(read->url);
    status = url.ok() ? judge_addresses(rules, *url, resolved) : url.status();
    if (status.ok()) verdict = own || !resolved.empty() ? "allow" : "resolve";
  }
  std::string out;
  json::Writer w(out);
  w.begin_object().field("verdict", verdict);
  if (!status.ok()) w.field("reason", status.reason()).field("message", status.message());
  if (read.ok()) {
    w.field("url", read->url.origin() + read->url.target).field("host", read->url.host);
    w.field("port", static_cast<int64_t>(read->url.port));
    w.field("address", own.has_value());
    w.field("user_information", read->user_information);
  }
  w.end_object();
  return out;
}

}  // namespace tau::safety
