// JSON and lines of JSON: elements of lists are records, members stand under the path of keys that leads to
// them. Text comes out as it reads, not as JSON escapes it.
#include <vector>

#include "json/json.h"
#include "memory/chunk_format.h"
#include "memory/chunk_line.h"

namespace tau::memory {
namespace {

constexpr int kMaxIndent = 8;  // levels: text must not grow with what is nested

void append_leaf(std::string& out, const json::Value& value) {
  if (value.is_string()) {
    out += value.as_string();
  } else {
    json::write(value, out);
  }
}

bool is_leaf(const json::Value& value) { return !value.is_object() && !value.is_array(); }

void append_value(std::string& out, const json::Value& value, int depth);

void append_line(std::string& out, std::string_view name, const json::Value& value, int depth) {
  if (!out.empty()) out += '\n';
  out.append(static_cast<size_t>(std::min(depth, kMaxIndent)) * 2, ' ').append(name);
  if (is_leaf(value)) {
    if (!name.empty()) out += ' ';
    append_leaf(out, value);
  } else {
    append_value(out, value, depth + 1);
  }
}

void append_value(std::string& out, const json::Value& value, int depth) {
  if (is_leaf(value)) return append_leaf(out, value);
  for (const auto& [key, member] : value.as_object()) append_line(out, key + ":", member, depth);
  for (const json::Value& element : value.as_array()) append_line(out, "-", element, depth);
  if (value.size() == 0 && !out.empty()) out += value.is_object() ? " {}" : " []";
}

class JsonChunker {
 public:
  JsonChunker(std::string_view text, int64_t first_line, ChunkPacker& packer)
      : text_(text), lines_(text, first_line), packer_(packer) {}
  void run() {
    space();
    if (at_ == text_.size()) return;
    const size_t end = small_end();
    if (text_[at_] != '[' && end != text_.npos) {
      add("", at_, end, "record");
    } else {
      big_value();
    }
    packer_.close();
  }

 private:
  void space() {
    while (at_ < text_.size() && is_blank_char(text_[at_])) ++at_;
  }
  size_t string_end(size_t at, size_t limit) const;
  size_t small_end() const;
  void big_value();
  void object();
  void array();
  void big_scalar();
  void add(std::string_view name, size_t begin, size_t end, std::string_view kind);
  void enter(std::string name) {
    path_.push_back(std::move(name));
    packer_.section(heading_path(path_));
  }
  void leave() {
    path_.pop_back();
    packer_.section(heading_path(path_));
  }

