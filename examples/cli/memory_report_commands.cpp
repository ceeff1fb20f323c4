// tau memory tree, stats, graph, maintain, ingest, export, import: many memories at once.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "commands.h"
#include "memory_view.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr size_t kNameWidth = 40;
constexpr size_t kSnippetWidth = 60;
constexpr auto kFrame = std::chrono::milliseconds(120);

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
  for (const Json& node : graph["nodes"].items())
    text += padded(one_line(node["id"].as_string(), kNameWidth), kNameWidth) + "  " +
            one_line(node["text"].as_string(), kSnippetWidth) + "\n";
  for (const Json& edge : graph["edges"].items())
    text += one_line(edge["from"].as_string(), kNameWidth) + " " + edge["relation"].as_string() + " " +
            one_line(edge["to"].as_string(), kNameWidth) + "  " + score_text(as_double(edge["weight"])) +
            "\n";
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

// A line on stderr that shows that something goes on, and how many memories there are already.
class Progress {
 public:
  explicit Progress(const MemoryClient& client) : client_(client), shown_(stderr_is_rich()) {
    if (!shown_) return;
    before_ = count();
    thread_ = std::thread([this] { run(); });
  }
  ~Progress() {
    if (!shown_) return;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      over_ = true;
    }
    ended_.notify_one();
    thread_.join();
    write_err("\r\033[K");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  int64_t count() const {
    const auto stats = client_.perform(request_of("stats"));
    return stats.ok() ? (*stats)["memories"].as_int() : 0;
  }
  void run() {
    constexpr std::string_view kBar = "          ====";
    std::unique_lock<std::mutex> lock(mutex_);
    for (size_t frame = 0; !ended_.wait_for(lock, kFrame, [this] { return over_; }); ++frame) {
      lock.unlock();
      std::string bar;
      for (size_t i = 0; i < kBar.size(); ++i)
        bar += kBar[(i + kBar.size() - frame % kBar.size()) % kBar.size()];
      write_err("\r\033[K[" + bar + "] " + memories_text(count() - before_) + " written");
      lock.lock();
    }
  }

  const MemoryClient& client_;
  const bool shown_;
  int64_t before_ = 0;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;
  std::thread thread_;
};

// What may take long, with a line that shows that it goes on.
int with_progress(const Options& options, const Json& request) {
  const auto client = MemoryClient::open(options, false);
  if (!client.ok()) return report(client.failure());
  const auto done = [&] {
    const Progress progress(*client);
    return (*client).perform(request);
  }();
  return print_answer(options, done, report_lines);
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
  if (options.dry_run) request.set("dry_run", Json::boolean(true));
  return simple(options, false, request, report_lines);
}

int command_memory_ingest(const Options& options) {
  Json request = file_request("ingest", options);
  if (options.dry_run) request.set("dry_run", Json::boolean(true));
  return with_progress(options, request);
}

int command_memory_export(const Options& options) {
  Json request = file_request("export", options);
  set_filter(request, options.memory);
  return simple(options, true, request, report_lines);
}

int command_memory_import(const Options& options) {
  return with_progress(options, file_request("import", options));
}

}  // namespace cli
