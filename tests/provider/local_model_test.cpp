// The scripted and the offline model.
#include <gtest/gtest.h>

#include "recording_sink.h"

namespace tau::provider {
namespace {

class LocalModelTest : public testing::Test {
 protected:
  void SetUp() override { loop_ = *net::EventLoop::create(system_clock()); }
  RecordingSink play(Model& model, const wire::Request& request) {
    RecordingSink sink;
    ModelCall call;
    call.request = &request;
    model.start(std::move(call), sink);
    for (int i = 0; i < 1'000 && !sink.over(); ++i) EXPECT_TRUE(loop_->process(10).ok());
    return sink;
  }
  static wire::Request ask(std::string_view text) {
    wire::Request r;
    r.messages.push_back(wire::text_message(wire::Role::kUser, text, Labels::from(Source::kUser)));
    return r;
  }
  std::unique_ptr<net::EventLoop> loop_;
};

TEST_F(LocalModelTest, AScriptAnswersByTheNumberOfAnswersGiven) {
  auto model = make_scripted_model(
      R"({"turns":[{"text":["Hel","lo"],"usage":{"input":3,"output":2}},{"tool_calls":[{"name":"add","arguments":{"a":1}}]}]})",
      *loop_);
  ASSERT_TRUE(model.ok());
  wire::Request request = ask("hi");
  RecordingSink first = play(**model, request);
  EXPECT_EQ(first.text, "Hello");
  EXPECT_EQ(first.response->usage.input, 3);
  request.messages.push_back(first.response->message);
  const RecordingSink second = play(**model, request);
  const auto* call = second.response->message.parts.at(0).as<wire::ToolCall>();
  ASSERT_NE(call, nullptr);
  EXPECT_EQ(call->arguments, R"({"a":1})");
  request.messages.push_back(second.response->message);
  EXPECT_EQ(play(**model, request).failure->reason(), "script_ended");
}

TEST_F(LocalModelTest, AScriptCanFailAndNamesItsMistakes) {
  auto model = make_scripted_model(
      R"({"turns":[{"text":"be","error":{"code":"unavailable","reason":"overloaded"}}]})", *loop_);
  ASSERT_TRUE(model.ok());
  const RecordingSink sink = play(**model, ask("hi"));
  EXPECT_EQ(sink.failure->reason(), "overloaded");
  EXPECT_EQ(sink.partial.message.text(), "be");
  EXPECT_EQ(make_scripted_model(R"({"turns":[{"txt":"x"}]})", *loop_).status().reason(), "unknown_key");
  EXPECT_EQ(make_scripted_model("{}", *loop_).status().reason(), "invalid_script");
  EXPECT_EQ(make_scripted_model("nope", *loop_).status().code(), Code::kInvalidArgument);
}

TEST_F(LocalModelTest, TheOfflineModelSearchesReadsAndQuotes) {
  auto model = make_offline_model(*loop_);
  wire::Request request = ask("Where is the retry delay computed?");
  request.tools.push_back({.name = "grep", .description = "", .parameters = "{}", .extras = {}});
  request.tools.push_back({.name = "read", .description = "", .parameters = "{}", .extras = {}});
  const auto answer = [&](std::string_view id, std::string_view text) {
    wire::ToolResult result;
    result.call_id = id;
    result.content.push_back({.body = wire::Text{std::string(text)}, .extras = {}});
    wire::Message m;
    m.role = wire::Role::kTool;
    m.parts.push_back({.body = std::move(result), .extras = {}});
    request.messages.push_back(std::move(m));
  };
  const RecordingSink first = play(*model, request);
  const auto* grep = first.response->message.parts.at(0).as<wire::ToolCall>();
  ASSERT_NE(grep, nullptr);
  EXPECT_EQ(grep->name, "grep");
  EXPECT_NE(grep->arguments.find("computed|retry|delay"), std::string::npos);
  answer(grep->id, "a.txt:3: a retry\nb.txt:7: the retry delay is computed here\n");
  const RecordingSink second = play(*model, request);
  const auto* read = second.response->message.parts.at(0).as<wire::ToolCall>();
  ASSERT_NE(read, nullptr);
  EXPECT_NE(read->arguments.find(R"("path":"b.txt")"), std::string::npos);
  answer(read->id, "QUOTED LINES");
  const RecordingSink third = play(*model, request);
  EXPECT_NE(third.text.find("offline model"), std::string::npos);
  EXPECT_NE(third.text.find("QUOTED LINES"), std::string::npos);
  EXPECT_NE(third.text.find("b.txt, line 7"), std::string::npos);
}

TEST_F(LocalModelTest, TheOfflineModelSaysWhenItFindsNothing) {
  auto model = make_offline_model(*loop_);
  EXPECT_NE(play(*model, ask("xylophone quartets")).text.find("No search tool"), std::string::npos);
  EXPECT_NE(play(*model, ask("?")).text.find("no words"), std::string::npos);
}

}  // namespace
}  // namespace tau::provider
