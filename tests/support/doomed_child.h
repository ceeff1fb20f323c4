// Children that die: of a harm at one of their system calls, or killed at any moment while they tell what
// they did. Each opens for itself what it writes to: keys and locks do not get through fork().
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

namespace tau::test {

// What work() says in a child; nothing when the child died of a signal.
template <class Work>
std::optional<bool> outcome_in_child(Work&& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work() ? 0 : 1);
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) return std::nullopt;
  return status == 0;
}

// A child does step(next), step(next + 1), …, with what make() gives it, and tells of each. It is killed once
// it has told of `wanted` + 1 of them and this process has counted to `spin`: some microseconds of its own
// work later. Gives the last step that it told of; next - 1 when it told of none. A step that fails fails the
// test.
template <class Make>
int killed_in_steps(int next, int wanted, unsigned spin, Make&& make) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto step = make();
    for (int i = next;; ++i)
      if (!step(i) || ::write(ends[1], &i, sizeof i) != sizeof i) ::_exit(1);
  }
  ::close(ends[1]);
  int last = next - 1;
  for (int i = 0, told = 0; i <= wanted && ::read(ends[0], &told, sizeof told) == sizeof told; ++i)
    last = told;
  for (; spin > 0; --spin) asm volatile("");
  ::kill(child, SIGKILL);
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the writer failed by itself";
  for (int told = 0; ::read(ends[0], &told, sizeof told) == sizeof told;) last = told;
  ::close(ends[0]);
  return last;
}

}  // namespace tau::test
