#include "tool/builtin/http_text.h"

#include <algorithm>
#include <array>

namespace tau::tool {
namespace {

constexpr std::string_view kShown[] = {"allow", "content-type", "etag",        "last-modified",
                                       "link",  "location",     "retry-after", "www-authenticate"};
constexpr size_t kMaxShownBytes = 512;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), to_lower);
  return out;
}

// The charset parameter in lower case, or "".
std::string charset_of(std::string_view content_type) {
  const std::string type = lower(content_type);
  const size_t at = type.find("charset=");
  if (at == type.npos) return {};
  std::string value = type.substr(at + 8);
  value = value.substr(0, value.find_first_of("; \t"));
  std::erase(value, '"');
  std::erase(value, '\'');
  return value;
}

// The bytes 80 to 9F of windows-1252 (WHATWG Encoding); "ISO-8859-1" means this table on the web.
constexpr std::array<uint16_t, 32> kHighControls = {
    0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

std::string from_windows_1252(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    const uint32_t point = byte >= 0x80 && byte < 0xa0 ? kHighControls[byte - 0x80u] : byte;
    if (point < 0x80) {
      out += static_cast<char>(point);
    } else if (point < 0x800) {
      out += static_cast<char>(0xc0 | point >> 6);
      out += static_cast<char>(0x80 | (point & 0x3f));
    } else {
      out += static_cast<char>(0xe0 | point >> 12);
      out += static_cast<char>(0x80 | (point >> 6 & 0x3f));
      out += static_cast<char>(0x80 | (point & 0x3f));
    }
  }
  return out;
}

// Controls that no text has; a terminal's escape is among them.
bool has_controls(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<uint8_t>(c);
    return (byte < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f') || byte == 0x7f;
  });
}

// One line, whatever the server wrote.
std::string shown_value(std::string_view value) {
  std::string out = repair_utf8(truncate_utf8(value, kMaxShownBytes));
  for (char& c : out)
    if (static_cast<uint8_t>(c) < ' ' || c == 0x7f) c = ' ';
  return value.size() > kMaxShownBytes ? out + "…" : out;
}

std::string header_of(const net::FetchResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}

}  // namespace

std::optional<std::string> body_text(std::string_view body, std::string_view content_type) {
  const std::string charset = charset_of(content_type);
  const bool latin = charset == "iso-8859-1" || charset == "latin1" || charset == "windows-1252";
  if (!charset.empty() && !latin && charset != "utf-8" && charset != "utf8" && charset != "us-ascii")
    return std::nullopt;
  if (has_controls(body)) return std::nullopt;
  if (latin) return from_windows_1252(body);
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  constexpr size_t kLongestCut = 3;  // bytes of a character that the end cut off
  const size_t valid = valid_utf8_prefix(body);
  if (body.size() - valid > kLongestCut) return std::nullopt;
  return std::string(body.substr(0, valid));
}

std::string http_text(const net::FetchResponse& response) {
  std::string out = format("HTTP {} {}\n", response.status, response.url);
  for (const auto& [name, value] : response.headers)
    if (std::find(std::begin(kShown), std::end(kShown), name) != std::end(kShown))
      out += format("{}: {}\n", name, shown_value(value));
  if (!response.elsewhere.empty())
    out += format("[a redirect to {} was not followed: that is a call of its own]\n", response.elsewhere);
  out += '\n';
  const std::string type = header_of(response, "content-type");
  if (const auto text = body_text(response.body, type)) {
    out += *text;
    if (response.truncated) out += format("\n[cut after {} bytes]", response.body.size());
  } else {
    out += format("[no text: {}{} bytes{}]", type.empty() ? "" : shown_value(type) + ", ",
                  response.body.size(), response.truncated ? " and more" : "");
  }
  return out;
}

}  // namespace tau::tool
