#include "runtime/memory_recall.h"

#include <algorithm>
#include <string>
#include <utility>

#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory.h"
#include "runtime/memory_desk.h"
#include "runtime/memory_ops.h"
#include "runtime/memory_tools.h"
#include "runtime/runtime.h"

namespace tau::runtime {
namespace {

std::string text_of(const wire::Message& message) {
  std::string text;
  for (const wire::Part& part : message.parts)
    if (const auto* piece = part.as<wire::Text>()) text.append(text.empty() ? "" : "\n").append(piece->text);
  return text;
}

std::string report_of(const memory::Found& found, const memory::RecallBlock& block) {
  std::string out;
  json::Writer w(out);
  w.begin_object().key("memories").begin_array();
  for (const size_t i : block.taken) {
    const store::MemoryRow& row = found.rows[i];
    w.begin_object()
        .field("id", row.id)
        .field("type", memory::type_name(static_cast<memory::Type>(row.type)));
    w.key("score").number(found.result.hits[i].score).end_object();
  }
  w.end_array().field("left_out", static_cast<int64_t>(block.left_out));
  w.field("bytes", static_cast<int64_t>(block.text.size()));
  using enum memory::Found::Vectors;
  w.field("vectors", found.vectors == kUsed ? "used" : found.vectors == kOff ? "off" : "unavailable");
  if (found.vectors == kUnavailable) w.field("reason", found.why.reason());
  w.end_object();
  return out;
}

constexpr int64_t kPatienceMs = 200;     // that a worker has to begin: all may be busy
constexpr int64_t kMostWordsMs = 5'000;  // that it has to find by words; an index may have to be made anew

bool is_slow(const memory::Engine& engine) {
  const auto embedder = engine.embedder();
  return embedder != nullptr && embedder->slow();
}

}  // namespace

std::shared_ptr<Recall> Recall::of(Asked asked, const wire::Message& message) {
  if (!asked.config.recall) return nullptr;
  asked.query = text_of(message);
  return asked.query.empty() ? nullptr : std::make_shared<Recall>(std::move(asked));
}

void Recall::start(Core& core, net::EventLoop& loop, int64_t most_ms, Done done) {
  loop_ = &loop;
  done_ = std::move(done);
  began_ns_ = loop.now_ns();
  most_ms_ = most_ms > 0 ? most_ms : INT64_MAX;
  wait_ms_ = std::min(asked_.config.recall_wait_ms, most_ms_);
  if (!core.workers().available()) return wake_in(0);
  poster_ = loop.poster();
  core.workers().submit([self = shared_from_this()] { self->look(); });
  wake_in(wait_ms_ > 0 ? std::min(wait_ms_, kPatienceMs) : kPatienceMs);
}

void Recall::wake_in(int64_t ms) {
  timer_ = loop_->set_timer(loop_->now_ns() + ms * kNanosPerMilli, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->late();
  });
}

int64_t Recall::waited_ms() const { return (loop_->now_ns() - began_ns_) / kNanosPerMilli; }

// On a worker.
void Recall::look() {
  begun_ = true;
  const std::shared_ptr<Runtime> runtime = wanted_ ? asked_.runtime.lock() : nullptr;
  if (runtime == nullptr) return;
  const auto engine = runtime->core()->memory().engine();
  const bool slow = engine.ok() && is_slow(**engine);
  bool go_on = true;
  if (slow) {
    auto words = find(runtime, How::kWordsSinceSlow);
    go_on = words.ok() && wait_ms_ > 0 && wanted_;
    const std::lock_guard lock(mutex_);
    by_words_ = std::move(words);
    // The time for a vector may be over already.
    if (go_on) poster_->post([self = shared_from_this()] { self->late(); });
  }
  if (go_on) {
    auto all = find(runtime, How::kAll);
    const std::lock_guard lock(mutex_);
    found_ = std::move(all);
  }
  poster_->post([self = shared_from_this()] { self->hurry(); });
}

