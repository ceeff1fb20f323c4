// Cuts files into chunks that respect their structure: what a chunk says can be understood by itself, with
// the path of headings above it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace tau::memory {

// Grows whenever the same bytes come out as other chunks: files are read anew then.
inline constexpr int kChunkVersion = 1;

struct Chunk {
  std::string text;
  std::string heading;  // path of headings, keys or symbols: "Guide > Install"; may be empty
  int64_t first_line = 1;
  int64_t last_line = 1;
  std::string kind;  // "text", "list", "table", "code", "data", "record", "rows", "page", "heading"
};

// Sizes are bytes of UTF-8: text in CJK says as much in 1,200 of them as English does.
struct ChunkOptions {
  size_t target_bytes = 1'200;
  size_t max_bytes = 2'000;  // never more, but for the overlap
  size_t overlap_bytes = 0;  // of the chunk before, at the front of one that goes on where that was full
  size_t max_file_bytes = 100 << 20;
  size_t max_chunks = 200'000;
};

struct ChunkedFile {
  std::string format;  // "markdown", "json", …: what it was read as
  std::string note;    // why it was read as something simpler than its name says; may be empty
  std::string
      attributes;  // of the whole file, one JSON object: front matter, the title of a page; may be empty
  std::vector<Chunk> chunks;
};

// By the extension of `name`, else by what the bytes look like. Takes time and memory linear in their number.
// INVALID_ARGUMENT "not_text" (a zero byte, ill-formed UTF-8), "needs_converter" (PDF: external_text.h),
// "invalid_chunk_options"; RESOURCE_EXHAUSTED "file_too_large", "too_many_chunks".
StatusOr<ChunkedFile> chunk_document(std::string_view name, std::string_view bytes,
                                     const ChunkOptions& options);
StatusOr<std::vector<Chunk>> chunk_file(std::string_view name, std::string_view bytes,
                                        const ChunkOptions& options);
// Text with a form feed after each page, as converters of PDF write it. Headings are "page 3".
StatusOr<ChunkedFile> chunk_pages(std::string_view bytes, const ChunkOptions& options);

// How a file would be read: "text", "markdown", "json", "jsonl", "csv", "tsv", "code", "html", "lines",
// "pdf", or "" when the extension says nothing.
std::string_view format_by_name(std::string_view name);

}  // namespace tau::memory
