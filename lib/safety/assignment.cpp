#include "safety/assignment.h"

#include <algorithm>

#include "safety/chars.h"

namespace tau::safety {
namespace {

// Some steps of a hand-written automaton; each is bounded, so a name costs a bounded time whatever follows.
constexpr size_t kMaxName = 40;
constexpr size_t kMoreWords = 2;  // after the name: "api key", a type
constexpr size_t kMaxClosers = 4;
constexpr size_t kMaxOperator = 5;
constexpr size_t kMaxSpace = 24;
constexpr size_t kMaxOpeners = 4;

class Cursor {
 public:
  Cursor(std::string_view text, size_t at) : text_(text), at_(at) {}

  size_t at() const { return at_; }
  bool ended() const { return at_ >= text_.size(); }
  char peek() const { return text_[at_]; }
  void skip(size_t n) { at_ += n; }
  bool starts_with(std::string_view what) const { return text_.substr(at_, what.size()) == what; }

  // Passes over at most `most` characters of a kind; returns how many.
  template <class Kind>
  size_t pass(size_t most, Kind kind) {
    const size_t from = at_;
    while (at_ < text_.size() && at_ - from < most && kind(text_[at_])) ++at_;
    return at_ - from;
  }

 private:
  std::string_view text_;
  size_t at_;
};

bool in_name(char c) { return is_word(c) || c == '-' || c == '.'; }
bool in_value(char c) {
  return is_word(c) || c == '-' || c == '.' || c == '+' || c == '/' || c == '=' || c == '~' || c == ':' ||
         c == '@' || c == '%';
}
bool in_quoted_value(char c) {
  return static_cast<unsigned char>(c) > 0x20 && !is_quote(c) && c != '\\' && c != '<' && c != '>';
}
bool is_space(char c) { return is_blank(c) || is_break(c); }

// "name", "name string", "api key"; the cursor is then at a closer, an operator or somewhere else.
size_t pass_name(Cursor& cursor) {
  cursor.pass(kMaxName, in_name);
  const size_t end = cursor.at();
  for (size_t words = 0; words < kMoreWords; ++words) {
    Cursor ahead = cursor;
    if (ahead.pass(2, is_blank) == 0 || ahead.pass(kMaxName, is_word) == 0) break;
    cursor = ahead;
  }
  return end;
}

// ":=", "=>", "::=", ".=", "?=", ":", "=", ">" of a tag, "," between quoted arguments.
bool pass_operator(Cursor& cursor, bool closed) {
  bool assigns = false;
  size_t length = 0;
  for (; length < kMaxOperator && !cursor.ended(); ++length) {
    const char c = cursor.peek();
    const bool sign =
        c == '=' || c == ':' || (c == '>' && (assigns || length == 0)) || (c == ',' && closed && length == 0);
    const bool before = c == '?' || c == '.' || c == '+' || c == '|';
    if (!sign && !(before && !assigns)) break;
    assigns |= sign;
    cursor.skip(1);
    if (c == ',' || c == '>') break;
  }
  return assigns;
}

void trim_value(std::string_view text, Assignment& found) {
  while (found.end > found.begin) {
    const char c = text[found.end - 1];
    if (c != '.' && c != ':' && c != ',' && c != ';') break;
    --found.end;
  }
}

}  // namespace

Assignment read_assignment(std::string_view text, size_t at, bool complete, ValueRun& run) {
  Assignment found;
  const auto stop = [&](const Cursor& cursor) {
    found.state = cursor.ended() && !complete ? Assignment::State::kMore : Assignment::State::kNone;
    return found;
  };
  Cursor cursor(text, at);
  found.name_end = pass_name(cursor);
  bool closed = false;
  for (size_t n = 0; n < kMaxClosers && !cursor.ended(); ++n, cursor.skip(1)) {
    if (is_quote(cursor.peek())) {
      closed = true;
    } else if (cursor.peek() != '\\' && cursor.peek() != ']' && cursor.peek() != ')') {
      break;
    }
  }
  cursor.pass(kMaxSpace, is_blank);
  if (!pass_operator(cursor, closed)) return stop(cursor);
  cursor.pass(kMaxSpace, is_space);
  bool quoted = false;
  for (size_t n = 0; n < kMaxOpeners && !cursor.ended(); ++n, cursor.skip(1)) {
    if (is_quote(cursor.peek())) {
      quoted = true;
    } else if (cursor.peek() != '\\' && cursor.peek() != '[' && cursor.peek() != '(') {
      break;
    }
  }
  for (const std::string_view scheme : {"Bearer ", "bearer ", "Basic ", "basic ", "Token ", "token "})
    if (cursor.starts_with(scheme)) cursor.skip(scheme.size());
  found.begin = cursor.at();
  found.quoted = quoted;
  const bool known = quoted == run.quoted && found.begin >= run.begin && found.begin < run.end;
  if (known) cursor.skip(std::min(run.end, text.size()) - found.begin);
  cursor.pass(text.size(), quoted ? in_quoted_value : in_value);
  run = {known ? run.begin : found.begin, std::max(known ? run.end : 0, cursor.at()), quoted};
  found.end = cursor.at();
  if (cursor.ended() && !complete) return stop(cursor);
  trim_value(text, found);
  found.state = found.end > found.begin ? Assignment::State::kFound : Assignment::State::kNone;
  return found;
}

}  // namespace tau::safety
