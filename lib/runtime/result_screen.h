// What every result of a tool passes: secrets, what personal data is to go and what nobody sees are taken
// out, and what its wording gives away is told. One for all runs of a runtime; any thread.
#pragma once

#include "runtime/redaction.h"
#include "tool/tool.h"

namespace tau::runtime {

// Signals of personal data begin so; the others are families of signals of injection.
inline constexpr std::string_view kPersonalSignal = "personal:";

class ResultScreen final : public tool::FinalizeHook {
 public:
  explicit ResultScreen(std::shared_ptr<const safety::Screening> screening)
      : screening_(std::move(screening)) {}
  // Results of pure tools are made of what the model said: they are no news and have no signals of injection,
  // unless they were read out of held texts.
  void finalize(const tool::Call& call, const tool::Manifest& manifest, tool::Result& result) override;

 private:
  std::shared_ptr<const safety::Screening> screening_;
};

}  // namespace tau::runtime
