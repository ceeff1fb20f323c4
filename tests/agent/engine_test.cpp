// The run engine: turns, tool calls, steering, limits, structured answers, cancel, snapshot, resume.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "agent/agent.h"

namespace tau::agent {
namespace {

wire::Message user(std::string_view text) {
  return wire::text_message(wire::Role::kUser, text, Labels::from(Source::kUser));
}

std::shared_ptr<wire::Response> answer(std::string_view text) {
  auto r = std::make_shared<wire::Response>();
  r->message = wire::text_message(wire::Role::kAssistant, text, Labels::from(Source::kModel));
  r->finish = wire::FinishReason::kStop;
  r->usage.input = 10;
  r->usage.output = 5;
  return r;
}

std::shared_ptr<wire::Response> calls(std::vector<std::string> ids) {
  auto r = answer("");
  r->message.parts.clear();
  r->finish = wire::FinishReason::kToolCalls;
  for (std::string& id : ids)
    r->message.parts.push_back({.body = wire::ToolCall{id, "tool_" + id, "{}"}, .extras = {}});
  return r;
}

ToolDone result(const std::string& id, std::string_view text) {
  wire::ToolResult part;
  part.call_id = id;
  part.content.push_back({.body = wire::Text{std::string(text)}, .extras = {}});
  ToolDone done;
  done.call_id = id;
  done.message.role = wire::Role::kTool;
  done.message.parts.push_back({.body = std::move(part), .extras = {}});
  return done;
}

Verdict allow(const std::string& id, bool parallel = true, bool pure = true) {
  Verdict v;
  v.call_id = id;
  v.decision = Verdict::Decision::kAllow;
  v.parallel = parallel;
  v.pure = pure;
  return v;
}

Cancel cancelled() { return Cancel{{.code = Code::kCancelled, .reason = "cancelled", .message = "stop"}}; }

// Feeds inputs and keeps what came out.
class Harness {
 public:
  explicit Harness(Limits limits = {}, std::string schema = {}) {
    Start start;
    start.config.run_id = "run_1";
    start.config.session_id = "ses_1";
    start.config.limits = limits;
    start.config.response_schema = std::move(schema);
    start.message = user("hello");
    feed(std::move(start));
  }

  Effects& feed(InputBody body) {
    inputs_.push_back({seq_++, 0, body});
    last_ = engine_.step(inputs_.back());
    all_.insert(all_.end(), last_.begin(), last_.end());
    return last_;
  }
  void ready() {
    PromptReady p;
    p.call = call_;
    feed(p);
  }
  void model(std::shared_ptr<const wire::Response> response) {
    ready();
    ModelDone done;
    done.call = call_++;
    done.response = std::move(response);
    feed(std::move(done));
  }

  template <class T>
  std::vector<T> all() const {
    std::vector<T> out;
    for (const Effect& e : all_)
      if (const T* t = std::get_if<T>(&e)) out.push_back(*t);
    return out;
  }
  std::vector<Event> events(EventKind kind) const {
    std::vector<Event> out;
    for (const Emit& e : all<Emit>())
      if (e.event.kind == kind) out.push_back(e.event);
    return out;
  }
  std::string started() const {
    std::string out;
    for (const CallTool& c : all<CallTool>()) out += c.call_id;
    return out;
  }
  std::string reported() const {
    std::string out;
    for (const Event& e : events(EventKind::kToolResult)) out += e.call_id;
    return out;
  }
  json::Value outcome() const { return *json::parse(events(EventKind::kRunDone).at(0).json); }
  template <class T>
  bool last_has() const {
    return std::any_of(last_.begin(), last_.end(),
                       [](const Effect& e) { return std::holds_alternative<T>(e); });
  }

