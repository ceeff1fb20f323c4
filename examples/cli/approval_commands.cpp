// tau approvals …: the calls that wait for a yes or a no, in whichever process of the home they do.
#include "client.h"
#include "clock.h"
#include "commands.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr int64_t kWaitMs = 5'000;  // to see that the other process takes it up
constexpr size_t kNameWidth = 40;
constexpr size_t kTextWidth = 4'096;
constexpr size_t kArgumentsWidth = 100'000;  // more than there can be

// "3s", "12m", "5h": of a time that has gone, or is to come.
std::string span_text(int64_t ms) {
  const int64_t seconds = std::max<int64_t>(ms, 0) / 1000;
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 7'200) return std::to_string(seconds / 60) + "m";
  return std::to_string(seconds / 3'600) + "h";
}

std::string tool_text(const Json& row, size_t width) {
  std::string text =
      one_line(row["tool"].as_string(), width) + " (" + one_line(row["effect"].as_string(), width);
  if (row["not_sandboxed"].as_bool()) text += ", not sandboxed";
  return text + ")";
}

std::string row_text(const Json& row) {
  return one_line(row["id"].as_string(), kNameWidth) + "  " + padded(row["state"].as_string(), 9) + "  " +
         padded(span_text(now_ms() - row["created_ms"].as_int()), 4) + "  " + tool_text(row, kNameWidth) +
         "  session " + one_line(row["session"].as_string(), kNameWidth) + "  by " +
         one_line(row["requester"].as_string(), kNameWidth) + "\n";
}

// What is asked comes from a model: nothing of it may look like a word of this program's.
std::string whole_text(const Json& row) {
  std::string text = one_line(row["id"].as_string(), kNameWidth) + ": " + row["state"].as_string();
  if (row["applied"].as_bool()) text += ", taken up";
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += "\n" + padded(name, 10) + " " + value;
  };
  const auto named = [&](const char* key) { return one_line(row[key].as_string(), kTextWidth); };
  add("tool", tool_text(row, kTextWidth));
  add("because", named("reason_text").empty() ? named("reason") : named("reason_text"));
  const Json& arguments = row["arguments"];
  if (!arguments.is_null()) add("arguments", one_line(arguments.dump(), kArgumentsWidth));
  if (const std::string head = row["arguments_head"].as_string(); !head.empty())
    add("arguments", one_line(head, kArgumentsWidth) + "\n           CUT: " +
                         std::to_string(row["argument_bytes"].as_int()) + " bytes in all");
  add("scope", named("scope"));
  add("session", named("session"));
  add("run", named("run"));
  add("by", named("requester"));
  add("input", named("integrity"));
  if (row["expires_ms"].as_int() != 0 && row["state"].as_string() == "waiting")
    add("expires", "in " + span_text(row["expires_ms"].as_int() - now_ms()));
  add("decided", named("decider"));
  add("note", named("note"));
  return text + "\n";
}

int decide(const Options& options, bool allow) {
  const auto client = Client::open(options);
  if (!client.ok()) return report(client.failure());
  Json request = request_of("decide");
  request.set("id", Json::string(options.id));
  request.set("allow", Json::boolean(allow));
  if (!options.note.empty()) request.set("note", Json::string(options.note));
  request.set("wait_ms", Json::number(kWaitMs));
  const auto done = (*client).perform(request);
  if (!done.ok()) return report(done.failure());
  const std::string& state = (*done)["state"].as_string();
  if (options.json) {
    if (!write_out((*done).dump() + "\n")) return kExitFailed;
  } else if (state != "withdrawn") {
    if (!write_out(state + "\n")) return kExitFailed;
    if (!(*done)["applied"].as_bool())
      write_err("tau: the decision is recorded; the process that waits has not taken it up yet\n");
  }
  if (state != "withdrawn") return kExitOk;
  return options.json ? kExitFailed
                      : report({kExitFailed, "approval_withdrawn", "nobody waits for it any more", {}});
}

}  // namespace

int command_approvals_list(const Options& options) {
  const auto client = Client::open_to_read(options);
  if (!client.ok()) return report(client.failure());
  Json request = request_of("approvals");
  request.set("all", Json::boolean(options.all));
  auto found = (*client).perform(request);
  if (!found.ok() && found.failure().reason != "no_database") return report(found.failure());
  Json rows = found.ok() ? (*found)["approvals"] : Json::array();
  if (options.json) {
    Json out = Json::object();
    out.set("approvals", rows);
    return write_out(out.dump() + "\n") ? kExitOk : kExitFailed;
  }
  std::string text;
  for (const Json& row : rows.items()) text += row_text(row);
  return write_out(text) ? kExitOk : kExitFailed;
}

int command_approvals_show(const Options& options) {
  const auto client = Client::open_to_read(options);
  if (!client.ok()) return report(client.failure());
  Json request = request_of("approval");
  request.set("id", Json::string(options.id));
  const auto row = (*client).perform(request);
  if (!row.ok()) return report(row.failure());
  return write_out(options.json ? (*row).dump() + "\n" : whole_text(*row)) ? kExitOk : kExitFailed;
}

int command_approvals_approve(const Options& options) { return decide(options, /*allow=*/true); }
int command_approvals_deny(const Options& options) { return decide(options, /*allow=*/false); }

}  // namespace cli
