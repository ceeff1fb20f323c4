// tau backup, restore, verify, prune: the home as a whole.
#include <algorithm>

#include "client.h"
#include "commands.h"
#include "env_table.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

int print(const std::string& text) { return write_out(text) ? kExitOk : kExitFailed; }

// Prints the report as it is, or as `text` makes it.
template <class Text>
int show(const Options& options, const Result<Json>& result, Text text) {
  if (!result.ok()) return report(result.failure());
  return print(options.json ? (*result).dump() + "\n" : text(*result));
}

// Whether all that is wrong is who else may read.
bool only_modes(const Json& about) {
  const auto& problems = about["problems"].items();
  return !problems.empty() && std::all_of(problems.begin(), problems.end(), [](const Json& problem) {
    return problem["reason"].as_string() == "not_private";
  });
}

}  // namespace

int command_backup(const Options& options) {
  const auto client = Client::open_to_read(options);
  if (!client.ok()) return report(client.failure());
  const auto made = json_of(tau_home_backup, (*client).runtime(), to_tau(options.directory));
  return show(options, made,
              [&](const Json& about) { return options.directory + ": " + contents_text(about) + "\n"; });
}

int command_restore(const Options& options) {
  const auto home = home_of(options);
  if (!home.ok()) return report(home.failure());
  const tau_home_restore_flags flags = options.replace ? TAU_HOME_REPLACE : 0;
  const auto done = json_of(tau_home_restore, to_tau(options.directory), to_tau(*home), flags);
  return show(options, done, [&](const Json& about) {
    const std::string& aside = about["replaced"].as_string();
    return *home + ": " + contents_text(about) + (aside.empty() ? "" : "\nwhat was there: " + aside) + "\n";
  });
}

int command_verify(const Options& options) {
  std::string home = options.directory;
  if (home.empty()) {
    const auto found = home_of(options);
    if (!found.ok()) return report(found.failure());
    home = *found;
  }
  Buffer text;
  tau_error* error = nullptr;
  const tau_status status = tau_home_verify(to_tau(home), text.out(), &error);
  const auto about = Json::parse(text.view());
  if (about && options.json) {
    if (!write_out(std::string(text.view()) + "\n")) return kExitFailed;
  } else if (about) {
    std::string lines = home + ": " + contents_text(*about) + "\n";
    for (const Json& problem : (*about)["problems"].items())
      lines += problem["reason"].as_string() + ": " + safe_text(problem["message"].as_string()) + "\n";
    if ((*about)["sound"].as_bool()) lines += "nothing is wrong\n";
    if (!write_out(lines)) return kExitFailed;
  }
  if (status == TAU_OK) return kExitOk;
  Failure failure = library_failure(status, error);
  if (about && only_modes(*about)) failure.hint = "chmod go= closes those files";
  return report(failure);
}

int command_prune(const Options& options) {
  Json limits = Json::object();
  if (!options.older_than.empty()) {
    const auto days = parse_days(options.older_than);
    if (!days)
      return report(
          usage_failure("--older-than " + options.older_than + ": expected days such as 30d or 4w"));
    limits.set("max_age_days", Json::number(*days));
  }
  if (!options.max_size.empty()) {
    const auto bytes = parse_bytes(options.max_size);
    if (!bytes)
      return report(usage_failure("--max-size " + options.max_size + ": expected a size such as 500M or 2G"));
    limits.set("max_bytes", Json::number(*bytes));
  }
  if (options.dry_run) limits.set("dry_run", Json::boolean(true));
  const auto client = Client::open(options);
  if (!client.ok()) return report(client.failure());
  const auto pruned = json_of(tau_home_prune, (*client).runtime(), to_tau(limits.dump()));
  return show(options, pruned, [&](const Json& about) {
    std::string text;
    for (const Json& id : about["removed"].items()) text += id.as_string() + "\n";
    text += counted(about, "count", "session") + (options.dry_run ? " would go" : " removed") + ", " +
            bytes_text(about["bytes_before"].as_int()) + " -> " + bytes_text(about["bytes_after"].as_int());
    if (about["spared"].as_int() > 0) text += ", " + counted(about, "spared", "session") + " in use stay";
    return text + "\n";
  });
}

}  // namespace cli