  Engine engine_;
  std::vector<Input> inputs_;
  Effects last_;
  Effects all_;
  int64_t seq_ = 0;
  int64_t call_ = 1;
};

// Rows as engines before version 3 wrote them: all members, labels as an object.
TEST(JournalTest, ReadsTheRowsOfEarlierVersions) {
  const auto done = input_from_json(
      "model_done",
      R"({"call":1,"cost_usd_micros":0,"response":{"id":"r","model":"m","created":0,"message":{"role":"assistant",)"
      R"("parts":[{"type":"text","text":"hi"}],"labels":{"integrity":["user","model","tool:add"],"readers":["bob"]}},)"
      R"("finish":"stop","finish_text":"","usage":{"input":1,"output":2,"cached_input":0,"cache_write":0,)"
      R"("reasoning":0,"known":true}}})");
  ASSERT_TRUE(done.ok());
  const wire::Response& response = *std::get<ModelDone>(*done).response;
  EXPECT_EQ(response.message.labels.integrity(), "user,model,tool:add");
  EXPECT_EQ(response.message.labels.readers(), "bob");
  EXPECT_EQ(response.usage.output, 2);
  const auto verdict = input_from_json(
      "verdict",
      R"({"call_id":"a","decision":"allow","effect":"pure","pure":true,"reason":"r","policy_epoch":1})");
  ASSERT_TRUE(verdict.ok());
  EXPECT_TRUE(std::get<Verdict>(*verdict).pure);
}

TEST(JournalTest, PureFollowsFromTheEffectUnlessTheRowSaysOtherwise) {
  for (const char* effect : {"pure", "read"})
    for (const bool pure : {true, false}) {
      Verdict in;
      in.effect = effect;
      in.pure = pure;
      const auto back = input_from_json("verdict", input_to_json(in));
      EXPECT_EQ(std::get<Verdict>(*back).pure, pure) << effect;
    }
}

TEST(EngineTest, AnswersWithoutToolsInOneTurn) {
  Harness h;
  EXPECT_TRUE(h.last_has<AssemblePrompt>());
  h.ready();
  ASSERT_TRUE(h.last_has<CallModel>());
  EXPECT_EQ(h.all<CallModel>()[0].request_id, "run_1.m1");
  ModelDone done;
  done.call = 1;
  done.response = answer("hi");
  h.feed(done);
  EXPECT_TRUE(h.engine_.finished());
  EXPECT_EQ(h.outcome()["status"].as_string(), "done");
  EXPECT_EQ(h.outcome()["text"].as_string(), "hi");
  EXPECT_EQ(h.outcome()["usage"]["input_tokens"].as_int(), 10);
}

TEST(EngineTest, CommitsBeforeTheTerminalEventAndBeforeImpureTools) {
  Harness h;
  h.model(calls({"a"}));
  h.feed(allow("a", true, false));
  const auto index = [&](auto match) {
    return std::find_if(h.last_.begin(), h.last_.end(), match) - h.last_.begin();
  };
  EXPECT_LT(index([](const Effect& e) { return std::holds_alternative<Commit>(e); }),
            index([](const Effect& e) { return std::holds_alternative<CallTool>(e); }));
  h.feed(result("a", "x"));
  h.model(answer("done"));
  const auto terminal = index([](const Effect& e) {
    const auto* emit = std::get_if<Emit>(&e);
    return emit != nullptr && emit->event.kind == EventKind::kRunDone;
  });
  EXPECT_LT(index([](const Effect& e) { return std::holds_alternative<Finish>(e); }), terminal);
  EXPECT_TRUE(std::holds_alternative<Commit>(h.last_.at(static_cast<size_t>(terminal) - 1)));
}

TEST(EngineTest, PureToolsNeedNoCommit) {
  Harness h;
  h.model(calls({"a"}));
  h.feed(allow("a"));
  EXPECT_TRUE(h.last_has<CallTool>());
  EXPECT_FALSE(h.last_has<Commit>());
}

TEST(EngineTest, ParallelCallsRunTogetherAndReportInOrder) {
  Harness h;
  h.model(calls({"a", "b", "c"}));
  for (const char* id : {"a", "b", "c"}) h.feed(allow(id));
  EXPECT_EQ(h.started(), "abc");
  h.feed(result("c", "3"));
  h.feed(result("b", "2"));
  EXPECT_EQ(h.reported(), "");
  h.feed(result("a", "1"));
  EXPECT_EQ(h.reported(), "abc");
  EXPECT_TRUE(h.last_has<AssemblePrompt>());
}

TEST(EngineTest, SerialCallsWaitForAllEarlierOnes) {
  Harness h;
  h.model(calls({"a", "b", "c"}));
  h.feed(allow("a"));
  h.feed(allow("b", /*parallel=*/false));
  h.feed(allow("c"));
  EXPECT_EQ(h.started(), "a");
  h.feed(result("a", ""));
  EXPECT_EQ(h.started(), "ab");
  h.feed(result("b", ""));
  EXPECT_EQ(h.started(), "abc");
}

TEST(EngineTest, MaxParallelToolsBoundsWhatRunsAtOnce) {
  Limits limits;
  limits.max_parallel_tools = 2;
  Harness h(limits);
  h.model(calls({"a", "b", "c"}));
  for (const char* id : {"a", "b", "c"}) h.feed(allow(id));
  EXPECT_EQ(h.started(), "ab");
  h.feed(result("b", ""));
  EXPECT_EQ(h.started(), "abc");
}

TEST(EngineTest, RefusedCallsBecomeErrorResultsAndTheRunGoesOn) {
  Harness h;
  h.model(calls({"a"}));
  Verdict deny;
  deny.call_id = "a";
  deny.reason = "unknown_tool";
  deny.message = "there is no such tool";
  h.feed(deny);
  EXPECT_EQ(h.started(), "");
  const auto results = h.events(EventKind::kToolResult);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_TRUE(results[0].flag);
  EXPECT_EQ(results[0].reason, "unknown_tool");
  EXPECT_TRUE(h.last_has<AssemblePrompt>());
}

TEST(EngineTest, ApprovalIsAskedAnsweredOnceAndTimesOut) {
  for (const int answer_kind : {0, 1, 2}) {
    Harness h;
    h.model(calls({"a"}));
    Verdict ask = allow("a");
    ask.decision = Verdict::Decision::kAsk;
    h.feed(ask);
    ASSERT_EQ(h.events(EventKind::kApproval).size(), 1u);
    ASSERT_TRUE(h.last_has<SetTimer>());
    HostOp op;
    op.kind = HostOp::Kind::kApproval;
    op.call_id = "a";
    op.allow = answer_kind == 0;
    if (answer_kind == 2) {
      h.feed(Timer{"approval:a"});
    } else {
      h.feed(op);
      EXPECT_TRUE(h.last_has<CancelTimer>());
    }
    EXPECT_EQ(h.started(), answer_kind == 0 ? "a" : "");
    if (answer_kind != 0) {
      EXPECT_EQ(h.events(EventKind::kToolResult).at(0).reason,
                answer_kind == 1 ? "approval_denied" : "approval_timeout");
    }
    h.feed(op);  // once more: nobody waits
    EXPECT_EQ(h.events(EventKind::kOpRejected).size(), 1u);
  }
}

TEST(EngineTest, AnApprovalHoldsForWhatWasShownAndOnlyOnce) {
  Harness h;
  h.model(calls({"a"}));
  Verdict ask = allow("a");
  ask.decision = Verdict::Decision::kAsk;
  ask.policy_epoch = 7;
  ask.binding = "0123456789abcdef0123456789abcdef";
  h.feed(ask);
  const json::Value body = *json::parse(event_json(h.events(EventKind::kApproval).at(0), "run_1"));
  EXPECT_EQ(body["policy_epoch"].as_int(), 7);
  EXPECT_EQ(body["binding"].as_string(), ask.binding.view());
  HostOp op;
  op.kind = HostOp::Kind::kApproval;
  op.call_id = "a";
  op.allow = true;
  op.binding = "of another call";
  h.feed(op);
  EXPECT_EQ(h.started() + h.events(EventKind::kOpRejected).at(0).reason.str(), "approval_stale");
  op.binding = ask.binding;
  h.feed(op);
  EXPECT_EQ(h.started(), "a");
  h.feed(op);  // it is used up
  EXPECT_EQ(h.events(EventKind::kOpRejected).at(1).reason, "no_such_approval");
  for (const InputBody& input : {InputBody(ask), InputBody(op)}) {
    const std::string journaled = input_to_json(input);
    EXPECT_NE(journaled.find(ask.binding.view()), std::string::npos);
    EXPECT_EQ(input_to_json(*input_from_json(input_kind(input), journaled)), journaled);
  }
}

TEST(EngineTest, SteeringSkipsCallsThatHaveNotStarted) {
  Harness h;
  h.model(calls({"a", "b"}));
  h.feed(allow("a", /*parallel=*/false));
  h.feed(allow("b", /*parallel=*/false));
  HostOp steer;
  steer.kind = HostOp::Kind::kSteer;
  steer.op_id = "op1";
  steer.message = user("no, the other one");
  h.feed(steer);
  EXPECT_TRUE(h.last_has<Commit>());
  EXPECT_EQ(h.events(EventKind::kOpAccepted).at(0).name, "op1");
  h.feed(result("a", "1"));
  EXPECT_EQ(h.started(), "a");
  EXPECT_EQ(h.reported(), "ab");
  EXPECT_EQ(h.events(EventKind::kToolResult).at(1).reason, "skipped");
  // The steering message follows the results, and the model is asked again.
  EXPECT_EQ(h.all<Append>().back().seq, h.inputs_.at(h.inputs_.size() - 2).seq);
  EXPECT_TRUE(h.last_has<AssemblePrompt>());
}

TEST(EngineTest, FollowUpMessagesAreAnsweredBeforeTheRunEnds) {
  Harness h;
  h.ready();
  HostOp more;
  more.message = user("and then?");
  h.feed(more);
  ModelDone done;
  done.call = h.call_++;
  done.response = answer("first");
  h.feed(done);
  EXPECT_FALSE(h.engine_.finished());
  h.model(answer("second"));
  EXPECT_EQ(h.outcome()["text"].as_string(), "second");
  EXPECT_EQ(h.outcome()["turns"].as_int(), 2);
}

TEST(EngineTest, CancelInTheModelCallKeepsWhatWasSeen) {
  Harness h;
  h.ready();
  h.feed(cancelled());
  EXPECT_TRUE(h.last_has<CancelModel>());
  EXPECT_FALSE(h.engine_.finished());
  ModelCut cut;
  cut.call = 1;
  cut.partial = answer("half an ans");
  h.feed(cut);
  EXPECT_EQ(h.outcome()["status"].as_string(), "cancelled");
  ASSERT_TRUE(h.all<Append>().back().message.has_value());
  EXPECT_EQ(h.all<Append>().back().message->text(), "half an ans");
}

TEST(EngineTest, CancelAmongToolsGivesEveryCallOneResult) {
  Harness h;
  h.model(calls({"a", "b", "c"}));
  h.feed(allow("a"));
  Verdict ask = allow("b");
  ask.decision = Verdict::Decision::kAsk;
  h.feed(ask);
  h.feed(cancelled());
  EXPECT_EQ(h.all<CancelTool>().size(), 1u);
  EXPECT_FALSE(h.engine_.finished());
  h.feed(result("a", "late"));
  EXPECT_TRUE(h.engine_.finished());
  EXPECT_EQ(h.reported(), "abc");
  EXPECT_EQ(h.events(EventKind::kRunDone).size(), 1u);
}

// A provider that counts nothing, or nonsense, does not lift the limit. What is reported is what it said.
TEST(EngineTest, WhatAProviderDoesNotCountIsEstimatedForTheLimit) {
  Limits limits;
  limits.max_tokens = 250;
  Harness h(limits);
  int turns = 0;
  for (; !h.engine_.finished() && turns < 10; ++turns) {
    PromptReady prompt;
    prompt.call = h.call_;
    prompt.input_tokens = 60;
    h.feed(prompt);
    if (h.engine_.finished()) break;
    const std::string id = "a" + std::to_string(turns);
    const auto response = calls({id});
    response->usage = {};
    ModelDone done;
    done.call = h.call_++;
    done.response = response;
    h.feed(done);
    h.feed(allow(id));
    h.feed(result(id, ""));
  }
  EXPECT_EQ(turns, 3);  // of about 75 tokens each
  EXPECT_EQ(h.outcome()["reason"].as_string(), "max_tokens");
  EXPECT_EQ(h.outcome()["usage"]["input_tokens"].as_int(), 0);
}

TEST(EngineTest, LimitsEndTheRunWithTheirOwnReason) {
  Limits turns;
  turns.max_turns = 1;
  Harness a(turns);
  a.model(calls({"a"}));
  a.feed(allow("a"));
  a.feed(result("a", ""));
  EXPECT_EQ(a.outcome()["reason"].as_string(), "max_turns");

  Limits cost;
  cost.max_cost_usd_micros = 100;
  Harness b(cost);
  PromptReady dear;
  dear.call = 1;
  dear.cost_bound_usd_micros = 101;
  b.feed(dear);
  EXPECT_EQ(b.outcome()["reason"].as_string(), "max_cost");
  EXPECT_TRUE(b.all<CallModel>().empty());

  Limits wall;
  wall.max_wall_ms = 1000;
  Harness c(wall);
  EXPECT_EQ(c.all<SetTimer>().at(0).delay_ms, 1000);
  c.ready();
  c.feed(Timer{"deadline"});
  ModelCut cut;
  cut.call = 1;
  cut.partial = answer("");
  c.feed(cut);
  EXPECT_EQ(c.outcome()["code"].as_string(), "deadline_exceeded");
}

TEST(EngineTest, StructuredAnswersAreCheckedAndRetriedOnce) {
  const char* schema = R"({"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}})";
  Harness good({}, schema);
  good.model(answer("no json here"));
  EXPECT_FALSE(good.engine_.finished());
  good.model(answer("```json\n{\"n\": 3}\n```"));
  EXPECT_EQ(good.outcome()["output"]["n"].as_int(), 3);

  Harness bad({}, schema);
  bad.model(answer("{\"n\":\"x\"}"));
  bad.model(answer("{\"n\":\"y\"}"));
  EXPECT_EQ(bad.outcome()["reason"].as_string(), "structured_output");
}

