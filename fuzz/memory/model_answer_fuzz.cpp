// Texts that come from models and from memories: answers that hold memories, and recalled blocks around any
// text. The input is an answer, and a text.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "law.h"
#include "memory/consolidate.h"
#include "memory/duplicate_text.h"
#include "memory/extract.h"
#include "memory/fence.h"
#include "memory/recall.h"

namespace {

using tau::fuzz::require;
using namespace tau::memory;  // NOLINT: one program

void check_text(std::string_view text) {
  tau::store::MemoryRow row;
  row.id = text;
  row.text = text;
  RecallOptions options;
  options.max_bytes = 0;
  const RecallBlock block = recall_block({{&row, 1}}, options);
  require(strip_recalled(block.text).empty());
  require(strip_recalled("a\n" + block.text + "b") == "a\nb");
  const std::string stripped = strip_recalled(text);
  require(!holds_recalled(stripped) && strip_recalled(stripped) == stripped);
  require(escaped(text, Lines::kEscape).find('<') == std::string::npos);
  const TextForm form = form_of(text);
  require(words_agree(form, form) && capitals_agree(form, form));
  require(print_of(form).plain == print_of(form_of(text)).plain);
}

void check_answer(std::string_view answer) {
  ExtractSource source;
  source.scope.workspace = "w";
  source.text = answer;
  source.known = {{"k", std::string(answer)}};
  const ExtractOptions options;
  (void)extract_request(source, options);
  if (const auto extracted = read_extraction(source, options, answer); extracted.ok()) {
    require(extracted->ids.size() <= options.bounds.max_memories);
    for (const auto& edit : extracted->edits) {
      const auto* put = std::get_if<tau::store::MemoryPut>(&edit.what);
      require(put == nullptr || put->row.scope == source.scope);
    }
  }
  std::vector<tau::store::MemoryRow> rows(3);
  for (auto& row : rows) row.text = answer;
  (void)consolidation_request(rows, {});
  (void)read_consolidation(rows, {}, answer, 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_text(text);
  check_answer(text);
  return 0;
}
