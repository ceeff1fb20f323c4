// The values of "format" that can be asserted; names that are not here are annotations only.
#include <algorithm>
#include <array>
#include <charconv>

#include "base/utf8.h"
#include "json/pattern.h"
#include "json/schema_node.h"

namespace tau::json {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Exactly `n` digits at the front, removed; -1 when they are not there.
int take_digits(std::string_view& s, size_t n) {
  if (s.size() < n || !std::all_of(s.begin(), s.begin() + static_cast<std::ptrdiff_t>(n), is_digit))
    return -1;
  int value = 0;
  std::from_chars(s.data(), s.data() + n, value);
  s.remove_prefix(n);
  return value;
}

bool take(std::string_view& s, char c) {
  if (s.empty() || s[0] != c) return false;
  s.remove_prefix(1);
  return true;
}

// RFC 3339 full-date.
bool date(std::string_view s) {
  constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const int year = take_digits(s, 4);
  if (year < 0 || !take(s, '-')) return false;
  const int month = take_digits(s, 2);
  if (month < 1 || month > 12 || !take(s, '-')) return false;
  const int day = take_digits(s, 2);
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  const int last = month == 2 && leap ? 29 : kDays[static_cast<size_t>(month - 1)];
  return day >= 1 && day <= last && s.empty();
}

// RFC 3339 full-time. A leap second counts where it is 23:59:60 in UTC.
bool time(std::string_view s) {
  const int hour = take_digits(s, 2);
  if (hour < 0 || hour > 23 || !take(s, ':')) return false;
  const int minute = take_digits(s, 2);
  if (minute < 0 || minute > 59 || !take(s, ':')) return false;
  const int second = take_digits(s, 2);
  if (second < 0 || second > 60) return false;
  if (take(s, '.')) {
    const size_t before = s.size();
    while (!s.empty() && is_digit(s[0])) s.remove_prefix(1);
    if (s.size() == before) return false;
  }
  int offset = 0;  // minutes
  if (!take(s, 'Z') && !take(s, 'z')) {
    const int sign = take(s, '+') ? 1 : take(s, '-') ? -1 : 0;
    if (sign == 0) return false;
    const int hours = take_digits(s, 2);
    if (hours < 0 || hours > 23 || !take(s, ':')) return false;
    const int minutes = take_digits(s, 2);
    if (minutes < 0 || minutes > 59) return false;
    offset = sign * (hours * 60 + minutes);
  }
  constexpr int kDay = 24 * 60;
  const int utc = (hour * 60 + minute - offset + kDay) % kDay;
  return s.empty() && (second < 60 || utc == kDay - 1);
}

bool date_time(std::string_view s) {
  return s.size() > 11 && (s[10] == 'T' || s[10] == 't') && date(s.substr(0, 10)) && time(s.substr(11));
}

// ISO 8601 as RFC 3339 appendix A gives it: units in order, none left out between two that are there.
bool duration(std::string_view s) {
  if (!take(s, 'P') || s.empty()) return false;
  const auto units = [&s](std::string_view names) {
    size_t next = std::string_view::npos;  // the only unit that may follow
    while (!s.empty() && s[0] != 'T') {
      const auto unit = std::find_if_not(s.begin(), s.end(), is_digit);
      if (unit == s.begin() || unit == s.end()) return false;
      const size_t at = names.find(*unit);
      if (at == std::string_view::npos || (next != std::string_view::npos && at != next)) return false;
      next = at + 1;
      s.remove_prefix(static_cast<size_t>(unit - s.begin()) + 1);
    }
    return true;
  };
  if (s.back() == 'W') return std::all_of(s.begin(), s.end() - 1, is_digit) && s.size() > 1;
  if (!units("YMD")) return false;
  if (s.empty()) return true;
  s.remove_prefix(1);
  return !s.empty() && units("HMS") && s.empty();
}

bool ipv4(std::string_view s) {
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && !take(s, '.')) return false;
    const auto end = std::find_if_not(s.begin(), s.end(), is_digit);
    const auto n = static_cast<size_t>(end - s.begin());
    if (n == 0 || n > 3 || (n > 1 && s[0] == '0') || take_digits(s, n) > 255) return false;
  }
  return s.empty();
}

bool ipv6(std::string_view s) {
  int groups = 0;
  bool gap = false;
  if (s.starts_with("::")) {
    gap = true;
    s.remove_prefix(2);
  }
  while (!s.empty()) {
    if (s.find('.') != std::string_view::npos && s.find(':') == std::string_view::npos) {
      groups += 2;
      return ipv4(s) && (gap ? groups < 8 : groups == 8);
    }
    const auto end = std::find_if_not(s.begin(), s.end(), is_hex);
    const auto n = static_cast<size_t>(end - s.begin());
    if (n == 0 || n > 4) return false;
    ++groups;
    s.remove_prefix(n);
    if (s.empty()) break;
    if (!take(s, ':') || s.empty()) return false;
    if (s[0] != ':') continue;
    if (gap) return false;
    gap = true;
    s.remove_prefix(1);
  }
  return gap ? groups < 8 : groups == 8;
}

bool hostname(std::string_view s) {
  if (s.empty() || s.size() > 253) return false;
  while (true) {
    const size_t dot = s.find('.');
    const std::string_view label = s.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    if (!std::all_of(label.begin(), label.end(), [](char c) { return is_alnum(c) || c == '-'; }))
      return false;
    // The third and fourth character are hyphens in A-labels only (RFC 5891 section 4.2.3.1).
    if (label.size() > 4 && label.substr(2, 2) == "--" && !label.starts_with("xn") &&
        !label.starts_with("XN"))
      return false;
    if (dot == std::string_view::npos) return true;
    s.remove_prefix(dot + 1);
  }
}

