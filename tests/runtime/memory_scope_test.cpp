// No request leads out of a scope, and none shows that there is anything outside. Every op is asked twice, in
// a home with memories of others and in one that has as many memories of nobody: the answers are the same to
// the last digit, and the others' memories stay as they are.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "memory_attacks.h"
#include "runtime/core.h"
#include "runtime/memory.h"
#include "runtime/runtime.h"
#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

// Stands in every text of others, and nowhere else.
constexpr std::string_view kSecret = "quagga";
// Who attacks: of one channel and one actor of a workspace.
constexpr std::string_view kOwn = R"({"workspace":"home","channel":"one","actor":"ada"})";

// What a model answers that wants to get out.
constexpr std::string_view kModel =
    R"({"memories":[{"text":"Ada likes rivers","type":"fact","importance":0.7,"tags":[],"fact":null,"channel":"two",)"
    R"("workspace":"away","id":"theirs"}],"relations":[{"from":"n1","to":"theirs","relation":"updates"}]})";

// What is other from one home to the next, and has nothing to do with others: moments, names that are made,
// uses of what belongs to everybody, which this test reads in one of them, and the room that an index takes,
// which grows whenever a memory of everybody changes: a relation to one is a change of it.
void strip(json::Value& v) {
  if (v.is_object()) {
    for (const char* const key :
         {"created", "updated", "used", "uses", "forgotten", "time", "valid_from", "at_ms", "bytes"})
      if (v.contains(key) && !v[key].is_bool()) v.erase(key);
    const std::string_view next = v["next"].as_string();
    if (const size_t moment = next.find('.'); moment != next.npos)
      v.set("next", std::string(next.substr(moment)));
    for (const char* const prefix : {"mem_", "watch_"})
      if (v["id"].as_string().starts_with(prefix)) v.set("id", "made");
    for (auto& [key, value] : v.mutable_object()) strip(value);
  } else if (v.is_array()) {
    for (json::Value& each : v.mutable_array()) strip(each);
  }
}

std::string stripped(std::string_view text) {
  auto v = json::parse(text);
  if (!v.ok()) return std::string(text);
  strip(*v);
  return json::write(*v);
}

class MemoryScopes : public testing::Test {
 protected:
  // A home, and what others have in it.
  struct World {
    test::TempDir dir;
    std::shared_ptr<Runtime> runtime;

    std::string answer(std::string_view scope, std::string_view request) const {
      const auto memory = Memory::open(runtime, scope);
      if (!memory.ok()) return memory.status().to_string();
      const bool is_search = request.find(R"("op")") == request.npos;
      // The two worlds were not made at the same moment.
      const std::string search = R"({"recency_weight":0,)" + std::string(request.substr(1));
      const auto out = is_search ? (*memory)->search(search, {}) : (*memory)->perform(request, {});
      return out.ok() ? *out : out.status().to_string();
    }
    void must(std::string_view scope, std::string_view request) const {
      const auto memory = Memory::open(runtime, scope);
      ASSERT_TRUE(memory.ok()) << memory.status().to_string();
      const auto out = (*memory)->perform(request, {});
      ASSERT_TRUE(out.ok()) << out.status().to_string() << " of " << request;
    }
    // All that is not the attacker's, with its relations.
    std::string others() const {
      std::string all;
      for (const char* const scope : {R"({"workspace":"home"})", R"({"workspace":"away"})"}) {
        for (const char* const which : {"false", "true"}) {
          const auto list = json::parse(answer(
              scope, format(R"({{"op":"list","limit":1000,"superseded":true,"forgotten":{}}})", which)));
          for (const json::Value& each : (*list)["memories"].as_array()) {
            if (each["channel"].as_string() == "one" && each["actor"].as_string() == "ada") continue;
            all += json::write(each) + "\n";
            std::string get = R"({"op":"get","forgotten":true})";
            json::Value request = *json::parse(get);
            request.set("id", each["id"]).set("channel", each["channel"].as_string());
            request.set("actor", each["actor"].as_string());
            const auto whole = json::parse(answer(scope, json::write(request)));
            std::set<std::string> relations;
            for (const json::Value& relation : (*whole)["relations"].as_array())
              relations.insert(json::write(relation));
            for (const std::string& relation : relations)
              if (relation.find("mine") == relation.npos && relation.find("note") == relation.npos)
                all += "  " + relation + "\n";
          }
        }
      }
      return all;
    }
  };

