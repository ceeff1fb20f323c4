// did:web (https://w3c-ccg.github.io/did-method-web/): a DID and the address of its document, one to one.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/did.h"

namespace tau::access {
namespace {

constexpr std::string_view kScheme = "https://";
constexpr std::string_view kPrefix = "did:web:";
constexpr std::string_view kFile = "/did.json";
constexpr std::string_view kWellKnown = ".well-known";
constexpr size_t kMaxSegments = 32;
constexpr size_t kMaxSegmentBytes = 255;
constexpr size_t kMaxLabelBytes = 63;  // RFC 1035
constexpr size_t kMaxDomainBytes = 253;
constexpr size_t kMaxUrlBytes = kMaxDidBytes;

Status invalid(std::string_view text, std::string_view complaint) {
  return invalid_argument("invalid_did_web",
                          format("\"{}\" {}", truncate_utf8(repair_utf8(text), 200), complaint));
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}
bool is_label_char(char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-'; }
bool needs_no_escape(char c) { return is_label_char(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_'; }

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  for (size_t at = 0;;) {
    const size_t end = text.find(separator, at);
    out.push_back(text.substr(at, end - at));
    if (end == text.npos) return out;
    at = end + 1;
  }
}

// A decimal number without leading zeros, at most `most`.
std::optional<unsigned> small_number(std::string_view text, unsigned most) {
  if (!all_digits(text) || text.size() > 5 || (text[0] == '0' && text.size() > 1)) return std::nullopt;
  unsigned number = 0;
  for (const char c : text) number = number * 10 + static_cast<unsigned>(c - '0');
  if (number > most) return std::nullopt;
  return number;
}

// What browsers and resolvers take for an IPv4 address or a part of one: "127.1", "0x7f000001".
bool is_numeric(std::string_view label) {
  if (all_digits(label)) return true;
  if (!label.starts_with("0x")) return false;
  return label.find_first_not_of("0123456789abcdef", 2) == label.npos;
}

bool is_dotted_decimal(const std::vector<std::string_view>& labels) {
  return labels.size() == 4 && std::all_of(labels.begin(), labels.end(), [](std::string_view part) {
           return small_number(part, 255).has_value();
         });
}

// Empty when the host is one.
std::string_view host_fault(std::string_view host, const WebOptions& options) {
  if (host.size() > kMaxDomainBytes) return "has a host name of more than 253 bytes";
  const std::vector<std::string_view> labels = split(host, '.');
  for (const std::string_view label : labels) {
    if (label.empty() || label.size() > kMaxLabelBytes)
      return "has a label in its host name that is not 1 to 63 bytes long";
    if (!std::all_of(label.begin(), label.end(), is_label_char))
      return "has a host name with other than lower-case letters, digits, hyphens and dots";
    if (label.front() == '-' || label.back() == '-') return "has a label that begins or ends with a hyphen";
  }
  if (is_numeric(labels.back()) && !(options.allow_addresses && is_dotted_decimal(labels)))
    return "names an address and not a domain";
  if (labels.size() == 1 && !options.allow_single_label) return "has a host name of one label";
  return {};
}

std::string_view port_fault(std::string_view port) {
  const auto number = small_number(port, 65535);
  if (!number || *number == 0) return "has a port that is not a number from 1 to 65535";
  return *number == 443 ? "names port 443, which is the default and must be left out" : std::string_view();
}

int hex_digit(char c) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  return static_cast<int>(kDigits.find(c) == kDigits.npos ? size_t{16} : kDigits.find(c));
}

std::string_view segment_fault(std::string_view segment) {
  if (segment.empty()) return "has an empty path segment";
  if (segment.size() > kMaxSegmentBytes) return "has a path segment of more than 255 bytes";
  if (segment == "." || segment == "..") return "has a path segment that climbs";
  std::string decoded;
  for (size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] != '%') {
      if (!needs_no_escape(segment[i])) return "has a character in its path that must be escaped";
      decoded.push_back(segment[i]);
      continue;
    }
    const int high = i + 2 < segment.size() ? hex_digit(segment[i + 1]) : 16;
    const int low = i + 2 < segment.size() ? hex_digit(segment[i + 2]) : 16;
    if (high > 15 || low > 15) return "has an escape that is not % and two upper-case hexadecimal digits";
    const char c = static_cast<char>(high * 16 + low);
    if (needs_no_escape(c)) return "escapes a character that needs none";
    if ((c >= 0 && c < ' ') || c == '\x7f' || c == '/' || c == '\\' || c == '%')
      return "escapes a control character, a slash, a backslash or a percent sign";
    decoded.push_back(c);
    i += 2;
  }
  return is_valid_utf8(decoded) ? std::string_view() : "has a path segment that is not UTF-8";
}

struct Place {
  std::string_view host, port;  // no port: empty
  std::vector<std::string_view> path;
};

std::string_view fault(const Place& place, const WebOptions& options) {
  if (const auto found = host_fault(place.host, options); !found.empty()) return found;
  if (!place.port.empty())
    if (const auto found = port_fault(place.port); !found.empty()) return found;
  if (place.path.size() > kMaxSegments) return "has more than 32 path segments";
  for (const std::string_view segment : place.path)
    if (const auto found = segment_fault(segment); !found.empty()) return found;
  // did:web:host has that address already.
  if (place.path.size() == 1 && place.path[0] == kWellKnown) return "has the path \".well-known\" alone";
  return {};
}

}  // namespace

