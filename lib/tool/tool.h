// The public face of tool: manifests, the registry, the one executor, the built-in tools.
//
// A call goes through three phases: prepare (find, parse, validate, policy), execute, finalize (truncate,
// redact, label). Every tool, whoever provides it, passes the same executor; there is no other way in.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base.h"
#include "json/json.h"
#include "net/net.h"
#include "os/os.h"
#include "safety/safety.h"

namespace tau::tool {

// What a call can do to the world, in order of consequence.
enum class Effect : uint8_t { kPure, kRead, kWrite, kEgress, kExec, kIrreversible };
std::string_view effect_name(Effect effect);
StatusOr<Effect> parse_effect(std::string_view name);

struct Manifest {
  std::string name;  // [a-zA-Z0-9_-]{1,64}: what every provider accepts
  std::string description;
  std::string parameters = R"({"type":"object"})";  // JSON Schema
  Effect effect = Effect::kIrreversible;
  std::vector<std::string> destination_args;  // arguments that say where an effect lands: "path", "url"
  std::string resource;     // what rules of access name where no argument says it: "memory/team"
  bool idempotent = false;  // running it twice equals running it once: may be re-run after a crash
  bool parallel = false;    // may run beside other calls of the same turn
  // What it can reach is held, without gaps: commands by their confinement, files by openat2 beneath the
  // workspace, requests by the rules of egress at the socket.
  bool sandboxed = false;
  int64_t timeout_ms = 120'000;
  size_t max_result_bytes = 64 * 1024;  // finalize truncates beyond
  bool takes_handles = false;  // a handle in its arguments is meant as such, and does not stand for the text
  enum class Runs : uint8_t {
    kLoop,    // start() returns at once and completes later on the loop (processes, host events)
    kWorker,  // start() blocks: run on a worker; refused "needs_worker" when there is none
  } runs = Runs::kWorker;
};

// What a call cost in tokens of a model. It counts to the run.
struct ModelUse {
  int64_t input_tokens = 0;
  int64_t output_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t unreported_tokens = 0;  // estimated where the provider gave no count
  int64_t cost_usd_micros = 0;
  bool operator==(const ModelUse&) const = default;
};

struct Result {
  std::string content;  // text, or JSON text
  bool is_error = false;
  std::string reason;        // for an error: a stable reason code
  std::string details_json;  // for hosts, not for the model; empty or one object
  Labels labels;             // joined into the tool's own label by finalize
  bool from_held = false;    // of a call that was given held texts: it may repeat them
  std::string
      signals;  // what its wording and its data give away: names, separated by commas; see FinalizeHook
  ModelUse model_use = {};
};
Result error_result(std::string_view reason, std::string_view message);
Result error_result(const Status& status);
Result out_of_memory_result();  // the error result "out_of_memory"; allocates nothing

// A call in flight. Dropping the last reference without completing gives the error result "reply_dropped".
// complete() takes effect once; later ones are ignored. Any thread.
class Reply {
 public:
  using Sink = UniqueFunction<void(Result)>;  // must not throw
  explicit Reply(Sink sink);
  void complete(Result result) const;
  bool completed() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

struct Call {
  std::string id;  // unique within its run
  std::string name;
  std::string raw_arguments;  // as the model wrote them
  json::Value arguments;      // the one parse that policy and tool share
  Labels labels;  // joined over everything the model had seen, and the held texts among the arguments
  bool given_held = false;  // held texts are among the arguments
  SharedString principal;
  SharedString run_id;
  SharedString session_id;
};

// A question to a model about a text that the run's own model is not shown.
struct HeldQuestion {
  std::string question;
  std::string schema;  // of the answer, JSON text
  safety::AnswerForm form;
  std::string text;
  Labels labels;  // of the text
};

// Hands a call to the host program, which answers through `reply`. Supplied by the run's driver.
class HostCalls {
 public:
  virtual ~HostCalls() = default;
  virtual void call(const Call& call, Reply reply) = 0;
  // What the host is told of a call that runs, and the model is not. On the loop of the run.
  virtual void progress(const Call& call, std::string text) { (void)call, (void)text; }
  // Asks the run's model, which sees the question and nothing else, has no tools and answers in the form. One
  // at a time, on the loop of the run, which itself gives the question up when the call is cancelled. The
  // result has the labels of the text and of a model, and what it cost.
  virtual void ask_model(const Call& call, HeldQuestion question, Reply reply) {
    (void)call, (void)question;
    reply.complete(
        error_result("no_questions", "this runtime puts no questions about held texts to a model"));
  }
};

// What commands run under; os::Launcher enforces it or refuses.
struct Sandbox {
  os::Confinement confinement;  // profile kFull: none
  os::ProcessLimits limits;
};

// What requests of the tool http may do.
struct WebAccess {
  safety::Egress places;  // the rules that the client's egress policy stands on
  // What the user bound to an origin, "https://api.example.com:443"; the client's credential source knows the
  // secret by the id.
  struct Credential {
    std::string id;
    std::string origin;
    std::string header;
    std::string prefix;
  };
  std::vector<Credential> credentials;
};

// For commands whose network is a proxy (os::NetworkAccess::kProxy): they connect through Context::web. One
// for a whole program: any loop.
struct CommandProxy {
  // Of a command this many connections are told, one by one; of the others how many there were.
  static constexpr int64_t kMostTold = 100;
  net::ProxyLimits limits;  // of one command
  // Told of connections that have ended, on the loop of the run. May be empty.
  std::function<void(const Call& call, const net::ProxyRecord& record)> told;
  // How many more there were, once the command has ended. May be empty.
  std::function<void(const Call& call, int64_t connections)> told_no_more;
};

class AuditSink;

// What tools may touch.
struct Context {
  net::EventLoop* loop = nullptr;  // of the run; null under the simulator
  // Shared: a call that runs on a worker may outlive all that it was made for.
  std::shared_ptr<os::Workspace> workspace;
  std::shared_ptr<os::Launcher> launcher;
  HostCalls* host = nullptr;  // of the run
  // Of commands, "NAME=value": only PATH, HOME, LANG, TERM and TMPDIR are passed on, with plain defaults for
  // PATH, LANG and TERM. Nothing is inherited from the host.
  std::vector<std::string> environment;
  // For requests of tools, on `loop`: its egress policy is that of agents, and of credentials it has those of
  // `access` alone. Null: tools have no network.
  net::HttpClient* web = nullptr;
  std::shared_ptr<const Sandbox> sandbox;  // null: commands are not confined, nor limited
  // Results that the model was not shown, of the run's session. Null: there are none.
  const safety::Quarantine* held = nullptr;
  std::shared_ptr<const WebAccess> access = nullptr;  // null: no credentials, and every place may be private
  std::shared_ptr<const CommandProxy> proxy = nullptr;  // null: commands that need one are refused
  AuditSink* audit = nullptr;                           // of the executor, which puts it here
};

class Tool {
 public:
  virtual ~Tool() = default;
  virtual const Manifest& manifest() const = 0;
  // Runs where the manifest says. `call` and `cancelled` live as long as a copy of `reply` does. Must end in
  // exactly one reply.complete(); must not throw. `cancelled` turns true when nobody wants the result any
  // more: blocking tools poll it, others override cancel().
  virtual void start(const Call& call, const Context& context, Reply reply,
                     const std::atomic<bool>& cancelled) = 0;
  // On the loop: stop the call as fast as possible, then complete it. The default relies on `cancelled`.
  virtual void cancel(std::string_view call_id) { (void)call_id; }
  // The same, told by the very object that start() got: ids are unique within a run only. What the executor
  // calls; by default cancel(call.id).
  virtual void stop(const Call& call) { cancel(call.id); }
};

// What a session can tell policy of itself. On the run's loop.
class SessionFacts {
 public:
  virtual ~SessionFacts() = default;
  // What the user wrote so far.
  virtual const safety::UserText& user_text() const = 0;
  // The results of earlier calls, with their arguments.
  virtual void each_read(const std::function<void(const safety::EarlierRead&)>& visit) const = 0;
  // Whether a result that the model was shown had signals of injection.
  virtual bool saw_signals() const { return false; }
};

// What policy decides from.
struct Facts {
  const Call& call;
  const Manifest& manifest;
  const SessionFacts* session = nullptr;  // null: nothing is known
};

enum class Decision : uint8_t { kAllow, kAsk, kDeny };
std::string_view decision_name(Decision decision);

struct Verdict {
  Decision decision = Decision::kDeny;
  SharedString reason;       // stable code: "allowed_by_flag", "ask_by_default", "denied_by_policy", …
  std::string message = {};  // for people and for the model when denied
  int64_t policy_epoch = 0;
  SharedString binding = {};  // of kAsk: what an approval is bound to; see safety::approval_binding
  SharedString scope =
      {};  // of kAsk: what a standing permission would be for, "POST https://…"; may be empty
};

// Decides before every call. On the run's loop; must not block.
class PolicyHook {
 public:
  virtual ~PolicyHook() = default;
  virtual Verdict decide(const Facts& facts) = 0;
};

// Told of every decision and outcome, for the audit log. On the run's loop; must not block.
class AuditSink {
 public:
  virtual ~AuditSink() = default;
  // A call that was refused before policy was asked is denied for that reason; its manifest has no name when
  // there is no such tool.
  virtual void on_decision(const Facts& facts, const Verdict& verdict) = 0;
  // Before a call is executed. True: go on. Else `later` is called once, from inside or from any thread, with
  // OK, or with why the call must not be executed.
  using Admission = UniqueFunction<void(const Status& status)>;
  virtual bool admit(const Call& call, const Manifest& manifest, Admission later) {
    (void)call, (void)manifest, (void)later;
    return true;
  }
  virtual void on_result(const Call& call, const Result& result) = 0;
  // Of each connection of a command through its proxy: once when it is decided whether it is made, and once
  // at its end, before the result of the call. However many there are.
  enum class Connection : uint8_t { kDecided, kEnded };
  virtual void on_connection(const Call& call, Connection moment, const net::ProxyRecord& record) {
    (void)call, (void)moment, (void)record;
  }
};

// Sees every finished result before anything else does: takes out what must not go on, and tells what is
// suspicious. One for a whole program: on any loop; must not block.
class FinalizeHook {
 public:
  virtual ~FinalizeHook() = default;
  virtual void finalize(const Call& call, const Manifest& manifest, Result& result) = 0;
};

// Tools by name, sorted: the order in which a model sees them never changes between processes.
class Registry {
 public:
  // INVALID_ARGUMENT "invalid_manifest" (bad name, bad schema), ALREADY_EXISTS "duplicate_tool".
  Status add(std::shared_ptr<Tool> tool);
  std::shared_ptr<Tool> find(std::string_view name) const;
  std::vector<std::shared_ptr<Tool>> all() const;
  // The schema compiled at add(); null when there is no such tool.
  const json::Schema* schema(std::string_view name) const;

