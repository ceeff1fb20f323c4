// The program's hold on the library: a runtime, opened from the options, and what is made from it.
#pragma once

#include "failure.h"
#include "handles.h"
#include "json.h"
#include "options.h"
#include "result.h"

namespace cli {

class Client {
 public:
  // Opens home and workspace. The environment and the configuration files are read by the library.
  static Result<Client> open(const Options& options);
  // For what changes nothing in the home: works on a full disk, a read-only mount, and where no home is yet.
  static Result<Client> open_to_read(const Options& options);
  // The same, and where there is a home that can be written what was used is counted, and recorded where an
  // audit log is kept.
  static Result<Client> open_to_use(const Options& options);
  Client(Client&&) = default;
  Client& operator=(Client&&) = default;
  ~Client();

  tau_runtime* runtime() const { return runtime_.get(); }
  tau_queue* queue() const { return queue_.get(); }

  // An agent with the runtime's configuration, or with `config` over it.
  Result<AgentPtr> agent(std::string_view config = {}) const;
  // The session, made when there is none; a new one for an empty id.
  static Result<SessionPtr> session(tau_agent* agent, std::string_view id);
  // The session; NOT_FOUND when there is none.
  static Result<SessionPtr> existing_session(tau_agent* agent, const std::string& id);

  Result<Json> describe() const;
  // What tau_runtime_perform answers.
  Result<Json> perform(const Json& request) const;
  // The same of a runtime that is opened without its store, for that alone.
  static Result<Json> about(const Options& options);
  std::string home() const;

 private:
  Client() = default;
  RuntimePtr runtime_;
  QueuePtr queue_;
};

// The home that the options mean, without opening it.
Result<std::string> home_of(const Options& options);

// Names on stderr the built-in tools that the agent should have and that cannot be offered.
void warn_of_missing_tools(tau_agent* agent);

// Calls that answer with a text, and those whose text is JSON: json_of(tau_session_describe, session).
template <typename Function, typename... Arguments>
Result<std::string> text_of(Function function, Arguments... arguments) {
  Buffer out;
  tau_error* error = nullptr;
  const tau_status status = function(arguments..., out.out(), &error);
  if (status != TAU_OK) return library_failure(status, error);
  return std::string(out.view());
}

template <typename Function, typename... Arguments>
Result<Json> json_of(Function function, Arguments... arguments) {
  auto text = text_of(function, arguments...);
  if (!text.ok()) return text.failure();
  auto value = Json::parse(*text);
  if (!value) return Failure{kExitFailed, "bad_answer", "the library's answer is no JSON"};
  return *std::move(value);
}

// {"op":op}, to be completed.
Json request_of(std::string_view op);

// "2 sessions": a count of a report, in words.
std::string counted(const Json& report, std::string_view key, std::string_view one);

// What a report on a home says is in it: "2 sessions, 5 runs, 1.5 MB".
std::string contents_text(const Json& report);

}  // namespace cli
