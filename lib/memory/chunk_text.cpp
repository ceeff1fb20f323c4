// Plain text: paragraphs, and pages.
#include "memory/chunk_format.h"
#include "memory/chunk_line.h"

namespace tau::memory {

void chunk_prose(std::string_view text, int64_t first_line, ChunkPacker& packer) {
  LineCursor lines(text, first_line);
  const char* begin = nullptr;
  int64_t begin_line = 0;
  const auto end_paragraph = [&](const char* end, int64_t last_line) {
    if (begin == nullptr) return;
    packer.add({{begin, static_cast<size_t>(end - begin)}, begin_line, last_line});
    begin = nullptr;
  };
  const char* last = nullptr;
  int64_t last_line = 0;
  while (lines.next() && !packer.full()) {
    if (is_blank_text(lines.line())) {
      end_paragraph(last, last_line);
      continue;
    }
    if (begin == nullptr) {
      begin = lines.line().data();
      begin_line = lines.number();
    }
    last = lines.line().data() + lines.line().size();
    last_line = lines.number();
  }
  end_paragraph(last, last_line);
}

void chunk_page_text(std::string_view text, ChunkPacker& packer) {
  int64_t page = 0;
  int64_t line = 1;
  while (!text.empty() && !packer.full()) {
    const size_t end = std::min(text.find('\f'), text.size());
    const std::string_view content = text.substr(0, end);
    packer.section(format("page {}", ++page));
    chunk_prose(content, line, packer);
    line += count_lines(content);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  packer.close();
}

}  // namespace tau::memory
