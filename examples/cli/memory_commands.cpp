// tau memory add, show, list, relate, unrelate, forget, restore, purge: single memories.
#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "commands.h"
#include "files.h"
#include "memory_view.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

using Mode = MemoryClient::Mode;

constexpr size_t kMostTextBytes = 1u << 20;
constexpr size_t kListedLines = 2;
constexpr int64_t kPage = 1000;
constexpr size_t kMostShown = 10;  // of what is about to be erased

// Numbers of the command line, into the request.
std::optional<Failure> set_number(Json& request, std::string_view key, std::string_view option,
                                  const std::string& text) {
  if (text.empty()) return std::nullopt;
  auto number = number_of(option, text);
  if (!number.ok()) return number.failure();
  request.set(key, *std::move(number));
  return std::nullopt;
}

Result<Json> memory_to_add(const Options& options) {
  const MemoryOptions& m = options.memory;
  std::string text = m.text;
  if (text == "-") {
    auto read = read_stdin(kMostTextBytes);
    if (!read.ok()) return read.failure();
    text = *std::move(read);
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  }
  if (!is_utf8(text)) return input_failure("invalid_utf8", "the text to remember is no UTF-8");
  if (text.empty()) return input_failure("empty_memory", "there is no text to remember");
  Json request = request_of("add");
  request.set("text", Json::string(text));
  for (const auto& [key, value] :
       {std::pair("id", &m.id), std::pair("type", &m.type), std::pair("time", &m.time),
        std::pair("thread", &m.thread), std::pair("source", &m.source),
        std::pair("valid_from", &m.valid_from), std::pair("valid_to", &m.valid_to)})
    set_text(request, key, *value);
  if (auto failure = set_number(request, "importance", "--importance", m.importance)) return *failure;
  if (!m.tags.empty()) {
    Json tags = Json::array();
    for (const std::string& tag : m.tags) tags.push_back(Json::string(tag));
    request.set("tags", std::move(tags));
  }
  if (m.fact.size() == 3) {
    Json fact = Json::object();
    fact.set("subject", Json::string(m.fact[0]));
    fact.set("predicate", Json::string(m.fact[1]));
    fact.set("object", Json::string(m.fact[2]));
    request.set("fact", std::move(fact));
  }
  return request;
}

Json on_one(std::string_view op, const std::string& id) {
  Json request = request_of(op);
  request.set("id", Json::string(id));
  return request;
}

// Does the same to each of the ids; the first failure ends it.
int on_each(const Options& options, const char* op, const char* done) {
  const auto client = MemoryClient::open(options, Mode::kWriting);
  if (!client.ok()) return report(client.failure());
  for (const std::string& id : options.memory.ids) {
    const auto answer = (*client).perform(on_one(op, id));
    if (!answer.ok()) return report(answer.failure());
    const std::string line = options.json ? (*answer).dump() : one_line(id, 128) + ": " + done;
    if (!write_out(line + "\n")) return kExitFailed;
  }
  return kExitOk;
}

int relate(const Options& options, const char* op) {
  const MemoryOptions& m = options.memory;
  Json request = request_of(op);
  request.set("from", Json::string(m.from));
  request.set("to", Json::string(m.to));
  set_text(request, "relation", m.relation);
  if (auto failure = set_number(request, "weight", "--weight", m.weight)) return report(*failure);
  const auto client = MemoryClient::open(options, Mode::kWriting);
  if (!client.ok()) return report(client.failure());
  return print_answer(options, (*client).perform(request), [](const Json& answer) {
    return one_line(answer["from"].as_string(), 128) + " " + answer["relation"].as_string() + " " +
           one_line(answer["to"].as_string(), 128) +
           (answer["unchanged"].as_bool() ? " (as before)"
            : answer["weight"].is_null()  ? ": taken away"
                                          : "") +
           "\n";
  });
}

struct Listed {
  std::vector<Json> memories;
  bool more = false;
};

// The pages of `request` until `limit` memories are there.
Result<Listed> list_memories(const MemoryClient& client, Json request, int64_t limit) {
  Listed all;
  for (int64_t left = limit; left > 0; left -= kPage) {
    request.set("limit", Json::number(std::min(left, kPage)));
    const auto page = client.perform(request);
    if (!page.ok()) return page.failure();
    for (const Json& memory : (*page)["memories"].items()) all.memories.push_back(memory);
    const Json& next = (*page)["next"];
    all.more = next.is_string() && !next.as_string().empty();
    if (!all.more) break;
    request.set("after", next);
  }
  return all;
}

Json list_request(const Options& options) {
  Json request = request_of("list");
  set_filter(request, options.memory);
  if (options.memory.newest) request.set("order", Json::string("newest"));
  if (options.memory.forgotten) request.set("forgotten", Json::boolean(true));
  return request;
}

std::string listed_text(const Listed& listed, bool ids) {
  std::string text;
  for (const Json& memory : listed.memories)
    text += ids ? memory["id"].as_string() + "\n" : memory_text(memory, stdout_is_rich(), kListedLines);
  return text;
}

