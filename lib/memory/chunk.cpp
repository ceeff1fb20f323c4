#include "memory/chunk.h"

#include <algorithm>
#include <limits>

#include "memory/chunk_format.h"
#include "memory/chunk_line.h"
#include "memory/code_style.h"
#include "memory/memory_check.h"

namespace tau::memory {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr size_t kLeastMaxBytes = 64;
constexpr size_t kMostMaxBytes = 60'000;  // with its heading a chunk is one memory

struct Format {
  std::string_view extensions;  // with a blank on either side
  std::string_view name;
};
constexpr Format kFormats[] = {
    {" txt text rst adoc asciidoc org tex srt vtt eml ", "text"},
    {" md markdown mdx mdown mkd qmd rmd ", "markdown"},
    {" json geojson ipynb webmanifest ", "json"},
    {" jsonl ndjson jsonlines ", "jsonl"},
    {" csv ", "csv"},
    {" tsv tab ", "tsv"},
    {" html htm xhtml ", "html"},
    {" pdf ", "pdf"},
    {" xml xsd xsl xslt rss atom kml plist log yaml yml toml ini cfg conf properties env ", "lines"},
};

std::string extension_of(std::string_view name) {
  const size_t slash = name.find_last_of("/\\");
  if (slash != name.npos) name.remove_prefix(slash + 1);
  const size_t dot = name.rfind('.');
  std::string out(dot == name.npos ? "" : name.substr(dot + 1));
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

Status check_options(const ChunkOptions& options) {
  const bool fine = options.max_bytes >= kLeastMaxBytes && options.max_bytes <= kMostMaxBytes &&
                    options.target_bytes >= kLeastMaxBytes / 2 && options.target_bytes <= options.max_bytes &&
                    options.overlap_bytes <= options.target_bytes / 2;
  if (fine) return {};
  return invalid_argument("invalid_chunk_options",
                          format("chunks of {} to {} bytes with an overlap of {}: wants {} <= target <= max, "
                                 "{} <= max <= {}, overlap "
                                 "<= target / 2",
                                 options.target_bytes, options.max_bytes, options.overlap_bytes,
                                 kLeastMaxBytes / 2, kLeastMaxBytes, kMostMaxBytes));
}

Status not_text(std::string_view name, std::string_view why) {
  return invalid_argument("not_text", format("\"{}\" is no text: {}", shown_text(name), why));
}

Status check_bytes(std::string_view name, std::string_view bytes, const ChunkOptions& options) {
  const size_t most = std::min<size_t>(options.max_file_bytes, std::numeric_limits<uint32_t>::max());
  if (bytes.size() > most)
    return resource_exhausted("file_too_large", format("\"{}\" has {} bytes; {} are allowed",
                                                       shown_text(name), bytes.size(), most));
  if (bytes.starts_with("%PDF-"))
    return invalid_argument("needs_converter",
                            format("\"{}\" is a PDF: it must be converted to text first", shown_text(name)));
  if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff"))
    return not_text(name, "it is in UTF-16; save it as UTF-8");
  const size_t zero = bytes.find('\0');
  if (zero != bytes.npos) return not_text(name, format("byte {} is zero", zero));
  const size_t valid = valid_utf8_prefix(bytes);
  if (valid < bytes.size())
    return not_text(name, format("byte {} is not valid UTF-8; convert it to UTF-8 if it is text", valid));
  return {};
}

// "\n" at every end of a line; `copy` keeps what must be changed for that.
std::string_view with_plain_lines(std::string_view text, std::string& copy) {
  if (text.find('\r') == text.npos) return text;
  copy.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      copy += text[i];
    } else if (i + 1 == text.size() || text[i + 1] != '\n') {
      copy += '\n';
    }
  }
  return copy;
}

bool starts_like(std::string_view text, std::string_view lower_case) {
  if (text.size() < lower_case.size()) return false;
  for (size_t i = 0; i < lower_case.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    if (c != lower_case[i]) return false;
  }
  return true;
}

std::string_view format_by_content(std::string_view text) {
  const std::string_view front = trim_left(text);
  if (front.starts_with('{') || front.starts_with('[')) return "json";
  if (starts_like(front, "<!doctype html") || starts_like(front, "<html")) return "html";
  if (front.starts_with("#!")) return "code";
  if (front.starts_with("# ") || front.starts_with("---\n")) return "markdown";
  return "text";
}

void run_format(std::string_view name, std::string_view text, ChunkPacker& packer, ChunkedFile& file) {
  const std::string_view as = file.format;
  if (as == "markdown") {
    chunk_markdown(text, packer, file);
  } else if (as == "json") {
    const Status status = chunk_json(text, 1, packer);
    if (status.ok()) return;
    // Several values, one a line, or something that only begins like JSON.
    file.format = "lines";
    file.note = format("no valid JSON ({}): read as lines", status.message());
    chunk_json_lines(text, packer);
  } else if (as == "jsonl") {
    chunk_json_lines(text, packer);
  } else if (as == "csv" || as == "tsv") {
    chunk_table(text, as == "tsv" ? '\t' : '\0', packer);
  } else if (as == "html") {
    chunk_html(text, packer, file);
  } else if (as == "code" || as == "lines") {
    chunk_code(name, text, packer);
  } else {
    chunk_prose(text, 1, packer);
  }
}

Status too_many(std::string_view name, const ChunkOptions& options) {
  return resource_exhausted(
      "too_many_chunks", format("\"{}\" has more than {} chunks; split it, or allow more", shown_text(name),
                                options.max_chunks));
}

}  // namespace

std::string_view format_by_name(std::string_view name) {
  const std::string extension = " " + extension_of(name) + " ";
  if (extension.size() > 2 && extension.find(' ', 1) == extension.size() - 1)
    for (const Format& row : kFormats)
      if (row.extensions.find(extension) != row.extensions.npos) return row.name;
  return code_style(name) != nullptr ? "code" : "";
}

StatusOr<ChunkedFile> chunk_document(std::string_view name, std::string_view bytes,
                                     const ChunkOptions& options) {
  TAU_RETURN_IF_ERROR(check_options(options));
  TAU_RETURN_IF_ERROR(check_bytes(name, bytes, options));
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  std::string copy;
  const std::string_view text = with_plain_lines(bytes, copy);
  ChunkedFile file;
  file.format = format_by_name(name);
  // What is called a PDF and is none is looked at like a file without a name.
  if (file.format.empty() || file.format == "pdf") file.format = format_by_content(text);
  ChunkPacker packer(options, file.chunks);
  run_format(name, text, packer, file);
  packer.close();
  if (packer.full()) return too_many(name, options);
  return file;
}

StatusOr<std::vector<Chunk>> chunk_file(std::string_view name, std::string_view bytes,
                                        const ChunkOptions& options) {
  TAU_ASSIGN_OR_RETURN(ChunkedFile file, chunk_document(name, bytes, options));
  return std::move(file.chunks);
}

StatusOr<ChunkedFile> chunk_pages(std::string_view bytes, const ChunkOptions& options) {
  TAU_RETURN_IF_ERROR(check_options(options));
  TAU_RETURN_IF_ERROR(check_bytes("converted text", bytes, options));
  std::string copy;
  ChunkedFile file;
  file.format = "pages";
  ChunkPacker packer(options, file.chunks);
  chunk_page_text(with_plain_lines(bytes, copy), packer);
  if (packer.full()) return too_many("converted text", options);
  return file;
}

}  // namespace tau::memory
