// JSON text in the one form that write() gives it, made without a tree, and walks over text in that form.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"
#include "json/reader.h"

namespace tau::json {

// A member of an object in compact form.
struct CompactMember {
  std::string_view key;   // between its quotes, as it is written
  std::string_view json;  // of the value
};

// write(parse(text)) without the tree, and as strict. One object is used again and again.
class Compactor {
 public:
  explicit Compactor(Halves halves = Halves::kRefuse) : reader_(halves) {}
  // False where parse() refuses the text: then parse() says why.
  bool make(std::string_view text);
  // What make() made; the text itself, where that is compact already. Until the next call.
  std::string_view text() const { return text_; }
  // Whether the text given is compact already.
  bool is_same() const { return text_.data() != out_.data(); }
  // The members of text(); none when that is no object.
  const std::vector<CompactMember>& members() const { return members_; }

 private:
  bool value();
  bool string();
  bool number();
  bool array();
  bool object();

  std::string_view text_;
  std::string out_;
  Reader reader_;
  std::vector<std::string_view> keys_;  // of the objects that are open
  std::vector<CompactMember> members_;
};

// The members of an object in compact form; a value of another kind has none.
class CompactMembers {
 public:
  explicit CompactMembers(std::string_view json);
  bool next();
  std::string_view key() const { return key_; }    // between its quotes, as it is written
  std::string_view json() const { return json_; }  // of the value

 private:
  const char* p_ = nullptr;
  const char* end_ = nullptr;
  std::string_view key_;
  std::string_view json_;
};

// The value of a member; empty when there is none. `key` is plain ASCII.
std::string_view compact_member(std::string_view object, std::string_view key);

// The text of a string in compact form, decoded by way of `scratch` when it has escapes; empty for another
// kind.
std::string_view compact_text(std::string_view json, std::string& scratch);
// A key as it is written, decoded likewise.
std::string_view compact_key(std::string_view key, std::string& scratch);
// As Value::as_int() has it.
int64_t compact_int(std::string_view json);

}  // namespace tau::json
