// What the command line said.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "memory_options.h"
#include "result.h"

namespace cli {

// A way into a vault; at most one member is set.
struct KeyOptions {
  std::string file;
  std::string variable;
  std::string keyring;
  std::string passphrase_file;
  int passphrase_fd = -1;
  bool passphrase = false;  // ask for it
};

struct Options {
  std::string command;  // "run", "chat", "sessions list", …

  // Of every command that opens a runtime.
  std::string home;
  std::string workspace;
  std::string profile;
  std::string principal;
  std::vector<std::string> settings;  // KEY=VALUE
  bool no_store = false;
  bool read_only = false;
  bool bare = false;  // no configuration file is read
  bool json = false;

  // Of those that talk to a model.
  std::string model;
  std::string system;
  std::string tools;
  bool no_tools = false;
  std::vector<std::string> allow;
  std::vector<std::string> deny;
  std::string max_turns;
  std::string max_tokens;
  std::string max_cost_usd;
  std::string timeout_seconds;

  std::string prompt;
  bool has_prompt = false;
  std::string session;
  std::string schema_file;
  bool quiet = false;
  bool resume = false;
  bool abandon = false;
  bool stdio = false;

  std::string id;       // of a session, or of the run to replay
  std::string entry;    // --at
  std::string fork_id;  // --as
  int64_t limit = 50;   // sessions to list
  bool ids = false;     // only their ids

  // Of usage.
  std::vector<std::string> groups;  // that it is told apart by
  std::string since;
  std::string until;
  int64_t usage_limit = 100;
  bool chart = false;  // also where there is no terminal

  bool all = false;              // approvals that nobody waits for any more, models without a key, too
  std::string note;              // of a decision
  bool await_approvals = false;  // of another process

  std::string pattern;  // of the models to list

  bool strict = false;      // of a scan: signals fail it, too
  bool with_vault = false;  // of a scan: for the secrets of the vault

  std::string directory;  // of a backup, or of the home to verify
  bool replace = false;
  std::string older_than;
  std::string max_size;
  bool dry_run = false;
  std::string shell;  // to complete for
  std::string topic;  // of the manual page

  // Of an audit log. `directory` is its folder or a home, `limit` the records to begin with, `file` a kept
  // head.
  std::string public_key;
  bool follow = false;
  std::vector<std::string> paths;  // to sum up

  // Of a vault. `id` is the name of a secret.
  std::string vault;   // its file
  KeyOptions key;      // that opens it
  KeyOptions new_key;  // that is added
  std::string label;
  std::string origin;
  bool local = false;  // no origin
  std::string file;    // that holds a value, is imported, checked or scanned
  std::string output;
  bool reveal = false;
  std::string expires_in;
  bool never = false;
  std::string grace;
  bool keep_master = false;
  std::vector<std::string> origins;  // NAME=URL
  std::string old_passphrase_file;

  // Of logins. `id` is the name of one.
  bool device = false;
  bool no_browser = false;

  MemoryOptions memory;

  // Of identities and of a policy. `id` is the name of an identity, a DID, or a principal.
  std::string did;
  std::string audience;
  std::string purpose;
  std::vector<std::string> documents;  // files
  std::string action;
  std::string resource;
};

// --set and the flags as one configuration document (docs/schema/config.json); empty when they say nothing.
Result<std::string> configuration_of(const Options& options);

// Nothing when --allow and --deny name built-in tools: a tool that is misspelt would be neither.
std::optional<Failure> check_tool_names(const Options& options);

// --timeout in milliseconds; 0 without it.
Result<int64_t> deadline_of(const Options& options);

}  // namespace cli
