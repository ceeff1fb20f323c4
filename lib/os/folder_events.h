// What changes below a folder, as hints: the kernel says that something happened at a path, not what is there
// now. Who gets a hint looks for itself; a hint too many costs a look, one that cannot be trusted to come is
// told by watch().
//
// Folders are watched one by one, each before it is listed: then nothing that comes into it is missed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace tau::os {

struct FolderHint {
  enum class What : uint8_t {
    kChanged,  // it was written, made, moved here, deleted: look
    kWriting,  // it is being written, or was just made; another hint follows when its writer closes it
    kMoved,    // what was at this path has another place below the folder now
  };
  std::string path;  // relative to the folder; empty: anything below it
  What what = What::kChanged;
};

class FolderEvents {
 public:
  virtual ~FolderEvents() = default;
  // From now on there are hints of what stands in that folder ("": the top); again is fine. NOT_FOUND when it
  // is none. Else the reason why there are no hints, or not of everything that happens: RESOURCE_EXHAUSTED
  // "no_watches_left", UNIMPLEMENTED "no_folder_events" for file systems whose changes by other machines
  // nobody tells.
  virtual Status watch(std::string_view folder) = 0;
  // Waits for hints, at most `timeout_ms` (-1: without limit), and until wake(). Owner thread, as watch().
  virtual StatusOr<std::vector<FolderHint>> wait(int64_t timeout_ms) = 0;
  // Ends a wait, or the next one. Any thread.
  virtual void wake() = 0;
};

// Of the kernel: inotify. `root` is absolute. Fails only when there is nothing to wait on.
StatusOr<std::unique_ptr<FolderEvents>> make_folder_events(std::string root);

}  // namespace tau::os
