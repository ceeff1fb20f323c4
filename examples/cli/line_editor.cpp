#include "line_editor.h"

#include <termios.h>
#include <unistd.h>

#include <algorithm>

#include "files.h"
#include "json.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr size_t kMaxHistory = 1000;
constexpr size_t kMaxHistoryBytes = 4u << 20;
constexpr char kEscape = '\033';
constexpr char kDelete = '\x7f';
constexpr char control(char letter) { return static_cast<char>(letter & 0x1f); }

// The terminal hands over each key as it is pressed and marks what is pasted, for as long as this lives.
class RawMode {
 public:
  RawMode() {
    active_ = tcgetattr(STDIN_FILENO, &before_) == 0;
    termios raw = before_;
    raw.c_iflag &= ~static_cast<tcflag_t>(ICRNL | IXON | ISTRIP);
    raw.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | IEXTEN | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (active_) tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
    write_out("\033[?2004h");
  }
  ~RawMode() {
    write_out("\033[?2004l");
    if (active_) tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
  }
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;

 private:
  termios before_{};
  bool active_ = false;
};

bool read_byte(char& c) { return ::read(STDIN_FILENO, &c, 1) == 1; }

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

size_t previous(const std::string& text, size_t at) {
  if (at > 0) --at;
  while (at > 0 && is_continuation(text[at])) --at;
  return at;
}

size_t next(const std::string& text, size_t at) {
  if (at < text.size()) ++at;
  while (at < text.size() && is_continuation(text[at])) ++at;
  return at;
}

size_t width_at(const std::string& text, size_t at) {
  return columns_of(std::string_view(text).substr(at, next(text, at) - at));
}

// The editor has one row: a mark stands for each line break.
std::string in_one_row(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "↵";
    } else {
      out += c == '\t' ? ' ' : c;
    }
  }
  return out;
}

size_t word_start(const std::string& text, size_t at) {
  while (at > 0 && text[at - 1] == ' ') --at;
  while (at > 0 && text[at - 1] != ' ') --at;
  return at;
}

}  // namespace

LineEditor::LineEditor(std::string history_file) : history_file_(std::move(history_file)) { load_history(); }

LineEditor::End LineEditor::read(std::string_view prompt, std::string& line) {
  line.clear();
  if (!can_edit()) {
    if (stdin_is_terminal()) write_err(prompt);
    char c = 0;
    bool any = false;
    while (read_byte(c)) {
      any = true;
      if (c == '\n') return End::kLine;
      line += c;
    }
    return any ? End::kLine : End::kEof;
  }
  std::string piece;
  for (;;) {
    const End end = edit(line.empty() ? prompt : "… ", piece);
    if (end != End::kLine) return end;
    line += piece;
    if (!line.ends_with('\\')) break;
    line.back() = '\n';
  }
  remember(line);
  return End::kLine;
}

LineEditor::End LineEditor::edit(std::string_view prompt, std::string& line) {
  const RawMode raw;
  Edit edit{.prompt = std::string(prompt), .text = {}, .recalled = history_.size(), .draft = {}};
  End end = End::kEof;
  char c = 0;
  draw(edit);
  while (read_byte(c)) {
    if (key(edit, c, end)) break;
    draw(edit);
  }
  if (end == End::kLine) show_whole(edit);
  write_out("\r\n");
  line = std::move(edit.text);
  return end;
}

// True when the line has ended, `end` tells how.
bool LineEditor::key(Edit& edit, char c, End& end) {
  std::string& text = edit.text;
  switch (c) {
    case '\r':
    case '\n': end = End::kLine; return true;
    case control('C'): end = End::kInterrupt; return true;
    case control('D'):
      if (text.empty()) return true;
      erase(edit, edit.cursor, next(text, edit.cursor));
      break;
    case control('H'):
    case kDelete: erase(edit, previous(text, edit.cursor), edit.cursor); break;
    case control('A'): edit.cursor = 0; break;
    case control('E'): edit.cursor = text.size(); break;
    case control('B'): edit.cursor = previous(text, edit.cursor); break;
    case control('F'): edit.cursor = next(text, edit.cursor); break;
    case control('P'): recall(edit, true); break;
    case control('N'): recall(edit, false); break;
    case control('K'): erase(edit, edit.cursor, text.size()); break;
    case control('U'): erase(edit, 0, edit.cursor); break;
    case control('W'): erase(edit, word_start(text, edit.cursor), edit.cursor); break;
    case control('L'): write_out("\033[H\033[2J"); break;
    case kEscape: escape(edit); break;
    default: insert(edit, c);
  }
  return false;
}

