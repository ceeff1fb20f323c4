// TOML into documents, and configuration files into layers.
#include <algorithm>

#include "base/base.h"
#include "os/os.h"
#include "runtime/config.h"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 64
#include <toml++/toml.h>

namespace tau::runtime {
namespace {

constexpr size_t kMaxBytes = 1u << 20;
constexpr int kMaxDepth = 96;        // of the resulting document
constexpr int kMaxDottedParts = 16;  // of one key or table header

Status invalid(std::string_view source, const toml::source_position& at, std::string_view what) {
  return invalid_argument("invalid_toml", format("{}:{}:{}: {}", source, at.line, at.column, what));
}

// Counts the dots of each key before the parser sees it: dotted keys nest tables, and the parser frees them
// by recursion. Strings and comments are followed as TOML does, up to the first syntax error at least, where
// the parser stops.
class DotGuard {
 public:
  explicit DotGuard(std::string_view text) : text_(text) {}

  // The first position with too many dots, or an empty one.
  toml::source_position find() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == '"' || c == '\'') {
        skip_string(c);
      } else {
        if (c == '.' && ++dots_ > kMaxDottedParts) return position();
        if (std::string_view("\n=,[]{}").find(c) != std::string_view::npos) dots_ = 0;
        ++at_;
      }
    }
    return {};
  }

 private:
  void skip_string(char quote) {
    const bool multi_line = text_.substr(at_).starts_with(std::string(3, quote));
    at_ += multi_line ? 3 : 1;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\\' && quote == '"') {
        at_ += 2;
      } else if (c != quote) {
        if (c == '\n' && !multi_line) return;
        ++at_;
      } else if (!multi_line) {
        ++at_;
        return;
      } else if (text_.substr(at_).starts_with(std::string(3, quote))) {
        for (int i = 0; i < 5 && at_ < text_.size() && text_[at_] == quote; ++i) ++at_;
        return;
      } else {
        ++at_;
      }
    }
  }

  toml::source_position position() const {
    const std::string_view before = text_.substr(0, at_);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t column = at_ - (before.rfind('\n') + 1) + 1;
    return {static_cast<toml::source_index>(line), static_cast<toml::source_index>(column)};
  }

  std::string_view text_;
  size_t at_ = 0;
  int dots_ = 0;
};

class Converter {
 public:
  explicit Converter(std::string_view source) : source_(source) {}

  StatusOr<json::Value> convert(const toml::node& node, int depth) const {
    if (depth > kMaxDepth) return invalid(source_, node.source().begin, "nested too deeply");
    switch (node.type()) {
      case toml::node_type::table: return table(*node.as_table(), depth);
      case toml::node_type::array: return array(*node.as_array(), depth);
      case toml::node_type::string: return json::Value(node.as_string()->get());
      case toml::node_type::integer: return json::Value(node.as_integer()->get());
      case toml::node_type::boolean: return json::Value(node.as_boolean()->get());
      case toml::node_type::floating_point: {
        const double number = node.as_floating_point()->get();
        if (number - number == 0) return json::Value(number);  // neither infinite nor NaN
        return invalid(source_, node.source().begin, "infinity and NaN are no values of any key");
      }
      default: return invalid(source_, node.source().begin, "dates and times are no values of any key");
    }
  }

 private:
  StatusOr<json::Value> table(const toml::table& table, int depth) const {
    json::Value::Object members;
    members.reserve(table.size());
    for (const auto& [key, node] : table) {
      TAU_ASSIGN_OR_RETURN(json::Value value, convert(node, depth + 1));
      members.emplace_back(std::string(key.str()), std::move(value));
    }
    return json::Value(std::move(members));
  }

  StatusOr<json::Value> array(const toml::array& array, int depth) const {
    json::Value::Array elements;
    elements.reserve(array.size());
    for (const toml::node& node : array) {
      TAU_ASSIGN_OR_RETURN(json::Value value, convert(node, depth + 1));
      elements.push_back(std::move(value));
    }
    return json::Value(std::move(elements));
  }

  std::string_view source_;
};

}  // namespace

StatusOr<json::Value> parse_toml(std::string_view text, std::string_view source) {
  if (text.size() > kMaxBytes) return invalid(source, {1, 1}, format("larger than {} bytes", kMaxBytes));
  const size_t valid = valid_utf8_prefix(text);
  if (valid != text.size()) {
    const std::string_view before = text.substr(0, valid);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    return invalid(source, {static_cast<toml::source_index>(line), 1}, "the line is not UTF-8");
  }
  if (const auto at = DotGuard(text).find()) return invalid(source, at, "the key has too many parts");
  const toml::parse_result result = toml::parse(text, std::string_view("config"));
  if (!result) return invalid(source, result.error().source().begin, result.error().description());
  return Converter(source).convert(result.table(), 0);
}

StatusOr<std::optional<Layer>> load_file(std::string_view origin, const std::string& path) {
  auto text = os::read_file(path, kMaxBytes);
  if (!text.ok()) {
    if (text.status().code() == Code::kNotFound) return std::optional<Layer>();
    return text.status();
  }
  auto document = path.ends_with(".json") ? json::parse(*text) : parse_toml(*text, path);
  if (!document.ok())
    return document.status().reason() == "invalid_toml" ? document.status()
                                                        : document.status().annotate(path);
  return std::optional<Layer>(Layer{std::string(origin), path, *std::move(document)});
}

}  // namespace tau::runtime
