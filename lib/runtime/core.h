// What lives as long as a runtime: loops, workers, store, workspace, configuration. Private to the module.
//
// Ownership: handles hold Runtime, Runtime holds Core, loop threads hold Core too. When the last handle goes,
// Runtime tells the loops to end; the last of them destroys Core. Lock order: Core::mutex_ before any queue's
// mutex; nothing of the host is called under either.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "net/net.h"
#include "os/os.h"
#include "provider/provider.h"
#include "runtime/audit.h"
#include "runtime/config.h"
#include "runtime/departure.h"
#include "runtime/driver.h"
#include "runtime/host_model.h"
#include "runtime/policy.h"
#include "runtime/result_screen.h"
#include "runtime/run_audit.h"
#include "runtime/runtime.h"
#include "runtime/sandbox.h"
#include "runtime/vault_source.h"
#include "runtime/workers.h"

namespace tau::runtime {

class AccessControl;
class AuthDesk;
class MemoryDesk;
class Recall;

struct AgentSnapshot {
  AgentConfig config;
  MemoryConfig memory;
  SharedString model;        // "provider/model", resolved
  std::string model_reason;  // why that one
  // Shared with the models that loops keep for it.
  StatusOr<std::shared_ptr<const provider::Route>> route = Status(Code::kInternal, "unset", "");
  std::shared_ptr<const tool::Registry> tools;
  std::set<std::string> host_tools;
  std::set<std::string> always_ask;
  std::shared_ptr<const AgentPolicy> policy;
  SharedString principal;                           // who acts where a run names nobody
  std::shared_ptr<const provider::Script> script;   // of the scripted model
  std::shared_ptr<const wire::Request> parameters;  // model, tools, sampling; no messages
  std::shared_ptr<const PromptPrefix> prefix;       // of sessions without instructions of their own
  std::shared_ptr<RequestPool> requests;            // of such sessions that have closed
  std::shared_ptr<const provider::RouteSpec> spec;  // of a route, and of a model under limits or budgets
};

// Shared by every handle of one session in this process.
struct SharedSession : SessionState {
  SharedSession(std::weak_ptr<Core> c, const SharedString& id) : core(std::move(c)) { record.id = id; }
  ~SharedSession();

  const std::weak_ptr<Core> core;
  std::atomic<bool> busy{false};
  bool loaded = false;   // guarded by busy
  bool unnamed = false;  // its id was made up here: nobody else can know it
  std::shared_ptr<const AgentSnapshot> configured_for;
  std::string instructions;  // AGENTS.md, read once so that the prompt prefix stays the same
  bool instructions_cut = false;
};

// What a run takes to its loop.
struct Beginning {
  Driver::Setup setup;
  wire::Message message;
  std::optional<agent::Recalled> recalled;  // what goes before the message
  UniqueFunction<void(Driver&)> first;
  std::shared_ptr<Recall> recall;                    // what the run waits for; null: nothing
  std::vector<UniqueFunction<void(Driver&)>> early;  // what the host did meanwhile
};

// One run, between its handle and its loop.
struct RunState {
  SharedString id;
  size_t index = 0;          // among the runs of its loop
  net::Owner owner = 0;      // of all work on behalf of this run; never the same for two runs
  LoopHost* host = nullptr;  // outlives the run
  std::shared_ptr<Channel> channel;
  std::shared_ptr<SharedSession> session;
  std::shared_ptr<const AgentSnapshot> agent;
  std::optional<Beginning> beginning;  // until the loop has it
  std::atomic<bool> cancel_requested{false};
  const std::shared_ptr<provider::HostReplies> replies = std::make_shared<provider::HostReplies>();
  std::shared_ptr<provider::Model> model;  // on the loop
  std::optional<MonitorPolicy> policy;     // on the loop
  std::optional<RunAudit> audit;           // on the loop; of runs that are recorded
  std::shared_ptr<Driver> driver;          // on the loop; its executor asks the policy

  std::atomic<bool> done{false};  // there is an outcome
  std::mutex mutex;               // of what follows
  std::condition_variable finished;
  bool told = false;  // and its event is in the queue
  SharedString outcome;
  Code code = Code::kOk;
};

// One loop with what is bound to it.
class LoopHost {
 public:
  static StatusOr<std::unique_ptr<LoopHost>> create(Core& core);
  ~LoopHost();