// One line from the terminal; "y" and "yes" agree.
bool agrees() {
  std::string answer;
  char c = 0;
  while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
    if (answer.size() < 16) answer += c;
  return answer == "y" || answer == "Y" || answer == "yes";
}

// Shows what is about to go, and asks.
std::optional<Failure> may_purge(const MemoryClient& client, const Options& options) {
  const MemoryOptions& m = options.memory;
  if (m.yes) return std::nullopt;
  if (!stdin_is_terminal())
    return usage_failure("purge erases for good, and there is no terminal to ask on",
                         "--yes erases without asking");
  std::string text;
  std::string what = std::to_string(m.ids.size()) + (m.ids.size() == 1 ? " memory" : " memories");
  if (options.all) {
    auto listed = list_memories(client, list_request(options), static_cast<int64_t>(kMostShown));
    if (!listed.ok()) return listed.failure();
    text = listed_text(*listed, false);
    if ((*listed).more) text += "…\n";
    what = "all that is chosen";
  } else {
    for (const std::string& id : m.ids) {
      Json request = on_one("get", id);
      request.set("forgotten", Json::boolean(true));
      const auto memory = client.perform(request);
      if (!memory.ok()) return memory.failure();
      text += memory_text(*memory, stderr_is_rich(), kListedLines);
    }
  }
  write_err(text + "Erase " + what + " for good? [y/N] ");
  if (agrees()) return std::nullopt;
  return Failure{kExitCancelled, "cancelled", "nothing was erased", {}};
}

}  // namespace

int command_memory_add(const Options& options) {
  const auto request = memory_to_add(options);
  if (!request.ok()) return report(request.failure());
  const auto client = MemoryClient::open(options, Mode::kWriting);
  if (!client.ok()) return report(client.failure());
  const auto answer = (*client).perform(*request);
  if (!answer.ok()) return report(answer.failure());
  const Json& written = (*answer)["memories"].items()[0];
  if (options.json) return print_text(written.dump() + "\n");
  for (const Json& id : written["superseded"].items())
    write_err("it replaces " + one_line(id.as_string(), 128) + "\n");
  return print_text(one_line(written["id"].as_string(), 128) + "\n");
}

int command_memory_show(const Options& options) {
  const auto client = MemoryClient::open(options, Mode::kUsing);
  if (!client.ok()) return report(client.failure());
  Json request = on_one("get", options.memory.id);
  if (options.memory.forgotten) request.set("forgotten", Json::boolean(true));
  return print_answer(options, (*client).perform(request),
                      [](const Json& memory) { return memory_page(memory, stdout_is_rich()); });
}

int command_memory_list(const Options& options) {
  const auto client = MemoryClient::open(options, Mode::kReading);
  if (!client.ok()) return report(client.failure());
  const auto listed = list_memories(*client, list_request(options), options.limit);
  if (!listed.ok()) return report(listed.failure());
  if (options.json) {
    Json out = Json::object();
    Json memories = Json::array();
    for (const Json& memory : (*listed).memories) memories.push_back(memory);
    out.set("memories", std::move(memories));
    out.set("more", Json::boolean((*listed).more));
    return print_text(out.dump() + "\n");
  }
  if ((*listed).more)
    write_err("tau: there are more than " + std::to_string(options.limit) + "; --limit N shows them\n");
  if ((*listed).memories.empty()) write_err("no memories here\n");
  return print_text(listed_text(*listed, options.ids));
}

int command_memory_relate(const Options& options) { return relate(options, "relate"); }
int command_memory_unrelate(const Options& options) { return relate(options, "unrelate"); }
int command_memory_forget(const Options& options) { return on_each(options, "forget", "forgotten"); }
int command_memory_restore(const Options& options) { return on_each(options, "restore", "remembered again"); }

int command_memory_purge(const Options& options) {
  const MemoryOptions& m = options.memory;
  if (options.all == !m.ids.empty())
    return report(
        usage_failure("purge needs ids, or --all with filters", "'tau memory list --ids' shows ids"));
  const auto client = MemoryClient::open(options, Mode::kWriting);
  if (!client.ok()) return report(client.failure());
  if (const auto refused = may_purge(*client, options)) return report(*refused);
  Json request = request_of("purge");
  if (options.all) {
    request.set("all", Json::boolean(true));
    set_filter(request, m);
    if (m.forgotten) request.set("forgotten", Json::boolean(true));
  } else {
    Json ids = Json::array();
    for (const std::string& id : m.ids) ids.push_back(Json::string(id));
    request.set("ids", std::move(ids));
  }
  return print_answer(options, (*client).perform(request), [](const Json& answer) {
    return counted(answer, "purged", "memory") == "1 memory"
               ? std::string("1 memory erased\n")
               : std::to_string(answer["purged"].as_int()) + " memories erased\n";
  });
}

}  // namespace cli
