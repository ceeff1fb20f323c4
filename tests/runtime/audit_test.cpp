// The audit log of a home, as runtimes write it.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>

#include "observe/observe.h"
#include "runtime/runtime.h"
#include "support/private_mount.h"
#include "support/temp_dir.h"

namespace tau::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kScript =
    R"({"turns":[{"tool_calls":[{"name":"touch","arguments":{"path":"a"}}]},{"text":"done"}]})";

// Counts how often it was executed.
class Touch final : public tool::Tool {
 public:
  Touch() {
    manifest_.name = "touch";
    manifest_.effect = tool::Effect::kWrite;
    manifest_.runs = tool::Manifest::Runs::kLoop;
  }
  const tool::Manifest& manifest() const override { return manifest_; }
  void start(const tool::Call& call, const tool::Context& context, tool::Reply reply,
             const std::atomic<bool>&) override {
    ++count;
    if (connects) connects(call, *context.audit);
    reply.complete({.content = "touched", .reason = {}, .details_json = {}, .labels = {}, .signals = {}});
  }
  int count = 0;
  std::function<void(const tool::Call&, tool::AuditSink&)> connects;  // as a command does through its proxy

 private:
  tool::Manifest manifest_;
};

// A home, and what runs in it.
struct Scene {
  explicit Scene(std::string place) : home(std::move(place)) {}

