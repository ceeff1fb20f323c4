// What the audit log is told of memories: changes, what is taken out, and what was refused; never a text.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "run_fixture.h"
#include "runtime/audit.h"
#include "runtime/embed.h"
#include "runtime/memory.h"

namespace tau::runtime {
namespace {

constexpr const char* kText = "zanzibar clove harvest";

class MemoryAudit : public ScriptedRun {
 protected:
  void open(std::string_view more = R"("memory":{"tools":true,"channel":"{session}"})",
            const std::vector<std::string>& turns = {R"({"text":"done"})"}) {
    open_home(turns, format(R"("tools":[],"policy":{{"preset":"permissive"}},{})", more));
  }
  // The reason of its failure, or empty.
  std::string perform(std::string_view request, std::string_view scope = "{}") {
    const auto memory = Memory::open(runtime_, scope);
    if (!memory.ok()) return std::string(memory.status().reason());
    return std::string((*memory)->perform(request, {}).status().reason());
  }
  // All that the log says, and the records of a kind.
  std::string log() {
    EXPECT_TRUE(runtime_->audit_head().ok());
    std::string all;
    for (const auto& entry : std::filesystem::directory_iterator(audit_folder(dir_.path()))) {
      if (entry.path().extension() != ".jsonl") continue;
      std::ifstream in(entry.path());
      std::stringstream text;
      text << in.rdbuf();
      all += text.str();
    }
    return all;
  }
  std::vector<json::Value> records(std::string_view kind) {
    std::vector<json::Value> out;
    std::istringstream lines(log());
    for (std::string line; std::getline(lines, line);)
      if (json::Value record = *json::parse(line); record["kind"].as_string() == kind) out.push_back(record);
    return out;
  }
  // "add 3 memory/default/a ok", of each record of changes.
  std::vector<std::string> changes() {
    std::vector<std::string> out;
    for (const json::Value& record : records("memory.changed"))
      out.push_back(format("{} {} {} {}{}", record["action"].as_string(), record["count"].as_int(),
                           record["target"].as_string(), record["outcome"].as_string(),
                           record["reason"].as_string()));
    return out;
  }
  std::string last_change() {
    const auto all = changes();
    return all.empty() ? std::string() : all.back();
  }
};

TEST_F(MemoryAudit, EachOpThatChangesMemoriesIsOneRecordWithoutAText) {
  open();
  EXPECT_EQ(
      perform(format(R"({{"op":"add","memories":[{{"id":"secretid","text":"{}"}},{{"id":"b","text":"b"}},
                           {{"id":"c","text":"c"}}]}})",
                     kText),
              R"({"channel":"a","actor":"ada","principal":"alice"})"),
      "");
  const auto first = records("memory.changed");
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0]["principal"].as_string(), "alice");
  EXPECT_EQ(first[0]["run"].as_string(), "");
  EXPECT_EQ(last_change(), "add 3 memory/default/a/ada ok");
  const char* const scope = R"({"channel":"a"})";
  perform(R"({"op":"add","id":"d","text":"of the channel"})", scope);
  EXPECT_EQ(last_change(), "add 1 memory/default/a ok");
  perform(R"({"op":"forget","id":"b","actor":"ada"})", scope);
  EXPECT_EQ(last_change(), "forget 1 memory/default/a/ada ok");
  perform(R"({"op":"restore","id":"b","actor":"ada"})", scope);
  EXPECT_EQ(last_change(), "restore 1 memory/default/a/ada ok");
  perform(R"({"op":"relate","from":"b","to":"c","actor":"ada"})", scope);
  EXPECT_EQ(last_change(), "relate 1 memory/default/a/ada ok");
  perform(R"({"op":"unrelate","from":"b","to":"c","actor":"ada"})", scope);
  EXPECT_EQ(last_change(), "unrelate 1 memory/default/a/ada ok");
  perform(R"({"op":"purge","ids":["secretid"],"actor":"ada"})", scope);
  EXPECT_EQ(last_change(), "purge 1 memory/default/a/ada ok");
  perform(R"({"op":"purge","all":true})", scope);
  EXPECT_EQ(last_change(), "purge 3 memory/default/a ok");
  const std::string all = log();
  EXPECT_EQ(all.find("zanzibar"), all.npos);
  EXPECT_EQ(all.find("secretid"), all.npos);
}

