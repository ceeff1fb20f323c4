// Source code and what is indented like it: blocks are cut where their level begins anew, from the outermost
// one inwards as far as they are too long. A comment stays with what stands below it.
#include <limits>
#include <vector>

#include "memory/chunk_format.h"
#include "memory/chunk_line.h"
#include "memory/code_style.h"

namespace tau::memory {
namespace {

constexpr int kMaxDepth = 12;  // of blocks that are opened: each reads its lines once more
constexpr uint16_t kInside = std::numeric_limits<uint16_t>::max();  // of a text or comment over several lines

constexpr std::string_view kDoubleTriple = "\"\"\"";
constexpr std::string_view kSingleTriple = "'''";

struct Line {
  uint32_t offset = 0;
  uint16_t level = 0;
  bool blank = false;
  bool closes = false;    // "}", "end": belongs to the block before
  bool attached = false;  // a comment, an attribute: belongs to what follows
};

// Reads levels off the lines.
class LineReader {
 public:
  explicit LineReader(const CodeStyle& style) : style_(style) {}
  Line read(std::string_view line);

 private:
  enum class State : uint8_t { kCode, kComment, kBacktick, kTripleQuotes };
  uint16_t level_of(std::string_view line) const;
  void scan(std::string_view line);
  size_t step_inside(std::string_view rest);
  size_t skip_quoted(std::string_view line, size_t at) const;

