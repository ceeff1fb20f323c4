// parse_url: a strict subset of RFC 3986. Whatever two parsers might read differently is refused, so that the
// host that policy judges is the host that is connected to.
#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "net/net.h"

namespace tau::net {
namespace {

constexpr size_t kMaxUrlBytes = 64u << 10;
constexpr size_t kMaxHostBytes = 253;  // RFC 1035: 255 octets on the wire
constexpr size_t kMaxLabelBytes = 63;

Status invalid(std::string_view what) { return invalid_argument("invalid_url", what); }

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z'); }

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), to_lower);
  return out;
}

// Such a last label makes resolvers and other parsers read the host as an IPv4 address (WHATWG URL, "ends in
// a number"): octal, hexadecimal and shortened forms among them.
bool ends_in_number(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  if (std::all_of(last.begin(), last.end(), is_digit)) return true;
  const auto is_hex = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); };
  return last.starts_with("0x") && std::all_of(last.begin() + 2, last.end(), is_hex);
}

Status check_name(std::string_view host) {
  if (host.size() > kMaxHostBytes) return invalid("the URL's host is too long");
  for (std::string_view rest = host;;) {
    const size_t dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    if (label.empty() || label.size() > kMaxLabelBytes) {
      return invalid("each label of the URL's host must have 1 to 63 characters");
    }
    const auto allowed = [](char c) { return is_alnum(c) || c == '-' || c == '_'; };
    if (!std::all_of(label.begin(), label.end(), allowed)) {
      return invalid(
          "the URL's host may hold letters, digits, '-', '_' and '.' only; write others in punycode");
    }
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  in_addr v4;
  if (ends_in_number(host) && inet_pton(AF_INET, std::string(host).c_str(), &v4) != 1) {
    return invalid("an IPv4 host must be written as four decimal numbers");
  }
  return ok_status();
}

// The text between the brackets; RFC 5952 form, so that one address has one spelling.
StatusOr<std::string> canonical_v6(std::string_view text) {
  in6_addr v6;
  char out[INET6_ADDRSTRLEN];
  if (inet_pton(AF_INET6, std::string(text).c_str(), &v6) != 1 ||
      inet_ntop(AF_INET6, &v6, out, sizeof out) == nullptr) {
    return invalid("the URL's IPv6 address is malformed (zones are not allowed)");
  }
  return std::string(out);
}

Status parse_port(std::string_view text, uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.size() > 5 || error != std::errc{} || end != text.data() + text.size() || port == 0) {
    return invalid("the URL's port must be a number from 1 to 65535");
  }
  return ok_status();
}

Status parse_authority(std::string_view authority, Url& url) {
  if (authority.find('@') != std::string_view::npos) return invalid("a URL with user information is refused");
  std::string_view host = authority;
  std::string_view rest;
  if (authority.starts_with('[')) {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return invalid("the URL's IPv6 address lacks its closing bracket");
    TAU_ASSIGN_OR_RETURN(url.host, canonical_v6(authority.substr(1, close - 1)));
    rest = authority.substr(close + 1);
  } else {
    host = authority.substr(0, authority.find(':'));
    rest = authority.substr(host.size());
    url.host = lower(host);
    TAU_RETURN_IF_ERROR(check_name(url.host));
  }
  if (rest.empty()) return ok_status();
  if (rest.front() != ':') return invalid("unexpected characters follow the URL's host");
  return parse_port(rest.substr(1), url.port);
}

}  // namespace

std::string Url::origin() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? format("{}://[{}]:{}", scheme, host, port) : format("{}://{}:{}", scheme, host, port);
}

StatusOr<Url> parse_url(std::string_view text) {
  if (text.size() > kMaxUrlBytes) return invalid("the URL is too long");
  // Printable ASCII, and no backslash: browsers read it as a slash, others do not.
  const auto allowed = [](char c) { return c > ' ' && c <= '~' && c != '\\'; };
  if (!std::all_of(text.begin(), text.end(), allowed)) {
    return invalid("the URL holds a space, a control character, a backslash or a character outside ASCII");
  }
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos) return invalid("expected an absolute URL: http://... or https://...");
  Url url;
  url.scheme = lower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") return invalid("the URL's scheme must be http or https");
  url.port = url.scheme == "https" ? 443 : 80;
  text.remove_prefix(colon + 3);
  const std::string_view authority = text.substr(0, text.find_first_of("/?#"));
  TAU_RETURN_IF_ERROR(parse_authority(authority, url));
  text.remove_prefix(authority.size());
  text = text.substr(0, text.find('#'));  // a fragment is never sent
  if (!text.starts_with('/')) url.target += '/';
  url.target += text;
  return url;
}

}  // namespace tau::net
