// The driver's core: inputs in, journal, effects in order, barriers, the end. What single effects do is in
// effects.cpp.
#include "runtime/driver.h"

#include <new>

#include "runtime/older_run.h"
#include "runtime/run_audit.h"
#include "runtime/waiting_calls.h"

namespace tau::runtime {
namespace {

const wire::Message* message_of(const agent::InputBody& body) {
  if (const auto* in = std::get_if<agent::Start>(&body)) return &in->message;
  if (const auto* in = std::get_if<agent::Recalled>(&body)) return &in->message;
  if (const auto* in = std::get_if<agent::ToolDone>(&body)) return &in->message;
  if (const auto* in = std::get_if<agent::ModelDone>(&body)) return &in->response->message;
  if (const auto* in = std::get_if<agent::HostOp>(&body))
    return in->kind == agent::HostOp::Kind::kApproval ? nullptr : &in->message;
  return nullptr;
}

// Nothing, unless a model was asked.
std::optional<agent::ModelUse> spent_by(const agent::InputBody& body) {
  const auto use_of = [](const wire::Response& response, int64_t cost) {
    agent::ModelUse use;
    use.input_tokens = response.usage.input;
    use.output_tokens = response.usage.output;
    use.cost_usd_micros = cost;
    return use;
  };
  if (const auto* in = std::get_if<agent::ModelDone>(&body))
    return use_of(*in->response, in->cost_usd_micros);
  if (const auto* in = std::get_if<agent::ModelFailed>(&body))
    return use_of(*in->partial, in->cost_usd_micros);
  if (const auto* in = std::get_if<agent::ModelCut>(&body)) return use_of(*in->partial, in->cost_usd_micros);
  if (const auto* in = std::get_if<agent::ToolDone>(&body); in != nullptr && in->use.any()) return in->use;
  return std::nullopt;
}

// The message that the conversation will take over from an input. The response of a model is shared with the
// engine: of it a copy is made.
std::optional<wire::Message> take_message(agent::InputBody& body) {
  if (auto* in = std::get_if<agent::Start>(&body)) return std::move(in->message);
  if (auto* in = std::get_if<agent::Recalled>(&body)) return std::move(in->message);
  if (auto* in = std::get_if<agent::ToolDone>(&body)) return std::move(in->message);
  if (auto* in = std::get_if<agent::ModelDone>(&body)) return in->response->message;
  if (auto* in = std::get_if<agent::HostOp>(&body); in && in->kind != agent::HostOp::Kind::kApproval)
    return std::move(in->message);
  return std::nullopt;
}

const SharedString& message_row() {
  static const SharedString* const kind = new SharedString(agent::kMessageRow);
  return *kind;
}

ErrorInfo abandoned() {
  return {.code = Code::kCancelled,
          .reason = "abandoned",
          .message = "the run was abandoned",
          .details_json = {}};
}

Status cancelled_model() { return Status(Code::kCancelled, "cancelled", "the run ended"); }

constexpr size_t kRowsOfABatch = 6;  // as a rule
constexpr size_t kEffectsOfAStep = 8;

// Leaves a performance to be used again: nothing of it but the memory of a usual step.
void release(Performance& done) {
  constexpr size_t kKept = 64;
  if (done.effects.capacity() > kKept) done.effects = agent::Effects();
  done.effects.clear();
  done.next = 0;
}

// Inputs whose loss would cost money or work are handed to the store at once; the others ride along.
bool worth_a_flush(const agent::InputBody& body) {
  return spent_by(body).has_value() || message_of(body) != nullptr;
}

}  // namespace

const SharedString& out_of_memory_outcome() {
  static const SharedString* const outcome = new SharedString(
      R"({"status":"failed","code":"resource_exhausted","reason":"out_of_memory","message":"out of memory"})");
  return *outcome;
}

Driver::Driver(DriverSeams seams, Setup&& setup, const MakeExecutor& make_executor)
    : seams_(seams),
      setup_(std::move(setup)),
      reader_(seams_.model, seams_.loop, setup_.audit),
      scratch_(setup_.scratch != nullptr ? std::move(setup_.scratch) : std::make_unique<Scratch>()) {
  if (setup_.durable) durability_ = std::make_shared<Durability>();
  executor_ = make_executor(*setup_.tools, *this);
  record_.id = setup_.config.run_id;
  record_.session_id = setup_.config.session_id;
  record_.logic_version = agent::kLogicVersion;
  record_.options_json = setup_.options_json;
  if (const Redaction* now = redaction()) now->clean_json(record_.options_json, Author::kHost);
}

// What secrets and rules there are at the moment; null: nobody looks.
const Redaction* Driver::redaction() {
  if (setup_.screening == nullptr) return nullptr;
  const uint64_t version = setup_.screening->version();
  if (version != redaction_version_) {
    redaction_ = Redaction(setup_.screening->current());
    redaction_version_ = version;
  }
  return &redaction_;
}

std::unique_ptr<Scratch> Driver::take_scratch() {
  constexpr size_t kKeptCalls = 16;
  scratch_->engine.reset();
  scratch_->effects.clear();
  scratch_->batch.clear();
  scratch_->open_calls.clear();
  scratch_->unappended.clear();
  if (scratch_->open_calls.capacity() > kKeptCalls) scratch_->open_calls = std::vector<OpenCall>();
  for (StableQueue<Performance>& all = scratch_->performances; !all.empty(); all.pop()) release(all.front());
  return std::move(scratch_);
}

Driver::~Driver() {
  cut_model();
  for (const NamedTimer& timer : timers_) seams_.loop.cancel_timer(timer.id);
  if (held_timer_ != 0) seams_.loop.cancel_timer(held_timer_);
}

// Nobody wants the answer. A model that has no memory to say what there was of it ends with its run.
void Driver::cut_model() noexcept {
  reader_.drop();
  if (model_call_ == 0) return;
  if (setup_.audit != nullptr) setup_.audit->model_failed(route(), cancelled_model(), {}, 0);
  try {
    seams_.model.cancel(std::exchange(model_call_, 0));
  } catch (const std::bad_alloc&) {}
}

void Driver::start(wire::Message message, std::optional<agent::Recalled> recalled) {
  if (setup_.audit != nullptr) setup_.audit->started("start");
  record_.created_ms = seams_.clock.wall_ms();
  scratch_->batch.run = record_;
  if (setup_.durable) {
    setup_.session->record.open_run = record_.id;
  } else {  // nothing can cut it off; its session is to be seen from now on
    update_session_record();
    flush_soon_ = true;
  }
  if (recalled) feed(*std::move(recalled));
  feed(agent::Start{setup_.config, std::move(message)});
}

void Driver::resume(const store::RunRecord& run, const std::vector<store::JournalEntry>& journal,
                    bool cancel) {
  record_ = run;
  if (setup_.audit != nullptr) setup_.audit->started(cancel ? "abandon" : "resume");
  if (!run.snapshot_json.empty()) {
    auto engine = agent::Engine::restore(run.snapshot_json);
    if (!engine.ok()) return give_up(engine.status());
    scratch_->engine = *std::move(engine);
  }
  next_seq_ = journal.empty() ? run.snapshot_seq : journal.back().row.seq + 1;
  refeeding_ = true;
  for (const store::JournalEntry& entry : journal)
    if (!refeed(entry)) return pump_end();
  refeeding_ = false;
  for (const agent::SetTimer& timer : std::exchange(refed_timers_, {})) set_timer(timer);
  if (scratch_->engine.finished()) return pump();
  announce();
  if (cancel) feed(agent::Cancel{abandoned()});
  feed(agent::Resumed{});
}

void Driver::go_on(const store::RunRecord& run, const std::vector<store::JournalEntry>& journal,
                   const std::vector<int64_t>& appended, bool cancel) {
  record_ = run;
  if (setup_.audit != nullptr) setup_.audit->started(cancel ? "abandon" : "resume");
  auto older = read_older_run(journal, appended);
  if (!older.ok()) return give_up(older.status());
  next_seq_ = journal.empty() ? 0 : journal.back().row.seq + 1;
  for (OlderRun::Kept& kept : older->messages) {
    agent::Append effect{.seq = kept.seq, .message = std::move(kept.message)};
    if (kept.seq < 0) journal_message(effect, next_seq_);
    setup_.session->conversation.note_signals(kept.signals);
    append(effect);
  }
  account_open_turn(journal);
  hold_unappended(journal);
  // A resume after a crash from here on begins at the row that comes now.
  record_.logic_version = agent::kLogicVersion;
  record_.snapshot_json.clear();
  record_.snapshot_seq = next_seq_;
  scratch_->batch.run = record_;
  update_session_record();
  announce();
  if (cancel) older->state.stop = std::make_shared<const ErrorInfo>(abandoned());
  feed(std::move(older->state));
}

// The session's totals know a run up to its last turn boundary; the rows behind it are counted when they are
// fed again, or here.
void Driver::account_open_turn(const std::vector<store::JournalEntry>& journal) {
  for (const store::JournalEntry& entry : journal) {
    if (entry.row.seq < record_.snapshot_seq || entry.purged || entry.row.kind == message_row()) continue;
    if (const auto body = agent::input_from_json(entry.row.kind, entry.row.body); body.ok()) account(*body);
  }
}

// What the open turn held back: of results that have their place the conversation knows.
void Driver::hold_unappended(const std::vector<store::JournalEntry>& journal) {
  for (const store::JournalEntry& entry : journal) {
    if (entry.purged || entry.row.kind != "tool_done") continue;
    if (const auto row = agent::row_message(entry.row.body); row.ok() && row->held != nullptr)
      setup_.session->conversation.hold(*row->held);
  }
}

// The host hears of the run again.
void Driver::announce() {
  agent::Event started{
      .kind = agent::EventKind::kRunStarted, .name = setup_.config.model, .json = setup_.config.session_id};
  scratch_->performances.push().effects.emplace_back(agent::Emit{std::move(started)});
}

bool Driver::refeed(const store::JournalEntry& entry) {
  if (entry.row.kind == message_row()) return true;
  const bool covered = entry.row.seq < record_.snapshot_seq;
  auto body = agent::input_from_json(entry.row.kind, entry.row.body);
  if (!body.ok()) {
    die(body.status());
    return false;
  }
  if (covered) {  // the engine knows it; its message may still wait for its place
    keep_message(*body, entry.row.seq);
    return true;
  }
  remember_verdict(*body);
  step(agent::Input{entry.row.seq, entry.row.time_ms, *std::move(body)});
  pump();
  return !ended_;
}

void Driver::feed(agent::InputBody&& body) {
  if (ended_) return;
  if (const Redaction* now = redaction()) now->clean(body);
  step(agent::Input{next_seq_++, seams_.clock.wall_ms(), std::move(body)});
  pump();
}

void Driver::step(agent::Input&& input) {
  try {
    scratch_->effects.clear();
    scratch_->effects.reserve(kEffectsOfAStep);
    scratch_->engine.step(input, scratch_->effects);
    account(input.body);
    if (!refeeding_) journal(input);
    if (!refeeding_ && setup_.audit != nullptr) record_answer(input.body);
    keep_message(input.body, input.seq);
    queue(input.seq);
  } catch (const std::bad_alloc&) { die_of_memory(); }
}

void Driver::keep_message(agent::InputBody& body, int64_t seq) {
  std::string signals;
  if (auto* done = std::get_if<agent::ToolDone>(&body); done != nullptr) {
    if (done->held != nullptr) setup_.session->conversation.hold(*done->held);
    if (done->held == nullptr) signals = std::move(done->signals);
  }
  if (auto message = take_message(body))
    scratch_->unappended.push_back({seq, *std::move(message), std::move(signals)});
}

// Rows of the engine's own messages follow that of the input, `seq`.
void Driver::queue(int64_t seq) {
  agent::Effects& effects = scratch_->effects;
  if (effects.empty()) return;
  agent::TurnBoundary* boundary = nullptr;  // at most one: a step ends no more than one turn
  for (agent::Effect& effect : effects) {
    if (auto* append = std::get_if<agent::Append>(&effect)) {
      if (append->message) journal_message(*append, ++seq);
    } else if (auto* turn = std::get_if<agent::TurnBoundary>(&effect)) {
      boundary = turn;
    }
  }
  if (boundary != nullptr) {
    if (setup_.durable && !scratch_->engine.finished()) boundary->snapshot = scratch_->engine.snapshot();
    boundary->seq = refeeding_ ? seq + 1 : next_seq_;
  }
  scratch_->performances.push().effects.swap(effects);
}

void Driver::account(const agent::InputBody& body) {
  const auto spent = spent_by(body);
  if (!spent) return;
  store::SessionRecord& session = setup_.session->record;
  session.input_tokens += spent->input_tokens;
  session.output_tokens += spent->output_tokens;
  session.cost_usd_micros += spent->cost_usd_micros;
}

void Driver::journal(const agent::Input& input) {
  if (scratch_->batch.rows.capacity() == 0) scratch_->batch.rows.reserve(kRowsOfABatch);
  store::JournalRow& row = scratch_->batch.rows.emplace_back();
  row.run_id = record_.id;
  row.seq = input.seq;
  row.kind = agent::input_kind(input.body);
  agent::input_to_json(input.body, row.body);
  row.effects_digest = agent::digest_of(scratch_->effects);
  row.time_ms = input.time_ms;
  const auto* const done = std::get_if<agent::ToolDone>(&input.body);
  row.provenance = provenance(message_of(input.body), done != nullptr ? done->held.get() : nullptr);
  if (!setup_.durable) return;
  note_usage(input);
  if (worth_a_flush(input.body)) flush_soon_ = true;
}

void Driver::journal_message(agent::Append& effect, int64_t seq) {
  effect.seq = seq;
  if (refeeding_) return;
  next_seq_ = seq + 1;
  store::JournalRow row;
  row.run_id = record_.id;
  row.seq = seq;
  row.kind = message_row();
  row.body = R"({"message":)" + wire::to_json(*effect.message) + "}";
  row.time_ms = seams_.clock.wall_ms();
  row.provenance = provenance(&*effect.message);
  scratch_->batch.rows.push_back(std::move(row));
}

// Of all that a row holds.
store::Provenance Driver::provenance(const wire::Message* message, const agent::HeldResult* held) const {
  store::Provenance p;
  const auto note = [&p](const Labels& labels) {
    p.integrity = labels.integrity();
    if (!labels.readable_by_all()) p.readers = labels.readers();
  };
  if (held != nullptr) {
    Labels labels = message->labels;
    labels.join(held->message.labels);
    note(labels);
  } else if (message != nullptr) {
    note(message->labels);
  }
  p.principal = setup_.config.principal;
  p.policy_epoch = setup_.policy_epoch;
  if (redaction_) p.scanned_epoch = redaction_.epoch();
  return p;
}

void Driver::pump() {
  if (ended_) return pump_end();
  if (pumping_) return;
  const auto keep_alive = shared_from_this();
  pumping_ = true;
  try {
    StableQueue<Performance>& performances = scratch_->performances;
    while (!performances.empty() && !ended_) {
      Performance& now = performances.front();
      if (now.next < now.effects.size()) {
        if (!perform(now.effects[now.next])) break;
        ++now.next;
        continue;
      }
      release(now);
      performances.pop();
    }
    if (!ended_ && flush_soon_ && !refeeding_) flush(/*barrier=*/false);
  } catch (const std::bad_alloc&) { die_of_memory(); }
  pumping_ = false;
  if (ended_) pump_end();
}

// Whether an approval counted is seen from what the engine made of it.
void Driver::record_answer(const agent::InputBody& body) {
  const auto* const op = std::get_if<agent::HostOp>(&body);
  if (op == nullptr || op->kind != agent::HostOp::Kind::kApproval) return;
  std::string_view refused;
  for (const agent::Effect& effect : scratch_->effects)
    if (const auto* emit = std::get_if<agent::Emit>(&effect);
        emit != nullptr && emit->event.kind == agent::EventKind::kOpRejected)
      refused = emit->event.reason;
  setup_.audit->approval_answered(op->call_id, op->allow, op->allow ? "approved" : "approval_denied", refused,
                                  op->decider);
}

void Driver::record_event(const agent::Event& event) {
  if (event.kind == agent::EventKind::kApproval)
    setup_.audit->approval_asked(event.call_id, event.text, event.reason);
  if (event.kind == agent::EventKind::kToolResult && event.reason == "approval_timeout")
    setup_.audit->approval_answered(event.call_id, /*allow=*/false, event.reason, {}, {});
}

// Of a run that others may answer: what the host is asked, they see too.
void Driver::show_waiting(const agent::Event& event) {
  if (waiting_calls_ == nullptr) {
    const WaitingCalls::Place place = {.store = seams_.store,
                                       .loop = seams_.loop,
                                       .clock = seams_.clock,
                                       .random = system_random(),
                                       .access = setup_.access,
                                       .session_id = record_.session_id,
                                       .run_id = record_.id,
                                       .principal = setup_.config.principal,
                                       .lease_epoch = setup_.session->lease.epoch,
                                       .timeout_ms = setup_.config.limits.approval_timeout_ms};
    waiting_calls_ = std::make_shared<WaitingCalls>(
        place,
        [weak = weak_from_this()](agent::InputBody&& input) {
          if (const auto self = weak.lock()) self->feed(std::move(input));
        },
        [audit = setup_.audit](std::string_view call_id, const store::ApprovalDecision& decision) {
          if (audit != nullptr)
            audit->approval_answered(call_id, decision.allow, {}, "access_denied", decision.decider);
        });
  }
  const Labels& labels = setup_.session->conversation.labels();
  store::ApprovalRow row{
      .call_id = event.call_id,
      .tool = event.text,
      .effect = event.name,
      .reason = event.reason,
      .scope = event.scope,
      .arguments = event.json.str(),
      .not_sandboxed = event.flag,
      .binding = event.binding,
      .integrity = labels.integrity(),
      .readers = labels.readable_by_all() ? store::Provenance::everyone() : labels.readers(),
      .policy_epoch = event.number};
  if (const Redaction* now = redaction()) {
    now->clean_json(row.arguments, Author::kForeign);
    row.scanned_epoch = now->epoch();
  }
  row.argument_bytes = static_cast<int64_t>(row.arguments.size());
  if (row.arguments.size() > store::kMaxShownArguments) row.arguments.resize(store::kMaxShownArguments);
  waiting_calls_->asked(std::move(row));
}

void Driver::timer_fired(const std::string& name) {
  if (waiting_calls_ != nullptr && name.starts_with(agent::kApprovalTimer) && waiting_calls_->timed_out(name))
    return;
  feed(agent::Timer{name});
}

// The row changes with the journal that tells why.
void Driver::stops_waiting(std::string_view timer) {
  if (waiting_calls_ == nullptr || !timer.starts_with(agent::kApprovalTimer)) return;
  auto edit = waiting_calls_->settled(timer.substr(agent::kApprovalTimer.size()));
  if (!edit) return;
  scratch_->batch.approvals.push_back(*std::move(edit));
  flush_soon_ = true;
}

bool Driver::emit(agent::Event& event) {
  if (refeeding_) return true;
  const bool last = event.kind == agent::EventKind::kRunDone;
  if (!last && seams_.output.parked()) return false;
  if (last) return end(std::move(event)), true;
  if (setup_.audit != nullptr) record_event(event);
  if (event.kind == agent::EventKind::kApproval && setup_.shares_approvals) show_waiting(event);
  seams_.output.emit(std::move(event));
  return true;
}

void Driver::unpark() { pump(); }

bool Driver::commit() {
  if (refeeding_) return true;
  if (commit_done_) {
    commit_done_ = committing_ = false;
    return true;
  }
  if (committing_) return false;
  const bool nothing = scratch_->batch.rows.empty() && scratch_->batch.entries.empty() &&
                       scratch_->batch.approvals.empty() && !scratch_->batch.run &&
                       (durability_ == nullptr || durability_->unknown.load() == 0);
  if (nothing) return true;
  committing_ = true;
  if (durability_ != nullptr) durability_->barrier_passed = false;
  flush(/*barrier=*/true);
  if (!commit_done_) return false;
  commit_done_ = committing_ = false;
  return !ended_;
}

// Hands the batch to the store. The answer comes on the store's writer thread, or at once from a memory
// store.
void Driver::flush(bool barrier) {
  flush_soon_ = false;
  store::Batch& batch = scratch_->batch;
  if (setup_.session->lease.epoch != 0) batch.fence = setup_.session->lease;
  if (durability_ != nullptr) durability_->unknown.fetch_add(1);
  seams_.store.append(std::move(batch), [weak = weak_from_this(), loop = &seams_.loop, state = durability_,
                                         barrier](Status status, store::Lsn) {
    if (state != nullptr) state->unknown.fetch_sub(1);
    if (status.ok() && !barrier) return;
    if (loop->on_owner_thread()) {
      if (const auto self = weak.lock()) self->flushed(status, barrier);
      return;
    }
    if (state != nullptr && status.ok()) state->barrier_passed = true;
    try {
      loop->post([weak, status, barrier] {
        if (const auto self = weak.lock()) self->flushed(status, barrier);
      });
    } catch (const std::bad_alloc&) { loop->out_of_memory(state != nullptr ? state->owner : 0); }
  });
}

void Driver::flushed(const Status& status, bool barrier) {
  if (ended_) return;
  if (!status.ok()) return give_up(status);
  if (!barrier) return;
  commit_done_ = true;
  pump();
}

void Driver::submit(agent::HostOp op) {
  if (ended_) return;
  const bool answers = op.kind == agent::HostOp::Kind::kApproval && waiting_calls_ != nullptr;
  if (answers && waiting_calls_->answered(op)) return;
  feed(std::move(op));
}

void Driver::cancel(ErrorInfo why) {
  if (ended_) return;
  cancel_requested_ = true;
  feed(agent::Cancel{std::move(why)});
}

// The run cannot go on and cannot be recorded: its terminal event is all that is left to give.
void Driver::die(const Status& status) {
  if (ended_) return;
  cut_model();
  for (const std::string& call_id : scratch_->engine.open_tool_calls())
    executor_->cancel(record_.id, call_id);
  outcome_code_ = status.code();
  std::string outcome;
  json::Writer w(outcome);
  w.begin_object().field("status", "failed").field("code", code_name(status.code()));
  w.field("reason", status.reason()).field("message", status.message()).end_object();
  outcome_ = outcome;
  seams_.output.expect_end(outcome.size());
  end({.kind = agent::EventKind::kRunDone, .reason = status.reason(), .json = outcome_});
}

// As die(), for who is not inside of pump().
void Driver::give_up(const Status& status) {
  die(status);
  pump_end();
}

// Reports the end, once nothing of this run is on the stack that still needs it.
void Driver::pump_end() {
  if (pumping_ || !ended_) return;
  const auto keep_alive = shared_from_this();
  if (auto on_end = std::exchange(setup_.on_end, nullptr)) on_end();
}

// Lack of memory ends the run, unless it has ended. Its tools are cancelled when the driver goes.
void Driver::die_of_memory() noexcept {
  if (told_) return;
  cut_model();
  outcome_ = out_of_memory_outcome();
  outcome_code_ = Code::kResourceExhausted;
  end({.kind = agent::EventKind::kRunDone, .reason = Status::out_of_memory().reason(), .json = outcome_});
}

void Driver::out_of_memory() noexcept {
  const auto keep_alive = shared_from_this();
  // It was only the news of a barrier that could not be brought here: what was decided stays decided.
  if (committing_ && !commit_done_ && durability_ != nullptr && durability_->barrier_passed.exchange(false))
    return flushed(ok_status(), /*barrier=*/true);
  pumping_ = false;
  die_of_memory();
  pump_end();
}

// Allocates nothing.
void Driver::end(agent::Event&& last) {
  ended_ = true;
  if (setup_.audit != nullptr) setup_.audit->ended(outcome_code_, last.reason);
  for (const NamedTimer& timer : std::exchange(timers_, {})) seams_.loop.cancel_timer(timer.id);
  for (OpenCall& call : scratch_->open_calls) call.reply.reset();
  waiting_calls_.reset();
  if (setup_.on_last) setup_.on_last();
  setup_.on_last = nullptr;
  seams_.output.emit(std::move(last));
  told_ = true;
}

}  // namespace tau::runtime
