// Tools that take free text: their calls as calls with a JSON object, which is what every other dialect
// knows.
#include "wire/responses.h"

namespace tau::wire::responses {

std::string custom_arguments(std::string_view input) { return R"({"input":)" + quoted(input) + "}"; }

bool is_custom(const Extras& extras) {
  return extras_belong(extras, kResponses) && !find_form(extras, "custom").empty();
}

bool custom_input(const std::string& arguments, std::string& input) {
  const StatusOr<json::Value> value = json::parse(arguments);
  if (!value.ok() || value->size() != 1 || !(*value)["input"].is_string()) return false;
  input = (*value)["input"].as_string();
  return true;
}

std::string_view custom_schema() {
  return R"({"type":"object","properties":{"input":{"type":"string"}},"required":["input"]})";
}

}  // namespace tau::wire::responses
