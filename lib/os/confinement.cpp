#include "os/confinement.h"

#include <array>

namespace tau::os {

StatusOr<Profile> parse_profile(std::string_view name) {
  if (name == "full") return Profile::kFull;
  if (name == "read-only") return Profile::kReadOnly;
  if (name == "workspace-write") return Profile::kWorkspaceWrite;
  return invalid_argument("invalid_sandbox", format("\"{}\" is no sandbox profile", name));
}

StatusOr<NetworkAccess> parse_network_access(std::string_view name) {
  if (name == "none") return NetworkAccess::kNone;
  if (name == "loopback") return NetworkAccess::kLoopback;
  if (name == "host") return NetworkAccess::kHost;
  if (name == "proxy") return NetworkAccess::kProxy;
  return invalid_argument("invalid_sandbox", format("\"{}\" is no network access", name));
}

std::vector<std::string> default_hidden(std::string_view user_home) {
  constexpr std::array<std::string_view, 29> kInHome = {".ssh",
                                                        ".gnupg",
                                                        ".aws",
                                                        ".azure",
                                                        ".kube",
                                                        ".docker",
                                                        ".colima",
                                                        ".config/gh",
                                                        ".config/glab-cli",
                                                        ".config/gcloud",
                                                        ".config/op",
                                                        ".config/git/credentials",
                                                        ".config/rclone",
                                                        ".config/tau",
                                                        ".config/chromium",
                                                        ".config/google-chrome",
                                                        ".mozilla",
                                                        ".local/share/keyrings",
                                                        ".local/share/tau",
                                                        ".password-store",
                                                        ".netrc",
                                                        ".git-credentials",
                                                        ".npmrc",
                                                        ".pypirc",
                                                        ".pgpass",
                                                        ".vault-token",
                                                        ".cargo/credentials",
                                                        ".cargo/credentials.toml",
                                                        ".terraform.d"};
  // What root alone can read, and so only matters when the host is root.
  constexpr std::array<std::string_view, 9> kOfSystem = {
      "/etc/shadow",  "/etc/shadow-",  "/etc/gshadow",   "/etc/gshadow-",  "/etc/ssl/private",
      "/var/lib/lxd", "/var/snap/lxd", "/var/lib/incus", "/var/lib/docker"};
  std::vector<std::string> out(kOfSystem.begin(), kOfSystem.end());
  if (user_home.starts_with('/') && user_home.size() > 1)
    for (const std::string_view name : kInHome) out.push_back(format("{}/{}", user_home, name));
  return out;
}

std::string_view mechanism_name(Mechanism mechanism) {
  switch (mechanism) {
    case Mechanism::kBubblewrap: return "bubblewrap";
    case Mechanism::kLandlock: return "landlock";
    case Mechanism::kNone: break;
  }
  return "none";
}

}  // namespace tau::os
