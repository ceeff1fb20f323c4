// Behaviour of base: statuses, ids, labels, UTF-8, secrets, regular expressions.
#include "base/base.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace tau {
namespace {

TEST(StatusTest, OkIsEmptyAndCheap) {
  const Status ok;
  EXPECT_TRUE(ok.ok());
  EXPECT_EQ(ok.code(), Code::kOk);
  EXPECT_EQ(ok.reason(), "");
  EXPECT_EQ(sizeof(Status), sizeof(void*));
}

TEST(StatusTest, CopiesShareAndOutliveTheOriginal) {
  auto original = std::make_unique<Status>(not_found("no_such_tool", "tool \"x\""));
  const Status copy = *original;
  original.reset();
  EXPECT_EQ(copy.reason(), "no_such_tool");
  EXPECT_EQ(copy.to_string(), "no_such_tool: tool \"x\"");
  EXPECT_EQ(copy.annotate("run").message(), "run: tool \"x\"");
}

TEST(StatusTest, GivesAllThatAFailureCarries) {
  ErrorInfo info;
  info.code = Code::kUnavailable;
  info.reason = "overloaded";
  info.message = "later";
  info.retryable = true;
  info.retry_after_ms = 7;
  info.details_json = "{}";
  const ErrorInfo back = Status(info).info();
  EXPECT_EQ(back.code, info.code);
  EXPECT_EQ(back.reason + back.message + back.details_json, "overloadedlater{}");
  EXPECT_TRUE(back.retryable);
  EXPECT_EQ(back.retry_after_ms, 7);
  EXPECT_EQ(ok_status().info().code, Code::kOk);
}

TEST(StatusTest, UnavailableIsRetryableAndOthersAreNot) {
  EXPECT_TRUE(unavailable("overloaded", "").retryable());
  EXPECT_FALSE(internal_error("bug", "").retryable());
}

TEST(StatusTest, ErrnoNamesTheErrorAndPicksACode) {
  EXPECT_EQ(errno_status(ENOSPC, "write").code(), Code::kResourceExhausted);
  EXPECT_EQ(errno_status(ENOSPC, "write").reason(), "errno_enospc");
  EXPECT_EQ(errno_status(12345, "write").reason(), "errno_12345");
}

TEST(StatusTest, OutOfMemoryIsOneImmortalObject) {
  Status a = Status::out_of_memory();
  Status b = a;
  a = ok_status();
  EXPECT_EQ(b.reason(), "out_of_memory");
}

TEST(StatusOrTest, HoldsEitherAndMovesOut) {
  StatusOr<std::unique_ptr<int>> good = std::make_unique<int>(7);
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(**good, 7);
  const std::unique_ptr<int> out = *std::move(good);
  EXPECT_EQ(*out, 7);
  const StatusOr<int> bad = internal_error("x", "y");
  EXPECT_FALSE(bad.ok());
}

TEST(FunctionTest, OwnsMoveOnlyState) {
  UniqueFunction<int(int)> add = [n = std::make_unique<int>(2)](int x) { return x + *n; };
  UniqueFunction<int(int)> moved = std::move(add);
  EXPECT_EQ(moved(3), 5);
  EXPECT_FALSE(static_cast<bool>(add));
}

TEST(FunctionTest, KeepsSmallAndLargeTargetsAndDestroysEachOnce) {
  const auto alive = std::make_shared<int>(7);
  for (const bool large : {false, true}) {
    UniqueFunction<int()> f;
    if (large) {
      f = [alive, filler = std::array<char, 200>{}] { return *alive + filler[0]; };
    } else {
      f = [alive] { return *alive; };
    }
    UniqueFunction<int()> g = std::move(f);
    EXPECT_EQ(alive.use_count(), 2);
    EXPECT_EQ(g(), 7);
    g = nullptr;
    EXPECT_EQ(alive.use_count(), 1) << (large ? "large" : "small");
  }
}

TEST(FunctionTest, WhatWasMovedFromTakesAnotherTarget) {
  UniqueFunction<void()> f;
  int calls = 0;
  f = [&calls, last = std::make_unique<int>(1)] { calls += *last; };
  f();
  UniqueFunction<void()> moved = std::move(f);
  f = [&calls] { calls += 10; };
  moved();
  f();
  EXPECT_EQ(calls, 12);
}

TEST(SharedStringTest, CopiesShareAndCompareAsText) {
  for (const std::string& text : {std::string("run_1"), std::string(SharedString::kInline, '1'),
                                  std::string(SharedString::kInline + 1, '1'), std::string(300, '1')}) {
    const SharedString a = text;
    const SharedString b = a;
    const SharedString same = std::string(text);
    const SharedString other = text.substr(1) + "2";
    EXPECT_EQ(a.view().data() == b.view().data(), text.size() > SharedString::kInline);
    EXPECT_EQ(b, text);
    EXPECT_EQ(a, same);
    EXPECT_EQ(a, text.c_str());
    EXPECT_EQ(a.size(), text.size());
    EXPECT_NE(a, other);
    EXPECT_LT(SharedString("0"), a);
    EXPECT_EQ(format("<{}>", a), "<" + text + ">");
  }
}

TEST(SharedStringTest, PartsArePutTogether) {
  EXPECT_EQ(SharedString::concat({"run_1", ".m", "7"}), "run_1.m7");
  EXPECT_EQ(SharedString::concat({"session:", std::string(30, 's')}), "session:" + std::string(30, 's'));
  EXPECT_TRUE(SharedString::concat({"", ""}).empty());
}

TEST(SharedStringTest, OneThatIsReplacedOrMovedFromHoldsNothing) {
  SharedString a = std::string(40, 'a');
  const SharedString kept = a;
  a = "short";
  EXPECT_EQ(kept, std::string(40, 'a'));
  a = kept;
  SharedString b = std::move(a);
  EXPECT_TRUE(a.empty());  // NOLINT: that is what is tested
  EXPECT_EQ(b, kept);
  b = SharedString("x");
  EXPECT_EQ(b, "x");
}

TEST(SharedStringTest, AnEmptyOneHoldsNothingAndSelfAssignmentIsHarmless) {
  SharedString s = "";
  EXPECT_TRUE(s.empty());
  EXPECT_EQ(s.view(), "");
  s = "x";
  const SharedString& alias = s;
  s = alias;
  EXPECT_EQ(s, "x");
  SharedString moved = std::move(s);
  EXPECT_EQ(moved, "x");
  moved.clear();
  EXPECT_EQ(moved.size(), 0u);
}

TEST(StableQueueTest, KeepsOrderAndAddressesWhileItGrows) {
  StableQueue<std::string> queue;
  int64_t pushed = 0;
  int64_t popped = 0;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < round; ++i) queue.push() = std::to_string(pushed++);
    const std::string* front = queue.empty() ? nullptr : &queue.front();
    for (int i = 0; i < round / 2; ++i) queue.push() = std::to_string(pushed++);
    EXPECT_TRUE(front == nullptr || front == &queue.front());
    for (int i = 0; i < round && !queue.empty(); ++i) {
      EXPECT_EQ(queue.front(), std::to_string(popped++));
      queue.pop();
    }
  }
  EXPECT_EQ(queue.size(), static_cast<size_t>(pushed - popped));
  for (size_t i = 0; i < queue.size(); ++i)
    EXPECT_EQ(queue[i], std::to_string(popped + static_cast<int64_t>(i)));
}

