// Pins approvals: one yes, for one thing, once, in its time.
#include "access/approvals.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "access/support.h"

namespace tau::access {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

crypto::Digest write_of(std::string_view content, std::string_view path = "/w/a.txt") {
  return digest_of(ApprovalSubject{
      .action = "tool:write", .target = path, .content = content, .labels = "user", .policy = "p1"});
}

class ApprovalsTest : public ::testing::Test {
 protected:
  std::string submit(const crypto::Digest& subject, int64_t now_ms = kNow,
                     std::string_view requester = "agent") {
    auto id = queue_->submit("write a.txt", subject, requester, now_ms);
    return id.ok() ? *id : std::string(id.status().reason());
  }
  std::string decide(const std::string& id, bool approve, int64_t now_ms = kNow,
                     std::string_view approver = "operator") {
    const Status status = queue_->decide(id, approve, approver, "", now_ms);
    return status.ok() ? "ok" : std::string(status.reason());
  }
  std::string use(const std::string& id, const crypto::Digest& subject, int64_t now_ms = kNow) {
    const Status status = queue_->use(id, subject, now_ms);
    return status.ok() ? "ok" : std::string(status.reason());
  }
  std::string state(const std::string& id, int64_t now_ms = kNow) {
    return std::string(state_name(queue_->get(id, now_ms)->state));
  }

