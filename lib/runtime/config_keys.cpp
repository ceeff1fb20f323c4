// The table of configuration keys.
#include "runtime/config_keys.h"

#include <array>

namespace tau::runtime {
namespace {

using enum KeyType;
using enum KeyForm;
using enum KeyScope;

constexpr int64_t kMaxInteger = int64_t{1} << 53;  // exact in every JSON implementation
constexpr int64_t kMaxMs = int64_t{366} * 86'400'000;
constexpr int64_t kMaxText = 1 << 20;
constexpr int64_t kMaxList = 256;

// The shapes that several keys share.

Key in_profile(ProjectRule rule, Key key) {
  key.scope = kProfile;
  key.project = rule;
  return key;
}

Key text(std::string_view path, std::string_view help, int64_t max = 4096, KeyForm form = kText) {
  return {.path = path, .form = form, .max = max, .help = help};
}

Key integer(std::string_view path, std::string_view help, int64_t max = kMaxInteger, int64_t min = 0) {
  return {.path = path, .type = kInteger, .min = min, .max = max, .help = help};
}

Key flag(std::string_view path, std::string_view help) { return {.path = path, .type = kBool, .help = help}; }

Key string_list(std::string_view path, KeyForm form, std::string_view help, std::string_view value = "[]") {
  return {
      .path = path, .type = kStringList, .form = form, .max = kMaxList, .default_json = value, .help = help};
}

Key choice_list(std::string_view path, std::string_view choices, std::string_view help) {
  Key key = string_list(path, kChoice, help);
  key.choices = choices;
  return key;
}

Key limit(std::string_view path, std::string_view value, std::string_view help, int64_t max = kMaxInteger) {
  Key key = in_profile(ProjectRule::kLower, integer(path, help, max));
  key.zero_is_unlimited = true;
  key.default_json = value;
  return key;
}

Key with_no_default(Key key) {
  key.default_json = {};
  return key;
}

Key with_default(std::string_view value, Key key) {
  key.default_json = value;
  return key;
}

void add_agent_keys(std::vector<Key>& keys) {
  const std::string_view none = R"("")";
  keys.insert(
      keys.end(),
      {
          with_default(none, in_profile(ProjectRule::kKnownProvider,
                                        text("model", "The model as provider/model; empty: detect one.", 512,
                                             kModel))),
          {.path = "profile",
           .form = kName,
           .scope = kAgent,
           .default_json = none,
           .help = "The profile to overlay; empty: none."},
          with_default(none,
                       in_profile(ProjectRule::kNever,
                                  text("system", "The system prompt; empty: the library's own.", kMaxText))),
          in_profile(
              ProjectRule::kRemove,
              string_list(
                  "tools", kBuiltin,
                  "The built-in tools that are offered; http, too, if policy.allow names it and this is "
                  "unset. A project may only leave some out.",
                  R"(["bash","edit","glob","grep","ls","read","write"])")),
          in_profile(ProjectRule::kAdd,
                     string_list("tools_disabled", kBuiltin,
                                 "Built-in tools that are not offered though tools lists them.")),
          {.path = "response_schema",
           .type = kObject,
           .scope = kProfile,
           .help = "The JSON Schema that the final answer must satisfy."},
          {.path = "script",
           .type = kObject,
           .scope = kProfile,
           .help = "What the scripted model plays; see script.json."},
      });
}

void add_policy_and_params(std::vector<Key>& keys) {
  using enum ProjectRule;
  keys.insert(
      keys.end(),
      {
          in_profile(kNever, string_list("policy.allow", kTool, "Tools that need no approval.")),
          in_profile(kAdd, string_list("policy.ask", kTool, "Tools whose every call needs an approval.")),
          in_profile(kAdd, string_list("policy.deny", kTool, "Tools that are never called.")),
          in_profile(kNever,
                     {.path = "policy.preset",
                      .form = kChoice,
                      .default_json = R"("balanced")",
                      .choices = "permissive|balanced|strict|hardened",
                      .help = "What is decided of calls that nothing else speaks of; see monitor.md."}),
          with_no_default(in_profile(
              kNever,
              {.path = "policy.signals",
               .form = kChoice,
               .choices = "allow|ask|deny",
               .help = "What is decided of a call that acts once a result had signals of injection; unset: "
                       "the preset's."})),
          in_profile(kNever, string_list("policy.task_tools", kTool,
                                         "The only tools that may be called; empty: all that are offered.")),
          in_profile(kNever, string_list("policy.approved", kText,
                                         "Destinations that are as good as written by the user.")),
          in_profile(
              kNever,
              string_list("policy.rules", kRule,
                          "Rules on arguments: allow, ask or deny, a tool, an argument and its pattern.")),
          in_profile(kNever, string_list("policy.flows", kFlow,
                                         "Who reads what is sent to a destination: DESTINATION=READER.")),
          in_profile(kNever, string_list("policy.requests", kRequest,
                                         "Requests of the tool http that need no approval: METHOD ORIGIN.")),
          with_no_default(
              in_profile(kAdd, string_list("policy.tools.*.destinations", kText,
                                           "Arguments that say where an effect of the tool lands."))),
          in_profile(kAdd, string_list(
                               "policy.quarantine", kTool,
                               "Whose results the model is shown as handles: tools, label:web, label:tool.")),
          in_profile(kNever,
                     flag("policy.quarantine_questions",
                          "Whether the tool extract may put questions about held results to the run's model, "
                          "without tools and for a typed answer.")),
          in_profile(kNever,
                     flag("policy.tools.*.quarantine",
                          "Whether the results of the tool are held back, whatever policy.quarantine says.")),
          in_profile(kNever, integer("policy.calls_per_minute",
                                     "Calls of one run in a minute; 0: no cap; unset: the preset's.")),
          in_profile(kNever,
                     integer("policy.tool_calls_per_minute",
                             "Calls of one tool in one run in a minute; 0: no cap; unset: the preset's.")),
          in_profile(kNever,
                     integer("policy.max_calls", "Tool calls of one run; 0: no cap; unset: the preset's.")),
          in_profile(kSet, integer("params.max_tokens", "The most tokens of one answer.", kMaxInteger, 1)),
          in_profile(
              kSet,
              {.path = "params.temperature", .type = kNumber, .max = 2, .help = "Sampling temperature."}),
          in_profile(kSet, {.path = "params.top_p", .type = kNumber, .max = 1, .help = "Nucleus sampling."}),
          in_profile(kSet, integer("params.seed", "Sampling seed.", kMaxInteger, -kMaxInteger)),
          in_profile(kSet, text("params.reasoning_effort",
                                "How hard a reasoning model thinks, as its provider names it.", 32)),
      });
}

void add_limits(std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {
          limit("limits.max_turns", "50", "Model calls of one run; 0: no limit."),
          limit("limits.max_tokens", "0", "Input and output tokens of one run; 0: no limit."),
          limit("limits.max_cost_usd_micros", "0", "Cost of one run in micro-dollars; 0: no limit."),
          limit("limits.max_wall_ms", "0", "Duration of one run in milliseconds; 0: no limit.", kMaxMs),
          limit("limits.max_prompt_bytes", "67108864", "Memory of one conversation in bytes; 0: no limit."),
          limit("limits.max_parallel_tools", "8", "Tool calls that run at the same time; 0: no limit."),
          limit("limits.max_calls_per_turn", "64", "Tool calls of one answer; 0: no limit."),
          limit("limits.approval_timeout_ms", "300000", "Wait for an approval in milliseconds; 0: no limit.",
                kMaxMs),
          with_default("1", in_profile(ProjectRule::kLower,
                                       integer("limits.structured_retries",
                                               "New tries when an answer violates response_schema.", 100))),
      });
}

void add_providers(std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {
          text("providers.*.base_url",
               "Where the API is, without the dialect's path; {model} in it stands for the model.", 4096,
               kBaseUrl),
          text("providers.*.query", "The query of each request's URL: api-version=2024-10-21.", 1024),
          {.path = "providers.*.dialect",
           .form = kChoice,
           .choices = "openai_chat|openai_responses|anthropic_messages|gemini|bedrock_converse|cohere_chat|"
                      "ollama_chat",
           .help = "What the API speaks; openai_chat if unset."},
          text("providers.*.key_env", "The environment variable that holds the key.", 128, kVariable),
          text("providers.*.key_file", "The file that holds the key; closed to group and others.", 4096,
               kPath),
          {.path = "providers.*.api_key",
           .form = kKey,
           .max = 8192,
           .secret = true,
           .help =
               "The key itself, from options only; or secret://NAME, one of the vault, from the user's file "
               "too."},
          {.path = "providers.*.headers",
           .type = kStringMap,
           .form = kHeaders,
           .max = 32,
           .secret = true,
           .help = "Further headers of each request; no credentials."},
          text("providers.*.key_header", "The header that carries the key; the dialect's own if unset.", 128,
               kHeader),
          text("providers.*.key_prefix", "What stands before the key in its header.", 64),
          {.path = "providers.*.key_scheme",
           .form = kChoice,
           .choices = "header|aws_sigv4",
           .help =
               "How the key is used: sent in its header, or to sign each request for AWS; header if unset."},
          text("providers.*.aws_region", "The region to sign for; the one that the host names if unset.", 64,
               kName),
          text("providers.*.recording",
               "A file of recordings that answers in the place of a server; a relative name is one in the "
               "home."),
          flag("providers.*.record", "Whether a recorder takes down what goes to it; it does unless told."),
          integer("providers.*.context_tokens", "Size of the context window; 0: unknown."),
          integer("providers.*.max_output_tokens", "The most tokens of one answer; 0: unknown."),
          integer("providers.*.price.input", "Micro-dollars per million input tokens."),
          integer("providers.*.price.output", "Micro-dollars per million output tokens."),
          integer("providers.*.price.cached_input",
                  "Micro-dollars per million input tokens read from a cache."),
          integer("providers.*.price.cache_write",
                  "Micro-dollars per million input tokens written to a cache."),
      });
}

