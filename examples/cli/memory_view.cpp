#include "memory_view.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr size_t kIdWidth = 64;
constexpr size_t kNameWidth = 40;
constexpr size_t kTypeWidth = 11;
constexpr size_t kMostRows = 20;  // of a list in a report

std::string indented(const std::string& line) { return "      " + line + "\n"; }

std::string names(const Json& list, std::string_view before) {
  std::string text;
  for (const Json& item : list.items())
    text.append(text.empty() ? "" : " ").append(before).append(one_line(item.as_string(), kNameWidth));
  return text;
}

// Cut between words, into lines of at most `width` columns.
std::vector<std::string> wrapped(const std::string& text, size_t width, size_t most) {
  std::vector<std::string> lines(1);
  bool cut = false;
  for (const std::string& word : split(one_line(text, width * most + 1), ' ')) {
    if (word.empty()) continue;
    if (!lines.back().empty() && columns_of(lines.back()) + 1 + columns_of(word) > width) {
      cut = lines.size() == most;
      if (cut) break;
      lines.emplace_back();
    }
    lines.back() += (lines.back().empty() ? "" : " ") + word;
  }
  if (cut && !lines.back().ends_with("…")) lines.back() += " …";
  return lines;
}

std::string scalar_text(const Json& value) {
  if (value.is_string()) return one_line(value.as_string(), 400);
  if (value.kind() == Json::Kind::kNumber) return value.dump();
  return value.as_bool() ? "yes" : "no";
}

bool is_scalar(const Json& value) {
  return value.is_string() || value.kind() == Json::Kind::kNumber || value.kind() == Json::Kind::kBool;
}

// The members of an object on one line: "id mem_1, reason expired".
std::string row_text(const Json& row) {
  if (is_scalar(row)) return scalar_text(row);
  std::string text;
  for (const auto& [key, value] : row.members())
    if (is_scalar(value))
      text += (text.empty() ? "" : ", ") + one_line(key, kNameWidth) + " " + scalar_text(value);
  return text;
}

void append_report(std::string& out, const Json& report, const std::string& indent) {
  for (const auto& [key, value] : report.members()) {
    std::string name = one_line(key, kNameWidth);
    std::replace(name.begin(), name.end(), '_', ' ');
    if (is_scalar(value)) {
      out += indent + name + ": " + scalar_text(value) + "\n";
    } else if (value.is_object()) {
      out += indent + name + ":\n";
      append_report(out, value, indent + "  ");
    } else if (!value.items().empty()) {
      out += indent + name + ": " + std::to_string(value.items().size()) + "\n";
      for (size_t i = 0; i < value.items().size() && i < kMostRows; ++i)
        out += indent + "  " + row_text(value.items()[i]) + "\n";
      if (value.items().size() > kMostRows)
        out += indent + "  … and " + std::to_string(value.items().size() - kMostRows) + " more (--json)\n";
    }
  }
}

std::string scope_text(const Json& memory) {
  std::string text;
  for (const char* part : {"channel", "actor"})
    if (const std::string& name = memory[part].as_string(); !name.empty())
      text += (text.empty() ? "" : "/") + one_line(name, kNameWidth);
  return text;
}

std::string state_text(const Json& memory) {
  std::string text;
  if (memory.contains("superseded") && memory["superseded"].is_string())
    text = "replaced " + time_text(memory["superseded"]);
  if (memory["forgotten"].is_string())
    text += (text.empty() ? "forgotten " : ", forgotten ") + time_text(memory["forgotten"]);
  return text;
}

}  // namespace

Result<MemoryClient> MemoryClient::open(const Options& options, Mode mode) {
  auto client = mode == Mode::kReading ? Client::open_to_read(options)
                : mode == Mode::kUsing ? Client::open_to_use(options)
                                       : Client::open(options);
  if (!client.ok()) return client.failure();
  Json scope = Json::object();
  set_text(scope, "workspace", options.memory.workspace);
  set_text(scope, "channel", options.memory.channel);
  set_text(scope, "actor", options.memory.actor);
  set_text(scope, "principal", options.principal);
  tau_memory* memory = nullptr;
  tau_error* error = nullptr;
  const std::string text = scope.dump();
  const tau_status status = tau_memory_open((*client).runtime(), to_tau(text), &memory, &error);
  if (status != TAU_OK) return library_failure(status, error);
  return MemoryClient(*std::move(client), MemoryPtr(memory));
}

