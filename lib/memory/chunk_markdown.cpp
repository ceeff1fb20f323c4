// Markdown (CommonMark 0.30 and the tables of GitHub): headings make sections; lists, tables and fenced code
// stay whole where they fit.
#include <optional>

#include "memory/chunk_format.h"
#include "memory/chunk_line.h"
#include "memory/front_matter.h"

namespace tau::memory {
namespace {

size_t indent_of(std::string_view line) {
  size_t columns = 0;
  for (const char c : line) {
    if (c != ' ' && c != '\t') break;
    columns += c == '\t' ? 4 - columns % 4 : 1;
  }
  return columns;
}

struct Heading {
  size_t level = 0;
  std::string_view title;
};
std::optional<Heading> heading_of(std::string_view line) {
  if (indent_of(line) > 3) return std::nullopt;
  std::string_view text = trim(line);
  size_t level = 0;
  while (level < text.size() && text[level] == '#') ++level;
  if (level == 0 || level > 6 || (level < text.size() && !is_blank_char(text[level]))) return std::nullopt;
  text = trim(text.substr(level));
  std::string_view bare = text;
  while (bare.ends_with('#')) bare.remove_suffix(1);
  if (bare.empty() || is_blank_char(bare.back())) text = trim(bare);
  return Heading{level, text};
}

// The mark that opens a fence, "```" or longer.
std::string_view fence_of(std::string_view line) {
  const std::string_view text = trim_left(line);
  if (text.empty() || (text[0] != '`' && text[0] != '~')) return {};
  size_t size = 0;
  while (size < text.size() && text[size] == text[0]) ++size;
  if (size < 3 || (text[0] == '`' && text.find('`', size) != text.npos)) return {};
  return text.substr(0, size);
}
bool closes_fence(std::string_view line, std::string_view fence) {
  const std::string_view text = trim(line);
  return text.size() >= fence.size() && text.find_first_not_of(fence[0]) == text.npos;
}

bool is_item(std::string_view line) {
  const std::string_view text = trim_left(line);
  if (text.empty()) return false;
  size_t digits = 0;
  while (digits < text.size() && digits < 9 && text[digits] >= '0' && text[digits] <= '9') ++digits;
  const char mark = digits < text.size() ? text[digits] : '\0';
  const bool marked = digits > 0 ? mark == '.' || mark == ')' : mark == '-' || mark == '*' || mark == '+';
  return marked && (digits + 1 == text.size() || is_blank_char(text[digits + 1]));
}

bool is_rule(std::string_view line, std::string_view marks) {
  const std::string_view text = trim(line);
  return !text.empty() && marks.find(text[0]) != marks.npos && text.find_first_not_of(text[0]) == text.npos;
}

bool has_bar(std::string_view line) { return line.find('|') != line.npos; }
bool is_table_rule(std::string_view line) {
  return has_bar(line) && line.find('-') != line.npos && line.find_first_not_of(" \t|:-") == line.npos;
}

// Goes through the lines, with one of them in view ahead.
class MarkdownChunker {
 public:
  MarkdownChunker(std::string_view text, int64_t first_line, ChunkPacker& packer)
      : lines_(text, first_line), packer_(packer), headings_(packer) {
    step();
  }
  void run();

 private:
  void step() {
    has_line_ = lines_.next();
    line_ = has_line_ ? lines_.line() : std::string_view();
  }
  // The line after the one in view.
  std::string_view ahead() const {
    LineCursor next(lines_.rest());
    return next.next() ? next.line() : std::string_view();
  }
  bool blank() const { return is_blank_text(line_); }
  void begin() {
    begin_ = line_.data();
    begin_line_ = lines_.number();
  }
  // The line in view belongs to the block.
  void take() {
    end_ = line_.data() + line_.size();
    end_line_ = lines_.number();
    step();
  }
  void end(std::string_view kind) {
    packer_.add({{begin_, static_cast<size_t>(end_ - begin_)}, begin_line_, end_line_, kind});
    headings_.said();
  }
  void code();
  void list();
  void table();
  void paragraph();
  void take_fenced(std::string_view fence);
  bool starts_block() const;

  LineCursor lines_;
  std::string_view line_;
  bool has_line_ = false;
  ChunkPacker& packer_;
  HeadingPath headings_;
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
  int64_t begin_line_ = 0;
  int64_t end_line_ = 0;
};

void MarkdownChunker::take_fenced(std::string_view fence) {
  take();
  while (has_line_ && !closes_fence(line_, fence)) take();
  if (has_line_) take();
}

void MarkdownChunker::code() {
  begin();
  take_fenced(fence_of(line_));
  end("code");
}

void MarkdownChunker::list() {
  begin();
  while (has_line_) {
    if (blank()) {
      // A list goes on behind an empty line when what follows is an item, or belongs to one.
      const std::string_view next = ahead();
      if (is_blank_text(next) || (!is_item(next) && indent_of(next) < 2)) break;
      step();
      continue;
    }
    if (heading_of(line_)) break;
    const std::string_view fence = fence_of(line_);
    if (!fence.empty()) {
      take_fenced(fence);
    } else {
      take();
    }
  }
  end("list");
}

void MarkdownChunker::table() {
  begin();
  take();
  take();
  const std::string_view header(begin_, static_cast<size_t>(end_ - begin_));
  const int64_t line = begin_line_;
  std::vector<std::pair<std::string_view, int64_t>> rows;
  while (has_line_ && !blank() && has_bar(line_)) {
    rows.emplace_back(line_, lines_.number());
    take();
  }
  if (static_cast<size_t>(end_ - begin_) <= packer_.options().max_bytes) {
    end("table");
    return;
  }
  RowPacker packed(packer_, header, line, "table");
  for (const auto& [row, number] : rows) packed.add(row, number, number);
  packed.close();
  headings_.said();
}

bool MarkdownChunker::starts_block() const {
  return blank() || heading_of(line_) || !fence_of(line_).empty() || is_item(line_);
}

void MarkdownChunker::paragraph() {
  begin();
  const std::string_view first = line_;
  take();
  // One line with a rule of '=' or '-' below it is a heading.
  if (has_line_ && indent_of(line_) < 4 && is_rule(line_, "=-")) {
    const size_t level = trim(line_)[0] == '=' ? 1 : 2;
    step();
    headings_.enter(level, trim(first), begin_line_);
    return;
  }
  while (has_line_ && !starts_block() && !(has_bar(line_) && is_table_rule(ahead()))) take();
  end("text");
}

void MarkdownChunker::run() {
  while (has_line_ && !packer_.full()) {
    if (blank()) {
      step();
    } else if (const auto found = heading_of(line_)) {
      headings_.enter(found->level, found->title, lines_.number());
      step();
    } else if (!fence_of(line_).empty()) {
      code();
    } else if (is_rule(line_, "-*_") && trim(line_).size() >= 3) {
      step();
    } else if (is_item(line_)) {
      list();
    } else if (has_bar(line_) && is_table_rule(ahead())) {
      table();
    } else {
      paragraph();
    }
  }
  headings_.finish();
}

}  // namespace

void chunk_markdown(std::string_view text, ChunkPacker& packer, ChunkedFile& file) {
  int64_t first_line = 1;
  if (const auto front = read_front_matter(text)) {
    if (front->fields.size() > 0) file.attributes = json::write(front->fields);
    text = front->body;
    first_line = front->body_line;
  }
  MarkdownChunker(text, first_line, packer).run();
}

}  // namespace tau::memory
