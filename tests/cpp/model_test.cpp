// Models that are C++ functions, exceptions that must not get through, and embeddings that cannot be.
#include <future>
#include <stdexcept>
#include <thread>

#include "support.h"

namespace tau_test {
namespace {

using tau::Status;

constexpr const char* kHello = "{\"event\":\"text\",\"text\":\"Hello\"}\n{\"event\":\"finish\"}\n";
constexpr const char* kModel = R"({"model":"host/m","retry":{"max_attempts":1}})";

tau::Outcome ask(const tau::Runtime& runtime) {
  const auto agent = runtime.agent(R"({"model":"host/m"})").value();
  const auto run = agent.session().value().run("Say hello.").value();
  return run.wait(kPatienceMs);
}

TEST(CppModel, AFunctionAnswers) {
  const auto runtime = open("{}");
  std::string seen;
  ASSERT_TRUE(runtime.add_model(kModel, [&](const tau::ModelCall& call, tau::ModelReply reply) {
    seen = call.request();
    EXPECT_EQ(call.model(), "host/m");
    EXPECT_FALSE(call.call_id().empty() || call.request_id().empty() || call.run_id().empty());
    const auto fed = reply.feed(kHello);
    EXPECT_TRUE(fed && *fed == Status::kOk);
  }));
  const auto outcome = ask(runtime);
  EXPECT_TRUE(outcome && contains(outcome.json(), "Hello"));
  EXPECT_TRUE(contains(seen, R"("model":"m")")) << seen;
}

TEST(CppModel, AReplyMayGoElsewhereAndFail) {
  const auto runtime = open("{}");
  std::promise<std::thread> later;  // the run may be over before whoever began the thread has it
  ASSERT_TRUE(runtime.add_model(kModel, [&](const tau::ModelCall&, tau::ModelReply reply) {
    later.set_value(std::thread([kept = std::move(reply)]() mutable {
      EXPECT_TRUE(kept.fail(R"({"code":"unavailable","reason":"too_hot","message":"later"})"));
      EXPECT_FALSE(kept);
    }));
  }));
  const auto outcome = ask(runtime);
  later.get_future().get().join();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().reason(), "too_hot");
}

TEST(CppModel, NothingThrownGetsThrough) {
  const auto runtime = open("{}");
  ASSERT_TRUE(runtime.add_model(
      kModel, [](const tau::ModelCall&, tau::ModelReply) { throw std::runtime_error("bad luck"); }));
  const auto outcome = ask(runtime);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().reason(), "model_dropped_reply");
}

// Without the wrapper the library itself catches it; the reply stays the program's.
TEST(CppModel, NothingThrownByACFunctionGetsThrough) {
  static tau_model_reply* kept;
  const auto runtime = open("{}");
  tau_model model = TAU_MODEL_INIT;
  model.document = tau_str{kModel, TAU_STRLEN};
  model.invoke = [](void*, const tau_model_call*, tau_model_reply* reply) {
    kept = reply;
    throw std::runtime_error("bad luck");
  };
  ASSERT_EQ(tau_runtime_add_model(runtime.c(), &model, nullptr), TAU_OK);
  const auto outcome = ask(runtime);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().reason(), "model_threw");
  EXPECT_EQ(tau_model_reply_feed(kept, tau_str{kHello, TAU_STRLEN}, 0, nullptr), TAU_CANCELLED);
  tau_model_reply_drop(kept);
}

TEST(CppModel, BadDocumentsAreValues) {
  const auto runtime = open("{}");
  const auto bad = runtime.add_model("{}");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().reason(), "wrong_type");
  ASSERT_TRUE(runtime.add_model(kModel));
  const auto twice = runtime.add_model(kModel);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().reason(), "model_exists");
  const auto none = tau::embed(runtime, R"({"model":"host/m","texts":["a"]})", 1);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().reason(), "no_embeddings");
}

}  // namespace
}  // namespace tau_test