// RFC 5321 Mailbox: dot-string or quoted local part; a host name or an address literal.
bool email(std::string_view s) {
  const size_t at = s.rfind('@');
  if (at == std::string_view::npos || at == 0 || at > 64) return false;
  const std::string_view local = s.substr(0, at);
  const std::string_view domain = s.substr(at + 1);
  if (local.front() == '"') {
    if (local.size() < 2 || local.back() != '"') return false;
  } else {
    static constexpr std::string_view kAtom = "!#$%&'*+-/=?^_`{|}~.";
    const bool atoms = std::all_of(local.begin(), local.end(), [](char c) {
      return is_alnum(c) || kAtom.find(c) != std::string_view::npos;
    });
    if (!atoms || local.front() == '.' || local.back() == '.' || local.find("..") != std::string_view::npos)
      return false;
  }
  if (!domain.starts_with('[') || !domain.ends_with(']')) return hostname(domain);
  const std::string_view literal = domain.substr(1, domain.size() - 2);
  return literal.starts_with("IPv6:") ? ipv6(literal.substr(5)) : ipv4(literal);
}

bool uuid(std::string_view s) {
  if (s.size() != 36) return false;
  for (size_t i = 0; i < s.size(); ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen ? s[i] != '-' : !is_hex(s[i])) return false;
  }
  return true;
}

bool uri_characters(std::string_view s, std::string_view allowed) {
  for (size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '%') {
      if (i + 2 >= s.size() || !is_hex(s[i + 1]) || !is_hex(s[i + 2])) return false;
      i += 2;
    } else if (!is_alnum(s[i]) && allowed.find(s[i]) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

bool authority(std::string_view s) {
  constexpr std::string_view kName = "-._~!$&'()*+,;=";
  const size_t at = s.rfind('@');
  if (at != std::string_view::npos) {
    if (!uri_characters(s.substr(0, at), "-._~!$&'()*+,;=:")) return false;
    s.remove_prefix(at + 1);
  }
  if (s.starts_with('[')) {
    const size_t close = s.find(']');
    if (close == std::string_view::npos) return false;
    const std::string_view literal = s.substr(1, close - 1);
    if (!ipv6(literal) && !literal.starts_with('v')) return false;
    s.remove_prefix(close + 1);
  } else {
    const size_t colon = s.find(':');
    if (!uri_characters(s.substr(0, colon), kName)) return false;
    s = colon == std::string_view::npos ? std::string_view() : s.substr(colon);
  }
  return s.empty() || (s[0] == ':' && std::all_of(s.begin() + 1, s.end(), is_digit));
}

// RFC 3986 URI, or URI-reference when `relative` is allowed.
bool uri(std::string_view s, bool relative) {
  constexpr std::string_view kPath = "-._~!$&'()*+,;=:@/";
  constexpr std::string_view kQuery = "-._~!$&'()*+,;=:@/?";
  if (const size_t hash = s.find('#'); hash != std::string_view::npos) {
    if (!uri_characters(s.substr(hash + 1), kQuery)) return false;
    s = s.substr(0, hash);
  }
  if (const size_t mark = s.find('?'); mark != std::string_view::npos) {
    if (!uri_characters(s.substr(mark + 1), kQuery)) return false;
    s = s.substr(0, mark);
  }
  const size_t colon = s.find(':');
  const size_t slash = s.find('/');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon < slash)) {
    const std::string_view scheme = s.substr(0, colon);
    if (scheme.empty() || !is_alnum(scheme[0]) || is_digit(scheme[0])) return false;
    if (!std::all_of(scheme.begin(), scheme.end(),
                     [](char c) { return is_alnum(c) || c == '+' || c == '-' || c == '.'; }))
      return false;
    s.remove_prefix(colon + 1);
  } else if (!relative) {
    return false;
  }
  if (s.starts_with("//")) {
    const size_t end = s.find('/', 2);
    if (!authority(s.substr(2, end == std::string_view::npos ? end : end - 2))) return false;
    s = end == std::string_view::npos ? std::string_view() : s.substr(end);
  }
  return uri_characters(s, kPath);
}

bool json_pointer(std::string_view s) {
  if (!s.empty() && s[0] != '/') return false;
  for (size_t i = 0; i < s.size(); ++i)
    if (s[i] == '~' && (i + 1 == s.size() || (s[i + 1] != '0' && s[i + 1] != '1'))) return false;
  return true;
}

bool relative_json_pointer(std::string_view s) {
  const auto end = std::find_if_not(s.begin(), s.end(), is_digit);
  const auto n = static_cast<size_t>(end - s.begin());
  if (n == 0 || (n > 1 && s[0] == '0')) return false;
  s.remove_prefix(n);
  return s == "#" || json_pointer(s);
}

bool regex(std::string_view s) {
  const auto translated = translate_pattern(s);
  return translated.ok() && Regex::compile(*translated, {}).ok();
}

struct Format {
  std::string_view name;
  bool (*check)(std::string_view);
};

constexpr Format kFormats[] = {
    {"date", date},
    {"date-time", date_time},
    {"duration", duration},
    {"email", email},
    {"hostname", hostname},
    {"ipv4", ipv4},
    {"ipv6", ipv6},
    {"json-pointer", json_pointer},
    {"regex", regex},
    {"relative-json-pointer", relative_json_pointer},
    {"time", time},
    {"uri", [](std::string_view s) { return uri(s, false); }},
    {"uri-reference", [](std::string_view s) { return uri(s, true); }},
    {"uuid", uuid},
};

}  // namespace

bool check_format(std::string_view format, std::string_view text) {
  for (const auto& known : kFormats)
    if (known.name == format) return known.check(text);
  return true;
}

}  // namespace tau::json
