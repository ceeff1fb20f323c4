#include "runtime/result_screen.h"

#include <algorithm>
#include <vector>

namespace tau::runtime {
namespace {

constexpr std::string_view kHiddenText = "hidden_text";  // the family of injection
constexpr size_t kFewUnseen = 3;                         // soft hyphens and byte order marks that say nothing

void add_name(std::string& names, std::string_view prefix, std::string_view name) {
  if (!names.empty()) names += ',';
  names.append(prefix).append(name);
}

}  // namespace

void ResultScreen::finalize(const tool::Call&, const tool::Manifest& manifest, tool::Result& result) {
  const size_t unseen = safety::remove_invisible(result.content);
  std::vector<safety::Finding> found;
  Redaction(screening_->current()).clean(result.content, Author::kForeign, &found);
  result.signals.clear();
  // What a tool computes from what the model wrote is the model's; what it reads out of held texts is not.
  if (manifest.effect != tool::Effect::kPure || manifest.takes_handles) {
    const std::string_view shown = std::string_view(result.content).substr(0, manifest.max_result_bytes);
    for (const safety::InjectionSignal& signal : injection_signals(shown, safety::TextChannel::kTool))
      add_name(result.signals, "", signal.family);
  }
  if (unseen > kFewUnseen && result.signals.find(kHiddenText) == result.signals.npos)
    add_name(result.signals, "", kHiddenText);
  std::vector<std::string_view> told;
  for (const safety::Finding& finding : found) {
    if (!finding.signal || std::ranges::find(told, finding.rule) != told.end()) continue;
    told.push_back(finding.rule);
    add_name(result.signals, kPersonalSignal, finding.rule);
  }
}

}  // namespace tau::runtime