TEST(EngineTest, AFailedModelCallFailsTheRunWithItsReason) {
  Harness h;
  h.ready();
  ModelFailed failed;
  failed.call = 1;
  failed.error = {.code = Code::kUnavailable, .reason = "overloaded", .message = "try later"};
  failed.partial = answer("beginning");
  h.feed(failed);
  EXPECT_EQ(h.outcome()["reason"].as_string(), "overloaded");
  EXPECT_EQ(h.all<Append>().back().message->text(), "beginning");
}

TEST(EngineTest, LateAndForeignInputsChangeNothing) {
  Harness h;
  h.model(calls({"a"}));
  h.feed(result("zzz", ""));
  EXPECT_TRUE(h.last_.empty());
  h.feed(result("a", "not started yet"));
  EXPECT_TRUE(h.last_.empty());
  ModelDone stale;
  stale.call = 1;
  stale.response = answer("again");
  h.feed(stale);
  EXPECT_TRUE(h.last_.empty());
}

TEST(EngineTest, ResumeRepeatsOnlyWhatIsSafe) {
  Harness h;
  h.model(calls({"a", "b"}));
  Verdict safe = allow("a");
  safe.idempotent = true;
  h.feed(safe);
  h.feed(allow("b", true, false));
  EXPECT_EQ(h.started(), "ab");
  h.feed(Resumed{});
  EXPECT_EQ(h.started(), "aba");
  h.feed(result("a", "fine"));
  EXPECT_EQ(h.events(EventKind::kToolResult).at(1).reason, "outcome_unknown");
}

