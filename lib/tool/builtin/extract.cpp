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

// What an agent that may ask is told beside.
constexpr std::string_view kQuestionDescription =
    " Where no kind fits, ask: question in plain words and schema for the answer, in place of kind. A "
    "separate "
    "model that knows "
    "nothing of this conversation and has no tools reads the text and answers. Its answer is as little to be "
    "trusted as the "
    "text. schema is a JSON Schema in which every value has a bound: enum, boolean, integer, number, string "
    "with "
    "format date, "
    "string with maxLength up to 64, array with maxItems up to 32, object with properties.";

constexpr std::string_view kQuestionParameters = R"(,
"question":{"type":"string","minLength":1,"maxLength":1000,"description":"What is asked about the text"},
"schema":{"type":"object","description":"JSON Schema of the answer, for example {\"enum\":[\"refund\",\"complaint\",\"other\"]}"})";

constexpr size_t kMaxSchemaBytes = 8 << 10;
constexpr size_t kMaxAskedBytes = 512 << 10;  // of a text that a model reads at once
// The question keeps its own time, so that what it cost is known; the executor's is the backstop.
constexpr int64_t kTimeoutMs = 130'000;

std::string parameters(bool asks) {
  const size_t end = kParameters.find("},\n\"required\"");
  std::string out(kParameters.substr(0, end));
  if (!asks) return std::string(kParameters);
  out += kQuestionParameters;
  out += R"(},"required":["handle"],"additionalProperties":false})";
  return out;
}

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

StatusOr<HeldQuestion> read_question(const json::Value& arguments, const safety::Quarantine* held) {
  if (arguments.contains("kind"))
    return invalid_argument("invalid_form", "give either a kind or a question, not both");
  if (!arguments.contains("schema")) return invalid_argument("invalid_form", "a question needs a schema");
  if (held == nullptr) return not_found("unknown_handle", "no text is held here");
  HeldQuestion out;
  out.question = arguments["question"].as_string();
  out.schema = json::write(arguments["schema"]);
  if (out.schema.size() > kMaxSchemaBytes)
    return invalid_argument("invalid_form", format("the schema has more than {} bytes", kMaxSchemaBytes));
  TAU_ASSIGN_OR_RETURN(out.form, safety::AnswerForm::compile(arguments["schema"]));
  TAU_ASSIGN_OR_RETURN(const safety::Quarantine::Held* const text,
                       held->find(arguments["handle"].as_string()));
  TAU_ASSIGN_OR_RETURN(out.text, safety::narrowed(text->text, arguments["pointer"].as_string()));
  if (out.text.size() > kMaxAskedBytes)
    return resource_exhausted(
        "text_too_long",
        format("a model reads at most {} bytes at once: narrow the text with pointer", kMaxAskedBytes));
  out.labels = text->labels;
  return out;
}

class ExtractTool final : public Tool {
 public:
  explicit ExtractTool(bool asks) : asks_(asks) {
    manifest_.name = "extract";
    manifest_.description = kDescription;
    if (asks) manifest_.description += kQuestionDescription;
    manifest_.parameters = parameters(asks);
    manifest_.timeout_ms = kTimeoutMs;
    manifest_.effect = Effect::kPure;
    manifest_.idempotent = true;
    manifest_.sandboxed = true;
    manifest_.takes_handles = true;
    manifest_.runs = Manifest::Runs::kLoop;  // held texts are the loop's
  }
  const Manifest& manifest() const override { return manifest_; }
  void start(const Call& call, const Context& context, Reply reply, const std::atomic<bool>&) override {
    if (asks_ && call.arguments.contains("question")) return ask(call, context, std::move(reply));
    StatusOr<Result> result = extract(call.arguments, context.held);
    reply.complete(result.ok() ? *std::move(result) : error_result(result.status()));
  }

 private:
  static void ask(const Call& call, const Context& context, Reply reply) {
    StatusOr<HeldQuestion> question = read_question(call.arguments, context.held);
    if (!question.ok()) return reply.complete(error_result(question.status()));
    if (context.host == nullptr)
      return reply.complete(error_result("no_questions", "no model answers questions about held texts here"));
    context.host->ask_model(call, *std::move(question), std::move(reply));
  }

  Manifest manifest_;
  const bool asks_;
};

}  // namespace

std::shared_ptr<Tool> make_extract_tool(bool asks) { return std::make_shared<ExtractTool>(asks); }

}  // namespace tau::tool
