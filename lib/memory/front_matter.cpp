#include "memory/front_matter.h"

#include <algorithm>
#include <vector>

#include "memory/chunk_line.h"

namespace tau::memory {
namespace {

std::string unquote_single(std::string_view body) {
  std::string out;
  for (size_t i = 0; i < body.size(); ++i) {
    out += body[i];
    if (body[i] == '\'' && i + 1 < body.size() && body[i + 1] == '\'') ++i;
  }
  return out;
}

// JSON, where it is that; bare words are no JSON.
std::optional<json::Value> as_json(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const char c = text.front();
  const bool may_be = c == '{' || c == '[' || c == '"' || c == '-' || (c >= '0' && c <= '9') ||
                      text == "true" || text == "false" || text == "null";
  if (!may_be) return std::nullopt;
  auto value = json::parse(text);
  if (!value.ok()) return std::nullopt;
  return *std::move(value);
}

// A comment at the end of a line begins with a blank and '#'.
std::string_view without_comment(std::string_view text) {
  for (size_t i = 1; i < text.size(); ++i)
    if (text[i] == '#' && (text[i - 1] == ' ' || text[i - 1] == '\t')) return trim(text.substr(0, i));
  return text;
}

json::Value scalar(std::string_view text) {
  text = trim(text);
  if (auto value = as_json(text)) return *std::move(value);
  if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'')
    return unquote_single(text.substr(1, text.size() - 2));
  const std::string_view bare = without_comment(text);
  if (bare.size() < text.size()) return scalar(bare);
  return text;
}

// "[a, b]": what is within, by its commas.
json::Value flow_list(std::string_view text) {
  json::Value list = json::Value::array();
  text = text.substr(1, text.size() - 2);
  while (!trim(text).empty()) {
    char quote = 0;
    size_t end = 0;
    for (; end < text.size() && (quote != 0 || text[end] != ','); ++end) {
      if (quote != 0 && text[end] == quote) {
        quote = 0;
      } else if (quote == 0 && (text[end] == '"' || text[end] == '\'')) {
        quote = text[end];
      }
    }
    list.push_back(scalar(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return list;
}

json::Value line_value(std::string_view text) {
  text = trim(text);
  if (auto value = as_json(text)) return *std::move(value);
  const std::string_view bare = without_comment(text);
  if (bare.starts_with('[') && !bare.starts_with("[[") && bare.ends_with(']')) return flow_list(bare);
  return scalar(text);
}

// The lines below a key that has nothing beside it: a list, or text as it stands.
json::Value block_value(const std::vector<std::string_view>& lines, char style) {
  json::Value list = json::Value::array();
  std::string text;
  const bool is_list = style == 0 && std::all_of(lines.begin(), lines.end(), [](std::string_view line) {
                         const std::string_view item = trim(line);
                         return item == "-" || item.starts_with("- ");
                       });
  const size_t indent = lines.empty() ? 0 : lines[0].size() - trim_left(lines[0]).size();
  for (const std::string_view line : lines) {
    if (is_list) {
      list.push_back(scalar(trim(line).substr(1)));
      continue;
    }
    const size_t own = line.size() - trim_left(line).size();
    text.append(text.empty() ? "" : style == '>' ? " " : "\n").append(line.substr(std::min(own, indent)));
  }
  if (lines.empty()) return nullptr;
  return is_list ? list : json::Value(std::move(text));
}

struct Key {
  std::string_view name;
  std::string_view rest;
};
std::optional<Key> key_of(std::string_view line) {
  if (line.empty() || is_blank_char(line[0]) || line[0] == '#' || line[0] == '-') return std::nullopt;
  const size_t colon = line.find(':');
  if (colon == line.npos || (colon + 1 < line.size() && !is_blank_char(line[colon + 1]))) return std::nullopt;
  const std::string_view name = trim(line.substr(0, colon));
  if (name.empty()) return std::nullopt;
  return Key{name, trim(line.substr(colon + 1))};
}

json::Value read_fields(const std::vector<std::string_view>& lines) {
  json::Value::Object fields;
  for (size_t i = 0; i < lines.size();) {
    const auto key = key_of(lines[i++]);
    if (!key) continue;
    std::vector<std::string_view> below;
    const auto belongs = [](std::string_view line) {
      return !trim(line).empty() && (is_blank_char(line[0]) || line.starts_with("- ") || line == "-");
    };
    while (i < lines.size() && belongs(lines[i])) below.push_back(lines[i++]);
    const bool is_block = key->rest == "|" || key->rest == ">" || key->rest == "|-" || key->rest == ">-";
    json::Value value = key->rest.empty() || is_block ? block_value(below, is_block ? key->rest[0] : '\0')
                                                      : line_value(key->rest);
    fields.emplace_back(std::string(key->name), std::move(value));
  }
  // Of a key that is there twice the last one counts.
  std::stable_sort(fields.begin(), fields.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  json::Value::Object each;
  for (auto& field : fields) {
    if (!each.empty() && each.back().first == field.first) each.pop_back();
    each.push_back(std::move(field));
  }
  return each;
}

// A string that reads back as itself without quotes.
bool is_plain(std::string_view text, bool in_list) {
  if (text.empty() || text != trim(text) || as_json(text)) return false;
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  if (!is_word(text.front()) || !is_word(text.back())) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_word(c) || c == ' ' || c == '-' || c == '_' || c == '.' || c == '/' || c == '+' || c == '@' ||
           (!in_list && (c == ':' || c == ',' || c == '(' || c == ')'));
  });
}

void append_scalar(std::string& out, const json::Value& value, bool in_list) {
  if (value.is_string() && is_plain(value.as_string(), in_list)) {
    out += value.as_string();
  } else {
    json::write(value, out);
  }
}

}  // namespace

std::optional<FrontMatter> read_front_matter(std::string_view text) {
  LineCursor lines(text);
  if (!lines.next() || trim_right(lines.line()) != "---") return std::nullopt;
  std::vector<std::string_view> inside;
  while (lines.next()) {
    const std::string_view line = lines.line();
    if (static_cast<size_t>(line.data() - text.data()) > kMaxFrontMatterBytes) return std::nullopt;
    if (trim_right(line) == "---" || trim_right(line) == "...") {
      FrontMatter front;
      front.fields = read_fields(inside);
      front.body = lines.rest();
      front.body_line = lines.number() + 1;
      return front;
    }
    inside.push_back(line);
  }
  return std::nullopt;
}

void append_front_field(std::string& out, std::string_view key, const json::Value& value) {
  out.append(key).append(": ");
  if (!value.is_array()) {
    append_scalar(out, value, false);
  } else if (std::any_of(value.as_array().begin(), value.as_array().end(), [](const json::Value& item) {
               return !item.is_string() || !is_plain(item.as_string(), true);
             })) {
    json::write(value, out);
  } else {
    out += '[';
    for (size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ", ";
      append_scalar(out, value.as_array()[i], true);
    }
    out += ']';
  }
  out += '\n';
}

}  // namespace tau::memory