// Logins: who gives the tokens that providers are asked with. A project's file may set none of these.
void add_auth(std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {
          text("providers.*.auth", "The login whose token is the key: a NAME of auth.NAME.", 64, kName),
          {.path = "auth.*.kind",
           .form = kChoice,
           .choices = "oauth_pkce|oauth_device|client_credentials|service_account",
           .help = "How tokens are got: in a browser, by a code, by a client's secret, by a key."},
          text("auth.*.client_id", "The id under which the client is registered.", 512),
          text("auth.*.client_secret", "The client's secret, if it has one: secret://NAME, one of the vault.",
               512, kSecret),
          {.path = "auth.*.client_auth",
           .form = kChoice,
           .choices = "post|basic",
           .help = "How that secret is sent: in the body or as a header; post if unset."},
          text("auth.*.authorize_url", "The page where a person logs in.", 2048, kBaseUrl),
          text("auth.*.token_url", "Where tokens are given out.", 2048, kBaseUrl),
          text("auth.*.device_url", "Where codes are given out to devices.", 2048, kBaseUrl),
          text("auth.*.revoke_url", "Where tokens are taken back at logout.", 2048, kBaseUrl),
          text("auth.*.issuer", "The iss that answers to logins must have; unset: none is asked for.", 2048),
          with_no_default(string_list("auth.*.scopes", kText, "What is asked for.")),
          text("auth.*.audience",
               "For whom tokens are: the parameter audience, the aud of a service account.", 2048),
          text("auth.*.subject", "Whom a service account acts for.", 512),
          text("auth.*.key", "The key of a service account, its JSON file: secret://NAME, one of the vault.",
               512, kSecret),
          text("auth.*.key_file", "The same, the file; closed to group and others.", 4096, kPath),
          with_no_default(string_list("auth.*.params", kText, "Further parameters: NAME=VALUE.")),
          with_no_default(string_list(
              "auth.*.origins", kOrigin,
              "Who may see the token; unset: the base URLs of the providers that name this login.")),
          text("auth.*.redirect_path", "The path that a browser comes back to; /callback if unset.", 256),
      });
}

