#include "net/proxy_request.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "net/net.h"

namespace tau::net {
namespace {

constexpr std::string_view kBlankLine = "\r\n\r\n";
constexpr size_t kMaxHeaders = 128;
constexpr size_t kMaxLengthDigits = 18;  // fits 63 bits

// Between client and proxy alone (RFC 9110 section 7.6.1), or written anew here.
constexpr std::string_view kNotForwarded[] = {
    "connection", "content-length", "host",    "http2-settings",      "keep-alive",      "proxy-authenticate",
    "te",         "trailer",        "upgrade", "proxy-authorization", "proxy-connection"};

Status bad_request(std::string_view what) {
  return invalid_argument("proxy_bad_request", format("no request that this proxy reads: {}", what));
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_token(std::string_view text) {
  const auto is_token_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < ' ' && c != '\t') || byte == 0x7f;
  });
}

// The next line without its end; `rest` holds whole lines.
std::string_view take_line(std::string_view& rest) {
  const size_t end = rest.find("\r\n");
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(line.size() + 2, rest.size()));
  return line;
}

struct RequestLine {
  std::string_view method;
  std::string_view target;
  std::string_view version;
};

StatusOr<RequestLine> read_request_line(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == line.npos || first == last) return bad_request("the request line has no three parts");
  RequestLine out = {line.substr(0, first), line.substr(first + 1, last - first - 1), line.substr(last + 1)};
  if (!is_token(out.method)) return bad_request("the method is not a token");
  if (out.version != "HTTP/1.1" && out.version != "HTTP/1.0")
    return bad_request("the version is neither HTTP/1.1 nor HTTP/1.0");
  return out;
}

// "host:port", the port always said.
StatusOr<Url> read_authority(std::string_view text) {
  const size_t colon = text.rfind(':');
  const bool has_port = colon != text.npos && colon + 1 < text.size() &&
                        text.find_first_not_of("0123456789", colon + 1) == text.npos;
  if (!has_port || text.find_first_of("/?#@\\") != text.npos)
    return bad_request("CONNECT takes a host and a port");
  StatusOr<Url> url = parse_url(format("https://{}", text));
  return url.ok() ? std::move(url) : StatusOr<Url>(bad_request("CONNECT takes a host and a port"));
}

StatusOr<Url> read_absolute(std::string_view target) {
  const std::string scheme = lower(target.substr(0, target.find(':')));
  if (target.starts_with('/') || target == "*" || scheme == "https")
    return invalid_argument("proxy_needs_connect",
                            "this is a proxy: it takes absolute http URLs, and CONNECT for https");
  StatusOr<Url> url = parse_url(target);
  return url.ok() ? std::move(url) : StatusOr<Url>(bad_request(url.status().message()));
}

// The length of the body: at most one value, of decimal digits.
Status read_length(std::string_view value, std::optional<uint64_t>& length) {
  uint64_t number = 0;
  const bool digits = !value.empty() && value.size() <= kMaxLengthDigits &&
                      value.find_first_not_of("0123456789") == value.npos;
  if (!digits) return bad_request("content-length is no length");
  std::from_chars(value.data(), value.data() + value.size(), number);
  if (length && *length != number) return bad_request("content-length is said twice");
  length = number;
  return ok_status();
}

bool lists(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (lower(trim(list.substr(0, comma))) == name) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

struct Fields {
  Headers all;             // names in lower case
  std::string connection;  // what the client says is for this hop
  std::optional<uint64_t> length;
};

StatusOr<Fields> read_fields(std::string_view rest) {
  Fields out;
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    if (line.empty()) break;
    const size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (colon == line.npos || !is_token(name)) return bad_request("a header has no name");
    const std::string_view value = trim(line.substr(colon + 1));
    const std::string key = lower(name);
    if (key == "content-length") TAU_RETURN_IF_ERROR(read_length(value, out.length));
    if (key == "transfer-encoding")
      return invalid_argument(
          "proxy_length_required",
          "this proxy forwards http bodies by their content-length; https is not touched");
    if (key == "connection") out.connection += format(",{}", value);
    out.all.emplace_back(key, value);
    if (out.all.size() > kMaxHeaders) return bad_request("too many headers");
  }
  return out;
}

bool is_forwarded(const std::string& name, const std::string& connection) {
  return std::find(std::begin(kNotForwarded), std::end(kNotForwarded), name) == std::end(kNotForwarded) &&
         !lists(connection, name);
}

std::string host_of(const Url& url) {
  const std::string authority = url.origin().substr(url.scheme.size() + 3);
  return url.port == 80 ? authority.substr(0, authority.rfind(':')) : authority;
}

}  // namespace

size_t proxy_head_bytes(std::string_view bytes) {
  const size_t end = bytes.find(kBlankLine);
  return end == bytes.npos ? 0 : end + kBlankLine.size();
}

StatusOr<ProxyRequest> parse_proxy_request(std::string_view head) {
  if (head.size() > kMaxProxyHeadBytes || head.empty() || proxy_head_bytes(head) != head.size())
    return bad_request("the head has no end");
  std::string_view rest = head;
  for (std::string_view lines = head; !lines.empty();)
    if (has_control(take_line(lines))) return bad_request("it holds control characters");
  TAU_ASSIGN_OR_RETURN(const RequestLine line, read_request_line(take_line(rest)));
  ProxyRequest out;
  out.tunnel = line.method == "CONNECT";
  TAU_ASSIGN_OR_RETURN(out.url, out.tunnel ? read_authority(line.target) : read_absolute(line.target));
  TAU_ASSIGN_OR_RETURN(const Fields fields, read_fields(rest));
  if (out.tunnel) return out;
  out.body_bytes = fields.length.value_or(0);
  out.head = format("{} {} {}\r\nhost: {}\r\n", line.method, out.url.target, line.version, host_of(out.url));
  for (const auto& [name, value] : fields.all) {
    if (!is_forwarded(name, fields.connection)) continue;
    out.headers.emplace_back(name, value);
    out.head += format("{}: {}\r\n", name, value);
  }
  if (fields.length) out.head += format("content-length: {}\r\n", out.body_bytes);
  out.head += "connection: close\r\nvia: 1.1 tau\r\n\r\n";
  return out;
}

}  // namespace tau::net