TEST_F(MemoryAudit, WhatChangesNothingAndWhatIsOnlyReadLeavesNoRecord) {
  open();
  perform(format(R"({{"op":"add","id":"a","text":"{}","time":5}})", kText));
  const size_t before = changes().size();
  perform(format(R"({{"op":"add","id":"a","text":"{}","time":5}})", kText));
  perform(R"({"op":"get","id":"a"})");
  perform(R"({"op":"list"})");
  perform(R"({"op":"forget","id":"nobody"})");
  perform(R"({"op":"forget"})");
  perform(R"({"op":"maintain"})");
  EXPECT_TRUE((*Memory::open(runtime_, "{}"))->search(R"({"query":"clove"})", {}).ok());
  EXPECT_EQ(changes().size(), before);
  EXPECT_TRUE(records("memory.read").empty());
  EXPECT_TRUE(records("access.denied").empty());
}

TEST_F(MemoryAudit, FilesThatGoInAndOutAreCounted) {
  open();
  dir_.write("notes/a.md", "# Garden\n\nThe roses want water.\n\n# Kitchen\n\nThe oven is broken.\n");
  dir_.write("notes/b.md", "# Cellar\n\nThe cider is ready.\n");
  perform(format(R"({{"op":"ingest","path":"{}","channel":"n"}})", dir_.file("notes")));
  EXPECT_EQ(last_change(), "ingest 3 memory/default/n ok");
  perform(format(R"({{"op":"export","path":"{}"}})", dir_.file("out.jsonl")));
  const auto taken = records("memory.read");
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0]["action"].as_string(), "export");
  EXPECT_EQ(taken[0]["count"].as_int(), 3);
  perform(format(R"({{"op":"import","path":"{}","channel":"copy"}})", dir_.file("out.jsonl")),
          R"({"channel":"copy"})");
  EXPECT_EQ(last_change(), "import 3 memory/default/copy ok");
}

TEST_F(MemoryAudit, RefusalsAndFailuresAreTold) {
  open();
  perform(R"({"op":"add","id":"a","text":"x","channel":"two"})");
  const char* const one = R"({"channel":"one","principal":"eve"})";
  EXPECT_EQ(perform(R"({"op":"add","text":"x","channel":"two"})", one), "outside_scope");
  auto denied = records("access.denied");
  ASSERT_EQ(denied.size(), 1U);
  EXPECT_EQ(denied[0]["principal"].as_string(), "eve");
  EXPECT_EQ(denied[0]["action"].as_string(), "memory:write");
  EXPECT_EQ(denied[0]["target"].as_string(), "memory/default/one");
  EXPECT_EQ(denied[0]["reason"].as_string(), "outside_scope");
  EXPECT_EQ((*Memory::open(runtime_, one))->search(R"({"query":"x","channel":"two"})", {}).status().reason(),
            "outside_scope");
  denied = records("access.denied");
  ASSERT_EQ(denied.size(), 2U);
  EXPECT_EQ(denied[1]["action"].as_string(), "memory:read");
  EXPECT_EQ(perform(R"({"op":"add","id":"a","text":"y","channel":"two","expected_revision":7})"),
            "revision_changed");
  EXPECT_EQ(last_change(), "add 1 memory/default errorrevision_changed");
}

TEST_F(MemoryAudit, ThePolicyOfAccessHoldsForHandlesAndIsTold) {
  open(
      R"("access":{"document":{"schema_version":1,
      "roles":{"all":{"allow":[{"action":"*","resource":"*"}]},
               "reader":{"allow":[{"action":"memory:open","resource":"memory/default"},
                                  {"action":"memory:read","resource":"memory/default"}]}},
      "bindings":[{"principal":"local","roles":["all"]},{"principal":"bob","roles":["reader"]}]}})");
  EXPECT_EQ(perform(R"({"op":"add","id":"a","text":"x"})"), "");
  const char* const bob = R"({"principal":"bob"})";
  EXPECT_EQ(perform(R"({"op":"list"})", bob), "");
  EXPECT_EQ(perform(R"({"op":"purge","all":true})", bob), "access_denied");
  EXPECT_EQ(perform(R"({"op":"list"})", R"({"principal":"eve"})"), "access_denied");
  EXPECT_EQ(perform(R"({"op":"list"})", R"({"principal":"bob","workspace":"other"})"), "access_denied");
  const auto denied = records("access.denied");
  ASSERT_EQ(denied.size(), 3U);
  EXPECT_EQ(denied[0]["action"].as_string(), "memory:purge");
  EXPECT_EQ(denied[1]["action"].as_string(), "memory:open");
  EXPECT_EQ(denied[1]["principal"].as_string(), "eve");
  EXPECT_EQ(denied[2]["target"].as_string(), "memory/other");
}