  const CodeStyle& style_;
  State state_ = State::kCode;
  char triple_ = '"';
  int depth_ = 0;
};

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> marks) {
  return std::any_of(marks.begin(), marks.end(),
                     [&](std::string_view mark) { return text.starts_with(mark); });
}

bool is_closer(std::string_view text) {
  if (starts_with_any(text, {"}", ")", "]", "{", "</", "#endif", "#else"})) return true;
  for (const std::string_view word : {"end", "fi", "done", "esac", "else:", "except", "finally:"})
    if (text.starts_with(word) &&
        (text.size() == word.size() || !(text[word.size()] >= 'a' && text[word.size()] <= 'z')))
      return true;
  return false;
}

uint16_t LineReader::level_of(std::string_view line) const {
  const std::string_view text = trim_left(line);
  if (style_.blocks == CodeStyle::Blocks::kSections) return text.starts_with('[') ? 0 : 1;
  if (style_.blocks == CodeStyle::Blocks::kBraces) {
    size_t closers = 0;
    while (closers < text.size() && text[closers] == '}') ++closers;
    return static_cast<uint16_t>(std::clamp<int64_t>(depth_ - static_cast<int64_t>(closers), 0, 1'000));
  }
  size_t columns = 0;
  for (const char c : line.substr(0, line.size() - text.size())) columns += c == '\t' ? 4 : 1;
  return static_cast<uint16_t>(std::min<size_t>(columns, 1'000));
}

// Behind the text or character that opens at `at`; one that the line does not close is none.
size_t LineReader::skip_quoted(std::string_view line, size_t at) const {
  const char quote = line[at];
  const bool character = quote == '\'' && !style_.quoted_text;
  const size_t end = character ? std::min(line.size(), at + 12) : line.size();
  for (size_t i = at + 1; i < end; ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == quote) {
      return i + 1;
    }
  }
  return character ? at + 1 : line.size();
}

// How many bytes of `rest`, which stands within a text or comment, that goes on for; its end sets kCode.
size_t LineReader::step_inside(std::string_view rest) {
  if (state_ != State::kComment && rest[0] == '\\') return 2;
  const size_t size = state_ == State::kComment ? 2 : state_ == State::kBacktick ? 1 : 3;
  const bool ends = state_ == State::kComment    ? rest.starts_with("*/")
                    : state_ == State::kBacktick ? rest[0] == '`'
                                                 : rest == (triple_ == '"' ? kDoubleTriple : kSingleTriple);
  if (!ends) return 1;
  state_ = State::kCode;
  return size;
}

void LineReader::scan(std::string_view line) {
  const bool braces = style_.blocks == CodeStyle::Blocks::kBraces;
  for (size_t i = 0; i < line.size();) {
    const std::string_view rest = line.substr(i, 3);
    const char c = rest[0];
    if (state_ != State::kCode) {
      i += step_inside(rest);
      continue;
    }
    const bool apart = i == 0 || is_blank_char(line[i - 1]) || c != '#';
    if (!style_.comment.empty() && apart && rest.starts_with(style_.comment)) return;
    if (style_.block_comments && rest.starts_with("/*")) {
      state_ = State::kComment;
      i += 2;
    } else if (style_.triple_quotes && (rest == kDoubleTriple || rest == kSingleTriple)) {
      state_ = State::kTripleQuotes;
      triple_ = c;
      i += 3;
    } else if (style_.backtick_text && c == '`') {
      state_ = State::kBacktick;
      ++i;
    } else if (c == '"' || c == '\'') {
      i = skip_quoted(line, i);
    } else {
      if (braces && c == '{') ++depth_;
      if (braces && c == '}' && depth_ > 0) --depth_;
      ++i;
    }
  }
}

Line LineReader::read(std::string_view line) {
  Line out;
  const std::string_view text = trim(line);
  out.blank = text.empty();
  const bool inside = state_ == State::kBacktick || state_ == State::kTripleQuotes;
  const bool comment = state_ == State::kComment ||
                       (!style_.comment.empty() && text.starts_with(style_.comment)) ||
                       (style_.block_comments && text.starts_with("/*"));
  out.level = inside ? kInside : level_of(line);
  out.closes = !inside && !comment && is_closer(text);
  out.attached = !inside && (comment || starts_with_any(text, {"@", "#[", "template <", "template<", "[["}));
  scan(line);
  return out;
}

class CodeChunker {
 public:
  CodeChunker(std::string_view text, const CodeStyle& style, ChunkPacker& packer)
      : text_(text), style_(style), packer_(packer) {}
  void run();

 private:
  std::string_view slice(size_t begin, size_t end) const {
    const size_t from = lines_[begin].offset;
    const size_t to = end < lines_.size() ? lines_[end].offset : text_.size();
    return text_.substr(from, to - from);
  }
  std::string_view line(size_t i) const { return slice(i, i + 1); }
  uint16_t level_within(size_t begin, size_t end) const;
  bool starts(size_t i, size_t first, uint16_t level) const;
  std::string_view symbol(size_t begin, size_t end) const;
  void divide(size_t begin, size_t end, int depth);
  void block(size_t begin, size_t end, int depth);
  void add(size_t begin, size_t end);

  std::string_view text_;
  const CodeStyle& style_;
  ChunkPacker& packer_;
  std::vector<Line> lines_;
  std::vector<std::string> path_;
};

// The outermost level of the lines that may begin a block.
uint16_t CodeChunker::level_within(size_t begin, size_t end) const {
  uint16_t level = kInside;
  for (size_t i = begin; i < end; ++i)
    if (!lines_[i].blank && !lines_[i].closes) level = std::min(level, lines_[i].level);
  return level;
}

bool CodeChunker::starts(size_t i, size_t first, uint16_t level) const {
  const Line& line = lines_[i];
  if (line.blank || line.closes || line.level != level) return false;
  return i == first || !lines_[i - 1].attached || lines_[i - 1].level != level;
}

std::string_view CodeChunker::symbol(size_t begin, size_t end) const {
  size_t at = begin;
  while (at + 1 < end && (lines_[at].attached || lines_[at].blank)) ++at;
  const std::string_view text = trim(line(at));
  if (style_.blocks == CodeStyle::Blocks::kSections)
    return text.starts_with('[') ? trim(text.substr(0, text.find(']'))).substr(1) : std::string_view();
  if (!style_.names) return defined_symbol(text);
  const size_t colon = text.find(": ");
  if (colon != text.npos) return truncate_utf8(text.substr(0, colon), kMaxHeadingPartBytes);
  return text.ends_with(':') ? truncate_utf8(text.substr(0, text.size() - 1), kMaxHeadingPartBytes)
                             : std::string_view();
}

void CodeChunker::add(size_t begin, size_t end) {
  while (begin < end && lines_[begin].blank) ++begin;
  if (begin == end) return;
  const std::string_view text = trim_right(slice(begin, end));
  const auto first = static_cast<int64_t>(begin) + 1;
  const bool apart = begin > 0 && lines_[begin - 1].blank;
  packer_.add({text, first, first + count_lines(text), "code", apart ? "\n\n" : "\n"});
}

// A block from its first line to the one before the next block.
void CodeChunker::block(size_t begin, size_t end, int depth) {
  const std::string_view name = symbol(begin, end);
  if (slice(begin, end).size() <= packer_.options().max_bytes || depth == kMaxDepth) {
    add(begin, end);
    packer_.name(name);
    return;
  }
  if (!name.empty()) {
    path_.emplace_back(name);
    packer_.section(heading_path(path_));
  }
  divide(begin, end, depth + 1);
  if (!name.empty()) {
    path_.pop_back();
    packer_.section(heading_path(path_));
  }
}

// Cuts lines at their outermost level. Those of a block (depth > 0) begin with its first line, above the
// level of what is within; what stands before the first block within goes with it.
void CodeChunker::divide(size_t begin, size_t end, int depth) {
  size_t inner = begin;
  if (depth > 0) {
    const uint16_t own = level_within(begin, end);
    const auto heads = [&](const Line& line) { return line.level == own && !line.attached && !line.blank; };
    while (inner < end && !heads(lines_[inner])) ++inner;
    inner = std::min(inner + 1, end);
  }
  const uint16_t level = level_within(inner, end);
  size_t from = begin;
  const auto tell = [&](size_t to) {
    if (depth > 0 && from == begin) {
      add(from, to);
    } else {
      block(from, to, depth);
    }
    from = to;
  };
  for (size_t i = inner; i < end && !packer_.full(); ++i)
    if (level != kInside && i != from && starts(i, inner, level)) tell(i);
  tell(end);
}

void CodeChunker::run() {
  LineReader reader(style_);
  for (LineCursor lines(text_); lines.next();) {
    Line line = reader.read(lines.line());
    line.offset = static_cast<uint32_t>(lines.line().data() - text_.data());
    lines_.push_back(line);
  }
  if (!lines_.empty()) divide(0, lines_.size(), 0);
  packer_.close();
}

}  // namespace

void chunk_code(std::string_view name, std::string_view text, ChunkPacker& packer) {
  static constexpr CodeStyle kUnknown{};
  const CodeStyle* const style = code_style(name);
  CodeChunker(text, style == nullptr ? kUnknown : *style, packer).run();
}

}  // namespace tau::memory
