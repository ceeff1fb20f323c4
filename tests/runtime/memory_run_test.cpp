// Agents that remember: tools bound to a scope, recall before a prompt, labels that stay, requests of
// handles.
#include "run_fixture.h"
#include "runtime/memory.h"

namespace tau::runtime {
namespace {

class MemoryRun : public ScriptedRun {
 protected:
  // Opens the home anew; `memory`: the keys memory.*.
  void open(const std::vector<std::string>& turns, std::string_view memory = R"({"tools":true})") {
    open_home(turns, format(R"("tools":[],"memory":{},"policy":{{"preset":"permissive"}})", memory));
  }
  json::Value event(std::string_view name) const {
    for (const std::string& body : bodies_)
      if (json::Value event = *json::parse(body); event["event"].as_string() == name) return event;
    return {};
  }
  json::Value perform(std::string_view request, std::string_view scope = "{}") {
    const auto memory = Memory::open(runtime_, scope);
    EXPECT_TRUE(memory.ok()) << memory.status().to_string();
    const auto answer = (*memory)->perform(request, {});
    EXPECT_TRUE(answer.ok()) << answer.status().to_string();
    return answer.ok() ? *json::parse(*answer) : json::Value();
  }
  std::string reason_of(std::string_view request, std::string_view scope = "{}") {
    const auto memory = Memory::open(runtime_, scope);
    if (!memory.ok()) return std::string(memory.status().reason());
    return std::string((*memory)->perform(request, {}).status().reason());
  }
};

TEST_F(MemoryRun, WhatAModelRemembersIsFoundAndCarriesItsLabels) {
  open({call_of("memory_write", R"({"text":"Ada prefers green tea","type":"preference"})"),
        call_of("memory_search", R"({"query":"which tea?"})"), R"({"text":"done"})"});
  ask("Remember that I like green tea");
  ASSERT_EQ(results_.size(), 2U);
  EXPECT_NE(results_[1].find("Ada prefers green tea"), std::string::npos) << results_[1];
  const json::Value all = perform(R"({"op":"list"})");
  ASSERT_EQ(all["memories"].size(), 1U);
  const json::Value& memory = all["memories"].as_array()[0];
  const std::string trust = json::write(memory["trust"]["integrity"]);
  EXPECT_NE(trust.find("model"), std::string::npos) << trust;
  EXPECT_NE(trust.find("user"), std::string::npos) << trust;
  EXPECT_EQ(memory["source"].as_string(), "session:ses");
}

TEST_F(MemoryRun, NoArgumentLeadsOutOfTheScope) {
  open({call_of("memory_search", R"({"query":"zebra","channel":"other"})"),
        call_of("memory_write", R"({"text":"zebra","workspace":"other"})"),
        call_of("memory_read", R"({"id":"theirs"})"), call_of("memory_forget", R"({"id":"theirs"})"),
        call_of("memory_relate", R"({"from":"theirs","to":"mine"})"),
        call_of("memory_search", R"({"query":"zebra"})"), R"({"text":"done"})"},
       R"({"tools":true,"channel":"{session}"})");
  perform(R"({"op":"add","id":"theirs","text":"a zebra of another channel","channel":"other"})");
  perform(R"({"op":"add","id":"mine","text":"a zebra of mine","channel":"ses"})");
  ask("go");
  ASSERT_EQ(results_.size(), 6U);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(results_[static_cast<size_t>(i)].find("another channel"), std::string::npos) << i;
  EXPECT_NE(results_[2].find("no memory"), std::string::npos) << results_[2];
  EXPECT_NE(results_[5].find("a zebra of mine"), std::string::npos) << results_[5];
  EXPECT_EQ(results_[5].find("another channel"), std::string::npos) << results_[5];
  EXPECT_EQ(perform(R"({"op":"get","id":"theirs","channel":"other"})")["text"].as_string(),
            "a zebra of another channel");
}

TEST_F(MemoryRun, RecallPutsMemoriesBeforeThePromptAndSaysSo) {
  open({R"({"text":"green tea"})"}, R"({"recall":true})");
  perform(R"({"op":"add","id":"tea","text":"Ada prefers green tea","origin":"web"})");
  ask("Which tea does Ada prefer?");
  const json::Value recalled = event("recalled");
  ASSERT_TRUE(recalled.is_object());
  EXPECT_EQ(recalled["recall"]["memories"].as_array()[0]["id"].as_string(), "tea");
  const json::Value exported = *json::parse(*session_->export_json());
  const auto& messages = exported["messages"].as_array();
  ASSERT_EQ(messages.size(), 3U);
  const std::string block = json::write(messages[0]["message"]);
  EXPECT_NE(block.find("Ada prefers green tea"), std::string::npos) << block;
  EXPECT_NE(messages[0]["integrity"].as_string().find("memory"), std::string::npos);
  EXPECT_NE(messages[0]["integrity"].as_string().find("web"), std::string::npos);
  EXPECT_EQ(messages[1]["integrity"].as_string(), "user");
  bool identical = false;
  const auto report = runtime_->replay(run_id_, &identical);
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  EXPECT_TRUE(identical) << *report;
}

TEST_F(MemoryRun, WhatWasRecalledIsNotRememberedAgain) {
  open({R"({"text":"ok"})"}, R"({"recall":true,"tools":true})");
  perform(R"({"op":"add","id":"tea","text":"Ada prefers green tea"})");
  ask("Which tea does Ada prefer?");
  const json::Value exported = *json::parse(*session_->export_json());
  const std::string block(
      exported["messages"].as_array()[0]["message"]["parts"].as_array()[0]["text"].as_string());
  ASSERT_TRUE(memory::holds_recalled(block));
  std::string arguments;
  json::Writer(arguments).begin_object().field("text", block).end_object();
  // The first answer of the script was given already.
  open({R"({"text":"ok"})", call_of("memory_write", arguments), R"({"text":"done"})"}, R"({"tools":true})");
  ask("Remember it");
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_NE(results_[0].find("recalled"), std::string::npos) << results_[0];
  EXPECT_EQ(perform(R"({"op":"list"})")["memories"].size(), 1U);
}

TEST_F(MemoryRun, ASecretOfTheVaultOrConfigurationIsNotRemembered) {
  std::string key = "sk-";
  for (int i = 0; i < 40; ++i) key += static_cast<char>('a' + (i * 7) % 26);
  close();
  RuntimeOptions options;
  options.home = dir_.path();
  options.manual = true;
  options.config_json = format(R"({{"providers":{{"openai":{{"api_key":"{}"}}}}}})", key);
  runtime_ = *Runtime::open(options);
  perform(format(R"({{"op":"add","id":"k","text":"the key is {}","tags":["{}"]}})", key, key));
  const std::string kept = json::write(perform(R"({"op":"get","id":"k"})"));
  EXPECT_EQ(kept.find(key), std::string::npos) << kept;
}

TEST_F(MemoryRun, HandlesOfAChannelSeeItAndWhatBelongsToAll) {
  open({R"({"text":"x"})"});
  perform(R"({"op":"add","id":"a","text":"shared zebra"})");
  perform(R"({"op":"add","id":"a","text":"zebra of one","channel":"one"})");
  perform(R"({"op":"add","id":"b","text":"zebra of two","channel":"two"})");
  const char* const one = R"({"channel":"one"})";
  EXPECT_EQ(perform(R"({"op":"get","id":"a"})", one)["text"].as_string(), "zebra of one");
  EXPECT_EQ(reason_of(R"({"op":"get","id":"b"})", one), "no_such_memory");
  EXPECT_EQ(reason_of(R"({"op":"list","channel":"two"})", one), "outside_scope");
  EXPECT_EQ(reason_of(R"({"op":"add","text":"x","channel":"two"})", one), "outside_scope");
  EXPECT_EQ(reason_of(R"({"op":"forget","id":"a","channel":""})", one), "outside_scope");
  EXPECT_EQ(perform(R"({"op":"list"})", one)["memories"].size(), 2U);
  EXPECT_EQ(perform(R"({"op":"tree"})")["memories"].as_int(), 3);
  EXPECT_EQ(reason_of(R"({"op":"list"})", R"({"channel":""})"), "invalid_scope");
}

TEST_F(MemoryRun, FactsCloseThoseThatTheyContradict) {
  open({R"({"text":"x"})"});
  perform(R"({"op":"add","id":"old","text":"Ada lives in Kiel","valid_from":"2020-01-01",
             "fact":{"subject":"Ada","predicate":"lives in","object":"Kiel"}})");
  const json::Value made =
      perform(R"({"op":"add","id":"now","text":"Ada lives in Rome","valid_from":"2024-05-01",
             "fact":{"subject":"Ada","predicate":"lives in","object":"Rome"}})");
  EXPECT_EQ(made["memories"].as_array()[0]["superseded"].as_array()[0].as_string(), "old");
  const auto memory = *Memory::open(runtime_, "{}");
  const auto found = [&](const char* request) {
    const json::Value hits = (*json::parse(*memory->search(request, {})))["hits"];
    return hits.size() == 0 ? std::string() : std::string(hits.as_array()[0]["id"].as_string());
  };
  EXPECT_EQ(found(R"({"query":"where does Ada live"})"), "now");
  EXPECT_EQ(found(R"({"query":"where does Ada live","as_of":{"valid":"2022-01-01"}})"), "old");
}

