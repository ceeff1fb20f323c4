// bash: one shell command, its output streamed into a bounded buffer, its whole process tree under control.
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <mutex>
#include <new>

#include "tool/builtin/builtin.h"
#include "tool/builtin/file_tool.h"
#include "tool/builtin/output_buffer.h"

namespace tau::tool {
namespace {

constexpr int64_t kDefaultTimeoutMs = 120'000;
constexpr int64_t kMaxTimeoutMs = 600'000;
constexpr int kTimeoutGraceMs = 500;  // between SIGTERM and SIGKILL when the time is up
constexpr size_t kMaxOutputBytes = 60 * 1024;
constexpr size_t kReadBytes = 64 * 1024;
constexpr int kReadsPerTurn = 4;  // then the other users of the loop have their turn

constexpr std::string_view kDescription =
    "Runs a command line with bash in the workspace and returns its output, stdout and stderr together, with "
    "the exit "
    "code when it is not 0. There is no input and no terminal. Each call is a fresh shell: cd and variables "
    "do not "
    "carry over. Every process that is still running when the command ends is killed, so do not start "
    "servers in the "
    "background. Long output keeps its beginning and end. Prefer read, grep, glob and edit for work on "
    "files.";

constexpr std::string_view kParameters = R"({"type":"object","properties":{
"command":{"type":"string","minLength":1,"description":"The command line"},
"timeout_ms":{"type":"integer","minimum":1,"maximum":600000,"description":"Kill it after so long. Default 120000"},
"cwd":{"type":"string","minLength":1,"description":"Directory to run in, relative to the workspace"}},
"required":["command"],"additionalProperties":false})";

Manifest bash_manifest(bool sandboxed) {
  Manifest m;
  m.name = "bash";
  m.description = kDescription;
  m.parameters = kParameters;
  m.effect = Effect::kExec;
  m.destination_args = {"command", "cwd"};
  // The tool keeps its own time, to answer with the output so far; the executor's is the backstop.
  m.timeout_ms = kMaxTimeoutMs + 10'000;
  m.runs = Manifest::Runs::kLoop;
  m.sandboxed = sandboxed;
  return m;
}

std::vector<std::string> clean_environment(const std::vector<std::string>& given) {
  constexpr std::array<std::string_view, 5> kNames = {"PATH=", "HOME=", "LANG=", "TERM=", "TMPDIR="};
  constexpr std::array<std::string_view, 5> kDefaults = {"/usr/local/bin:/usr/bin:/bin", "", "C.UTF-8",
                                                         "dumb", ""};
  std::vector<std::string> out;
  for (size_t i = 0; i < kNames.size(); ++i) {
    const auto at = std::find_if(given.begin(), given.end(), [&](const std::string& variable) {
      return variable.starts_with(kNames[i]);
    });
    if (at != given.end()) {
      out.push_back(*at);
    } else if (!kDefaults[i].empty()) {
      out.push_back(std::string(kNames[i]) + std::string(kDefaults[i]));
    }
  }
  return out;
}

// One running command. Owned by its handlers on the loop; when the loop dies, so does the command.
class Job : public std::enable_shared_from_this<Job> {
 public:
  Job(const Call& call, const Context& context, os::Process process, Reply reply,
      const std::atomic<bool>& cancelled, int64_t timeout_ms)
      : call_(call),
        loop_(*context.loop),
        host_(context.host),
        web_(context.web),
        audit_(context.audit),
        proxy_terms_(context.proxy),
        process_(std::move(process)),
        reply_(std::move(reply)),
        cancelled_(cancelled),
        timeout_ms_(timeout_ms),
        output_(kMaxOutputBytes) {}

  Status watch();
  void stop_if_cancelled(std::string_view call_id) {
    if (call_id != call_.id || !cancelled_) return;
    process_.kill();
    // Whom it tells and what it connects through may end now.
    host_ = nullptr;
    end_proxy();
    web_ = nullptr;
    audit_ = nullptr;
  }

 private:
  bool read_output(int max_reads);
  void on_timeout();
  void on_report();
  Status watch_listener();
  Status serve_proxy();
  void end_proxy() noexcept;
  void decided(const net::ProxyRecord& record);
  void ended(const net::ProxyRecord& record) noexcept;
  void tell(const net::ProxyRecord& record);
  void write_connections(json::Writer& details) const;
  Result make_result(const StatusOr<os::ExitReport>& report) const;

  const Call& call_;
  net::EventLoop& loop_;
  HostCalls* host_;  // this, `web_` and `audit_`: until the call is stopped
  net::HttpClient* web_;
  AuditSink* audit_;  // may be null
  const std::shared_ptr<const CommandProxy> proxy_terms_;
  os::Process process_;
  Reply reply_;  // keeps the call and `cancelled_` alive
  const std::atomic<bool>& cancelled_;
  int64_t timeout_ms_;
  OutputBuffer output_;
  net::TimerId timer_ = 0;
  bool timed_out_ = false;
  std::vector<net::ProxyRecord> connections_;  // the first ones
  int64_t connection_count_ = 0;
  int64_t refused_count_ = 0;
  std::unique_ptr<net::Proxy> proxy_;  // of the command
};

