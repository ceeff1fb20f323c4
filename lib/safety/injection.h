// Signals of prompt injection in text: what the wording gives away. A signal is no gate: text without one may
// well be an attack, and what decides of actions is the monitor.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace tau::safety {

// Who speaks: a person may ask the model for anything; what a tool returns has no business to.
enum class TextChannel : uint8_t { kUser, kTool };

struct InjectionSignal {
  std::string_view family;  // of injection_families(); lives for ever
  uint64_t offset = 0;      // about where, in bytes of the text
  double score = 0;         // of the family
};

struct InjectionFamily {
  std::string_view name;
  std::string_view text;  // what it looks for
  // How seldom honest text says such a thing, from 0 to 1, set by hand: it ranks signals and is no
  // probability.
  double score = 0;
  bool tool_only = false;  // counts in what tools return alone
};
std::span<const InjectionFamily> injection_families();

// At most one signal of each family, in the order of the table. Time is linear in the text, whatever it
// says. Any thread.
std::vector<InjectionSignal> injection_signals(std::string_view text, TextChannel channel);
// [{"family","offset","score"}]
std::string injection_signals_json(std::string_view text, TextChannel channel);

}  // namespace tau::safety
