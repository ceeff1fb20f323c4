#include "safety/pem.h"

#include <algorithm>

#include "safety/chars.h"

namespace tau::safety {
namespace {

constexpr std::string_view kEnd = "-----END";
constexpr std::string_view kDashes = "-----";
constexpr size_t kMaxLine = 4096;
constexpr size_t kMaxFirstLine = 512;  // while it may yet be none: a mention must not cost a long look
constexpr size_t kMaxEndLine = 96;
constexpr size_t kLeastRun = 20;  // a shorter run of base 64 in front of something else is a word
constexpr size_t kLongRun = 40;

// Where the line's text ends, and where the next line begins: at a line break or at one written as an escape.
struct Line {
  size_t end;
  size_t next;
  bool closed;
};

Line line_at(std::string_view text, size_t at, size_t most) {
  const size_t limit = std::min(text.size(), at + most);
  for (size_t i = at; i < limit; ++i) {
    if (is_break(text[i])) return {i, i + 1, true};
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == 'n' || text[i + 1] == 'r'))
      return {i, i + 2, true};
  }
  return {limit, limit, limit - at == most};
}

// What source code and quoting put around the lines of a key.
bool is_wrapping(char c) {
  return is_blank(c) || is_quote(c) || c == '+' || c == '#' || c == '*' || c == '>' || c == '|' || c == ',' ||
         c == ';' || c == '\\' || c == '(' || c == ')' || c == '.' || c == '&';
}

std::string_view unwrapped(std::string_view line) {
  while (!line.empty() && is_wrapping(line.front()) && line.front() != '+') line.remove_prefix(1);
  while (!line.empty() && is_wrapping(line.back()) && !is_base64(line.back())) line.remove_suffix(1);
  while (line.size() > 1 && (line.back() == '+' || line.back() == '.') && is_blank(line[line.size() - 2])) {
    line.remove_suffix(1);
    while (!line.empty() && is_wrapping(line.back())) line.remove_suffix(1);
  }
  return line;
}

size_t base64_bytes(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), is_base64));
}

// "Proc-Type: 4,ENCRYPTED", "Version: …"
bool is_header(std::string_view line) {
  const size_t colon = line.find(':');
  return colon != std::string_view::npos && colon > 0 &&
         std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon),
                     [](char c) { return is_alnum(c) || c == '-'; });
}

// Groups of base 64 between blanks, one of them long: a whole key on one line.
bool is_spaced_body(std::string_view line) {
  size_t run = 0;
  size_t longest = 0;
  for (const char c : line) {
    if (!is_base64(c) && !is_blank(c)) return false;
    run = is_base64(c) ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest >= kLongRun;
}

PemLine other(std::string_view text, size_t at, size_t end) {
  size_t from = at;
  while (from < end && is_wrapping(text[from]) && text[from] != '+') ++from;
  size_t to = from;
  while (to < end && is_base64(text[to])) ++to;
  if (to - from < kLeastRun) return {PemLine::Kind::kOther, at, 0};
  return {PemLine::Kind::kOther, to, to - from};
}

}  // namespace

PemLine read_pem_line(std::string_view text, size_t at, bool fresh, bool complete) {
  const Line line = line_at(text, at, fresh ? kMaxFirstLine : kMaxLine);
  const std::string_view whole = text.substr(at, line.end - at);
  if (const size_t end = whole.find(kEnd); end != std::string_view::npos) {
    const size_t tail = std::min(whole.size(), end + kMaxEndLine);
    const size_t after = whole.substr(0, tail).find(kDashes, end + kEnd.size());
    const size_t bytes = base64_bytes(whole.substr(0, end));
    if (after != std::string_view::npos) return {PemLine::Kind::kLast, at + after + kDashes.size(), bytes};
    if (line.closed || complete || tail == end + kMaxEndLine) return {PemLine::Kind::kLast, at + tail, bytes};
    return {};
  }
  if (!line.closed && !complete) return {};
  const std::string_view core = unwrapped(whole);
  const bool body = std::all_of(core.begin(), core.end(), is_base64) || is_spaced_body(core);
  if (body) return {PemLine::Kind::kBody, line.next, core.size()};
  if (fresh && is_header(core)) return {PemLine::Kind::kBody, line.next, 0};
  return other(text, at, line.end);
}

}  // namespace tau::safety
