#include "secret_input.h"

#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "failure.h"

namespace cli {
namespace {

constexpr char kCtrlC = 3;
constexpr char kCtrlD = 4;
constexpr char kCtrlU = 21;
constexpr char kBackspace = 8;
constexpr char kDelete = 127;

Failure too_large(const std::string& name) {
  return input_failure("too_large",
                       name + " has more than " + std::to_string(SecretText::kMostBytes) + " bytes");
}

Failure cancelled() { return {kExitCancelled, "cancelled", "interrupted", {}}; }

// The terminal of this process, with echo and signals of keys off while it lives.
class QuietTerminal {
 public:
  QuietTerminal() : fd_(open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    if (fd_ < 0 || tcgetattr(fd_, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON | ISIG | IEXTEN);
    ready_ = tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
  }
  ~QuietTerminal() {
    if (ready_) tcsetattr(fd_, TCSAFLUSH, &before_);
    if (fd_ >= 0) close(fd_);
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;

  bool ready() const { return ready_; }
  void say(std::string_view text) const {
    if (write(fd_, text.data(), text.size()) < 0) return;
  }
  // False at the end.
  bool next(char& c) const {
    for (;;) {
      const ssize_t got = read(fd_, &c, 1);
      if (got < 0 && errno == EINTR) continue;
      return got == 1;
    }
  }

 private:
  const int fd_;
  termios before_{};
  bool ready_ = false;
};

}  // namespace

SecretText::~SecretText() { explicit_bzero(bytes_.data(), bytes_.size()); }

bool SecretText::push(char c) {
  if (size_ == kMostBytes) return false;
  bytes_[size_++] = c;
  return true;
}

void SecretText::pop() {
  // A whole character of UTF-8.
  while (size_ > 0 && (static_cast<unsigned char>(bytes_[--size_]) & 0xc0) == 0x80) {}
}

void SecretText::drop_line_break() {
  if (size_ > 0 && bytes_[size_ - 1] == '\n') --size_;
  if (size_ > 0 && bytes_[size_ - 1] == '\r') --size_;
}

Result<SecretText> read_secret(int fd, const std::string& name) {
  SecretText secret;
  for (;;) {
    const ssize_t got = read(fd, secret.bytes_.data() + secret.size_, secret.bytes_.size() - secret.size_);
    if (got < 0 && errno == EINTR) return cancelled();
    if (got < 0) return input_failure("file_error", name + ": " + strerror(errno));
    if (got == 0) break;
    secret.size_ += static_cast<size_t>(got);
    if (secret.size_ > SecretText::kMostBytes) return too_large(name);
  }
  secret.drop_line_break();
  if (secret.size() == 0) return input_failure("empty_secret", name + " holds no secret");
  return secret;
}

Result<SecretText> read_secret_file(const std::string& path) {
  if (path == "-") return read_secret(STDIN_FILENO, "stdin");
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return input_failure("file_error", path + ": " + strerror(errno));
  auto secret = read_secret(fd, path);
  close(fd);
  return secret;
}

Result<SecretText> prompt_secret(std::string_view question) {
  const QuietTerminal terminal;
  if (!terminal.ready())
    return input_failure("no_terminal", "there is no terminal to ask on", "give it by a file or on stdin");
  terminal.say(std::string(question) + ": ");
  SecretText secret;
  char c = 0;
  while (terminal.next(c) && c != '\n' && c != '\r' && c != kCtrlC && c != kCtrlD) {
    if (c == kCtrlU) {
      secret.clear();
    } else if (c == kBackspace || c == kDelete) {
      secret.pop();
    } else if (!secret.push(c)) {
      return too_large("what was typed");
    }
  }
  terminal.say("\n");
  if (c == kCtrlC) return cancelled();
  if (secret.size() == 0) return input_failure("empty_secret", "nothing was typed");
  return secret;
}

Result<SecretText> prompt_new_secret(std::string_view question) {
  auto first = prompt_secret(question);
  if (!first.ok()) return first;
  const auto again = prompt_secret("Once more");
  if (!again.ok()) return again.failure();
  if ((*first).view() != (*again).view())
    return input_failure("no_match", "the two were not the same: nothing was changed");
  return first;
}

}  // namespace cli
