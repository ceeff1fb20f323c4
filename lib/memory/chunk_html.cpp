// Pages of HTML: the text that a reader sees, under its headings. Made for markup as it comes, hostile markup
// included: every byte is looked at a bounded number of times.
#include <algorithm>
#include <array>

#include "json/json.h"
#include "memory/chunk_format.h"
#include "memory/chunk_line.h"
#include "memory/html_entity.h"

namespace tau::memory {
namespace {

constexpr size_t kMaxNameBytes = 16;
constexpr size_t kMaxBlockBytes = 64 << 10;  // a paragraph that is longer is told in parts

using Names = std::initializer_list<std::string_view>;
bool is_one(std::string_view name, Names names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}
bool is_block(std::string_view name) {
  return is_one(name,
                {"address", "article", "aside",  "blockquote", "body", "caption",  "center",     "dd",
                 "details", "dialog",  "div",    "dl",         "dt",   "fieldset", "figcaption", "figure",
                 "footer",  "form",    "header", "hr",         "html", "legend",   "li",         "main",
                 "nav",     "ol",      "option", "p",          "pre",  "section",  "summary",    "table",
                 "tbody",   "tfoot",   "thead",  "title",      "tr",   "ul"});
}
bool is_void(std::string_view name) {
  return is_one(name, {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source",
                       "track", "wbr"});
}
// Nothing of them is shown, and what looks like markup within is none.
bool is_raw(std::string_view name) {
  return is_one(name, {"iframe", "noembed", "noframes", "script", "style", "xmp"});
}
bool is_never_shown(std::string_view name) {
  return is_one(name, {"canvas", "math", "noscript", "object", "svg", "template"});
}
// The next of its kind ends it.
bool ends_by_itself(std::string_view name) {
  return is_one(name, {"dd", "dt", "li", "option", "p", "td", "th", "tr"});
}
size_t heading_level(std::string_view name) {
  return name.size() == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6'
             ? static_cast<size_t>(name[1] - '0')
             : 0;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

struct Tag {
  std::string name;  // in lower case
  bool closing = false;
  bool empty = false;   // "/>"
  bool hidden = false;  // by an attribute
  std::string alt;
};

class HtmlChunker {
 public:
  HtmlChunker(std::string_view text, ChunkPacker& packer)
      : text_(text), lines_(text), packer_(packer), headings_(packer) {}
  void run();
  const std::string& title() const { return title_; }

 private:
  void markup();
  Tag read_tag();
  void read_attribute(Tag& tag);
  void open(const Tag& tag);
  void close(const Tag& tag);
  void skip_raw(std::string_view name);
  void say(std::string_view text);
  void end_block();
  void space() {
    while (at_ < text_.size() && is_blank_char(text_[at_])) ++at_;
  }
  void skip_past(std::string_view mark) {
    const size_t end = text_.find(mark, at_);
    at_ = end == text_.npos ? text_.size() : end + mark.size();
  }
  bool is_hidden() const { return hidden_depth_ > 0; }

  std::string_view text_;
  size_t at_ = 0;
  LineCounter lines_;
  ChunkPacker& packer_;
  HeadingPath headings_;
  std::string block_;
  int64_t block_line_ = 0;
  std::string_view kind_ = "text";
  std::string title_;
  bool in_title_ = false;
  size_t level_ = 0;  // of the heading that is open
  int pre_ = 0;
  std::string hidden_;  // name of the element that hides what is within
  int hidden_depth_ = 0;
};

// Text between tags; what is blank counts as one space.
void HtmlChunker::say(std::string_view text) {
  if (is_hidden() || text.empty()) return;
  std::string plain;
  append_unescaped_html(plain, text);
  if (block_.empty()) block_line_ = lines_.at(at_ + text.size() - trim_left(text).size());
  if (pre_ > 0) {
    block_ += plain;
    return;
  }
  for (const char c : plain) {
    if (!is_blank_char(c)) {
      block_ += c;
    } else if (!block_.empty() && !is_blank_char(block_.back())) {
      block_ += ' ';
    }
    if (block_.size() >= kMaxBlockBytes && is_blank_char(c)) end_block();
  }
}

void HtmlChunker::end_block() {
  const int64_t last_line = std::max(block_line_, lines_.at(at_));
  std::string_view text = pre_ > 0 || kind_ == "code" ? trim_right(block_) : trim(block_);
  if (is_blank_text(text)) { text = {}; }
  if (in_title_) {
    if (title_.empty()) title_ = truncate_utf8(text, kMaxHeadingBytes);
  } else if (level_ > 0) {
    headings_.enter(level_, text, block_line_);
  } else if (!text.empty() && text != "-") {
    packer_.add({text, block_line_, last_line, kind_, kind_ == "text" || kind_ == "code" ? "\n\n" : "\n"});
    headings_.said();
  }
  block_.clear();
}

// In view is what follows an attribute's name's first byte.
void HtmlChunker::read_attribute(Tag& tag) {
  const size_t begin = at_;
  while (at_ < text_.size() && !is_blank_char(text_[at_]) && text_[at_] != '=' && text_[at_] != '>' &&
         text_[at_] != '/')
    ++at_;
  std::string name(text_.substr(begin, std::min(at_ - begin, kMaxNameBytes)));
  std::transform(name.begin(), name.end(), name.begin(), lower);
  if (at_ == begin) ++at_;  // a stray '=' or '/'
  space();
  std::string_view value;
  if (at_ < text_.size() && text_[at_] == '=') {
    ++at_;
    space();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote == '"' || quote == '\'') {
      const size_t end = std::min(text_.find(quote, at_ + 1), text_.size());
      value = text_.substr(at_ + 1, end - at_ - 1);
      at_ = std::min(end + 1, text_.size());
    } else {
      const size_t end = std::min(text_.find_first_of(" \t\n\f>", at_), text_.size());
      value = text_.substr(at_, end - at_);
      at_ = end;
    }
  }
  if (name == "hidden") tag.hidden = true;
  if (name == "alt" && tag.alt.empty()) tag.alt = truncate_utf8(value, kMaxBlockBytes);
  if (name != "style" || value.size() > kMaxBlockBytes) return;
  std::string style;
  for (const char c : value)
    if (!is_blank_char(c)) style += lower(c);
  if (style.find("display:none") != style.npos || style.find("visibility:hidden") != style.npos)
    tag.hidden = true;
}

// At the '<' of a tag; afterwards behind its '>'.
Tag HtmlChunker::read_tag() {
  Tag tag;
  ++at_;
  if (text_[at_] == '/') {
    tag.closing = true;
    ++at_;
  }
  const size_t begin = at_;
  while (at_ < text_.size() && !is_blank_char(text_[at_]) && text_[at_] != '>' && text_[at_] != '/') ++at_;
  tag.name = text_.substr(begin, std::min(at_ - begin, kMaxNameBytes));
  std::transform(tag.name.begin(), tag.name.end(), tag.name.begin(), lower);
  for (space(); at_ < text_.size() && text_[at_] != '>'; space()) {
    tag.empty = text_[at_] == '/' && at_ + 1 < text_.size() && text_[at_ + 1] == '>';
    read_attribute(tag);
  }
  if (at_ < text_.size()) ++at_;
  return tag;
}

void HtmlChunker::skip_raw(std::string_view name) {
  while (at_ < text_.size()) {
    const size_t end = text_.find("</", at_);
    if (end == text_.npos) {
      at_ = text_.size();
      return;
    }
    at_ = end + 2;
    const std::string_view found = text_.substr(at_, name.size());
    if (std::equal(found.begin(), found.end(), name.begin(), name.end(),
                   [](char a, char b) { return lower(a) == b; })) {
      skip_past(">");
      return;
    }
  }
}

void HtmlChunker::open(const Tag& tag) {
  if (is_hidden()) {
    if (is_raw(tag.name)) return skip_raw(tag.name);
    if (tag.name != hidden_ || tag.empty) return;
    if (!ends_by_itself(hidden_)) {
      ++hidden_depth_;
      return;
    }
    hidden_depth_ = 0;
  }
  if (is_raw(tag.name)) return skip_raw(tag.name);
  const size_t level = heading_level(tag.name);
  if (is_block(tag.name) || level > 0) end_block();
  if ((tag.hidden || is_never_shown(tag.name)) && !is_void(tag.name) && !tag.empty) {
    hidden_ = tag.name;
    hidden_depth_ = 1;
    return;
  }
  if (level > 0) level_ = level;
  if (tag.name == "title") in_title_ = true;
  if (tag.name == "br" && block_.empty()) block_line_ = lines_.at(at_);
  if (tag.name == "br") block_ += pre_ > 0 ? "\n" : block_.empty() ? "" : "\n";
  if (tag.name == "img" && !tag.alt.empty()) say(tag.alt);
  if (tag.name == "pre") {
    ++pre_;
    kind_ = "code";
  } else if (tag.name == "li") {
    kind_ = "list";
    block_ = "- ";
    block_line_ = lines_.at(at_);
  } else if (tag.name == "tr") {
    kind_ = "table";
  } else if ((tag.name == "td" || tag.name == "th") && !is_blank_text(block_)) {
    block_ += " | ";
  } else if (is_block(tag.name) && pre_ == 0 && !is_one(tag.name, {"ul", "ol"})) {
    kind_ = "text";
  }
}

void HtmlChunker::close(const Tag& tag) {
  if (is_hidden()) {
    if (tag.name == hidden_) --hidden_depth_;
    return;
  }
  if (heading_level(tag.name) > 0 || tag.name == "title") {
    end_block();
    level_ = 0;
    in_title_ = false;
  } else if (is_block(tag.name)) {
    end_block();
    if (tag.name == "pre" && pre_ > 0) --pre_;
    kind_ = "text";
  }
}

// At a '<'.
void HtmlChunker::markup() {
  const std::string_view rest = text_.substr(at_);
  if (rest.starts_with("<!--")) {
    at_ += 4;
    if (text_.substr(at_).starts_with(">")) return void(++at_);
    skip_past("-->");
  } else if (rest.starts_with("<!") || rest.starts_with("<?")) {
    skip_past(">");
  } else if (rest.size() > 1 &&
             (is_letter(rest[1]) || (rest[1] == '/' && rest.size() > 2 && is_letter(rest[2])))) {
    const Tag tag = read_tag();
    tag.closing ? close(tag) : open(tag);
  } else {
    say("<");
    ++at_;
  }
}

void HtmlChunker::run() {
  while (at_ < text_.size() && !packer_.full()) {
    if (text_[at_] == '<') {
      markup();
      continue;
    }
    const size_t end = std::min(text_.find('<', at_), text_.size());
    say(text_.substr(at_, end - at_));
    at_ = end;
  }
  end_block();
  headings_.finish();
}

}  // namespace

void chunk_html(std::string_view text, ChunkPacker& packer, ChunkedFile& file) {
  HtmlChunker chunker(text, packer);
  chunker.run();
  if (chunker.title().empty()) return;
  json::Value attributes;
  attributes.set("title", chunker.title());
  file.attributes = json::write(attributes);
}

}  // namespace tau::memory
