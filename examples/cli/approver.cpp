#include "approver.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "interrupts.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

// One line without its end; false at the end of input and on an interrupt.
bool read_answer(int fd, std::string& line) {
  line.clear();
  char c = 0;
  for (;;) {
    pollfd fds[2] = {{fd, POLLIN, 0}, {interrupt_fd(), POLLIN, 0}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return false;
    if (interrupted()) return false;
    if (fds[0].revents == 0) continue;
    if (read(fd, &c, 1) != 1) return false;
    if (c == '\n' || c == '\r') return true;
    line += c;
  }
}

constexpr size_t kMaxScope = 512;

std::string arguments_of(const Json& approval) {
  constexpr size_t kMaxShown = 8192;
  const Json& arguments = approval["arguments"];
  const std::string text = arguments.is_null() ? approval["arguments_text"].as_string() : arguments.dump();
  return one_line(text, kMaxShown);
}

}  // namespace

Approver::Approver(Whom whom) : whom_(whom) {
  if (whom != Whom::kTerminal || !stderr_is_terminal()) return;
  if (stdin_is_terminal()) {
    terminal_ = STDIN_FILENO;
    return;
  }
  terminal_ = open("/dev/tty", O_RDONLY | O_CLOEXEC);  // stdin carried the prompt
  owned_ = terminal_ >= 0;
}

Approver::~Approver() {
  if (owned_) close(terminal_);
}

Decision Approver::decide(const Json& approval) {
  const Subject subject = {approval["tool"].as_string(), approval["scope"].as_string()};
  if (whom_ == Whom::kOthers) return await(approval);
  if (always_.contains(subject)) return {.allow = true};
  return terminal_ < 0 ? deny_unasked(subject) : ask(approval, subject);
}

Decision Approver::deny_unasked(const Subject& subject) {
  const auto& [tool, scope] = subject;
  missing_ = true;
  std::string denied = tool;
  std::string hint = "--allow " + tool;
  if (!scope.empty()) {
    denied += ": " + scope;
    hint = "--set 'policy.requests=[" + quote(scope) + "]'";
  }
  write_err("tau: approval_missing: denied " + one_line(denied, kMaxScope) +
            ": there is no terminal to ask on\nhint: allow it with " + one_line(hint, kMaxScope) + "\n");
  return {.reason = "nobody could be asked for approval"};
}

Decision Approver::await(const Json& approval) {
  write_err("tau: waiting for an approval: " + one_line(approval["tool"].as_string(), kMaxScope) +
            "; 'tau approvals list' shows it\n");
  return {.elsewhere = true};
}

Decision Approver::ask(const Json& approval, const Subject& subject) {
  const auto& [tool, scope] = subject;
  const bool rich = stderr_is_rich();
  std::string effect = approval["effect"].as_string();
  if (approval["not_sandboxed"].as_bool()) effect += ", not sandboxed";
  write_err(paint(rich, Style::kBold, one_line(tool, 64)) + " (" + paint(rich, Style::kYellow, effect) +
            ") " + arguments_of(approval) + "\n");
  tcflush(terminal_, TCIFLUSH);  // what was typed before the question is no answer to it
  const std::string always = scope.empty() ? "" : " to " + one_line(scope, kMaxScope);
  std::string answer;
  for (;;) {
    write_err("Allow? [y]es, [n]o, [a]lways" + always + " in this session: ");
    if (!read_answer(terminal_, answer)) {
      write_err("\n");
      return {.reason = "the user gave no answer"};
    }
    if (answer == "n" || answer == "no") return {.reason = "the user said no"};
    if (answer == "a" || answer == "always") always_.insert(subject);
    if (answer == "y" || answer == "yes" || answer == "a" || answer == "always") return {.allow = true};
  }
}

}  // namespace cli
