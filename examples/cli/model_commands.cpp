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
constexpr size_t kWindowWidth = 18;
constexpr size_t kTextWidth = 400;

int write_text(const std::string& text) { return write_out(text) ? kExitOk : kExitFailed; }

std::string key_text(const Json& provider) {
  const std::string& key = provider["key"].as_string();
  if (key.empty()) return "no key needed";
  return key + (provider["ready"].as_bool() ? " is set" : " is not set");
}

Options without_store(const Options& options) {
  Options reading = options;
  reading.no_store = true;
  return reading;
}

// Whether the provider of a model could be asked now.
bool is_ready(const Json& providers, std::string_view model) {
  const std::string_view name = model.substr(0, model.find('/'));
  for (const Json& provider : providers.items())
    if (provider["name"].as_string() == name) return provider["ready"].as_bool();
  return false;
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

std::string tokens_or_unknown(const Json& count) {
  return count.is_null() ? "unknown" : tokens_text(count.as_int()) + " tokens";
}

std::string prices_text(const Json& price) {
  if (!price.is_object()) return "unknown: providers.NAME.price, or models.json in the home, can say";
  std::string text;
  const auto add = [&](std::string_view name, const char* key) {
    const int64_t micros = price[key].as_int();
    if (micros == 0) return;
    text.append(text.empty() ? "" : ", ").append(name).append(" ").append(rate_text(micros));
  };
  add("input", "input");
  add("cached input", "cached_input");
  add("cache write", "cache_write");
  add("output", "output");
  return text.empty() ? "free" : text + " per million tokens";
}

// Those that are not as usual.
std::string quirks_text(const Json& quirks) {
  std::string text;
  for (const auto& [name, value] : quirks.members()) {
    const bool usual = value.kind() == Json::Kind::kBool     ? !value.as_bool()
                       : value.kind() == Json::Kind::kNumber ? value.as_int() == 0
                                                             : value.as_string() == "any";
    if (usual) continue;
    text.append(text.empty() ? "" : ", ").append(name);
    if (value.kind() != Json::Kind::kBool) text.append(" ").append(value.dump());
  }
  return text;
}

std::string whole_text(const Json& model) {
  std::string text = one_line(model["model"].as_string(), kTextWidth) + "\n";
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += "  " + padded(name, 12) + one_line(value, kTextWidth) + "\n";
  };
  add("window", tokens_or_unknown(model["context_tokens"]));
  add("answer", tokens_or_unknown(model["max_output_tokens"]));
  add("price", prices_text(model["price"]));
  if (const Json& dear = model["price"]["long"]; dear.is_object())
    add("", "above " + tokens_text(dear["above_tokens"].as_int()) + " tokens: " + prices_text(dear));
  add("abilities", abilities_text(model));
  add("speaks", model["dialect"].as_string() + " at " + model["base_url"].as_string());
  add("quirks", quirks_text(model["quirks"]));
  add("known from", model["source"].as_string() +
                        (model["as_of"].as_string().empty() ? "" : ", " + model["as_of"].as_string()));
  add("ready", model["ready"].as_bool() ? "yes" : "no: " + model["reason"].as_string());
  return text;
}

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
  const auto client = Client::open(without_store(options));
  if (!client.ok()) return report(client.failure());
  const auto known = (*client).perform(request_of("models"));
  if (!known.ok()) return report(known.failure());
  const auto about = (*client).describe();
  if (!about.ok()) return report(about.failure());
  Json rows = Json::array();
  int64_t hidden = 0;
  for (const Json& model : (*known)["models"].items()) {
    const std::string& name = model["model"].as_string();
    if (name.find(options.pattern) == name.npos) continue;
    Json row = model;
    row.set("ready", Json::boolean(is_ready((*about)["providers"], name)));
    if (options.all || !options.pattern.empty() || row["ready"].as_bool())
      rows.push_back(std::move(row));
    else
      ++hidden;
  }
  std::string text;
  if (options.json) {
    Json out = Json::object();
    out.set("models", std::move(rows));
    return write_text(out.dump() + "\n");
  }
  if (!rows.items().empty())
    text = paint(stdout_is_rich(), Style::kBold,
                 padded("MODEL", kReferenceWidth) + padded("WINDOW / ANSWER", kWindowWidth) +
                     padded("PRICE, IN / OUT", kPriceWidth) + "ABILITIES") +
           "\n";
  for (const Json& model : rows.items())
    text += padded(one_line(model["model"].as_string(), kReferenceWidth - 1), kReferenceWidth) +
            padded(window_text(model), kWindowWidth) + padded(price_text(model["price"]), kPriceWidth) +
            abilities_text(model) + "\n";
  if (rows.items().empty() && hidden == 0)
    write_err("tau: the catalog has no such model; what it does not know can be asked all the same\n");
  if (hidden != 0)
    write_err("tau: " + std::to_string(hidden) +
              " models of providers whose key is not set are not shown: --all\n");
  return write_text(text);
}

int command_models_show(const Options& options) {
  const auto client = Client::open(without_store(options));
  if (!client.ok()) return report(client.failure());
  Json request = request_of("model");
  request.set("model", Json::string(options.id));
  const auto model = (*client).perform(request);
  if (!model.ok()) return report(model.failure());
  return write_text(options.json ? (*model).dump() + "\n" : whole_text(*model));
}

}  // namespace cli