Status Job::watch() {
  const auto self = shared_from_this();
  TAU_RETURN_IF_ERROR(loop_.watch(process_.stdout_fd(), EPOLLIN, [self](uint32_t) {
    if (!self->read_output(kReadsPerTurn)) self->loop_.unwatch(self->process_.stdout_fd());
  }));
  Status status = loop_.watch(process_.status_fd(), EPOLLIN, [self](uint32_t) { self->on_report(); });
  if (status.ok()) status = watch_listener();
  if (!status.ok()) {
    loop_.unwatch(process_.stdout_fd());
    loop_.unwatch(process_.status_fd());
    return status;
  }
  timer_ = loop_.set_timer(loop_.now_ns() + timeout_ms_ * kNanosPerMilli, [self] { self->on_timeout(); });
  return ok_status();
}

// The command can connect before: the kernel keeps what waits.
Status Job::watch_listener() {
  if (process_.listener_fd() < 0) return ok_status();
  return loop_.watch(process_.listener_fd(), EPOLLIN, [self = shared_from_this()](uint32_t) {
    // Without its proxy a command has no network: what it tries fails.
    (void)self->serve_proxy();
  });
}

Status Job::serve_proxy() {
  loop_.unwatch(process_.listener_fd());
  StatusOr<os::Fd> listener = process_.take_listener();
  if (listener.status().reason() == "not_yet") return watch_listener();
  TAU_RETURN_IF_ERROR(listener.status());
  if (web_ == nullptr) return ok_status();
  TAU_ASSIGN_OR_RETURN(
      proxy_, net::Proxy::serve(loop_, *web_, listener->release(), proxy_terms_->limits,
                                {.decided = [this](const net::ProxyRecord& record) { decided(record); },
                                 .ended = [this](const net::ProxyRecord& record) { ended(record); }}));
  return ok_status();
}

// Tells of what still stands.
void Job::end_proxy() noexcept {
  if (proxy_ == nullptr) return;
  proxy_ = nullptr;
  const int64_t untold = connection_count_ - CommandProxy::kMostTold;
  if (untold <= 0 || !proxy_terms_->told_no_more) return;
  try {
    proxy_terms_->told_no_more(call_, untold);
  } catch (const std::bad_alloc&) {}
}

void Job::decided(const net::ProxyRecord& record) {
  if (audit_ != nullptr) audit_->on_connection(call_, AuditSink::Connection::kDecided, record);
}

// Called by the end of the proxy, too: what there is no memory to tell is counted all the same.
void Job::ended(const net::ProxyRecord& record) noexcept {
  ++connection_count_;
  if (record.verdict != "ok") ++refused_count_;
  try {
    if (audit_ != nullptr) audit_->on_connection(call_, AuditSink::Connection::kEnded, record);
    if (connection_count_ <= CommandProxy::kMostTold) tell(record);
  } catch (const std::bad_alloc&) {}
}

void Job::tell(const net::ProxyRecord& record) {
  connections_.push_back(record);
  if (proxy_terms_->told) proxy_terms_->told(call_, record);
  if (host_ == nullptr) return;
  host_->progress(call_, format("network: {}:{} {}, {} bytes sent, {} received\n", record.host, record.port,
                                record.verdict, record.sent_bytes, record.received_bytes));
}

void Job::write_connections(json::Writer& details) const {
  details.field("connections", connection_count_).field("connections_refused", refused_count_);
  details.key("network").begin_array();
  for (const net::ProxyRecord& record : connections_)
    details.begin_object()
        .field("host", record.host)
        .field("port", static_cast<int64_t>(record.port))
        .field("verdict", record.verdict)
        .field("sent_bytes", static_cast<int64_t>(record.sent_bytes))
        .field("received_bytes", static_cast<int64_t>(record.received_bytes))
        .end_object();
  details.end_array();
}

// False at the end of the output.
bool Job::read_output(int max_reads) {
  std::array<char, kReadBytes> buffer;
  for (int i = 0; i < max_reads; ++i) {
    const ssize_t n = ::read(process_.stdout_fd(), buffer.data(), buffer.size());
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    output_.append({buffer.data(), static_cast<size_t>(n)});
  }
  return true;
}

void Job::on_timeout() {
  timed_out_ = true;
  process_.terminate(kTimeoutGraceMs);
}

void Job::on_report() {
  const StatusOr<os::ExitReport> report = process_.read_report();
  if (!report.ok() && report.status().reason() == "still_running") return;
  const auto self = shared_from_this();  // unwatching drops the handlers that own this job
  loop_.cancel_timer(timer_);
  loop_.unwatch(process_.status_fd());
  loop_.unwatch(process_.stdout_fd());
  if (process_.listener_fd() >= 0) loop_.unwatch(process_.listener_fd());
  end_proxy();
  // All writers are dead: what the pipe holds (64 KB, or what root allows) is the rest.
  constexpr int kMaxPipeReads = 64;
  (void)read_output(kMaxPipeReads);
  reply_.complete(make_result(report));
}

