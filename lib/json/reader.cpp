// Reader: the grammar of nesting over the scanner's tokens.
#include <array>
#include <cmath>

#include "json/json.h"
#include "json/scanner.h"

namespace tau::json {

struct Reader::Impl {
  // What may come next: a value; the first key or element of a container; what follows a value in a
  // container; nothing, because the document ended or was never loaded; nothing, because of a failure.
  enum class Due : uint8_t { kValue, kFirst, kNext, kEnd, kFailed };

  bool fail(Scanner::Reason reason, const char* what) {
    scan.fail(reason, scan.offset(), what);
    return failed();
  }

  bool failed() {
    due = Due::kFailed;
    status = scan.status();
    return false;
  }

  bool want_value() {
    if (due == Due::kValue) [[likely]]
      return true;
    if (due != Due::kFailed) fail(Scanner::Reason::kMisuse, "no value is due");
    return false;
  }

  // Closes the books on a value that was just consumed.
  bool consumed() {
    if (depth != 0) [[likely]] {
      due = Due::kNext;
      return true;
    }
    due = Due::kEnd;
    return scan.at_end() || fail(Scanner::Reason::kSyntax, "text after the document");
  }

  bool enter(char open, const char* what) {
    if (!want_value()) return false;
    if (scan.peek() != open) return mismatch(what);
    if (depth >= kMaxDepth) return fail(Scanner::Reason::kDepth, "too many nested arrays and objects");
    scan.advance();
    opened[static_cast<size_t>(depth++)] = open;
    due = Due::kFirst;
    return true;
  }

  // Moves to the next key or element: true when there is one, false at the end or on failure.
  bool step(char open, char close) {
    if (due != Due::kFirst && due != Due::kNext) [[unlikely]] {
      if (due != Due::kFailed) fail(Scanner::Reason::kMisuse, "a value is due, or the document ended");
      return false;
    }
    if (depth == 0 || opened[static_cast<size_t>(depth - 1)] != open)
      return fail(Scanner::Reason::kMisuse, "not in a container of this kind");
    const char c = scan.peek();
    if (c == close) {
      scan.advance();
      --depth;
      consumed();
      return false;
    }
    if (due == Due::kNext) {
      if (c != ',') return fail(Scanner::Reason::kSyntax, "expected ',' or the end of the container");
      scan.advance();
    }
    due = Due::kValue;
    return true;
  }

  // A value of another kind is a type error when it is JSON at all, else a syntax error.
  bool mismatch(const char* what) {
    const size_t at = scan.offset();
    if (!scan.skip(depth)) return failed();
    scan.fail(Scanner::Reason::kType, at, what);
    return failed();
  }

  bool text(std::string_view& out) {
    if (scan.plain(out)) [[likely]]
      return true;
    return decoded(out, scan.halves());
  }

  bool value_text(std::string_view& out, Halves halves) {
    if (!want_value()) return false;
    if (scan.plain(out)) [[likely]]
      return consumed();
    if (scan.peek() != '"') return mismatch("expected a string");
    return decoded(out, halves) && consumed();
  }

  bool decoded(std::string_view& out, Halves halves) {
    bool escaped = false;
    if (!scan.quoted(out, escaped)) return failed();
    if (!escaped) return true;
    // In place: decoded text is never longer, and a consumed token is not read again.
    char* const begin = buffer.data() + (out.data() - buffer.data());
    size_t length = 0;
    if (!scan.unescape(out, halves, begin, length)) return failed();
    out = std::string_view(begin, length);
    return true;
  }

