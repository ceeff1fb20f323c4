#include "os/confinement_plan.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdlib>
#include <map>
#include <optional>
#include <span>

#include "os/exec/protocol.h"
#include "os/git_dirs.h"

namespace tau::os {
namespace {

constexpr const char* kInnerHelper = "/run/tau-exec";
constexpr const char* kTmpBytes = "2147483648";
// Of a directory that holds something hidden: what is beyond gets no rule and cannot be read.
constexpr size_t kMaxSiblings = 16'384;

std::optional<std::string> real_path(const std::string& path) {
  std::array<char, PATH_MAX> out;
  if (realpath(path.c_str(), out.data()) == nullptr) return std::nullopt;
  return std::string(out.data());
}

enum class Kind : uint8_t { kMissing, kFile, kDirectory, kLink };

Kind kind_of(const std::string& path) {
  struct stat st;
  if (lstat(path.c_str(), &st) != 0) return Kind::kMissing;
  if (S_ISLNK(st.st_mode)) return Kind::kLink;
  return S_ISDIR(st.st_mode) ? Kind::kDirectory : Kind::kFile;
}

bool is_beneath(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.size() > 1;
  return path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/';
}

bool is_at_or_beneath(std::string_view path, std::string_view directory) {
  return path == directory || is_beneath(path, directory);
}

std::string child_of(const std::string& directory, std::string_view name) {
  return directory == "/" ? format("/{}", name) : format("{}/{}", directory, name);
}

std::string rule(exec::RuleKind kind, std::string_view path) {
  return format("{}{}", static_cast<char>(kind), path);
}

void add_once(std::vector<std::string>& list, std::string_view word) {
  if (std::ranges::find(list, word) == list.end()) list.emplace_back(word);
}

// The paths of a confinement as they are on this machine now.
struct Paths {
  std::vector<std::string> roots;
  std::vector<std::string> hidden;
};

StatusOr<Paths> resolve(const Confinement& confinement) {
  Paths out;
  for (const std::string& root : confinement.roots) {
    const std::optional<std::string> real = real_path(root);
    if (!root.starts_with('/') || !real || kind_of(*real) != Kind::kDirectory)
      return invalid_argument("invalid_sandbox", format("\"{}\" is not the path of a directory", root));
    const bool is_kernels = std::ranges::any_of(
        std::array{"/proc", "/sys", "/dev"}, [&](const char* own) { return is_at_or_beneath(*real, own); });
    if (is_kernels || *real == "/run")
      return invalid_argument("invalid_sandbox", format("\"{}\" cannot be opened to commands", root));
    add_once(out.roots, *real);
  }
  std::vector<std::string> hidden = confinement.hidden;
  for (const std::string& root : out.roots)
    for (const std::string& entry : confinement.rules.hidden) hidden.push_back(child_of(root, entry));
  for (const std::string& path : hidden) {
    const std::optional<std::string> real = real_path(path);
    const bool is_root = real && std::ranges::find(out.roots, *real) != out.roots.end();
    if (real && *real != "/" && !is_root) add_once(out.hidden, *real);
  }
  return out;
}

// Mounts by their place, so that an outer one comes before what is put into it.
using Mounts = std::map<std::string, std::vector<std::string>>;

// Pins the directories on the way from `root` to `entry`: each becomes a mount of its own, and such cannot be
// renamed. Else the command would move the whole away, and what the rules are about would have another name.
void pin_parents(Mounts& mounts, const std::string& root, std::string_view entry) {
  for (size_t slash = entry.find('/'); slash != entry.npos; slash = entry.find('/', slash + 1)) {
    const std::string path = child_of(root, entry.substr(0, slash));
    if (kind_of(path) != Kind::kDirectory) return;
    mounts.try_emplace(path, std::vector<std::string>{"--bind", path, path});
  }
}

// The first component of root/entry that is no directory, or the whole.
Kind follow(const std::string& root, std::string_view entry, std::string& path) {
  path = root;
  Kind kind = Kind::kDirectory;
  while (!entry.empty() && kind == Kind::kDirectory) {
    const size_t slash = entry.find('/');
    path = child_of(path, entry.substr(0, slash));
    entry.remove_prefix(slash == entry.npos ? entry.size() : slash + 1);
    kind = kind_of(path);
  }
  return kind;
}

void keep_read_only(Mounts& mounts, const std::string& root, std::string_view entry, bool make,
                    std::vector<std::string>& gaps) {
  const bool is_directory = entry.ends_with('/');
  while (entry.ends_with('/')) entry.remove_suffix(1);
  std::string path;
  Kind kind = follow(root, entry, path);
  const bool may_make = make && is_directory && kind == Kind::kMissing && path == child_of(root, entry);
  if (may_make && mkdir(path.c_str(), 0777) == 0) kind = Kind::kDirectory;
  if (kind == Kind::kMissing) return;
  if (kind == Kind::kLink) return add_once(gaps, "read_only_symlink");
  pin_parents(mounts, root, entry);
  mounts[path] = {"--ro-bind", path, path};
}

void hide(Mounts& mounts, std::vector<std::string>& closed, const std::string& path) {
  if (kind_of(path) == Kind::kDirectory) {
    // Listable and passable: a root may lie inside. Closed to writing when all mounts are in place.
    mounts[path] = {"--perms", "0555", "--tmpfs", path};
    closed.insert(closed.end(), {"--remount-ro", path});
  } else {
    mounts[path] = {"--ro-bind", "/dev/null", path};
  }
}

std::vector<std::string> base_arguments(const PlanInput& input, bool everything_is_writable) {
  std::vector<std::string> args = {
      input.status.bubblewrap, "--unshare-user", "--unshare-pid",     "--unshare-ipc", "--unshare-uts",
      "--unshare-cgroup-try",  "--as-pid-1",     "--die-with-parent", "--cap-drop",    "ALL"};
  if (input.confinement.network != NetworkAccess::kHost) args.emplace_back("--unshare-net");
  args.emplace_back(everything_is_writable ? "--bind" : "--ro-bind");
  for (const char* word : {"/", "/", "--dev", "/dev", "--proc", "/proc", "--perms", "1777", "--size",
                           kTmpBytes, "--tmpfs", "/tmp", "--perms", "0755", "--tmpfs", "/run", "--ro-bind"})
    args.emplace_back(word);
  args.push_back(input.helper);
  args.emplace_back(kInnerHelper);
  if (input.confinement.network == NetworkAccess::kHost) {
    for (const std::string_view name : {"resolv.conf", "stub-resolv.conf"}) {
      const std::string path = format("/run/systemd/resolve/{}", name);
      for (const std::string& word : {std::string("--ro-bind-try"), path, path}) args.push_back(word);
    }
  }
  return args;
}

ConfinementPlan plan_bubblewrap(const PlanInput& input, const Paths& paths) {
  const bool writes = input.confinement.profile == Profile::kWorkspaceWrite;
  ConfinementPlan plan;
  plan.enforcement.mechanism = Mechanism::kBubblewrap;
  Mounts mounts;
  std::vector<std::string> closed;
  // "/" itself comes first, under what the command has of its own.
  for (const std::string& root : paths.roots)
    if (root != "/") mounts[root] = {writes ? "--bind" : "--ro-bind", root, root};
  if (writes) {
    for (const std::string& root : paths.roots)
      for (const std::string& entry : input.confinement.rules.read_only)
        keep_read_only(mounts, root, entry, input.make_directories, plan.enforcement.gaps);
    for (const GitEntry& entry : linked_git_entries(paths.roots))
      keep_read_only(mounts, entry.root, entry.path, input.make_directories, plan.enforcement.gaps);
  }
  for (const std::string& path : paths.hidden) {
    bool seen = false;
    for (const std::string& root : paths.roots) {
      if (!is_beneath(path, root)) continue;
      seen = true;
      if (writes) pin_parents(mounts, root, std::string_view(path).substr(root == "/" ? 1 : root.size() + 1));
    }
    const bool covered_anyway =
        std::ranges::any_of(std::array{"/tmp", "/run", "/dev", "/proc"},
                            [&](const char* own) { return is_at_or_beneath(path, own); });
    if (seen || !covered_anyway) hide(mounts, closed, path);
  }
  if (kind_of("/var/run") == Kind::kDirectory) hide(mounts, closed, "/var/run");
  plan.wrap = base_arguments(input, writes && std::ranges::find(paths.roots, "/") != paths.roots.end());
  for (const auto& [path, words] : mounts) plan.wrap.insert(plan.wrap.end(), words.begin(), words.end());
  plan.wrap.insert(plan.wrap.end(), closed.begin(), closed.end());
  for (const char* word : {"--chdir", input.cwd.c_str(), "--", kInnerHelper, exec::kVersion, exec::kInit})
    plan.wrap.emplace_back(word);
  plan.rules = {"r/", "w/tmp", "w/dev/shm", "d/dev"};
  if (writes)
    for (const std::string& root : paths.roots) plan.rules.push_back(rule(exec::kWrite, root));
  if (input.confinement.network == NetworkAccess::kHost && input.status.landlock_abi < 6)
    add_once(plan.enforcement.gaps, "abstract_sockets");
  return plan;
}

// Landlock only grants, and what it grants on a directory holds for all beneath. So to hide a path, all that
// lies beside it and beside the directories above it is granted one by one. Links get nothing: where they
// lead is granted, or not, by itself.
void grant_around(const std::string& path, std::span<const std::string> hidden,
                  std::vector<std::string>& rules) {
  const auto is_here = [&](const std::string& h) { return is_at_or_beneath(path, h); };
  if (std::ranges::any_of(hidden, is_here)) return;
  const auto is_inside = [&](const std::string& h) { return is_beneath(h, path); };
  if (std::ranges::none_of(hidden, is_inside)) return rules.push_back(rule(exec::kRead, path));
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return;
  size_t siblings = 0;
  while (const struct dirent* entry = readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || entry->d_type == DT_LNK) continue;
    if (++siblings > kMaxSiblings) break;
    grant_around(child_of(path, name), hidden, rules);
  }
  closedir(directory);
}

ConfinementPlan plan_landlock(const PlanInput& input, const Paths& paths) {
  const bool writes = input.confinement.profile == Profile::kWorkspaceWrite;
  ConfinementPlan plan;
  plan.enforcement.mechanism = Mechanism::kLandlock;
  plan.needs_private_tmp = true;
  std::vector<std::string> hidden = paths.hidden;
  for (const char* shared : {"/dev", "/run", "/tmp", "/var/run"})
    if (const auto real = real_path(shared)) add_once(hidden, *real);
  grant_around("/", hidden, plan.rules);
  for (const char* device : {"null", "zero", "full", "random", "urandom", "tty"})
    plan.rules.push_back(rule(exec::kDevice, format("/dev/{}", device)));
  if (input.confinement.network == NetworkAccess::kHost)
    plan.rules.emplace_back("r/run/systemd/resolve/resolv.conf"),
        plan.rules.emplace_back("r/run/systemd/resolve/stub-resolv.conf");
  std::vector<std::string>& gaps = plan.enforcement.gaps;
  for (const std::string& root : paths.roots) {
    if (!writes) {
      grant_around(root, paths.hidden, plan.rules);
      continue;
    }
    plan.rules.push_back(rule(exec::kWrite, root));
    if (std::ranges::any_of(paths.hidden, [&](const std::string& h) { return is_beneath(h, root); }))
      add_once(gaps, "hidden_paths");
  }
  if (writes && !paths.roots.empty() && !input.confinement.rules.read_only.empty())
    add_once(gaps, "read_only_paths");
  if (input.status.landlock_abi < 6) add_once(gaps, "signals");
  return plan;
}

Status unavailable_here(const PlanInput& input, std::string_view what) {
  const ConfinementStatus& s = input.status;
  std::string message = format("the command cannot be confined as demanded: {}", what);
  message += format("; bubblewrap: {}", s.bubblewrap.empty() ? s.bubblewrap_defect : s.bubblewrap);
  message += s.landlock_abi > 0 ? format("; Landlock ABI {}", s.landlock_abi) : "; no Landlock";
  if (!s.seccomp) message += "; no seccomp filters";
  return failed_precondition("sandbox_unavailable", message);
}

}  // namespace

