// Sessions: opening, describing, exporting, forking, and starting runs on them.
#include <algorithm>

#include "runtime/access.h"
#include "runtime/core.h"
#include "runtime/host_document.h"
#include "runtime/memory_recall.h"
#include "runtime/replay.h"

namespace tau::runtime {
namespace {

constexpr std::string_view kInstructionsFile = "AGENTS.md";

// Holds a session's claim until it is kept.
class Claim {
 public:
  explicit Claim(std::atomic<bool>& busy) : busy_(&busy) {}
  ~Claim() {
    if (busy_ != nullptr) *busy_ = false;
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  void keep() { busy_ = nullptr; }

 private:
  std::atomic<bool>* busy_;
};

void read_instructions(Core& core, SharedSession& session) {
  if (core.workspace() == nullptr) return;
  os::ReadOptions options;
  options.limit_bytes = agent::kMaxInstructionsBytes + safety::kScanSlackBytes;
  const auto text = core.workspace()->read(kInstructionsFile, options);
  if (!text.ok()) return;
  session.instructions_cut = text->size() > agent::kMaxInstructionsBytes;
  std::string instructions = repair_utf8(*text);  // looked at before the cut, which may go through a secret
  safety::remove_invisible(instructions);
  Redaction(core.screening().current()).clean(instructions, Author::kForeign);
  session.instructions = truncate_utf8(instructions, agent::kMaxInstructionsBytes);
}

SharedSession& shared_of(const std::shared_ptr<SessionState>& state) {
  return static_cast<SharedSession&>(*state);
}

// Under the session's claim: the record, the conversation.
Status load(Core& core, SharedSession& session) {
  if (session.loaded) return ok_status();
  session.conversation = Conversation();
  session.configured_for = nullptr;
  auto record = core.store().load_session(session.record.id);
  if (record.ok()) {
    session.record = *std::move(record);
    if (!session.record.head_entry.empty()) {
      TAU_ASSIGN_OR_RETURN(const auto lineage, core.store().load_lineage(session.record.head_entry));
      TAU_RETURN_IF_ERROR(session.conversation.load(lineage));
    }
  } else if (record.status().code() != Code::kNotFound) {
    return record.status();
  }
  read_instructions(core, session);
  session.loaded = true;
  return ok_status();
}

void configure(Core& core, SharedSession& session, const std::shared_ptr<const AgentSnapshot>& agent) {
  if (session.configured_for == agent) return;
  session.loaded = false;  // until all is done: half a configuration is none
  if (session.instructions.empty()) {
    session.conversation.configure(*agent->prefix, *agent->parameters, agent->requests.get());
  } else {
    auto system = system_prompt(core, *agent, session.instructions, session.instructions_cut);
    session.conversation.configure(make_prefix(std::move(system), *agent->parameters), *agent->parameters);
  }
  session.configured_for = agent;
  session.loaded = true;
}

// What brings a run that was cut off back to life.
StatusOr<UniqueFunction<void(Driver&)>> resumption(Core& core, const SharedSession& session, bool abandon) {
  const SharedString& id = session.record.open_run;
  TAU_ASSIGN_OR_RETURN(store::RunRecord record, core.store().load_run(id));
  if (record.logic_version > agent::kLogicVersion)
    return failed_precondition("logic_version",
                               format("run {} was recorded by engine version {}, this is version {}", id,
                                      record.logic_version, agent::kLogicVersion));
  const bool older = record.logic_version < agent::kLogicVersion;
  const int64_t from = older ? 0 : agent::first_needed_seq(record.snapshot_json, record.snapshot_seq);
  TAU_ASSIGN_OR_RETURN(auto journal, core.store().load_journal(id, from));
  if (!older)
    return UniqueFunction<void(Driver&)>([record = std::move(record), journal = std::move(journal), abandon](
                                             Driver& driver) { driver.resume(record, journal, abandon); });
  std::vector<int64_t> appended;
  if (!session.record.head_entry.empty()) {
    TAU_ASSIGN_OR_RETURN(const auto lineage, core.store().load_lineage(session.record.head_entry));
    for (const store::JournalEntry& entry : lineage)
      if (entry.row.run_id == id) appended.push_back(entry.row.seq);
  }
  return UniqueFunction<void(Driver&)>(
      [record = std::move(record), journal = std::move(journal), appended = std::move(appended),
       abandon](Driver& driver) { driver.go_on(record, journal, appended, abandon); });
}

}  // namespace

Session::Session(std::shared_ptr<Agent> agent, SharedString id, std::shared_ptr<SessionState> state)
    : agent_(std::move(agent)), id_(std::move(id)), state_(std::move(state)) {}
Session::~Session() = default;

StatusOr<std::shared_ptr<Session>> Session::open(std::shared_ptr<Agent> agent, std::string_view id) {
  TAU_RETURN_IF_ERROR(agent->runtime()->check());
  Core& core = *agent->runtime()->core();
  const bool unnamed = id.empty();
  SharedString name(id);
  if (unnamed) name = make_id("ses_", system_clock(), system_random());
  if (!unnamed && !is_valid_id(name))
    return invalid_argument(
        "invalid_session_id",
        "a session id is 1 to 128 characters of [A-Za-z0-9_.:-], got \"" + repair_utf8(id) + "\"");
  if (core.access() != nullptr)
    TAU_RETURN_IF_ERROR(core.authorize(agent->snapshot()->principal, "session:open", session_resource(name)));
  auto shared = core.share_session(name);
  auto session = std::make_shared<Session>(std::move(agent), std::move(name), shared);
  if (shared->busy.exchange(true)) return session;  // being used in this process: loaded already
  const Claim claim(shared->busy);
  if (unnamed) {
    read_instructions(core, *shared);
    shared->loaded = shared->unnamed = true;
  }
  TAU_RETURN_IF_ERROR(load(core, *shared));
  return session;
}

// For who the agent acts.
Status Session::authorize(std::string_view action) const {
  const Core& core = *agent_->runtime()->core();
  if (core.access() == nullptr) return ok_status();
  return core.authorize(agent_->snapshot()->principal, action, session_resource(id_));
}

// Who a run acts for. Another than the agent's principal only by a right to act for it: of a run that goes
// on, too, which stays with who it was begun for.
StatusOr<SharedString> Session::principal_of(const SharedString& own, const SharedString& named,
                                             const SharedString& open_run, bool resume) const {
  Core& core = *agent_->runtime()->core();
  SharedString principal = named.empty() ? own : named;
  if (core.access() == nullptr) return principal;
  const auto may_be = [&](const SharedString& other) {
    return other == own ? ok_status() : core.authorize(own, "principal:act_as", "principal/" + other.str());
  };
  TAU_RETURN_IF_ERROR(may_be(principal));
  TAU_RETURN_IF_ERROR(
      core.authorize(principal, resume ? "session:resume" : "session:run", session_resource(id_)));
  if (!resume) return principal;
  TAU_ASSIGN_OR_RETURN(const auto journal, core.store().load_journal(open_run, 0));
  if (journal.empty() || journal.front().row.provenance.principal == principal) return principal;
  TAU_RETURN_IF_ERROR(may_be(journal.front().row.provenance.principal));
  return journal.front().row.provenance.principal;
}

StatusOr<std::string> Session::describe() {
  TAU_RETURN_IF_ERROR(agent_->runtime()->check());
  Core& core = *agent_->runtime()->core();
  store::SessionRecord record;
  auto stored = core.store().load_session(id_);
  if (stored.ok()) {
    record = *std::move(stored);
  } else if (stored.status().code() == Code::kNotFound) {
    record.id = id_;
  } else {
    return stored.status();
  }
  std::string out;
  json::Writer w(out);
  write_session(w, record);
  return out;
}

StatusOr<std::string> Session::export_json() {
  TAU_RETURN_IF_ERROR(authorize("session:export"));
  TAU_ASSIGN_OR_RETURN(const std::string description, describe());
  Core& core = *agent_->runtime()->core();
  std::string out;
  json::Writer w(out);
  w.begin_object().field_raw("session", description).key("messages").begin_array();
  const auto record = core.store().load_session(id_);
  if (record.ok() && !record->head_entry.empty()) {
    TAU_ASSIGN_OR_RETURN(const auto lineage, core.store().load_lineage(record->head_entry));
    for (const store::JournalEntry& entry : lineage) {
      w.begin_object()
          .field("entry", entry.entry_id)
          .field("run", entry.row.run_id)
          .field("time_ms", entry.row.time_ms);
      w.field("integrity", entry.row.provenance.integrity);
      if (entry.purged) {
        w.field("purged", true);
      } else {
        TAU_ASSIGN_OR_RETURN(const agent::RowMessage row, agent::row_message(entry.row.body));
        w.field_raw("message", wire::to_json(row.message));
        if (row.held != nullptr) {
          w.key("held").begin_object().field("handle", row.held->handle);
          w.field_raw("message", wire::to_json(row.held->message)).end_object();
        }
      }
      w.end_object();
    }
  }
  w.end_array().end_object();
  return out;
}

StatusOr<std::shared_ptr<Session>> Session::fork(std::string_view entry, std::string_view id) {
  TAU_RETURN_IF_ERROR(agent_->runtime()->check());
  Core& core = *agent_->runtime()->core();
  store::SessionRecord fork;
  fork.id = id.empty() ? make_id("ses_", system_clock(), system_random()) : SharedString(id);
  if (!is_valid_id(fork.id))
    return invalid_argument("invalid_session_id", format("\"{}\" is no valid session id", repair_utf8(id)));
  TAU_RETURN_IF_ERROR(authorize("session:fork"));
  if (core.access() != nullptr)  // before it is made
    TAU_RETURN_IF_ERROR(
        core.authorize(agent_->snapshot()->principal, "session:open", session_resource(fork.id)));
  TAU_ASSIGN_OR_RETURN(const store::SessionRecord source, core.store().load_session(id_));
  fork.parent_session = id_;
  fork.title = source.title;
  fork.workspace = source.workspace;
  fork.model = source.model;
  fork.created_ms = fork.updated_ms = system_clock().wall_ms();
  TAU_RETURN_IF_ERROR(core.store().fork_session(id_, entry, fork));
  return Session::open(agent_, fork.id);
}

StatusOr<std::shared_ptr<Run>> Session::start(RunOptions&& options) {
  TAU_RETURN_IF_ERROR(agent_->runtime()->check());
  if (agent_->runtime()->core()->stopping())
    return failed_precondition("runtime_stopped", "the runtime was stopped");
  SharedSession& session = shared_of(state_);
  if (session.busy.exchange(true))
    return unavailable("session_busy", format("a run of this process is writing session {}", id_));
  Claim claim(session.busy);
  auto run = start_claimed(std::move(options));
  if (run.ok()) claim.keep();
  return run;
}

StatusOr<std::shared_ptr<Run>> Session::start_claimed(RunOptions&& options) {
  Core& core = *agent_->runtime()->core();
  SharedSession& session = shared_of(state_);
  TAU_ASSIGN_OR_RETURN(ParsedRunOptions parsed, parse_run_options(options.options_json, options.blobs));
  if (parsed.message && !options.prompt.empty())
    return invalid_argument("two_messages", "a run takes a prompt or a message, not both");
  if (session.lease.epoch == 0) {
    TAU_ASSIGN_OR_RETURN(session.lease, core.acquire(id_));
    if (!session.unnamed) {  // another process may have written it until now
      session.loaded = false;
      session.conversation = Conversation();
      session.configured_for = nullptr;
    }
  }
  TAU_RETURN_IF_ERROR(load(core, session));
  const SharedString open_run = session.record.open_run;
  if (!options.resume && !open_run.empty())
    return failed_precondition(
        "run_open", format("run {} of this session was cut off: resume or abandon it first", open_run));
  if (options.resume && open_run.empty())
    return failed_precondition("no_open_run", format("session {} has no run to resume", id_));
  if (!options.resume && !parsed.message && options.prompt.empty() && options.blobs.empty())
    return invalid_argument("no_prompt", "a run needs a prompt");

  std::shared_ptr<const AgentSnapshot> agent = agent_->snapshot();
  TAU_ASSIGN_OR_RETURN(parsed.principal,
                       principal_of(agent->principal, parsed.principal, open_run, options.resume));
  if (parsed.overrides.size() > 0) {
    TAU_ASSIGN_OR_RETURN(const Config config,
                         agent_->config().with({"agent", "run options", parsed.overrides}));
    TAU_ASSIGN_OR_RETURN(agent,
                         make_snapshot(core, config, *agent->tools, agent->host_tools, agent->always_ask));
  }
  if (!agent->route.ok()) return agent->route.status();
  configure(core, session, agent);
  return launch(std::move(options), std::move(parsed), std::move(agent), open_run);
}

StatusOr<std::shared_ptr<Run>> Session::launch(RunOptions&& options, ParsedRunOptions&& parsed,
                                               std::shared_ptr<const AgentSnapshot> agent,
                                               const SharedString& open_run) {
  Core& core = *agent_->runtime()->core();
  SharedSession& session = shared_of(state_);
  std::shared_ptr<EventQueue> queue = options.queue;
  const bool private_queue = queue == nullptr;
  if (private_queue) {
    TAU_ASSIGN_OR_RETURN(queue, agent_->runtime()->make_queue(0, nullptr));
    queue->serve_one_run();
  } else {
    queue->serve_many_runs();
  }
  auto state = std::make_shared<RunState>();
  state->id = options.resume ? open_run : make_id("run_", system_clock(), system_random());
  static std::atomic<net::Owner> next_owner{0};
  state->owner = ++next_owner;
  state->host = &core.loop(queue->loop());
  state->channel = std::make_shared<Channel>(queue, state->id, options.userdata, options.quiet);
  state->session = std::static_pointer_cast<SharedSession>(state_);
  state->agent = agent;

  auto& [setup, message, recalled, first, recall, early] = state->beginning.emplace();
  setup.config.run_id = state->id;
  setup.config.session_id = id_;
  setup.config.principal = std::move(parsed.principal);
  setup.config.model = agent->model;
  setup.config.limits = agent->config.limits;
  if (options.deadline_ms > 0) {
    int64_t& wall = setup.config.limits.max_wall_ms;
    wall = wall > 0 ? std::min(wall, options.deadline_ms) : options.deadline_ms;
  }
  setup.config.response_schema = agent->config.response_schema;
  setup.session = state_;
  setup.tools = agent->tools;
  setup.traceparent = options.traceparent;
  setup.options_json = options.options_json;
  setup.policy_epoch = agent->policy->epoch();
  if (agent->config.quarantine.any()) setup.quarantine = &agent->config.quarantine;
  setup.screening = &core.screening();
  setup.durable = !core.options().no_store;

  if (options.resume) {
    TAU_ASSIGN_OR_RETURN(first, resumption(core, session, parsed.abandon));
  } else {
    if (session.record.created_ms == 0) session.record.created_ms = system_clock().wall_ms();
    session.record.workspace = core.options().workspace;
    session.record.model = agent->model;
    message =
        parsed.message ? *std::move(parsed.message) : user_message(options.prompt, std::move(options.blobs));
    recall = Recall::of({.runtime = agent_->runtime(),
                         .config = agent->memory,
                         .session = id_,
                         .run = state->id,
                         .principal = setup.config.principal,
                         .query = {}},
                        message);
    first = [beginning = &*state->beginning](Driver& driver) {
      driver.start(std::move(beginning->message), std::move(beginning->recalled));
    };
  }
  LoopHost* host = state->host;
  auto run = std::make_shared<Run>(shared_from_this(), state, std::move(queue), private_queue);
  const net::OwnerScope scope(state->owner);
  net::Task task = [host, state] { host->begin(state); };
  core.run_started();
  try {
    host->loop().post(std::move(task));
  } catch (const std::bad_alloc&) {
    core.run_ended();
    throw;
  }
  return run;
}

}  // namespace tau::runtime