  Scanner scan;
  std::string buffer;
  Status status;
  std::array<char, kMaxDepth> opened{};
  int depth = 0;
  Due due = Due::kEnd;
};

Reader::Reader(Halves halves) : impl_(std::make_unique<Impl>()) { impl_->scan.set_halves(halves); }
Reader::~Reader() = default;

bool Reader::load(std::string_view document) {
  Impl& r = *impl_;
  r.buffer.assign(document);
  r.depth = 0;
  if (!r.status.ok()) r.status = Status();
  if (!r.scan.load(r.buffer)) return r.failed();
  r.due = Impl::Due::kValue;
  return true;
}

const Status& Reader::status() const { return impl_->status; }
std::span<const uint32_t> Reader::tokens() const { return impl_->scan.tokens(); }

size_t Reader::offset_of(std::string_view text) const {
  return static_cast<size_t>(text.data() - impl_->buffer.data());
}

Value::Kind Reader::kind() {
  Impl& r = *impl_;
  if (r.due != Impl::Due::kValue || r.scan.at_end()) return Value::Kind::kNull;
  switch (r.scan.peek()) {
    case '{': return Value::Kind::kObject;
    case '[': return Value::Kind::kArray;
    case '"': return Value::Kind::kString;
    case 't':
    case 'f': return Value::Kind::kBool;
    case 'n': return Value::Kind::kNull;
    default: break;
  }
  const std::string_view t = r.scan.token(r.scan.position());
  if (t[0] != '-' && (t[0] < '0' || t[0] > '9')) return Value::Kind::kNull;
  return t.find_first_of(".eE") == std::string_view::npos ? Value::Kind::kInt : Value::Kind::kDouble;
}

bool Reader::enter_object() { return impl_->enter('{', "expected an object"); }
bool Reader::enter_array() { return impl_->enter('[', "expected an array"); }

bool Reader::next_key(std::string_view& key) {
  Impl& r = *impl_;
  if (!r.step('{', '}')) return false;
  if (!r.text(key)) return false;
  return r.scan.expect(':', "expected ':' after the key") || r.failed();
}

bool Reader::next_element() { return impl_->step('[', ']'); }

bool Reader::string(std::string_view& out) { return impl_->value_text(out, impl_->scan.halves()); }

bool Reader::piece(std::string_view& out) {
  const bool keep = impl_->scan.halves() != Halves::kRefuse;
  return impl_->value_text(out, keep ? Halves::kKeep : Halves::kRefuse);
}

bool Reader::integer(int64_t& out) {
  Impl& r = *impl_;
  if (!r.want_value()) return false;
  const Value::Kind found = kind();
  if (found != Value::Kind::kInt && found != Value::Kind::kDouble) return r.mismatch("expected an integer");
  const size_t at = r.scan.offset();
  Scanner::Number n;
  if (!r.scan.number(n)) return r.failed();
  if (n.kind == Scanner::Number::Kind::kDouble) {
    const Value integral(n.d);
    out = integral.as_int();
    if (integral != Value(out)) {
      r.scan.fail(Scanner::Reason::kType, at, "expected an integer");
      return r.failed();
    }
  } else if (n.kind == Scanner::Number::Kind::kUint) {
    r.scan.fail(Scanner::Reason::kNumberRange, at, "an integer above 2^63 - 1");
    return r.failed();
  } else {
    out = n.i;
  }
  return r.consumed();
}

bool Reader::number(double& out) {
  Impl& r = *impl_;
  if (!r.want_value()) return false;
  const Value::Kind found = kind();
  if (found != Value::Kind::kInt && found != Value::Kind::kDouble) return r.mismatch("expected a number");
  Scanner::Number n;
  if (!r.scan.number(n)) return r.failed();
  switch (n.kind) {
    case Scanner::Number::Kind::kInt: out = static_cast<double>(n.i); break;
    case Scanner::Number::Kind::kUint: out = static_cast<double>(n.u); break;
    case Scanner::Number::Kind::kDouble: out = n.d; break;
  }
  return r.consumed();
}

bool Reader::boolean(bool& out) {
  Impl& r = *impl_;
  if (!r.want_value()) return false;
  const char c = r.scan.peek();
  if (c != 't' && c != 'f') return r.mismatch("expected true or false");
  out = c == 't';
  return r.scan.literal(out ? "true" : "false") ? r.consumed() : r.failed();
}

bool Reader::null() {
  Impl& r = *impl_;
  if (!r.want_value() || r.scan.peek() != 'n') return false;
  return r.scan.literal("null") ? r.consumed() : r.failed();
}

bool Reader::raw(std::string_view& out) {
  Impl& r = *impl_;
  if (!r.want_value()) return false;
  const size_t begin = r.scan.offset();
  if (!r.scan.skip(r.depth)) return r.failed();
  const std::string_view last = r.scan.token(r.scan.position() - 1);
  out = std::string_view(r.buffer.data() + begin,
                         static_cast<size_t>(last.data() + last.size() - r.buffer.data()) - begin);
  return r.consumed();
}

bool Reader::skip() {
  Impl& r = *impl_;
  if (!r.want_value()) return false;
  std::string_view ignored;
  if (r.scan.plain(ignored)) return r.consumed();
  return r.scan.skip(r.depth) ? r.consumed() : r.failed();
}

}  // namespace tau::json
