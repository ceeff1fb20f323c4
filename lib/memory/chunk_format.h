// One function per format of files: each hands the pieces of a text to the packer. The text is valid UTF-8
// with "\n" at the ends of lines. Private to the chunkers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "memory/chunk_pack.h"

namespace tau::memory {

// Paragraphs.
void chunk_prose(std::string_view text, int64_t first_line, ChunkPacker& packer);
// Pages, each followed by a form feed.
void chunk_page_text(std::string_view text, ChunkPacker& packer);
void chunk_markdown(std::string_view text, ChunkPacker& packer, ChunkedFile& file);
// INVALID_ARGUMENT when it is no JSON, and then nothing was handed over.
Status chunk_json(std::string_view text, int64_t first_line, ChunkPacker& packer);
void chunk_json_lines(std::string_view text, ChunkPacker& packer);
// Without a separator: the one of , ; and tab that the first line has most of.
void chunk_table(std::string_view text, char separator, ChunkPacker& packer);
void chunk_html(std::string_view text, ChunkPacker& packer, ChunkedFile& file);
// Functions, classes and blocks of source code; keys and sections of what is indented otherwise.
void chunk_code(std::string_view name, std::string_view text, ChunkPacker& packer);

}  // namespace tau::memory
