// What the library says of models and of what a call would cost; tables of a home; prompts that stay what
// they were over turns and after a reopening.
#include <gtest/gtest.h>

#include <fstream>

#include "runtime/runtime.h"
#include "support/scripted_server.h"
#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

using test::Reply;
using test::ScriptedServer;

class ModelRequests : public testing::Test {
 protected:
  StatusOr<std::shared_ptr<Runtime>> open(const std::string& config = "{}") {
    RuntimeOptions options;
    options.manual = true;
    options.home = dir_.file("home");
    options.use_config_files = true;
    options.config_json = config;
    return Runtime::open(options);
  }
  void write(const std::string& name, const std::string& text) {
    (void)open();  // makes the home
    std::ofstream(dir_.file("home") + "/" + name) << text;
  }
  json::Value perform(const std::string& request, const std::string& config = "{}") {
    auto runtime = open(config);
    EXPECT_TRUE(runtime.ok()) << runtime.status().to_string();
    if (!runtime.ok()) return {};
    const auto text = (*runtime)->perform(request);
    EXPECT_TRUE(text.ok()) << text.status().to_string();
    return text.ok() ? *json::parse(*text) : json::Value();
  }
  std::string refusal(const std::string& request) {
    const auto text = (*open())->perform(request);
    return text.ok() ? "" : std::string(text.status().reason());
  }

  test::TempDir dir_;
};

TEST_F(ModelRequests, ListsWhatIsKnown) {
  const json::Value all = perform(R"({"op":"models"})");
  EXPECT_EQ(all["as_of"].as_string().size(), 10u);
  EXPECT_GT(all["models"].size(), 100u);
  const json::Value some = perform(R"({"op":"models","provider":"xai"})");
  ASSERT_GT(some["models"].size(), 3u);
  for (const json::Value& row : some["models"].as_array()) {
    EXPECT_TRUE(row["model"].as_string().starts_with("xai/"));
    EXPECT_EQ(row["catalog"].as_string(), "built_in");
    EXPECT_FALSE(row["source"].as_string().empty());
    EXPECT_GT(row["price"]["input"].as_int(), 0);
  }
  EXPECT_EQ(perform(R"({"op":"models","provider":"nobody"})")["models"].size(), 0u);
}