  net::EventLoop& loop() { return *loop_; }
  WakeList& wakes() { return wakes_; }
  net::HttpClient& http();
  net::HttpClient& web();  // for requests of agents: no credential and no connection in common with http()
  // FAILED_PRECONDITION "loop_busy" when another thread is inside, or "reentrant" when this one is.
  StatusOr<bool> process(int timeout_ms);
  bool inside() const;       // whether the calling thread is
  void run_until_stopped();  // body of the loop's own thread
  void request_stop();

  // A loop with a thread of its own can be lent: that thread rests, and the borrower calls process(). Any
  // thread. lend() waits for the end of the turn that the thread is in; UNAVAILABLE "loop_borrowed".
  Status lend();
  void take_back();
  bool lent() const { return lent_; }
  bool lent_to_this_thread() const;

  // On the loop.
  void begin(const std::shared_ptr<RunState>& run);
  // A run that waits for what it recalls does so no longer.
  static void hurry(const RunState& run);
  void cancel_all(const ErrorInfo& why);
  void drop_runs();  // as a crash would
  // Any thread, async-signal-safe.
  void cancel_soon() noexcept;

 private:
  LoopHost(Core& core, std::unique_ptr<net::EventLoop> loop);
  void rest_while_lent();
  void tell_resting();
  void service_cancels();
  void recall(const std::shared_ptr<RunState>& run);
  void set_off(const std::shared_ptr<RunState>& run);
  void build(const std::shared_ptr<RunState>& run);
  std::shared_ptr<provider::Model> model_of(const AgentSnapshot& agent);
  std::unique_ptr<provider::Model> make_model(const AgentSnapshot& agent);
  std::unique_ptr<provider::Model> make_upstream(const provider::Route& route);
  provider::Authorizer* authorizer_of(const provider::Route& route);
  std::unique_ptr<provider::Model> make_asked(const AgentSnapshot& agent);
  template <class Why>
  static void cancel(const RunState& run, Why why);
  void out_of_memory(net::Owner owner);
  static void never_began(RunState& run);
  static void settle(RunState& run);
  static void told(RunState& run);
  void ended(const std::shared_ptr<RunState>& run);
  void drop_ended();

  Core& core_;
  std::unique_ptr<net::EventLoop> loop_;
  std::unique_ptr<net::HttpClient> http_;
  std::unique_ptr<net::HttpClient> web_;
  std::unique_ptr<provider::Authorizer> authorizer_;
  std::map<std::string, std::unique_ptr<net::HttpClient>> recorded_;  // by provider; over http_
  WakeList wakes_;
  std::vector<std::shared_ptr<RunState>> runs_;
  std::vector<std::shared_ptr<RunState>> ended_;  // dropped once nothing of them is on the stack
  std::vector<std::unique_ptr<Scratch>> scratch_;
  // Models are kept from run to run while their agent's route lives.
  struct Kept {
    std::weak_ptr<const provider::Route> route;
    std::shared_ptr<provider::Model> model;
  };
  std::vector<Kept> models_;
  std::atomic<bool> cancel_pending_{false};
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> inside_{0};  // id of the thread in process(); 0: none

  std::atomic<bool> lent_{false};  // changes under lending_
  std::atomic<uint64_t> borrower_{0};
  std::mutex lending_;
  std::condition_variable lending_changed_;
  std::atomic<bool> resting_{false};  // the loop's own thread is in rest_while_lent(); changes under lending_
};

// What is known of a session by its id, while it is held or its lease is not back.
struct SessionEntry {
  std::weak_ptr<SharedSession> shared;
  const SharedSession* open = nullptr;  // that one, until it has closed
  store::Lease left;                    // by one that closed, to be taken over or given back; epoch 0: none
  bool releasing = false;               // being given back
};

class Core final : public std::enable_shared_from_this<Core> {
 public:
  static StatusOr<std::shared_ptr<Core>> open(RuntimeOptions options);
  ~Core();