TEST(StableQueueTest, UsesTheMemoryOfPoppedObjectsAgain) {
  StableQueue<std::string> queue;
  std::set<const std::string*> seen;
  for (int i = 0; i < 1000; ++i) {
    std::string& text = queue.push();
    seen.insert(&text);
    queue.pop();
  }
  EXPECT_LE(seen.size(), 16u);
}

TEST(RandomTest, NoBytesComeTwiceInAForkedChildEither) {
  const auto draw = [] {
    std::array<std::byte, 16> bytes{};
    system_random().fill(bytes);
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(draw()).second);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const std::string bytes = draw();
    _exit(write(ends[1], bytes.data(), bytes.size()) == 16 ? 0 : 1);
  }
  char theirs[16];
  ASSERT_EQ(read(ends[0], theirs, sizeof theirs), 16);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_NE(draw(), std::string(theirs, sizeof theirs));
  close(ends[0]);
  close(ends[1]);
}

struct FixedClock final : Clock {
  int64_t now = 0;
  int64_t monotonic_ns() override { return now; }
  int64_t wall_ms() override { return now; }
};
struct FixedRandom final : Random {
  std::byte next{0};
  void fill(std::span<std::byte> out) override {
    for (std::byte& b : out) b = next;
  }
};

TEST(IdTest, SortsByTimeAndIsValid) {
  FixedClock clock;
  FixedRandom random;
  clock.now = 1'700'000'000'000;
  random.next = std::byte{255};
  const SharedString early = make_id("run_", clock, random);
  clock.now += 1;
  random.next = std::byte{0};
  const SharedString late = make_id("run_", clock, random);
  EXPECT_LT(early, late);
  EXPECT_EQ(early.size(), 4u + 26u);
  EXPECT_TRUE(is_valid_id(early));
  EXPECT_NE(make_id("", system_clock(), system_random()), make_id("", system_clock(), system_random()));
}

