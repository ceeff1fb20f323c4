// Runs over routes: what the configuration says of them, what the host is told, what it costs, what is left
// of a budget after reopening.
#include <gtest/gtest.h>

#include <fstream>

#include "runtime/config.h"
#include "runtime/runtime.h"
#include "support/scripted_server.h"
#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

using test::Reply;
using test::ScriptedServer;

Reply answer(std::string_view text) {
  const std::string body =
      R"({"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":")" +
      std::string(text) +
      R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}})";
  return Reply::json(body);
}

Reply overloaded() { return Reply::json(R"({"error":{"message":"busy","type":"overloaded_error"}})", 529); }

class RouteRun : public testing::Test {
 protected:
  std::string provider(const ScriptedServer& server, int64_t price) const {
    return format(
        R"({{"base_url":"{}","max_output_tokens":100,"price":{{"input":{},"output":{}}},"retry":{{"base_delay_ms":1,"max_delay_ms":2}}}})",
        server.url("/v1"), price, price);
  }
  // `more`: further members of the configuration.
  void open(const std::string& model = "route/main", const std::string& more = "") {
    RuntimeOptions options;
    options.manual = true;
    options.home = dir_.file("home");
    options.config_json = format(
        R"({{"model":"{}","tools":[],"providers":{{"first":{},"second":{}}},)"
        R"("routes":{{"main":{{"upstreams":["first/a","second/b"],"retry":{{"base_delay_ms":1,"max_delay_ms":2}}}}}}{}}})",
        model, provider(first_, 1'000'000), provider(second_, 2'000'000), more);
    auto runtime = Runtime::open(options);
    ASSERT_TRUE(runtime.ok()) << runtime.status().to_string();
    runtime_ = *runtime;
    auto agent = Agent::make(runtime_, "");
    ASSERT_TRUE(agent.ok()) << agent.status().to_string();
    agent_ = *agent;
  }
  void close() {
    agent_.reset();
    runtime_.reset();
  }
  // The outcome; events are kept.
  json::Value ask() {
    const auto queue = *runtime_->make_queue(0, {});
    const auto session = *Session::open(agent_, "");
    RunOptions options;
    options.prompt = "hello";
    options.queue = queue;
    auto run = session->start(std::move(options));
    EXPECT_TRUE(run.ok()) << run.status().to_string();
    if (!run.ok()) return {};
    Code code = Code::kInternal;
    const auto waited = (*run)->wait(20'000, &code);
    EXPECT_TRUE(waited.ok()) << waited.status().to_string();
    decisions_.clear();
    for (const auto& queued : queue->take(1'000)) {
      const auto body = json::parse(queued->body());
      if (!body.ok() || (*body)["event"].as_string() != "route") continue;
      decisions_.push_back(std::string((*body)["decision"].as_string()) + ":" +
                           std::string((*body)["reason"].as_string()) + "@" +
                           std::string((*body)["upstream"].as_string()));
    }
    const auto outcome = json::parse(waited.ok() ? *waited : "null");
    queue->abandon();
    return outcome.ok() ? *outcome : json::Value();
  }
  bool told(std::string_view decision) const {
    return std::ranges::find(decisions_, decision) != decisions_.end();
  }

  test::TempDir dir_;
  ScriptedServer first_;
  ScriptedServer second_;
  std::shared_ptr<Runtime> runtime_;
  std::shared_ptr<Agent> agent_;
  std::vector<std::string> decisions_;
};

TEST_F(RouteRun, TheSecondAnswersWhereTheFirstFailsAndItsPriceCounts) {
  first_.enqueue(overloaded());
  second_.enqueue(answer("from the second"));
  open();
  const json::Value outcome = ask();
  EXPECT_EQ(outcome["status"].as_string(), "done") << json::write(outcome);
  EXPECT_EQ(outcome["usage"]["cost_usd_micros"].as_int(), 15 * 2) << json::write(outcome);
  EXPECT_TRUE(told("selected:ordered@first/a"));
  EXPECT_TRUE(told("failed:overloaded@first/a"));
  EXPECT_TRUE(told("failover:overloaded@second/b"));
  EXPECT_EQ((*json::parse(second_.requests()[0].body))["model"].as_string(), "b");
}

TEST_F(RouteRun, ABudgetHoldsOverRunsAndReopening) {
  // The bound of a call is some thousand micro-dollars; its cost 15.
  open("route/main", R"(,"budget":{"day_usd_micros":8000})");
  first_.enqueue(answer("one"));
  EXPECT_EQ(ask()["status"].as_string(), "done");
  close();
  for (int round = 0; round < 3; ++round) {
    open("route/main", R"(,"budget":{"day_usd_micros":8000})");
    first_.enqueue(Reply(200).header("content-type", "text/event-stream").chunked().head().reset());
    second_.enqueue(Reply(200).header("content-type", "text/event-stream").chunked().head().reset());
    first_.set_handler([](const test::RecordedRequest&) { return overloaded(); });
    second_.set_handler([](const test::RecordedRequest&) { return overloaded(); });
    (void)ask();
    close();
  }
  open("route/main", R"(,"budget":{"day_usd_micros":8000})");
  const json::Value outcome = ask();
  EXPECT_EQ(outcome["reason"].as_string(), "budget_exceeded") << json::write(outcome);
}

TEST_F(RouteRun, TheRuntimeTellsOfRoutesAndBudgets) {
  open("route/main", R"(,"budget":{"day_usd_micros":1000000})");
  first_.enqueue(answer("one"));
  EXPECT_EQ(ask()["status"].as_string(), "done");
  close();
  open("route/main", R"(,"budget":{"day_usd_micros":1000000})");
  const auto about = json::parse(runtime_->describe());
  ASSERT_TRUE(about.ok());
  const json::Value& route = (*about)["routes"].as_array().at(0);
  EXPECT_EQ(route["name"].as_string(), "main");
  EXPECT_EQ(route["upstreams"].as_array().at(1)["model"].as_string(), "second/b");
  EXPECT_EQ(route["upstreams"].as_array().at(1)["price"]["input"].as_int(), 2'000'000);
  const json::Value& day = (*about)["budgets"].as_array().at(0);
  EXPECT_TRUE(day["scope"].as_string().starts_with("day:"));
  EXPECT_EQ(day["lent_usd_micros"].as_int(), 15) << "what was not spent went back";
}

TEST_F(RouteRun, HowBusyLimitsAndRoutesAreIsTold) {
  open("route/main");
  const auto traffic = [&] {
    const auto report = runtime_->perform(R"({"op":"traffic"})");
    return report.ok() ? *json::parse(*report) : json::Value();
  };
  EXPECT_TRUE(traffic()["routes"].as_array().empty());
  first_.set_handler([](const test::RecordedRequest&) { return overloaded(); });
  second_.set_handler([](const test::RecordedRequest&) { return answer("two"); });
  for (int call = 0; call < 5; ++call) ASSERT_EQ(ask()["status"].as_string(), "done");
  const json::Value busy = traffic();
  const json::Value& route = busy["routes"].as_array().at(0);
  EXPECT_EQ(route["name"].as_string(), "main");
  EXPECT_EQ(route["active"].as_int(-1), 0);
  const json::Value& first = route["upstreams"].as_array().at(0);
  EXPECT_EQ(first["model"].as_string(), "first/a");
  EXPECT_EQ(first["breaker"].as_string(), "open");
  EXPECT_EQ(first["times_opened"].as_int(), 1);
  EXPECT_GT(first["open_ms"].as_int(), 25'000);
  EXPECT_EQ(route["upstreams"].as_array().at(1)["breaker"].as_string(), "closed");
  EXPECT_GT(route["upstreams"].as_array().at(1)["first_event_us"].as_int(), 0);
  const auto unknown = runtime_->perform(R"({"op":"traffic","of":"x"})");
  EXPECT_EQ(unknown.status().reason(), "unknown_key");
}

TEST_F(RouteRun, AModelWithoutARouteIsUnderTheBudgetToo) {
  open("first/a", R"(,"budget":{"run_usd_micros":100})");
  const json::Value outcome = ask();
  EXPECT_EQ(outcome["reason"].as_string(), "budget_exceeded") << json::write(outcome);
  EXPECT_TRUE(first_.requests().empty());
}

TEST_F(RouteRun, WithoutBudgetsAndLimitsAModelIsAskedAsBefore) {
  open("first/a");
  first_.enqueue(answer("plain"));
  EXPECT_EQ(ask()["status"].as_string(), "done");
  EXPECT_TRUE(decisions_.empty());
}

TEST_F(RouteRun, UnknownRoutesAreNamed) {
  RuntimeOptions options;
  options.manual = true;
  options.no_store = true;
  options.config_json = R"({"model":"route/none","routes":{"main":{"upstreams":["offline/offline"]}}})";
  auto runtime = Runtime::open(options);
  ASSERT_TRUE(runtime.ok());
  const auto agent = Agent::make(*runtime, "");
  EXPECT_EQ(agent.status().reason(), "unknown_route");
  EXPECT_NE(agent.status().message().find("main"), std::string_view::npos);
}

TEST_F(RouteRun, TheOfflineModelCanBeTheLastOne) {
  first_.set_handler([](const test::RecordedRequest&) { return overloaded(); });
  RuntimeOptions options;
  options.manual = true;
  options.no_store = true;
  options.config_json = format(
      R"({{"model":"route/main","tools":[],"providers":{{"first":{}}},"budget":{{"day_usd_micros":1000000}},)"
      R"("routes":{{"main":{{"upstreams":["first/a","offline/offline"]}}}},"params":{{"max_tokens":50}}}})",
      provider(first_, 1));
  auto runtime = Runtime::open(options);
  ASSERT_TRUE(runtime.ok()) << runtime.status().to_string();
  runtime_ = *runtime;
  agent_ = *Agent::make(runtime_, "");
  EXPECT_EQ(ask()["status"].as_string(), "done");
  EXPECT_TRUE(told("failover:overloaded@offline/offline"));
}

// ---- what the configuration takes -------------------------------------------------------------------------

Config merged(std::string_view text, std::string_view origin = "option") {
  auto config = Config::merge({{std::string(origin), "", *json::parse(text)}});
  EXPECT_TRUE(config.ok()) << config.status().to_string();
  return config.ok() ? *std::move(config) : Config();
}

std::optional<std::string> nothing(std::string_view) { return std::nullopt; }

TEST(RouteConfig, IsReadInFull) {
  const Config config = merged(R"({"routes":{"r":{"upstreams":["ollama/a=3","vllm/b"],"strategy":"weighted",
      "hedge_after_ms":9,"stream_recovery":true,"retry":{"max_attempts":7,"percent":5},
      "breaker":{"failures":2,"open_ms":11},"limits":{"requests_per_minute":4,"max_wait_ms":6},
      "principal_limits":{"tokens_per_minute":8},"budget":{"day_usd_micros":10}}},
      "providers":{"vllm":{"limits":{"concurrency":2}}}})");
  const auto spec = config.route_spec("r", nothing);
  ASSERT_TRUE(spec.ok()) << spec.status().to_string();
  EXPECT_EQ(spec->strategy, provider::Strategy::kWeighted);
  ASSERT_EQ(spec->upstreams.size(), 2u);
  EXPECT_EQ(spec->upstreams[0].weight, 3);
  EXPECT_EQ(spec->upstreams[0].route.model, "a");
  EXPECT_EQ(spec->upstreams[0].route.retry.max_attempts, 1);
  EXPECT_TRUE(spec->upstreams[0].route.price.known) << "a model server of this machine is free";
  EXPECT_EQ(spec->upstreams[1].limits.concurrency, 2);
  EXPECT_EQ(spec->hedge_after_ms, 9);
  EXPECT_TRUE(spec->stream_recovery);
  EXPECT_EQ(spec->retry.max_attempts, 7);
  EXPECT_EQ(spec->retry_percent, 5);
  EXPECT_EQ(spec->breaker.failures, 2);
  EXPECT_EQ(spec->breaker.open_ms, 11);
  EXPECT_EQ(spec->limits.requests_per_minute, 4);
  EXPECT_EQ(spec->limits.max_wait_ms, 6);
  EXPECT_EQ(spec->principal_limits.tokens_per_minute, 8);
  EXPECT_EQ(spec->day_usd_micros, 10);
}