  const RuntimeOptions& options() const { return options_; }
  const Config& config() const { return *config_; }
  Environment environment() const;
  store::Store& store() { return *store_; }
  const std::shared_ptr<os::Workspace>& workspace() const { return workspace_; }
  const std::shared_ptr<os::Launcher>& launcher() const { return launcher_; }
  // With a launcher only. The first call may try out what confines commands here, with a process.
  const EffectiveSandbox& sandbox();
  const Status& launcher_failure() const { return launcher_failure_; }  // why there is none
  WorkerPool& workers() { return workers_; }
  net::EgressPolicy& egress() { return *egress_; }
  net::EgressPolicy& fetch_egress() { return *fetch_egress_; }
  net::CredentialSource& credentials() { return *credentials_; }
  net::CredentialSource& fetch_credentials() { return *fetch_credentials_; }
  const std::shared_ptr<const tool::WebAccess>& web_access() const { return web_access_; }
  // Null unless the network of commands is a proxy.
  const std::shared_ptr<const tool::CommandProxy>& command_proxy() const { return command_proxy_; }
  // Who may do what; null: no policy is configured, and everybody may do everything.
  const std::shared_ptr<const AccessControl>& access() const { return access_; }
  // Who acts where nobody is named.
  const std::string& principal() const { return principal_; }
  // PERMISSION_DENIED "access_denied". `principal`: of the runtime where it is empty.
  Status authorize(std::string_view principal, std::string_view action, std::string_view resource) const;
  safety::Screening& screening() { return *screening_; }
  const std::shared_ptr<safety::Screening>& shared_screening() const { return screening_; }
  // What every result of a tool passes before it is cut to size.
  tool::FinalizeHook& result_screen() { return *result_screen_; }
  VaultSource& secrets() { return *secrets_; }
  const std::shared_ptr<AuthDesk>& auth() const { return auth_; }
  HostModels& host_models() { return *host_models_; }
  const std::shared_ptr<provider::Traffic>& traffic() const { return traffic_; }
  // Null: nothing is recorded.
  provider::Recorder* recorder() { return recorder_.get(); }
  // The recordings of a route that has some, loaded once; null for any other.
  StatusOr<std::shared_ptr<provider::Recordings>> recordings(const provider::Route& route);
  // The cache of answers of the route NAME, or of all models; null: none.
  std::shared_ptr<provider::ResponseCache> response_cache(const provider::RouteSpec* route);
  Audit* audit() { return audit_.get(); }  // null: nothing is recorded
  MemoryDesk& memory() { return *memory_; }
  LoopHost& loop(uint32_t i) { return *loops_[i]; }
  uint32_t loop_count() const { return static_cast<uint32_t>(loops_.size()); }
  // What commands may inherit of the environment: nothing unless it may be read.
  const std::vector<std::string>& command_environment() const { return command_environment_; }
  const Detected& detected();
  void log(LogLevel level, std::string_view module, std::string_view message) const;

  bool forked() const;
  bool stopping() const { return stopping_; }
  void begin_stop();
  void run_started();
  void run_ended();
  bool wait_idle(int timeout_ms);  // until no run is active
  bool idle() const { return active_runs_ == 0; }

  void add_queue(const std::shared_ptr<EventQueue>& queue);
  void close_queues();
  Status start_threads();
  void stop_threads();
  // After that, until no thread of a loop holds the core any more: who calls is its last owner, then.
  void wait_threads();

  // The state shared by all handles of a session; made when there is none.
  std::shared_ptr<SharedSession> share_session(const SharedString& id);
  // The lease of a session that holds none. One that is on its way back is taken over, or waited for.
  StatusOr<store::Lease> acquire(const SharedString& session_id);
  // Gives back the leases of all sessions that no run writes.
  void release_sessions();
  // The last handle is gone: leases go back soon.
  void depart();
  // The last handle of a session is gone: it goes.
  void close_session(SharedSession& session) noexcept;

 private:
  using Sessions = std::map<SharedString, SessionEntry>;
  explicit Core(RuntimeOptions options);
  Status start_each_thread();
  Status open_home();
  Status open_parts();
  Status open_workspace(SandboxPlaces places);
  Status open_store();
  struct Table {
    std::string path;
    std::string text;
  };
  StatusOr<std::optional<Table>> load_table(std::string path, std::string_view usual,
                                            std::string_view key) const;
  StatusOr<Config> with_tables(Config config) const;
  void open_audit();
  void open_recorder();
  void open_command_proxy();
  StatusOr<std::unique_ptr<Config>> load_config();
  Sessions::iterator add_entry(const SharedString& id);
  void drop_entry(Sessions::iterator entry) noexcept;
  void give_back(const SharedString& id) noexcept;
  void release(const SharedString& id, const store::Lease& lease, bool forget) noexcept;

