#include "json/scanner.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "base/format.h"
#include "base/utf8.h"
#include "json/json.h"

namespace tau::json {
struct Scanner::Engine {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
};

Scanner::Scanner() = default;
Scanner::~Scanner() = default;

bool Scanner::reserve(size_t bytes) {
  if (bytes <= capacity_) return true;
  if (bytes > simdjson::SIMDJSON_MAXSIZE_BYTES) return fail(Reason::kSyntax, 0, "the document is over 4 GiB");
  auto fresh = std::make_unique<Engine>();
  const size_t wanted = capacity_ == 0 ? bytes : std::max(bytes, std::min<size_t>(capacity_ * 2, 1u << 31));
  if (simdjson::get_active_implementation()->create_dom_parser_implementation(wanted, 1, fresh->stage) !=
      simdjson::SUCCESS)
    return fail(Reason::kMemory, 0, "out of memory");
  engine_ = std::move(fresh);
  capacity_ = wanted;
  return true;
}

bool Scanner::load(std::string_view text) {
  text_ = text;
  index_ = nullptr;
  count_ = 0;
  position_ = 0;
  if (text.empty()) return diagnose();
  if (!reserve(text.size())) return false;
  auto& stage = *engine_->stage;
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  if (stage.stage1(bytes, text.size(), simdjson::stage1_mode::regular) != simdjson::SUCCESS)
    return diagnose();
  index_ = stage.structural_indexes.get();
  count_ = stage.n_structural_indexes;
  slash_ = find_slash(text.data());
  return true;
}

const char* Scanner::find_slash(const char* from) const {
  const char* const end = text_.data() + text_.size();
  const void* hit = std::memchr(from, '\\', static_cast<size_t>(end - from));
  return hit != nullptr ? static_cast<const char*>(hit) : end;
}

// Stage 1 says only that something is wrong; this finds what and where.
bool Scanner::diagnose() {
  const size_t good = valid_utf8_prefix(text_);
  if (good != text_.size()) return fail(Reason::kUtf8, good, "ill-formed UTF-8");
  size_t open = text_.size();
  for (size_t i = 0; i < text_.size(); ++i) {
    const char c = text_[i];
    if (open == text_.size()) {
      if (c == '"') open = i;
    } else if (c == '"') {
      open = text_.size();
    } else if (c == '\\') {
      ++i;
    } else if (static_cast<uint8_t>(c) < 0x20) {
      return fail(Reason::kSyntax, i, "a control character in a string must be escaped");
    }
  }
  if (open != text_.size()) return fail(Reason::kSyntax, open, "a string is not closed");
  return fail(Reason::kSyntax, 0, "the document is empty");
}

bool Scanner::skip(int depth) {
  switch (peek()) {
    case '{': return skip_container('}', depth);
    case '[': return skip_container(']', depth);
    case '"': {
      std::string_view body;
      bool escaped = false;
      return quoted(body, escaped) && (!escaped || check_escapes(body));
    }
    case 't': return literal("true");
    case 'f': return literal("false");
    case 'n': return literal("null");
    default: {
      Number ignored;
      return number(ignored);
    }
  }
}

bool Scanner::skip_container(char close, int depth) {
  if (depth >= kMaxDepth) return fail(Reason::kDepth, offset(), "too many nested arrays and objects");
  ++position_;
  if (peek() == close) {
    ++position_;
    return true;
  }
  while (true) {
    if (close == '}') {
      std::string_view body;
      bool escaped = false;
      if (!quoted(body, escaped) || (escaped && !check_escapes(body))) return false;
      if (!expect(':', "expected ':' after the key")) return false;
    }
    if (!skip(depth + 1)) return false;
    const char next = peek();
    if (next != ',' && next != close) return fail(Reason::kSyntax, offset(), "expected ',' or the end");
    ++position_;
    if (next == close) return true;
  }
}

bool Scanner::fail(Reason reason, size_t offset, std::string_view what) {
  reason_ = reason;
  failed_at_ = offset;
  what_ = what;
  return false;
}

Status Scanner::status() const {
  constexpr std::string_view kNames[] = {"invalid_json",        "duplicate_key", "invalid_utf8",
                                         "number_out_of_range", "too_deep",      "wrong_type",
                                         "reader_misuse"};
  if (reason_ == Reason::kMemory) return Status::out_of_memory();
  const std::string message = format("{} at byte {}", what_, failed_at_);
  const std::string_view name = kNames[static_cast<size_t>(reason_)];
  if (reason_ == Reason::kMisuse) return failed_precondition(name, message);
  return invalid_argument(name, message);
}

}  // namespace tau::json
