// Runs that are recorded, replayed without a network, answered from the cache, and counted.
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

Reply chunks(std::string_view delta, std::string_view finish) {
  const auto chunk = [](std::string_view part, std::string_view end) {
    return format(
        R"({{"id":"x","object":"chat.completion.chunk","created":1,"model":"a","choices":[{{"index":0,"delta":{},"finish_reason":{}}}]}})",
        part, end);
  };
  return Reply::sse()
      .event(chunk(delta, "null"))
      .event(chunk("{}", format("\"{}\"", finish)))
      .event(
          R"({"id":"x","object":"chat.completion.chunk","created":1,"model":"a","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}})")
      .event("[DONE]");
}

Reply reads_the_note() {
  return chunks(
      R"({"role":"assistant","tool_calls":[{"index":0,"id":"call_x","type":"function","function":{"name":"read","arguments":"{\"path\":\"note.txt\"}"}}]})",
      "tool_calls");
}

Reply says(std::string_view text) {
  return chunks(format(R"({{"role":"assistant","content":"{}"}})", text), "stop");
}

Reply overloaded() { return Reply::json(R"({"error":{"message":"busy","type":"overloaded_error"}})", 529); }

class RecordingRun : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::mkdir(dir_.file("work").c_str(), 0700), 0);
    std::ofstream(dir_.file("work") + "/note.txt") << "the tide turns at noon\n";
  }
  // `more`: further members of the configuration; `provider`: of each provider.
  Status open(const std::string& model, const std::string& more, const std::string& provider,
              const std::string& home = "home") {
    close();
    RuntimeOptions options;
    options.manual = true;
    options.home = dir_.file(home);
    options.workspace = dir_.file("work");
    const auto one = [&](const ScriptedServer& server, std::string_view name) {
      std::string text = provider;
      for (size_t at = text.find('@'); at != text.npos; at = text.find('@')) text.replace(at, 1, name);
      return format(
          R"({{"base_url":"{}","max_output_tokens":100,"price":{{"input":1000000,"output":1000000}}{}}})",
          server.url("/v1"), text);
    };
    options.config_json = format(
        R"({{"model":"{}","tools":["read"],"providers":{{"first":{},"second":{}}},)"
        R"("routes":{{"main":{{"upstreams":["first/a","second/b"],"retry":{{"base_delay_ms":1,"max_delay_ms":2}}}}}}{}}})",
        model, one(first_, "first"), one(second_, "second"), more);
    TAU_ASSIGN_OR_RETURN(runtime_, Runtime::open(options));
    TAU_ASSIGN_OR_RETURN(agent_, Agent::make(runtime_, ""));
    return ok_status();
  }
  void close() {
    agent_.reset();
    runtime_.reset();
  }
  // Runs to the end; the events are kept, without what differs between any two runs.
  json::Value ask(std::string_view principal = "") {
    const auto queue = *runtime_->make_queue(0, {});
    const auto session = *Session::open(agent_, "");
    RunOptions options;
    options.prompt = "What does the note say?";
    options.queue = queue;
    if (!principal.empty()) options.options_json = format(R"({{"principal":"{}"}})", principal);
    auto run = session->start(std::move(options));
    EXPECT_TRUE(run.ok()) << run.status().to_string();
    if (!run.ok()) return {};
    Code code = Code::kInternal;
    const auto waited = (*run)->wait(20'000, &code);
    EXPECT_TRUE(waited.ok()) << waited.status().to_string();
    events_.clear();
    for (const auto& queued : queue->take(1'000)) {
      auto body = json::parse(queued->body());
      if (!body.ok()) continue;
      for (const char* key : {"run", "session", "call_id", "time_ms"}) body->erase(key);
      const std::string kind((*body)["event"].as_string());
      if (kind == "run_started" || kind == "run_done") body->erase("outcome");
      events_.push_back(json::write(*body));
    }
    queue->abandon();
    const auto outcome = json::parse(waited.ok() ? *waited : "null");
    return outcome.ok() ? *outcome : json::Value();
  }
  bool told(std::string_view what) const {
    return std::ranges::any_of(events_, [&](const std::string& e) { return e.find(what) != e.npos; });
  }
  json::Value usage(std::string_view by) {
    const auto report = runtime_->perform(format(R"({{"op":"usage","by":{}}})", by));
    EXPECT_TRUE(report.ok()) << report.status().to_string();
    return report.ok() ? *json::parse(*report) : json::Value();
  }

  test::TempDir dir_;
  ScriptedServer first_;
  ScriptedServer second_;
  std::shared_ptr<Runtime> runtime_;
  std::shared_ptr<Agent> agent_;
  std::vector<std::string> events_;
};

constexpr const char* kRecorder = R"(,"recorder":{"dir":"recordings"})";

TEST_F(RecordingRun, ARunOverARouteComesAgainWithoutANetwork) {
  first_.enqueue(overloaded());
  second_.enqueue(reads_the_note());
  first_.enqueue(says("At noon."));
  second_.enqueue(says("At noon."));
  ASSERT_TRUE(open("route/main", kRecorder, "").ok());
  EXPECT_EQ(ask()["text"].as_string(), "At noon.");
  const auto recorded = events_;
  close();  // the recorder has written all
  const size_t asked = first_.requests().size() + second_.requests().size();
  const Status opened = open("route/main", kRecorder, R"(,"recording":"recordings/@.jsonl","record":false)");
  ASSERT_TRUE(opened.ok()) << opened.to_string();
  EXPECT_EQ(ask()["text"].as_string(), "At noon.");
  EXPECT_EQ(events_, recorded);
  EXPECT_EQ(first_.requests().size() + second_.requests().size(), asked);
  EXPECT_TRUE(told(R"("decision":"failover")"));
}

TEST_F(RecordingRun, AReplayByNameAnswersWhateverModelItWas) {
  first_.enqueue(reads_the_note());
  first_.enqueue(says("At noon."));
  ASSERT_TRUE(open("first/a", kRecorder, "").ok());
  (void)ask();
  const Status opened = open("replay/first", kRecorder, "");
  ASSERT_TRUE(opened.ok()) << opened.to_string();
  const json::Value outcome = ask();
  EXPECT_EQ(outcome["text"].as_string(), "At noon.") << json::write(outcome);
  const json::Value again = ask();
  EXPECT_EQ(again["reason"].as_string(), "recording_used_up") << json::write(again);
}

TEST_F(RecordingRun, BadRecordingsAreToldWhenTheAgentIsMade) {
  EXPECT_EQ(open("replay/nothing", "", "").code(), Code::kNotFound);
  ASSERT_EQ(::mkdir((dir_.file("home") + "/recordings").c_str(), 0700), 0);
  std::ofstream(dir_.file("home") + "/recordings/broken.jsonl") << "\n{\n";
  const Status broken = open("replay/broken", "", "");
  EXPECT_EQ(broken.reason(), "invalid_recording");
  EXPECT_NE(broken.message().find("line 2"), std::string_view::npos) << broken.to_string();
  EXPECT_EQ(open("replay/../etc", "", "").reason(), "invalid_model_reference");
}

TEST_F(RecordingRun, AProjectMayNotRecord) {
  for (const char* text :
       {R"({"recorder":{"dir":"/tmp/x"}})", R"({"providers":{"openai":{"recording":"x"}}})",
        R"({"providers":{"openai":{"record":true}}})", R"({"cache":{"ttl_s":5}})"})
    EXPECT_EQ(check_document({"project", "p", *json::parse(text)}).reason(), "not_allowed_in_project")
        << text;
}

TEST_F(RecordingRun, AnAnswerGivenAgainCostsNothing) {
  ASSERT_TRUE(open("route/main", R"(,"cache":{"ttl_s":60})", "").ok());
  first_.enqueue(says("At noon."));
  EXPECT_EQ(ask()["usage"]["cost_usd_micros"].as_int(), 15);
  const json::Value again = ask();
  EXPECT_EQ(again["text"].as_string(), "At noon.");
  EXPECT_EQ(again["usage"]["cost_usd_micros"].as_int(), 0) << json::write(again);
  EXPECT_TRUE(told(R"("reason":"cache_hit")"));
  EXPECT_EQ(first_.requests().size(), 1u);
  first_.enqueue(says("To another."));
  EXPECT_EQ(ask("bob")["text"].as_string(), "To another.");
  const json::Value report = usage(R"(["model","route","principal"])");
  EXPECT_EQ(report["total"]["calls"].as_int(), 3);
  EXPECT_EQ(report["total"]["cost_usd_micros"].as_int(), 30);
  EXPECT_EQ(report["total"]["cached_tokens"].as_int(), 10);
  ASSERT_EQ(report["usage"].size(), 2u) << json::write(report);
  EXPECT_EQ(report["usage"].as_array()[0]["model"].as_string(), "first/a");
  EXPECT_EQ(report["usage"].as_array()[0]["route"].as_string(), "main");
}

TEST_F(RecordingRun, UsageRefusesWhatItDoesNotKnow) {
  ASSERT_TRUE(open("first/a", "", "").ok());
  const auto reason = [&](std::string_view request) {
    return std::string(runtime_->perform(request).status().reason());
  };
  EXPECT_EQ(reason(R"({"op":"usage","by":["colour"]})"), "unknown_group");
  EXPECT_EQ(reason(R"({"op":"usage","by":"model"})"), "wrong_type");
  EXPECT_EQ(reason(R"({"op":"usage","since":"2026-13-01"})"), "invalid_day");
  EXPECT_EQ(reason(R"({"op":"usage","since":7})"), "invalid_day");
  EXPECT_EQ(reason(R"({"op":"usage","since":"99999999d"})"), "invalid_day");
  EXPECT_EQ(reason(R"({"op":"usage","limit":0})"), "wrong_type");
  EXPECT_EQ(reason(R"({"op":"usage","limits":1})"), "unknown_key");
  EXPECT_EQ(reason(R"({"op":"usage","by":[],"since":"2020-02-29","until":"1d"})"), "");
}

}  // namespace
}  // namespace tau::runtime
