// tau memory tree, stats, graph, path, maintain, export, import: many memories at once.
#include <algorithm>
#include <filesystem>
#include <map>

#include "clock.h"
#include "commands.h"
#include "files.h"
#include "memory_view.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

using Mode = MemoryClient::Mode;

constexpr size_t kNameWidth = 40;
constexpr size_t kSnippetWidth = 60;
constexpr size_t kIdWidth = 128;

int simple(const Options& options, Mode mode, const Json& request, std::string (*text)(const Json&)) {
  const auto client = MemoryClient::open(options, mode);
  if (!client.ok()) return report(client.failure());
  return print_answer(options, (*client).perform(request), text);
}

std::string memories_text(int64_t count) {
  return std::to_string(count) + (count == 1 ? " memory" : " memories");
}

std::string tree_text(const Json& tree) {
  std::string text = one_line(tree["workspace"].as_string(), kNameWidth) + "  " +
                     memories_text(tree["memories"].as_int()) + "\n";
  for (const Json& scope : tree["scopes"].items()) {
    const std::string& channel = scope["channel"].as_string();
    const std::string& actor = scope["actor"].as_string();
    std::string name = channel.empty() ? "(whole workspace)" : one_line(channel, kNameWidth);
    if (!actor.empty()) name += " / " + one_line(actor, kNameWidth);
    text += "  " + padded(name, kNameWidth) + "  " + memories_text(scope["memories"].as_int());
    if (const int64_t forgotten = scope["forgotten"].as_int(); forgotten > 0)
      text += ", " + std::to_string(forgotten) + " forgotten";
    text += "\n";
  }
  return text;
}

std::string graph_text(const Json& graph) {
  std::string text;
  std::map<int64_t, std::string> names;  // edges go between numbers
  for (const Json& node : graph["nodes"].items()) {
    const std::string& name = names[node["node"].as_int()] = one_line(node["id"].as_string(), kNameWidth);
    text += padded(name, kNameWidth) + "  " + one_line(node["label"].as_string(), kSnippetWidth) + "\n";
  }
  for (const Json& edge : graph["edges"].items())
    text += names[edge["source"].as_int()] + " " + edge["relation"].as_string() + " " +
            names[edge["target"].as_int()] + "  " + score_text(as_double(edge["weight"])) + "\n";
  if (graph["truncated"].as_bool() || graph.contains("next")) text += "there is more: --limit N\n";
  return text;
}

// Without what is said of indexes that this process has not opened.
std::string stats_text(const Json& stats) {
  Json shown = Json::object();
  for (const auto& [key, value] : stats.members())
    if (key != "index" || value["open"].as_int() > 0) shown.set(key, value);
  return report_lines(shown);
}

// What was done, or would be: a line for each memory, then a line of counts.
std::string maintain_text(const Json& answer) {
  constexpr size_t kReasonWidth = 14;
  const bool dry_run = answer["dry_run"].as_bool();
  std::string text;
  for (const Json& action : answer["actions"].items()) {
    std::string reason = one_line(action["reason"].as_string(), kNameWidth);
    std::replace(reason.begin(), reason.end(), '_', ' ');
    text += padded(reason, kReasonWidth) + "  " + one_line(action["id"].as_string(), kIdWidth);
    if (action["kept"].is_string()) text += ", as " + one_line(action["kept"].as_string(), kIdWidth);
    text += "\n";
  }
  if (const int64_t more = answer["left_out"].as_int(); more > 0)
    text += "… and " + std::to_string(more) + " more\n";
  const int64_t all = static_cast<int64_t>(answer["actions"].items().size()) + answer["left_out"].as_int();
  const Json& done = answer["done"];
  text += utc_text(answer["at_ms"].as_int()) + ": of " + memories_text(answer["scanned"].as_int()) + " ";
  if (all == 0) return text + "none needs anything\n";
  if (dry_run) return text + std::to_string(all) + " would change; --dry-run: nothing was done\n";
  return text + done["forgotten"].dump() + " forgotten, " + done["merged"].dump() + " merged into others, " +
         done["purged"].dump() + " erased\n";
}

Result<Json> read_policy(const std::string& path) {
  constexpr size_t kMostBytes = 1u << 20;
  const auto text = path == "-" ? read_stdin(kMostBytes) : read_file(path, kMostBytes);
  if (!text.ok()) return text.failure();
  auto policy = Json::parse(*text);
  if (policy && policy->is_object()) return *std::move(policy);
  return input_failure("invalid_policy", "--policy " + path + " holds no JSON object",
                       R"(such as {"purge_after_days": 90})");
}

Failure no_folder() {
  return {kExitFailed, "no_folder", "no temporary folder can be made", "TMPDIR names a place for it"};
}