StatusOr<ConfinementPlan> plan_confinement(const PlanInput& input) {
  const Confinement& demanded = input.confinement;
  if (input.status.best == Mechanism::kNone)
    return unavailable_here(input, "this machine offers no mechanism");
  if (demanded.network == NetworkAccess::kLoopback && input.status.best != Mechanism::kBubblewrap)
    return unavailable_here(input, "a loopback interface of its own needs bubblewrap");
  if (demanded.network == NetworkAccess::kProxy && input.status.best != Mechanism::kBubblewrap)
    return unavailable_here(input,
                            "a network with nothing but a proxy needs bubblewrap: Landlock knows ports, "
                            "not addresses");
  TAU_ASSIGN_OR_RETURN(const Paths paths, resolve(demanded));
  const bool wrapped = input.status.best == Mechanism::kBubblewrap;
  ConfinementPlan plan = wrapped ? plan_bubblewrap(input, paths) : plan_landlock(input, paths);
  plan.enforcement.landlock_abi = input.status.landlock_abi;
  plan.flags = exec::kConfined;
  if (input.status.landlock_abi > 0) plan.flags |= exec::kLandlock;
  if (demanded.network == NetworkAccess::kNone) plan.flags |= exec::kNoSockets;
  if (demanded.network == NetworkAccess::kProxy) plan.flags |= exec::kProxy;
  if (!wrapped) plan.flags |= exec::kSharedSystem;
  if (!wrapped && input.status.landlock_abi < 3) plan.flags |= exec::kNoTruncate;
  const std::vector<std::string>& gaps = plan.enforcement.gaps;
  if (!gaps.empty() && !demanded.accept_gaps) {
    std::string names;
    for (const std::string& gap : gaps) names += (names.empty() ? "" : ", ") + gap;
    return unavailable_here(input, format("{} would not be enforced", names));
  }
  return plan;
}

}  // namespace tau::os
