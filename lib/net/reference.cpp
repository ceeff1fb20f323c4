// The parser of the WHATWG URL standard (url.spec.whatwg.org, section 4.4), cut down to http and https. Its
// states appear here as functions, in the order of the text they read.
#include "net/reference.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "net/idna.h"
#include "net/net.h"

namespace tau::net {
namespace {

constexpr size_t kMaxReferenceBytes = 64u << 10;

Status invalid(std::string_view what) { return invalid_argument("invalid_url", what); }

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; }
bool is_slash(char c) { return c == '/' || c == '\\'; }
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char low = to_lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), to_lower);
  return out;
}

// Without the blanks around and the tabs and line ends within.
std::string clean(std::string_view text) {
  const auto blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  std::string out(text);
  std::erase_if(out, [](char c) { return c == '\t' || c == '\n' || c == '\r'; });
  return out;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
    if (escape) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// `reserved`: what is encoded besides controls and bytes outside ASCII.
void append_encoded(std::string& out, std::string_view text, std::string_view reserved) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte < 0x7f && reserved.find(c) == reserved.npos) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
}
constexpr std::string_view kPathReserved = "\"#<>?^`{}";
// The standard leaves a backslash in a query as it is; no grammar of URLs has it, so it is encoded.
constexpr std::string_view kQueryReserved = "\"#<>'\\";

// One part of an IPv4 address: decimal, octal (0…) or hexadecimal (0x…). Nothing when it is no number; a
// value beyond 32 bits is kMaxPart.
constexpr uint64_t kMaxPart = uint64_t{1} << 32;
std::optional<uint64_t> v4_part(std::string_view text) {
  if (text.empty()) return std::nullopt;
  int base = 10;
  if (text.size() >= 2 && text[0] == '0') {
    base = to_lower(text[1]) == 'x' ? 16 : 8;
    text.remove_prefix(base == 16 ? 2 : 1);
  }
  uint64_t value = 0;
  for (const char c : text) {
    const int digit = hex_value(c);
    if (digit < 0 || digit >= base) return std::nullopt;
    value = std::min(value * static_cast<uint64_t>(base) + static_cast<uint64_t>(digit), kMaxPart);
  }
  return value;
}

std::vector<std::string_view> parts_of(std::string_view host) {
  std::vector<std::string_view> parts;
  for (size_t dot = host.find('.'); dot != host.npos; dot = host.find('.')) {
    parts.push_back(host.substr(0, dot));
    host.remove_prefix(dot + 1);
  }
  parts.push_back(host);
  if (parts.size() > 1 && parts.back().empty()) parts.pop_back();
  return parts;
}

bool ends_in_number(const std::vector<std::string_view>& parts) {
  const std::string_view last = parts.back();
  return (!last.empty() && std::all_of(last.begin(), last.end(), is_digit)) || v4_part(last).has_value();
}

StatusOr<std::string> v4_host(const std::vector<std::string_view>& parts) {
  const Status malformed = invalid("the URL's host ends in a number and is no IPv4 address");
  if (parts.size() > 4) return malformed;
  uint64_t address = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::optional<uint64_t> part = v4_part(parts[i]);
    // The last part fills what the others leave.
    const bool last = i + 1 == parts.size();
    const size_t bits = last ? 8 * (5 - parts.size()) : 8;
    if (!part || *part >> bits != 0) return malformed;
    address = address << bits | *part;
  }
  return format("{}.{}.{}.{}", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
}

StatusOr<std::string> v6_host(std::string_view text) {
  in6_addr v6;
  char out[INET6_ADDRSTRLEN];
  if (text.find('\0') != text.npos || inet_pton(AF_INET6, std::string(text).c_str(), &v6) != 1 ||
      inet_ntop(AF_INET6, &v6, out, sizeof out) == nullptr)
    return invalid("the URL's IPv6 address is malformed");
  return std::string(out);
}

