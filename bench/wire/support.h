// What both parts of the benchmark use.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "wire/wire.h"

namespace tau::bench {

[[noreturn]] inline void fail(std::string_view what) {
  std::fprintf(stderr, "bench_wire: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

class CountSink final : public wire::StreamSink {
 public:
  void on_event(const wire::StreamEvent& event) override { bytes += event.text.size(); }
  size_t bytes = 0;
};

}  // namespace tau::bench
