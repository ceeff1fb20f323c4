#include "tool/builtin/output_buffer.h"

#include <algorithm>

#include "base/base.h"

namespace tau::tool {

void OutputBuffer::append(std::string_view bytes) {
  total_ += bytes.size();
  const size_t to_head = std::min(bytes.size(), head_max_ - head_.size());
  head_.append(bytes.substr(0, to_head));
  bytes.remove_prefix(to_head);
  if (bytes.size() > tail_max_) bytes.remove_prefix(bytes.size() - tail_max_);
  tail_.append(bytes);
  if (tail_.size() > 2 * tail_max_) tail_.erase(0, tail_.size() - tail_max_);
}

std::string OutputBuffer::text() const {
  if (!cut()) return head_ + tail_;
  // Characters at both edges of the gap stay whole.
  const std::string_view head = truncate_utf8(head_, head_.size());
  std::string_view tail = std::string_view(tail_).substr(tail_.size() - std::min(tail_.size(), tail_max_));
  for (int i = 0; i < 3 && !tail.empty() && (static_cast<unsigned char>(tail[0]) & 0xC0) == 0x80; ++i)
    tail.remove_prefix(1);
  return format("{}\n[… {} bytes cut …]\n{}", head, total_ - head.size() - tail.size(), tail);
}

}  // namespace tau::tool