TEST_F(ModelRequests, ShowsOneWithItsQuirks) {
  const json::Value model = perform(R"({"op":"model","model":"openai/gpt-5.4"})");
  EXPECT_EQ(model["dialect"].as_string(), "openai_chat");
  EXPECT_EQ(model["context_tokens"].as_int(), 1'050'000);
  EXPECT_EQ(model["price"]["long"]["above_tokens"].as_int(), 272'000);
  EXPECT_TRUE(model["quirks"]["no_temperature"].as_bool());
  EXPECT_FALSE(model["ready"].as_bool(true));
  EXPECT_NE(model["reason"].as_string().find("OPENAI_API_KEY"), std::string_view::npos);
  // Nothing is known of it but its server.
  const json::Value other = perform(R"({"op":"model","model":"ollama/qwen3"})");
  EXPECT_TRUE(other["context_tokens"].is_null());
  EXPECT_TRUE(other["source"].is_null());
  EXPECT_EQ(other["price"]["input"].as_int(), 0);
  EXPECT_TRUE(other["ready"].as_bool());
  EXPECT_EQ(perform(R"({"op":"model","model":"offline/offline"})")["price"]["output"].as_int(), 0);
}

TEST_F(ModelRequests, WhatMakesNoSenseIsNamed) {
  EXPECT_EQ(refusal(R"({"op":"models","more":1})"), "unknown_key");
  EXPECT_EQ(refusal(R"({"op":"models","provider":7})"), "wrong_type");
  EXPECT_EQ(refusal(R"({"op":"model"})"), "wrong_type");
  EXPECT_EQ(refusal(R"({"op":"model","model":"nobody/x"})"), "invalid_model_reference");
  EXPECT_EQ(refusal(R"({"op":"model","model":"route/main"})"), "invalid_model_reference");
  EXPECT_EQ(refusal(R"({"op":"model","model":"x"})"), "invalid_model_reference");
  EXPECT_EQ(refusal(R"({"op":"estimate","model":"openai/gpt-5"})"), "wrong_type");
  EXPECT_EQ(refusal(R"({"op":"estimate","model":"openai/gpt-5","request":{},"output_tokens":-1})"),
            "wrong_type");
  EXPECT_EQ(refusal(R"({"op":"estimate","model":"nobody/x","request":{}})"), "invalid_model_reference");
  EXPECT_NE(refusal(R"({"op":"estimate","model":"openai/gpt-5","request":{"messages":[{"role":"nobody"}]}})"),
            "");
}

constexpr std::string_view kAsk =
    R"("request":{"messages":[{"role":"user","parts":[{"type":"text","text":"How much is this?"}]}],"max_tokens":1000}})";

TEST_F(ModelRequests, EstimatesACall) {
  const json::Value call = perform(R"({"op":"estimate","model":"openai/gpt-4o",)" + std::string(kAsk));
  const int64_t bound = call["tokens_bound"].as_int();
  EXPECT_GT(call["tokens_estimate"].as_int(), 3);
  EXPECT_LT(call["tokens_estimate"].as_int(), bound);
  EXPECT_EQ(call["output_limit"].as_int(), 1'000);
  EXPECT_TRUE(call["priced"].as_bool());
  // 2.50 dollars per million in, 10 out.
  EXPECT_GE(call["cost_bound_usd_micros"].as_int(), bound * 5 / 2 + 10'000);
  EXPECT_LE(call["cost_bound_usd_micros"].as_int(), bound * 5 / 2 + 10'010);
  EXPECT_LE(call["cost_estimate_usd_micros"].as_int(), call["cost_bound_usd_micros"].as_int());
  EXPECT_FALSE(call.contains("reason"));
}

TEST_F(ModelRequests, SaysWhatCannotBeBounded) {
  json::Value call = perform(R"({"op":"estimate","model":"first/a",)" + std::string(kAsk),
                             R"({"providers":{"first":{"base_url":"http://127.0.0.1:9/v1"}}})");
  EXPECT_FALSE(call["priced"].as_bool(true));
  EXPECT_TRUE(call["cost_bound_usd_micros"].is_null());
  EXPECT_TRUE(call["cost_estimate_usd_micros"].is_null());
  EXPECT_GT(call["tokens_bound"].as_int(), 0);
  EXPECT_EQ(call["reason"].as_string(), "price_unknown");
  const std::string image =
      R"("request":{"messages":[{"role":"user","parts":[{"type":"image","url":"https://example.com/x.png"}]}],"max_tokens":9}})";
  call = perform(R"({"op":"estimate","model":"openai/gpt-4o",)" + image);
  EXPECT_GT(call["tokens_bound"].as_int(), 1'445) << json::write(call);
  call = perform(R"({"op":"estimate","model":"openai/gpt-5.4",)" + image);
  EXPECT_TRUE(call["tokens_bound"].is_null()) << json::write(call);
  EXPECT_EQ(call["reason"].as_string(), "prompt_unbounded");
  call = perform(R"({"op":"estimate","model":"mistral/mistral-small-latest","request":{"messages":[]}})");
  EXPECT_EQ(call["reason"].as_string(), "output_unbounded");
}

TEST_F(ModelRequests, TablesOfTheHomeWin) {
  write("models.json",
        R"({"schema_version":1,"as_of":"2026-10-01","models":{"first/a":{"context_tokens":5,"source":"me",
    "price":{"input":1,"output":2}},"openai/gpt-5":{"price":{"input":7,"output":8}}}})");
  write("quirks.json",
        R"({"schema_version":1,"rows":[{"provider":"first","model":"a*","since":"2026-10-01","source":"me",
    "set":{"no_seed":true,"no_stop":true}}]})");
  const std::string config =
      R"({"providers":{"first":{"base_url":"http://127.0.0.1:9/v1","quirks":{"no_stop":false,"call_ids":"word40"}}}})";
  const json::Value model = perform(R"({"op":"model","model":"first/a"})", config);
  EXPECT_EQ(model["catalog"].as_string(), "file");
  EXPECT_EQ(model["source"].as_string(), "me");
  EXPECT_EQ(model["as_of"].as_string(), "2026-10-01");
  EXPECT_EQ(model["context_tokens"].as_int(), 5);
  EXPECT_TRUE(model["quirks"]["no_seed"].as_bool());
  EXPECT_FALSE(model["quirks"]["no_stop"].as_bool(true)) << "the configuration wins";
  EXPECT_EQ(model["quirks"]["call_ids"].as_string(), "word40");
  EXPECT_EQ(perform(R"({"op":"model","model":"openai/gpt-5"})", config)["price"]["input"].as_int(), 7);
  EXPECT_GE(perform(R"({"op":"models","provider":"first"})", config)["models"].size(), 1u);
}

