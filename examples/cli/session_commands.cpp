// tau sessions: what is stored, as tables for people and as JSON.
#include <algorithm>
#include <ctime>

#include "client.h"
#include "commands.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr size_t kIdWidth = 30;
constexpr size_t kTitleWidth = 60;
constexpr size_t kResultWidth = 200;

struct Opened {
  Client client;
  AgentPtr agent;
  SessionPtr session;
};

Result<Opened> open_existing(const Options& options, bool to_read) {
  auto client = to_read ? Client::open_to_read(options) : Client::open(options);
  if (!client.ok()) return client.failure();
  auto agent = client->agent();
  if (!agent.ok()) return agent.failure();
  auto session = Client::existing_session(agent->get(), options.id);
  if (!session.ok()) return session.failure();
  return Opened{*std::move(client), *std::move(agent), *std::move(session)};
}

std::string local_time(int64_t ms) {
  const auto seconds = static_cast<time_t>(ms / 1000);
  tm parts{};
  char text[32];
  localtime_r(&seconds, &parts);
  return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts));
}

std::string row(const Json& session) {
  std::string id = session["id"].as_string();
  std::string line = padded(id, kIdWidth) + "  " + local_time(session["updated_ms"].as_int()) + "  " +
                     padded(std::to_string(session["turns"].as_int()), 5) + "  ";
  if (!session["open_run"].as_string().empty()) line += "(cut off) ";
  return line + one_line(session["title"].as_string(), kTitleWidth) + "\n";
}

// Pages through the home until `limit` sessions are there.
struct Listed {
  Json sessions = Json::array();
  bool more = false;  // than were asked for
};

Result<Listed> list_all(const Client& client, int64_t limit) {
  constexpr int64_t kPage = 100;
  Listed all;
  std::string after;
  for (int64_t left = limit; left > 0; left -= kPage) {
    const auto page = json_of(tau_session_list, client.runtime(),
                              static_cast<uint32_t>(std::min(left, kPage)), to_tau(after));
    if (!page.ok()) return page.failure();
    for (const Json& session : (*page)["sessions"].items()) all.sessions.push_back(session);
    after = (*page)["next"].as_string();
    if (after.empty()) break;
  }
  all.more = !after.empty();
  return all;
}

// What a tool gave: its text, and the types of what is none.
std::string content_text(const Json& content) {
  if (content.is_string()) return content.as_string();
  std::string out;
  for (const Json& part : content.items())
    out += part["text"].is_string() ? part["text"].as_string() : "[" + part["type"].as_string() + "]";
  return out;
}

std::string call_line(const Json& part) {
  const Json& arguments = part["arguments"];
  return "· " + part["name"].as_string() + " " +
         one_line(arguments.is_string() ? arguments.as_string() : arguments.dump(), kResultWidth) + "\n";
}

// One message as people read it: who, then text, calls and results.
std::string message_text(const Json& message, bool rich) {
  std::string out = paint(rich, Style::kBold, message["role"].as_string() + ":") + "\n";
  if (message["content"].is_string()) return out + safe_text(message["content"].as_string()) + "\n";
  for (const Json& part : message["parts"].items()) {
    const std::string& type = part["type"].as_string();
    if (type == "text") {
      out += safe_text(part["text"].as_string()) + "\n";
    } else if (type == "tool_call") {
      out += paint(rich, Style::kDim, call_line(part));
    } else if (type == "tool_result") {
      out += paint(rich, Style::kDim, "= " + one_line(content_text(part["content"]), kResultWidth) + "\n");
    } else if (type == "image" || type == "audio" || type == "file") {
      out += paint(rich, Style::kDim, "[" + type + " " + one_line(part["mime"].as_string(), 64) + "]\n");
    }
  }
  return out;
}

int print(const std::string& text) { return write_out(text) ? kExitOk : kExitFailed; }

}  // namespace