  void make(World& world, bool with_others) {
    RuntimeOptions options;
    options.home = world.dir.file("home");
    options.manual = true;
    std::string turn;
    json::Writer(turn).begin_object().field("text", kModel).end_object();
    options.config_json = R"({"model":"scripted/x","script":{"loop":true,"turns":[)" + turn + "]}}";
    auto runtime = Runtime::open(options);
    ASSERT_TRUE(runtime.ok()) << runtime.status().to_string();
    world.runtime = *std::move(runtime);
    fill(world, with_others);
  }

  // The attacker's own are the same in both worlds, row numbers included.
  static void fill(const World& world, bool with_others) {
    const auto other = [&](std::string_view scope, std::string memory) {
      if (with_others) return world.must(scope, R"({"op":"add",)" + memory + "}");
      static int n = 0;
      world.must(R"({"workspace":"nobody"})",
                 format(R"({{"op":"add","id":"n{}","text":"nothing at all"}})", ++n));
    };
    const auto own = [&](std::string_view id, std::string_view text) {
      world.must(kOwn, format(R"({{"op":"add","id":"{}","text":"{}","time":"2026-01-01"}})", id, text));
    };
    const char* const two = R"({"workspace":"home","channel":"two"})";
    const char* const away = R"({"workspace":"away"})";
    world.must(R"({"workspace":"home"})",
               R"({"op":"add","id":"shared","text":"the river of everybody","time":"2026-01-01"})");
    world.must(R"({"workspace":"home"})",
               R"({"op":"add","id":"hall","text":"a bridge for everybody","time":"2026-01-01"})");
    own("mine", "my own river by the harbour");
    own("same", "a harbour that is mine");
    other(two,
          R"("id":"only-theirs","text":"quagga river harbour of two","tags":["theirs"],"thread":"theirs")");
    other(two, R"("id":"theirs","text":"quagga river bridge of two","source":"file:theirs")");
    other(two, R"("id":"same","text":"quagga harbour of two")");
    other(two, R"("id":"gone","text":"quagga that was forgotten")");
    other(R"({"workspace":"home","channel":"one","actor":"eve"})",
          R"("id":"eves","text":"quagga river of eve")");
    other(away, R"("id":"theirs","text":"quagga of another workspace")");
    other(away, R"("id":"mine","text":"quagga river harbour of another workspace")");
    other(
        two,
        R"("id":"house","text":"quagga lives in Rome","fact":{"subject":"Ada","predicate":"lives","object":"Rome"})");
    for (int i = 0; i < 40; ++i)
      other(i % 2 == 0 ? two : away,
            format(R"("id":"t{}","text":"quagga river harbour bridge number {}")", i, i));
    own("house", "where the bridge is");
    if (!with_others) return;
    world.must(two, R"({"op":"forget","id":"gone"})");
    // A bridge between two memories of everybody that leads through another channel.
    world.must(two, R"({"op":"relate","from":"theirs","to":"shared"})");
    world.must(two, R"({"op":"relate","from":"theirs","to":"hall"})");
    for (int i = 0; i < 40; i += 2)
      world.must(two, format(R"({{"op":"relate","from":"t{}","to":"shared"}})", i));
  }

  // Files that say that they are of others.
  void write_files(const World& world) {
    const auto line = [](std::string_view scope, std::string_view id, std::string_view relations) {
      return format(
          R"({{"tau_memory":1,"scope":{},"id":"{}","type":"fact","importance":0.5,"text":"out of a file",)"
          R"("created_ms":1000,"updated_ms":1000,"time_ms":1000,"relations":[{}]}})"
          "\n",
          scope, id, relations);
    };
    const std::string away = R"({"workspace":"away","channel":"two","actor":"eve"})";
    files_.write(
        "scopes.jsonl",
        line(away, "theirs", "") +
            line(away, "f1", R"({"target":"only-theirs","relation":"updates","scope":)" + away + "}") +
            line(R"({"workspace":"home","channel":"two"})", "only-theirs", ""));
    files_.write(
        "scopes.tau",
        R"({"schema_version":1,"scope":{"workspace_id":"away","channel_id":"two","actor_id":"eve"},)"
        R"("entry":{"memory_id":"theirs","summary":"out of a file","tags":[],"facts":[]},"updated_unix_ms":1000})"
        "\n");
    files_.write("notes/a.md",
                 "---\nid: note\nworkspace: away\nchannel: two\nactor: eve\nrelations:\n"
                 "  - {\"relation\":\"updates\",\"id\":\"only-theirs\",\"channel\":\"two\",\"actor\":\"\"}\n"
                 "  - {\"relation\":\"updates\",\"id\":\"eves\",\"channel\":\"one\",\"actor\":\"eve\"}\n"
                 "  - {\"relation\":\"part_of\",\"id\":\"shared\",\"channel\":\"\",\"actor\":\"\"}\n"
                 "---\nA note. [[only-theirs]] [[../two/theirs]]\n");
    (void)world;
  }