  std::optional<Departure> departure_;  // ends last
  RuntimeOptions options_;
  std::shared_ptr<VaultSource> secrets_;
  const std::shared_ptr<HostModels> host_models_ = std::make_shared<HostModels>();
  std::unique_ptr<Config> config_;
  std::shared_ptr<AuthDesk> auth_;
  std::unique_ptr<net::EgressPolicy> egress_;
  std::unique_ptr<net::EgressPolicy> fetch_egress_;
  std::shared_ptr<safety::Screening> screening_;
  std::optional<ResultScreen> result_screen_;
  std::unique_ptr<net::CredentialSource> credentials_;
  std::unique_ptr<net::CredentialSource> fetch_credentials_;
  std::shared_ptr<const tool::WebAccess> web_access_;
  std::shared_ptr<const tool::CommandProxy> command_proxy_;
  std::shared_ptr<os::Workspace> workspace_;
  std::shared_ptr<const AccessControl> access_;
  std::shared_ptr<os::Launcher> launcher_;
  tool::Sandbox demanded_sandbox_;
  std::once_flag sandbox_settled_;
  EffectiveSandbox sandbox_;
  Status launcher_failure_ = failed_precondition("no_workspace", "built-in tools need a workspace");
  std::unique_ptr<store::Store> store_;
  std::string principal_;
  std::unique_ptr<Audit> audit_;
  std::unique_ptr<MemoryDesk> memory_;
  WorkerPool workers_;
  std::vector<std::unique_ptr<LoopHost>> loops_;

  std::mutex mutex_;
  std::condition_variable idle_;
  std::atomic<int64_t> active_runs_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::weak_ptr<EventQueue>> queues_;
  Sessions sessions_;
  Sessions::node_type spare_entry_;         // one that was dropped, for the next
  std::condition_variable session_closed_;  // or its lease is back
  std::optional<Detected> detected_;
  std::vector<std::string> command_environment_;
  std::unique_ptr<provider::Recorder> recorder_;
  std::map<std::string, std::shared_ptr<provider::Recordings>> recordings_;    // by file; under mutex_
  std::map<std::string, std::shared_ptr<provider::ResponseCache>> responses_;  // by route; under mutex_
  unsigned char* alive_page_ = nullptr;         // 1 here, 0 in a forked child (MADV_WIPEONFORK)
  std::shared_ptr<provider::Traffic> traffic_;  // of all loops; its ledger is the store
  // The threads of the loops, which outlive it.
  struct LoopThreads {
    std::mutex mutex;
    std::condition_variable none;
    uint32_t running = 0;
  };
  const std::shared_ptr<LoopThreads> loop_threads_ = std::make_shared<LoopThreads>();
};

// The system messages of an agent, for a session whose workspace says this.
std::vector<wire::Message> system_prompt(Core& core, const AgentSnapshot& agent, std::string instructions,
                                         bool instructions_cut);

// An agent's snapshot from its configuration and registered tools.
StatusOr<std::shared_ptr<const AgentSnapshot>> make_snapshot(Core& core, const Config& config,
                                                             tool::Registry tools,
                                                             std::set<std::string> host_tools,
                                                             std::set<std::string> always_ask);

// A run's options document.
struct ParsedRunOptions {
  std::optional<wire::Message> message;
  SharedString principal;  // empty: nobody was named
  bool abandon = false;
  json::Value overrides;  // keys of an agent configuration: limits, response_schema, params
};
// A message in it takes the blobs.
StatusOr<ParsedRunOptions> parse_run_options(std::string_view text, std::vector<wire::Media>& blobs);

// Why a run ends that its host cancelled.
inline ErrorInfo cancelled_by_host() {
  return {.code = Code::kCancelled,
          .reason = "cancelled",
          .message = "the run was cancelled",
          .details_json = {}};
}

// An op of a host, ready for the loop.
struct Op {
  enum class Kind : uint8_t {
    kSubmit,
    kToolResult,
    kToolProgress,
    kReadHeld,
    kCancel,
    kModelEvent,  // these two do not go to the loop: see answer_model()
    kModelDrop
  };
  explicit Op(Kind k) : kind(k) {}
  Kind kind;
  agent::HostOp host;  // kSubmit; of the others the ids
  // kToolResult; kToolProgress: its content; kReadHeld: the handle; kModelEvent: the bytes
  tool::Result result;
  Status error;  // kModelDrop
};
StatusOr<std::unique_ptr<Op>> parse_op(std::string_view text, std::vector<wire::Media> blobs);
void perform(Op&& op, Driver& driver);
// Of a call of a model that the host answers; any thread. FAILED_PRECONDITION "model_call_over"; UNAVAILABLE
// "model_reply_full": nothing was taken, and it can be tried again.
Status answer_model(const Op& op, const provider::HostReplies& replies);

}  // namespace tau::runtime
