// tau scan: secrets and signals of prompt injection in a text of any length, read in windows that overlap. It
// asks nobody, and opens a home only for the secrets of its vault.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "client.h"
#include "commands.h"
#include "terminal.h"
#include "text.h"
#include "vault_access.h"

namespace cli {
namespace {

constexpr size_t kWindow = 4u << 20;
// What a window sees before and behind its own part: the longest secret that can be registered in its longest
// encoding, and the words around it.
constexpr size_t kMargin = 160u << 10;
constexpr size_t kRuleWidth = 36;

Result<ScannerPtr> make_scanner() {
  tau_scanner* made = nullptr;
  tau_error* error = nullptr;
  const tau_status status = tau_scanner_new(nullptr, &made, &error);
  if (status != TAU_OK) return library_failure(status, error);
  return ScannerPtr(made);
}

// Who says how the vault opens wants it to be opened.
bool wants_vault(const Options& options) {
  const KeyOptions& key = options.key;
  return options.with_vault || !options.vault.empty() || !key.file.empty() || !key.variable.empty() ||
         !key.keyring.empty() || !key.passphrase_file.empty() || key.passphrase_fd >= 0 || key.passphrase;
}

// Every secret that the vault still gives out, by its reference. What cannot be looked for is named on
// stderr.
std::optional<Failure> add_vault(const Options& options, tau_scanner* scanner) {
  const auto open = open_vault(options, /*read_only=*/true);
  if (!open.ok()) return open.failure();
  tau_vault* const vault = (*open).vault.get();
  const auto about = json_of(tau_vault_describe, vault);
  if (!about.ok()) return about.failure();
  for (const Json& row : (*about)["secrets"].items()) {
    const std::string& name = row["name"].as_string();
    tau_secret* given = nullptr;
    tau_error* error = nullptr;
    const auto version = static_cast<uint32_t>(row["version"].as_int());
    tau_status status =
        tau_vault_get(vault, to_tau(name), to_tau(row["origin"].as_string()), version, &given, &error);
    const SecretPtr secret(given);
    if (status == TAU_OK) {
      const auto* const bytes = static_cast<const char*>(tau_secret_data(given));
      status = tau_scanner_add_secret(scanner, to_tau(name), {bytes, tau_secret_len(given)}, &error);
    }
    if (status == TAU_OK) continue;
    const Failure why = library_failure(status, error);
    write_err("tau: not looked for: " + one_line(name, 200) + ", version " + std::to_string(version) + ": " +
              why.reason + "\n");
  }
  return std::nullopt;
}

// Reads a text piece by piece: view() is a window of it, of which [begin, end) is its own part.
class Windows {
 public:
  explicit Windows(int fd) : fd_(fd) { text_.reserve(kWindow + 2 * kMargin); }

  // False at the end, and when reading failed: error() says why.
  bool next() {
    if (error_ != 0 || last_) return false;
    if (end_ > kMargin) {
      const size_t gone = end_ - kMargin;
      lines_ += std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(gone), '\n');
      text_.erase(0, gone);
      end_ -= gone;
    }
    begin_ = end_;
    fill();
    end_ = last_ ? text_.size() : text_.size() - kMargin;
    return error_ == 0 && (begin_ < end_ || (last_ && begin_ == 0));
  }
  std::string_view view() const { return text_; }
  bool owns(int64_t offset) const {
    const auto at = static_cast<size_t>(offset);
    return at >= begin_ && (at < end_ || last_);
  }
  // Of offsets that only grow, or nearly so, in time that is linear in the window.
  int64_t line_of(int64_t offset) {
    const auto at = std::min(static_cast<size_t>(offset), text_.size());
    if (seen_window_ != window_ || at < seen_) seen_window_ = window_, seen_ = 0, seen_lines_ = 0;
    seen_lines_ += std::count(text_.begin() + static_cast<std::ptrdiff_t>(seen_),
                              text_.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    seen_ = at;
    return lines_ + seen_lines_ + 1;
  }
  int64_t offset_of(int64_t in_window) const { return base() + in_window; }
  int error() const { return error_; }

 private:
  int64_t base() const { return read_ - static_cast<int64_t>(text_.size()); }

  void fill() {
    ++window_;
    while (text_.size() < kWindow + 2 * kMargin) {
      const size_t had = text_.size();
      text_.resize(kWindow + 2 * kMargin);
      const ssize_t got = read(fd_, text_.data() + had, text_.size() - had);
      text_.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) error_ = errno;
      if (got <= 0) {
        last_ = true;
        return;
      }
      read_ += got;
    }
  }