  void open(std::string_view audit = "{}") {
    RuntimeOptions options;
    options.manual = true;
    options.workers = 0;
    options.home = no_store ? "" : home;
    options.no_store = no_store;
    options.vault = vault;
    options.config_json = format(
        R"({{"model":"scripted/x","script":{},"policy":{{"allow":["touch"]}},"audit":{}}})", kScript, audit);
    options.log = [this](LogLevel, std::string_view module, std::string_view message) {
      const std::lock_guard lock(mutex);
      if (module == "audit") said += std::string(message) + "\n";
    };
    auto opened = Runtime::open(options);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    runtime = *opened;
    agent = *Agent::make(runtime, "");
    ASSERT_TRUE(agent->add_tool(touch, false).ok());
  }
  // One run of two turns; what its tool call came to.
  std::string play() {
    const auto session = *Session::open(agent, "");
    RunOptions options;
    options.prompt = "go";
    const auto run = *session->start(std::move(options));
    Code code = Code::kInternal;
    EXPECT_TRUE(run->wait(20'000, &code).ok());
    EXPECT_EQ(code, Code::kOk);
    const std::string all = *session->export_json();
    run->queue()->abandon();
    const size_t error = all.find("audit_unavailable");
    return error != all.npos || all.find("could not be written") != all.npos ? "audit_unavailable"
           : all.find("touched") != all.npos                                 ? "touched"
                                                                             : all;
  }
  void close() {
    agent = nullptr;
    if (runtime != nullptr) { EXPECT_TRUE(runtime->stop(20'000).ok()); }
    runtime = nullptr;
  }
  std::string told() {
    const std::lock_guard lock(mutex);
    return said;
  }
  json::Value verified(std::string_view head = {}, std::string_view key = {}) const {
    std::string fault;
    const auto report = verify_audit(home, head, key, &fault);
    EXPECT_TRUE(report.ok()) << report.status().to_string();
    json::Value about = report.ok() ? *json::parse(*report) : json::Value::object();
    EXPECT_EQ(fault.empty(), about["ok"].as_bool());
    return about;
  }
  std::vector<json::Value> records() const {
    std::vector<json::Value> all;
    const auto page = read_audit(home, "", 10'000);
    EXPECT_TRUE(page.ok()) << page.status().to_string();
    if (!page.ok()) return all;
    const json::Value document = *json::parse(*page);
    for (const json::Value& record : document["records"].as_array()) all.push_back(record);
    return all;
  }
  std::string kinds() const {
    std::string all;
    for (const json::Value& record : records()) all += std::string(record["kind"].as_string()) + " ";
    return all;
  }
  std::string only_file() const {
    for (const auto& entry : fs::directory_iterator(home + "/audit"))
      if (entry.path().extension() == ".jsonl") return entry.path().string();
    return {};
  }

  const std::string home;
  bool no_store = false;
  std::shared_ptr<Vault> vault;
  std::shared_ptr<Runtime> runtime;
  std::shared_ptr<Agent> agent;
  std::shared_ptr<Touch> touch = std::make_shared<Touch>();
  std::mutex mutex;
  std::string said;
};

class AuditOfHome : public testing::Test {
 protected:
  ~AuditOfHome() override { scene_.close(); }
  std::shared_ptr<Vault> make_vault() {
    VaultKey key;
    key.kind = credential::SlotKind::kPassphrase;
    key.secret = Secret("a passphrase of a test");
    VaultOptions options;
    options.path = dir_.file("vault");
    options.create = true;
    auto made = Vault::open(options, key);
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    return made.ok() ? *made : nullptr;
  }

  test::TempDir dir_;
  Scene scene_{dir_.file("home")};
};

constexpr const char* kRequired = R"({"required":true})";

TEST_F(AuditOfHome, ARunIsRecordedFromItsStartToItsEnd) {
  scene_.open();
  EXPECT_EQ(scene_.play(), "touched");
  scene_.close();
  const json::Value about = scene_.verified();
  EXPECT_TRUE(about["ok"].as_bool());
  EXPECT_EQ(about["signature"].as_string(), "none");
  EXPECT_EQ(about["signed_seq"].as_int(), about["last_seq"].as_int()) << "a head at the end";
  EXPECT_EQ(json::write(about["heads"]), R"(["database"])");
  // The thread that writes adds that the configuration is another one, wherever that falls.
  std::string kinds = scene_.kinds();
  const std::string_view config = "config.changed ";
  ASSERT_NE(kinds.find(config), kinds.npos);
  kinds.erase(kinds.find(config), config.size());
  EXPECT_EQ(kinds,
            "log.begun policy.changed run.started model.finished tool.decided tool.finished model.finished "
            "run.ended ");
  for (const json::Value& record : scene_.records()) {
    const std::string_view kind = record["kind"].as_string();
    if (kind == "tool.decided") {
      EXPECT_EQ(record["decision"].as_string(), "allow");
      EXPECT_EQ(record["action"].as_string(), "write");
      EXPECT_EQ(record["principal"].as_string(), "local");
      EXPECT_GT(record["argument_bytes"].as_int(), 0);
    }
    if (kind == "tool.finished") {
      EXPECT_EQ(record["outcome"].as_string(), "ok");
      EXPECT_EQ(record["result_bytes"].as_int(), 7);
    }
  }
}

void connect(const tool::Call& call, tool::AuditSink& audit, net::ProxyRecord connection) {
  audit.on_connection(call, tool::AuditSink::Connection::kDecided, connection);
  connection.sent_bytes = connection.verdict == "ok" ? 7 : 0;
  connection.received_bytes = connection.verdict == "ok" ? 11 : 0;
  audit.on_connection(call, tool::AuditSink::Connection::kEnded, connection);
}

net::ProxyRecord allowed(std::string host) {
  return {.host = std::move(host),
          .port = 443,
          .decision = net::ProxyRecord::Decision::kAllowed,
          .verdict = "ok"};
}
net::ProxyRecord refused(std::string host) {
  return {.host = std::move(host),
          .port = 80,
          .decision = net::ProxyRecord::Decision::kRefused,
          .verdict = "egress_host"};
}

std::string shown(const json::Value& record) {
  std::string out(record["kind"].as_string());
  for (const char* name : {"target", "decision", "outcome", "reason"})
    if (record[name].is_string()) out += " " + std::string(record[name].as_string());
  if (record["count"].is_integer()) out += format(" {}", record["count"].as_int());
  if (record["sent_bytes"].is_integer())
    out += format(" {}/{}", record["sent_bytes"].as_int(), record["received_bytes"].as_int());
  return out;
}

TEST_F(AuditOfHome, ConnectionsOfACommandAreRecordedBeforeItsEnd) {
  scene_.touch->connects = [](const tool::Call& call, tool::AuditSink& audit) {
    connect(call, audit, allowed("a.example"));
    connect(call, audit, refused("b.example"));
    connect(call, audit, allowed("a.example"));
    net::ProxyRecord failed = allowed("gone.example");
    failed.verdict = "dns_failed";
    connect(call, audit, failed);
    audit.on_connection(call, tool::AuditSink::Connection::kEnded, {});  // one that asked for nothing
  };
  scene_.open();
  EXPECT_EQ(scene_.play(), "touched");
  scene_.close();
  EXPECT_TRUE(scene_.verified()["ok"].as_bool());
  std::vector<std::string> lines;
  for (const json::Value& record : scene_.records()) {
    const std::string_view kind = record["kind"].as_string();
    if (!kind.starts_with("network.") && kind != "tool.finished") continue;
    lines.push_back(shown(record));
    EXPECT_EQ(record["tool"].as_string(), "touch");
    EXPECT_EQ(record["principal"].as_string(), "local");
    for (const char* name : {"run", "session", "call"})
      EXPECT_FALSE(record[name].as_string().empty()) << name;
  }
  EXPECT_EQ(lines, (std::vector<std::string>{"network.decided a.example:443 allow ok",
                                             "network.decided b.example:80 deny error egress_host",
                                             "network.decided gone.example:443 allow error dns_failed",
                                             "network.ended allow 3 14/22", "network.ended deny 1",
                                             "tool.finished ok"}));
  observe::Summary summary;
  ASSERT_TRUE(observe::summarise_log(scene_.home + "/audit", summary).ok());
  EXPECT_EQ(summary.report().connections_allowed, 3u);
  EXPECT_EQ(summary.report().connections_denied, 1u);
  EXPECT_EQ(summary.report().sent_bytes, 14u);
  EXPECT_EQ(summary.report().received_bytes, 22u);
  EXPECT_EQ(summary.report().reasons.at("egress_host"), 1u);
  EXPECT_EQ(summary.report().unknown, 0u);
}

TEST_F(AuditOfHome, AFloodOfConnectionsIsCountedAndLosesNoRecord) {
  scene_.touch->connects = [](const tool::Call& call, tool::AuditSink& audit) {
    for (int i = 0; i < 100'000; ++i) connect(call, audit, refused(format("h{}.example", i)));
    for (int i = 0; i < 100'000; ++i) connect(call, audit, allowed("a.example"));
  };
  scene_.open();
  EXPECT_EQ(scene_.play(), "touched");
  scene_.close();
  EXPECT_TRUE(scene_.verified()["ok"].as_bool());
  std::map<std::string, int> lines;
  for (const json::Value& record : scene_.records()) {
    EXPECT_NE(record["kind"].as_string(), "log.lost");
    if (record["kind"].as_string() == "network.decided") ++lines["decided"];
    if (record["kind"].as_string() == "network.ended") ++lines[shown(record)];
  }
  EXPECT_EQ(lines, (std::map<std::string, int>{{"decided", 64},
                                               {"network.ended allow 100000 700000/1100000", 1},
                                               {"network.ended deny 100000", 1},
                                               {"network.ended too_many_places 199936", 1}}));
}

TEST_F(AuditOfHome, WhoRecordsNothingMakesNoFolder) {
  scene_.open(R"({"enabled":false})");
  EXPECT_EQ(scene_.play(), "touched");
  scene_.close();
  EXPECT_FALSE(fs::exists(scene_.home + "/audit"));
  EXPECT_EQ(read_audit(scene_.home, "", 0).status().reason(), "no_audit_log");
}

TEST_F(AuditOfHome, WithoutAStoreWhatMustBeRecordedIsNotDone) {
  scene_.no_store = true;
  scene_.open(kRequired);
  EXPECT_EQ(scene_.play(), "audit_unavailable");
  EXPECT_EQ(scene_.touch->count, 0);
  scene_.close();
  scene_.open();
  EXPECT_EQ(scene_.play(), "touched") << "what need not be recorded is done";
}

TEST_F(AuditOfHome, ARequiredRecordIsThereBeforeTheCall) {
  scene_.open(kRequired);
  EXPECT_EQ(scene_.play(), "touched");
  EXPECT_EQ(scene_.touch->count, 1);
  EXPECT_NE(scene_.kinds().find("tool.decided"), std::string::npos) << "while the runtime is open";
}

TEST_F(AuditOfHome, ADamagedLogIsToldAndStopsWhatRequiresIt) {
  scene_.open();
  scene_.play();
  scene_.close();
  std::fstream file(scene_.only_file(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(100);
  file.put('7').flush();
  const json::Value about = scene_.verified();
  EXPECT_EQ(about["line"].as_int(), 1);
  EXPECT_EQ(about["reason"].as_string(), "bad_hash");

  scene_.open();
  EXPECT_EQ(scene_.play(), "touched") << "who does not require it goes on";
  scene_.close();
  EXPECT_NE(scene_.told().find("damaged"), std::string::npos) << scene_.told();
  scene_.open(kRequired);
  EXPECT_EQ(scene_.play(), "audit_unavailable");
  EXPECT_EQ(scene_.touch->count, 2);
}

TEST_F(AuditOfHome, ALogThatIsGoneIsMissedAndBegunAnewWhenThatIsSaid) {
  scene_.open();
  scene_.play();
  scene_.close();
  fs::remove_all(scene_.home + "/audit");
  std::string fault;
  EXPECT_TRUE(verify_audit(scene_.home, {}, {}, &fault).ok());
  EXPECT_NE(fault.find("records_missing"), std::string::npos);
  scene_.open(kRequired);
  EXPECT_EQ(scene_.play(), "audit_unavailable");
  scene_.close();
  scene_.open(R"({"required":true,"replace_lost":true})");
  EXPECT_EQ(scene_.play(), "touched");
  scene_.close();
  EXPECT_TRUE(scene_.verified()["ok"].as_bool());
  EXPECT_EQ(scene_.records()[0]["reason"].as_string(), "anchored_log_missing");
}

TEST_F(AuditOfHome, AnOlderLogThatIsPutBackIsNoticed) {
  scene_.open();
  scene_.play();
  scene_.close();
  fs::copy(scene_.home + "/audit", dir_.file("older"));
  const std::string kept = *audit_head(scene_.home);
  scene_.open();
  scene_.play();
  scene_.close();
  EXPECT_TRUE(scene_.verified(kept)["ok"].as_bool()) << "an older head still fits";
  const std::string newest = *audit_head(scene_.home);
  fs::remove_all(scene_.home + "/audit");
  fs::copy(dir_.file("older"), scene_.home + "/audit");
  EXPECT_EQ(scene_.verified()["reason"].as_string(), "head_replayed") << "by the database";
  std::string fault;
  const auto alone = *json::parse(*verify_audit(scene_.home + "/audit", newest, {}, &fault));
  EXPECT_EQ(alone["reason"].as_string(), "head_replayed") << "by a head that was kept";
}

TEST_F(AuditOfHome, TheKeyInTheVaultSignsFromItsFirstUseOn) {
  scene_.open();
  scene_.play();
  scene_.close();
  scene_.vault = make_vault();
  scene_.open();
  scene_.play();
  const std::string head = *scene_.runtime->audit_head();
  scene_.close();
  json::Value about = scene_.verified(head);
  EXPECT_TRUE(about["ok"].as_bool()) << json::write(about);
  EXPECT_EQ(about["signature"].as_string(), "checked");
  const std::string key(about["key"].as_string());
  EXPECT_EQ(key.size(), 64u);
  EXPECT_TRUE(scene_.verified(head, key)["ok"].as_bool());
  const std::string other = observe::Ed25519Key::make(Secret(std::string(32, 'o')))->key_id();
  EXPECT_EQ(scene_.verified({}, other)["reason"].as_string(), "unknown_key");
  EXPECT_NE(scene_.kinds().find("vault.changed"), std::string::npos) << "the key was put there";

  scene_.open();  // the same key
  scene_.play();
  scene_.close();
  about = scene_.verified(head, key);
  EXPECT_TRUE(about["ok"].as_bool()) << json::write(about);
  EXPECT_EQ(about["signed_seq"].as_int(), about["last_seq"].as_int());

  scene_.vault = nullptr;  // nobody signs, and nobody takes the signature away
  scene_.open();
  scene_.play();
  scene_.close();
  about = scene_.verified(head, key);
  EXPECT_TRUE(about["ok"].as_bool()) << json::write(about);
  EXPECT_LT(about["signed_seq"].as_int(), about["last_seq"].as_int());
  EXPECT_NE(scene_.told().find("key"), std::string::npos) << scene_.told();
}

TEST_F(AuditOfHome, SeveralRuntimesShareOneLog) {
  Scene other(scene_.home);
  scene_.open(kRequired);
  other.open(kRequired);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(scene_.play(), "touched");
    EXPECT_EQ(other.play(), "touched");
  }
  other.close();
  scene_.close();
  EXPECT_TRUE(scene_.verified()["ok"].as_bool());
  int ended = 0;
  for (const json::Value& record : scene_.records()) ended += record["kind"].as_string() == "run.ended";
  EXPECT_EQ(ended, 6);
}

TEST_F(AuditOfHome, HostsAddRecordsOfTheirOwn) {
  scene_.open();
  const auto append = [&](const char* record) { return scene_.runtime->append_audit(record); };
  ASSERT_TRUE(append(R"({"kind":"host.noted","action":"deployed","target":"v2","count":3})").ok());
  EXPECT_EQ(append(R"({"kind":"tool.decided"})").reason(), "reserved_kind");
  EXPECT_EQ(append(R"({"kind":"log.begun"})").reason(), "reserved_kind");
  EXPECT_EQ(append(R"({"kind":"other"})").reason(), "unknown_kind");
  EXPECT_EQ(append(R"({"kind":"host.noted","arguments":"x"})").reason(), "unknown_key");
  EXPECT_EQ(append(R"({"kind":"host.noted","action":1})").reason(), "wrong_type");
  EXPECT_EQ(append(R"({"kind":"host.noted","count":"1"})").reason(), "wrong_type");
  EXPECT_EQ(append("[]").reason(), "wrong_type");
  int found = 0;
  for (const json::Value& record : scene_.records()) {
    if (record["kind"].as_string() != "host.noted") continue;
    ++found;
    EXPECT_EQ(record["action"].as_string(), "deployed");
    EXPECT_EQ(record["count"].as_int(), 3);
  }
  EXPECT_EQ(found, 1);
}

TEST_F(AuditOfHome, ACursorGoesOnWhereItStood) {
  scene_.open();
  scene_.play();
  const std::string head = *scene_.runtime->audit_head();
  const json::Value first = *json::parse(*read_audit(scene_.home, "-2", 0));
  EXPECT_EQ(first["records"].size(), 2u);
  const std::string next(first["next"].as_string());
  EXPECT_EQ((*json::parse(*read_audit(scene_.home, next, 0)))["records"].size(), 0u);
  ASSERT_TRUE(scene_.runtime->append_audit(R"({"kind":"host.noted"})").ok());
  EXPECT_EQ((*json::parse(*read_audit(scene_.home, next, 0)))["records"].size(), 1u);
  EXPECT_EQ((*json::parse(*read_audit(scene_.home, "-0", 0)))["records"].size(), 0u);
  EXPECT_EQ((*json::parse(*read_audit(scene_.home, "", 1)))["records"].size(), 1u);
  for (const char* bad : {"x", "-x", "1", "1:", "1:x", "1:99999999"})
    EXPECT_EQ(read_audit(scene_.home, bad, 0).status().reason(), "invalid_cursor") << bad;
  EXPECT_EQ(read_audit(scene_.home, "", 10'001).status().reason(), "bad_limit");
}

void fill(const std::string& path) {
  std::ofstream out(path, std::ios::binary);
  const std::string block(512, 'f');
  while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {}
}

// The log has a disk of its own: the database goes on.
void on_disk_of_the_log(const std::function<void(Scene&)>& body) {
  const auto passed = test::on_small_disk(64u << 20, [&](const std::string& dir) {
    Scene scene(dir + "/home");
    fs::create_directories(scene.home + "/audit");
    for (const std::string& path : {scene.home, scene.home + "/audit"})
      fs::permissions(path, fs::perms::owner_all);
    ASSERT_EQ(::mount("none", (scene.home + "/audit").c_str(), "tmpfs", 0, "size=64k,mode=0700"), 0);
    body(scene);
    scene.close();
  });
  if (!passed) GTEST_SKIP() << "this system does not let us mount a small disk";
  EXPECT_TRUE(*passed);
}

TEST(AuditOnItsDisk, AFullOneFailsWhatRequiresARecordUntilThereIsSpace) {
  on_disk_of_the_log([](Scene& scene) {
    scene.open(kRequired);
    EXPECT_EQ(scene.play(), "touched");
    fill(scene.home + "/audit/filler");
    EXPECT_EQ(scene.play(), "audit_unavailable");
    EXPECT_EQ(scene.touch->count, 1);
    fs::remove(scene.home + "/audit/filler");
    EXPECT_EQ(scene.play(), "touched");
    EXPECT_EQ(scene.touch->count, 2);
    scene.close();
    EXPECT_NE(scene.told().find("no space"), std::string::npos) << scene.told();
    EXPECT_TRUE(scene.verified()["ok"].as_bool());
    EXPECT_NE(scene.kinds().find("log.lost"), std::string::npos) << "it tells that records are missing";
  });
}

TEST(AuditOnItsDisk, AFullOneStopsNobodyElse) {
  on_disk_of_the_log([](Scene& scene) {
    fill(scene.home + "/audit/filler");
    scene.open();
    EXPECT_EQ(scene.play(), "touched");
    scene.close();
    EXPECT_NE(scene.told(), "");
  });
}

TEST(AuditOnItsDisk, AReadOnlyOneFailsWhatRequiresARecord) {
  on_disk_of_the_log([](Scene& scene) {
    scene.open();
    EXPECT_EQ(scene.play(), "touched");
    scene.close();
    test::make_read_only(scene.home + "/audit");
    scene.open(kRequired);
    EXPECT_EQ(scene.play(), "audit_unavailable");
    EXPECT_EQ(scene.touch->count, 1);
    scene.close();
    EXPECT_TRUE(scene.verified()["ok"].as_bool());
  });
}

}  // namespace
}  // namespace tau::runtime
