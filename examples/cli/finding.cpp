#include "finding.h"

#include "json.h"
#include "terminal.h"
#include "text.h"

namespace cli {
namespace {

constexpr size_t kNameWidth = 14;

using enum Finding::Level;

constexpr std::string_view level_name(Finding::Level level) {
  switch (level) {
    case Finding::Level::kOk: return "ok";
    case Finding::Level::kWarning: return "warning";
    case Finding::Level::kProblem: return "problem";
  }
  return "";
}

Json finding_json(const Finding& finding) {
  Json out = Json::object();
  out.set("level", Json::string(level_name(finding.level)));
  out.set("check", Json::string(finding.check));
  out.set("message", Json::string(finding.message));
  if (!finding.fix.empty()) out.set("fix", Json::string(finding.fix));
  return out;
}

std::string finding_text(const Finding& finding, bool rich) {
  const Style style = finding.level == kOk        ? Style::kDim
                      : finding.level == kWarning ? Style::kYellow
                                                  : Style::kRed;
  std::string out = paint(rich, style, padded(level_name(finding.level), 8)) +
                    padded(finding.check, kNameWidth) + safe_text(finding.message) + "\n";
  if (!finding.fix.empty()) out += std::string(8 + kNameWidth, ' ') + "fix: " + finding.fix + "\n";
  return out;
}

}  // namespace

int show_findings(const Options& options, const std::vector<Finding>& findings) {
  int64_t problems = 0;
  int64_t warnings = 0;
  Json list = Json::array();
  std::string text;
  for (const Finding& finding : findings) {
    problems += finding.level == kProblem ? 1 : 0;
    warnings += finding.level == kWarning ? 1 : 0;
    list.push_back(finding_json(finding));
    text += finding_text(finding, stdout_is_rich());
  }
  if (options.json) {
    Json out = Json::object();
    out.set("problems", Json::number(problems));
    out.set("warnings", Json::number(warnings));
    out.set("findings", list);
    text = out.dump() + "\n";
  } else if (problems + warnings == 0) {
    text += "\nnothing is wrong\n";
  }
  if (!write_out(text)) return kExitFailed;
  return problems == 0 ? kExitOk : kExitFailed;
}

}  // namespace cli
