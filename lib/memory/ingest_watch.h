// Which paths of a watched folder are to be looked at, and when: a path is left alone until it was quiet for
// a while, so that what an editor or a copy does to a file in many steps is one look. Pure: whoever has the
// clock says what time it is.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace tau::memory {

struct WatchTiming {
  int64_t quiet_ms = 500;       // since the last hint of a path
  int64_t written_ms = 10'000;  // since that of a file whose writer has not closed it
  int64_t most_ms = 60'000;     // a path that never gets quiet is looked at all the same
  size_t max_paths = 10'000;    // more that wait are one look at everything
};

class WatchQueue {
 public:
  enum class Touch : uint8_t { kChanged, kWriting, kMoved };
  struct Due {
    std::string path;    // "": everything
    bool moved = false;  // what was there has another place now
  };

  explicit WatchQueue(const WatchTiming& timing) : timing_(timing) {}
  void touch(std::string_view path, Touch how, int64_t now_ms);
  // At that time, unless it is to be looked at sooner.
  void look_at(std::string_view path, int64_t due_ms);
  // The path that waits longest of those whose time has come.
  std::optional<Due> take(int64_t now_ms);
  // Milliseconds until there is one: 0 when there is, -1 when nothing waits.
  int64_t wait_ms(int64_t now_ms) const;
  size_t size() const { return paths_.size(); }

 private:
  struct Entry {
    int64_t first_ms = 0;
    int64_t due_ms = 0;
    bool moved = false;
  };
  Entry& entry(std::string_view path, int64_t now_ms);
  void set_due(const std::string& path, Entry& entry, int64_t due_ms);
  void drop_below(const std::string& path, int64_t now_ms);

  const WatchTiming timing_;
  std::map<std::string, Entry, std::less<>> paths_;
  std::set<std::pair<int64_t, std::string>> due_;
};

}  // namespace tau::memory
