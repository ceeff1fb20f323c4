// extract: reads values of closed forms out of results that the model was not shown.
#include "tool/builtin/builtin.h"

namespace tau::tool {
namespace {

constexpr std::string_view kDescription =
    "Reads one short value out of a result that is held back under a handle such as $result_1. The text "
    "itself is never "
    "shown. The answer is given only when the text holds exactly one value of the kind: choice (one of "
    "choices), "
    "integer (between min and max), number, boolean, date (YYYY-MM-DD), id (a token that pattern matches as "
    "a whole), "
    "url, email, count (how often choices occur, or of a list its elements), size (in bytes). pointer is a "
    "JSON "
    "Pointer that narrows a JSON result to one of its values first.";

constexpr std::string_view kParameters = R"({"type":"object","properties":{
"handle":{"type":"string","maxLength":32,"description":"The handle, for example $result_1"},
"kind":{"enum":["choice","integer","number","boolean","date","id","url","email","count","size"]},
"pointer":{"type":"string","maxLength":512,"description":"A JSON Pointer, for example /items/0/price"},
"choices":{"type":"array","items":{"type":"string","minLength":1,"maxLength":64},"minItems":1,"maxItems":64},
"min":{"type":"integer"},"max":{"type":"integer"},
"pattern":{"type":"string","maxLength":256,"description":"A regular expression for an id of at most 64 characters"}},
"required":["handle","kind"],"additionalProperties":false})";

StatusOr<safety::ExtractForm> read_form(const json::Value& arguments) {
  safety::ExtractForm form;
  TAU_ASSIGN_OR_RETURN(form.kind, safety::parse_extract_kind(arguments["kind"].as_string()));
  form.pointer = arguments["pointer"].as_string();
  for (const json::Value& choice : arguments["choices"].as_array())
    form.choices.emplace_back(choice.as_string());
  form.min = arguments["min"].as_int(form.min);
  form.max = arguments["max"].as_int(form.max);
  form.pattern = arguments["pattern"].as_string();
  return form;
}

StatusOr<Result> extract(const json::Value& arguments, const safety::Quarantine* held) {
  if (held == nullptr) return not_found("unknown_handle", "no text is held here");
  TAU_ASSIGN_OR_RETURN(const safety::ExtractForm form, read_form(arguments));
  TAU_ASSIGN_OR_RETURN(safety::Extract extract, held->extract(arguments["handle"].as_string(), form));
  Result result;
  result.content = std::move(extract.value);
  result.labels = std::move(extract.labels);
  return result;
}

class ExtractTool final : public Tool {
 public:
  ExtractTool() {
    manifest_.name = "extract";
    manifest_.description = kDescription;
    manifest_.parameters = kParameters;
    manifest_.effect = Effect::kPure;
    manifest_.idempotent = true;
    manifest_.sandboxed = true;
    manifest_.takes_handles = true;
    manifest_.runs = Manifest::Runs::kLoop;  // held texts are the loop's
  }
  const Manifest& manifest() const override { return manifest_; }
  void start(const Call& call, const Context& context, Reply reply, const std::atomic<bool>&) override {
    StatusOr<Result> result = extract(call.arguments, context.held);
    reply.complete(result.ok() ? *std::move(result) : error_result(result.status()));
  }

 private:
  Manifest manifest_;
};

}  // namespace

std::shared_ptr<Tool> make_extract_tool() { return std::make_shared<ExtractTool>(); }

}  // namespace tau::tool
