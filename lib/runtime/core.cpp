#include "runtime/core.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <system_error>
#include <thread>

#include "runtime/access.h"
#include "runtime/auth_desk.h"
#include "runtime/environment.h"
#include "runtime/home.h"
#include "runtime/loan_desk.h"
#include "runtime/memory_desk.h"
#include "runtime/own_thread.h"

namespace tau::runtime {
namespace {

constexpr std::string_view kConfigFile = "tau.toml";
constexpr std::string_view kVaultFile = "vault";

std::shared_ptr<const tool::WebAccess> make_web_access(const Config& config) {
  auto access = std::make_shared<tool::WebAccess>(tool::WebAccess{make_fetch_rules(config), {}});
  for (const NetworkConfig::FetchCredential& bound : config.network().fetch_credentials)
    access->credentials.push_back({bound.name, bound.origin, bound.header, bound.prefix});
  return access;
}

// The whole key, and of one to sign with for AWS what is secret of it, which servers could send back alone.
Status add_key(safety::Screening& screening, std::string_view id, const Secret& key) {
  key.reveal([&](std::string_view text) {
    if (!provider::is_aws_key(text)) return;
    int part = 0;
    for (size_t at = text.find(':'); at != text.npos; at = text.find(':')) {
      text.remove_prefix(at + 1);
      (void)screening.add_secret(format("{}#{}", id, ++part), Secret(text.substr(0, text.find(':'))));
    }
  });
  return screening.add_secret(id, key);
}

// Keys come from the configuration's providers, or from the environment when that may be read.
class ConfiguredCredentials final : public net::CredentialSource {
 public:
  ConfiguredCredentials(const Config& config, Environment environment, safety::Screening& screening)
      : config_(config), environment_(std::move(environment)), screening_(screening) {}
  // A key that is used is known to the scanners before it goes out: servers may send it back.
  StatusOr<Secret> get(std::string_view credential_id, const net::Url& url) override {
    TAU_ASSIGN_OR_RETURN(Secret key, config_.credential(credential_id, url, environment_));
    (void)add_key(screening_, credential_id, key);  // too short a one cannot be told from other text
    return key;
  }