Status check_domain(std::string_view host) {
  if (host.empty()) return invalid("the URL has no host");
  const auto forbidden = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= ' ' || byte >= 0x7f ||
           std::string_view("#/:<>?@[\\]^|%").find(c) != std::string_view::npos;
  };
  if (std::any_of(host.begin(), host.end(), forbidden))
    return invalid("the URL's host holds a character that hosts may not have");
  return ok_status();
}

Status read_host(std::string_view text, Reference& out) {
  if (text.starts_with('[')) {
    if (!text.ends_with(']')) return invalid("the URL's IPv6 address lacks its closing bracket");
    TAU_ASSIGN_OR_RETURN(out.url.host, v6_host(text.substr(1, text.size() - 2)));
    return ok_status();
  }
  const std::string decoded = percent_decoded(text);
  std::string host;
  if (std::all_of(decoded.begin(), decoded.end(), [](char c) { return static_cast<signed char>(c) >= 0; })) {
    host = lower(decoded);
  } else {
    if (!is_valid_utf8(decoded)) return invalid("the URL's host is not UTF-8");
    TAU_ASSIGN_OR_RETURN(host, name_to_ascii(decoded));
  }
  TAU_RETURN_IF_ERROR(check_domain(host));
  const std::vector<std::string_view> parts = parts_of(host);
  if (ends_in_number(parts)) {
    TAU_ASSIGN_OR_RETURN(out.url.host, v4_host(parts));
    out.disguised = text != out.url.host && text != out.url.host + ".";
    return ok_status();
  }
  out.url.host = std::move(host);
  return ok_status();
}

uint16_t default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

Status read_port(std::string_view text, Url& url) {
  url.port = default_port(url.scheme);
  if (text.empty()) return ok_status();
  uint32_t port = 0;
  for (const char c : text) {
    if (!is_digit(c)) return invalid("the URL's port is not a number");
    port = port * 10 + static_cast<uint32_t>(c - '0');
    if (port > 65535) return invalid("the URL's port is beyond 65535");
  }
  url.port = static_cast<uint16_t>(port);
  return ok_status();
}

Status read_authority(std::string_view authority, Reference& out) {
  if (const size_t at = authority.rfind('@'); at != authority.npos) {
    out.user_information = true;
    authority.remove_prefix(at + 1);
  }
  bool in_brackets = false;
  size_t colon = authority.npos;
  for (size_t i = 0; i < authority.size() && colon == authority.npos; ++i) {
    if (authority[i] == '[') in_brackets = true;
    if (authority[i] == ']') in_brackets = false;
    if (authority[i] == ':' && !in_brackets) colon = i;
  }
  const std::string_view host = authority.substr(0, colon);
  if (host.empty()) return invalid("the URL has no host");
  TAU_RETURN_IF_ERROR(read_host(host, out));
  return read_port(colon == authority.npos ? std::string_view() : authority.substr(colon + 1), out.url);
}

bool is_single_dot(std::string_view segment) { return segment == "." || lower(segment) == "%2e"; }
bool is_double_dot(std::string_view segment) {
  const std::string low = lower(segment);
  return low == ".." || low == ".%2e" || low == "%2e." || low == "%2e%2e";
}

// `path` has its slashes; `segments` is what it is appended to.
std::string read_path(std::vector<std::string> segments, std::string_view path) {
  if (!path.empty() && is_slash(path.front())) path.remove_prefix(1);
  for (bool more = true; more;) {
    const size_t end = std::min(path.find_first_of("/\\"), path.size());
    const std::string_view segment = path.substr(0, end);
    more = end < path.size();
    path.remove_prefix(more ? end + 1 : end);
    if (is_double_dot(segment)) {
      if (!segments.empty()) segments.pop_back();
      if (!more) segments.emplace_back();
    } else if (is_single_dot(segment)) {
      if (!more) segments.emplace_back();
    } else {
      append_encoded(segments.emplace_back(), segment, kPathReserved);
    }
  }
  std::string out;
  for (const std::string& segment : segments) out += "/" + segment;
  return out;
}