  std::string filled(std::string request) const {
    for (size_t at = 0; (at = request.find("DIR", at)) != request.npos;)
      request.replace(at, 3, files_.path());
    return request;
  }

  // What lies in the folder of files, after a request that may have written there.
  std::string written() const {
    std::string all;
    std::set<std::string> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(files_.path()))
      if (entry.is_regular_file() && entry.path().string().find("/out") != std::string::npos)
        paths.insert(entry.path().string());
    for (const std::string& path : paths)
      all += path + "\n" + files_.read(path.substr(files_.path().size() + 1));
    return all;
  }

  test::TempDir files_;
};

TEST_F(MemoryScopes, NoRequestLeadsOutOrShowsThatThereIsAnything) {
  World full;
  World empty;
  make(full, true);
  make(empty, false);
  if (HasFatalFailure()) return;
  write_files(full);
  const std::string others = full.others();
  ASSERT_NE(others.find(kSecret), std::string::npos);
  for (const Attack& attack : kAttacks)
    for (const std::string& one : attack.requests) {
      SCOPED_TRACE(one);
      const std::string request = filled(one);
      const std::string seen = full.answer(kOwn, request);
      const std::string files = written();
      const std::string expected = empty.answer(kOwn, request);
      EXPECT_EQ(stripped(seen), stripped(expected));
      // What was asked for may be named, what others wrote may not.
      if (one.find(kSecret) == one.npos) { EXPECT_EQ(seen.find(kSecret), seen.npos) << seen; }
      EXPECT_EQ(seen.find("of two"), seen.npos) << seen;
      EXPECT_EQ(files.find(kSecret), files.npos) << files;
      ASSERT_EQ(full.others(), others);
    }
}

// An op that is new, and that nobody has tried to get out with, fails here.
TEST_F(MemoryScopes, EveryOpIsAttacked) {
  World world;
  make(world, false);
  const auto memory = *Memory::open(world.runtime, kOwn);
  const std::string known(memory->perform(R"({"op":"nothing"})", {}).status().message());
  const size_t at = known.find("known are ");
  ASSERT_NE(at, known.npos) << known;
  std::string names = known.substr(at + 10) + ", ";
  for (size_t end = 0; (end = names.find(", ")) != names.npos; names.erase(0, end + 2)) {
    const std::string name = names.substr(0, end);
    const auto has = [&](const Attack& attack) { return attack.op == name && !attack.requests.empty(); };
    EXPECT_TRUE(std::any_of(kAttacks.begin(), kAttacks.end(), has)) << name;
  }
}

// Rules of access hold for every op, whatever the handle and the arguments say.
TEST_F(MemoryScopes, EveryOpAsksForTheRightOfItsPrincipal) {
  RuntimeOptions options;
  options.home = files_.file("ruled");
  options.manual = true;
  options.config_json = R"({"access":{"document":{"schema_version":1,"roles":{
      "own":{"allow":[{"action":"memory:*","resource":"memory/w1"}]},
      "opener":{"allow":[{"action":"memory:open","resource":"memory/*"}]}},
      "bindings":[{"principal":"bob","roles":["own"]},{"principal":"eve","roles":["opener"]}]}}})";
  const auto runtime = Runtime::open(options);
  ASSERT_TRUE(runtime.ok()) << runtime.status().to_string();
  const auto bob = Memory::open(*runtime, R"({"workspace":"w1","principal":"bob"})");
  ASSERT_TRUE(bob.ok()) << bob.status().to_string();
  ASSERT_TRUE((*bob)->perform(R"({"op":"add","id":"theirs","text":"quagga of bob"})", {}).ok());
  for (const char* const scope :
       {R"({"workspace":"w2","principal":"bob"})", R"({"workspace":"w1/../w2","principal":"bob"})",
        R"({"workspace":"w1/","principal":"bob"})", R"({"workspace":"w1","principal":"mallory"})",
        R"({"workspace":"w1"})"})
    EXPECT_EQ(Memory::open(*runtime, scope).status().reason(), "access_denied") << scope;
  const auto eve = Memory::open(*runtime, R"({"workspace":"w1","principal":"eve"})");
  ASSERT_TRUE(eve.ok()) << eve.status().to_string();
  for (const Attack& attack : kAttacks)
    for (const std::string& request : attack.requests) {
      const bool is_search = std::string_view(attack.op) == "search";
      const auto answer = is_search ? (*eve)->search(request, {}) : (*eve)->perform(request, {});
      EXPECT_EQ(answer.status().reason(), "access_denied") << request;
    }
}

