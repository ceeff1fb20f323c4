// The request with which a browser comes back to the loopback listener (RFC 8252 section 7.3). Whoever is on
// this machine, and any page that the browser shows, can send one: it is read strictly.
#include <algorithm>
#include <array>

#include "provider/oauth.h"

namespace tau::provider {
namespace {

constexpr size_t kMaxParameters = 16;
constexpr size_t kMaxHeaders = 100;

Status invalid(std::string_view what) {
  return invalid_argument("invalid_redirect", format("the request to the login's listener {}", what));
}

// The text before `end`, which is taken off with it; all of it where there is no `end`.
std::string_view take_until(std::string_view& text, std::string_view end) {
  const size_t at = std::min(text.find(end), text.size());
  const std::string_view head = text.substr(0, at);
  text.remove_prefix(std::min(at + end.size(), text.size()));
  return head;
}

bool is_token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool same_name(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, {},
                            [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
}

// One Host, the listener's own: a name that was made to resolve to this machine is another origin's.
Status check_headers(std::string_view lines, std::string_view host) {
  int hosts = 0;
  size_t count = 0;
  while (!lines.empty()) {
    const std::string_view line = take_until(lines, "\r\n");
    if (line.empty()) break;
    if (++count > kMaxHeaders) return invalid("has too many headers");
    std::string_view value = line;
    const std::string_view name = take_until(value, ":");
    if (name.size() == line.size() || name.empty() || !std::ranges::all_of(name, is_token_char))
      return invalid("has a malformed header");
    if (std::ranges::any_of(value, [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\t'; }))
      return invalid("has a malformed header");
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    if (same_name(name, "host") && (++hosts > 1 || value != host)) return invalid("is for another host");
    if (same_name(name, "transfer-encoding") || (same_name(name, "content-length") && value != "0"))
      return invalid("has a body");
  }
  return hosts == 1 ? ok_status() : invalid("names no host");
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The value of a parameter: printable ASCII, as everything is that this listener waits for.
StatusOr<Secret> decode(std::string_view text) {
  if (text.empty()) return Secret();
  size_t size = 0;
  bool good = true;
  const Secret whole = Secret::generate(text.size(), [&](std::span<char> to) {
    for (size_t i = 0; i < text.size() && good; ++i) {
      char c = text[i] == '+' ? ' ' : text[i];
      if (c == '%') {
        const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
        good = high >= 0 && low >= 0;
        c = static_cast<char>(high * 16 + low);
        i += 2;
      }
      good = good && c >= ' ' && c <= '~';
      if (good) to[size++] = c;
    }
  });
  if (!good) return invalid("has a parameter that is malformed");
  return whole.reveal([&](std::string_view bytes) { return Secret(bytes.substr(0, size)); });
}

struct Parameters {
  Secret code, state, issuer, error;
};

StatusOr<Parameters> read_query(std::string_view query) {
  Parameters found;
  std::array<std::string_view, kMaxParameters> names;
  size_t count = 0;
  while (!query.empty()) {
    std::string_view value = take_until(query, "&");
    const std::string_view name = take_until(value, "=");
    const auto seen = std::span(names).first(count);
    if (count == kMaxParameters) return invalid("has too many parameters");
    if (name.empty() || std::ranges::find(seen, name) != seen.end())
      return invalid("has a parameter twice, or one without a name");
    names[count++] = name;
    Secret* const to = name == "code"    ? &found.code
                       : name == "state" ? &found.state
                       : name == "iss"   ? &found.issuer
                       : name == "error" ? &found.error
                                         : nullptr;
    if (to == nullptr) continue;
    TAU_ASSIGN_OR_RETURN(*to, decode(value));
  }
  return found;
}

Status judge(const Parameters& found, const RedirectRules& rules) {
  const auto is = [](const Secret& secret, std::string_view text) {
    return secret.reveal([&](std::string_view bytes) { return constant_time_equal(bytes, text); });
  };
  if (rules.state.empty() || !is(found.state, rules.state))
    return permission_denied("state_mismatch",
                             "the answer to the login is not for this login: it was begun by somebody else");
  if (!rules.issuer.empty() && !is(found.issuer, rules.issuer))
    return permission_denied("issuer_mismatch",
                             "the answer to the login is of another authorization server than auth.*.issuer");
  if (is(found.error, "access_denied")) return permission_denied("access_denied", "the login was denied");
  if (!found.error.empty())
    return permission_denied("authorization_failed",
                             "the authorization server did not log in: it was asked for "
                             "scopes or a client that it does not accept");
  if (found.code.empty() || found.code.size() > kMaxTokenBytes) return invalid("has no code");
  return ok_status();
}

}  // namespace

bool is_whole_head(std::string_view bytes) { return bytes.find("\r\n\r\n") != bytes.npos; }

StatusOr<Secret> read_redirect(std::string_view head, const RedirectRules& rules) {
  if (head.size() > kMaxRedirectBytes) return invalid("is larger than 8 KiB");
  const size_t end = head.find("\r\n\r\n");
  if (end == head.npos) return invalid("is not whole");
  std::string_view rest = head.substr(0, end + 2);
  std::string_view line = take_until(rest, "\r\n");
  const std::string_view method = take_until(line, " ");
  const std::string_view target = take_until(line, " ");
  if (method != "GET" || (line != "HTTP/1.1" && line != "HTTP/1.0")) return invalid("is no GET of HTTP/1.1");
  if (!std::ranges::all_of(target, [](char c) { return c > ' ' && c <= '~' && c != '#'; }))
    return invalid("has a malformed target");
  TAU_RETURN_IF_ERROR(check_headers(rest, rules.host));
  std::string_view query = target;
  if (take_until(query, "?") != rules.path) return not_found("other_path", "no place of this listener");
  TAU_ASSIGN_OR_RETURN(Parameters found, read_query(query));
  TAU_RETURN_IF_ERROR(judge(found, rules));
  return std::move(found.code);
}

}  // namespace tau::provider