void add_routes(std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {
          with_no_default(string_list("routes.*.upstreams", kUpstream,
                                      "The models of the route: provider/model, or provider/model=WEIGHT.")),
          {.path = "routes.*.strategy",
           .form = kChoice,
           .choices = "ordered|weighted|latency|cost",
           .help = "Who is asked first: the first, by weight, the fastest, the cheapest; ordered if unset."},
          integer("routes.*.retry.max_attempts", "Attempts of one call over all upstreams.", 100, 1),
          integer("routes.*.retry.base_delay_ms", "Pause before an upstream is asked again; then it doubles.",
                  kMaxMs),
          integer("routes.*.retry.max_delay_ms", "The longest pause.", kMaxMs),
          integer("routes.*.retry.max_retry_after_ms", "A longer Retry-After is not waited for.", kMaxMs),
          integer("routes.*.retry.percent",
                  "Calls that may be repeated at an upstream, of those under way; 20 if unset.", 100),
          integer("routes.*.hedge_after_ms",
                  "Without a first byte by then a second upstream is asked, too; 0: never.", kMaxMs),
          flag("routes.*.stream_recovery",
               "A stream that breaks off begins anew at another upstream; off if unset."),
          integer("routes.*.breaker.failures", "Failures in a row that stop asking; 0: any number."),
          integer("routes.*.breaker.failure_percent", "Share of failures that stops asking; 0: any.", 100),
          integer("routes.*.breaker.min_calls", "Calls in the window before their share counts.", kMaxInteger,
                  1),
          integer("routes.*.breaker.window_ms", "The window of that share.", kMaxMs, 10),
          integer("routes.*.breaker.open_ms", "Pause before a probe; it doubles when the probe fails.",
                  kMaxMs, 1),
          integer("routes.*.breaker.max_open_ms", "The longest pause.", kMaxMs, 1),
          integer("routes.*.budget.day_usd_micros", "What the route may cost in a day (UTC); 0: no cap."),
          integer("budget.run_usd_micros", "What one run may cost; 0: no cap."),
          integer("budget.session_usd_micros", "What one session may cost; 0: no cap."),
          integer("budget.principal_day_usd_micros", "What one principal may cost in a day; 0: no cap."),
          integer("budget.day_usd_micros", "What this home may cost in a day (UTC); 0: no cap."),
          text("models.file",
               "A catalog of models over the built-in one; a relative name is one in the home; "
               "unset: models.json there, if it exists."),
      });
  const auto rule = [&](const std::array<std::string_view, 5>& paths) {
    const std::array<std::string_view, 5> help = {
        "Requests of any minute; 0: no limit.", "Tokens of any minute, answers at their most; 0: no limit.",
        "Calls at the same time; 0: no limit.", "Calls that wait for room; one more is refused.",
        "How long a call waits for room; 0: it is refused."};
    for (size_t i = 0; i < paths.size(); ++i)
      keys.push_back(integer(paths[i], help[i], i == 4 ? kMaxMs : kMaxInteger));
  };
  rule({"routes.*.limits.requests_per_minute", "routes.*.limits.tokens_per_minute",
        "routes.*.limits.concurrency", "routes.*.limits.max_waiting", "routes.*.limits.max_wait_ms"});
  rule({"routes.*.principal_limits.requests_per_minute", "routes.*.principal_limits.tokens_per_minute",
        "routes.*.principal_limits.concurrency", "routes.*.principal_limits.max_waiting",
        "routes.*.principal_limits.max_wait_ms"});
  rule({"providers.*.limits.requests_per_minute", "providers.*.limits.tokens_per_minute",
        "providers.*.limits.concurrency", "providers.*.limits.max_waiting",
        "providers.*.limits.max_wait_ms"});
}