TEST(EngineTest, SnapshotGoesOnLikeTheOriginal) {
  Harness h;
  h.model(calls({"a"}));
  h.feed(allow("a"));
  h.feed(result("a", "1"));  // ends a turn
  auto restored = Engine::restore(h.engine_.snapshot());
  ASSERT_TRUE(restored.ok());
  PromptReady p;
  p.call = h.call_;
  ModelDone done;
  done.call = h.call_;
  done.response = answer("end");
  for (const InputBody& body : {InputBody(p), InputBody(done)}) {
    const Input input{h.seq_++, 0, body};
    EXPECT_EQ(digest_of(h.engine_.step(input)), digest_of(restored->step(input)));
  }
  EXPECT_TRUE(restored->finished());
}

// Random inputs, sensible or not.
InputBody arbitrary_input(int64_t call) {
  const auto id = *rc::gen::element<std::string>("a", "b", "c", "zz");
  switch (*rc::gen::inRange(0, 11)) {
    case 0: {
      PromptReady p;
      p.call = call;
      return p;
    }
    case 1: {
      ModelDone d;
      d.call = call;
      d.response = *rc::gen::arbitrary<bool>() ? answer("text") : calls({"a", "b", "c"});
      return d;
    }
    case 2: {
      ModelFailed f;
      f.call = call;
      f.error = {.code = Code::kUnavailable, .reason = "overloaded"};
      f.partial = answer("p");
      return f;
    }
    case 3: {
      ModelCut c;
      c.call = call;
      c.partial = answer("p");
      return c;
    }
    case 4:
    case 5: {
      Verdict v = allow(id, *rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>());
      v.decision = static_cast<Verdict::Decision>(*rc::gen::inRange(0, 3));
      return v;
    }
    case 6:
    case 7: return result(id, "r");
    case 8: {
      HostOp op;
      op.kind = static_cast<HostOp::Kind>(*rc::gen::inRange(0, 3));
      op.message = user("op");
      op.call_id = id;
      op.op_id = *rc::gen::arbitrary<bool>() ? "op" : "";
      op.allow = *rc::gen::arbitrary<bool>();
      return op;
    }
    case 9: return Timer{*rc::gen::element<std::string>("deadline", "approval:a", "approval:b")};
    default: return *rc::gen::inRange(0, 10) == 0 ? InputBody(cancelled()) : InputBody(Resumed{});
  }
}

