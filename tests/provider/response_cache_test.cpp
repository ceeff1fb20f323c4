// Answers that are given again: only to the same question of the same principal to the same model, for a
// while, within a bound, and for nothing.
#include "provider/response_cache.h"

#include <gtest/gtest.h>

#include <map>

#include "recording_sink.h"
#include "seeds.h"

namespace tau::provider {
namespace {

wire::Request question(std::string_view text) {
  wire::Request request;
  request.model = "m";
  request.messages.push_back(wire::text_message(wire::Role::kUser, text, Labels()));
  return request;
}

ModelCall call_of(const wire::Request& request, std::string_view principal = "ann") {
  ModelCall call;
  call.request = &request;
  call.principal = principal;
  return call;
}

CachedAnswer answer(std::string_view text, wire::FinishReason finish = wire::FinishReason::kStop) {
  CachedAnswer out{"p", "m", {}};
  out.response.message = wire::text_message(wire::Role::kAssistant, text, Labels());
  out.response.finish = finish;
  out.response.usage.input = 7;
  out.response.usage.output = 3;
  out.response.usage.known = true;
  return out;
}

struct Hour {
  int64_t now = 1'000'000;
  std::function<int64_t()> clock() {
    return [this] { return now; };
  }
};

TEST(ResponseCache, OnlyTheSameQuestionOfTheSamePrincipalToTheSameModelIsAnswered) {
  Hour hour;
  ResponseCache cache({.ttl_ms = 1'000, .max_bytes = 1 << 20}, hour.clock());
  const wire::Request asked = question("hi");
  const std::string key = cache.key_of("p/m", call_of(asked));
  cache.keep(key, answer("hello"));
  ASSERT_NE(cache.find(key), nullptr);
  EXPECT_EQ(cache.find(key)->response.message.text(), "hello");
  EXPECT_NE(key, cache.key_of("p/m", call_of(asked, "bob")));
  EXPECT_NE(key, cache.key_of("p/other", call_of(asked)));
  EXPECT_NE(key, cache.key_of("p/m", call_of(question("ho"))));
  ModelCall targeted = call_of(asked);
  targeted.target.model = "other";
  EXPECT_NE(key, cache.key_of("p/m", targeted));
  targeted = call_of(asked);
  targeted.target.max_tokens = 5;
  EXPECT_NE(key, cache.key_of("p/m", targeted));
  ResponseCache shared({.ttl_ms = 1'000, .max_bytes = 1 << 20, .shared = true}, hour.clock());
  EXPECT_EQ(shared.key_of("p/m", call_of(asked)), shared.key_of("p/m", call_of(asked, "bob")));
}

TEST(ResponseCache, WhatIsNotWholeOrMayChangeIsNotKept) {
  Hour hour;
  ResponseCache cache({.ttl_ms = 1'000, .max_bytes = 1 << 20}, hour.clock());
  for (const auto finish :
       {wire::FinishReason::kLength, wire::FinishReason::kError, wire::FinishReason::kUnknown,
        wire::FinishReason::kContentFilter, wire::FinishReason::kPause, wire::FinishReason::kOther}) {
    cache.keep("k", answer("x", finish));
    EXPECT_EQ(cache.size(), 0u);
  }
  cache.keep("k", answer("x", wire::FinishReason::kToolCalls));
  EXPECT_EQ(cache.size(), 1u);
  wire::Request request = question("look");
  wire::Media media;
  media.url = "https://example.com/a.png";
  request.messages[0].parts.emplace_back().body = media;
  EXPECT_EQ(cache.key_of("p/m", call_of(request)), "");
  media.url.clear();
  media.data = "bytes";
  request.messages[0].parts[1].body = media;
  EXPECT_NE(cache.key_of("p/m", call_of(request)), "");
  request.messages[0].parts[1].body = wire::Opaque{"x", "{}"};
  EXPECT_EQ(cache.key_of("p/m", call_of(request)), "");
  EXPECT_EQ(ResponseCache({}, hour.clock()).key_of("p/m", call_of(question("hi"))), "");
}

TEST(ResponseCache, AgeIsBoundedWhateverTheClockDoes) {
  Hour hour;
  ResponseCache cache({.ttl_ms = 1'000, .max_bytes = 1 << 20}, hour.clock());
  const auto kept = [&](int64_t jump) {
    cache.keep("k", answer("x"));
    hour.now += jump;
    return cache.find("k") != nullptr;
  };
  EXPECT_TRUE(kept(999));
  EXPECT_FALSE(kept(1'000));
  EXPECT_FALSE(kept(-1));
  EXPECT_FALSE(kept(int64_t{1} << 50));
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_EQ(cache.bytes(), 0);
}

// Against a model of what may be there.
TEST(ResponseCache, CapacityAndScopeHoldInAnyHistory) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    test::Dice dice(seed);
    Hour hour;
    const CachePolicy policy = {.ttl_ms = 50 + dice.below(200), .max_bytes = 700 + dice.below(6'000)};
    ResponseCache cache(policy, hour.clock());
    std::map<std::string, std::pair<std::string, int64_t>> kept;  // what was kept last, and when
    for (int step = 0; step < 60; ++step) {
      const std::string principal = dice.one_in(2) ? "ann" : "bob";
      const std::string model = dice.one_in(2) ? "p/a" : "p/b";
      const wire::Request asked = question(std::to_string(dice.below(4)));
      const std::string key = cache.key_of(model, call_of(asked, principal));
      const std::string whose = principal + model + asked.messages[0].text();
      if (dice.one_in(2)) {
        const std::string text = whose + std::string(static_cast<size_t>(dice.below(2'000)), 'x');
        cache.keep(key, answer(text));
        kept[key] = {text, hour.now};
      } else if (const auto found = cache.find(key)) {
        ASSERT_TRUE(found->response.message.text().starts_with(whose)) << seed;
        ASSERT_LT(hour.now - kept[key].second, policy.ttl_ms) << seed;
        ASSERT_GE(hour.now, kept[key].second) << seed;
      }
      ASSERT_LE(cache.bytes(), policy.max_bytes) << seed;
      hour.now += dice.one_in(10) ? dice.below(1'000) - 500 : dice.below(20);
    }
  }
}

// A model whose answers are counted.
class Counted final : public Model {
 public:
  explicit Counted(net::Loop& loop) : loop_(loop) {
    route_.provider = "p";
    route_.model = "m";
    route_.price = {.input_usd_micros = 1, .output_usd_micros = 1, .known = true};
  }
  CallId start(ModelCall, CallSink& sink) override {
    ++asked;
    loop_.post([this, &sink] {
      sink.on_attempt(1, ok_status());
      if (fails) return sink.on_failure(unavailable("overloaded", "no"), {});
      sink.on_event({.kind = wire::StreamEvent::Kind::kText, .text = "hello"});
      sink.on_response(answer("hello").response);
    });
    return 1;
  }
  wire::Response cancel(CallId) override { return {}; }
  const Route& route() const override { return route_; }

  int asked = 0;
  bool fails = false;

 private:
  net::Loop& loop_;
  Route route_;
};

class Hits final : public CallSink {
 public:
  void on_event(const wire::StreamEvent& event) override {
    if (event.kind == wire::StreamEvent::Kind::kText) text += event.text;
  }
  void on_attempt(int, const Status&) override {}
  void on_decision(const RouteDecision& decision) override {
    decisions.push_back(format("{} {} {}", decision.decision, decision.reason, decision.upstream));
    if (decision.route != nullptr) cost = cost_usd_micros(decision.route->price, answer("x").response.usage);
  }
  void on_response(wire::Response r) override { response = std::move(r); }
  void on_failure(const Status& status, wire::Response) override { failure = status; }

  std::string text;
  std::vector<std::string> decisions;
  int64_t cost = -1;
  std::optional<wire::Response> response;
  std::optional<Status> failure;
};

TEST(CachedModel, AHitIsAStreamThatCostsNothing) {
  const auto loop = *net::EventLoop::create(system_clock());
  Hour hour;
  auto cache =
      std::make_shared<ResponseCache>(CachePolicy{.ttl_ms = 1'000, .max_bytes = 1 << 20}, hour.clock());
  auto inner = std::make_unique<Counted>(*loop);
  Counted& counted = *inner;
  const auto model = make_cached_model(std::move(inner), cache, *loop);
  const wire::Request request = question("hi");
  const auto ask = [&](std::string_view principal) {
    Hits sink;
    (void)model->start(call_of(request, principal), sink);
    for (int i = 0; i < 20 && !sink.response && !sink.failure; ++i) EXPECT_TRUE(loop->process(10).ok());
    return sink;
  };
  counted.fails = true;
  EXPECT_TRUE(ask("ann").failure.has_value());
  counted.fails = false;
  EXPECT_EQ(ask("ann").response->usage.output, 3);
  EXPECT_EQ(counted.asked, 2);
  const Hits hit = ask("ann");
  EXPECT_EQ(counted.asked, 2);
  EXPECT_EQ(hit.text, "hello");
  EXPECT_EQ(hit.decisions, std::vector<std::string>{"answers cache_hit p/m"});
  EXPECT_EQ(hit.cost, 0);
  ASSERT_TRUE(hit.response.has_value());
  EXPECT_EQ(hit.response->message.text(), "hello");
  EXPECT_EQ(hit.response->usage.input, 7);
  EXPECT_EQ(hit.response->usage.cached_input, 7);
  EXPECT_EQ(hit.response->usage.output, 0);
  (void)ask("bob");
  EXPECT_EQ(counted.asked, 3);
  // One that is given up is heard of no more.
  Hits silent;
  const CallId id = model->start(call_of(request, "ann"), silent);
  (void)model->cancel(id);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(loop->process(5).ok());
  EXPECT_TRUE(silent.decisions.empty());
}

}  // namespace
}  // namespace tau::provider
