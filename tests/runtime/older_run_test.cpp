// Runs that an engine of another version recorded: their open turn is closed, nothing durable is lost.
#include "runtime/older_run.h"

#include <gtest/gtest.h>

#include "runtime/runtime.h"
#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

constexpr const char* kRun = "run_old";
constexpr const char* kSession = "ses_old";

wire::Message user(std::string_view text) {
  return wire::text_message(wire::Role::kUser, text, Labels::from(Source::kUser));
}

agent::ModelDone answer(int64_t call, std::string_view text,
                        std::initializer_list<const char*> call_ids = {}) {
  auto response = std::make_shared<wire::Response>();
  response->message.role = wire::Role::kAssistant;
  if (!text.empty()) response->message.parts.push_back({.body = wire::Text{std::string(text)}, .extras = {}});
  for (const char* id : call_ids)
    response->message.parts.push_back({.body = wire::ToolCall{id, "add", "{}"}, .extras = {}});
  response->usage.input = 10;
  return {.call = call, .response = response, .cost_usd_micros = 3};
}

agent::ToolDone result(const std::string& call_id, std::string_view text) {
  wire::ToolResult part;
  part.call_id = call_id;
  part.content.push_back({.body = wire::Text{std::string(text)}, .extras = {}});
  agent::ToolDone done;
  done.call_id = call_id;
  done.message.role = wire::Role::kTool;
  done.message.parts.push_back({.body = std::move(part), .extras = {}});
  return done;
}

agent::PromptReady prompt(int64_t call) {
  agent::PromptReady ready;
  ready.call = call;
  return ready;
}

agent::Start start() {
  agent::Start in;
  in.config.run_id = kRun;
  in.config.session_id = kSession;
  in.config.model = "scripted/x";
  in.message = user("add");
  return in;
}

std::vector<store::JournalEntry> journal(std::vector<agent::InputBody> inputs) {
  std::vector<store::JournalEntry> out;
  for (const agent::InputBody& body : inputs) {
    store::JournalEntry entry;
    entry.row.run_id = kRun;
    entry.row.seq = static_cast<int64_t>(out.size());
    entry.row.kind = agent::input_kind(body);
    entry.row.body = agent::input_to_json(body);
    entry.row.effects_digest = "of-another-version";
    out.push_back(std::move(entry));
  }
  return out;
}

std::string said(const wire::Message& message) {
  std::string out(wire::role_name(message.role));
  for (const wire::Part& part : message.parts) {
    if (const auto* text = part.as<wire::Text>()) out += " " + text->text;
    if (const auto* call = part.as<wire::ToolCall>()) out += " call " + call->id;
    const auto* done = part.as<wire::ToolResult>();
    if (done == nullptr) continue;
    out += " " + done->call_id + (done->is_error ? " unknown" : "");
    if (!done->is_error) out += " " + done->content.at(0).as<wire::Text>()->text;
  }
  return out;
}

std::vector<std::string> missing(const OlderRun& run) {
  std::vector<std::string> out;
  for (const OlderRun::Kept& kept : run.messages) out.push_back(said(kept.message));
  return out;
}

using Lines = std::vector<std::string>;

TEST(OlderRunTest, ResultsComeInTheOrderOfTheCallsAndTheRestIsUnknown) {
  const auto rows = journal({start(), prompt(1), answer(1, "", {"a", "b", "c"}), result("c", "3")});
  const auto run = read_older_run(rows, {0});
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(missing(*run),
            (Lines{"assistant call a call b call c", "tool a unknown", "tool b unknown", "tool c 3"}));
  EXPECT_EQ(run->state.turn, 1);
  EXPECT_EQ(run->state.call, 1);
  EXPECT_EQ(run->state.input_tokens, 10);
  EXPECT_EQ(run->state.cost_usd_micros, 3);
  EXPECT_EQ(run->state.answer, nullptr);
}

TEST(OlderRunTest, WhatTheConversationHasIsNotGivenTwice) {
  const auto rows =
      journal({start(), prompt(1), answer(1, "", {"a", "b"}), result("a", "1"), result("b", "2")});
  const auto run = read_older_run(rows, {0, 2, 3});
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(missing(*run), (Lines{"tool b 2"}));
}