RC_GTEST_PROP(EngineProperty, AnyInputsGiveOneTerminalEventAndOneResultPerCall, ()) {
  Harness h;
  int64_t call = 1;
  for (int i = 0; i < 60 && !h.engine_.finished(); ++i) {
    h.feed(arbitrary_input(call));
    for (const AssemblePrompt& a : h.all<AssemblePrompt>()) call = std::max(call, a.call);
  }
  const size_t ends = h.events(EventKind::kRunDone).size();
  RC_ASSERT(ends == (h.engine_.finished() ? 1u : 0u));
  // Per model answer, each call id is reported at most once, and exactly once when the run is over.
  size_t results = h.events(EventKind::kToolResult).size();
  size_t wanted = 0;
  for (const Event& e : h.events(EventKind::kMessage))
    for (const wire::Part& part : e.response->message.parts)
      wanted += part.as<wire::ToolCall>() != nullptr ? 1 : 0;
  RC_ASSERT(results <= wanted);
  if (h.engine_.finished()) RC_ASSERT(results == wanted);
}

RC_GTEST_PROP(EngineProperty, TheJournalReplaysToTheSameDigests, ()) {
  Harness h;
  std::vector<crypto::Digest> digests;
  int64_t call = 1;
  for (int i = 0; i < 40; ++i) {
    h.feed(arbitrary_input(call));
    for (const AssemblePrompt& a : h.all<AssemblePrompt>()) call = std::max(call, a.call);
  }
  Engine first;
  Engine second;
  for (const Input& input : h.inputs_) {
    const auto read = input_from_json(input_kind(input.body), input_to_json(input.body));
    RC_ASSERT(read.ok());
    RC_ASSERT(input_to_json(*read) == input_to_json(input.body));
    RC_ASSERT(digest_of(first.step(input)) == digest_of(second.step({input.seq, input.time_ms, *read})));
  }
}

}  // namespace
}  // namespace tau::agent
