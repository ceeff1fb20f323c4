// Processes: right reports, nothing inherited, nothing left alive; unconfined and under each confinement.
#include "os/launcher.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "os/workspace.h"
#include "support/temp_dir.h"

namespace tau::os {
namespace {

// Long enough for a loaded machine; only a broken build waits so long.
constexpr int kPatienceMs = 20'000;

struct Outcome {
  std::string out, err;
  StatusOr<ExitReport> report = Status();
};

class LauncherTest : public ::testing::TestWithParam<Mechanism> {
 protected:
  void SetUp() override {
    auto launcher = Launcher::create({.helper_path = TAU_TEST_EXEC,
                                      .build_helper_path = "",
                                      .use_bubblewrap = GetParam() == Mechanism::kBubblewrap});
    ASSERT_TRUE(launcher.ok()) << launcher.status().to_string();
    launcher_ = *std::move(launcher);
    if (GetParam() != Mechanism::kNone && launcher_->confinement_status().best != GetParam())
      GTEST_SKIP() << mechanism_name(GetParam())
                   << " does not work here: " << launcher_->confinement_status().bubblewrap_defect;
    ws_ = *Workspace::open(dir_.path());
  }

  LaunchSpec spec(std::vector<std::string> argv) {
    LaunchSpec spec;
    spec.argv = std::move(argv);
    spec.env = {"PATH=/usr/bin:/bin"};
    spec.cwd = *ws_->open_directory(".");
    if (GetParam() != Mechanism::kNone) {
      spec.confinement.profile = Profile::kWorkspaceWrite;
      spec.confinement.roots = {dir_.path()};
    }
    return spec;
  }
  LaunchSpec shell(const std::string& script) { return spec({"/bin/sh", "-c", script}); }

  Process start(const LaunchSpec& spec) {
    auto process = launcher_->start(spec);
    EXPECT_TRUE(process.ok()) << process.status().to_string();
    return *std::move(process);
  }

  // Reads both outputs to their end, then the report.
  static Outcome finish(Process& process) {
    Outcome outcome;
    struct pollfd fds[2] = {{process.stdout_fd(), POLLIN, 0}, {process.stderr_fd(), POLLIN, 0}};
    std::string* sinks[2] = {&outcome.out, &outcome.err};
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
      if (poll(fds, 2, kPatienceMs) <= 0) {
        ADD_FAILURE() << "the output did not end";
        break;
      }
      for (int i = 0; i < 2; ++i) {
        if (fds[i].revents == 0) continue;
        char buffer[65536];
        const ssize_t n = ::read(fds[i].fd, buffer, sizeof buffer);
        if (n > 0) sinks[i]->append(buffer, static_cast<size_t>(n));
        if (n == 0) fds[i].fd = -1;
      }
    }
    outcome.report = report(process);
    return outcome;
  }
  static StatusOr<ExitReport> report(Process& process) {
    struct pollfd status = {process.status_fd(), POLLIN, 0};
    EXPECT_EQ(poll(&status, 1, kPatienceMs), 1) << "no report";
    return process.read_report();
  }
  Outcome run(const LaunchSpec& spec) {
    Process process = start(spec);
    return finish(process);
  }

  // A line of the command's output: says that it has come so far.
  static std::string read_line(Process& process) {
    std::string line;
    for (char c = 0; c != '\n';) {
      struct pollfd out = {process.stdout_fd(), POLLIN, 0};
      if (poll(&out, 1, kPatienceMs) != 1 || ::read(process.stdout_fd(), &c, 1) != 1) {
        ADD_FAILURE() << "no line";
        break;
      }
      line += c;
    }
    return line;
  }

  // Processes whose environment holds the mark of this test: survivors, whoever their parent is.
  std::vector<std::string> alive(const std::string& mark) {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const std::string name = entry.path().filename();
      if (name.find_first_not_of("0123456789") != name.npos) continue;
      std::ifstream in(entry.path() / "environ", std::ios::binary);
      const std::string environment{std::istreambuf_iterator<char>(in), {}};
      if (environment.find(mark) != environment.npos) found.push_back(name);
    }
    return found;
  }
  std::string mark() const { return "TAU_TEST_MARK=" + dir_.path(); }

  test::TempDir dir_;
  std::unique_ptr<Launcher> launcher_;
  std::unique_ptr<Workspace> ws_;
};

// Two children that leave the process group: one orphaned by a double fork, one in its own session.
constexpr const char* kEscapers =
    "(setsid sleep 1000 >/dev/null 2>&1 &); setsid sh -c 'sleep 1000 & sleep 1000' >/dev/null 2>&1 & ";