// By way of a file of this program's own: an export is whole, or there is none.
int export_to_stdout(const Options& options, Json request) {
  if (options.memory.format == "markdown")
    return report(usage_failure("notes are files of a folder, and stdout is none", "name a folder"));
  const TemporaryFolder folder;
  if (folder.path().empty()) return report(no_folder());
  const std::string path = folder.path() + "/export";
  request.set("path", Json::string(path));
  const auto client = MemoryClient::open(options, Mode::kUsing);
  if (!client.ok()) return report(client.failure());
  const auto answer = (*client).perform(request);
  if (!answer.ok()) return report(answer.failure());
  const auto failure = file_to_stdout(path);
  if (!failure) return kExitOk;
  return failure->message.empty() ? failure->exit : report(*failure);
}

std::string absolute(const std::string& path) {
  std::error_code no_directory;
  return std::filesystem::absolute(path, no_directory).string();
}

Json file_request(std::string_view op, const Options& options) {
  Json request = request_of(op);
  request.set("path", Json::string(absolute(options.memory.path)));
  set_text(request, "format", options.memory.format);
  return request;
}

std::string path_text(const Json& answer) {
  std::string text;
  for (const Json& path : answer["paths"].items()) {
    text += "weight " + score_text(as_double(path["weight"])) + "\n";
    std::map<int64_t, std::string> names;
    for (const Json& node : path["nodes"].items())
      names[node["node"].as_int()] = one_line(node["id"].as_string(), kNameWidth);
    const auto& nodes = path["nodes"].items();
    for (size_t i = 0; i < nodes.size(); ++i) {
      text += "  " + padded(names[nodes[i]["node"].as_int()], kNameWidth) + "  " +
              one_line(nodes[i]["label"].as_string(), kSnippetWidth) + "\n";
      if (i >= path["edges"].items().size()) continue;
      const Json& edge = path["edges"].items()[i];
      text += "    " + names[edge["source"].as_int()] + " " + edge["relation"].as_string() + " " +
              names[edge["target"].as_int()] + "  " + score_text(as_double(edge["weight"])) + "\n";
    }
  }
  if (answer["truncated"].as_bool()) text += "there is too much between them: not all of it was looked at\n";
  return text;
}

}  // namespace

int command_memory_tree(const Options& options) {
  return simple(options, Mode::kReading, request_of("tree"), tree_text);
}
int command_memory_stats(const Options& options) {
  return simple(options, Mode::kReading, request_of("stats"), stats_text);
}

int command_memory_graph(const Options& options) {
  Json request = request_of("graph");
  set_text(request, "id", options.memory.id);
  request.set("limit", Json::number(options.limit));
  if (!options.memory.depth.empty()) {
    auto depth = number_of("--depth", options.memory.depth);
    if (!depth.ok()) return report(depth.failure());
    request.set("depth", *std::move(depth));
  }
  return simple(options, Mode::kReading, request, graph_text);
}

int command_memory_maintain(const Options& options) {
  Json request = request_of("maintain");
  request.set("dry_run", Json::boolean(options.dry_run));
  set_filter(request, options.memory);
  if (!options.memory.policy.empty()) {
    auto policy = read_policy(options.memory.policy);
    if (!policy.ok()) return report(policy.failure());
    request.set("policy", *std::move(policy));
  }
  return simple(options, options.dry_run ? Mode::kReading : Mode::kWriting, request, maintain_text);
}

int command_memory_path(const Options& options) {
  Json request = request_of("path");
  request.set("from", Json::string(options.memory.from));
  request.set("to", Json::string(options.memory.to));
  if (options.memory.most > 0) request.set("max_hops", Json::number(options.memory.most));
  const auto client = MemoryClient::open(options, Mode::kReading);
  if (!client.ok()) return report(client.failure());
  const auto answer = (*client).perform(request);
  if (answer.ok() && (*answer)["paths"].items().empty() && !options.json)
    write_err("no relations lead from one to the other\n");
  return print_answer(options, answer, path_text);
}

int command_memory_export(const Options& options) {
  Json request = file_request("export", options);
  set_filter(request, options.memory);
  return options.memory.path == "-" ? export_to_stdout(options, request)
                                    : simple(options, Mode::kUsing, request, report_lines);
}

int command_memory_import(const Options& options) {
  Json request = file_request("import", options);
  std::optional<TemporaryFolder> folder;
  if (options.memory.path == "-") {
    const std::string path = folder.emplace().path() + "/import";
    if (folder->path().empty()) return report(no_folder());
    if (auto failure = stdin_to_file(path)) return report(*failure);
    request.set("path", Json::string(path));
  }
  const auto client = MemoryClient::open(options, Mode::kWriting);
  if (!client.ok()) return report(client.failure());
  const auto answer = (*client).perform(request);
  const int shown = print_answer(options, answer, report_lines);
  return shown == kExitOk && (*answer)["failed"].as_int() > 0 ? kExitFailed : shown;
}

}  // namespace cli
