// The thread that writes recordings. A loop hands exchanges over and goes on.
#include "provider/recorder.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#include "os/os.h"

namespace tau::provider {
namespace {

size_t size_of(const Exchange& e) {
  size_t bytes = sizeof e + e.url.size() + e.request_body.size() + e.response_body.size();
  for (const auto& [name, value] : e.request_headers) bytes += name.size() + value.size();
  for (const auto& [name, value] : e.response_headers) bytes += name.size() + value.size();
  return bytes;
}

// A file name of a provider's: those come from the configuration, and are names there.
bool is_name(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  return !name.empty() && name.size() <= 64 && name.find_first_not_of(kAllowed) == name.npos;
}

// Other processes append, too: the lock keeps the bound, and the line whole where a write comes in two parts.
struct Locked {
  explicit Locked(int descriptor) : fd(descriptor) {
    while (::flock(fd, LOCK_EX) != 0 && errno == EINTR) {}
  }
  ~Locked() { ::flock(fd, LOCK_UN); }
  int fd;
};

Status append_line(int fd, const std::string& path, const std::string& line, int64_t max_bytes) {
  const Locked locked(fd);
  struct stat before {};
  if (::fstat(fd, &before) != 0) return errno_status(errno, path);
  if (before.st_size + static_cast<int64_t>(line.size()) > max_bytes)
    return resource_exhausted(
        "recorder_full",
        format("{} would grow beyond {} bytes; nothing more is recorded there", path, max_bytes));
  size_t done = 0;
  while (done < line.size()) {
    const ssize_t n = ::write(fd, line.data() + done, line.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int error = n < 0 ? errno : ENOSPC;
      (void)!::ftruncate(fd, before.st_size);  // no half of a line
      return resource_exhausted("recorder_failed", format("{}; nothing more is recorded there",
                                                          errno_status(error, path).message()));
    }
    done += static_cast<size_t>(n);
  }
  return ok_status();
}

class FileRecorder final : public Recorder {
 public:
  explicit FileRecorder(RecorderOptions options) : options_(std::move(options)) {}

  ~FileRecorder() override {
    if (!thread_.joinable()) return;
    if (forked()) {
      (void)new std::thread(std::move(thread_));  // it does not exist here: nobody joins it
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void take(Exchange&& exchange) noexcept override {
    try {
      if (forked()) return;
      const size_t bytes = size_of(exchange);
      const std::lock_guard lock(mutex_);
      if (queue_bytes_ + bytes > options_.max_queue_bytes) {
        left_out_ = true;
        return;
      }
      if (!thread_.joinable()) start();
      queue_.push_back(std::move(exchange));
      queue_bytes_ += bytes;
    } catch (const std::bad_alloc&) { return; } catch (const std::system_error&) {
      return;
    }
    changed_.notify_all();
  }

  void flush() override {
    if (forked()) return;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return queue_.empty() && !busy_; });
  }

 private:
  // Then the lock may be held by a thread that does not exist.
  bool forked() const {
    const pid_t began = pid_.load(std::memory_order_acquire);
    return began != 0 && ::getpid() != began;
  }

  struct File {
    os::Fd fd;
    bool stopped = false;
  };

  // Takes no signals: those are the host's.
  void start() {
    pid_ = ::getpid();
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      thread_ = std::thread([this] { loop(); });
    } catch (...) {
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      Exchange next = std::move(queue_.front());
      queue_.pop_front();
      queue_bytes_ -= size_of(next);
      busy_ = true;
      const bool left_out = std::exchange(left_out_, false);
      lock.unlock();
      try {
        if (left_out && !std::exchange(told_, true) && options_.report)
          options_.report(resource_exhausted(
              "recorder_behind", "exchanges came faster than the disk took them: some are not recorded"));
        write(next);
      } catch (const std::bad_alloc&) {}
      lock.lock();
      busy_ = false;
      changed_.notify_all();
    }
  }

  void write(const Exchange& exchange) {
    File& file = files_[exchange.provider];
    if (file.stopped) return;
    Status status = open(exchange.provider, file);
    if (status.ok())
      status = append_line(file.fd.get(), path_of(exchange.provider), recording_line(exchange, options_),
                           options_.max_bytes);
    if (status.ok()) return;
    file.stopped = true;
    if (options_.report) options_.report(status);
  }

  std::string path_of(const std::string& provider) const {
    return options_.directory + "/" + provider + ".jsonl";
  }

  Status open(const std::string& provider, File& file) const {
    if (file.fd.valid()) return ok_status();
    if (!is_name(provider))
      return invalid_argument("recorder_failed",
                              format("\"{}\" is no name of a file", repair_utf8(provider)));
    TAU_RETURN_IF_ERROR(os::make_private_dir(options_.directory));
    TAU_ASSIGN_OR_RETURN(file.fd, os::open_private_file(path_of(provider), os::OpenMode::kAppend));
    return ok_status();
  }

  const RecorderOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Exchange> queue_;
  size_t queue_bytes_ = 0;
  bool left_out_ = false;
  bool busy_ = false;
  bool stopping_ = false;
  bool told_ = false;                  // of what was left out; of the thread alone, as is what follows
  std::map<std::string, File> files_;  // by provider
  std::atomic<pid_t> pid_{0};          // of who began the thread
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Recorder> make_recorder(RecorderOptions options) {
  return std::make_unique<FileRecorder>(std::move(options));
}

}  // namespace tau::provider
