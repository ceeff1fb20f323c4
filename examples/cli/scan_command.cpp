// tau scan: secrets and signals of prompt injection in a text. It opens no home and asks nobody.
#include <algorithm>

#include "client.h"
#include "commands.h"
#include "files.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr size_t kMaxTextBytes = 256 << 20;
constexpr size_t kRuleWidth = 36;

Result<Json> secrets_of(std::string_view text) {
  tau_scanner* made = nullptr;
  tau_error* error = nullptr;
  const tau_status status = tau_scanner_new(nullptr, &made, &error);
  if (status != TAU_OK) return library_failure(status, error);
  const ScannerPtr scanner(made);
  return json_of(tau_scanner_scan, scanner.get(), to_tau(text));
}

// Tells lines by offsets that only grow, or nearly so.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}
  int64_t line_of(int64_t offset) {
    const auto at = std::min(static_cast<size_t>(offset), text_.size());
    if (at < seen_) seen_ = 0, line_ = 1;
    line_ += std::count(text_.begin() + static_cast<std::ptrdiff_t>(seen_),
                        text_.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    seen_ = at;
    return line_;
  }

 private:
  std::string_view text_;
  size_t seen_ = 0;
  int64_t line_ = 1;
};

}  // namespace

int command_scan(const Options& options) {
  const bool piped = options.file.empty() || options.file == "-";
  const auto text = piped ? read_stdin(kMaxTextBytes) : read_file(options.file, kMaxTextBytes);
  if (!text.ok()) return report(text.failure());
  const auto secrets = secrets_of(*text);
  if (!secrets.ok()) return report(secrets.failure());
  const auto signals = json_of(tau_injection_signals, to_tau(*text), tau_text_channel{TAU_TEXT_OF_TOOL});
  if (!signals.ok()) return report(signals.failure());
  std::string out;
  if (options.json) {
    Json found = Json::object();
    found.set("secrets", *secrets);
    found.set("signals", *signals);
    out = found.dump() + "\n";
  } else {
    const std::string where = piped ? "stdin" : one_line(options.file, 200);
    Lines lines(*text);
    const auto row = [&](const Json& found, std::string_view kind, std::string_view name,
                         const std::string& how) {
      out += where + ":" + std::to_string(lines.line_of(found["offset"].as_int())) + ": " +
             std::string(kind) + " " + padded(name, kRuleWidth) + " " + how + "\n";
    };
    for (const Json& found : (*secrets).items())
      row(found, "secret", found["rule"].as_string(), found["confidence"].as_string());
    for (const Json& found : (*signals).items())
      row(found, "signal", found["family"].as_string(), found["score"].dump());
  }
  if (!write_out(out)) return kExitFailed;
  const bool bad = !(*secrets).items().empty() || (options.strict && !(*signals).items().empty());
  return bad ? kExitFailed : kExitOk;
}

}  // namespace cli
