// Files as memories, with what a model makes of their pieces: each piece is asked about once, within bounds,
// and a model that fails takes nothing from the files.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "runtime/core.h"
#include "runtime/memory.h"
#include "runtime/runtime.h"
#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

constexpr std::string_view kTea =
    R"({"memories":[{"text":"Ada prefers tea","type":"preference","importance":0.7,"tags":[],"fact":null}],
        "relations":[]})";
constexpr std::string_view kBoat =
    R"({"memories":[{"text":"The boat leaves at noon","type":"event","importance":0.5,"tags":[],"fact":null}],
        "relations":[]})";

class MemoryIngest : public testing::Test {
 protected:
  static std::string turn(std::string_view text, std::string_view when = {}) {
    std::string out;
    json::Writer w(out);
    w.begin_object().field("text", text);
    if (!when.empty()) w.field("when", when);
    w.end_object();
    return out;
  }
  void open(const std::string& turns) {
    memory_.reset();
    runtime_.reset();
    RuntimeOptions options;
    options.manual = true;
    options.home = dir_.file("home");
    options.config_json =
        R"({"model":"scripted/x","memory":{"model":"none"},"script":{"turns":[)" + turns + "]}}";
    auto runtime = Runtime::open(options);
    ASSERT_TRUE(runtime.ok()) << runtime.status().to_string();
    runtime_ = *std::move(runtime);
    auto memory = Memory::open(runtime_, "{}");
    ASSERT_TRUE(memory.ok()) << memory.status().to_string();
    memory_ = *std::move(memory);
  }
  json::Value ask(std::string_view request) {
    const auto answer = memory_->perform(request, {});
    EXPECT_TRUE(answer.ok()) << answer.status().to_string() << " of " << request;
    return answer.ok() ? *json::parse(*answer) : json::Value();
  }
  std::string fails(const std::string& request) {
    return std::string(memory_->perform(request, {}).status().reason());
  }
  json::Value ingest(const std::string& more = R"(,"extract":true)") {
    return ask(format(R"({{"op":"ingest","path":"{}"{}}})", dir_.file("notes"), more));
  }
  int64_t calls() {
    EXPECT_TRUE(runtime_->core()->store().flush().ok());
    return (*json::parse(*runtime_->perform(R"({"op":"usage"})")))["total"]["calls"].as_int();
  }
  json::Value::Array all() { return ask(R"({"op":"list","limit":1000})")["memories"].as_array(); }
  // The memories whose source begins so.
  std::vector<json::Value> of(std::string_view prefix) {
    std::vector<json::Value> found;
    for (const json::Value& each : all())
      if (each["source"].as_string().starts_with(prefix)) found.push_back(each);
    return found;
  }
  void two_pieces() {
    dir_.write("notes/a.md", "# Kitchen\n\nAda likes tea a lot.\n\n# Harbour\n\nAt noon the boat goes.\n");
  }

  test::TempDir dir_;
  std::shared_ptr<Runtime> runtime_;
  std::shared_ptr<Memory> memory_;
};

TEST_F(MemoryIngest, PiecesGoToTheModelAndWhatItSaysLeadsBackToThem) {
  open(turn(kTea) + "," + turn(kBoat, "noon the boat"));
  two_pieces();
  const json::Value done = ingest();
  EXPECT_EQ(done["added"].as_int(), 2);
  EXPECT_EQ(done["extract"]["questions"].as_int(), 2) << json::write(done);
  EXPECT_EQ(done["extract"]["memories"].as_int(), 2);
  EXPECT_FALSE(done["more"].as_bool(true));
  const auto made = of("extract:file:");
  ASSERT_EQ(made.size(), 2U);
  for (const json::Value& each : made) {
    EXPECT_EQ(json::write(each["trust"]["integrity"]), R"(["workspace","model"])");
    const json::Value whole = ask(format(R"({{"op":"get","id":"{}"}})", each["id"].as_string()));
    ASSERT_EQ(whole["relations"].size(), 1U) << json::write(whole);
    EXPECT_EQ(whole["relations"].as_array()[0]["relation"].as_string(), "result_of");
    EXPECT_TRUE(whole["relations"].as_array()[0]["to"].as_string().starts_with("chunk-"));
  }
}

TEST_F(MemoryIngest, WhatOnlyBeginsWithTheSameNameIsLeftAlone) {
  open("");
  for (const char* name : {"notes/a.md", "notes/a.md.md", "notes2/b.md", "notes.md"}) dir_.write(name, name);
  const auto take = [&](const std::string& path) {
    return ask(format(R"({{"op":"ingest","path":"{}"}})", dir_.file(path)));
  };
  for (const char* path : {"notes", "notes2", "notes.md"}) take(path);
  ASSERT_EQ(all().size(), 4U);
  std::filesystem::remove(dir_.file("notes/a.md"));
  EXPECT_EQ(take("notes")["vanished"].as_int(), 1);
  EXPECT_EQ(all().size(), 3U);
  dir_.write("notes/a.md", "anew");
  EXPECT_EQ(take("notes/a.md")["added"].as_int(), 1);
  EXPECT_EQ(all().size(), 4U);
  std::filesystem::remove_all(dir_.file("notes"));
  std::filesystem::create_directory(dir_.file("notes"));
  EXPECT_EQ(take("notes")["vanished"].as_int(), 2);
  EXPECT_EQ(of("file:" + dir_.file("notes2/")).size(), 1U);
  EXPECT_EQ(of("file:" + dir_.file("notes.md")).size(), 1U);
}

