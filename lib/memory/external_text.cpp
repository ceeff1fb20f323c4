#include "memory/external_text.h"

#include "memory/chunk.h"

namespace tau::memory {

std::optional<ExternalText> external_text(std::string_view path) {
  if (format_by_name(path) != "pdf") return std::nullopt;
  // A path that begins with '-' must not pass for an option.
  const std::string file = path.starts_with('-') ? "./" + std::string(path) : std::string(path);
  ExternalText how;
  how.argv = {"pdftotext", "-layout", "-enc", "UTF-8", "-eol", "unix", "-q", file, "-"};
  how.pages = true;
  return how;
}

}  // namespace tau::memory