int command_sessions_list(const Options& options) {
  const auto client = Client::open_to_read(options);
  if (!client.ok()) return report(client.failure());
  const auto listed = list_all(*client, options.limit);
  if (!listed.ok()) return report(listed.failure());
  const Json& sessions = (*listed).sessions;
  if (options.json) {
    Json out = Json::object();
    out.set("sessions", sessions);
    out.set("more", Json::boolean((*listed).more));
    return print(out.dump() + "\n");
  }
  if ((*listed).more)
    write_err("tau: these are the newest " + std::to_string(options.limit) + "; --limit N shows more\n");
  if (options.ids) {
    std::string ids;
    for (const Json& session : sessions.items()) ids += session["id"].as_string() + "\n";
    return print(ids);
  }
  if (sessions.items().empty()) {
    write_err("no sessions yet\n");
    return kExitOk;
  }
  std::string text = paint(stdout_is_rich(), Style::kBold,
                           padded("ID", kIdWidth) + "  " + padded("UPDATED", 16) + "  TURNS  TITLE") +
                     "\n";
  for (const Json& session : sessions.items()) text += row(session);
  return print(text);
}

int command_sessions_show(const Options& options) {
  const auto opened = open_existing(options, /*to_read=*/true);
  if (!opened.ok()) return report(opened.failure());
  tau_session* const session = (*opened).session.get();
  if (options.json) {
    const auto text = text_of(tau_session_describe, session);
    return text.ok() ? print(*text + "\n") : report(text.failure());
  }
  const auto document = json_of(tau_session_export, session);
  if (!document.ok()) return report(document.failure());
  const bool rich = stdout_is_rich();
  const Json& about = (*document)["session"];
  std::string text = "session " + about["id"].as_string() + ", " + about["model"].as_string() + ", " +
                     std::to_string(about["turns"].as_int()) +
                     (about["turns"].as_int() == 1 ? " turn\n" : " turns\n");
  if (!about["open_run"].as_string().empty()) text += "open run: " + about["open_run"].as_string() + "\n";
  std::string run;
  for (const Json& entry : (*document)["messages"].items()) {
    if (entry["run"].as_string() != run) {
      run = entry["run"].as_string();
      const std::string heading = "run " + run + ", " + local_time(entry["time_ms"].as_int());
      text += '\n';
      text += paint(rich, Style::kDim, heading);
      text += '\n';
    }
    text += entry["purged"].as_bool() ? "(erased)\n" : message_text(entry["message"], rich);
  }
  return print(text);
}

int command_sessions_export(const Options& options) {
  const auto opened = open_existing(options, /*to_read=*/true);
  if (!opened.ok()) return report(opened.failure());
  const auto text = text_of(tau_session_export, (*opened).session.get());
  return text.ok() ? print(*text + "\n") : report(text.failure());
}

int command_sessions_fork(const Options& options) {
  const auto opened = open_existing(options, /*to_read=*/false);
  if (!opened.ok()) return report(opened.failure());
  tau_session* fork = nullptr;
  tau_error* error = nullptr;
  const tau_status status = tau_session_fork((*opened).session.get(), to_tau(options.entry),
                                             to_tau(options.fork_id), &fork, &error);
  const SessionPtr owned(fork);
  if (status != TAU_OK) return report(library_failure(status, error));
  return print(std::string(view(tau_session_id(fork))) + "\n");
}

int command_sessions_rm(const Options& options) {
  const auto client = Client::open(options);
  if (!client.ok()) return report(client.failure());
  tau_error* error = nullptr;
  const tau_status status = tau_session_remove((*client).runtime(), to_tau(options.id), &error);
  return status == TAU_OK ? kExitOk : report(library_failure(status, error));
}

int command_replay(const Options& options) {
  const auto client = Client::open_to_read(options);
  if (!client.ok()) return report(client.failure());
  Buffer text;
  tau_error* error = nullptr;
  const tau_status status = tau_run_replay((*client).runtime(), to_tau(options.id), text.out(), &error);
  const auto document = Json::parse(text.view());
  if (document && options.json) {
    if (!write_out(std::string(text.view()) + "\n")) return kExitFailed;
  } else if (document) {
    const Json& divergence = (*document)["divergence"];
    const std::string verdict = divergence.is_null()
                                    ? "identical"
                                    : "diverges at step " + std::to_string(divergence["seq"].as_int()) +
                                          " (" + divergence["kind"].as_string() + ")";
    write_out("run " + (*document)["run"].as_string() + ": " + std::to_string((*document)["steps"].as_int()) +
              " steps, " + verdict + "\ndigest " + (*document)["digest"].as_string() + "\n");
  }
  return status == TAU_OK ? kExitOk : report(library_failure(status, error));
}

}  // namespace cli