Result Job::make_result(const StatusOr<os::ExitReport>& report) const {
  if (!report.ok()) return error_result(report.status());
  Result result;
  result.content = output_.text();
  if (!result.content.empty() && result.content.back() != '\n') result.content += '\n';
  if (cancelled_) {
    result.reason = "cancelled";
    result.content += "[cancelled]";
  } else if (timed_out_) {
    result.reason = "tool_timeout";
    result.content += format("[killed: not done within {} ms]", timeout_ms_);
  } else if (report->signal != 0) {
    result.reason = "killed_by_signal";
    result.content += format("[killed by signal {} ({})]", report->signal, sigabbrev_np(report->signal));
  } else if (report->exit_code != 0) {
    result.reason = "nonzero_exit";
    result.content += format("exit code {}", report->exit_code);
  } else if (result.content.empty()) {
    result.content = "[no output]";
  }
  result.is_error = !result.reason.empty();
  const os::Enforcement& by = process_.enforcement();
  json::Writer details(result.details_json);
  details.begin_object()
      .field("exit_code", report->exit_code)
      .field("signal", report->signal)
      .field("killed", report->descendants_killed)
      .field("output_bytes", static_cast<int64_t>(output_.total_bytes()))
      .field("truncated", output_.cut())
      .field("not_sandboxed", by.mechanism == os::Mechanism::kNone || !by.gaps.empty())
      .field("sandbox", os::mechanism_name(by.mechanism));
  if (by.landlock_abi > 0) details.field("landlock_abi", by.landlock_abi);
  if (proxy_terms_ != nullptr) write_connections(details);
  details.key("gaps").begin_array();
  for (const std::string& gap : by.gaps) details.string(gap);
  details.end_array().end_object();
  return result;
}

class BashTool final : public Tool {
 public:
  explicit BashTool(bool sandboxed) : manifest_(bash_manifest(sandboxed)) {}
  const Manifest& manifest() const override { return manifest_; }
  void start(const Call& call, const Context& context, Reply reply,
             const std::atomic<bool>& cancelled) override;
  void cancel(std::string_view call_id) override;

 private:
  Manifest manifest_;
  const std::string shell_ = access("/bin/bash", X_OK) == 0 ? "/bin/bash" : "/bin/sh";
  std::mutex mutex_;  // calls come from every loop
  std::vector<std::weak_ptr<Job>> jobs_;
};

void BashTool::start(const Call& call, const Context& context, Reply reply,
                     const std::atomic<bool>& cancelled) {
  if (context.loop == nullptr || context.workspace == nullptr || context.launcher == nullptr)
    return reply.complete(error_result("no_launcher", "this runtime cannot start processes"));
  os::LaunchSpec spec;
  spec.argv = {shell_, "-c", std::string(call.arguments["command"].as_string())};
  spec.env = clean_environment(context.environment);
  spec.merge_output = true;
  if (context.sandbox != nullptr) {
    spec.confinement = context.sandbox->confinement;
    spec.limits = context.sandbox->limits;
  }
  const bool needs_proxy = spec.confinement.network == os::NetworkAccess::kProxy;
  if (needs_proxy && (context.web == nullptr || context.proxy == nullptr))
    return reply.complete(error_result("no_network", "this runtime gives commands no proxy"));
  StatusOr<os::Fd> cwd = context.workspace->open_directory(call.arguments["cwd"].as_string("."));
  if (!cwd.ok()) return reply.complete(error_result(cwd.status()));
  spec.cwd = *std::move(cwd);
  StatusOr<os::Process> process = context.launcher->start(spec);
  if (!process.ok()) return reply.complete(error_result(process.status()));
  const int64_t timeout_ms = std::min(call.arguments["timeout_ms"].as_int(kDefaultTimeoutMs), kMaxTimeoutMs);
  const auto job = std::make_shared<Job>(call, context, *std::move(process), reply, cancelled, timeout_ms);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::erase_if(jobs_, [](const std::weak_ptr<Job>& j) { return j.expired(); });
    jobs_.push_back(job);
  }
  const Status watched = job->watch();
  if (!watched.ok()) reply.complete(error_result(watched));
}

void BashTool::cancel(std::string_view call_id) {
  std::vector<std::shared_ptr<Job>> live;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const std::weak_ptr<Job>& weak : jobs_)
      if (auto job = weak.lock()) live.push_back(std::move(job));
  }
  // Call ids are unique within a run only: the flag says whose call is meant.
  for (const auto& job : live) job->stop_if_cancelled(call_id);
}

}  // namespace

std::shared_ptr<Tool> make_bash_tool(bool sandboxed) { return std::make_shared<BashTool>(sandboxed); }

}  // namespace tau::tool
