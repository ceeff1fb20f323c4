// Framing of server-sent events (WHATWG HTML, section 9.2.6). Values stay views into the caller's bytes for
// as long as the bytes are there: an event that lies within one feed() is delivered without a copy.
#include <algorithm>
#include <charconv>
#include <cstring>

#include "net/net.h"

namespace tau::net {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Finds line ends. The next CR and the next LF are remembered, so that each byte is searched once for each of
// the two, whichever of them the lines end with.
class LineFinder {
 public:
  LineFinder(const char* begin, const char* end)
      : end_(end), lf_(find('\n', begin, end)), cr_(find('\r', begin, end)) {}

  // The first CR or LF at or after `p`, or the end.
  const char* line_end(const char* p) {
    if (lf_ < p) lf_ = *p == '\n' ? p : find('\n', p, end_);
    if (cr_ < p) cr_ = find('\r', p, end_);
    return std::min(lf_, cr_);
  }

 private:
  static const char* find(char c, const char* p, const char* end) {
    const void* hit = p == end ? nullptr : std::memchr(p, c, static_cast<size_t>(end - p));
    return hit == nullptr ? end : static_cast<const char*>(hit);
  }
  const char* const end_;
  const char* lf_;
  const char* cr_;
};

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

std::string_view without_leading_space(std::string_view value) {
  if (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  return value;
}

}  // namespace

// The event being built. Its views point into the bytes being fed, into line_, or into data_ and type_.
struct SseParser::Draft {
  std::string_view data;
  std::string_view type;
  bool have_data = false;
};

bool SseParser::has_partial() const {
  const bool in_field = !line_.empty() && line_.front() != ':';
  return in_field || have_data_ || !type_.empty() || (at_start_ && bom_matched_ > 0);
}

Status SseParser::feed_impl(std::string_view bytes, Callback callback, void* f) {
  if (!stopped_) parse(bytes, callback, f);
  if (!too_large_) return ok_status();
  return resource_exhausted("sse_event_too_large",
                            format("a server-sent event is longer than {} bytes", kMaxEventBytes));
}

void SseParser::parse(std::string_view bytes, Callback callback, void* f) {
  if (at_start_) bytes = skip_byte_order_mark(bytes);
  if (bytes.empty()) return;
  const char* p = bytes.data();
  const char* const end = p + bytes.size();
  if (last_was_cr_ && *p == '\n') ++p;  // the second half of a CRLF that was split
  last_was_cr_ = false;

  Draft draft{data_, type_, have_data_};
  LineFinder finder(p, end);
  if (!line_.empty()) {
    const char* const eol = finder.line_end(p);
    if (line_.size() + static_cast<size_t>(eol - p) > kMaxEventBytes) return fail_too_large();
    line_.append(p, eol);
    if (eol == end) return;
    if (!take_line(line_, draft, callback, f)) return;
    p = after_line_end(eol, end);
  }
  while (p != end) {
    const char* const eol = finder.line_end(p);
    if (static_cast<size_t>(eol - p) > kMaxEventBytes) return fail_too_large();
    if (eol == end) break;
    if (!take_line(between(p, eol), draft, callback, f)) return;
    p = after_line_end(eol, end);
  }
  keep(draft);
  line_.assign(p, end);
}

std::string_view SseParser::skip_byte_order_mark(std::string_view bytes) {
  while (!bytes.empty() && bom_matched_ < kByteOrderMark.size() &&
         bytes.front() == kByteOrderMark[bom_matched_]) {
    bytes.remove_prefix(1);
    ++bom_matched_;
  }
  if (bom_matched_ == kByteOrderMark.size()) {
    at_start_ = false;
  } else if (!bytes.empty()) {
    at_start_ = false;
    line_.assign(kByteOrderMark.substr(0, bom_matched_));  // what looked like a mark is the first line
  }
  return bytes;
}

const char* SseParser::after_line_end(const char* eol, const char* end) {
  if (*eol == '\n') return eol + 1;
  last_was_cr_ = eol + 1 == end;
  return eol + 1 != end && eol[1] == '\n' ? eol + 2 : eol + 1;
}

bool SseParser::take_line(std::string_view line, Draft& draft, Callback callback, void* f) {
  if (line.empty()) {
    const Draft event = std::exchange(draft, Draft{});
    if (!event.have_data) return true;
    stopped_ = !callback(f, SseEvent{event.type.empty() ? "message" : event.type, event.data, id_});
    return !stopped_;
  }
  if (line.starts_with("data:")) return add_data(without_leading_space(line.substr(5)), draft);
  return take_field(line, draft);
}

bool SseParser::take_field(std::string_view line, Draft& draft) {
  const size_t colon = line.find(':');
  if (colon == 0) return true;  // a comment
  const std::string_view name = line.substr(0, colon);
  const std::string_view value =
      colon == std::string_view::npos ? std::string_view{} : without_leading_space(line.substr(colon + 1));
  if (name == "data") return add_data(value, draft);
  if (name == "event") {
    draft.type = value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) id_.assign(value);
  } else if (name == "retry") {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    int64_t ms = 0;
    if (std::all_of(value.begin(), value.end(), is_digit) &&
        std::from_chars(value.data(), value.data() + value.size(), ms).ec == std::errc{}) {
      retry_ms_ = ms;
    }
  }
  return true;
}

bool SseParser::add_data(std::string_view value, Draft& draft) {
  if (!draft.have_data) {
    draft.have_data = true;
    draft.data = value;
    return true;
  }
  if (draft.data.size() + 1 + value.size() > kMaxEventBytes) {
    fail_too_large();
    return false;
  }
  if (draft.data.data() != data_.data()) data_.assign(draft.data);
  data_ += '\n';
  data_ += value;
  draft.data = data_;
  return true;
}

// Copies what the views of an unfinished event point to, because the bytes are about to go.
void SseParser::keep(const Draft& draft) {
  have_data_ = draft.have_data;
  if (draft.have_data && draft.data.data() != data_.data()) data_.assign(draft.data);
  if (draft.type.data() != type_.data()) type_.assign(draft.type);
  if (draft.type.empty()) type_.clear();
}

void SseParser::fail_too_large() {
  stopped_ = true;
  too_large_ = true;
}

}  // namespace tau::net