TEST_F(MemoryIngest, ADayThatIsTheLastOneIsIncluded) {
  open("");
  ask(R"({"op":"add","id":"noon","text":"At noon","time":"2026-11-02T12:00:00Z"})");
  const auto until = [&](std::string_view time) {
    return ask(format(R"({{"op":"list","until":{}}})", time))["memories"].size();
  };
  EXPECT_EQ(until(R"("2026-11-01")"), 0U);
  EXPECT_EQ(until(R"("2026-11-02")"), 1U);
  EXPECT_EQ(until(R"("2026-11-02T00:00:00Z")"), 0U);
  EXPECT_EQ(until("1793577600000"), 0U) << "milliseconds are what they say";
}

TEST_F(MemoryIngest, AnImportSeesWhatItReads) {
  open("");
  ask(R"({"op":"add","id":"tea","text":"Ada drinks tea"})");
  for (const char* format_name : {"jsonl", "tau", "markdown"}) {
    const std::string path = dir_.file(std::string("out-") + format_name);
    ask(format(R"({{"op":"export","path":"{}","format":"{}"}})", path, format_name));
    const json::Value read = ask(format(R"({{"op":"import","path":"{}"}})", path));
    EXPECT_EQ(read["read"].as_int(), 1) << format_name;
    EXPECT_EQ(read["failed"].as_int(), 0) << json::write(read);
  }
  EXPECT_EQ(fails(format(R"({{"op":"import","path":"{}"}})", dir_.file("nowhere"))), "file_not_found");
  EXPECT_EQ(fails(format(R"({{"op":"import","path":"{}","format":"xml"}})", dir_.file("out-jsonl"))),
            "unknown_format");
}

TEST_F(MemoryIngest, APieceIsAskedAboutOnceUntilItOrTheInstructionsChange) {
  open(turn(kTea) + "," + turn(kBoat, "noon the boat"));
  two_pieces();
  ingest();
  EXPECT_EQ(ingest()["extract"]["questions"].as_int(), 0);
  EXPECT_EQ(calls(), 2);
  open(turn(kTea) + "," + turn(kBoat, "noon the boat"));
  EXPECT_EQ(ingest()["extract"]["questions"].as_int(), 0);
  dir_.write("notes/a.md", "# Kitchen\n\nAda likes tea a lot.\n\n# Harbour\n\nAt one the boat goes.\n");
  EXPECT_EQ(ingest()["extract"]["questions"].as_int(), 1);
  EXPECT_EQ(ingest(R"(,"extract":true,"max_memories":3,"dry_run":true)")["extract"]["questions"].as_int(), 2);
  EXPECT_EQ(ingest(R"(,"extract":true,"max_memories":3)")["extract"]["questions"].as_int(), 2);
}

TEST_F(MemoryIngest, FilesThatAreInAlreadyAreAskedAboutLater) {
  open(turn(kTea));
  two_pieces();
  EXPECT_FALSE(ingest("").contains("extract"));
  const json::Value looked = ingest(R"(,"extract":true,"dry_run":true)");
  EXPECT_EQ(looked["ingested"].as_int(), 0);
  EXPECT_EQ(looked["extract"]["questions"].as_int(), 2);
  EXPECT_EQ(calls(), 0);
  EXPECT_EQ(ingest()["extract"]["questions"].as_int(), 2);
}

TEST_F(MemoryIngest, ADryRunCountsTheQuestionsOfNewFiles) {
  open(turn(kTea));
  two_pieces();
  const json::Value looked = ingest(R"(,"extract":true,"dry_run":true)");
  EXPECT_EQ(looked["ingested"].as_int(), 1);
  EXPECT_EQ(looked["extract"]["questions"].as_int(), 2);
  EXPECT_EQ(all().size(), 0U);
  EXPECT_EQ(calls(), 0);
}

TEST_F(MemoryIngest, QuestionsAreBoundedAndTheNextCallGoesOn) {
  open(turn(kTea) + "," + turn(kBoat, "noon the boat"));
  two_pieces();
  const json::Value first = ingest(R"(,"extract":true,"max_questions":1)");
  EXPECT_EQ(first["extract"]["questions"].as_int(), 1);
  EXPECT_EQ(first["extract"]["waiting"].as_int(), 1);
  EXPECT_TRUE(first["more"].as_bool());
  EXPECT_EQ(first["added"].as_int(), 2);
  const json::Value second = ingest(R"(,"extract":true,"max_questions":1)");
  EXPECT_EQ(second["extract"]["questions"].as_int(), 1);
  EXPECT_FALSE(second["more"].as_bool(true));
  EXPECT_EQ(of("extract:").size(), 2U);
  two_pieces();
  open(turn(kTea));
  dir_.write("notes/b.md", "# One\n\nAda has tea.\n\n# Two\n\nAda has more tea.\n");
  const json::Value bounded = ingest(R"(,"extract":true,"max_extracted":1)");
  EXPECT_EQ(bounded["extract"]["memories"].as_int(), 1) << json::write(bounded);
  EXPECT_EQ(bounded["extract"]["waiting"].as_int(), 1);
}

