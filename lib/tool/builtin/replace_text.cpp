#include "tool/builtin/replace_text.h"

#include <algorithm>

namespace tau::tool {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string with_crlf(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
    out += text[i];
  }
  return out;
}

std::string_view trim(std::string_view line) {
  const size_t begin = line.find_first_not_of(kBlank);
  return begin == line.npos ? "" : line.substr(begin, line.find_last_not_of(kBlank) - begin + 1);
}

template <class F>
void for_each_line(std::string_view text, F&& visit) {
  for (int64_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    if (!visit(number, text.substr(0, end))) return;
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
}

std::vector<size_t> find_all(std::string_view text, std::string_view what) {
  std::vector<size_t> found;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + what.size()))
    found.push_back(at);
  return found;
}

}  // namespace

Replacement replace_text(std::string_view text, std::string_view old_text, std::string_view new_text,
                         bool replace_all) {
  std::string old_crlf, new_crlf;
  std::vector<size_t> matches = find_all(text, old_text);
  if (text.find("\r\n") != text.npos) {
    new_crlf = with_crlf(new_text);
    old_crlf = with_crlf(old_text);
    if (matches.empty()) {
      matches = find_all(text, old_crlf);
      old_text = old_crlf;
      new_text = new_crlf;
    } else if (old_text.find('\n') == old_text.npos && text.find('\n') == text.find("\r\n") + 1) {
      new_text = new_crlf;  // a single line that becomes several keeps the file's line ends
    }
  }
  Replacement out;
  size_t seen = 0;
  int64_t line = 1;
  for (const size_t at : matches) {
    line += std::count(text.begin() + static_cast<std::ptrdiff_t>(seen),
                       text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    out.lines.push_back(line);
    seen = at;
  }
  if (matches.empty() || (matches.size() > 1 && !replace_all)) return out;
  size_t copied = 0;
  for (const size_t at : matches) {
    out.text.append(text.substr(copied, at - copied)).append(new_text);
    copied = at + old_text.size();
  }
  out.text.append(text.substr(copied));
  return out;
}

int64_t nearest_line(std::string_view text, std::string_view old_text) {
  std::string_view wanted;
  for_each_line(old_text, [&](int64_t, std::string_view line) { return (wanted = trim(line)).empty(); });
  if (wanted.empty()) return 0;
  int64_t exact = 0, inside = 0;
  for_each_line(text, [&](int64_t number, std::string_view line) {
    if (trim(line) == wanted) exact = number;
    if (inside == 0 && line.find(wanted) != line.npos) inside = number;
    return exact == 0;
  });
  return exact != 0 ? exact : inside;
}

}  // namespace tau::tool