TEST_P(LauncherTest, ReportsExitCodesSignalsAndUsage) {
  EXPECT_EQ(run(shell("exit 0")).report->exit_code, 0);
  EXPECT_EQ(run(shell("exit 77")).report->exit_code, 77);
  const auto killed = run(shell("kill -9 $$"));
  EXPECT_EQ(killed.report->signal, SIGKILL);
  EXPECT_EQ(killed.report->exit_code, -1);
  EXPECT_FALSE(killed.report->stopped_by_host);
  EXPECT_GT(killed.report->max_rss_bytes, 0);
}

TEST_P(LauncherTest, SaysWhyACommandCannotRun) {
  EXPECT_EQ(run(spec({"no-such-program-anywhere"})).report.status().reason(), "command_not_found");
  dir_.write("plain", "x");
  EXPECT_EQ(run(spec({"./plain"})).report.status().reason(), "errno_eacces");
  EXPECT_EQ(launcher_->start(spec({})).status().reason(), "invalid_command");
  EXPECT_EQ(launcher_->start(spec({std::string("a\0b", 3)})).status().reason(), "invalid_command");
  LaunchSpec bad = shell("exit 0");
  bad.env = {"NOVALUE"};
  EXPECT_EQ(launcher_->start(bad).status().reason(), "invalid_environment");
}

TEST_P(LauncherTest, AMissingHelperIsNamed) {
  const auto missing = Launcher::create({.helper_path = dir_.file("tau-exec"), .build_helper_path = ""});
  EXPECT_EQ(missing.status().reason(), "helper_missing");
  EXPECT_NE(missing.status().message().find(dir_.file("tau-exec")), std::string::npos);
  EXPECT_TRUE(Launcher::create({.helper_path = "", .build_helper_path = TAU_TEST_EXEC}).ok());
}

TEST_P(LauncherTest, SeparatesOrMergesTheOutputs) {
  const auto split = run(shell("echo out; echo err >&2"));
  EXPECT_EQ(split.out, "out\n");
  EXPECT_EQ(split.err, "err\n");
  LaunchSpec merged = shell("echo 1; echo 2 >&2; echo 3");
  merged.merge_output = true;
  EXPECT_EQ(run(merged).out, "1\n2\n3\n");
}

TEST_P(LauncherTest, TakesTheWholeSystemAsItsRootAndNoPartOfTheKernels) {
  LaunchSpec all = shell("echo yes");
  all.confinement.roots = {"/"};
  all.cwd = *(*Workspace::open("/"))->open_directory(".");  // that of the test is in /tmp
  EXPECT_EQ(run(all).out, "yes\n");
  if (GetParam() == Mechanism::kNone) return;
  for (const char* root : {"/proc", "/sys/kernel", "/dev", "/run", "/nowhere", "relative"}) {
    all.confinement.roots = {root};
    EXPECT_EQ(launcher_->start(all).status().reason(), "invalid_sandbox") << root;
  }
}

TEST_P(LauncherTest, CarriesBigOutputAndInput) {
  EXPECT_EQ(run(shell("head -c 3000000 /dev/zero")).out.size(), 3'000'000u);
  LaunchSpec cat = spec({"cat"});
  cat.stdin_mode = LaunchSpec::Stdin::kData;
  cat.stdin_data = std::string(1'000'000, 'x') + "end";
  EXPECT_EQ(run(cat).out, cat.stdin_data);
  EXPECT_EQ(run(spec({"cat"})).out, "") << "no input is an empty one";
}

TEST_P(LauncherTest, TalksThroughAnOpenInput) {
  LaunchSpec cat = spec({"cat"});
  cat.stdin_mode = LaunchSpec::Stdin::kPipe;
  Process process = start(cat);
  EXPECT_EQ(*process.write_stdin("hello\n"), 6u);
  EXPECT_EQ(read_line(process), "hello\n");
  process.close_stdin();
  EXPECT_EQ(finish(process).report->exit_code, 0);
  EXPECT_EQ(process.write_stdin("x").status().reason(), "stdin_closed");
}

TEST_P(LauncherTest, WritingToACommandThatIsGoneRaisesNoSignal) {
  LaunchSpec quits = shell("exit 0");
  quits.stdin_mode = LaunchSpec::Stdin::kPipe;
  Process process = start(quits);
  (void)finish(process);
  EXPECT_EQ(process.write_stdin("x").status().reason(), "stdin_closed");
  process.terminate(10);
  process.kill();
}

