// Memory that fails on demand: every allocation of a program and its libraries goes through here, those of
// operator new and, but for sanitized builds, those of malloc. Linked into a program it replaces both.
#pragma once

namespace tau::campaign::memory {

// From now on the nth allocation fails, counted from 1; with `ever_after` all that follow, too. Only
// allocations of the library count: those on its own threads, and on this one inside of library().
void fail_at(long n, bool ever_after);
void fail_never();
// How many have been made since fail_at(), and how many of them failed.
long made();
long failed();

// What is allocated and not freed yet, by whomever.
long live_objects();  // by operator new
long live_blocks();   // by malloc and its like, otherwise; 0 in sanitized builds

// The calling thread is the test's, not the library's: its allocations neither count nor fail.
void this_thread_is_of_the_test();

// Runs `f` as the library.
class Library {
 public:
  Library();
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
};
template <class F>
auto library(F&& f) {
  const Library inside;
  return f();
}

}  // namespace tau::campaign::memory
