// tau models …: providers, and what is known of their models.
#include "client.h"
#include "commands.h"
#include "money.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr size_t kNameWidth = 14;
constexpr size_t kModelWidth = 32;
constexpr size_t kReferenceWidth = 46;
constexpr size_t kPriceWidth = 24;
constexpr size_t kTextWidth = 400;

int write_text(const std::string& text) { return write_out(text) ? kExitOk : kExitFailed; }

std::string key_text(const Json& provider) {
  const std::string& key = provider["key"].as_string();
  if (key.empty()) return "no key needed";
  return key + (provider["ready"].as_bool() ? " is set" : " is not set");
}

Result<Json> ask(const Options& options, Json request) {
  Options reading = options;
  reading.no_store = true;
  const auto client = Client::open(reading);
  if (!client.ok()) return client.failure();
  return (*client).perform(request);
}

std::string abilities_text(const Json& model) {
  std::vector<std::string_view> words;
  for (const char* ability : {"tools", "images", "reasoning"})
    if (model[ability].as_bool()) words.emplace_back(ability);
  return joined(words, ", ");
}

std::string window_text(const Json& model) {
  const auto part = [&](const char* key) {
    const int64_t tokens = model[key].as_int();
    return tokens == 0 ? std::string("?") : tokens_text(tokens);
  };
  return part("context_tokens") + " / " + part("max_output_tokens");
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

}  // namespace

int command_models(const Options& options) {
  const auto about = Client::about(options);
  if (!about.ok()) return report(about.failure());
  if (options.json) {
    Json out = Json::object();
    out.set("model", (*about)["model"]);
    out.set("model_reason", (*about)["model_reason"]);
    out.set("providers", (*about)["providers"]);
    return write_text(out.dump() + "\n");
  }
  const bool rich = stdout_is_rich();
  std::string text = "answers now: " + (*about)["model"].as_string() + ", because " +
                     (*about)["model_reason"].as_string() + "\n\n";
  text += paint(rich, Style::kBold,
                padded("PROVIDER", kNameWidth) + padded("MODEL BY DEFAULT", kModelWidth) + "KEY") +
          "\n";
  for (const Json& provider : (*about)["providers"].items()) {
    const std::string& model = provider["default_model"].as_string();
    const std::string line = padded(provider["name"].as_string(), kNameWidth) +
                             padded(model.empty() ? "name one" : model, kModelWidth) + key_text(provider);
    const bool usable = provider["ready"].as_bool() && !provider["key"].as_string().empty();
    text += paint(rich, usable ? Style::kBold : Style::kPlain, line) + "\n";
  }
  return write_text(text + "\nAsk one of them: tau run --model PROVIDER/MODEL \"…\"\n");
}

int command_models_list(const Options& options) {
  const auto answer = ask(options, request_of("models"));
  if (!answer.ok()) return report(answer.failure());
  Json rows = Json::array();
  int64_t hidden = 0;
  for (const Json& model : (*answer)["models"].items()) {
    if (!contains(model["model"].as_string(), options.pattern)) continue;
    if (options.all || options.json || model["ready"].as_bool() || !options.pattern.empty())
      rows.push_back(model);
    else
      ++hidden;
  }
  if (options.json) {
    Json out = Json::object();
    out.set("models", std::move(rows));
    return write_text(out.dump() + "\n");
  }
  std::string text;
  if (!rows.items().empty())
    text = paint(stdout_is_rich(), Style::kBold,
                 padded("MODEL", kReferenceWidth) + padded("WINDOW / ANSWER", 18) +
                     padded("IN / OUT PER M TOKENS", kPriceWidth) + "ABILITIES") +
           "\n";
  for (const Json& model : rows.items())
    text += padded(one_line(model["model"].as_string(), kReferenceWidth - 1), kReferenceWidth) +
            padded(window_text(model), 18) + padded(price_text(model["price"]), kPriceWidth) +
            abilities_text(model) + "\n";
  if (rows.items().empty() && hidden == 0)
    write_err("tau: no model has such a name; others can be asked, too\n");
  if (hidden != 0)
    write_err("tau: " + std::to_string(hidden) +
              " models of providers whose key is not set are not shown: --all\n");
  return write_text(text);
}

int command_models_show(const Options& options) {
  Json request = request_of("model");
  request.set("model", Json::string(options.id));
  const auto answer = ask(options, request);
  if (!answer.ok()) return report(answer.failure());
  if (options.json) return write_text((*answer).dump() + "\n");
  return write_text((*answer).dump() + "\n");
}

}  // namespace cli
