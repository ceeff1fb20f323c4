// What may be wrong with a vault: its files, its keys, its secrets.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "commands.h"
#include "finding.h"
#include "vault_access.h"

namespace cli {
namespace {

using enum Finding::Level;
constexpr mode_t kOthers = 077;

class VaultDoctor {
 public:
  VaultDoctor(const Options& options, bool ask) : options_(options), ask_(ask) {}

  std::vector<Finding> examine() {
    auto place = find_vault(options_);
    if (!place.ok()) {
      const std::string& hint = place.failure().hint;
      // Who looks at more has said that already.
      if (ask_) add(kProblem, place.failure().message, hint.empty() ? "tau doctor tells more" : hint);
      return std::move(findings_);
    }
    if (!check_files(*place)) return std::move(findings_);
    const bool can_open = ask_ || !(*place).keys.empty();
    if (!can_open) {
      add(kWarning, (*place).path + " can be opened by hand only: no run can use it",
          "name a key in tau.toml, vault.key_file for one, and add it: tau vault add-key");
      return std::move(findings_);
    }
    const auto open = open_vault(options_, /*read_only=*/true);
    if (!open.ok()) {
      add(kProblem, open.failure().message, open_fix(open.failure()));
      return std::move(findings_);
    }
    const auto about = json_of(tau_vault_describe, (*open).vault.get());
    if (!about.ok()) {
      add(kProblem, about.failure().message, open_fix(about.failure()));
    } else {
      check_keys(*about);
      check_secrets(*about);
    }
    return std::move(findings_);
  }

 private:
  void add(Finding::Level level, std::string message, std::string fix = {}) {
    findings_.push_back({level, "vault", std::move(message), std::move(fix)});
  }

  static std::string open_fix(const Failure& failure) {
    if (failure.reason == "vault_damaged" || failure.reason == "not_a_vault")
      return "restore its file from a copy";
    if (failure.reason == "vault_rolled_back")
      return "put the newer file back; for an older copy on purpose, remove its line from the anchor's file";
    if (failure.reason == "wrong_key")
      return "name the key that opens it: vault.key_file, --key-file, --passphrase";
    return failure.hint.empty() ? "tau vault list tells more" : failure.hint;
  }

  // Whether there is a vault to look into.
  bool check_files(const VaultPlace& place) {
    struct stat st {};
    if (stat(place.path.c_str(), &st) != 0) {
      if (errno == ENOENT)
        add(kOk, "there is none");
      else
        add(kProblem, place.path + ": " + std::strerror(errno), "make it readable for this user");
      return false;
    }
    const std::string anchor = place.anchor.empty() ? place.path + ".epochs" : place.anchor;
    for (const std::string& path : {place.path, anchor}) check_mode(path);
    for (const auto& [kind, name] : place.keys)
      if (kind == TAU_VAULT_KEY_FILE) check_mode(name);
    if (stat(anchor.c_str(), &st) != 0)
      add(kWarning,
          "nothing remembers how far " + place.path + " has come: an older copy would not be noticed",
          "open it once for writing: tau vault rotate --keep-master makes " + anchor);
    else if (place.anchor.empty())
      add(kOk,
          "its anchor lies beside it: who puts back both is not noticed; vault.anchor names another place");
    return true;
  }

  void check_mode(const std::string& path) {
    struct stat st {};
    if (stat(path.c_str(), &st) != 0) return;
    if ((st.st_mode & kOthers) != 0) add(kProblem, path + " is open to other users", "chmod go= " + path);
    if (st.st_uid != geteuid()) add(kProblem, path + " belongs to another user", "chown it to yours");
  }

  void check_keys(const Json& about) {
    const size_t keys = about["keys"].items().size();
    if (keys == 1)
      add(kWarning, "it has one key: without that every secret is lost",
          "add one that lies elsewhere: tau vault add-key --new-passphrase");
    else
      add(kOk, about["path"].as_string() + ": " + std::to_string(keys) + " keys, epoch " +
                   std::to_string(about["epoch"].as_int()));
    if (about["rotating"].as_bool())
      add(kWarning, "a rotation of its keys was cut off", "tau vault rotate --keep-master goes on with it");
  }

  void check_secrets(const Json& about) {
    for (const Json& record : about["damaged"].items())
      add(kProblem, "a record is damaged: " + record["claimed_name"].as_string(),
          "restore the vault's file from a copy, or store that secret again");
    for (const Json& secret : about["secrets"].items())
      if (secret["state"].as_string() == "expired")
        add(kWarning, secret["name"].as_string() + " has expired",
            "tau vault update " + secret["name"].as_string() + ", or tau vault rm it");
  }

  const Options& options_;
  const bool ask_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> check_vault(const Options& options, bool ask) {
  return VaultDoctor(options, ask).examine();
}

int command_vault_check(const Options& options) { return show_findings(options, check_vault(options, true)); }

}  // namespace cli