TEST(IdTest, RefusesWhatCouldBeAPathOrMarkup) {
  for (std::string_view bad : {"", "a/b", "a b", "a\"b", "a\n"}) EXPECT_FALSE(is_valid_id(bad)) << bad;
  EXPECT_FALSE(is_valid_id(std::string(129, 'a')));
}

TEST(LabelTest, JoinKeepsEverySourceAndNarrowsReaders) {
  Labels a = Labels::from(Source::kUser);
  a.restrict_readers({"bob", "alice"});
  Labels b = Labels::tool("read");
  b.join(Labels::from(Source::kWeb));
  b.restrict_readers({"bob", "carol"});
  a.join(b);
  EXPECT_EQ(a.to_json(), R"({"integrity":["user","web","tool:read"],"readers":["bob"]})");
  EXPECT_EQ(parse_integrity(a.integrity())->integrity(), "user,web,tool:read");
  EXPECT_FALSE(parse_integrity("root").ok());
}

TEST(LabelTest, AReaderThatIsNoIdNamesNobody) {
  Labels labels;
  labels.restrict_readers({"bob,carol", "alice", ""});
  EXPECT_EQ(labels.readers(), "alice");
}

TEST(LabelTest, JoiningWhatIsKnownAlreadySharesTheNames) {
  Labels a = Labels::from(Source::kUser);
  a.join(Labels::tool("read_documents"));
  const Labels before = a;
  a.join(Labels::from(Source::kUser));
  a.join(Labels::tool("read_documents"));
  EXPECT_EQ(a, before);
  EXPECT_EQ(a.integrity().view().data(), before.integrity().view().data());
}

Labels arbitrary_labels() {
  Labels labels;
  for (const Source s : {Source::kSystem, Source::kUser, Source::kWeb})
    if (*rc::gen::arbitrary<bool>()) labels.join(Labels::from(s));
  for (const char* t : {"a", "b", "c"})
    if (*rc::gen::arbitrary<bool>()) labels.join(Labels::tool(t));
  if (*rc::gen::arbitrary<bool>()) labels.restrict_readers({"p", "q"});
  if (*rc::gen::arbitrary<bool>()) labels.restrict_readers({"q", "r"});
  return labels;
}

RC_GTEST_PROP(LabelProperty, JoinIsASemilattice, ()) {
  const auto join = [](Labels x, const Labels& y) {
    x.join(y);
    return x;
  };
  const Labels a = arbitrary_labels();
  const Labels b = arbitrary_labels();
  const Labels c = arbitrary_labels();
  RC_ASSERT(join(a, b) == join(b, a));
  RC_ASSERT(join(join(a, b), c) == join(a, join(b, c)));
  RC_ASSERT(join(a, a) == a);
}

