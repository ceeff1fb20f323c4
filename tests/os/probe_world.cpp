#include "probe_world.h"

#include <fcntl.h>
#include <grp.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace tau::os::test {
namespace {

namespace fs = std::filesystem;

constexpr int kPatienceMs = 600'000;
constexpr uid_t kNobody = 65534;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::abort();
}

void put(const std::string& path, const std::string& content) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path) << content;
  chmod(path.c_str(), 0644);
}

int listen_inet(int& port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<struct sockaddr*>(&address);
  if (bind(fd, generic, size) != 0 || listen(fd, 64) != 0 || getsockname(fd, generic, &size) != 0)
    give_up("listen");
  port = ntohs(address.sin_port);
  return fd;
}

int listen_unix(const std::string& name, bool is_abstract, int type) {
  const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + (is_abstract ? 1 : 0), name.data(), name.size());
  const size_t size = offsetof(struct sockaddr_un, sun_path) + name.size() + (is_abstract ? 1 : 0);
  if (bind(fd, reinterpret_cast<struct sockaddr*>(&address), static_cast<socklen_t>(size)) != 0)
    give_up(name.c_str());
  if (type == SOCK_STREAM && listen(fd, 64) != 0) give_up(name.c_str());
  if (!is_abstract) chmod(name.c_str(), 0777);
  return fd;
}

int status_of(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

}  // namespace

ProbeWorld::ProbeWorld() : dir_("/var/tmp/tau-probes-XXXXXX") {
  if (mkdtemp(dir_.data()) == nullptr) give_up("mkdtemp");
  chmod(dir_.c_str(), 0755);
  fs::create_directory(file("bin"));
  fs::copy_file(TAU_TEST_EXEC, helper());
  fs::copy_file(TAU_TEST_PROBES, file("bin/escape_probes"));
  put(file("secret"), "secret");
  secret_fd_ = open(file("secret").c_str(), O_RDONLY);
  victim_ = fork();
  if (victim_ == 0) {
    char name[] = "sleep", time[] = "1000", mark[] = "TAU_PROBE_SECRET=1";
    char* argv[] = {name, time, nullptr};
    char* env[] = {mark, nullptr};
    execve("/bin/sleep", argv, env);
    _exit(127);
  }
  fs::create_directory(file("outside"));
  const std::string id = std::to_string(victim_);
  listeners_ = {listen_inet(port_), listen_unix("tau-probe-" + id, true, SOCK_STREAM),
                listen_unix(file("outside/socket"), false, SOCK_STREAM),
                listen_unix(file("outside/datagram"), false, SOCK_DGRAM)};
  shared_memory_ = shmget(victim_, 1, IPC_CREAT | 0666);
  const mqd_t queue = mq_open(("/tau-probe-" + id).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666, nullptr);
  if (queue >= 0) listeners_.push_back(queue);
}

ProbeWorld::~ProbeWorld() {
  kill(victim_, SIGKILL);
  waitpid(victim_, nullptr, 0);
  for (const int fd : listeners_) close(fd);
  close(secret_fd_);
  shmctl(shared_memory_, IPC_RMID, nullptr);
  const std::string id = std::to_string(victim_);
  mq_unlink(("/tau-probe-" + id).c_str());
  unlink(("/tmp/tau-probe-" + id).c_str());
  std::error_code ignored;
  fs::remove_all(dir_, ignored);
}

void ProbeWorld::reset() const {
  fs::remove_all(file("home"));
  fs::remove_all(file("tauhome"));
  for (const char* name : {"file", "new", "directory", "fifo"}) fs::remove_all(file("outside/") + name);
  put("/tmp/tau-probe-" + std::to_string(victim_), "shared");
  put(file("outside/file"), "outside");
  put(file("home/.bashrc"), "home");
  put(file("home/.ssh/id"), "key");
  put(file("tauhome/vault"), "vault");
  put(file("home/ws/file"), "file");
  put(file("home/ws/.env"), "token");
  put(file("home/ws/.git/config"), "[core]\n");
  fs::create_directory(file("home/ws/.git/hooks"));
  fs::create_directory(file("home/ws/.tau"));
  fs::create_directory(file("home/ws/mnt"));
}

std::vector<std::string> ProbeWorld::arguments(const std::string& probe) const {
  return {file("bin/escape_probes"),
          probe,
          dir_,
          std::to_string(victim_),
          std::to_string(port_),
          std::to_string(probe == "race" ? rounds_ : secret_fd_)};
}

