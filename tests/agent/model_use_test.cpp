// What a tool call itself asked of a model: it counts to the run, is within its limits, and is in the
// journal.
#include <gtest/gtest.h>

#include "agent/agent.h"

namespace tau::agent {
namespace {

std::shared_ptr<wire::Response> answer(std::vector<std::string> call_ids) {
  auto response = std::make_shared<wire::Response>();
  response->message.role = wire::Role::kAssistant;
  for (std::string& id : call_ids)
    response->message.parts.push_back({.body = wire::ToolCall{std::move(id), "extract", "{}"}, .extras = {}});
  if (response->message.parts.empty())
    response->message.parts.push_back({.body = wire::Text{"done"}, .extras = {}});
  response->usage.input = 100;
  response->usage.output = 10;
  return response;
}

// One run: its engine and what came out of the last step.
class ModelUseTest : public testing::Test {
 protected:
  void start(Limits limits) {
    Start in;
    in.config.run_id = "r";
    in.config.limits = limits;
    in.message = wire::text_message(wire::Role::kUser, "hello", Labels::from(Source::kUser));
    feed(in);
  }
  void feed(const InputBody& body) {
    // As a journal brings it back.
    const std::string row = input_to_json(body);
    rows_.push_back(row);
    last_ = engine_.step({seq_++, 0, *input_from_json(input_kind(body), row)});
  }
  void model(std::vector<std::string> call_ids) {
    PromptReady ready;
    ready.call = ++call_;
    feed(ready);
    ModelDone done;
    done.call = call_;
    done.response = answer(std::move(call_ids));
    done.cost_usd_micros = 50;
    feed(done);
  }
  void allow(const std::string& id) {
    Verdict verdict;
    verdict.call_id = id;
    verdict.decision = Verdict::Decision::kAllow;
    verdict.pure = true;
    feed(verdict);
  }
  void finish_call(const std::string& id, ModelUse use) {
    ToolDone done;
    done.call_id = id;
    done.message = tool_error_message({id, "extract", "{}"}, "7");
    done.use = use;
    feed(done);
  }
  const CallTool* started() const {
    for (const Effect& effect : last_)
      if (const auto* call = std::get_if<CallTool>(&effect)) return call;
    return nullptr;
  }
  const Event* event(EventKind kind) const {
    for (const Effect& effect : last_)
      if (const auto* emit = std::get_if<Emit>(&effect); emit != nullptr && emit->event.kind == kind)
        return &emit->event;
    return nullptr;
  }

  Engine engine_;
  Effects last_;
  std::vector<std::string> rows_;
  int64_t seq_ = 0;
  int64_t call_ = 0;
};

constexpr ModelUse kUse = {.input_tokens = 300,
                           .output_tokens = 7,
                           .cached_tokens = 20,
                           .unreported_tokens = 0,
                           .cost_usd_micros = 900};

TEST_F(ModelUseTest, CountsToTheRun) {
  start({});
  model({"a"});
  allow("a");
  ASSERT_NE(started(), nullptr);
  EXPECT_EQ(started()->tokens_left, -1) << "there is no limit";
  EXPECT_EQ(started()->cost_left_usd_micros, -1);
  finish_call("a", kUse);
  ASSERT_NE(event(EventKind::kTurnDone), nullptr);
  const json::Value usage = *json::parse(event(EventKind::kTurnDone)->json);
  EXPECT_EQ(usage["input_tokens"].as_int(), 400);
  EXPECT_EQ(usage["output_tokens"].as_int(), 17);
  EXPECT_EQ(usage["cached_input_tokens"].as_int(), 20);
  EXPECT_EQ(usage["cost_usd_micros"].as_int(), 950);
  EXPECT_NE(rows_.back().find(R"("model_use":{"input_tokens":300)"), std::string::npos) << rows_.back();
  finish_call("a", kUse);
  model({});
  EXPECT_EQ((*json::parse(event(EventKind::kRunDone)->json))["usage"]["input_tokens"].as_int(), 500)
      << "a result that comes twice counts once";
}

TEST_F(ModelUseTest, EachCallIsToldWhatIsLeft) {
  start({.max_tokens = 1000, .max_cost_usd_micros = 1000});
  model({"a", "b"});
  allow("a");
  allow("b");
  EXPECT_EQ(started(), nullptr) << "one after the other";
  finish_call("a", kUse);
  ASSERT_NE(started(), nullptr);
  EXPECT_EQ(started()->call_id, "b");
  EXPECT_EQ(started()->tokens_left, 1000 - 110 - 307);
  EXPECT_EQ(started()->cost_left_usd_micros, 1000 - 50 - 900);
  finish_call("b", {.unreported_tokens = 600, .cost_usd_micros = 0});
  ASSERT_NE(event(EventKind::kRunDone), nullptr);
  EXPECT_EQ(event(EventKind::kRunDone)->reason, "max_tokens") << "what was not counted counts as estimated";
}

TEST_F(ModelUseTest, NothingLeftIsNotTheSameAsNoLimit) {
  start({.max_tokens = 110});
  model({"a"});
  allow("a");
  ASSERT_NE(started(), nullptr);
  EXPECT_EQ(started()->tokens_left, 0);
}

}  // namespace
}  // namespace tau::agent