TEST_F(MemoryRun, APictureOfTheGraphShowsARelationAtOnce) {
  open({R"({"text":"x"})"});
  perform(R"({"op":"add","memories":[{"id":"a","text":"one"},{"id":"b","text":"two"}]})");
  const auto memory = *Memory::open(runtime_, "{}");
  const auto edges = [&] {
    return (*json::parse(*memory->perform(R"({"op":"graph"})", {})))["edges"].size();
  };
  EXPECT_EQ(edges(), 0U);
  ASSERT_TRUE(memory->perform(R"({"op":"relate","from":"a","to":"b"})", {}).ok());
  EXPECT_EQ(edges(), 1U);
}

TEST_F(MemoryRun, NotesOfOneNameInTwoScopesDoNotOverwriteEachOther) {
  open({R"({"text":"x"})"});
  perform(R"({"op":"add","id":"a","text":"of one","channel":"one"})");
  perform(R"({"op":"add","id":"a","text":"of two","channel":"two"})");
  const std::string both = format(R"({{"op":"export","format":"markdown","path":"{}"}})", dir_.file("both"));
  EXPECT_EQ(reason_of(both), "ambiguous_memory");
  EXPECT_EQ(perform(both.substr(0, both.size() - 1) + R"(,"channel":"two"})")["memories"].as_int(), 1);
}

