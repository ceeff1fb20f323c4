#include "memory/chunk_pack.h"

#include <algorithm>
#include <array>

#include "memory/chunk_line.h"

namespace tau::memory {
namespace {

constexpr std::string_view kJoint = " > ";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n'; }

// The sizes at which `text` may be cut, the last of them that is not below `low`; 0: there is none.
size_t last_after(std::string_view text, std::string_view mark, size_t low) {
  const size_t at = text.rfind(mark);
  return at == text.npos || at + mark.size() < low ? 0 : at + mark.size();
}

bool is_initial(std::string_view text, size_t dot) {
  size_t begin = dot;
  while (begin > 0 && !is_space(text[begin - 1]) && dot - begin < 3) --begin;
  return dot - begin <= 2;  // "J.", "Dr.", "i.e.": most likely no sentence ends here
}

constexpr std::array<std::string_view, 4> kWideStops = {"。", "！", "？", "；"};

size_t last_sentence(std::string_view text, size_t low) {
  for (size_t i = text.size(); i-- > low;) {
    const char c = text[i];
    if (is_space(c) && i > 0) {
      size_t stop = i - 1;
      while (stop > 0 && (text[stop] == '"' || text[stop] == '\'' || text[stop] == ')')) --stop;
      if (text[stop] == '!' || text[stop] == '?' || (text[stop] == '.' && !is_initial(text, stop)))
        return i + 1;
    }
    if (static_cast<unsigned char>(c) >= 0x80 && i >= 2)
      for (const std::string_view wide : kWideStops)
        if (text.substr(i - 2, 3) == wide) return i + 1;
  }
  return 0;
}

size_t last_space(std::string_view text, size_t low) {
  for (size_t i = text.size(); i-- > low;)
    if (is_space(text[i])) return i + 1;
  return 0;
}

// At a word, so that it can be read: at most `bytes` of the end of a text.
std::string_view tail_of(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  std::string_view tail = text.substr(text.size() - bytes);
  const size_t word = tail.find_first_of(" \n\t");
  if (word != tail.npos) return trim(tail.substr(word));
  while (!tail.empty() && (static_cast<unsigned char>(tail.front()) & 0xc0) == 0x80) tail.remove_prefix(1);
  return tail;
}

}  // namespace

std::string heading_path(const std::vector<std::string>& parts) {
  std::vector<std::string> shown;
  size_t size = 0;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    std::string text(truncate_utf8(trim(*part), kMaxHeadingPartBytes));
    if (text.empty()) continue;
    if (text.size() < trim(*part).size()) text += "…";
    for (char& c : text)
      if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
    size += text.size() + kJoint.size();
    if (size > kMaxHeadingBytes) break;
    shown.push_back(std::move(text));
  }
  std::string out;
  for (auto part = shown.rbegin(); part != shown.rend(); ++part)
    out.append(out.empty() ? "" : kJoint).append(*part);
  return out;
}

size_t cut_point(std::string_view text, size_t target, size_t max, bool prose) {
  for (const size_t end : {target, max}) {
    const std::string_view head = truncate_utf8(text, end);
    const size_t low = end == target ? target / 2 : target;
    if (const size_t cut = last_after(head, "\n\n", low)) return cut;
    if (const size_t cut = prose ? last_sentence(head, low) : 0) return cut;
    if (const size_t cut = last_after(head, "\n", low)) return cut;
  }
  if (const size_t cut = last_space(truncate_utf8(text, target), target / 2)) return cut;
  if (const size_t cut = last_space(truncate_utf8(text, max), target / 2)) return cut;
  return truncate_utf8(text, max).size();
}

void HeadingPath::tell_empty(size_t next_level) {
  if (said_ || next_level > level_) return;
  packer_.section(heading_path({titles_.begin(), titles_.begin() + static_cast<ptrdiff_t>(level_ - 1)}));
  packer_.add({last_, line_, line_, "heading"});
}

void HeadingPath::enter(size_t level, std::string_view title, int64_t line) {
  tell_empty(level);
  for (size_t i = level - 1; i < titles_.size(); ++i) titles_[i].clear();
  titles_[level - 1] = truncate_utf8(title, kMaxHeadingPartBytes + 8);
  last_ = title;
  level_ = level;
  line_ = line;
  said_ = title.empty();
  packer_.section(heading_path({titles_.begin(), titles_.end()}));
}

void HeadingPath::finish() {
  tell_empty(0);
  said_ = true;
  packer_.close();
}

void ChunkPacker::section(std::string_view heading) {
  close();
  tail_.clear();
  heading_ = heading;
}

bool ChunkPacker::fits(const Piece& piece) const {
  if (!is_open()) return true;
  const size_t size = open_.text.size() + piece.joint.size() + piece.text.size();
  if (size > options_.max_bytes) return false;
  return size <= options_.target_bytes || open_.text.size() < options_.target_bytes / 2;
}