void add_provider_transport(std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {
          integer("providers.*.deadlines.connect_ms", "To connect, in milliseconds; 0: no limit.", kMaxMs),
          integer("providers.*.deadlines.first_byte_ms", "To the first byte of the answer; 0: no limit.",
                  kMaxMs),
          integer("providers.*.deadlines.idle_ms", "Silence between bytes; 0: no limit.", kMaxMs),
          integer("providers.*.deadlines.progress_ms", "Silence between events with content; 0: no limit.",
                  kMaxMs),
          integer("providers.*.deadlines.total_ms", "One attempt as a whole; 0: no limit.", kMaxMs),
          integer("providers.*.retry.max_attempts", "Attempts of one call, the first included.", 100, 1),
          integer("providers.*.retry.base_delay_ms", "Pause before the second attempt; then it doubles.",
                  kMaxMs),
          integer("providers.*.retry.max_delay_ms", "The longest pause.", kMaxMs),
          integer("providers.*.retry.max_retry_after_ms",
                  "A longer Retry-After of the server fails the call.", kMaxMs),
      });
  add_quirk_keys(keys);
}

void add_runtime_keys(std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {
          text("access.policy",
               "The file of the policy that says who may do what; a relative name is one in the home."),
          {.path = "access.document", .type = kObject, .help = "The policy itself, in the place of a file."},
          {.path = "access.principal",
           .form = kId,
           .scope = kAgent,
           .max = 128,
           .default_json = R"("local")",
           .help = "Who acts where a run names nobody."},
          {.path = "safety.redact",
           .form = kChoice,
           .default_json = R"("all")",
           .choices = "all|secrets",
           .help = "What is taken out of texts: all: known secrets, and what models, tools and servers say "
                   "that looks like a "
                   "credential; secrets: known ones alone."},
          choice_list("safety.pii", "card|email|iban|ip|national_id|phone",
                      "Personal data to look for in what models, tools and servers say; see safety.md."),
          {.path = "safety.pii_action",
           .form = kChoice,
           .default_json = R"("redact")",
           .choices = "redact|signal",
           .help = "redact: personal data is taken out; signal: it stays, and results of tools tell of it."},
          text("network.proxy", "An HTTP proxy: http://host:port.", 4096, kOrigin),
          text("network.ca_file", "Certificate authorities; unset: the system's.", 4096, kPath),
          string_list(
              "network.private_origins", kOrigin,
              "Origins that may be reached whatever their scheme and port, at private addresses too."),
          with_default("false",
                       flag("network.allow_local_server",
                            "Detection may use a model server that another user of this machine runs.")),
          with_default("true", flag("network.native_http",
                                    "Plain http to an address or localhost goes without libcurl.")),
          with_default("false", flag("network.fetch.http", "The tool http may use http, not https alone.")),
          string_list("network.fetch.hosts", kHost,
                      "The hosts that the tool http may reach; empty: all public ones."),
          string_list("network.fetch.denied_hosts", kHost, "Hosts that the tool http never reaches."),
          text("network.fetch.credentials.*.origin", "The only origin that the credential is sent to.", 4096,
               kOrigin),
          text("network.fetch.credentials.*.secret", "The credential: secret://NAME, one of the vault.", 512,
               kSecret),
          text("network.fetch.credentials.*.key_header",
               "The header that carries it; unset: authorization, with Bearer before it.", 128, kHeader),
          text("network.fetch.credentials.*.key_prefix", "What stands before it in the header.", 64),
          text("vault.path", "The file of secrets; unset: vault in the home.", 4096, kPath),
          text("vault.key_file", "The file that holds a key of the vault; closed to group and others.", 4096,
               kPath),
          text("vault.key_env", "The environment variable that holds a key of the vault.", 128, kVariable),
          text("vault.keyring", "The entry of the kernel's user keyring that holds a key of the vault.", 128),
          text("vault.anchor",
               "The file that remembers how far the vault has come; unset: its path and .epochs.", 4096,
               kPath),
          {.path = "store.durability",
           .form = kChoice,
           .default_json = R"("full")",
           .choices = "full|relaxed",
           .help = "full: what is acknowledged survives a power cut; relaxed: a crash of the program."},
          with_default(
              "0", integer("retention.max_age_days",
                           "Sessions that did not change for so many days are removed; 0: never.", 36'500)),
          with_default(
              "0", integer("retention.max_bytes",
                           "The oldest sessions are removed while the database takes more; 0: no limit.")),
      });
}

void add_audit_keys(std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {
          with_default("true",
                       flag("audit.enabled", "What runs do is recorded in the audit log of the home.")),
          with_default("false",
                       flag("audit.required",
                            "Calls that are not pure are refused while their record cannot be written.")),
          {.path = "audit.sync",
           .form = kChoice,
           .default_json = R"("interval")",
           .choices = "interval|commit",
           .help = "interval: records are on the disk within a second; commit: at once, as audit.required "
                   "demands."},
          with_default("false",
                       flag("audit.replace_lost",
                            "An audit log whose files are gone begins anew; the first record says so.")),
          with_default("0", integer("audit.max_age_days",
                                    "Files of the audit log that are older are removed; 0: never.", 36'500)),
          with_default(
              "1073741824",
              integer("audit.max_bytes",
                      "The oldest files of the audit log are removed while it takes more; 0: no limit.")),
      });
}

void add_recording_keys(std::vector<Key>& keys) {
  keys.insert(
      keys.end(),
      {
          text("recorder.dir",
               "Where exchanges with providers are recorded, and replay/NAME looks; empty: nothing is "
               "recorded. "
               "A relative name is one in the home."),
          with_default("67108864",
                       integer("recorder.max_bytes", "A file that would grow beyond this takes no more.",
                               kMaxInteger, 1)),
          with_default("false", flag("replay.repeat", "A recording that was used answers again.")),
          with_default("false", flag("replay.timing", "Recordings answer as slowly as their servers did.")),
          with_default("0",
                       integer("cache.ttl_s",
                               "Whole answers are given again to the same request for so long; 0: none is.",
                               31'536'000)),
          with_default("16777216", integer("cache.max_bytes", "Memory for answers that are given again.",
                                           int64_t{1} << 36)),
          with_default("false",
                       flag("cache.shared", "One principal may be given what another was answered.")),
          integer("routes.*.cache.ttl_s", "As cache.ttl_s, of this route.", 31'536'000),
          integer("routes.*.cache.max_bytes", "As cache.max_bytes, of this route.", int64_t{1} << 36),
      });
}

Key choice(std::string_view path, std::string_view choices, std::string_view value, std::string_view help) {
  return {.path = path, .form = kChoice, .default_json = value, .choices = choices, .help = help};
}

void add_sandbox_keys(std::vector<Key>& keys) {
  const auto project_adds = [](Key key) {
    key.project = ProjectRule::kAdd;
    return key;
  };
  keys.insert(
      keys.end(),
      {
          choice("sandbox.profile", "workspace-write|read-only|full", R"("workspace-write")",
                 "What commands may do: write in the workspace, only read, or all that the user may."),
          with_default("false",
                       flag("sandbox.required",
                            "Commands that cannot be confined in full are refused, not asked about.")),
          choice(
              "sandbox.network", "none|loopback|host|proxy", R"("none")",
              "What commands reach: nothing, a loopback interface of their own, the host's network, or what "
              "the tool http reaches, through a proxy."),
          string_list("sandbox.writable", kPath, "Further directories that commands may write in."),
          project_adds(string_list("sandbox.protect", kText,
                                   "Further paths of the workspace that tools may not change; a '/' at the "
                                   "end: a directory.")),
          project_adds(
              string_list("sandbox.hide", kText,
                          "Paths that tools may not read: of the workspace, such as .env, or absolute.")),
          with_default("4096", integer("sandbox.proxy_mb",
                                       "What one command sends and receives through its proxy; 0: no limit.",
                                       1 << 30)),
          with_default("3600", integer("sandbox.cpu_seconds", "CPU time of one process; 0: no limit.")),
          with_default("0",
                       integer("sandbox.memory_mb", "Address space of one process; 0: no limit.", 1 << 30)),
          with_default("8192", integer("sandbox.file_mb", "Size of one file; 0: no limit.", 1 << 30)),
          with_default("4096",
                       integer("sandbox.open_files", "Open files of one process; 0: no limit.", 1 << 20)),
          with_default(
              "4096",
              integer("sandbox.processes",
                      "Processes and threads of a command; not enforced for root; 0: no limit.", 1 << 22)),
      });
}

std::vector<Key> make_keys() {
  std::vector<Key> keys;
  add_agent_keys(keys);
  add_policy_and_params(keys);
  add_limits(keys);
  add_providers(keys);
  add_provider_transport(keys);
  add_auth(keys);
  add_routes(keys);
  add_runtime_keys(keys);
  add_audit_keys(keys);
  add_memory_keys(keys);
  add_recording_keys(keys);
  add_sandbox_keys(keys);
  return keys;
}

// How far `path` goes along `pattern`: whole, a part, or not at all.
enum class Along : uint8_t { kNot, kPart, kWhole };
Along compare(std::string_view pattern, std::span<const std::string> path) {
  for (const std::string& segment : path) {
    if (pattern.empty()) return Along::kNot;
    const size_t dot = pattern.find('.');
    const std::string_view wanted = pattern.substr(0, dot);
    if (wanted != "*" ? wanted != segment : !is_config_name(segment)) return Along::kNot;
    pattern = dot == pattern.npos ? std::string_view() : pattern.substr(dot + 1);
  }
  return pattern.empty() ? Along::kWhole : Along::kPart;
}

KeyMatch find_in_scope(std::span<const std::string> path, KeyScope scope) {
  KeyMatch match;
  for (const Key& key : config_keys()) {
    if (key.scope < scope) continue;
    const Along along = compare(key.path, path);
    if (along == Along::kWhole) return {&key, false};
    if (along == Along::kPart) match.table = true;
  }
  return match;
}

}  // namespace

const std::vector<Key>& config_keys() {
  static const auto* const keys = new std::vector<Key>(make_keys());
  return *keys;
}

KeyMatch find_key(std::span<const std::string> path) {
  if (path.empty() || path[0] != "profiles") return find_in_scope(path, kRuntime);
  if (path.size() == 1 || (path.size() == 2 && is_config_name(path[1]))) return {nullptr, true};
  if (!is_config_name(path[1])) return {};
  return find_in_scope(path.subspan(2), kProfile);
}

}  // namespace tau::runtime
