// Owners, texts, results, errors, and what is no run: configuration, sessions, homes, codecs.
#include <stdlib.h>

#include <filesystem>
#include <type_traits>

#include "support.h"

namespace tau_test {
namespace {

using tau::Status;

template <typename T>
constexpr bool kMovesOnly = std::is_nothrow_move_constructible_v<T>&& std::is_nothrow_move_assignable_v<T> &&
                            !std::is_copy_constructible_v<T> && !std::is_copy_assignable_v<T>;
static_assert(kMovesOnly<tau::Runtime> && kMovesOnly<tau::Agent> && kMovesOnly<tau::Session>);
static_assert(kMovesOnly<tau::Run> && kMovesOnly<tau::Queue> && kMovesOnly<tau::ToolReply>);
static_assert(kMovesOnly<tau::wire::Stream> && kMovesOnly<tau::Error> && kMovesOnly<tau::Text>);
static_assert(kMovesOnly<tau::Vault> && kMovesOnly<tau::Secret>);
static_assert(sizeof(tau::Runtime) == sizeof(void*), "an owner costs what its pointer does");

TEST(CppHandle, AMovedFromOwnerFailsItsCallsAndNothingElse) {
  auto runtime = open("{}");
  const auto other = std::move(runtime);
  EXPECT_FALSE(runtime);
  EXPECT_TRUE(other);
  EXPECT_EQ(runtime.c(), nullptr);
  const auto agent = runtime.agent();
  EXPECT_EQ(agent.error().status(), Status::kInvalidArgument);
  EXPECT_EQ(agent.error().reason(), "null_argument");
  EXPECT_EQ(runtime.describe().error().status(), Status::kInvalidArgument);
  EXPECT_EQ(runtime.fd(), -1);
  EXPECT_EQ(runtime.loops(), 0u);
  const tau::Run none;
  none.cancel();
  EXPECT_EQ(none.id(), "");
  EXPECT_EQ(none.wait(0).error().status(), Status::kInvalidArgument);
  auto events = none.events();
  for (const tau::Event& event : events) ADD_FAILURE() << event.json();
  EXPECT_EQ(events.status(), Status::kInvalidArgument);
  tau::ToolReply reply;
  EXPECT_EQ(reply.complete("").error().status(), Status::kInvalidArgument);
}

TEST(CppHandle, GivesAwayAndTakesOver) {
  tau::Runtime runtime = open("{}");
  tau_runtime* const bare = runtime.c();
  EXPECT_EQ(runtime.release(), bare);
  EXPECT_FALSE(runtime);
  runtime = tau::Runtime(bare);
  auto& itself = runtime;
  runtime = std::move(itself);
  EXPECT_EQ(runtime.c(), bare);
  runtime = runtime.share();
  EXPECT_EQ(runtime.c(), bare);
  const tau::Runtime shared = runtime.share();
  runtime = tau::Runtime();
  EXPECT_TRUE(shared.agent().ok());
}

TEST(CppHandle, ChildrenKeepTheirParentsAlive) {
  const auto run = open(R"({"model":"scripted/t","script":{"turns":[{"text":"Hi"}]}})")
                       .agent()
                       .value()
                       .session()
                       .value()
                       .run("Hello")
                       .value();
  EXPECT_TRUE(run.wait(kPatienceMs));
}

TEST(CppText, IsEmptyOrEndsWithNul) {
  tau::Text text;
  EXPECT_TRUE(text.empty());
  EXPECT_STREQ(text.c_str(), "");
  text = tau::build_info().value();
  EXPECT_EQ(text.view().size(), text.size());
  EXPECT_EQ(text.c_str()[text.size()], '\0');
  EXPECT_TRUE(contains(text, tau::version()));
  tau_buf bare = text.release();
  EXPECT_TRUE(text.empty());
  EXPECT_GT(tau::Text(bare).size(), 0u);
}

TEST(CppResult, HoldsAnErrorInPlaceOfTheValue) {
  auto agent = open("{}").agent(R"({"modle":"x"})");
  EXPECT_FALSE(agent);
  EXPECT_EQ(agent.error().reason(), "unknown_key");
  EXPECT_TRUE(contains(agent.error().message(), "modle")) << agent.error().message();
  const tau::Error error = std::move(agent).error();
  EXPECT_EQ(error.status(), Status::kInvalidArgument);
  EXPECT_EQ(tau::Error().status(), Status::kOk);
}

TEST(CppResultDeathTest, AFailuresValueEndsTheProgramWithItsMessage) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto stream = tau::wire::Stream::decoder("klingon");
  EXPECT_DEATH(static_cast<void>(stream->end()),
               "value of a failed call was used: unknown_dialect: .*klingon");
}

TEST(CppBuild, TellsItsVersionAndFeatures) {
  EXPECT_STREQ(tau::version(), TAU_VERSION_STRING);
  EXPECT_EQ(tau::abi_version(), TAU_ABI_MAJOR * 1000u + TAU_ABI_MINOR);
  EXPECT_TRUE(tau::has_feature("dialect:openai_chat"));
  EXPECT_FALSE(tau::has_feature("teleportation"));
  EXPECT_STREQ(tau::status_name(Status::kDataLoss), "DATA_LOSS");
}

TEST(CppRuntime, OptionsReachTheLibrary) {
  std::string logged;
  const std::function<void(const tau::LogRecord&)> log = [&](const tau::LogRecord& record) {
    EXPECT_LE(record.level, tau::LogLevel::kDebug);
    logged += record.message;
  };
  tau::RuntimeOptions options;
  options.no_store = true;
  options.loops = 2;
  options.log = &log;
  options.log_level = tau::LogLevel::kDebug;
  options.config = R"({"model":"scripted/of-the-options"})";
  auto runtime = tau::Runtime::open(options);
  ASSERT_TRUE(runtime);
  EXPECT_EQ(runtime->loops(), 2u);
  auto described = runtime->describe();
  ASSERT_TRUE(described);
  EXPECT_TRUE(contains(*described, "scripted/of-the-options"));
  options.config = "not JSON";
  EXPECT_EQ(tau::Runtime::open(options).error().status(), Status::kInvalidArgument);
  tau::QueueOptions nowhere;
  nowhere.loop = 7;
  EXPECT_EQ(runtime->queue(nowhere).error().status(), Status::kInvalidArgument);
}

TEST(CppSession, IsNamedForkedListedAndRemoved) {
  const auto runtime = open(R"({"model":"scripted/t","script":{"turns":[{"text":"Hi"}]}})");
  const auto agent = runtime.agent().value();
  const auto session = agent.session("first").value();
  EXPECT_EQ(session.id(), "first");
  EXPECT_EQ(agent.session("../etc").error().status(), Status::kInvalidArgument);
  const auto run = session.run("Hello").value();
  EXPECT_TRUE(run.wait(kPatienceMs));
  const auto replay = runtime.replay(run.id());
  EXPECT_TRUE(replay) << replay.error().message();
  EXPECT_TRUE(contains(replay.json(), R"("identical":true)")) << replay.json();
  const auto fork = session.fork({}, "second").value();
  EXPECT_TRUE(contains(fork.export_json().value().str(), "Hello"));
  EXPECT_TRUE(contains(session.share().describe().value().str(), "first"));
  EXPECT_EQ(session.fork({}, "second").error().status(), Status::kAlreadyExists);
  const auto list = runtime.sessions(10).value();
  EXPECT_TRUE(contains(list, "first") && contains(list, "second")) << list.view();
  EXPECT_EQ(runtime.sessions(0).error().status(), Status::kOutOfRange);
  EXPECT_TRUE(runtime.remove_session("second"));
  EXPECT_EQ(runtime.remove_session("second").error().status(), Status::kNotFound);
  EXPECT_EQ(runtime.replay("no-such-run").error().status(), Status::kNotFound);
}

TEST(CppSession, HasOneWriter) {
  const auto runtime = open(kHangScript);
  const auto session = runtime.agent().value().session().value();
  const auto run = session.run("Hello").value();
  const auto second = session.run("And me?");
  EXPECT_EQ(second.error().status(), Status::kUnavailable);
  EXPECT_EQ(second.error().reason(), "session_busy");
  EXPECT_TRUE(second.error().retryable());
}

TEST(CppWire, TranslatesBothWays) {
  constexpr const char* kDialect = "openai_chat";
  const auto neutral = tau::wire::decode(kDialect, tau::wire::Kind::kRequest,
                                         R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})");
  ASSERT_TRUE(neutral) << neutral.error().message();
  auto encoded = tau::wire::encode(kDialect, tau::wire::Kind::kRequest, neutral.value());
  ASSERT_TRUE(encoded) << encoded.error().message();
  EXPECT_TRUE(contains(*encoded, "\"Hi\"")) << encoded->view();
  EXPECT_EQ(tau::wire::decode("klingon", tau::wire::Kind::kRequest, "{}").error().status(),
            Status::kInvalidArgument);
  const auto failure = tau::wire::decode_error(kDialect, 429, "{}").value();
  EXPECT_TRUE(contains(failure, R"("retryable":true)")) << failure.view();
}