TEST(RouteConfig, UpstreamsWithoutAKeyAreLeftOut) {
  const Config config = merged(R"({"routes":{"r":{"upstreams":["openai/gpt-5","ollama/a"]}}})");
  const auto spec = config.route_spec("r", nothing);
  ASSERT_TRUE(spec.ok()) << spec.status().to_string();
  ASSERT_EQ(spec->unavailable.size(), 1u);
  EXPECT_EQ(spec->unavailable[0].first, "openai/gpt-5");
  EXPECT_EQ(spec->unavailable[0].second.reason(), "missing_key");
  const Config none = merged(R"({"routes":{"r":{"upstreams":["openai/gpt-5"]}}})");
  EXPECT_EQ(none.route_spec("r", nothing).status().reason(), "missing_key");
}

TEST(RouteConfig, WhatMakesNoSenseIsRefused) {
  for (const char* bad :
       {R"({"routes":{"r":{"upstreams":["nothing"]}}})", R"({"routes":{"r":{"upstreams":["route/other"]}}})",
        R"({"routes":{"r":{"upstreams":["scripted/x"]}}})", R"({"routes":{"r":{"strategy":"best"}}})",
        R"({"routes":{"r":{"limits":{"concurrency":-1}}}})", R"({"budget":{"day_usd_micros":-1}})",
        R"({"providers":{"route":{"base_url":"http://127.0.0.1:1"}}})"})
    EXPECT_FALSE(Config::merge({{"option", "", *json::parse(bad)}}).ok()) << bad;
  EXPECT_EQ(merged(R"({"routes":{"r":{"strategy":"cost"}}})").route_spec("r", nothing).status().reason(),
            "route_without_upstreams");
}

TEST(RouteConfig, AProjectChoosesAmongTheUsersRoutesAndMakesNone) {
  const Layer user = {"user", "", *json::parse(R"({"routes":{"r":{"upstreams":["ollama/a"]}}})")};
  EXPECT_TRUE(Config::merge({user, {"project", "", *json::parse(R"({"model":"route/r"})")}}).ok());
  EXPECT_FALSE(Config::merge({user, {"project", "", *json::parse(R"({"model":"route/other"})")}}).ok());
  EXPECT_FALSE(
      Config::merge({user, {"project", "", *json::parse(R"({"routes":{"r":{"upstreams":["vllm/b"]}}})")}})
          .ok());
  EXPECT_FALSE(
      Config::merge({user, {"project", "", *json::parse(R"({"budget":{"day_usd_micros":9}})")}}).ok());
}

TEST(RouteConfig, PricesComeFromTheConfigurationThenTheFileThenTheLibrary) {
  auto catalog = provider::ModelCatalog::parse(
      R"({"schema_version":1,"models":{"ollama/a":{"context_tokens":7,"price":{"input":3,"output":4}},
          "openai/gpt-5":{"price":{"input":1,"output":2}}}})");
  ASSERT_TRUE(catalog.ok()) << catalog.status().to_string();
  const auto shared = std::make_shared<const provider::ModelCatalog>(*std::move(catalog));
  const Config config = merged(R"({"providers":{"openai":{"api_key":"x1234567"}}})").with_catalog(shared);
  EXPECT_EQ(config.route("ollama/a", nothing)->context_tokens, 7);
  EXPECT_EQ(config.route("ollama/a", nothing)->price.output_usd_micros, 4);
  const auto openai = config.route("openai/gpt-5", nothing);
  ASSERT_TRUE(openai.ok()) << openai.status().to_string();
  EXPECT_EQ(openai->price.input_usd_micros, 1);
  EXPECT_GT(openai->context_tokens, 0) << "the library knows";
  // Another server is not what the library speaks of.
  const Config elsewhere =
      merged(R"({"providers":{"openai":{"api_key":"x1234567","base_url":"http://127.0.0.1:9/v1"}}})");
  EXPECT_FALSE(elsewhere.route("openai/gpt-5", nothing)->price.known);
}

}  // namespace
}  // namespace tau::runtime
