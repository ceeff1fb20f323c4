// tau usage: what models took and cost, as a table and, on a terminal, as a chart.
#include <algorithm>

#include "client.h"
#include "commands.h"
#include "surface.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr size_t kNameWidth = 40;
constexpr size_t kNumberWidth = 11;
constexpr size_t kLeastBar = 8;
constexpr size_t kMostBar = 60;

// Micro-dollars as dollars with four digits, rounded up: what was spent never looks like nothing.
std::string dollars(int64_t micros) {
  const int64_t hundreds = micros / 100 + (micros % 100 > 0 ? 1 : 0);
  std::string digits = std::to_string(hundreds % 10'000);
  return "$" + std::to_string(hundreds / 10'000) + "." + std::string(4 - digits.size(), '0') + digits;
}

std::string right(const std::string& text) {
  return text.size() < kNumberWidth ? std::string(kNumberWidth - text.size(), ' ') + text : " " + text;
}

std::string name_of(const Json& row, const std::vector<std::string>& groups) {
  std::string name;
  for (const std::string& group : groups) {
    std::string value = one_line(row[group].as_string(), kNameWidth);
    if (value.empty()) value = group == "session" ? "(removed)" : "-";
    name += (name.empty() ? "" : "  ") + value;
  }
  return name;
}

std::string columns_text(const Json& counts) {
  std::string text = right(dollars(counts["cost_usd_micros"].as_int()));
  for (const char* key : {"calls", "failures", "input_tokens", "cached_tokens", "output_tokens"})
    text += right(std::to_string(counts[key].as_int()));
  return text;
}

std::string heading() {
  std::string text;
  for (const char* name : {"cost", "calls", "failures", "input", "cached", "output"}) text += right(name);
  return text;
}

// What bars are long by: costs, or tokens where nothing has one.
int64_t measure(const Json& row, bool by_cost) {
  return by_cost ? row["cost_usd_micros"].as_int()
                 : row["input_tokens"].as_int() + row["output_tokens"].as_int();
}

std::string chart(const std::vector<Json>& rows, const std::vector<std::string>& names, size_t name_width) {
  const bool by_cost = std::any_of(rows.begin(), rows.end(),
                                   [](const Json& row) { return row["cost_usd_micros"].as_int() > 0; });
  int64_t most = 0;
  for (const Json& row : rows) most = std::max(most, measure(row, by_cost));
  if (most == 0) return {};
  const size_t width = terminal_columns();
  const size_t room = width > name_width + 3 ? width - name_width - 3 : 0;
  const size_t bar = std::clamp(room, kLeastBar, kMostBar);
  std::string text = by_cost ? "\ncost\n" : "\ntokens\n";
  for (size_t i = 0; i < rows.size(); ++i) {
    const double share = static_cast<double>(measure(rows[i], by_cost)) / static_cast<double>(most);
    auto length = static_cast<size_t>(share * static_cast<double>(bar) + 0.5);
    if (length == 0 && share > 0) length = 1;
    text += padded(names[i], name_width) + "  " +
            paint(stdout_is_rich(), Style::kBold, std::string(length, '#')) + "\n";
  }
  return text;
}

std::string report_text(const Json& report, const std::vector<std::string>& groups, bool with_chart) {
  const std::vector<Json>& rows = report["usage"].items();
  if (rows.empty()) return "nothing was used\n";
  std::vector<std::string> names;
  size_t width = std::string_view("total").size();
  for (const Json& row : rows) {
    names.push_back(name_of(row, groups));
    width = std::max(width, columns_of(names.back()));
  }
  std::string text = padded("", width) + heading() + "\n";
  for (size_t i = 0; i < rows.size(); ++i) text += padded(names[i], width) + columns_text(rows[i]) + "\n";
  text += padded("total", width) + columns_text(report["total"]) + "\n";
  if (with_chart) text += chart(rows, names, width);
  if (report["more"].as_bool()) text += "there are more rows: --limit N, or --since and --until\n";
  if (const int64_t unpriced = report["total"]["unpriced_calls"].as_int(); unpriced > 0)
    text += "the cost leaves out " + std::to_string(unpriced) + (unpriced == 1 ? " call" : " calls") +
            " of models whose price is not known\n";
  return text;
}

}  // namespace

void add_usage(CLI::App& root, Options& o) {
  CLI::App* usage = root.add_subcommand("usage", "What models took and cost");
  usage->add_option("--by", o.groups, "Tell apart by day, model, session, principal, route (default: model)")
      ->type_name("LIST")
      ->delimiter(',')
      ->allow_extra_args(false);
  usage->add_option("--since", o.since, "First day, UTC: 2026-11-27; 7d: the last seven days")
      ->type_name("DAY");
  usage->add_option("--until", o.until, "Last day, UTC")->type_name("DAY");
  usage->add_option("--limit", o.usage_limit, "At most so many rows (default 100)")
      ->check(CLI::Range(1, 10'000))
      ->type_name("N");
  auto* json = usage->add_flag("--json", o.json, "As JSON");
  usage->add_flag("--chart", o.chart, "Bars, also when stdout is no terminal")->excludes(json);
  add_home_options(*usage, o);
}

int command_usage(const Options& options) {
  const auto client = Client::open_to_read(options);
  if (!client.ok()) return report(client.failure());
  const std::vector<std::string> groups =
      options.groups.empty() ? std::vector<std::string>{"model"} : options.groups;
  Json request = request_of("usage");
  Json by = Json::array();
  for (const std::string& group : groups) by.push_back(Json::string(group));
  request.set("by", by);
  if (!options.since.empty()) request.set("since", Json::string(options.since));
  if (!options.until.empty()) request.set("until", Json::string(options.until));
  request.set("limit", Json::number(options.usage_limit));
  const auto found = (*client).perform(request);
  if (!found.ok() && found.failure().reason != "no_database") return report(found.failure());
  if (!found.ok())
    return write_out(options.json ? "{\"usage\":[],\"total\":{},\"more\":false}\n" : "nothing was used\n")
               ? kExitOk
               : kExitFailed;
  if (options.json) return write_out((*found).dump() + "\n") ? kExitOk : kExitFailed;
  return write_out(report_text(*found, groups, options.chart || stdout_is_terminal())) ? kExitOk
                                                                                       : kExitFailed;
}

}  // namespace cli
