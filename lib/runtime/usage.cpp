// The request "usage": what calls of models took and cost, from what the home keeps of them.
#include <charconv>
#include <chrono>

#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/requests.h"

namespace tau::runtime {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kMostRows = 10'000;
constexpr int64_t kMostDaysBack = 100'000;
constexpr std::string_view kGroups[] = {"day", "model", "session", "principal", "route"};

Status invalid_day(std::string_view key) {
  return invalid_argument(
      "invalid_day", format("request: \"{}\" should be a day of UTC such as \"2026-11-27\", or \"7d\": the "
                            "last seven days, today included",
                            key));
}

bool read_number(std::string_view text, int64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() && text[0] != '-';
}

std::optional<int64_t> parse_date(std::string_view text) {
  int64_t year = 0;
  int64_t month = 0;
  int64_t day = 0;
  const bool formed = text.size() == 10 && text[4] == '-' && text[7] == '-' &&
                      read_number(text.substr(0, 4), year) && read_number(text.substr(5, 2), month) &&
                      read_number(text.substr(8, 2), day);
  if (!formed) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

std::string date_text(int64_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  return format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()));
}

// A day, or so many days back from today.
StatusOr<int64_t> read_day(const json::Value& request, std::string_view key, int64_t otherwise,
                           int64_t today) {
  const json::Value* const value = request.find(key);
  if (value == nullptr) return otherwise;
  const std::string_view text = value->as_string();
  int64_t back = 0;
  if (text.ends_with('d') && read_number(text.substr(0, text.size() - 1), back) && back >= 1 &&
      back <= kMostDaysBack)
    return today - back + 1;
  const std::optional<int64_t> day = parse_date(text);
  if (!day) return invalid_day(key);
  return *day;
}

Status read_groups(const json::Value& request, store::UsageAsk& ask) {
  TAU_ASSIGN_OR_RETURN(const std::vector<std::string> names, read_strings(request, "request", "by"));
  bool* const flags[] = {&ask.by_day, &ask.by_model, &ask.by_session, &ask.by_principal, &ask.by_route};
  for (const std::string& name : names) {
    const auto* const at = std::find(std::begin(kGroups), std::end(kGroups), name);
    if (at == std::end(kGroups))
      return invalid_argument("unknown_group",
                              format("usage cannot be told apart by \"{}\"; known are day, model, session, "
                                     "principal, route",
                                     repair_utf8(name)));
    *flags[at - std::begin(kGroups)] = true;
  }
  if (!request.contains("by")) ask.by_model = true;
  return ok_status();
}

StatusOr<store::UsageAsk> parse_usage(const json::Value& request, int64_t today) {
  TAU_RETURN_IF_ERROR(only_keys(request, "request", {"op", "by", "since", "until", "limit"}));
  store::UsageAsk ask;
  TAU_RETURN_IF_ERROR(read_groups(request, ask));
  TAU_ASSIGN_OR_RETURN(ask.since_day, read_day(request, "since", ask.since_day, today));
  TAU_ASSIGN_OR_RETURN(ask.until_day, read_day(request, "until", ask.until_day, today));
  if (!request.contains("limit")) return ask;
  TAU_ASSIGN_OR_RETURN(ask.limit, read_count(request, "request", "limit"));
  const bool good = ask.limit >= 1 && ask.limit <= kMostRows;
  TAU_RETURN_IF_ERROR(check_type(good, "request", "limit", "1 to 10000"));
  return ask;
}

void write_counts(json::Writer& w, const store::UsageCounts& c) {
  w.field("calls", c.calls).field("failures", c.failures).field("unpriced_calls", c.unpriced);
  w.field("input_tokens", c.input).field("cached_tokens", c.cached_input);
  w.field("cache_write_tokens", c.cache_write).field("output_tokens", c.output);
  w.field("reasoning_tokens", c.reasoning).field("cost_usd_micros", c.cost_usd_micros);
}

}  // namespace

StatusOr<std::string> report_usage(Core& core, const json::Value& request) {
  const int64_t today = system_clock().wall_ms() / kDayMs;
  TAU_ASSIGN_OR_RETURN(const store::UsageAsk ask, parse_usage(request, today));
  TAU_RETURN_IF_ERROR(core.authorize({}, "usage:read", "home"));
  TAU_ASSIGN_OR_RETURN(const store::UsageReport report, core.store().report_usage(ask));
  std::string out;
  json::Writer w(out);
  w.begin_object().key("usage").begin_array();
  for (const store::UsageRow& row : report.rows) {
    w.begin_object();
    if (ask.by_day) w.field("day", date_text(row.day));
    if (ask.by_model) w.field("model", repair_utf8(row.model));
    if (ask.by_session) w.field("session", row.session);
    if (ask.by_principal) w.field("principal", row.principal);
    if (ask.by_route) w.field("route", repair_utf8(row.route));
    write_counts(w, row.counts);
    w.end_object();
  }
  w.end_array().key("total").begin_object();
  write_counts(w, report.total);
  w.end_object().field("more", report.more).end_object();
  return out;
}

}  // namespace tau::runtime