// Path and query that follow the authority, or stand in a relative reference; `base` is the path they are
// relative to.
void read_target(std::vector<std::string> base, std::string_view rest, Url& url) {
  rest = rest.substr(0, rest.find('#'));
  const size_t mark = rest.find('?');
  url.target = read_path(std::move(base), rest.substr(0, mark));
  if (mark == rest.npos) return;
  url.target += '?';
  append_encoded(url.target, rest.substr(mark + 1), kQueryReserved);
}

StatusOr<Reference> read_absolute(std::string scheme, std::string_view rest) {
  Reference out;
  out.url.scheme = std::move(scheme);
  while (!rest.empty() && is_slash(rest.front())) rest.remove_prefix(1);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/\\?#"));
  TAU_RETURN_IF_ERROR(read_authority(authority, out));
  read_target({}, rest.substr(authority.size()), out.url);
  return out;
}

// The segments of a path but the last.
std::vector<std::string> folder_of(std::string_view path) {
  std::vector<std::string> segments;
  path = path.substr(0, path.rfind('/'));
  while (!path.empty()) {
    path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

StatusOr<Reference> read_relative(const Reference& base, std::string_view rest) {
  if (rest.size() >= 2 && is_slash(rest[0]) && is_slash(rest[1])) return read_absolute(base.url.scheme, rest);
  Reference out = base;
  const std::string_view whole = base.url.target;
  if (rest.empty() || rest.front() == '#') return out;
  if (rest.front() == '?') {
    out.url.target = whole.substr(0, whole.find('?'));
    std::string query;
    append_encoded(query, rest.substr(1, std::min(rest.find('#'), rest.size()) - 1), kQueryReserved);
    out.url.target += '?' + query;
    return out;
  }
  std::vector<std::string> segments;
  if (!is_slash(rest.front())) segments = folder_of(whole.substr(0, whole.find('?')));
  read_target(std::move(segments), rest, out.url);
  return out;
}

// "https" of "HTTPS:…"; empty when the text begins with no scheme.
std::string scheme_of(std::string_view text) {
  if (text.empty() || !is_alpha(text.front())) return {};
  const auto end = std::find_if_not(text.begin(), text.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
  if (end == text.end() || *end != ':') return {};
  return lower(text.substr(0, static_cast<size_t>(end - text.begin())));
}

bool is_web(std::string_view scheme) { return scheme == "http" || scheme == "https"; }

}  // namespace

StatusOr<Reference> read_reference(std::string_view reference, std::string_view base) {
  if (reference.size() > kMaxReferenceBytes || base.size() > kMaxReferenceBytes)
    return invalid("the URL is too long");
  const std::string text = clean(reference);
  const std::string scheme = scheme_of(text);
  std::optional<Reference> from;
  const std::string base_scheme = scheme_of(clean(base));
  if (base_scheme.empty() && !base.empty()) return invalid("the base of the URL is no absolute URL");
  if (is_web(base_scheme)) { TAU_ASSIGN_OR_RETURN(from, read_reference(base)); }
  if (scheme.empty()) {
    if (from) return read_relative(*from, text);
    return invalid("expected an absolute URL: http://... or https://...");
  }
  if (!is_web(scheme))
    return invalid_argument("unsupported_scheme", "the URL's scheme must be http or https");
  const std::string_view rest = std::string_view(text).substr(scheme.size() + 1);
  if (from && from->url.scheme == scheme && !rest.starts_with("//")) return read_relative(*from, rest);
  return read_absolute(scheme, rest);
}

StatusOr<Url> resolve_url(std::string_view reference, std::string_view base) {
  TAU_ASSIGN_OR_RETURN(const Reference read, read_reference(reference, base));
  if (read.user_information) return invalid("a URL with user information is refused");
  if (read.disguised) return invalid("an IPv4 host must be written as four decimal numbers");
  return parse_url(read.url.origin() + read.url.target);
}

}  // namespace tau::net
