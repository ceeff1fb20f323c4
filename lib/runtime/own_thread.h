// Threads of the library, which must not wait for one another to end.
#pragma once

namespace tau::runtime {

// Marks the calling thread for as long as it lives.
class OwnThread {
 public:
  OwnThread() { marked() = true; }
  ~OwnThread() { marked() = false; }
  OwnThread(const OwnThread&) = delete;
  OwnThread& operator=(const OwnThread&) = delete;

  static bool is_this() { return marked(); }

 private:
  static bool& marked() {
    thread_local bool is = false;
    return is;
  }
};

}  // namespace tau::runtime
