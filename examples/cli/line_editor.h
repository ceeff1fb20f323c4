// Reads lines from a terminal with editing and history; from anything else line by line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// A line that ends with a backslash goes on in the next one; line breaks of pasted text belong to the line.
class LineEditor {
 public:
  enum class End : uint8_t { kLine, kInterrupt, kEof };

  // `history_file`: mode 0600, one JSON string a line; empty: no history is kept.
  explicit LineEditor(std::string history_file);

  End read(std::string_view prompt, std::string& line);

 private:
  // One line of the terminal while it is edited.
  struct Edit {
    std::string prompt;
    std::string text;
    size_t cursor = 0;  // byte offset, on a character
    size_t recalled;    // position in the history; its size: the line being written
    std::string draft;  // that line while the history is shown
  };

  End edit(std::string_view prompt, std::string& line);
  bool key(Edit& edit, char c, End& end);
  void escape(Edit& edit);
  void insert(Edit& edit, char first);
  void paste(Edit& edit);
  void erase(Edit& edit, size_t from, size_t to);
  void recall(Edit& edit, bool back);
  void draw(const Edit& edit) const;
  static void show_whole(const Edit& edit);
  void load_history();
  void remember(const std::string& line);

  std::string history_file_;
  std::vector<std::string> history_;
};

}  // namespace cli
