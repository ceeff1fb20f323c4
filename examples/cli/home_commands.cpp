// tau init, tau config show, tau version: the home and what is in force.
#include "client.h"
#include "commands.h"
#include "files.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr std::string_view kFirstConfig =
    R"(# Configuration of tau. Every key: docs/configuration.md; what is in force: tau config show

# The model as provider/model. Without it: a provider whose key is in the environment, else a server on this machine.
# model = "anthropic/claude-sonnet-4-5"

# The system prompt of every run.
# system = "Answer briefly."

# Built-in tools that are not offered.
# tools_disabled = ["bash"]

# [policy]
# allow = ["write", "edit"]   # need no approval
# ask = ["read"]              # need one for every call
# deny = ["bash"]             # are never called

# [limits]                    # of one run; 0: none
# max_turns = 50
# max_tokens = 0
# max_cost_usd_micros = 0     # 1000000 is a dollar
# max_wall_ms = 0

# A server that speaks the API of OpenAI's chat completions.
# [providers.my-server]
# base_url = "http://127.0.0.1:8000/v1"
# key_env = "MY_SERVER_KEY"   # the variable that holds the key; a key never stands in this file
# api_key = "secret://provider/my-server"   # or the name of a secret in the vault

# What opens the vault of secrets: tau vault init makes both.
# [vault]
# key_file = "/home/me/vault.key"

# Values that --profile fast overlays.
# [profiles.fast]
# model = "openai/gpt-5-mini"
)";

constexpr size_t kKeyWidth = 36;
constexpr size_t kValueWidth = 50;

std::string origin_of(const Json& value) {
  const std::string& source = value["source"].as_string();
  return value["origin"].as_string() + (source.empty() ? "" : " " + source);
}

}  // namespace

int command_init(const Options& options) {
  const auto client = Client::open(options);
  if (!client.ok()) return report(client.failure());
  const auto about = (*client).describe();
  if (!about.ok()) return report(about.failure());
  const std::string path = (*about)["home"].as_string() + "/tau.toml";
  const auto made = create_private_file(path, kFirstConfig);
  if (!made.ok()) return report(made.failure());
  const std::string text = "home: " + (*about)["home"].as_string() + "\nconfiguration: " + path +
                           (*made ? " (written)" : " (was there, left as it is)") +
                           "\nmodel: " + (*about)["model"].as_string() + ", because " +
                           (*about)["model_reason"].as_string() + "\n";
  return write_out(text) ? kExitOk : kExitFailed;
}

int command_config_show(const Options& options) {
  const auto client = Client::open_to_read(options);
  if (!client.ok()) return report(client.failure());
  const auto about = (*client).describe();
  if (!about.ok()) return report(about.failure());
  if (options.json) return write_out((*about).dump() + "\n") ? kExitOk : kExitFailed;
  const bool rich = stdout_is_rich();
  std::string text = "home: " + (*about)["home"].as_string() +
                     "\nworkspace: " + (*about)["workspace"].as_string() +
                     "\nmodel: " + (*about)["model"].as_string() + ", because " +
                     (*about)["model_reason"].as_string() + "\n\n";
  for (const auto& [key, value] : (*about)["config"]["values"].members()) {
    const std::string line =
        padded(key, kKeyWidth) + " " + padded(one_line(value["value"].dump(), kValueWidth), 20);
    const bool given = value["origin"].as_string() != "default";
    text += paint(rich, given ? Style::kBold : Style::kPlain, line) + "  " + origin_of(value) + "\n";
  }
  return write_out(text) ? kExitOk : kExitFailed;
}

int command_version(const Options&) {
  const uint32_t abi = tau_abi_version();
  return write_out(std::string("tau " TAU_VERSION_STRING " (libtau ") + tau_version() + ", ABI " +
                   std::to_string(abi / 1000) + "." + std::to_string(abi % 1000) + ")\n")
             ? kExitOk
             : kExitFailed;
}

}  // namespace cli
