#include "tool/finalize.h"

namespace tau::tool {
namespace {

std::string cut_marker(size_t bytes) { return format("\n[truncated: {} more bytes]", bytes); }

}  // namespace

std::string cut_text(std::string_view text, size_t max_bytes, size_t original_bytes) {
  if (text.size() <= max_bytes && original_bytes <= text.size()) return std::string(text);
  const size_t total = original_bytes > text.size() ? original_bytes : text.size();
  const size_t reserve = cut_marker(total).size();
  const std::string_view kept = truncate_utf8(text, max_bytes > reserve ? max_bytes - reserve : 0);
  return std::string(kept) + cut_marker(total - kept.size());
}

void finalize(const Call& call, const Manifest& manifest, FinalizeHook* hook, Result& result) {
  const size_t original = result.content.size();
  const size_t scanned = manifest.max_result_bytes + safety::kScanSlackBytes;
  const bool dropped = original > scanned;
  if (dropped) result.content.resize(truncate_utf8(result.content, scanned).size());
  if (!is_valid_utf8(result.content)) result.content = repair_utf8(result.content);
  if (hook != nullptr) hook->finalize(call, manifest, result);
  // What was dropped unseen counts as cut, even if redaction has made the rest short.
  if (dropped || result.content.size() > manifest.max_result_bytes)
    result.content = cut_text(result.content, manifest.max_result_bytes, dropped ? original : 0);
  result.labels.join(Labels::tool(manifest.name));
}

}  // namespace tau::tool