TEST_F(MemoryAudit, ToolsOfAnAgentPassTheSamePolicyAndAreToldWithTheirCall) {
  const std::vector<std::string> turns = {
      call_of("memory_write", R"({"text":"Ada likes cloves"})"), call_of("memory_forget", R"({"id":"b"})"),
      call_of("memory_search", R"({"query":"cloves"})"), R"({"text":"done"})"};
  open(
      R"("memory":{"tools":true,"recall":true},"access":{"document":{"schema_version":1,
      "roles":{"r":{"allow":[{"action":"session:*","resource":"*"},{"action":"tool:*","resource":"memory/default"},
                             {"action":"memory:write","resource":"memory/default"}],
                    "deny":[{"action":"tool:memory_search","resource":"memory/*"}]}},
      "bindings":[{"principal":"local","roles":["r"]}]}})",
      turns);
  ask("Remember that Ada likes cloves");
  ASSERT_EQ(results_.size(), 3U);
  EXPECT_EQ(results_[0].find("may not"), std::string::npos) << results_[0];
  EXPECT_NE(results_[1].find("may not memory:forget"), std::string::npos) << results_[1];
  EXPECT_NE(results_[2].find("may not tool:memory_search"), std::string::npos) << results_[2];
  const auto changed = records("memory.changed");
  ASSERT_EQ(changed.size(), 1U);
  EXPECT_EQ(changed[0]["run"].as_string(), run_id_);
  EXPECT_EQ(changed[0]["session"].as_string(), "ses");
  EXPECT_EQ(changed[0]["tool"].as_string(), "memory_write");
  EXPECT_NE(changed[0]["call"].as_string(), "");
  const auto denied = records("access.denied");
  ASSERT_EQ(denied.size(), 2U);  // of the recall, and of the tool; the third was denied as a call
  EXPECT_EQ(denied[0]["action"].as_string(), "memory:read");
  EXPECT_EQ(denied[0]["run"].as_string(), run_id_);
  EXPECT_EQ(denied[1]["tool"].as_string(), "memory_forget");
  EXPECT_EQ(log().find("cloves"), std::string::npos);
}

TEST_F(MemoryAudit, WhatWasRecalledIntoAPromptIsCounted) {
  open(R"("memory":{"recall":true})");
  perform(format(R"({{"op":"add","text":"{}"}})", kText));
  ask("When is the clove harvest?");
  const auto taken = records("memory.read");
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0]["action"].as_string(), "recall");
  EXPECT_EQ(taken[0]["count"].as_int(), 1);
  EXPECT_EQ(taken[0]["run"].as_string(), run_id_);
}

TEST_F(MemoryAudit, ManySmallWritesBecomeFewRecordsThatCountAll) {
  open();
  using observe::Number;
  using observe::Text;
  Audit& audit = *runtime_->core()->audit();
  constexpr int kWrites = 100'000;
  for (int i = 0; i < kWrites; ++i)
    audit.add_up(observe::Record(observe::Kind::kMemoryChanged)
                     .set(Text::kAction, i % 2 == 0 ? "add" : "forget")
                     .set(Number::kCount_, 1));
  int64_t sum = 0;
  const auto all = records("memory.changed");
  for (const json::Value& record : all) sum += record["count"].as_int();
  EXPECT_EQ(sum, kWrites);
  EXPECT_LT(all.size(), 10'000U);
}

TEST_F(MemoryAudit, EmbeddingsNeedARightAndAreTold) {
  open(R"("providers":{"near":{"base_url":"http://127.0.0.1:1/v1"}},
      "access":{"document":{"schema_version":1,
      "roles":{"r":{"allow":[{"action":"model:embed","resource":"model/near/*"},
                             {"action":"session:*","resource":"*"}]}},
      "bindings":[{"principal":"alice","roles":["r"]},{"principal":"local","roles":["r"]}]}})");
  const auto ask_for = [&](std::string_view who) {
    return std::string(
        embed(*runtime_->core(),
              format(R"({{"model":"near/m","texts":["{}"],"timeout_ms":2000,"principal":"{}"}})", kText, who))
            .status()
            .reason());
  };
  EXPECT_EQ(ask_for("eve"), "access_denied");
  const auto denied = records("access.denied");
  ASSERT_EQ(denied.size(), 1U);
  EXPECT_EQ(denied[0]["action"].as_string(), "model:embed");
  EXPECT_EQ(denied[0]["target"].as_string(), "model/near/m");
  EXPECT_EQ(denied[0]["principal"].as_string(), "eve");
  EXPECT_TRUE(records("model.finished").empty());
  const std::string reason = ask_for("alice");
  EXPECT_NE(reason, "access_denied");
  const auto told = records("model.finished");
  ASSERT_EQ(told.size(), 1U) << reason;
  EXPECT_EQ(told[0]["principal"].as_string(), "alice");
  EXPECT_EQ(told[0]["provider"].as_string(), "near");
  EXPECT_EQ(told[0]["model"].as_string(), "m");
  EXPECT_EQ(told[0]["outcome"].as_string(), "error");
  EXPECT_EQ(log().find("zanzibar"), std::string::npos);
}

}  // namespace
}  // namespace tau::runtime
