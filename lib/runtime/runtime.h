// The public face of runtime: the objects behind the C API. Runtime, Agent, Session, Run and EventQueue are
// shared: a child keeps its parents alive. Thread rules are those of the C functions that call them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent.h"
#include "base/base.h"
#include "runtime/embed.h"  // IWYU pragma: export
#include "runtime/host_model.h"
#include "runtime/host_tool.h"
#include "runtime/memory.h"            // IWYU pragma: export
#include "runtime/memory_embedders.h"  // IWYU pragma: export
#include "runtime/policy_document.h"
#include "runtime/queue.h"
#include "runtime/url_document.h"
#include "runtime/vault.h"
#include "tool/tool.h"
#include "wire/wire.h"

namespace tau::runtime {

class Core;
class LoopHost;
struct RunState;
struct SessionState;
struct ParsedRunOptions;
class Config;

enum class LogLevel : uint8_t { kError = 1, kWarn = 2, kInfo = 3, kDebug = 4 };
using LogFn = std::function<void(LogLevel level, std::string_view module, std::string_view message)>;

struct RuntimeOptions {
  bool manual = false;
  bool use_environment = false;
  bool use_config_files = false;
  bool no_store = false;
  bool read_only = false;
  std::string home;
  std::string workspace;
  std::string config_json;
  uint32_t loops = 1;
  uint32_t workers = 2;
  LogFn log;
  LogLevel log_level = LogLevel::kWarn;
  std::string exec_helper;
  std::shared_ptr<Vault> vault;  // null: the one that the configuration names
};

class Runtime final : public std::enable_shared_from_this<Runtime> {
 public:
  static StatusOr<std::shared_ptr<Runtime>> open(RuntimeOptions options);
  ~Runtime();

  Status stop(int timeout_ms);
  uint32_t loops() const;
  int fd(uint32_t loop) const;  // -1 unless the host drives that loop
  // Whether anything ran.
  StatusOr<bool> process(uint32_t loop, int timeout_ms);
  // The host drives that loop from now on, until it gives it back.
  Status borrow_loop(uint32_t loop);
  Status return_loop(uint32_t loop);
  std::string describe() const;
  bool manual() const;
  bool forked() const;  // this is a child process
  // FAILED_PRECONDITION "forked" then.
  Status check() const;

  StatusOr<std::shared_ptr<EventQueue>> make_queue(uint32_t loop, std::function<void()> notify);
  // FAILED_PRECONDITION "reentrant" inside of a callback, "forked".
  Status may_read(const EventQueue& queue) const;
  // Waits until the queue has something to say, processing its loop where the host drives it.
  Status wait_for(EventQueue& queue, int timeout_ms);
  // Ends such a wait, on any thread.
  void wake(EventQueue& queue);

  StatusOr<std::string> list_sessions(uint32_t limit, std::string_view after);
  Status remove_session(std::string_view id);
  // The whole home, as JSON reports: see tau/home.h.
  StatusOr<std::string> backup(std::string_view directory);
  StatusOr<std::string> prune(std::string_view limits_json);
  // A JSON report; `identical` says whether it was.
  StatusOr<std::string> replay(std::string_view run_id, bool* identical);

  // A model that the program supplies, from now on; see HostModels::add.
  Status add_model(std::string_view document_json, HostModelHooks hooks);

  // Null: what the configuration says.
  Status set_embedder(std::shared_ptr<const memory::Embedder> embedder);

  // Does what a request asks for, as tau/runtime.h describes it.
  StatusOr<std::string> perform(std::string_view request_json);

  // A record of the host, as tau/audit.h describes it; waits until it is in the log. FAILED_PRECONDITION
  // "no_audit_log".
  Status append_audit(std::string_view record_json);
  // The newest head, over all that was recorded so far.
  StatusOr<std::string> audit_head();

  const std::shared_ptr<safety::Screening>& screening() const;
  const std::shared_ptr<Core>& core() const { return core_; }

 private:
  explicit Runtime(std::shared_ptr<Core> core);
  StatusOr<bool> rest_loops(int timeout_ms);
  Status no_such_loop(uint32_t loop) const;
  std::shared_ptr<Core> core_;
  std::atomic<bool> stopped_{false};  // with success: nothing of the host runs on threads of the library
};

// What runs of an agent start from; replaced as a whole when a tool is added.
struct AgentSnapshot;

class Agent final : public std::enable_shared_from_this<Agent> {
 public:
  static StatusOr<std::shared_ptr<Agent>> make(std::shared_ptr<Runtime> runtime,
                                               std::string_view config_json);
  ~Agent();
  Status add_tool(std::shared_ptr<tool::Tool> tool, bool always_ask);
  std::string describe() const;