TEST_F(MemoryRun, FilesGoInAndOut) {
  open({R"({"text":"x"})"});
  dir_.write("notes/a.md",
             "# Garden\n\nThe roses want water on Mondays.\n\n# Kitchen\n\nThe oven is broken.\n");
  const std::string ask = format(R"({{"op":"ingest","path":"{}"}})", dir_.file("notes"));
  EXPECT_EQ(perform(ask)["added"].as_int(), 2);
  EXPECT_EQ(perform(ask)["unchanged"].as_int(), 1);
  const auto memory = *Memory::open(runtime_, "{}");
  const json::Value hits = (*json::parse(*memory->search(R"({"query":"roses water"})", {})))["hits"];
  ASSERT_GE(hits.size(), 1U);
  EXPECT_NE(hits.as_array()[0]["text"].as_string().find("roses"), std::string_view::npos);
  const std::string file = dir_.file("out.jsonl");
  EXPECT_EQ(perform(format(R"({{"op":"export","path":"{}"}})", file))["memories"].as_int(), 2);
  perform(R"({"op":"purge","all":true})");
  EXPECT_EQ(perform(R"({"op":"tree"})")["memories"].as_int(), 0);
  const json::Value read = perform(format(R"({{"op":"import","path":"{}"}})", file));
  EXPECT_EQ(read["created"].as_int(), 2) << json::write(read);
  EXPECT_EQ(read["failed"].as_int(), 0);
}

}  // namespace
}  // namespace tau::runtime
