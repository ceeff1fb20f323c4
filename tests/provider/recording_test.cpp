// What goes over the wire is recorded without secrets and bounded, and answers again without a network.
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "http_model_fixture.h"
#include "provider/recorder.h"
#include "provider/recordings.h"
#include "support/temp_dir.h"

namespace tau::provider {
namespace {

std::string read_all(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string plain_recording(std::string_view prompt, std::string_view answer, int status = 200) {
  return format(
             R"({{"case":"c","interactions":[{{"request":{{"method":"POST","path":"/v1/chat/completions","query":[],"headers":[],)"
             R"("body":"{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"{}\"}}]}}"}},)"
             R"("response":{{"status":{},"headers":[["content-type","application/json"]],"body":"{{\"choices\":[{{\"index\":0,)"
             R"(\"message\":{{\"role\":\"assistant\",\"content\":\"{}\"}},\"finish_reason\":\"stop\"}}]}}"}}}}]}})",
             prompt, status, answer) +
         "\n";
}

class RecordingTest : public HttpModelTest {
 protected:
  RecorderOptions recorder_options() {
    RecorderOptions options;
    options.directory = dir_.file("recordings");
    options.clean = [](std::string& text, bool) {
      for (size_t at = text.find("hush"); at != text.npos; at = text.find("hush")) text.replace(at, 4, "[x]");
    };
    options.report = [this](const Status& problem) { problems_.emplace_back(problem.reason()); };
    return options;
  }
  std::string file() const { return dir_.file("recordings") + "/test.jsonl"; }

  void record(RecorderOptions options) {
    recorder_ = make_recorder(std::move(options));
    recording_ = make_recording_client(*http_, *loop_, *recorder_, route_);
  }
  void ask() {
    sink_ = RecordingSink();
    model_ = make_http_model(route_, *recording_, *loop_, *random_);
    begin();
  }
  void replay(const std::shared_ptr<Recordings>& recordings, ReplayOptions options = {}) {
    sink_ = RecordingSink();
    model_ = make_replay_model(route_, recordings, *loop_, *random_, std::move(options));
    begin();
  }
  void begin() {
    ModelCall call;
    call.request_id = "run_1.m1";
    call.request = &request_;
    id_ = model_->start(std::move(call), sink_);
    finish();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(loop_->process(10).ok());  // connections end
    if (recorder_ != nullptr) recorder_->flush();
  }
  void ask_text(std::string_view text) { request_.messages[0].parts[0].as<wire::Text>()->text = text; }

  test::TempDir dir_;
  std::vector<std::string> problems_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<net::HttpClient> recording_;
};

TEST_F(RecordingTest, WhatWasRecordedAnswersAgainInAnySplit) {
  record(recorder_options());
  server_.enqueue(Reply::json(R"({"error":{"message":"busy"}})", 503));
  server_.enqueue(good());
  ask();
  ASSERT_TRUE(sink_.response.has_value()) << sink_.failure->to_string();
  const std::string expected = wire::to_json(*sink_.response);
  EXPECT_EQ(sink_.attempts, 2);
  const auto recordings = Recordings::load(file());
  ASSERT_TRUE(recordings.ok()) << recordings.status().to_string();
  EXPECT_EQ((*recordings)->size(), 2u);
  const size_t asked = server_.requests().size();
  for (const uint64_t seed : {0, 1, 2, 3}) {
    replay(*Recordings::load(file()), {.split_seed = seed});
    ASSERT_TRUE(sink_.response.has_value()) << sink_.failure->to_string();
    EXPECT_EQ(wire::to_json(*sink_.response), expected);
    EXPECT_EQ(sink_.attempts, 2);
    EXPECT_EQ(sink_.text, "hello");
  }
  EXPECT_EQ(server_.requests().size(), asked);
}

