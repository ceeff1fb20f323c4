// What every benchmark shares: interleaved timing of a candidate and its reference, and one form of report.
//
//   int main(int argc, char** argv) {
//     tau::bench::Report report(argc, argv);
//     report.compare("parse_chat_chunk", {.iterations = 100'000}, [] { ours(); }, [] { reference(); });
//     return report.finish();
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tau::bench {

// CPU time of the calling thread in nanoseconds. Machines are shared; wall time measures the neighbours too.
std::int64_t thread_cpu_ns();

// Keeps the compiler from dropping a computation whose result nobody reads.
template <class T>
inline void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

struct Plan {
  std::size_t iterations = 1;  // calls per sample
  std::size_t samples = 15;    // samples of each side, taken in turns
};

class Report {
 public:
  // Understands `--json FILE` and `--quick` (a tenth of the iterations); anything else ends the program.
  Report(int argc, char** argv);

  // Nanoseconds of CPU per call of `candidate`, beside `baseline`. The sides alternate, so that a change of
  // the machine's speed hits both.
  void compare(const std::string& name, Plan plan, const std::function<void()>& candidate,
               const std::function<void()>& baseline);
  // Nanoseconds of CPU per call of something that has no reference.
  void measure(const std::string& name, Plan plan, const std::function<void()>& candidate);
  // Figures measured elsewhere; an empty `baseline` means none. Medians are reported.
  void add(const std::string& name, const std::string& unit, std::vector<double> values,
           std::vector<double> baseline = {});

  // Prints the table, writes the JSON file if one was asked for, returns the exit status.
  int finish() const;

 private:
  struct Row {
    std::string name;
    std::string unit;
    std::vector<double> values;
    std::vector<double> baseline;
  };

  std::string json_path_;
  bool quick_ = false;
  std::vector<Row> rows_;
};

}  // namespace tau::bench
