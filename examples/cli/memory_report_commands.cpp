// tau memory tree, stats, graph, maintain, ingest, export, import: many memories at once.
#include <algorithm>
#include <filesystem>
#include <map>

#include "commands.h"
#include "memory_view.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr size_t kNameWidth = 40;
constexpr size_t kSnippetWidth = 60;

int simple(const Options& options, bool reading, const Json& request, std::string (*text)(const Json&)) {
  const auto client = MemoryClient::open(options, reading);
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

// How far an ingestion is, as a line on stderr that is written over.
void show_progress(int64_t done, int64_t all) {
  constexpr int64_t kBar = 30;
  const int64_t full = all > 0 ? done * kBar / all : kBar;
  write_err("\r\033[K[" + std::string(static_cast<size_t>(full), '#') +
            std::string(static_cast<size_t>(kBar - full), ' ') + "] " + std::to_string(done) + " of " +
            std::to_string(all) + " files");
}

// The report of all slices: what each did is added up, what they saw is that of the last.
void add_up(Json& sum, const Json& slice) {
  Json report = slice;
  int64_t before = 0;
  for (const char* key : {"ingested", "added", "moved", "returned", "vanished", "vanished_files"}) {
    if (std::string_view(key) == "ingested") before = sum[key].as_int();
    report.set(key, Json::number(sum[key].as_int() + slice[key].as_int()));
  }
  report.set("unchanged", Json::number(slice["unchanged"].as_int() - before));
  sum = std::move(report);
}

// On a terminal slice by slice, under a bar; what was done stays when it is interrupted.
Result<Json> ingest(const MemoryClient& client, Json request) {
  constexpr int64_t kSlices = 40;
  if (!stderr_is_rich()) return client.perform(request);
  Json looking = request;
  looking.set("dry_run", Json::boolean(true));
  const auto plan = client.perform(looking);
  if (!plan.ok()) return plan;
  const int64_t all = (*plan)["ingested"].as_int();
  request.set("max_files", Json::number(std::max<int64_t>(1, all / kSlices)));
  Json sum = Json::object();
  for (bool more = true; more;) {
    show_progress(std::min(sum["ingested"].as_int(), all), all);
    const auto slice = client.perform(request);
    if (!slice.ok()) {
      write_err("\n");
      return slice;
    }
    more = (*slice)["more"].as_bool() && (*slice)["ingested"].as_int() > 0;
    add_up(sum, *slice);
  }
  write_err("\r\033[K");
  return sum;
}

}  // namespace

int command_memory_tree(const Options& options) {
  return simple(options, true, request_of("tree"), tree_text);
}
int command_memory_stats(const Options& options) {
  return simple(options, true, request_of("stats"), report_lines);
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
  return simple(options, true, request, graph_text);
}

int command_memory_maintain(const Options& options) {
  Json request = request_of("maintain");
  request.set("dry_run", Json::boolean(options.dry_run));
  return simple(options, false, request, report_lines);
}

int command_memory_ingest(const Options& options) {
  Json request = file_request("ingest", options);
  const auto client = MemoryClient::open(options, false);
  if (!client.ok()) return report(client.failure());
  if (!options.dry_run) return print_answer(options, ingest(*client, request), report_lines);
  request.set("dry_run", Json::boolean(true));
  return print_answer(options, (*client).perform(request), report_lines);
}

int command_memory_export(const Options& options) {
  Json request = file_request("export", options);
  set_filter(request, options.memory);
  return simple(options, true, request, report_lines);
}

int command_memory_import(const Options& options) {
  return simple(options, false, file_request("import", options), report_lines);
}

}  // namespace cli
