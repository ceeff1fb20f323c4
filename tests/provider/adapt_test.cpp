// A server that says what it wants gets it: once per rule, before anything reached the host, and at once the
// next time.
#include "http_model_fixture.h"
#include "provider/adaptations.h"

namespace tau::provider {
namespace {

class DecisionSink final : public CallSink {
 public:
  void on_event(const wire::StreamEvent&) override {}
  void on_attempt(int attempt, const Status&) override { attempts = attempt; }
  void on_response(wire::Response r) override { response = std::move(r); }
  void on_failure(const Status& status, wire::Response) override { failure = status; }
  void on_decision(const RouteDecision& told) override {
    decisions.emplace_back(std::string(told.decision) + " " + std::string(told.reason));
  }
  void on_prompt(const PromptSize& size) override { prompts.push_back(size); }
  bool over() const { return response.has_value() || failure.has_value(); }

  int attempts = 0;
  std::vector<std::string> decisions;
  std::vector<PromptSize> prompts;
  std::optional<wire::Response> response;
  std::optional<Status> failure;
};

class AdaptTest : public HttpModelTest {
 protected:
  void SetUp() override {
    HttpModelTest::SetUp();
    Adaptations::process().forget();
  }
  void TearDown() override { Adaptations::process().forget(); }

  const DecisionSink& ask(std::string_view session = "s1") {
    told_ = std::make_unique<DecisionSink>();
    model_ = make_http_model(route_, *http_, *loop_, *random_);
    ModelCall call;
    call.request_id = "run_1.m1";
    call.session_id = SharedString(session);
    call.request = &request_;
    model_->start(std::move(call), *told_);
    const int64_t end = system_clock().monotonic_ns() + 20'000 * kNanosPerMilli;
    while (!told_->over() && system_clock().monotonic_ns() < end) EXPECT_TRUE(loop_->process(20).ok());
    EXPECT_TRUE(told_->over());
    return *told_;
  }
  void refuse(std::string_view message) {
    std::string body = R"({"error":{"type":"invalid_request_error","message":)";
    json::Writer(body).string(message);
    server_.enqueue(Reply::json(body + "}}", 400));
  }
  json::Value sent(size_t at) { return *json::parse(server_.requests().at(at).body); }

  std::unique_ptr<DecisionSink> told_;
};

constexpr std::string_view kMaxTokens =
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
    "instead.";
constexpr std::string_view kTemperature =
    "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) is "
    "supported.";

TEST_F(AdaptTest, TheServersWordIsFollowedAndRemembered) {
  request_.max_tokens = 100;
  refuse(kMaxTokens);
  server_.enqueue(good());
  const DecisionSink& first = ask();
  ASSERT_TRUE(first.response.has_value()) << first.failure->to_string();
  EXPECT_EQ(first.decisions, std::vector<std::string>{"adapted max_completion_tokens"});
  EXPECT_EQ(first.attempts, 2);
  ASSERT_EQ(server_.requests().size(), 2u);
  EXPECT_TRUE(sent(0).contains("max_tokens"));
  EXPECT_EQ(sent(1)["max_completion_tokens"].as_int(), 100);
  EXPECT_FALSE(sent(1).contains("max_tokens"));
  // Another model object, another session: what was learned is of the process.
  server_.enqueue(good());
  EXPECT_TRUE(ask("s2").decisions.empty());
  ASSERT_EQ(server_.requests().size(), 3u);
  EXPECT_TRUE(sent(2).contains("max_completion_tokens"));
}

TEST_F(AdaptTest, EachRuleHasOneTryAndThenTheErrorIsTold) {
  request_.max_tokens = 100;
  request_.temperature = 0.2;
  refuse(kMaxTokens);
  refuse(kTemperature);
  refuse(kTemperature);  // although it is not there any more
  const DecisionSink& told = ask();
  ASSERT_TRUE(told.failure.has_value());
  EXPECT_EQ(told.decisions,
            (std::vector<std::string>{"adapted max_completion_tokens", "adapted no_temperature"}));
  EXPECT_EQ(server_.requests().size(), 3u);
  EXPECT_FALSE(sent(2).contains("temperature"));
  EXPECT_EQ(Adaptations::process().size(), 0u);  // nothing was answered, nothing is learned
}

TEST_F(AdaptTest, AnErrorThatNoRuleCanMendIsToldAtOnce) {
  refuse(kTemperature);  // the request has none
  EXPECT_TRUE(ask().failure.has_value());
  EXPECT_EQ(server_.requests().size(), 1u);
  refuse("nothing that a rule speaks of");
  EXPECT_TRUE(ask().failure.has_value());
  EXPECT_EQ(server_.requests().size(), 2u);
}

// Whatever the server says, it is asked at most once more per rule.
TEST_F(AdaptTest, AServerThatRefusesEverythingIsNotAskedForEver) {
  request_.max_tokens = 1;
  request_.temperature = 1;
  request_.top_p = 1;
  request_.stop = {"x"};
  request_.reasoning_effort = "low";
  request_.parallel_tool_calls = true;
  std::string all;
  for (const auto& rule : QuirkTable::built_in().rules())
    for (const std::string& words : rule->when) all += words + " ";
  for (size_t i = 0; i < 2 * QuirkTable::built_in().rules().size(); ++i) refuse(all);
  EXPECT_TRUE(ask().failure.has_value());
  EXPECT_LE(server_.requests().size(), QuirkTable::built_in().rules().size() + 1);
  EXPECT_GT(server_.requests().size(), 3u);
}

TEST_F(AdaptTest, AfterTheFirstWordNothingIsRepeated) {
  request_.max_tokens = 100;
  server_.enqueue(Reply::sse().event(kHello).event(
      R"({"error":{"message":"Unsupported parameter: 'max_tokens', use max_completion_tokens"}})"));
  EXPECT_TRUE(ask().failure.has_value());
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(AdaptTest, RetriesOfTheRouteAreCountedApart) {
  request_.temperature = 0.2;
  route_.retry.max_attempts = 1;
  refuse(kTemperature);
  server_.enqueue(good());
  EXPECT_TRUE(ask().response.has_value());
}

TEST_F(AdaptTest, MissingReasoningIsSentAndHoldsForThePlace) {
  wire::Message call;
  call.role = wire::Role::kAssistant;
  call.parts.push_back({wire::ToolCall{"c1", "f", "{}"}, {}});
  wire::Message result;
  result.role = wire::Role::kTool;
  result.parts.push_back({wire::ToolResult{"c1", "f", {{wire::Text{"r"}, {}}}}, {}});
  request_.messages.push_back(call);
  request_.messages.push_back(result);
  refuse("thinking is enabled but reasoning_content is missing in assistant tool call message at index 1");
  server_.enqueue(good());
  EXPECT_EQ(ask().decisions, std::vector<std::string>{"adapted reasoning_content"});
  EXPECT_EQ(sent(1)["messages"].as_array()[1]["reasoning_content"].as_string(), " ");
}

TEST_F(AdaptTest, StaleReasoningIsDroppedForItsSessionAlone) {
  route_.dialect = &wire::anthropic_messages();
  wire::Message said;
  said.role = wire::Role::kAssistant;
  wire::Part thinking{wire::Reasoning{"hm", "c2ln", wire::Reasoning::Form::kSignature}, {}};
  said.parts.push_back(thinking);
  said.parts.push_back({wire::Text{"so"}, {}});
  request_.messages.push_back(said);
  request_.messages.push_back(wire::text_message(wire::Role::kUser, "go on", {}));
  request_.max_tokens = 10;
  const std::string answer =
      R"({"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"a"}],)"
      R"("stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}})";
  refuse("messages.1.content.0: Invalid `signature` in `thinking` block");
  server_.enqueue(Reply::json(answer));
  EXPECT_EQ(ask("s1").decisions, std::vector<std::string>{"adapted invalid_thinking_signature"});
  EXPECT_NE(server_.requests().at(0).body.find("c2ln"), std::string::npos);
  EXPECT_EQ(server_.requests().at(1).body.find("c2ln"), std::string::npos);
  server_.enqueue(Reply::json(answer));
  server_.enqueue(Reply::json(answer));
  ask("s1");
  EXPECT_EQ(server_.requests().at(2).body.find("c2ln"), std::string::npos);
  ask("s2");
  EXPECT_NE(server_.requests().at(3).body.find("c2ln"), std::string::npos);
}

