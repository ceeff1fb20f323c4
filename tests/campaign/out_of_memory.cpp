// An allocation failure at every point of a scenario, through the C API: it ends at most the run that it
// hits, with one terminal event, and nothing else changes.
//
//   out_of_memory [--threads] [--lasting] [--stride N] [--only N] FILE...      the form of a file:
//   scenarios.py
//
// Allocation n = 1, 1 + stride, … of a play fails, until one is played without reaching it; with --lasting
// all that follow fail, too, until the play is over. --threads lets the library drive itself and two hosts
// play at once. Every scenario is played in a process of its own, so that a crash is one failure among
// others. Printed is TAP; --only plays one n of each scenario in this process, for a debugger.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "failing_memory.h"
#include "scenario_player.h"
#include "trials.h"

namespace tau::campaign {
namespace {

struct Options {
  bool threads = false;
  bool lasting = false;
  long stride = 1;
  long only = 0;
  std::vector<std::string> files;
};

tau_runtime* open_runtime(const Options& options) {
  tau_runtime_options o = TAU_RUNTIME_OPTIONS_INIT;
  o.flags = TAU_RUNTIME_NO_STORE | (options.threads ? 0 : TAU_RUNTIME_MANUAL);
  if (!options.threads) o.workers = TAU_NO_WORKERS;
  tau_runtime* runtime = nullptr;
  tau_runtime_new(&o, &runtime, nullptr);
  return runtime;
}

// One runtime from its opening to its closing.
class Trial {
 public:
  Trial(const Options& options, const Scenario& scenario) : options_(options), scenario_(scenario) {}

  // Plays without a failure, and keeps what that looks like.
  std::string prepare() {
    for (int i = 0; i < 3; ++i) {
      const Story story = round(0);
      if (!problem_.empty()) return problem_;
      if (i > 0 && story.transcript != healthy_)
        return "two plays differ:" + healthy_ + "\n--" + story.transcript;
      healthy_ = story.transcript;
    }
    return "";
  }

  // Whether allocation n was reached.
  bool run(long n, Progress& progress) {
    const bool reached = round_leaves(n);
    // Patterns keep what they have learnt of a text that no play before had, such as an error's message: only
    // a leak comes again.
    if (problem_.empty() && leaks()) round_leaves(n);
    if (problem_.empty()) check_leaks();
    progress.injected += reached ? 1 : 0;
    if (!problem_.empty()) progress.note(problem_);
    return reached;
  }

 private:
  void problem(const std::string& what) {
    if (problem_.empty()) problem_ = what;
  }

  Story play(tau_runtime* runtime, Shortage shortage) {
    ScenarioPlayer player(runtime, scenario_, shortage, options_.threads);
    Story story = player.play();
    for (const std::string& what : story.wrong) problem(what);
    return story;
  }

  // n == 0: nothing fails.
  Story round(long n) {
    problem_.clear();
    tau_runtime* const runtime = open_runtime(options_);
    if (runtime == nullptr) return problem("no runtime opens"), Story();
    Story story;
    {
      Bystander bystander(runtime);
      story = n == 0 ? play(runtime, Shortage::kNone) : play_short(runtime, n);
      if (const std::string touched = bystander.finish(); !touched.empty()) problem(touched);
    }
    if (n != 0) {
      const Story again = play(runtime, Shortage::kNone);
      if (again.transcript != healthy_) problem("the next play differs:" + again.transcript);
    }
    if (tau_runtime_stop(runtime, 20'000, nullptr) != TAU_OK) problem("the runtime does not stop");
    tau_runtime_unref(runtime);
    if (options_.threads) wait_for_threads(1);
    return story;
  }

  Story play_short(tau_runtime* runtime, long n) {
    const Shortage shortage = options_.lasting ? Shortage::kLasting : Shortage::kOnce;
    Story other;
    std::thread beside;
    memory::fail_at(n, options_.lasting);
    if (options_.threads) {
      beside = std::thread([&] {
        memory::this_thread_is_of_the_test();
        ScenarioPlayer player(runtime, scenario_, shortage, true);
        other = player.play();
      });
    }
    Story story = play(runtime, shortage);
    if (beside.joinable()) beside.join();
    memory::fail_never();
    for (const std::string& what : other.wrong) problem(what);
    judge(story);
    if (options_.threads) judge(other);
    if (!options_.lasting && story.told + other.told > 1) problem("one failure was told twice");
    return story;
  }

  // Who was told of nothing got everything.
  void judge(const Story& story) {
    if (story.told == 0 && story.transcript != healthy_)
      problem("nothing was told and the play differs:" + story.transcript);
  }

  // Plays, and counts what stays. Whether anything failed.
  bool round_leaves(long n) {
    const long objects = memory::live_objects();
    const long blocks = memory::live_blocks();
    round(n);
    const bool reached = memory::failed() > 0;
    left_objects_ = memory::live_objects() - objects;
    left_blocks_ = memory::live_blocks() - blocks;
    return reached;
  }

  // Of objects on every path; of C libraries where no thread keeps some of theirs for a while.
  bool leaks() const { return left_objects_ != 0 || (left_blocks_ != 0 && !options_.threads); }
  void check_leaks() {
    if (left_objects_ != 0) problem(std::to_string(left_objects_) + " objects are left");
    if (left_blocks_ != 0 && !options_.threads) problem(std::to_string(left_blocks_) + " blocks are left");
  }

  const Options& options_;
  const Scenario& scenario_;
  std::string healthy_;
  std::string problem_;
  long left_objects_ = 0;
  long left_blocks_ = 0;
};

void play_all(const Options& options, const Scenario& scenario, Progress& progress) {
  memory::this_thread_is_of_the_test();
  Trial trial(options, scenario);
  const std::string failure = trial.prepare();
  if (!failure.empty()) return progress.note("before any failure: " + failure);
  // With threads a play may do with fewer allocations than the one before.
  progress.try_each([&](long n) { return trial.run(n, progress); }, options.threads ? 3 : 1);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--threads") {
      options.threads = true;
    } else if (arg == "--lasting") {
      options.lasting = true;
    } else if (arg == "--stride" && i + 1 < argc) {
      options.stride = std::atol(argv[++i]);
    } else if (arg == "--only" && i + 1 < argc) {
      options.only = std::atol(argv[++i]);
    } else {
      options.files.push_back(arg);
    }
  }
  return options;
}

int play_only(const Options& options, const Scenario& scenario) {
  memory::this_thread_is_of_the_test();
  Progress progress;
  progress.n = options.only;
  Trial trial(options, scenario);
  const std::string failure = trial.prepare();
  if (!failure.empty()) progress.note(failure);
  if (failure.empty() && !trial.run(options.only, progress)) std::printf("# not reached\n");
  for (int i = 0; i < progress.shown; ++i) std::printf("%s: %s\n", scenario.name.c_str(), progress.notes[i]);
  return progress.bad > 0 ? 1 : 0;
}

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  Trials trials;
  for (const std::string& file : options.files) {
    const Scenario scenario = read_scenario(file);
    if (options.only > 0 && play_only(options, scenario) != 0) return 1;
    if (options.only > 0) continue;
    trials.run(scenario.name, options.stride,
               [&](Progress& progress) { play_all(options, scenario, progress); });
  }
  return options.only > 0 ? 0 : trials.finish();
}

}  // namespace
}  // namespace tau::campaign

int main(int argc, char** argv) { return tau::campaign::main(argc, argv); }