 private:
  const Config& config_;
  const Environment environment_;
  safety::Screening& screening_;
};

}  // namespace

Core::Core(RuntimeOptions options)
    : options_(std::move(options)),
      secrets_(std::make_shared<VaultSource>(options_.vault)),
      workers_(options_.workers) {
  const auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return;
  alive_page_ = static_cast<unsigned char*>(page);
  *alive_page_ = 1;
  madvise(page, size, MADV_WIPEONFORK);
}

Core::~Core() {
  close_queues();
  if (auth_ != nullptr && !forked()) {
    auth_->stop();
    auth_->finish();
  }
  // In this order: runs use the store and the log, the log uses the store, and the last answers of both are
  // posted to the loops.
  for (const auto& host : loops_) host->drop_runs();
  if (forked()) {
    (void)audit_.release();  // NOLINT: its thread and its files are the parent's
  } else if (audit_ != nullptr) {
    secrets_->watch_changes({});
    audit_.reset();
  }
  if (memory_ != nullptr) memory_->close();
  if (traffic_ != nullptr) forked() ? traffic_->forsake() : traffic_->close();
  store_.reset();
  loops_.clear();
  recorder_.reset();  // the clients of the loops use it
  if (alive_page_ != nullptr) munmap(alive_page_, static_cast<size_t>(sysconf(_SC_PAGESIZE)));
}

bool Core::forked() const { return alive_page_ != nullptr && *alive_page_ == 0; }

void Core::log(LogLevel level, std::string_view module, std::string_view message) const {
  if (!options_.log || level > options_.log_level) return;
  std::string text(message);
  if (screening_ != nullptr) Redaction(screening_->current()).clean(text, Author::kForeign);
  options_.log(level, module, text);
}

Environment Core::environment() const {
  if (!options_.use_environment) return [](std::string_view) { return std::optional<std::string>(); };
  return process_environment();
}

StatusOr<std::shared_ptr<Core>> Core::open(RuntimeOptions options) {
  const std::shared_ptr<Core> core(new Core(std::move(options)));
  TAU_RETURN_IF_ERROR(core->open_home());
  TAU_ASSIGN_OR_RETURN(core->config_, core->load_config());
  TAU_RETURN_IF_ERROR(core->open_parts());
  core->log(LogLevel::kInfo, "runtime", "opened");
  return core;
}

Status Core::open_home() {
  if (options_.home.empty() && options_.use_environment) {
    const auto environment = process_environment();
    if (const auto data = environment("XDG_DATA_HOME"); data && !data->empty()) {
      options_.home = *data + "/tau";
    } else if (const auto home = environment("HOME"); home && !home->empty()) {
      options_.home = *home + "/.local/share/tau";
    }
  }
  if (options_.no_store) return ok_status();
  if (options_.home.empty())
    return invalid_argument("no_home", "a home directory is needed, or the option to run without a store");
  if (options_.read_only) return ok_status();
  return os::make_private_dir(options_.home).annotate("home " + options_.home);
}

StatusOr<std::unique_ptr<Config>> Core::load_config() {
  std::vector<Layer> layers;
  if (options_.use_config_files) {
    if (!options_.home.empty()) {
      TAU_ASSIGN_OR_RETURN(auto user, load_file("user", options_.home + "/" + std::string(kConfigFile)));
      if (user) layers.push_back(*std::move(user));
    }
    if (!options_.workspace.empty()) {
      TAU_ASSIGN_OR_RETURN(auto project,
                           load_file("project", options_.workspace + "/.tau/" + std::string(kConfigFile)));
      if (project) layers.push_back(*std::move(project));
    }
  }
  layers.push_back(environment_layer(environment()));
  if (!options_.config_json.empty()) {
    TAU_ASSIGN_OR_RETURN(json::Value document, json::parse(options_.config_json));
    layers.push_back({"option", "option", std::move(document)});
  }
  TAU_ASSIGN_OR_RETURN(Config config, Config::merge(std::move(layers)));
  VaultConfig vault = config.vault();
  if (vault.path.empty() && !options_.home.empty())
    vault.path = options_.home + "/" + std::string(kVaultFile);
  secrets_->configure(std::move(vault), options_.use_environment, options_.read_only || options_.no_store);
  const auto lookup = [source = secrets_](const std::string& reference, std::string_view origin) {
    return source->get(reference, origin);
  };
  config = config.with_secrets(std::make_shared<const SecretLookup>(lookup)).with_host_models(host_models_);
  TAU_ASSIGN_OR_RETURN(config, with_tables(std::move(config)));
  return std::make_unique<Config>(std::move(config));
}

// The text of a table that the configuration names, or that is in the home under its usual name; nothing when
// there is none.
StatusOr<std::optional<Core::Table>> Core::load_table(std::string path, std::string_view usual,
                                                      std::string_view key) const {
  constexpr size_t kMaxTableBytes = 16u << 20;
  const bool named = !path.empty();
  if (!named && (options_.home.empty() || !options_.use_config_files)) return std::optional<Table>();
  if (!named) path = usual;
  if (!path.starts_with('/')) path = options_.home + "/" + path;
  auto text = os::read_file(path, kMaxTableBytes);
  if (!named && text.status().code() == Code::kNotFound) return std::optional<Table>();
  if (!text.ok()) return text.status().annotate(key);
  return std::optional<Table>(Table{std::move(path), *std::move(text)});
}

StatusOr<Config> Core::with_tables(Config config) const {
  TAU_ASSIGN_OR_RETURN(const auto models, load_table(config.models_file(), "models.json", "models.file"));
  if (models) {
    auto catalog = provider::ModelCatalog::parse(models->text);
    if (!catalog.ok()) return catalog.status().annotate(models->path);
    config = config.with_catalog(std::make_shared<const provider::ModelCatalog>(*std::move(catalog)));
  }
  TAU_ASSIGN_OR_RETURN(const auto quirks, load_table(config.quirks_file(), "quirks.json", "quirks.file"));
  if (quirks) {
    auto table = provider::QuirkTable::parse(quirks->text);
    if (!table.ok()) return table.status().annotate(quirks->path);
    config =
        config.with_quirks(std::make_shared<const provider::QuirkTable>(provider::QuirkTable::with(*table)));
  }
  return config;
}

Status Core::open_parts() {
  const Environment env = environment();
  for (const std::string_view name : {"PATH", "HOME", "LANG", "TERM", "TMPDIR"})
    if (const auto value = env(name)) command_environment_.push_back(std::string(name) + "=" + *value);
  screening_ = std::make_shared<safety::Screening>(config_->rule_choice());
  result_screen_.emplace(screening_);
  config_->for_each_key(env, [this](std::string_view id, const Secret& key) {
    if (!add_key(*screening_, id, key).ok())
      log(LogLevel::kWarn, "safety", format("the key of {} is too short to be recognised in texts", id));
  });
  secrets_->watch([screening = screening_](std::string_view reference, const Secret& secret) {
    if (is_state_reference(reference)) return;
    (void)screening->add_secret(reference, secret);  // too short a one cannot be told from other text
  });
  // One that cannot be opened fails whoever needs it.
  if (const Status vault = secrets_->open_if_configured(); !vault.ok() && vault.code() != Code::kNotFound)
    log(LogLevel::kWarn, "vault", vault.message());
  egress_ = keep_secrets(make_egress_policy(*config_), screening_);
  fetch_egress_ = keep_secrets(make_fetch_policy(*config_), screening_);
  credentials_ = std::make_unique<ConfiguredCredentials>(*config_, env, *screening_);
  fetch_credentials_ = make_fetch_credentials(*config_, screening_);
  auth_ = std::make_shared<AuthDesk>(AuthDesk::Setup{
      .config = *config_, .secrets = secrets_, .log = [this](bool bad, std::string_view text) {
        log(bad ? LogLevel::kWarn : LogLevel::kInfo, "auth", text);
      }});
  web_access_ = make_web_access(*config_);
  if (!options_.workspace.empty()) {
    const SandboxPlaces places = {options_.workspace, options_.home, env("HOME").value_or("")};
    TAU_RETURN_IF_ERROR(open_workspace(places));
    open_command_proxy();
    auto launcher = os::Launcher::create({.helper_path = options_.exec_helper, .build_helper_path = {}});
    launcher_failure_ = launcher.status();
    if (launcher.ok()) {
      launcher_ = *std::move(launcher);
    } else if (!options_.exec_helper.empty()) {
      return launcher_failure_;
    } else {
      log(LogLevel::kWarn, "runtime", launcher_failure_.message());
    }
  }
  const AccessConfig access = config_->access();
  principal_ = access.principal;
  TAU_ASSIGN_OR_RETURN(access_, AccessControl::make(access, options_.home, workspace_));
  TAU_RETURN_IF_ERROR(open_store());
  traffic_ = std::make_shared<provider::Traffic>(system_clock(), make_loan_desk(*store_), config_->budgets());
  open_audit();
  memory_ = std::make_unique<MemoryDesk>(*this);
  open_recorder();
  for (uint32_t i = 0; i < options_.loops; ++i) {
    TAU_ASSIGN_OR_RETURN(auto host, LoopHost::create(*this));
    loops_.push_back(std::move(host));
  }
  return ok_status();
}

Status Core::authorize(std::string_view principal, std::string_view action, std::string_view resource) const {
  if (access_ == nullptr) return ok_status();
  return access_->authorize(principal.empty() ? access_->principal() : principal, action, resource);
}

void Core::open_command_proxy() {
  if (demanded_sandbox_.confinement.network != os::NetworkAccess::kProxy) return;
  auto proxy = std::make_shared<tool::CommandProxy>();
  proxy->limits.max_bytes = command_traffic_bytes(*config_);
  proxy->told = [this](const tool::Call& call, const net::ProxyRecord& record) {
    const bool good = record.verdict == "ok";
    log(good ? LogLevel::kInfo : LogLevel::kWarn, "egress",
        format("a command (call {}) {} {}:{}: {}, {} bytes sent, {} received", call.id,
               good ? "connected to" : "asked for", record.host, record.port, record.verdict,
               record.sent_bytes, record.received_bytes));
  };
  proxy->told_no_more = [this](const tool::Call& call, int64_t connections) {
    log(LogLevel::kWarn, "egress",
        format("a command (call {}) made {} connections more, which are not told one by one", call.id,
               connections));
  };
  command_proxy_ = std::move(proxy);
}

Status Core::open_store() {
  if (options_.no_store) {
    store_ = store::make_memory_store(system_clock());
    return ok_status();
  }
  store::StoreOptions store_options;
  store_options.path = database_path(options_.home);
  store_options.read_only = options_.read_only;
  store_options.durability =
      config_->relaxed_durability() ? store::Durability::kRelaxed : store::Durability::kFull;
  store_options.retention = config_->retention();
  TAU_ASSIGN_OR_RETURN(store_, store::open_store(store_options, system_clock()));
  return ok_status();
}

// Who keeps nothing, or only reads, records nothing; where records are required that is a log that fails.
void Core::open_audit() {
  const AuditConfig config = config_->audit();
  const bool writes = !options_.no_store && !options_.read_only;
  if (!config.enabled || (!writes && !config.required)) return;
  audit_ = std::make_unique<Audit>(Audit::Setup{
      .config = config,
      .home = options_.home,
      .config_text = [this] { return config_->describe(); },
      .screening = screening_,
      .store = writes ? store_.get() : nullptr,
      .secrets = secrets_,
      .report = [this](const Status& problem) { log(LogLevel::kError, "audit", problem.message()); }});
  secrets_->watch_changes([audit = audit_.get()](std::string_view action, std::string_view target) {
    using namespace observe;
    audit->note(Record(Kind::kVaultChanged).set(Text::kAction, action).set(Text::kTarget, target));
  });
}

// The paths of the configuration and those of the kernel meet without symlinks in between.
Status Core::open_workspace(SandboxPlaces places) {
  TAU_ASSIGN_OR_RETURN(const auto plain, os::Workspace::open(places.workspace));
  places.workspace = plain->root();
  if (!places.home.empty())
    if (const auto home = os::Workspace::open(places.home); home.ok()) places.home = (*home)->root();
  TAU_ASSIGN_OR_RETURN(demanded_sandbox_, make_sandbox(*config_, places));
  TAU_ASSIGN_OR_RETURN(workspace_,
                       os::Workspace::open(options_.workspace, demanded_sandbox_.confinement.rules));
  return ok_status();
}

const EffectiveSandbox& Core::sandbox() {
  if (launcher_ == nullptr) return sandbox_;
  std::call_once(sandbox_settled_, [this] {
    const bool required = config_->document()["sandbox"]["required"].as_bool();
    sandbox_ = settle_sandbox(demanded_sandbox_, required, *launcher_);
    if (!sandbox_.notice.empty()) log(LogLevel::kWarn, "runtime", sandbox_.notice);
  });
  return sandbox_;
}

const Detected& Core::detected() {
  const std::lock_guard lock(mutex_);
  if (!detected_) {
    const bool any_owner = config_->network().allow_local_server;
    const bool may_look = options_.use_environment || any_owner;
    const auto local = [any_owner] { return find_local_server(system_clock(), 1'000, any_owner); };
    detected_ = detect_model(*config_, environment(),
                             may_look ? std::function<std::optional<Detected>()>(local) : nullptr);
  }
  return *detected_;
}

Status Core::start_threads() {
  // Loop threads take no signals: those are the host's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const Status started = start_each_thread();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

Status Core::start_each_thread() {
  try {
    for (uint32_t i = 0; i < loop_count(); ++i) {
      const std::lock_guard lock(loop_threads_->mutex);
      std::thread([core = shared_from_this(), threads = loop_threads_, i]() mutable {
        const OwnThread mark;
        core->loop(i).run_until_stopped();
        core.reset();
        const std::lock_guard last(threads->mutex);
        if (--threads->running == 0) threads->none.notify_all();
      }).detach();
      ++loop_threads_->running;
    }
  } catch (const std::system_error& error) {
    return resource_exhausted("no_thread", error.what());
  } catch (const std::bad_alloc&) { return Status::out_of_memory(); }
  return ok_status();
}

void Core::stop_threads() {
  for (const auto& host : loops_) host->request_stop();
}

void Core::wait_threads() {
  std::unique_lock lock(loop_threads_->mutex);
  loop_threads_->none.wait(lock, [this] { return loop_threads_->running == 0; });
}

void Core::begin_stop() {
  stopping_ = true;
  if (auth_ != nullptr) auth_->stop();
  if (memory_ != nullptr) memory_->stop_watches();
}

void Core::depart() { departure_.emplace(); }

void Core::run_started() { active_runs_.fetch_add(1); }

void Core::run_ended() {
  if (active_runs_.fetch_sub(1) != 1) return;
  const std::lock_guard lock(mutex_);
  idle_.notify_all();
}

bool Core::wait_idle(int timeout_ms) {
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return active_runs_ == 0; };
  if (timeout_ms < 0) {
    idle_.wait(lock, ready);
    return true;
  }
  return idle_.wait_for(lock, std::chrono::milliseconds(timeout_ms), ready);
}

void Core::add_queue(const std::shared_ptr<EventQueue>& queue) {
  const std::lock_guard lock(mutex_);
  std::erase_if(queues_, [](const std::weak_ptr<EventQueue>& q) { return q.expired(); });
  queues_.push_back(queue);
}

// Allocates nothing.
void Core::close_queues() {
  std::vector<std::weak_ptr<EventQueue>> open;
  {
    const std::lock_guard lock(mutex_);
    open.swap(queues_);
  }
  for (const auto& weak : open)
    if (const auto queue = weak.lock()) queue->close();
}

}  // namespace tau::runtime