Result<Json> MemoryClient::perform(const Json& request) const {
  const std::string text = request.dump();
  return json_of(tau_memory_perform, memory_.get(), to_tau(text), nullptr, size_t{0});
}

Result<Json> MemoryClient::search(const Json& request) const {
  const std::string text = request.dump();
  return json_of(tau_memory_search, memory_.get(), to_tau(text), nullptr, size_t{0});
}

void set_text(Json& request, std::string_view key, const std::string& value) {
  if (!value.empty()) request.set(key, Json::string(value));
}

void set_filter(Json& request, const MemoryOptions& options) {
  const auto list = [&](std::string_view key, const std::vector<std::string>& values) {
    if (values.empty()) return;
    Json items = Json::array();
    for (const std::string& value : values) items.push_back(Json::string(value));
    request.set(key, std::move(items));
  };
  list("types", options.types);
  list("tags", options.tags);
  set_text(request, "since", options.since);
  set_text(request, "until", options.until);
  set_text(request, "thread", options.thread);
  set_text(request, "source", options.source);
}

Result<Json> number_of(std::string_view option, const std::string& text) {
  auto number = Json::parse(text);
  if (number && number->kind() == Json::Kind::kNumber) return *std::move(number);
  return usage_failure(std::string(option) + " " + text + ": expected a number");
}

double as_double(const Json& number) {
  return number.kind() == Json::Kind::kNumber ? std::strtod(number.dump().c_str(), nullptr) : 0;
}

std::string score_text(double score) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", score);
  return text;
}

std::string time_text(const Json& time) {
  std::string text = time.as_string().substr(0, 16);
  std::replace(text.begin(), text.end(), 'T', ' ');
  return text.empty() ? text : one_line(text, 16) + "Z";
}

std::string memory_text(const Json& memory, bool rich, size_t lines) {
  std::string head;
  if (memory.contains("score"))
    head = paint(rich, Style::kBold, score_text(as_double(memory["score"]))) + "  ";
  std::string about = time_text(memory["time"]) + "  " + padded(memory["type"].as_string(), kTypeWidth) +
                      "  " + one_line(memory["id"].as_string(), kIdWidth);
  for (const std::string& more : {names(memory["tags"], "#"), scope_text(memory), state_text(memory)})
    if (!more.empty()) about += "  " + more;
  std::string text = head + paint(rich, Style::kDim, about) + "\n";
  const size_t width = std::max<size_t>(terminal_columns(), 40) - 8;
  for (const std::string& line : wrapped(memory["text"].as_string(), width, lines)) text += indented(line);
  return text;
}

std::string memory_page(const Json& memory, bool rich) {
  std::string text = paint(rich, Style::kBold, one_line(memory["id"].as_string(), kIdWidth)) + "\n" +
                     safe_text(memory["text"].as_string()) + "\n";
  for (const auto& [key, value] : memory.members()) {
    if (key == "id" || key == "text") continue;
    std::string shown;
    if (is_scalar(value)) {
      shown = scalar_text(value);
    } else if (key == "tags") {
      shown = names(value, "#");
    } else if (value.is_object()) {
      shown = key == "attributes" ? one_line(value.dump(), 400) : row_text(value);
      if (key == "trust") shown = names(value["integrity"], "");
    } else {
      for (const Json& row : value.items()) shown += "\n  " + row_text(row);
    }
    const bool below = shown.starts_with('\n');
    if (!shown.empty())
      text += paint(rich, Style::kDim, below ? key + ":" : padded(key + ":", 12) + " ") + shown + "\n";
  }
  return text;
}

std::string report_lines(const Json& report) {
  std::string out;
  append_report(out, report, "");
  return out;
}

int print_text(const std::string& text) { return write_out(text) ? kExitOk : kExitFailed; }

int print_answer(const Options& options, const Result<Json>& answer, std::string (*text)(const Json&)) {
  if (!answer.ok()) return report(answer.failure());
  return print_text(options.json ? (*answer).dump() + "\n" : text(*answer));
}

}  // namespace cli
