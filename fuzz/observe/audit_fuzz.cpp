// Lines and heads of an audit log, and the summary of any bytes, with the laws that hold for all of them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "observe/chain.h"
#include "observe/observe.h"

namespace tau::observe {
namespace {

void require(bool law) {
  if (!law) std::abort();
}

// A good line says what its bytes say, and no line follows itself.
void check_line(std::string_view text) {
  Line line;
  if (!read_line(text, line).empty()) return;
  require(text.starts_with("{\"v\":1,\"seq\":" + std::to_string(line.seq) + ","));
  require(text.ends_with(std::string(line.prev) + "\",\"hash\":\"" + std::string(line.hash) + "\"}"));
  require(!check_follows(line, {line.seq, std::string(line.hash)}).empty());
}

// What is sealed is good, follows, and is good no more with any byte changed.
void check_sealed(std::string_view text) {
  Record record(Kind::kToolDecided);
  record.set(Text::kTool, text).set(Text::kReason, text.substr(text.size() / 2));
  const std::string members = render(record, 1, [](std::string_view given) { return std::string(given); });
  Link link;
  std::string lines;
  seal(members, link, lines);
  Line line;
  require(lines.size() <= kMostLineBytes && lines.find('\n') == lines.size() - 1);
  lines.pop_back();
  require(read_line(lines, line).empty() && check_follows(line, Link()).empty() && link.hash == line.hash);
  const size_t at = text.empty() ? 0 : static_cast<uint8_t>(text[0]) % lines.size();
  lines[at] = static_cast<char>(lines[at] ^ 1);
  require(!read_line(lines, line).empty());
}

void check_head(std::string_view text) {
  const auto head = read_head(text, nullptr);
  if (!head.ok()) return;
  require(head->first_seq > 0 && head->last.seq >= head->first_seq);
  const auto again = write_head_text(*head, nullptr);
  require(again.ok() && read_head(*again, nullptr)->last == head->last);
}

// The same in any pieces, and every line that is not blank is counted once.
void check_summary(std::string_view text) {
  Summary whole;
  whole.feed(text);
  whole.end_file();
  const SummaryReport& report = whole.report();
  require(report.lines == report.records + report.newer + report.unknown + report.malformed + report.torn);
  Summary pieces;
  for (size_t at = 0; at < text.size(); at += 3) pieces.feed(text.substr(at, 3));
  pieces.end_file();
  require(pieces.to_json() == whole.to_json());
}

}  // namespace
}  // namespace tau::observe

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  tau::observe::check_line(text);
  tau::observe::check_line(text.substr(0, text.find('\n')));
  tau::observe::check_sealed(text);
  tau::observe::check_head(text);
  tau::observe::check_summary(text);
  return 0;
}
