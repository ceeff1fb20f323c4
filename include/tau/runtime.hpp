// The runtime: loops, workers, the store of a home directory, the configuration. Everything else hangs on it.
#ifndef TAU_RUNTIME_HPP
#define TAU_RUNTIME_HPP

#include <tau/home.h>
#include <tau/runtime.h>

#include <memory>
#include <tau/agent.hpp>
#include <tau/model.hpp>
#include <tau/vault.hpp>

namespace tau {
inline namespace v0 {

enum class LogLevel : uint32_t {
  kError = TAU_LOG_ERROR,
  kWarn = TAU_LOG_WARN,
  kInfo = TAU_LOG_INFO,
  kDebug = TAU_LOG_DEBUG
};

// One line of the library's log. Its views live during the call that it is given to.
struct LogRecord {
  LogLevel level;
  std::string_view module;   // "net", "store", …
  std::string_view message;  // one line, redacted
};

// Members are copied when the runtime opens. The library itself prints nothing and reads the environment only
// if told.
struct RuntimeOptions {
  std::string home = {};  // directory of sessions and configuration, created 0700; needed unless no_store, or
                          // use_environment finds $XDG_DATA_HOME/tau
  std::string workspace = {};     // directory that tools work in; empty: tools that need one are not offered
  std::string config = {};        // JSON, docs/schema/config.json; wins over files and environment
  bool no_store = false;          // durability off: sessions live in memory only, no file is written
  bool read_only = false;         // nothing of the home is made or changed; not with no_store
  bool use_environment = false;   // provider keys and TAU_* settings come from the environment
  bool use_config_files = false;  // read <home>/tau.toml and <workspace>/.tau/tau.toml
  bool manual = false;            // no loop threads: the host calls process()
  uint32_t loops = 1;             // event loops
  uint32_t workers = 2;           // threads for blocking tools; 0: none

  // Receives log records on any thread of the library; must not block, and must not throw. The function
  // belongs to the caller and outlives the runtime and all that was made from it. None: silent.
  const std::function<void(const LogRecord&)>* log = nullptr;
  LogLevel log_level = LogLevel::kWarn;  // records above it are not made
  std::string exec_helper = {};          // path of tau-exec; empty: found beside the library
  const Vault* vault = nullptr;  // for "secret://" references; the runtime becomes another owner. None: the one
                                 // that the configuration names
};

namespace detail {

inline void log(void* function, const tau_log_record* record) noexcept {
  const LogRecord shown{static_cast<LogLevel>(record->level), view(record->module), view(record->message)};
  (*static_cast<const std::function<void(const LogRecord&)>*>(function))(shown);
}

inline void notify(void* function) noexcept { (*static_cast<const std::function<void()>*>(function))(); }

// The userdata of a C callback that only reads it.
template <typename T>
void* userdata(const T* function) noexcept {
  return const_cast<T*>(function);
}

inline tau_runtime_options c_options(const RuntimeOptions& options) noexcept {
  tau_runtime_options o;
  tau_runtime_options_init(&o, sizeof o);
  o.flags = flag(options.manual, TAU_RUNTIME_MANUAL) |
            flag(options.use_environment, TAU_RUNTIME_USE_ENVIRONMENT) |
            flag(options.use_config_files, TAU_RUNTIME_USE_CONFIG_FILES) |
            flag(options.no_store, TAU_RUNTIME_NO_STORE) | flag(options.read_only, TAU_RUNTIME_READ_ONLY);
  o.home = str(options.home);
  o.workspace = str(options.workspace);
  o.config = str(options.config);
  o.loops = options.loops;
  o.workers = options.workers == 0 ? TAU_NO_WORKERS : options.workers;
  if (options.log != nullptr) o.log = log;
  o.log_userdata = userdata(options.log);
  o.log_level = static_cast<tau_log_level>(options.log_level);
  o.exec_helper = str(options.exec_helper);
  if (options.vault != nullptr) o.vault = options.vault->c();
  return o;
}

}  // namespace detail

// The ground of agents, sessions, queues and runs, which keep it alive.
// Thread: any, where nothing else is said.
class Runtime : public detail::Handle<tau_runtime, tau_runtime_unref> {
 public:
  using Handle::Handle;

  // Opens a runtime (tau_runtime_new).
  // Errors: kInvalidArgument that names the key; kPermissionDenied or kResourceExhausted when home cannot be
  // made or written; kFailedPrecondition "database_too_new"; kDataLoss "database_corrupt".
  static Result<Runtime> open(const RuntimeOptions& options) {
    const tau_runtime_options o = detail::c_options(options);
    return detail::make<Runtime>(tau_runtime_new, &o);
  }

  // Another owner of the same runtime.
  Runtime share() const noexcept { return Runtime(tau_runtime_ref(c())); }

  // Makes an agent. config: JSON (docs/schema/agent.json) over the runtime's configuration; empty: that as it
  // is (tau_agent_new).
  // Errors: kInvalidArgument that names the key.
  Result<Agent> agent(std::string_view config = {}) const {
    return detail::make<Agent>(tau_agent_new, c(), detail::str(config));
  }

  // Supplies a model whose calls are kModelCall events: answer with Run::submit, ops model_event and model_drop.
  // document: JSON, docs/schema/host_model.json (tau_runtime_add_model).
  // Errors: kInvalidArgument that names the member; kAlreadyExists "model_exists".
  Result<void> add_model(std::string_view document) const {
    tau_model model;
    tau_model_init(&model, sizeof model);
    model.document = detail::str(document);
    return detail::done(tau_runtime_add_model, c(), static_cast<const tau_model*>(&model));
  }

  // Supplies a model whose calls run `function` on a worker: void(tau::ModelCall, tau::ModelReply). It may feed
  // the reply before it returns, or move it elsewhere and return at once. A call from which an exception
  // escapes fails as "model_dropped_reply". `function` is moved or copied into the library's keeping and
  // destroyed once: at once on failure, else when no call can reach it any more.
  // Errors: as above; kFailedPrecondition "needs_worker" in a runtime without workers.
  // Thread: `function` runs on several threads at once when calls overlap.
  template <typename Function>
  Result<void> add_model(std::string_view document, Function&& function) const {
    using Kept = std::decay_t<Function>;
    static_assert(std::is_invocable_v<Kept&, const ModelCall&, ModelReply>,
                  "a model is void(tau::ModelCall, tau::ModelReply)");
    auto kept = std::make_unique<Kept>(std::forward<Function>(function));
    tau_model model;
    tau_model_init(&model, sizeof model);
    model.document = detail::str(document);
    model.invoke = detail::invoke_model<Kept>;
    model.userdata = kept.get();
    model.finalize = detail::finalize_model<Kept>;
    auto added = detail::done(tau_runtime_add_model, c(), static_cast<const tau_model*>(&model));
    if (added) static_cast<void>(kept.release());  // the library's now
    return added;
  }

  // Makes a queue that many runs may share (tau_queue_new).
  // Errors: kInvalidArgument for a loop that does not exist; kResourceExhausted without descriptors.
  Result<Queue> queue(const QueueOptions& options = {}) const {
    tau_queue_options o;
    tau_queue_options_init(&o, sizeof o);
    o.loop = options.loop;
    if (options.notify != nullptr) o.notify = detail::notify;
    o.notify_userdata = detail::userdata(options.notify);
    return detail::make<Queue>(tau_queue_new, c(), static_cast<const tau_queue_options*>(&o));
  }

  // Cancels every run, waits until all have ended and their records are durable, and refuses new ones
  // (tau_runtime_stop). In manual mode this drives all loops on the calling thread.
  // Errors: kDeadlineExceeded when something still runs; kFailedPrecondition from inside a callback.
  Result<void> stop(int32_t timeout_ms = kForever) const {
    return detail::done(tau_runtime_stop, c(), timeout_ms);
  }

  uint32_t loops() const noexcept { return tau_runtime_loops(c()); }

  // Readable when process() has work, for poll or an event loop library; owned by the runtime. -1 for a loop
  // that the runtime drives.
  int fd(uint32_t loop = 0) const noexcept { return tau_runtime_fd(c(), loop); }

  // Runs what is ready on one loop, waiting at most timeout_ms for something (tau_runtime_process). Manual
  // mode or a borrowed loop.
  // Returns: kOk when something ran; kAgain when there was nothing to do.
  // Errors: kFailedPrecondition for a loop that the runtime drives, from inside a callback, or after fork.
  // Thread: owner, of the loop.
  Result<Status> process(uint32_t loop = 0, int32_t timeout_ms = 0) const {
    return detail::status_of(tau_runtime_process, c(), loop, timeout_ms);
  }

  // The calling thread drives that loop from now on, though the runtime drives the others: a program with an
  // event loop of its own then runs agents on it without changing threads (tau_runtime_borrow_loop).
  // Errors: kUnavailable when it is borrowed; kOutOfRange; kFailedPrecondition in manual mode, after stop() or
  // from inside a callback.
  Result<void> borrow_loop(uint32_t loop) const {
    return detail::done(tau_runtime_borrow_loop, c(), loop);
  }

  // Gives a borrowed loop back; does not wait (tau_runtime_return_loop). stop() does so by itself.
  Result<void> return_loop(uint32_t loop) const {
    return detail::done(tau_runtime_return_loop, c(), loop);
  }

  // The configuration in force, each value with its origin, as JSON without secrets (tau_runtime_describe).
  Result<Text> describe() const { return detail::text_of(tau_runtime_describe, c()); }

  // Does what a request asks for, JSON: {"op":"approvals"}, {"op":"decide",…}, {"op":"usage",…}, …
  // (tau_runtime_perform, which lists them).
  // Errors: kNotFound "approval_unknown"; kFailedPrecondition "approval_decided", "approval_stale" and others;
  // kPermissionDenied; kInvalidArgument.
  Result<Text> perform(std::string_view request) const {
    return detail::text_of(tau_runtime_perform, c(), detail::str(request));
  }

  // The sessions of the home, newest first, as JSON: {"sessions":[…],"next":"…"}. limit: 1 to 1,000. after:
  // "next" of the page before (tau_session_list).
  Result<Text> sessions(uint32_t limit = 1000, std::string_view after = {}) const {
    return detail::text_of(tau_session_list, c(), limit, detail::str(after));
  }

  // Removes a session and erases what no fork shares (tau_session_remove).
  // Errors: kNotFound "no_such_session"; kUnavailable "session_busy" while a run writes it.
  Result<void> remove_session(std::string_view id) const {
    return detail::done(tau_session_remove, c(), detail::str(id));
  }

  // Copies the home, which goes on running, to a directory that does not exist yet; a report as JSON
  // (tau_home_backup).
  // Errors: kAlreadyExists "file_exists"; kFailedPrecondition "no_database"; kDataLoss "home_damaged".
  Result<Text> backup(std::string_view directory) const {
    return detail::text_of(tau_home_backup, c(), detail::str(directory));
  }

  // Removes the oldest sessions until the home keeps limits: JSON, {"max_age_days","max_bytes","dry_run"},
  // what is not said from the configuration (tau_home_prune).
  // Errors: kInvalidArgument "no_limit" or one that names the key.
  Result<Text> prune(std::string_view limits = {}) const {
    return detail::text_of(tau_home_prune, c(), detail::str(limits));
  }

  // Runs the recorded inputs of a run again and compares (tau_run_replay).
  // Errors: kDataLoss "replay_diverged" (the report says where) or "chain_broken"; kNotFound "no_such_run".
  Outcome replay(std::string_view run_id) const {
    return detail::outcome_of(tau_run_replay, c(), detail::str(run_id));
  }
};

}  // namespace v0
}  // namespace tau

#endif