ProbeResult ProbeWorld::run_free(const std::string& probe) const {
  const std::vector<std::string> args = arguments(probe);
  const pid_t pid = fork();
  if (pid == 0) {
    std::vector<char*> argv;
    for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
    argv.push_back(nullptr);
    char leak[] = "TAU_PROBE_LEAK=1";
    char* env[] = {leak, nullptr};
    if (chdir(file("home/ws").c_str()) == 0) execve(argv[0], argv.data(), env);
    _exit(127);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  return {probe, status_of(status), ""};
}

LaunchSpec ProbeWorld::spec(const std::string& probe, bool accept_gaps) const {
  LaunchSpec spec;
  spec.argv = arguments(probe);
  spec.env = {"PATH=/usr/bin:/bin"};
  spec.cwd = Fd(open(file("home/ws").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  spec.limits.processes = 64;
  spec.limits.address_space_bytes = 256u << 20;
  spec.limits.file_size_bytes = 1u << 20;
  Confinement& c = spec.confinement;
  c.profile = Profile::kWorkspaceWrite;
  c.roots = {file("home/ws")};
  c.rules = {default_read_only(), {".env"}};
  c.hidden = default_hidden(file("home"));
  c.hidden.push_back(file("tauhome"));
  c.network = network_;
  c.accept_gaps = accept_gaps;
  return spec;
}

ProbeResult ProbeWorld::run_confined(const Launcher& launcher, const std::string& probe,
                                     bool accept_gaps) const {
  const std::string before = snapshot();
  StatusOr<Process> process = launcher.start(spec(probe, accept_gaps));
  if (!process.ok()) return {probe, -1, process.status().to_string()};
  struct pollfd done = {process->status_fd(), POLLIN, 0};
  (void)poll(&done, 1, kPatienceMs);
  const StatusOr<ExitReport> report = process->read_report();
  if (!report.ok()) return {probe, -1, report.status().to_string()};
  ProbeResult result{probe, report->signal != 0 ? 128 + report->signal : report->exit_code, ""};
  const std::string after = snapshot();
  if (after != before) result.message = "changed from\n" + before + "to\n" + after;
  return result;
}

std::string ProbeWorld::snapshot() const {
  std::map<std::string, std::string> seen;
  for (const char* top : {"outside", "home", "tauhome"}) {
    for (auto it = fs::recursive_directory_iterator(file(top)); it != fs::recursive_directory_iterator();
         ++it) {
      const std::string path = it->path().string();
      if (path == file("home/ws")) it.disable_recursion_pending();
      struct stat st;
      if (lstat(path.c_str(), &st) != 0) continue;
      std::ostringstream line;
      line << path << " " << std::oct << st.st_mode << std::dec;
      if (S_ISREG(st.st_mode)) {
        std::ifstream in(path);
        line << " " << st.st_mtim.tv_sec << "." << st.st_mtim.tv_nsec << " "
             << std::string(std::istreambuf_iterator<char>(in), {});
      }
      seen[path] = line.str();
    }
  }
  std::string out;
  for (const auto& [path, line] : seen) out += line + "\n";
  std::ifstream shared("/tmp/tau-probe-" + std::to_string(victim_));
  out += std::string(std::istreambuf_iterator<char>(shared), {});
  return out;
}

// Runs `body` in a child that is this user, and gives back what it wrote.
std::string as_user(uid_t uid, const std::function<std::string()>& body) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
  const pid_t pid = fork();
  if (pid == 0) {
    close(ends[0]);
    const bool changed = uid == getuid() || (setgroups(0, nullptr) == 0 && setresgid(uid, uid, uid) == 0 &&
                                             setresuid(uid, uid, uid) == 0);
    std::string out = "cannot become the user";
    try {
      if (changed) out = body();
    } catch (const std::exception& error) { out = error.what(); }
    for (size_t done = 0; done < out.size();) {
      const ssize_t n = write(ends[1], out.data() + done, out.size() - done);
      if (n <= 0) break;
      done += static_cast<size_t>(n);
    }
    _exit(0);
  }
  close(ends[1]);
  std::string out;
  std::array<char, 4096> buffer;
  for (ssize_t n; (n = read(ends[0], buffer.data(), buffer.size())) > 0;)
    out.append(buffer.data(), static_cast<size_t>(n));
  close(ends[0]);
  waitpid(pid, nullptr, 0);
  return out;
}

std::vector<uid_t> users() {
  if (getuid() == 0) return {0, kNobody};
  return {getuid()};
}

std::unique_ptr<Launcher> launcher_for(const ProbeWorld& world, Mechanism mechanism) {
  auto launcher = Launcher::create({.helper_path = world.helper(),
                                    .build_helper_path = "",
                                    .use_bubblewrap = mechanism == Mechanism::kBubblewrap,
                                    .use_landlock = true});
  return launcher.ok() ? *std::move(launcher) : nullptr;
}

std::vector<Setting> settings() {
  std::vector<Setting> out;
  for (const Mechanism mechanism : {Mechanism::kLandlock, Mechanism::kBubblewrap})
    for (const uid_t uid : users()) out.push_back({mechanism, uid});
  return out;
}

std::string name_of(const Setting& setting) {
  return format("{}_as_{}", mechanism_name(setting.mechanism), setting.uid);
}

std::string defect_of(const Setting& setting) {
  const std::string best = as_user(setting.uid, [&] {
    const ProbeWorld world;
    const ConfinementStatus status = launcher_for(world, setting.mechanism)->confinement_status();
    return format("{} {}", mechanism_name(status.best), status.bubblewrap_defect);
  });
  if (best.starts_with(mechanism_name(setting.mechanism))) return "";
  return format("{} does not work here: {}", name_of(setting), best);
}

}  // namespace tau::os::test