TEST(Utf8Test, AcceptsWellFormedAndRefusesTheRest) {
  for (std::string_view good :
       {"", "abc", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "12345678\xC3\xA9"})
    EXPECT_TRUE(is_valid_utf8(good)) << good;
  for (std::string_view bad : {"\x80", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xC3",
                               "\xFF", "12345678\xC3"})
    EXPECT_FALSE(is_valid_utf8(bad));
}

TEST(Utf8Test, TruncationNeverCutsACharacter) {
  const std::string_view text = "a\xE2\x82\xAC\xF0\x9F\x98\x80";
  for (size_t n = 0; n <= text.size(); ++n) EXPECT_TRUE(is_valid_utf8(truncate_utf8(text, n))) << n;
  EXPECT_EQ(truncate_utf8(text, 3), "a");
  EXPECT_EQ(truncate_utf8(text, 4).size(), 4u);
}

RC_GTEST_PROP(Utf8Property, RepairGivesValidTextAndLeavesValidTextAlone, (const std::string& bytes)) {
  const std::string repaired = repair_utf8(bytes);
  RC_ASSERT(is_valid_utf8(repaired));
  RC_ASSERT(repair_utf8(repaired) == repaired);
  if (is_valid_utf8(bytes)) RC_ASSERT(repaired == bytes);
}

TEST(SecretTest, LivesInMemoryThatIsZeroBeforeAndAfter) {
  std::vector<Secret> secrets;
  for (const size_t size : {1u, 63u, 64u, 65u, 256u, 1000u, 4096u, 4097u, 100'000u}) {
    for (int i = 0; i < 70; ++i) {  // more than a page of slots holds
      secrets.push_back(Secret::generate(size, [&](std::span<char> to) {
        EXPECT_EQ(to.size(), size);
        EXPECT_TRUE(std::all_of(to.begin(), to.end(), [](char c) { return c == 0; }));
        std::fill(to.begin(), to.end(), static_cast<char>('a' + i % 26));
      }));
    }
  }
  for (size_t i = 0; i < secrets.size(); ++i)
    EXPECT_TRUE(
        secrets[i].equals(Secret(std::string(secrets[i].size(), static_cast<char>('a' + i % 70 % 26)))));
  const char* freed = secrets[0].reveal([](std::string_view view) { return view.data(); });
  secrets.erase(secrets.begin());
  EXPECT_EQ(*freed, 0) << "its page is still there, and wiped";
}

TEST(SecretTest, ManyThreadsAllocateAndFree) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      std::vector<Secret> held;
      for (int i = 0; i < 5000; ++i) {
        const std::string text = std::to_string(t) + "/" + std::to_string(i);
        held.emplace_back(text);
        if (held.size() > 200) {
          EXPECT_TRUE(held[static_cast<size_t>(i) % 100].reveal(
              [&](std::string_view view) { return view.substr(0, 2) == text.substr(0, 2); }));
          held.erase(held.begin() + i % 100);
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(SecretTest, IsEmptyInAForkedChild) {
  const Secret secret("token");
  const pid_t child = fork();
  if (child == 0) _exit(secret.equals(Secret(std::string(5, '\0'))) ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(SecretTest, RevealsComparesAndMoves) {
  Secret a("token");
  Secret b = std::move(a);
  EXPECT_TRUE(a.empty());
  EXPECT_EQ(b.reveal([](std::string_view s) { return s.size(); }), 5u);
  EXPECT_TRUE(b.equals(Secret("token")));
  EXPECT_FALSE(b.equals(Secret("tokem")));
  EXPECT_FALSE(b.equals(Secret("tok")));
}

TEST(RegexTest, FindsLeftmostAndNamesBadPatterns) {
  const auto re = Regex::compile("b+", {});
  ASSERT_TRUE(re.ok());
  size_t at = 0;
  size_t n = 0;
  EXPECT_TRUE(re->search("aabbb", &at, &n));
  EXPECT_EQ(at, 2u);
  EXPECT_EQ(n, 3u);
  EXPECT_EQ(Regex::compile("(", {}).status().reason(), "invalid_regex");
  EXPECT_TRUE(Regex::compile("(", {.literal = true})->search("f(x)"));
}

}  // namespace
}  // namespace tau