TEST(CppWire, StreamsBothWays) {
  const auto decoder = tau::wire::Stream::decoder("openai_chat").value();
  std::string lines;
  for (const char* piece :
       {"data: {\"id\":\"1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"H",
        "i\"}}]}\n\ndata: "
        "{\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n"}) {
    const auto part = decoder.feed(piece);
    ASSERT_TRUE(part) << part.error().message();
    lines += part->view();
  }
  lines += decoder.end().value().str();
  EXPECT_TRUE(contains(lines, R"("text":"Hi")")) << lines;
  const auto encoder = tau::wire::Stream::encoder("openai_chat").value();
  const auto bytes = encoder.feed(lines);
  ASSERT_TRUE(bytes) << bytes.error().message();
  EXPECT_TRUE(contains(bytes.value(), "\"Hi\"")) << bytes->view();
  const auto cut_off = tau::wire::Stream::decoder("openai_chat").value().end();
  EXPECT_EQ(cut_off.error().reason(), "stream_truncated");
}

// A directory that goes with all it holds.
struct Folder {
  std::string path = (std::filesystem::temp_directory_path() / "tau-cpp-XXXXXX").string();
  Folder() { EXPECT_NE(mkdtemp(path.data()), nullptr); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const char* name) const { return path + "/" + name; }
};