TEST_P(LauncherTest, InheritsNeitherEnvironmentNorDescriptorsNorSignals) {
  setenv("TAU_TEST_LEAK", "leaked", 1);
  const int leak = open("/dev/null", O_RDONLY);  // not close-on-exec, on purpose
  const auto handler = std::signal(SIGUSR1, SIG_IGN);
  LaunchSpec env = spec({"env"});
  env.env = {"PATH=/usr/bin:/bin", "LD_PRELOAD=/nonexistent.so", "A=b c"};
  const std::string given = run(env).out;
  EXPECT_EQ(given.substr(0, given.find("TMPDIR=")),
            "PATH=/usr/bin:/bin\nLD_PRELOAD=/nonexistent.so\nA=b c\n");
  EXPECT_EQ(run(spec({"ls", "/proc/self/fd"})).out, "0\n1\n2\n3\n") << "3 is the directory that ls reads";
  const std::string status = run(spec({"grep", "-E", "^Sig(Blk|Ign)|^NoNewPrivs", "/proc/self/status"})).out;
  EXPECT_EQ(status, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nNoNewPrivs:\t1\n");
  (void)std::signal(SIGUSR1, handler);
  close(leak);
  unsetenv("TAU_TEST_LEAK");
}

TEST_P(LauncherTest, RunsInTheGivenDirectoryUnderTheGivenLimits) {
  std::filesystem::create_directory(dir_.file("sub"));
  LaunchSpec pwd = shell("pwd -P; ulimit -n; ulimit -c; ulimit -f");
  pwd.cwd = *ws_->open_directory("sub");
  pwd.limits.open_files = 40;
  pwd.limits.file_size_bytes = 512 * 7;
  EXPECT_EQ(run(pwd).out, dir_.file("sub") + "\n40\n0\n7\n");
}

TEST_P(LauncherTest, AnEndedCommandLeavesNoDescendants) {
  LaunchSpec s = shell(std::string(kEscapers) + "echo started; exit 5");
  s.env.push_back(mark());
  const Outcome outcome = run(s);
  ASSERT_TRUE(outcome.report.ok());
  EXPECT_EQ(outcome.report->exit_code, 5);
  EXPECT_FALSE(outcome.report->stopped_by_host);
  EXPECT_GE(outcome.report->descendants_killed, 2);
  EXPECT_EQ(alive(mark()), std::vector<std::string>());
}

TEST_P(LauncherTest, KillEndsTheWholeTree) {
  LaunchSpec s = shell(std::string(kEscapers) + "trap '' TERM INT HUP; echo started; sleep 1000");
  s.env.push_back(mark());
  Process process = start(s);
  read_line(process);
  EXPECT_EQ(process.read_report().status().reason(), "still_running");
  EXPECT_FALSE(alive(mark()).empty());
  process.kill();
  const auto report = LauncherTest::report(process);
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  EXPECT_TRUE(report->stopped_by_host);
  EXPECT_EQ(report->signal, SIGKILL);
  EXPECT_EQ(alive(mark()), std::vector<std::string>());
  EXPECT_EQ(process.read_report()->signal, SIGKILL) << "asked again, the same answer";
}

TEST_P(LauncherTest, TerminateLetsTheCommandEndByItself) {
  Process polite = start(shell("trap 'echo bye; exit 3' TERM; echo started; while :; do sleep 0.01; done"));
  read_line(polite);
  polite.terminate(kPatienceMs);
  const Outcome outcome = finish(polite);
  EXPECT_EQ(outcome.out, "bye\n");
  EXPECT_EQ(outcome.report->exit_code, 3);
  EXPECT_TRUE(outcome.report->stopped_by_host);
  Process stubborn = start(shell("trap '' TERM; echo started; while :; do sleep 0.01; done"));
  read_line(stubborn);
  stubborn.terminate(30);
  EXPECT_EQ(finish(stubborn).report->signal, SIGKILL);
}

TEST_P(LauncherTest, WinsAgainstForkBombs) {
  // Bounded in what they may become by the time limit of the test, not by a process limit: root has none.
  for (const char* bomb : {"b() { b | b & }; b; sleep 1000",  // one process group
                           "cat >b.sh <<'X'\nsetsid sh ./b.sh & setsid sh ./b.sh & wait\nX\nsh ./b.sh"}) {
    LaunchSpec s = shell(std::string("echo started; ") + bomb);
    s.env.push_back(mark());
    Process process = start(s);
    read_line(process);
    process.kill();
    EXPECT_TRUE(LauncherTest::report(process).ok());
    EXPECT_EQ(alive(mark()), std::vector<std::string>());
  }
}

TEST_P(LauncherTest, DroppingAProcessKillsIt) {
  LaunchSpec s = shell(std::string(kEscapers) + "echo started; sleep 1000");
  s.env.push_back(mark());
  {
    Process process = start(s);
    read_line(process);
  }
  EXPECT_EQ(alive(mark()), std::vector<std::string>());
}

TEST_P(LauncherTest, NothingSurvivesAHostThatIsKilled) {
  LaunchSpec s = shell(std::string(kEscapers) + "echo started; sleep 1000");
  s.env.push_back(mark());
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t host = fork();
  if (host == 0) {
    close(ready[0]);
    Process process = start(s);
    read_line(process);
    // A child that never execs keeps every descriptor of the host open, the lifeline too.
    if (fork() == 0) {
      close(ready[1]);
      for (int i = 0; i < 1000 && getppid() != 1; ++i) poll(nullptr, 0, 10);
      _exit(0);
    }
    (void)!::write(ready[1], "x", 1);
    for (;;) pause();
  }
  close(ready[1]);
  char c;
  ASSERT_EQ(::read(ready[0], &c, 1), 1);
  const auto before = alive(mark());
  EXPECT_GE(before.size(), 3u);
  kill(host, SIGKILL);
  waitpid(host, nullptr, 0);
  // No report reaches anybody: ask the kernel until it says so.
  for (int i = 0; i < kPatienceMs / 10 && !alive(mark()).empty(); ++i) poll(nullptr, 0, 10);
  EXPECT_EQ(alive(mark()), std::vector<std::string>());
  close(ready[0]);
}

TEST_P(LauncherTest, IsRightInAHostThatIgnoresSigchld) {
  const auto handler = std::signal(SIGCHLD, SIG_IGN);
  for (int code = 1; code < 20; ++code)
    EXPECT_EQ(run(shell("exit " + std::to_string(code))).report->exit_code, code);
  (void)std::signal(SIGCHLD, handler);
}

TEST_P(LauncherTest, IsRightInAHostThatWaitsForEverybody) {
  std::atomic<bool> stop{false};
  std::thread thief([&] {
    while (!stop)
      if (waitpid(-1, nullptr, WNOHANG) <= 0) std::this_thread::yield();
  });
  for (int code = 1; code < 20; ++code)
    EXPECT_EQ(run(shell("exit " + std::to_string(code))).report->exit_code, code);
  stop = true;
  thief.join();
}

TEST_P(LauncherTest, ADeadHelperIsNotMistakenForAnExit) {
  Process process = start(shell("echo started; exec sleep 1000"));
  read_line(process);
  std::ifstream info("/proc/self/fdinfo/" + std::to_string(process.pid_fd()));
  pid_t helper = 0;
  for (std::string word; info >> word;)
    if (word == "Pid:") info >> helper;
  ASSERT_GT(helper, 1);
  kill(helper, SIGKILL);
  EXPECT_EQ(report(process).status().reason(), "helper_died");
}

TEST_P(LauncherTest, AThousandLaunchesLeaveTheHostAsItWas) {
  auto count = [] {
    const std::filesystem::directory_iterator fds("/proc/self/fd");
    return std::distance(begin(fds), end(fds));
  };
  auto dispositions = [] {  // the mask, and what is blocked, ignored and caught
    std::ifstream in("/proc/self/status");
    std::string out;
    for (std::string line; std::getline(in, line);)
      // Not SigQ: it counts the queued signals of the user, all processes together.
      if (line.starts_with("Sig") && !line.starts_with("SigQ")) out += line + "\n";
    return out;
  };
  (void)run(spec({"true"}));
  const auto fds_before = count();
  const std::string signals_before = dispositions();
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(run(spec({"true"})).report->exit_code, 0);
  EXPECT_EQ(count(), fds_before);
  EXPECT_EQ(dispositions(), signals_before);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
}

// The end of its output is not the end of a command.
TEST_P(LauncherTest, ACommandMayCloseItsOutputsAndGoOn) {
  Process process = start(shell("exec >&- 2>&-; while [ ! -e go ]; do sleep 0.01; done; exit 7"));
  char c = 0;
  struct pollfd out = {process.stdout_fd(), POLLIN, 0};
  ASSERT_EQ(poll(&out, 1, kPatienceMs), 1);
  EXPECT_EQ(::read(process.stdout_fd(), &c, 1), 0);
  EXPECT_EQ(process.read_report().status().reason(), "still_running");
  dir_.write("go", "");
  EXPECT_EQ(report(process)->exit_code, 7);
}

TEST_P(LauncherTest, LeaksNoDescriptorsAndNoZombies) {
  auto count = [] {
    const std::filesystem::directory_iterator fds("/proc/self/fd");
    return std::distance(begin(fds), end(fds));
  };
  (void)run(shell("exit 0"));
  const auto before = count();
  for (int i = 0; i < 20; ++i) {
    (void)run(shell("exit 0"));
    (void)run(spec({"no-such-program-anywhere"}));
    (void)start(shell("sleep 1000"));
  }
  EXPECT_EQ(count(), before);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
}

INSTANTIATE_TEST_SUITE_P(Under, LauncherTest,
                         ::testing::Values(Mechanism::kNone, Mechanism::kLandlock, Mechanism::kBubblewrap),
                         [](const auto& instance) { return std::string(mechanism_name(instance.param)); });

}  // namespace
}  // namespace tau::os
