#include "args.h"

#include <algorithm>

#include "failure.h"
#include "surface.h"
#include "text.h"

namespace cli {
namespace {

// The names of the commands right below, and "help" at the top.
std::vector<std::string> names_below(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(child->get_name());
  if (app.get_parent() == nullptr) names.emplace_back("help");
  std::sort(names.begin(), names.end());
  return names;
}

// The words of the chosen commands: "sessions list".
std::string chosen(const CLI::App& root) {
  std::string path;
  for (const CLI::App* app = &root; !app->get_subcommands().empty();) {
    app = app->get_subcommands().front();
    path += (path.empty() ? "" : " ") + app->get_name();
  }
  return path;
}

const CLI::App& deepest(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return *app;
}

// What the parser could not place: the first unknown option, else the first word too many.
Failure unexpected(const CLI::App& root, std::string hint) {
  std::vector<std::string> names;
  for (const CLI::Option* option : deepest(root).get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  const std::vector<std::string_view> known(names.begin(), names.end());
  const std::vector<std::string> words = root.remaining(true);
  for (const std::string& word : words) {
    if (!word.starts_with('-') || word == "-") continue;
    const std::string option = word.substr(0, word.find('='));
    const std::string_view meant = nearest(option, known);
    if (!meant.empty()) hint = "did you mean " + std::string(meant) + "?";
    if (meant == option) hint = "options stand behind the command: tau " + chosen(root) + " " + option + " …";
    return usage_failure("unknown option " + one_line(option, 64), std::move(hint));
  }
  if (chosen(root) == "run") hint = "a prompt of several words stands in quotes";
  const std::string first = words.empty() ? std::string() : one_line(words.front(), 64);
  return usage_failure("unexpected argument '" + first + "'", std::move(hint));
}

// The command of that name or alias right below; null when there is none.
const CLI::App* child_named(const CLI::App& app, std::string_view name) {
  const auto found =
      app.get_subcommands([&](const CLI::App* child) { return child->check_name(std::string(name)); });
  return found.empty() ? nullptr : found.front();
}

// A word that is no command where one is wanted: said before the parser calls it an unexpected argument.
std::optional<Failure> check_word(const CLI::App& app, std::string_view word) {
  const std::vector<std::string> names = names_below(app);
  if (word.starts_with('-') || std::find(names.begin(), names.end(), word) != names.end())
    return std::nullopt;
  if (child_named(app, word) != nullptr) return std::nullopt;  // an alias
  const std::vector<std::string_view> known(names.begin(), names.end());
  const std::string_view meant = nearest(word, known);
  std::string hint = meant.empty() ? "see 'tau help'" : "did you mean '" + std::string(meant) + "'?";
  const std::string of = app.get_parent() == nullptr ? "" : " of 'tau " + app.get_name() + "'";
  return usage_failure("unknown command" + of + " '" + one_line(word, 64) + "'", std::move(hint));
}

std::optional<Failure> check_words(const CLI::App& root, int argc, char** argv) {
  if (argc < 2) return std::nullopt;
  const std::string first = argv[1];
  if (auto failure = check_word(root, first)) return failure;
  if (argc < 3) return std::nullopt;
  if (first == "help") return check_word(root, argv[2]);
  const CLI::App* group = child_named(root, first);
  if (group == nullptr || names_below(*group).empty()) return std::nullopt;
  return check_word(*group, argv[2]);
}

// Text reaches the library as UTF-8; bytes that are none would be altered on the way.
std::optional<Failure> check_bytes(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (!is_utf8(argv[i]))
      return input_failure("invalid_utf8",
                           "argument " + std::to_string(i) + " is no UTF-8: " + one_line(argv[i], 64));
  return std::nullopt;
}

// "tau help run" is "tau run --help".
std::vector<std::string> words_of(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words.front() == "help") {
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  return words;
}

}  // namespace

std::optional<int> parse_arguments(int argc, char** argv, Options& options) {
  if (const auto failure = check_bytes(argc, argv)) return report(*failure);
  const auto surface = make_surface(options);
  CLI::App& root = *surface;
  if (const auto failure = check_words(root, argc, argv)) return report(*failure);
  try {
    root.parse(words_of(argc, argv));
  } catch (const CLI::Success& answer) {  // help, version
    root.exit(answer);
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    const std::string command = chosen(root);
    std::string hint = "see 'tau " + (command.empty() ? "" : command + " ") + "--help'";
    if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr)
      return report(unexpected(root, std::move(hint)));
    return report(usage_failure(error.what(), std::move(hint)));
  }
  options.command = chosen(root);
  return std::nullopt;
}

}  // namespace cli