TEST(OlderRunTest, AWholeAnswerIsTheEndUnlessTheHostHasSaidMore) {
  auto inputs = std::vector<agent::InputBody>{start(), prompt(1), answer(1, "five")};
  auto run = read_older_run(journal(inputs), {0, 2});
  ASSERT_TRUE(run.ok());
  ASSERT_NE(run->state.answer, nullptr);
  EXPECT_EQ(run->state.answer->message.text(), "five");
  agent::HostOp more;
  more.message = user("and six?");
  inputs.emplace_back(more);
  run = read_older_run(journal(inputs), {0, 2});
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->state.answer, nullptr);
  EXPECT_EQ(missing(*run), (Lines{"user and six?"}));
}

// A row with a message that the engine made, behind the inputs.
void made(std::vector<store::JournalEntry>& rows, const wire::Message& message) {
  store::JournalEntry entry;
  entry.row.run_id = kRun;
  entry.row.seq = static_cast<int64_t>(rows.size());
  entry.row.kind = agent::kMessageRow;
  entry.row.body = "{\"message\":" + wire::to_json(message) + "}";
  rows.push_back(std::move(entry));
}

TEST(OlderRunTest, ARefusalKeepsThePlaceOfItsCall) {
  auto rows = journal({start(), prompt(1), answer(1, "", {"a", "b"}), result("a", "1")});
  made(rows, result("b", "refused").message);
  const auto run = read_older_run(rows, {0, 2});
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(missing(*run), (Lines{"tool a 1", "tool b refused"}));
}

TEST(OlderRunTest, AnAnswerThatHasToBeGivenAgainIsNotTheEnd) {
  auto rows = journal({start(), prompt(1), answer(1, "no JSON")});
  made(rows, user("again, as JSON"));
  const auto run = read_older_run(rows, {0, 2});
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->state.answer, nullptr);
  EXPECT_EQ(run->state.structured_failures, 1);
  EXPECT_EQ(missing(*run), (Lines{"user again, as JSON"}));
}

TEST(OlderRunTest, ACallWithoutAnOutcomeIsMadeAgainInTheSameTurn) {
  const auto run = read_older_run(journal({start(), prompt(1)}), {0});
  ASSERT_TRUE(run.ok());
  EXPECT_EQ(run->state.turn, 0);
  EXPECT_EQ(run->state.call, 0);
}

TEST(OlderRunTest, WhatACancelEndedStaysEnded) {
  agent::Cancel cancel;
  cancel.why.code = Code::kCancelled;
  cancel.why.reason = "cancelled";
  const auto run = read_older_run(journal({start(), prompt(1), cancel}), {0});
  ASSERT_TRUE(run.ok());
  ASSERT_NE(run->state.stop, nullptr);
  EXPECT_EQ(run->state.stop->reason, "cancelled");
}

TEST(OlderRunTest, AnAnswerThatWasGoneOnWithBeforeIsNotLost) {
  agent::Continued before;
  before.answer = answer(1, "five").response;
  const auto run = read_older_run(journal({start(), before}), {0});
  ASSERT_TRUE(run.ok());
  ASSERT_NE(run->state.answer, nullptr);
}

TEST(OlderRunTest, OnlyACallThatWasAllowedMayHaveRun) {
  agent::Verdict asked;
  asked.call_id = "a";
  asked.decision = agent::Verdict::Decision::kAsk;
  agent::Verdict allowed;
  allowed.call_id = "b";
  allowed.decision = agent::Verdict::Decision::kAllow;
  const auto run =
      read_older_run(journal({start(), prompt(1), answer(1, "", {"a", "b"}), asked, allowed}), {0, 2});
  ASSERT_TRUE(run.ok());
  ASSERT_EQ(run->messages.size(), 2u);
  EXPECT_NE(wire::to_json(run->messages[0].message).find("before this call started"), std::string::npos);
  EXPECT_NE(wire::to_json(run->messages[1].message).find("took effect is unknown"), std::string::npos);
}

TEST(OlderRunTest, ARowThatCannotBeReadIsAnErrorNotALoss) {
  auto rows = journal({start()});
  rows.at(0).row.kind = "from_the_future";
  EXPECT_EQ(read_older_run(rows, {}).status().reason(), "unknown_journal_kind");
}

