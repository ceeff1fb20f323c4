// Files whose text another program has to take out: which program, as data. Running it, confined and within
// these limits, is the business of who has a launcher.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tau::memory {

struct ExternalText {
  std::vector<std::string> argv;  // text comes out of its standard output
  int64_t timeout_ms = 60'000;
  size_t max_output_bytes = 100 << 20;
  bool pages = false;  // form feeds end pages: chunk_pages()
};

// By the extension of the file's name; `path` is what the program is to open. Nothing for files that need
// none, or that no program is known for.
std::optional<ExternalText> external_text(std::string_view path);

}  // namespace tau::memory