  const std::shared_ptr<Runtime>& runtime() const { return runtime_; }
  std::shared_ptr<const AgentSnapshot> snapshot() const;
  const Config& config() const { return *config_; }

 private:
  Agent(std::shared_ptr<Runtime> runtime, std::unique_ptr<Config> config);
  const std::shared_ptr<Runtime> runtime_;
  const std::unique_ptr<Config> config_;
  mutable std::mutex mutex_;
  std::shared_ptr<const AgentSnapshot> snapshot_;
};

class Run;

struct RunOptions {
  bool resume = false;
  bool quiet = false;
  std::string prompt;
  std::string options_json;
  std::shared_ptr<EventQueue> queue;  // null: a private one
  void* userdata = nullptr;
  std::string traceparent;
  int64_t deadline_ms = 0;
  std::vector<wire::Media> blobs;
};

class Session final : public std::enable_shared_from_this<Session> {
 public:
  static StatusOr<std::shared_ptr<Session>> open(std::shared_ptr<Agent> agent, std::string_view id);
  Session(std::shared_ptr<Agent> agent, SharedString id, std::shared_ptr<SessionState> state);
  ~Session();

  std::string_view id() const { return id_; }
  const std::shared_ptr<Agent>& agent() const { return agent_; }
  StatusOr<std::string> describe();
  StatusOr<std::string> export_json();
  StatusOr<std::shared_ptr<Session>> fork(std::string_view entry, std::string_view id);
  StatusOr<std::shared_ptr<Run>> start(RunOptions&& options);

 private:
  Status authorize(std::string_view action) const;
  StatusOr<SharedString> principal_of(const SharedString& own, const SharedString& named,
                                      const SharedString& open_run, bool resume) const;
  StatusOr<std::shared_ptr<Run>> start_claimed(RunOptions&& options);
  StatusOr<std::shared_ptr<Run>> launch(RunOptions&& options, ParsedRunOptions&& parsed,
                                        std::shared_ptr<const AgentSnapshot> agent,
                                        const SharedString& open_run);
  const std::shared_ptr<Agent> agent_;
  const SharedString id_;
  const std::shared_ptr<SessionState> state_;
};

class Run final {
 public:
  Run(std::shared_ptr<Session> session, std::shared_ptr<RunState> state, std::shared_ptr<EventQueue> queue,
      bool private_queue);
  ~Run();

  std::string_view id() const;
  const std::shared_ptr<EventQueue>& queue() const { return queue_; }
  const std::shared_ptr<Session>& session() const { return session_; }
  Status submit(std::string_view op_json, std::vector<wire::Media> blobs);
  void cancel() noexcept;  // async-signal-safe
  // The outcome as JSON, and its code; DEADLINE_EXCEEDED "wait_timeout".
  StatusOr<std::string> wait(int timeout_ms, Code* code);

 private:
  const std::shared_ptr<Session> session_;
  const std::shared_ptr<RunState> state_;
  const std::shared_ptr<EventQueue> queue_;
  const bool private_queue_;
};

// Homes that need not be open: see tau/home.h.
StatusOr<std::string> restore_home(std::string_view backup, std::string_view home, bool replace);
StatusOr<std::string> verify_home(std::string_view directory, bool* sound);

// Audit logs that need not be of a runtime: see tau/audit.h. `place`: a home or the folder of a log. `fault`:
// what is wrong, in words; empty when nothing is.
StatusOr<std::string> verify_audit(std::string_view place, std::string_view kept_head,
                                   std::string_view public_key, std::string* fault);
StatusOr<std::string> read_audit(std::string_view place, std::string_view cursor, uint32_t limit);
StatusOr<std::string> summarise_audit(std::string_view paths_json, std::string_view bytes);
StatusOr<std::string> audit_head(std::string_view place);

// The failure that an outcome document tells of.
Status outcome_status(std::string_view outcome_json, Code code);

// Facts about this build as one JSON object.
std::string build_info_json(std::string_view version, uint32_t abi_version);
bool has_feature(std::string_view name);

}  // namespace tau::runtime