  CountingRandom random_;
  const ApprovalQueue::Options options_{.request_ms = 1000, .grant_ms = 500, .capacity = 3};
  std::unique_ptr<ApprovalQueue> queue_ = *ApprovalQueue::create(options_, &random_);
};

TEST_F(ApprovalsTest, AYesIsSpentOnce) {
  const std::string id = submit(write_of("x"));
  EXPECT_EQ(use(id, write_of("x")), "approval_pending");
  EXPECT_EQ(decide(id, true), "ok");
  EXPECT_EQ(decide(id, false), "approval_decided");
  EXPECT_EQ(use(id, write_of("x")), "ok");
  EXPECT_EQ(use(id, write_of("x")), "approval_used");
  EXPECT_EQ(decide(id, true), "approval_decided");
  EXPECT_EQ(state(id), "used");
}

// Tau bound the path and the length: a yes to one text was a yes to every text as long.
TEST_F(ApprovalsTest, AYesIsForTheContentAndTheResolvedTarget) {
  const std::string id = submit(write_of("harmless"));
  EXPECT_EQ(decide(id, true), "ok");
  EXPECT_EQ(use(id, write_of("harmful!")), "approval_mismatch");
  EXPECT_EQ(use(id, write_of("harmless", "/w/../etc/a.txt")), "approval_mismatch");
  ApprovalSubject other{
      .action = "tool:write", .target = "/w/a.txt", .content = "harmless", .labels = "web", .policy = "p1"};
  EXPECT_EQ(use(id, digest_of(other)), "approval_mismatch");
  other.labels = "user";
  other.policy = "p2";
  EXPECT_EQ(use(id, digest_of(other)), "approval_mismatch");
  EXPECT_EQ(use(id, write_of("harmless")), "ok");
}

TEST_F(ApprovalsTest, PartsOfASubjectDoNotFlowIntoEachOther) {
  const ApprovalSubject a{.action = "ab", .target = "c", .content = "", .labels = "", .policy = ""};
  const ApprovalSubject b{.action = "a", .target = "bc", .content = "", .labels = "", .policy = ""};
  EXPECT_NE(digest_of(a), digest_of(b));
}

TEST_F(ApprovalsTest, SilenceIsANo) {
  const std::string id = submit(write_of("x"));
  EXPECT_EQ(use(id, write_of("x"), kNow + 1000), "approval_expired");
  EXPECT_EQ(decide(id, true, kNow + 1000), "approval_expired");
  // Also when the clock goes back.
  EXPECT_EQ(decide(id, true, kNow), "approval_expired");
  EXPECT_EQ(use(id, write_of("x"), kNow), "approval_expired");
  const std::string again = submit(write_of("x"), kNow + 1000);
  EXPECT_NE(again, id);
  EXPECT_EQ(state(again, kNow + 1000), "pending");
}

// Tau's grants lived for ever.
TEST_F(ApprovalsTest, AYesExpires) {
  const std::string id = submit(write_of("x"));
  EXPECT_EQ(decide(id, true, kNow + 900), "ok");
  EXPECT_EQ(use(id, write_of("x"), kNow + 1400), "approval_expired");
  const std::string again = submit(write_of("x"), kNow + 1400);
  EXPECT_EQ(decide(again, true, kNow + 1400), "ok");
  EXPECT_EQ(use(again, write_of("x"), kNow + 1899), "ok");
}

TEST_F(ApprovalsTest, ANoIsForThisRequestAlone) {
  const std::string id = submit(write_of("x"));
  EXPECT_EQ(decide(id, false), "ok");
  EXPECT_EQ(use(id, write_of("x")), "approval_rejected");
  const std::string again = submit(write_of("x"));
  EXPECT_NE(again, id);
  EXPECT_EQ(decide(again, true), "ok");
  EXPECT_EQ(use(again, write_of("x")), "ok");
  EXPECT_EQ(use(id, write_of("x")), "approval_rejected");
}

TEST_F(ApprovalsTest, WhoAsksDoesNotDecide) {
  const std::string id = submit(write_of("x"));
  EXPECT_EQ(decide(id, true, kNow, "agent"), "self_approval");
  EXPECT_EQ(decide(id, false, kNow, "agent"), "ok");  // but may withdraw
  queue_ = *ApprovalQueue::create({.allow_self = true}, &random_);
  EXPECT_EQ(decide(submit(write_of("x")), true, kNow, "agent"), "ok");
}

TEST_F(ApprovalsTest, OneThingWaitsOnceForEachRequester) {
  const std::string id = submit(write_of("x"));
  EXPECT_EQ(submit(write_of("x"), kNow + 10), id);
  EXPECT_NE(submit(write_of("x"), kNow, "other agent"), id);
  EXPECT_NE(submit(write_of("y")), id);
  EXPECT_EQ(queue_->list(kNow).size(), 3u);
}

TEST_F(ApprovalsTest, IsBoundedAndForgetsWhatIsOverFirst) {
  const std::string a = submit(write_of("a")), b = submit(write_of("b")), c = submit(write_of("c"));
  EXPECT_EQ(submit(write_of("d")), "approval_queue_full");
  EXPECT_EQ(decide(b, true), "ok");
  EXPECT_EQ(submit(write_of("d")), "approval_queue_full");  // a yes that is not spent stays
  EXPECT_EQ(decide(c, false), "ok");
  EXPECT_EQ(use(b, write_of("b")), "ok");
  const std::string d = submit(write_of("d"));
  EXPECT_EQ(use(b, write_of("b")), "approval_unknown");  // the older one went
  EXPECT_EQ(use(c, write_of("c")), "approval_rejected");
  std::vector<std::string> ids;
  for (const Approval& approval : queue_->list(kNow)) ids.push_back(approval.id);
  EXPECT_EQ(ids, (std::vector<std::string>{a, c, d}));
  EXPECT_EQ(queue_->get(a, kNow)->summary, "write a.txt");
  EXPECT_EQ(queue_->get(b, kNow).status().reason(), "approval_unknown");
  EXPECT_EQ(decide(b, true), "approval_unknown");
}

TEST_F(ApprovalsTest, HaveNamesAndBounds) {
  const crypto::Digest subject = {};
  for (const auto& [summary, requester] : std::vector<std::pair<std::string, std::string>>{
           {"", "a"}, {"s", ""}, {"\xff", "a"}, {std::string(4097, 's'), "a"}, {"s", std::string(513, 'a')}})
    EXPECT_EQ(queue_->submit(summary, subject, requester, kNow).status().reason(), "invalid_approval");
  const std::string id = submit(write_of("x"));
  EXPECT_EQ(decide(id, true, kNow, ""), "invalid_approval");
  EXPECT_EQ(queue_->decide(id, true, "o", "\xff", kNow).reason(), "invalid_approval");
  EXPECT_TRUE(queue_->decide(id, true, "o", "fine", kNow + 1).ok());
  EXPECT_EQ(queue_->get(id, kNow)->note, "fine");
  EXPECT_EQ(queue_->get(id, kNow)->approver, "o");
  EXPECT_EQ(queue_->get(id, kNow)->decided_ms, kNow + 1);
  EXPECT_EQ(ApprovalQueue::create({}, nullptr).status().reason(), "no_random");
  for (const ApprovalQueue::Options& bad : {ApprovalQueue::Options{.request_ms = 0},
                                            {.grant_ms = 0},
                                            {.capacity = 0},
                                            {.capacity = ApprovalQueue::kMaxCapacity + 1}})
    EXPECT_EQ(ApprovalQueue::create(bad, &random_).status().reason(), "invalid_options");
  StuckRandom stuck;
  queue_ = *ApprovalQueue::create(options_, &stuck);
  EXPECT_EQ(submit(write_of("x")).substr(0, 4), "apr_");
  EXPECT_EQ(submit(write_of("y")), "no_random");
}

TEST_F(ApprovalsTest, StateOutlivesTheProcess) {
  const std::string a = submit(write_of("a")), b = submit(write_of("b")), c = submit(write_of("c"));
  EXPECT_EQ(decide(b, true), "ok");
  EXPECT_EQ(decide(c, true), "ok");
  EXPECT_EQ(use(c, write_of("c")), "ok");
  const std::string state = queue_->serialize();
  queue_ = *ApprovalQueue::create(options_, &random_);
  ASSERT_TRUE(queue_->restore(state).ok());
  EXPECT_EQ(queue_->serialize(), state);
  EXPECT_EQ(use(a, write_of("a")), "approval_pending");
  EXPECT_EQ(use(b, write_of("b")), "ok");
  EXPECT_EQ(use(c, write_of("c")), "approval_used");
  EXPECT_EQ(submit(write_of("d")).substr(0, 4), "apr_");
  // What is damaged changes nothing.
  const std::string before = queue_->serialize();
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = state;
    return text.replace(text.find(from), from.size(), to);
  };
  for (const std::string& bad : std::vector<std::string>{
           "", "{}", "[]", changed("\"schema_version\":1", "\"schema_version\":2"),
           changed("\"used\"", "\"unused\""), changed("\"state\":\"used\"", "\"state\":1"),
           changed("\"requester\":\"agent\"", "\"requester\":\"\""),
           changed("\"subject\":\"", "\"subject\":\"AA"), changed("\"expires_ms\":", "\"expires_ms\":-"),
           changed("{\"approver\"", "{\"more\":1,\"approver\""), changed("\"note\":\"\"", "\"note\":1"),
           changed("\"approver\":\"", "\"former\":\""), changed(b, a)})
    EXPECT_EQ(queue_->restore(bad).reason(), "approvals_damaged") << bad;
  EXPECT_EQ(queue_->serialize(), before);
}

