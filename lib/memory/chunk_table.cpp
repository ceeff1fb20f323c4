// Tables of comma or tab separated values (RFC 4180): groups of rows, each under the header.
#include <array>

#include "memory/chunk_format.h"
#include "memory/chunk_line.h"

namespace tau::memory {
namespace {

// A quoted field may hold line ends, but not more of the file than this: a quote that nobody closes must not
// make one row of the rest.
constexpr size_t kMaxQuotedBytes = 64 << 10;

char separator_of(std::string_view header) {
  constexpr std::array<char, 4> kSeparators = {',', ';', '\t', '|'};
  std::array<size_t, 4> counts{};
  bool quoted = false;
  for (const char c : header) {
    if (c == '"') quoted = !quoted;
    for (size_t i = 0; i < kSeparators.size() && !quoted; ++i) counts[i] += c == kSeparators[i];
  }
  size_t best = 0;
  for (size_t i = 1; i < counts.size(); ++i)
    if (counts[i] > counts[best]) best = i;
  return kSeparators[best];
}

class RecordCursor {
 public:
  RecordCursor(std::string_view text, char separator) : rest_(text), separator_(separator) {}
  bool next();
  std::string_view record() const { return record_; }
  int64_t first_line() const { return first_line_; }
  int64_t last_line() const { return last_line_; }

 private:
  size_t quoted_end() const;

  std::string_view rest_;
  std::string_view record_;
  char separator_;
  bool quotes_ = true;  // false: one was left open, from there on they mean nothing
  int64_t first_line_ = 0;
  int64_t last_line_ = 0;
};

// The end of the record with its quotes taken for what they are; npos when one is left open.
size_t RecordCursor::quoted_end() const {
  bool quoted = false;
  bool at_start = true;  // of a field: only there a quote opens
  size_t opened = 0;
  for (size_t i = 0; i < rest_.size(); ++i) {
    const char c = rest_[i];
    if (quoted) {
      if (i - opened > kMaxQuotedBytes) return rest_.npos;
      if (c != '"') continue;
      if (i + 1 < rest_.size() && rest_[i + 1] == '"') {
        ++i;
      } else {
        quoted = false;
      }
    } else if (c == '\n') {
      return i;
    } else if (c == '"' && at_start) {
      quoted = true;
      opened = i;
    } else {
      at_start = c == separator_;
      continue;
    }
    at_start = false;
  }
  return quoted ? rest_.npos : rest_.size();
}

bool RecordCursor::next() {
  if (rest_.empty()) return false;
  first_line_ = last_line_ + 1;
  size_t end = quotes_ ? quoted_end() : rest_.npos;
  if (quotes_ && end == rest_.npos) quotes_ = false;
  if (end == rest_.npos) end = std::min(rest_.find('\n'), rest_.size());
  record_ = rest_.substr(0, end);
  last_line_ = first_line_ + count_lines(record_);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  return true;
}

}  // namespace

void chunk_table(std::string_view text, char separator, ChunkPacker& packer) {
  if (separator == '\0') separator = separator_of(text.substr(0, text.find('\n')));
  RecordCursor records(text, separator);
  while (records.next())
    if (!is_blank_text(records.record())) break;
  if (is_blank_text(records.record())) return;
  RowPacker rows(packer, records.record(), records.first_line(), "rows");
  while (records.next() && !packer.full())
    if (!is_blank_text(records.record()))
      rows.add(records.record(), records.first_line(), records.last_line());
  rows.close();
}

}  // namespace tau::memory
