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
  static void offer(wire::Request& request, std::initializer_list<std::string_view> tools) {
    for (const std::string_view name : tools)
      request.tools.push_back(
          {.name = std::string(name), .description = "", .parameters = "{}", .extras = {}});
  }
  // The call that the model asks for; its arguments.
  std::string call_of(Model& model, const wire::Request& request) {
    const RecordingSink sink = play(model, request);
    const auto* call = sink.response->message.parts.at(0).as<wire::ToolCall>();
    return call == nullptr ? sink.text : call->name + " " + call->arguments;
  }
  static void answer(wire::Request& request, std::string_view text, bool is_error = false) {
    wire::ToolResult result;
    result.call_id = "c";
    result.is_error = is_error;
    result.content.push_back({.body = wire::Text{std::string(text)}, .extras = {}});
    wire::Message m;
    m.role = wire::Role::kTool;
    m.parts.push_back({.body = std::move(result), .extras = {}});
    request.messages.push_back(std::move(m));
  }
  std::unique_ptr<net::EventLoop> loop_;
};

TEST_F(LocalModelTest, AScriptAnswersByTheNumberOfAnswersGiven) {
  const auto script = parse_script(
      R"({"turns":[{"text":["Hel","lo"],"usage":{"input":3,"output":2}},{"tool_calls":[{"name":"add","arguments":{"a":1}}]}]})");
  ASSERT_TRUE(script.ok());
  const auto model = make_scripted_model(*script, *loop_);
  wire::Request request = ask("hi");
  RecordingSink first = play(*model, request);
  EXPECT_EQ(first.text, "Hello");
  EXPECT_EQ(first.response->usage.input, 3);
  request.messages.push_back(first.response->message);
  const RecordingSink second = play(*model, request);
  const auto* call = second.response->message.parts.at(0).as<wire::ToolCall>();
  ASSERT_NE(call, nullptr);
  EXPECT_EQ(call->arguments, R"({"a":1})");
  request.messages.push_back(second.response->message);
  EXPECT_EQ(play(*model, request).failure->reason(), "script_ended");
}

TEST_F(LocalModelTest, AScriptCanFailAndNamesItsMistakes) {
  const auto script =
      parse_script(R"({"turns":[{"text":"be","error":{"code":"unavailable","reason":"overloaded"}}]})");
  ASSERT_TRUE(script.ok());
  const auto model = make_scripted_model(*script, *loop_);
  const RecordingSink sink = play(*model, ask("hi"));
  EXPECT_EQ(sink.failure->reason(), "overloaded");
  EXPECT_EQ(sink.partial.message.text(), "be");
  EXPECT_EQ(parse_script(R"({"turns":[{"txt":"x"}]})").status().reason(), "unknown_key");
  EXPECT_EQ(parse_script("{}").status().reason(), "invalid_script");
  EXPECT_EQ(parse_script("nope").status().code(), Code::kInvalidArgument);
}

TEST_F(LocalModelTest, TheOfflineModelSearchesReadsAndQuotes) {
  auto model = make_offline_model(*loop_);
  wire::Request request = ask("Where is the retry delay computed?");
  offer(request, {"grep", "read"});
  EXPECT_TRUE(call_of(*model, request).starts_with(R"(grep {"pattern":"computed|retry|delay")"));
  answer(request, "a.txt:3: a retry\nb.txt:7: the retry delay is computed here\n");
  EXPECT_TRUE(call_of(*model, request).starts_with(R"(read {"path":"b.txt")"));
  answer(request, "QUOTED LINES");
  const RecordingSink third = play(*model, request);
  EXPECT_NE(third.text.find("offline model"), std::string::npos);
  EXPECT_NE(third.text.find("QUOTED LINES"), std::string::npos);
  EXPECT_NE(third.text.find("b.txt, line 7"), std::string::npos);
}

TEST_F(LocalModelTest, TheOfflineModelQuotesTheIntroductionWhenThereIsNothingToSearchFor) {
  auto model = make_offline_model(*loop_);
  wire::Request request = ask("What does this project do?");
  offer(request, {"glob", "read"});
  EXPECT_TRUE(call_of(*model, request).starts_with("glob "));
  answer(request, "a/README.md\nREADME.md\n[more files match]\n");
  EXPECT_TRUE(call_of(*model, request).starts_with(R"(read {"path":"README.md","offset":1)"));
  wire::Request unreadable = request;
  answer(request, "QUOTED LINES");
  EXPECT_NE(call_of(*model, request).find("README.md begins:\n\nQUOTED LINES"), std::string::npos);
  answer(unreadable, "denied", true);
  EXPECT_NE(call_of(*model, unreadable).find("README.md cannot be read"), std::string::npos);
}

TEST_F(LocalModelTest, TheOfflineModelSaysWhenThereIsNoIntroduction) {
  auto model = make_offline_model(*loop_);
  for (const bool is_error : {false, true}) {
    wire::Request request = ask("What does this project do?");
    offer(request, {"glob", "read"});
    answer(request, is_error ? "README.md" : "[no file matches]", is_error);
    EXPECT_NE(call_of(*model, request).find("there is no README"), std::string::npos);
  }
}

TEST_F(LocalModelTest, TheOfflineModelDoesNotSearchForWhatIsNoWord) {
  auto model = make_offline_model(*loop_);
  EXPECT_NE(call_of(*model, ask(std::string(1'000, 'a'))).find("no words"), std::string::npos);
}

TEST_F(LocalModelTest, TheOfflineModelSaysWhenItFindsNothing) {
  auto model = make_offline_model(*loop_);
  EXPECT_NE(play(*model, ask("xylophone quartets")).text.find("No search tool"), std::string::npos);
  EXPECT_NE(play(*model, ask("?")).text.find("no words"), std::string::npos);
}

}  // namespace
}  // namespace tau::provider
