// The form of an answer that a model gives out of a text that nobody trusts: closed, of few bytes, and built
// anew from what was read, so that nothing of the model's spelling gets through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "json/json.h"

namespace tau::safety {

// A JSON Schema of this subset, in which every value has a bound:
//   {"enum":["a","b"]}                                1 to kMaxChoices texts of 1 to kMaxIdBytes bytes
//   {"type":"boolean"}
//   {"type":"integer"} {"type":"number"}              "minimum", "maximum"
//   {"type":"string","format":"date"}                 YYYY-MM-DD, of the calendar
//   {"type":"string","maxLength":40}                  1 to kMaxAnswerCharacters, on one line, all visible
//   {"type":"array","items":{…},"maxItems":10}        1 to kMaxAnswerItems
//   {"type":"object","properties":{…},"required":[…]} 1 to kMaxAnswerMembers; others are never taken
// "description" may stand anywhere, "additionalProperties" in an object, false; any other keyword is refused.
class AnswerForm {
 public:
  static constexpr size_t kMaxAnswerCharacters = 64;
  static constexpr size_t kMaxAnswerItems = 32;
  static constexpr size_t kMaxAnswerMembers = 16;
  static constexpr size_t kMaxAnswerBytes = 4096;  // of the longest answer that the form allows
  static constexpr int kMaxDepth = 4;

  // INVALID_ARGUMENT "invalid_form" names what is wrong and where.
  static StatusOr<AnswerForm> compile(const json::Value& schema);
  // The answer as JSON, its members in the order of the schema. NOT_FOUND "no_extract" when the model says
  // null: the text does not hold it; FAILED_PRECONDITION "answer_form" for whatever else does not fit. No
  // message quotes the answer.
  StatusOr<std::string> read(std::string_view answer) const;

 private:
  enum class Kind : uint8_t { kChoice, kBoolean, kInteger, kNumber, kDate, kText, kList, kRecord };
  struct Node {
    Kind kind = Kind::kBoolean;
    std::vector<std::string> choices;
    double min = 0;  // of a number, when `has_min`
    double max = 0;
    bool has_min = false;
    bool has_max = false;
    size_t most = 0;             // characters, or items
    std::vector<Node> children;  // of a list one, of a record one for each member
    std::vector<std::string> names;
    std::vector<bool> required;
    size_t bytes = 0;  // of the longest value
  };
  class Compiler;
  static bool take(const Node& node, const json::Value& given, json::Value& out);
  static bool take_number(const Node& node, const json::Value& given);
  static bool take_record(const Node& node, const json::Value& given, json::Value& out);

  Node root_;
};

// YYYY-MM-DD, a day of the calendar.
bool is_calendar_date(std::string_view text);

}  // namespace tau::safety