TEST_F(RecordingTest, NoKeyAndNoSecretIsWritten) {
  record(recorder_options());
  route_.credential_id = "test";
  route_.query = "key=" + test_key() + "&alt=sse";
  route_.headers = {{"x-team", test_key()}};
  ask_text("hush now");
  server_.enqueue(good());
  ask();
  ASSERT_TRUE(sink_.response.has_value()) << sink_.failure->to_string();
  const std::string text = read_all(file());
  EXPECT_EQ(text.find(test_key()), std::string::npos) << text;
  EXPECT_EQ(text.find("hush"), std::string::npos) << text;
  EXPECT_NE(text.find("[x] now"), std::string::npos) << text;
  EXPECT_NE(text.find(R"({"name":"alt","value":"sse"})"), std::string::npos) << text;
  for (const char* suffix : {"", "/test.jsonl"}) {
    struct stat found {};
    ASSERT_EQ(::stat((dir_.file("recordings") + suffix).c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 077, 0u);
  }
  // The same is taken out of what is asked.
  route_.headers.clear();
  ReplayOptions options;
  options.clean = recorder_options().clean;
  replay(*Recordings::load(file()), options);
  EXPECT_TRUE(sink_.response.has_value()) << sink_.failure->to_string();
}

TEST_F(RecordingTest, HeadersThatAreNotKnownAreLeftOut) {
  Exchange e;
  e.url = "https://host/v1/x?access_token=abc&api-version=1";
  e.method = "POST";
  for (const char* name : {"Authorization", "x-api-key", "Cookie", "x-amz-security-token", "X-Amz-Date",
                           "api-key", "proxy-authorization", "x-goog-api-key", "traceparent"})
    e.request_headers.emplace_back(name, "sensitive");
  for (const char* name : {"set-cookie", "www-authenticate", "openai-organization"})
    e.response_headers.emplace_back(name, "sensitive");
  e.response_headers.emplace_back("content-type", "text/plain");
  e.response_body = "\xff\xfe";
  const std::string line = recording_line(e, {});
  EXPECT_EQ(line.find("sensitive"), std::string::npos) << line;
  EXPECT_EQ(line.find("abc"), std::string::npos) << line;
  EXPECT_TRUE(json::parse(line).ok()) << line;
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST_F(RecordingTest, AStreamThatBrokeOffIsMarkedAndBreaksOffAgain) {
  record(recorder_options());
  route_.retry.max_attempts = 1;
  server_.enqueue(Reply::sse().event(kHello).never());
  route_.deadlines.idle_ms = 50;
  ask();
  ASSERT_TRUE(sink_.failure.has_value());
  const std::string reason(sink_.failure->reason());
  EXPECT_NE(read_all(file()).find("\"interrupted\":\"" + reason), std::string::npos) << read_all(file());
  replay(*Recordings::load(file()));
  ASSERT_TRUE(sink_.failure.has_value());
  EXPECT_EQ(sink_.failure->reason(), reason);
  EXPECT_EQ(sink_.partial.message.text(), "hello");
}

TEST_F(RecordingTest, AtItsBoundRecordingStopsAndTheCallGoesOn) {
  RecorderOptions options = recorder_options();
  options.max_bytes = 2'000;
  record(std::move(options));
  for (int i = 0; i < 6; ++i) {
    server_.enqueue(good());
    ask();
    ASSERT_TRUE(sink_.response.has_value());
  }
  EXPECT_EQ(problems_, std::vector<std::string>{"recorder_full"});
  const std::string text = read_all(file());
  EXPECT_LE(text.size(), 2'000u);
  EXPECT_TRUE(text.ends_with('\n'));
  EXPECT_TRUE(Recordings::parse(text).ok());
}

TEST_F(RecordingTest, AFileThatCannotBeWrittenFailsNoCall) {
  RecorderOptions options = recorder_options();
  std::ofstream(dir_.file("plain")) << "x";
  options.directory = dir_.file("plain") + "/below";
  record(std::move(options));
  server_.enqueue(good());
  ask();
  EXPECT_TRUE(sink_.response.has_value());
  EXPECT_EQ(problems_.size(), 1u);
}

TEST_F(RecordingTest, EqualOnesAnswerInOrderEachOnce) {
  ask_text("hi");
  const auto recordings = *Recordings::parse(plain_recording("hi", "one") + plain_recording("hi", "two"));
  const auto said = [&](ReplayOptions options = {}) {
    replay(recordings, std::move(options));
    return sink_.response ? sink_.response->message.text() : std::string(sink_.failure->reason());
  };
  EXPECT_EQ(said(), "one");
  EXPECT_EQ(said(), "two");
  EXPECT_EQ(said(), "recording_used_up");
  EXPECT_EQ(said({.repeat = true}), "one");
}

TEST_F(RecordingTest, WhatIsNotRecordedNamesTheNearestAndTheDifference) {
  const auto recordings =
      *Recordings::parse(plain_recording("hello world", "one") + plain_recording("hi", "two"));
  ask_text("ho");
  replay(recordings);
  ASSERT_TRUE(sink_.failure.has_value());
  EXPECT_EQ(sink_.failure->code(), Code::kNotFound);
  EXPECT_EQ(sink_.failure->reason(), "recording_not_found");
  const std::string message(sink_.failure->message());
  EXPECT_NE(message.find("/messages/0/parts/0/text"), std::string::npos) << message;
  EXPECT_NE(message.find("asked \"ho\""), std::string::npos) << message;
  route_.model = "other";
  request_.model = "other";
  ask_text("hi");
  replay(recordings);
  EXPECT_NE(sink_.failure->message().find("/model"), std::string::npos);
  replay(recordings, {.any_model = true});
  EXPECT_TRUE(sink_.response.has_value());
}

TEST_F(RecordingTest, ErrorsAnswerAsErrors) {
  route_.retry.max_attempts = 1;
  ask_text("hi");
  std::string text = plain_recording("hi", "x", 429);
  replay(*Recordings::parse(text));
  ASSERT_TRUE(sink_.failure.has_value());
  EXPECT_EQ(sink_.failure->reason(), "rate_limited");
}

TEST(Recordings, WhatIsBrokenIsNamedByItsLine) {
  const std::string good = plain_recording("hi", "x");
  for (
      const char* bad :
      {"{", "[]", "{}", R"({"interactions":[1]})", R"({"interactions":[{"request":{},"response":{}}]})",
       R"({"interactions":[{"request":{"path":"/chat/completions"},"response":{}}]})",
       R"({"interactions":[{"request":{"path":"/chat/completions"},"response":{"status":99,"body":""}}]})",
       R"({"interactions":[{"request":{"path":"/chat/completions"},"response":{"status":0,"body":""}}]})",
       R"({"interactions":[{"request":{"path":"/chat/completions"},"response":{"status":200,"body":"","headers":[["a"]]}}]})",
       R"({"interactions":[{"request":{"path":"/converse-stream"},"response":{"status":200,"body":"!","headers":[["content-type","application/vnd.amazon.eventstream"]]}}]})",
       "{\"interactions\":[{\"request\":{\"path\":\"\xff\"}}]}"}) {
    const auto parsed = Recordings::parse(good + "\n" + bad + "\n");
    EXPECT_EQ(parsed.status().reason(), "invalid_recording") << bad;
    EXPECT_NE(parsed.status().message().find("line 3"), std::string_view::npos)
        << parsed.status().to_string();
  }
  EXPECT_EQ(Recordings::parse("").status().reason(), "invalid_recording");
  EXPECT_EQ(Recordings::load("/nowhere/at/all").status().code(), Code::kNotFound);
  EXPECT_TRUE(Recordings::parse(good.substr(0, good.size() - 1)).ok());  // the last newline is missing
}

// Recorded conversations of many providers, each answered from its own recording.
class ForeignRecordings : public HttpModelTest {
 protected:
  static std::string unpacked(const std::string& path) {
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(("xz -dc '" + path + "'").c_str(), "r"),
                                                     ::pclose);
    std::string text;
    char piece[65536];
    while (const size_t n = ::fread(piece, 1, sizeof piece, pipe.get())) text.append(piece, n);
    return text;
  }
  // False: it was not what is asked for here.
  bool answers(const std::string& line, const json::Value& item, uint64_t seed, std::string& problem);
};

bool ForeignRecordings::answers(const std::string& line, const json::Value& item, uint64_t seed,
                                std::string& problem) {
  const std::string path(item["request"]["path"].as_string());
  route_.dialect = dialect_of_path(path);
  if (route_.dialect == nullptr) return false;
  auto request = route_.dialect->decode_request(item["request"]["body"].as_string());
  if (!request.ok()) return false;
  request_ = *std::move(request);
  route_.model = request_.model.empty() ? "any" : request_.model;
  route_.retry.max_attempts = 1;
  route_.quirks.done_mark_optional = true;
  const auto recordings = Recordings::parse(line);
  if (!recordings.ok()) return problem = recordings.status().to_string(), true;
  sink_ = RecordingSink();
  model_ = make_replay_model(route_, *recordings, *loop_, *random_, {.any_model = true, .split_seed = seed});
  ModelCall call;
  call.request_id = "r";
  call.request = &request_;
  (void)model_->start(std::move(call), sink_);
  finish();
  const bool good = item["response"]["status"].as_int() / 100 == 2;
  if (good != sink_.response.has_value())
    problem =
        path + ": " + (sink_.failure ? sink_.failure->to_string() : "an answer in the place of an error");
  if (!good && sink_.failure && sink_.failure->reason().starts_with("recording"))
    problem = sink_.failure->to_string();
  return true;
}

TEST_F(ForeignRecordings, EachIsAnsweredFromItself) {
  const char* const named = std::getenv("TAU_SHARED_DATA");
  const std::string folder = std::string(named != nullptr ? named : "") + "/provider-recordings";
  std::error_code failed;
  if (!std::filesystem::is_directory(folder, failed)) GTEST_SKIP() << "no recordings in " << folder;
  size_t answered = 0;
  std::map<std::string, int> problems;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    std::istringstream lines(unpacked(entry.path()));
    for (std::string line; std::getline(lines, line);) {
      const auto value = json::parse(line);
      ASSERT_TRUE(value.ok());
      for (const json::Value& item : (*value)["interactions"].as_array()) {
        json::Value alone = json::Value::object();
        alone.set("case", (*value)["case"]).set("interactions", json::Value::Array{item});
        std::string problem;
        if (answers(json::write(alone), item, answered + 1, problem)) ++answered;
        if (!problem.empty()) ++problems[entry.path().filename().string() + ": " + problem];
      }
    }
  }
  EXPECT_GT(answered, 1'000u);
  for (const auto& [problem, count] : problems) ADD_FAILURE() << count << " times " << problem;
}

}  // namespace
}  // namespace tau::provider