// "ESC [ A", "ESC O H", "ESC [ 3 ~": the keys that have no character.
void LineEditor::escape(Edit& edit) {
  char kind = 0;
  char c = 0;
  if (!read_byte(kind) || (kind != '[' && kind != 'O')) return;
  std::string digits;
  while (read_byte(c) && ((c >= '0' && c <= '9') || c == ';')) digits += c;
  if (c == 'A') recall(edit, true);
  if (c == 'B') recall(edit, false);
  if (c == 'C') edit.cursor = next(edit.text, edit.cursor);
  if (c == 'D') edit.cursor = previous(edit.text, edit.cursor);
  if (c == 'H' || (c == '~' && (digits == "1" || digits == "7"))) edit.cursor = 0;
  if (c == 'F' || (c == '~' && (digits == "4" || digits == "8"))) edit.cursor = edit.text.size();
  if (c == '~' && digits == "200") paste(edit);
  if (c == '~' && digits == "3") erase(edit, edit.cursor, next(edit.text, edit.cursor));
}

// A whole character; what is no UTF-8 and other control keys are ignored.
void LineEditor::insert(Edit& edit, char first) {
  const auto lead = static_cast<unsigned char>(first);
  if (lead < 0x20) return;
  const size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  std::string character(1, first);
  char c = 0;
  while (character.size() < length && read_byte(c)) character += c;
  if (utf8_length(character) != character.size()) return;
  edit.text.insert(edit.cursor, character);
  edit.cursor += character.size();
}

// Up to the mark that ends it. Nothing that is pasted acts as a key.
void LineEditor::paste(Edit& edit) {
  constexpr std::string_view kEnd = "\033[201~";
  std::string raw;
  char c = 0;
  while (!raw.ends_with(kEnd) && read_byte(c)) raw += c;
  if (raw.ends_with(kEnd)) raw.resize(raw.size() - kEnd.size());
  std::string text;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\r' && i + 1 < raw.size() && raw[i + 1] == '\n') continue;
    text += raw[i] == '\r' ? '\n' : raw[i];
  }
  while (text.ends_with('\n')) text.pop_back();
  text = safe_text(text);
  edit.text.insert(edit.cursor, text);
  edit.cursor += text.size();
}

void LineEditor::erase(Edit& edit, size_t from, size_t to) {
  edit.text.erase(from, to - from);
  edit.cursor = from;
}

void LineEditor::recall(Edit& edit, bool back) {
  if (back ? edit.recalled == 0 : edit.recalled == history_.size()) return;
  if (edit.recalled == history_.size()) edit.draft = edit.text;
  edit.recalled += back ? static_cast<size_t>(-1) : 1;
  edit.text = edit.recalled == history_.size() ? edit.draft : history_[edit.recalled];
  edit.cursor = edit.text.size();
}

// What was entered stays to be read, also when it did not fit the row.
void LineEditor::show_whole(const Edit& edit) {
  const bool one_row = edit.text.find('\n') == std::string::npos;
  if (one_row && columns_of(edit.prompt) + columns_of(edit.text) < terminal_columns()) return;
  write_out("\r\033[K" + edit.prompt);
  for (const std::string& row : split(edit.text, '\n')) write_out(row + "\r\n");
}

// The part of the line around the cursor that fits the terminal.
void LineEditor::draw(const Edit& edit) const {
  const std::string& text = edit.text;
  const size_t before = columns_of(edit.prompt);
  const size_t room = std::max<size_t>(terminal_columns(), before + 8) - before - 1;
  size_t from = edit.cursor;
  size_t left = 0;  // columns from there to the cursor
  while (from > 0 && left + width_at(text, previous(text, from)) < room) {
    from = previous(text, from);
    left += width_at(text, from);
  }
  size_t to = edit.cursor;
  for (size_t shown = left; to < text.size(); to = next(text, to)) {
    shown += width_at(text, to);
    if (shown > room) break;
  }
  write_out("\r" + edit.prompt + in_one_row(std::string_view(text).substr(from, to - from)) +
            "\033[K\r\033[" + std::to_string(before + left) + "C");
}

void LineEditor::load_history() {
  if (history_file_.empty()) return;
  const auto text = read_file(history_file_, kMaxHistoryBytes);
  if (!text.ok()) return;
  for (const std::string& row : split(*text, '\n'))
    if (const auto line = Json::parse(row); line && line->is_string()) history_.push_back(line->as_string());
  if (history_.size() > kMaxHistory)
    history_.erase(history_.begin(), history_.end() - static_cast<std::ptrdiff_t>(kMaxHistory));
}

void LineEditor::remember(const std::string& line) {
  const bool again = !history_.empty() && history_.back() == line;
  if (again || line.find_first_not_of(" \n") == line.npos) return;
  history_.push_back(line);
  if (!history_file_.empty()) append_private_file(history_file_, quote(line) + "\n");
}

}  // namespace cli