// Writes the journal of a run that engine version 1 left open, then goes on with it through the runtime.
class OlderHome : public testing::Test {
 protected:
  void write(std::vector<agent::InputBody> inputs) { write_rows(journal(std::move(inputs))); }
  void write_rows(const std::vector<store::JournalEntry>& rows) {
    auto store = store::open_store({.path = dir_.path() + "/tau.db"}, system_clock());
    ASSERT_TRUE(store.ok()) << store.status().to_string();
    store::Batch batch;
    store::RunRecord& run = batch.run.emplace();
    run.id = kRun;
    run.session_id = kSession;
    run.logic_version = 1;
    for (const store::JournalEntry& entry : rows) batch.rows.push_back(entry.row);
    store::EntryRow& entry = batch.entries.emplace_back();
    entry.id = "run_old.e0";
    entry.session_id = kSession;
    entry.run_id = kRun;
    store::SessionRecord& session = batch.session.emplace();
    session.id = kSession;
    session.head_entry = entry.id;
    session.open_run = kRun;
    (*store)->append(std::move(batch), nullptr);
    ASSERT_TRUE((*store)->flush().ok());
  }
  // The outcome, or what is known of it; the conversation is in lines_ then.
  std::string resume(Code expected = Code::kOk, std::string run_options = "") {
    RuntimeOptions options;
    options.manual = true;
    options.home = dir_.path();
    options.config_json =
        R"({"model":"scripted/x","script":{"turns":[{"text":"never"},{"text":"done"},{"text":"never"}]}})";
    auto runtime = Runtime::open(options);
    EXPECT_TRUE(runtime.ok()) << runtime.status().to_string();
    auto agent = Agent::make(*runtime, "");
    auto session = Session::open(*agent, kSession);
    EXPECT_TRUE(session.ok()) << session.status().to_string();
    RunOptions how;
    how.resume = true;
    how.options_json = std::move(run_options);
    auto run = (*session)->start(std::move(how));
    EXPECT_TRUE(run.ok()) << run.status().to_string();
    if (!run.ok()) return {};
    Code code = Code::kOk;
    const auto outcome = (*run)->wait(10'000, &code);
    (*run)->queue()->abandon();  // as its handle does: events hold their queue
    EXPECT_TRUE(outcome.ok());
    EXPECT_EQ(code, expected) << *outcome;
    EXPECT_TRUE((*runtime)->stop(10'000).ok()) << "the run still holds its loop";
    if (expected == Code::kDataLoss) return *outcome;
    const auto exported = json::parse(*(*session)->export_json());
    session_tokens_ = (*exported)["session"]["input_tokens"].as_int();
    for (const json::Value& entry : (*exported)["messages"].as_array())
      lines_.push_back(said(*wire::message_from_json(entry["message"])));
    bool identical = false;
    EXPECT_TRUE((*runtime)->replay(kRun, &identical).ok());
    EXPECT_TRUE(identical);
    return outcome.ok() ? *outcome : std::string();
  }

  test::TempDir dir_;
  Lines lines_;
  int64_t session_tokens_ = 0;
};

TEST_F(OlderHome, TheOpenTurnIsClosedAndTheRunGoesOn) {
  write({start(), prompt(1), answer(1, "", {"a", "b"}), result("a", "1")});
  const std::string outcome = resume();
  EXPECT_NE(outcome.find(R"("turns":2)"), std::string::npos) << outcome;
  EXPECT_EQ(lines_,
            (Lines{"user add", "assistant call a call b", "tool a 1", "tool b unknown", "assistant done"}));
}

TEST_F(OlderHome, ARunWhoseJournalCannotBeReadEndsAndHoldsNothingUp) {
  auto rows = journal({start()});
  rows.at(0).row.kind = "from_the_future";
  write_rows(rows);
  const std::string outcome = resume(Code::kDataLoss);
  EXPECT_NE(outcome.find("unknown_journal_kind"), std::string::npos) << outcome;
}

TEST_F(OlderHome, AnAnswerThatWasDurableIsTheOutcome) {
  write({start(), prompt(1), answer(1, "five")});
  const std::string outcome = resume();
  EXPECT_NE(outcome.find(R"("text":"five")"), std::string::npos) << outcome;
  EXPECT_EQ(lines_, (Lines{"user add", "assistant five"}));
  EXPECT_EQ(session_tokens_, 10) << "the session's totals miss the turn that was open";
}

TEST_F(OlderHome, AnAbandonedRunEndsWithWhatItUsedAndCanBeReplayed) {
  write({start(), prompt(1), answer(1, "", {"a"})});
  const std::string outcome = resume(Code::kCancelled, R"({"abandon":true})");
  EXPECT_NE(outcome.find(R"("turns":1)"), std::string::npos) << outcome;
  EXPECT_NE(outcome.find(R"("input_tokens":10)"), std::string::npos) << outcome;
  EXPECT_EQ(lines_, (Lines{"user add", "assistant call a", "tool a unknown"}));
}

}  // namespace
}  // namespace tau::runtime
