#include "client.h"

#include <unistd.h>

#include <filesystem>

#include "env_table.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr int kStopMs = 5'000;

}  // namespace

Result<Client> Client::open(const Options& options) {
  auto config = configuration_of(options);
  if (!config.ok()) return config.failure();
  std::error_code no_directory;
  const std::string workspace =
      (options.workspace.empty() ? std::filesystem::current_path(no_directory)
                                 : std::filesystem::absolute(options.workspace, no_directory))
          .string();
  const std::string home = options.home.empty() ? read_variable("TAU_HOME") : options.home;
  const std::string helper = read_variable("TAU_EXEC_HELPER");

  tau_runtime_options wanted = TAU_RUNTIME_OPTIONS_INIT;
  wanted.flags = TAU_RUNTIME_USE_ENVIRONMENT;
  if (!options.bare) wanted.flags |= TAU_RUNTIME_USE_CONFIG_FILES;
  if (options.no_store) wanted.flags |= TAU_RUNTIME_NO_STORE;
  if (options.read_only) wanted.flags |= TAU_RUNTIME_READ_ONLY;
  wanted.home = to_tau(home);
  wanted.workspace = to_tau(workspace);
  wanted.config = to_tau(*config);
  wanted.exec_helper = to_tau(helper);
  tau_runtime* runtime = nullptr;
  tau_error* error = nullptr;
  tau_status status = tau_runtime_new(&wanted, &runtime, &error);
  Client client;
  client.runtime_.reset(runtime);
  if (status != TAU_OK) return library_failure(status, error);

  tau_queue* queue = nullptr;
  status = tau_queue_new(runtime, nullptr, &queue, &error);
  client.queue_.reset(queue);
  if (status != TAU_OK) return library_failure(status, error);
  return client;
}

Result<Client> Client::open_to_read(const Options& options) {
  Options reading = options;
  reading.read_only = !options.no_store;
  auto client = open(reading);
  if (client.ok() || !reading.read_only) return client;
  const std::string& reason = client.failure().reason;
  if (reason == "database_too_old") return open(options);
  if (reason != "no_such_database") return client;
  reading.read_only = false;
  reading.no_store = true;  // a home without a database holds no session
  return open(reading);
}

Result<Client> Client::open_to_use(const Options& options) {
  const auto home = home_of(options);
  const bool writable = home.ok() && !options.no_store && access((*home).c_str(), W_OK) == 0 &&
                        access((*home + "/tau.db").c_str(), W_OK) == 0;
  if (writable)
    if (auto client = open(options); client.ok()) return client;
  return open_to_read(options);
}

// Leases and records are settled before the process ends.
Client::~Client() {
  if (runtime_ != nullptr) tau_runtime_stop(runtime_.get(), kStopMs, nullptr);
}

Result<AgentPtr> Client::agent(std::string_view config) const {
  tau_agent* agent = nullptr;
  tau_error* error = nullptr;
  const tau_status status = tau_agent_new(runtime_.get(), to_tau(config), &agent, &error);
  if (status != TAU_OK) return library_failure(status, error);
  return AgentPtr(agent);
}

Result<SessionPtr> Client::session(tau_agent* agent, std::string_view id) {
  tau_session* session = nullptr;
  tau_error* error = nullptr;
  const tau_status status = tau_session_open(agent, to_tau(id), &session, &error);
  if (status != TAU_OK) return library_failure(status, error);
  return SessionPtr(session);
}

Result<SessionPtr> Client::existing_session(tau_agent* agent, const std::string& id) {
  auto opened = session(agent, id);
  if (!opened.ok()) return opened;
  const auto description = json_of(tau_session_describe, opened->get());
  if (!description.ok()) return description.failure();
  if ((*description)["created_ms"].as_int() == 0)
    return input_failure("no_such_session", "there is no session " + id,
                         "'tau sessions list' shows the sessions of this home");
  return opened;
}

Result<std::string> home_of(const Options& options) {
  Options closed = options;
  closed.no_store = closed.bare = true;  // what is to be mended need not be read
  const auto client = Client::open(closed);
  if (!client.ok()) return client.failure();
  return (*client).home();
}

void warn_of_missing_tools(tau_agent* agent) {
  const auto about = json_of(tau_agent_describe, agent);
  if (!about.ok()) return;
  for (const Json& tool : (*about)["unavailable"].items())
    write_err("tau: warning: the tool " + tool["name"].as_string() +
              " is not offered: " + tool["message"].as_string() + "\n");
}

Result<Json> Client::about(const Options& options) {
  Options closed = options;
  closed.no_store = true;
  const auto client = open(closed);
  if (!client.ok()) return client.failure();
  return (*client).describe();
}

Result<Json> Client::perform(const Json& request) const {
  const std::string text = request.dump();
  return json_of(tau_runtime_perform, runtime(), to_tau(text));
}

Result<Json> Client::describe() const { return json_of(tau_runtime_describe, runtime_.get()); }

std::string Client::home() const {
  const auto description = describe();
  return description.ok() ? (*description)["home"].as_string() : std::string();
}

Json request_of(std::string_view op) {
  Json request = Json::object();
  request.set("op", Json::string(op));
  return request;
}

std::string counted(const Json& report, std::string_view key, std::string_view one) {
  const int64_t n = report[key].as_int();
  return std::to_string(n) + " " + std::string(one) + (n == 1 ? "" : "s");
}

std::string contents_text(const Json& report) {
  return counted(report, "sessions", "session") + ", " + counted(report, "runs", "run") + ", " +
         bytes_text(report["bytes"].as_int());
}

}  // namespace cli
