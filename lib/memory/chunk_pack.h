// Puts pieces of a file together to chunks of the wished size, and cuts pieces that are too long. Private to
// the chunkers.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "memory/chunk.h"

namespace tau::memory {

inline constexpr size_t kMaxHeadingBytes = 256;
inline constexpr size_t kMaxHeadingPartBytes = 80;

// "a > b", with parts that are too long cut, and the front of a path that is too long left out.
std::string heading_path(const std::vector<std::string>& parts);

// How many bytes of `text`, which is longer than `max`, belong to the first of its parts: up to a paragraph,
// a sentence (of prose), a line or a word, near `target`; never through a character.
size_t cut_point(std::string_view text, size_t target, size_t max, bool prose);

class ChunkPacker {
 public:
  struct Piece {
    std::string_view text;
    int64_t first_line = 1;
    int64_t last_line = 1;
    std::string_view kind = "text";
    std::string_view joint = "\n\n";  // between it and what stands before it in its chunk
  };

  ChunkPacker(const ChunkOptions& options, std::vector<Chunk>& out) : options_(options), out_(out) {}
  // Closes the chunk: what follows stands under `heading`.
  void section(std::string_view heading);
  // A piece stays whole where it fits.
  void add(const Piece& piece);
  // Names a symbol that the last piece defines: it goes to the heading of its chunk.
  void name(std::string_view symbol);
  // A chunk that is open ends here.
  void close();
  bool is_open() const { return !open_.text.empty(); }
  // More chunks than are allowed: it takes no more.
  bool full() const { return full_; }
  const ChunkOptions& options() const { return options_; }

 private:
  bool fits(const Piece& piece) const;
  void append(const Piece& piece);
  void close_full();

  const ChunkOptions& options_;
  std::vector<Chunk>& out_;
  std::string heading_;
  std::string symbols_;
  std::string tail_;  // of the chunk before: the overlap
  Chunk open_;
  bool full_ = false;
};

// Headings of levels 1 to 6. One with nothing under it, not even another, says what it says by itself.
class HeadingPath {
 public:
  explicit HeadingPath(ChunkPacker& packer) : packer_(packer) {}
  void enter(size_t level, std::string_view title, int64_t line);
  void said() { said_ = true; }  // something stands under the last one
  void finish();

 private:
  void tell_empty(size_t next_level);

  ChunkPacker& packer_;
  std::array<std::string, 6> titles_;  // as much of each as a path shows
  std::string last_;                   // all of it
  size_t level_ = 0;
  int64_t line_ = 0;
  bool said_ = true;
};

// Rows under a header that is said again with each group of them.
class RowPacker {
 public:
  RowPacker(ChunkPacker& packer, std::string_view header, int64_t header_line, std::string_view kind);
  void add(std::string_view row, int64_t first_line, int64_t last_line);
  void close();

 private:
  ChunkPacker& packer_;
  std::string header_;  // empty when it is too long to be repeated
  std::string rows_;
  int64_t header_line_;
  int64_t first_line_ = 0;
  int64_t last_line_ = 0;
  bool groups_ = false;  // one was closed
  std::string_view kind_;
};

}  // namespace tau::memory
