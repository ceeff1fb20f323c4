// The file has a line a store: its id in hexadecimal, a blank, the epoch.
#include "credential/anchor.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "crypto/crypto.h"
#include "os/os.h"

namespace tau::credential {
namespace {

constexpr uint64_t kMaxFileBytes = 1 << 20;
constexpr int64_t kPatienceMs = 10'000;

using Epochs = std::map<std::string, uint64_t, std::less<>>;

Status damaged(std::string_view path) {
  return data_loss("anchor_damaged", format("\"{}\" is no file of epochs", path));
}

StatusOr<Epochs> read_epochs(const std::string& path) {
  Epochs epochs;
  if (!os::path_exists(path)) return epochs;
  TAU_ASSIGN_OR_RETURN(const os::Fd fd, os::open_private_file(path, os::OpenMode::kRead));
  TAU_ASSIGN_OR_RETURN(const std::string text,
                       os::read_file(format("/proc/self/fd/{}", fd.get()), kMaxFileBytes));
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    const size_t blank = line.find(' ');
    if (end == rest.npos || blank == line.npos) return damaged(path);
    uint64_t epoch = 0;
    const auto [last, error] = std::from_chars(line.data() + blank + 1, line.data() + line.size(), epoch);
    if (error != std::errc() || last != line.data() + line.size()) return damaged(path);
    epochs[std::string(line.substr(0, blank))] = epoch;
    rest.remove_prefix(end + 1);
  }
  return epochs;
}

}  // namespace

StatusOr<uint64_t> FileAnchor::last_seen(std::string_view store_id) {
  TAU_ASSIGN_OR_RETURN(const Epochs epochs, read_epochs(path_));
  const auto found = epochs.find(crypto::hex(store_id));
  return found == epochs.end() ? 0 : found->second;
}

Status FileAnchor::advance(std::string_view store_id, uint64_t epoch) {
  TAU_ASSIGN_OR_RETURN(const os::FileLock lock, os::FileLock::acquire(path_ + ".lock", kPatienceMs));
  TAU_ASSIGN_OR_RETURN(Epochs epochs, read_epochs(path_));
  uint64_t& known = epochs[crypto::hex(store_id)];
  if (known >= epoch) return ok_status();
  known = epoch;
  std::string text;
  for (const auto& [id, seen] : epochs) text += format("{} {}\n", id, seen);
  return os::write_private_file(path_, text);
}

}  // namespace tau::credential
