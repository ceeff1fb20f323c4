#include "memory/fence.h"

#include <algorithm>
#include <vector>

namespace tau::memory {
namespace {

constexpr std::string_view kFullWidthLess = "\xef\xbc\x9c";  // U+FF1C

// The code point of a well-formed character that begins here, and its size.
struct Point {
  uint32_t code;
  size_t size;
};
Point point_at(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  uint32_t code = lead & (0x7fU >> size);
  for (size_t i = 1; i < size; ++i) code = code << 6 | (byte(i) & 0x3fU);
  return {code, size};
}

// Joiners (U+200C, U+200D) stay: scripts and emoji are written with them.
bool hides(uint32_t code) {
  if (code < 0x20) return code != '\n' && code != '\t';
  return code == 0x7f || (code >= 0x80 && code < 0xa0) || code == 0xad || code == 0x200b || code == 0x200e ||
         code == 0x200f || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
         code == 0xfeff || (code >= 0xfff9 && code <= 0xfffb) || (code >= 0xe0000 && code <= 0xe007f);
}

void append_point(std::string& out, std::string_view here, Point point, Lines lines) {
  if (point.code == '<' || here.starts_with(kFullWidthLess)) {
    out += "&lt;";
  } else if (point.code == '&' && (here.starts_with("&lt;") || here.starts_with("&amp;"))) {
    out += "&amp;";
  } else if (point.code == '\n' && lines == Lines::kEscape) {
    out += "\\n";
  } else if (!hides(point.code)) {
    out.append(here.substr(0, point.size));
  }
}

}  // namespace

void append_escaped(std::string& out, std::string_view text, Lines lines) {
  std::string repaired;
  if (!is_valid_utf8(text)) {
    repaired = repair_utf8(text);
    text = repaired;
  }
  out.reserve(out.size() + text.size());
  // "&", something hidden, "lt;" must not read as an escape once the hidden is gone.
  std::string visible;
  visible.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const Point point = point_at(text.substr(at));
    if (!hides(point.code)) visible.append(text.substr(at, point.size));
    at += point.size;
  }
  for (std::string_view rest = visible; !rest.empty();) {
    const Point point = point_at(rest);
    append_point(out, rest, point, lines);
    rest.remove_prefix(point.size);
  }
}

std::string escaped(std::string_view text, Lines lines) {
  std::string out;
  append_escaped(out, text, lines);
  return out;
}

std::string date_text(int64_t time_ms) {
  constexpr int64_t kDay = 86'400'000;
  int64_t day = time_ms / kDay - (time_ms % kDay < 0 ? 1 : 0);
  constexpr int64_t kMostDays = 2'932'896;  // the last day of 9999
  if (day < -719'162 || day > kMostDays) return "";
  // Days since 0000-03-01 to a date: H. Hinnant, "chrono-compatible low-level date algorithms".
  day += 719'468;
  const int64_t era = day / 146'097;
  const int64_t of_era = day - era * 146'097;
  const int64_t year_of_era = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365;
  const int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted = (5 * of_year + 2) / 153;
  const int64_t day_of_month = of_year - (153 * shifted + 2) / 5 + 1;
  const int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  return format("{:04}-{:02}-{:02}", year, month, day_of_month);
}

Labels labels_of(const store::Provenance& provenance) {
  Labels labels;
  if (auto parsed = parse_integrity(provenance.integrity); parsed.ok()) {
    labels = *std::move(parsed);
  } else {
    labels = Labels::from(Source::kWeb);
  }
  if (provenance.readers == store::Provenance::everyone()) return labels;
  std::vector<std::string> readers;
  for (std::string_view rest = provenance.readers; !rest.empty();) {
    const size_t comma = std::min(rest.find(','), rest.size());
    readers.emplace_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  labels.restrict_readers(std::move(readers));
  return labels;
}

store::Provenance relabelled(store::Provenance provenance, const Labels& labels) {
  provenance.integrity = labels.integrity();
  provenance.readers = labels.readable_by_all() ? store::Provenance::everyone() : labels.readers();
  return provenance;
}

size_t count_characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(),
                                           [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kWhite = " \t\r\n\f\v";
  const size_t first = text.find_first_not_of(kWhite);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhite) - first + 1);
}

}  // namespace tau::memory
