#include "memory/shard_folder.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "os/os.h"

namespace tau::memory {
namespace {

constexpr std::string_view kSuffix = ".index";

std::optional<int64_t> scope_of(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  const std::string_view digits = name.substr(0, name.size() - kSuffix.size());
  int64_t key = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), key);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return key;
}

}  // namespace

std::string sidecar_path(std::string_view folder, int64_t scope_key) {
  return format("{}/{}{}", folder, scope_key, kSuffix);
}

StatusOr<int64_t> sweep_sidecars(const std::string& folder, std::vector<int64_t> scope_keys) {
  if (!os::path_exists(folder)) return 0;
  std::sort(scope_keys.begin(), scope_keys.end());
  TAU_ASSIGN_OR_RETURN(const auto files, os::Workspace::open(folder));
  TAU_ASSIGN_OR_RETURN(const auto entries, files->list("."));
  int64_t removed = 0;
  for (const os::DirEntry& entry : entries) {
    const std::optional<int64_t> scope = scope_of(entry.name);
    const bool goes = scope ? !std::binary_search(scope_keys.begin(), scope_keys.end(), *scope)
                            : os::is_temp_name(entry.name);
    if (!goes) continue;
    TAU_RETURN_IF_ERROR(os::remove_private_file(folder + "/" + entry.name));
    ++removed;
  }
  return removed;
}

}  // namespace tau::memory