 private:
  struct Entry {
    std::shared_ptr<Tool> tool;
    std::shared_ptr<json::Schema> schema;
  };
  std::vector<std::pair<std::string, Entry>> tools_;
};

// The outcome of prepare: the facts that the engine needs, or why the call cannot run.
struct Prepared {
  Call call;
  std::shared_ptr<const Tool> tool;  // null when there is none of that name
  Verdict verdict;                   // meaningful when `refusal` is empty
  // "unknown_tool", "invalid_arguments", "unknown_handle", "needs_worker"; empty: may be asked
  std::string refusal;
  std::string message;
};

// Runs blocking work; supplied by the runtime.
class Workers {
 public:
  virtual ~Workers() = default;
  virtual bool available() const = 0;
  virtual void submit(net::Task task) = 0;
};

// The one executor. One per loop: owner thread only.
class Executor {
 public:
  Executor(const Registry& registry, PolicyHook& policy, AuditSink* audit, FinalizeHook* finalize,
           Workers& workers, net::Loop& loop, Context context);
  // Cancels what is in flight; its `done` is not called any more.
  ~Executor();

  // `session` is read while this runs. An argument that is the handle of a held text stands for the text,
  // with its labels: policy sees, and the tool gets, what the handle stands for.
  Prepared prepare(Call&& call, const SessionFacts* session = nullptr);
  // `done` is called on the loop, exactly once, never from inside execute(); results are finalized. The
  // manifest's timeout gives the error result "tool_timeout" and cancels the tool.
  void execute(Call&& call, UniqueFunction<void(Result)> done);
  // The call ends soon with the error result "cancelled" unless it finished first.
  void cancel(std::string_view run_id, std::string_view call_id);

 private:
  struct Impl;
  struct Flight;
  std::shared_ptr<Impl> impl_;  // tools that still run hold it, too
};

// read, write, edit, ls, glob, grep and bash, which stay inside the workspace, and http. `sandboxed`: what
// the manifest of bash says.
std::vector<std::shared_ptr<Tool>> builtin_tools(bool sandboxed = false);

// extract: reads values of closed forms out of held texts. Offered beside other tools where results are held.
// `asks`: also by a question to a model, HostCalls::ask_model().
std::shared_ptr<Tool> make_extract_tool(bool asks = false);

// What policy has to know of a call of the tool http: which URL is asked, as the tool itself reads it, and
// whether the method may change something there. INVALID_ARGUMENT as the call itself would fail.
inline constexpr std::string_view kHttpTool = "http";
struct HttpCallTraits {
  net::Url url;
  std::string method;
  bool mutating = true;  // anything but GET and HEAD
};
StatusOr<HttpCallTraits> http_call_traits(const json::Value& arguments);

}  // namespace tau::tool
