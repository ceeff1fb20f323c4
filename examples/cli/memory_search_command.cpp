// tau memory search: hits for people, with what their scores are made of.
#include <cmath>

#include "commands.h"
#include "memory_view.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

using Mode = MemoryClient::Mode;

constexpr size_t kHitLines = 3;
constexpr double kLeastShown = 0.005;  // of a part, with two digits

Json search_request(const Options& options) {
  const MemoryOptions& m = options.memory;
  std::string query;
  for (const std::string& word : m.words) query += (query.empty() ? "" : " ") + word;
  Json request = Json::object();
  request.set("query", Json::string(query));
  request.set("k", Json::number(m.k));
  set_text(request, "mode", m.mode);
  set_filter(request, m);
  if (!m.valid_at.empty() || !m.recorded_at.empty()) {
    Json as_of = Json::object();
    set_text(as_of, "valid", m.valid_at);
    set_text(as_of, "recorded", m.recorded_at);
    request.set("as_of", std::move(as_of));
  }
  if (m.grouped) request.set("group", Json::string("thread"));
  for (const auto& [key, wanted] : {std::pair("superseded", m.superseded), std::pair("strict", m.strict),
                                    std::pair("explain", m.explain)})
    if (wanted) request.set(key, Json::boolean(true));
  return request;
}

// "words 0.41 + vectors 0.32 + importance 0.03"
std::string parts_text(const Json& parts) {
  std::string text;
  for (const auto& [name, value] : parts.members()) {
    const double part = as_double(value);
    if (std::fabs(part) < kLeastShown) continue;
    text += (text.empty() ? ""
             : part < 0   ? " - "
                          : " + ") +
            one_line(name, 40) + " " + score_text(std::fabs(part));
  }
  return text;
}

std::string understood_text(const Json& understood) {
  std::string text;
  for (const Json& window : understood["times"].items())
    text += "time: " + time_text(window["since"]) + " to " + time_text(window["until"]) + "\n";
  for (const Json& phrase : understood["phrases"].items())
    text += "phrase: " + one_line(phrase.as_string(), 80) + "\n";
  for (const Json& prefix : understood["prefixes"].items())
    text += "words in " + one_line(prefix.as_string(), 80) + "*\n";
  return text;
}

std::string left_out_text(const Json& left_out) {
  const long long by_chance = left_out["by_chance"].as_int();
  const long long far_behind = left_out["far_behind"].as_int();
  std::string text;
  if (by_chance > 0)
    text += "left out: " + std::to_string(by_chance) +
            " no more alike than chance makes texts (cosine below " +
            score_text(as_double(left_out["cosine_below"])) + ")\n";
  if (far_behind > 0)
    text += "left out: " + std::to_string(far_behind) + " without a word of the query, far behind the best\n";
  return text;
}

std::string hits_text(const Json& answer) {
  const bool rich = stdout_is_rich();
  std::string text = paint(rich, Style::kDim, understood_text(answer["understood"]));
  for (const Json& hit : answer["hits"].items()) {
    text += memory_text(hit, rich, kHitLines);
    if (hit.contains("parts")) text += paint(rich, Style::kDim, "      = " + parts_text(hit["parts"])) + "\n";
  }
  return text + paint(rich, Style::kDim, left_out_text(answer["left_out"]));
}

}  // namespace

int command_memory_search(const Options& options) {
  const auto client = MemoryClient::open(options, Mode::kUsing);
  if (!client.ok()) return report(client.failure());
  const auto found = (*client).search(search_request(options));
  if (found.ok() && !options.json) {
    if ((*found)["vectors"].as_string() == "unavailable")
      write_err("tau: words alone were searched: " + one_line((*found)["message"].as_string(), 400) + "\n");
    if ((*found)["hits"].items().empty())
      write_err("nothing is found among " + std::to_string((*found)["searched"].as_int()) + " memories\n");
  }
  return print_answer(options, found, hits_text);
}

}  // namespace cli