void ChunkPacker::append(const Piece& piece) {
  if (!is_open()) {
    open_.first_line = piece.first_line;
    open_.kind = piece.kind;
  } else {
    open_.text += piece.joint;
    if (open_.kind != piece.kind) open_.kind = "text";
  }
  const size_t at = open_.text.size();
  open_.text += piece.text;
  // Escapes of JSON and HTML may name the character that no text has.
  std::replace(open_.text.begin() + static_cast<ptrdiff_t>(at), open_.text.end(), '\0', ' ');
  open_.last_line = piece.last_line;
}

void ChunkPacker::add(const Piece& piece) {
  Piece part = piece;
  part.text = trim_right(part.text);
  if (part.text.empty() || full_) return;
  if (!fits(part)) close_full();
  // Where the piece stands as it is in the file its parts have lines of their own.
  const bool verbatim = part.first_line + count_lines(part.text) == part.last_line;
  const bool prose = part.kind == "text" || part.kind == "list" || part.kind == "page";
  while (part.text.size() > options_.max_bytes && !full_) {
    Piece front = part;
    const size_t cut = cut_point(part.text, options_.target_bytes, options_.max_bytes, prose);
    front.text = trim_right(part.text.substr(0, cut));
    if (verbatim) front.last_line = front.first_line + count_lines(front.text);
    std::string_view rest = part.text.substr(cut);
    while (!rest.empty() && (rest.front() == '\n' || rest.front() == '\r')) rest.remove_prefix(1);
    if (verbatim) part.first_line += count_lines(part.text.substr(0, part.text.size() - rest.size()));
    part.text = rest;
    if (front.text.empty()) continue;
    append(front);
    close_full();
  }
  if (!part.text.empty() && !full_) append(part);
}

void ChunkPacker::name(std::string_view symbol) {
  if (symbol.empty() || symbols_.size() + symbol.size() > kMaxHeadingPartBytes) return;
  symbols_.append(symbols_.empty() ? "" : ", ").append(symbol);
}

void ChunkPacker::close_full() {
  const std::string tail(options_.overlap_bytes == 0 ? std::string_view()
                                                     : tail_of(open_.text, options_.overlap_bytes));
  close();
  tail_ = tail;
}

void ChunkPacker::close() {
  if (!is_open()) return;
  if (is_blank_text(open_.text)) {
    // Nothing but characters that no text has.
  } else if (out_.size() >= options_.max_chunks) {
    full_ = true;
  } else {
    if (!tail_.empty()) open_.text.insert(0, tail_ + "\n");
    open_.heading = symbols_.empty() ? heading_ : heading_path({heading_, symbols_});
    out_.push_back(std::move(open_));
  }
  open_ = Chunk();
  symbols_.clear();
  tail_.clear();
}

RowPacker::RowPacker(ChunkPacker& packer, std::string_view header, int64_t header_line, std::string_view kind)
    : packer_(packer), header_line_(header_line), kind_(kind) {
  header = trim_right(header);
  if (header.size() <= packer.options().target_bytes / 3) {
    header_ = header;
    return;
  }
  // Too long to be said with each group: it stands once, as rows do.
  packer_.add({header, header_line, header_line + count_lines(header), kind_, "\n"});
  packer_.close();
  groups_ = true;
}

void RowPacker::add(std::string_view row, int64_t first_line, int64_t last_line) {
  const size_t target = packer_.options().target_bytes;
  if (!rows_.empty() && header_.size() + rows_.size() + row.size() + 2 > target) close();
  if (rows_.empty()) first_line_ = first_line;
  rows_.append(rows_.empty() ? "" : "\n").append(row);
  last_line_ = last_line;
}

void RowPacker::close() {
  if (rows_.empty() && (groups_ || header_.empty())) return;
  const size_t max = packer_.options().max_bytes;
  const std::string_view header = header_;
  std::string text(header);
  const int64_t first = rows_.empty() || !groups_ ? header_line_ : first_line_;
  const int64_t last = rows_.empty() ? header_line_ : last_line_;
  std::string_view rest = rows_;
  do {
    // One row may be longer than a chunk: each of its parts has the header.
    const size_t room = max - header.size() - 1;
    const size_t cut = rest.size() <= room ? rest.size() : cut_point(rest, room, room, false);
    text.assign(header).append(header.empty() || rest.empty() ? "" : "\n").append(rest.substr(0, cut));
    packer_.close();
    packer_.add({text, first, last, kind_, "\n"});
    rest.remove_prefix(cut);
  } while (!rest.empty() && !packer_.full());
  packer_.close();
  rows_.clear();
  groups_ = true;
}

}  // namespace tau::memory
