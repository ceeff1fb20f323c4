// tau route …: the routes of the configuration, and whether each of their models answers.
#include <chrono>

#include "client.h"
#include "commands.h"
#include "interrupts.h"
#include "money.h"
#include "runner.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kNameWidth = 40;
constexpr size_t kTextWidth = 400;
constexpr int64_t kTestTokens = 64;  // of an answer: a model that reasons first needs some for that
constexpr int64_t kTestMs = 60'000;
constexpr std::string_view kPrompt = "Answer with the word OK and nothing else.";

int64_t ms_since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
}

// How soon a model spoke, and what its route decided on the way.
class Probe final : public EventView {
 public:
  bool show(const tau_event& event, std::string_view body) override {
    const bool speaks = event.kind == TAU_EVENT_TEXT || event.kind == TAU_EVENT_REASONING;
    if (speaks && first_ms_ < 0) first_ms_ = ms_since(start_);
    if (event.kind != TAU_EVENT_ROUTE) return true;
    if (auto decision = Json::parse(body)) decisions_.push_back(*std::move(decision));
    return true;
  }
  bool finish(const Json&) override {
    total_ms_ = ms_since(start_);
    return true;
  }
  int64_t first_ms() const { return first_ms_; }
  int64_t total_ms() const { return total_ms_; }
  Json take_decisions() { return std::move(decisions_); }

 private:
  Clock::time_point start_ = Clock::now();
  int64_t first_ms_ = -1;
  int64_t total_ms_ = 0;
  Json decisions_ = Json::array();
};

// Erases the session of a test, whatever came of it.
class TestSession {
 public:
  explicit TestSession(const Client& client) : client_(client) {}
  TestSession(const TestSession&) = delete;
  TestSession& operator=(const TestSession&) = delete;
  ~TestSession() {
    if (id_.empty()) return;
    held_.reset();
    tau_error* ignored = nullptr;  // a policy may forbid it; then the session is seen in the list
    if (tau_session_remove(client_.runtime(), to_tau(id_), &ignored) != TAU_OK) tau_error_free(ignored);
  }
  std::optional<Failure> open(tau_agent* agent) {
    auto session = Client::session(agent, {});
    if (!session.ok()) return session.failure();
    held_ = *std::move(session);
    id_ = view(tau_session_id(held_.get()));
    return std::nullopt;
  }
  tau_session* get() const { return held_.get(); }

 private:
  const Client& client_;
  SessionPtr held_;
  std::string id_;
};

Result<Json> run_probe(const Client& client, const Options& options, std::string_view model, Probe& probe) {
  Json config = Json::object();
  config.set("model", Json::string(model));
  config.set("tools", Json::array());
  config.set_path("params.max_tokens", Json::number(kTestTokens));
  config.set_path("limits.max_turns", Json::number(1));
  const auto agent = client.agent(config.dump());
  if (!agent.ok()) return agent.failure();
  TestSession session(client);
  if (const auto failure = session.open((*agent).get())) return *failure;
  RunRequest request;
  request.prompt = options.has_prompt ? options.prompt : std::string(kPrompt);
  const auto deadline = deadline_of(options);
  if (!deadline.ok()) return deadline.failure();
  request.deadline_ms = *deadline != 0 ? *deadline : kTestMs;
  const auto run = start_run(session.get(), client.queue(), request);
  if (!run.ok()) return run.failure();
  Approver nobody(Approver::Whom::kNobody);
  return drive((*run).get(), client.queue(), probe, nobody);
}

// {"model","answers","reason"?,"message"?,"first_ms"?,"total_ms","usage","decisions"?}
Json tested(const Client& client, const Options& options, std::string_view model) {
  Probe probe;
  const auto outcome = run_probe(client, options, model, probe);
  Json row = Json::object();
  row.set("model", Json::string(model));
  // One that was cut off by the small limit of the test has answered.
  const bool answers = outcome.ok() && ((*outcome)["status"].as_string() == "done" ||
                                        (*outcome)["finish"].as_string() == "length");
  row.set("answers", Json::boolean(answers));
  if (!answers) {
    const Failure failure = outcome.ok() ? outcome_failure(*outcome) : outcome.failure();
    row.set("reason", Json::string(failure.reason));
    row.set("message", Json::string(failure.message));
  }
  if (probe.first_ms() >= 0) row.set("first_ms", Json::number(probe.first_ms()));
  row.set("total_ms", Json::number(probe.total_ms()));
  if (outcome.ok()) row.set("usage", (*outcome)["usage"]);
  Json decisions = probe.take_decisions();
  if (!decisions.items().empty()) row.set("decisions", std::move(decisions));
  return row;
}

std::string outcome_text(const Json& row) {
  if (row["skipped"].as_bool()) return "not asked: " + one_line(row["message"].as_string(), kTextWidth);
  if (!row["answers"].as_bool())
    return "fails: " + row["reason"].as_string() + ": " + one_line(row["message"].as_string(), kTextWidth);
  std::string text = "answers";
  if (row.contains("first_ms"))
    text += ", first word after " + std::to_string(row["first_ms"].as_int()) + " ms";
  text += ", whole after " + std::to_string(row["total_ms"].as_int()) + " ms";
  const int64_t cost = row["usage"]["cost_usd_micros"].as_int();
  return cost == 0 ? text : text + ", " + dollars_text(cost);
}