// `use(memory)`: of the run.
template <class Use>
auto Recall::with_memory(const std::shared_ptr<Runtime>& runtime, const Use& use) const
    -> decltype(use(std::declval<Memory&>())) {
  TAU_ASSIGN_OR_RETURN(memory::Engine* const engine, runtime->core()->memory().engine());
  Memory memory(runtime, *engine, reach_of(asked_.config, asked_.session, asked_.principal));
  memory.act_for({.session = asked_.session, .run = asked_.run, .call = {}, .tool = {}});
  return use(memory);
}

StatusOr<Recall::Found> Recall::find(const std::shared_ptr<Runtime>& runtime, How how) const {
  json::Value request = json::Value::object();
  request.set("query", asked_.query);
  request.set("k", 2 * asked_.config.recall_count);  // some may not fit
  request.set("touch", false);                       // being shown unasked is no use
  if (how != How::kAll) request.set("mode", "text");
  TAU_ASSIGN_OR_RETURN(memory::Found found, with_memory(runtime, [&](Memory& memory) {
                         return memory.guarded("recall", "memory:read",
                                               [&] { return find_memories(memory, request, {}); });
                       }));
  if (how == How::kWordsSinceSlow) {
    found.vectors = memory::Found::Vectors::kUnavailable;
    found.why = unavailable("embedder_slow", "the vector of the prompt did not come in time");
  }
  std::vector<memory::RecallHit> hits;
  for (size_t i = 0; i < found.rows.size(); ++i)
    hits.push_back({.row = &found.rows[i], .score = found.result.hits[i].score});
  memory::RecallOptions options;
  options.max_memories = static_cast<size_t>(asked_.config.recall_count);
  options.max_bytes = static_cast<size_t>(asked_.config.recall_bytes);
  const memory::RecallBlock block = memory::recall_block(hits, options);
  Found out;
  if (block.text.empty()) return out;
  out.count = static_cast<int64_t>(block.taken.size());
  agent::Recalled& recalled = out.recalled.emplace();
  recalled.message = user_message(block.text, {});
  recalled.message.labels = block.labels;
  recalled.message.labels.join(labels_of(found.rows));
  recalled.report = report_of(found, block);
  return out;
}

// Where every worker is busy the loop looks itself: by words that takes no longer than it can spare.
void Recall::late() {
  if (!done_) return;
  loop_->cancel_timer(std::exchange(timer_, 0));
  int64_t most_ms = kPatienceMs;
  if (begun_) {
    const std::lock_guard lock(mutex_);
    most_ms = by_words_ ? wait_ms_ : std::max(wait_ms_, kMostWordsMs);
  }
  const int64_t left_ms = std::min(most_ms, most_ms_) - waited_ms();
  if (left_ms > 0 && poster_ != nullptr) return wake_in(left_ms);
  const std::shared_ptr<Runtime> runtime = begun_ ? nullptr : asked_.runtime.lock();
  if (runtime == nullptr) return hurry();
  const auto engine = runtime->core()->memory().engine();
  finish(find(runtime, engine.ok() && is_slow(**engine) ? How::kWordsSinceSlow : How::kAll));
}

void Recall::hurry() {
  std::optional<StatusOr<Found>> found;
  {
    const std::lock_guard lock(mutex_);
    found = std::move(found_ ? found_ : by_words_);
  }
  finish(found ? *std::move(found) : StatusOr<Found>(Found()));
}

void Recall::finish(StatusOr<Found> found) {
  if (!done_) return;
  Done done = std::exchange(done_, nullptr);
  drop();
  if (const auto runtime = asked_.runtime.lock(); runtime != nullptr && !found.ok()) {
    runtime->core()->log(LogLevel::kWarn, "memory",
                         "nothing is recalled: " + std::string(found.status().message()));
  } else if (runtime != nullptr && found->recalled) {
    (void)with_memory(runtime, [&](Memory& memory) {
      MemoryTally(memory, "recall", observe::Kind::kMemoryRead).add(found->count);
      return ok_status();
    });
  }
  done(found.ok() ? std::move(found->recalled) : std::nullopt);
}

void Recall::drop() noexcept {
  wanted_ = false;
  done_ = nullptr;
  if (timer_ != 0) loop_->cancel_timer(std::exchange(timer_, 0));
}

}  // namespace tau::runtime
