// Child: a second process for tests of several that share one database.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <utility>

namespace tau::store {

// A forked process that runs `work` and can be waited for or killed. It must be started while this process
// has no store open.
class Child {
 public:
  template <class Work>
  explicit Child(Work work) {
    EXPECT_EQ(::pipe(up_), 0);
    EXPECT_EQ(::pipe(down_), 0);
    pid_ = ::fork();
    // Each side keeps its own ends only, so that the death of one ends the other's wait.
    for (int& fd : {std::ref(pid_ != 0 ? up_[1] : up_[0]), std::ref(pid_ != 0 ? down_[0] : down_[1])})
      ::close(std::exchange(fd, -1));
    if (pid_ != 0) return;
    ::_exit(work(*this) ? 0 : 1);
  }
  ~Child() {
    if (pid_ > 0) kill();
    for (const int fd : {up_[0], up_[1], down_[0], down_[1]}) ::close(fd);
  }
  // In the child: says that it is ready; waits until the parent goes on (or is gone).
  void ready() { EXPECT_EQ(::write(up_[1], "r", 1), 1); }
  void wait_for_parent() {
    char c = 0;
    (void)!::read(down_[0], &c, 1);
  }
  // In the parent.
  void await_ready() {
    char c = 0;
    EXPECT_EQ(::read(up_[0], &c, 1), 1);
  }
  void go_on() { EXPECT_EQ(::write(down_[1], "g", 1), 1); }
  bool finish() {
    int status = -1;
    EXPECT_EQ(::waitpid(std::exchange(pid_, 0), &status, 0) > 0, true);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
  void kill() {
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, 0), nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
  int up_[2] = {-1, -1};
  int down_[2] = {-1, -1};
};

}  // namespace tau::store
