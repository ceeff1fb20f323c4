// Tool calls that local models write as text: <tool_call>{json}</tool_call>,
// <function=name>{json}</function>, and a bare JSON object {"name":…,"arguments"|"parameters":…} when it is
// all the text there is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wire/wire.h"

namespace tau::wire {

// Splits streamed text into what the reader sees and the calls in it. Text that may begin a call is held back
// until it is one or cannot be one.
class TextToolFilter {
 public:
  struct Call {
    std::string name;
    std::string arguments;
  };

  // Appends what is certainly text to `visible`, and calls that are complete to `calls`.
  void feed(std::string_view piece, std::string& visible, std::vector<Call>& calls);
  // The text ended: what was held back is a call or text.
  void finish(std::string& visible, std::vector<Call>& calls);

 private:
  bool step(std::string& visible, std::vector<Call>& calls);
  bool close_tag(std::string_view closing, std::string& visible, std::vector<Call>& calls);

  std::string held_;
  bool seen_text_ = false;   // something visible or a tagged call came before
  bool whole_json_ = false;  // the text began with '{': nothing is known before its end
};

// Applies the filter to the text parts of a whole response and appends the calls.
void extract_text_tool_calls(Response& response);

}  // namespace tau::wire
