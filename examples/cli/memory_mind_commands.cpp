// tau memory extract, consolidate: memories that a model writes.
#include "commands.h"
#include "files.h"
#include "memory_view.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

using Mode = MemoryClient::Mode;

constexpr size_t kMostTextBytes = 1u << 20;
constexpr size_t kIdWidth = 128;
constexpr size_t kLines = 2;

std::string refused_text(const Json& answer) {
  std::string text;
  for (const Json& each : answer["refused"].items())
    text += "  left out: " +
            one_line(each.contains("id") ? each["id"].as_string() : each["list"].as_string(), kIdWidth) +
            ": " + one_line(each["reason"].as_string(), kIdWidth) + "\n";
  return text;
}

std::string use_text(const Json& answer) {
  if (!answer.contains("model")) return {};
  return one_line(answer["model"].as_string(), kIdWidth) + ": " + answer["calls"].dump() +
         (answer["calls"].as_int() == 1 ? " question, " : " questions, ") + answer["input_tokens"].dump() +
         " + " + answer["output_tokens"].dump() + " tokens\n";
}

// What was written, or would be.
std::string writes_text(const Json& answer) {
  std::string text;
  for (const Json& memory : answer["memories"].items())
    text += memory["created"].as_bool()
                ? memory_text(memory, stdout_is_rich(), kLines)
                : "  as before: " + one_line(memory["id"].as_string(), kIdWidth) + "\n";
  return text + refused_text(answer);
}

std::string extract_text(const Json& answer) {
  const std::string text = writes_text(answer);
  return (text.empty() ? "nothing worth remembering\n" : text) + use_text(answer);
}

std::string consolidate_text(const Json& answer) {
  std::string text;
  for (const Json& group : answer["groups"].items()) {
    text += std::to_string(group["sources"].items().size()) + " that belong together:";
    for (const Json& id : group["sources"].items()) text += " " + one_line(id.as_string(), kIdWidth);
    text += "\n" + writes_text(group);
    if (group.contains("error")) text += "  " + one_line(group["error"]["message"].as_string(), 400) + "\n";
  }
  if (answer["groups"].items().empty()) text = "nothing belongs together\n";
  if (answer["more"].as_bool()) text += "there is more: --limit N\n";
  if (answer["dry_run"].as_bool() && !answer["groups"].items().empty())
    text += "--dry-run: nothing was asked or written\n";
  return text + use_text(answer);
}

Result<Json> extract_request(const Options& options) {
  const MemoryOptions& m = options.memory;
  std::string text = m.text;
  if (text == "-") {
    auto read = read_stdin(kMostTextBytes);
    if (!read.ok()) return read.failure();
    text = *std::move(read);
  }
  if (!is_utf8(text)) return input_failure("invalid_utf8", "the text is no UTF-8");
  Json request = request_of("extract");
  request.set("text", Json::string(text));
  for (const auto& [key, value] :
       {std::pair("time", &m.time), std::pair("thread", &m.thread), std::pair("source", &m.source),
        std::pair("origin", &m.origin), std::pair("model", &m.model)})
    set_text(request, key, *value);
  if (m.most > 0) request.set("max_memories", Json::number(m.most));
  if (options.dry_run) request.set("dry_run", Json::boolean(true));
  return request;
}

}  // namespace

int command_memory_extract(const Options& options) {
  const auto request = extract_request(options);
  if (!request.ok()) return report(request.failure());
  const auto client = MemoryClient::open(options, Mode::kWriting);
  if (!client.ok()) return report(client.failure());
  const auto answer = (*client).perform(*request);
  if (!answer.ok() && answer.failure().reason == "model_answer")
    return report({answer.failure().exit, answer.failure().reason, answer.failure().message,
                   "--model provider/model asks another model"});
  return print_answer(options, answer, extract_text);
}

int command_memory_consolidate(const Options& options) {
  const MemoryOptions& m = options.memory;
  Json request = request_of("consolidate");
  request.set("dry_run", Json::boolean(options.dry_run));
  set_filter(request, m);
  set_text(request, "model", m.model);
  request.set("limit", Json::number(m.questions > 0 ? m.questions : 20));
  if (m.superseded) {
    Json policy = Json::object();
    policy.set("superseded", Json::boolean(true));
    request.set("policy", std::move(policy));
  }
  const auto client = MemoryClient::open(options, options.dry_run ? Mode::kReading : Mode::kWriting);
  if (!client.ok()) return report(client.failure());
  return print_answer(options, (*client).perform(request), consolidate_text);
}

}  // namespace cli