StatusOr<std::string> did_web_url(std::string_view did, const WebOptions& options) {
  if (did.size() > kMaxDidBytes || !did.starts_with(kPrefix))
    return invalid(did, format("is not a did:web of at most {} bytes", kMaxDidBytes));
  Place place;
  place.path = split(did.substr(kPrefix.size()), ':');
  place.host = place.path.front();
  place.path.erase(place.path.begin());
  if (const size_t colon = place.host.find("%3A"); colon != place.host.npos) {
    place.port = place.host.substr(colon + 3);
    place.host = place.host.substr(0, colon);
    if (place.port.empty()) return invalid(did, "has an empty port");
  }
  if (const auto found = fault(place, options); !found.empty()) return invalid(did, found);
  std::string url = format("{}{}", kScheme, place.host);
  if (!place.port.empty()) url += format(":{}", place.port);
  for (const std::string_view segment : place.path) url += format("/{}", segment);
  if (place.path.empty()) url += format("/{}", kWellKnown);
  return url.append(kFile);
}

StatusOr<std::string> did_web_from_url(std::string_view url, const WebOptions& options) {
  if (url.size() > kMaxUrlBytes || !url.starts_with(kScheme) || !url.ends_with(kFile))
    return invalid(url, format("is not an address of at most {} bytes, from \"https://\" to \"/did.json\"",
                               kMaxUrlBytes));
  std::string_view rest = url.substr(kScheme.size());
  if (rest.size() < kFile.size()) return invalid(url, "has no host");
  rest.remove_suffix(kFile.size());
  Place place;
  place.path = split(rest, '/');
  place.host = place.path.front();
  place.path.erase(place.path.begin());
  if (place.path.empty()) return invalid(url, "has its document neither in \"/.well-known\" nor in a path");
  if (place.path.size() == 1 && place.path[0] == kWellKnown) place.path.clear();
  if (const size_t colon = place.host.find(':'); colon != place.host.npos) {
    place.port = place.host.substr(colon + 1);
    place.host = place.host.substr(0, colon);
    if (place.port.empty()) return invalid(url, "has an empty port");
  }
  if (const auto found = fault(place, options); !found.empty()) return invalid(url, found);
  std::string did = format("{}{}", kPrefix, place.host);
  if (!place.port.empty()) did += format("%3A{}", place.port);
  for (const std::string_view segment : place.path) did += format(":{}", segment);
  if (did.size() > kMaxDidBytes)
    return invalid(url, format("gives a DID of more than {} bytes", kMaxDidBytes));
  return did;
}

}  // namespace tau::access
