// Prompt assembly, JSON answers, event bodies.
#include <gtest/gtest.h>

#include "agent/agent.h"

namespace tau::agent {
namespace {

TEST(PromptTest, EqualPartsGiveEqualBytesAndInstructionsAreLabelled) {
  PromptParts parts;
  parts.instructions = "Use tabs.";
  const auto a = system_messages(parts);
  const auto b = system_messages(parts);
  ASSERT_EQ(a.size(), 2u);
  EXPECT_EQ(a[0].text() + a[1].text(), b[0].text() + b[1].text());
  EXPECT_EQ(a[1].labels.integrity(), "workspace");
  EXPECT_NE(a[1].text().find("Use tabs."), std::string::npos);
}

TEST(PromptTest, InstructionsAreBoundedAndSaySo) {
  PromptParts parts;
  parts.instructions = std::string(kMaxInstructionsBytes + 100, 'x');
  const auto messages = system_messages(parts);
  EXPECT_LT(messages[1].text().size(), kMaxInstructionsBytes + 400);
  EXPECT_NE(messages[1].text().find("[cut here"), std::string::npos);
}

TEST(JsonAnswerTest, FindsTheWholeTextOrTheFirstFencedBlock) {
  EXPECT_EQ(find_json_answer(" {\"a\":1} \n"), "{\"a\":1}");
  EXPECT_EQ(find_json_answer("Here:\n```json\n[1, 2]\n```\nbye"), "[1, 2]");
  EXPECT_EQ(find_json_answer("plain words"), "plain words");
  EXPECT_EQ(find_json_answer("```"), "```");
}

TEST(EventJsonTest, ArgumentsThatAreNotJsonStayText) {
  Event e{.kind = EventKind::kToolCall, .call_id = "c1", .text = "add", .json = "{\"a\":1}"};
  EXPECT_EQ(event_json(e, "r"),
            R"({"event":"tool_call","run":"r","call_id":"c1","tool":"add","arguments":{"a":1}})");
  e.json = "{broken";
  EXPECT_EQ(event_json(e, "r"),
            R"({"event":"tool_call","run":"r","call_id":"c1","tool":"add","arguments_text":"{broken"})");
}

TEST(ScopeTest, AVerdictKeepsItAndAnApprovalShowsIt) {
  Verdict in;
  in.scope = "POST https://a.example:443";
  const auto back = input_from_json("verdict", input_to_json(in));
  EXPECT_EQ(std::get<Verdict>(*back).scope, in.scope);
  Event asked;
  asked.kind = EventKind::kApproval;
  asked.scope = in.scope;
  EXPECT_NE(event_json(asked, "r").find(R"("scope":"POST https://a.example:443")"), std::string::npos);
  Event other = asked;
  other.scope = "GET https://a.example:443";
  Effects shown, changed;
  shown.emplace_back(Emit{asked});
  changed.emplace_back(Emit{other});
  EXPECT_NE(digest_of(shown), digest_of(changed));
  other.scope = SharedString();
  EXPECT_EQ(event_json(other, "r").find("scope"), std::string::npos);
}

}  // namespace
}  // namespace tau::agent