TEST_F(ApprovalsTest, AYesIsSpentByOneOfManyThreads) {
  const std::string id = submit(write_of("x"));
  EXPECT_EQ(decide(id, true), "ok");
  std::atomic<int> spent = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 100; ++round) spent += queue_->use(id, write_of("x"), kNow).ok();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(spent, 1);
}

// Whatever happens in whatever order: no yes without a decision, none twice, none after its time.
RC_GTEST_PROP(Approvals, AreSpentAtMostOnceAndInTime, ()) {
  CountingRandom random;
  auto queue = *ApprovalQueue::create({.request_ms = 100, .grant_ms = 50, .capacity = 4}, &random);
  std::map<std::string, int64_t> granted_until;
  std::vector<std::string> ids = {"apr_none"};
  int64_t now = 0;
  for (int step = 0; step < 100; ++step) {
    now += *rc::gen::inRange(0, 20);
    const crypto::Digest subject = write_of(std::to_string(*rc::gen::inRange(0, 3)));
    const std::string id = ids[*rc::gen::inRange<size_t>(0, ids.size())];
    switch (*rc::gen::inRange(0, 4)) {
      case 0: {
        const auto submitted = queue->submit("s", subject, "agent", now);
        if (submitted.ok()) ids.push_back(*submitted);
        break;
      }
      case 1: {
        const bool approve = *rc::gen::arbitrary<bool>();
        if (queue->decide(id, approve, "operator", "", now).ok() && approve) granted_until[id] = now + 50;
        break;
      }
      case 2: {
        auto restored = *ApprovalQueue::create({.request_ms = 100, .grant_ms = 50, .capacity = 4}, &random);
        RC_ASSERT(restored->restore(queue->serialize()).ok());
        RC_ASSERT(restored->serialize() == queue->serialize());
        break;
      }
      default:
        if (!queue->use(id, subject, now).ok()) break;
        RC_ASSERT(granted_until.contains(id) && now < granted_until[id]);
        granted_until.erase(id);
    }
    RC_ASSERT(queue->list(now).size() <= 4u);
  }
}

}  // namespace
}  // namespace tau::access