std::string decision_text(const Json& decision) {
  std::string text = "  " + padded(decision["decision"].as_string(), 15) + " " +
                     padded(one_line(decision["upstream"].as_string(), kNameWidth), kNameWidth) + " " +
                     decision["reason"].as_string();
  if (decision.contains("wait_ms")) text += ", " + std::to_string(decision["wait_ms"].as_int()) + " ms";
  return text + "\n";
}

// Of a model that is not asked because the configuration forbids it.
Json skipped(const Json& upstream) {
  Json row = Json::object();
  row.set("model", upstream["model"]);
  row.set("skipped", Json::boolean(true));
  row.set("answers", Json::boolean(false));
  row.set("reason", upstream["reason"]);
  row.set("message", upstream["message"]);
  return row;
}

std::string plan_text(const Json& upstream) {
  std::string text = padded(one_line(upstream["model"].as_string(), kNameWidth), kNameWidth);
  text += " " + padded(price_text(upstream["price"]), 26);
  const int64_t window = upstream["context_tokens"].as_int();
  text += window == 0 ? "window unknown" : "window " + tokens_text(window);
  const int64_t weight = upstream["weight"].as_int();
  return (weight == 1 ? text : text + ", weight " + std::to_string(weight)) + "\n";
}

std::string missing_text(const Json& upstream) {
  return padded(one_line(upstream["model"].as_string(), kNameWidth), kNameWidth) +
         " not asked: " + one_line(upstream["message"].as_string(), kTextWidth) + "\n";
}

std::string route_text(const Json& route) {
  std::string text = "route/" + route["name"].as_string();
  if (!route["reason"].as_string().empty())
    return text + " cannot be used: " + one_line(route["reason"].as_string(), kTextWidth) + "\n";
  text += ", " + route["strategy"].as_string() + "\n";
  for (const Json& upstream : route["upstreams"].items()) text += "  " + plan_text(upstream);
  for (const Json& upstream : route["unavailable"].items()) text += "  " + missing_text(upstream);
  return text;
}

Result<Json> find_route(const Json& routes, std::string_view name) {
  std::vector<std::string> known;
  for (const Json& route : routes.items()) {
    if (route["name"].as_string() == name) return route;
    known.push_back(route["name"].as_string());
  }
  return input_failure(
      "unknown_route", "the route \"" + one_line(name, kNameWidth) + "\" is not configured",
      known.empty() ? "docs/routing.md shows how a route is made"
                    : "routes: " + joined(std::vector<std::string_view>(known.begin(), known.end()), ", "));
}

// The route to test: the one that is named, or the only one.
Result<Json> chosen_route(const Json& routes, const Options& options) {
  if (!options.id.empty())
    return find_route(routes, options.id.starts_with("route/") ? options.id.substr(6) : options.id);
  if (routes.items().size() == 1) return routes.items().front();
  if (routes.items().empty()) return find_route(routes, "default");
  return usage_failure("there are several routes: name one", "'tau route list' has them");
}

}  // namespace

int command_route_list(const Options& options) {
  const auto about = Client::about(options);
  if (!about.ok()) return report(about.failure());
  const Json& routes = (*about)["routes"];
  if (options.json) return write_out(routes.dump() + "\n") ? kExitOk : kExitFailed;
  std::string text;
  for (const Json& route : routes.items()) text += route_text(route);
  if (text.empty()) write_err("tau: no route is configured; docs/routing.md shows how one is made\n");
  return write_out(text) ? kExitOk : kExitFailed;
}

int command_route_test(const Options& options) {
  const auto client = Client::open(options);
  if (!client.ok()) return report(client.failure());
  const auto about = (*client).describe();
  if (!about.ok()) return report(about.failure());
  const auto route = chosen_route((*about)["routes"], options);
  if (!route.ok()) return report(route.failure());
  const std::string name = "route/" + (*route)["name"].as_string();
  if (const std::string why = (*route)["reason"].as_string(); !why.empty())
    return report(input_failure("invalid_route", why));

  Json upstreams = Json::array();
  const auto show = [&](const Json& row) {
    if (options.json) return true;
    const bool answers = row["answers"].as_bool();
    return write_out(paint(stdout_is_rich(), answers ? Style::kBold : Style::kPlain,
                           padded(one_line(row["model"].as_string(), kNameWidth), kNameWidth)) +
                     " " + outcome_text(row) + "\n");
  };
  for (const Json& upstream : (*route)["unavailable"].items()) {
    upstreams.push_back(skipped(upstream));
    if (!show(upstreams.items().back())) return kExitFailed;
  }
  for (const Json& upstream : (*route)["upstreams"].items()) {
    upstreams.push_back(tested(*client, options, upstream["model"].as_string()));
    if (interrupted()) return kExitCancelled;
    if (!show(upstreams.items().back())) return kExitFailed;
  }
  const Json whole = tested(*client, options, name);
  Json out = Json::object();
  out.set("route", whole);
  out.set("upstreams", std::move(upstreams));
  std::string text;
  for (const Json& decision : whole["decisions"].items()) text += decision_text(decision);
  if (!show(whole) || !write_out(options.json ? out.dump() + "\n" : text)) return kExitFailed;
  return whole["answers"].as_bool() ? kExitOk : kExitUnavailable;
}

}  // namespace cli
