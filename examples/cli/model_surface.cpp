// tau models and tau route: their options.
#include "surface.h"

namespace cli {

void add_models(CLI::App& root, Options& o) {
  CLI::App* models = root.add_subcommand("models", "Providers, their models, and which keys are set");
  CLI::App* list = models->add_subcommand("list", "Models by name, with window, prices and abilities");
  list->add_option("pattern", o.pattern, "Only those whose names hold it: gemini, /gpt-5")->type_name("TEXT");
  list->add_flag("--all", o.all, "Also those of providers whose key is not set");
  CLI::App* show = models->add_subcommand("show", "All that is known of a model, and from where");
  show->add_option("model", o.id, "Model as provider/model")->type_name("PROVIDER/MODEL")->required();
  for (CLI::App* command : {models, list, show}) {
    command->add_flag("--json", o.json, "As JSON");
    add_home_options(*command, o);
  }

  CLI::App* route = root.add_subcommand("route", "One name for several models");
  CLI::App* routes = route->add_subcommand("list", "Routes, and which of their models could be asked");
  CLI::App* test = route->add_subcommand(
      "test", "Ask each model of a route for one word, then the route; it costs what that costs");
  test->add_option("route", o.id, "Route (default: the only one)")->type_name("ROUTE");
  test->add_option("--prompt", o.prompt, "What to ask")->type_name("TEXT")->each([&o](const std::string&) {
    o.has_prompt = true;
  });
  test->add_option("--timeout", o.timeout_seconds, "For each model (default 60)")->type_name("SECONDS");
  for (CLI::App* command : {routes, test}) {
    command->add_flag("--json", o.json, "As JSON");
    add_home_options(*command, o);
  }
}

}  // namespace cli