TEST_F(AdaptTest, TheRulesOfAHomeApply) {
  auto own = QuirkTable::parse(R"({"schema_version":1,"retries":[{"name":"mine","provider":"te?t",
    "when":["no seeds"],"since":"2026-01-02","source":"a test","set":{"no_seed":true}}]})");
  ASSERT_TRUE(own.ok()) << own.status().to_string();
  route_.table = std::make_shared<const QuirkTable>(QuirkTable::with(*own));
  request_.seed = 5;
  refuse("No seeds here");
  server_.enqueue(good());
  EXPECT_EQ(ask().decisions, std::vector<std::string>{"adapted mine"});
  EXPECT_FALSE(sent(1).contains("seed"));
}

TEST_F(AdaptTest, WhatIsLearnedIsBounded) {
  const auto rule = QuirkTable::built_in().rules().front();
  for (size_t i = 0; i < 2 * Adaptations::kMost; ++i)
    Adaptations::process().learn("place " + std::to_string(i), "", rule);
  EXPECT_EQ(Adaptations::process().size(), Adaptations::kMost);
  wire::Quirks quirks;
  Adaptations::process().apply("place 0", "", quirks);
  EXPECT_EQ(quirks, wire::Quirks());
}

TEST_F(AdaptTest, APromptThatGrowsKeepsItsBeginning) {
  request_.messages[0] = wire::text_message(wire::Role::kUser, std::string(1'000, 'a'), {});
  for (int turn = 0; turn < 3; ++turn) {
    server_.enqueue(good());
    if (model_ == nullptr) model_ = make_http_model(route_, *http_, *loop_, *random_);
    told_ = std::make_unique<DecisionSink>();
    ModelCall call;
    call.session_id = "s";
    call.request = &request_;
    model_->start(std::move(call), *told_);
    while (!told_->over()) ASSERT_TRUE(loop_->process(20).ok());
    ASSERT_EQ(told_->prompts.size(), 1u);
    EXPECT_EQ(told_->prompts[0].bytes, static_cast<int64_t>(server_.requests().back().body.size()));
    EXPECT_GE(told_->prompts[0].prefix_bytes, turn == 0 ? 0 : 1'000);
    EXPECT_LT(told_->prompts[0].prefix_bytes, turn == 0 ? 1 : told_->prompts[0].bytes);
    request_.messages.push_back(wire::text_message(wire::Role::kAssistant, "hello", {}));
    request_.messages.push_back(wire::text_message(wire::Role::kUser, "more", {}));
  }
}

}  // namespace
}  // namespace tau::provider