  std::string_view text_;  // valid JSON
  size_t at_ = 0;
  LineCounter lines_;
  ChunkPacker& packer_;
  std::vector<std::string> path_;
};

// After the quote that closes the string at `at`; npos when it has none before `limit`.
size_t JsonChunker::string_end(size_t at, size_t limit) const {
  for (size_t i = at + 1; i < limit; ++i) {
    if (text_[i] == '\\') {
      ++i;
    } else if (text_[i] == '"') {
      return i + 1;
    }
  }
  return text_.npos;
}

// The end of the value in view; npos when it is longer than a chunk.
size_t JsonChunker::small_end() const {
  const size_t limit = std::min(text_.size(), at_ + packer_.options().max_bytes);
  int depth = 0;
  for (size_t i = at_; i < limit;) {
    const char c = text_[i];
    if (c == '"') {
      i = string_end(i, limit);
      if (i == text_.npos) return i;
    } else if (c == '{' || c == '[') {
      ++depth;
      ++i;
    } else if (c == '}' || c == ']') {
      --depth;
      ++i;
    } else if (depth == 0) {
      while (i < text_.size() && !is_blank_char(text_[i]) && text_[i] != ',' && text_[i] != '}' &&
             text_[i] != ']')
        ++i;
      return i;
    } else {
      ++i;
      continue;
    }
    if (depth == 0) return i;
  }
  return text_.npos;
}

void JsonChunker::add(std::string_view name, size_t begin, size_t end, std::string_view kind) {
  const std::string_view slice = text_.substr(begin, end - begin);
  const auto value = json::parse(slice, json::Halves::kReplace);
  std::string shown;
  if (!value.ok()) {  // a key that is there twice: as it stands
    shown.append(name).append(name.empty() ? "" : " ").append(slice);
  } else if (name.empty()) {
    append_value(shown, *value, 0);
    if (shown.empty() && !is_leaf(*value)) shown = value->is_object() ? "{}" : "[]";
  } else {
    append_line(shown, name, *value, 0);
  }
  const int64_t first = lines_.at(begin);
  packer_.add({shown, first, lines_.at(end), kind, "\n"});
  at_ = end;
}

// A string that is longer than a chunk: its text, in parts.
void JsonChunker::big_scalar() {
  size_t end = at_;
  if (text_[at_] == '"') {
    end = string_end(at_, text_.size());
  } else {
    while (end < text_.size() && !is_blank_char(text_[end]) && text_[end] != ',' && text_[end] != '}' &&
           text_[end] != ']')
      ++end;
  }
  add("", at_, std::min(end, text_.size()), "text");
}

void JsonChunker::object() {
  ++at_;
  for (space(); at_ < text_.size() && text_[at_] != '}' && !packer_.full(); space()) {
    const size_t key_end = string_end(at_, text_.size());
    const auto key = json::parse(text_.substr(at_, key_end - at_), json::Halves::kReplace);
    std::string name(key.ok() ? key->as_string() : text_.substr(at_, key_end - at_));
    at_ = key_end;
    space();
    ++at_;  // ':'
    space();
    const size_t end = small_end();
    if (end != text_.npos && name.size() <= packer_.options().max_bytes) {
      add(name + ":", at_, end, "data");
    } else {
      const int64_t line = lines_.at(at_);
      const std::string long_key(name.size() > kMaxHeadingPartBytes ? name : "");
      enter(std::move(name));
      packer_.add({long_key, line, line, "data"});
      big_value();
      leave();
    }
    space();
    if (at_ < text_.size() && text_[at_] == ',') ++at_;
  }
  ++at_;
}

void JsonChunker::array() {
  ++at_;
  int64_t index = 0;
  for (space(); at_ < text_.size() && text_[at_] != ']' && !packer_.full(); space()) {
    ++index;
    const size_t end = small_end();
    const bool scalar = text_[at_] != '{' && text_[at_] != '[';
    if (scalar && end != text_.npos) {
      add("-", at_, end, "data");
    } else {
      enter(format("{}", index));
      if (end != text_.npos) {
        add("", at_, end, "record");
      } else {
        big_value();
      }
      leave();
    }
    space();
    if (at_ < text_.size() && text_[at_] == ',') ++at_;
  }
  ++at_;
}

void JsonChunker::big_value() {
  if (text_[at_] == '{') {
    object();
  } else if (text_[at_] == '[') {
    array();
  } else {
    big_scalar();
  }
}

}  // namespace

Status chunk_json(std::string_view text, int64_t first_line, ChunkPacker& packer) {
  json::Reader reader(json::Halves::kReplace);
  if (!reader.load(text) || !reader.skip()) return reader.status();
  // A reader stops where the value ends.
  if (!is_blank_text(text.substr(std::min(reader.offset(), text.size()))))
    return invalid_argument("invalid_json", "something follows the value");
  JsonChunker(text, first_line, packer).run();
  return {};
}

void chunk_json_lines(std::string_view text, ChunkPacker& packer) {
  LineCursor lines(text);
  while (lines.next() && !packer.full()) {
    if (is_blank_text(lines.line())) continue;
    packer.section("");
    if (!chunk_json(lines.line(), lines.number(), packer).ok())
      packer.add({lines.line(), lines.number(), lines.number()});
    packer.close();
  }
}

}  // namespace tau::memory