  const int fd_;
  std::string text_;
  size_t begin_ = 0;
  size_t end_ = 0;
  int64_t read_ = 0;
  int64_t lines_ = 0;  // before the window
  int window_ = 0;
  int seen_window_ = 0;
  size_t seen_ = 0;
  int64_t seen_lines_ = 0;
  bool last_ = false;
  int error_ = 0;
};

// Tells what is found as it is found.
class Report {
 public:
  Report(const Options& options, bool piped)
      : json_(options.json), where_(piped ? "stdin" : one_line(options.file, 200)) {
    if (json_) out_ = "{\"secrets\":[";
  }

  void add_secret(const Json& found, Windows& text) {
    if (json_) {
      Json row = found;
      row.set("offset", Json::number(text.offset_of(found["offset"].as_int())));
      out_ += (secrets_ == 0 ? "" : ",") + row.dump();
    } else {
      const std::string& subject = found["subject"].as_string();
      const std::string name =
          found["rule"].as_string() + (subject.empty() ? "" : " " + one_line(subject, 200));
      out_ += line(text.line_of(found["offset"].as_int()), "secret", name, found["confidence"].as_string());
    }
    ++secrets_;
  }
  // The first of each family.
  void add_signal(const Json& found, Windows& text) {
    const std::string& family = found["family"].as_string();
    if (std::find(families_.begin(), families_.end(), family) != families_.end()) return;
    families_.push_back(family);
    if (json_) {
      Json row = found;
      row.set("offset", Json::number(text.offset_of(found["offset"].as_int())));
      signals_ += (families_.size() == 1 ? "" : ",") + row.dump();
    } else {
      signals_ += line(text.line_of(found["offset"].as_int()), "signal", family, found["score"].dump());
    }
  }
  bool flush() { return write_out(std::exchange(out_, {})); }
  bool finish() {
    out_ += json_ ? "],\"signals\":[" + signals_ + "]}\n" : signals_;
    return flush();
  }
  bool any_secret() const { return secrets_ > 0; }
  bool any_signal() const { return !families_.empty(); }

 private:
  std::string line(int64_t number, std::string_view kind, const std::string& name,
                   const std::string& how) const {
    return where_ + ":" + std::to_string(number) + ": " + std::string(kind) + " " + padded(name, kRuleWidth) +
           " " + how + "\n";
  }

  const bool json_;
  const std::string where_;
  std::string out_;
  std::string signals_;
  std::vector<std::string> families_;
  size_t secrets_ = 0;
};

std::optional<Failure> look(tau_scanner* scanner, Windows& text, Report& report) {
  const auto secrets = json_of(tau_scanner_scan, scanner, to_tau(text.view()));
  if (!secrets.ok()) return secrets.failure();
  for (const Json& found : (*secrets).items())
    if (text.owns(found["offset"].as_int())) report.add_secret(found, text);
  const auto signals =
      json_of(tau_injection_signals, to_tau(text.view()), tau_text_channel{TAU_TEXT_OF_TOOL});
  if (!signals.ok()) return signals.failure();
  for (const Json& found : (*signals).items()) report.add_signal(found, text);
  return std::nullopt;
}

int scan(const Options& options, tau_scanner* scanner, int fd, bool piped) {
  Windows text(fd);
  Report found(options, piped);
  while (text.next()) {
    if (const auto failure = look(scanner, text, found)) return report(*failure);
    if (!found.flush()) return kExitFailed;
  }
  if (!found.finish()) return kExitFailed;
  if (text.error() != 0)
    return report(input_failure(
        "file_error", (piped ? std::string("stdin") : options.file) + ": " + std::strerror(text.error())));
  return found.any_secret() || (options.strict && found.any_signal()) ? kExitFailed : kExitOk;
}

}  // namespace

int command_scan(const Options& options) {
  const auto scanner = make_scanner();
  if (!scanner.ok()) return report(scanner.failure());
  if (wants_vault(options))
    if (const auto failure = add_vault(options, (*scanner).get())) return report(*failure);
  const bool piped = options.file.empty() || options.file == "-";
  const int fd = piped ? STDIN_FILENO : open(options.file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return report(input_failure("file_error", options.file + ": " + std::strerror(errno)));
  const int exit = scan(options, (*scanner).get(), fd, piped);
  if (!piped) close(fd);
  return exit;
}

}  // namespace cli