// Why a call failed; empty when it did not.
template <typename T>
std::string reason_of(const T& result) {
  if (result) return "";
  const auto& error = result.error();
  return std::string(error.reason());
}

TEST(CppHome, IsBackedUpCheckedAndRestored) {
  const Folder folder;
  tau::RuntimeOptions options;
  options.home = folder.file("home");
  const std::string backup = folder.file("backup");
  {
    const auto runtime = tau::Runtime::open(options).value();
    const auto report = runtime.backup(backup);
    ASSERT_TRUE(report) << report.error().message();
    EXPECT_TRUE(contains(report.value(), R"("sessions":0)"));
    EXPECT_EQ(reason_of(runtime.backup(backup)), "file_exists");
    EXPECT_EQ(runtime.perform(R"({"op":"approvals"})").value().str(), R"({"approvals":[]})");
    EXPECT_EQ(reason_of(runtime.perform(R"({"op":"approval","id":"apr_none"})")), "approval_unknown");
    EXPECT_EQ(reason_of(runtime.perform(R"({"op":"dance"})")), "unknown_op");
    EXPECT_EQ(reason_of(runtime.prune()), "no_limit");
    EXPECT_EQ(reason_of(runtime.prune(R"({"max_age_days":1,"dry_run":true})")), "");
    EXPECT_EQ(reason_of(tau::restore_home(backup, options.home, true)), "home_busy");
  }
  EXPECT_EQ(reason_of(tau::verify_home(backup)), "");
  EXPECT_EQ(reason_of(tau::verify_home(folder.file("none"))), "no_such_database");
  EXPECT_EQ(reason_of(tau::restore_home(folder.path, folder.file("other"))), "no_backup");
  EXPECT_EQ(reason_of(tau::restore_home(backup, folder.file("other"))), "");
}

}  // namespace
}  // namespace tau_test
