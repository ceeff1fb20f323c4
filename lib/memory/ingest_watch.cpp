#include "memory/ingest_watch.h"

#include <algorithm>

namespace tau::memory {
namespace {

bool is_below(std::string_view path, std::string_view folder) {
  if (folder.empty()) return !path.empty();
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

}  // namespace

// One path too many: all of them become a look at everything. Which of them moved is lost with that.
WatchQueue::Entry& WatchQueue::entry(std::string_view path, int64_t now_ms) {
  if (const auto known = paths_.find(path); known != paths_.end()) return known->second;
  if (paths_.size() >= timing_.max_paths && !path.empty()) {
    int64_t first_ms = now_ms;
    for (const auto& [name, each] : paths_) first_ms = std::min(first_ms, each.first_ms);
    paths_.clear();
    due_.clear();
    path = {};
    now_ms = first_ms;
  }
  const auto made = paths_.emplace(std::string(path), Entry{.first_ms = now_ms, .due_ms = now_ms}).first;
  due_.emplace(now_ms, made->first);
  return made->second;
}

void WatchQueue::set_due(const std::string& path, Entry& entry, int64_t due_ms) {
  due_.erase({entry.due_ms, path});
  entry.due_ms = due_ms;
  due_.emplace(due_ms, path);
}

void WatchQueue::touch(std::string_view path, Touch how, int64_t now_ms) {
  Entry& touched = entry(path, now_ms);
  const bool is_path = paths_.contains(path);  // else it is among everything now
  if (is_path && how == Touch::kMoved) touched.moved = true;
  const int64_t pause_ms = is_path && how == Touch::kWriting ? timing_.written_ms : timing_.quiet_ms;
  set_due(is_path ? std::string(path) : std::string(), touched,
          std::min(now_ms + pause_ms, touched.first_ms + timing_.most_ms));
}

void WatchQueue::look_at(std::string_view path, int64_t due_ms) {
  Entry& touched = entry(path, due_ms);
  set_due(paths_.contains(path) ? std::string(path) : std::string(), touched,
          std::min(touched.due_ms, due_ms));
}

std::optional<WatchQueue::Due> WatchQueue::take(int64_t now_ms) {
  if (due_.empty() || due_.begin()->first > now_ms) return std::nullopt;
  Due due{.path = due_.begin()->second};
  due_.erase(due_.begin());
  const auto at = paths_.find(due.path);
  due.moved = at->second.moved;
  paths_.erase(at);
  drop_below(due.path, now_ms);
  return due;
}

// Who looks at a folder looks at what is in it. What moved away is more than the folder can tell.
void WatchQueue::drop_below(const std::string& path, int64_t now_ms) {
  for (auto at = paths_.lower_bound(path); at != paths_.end() && at->first.starts_with(path);) {
    const Entry& each = at->second;
    if (!is_below(at->first, path) || each.moved || each.due_ms > now_ms) {
      ++at;
      continue;
    }
    due_.erase({each.due_ms, at->first});
    at = paths_.erase(at);
  }
}

int64_t WatchQueue::wait_ms(int64_t now_ms) const {
  return due_.empty() ? -1 : std::max<int64_t>(0, due_.begin()->first - now_ms);
}

}  // namespace tau::memory