// A name that looks like another one is another one.
TEST_F(MemoryScopes, NamesAreComparedByTheirBytes) {
  World world;
  make(world, true);
  for (const char* const name : {"Two", "two ", " two", "two/", "../two", "./two", "two%", "*", "t_o",
                                 "tw\u043e", "\uff54wo", "two\u200b", "t\u0308wo", "'two'", "two\\\"--"}) {
    SCOPED_TRACE(name);
    const std::string scope = format(R"({{"workspace":"home","channel":"{}"}})", name);
    EXPECT_EQ(world.answer(scope, R"({"query":"quagga","k":50})").find("of two"), std::string::npos);
    EXPECT_EQ(world.answer(scope, R"({"op":"get","id":"only-theirs"})").find("quagga river"),
              std::string::npos);
    world.must(scope, R"({"op":"add","id":"only-theirs","text":"of a look-alike"})");
    EXPECT_NE(world.answer(scope, R"({"op":"get","id":"only-theirs"})").find("look-alike"),
              std::string::npos);
    EXPECT_NE(world.answer(R"({"workspace":"home","channel":"two"})", R"({"op":"get","id":"only-theirs"})")
                  .find("quagga"),
              std::string::npos);
  }
  for (const char* const scope : {R"({"channel":"two\u0000"})", R"({"channel":"tw\no"})", R"({"channel":""})",
                                  R"({"channel":2})", R"({"channel":["two"]})", R"({"workspace":"\u007f"})",
                                  R"({"workspace":"home","more":1})", R"(["home"])"})
    EXPECT_FALSE(Memory::open(world.runtime, scope).ok()) << scope;
}

// Weights of words are of one scope: the same scores whether a foreign scope is full of the same words or
// not.
TEST_F(MemoryScopes, ScoresOfOneScopeNeverDependOnAnother) {
  World full;
  World empty;
  make(full, true);
  make(empty, false);
  for (int round = 0; round < 3; ++round) {
    for (const char* const query :
         {R"({"query":"river","explain":true})",
          R"({"query":"river harbour bridge everybody","explain":true})",
          R"({"query":"my own","explain":true})", R"({"query":"\"harbour that\" riv*","explain":true})"})
      EXPECT_EQ(stripped(full.answer(kOwn, query)), stripped(empty.answer(kOwn, query)));
    for (int i = 0; i < 100; ++i)
      full.must(R"({"workspace":"home","channel":"two"})",
                format(R"({{"op":"add","id":"more{}x{}","text":"river harbour bridge own everybody {}"}})",
                       round, i, i));
  }
}

// Whoever hangs many heavy relations on a memory of everybody takes nothing away from those of others.
TEST_F(MemoryScopes, RelationsOfOthersCrowdOutNone) {
  World world;
  make(world, true);
  world.must(kOwn, R"({"op":"relate","from":"mine","to":"shared","weight":0.1})");
  const char* const two = R"({"workspace":"home","channel":"two"})";
  for (int i = 0; i < 300; ++i) {
    world.must(two, format(R"({{"op":"add","id":"crowd{}","text":"one of a crowd"}})", i));
    world.must(two, format(R"({{"op":"relate","from":"crowd{}","to":"shared","weight":1}})", i));
  }
  const auto shared = *json::parse(world.answer(kOwn, R"({"op":"get","id":"shared"})"));
  ASSERT_EQ(shared["relations"].size(), 1u) << json::write(shared);
  EXPECT_EQ(shared["relations"].as_array()[0]["from"].as_string(), "mine");
}

}  // namespace
}  // namespace tau::runtime