TEST_F(ModelRequests, HostileTablesAreRefusedAndNamed) {
  const auto refused = [&](const std::string& name, const std::string& text) {
    write(name, text);
    const auto runtime = open();
    std::ofstream(dir_.file("home") + "/" + name) << R"({"schema_version":1,"models":{}})";
    if (name == "quirks.json") std::ofstream(dir_.file("home") + "/" + name) << R"({"schema_version":1})";
    EXPECT_FALSE(runtime.ok()) << text.substr(0, 200);
    if (runtime.ok()) return std::string();
    EXPECT_TRUE(runtime.status().message().find(name) != std::string_view::npos ||
                runtime.status().message().find(name.substr(0, 6)) != std::string_view::npos)
        << runtime.status().to_string();
    return std::string(runtime.status().reason());
  };
  EXPECT_EQ(refused("quirks.json", R"({"schema_version":1,"rows":[{"provider":"a"}]})"), "invalid_quirks");
  EXPECT_NE(refused("quirks.json", "{"), "");
  EXPECT_NE(refused("quirks.json", std::string(100'000, '[')), "");
  EXPECT_EQ(
      refused("models.json", R"({"schema_version":1,"models":{"a/b":{"price":{"input":-1,"output":1}}}})"),
      "invalid_price");
  EXPECT_EQ(refused("models.json",
                    R"({"schema_version":1,"models":{"a/b":{"price":{"input":1,"output":1,"long":{}}}}})"),
            "invalid_catalog");
  EXPECT_NE(refused("models.json", std::string(100u << 20, ' ')), "");
}

// ---- prompts
// ------------------------------------------------------------------------------------------------

std::string chat_answer(std::string_view message) {
  return R"({"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":)" +
         std::string(message) +
         R"(,"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}})";
}

class PromptRun : public testing::Test {
 protected:
  void SetUp() override {
    server_.set_handler([this](const test::RecordedRequest& request) {
      const json::Value body = *json::parse(request.body);
      const bool asks = body["messages"].as_array().back()["role"].as_string() == "user";
      const std::string call =
          R"({"role":"assistant","content":null,"tool_calls":[{"id":"c)" + std::to_string(++calls_) +
          R"(","type":"function","function":{"name":"add","arguments":"{\"b\":1,\"a\":2}"}}]})";
      return Reply::json(chat_answer(asks ? call : R"({"role":"assistant","content":"three"})"));
    });
  }
  void open() {
    RuntimeOptions options;
    options.home = dir_.file("home");
    options.config_json = format(
        R"({{"model":"first/a","tools":[],"system":"{}","policy":{{"allow":["add"]}},"providers":{{"first":{{"base_url":"{}"}}}}}})",
        std::string(2'000, 's'), server_.url("/v1"));
    auto runtime = Runtime::open(options);
    ASSERT_TRUE(runtime.ok()) << runtime.status().to_string();
    runtime_ = *runtime;
    agent_ = *Agent::make(runtime_, "");
    tool::Manifest manifest;
    manifest.name = "add";
    manifest.description = "Adds.";
    manifest.parameters =
        R"({"type":"object","properties":{"b":{"type":"number"},"a":{"type":"number"}},"required":["b","a"]})";
    manifest.effect = tool::Effect::kPure;
    const auto invoke = [](const tool::Call&, tool::Reply reply, const std::atomic<bool>&) {
      tool::Result result;
      result.content = "3";
      reply.complete(std::move(result));
    };
    ASSERT_TRUE(agent_->add_tool(std::make_shared<InvokeTool>(manifest, invoke), false).ok());
  }
  void ask(std::string_view text) {
    const auto queue = *runtime_->make_queue(0, {});
    const auto session = *Session::open(agent_, "talk");
    RunOptions options;
    options.prompt = text;
    options.queue = queue;
    auto run = session->start(std::move(options));
    ASSERT_TRUE(run.ok()) << run.status().to_string();
    Code code = Code::kInternal;
    const auto waited = (*run)->wait(20'000, &code);
    EXPECT_TRUE(waited.ok() && code == Code::kOk) << (waited.ok() ? *waited : waited.status().to_string());
    for (const auto& queued : queue->take(1'000)) {
      const auto body = json::parse(queued->body());
      if (body.ok() && (*body)["event"].as_string() == "turn_done") turns_.push_back(*body);
    }
    queue->abandon();
  }

  test::TempDir dir_;
  ScriptedServer server_;
  std::atomic<int> calls_ = 0;
  std::shared_ptr<Runtime> runtime_;
  std::shared_ptr<Agent> agent_;
  std::vector<json::Value> turns_;
};

TEST_F(PromptRun, StayWhatTheyWereOverTurnsAndAfterAReopening) {
  open();
  ask("one");
  ask("two");
  agent_.reset();
  runtime_.reset();
  open();
  ask("three");
  std::vector<std::string> bodies;
  for (const auto& request : server_.requests()) bodies.push_back(request.body);
  ASSERT_EQ(bodies.size(), 6u);
  for (size_t i = 1; i < bodies.size(); ++i) {
    const std::string& before = bodies[i - 1];
    const std::string& after = bodies[i];
    // All up to the end of the messages, and all behind them.
    const auto [a, b] = std::mismatch(before.begin(), before.end(), after.begin(), after.end());
    const size_t head = static_cast<size_t>(a - before.begin());
    EXPECT_EQ(before.substr(head), after.substr(after.size() - (before.size() - head))) << i;
    EXPECT_EQ(before.substr(head, 2), "],") << before.substr(head, 50);
  }
  ASSERT_EQ(turns_.size(), 6u);
  EXPECT_EQ(turns_[0]["prompt_bytes"].as_int(), static_cast<int64_t>(bodies[0].size()));
  EXPECT_EQ(turns_[0]["prompt_prefix_bytes"].as_int(), 0);
  for (const size_t i : {1u, 2u, 3u, 5u}) {
    EXPECT_EQ(turns_[i]["prompt_bytes"].as_int(), static_cast<int64_t>(bodies[i].size()));
    EXPECT_GE(turns_[i]["prompt_prefix_bytes"].as_int(), 2'000) << i;
  }
  EXPECT_EQ(turns_[4]["prompt_prefix_bytes"].as_int(), 0) << "another process, as it were: nothing is kept";
}

}  // namespace
}  // namespace tau::runtime
