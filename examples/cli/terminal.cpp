#include "terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "env_table.h"

namespace cli {
namespace {

int first_output_error = 0;

bool is_dumb() { return read_variable("TERM") == "dumb"; }
bool colours_wanted() { return read_variable("NO_COLOR").empty() && !is_dumb(); }

}  // namespace

bool stdin_is_terminal() { return isatty(STDIN_FILENO) == 1; }
bool stdout_is_terminal() { return isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return isatty(STDERR_FILENO) == 1; }
size_t terminal_columns() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool can_edit() { return stdin_is_terminal() && stdout_is_terminal() && !is_dumb(); }
bool stderr_is_rich() { return stderr_is_terminal() && colours_wanted(); }
bool stdout_is_rich() { return stdout_is_terminal() && colours_wanted(); }

std::string paint(bool rich, Style style, std::string_view text) {
  static constexpr const char* kCodes[] = {"", "\033[2m", "\033[1m", "\033[31m", "\033[33m"};
  if (!rich || style == Style::kPlain) return std::string(text);
  return std::string(kCodes[static_cast<size_t>(style)]).append(text).append("\033[0m");
}

bool write_out(std::string_view text) {
  errno = 0;
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return true;
  if (first_output_error == 0) first_output_error = errno != 0 ? errno : EIO;
  return false;
}

int output_error() { return first_output_error; }

void write_err(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace cli