TEST_F(MemoryIngest, AModelThatFailsLeavesThePlainPieces) {
  open(turn("this is no document"));
  two_pieces();
  const json::Value done = ingest();
  EXPECT_EQ(done["added"].as_int(), 2);
  EXPECT_EQ(done["failed"].as_int(), 0);
  EXPECT_EQ(done["extract"]["failed"].as_int(), 2);
  EXPECT_EQ(done["extract"]["error"]["reason"].as_string(), "model_answer");
  EXPECT_EQ(of("file:").size(), 2U);
  // Three such answers in a row, and nothing is asked any more.
  for (const char* name : {"b", "c", "d", "e"})
    dir_.write(format("notes/{}.md", name), format("Something else is in {}.\n", name));
  const json::Value many = ingest();
  EXPECT_EQ(many["extract"]["failed"].as_int(), 3) << json::write(many);
  EXPECT_EQ(many["extract"]["waiting"].as_int(), 3);
  EXPECT_FALSE(many["more"].as_bool(true));
  EXPECT_EQ(many["ingested"].as_int(), 4);
  open(turn(kTea));
  EXPECT_EQ(ingest()["extract"]["questions"].as_int(), 6);
}

TEST_F(MemoryIngest, WhatWasMadeOfAPieceGoesAndComesBackWithIt) {
  open(turn(kTea) + "," + turn(kBoat, "noon the boat"));
  two_pieces();
  ingest();
  ASSERT_EQ(of("extract:").size(), 2U);
  dir_.write("notes/a.md", "# Kitchen\n\nAda likes tea a lot.\n");
  ingest("");
  const auto left = of("extract:");
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0]["text"].as_string(), "Ada prefers tea");
  two_pieces();
  ingest("");
  EXPECT_EQ(of("extract:").size(), 2U);
  std::filesystem::remove(dir_.file("notes/a.md"));
  ingest("");
  EXPECT_EQ(all().size(), 0U);
  two_pieces();
  ingest("");
  EXPECT_EQ(all().size(), 4U);
}

TEST_F(MemoryIngest, WhatSomebodyForgotIsNotBroughtBack) {
  open(turn(kTea));
  dir_.write("notes/a.md", "Ada likes tea a lot.\n");
  ingest();
  const std::string id(of("extract:").at(0)["id"].as_string());
  ask(format(R"({{"op":"forget","id":"{}"}})", id));
  dir_.write("notes/a.md", "Ada likes tea a lot more.\n");
  const json::Value again = ingest();
  EXPECT_EQ(again["extract"]["refused"].as_int(), 1) << json::write(again);
  dir_.write("notes/a.md", "Ada likes tea a lot.\n");
  ingest();
  EXPECT_EQ(of("extract:").size(), 0U);
}

TEST_F(MemoryIngest, AModelThatIsNoneIsToldBeforeAnythingIsDone) {
  open(turn(kTea));
  two_pieces();
  const std::string path = format(R"({{"op":"ingest","path":"{}",)", dir_.file("notes"));
  EXPECT_EQ(fails(path + R"("extract":true,"model":"nobody/nothing"})"), "invalid_model_reference");
  EXPECT_EQ(fails(path + R"("model":"scripted/x"})"), "invalid_request");
  EXPECT_EQ(fails(path + R"("extract":true,"max_questions":0})"), "wrong_type");
  EXPECT_EQ(all().size(), 0U);
}

TEST_F(MemoryIngest, WhatIsTooLargeIsToldWithItsSizeAndKeepsItsMemories) {
  open(turn(kTea));
  dir_.write("notes/a.md", "short\n");
  ingest("");
  dir_.write("notes/a.md", std::string(2'000, 'x'));
  const json::Value done = ingest(R"(,"max_file_bytes":1000)");
  EXPECT_EQ(done["skipped"].as_int(), 1);
  EXPECT_EQ(done["problems"].as_array().at(0)["reason"].as_string(), "too_large");
  EXPECT_NE(done["problems"].as_array().at(0)["message"].as_string().find("2000 bytes"),
            std::string_view::npos);
  EXPECT_EQ(all().size(), 1U);
}

TEST_F(MemoryIngest, TheHomeIsNoneOfTheFilesOfAFolderAroundIt) {
  open(turn(kTea));
  dir_.write("notes/a.md", "one\n");
  dir_.write("home/private.md", "two\n");
  const json::Value done = ask(format(R"({{"op":"ingest","path":"{}"}})", dir_.path()));
  EXPECT_EQ(done["files"].as_int(), 1) << json::write(done);
}

}  // namespace
}  // namespace tau::runtime
