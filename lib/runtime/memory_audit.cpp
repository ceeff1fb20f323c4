#include "runtime/memory_audit.h"

#include <algorithm>
#include <new>

#include "runtime/audit.h"
#include "runtime/core.h"
#include "runtime/memory.h"

namespace tau::runtime {
namespace {

using observe::Kind;
using observe::Number;
using observe::Record;
using observe::Text;

// "memory/WORKSPACE/CHANNEL/ACTOR", as far as it is known; "*": any.
std::string place_of(const memory::Reach& reach) {
  std::string place = "memory/" + std::string(reach.workspace);
  if (!reach.channel && !reach.actor) return place;
  place.append("/").append(reach.channel ? std::string_view(*reach.channel) : std::string_view("*"));
  if (reach.actor) place.append("/").append(std::string_view(*reach.actor));
  return place;
}

std::string place_of(const store::MemoryScope& scope) {
  std::string place = "memory/" + std::string(scope.workspace);
  if (scope.channel.empty() && scope.actor.empty()) return place;
  place.append("/").append(std::string_view(scope.channel));
  if (!scope.actor.empty()) place.append("/").append(std::string_view(scope.actor));
  return place;
}

Record record_of(const Memory& memory, Kind kind, std::string_view action, std::string_view place) {
  const std::string_view principal = memory.reach().principal;
  const MemoryCaller& caller = memory.caller();
  return Record(kind)
      .set(Text::kPrincipal, principal.empty() ? memory.core().principal() : principal)
      .set(Text::kSession, caller.session)
      .set(Text::kRun, caller.run)
      .set(Text::kCall, caller.call)
      .set(Text::kTool, caller.tool)
      .set(Text::kAction, action)
      .set(Text::kTarget, place);
}

}  // namespace

MemoryTally::~MemoryTally() {
  Audit* const audit = memory_.core().audit();
  if (audit == nullptr || count_ == 0) return;
  try {
    const std::string place = scopes_ == Scopes::kOne ? place_of(scope_) : place_of(memory_.reach());
    audit->add_up(
        record_of(memory_, kind_, op_, place).set(Text::kOutcome, "ok").set(Number::kCount_, count_));
  } catch (const std::bad_alloc&) {}
}

MemoryTally& MemoryTally::within(const store::MemoryScope& scope) {
  if (scopes_ == Scopes::kNone) {
    scope_ = scope;
    scopes_ = Scopes::kOne;
  } else if (scope != scope_) {
    scopes_ = Scopes::kMore;
  }
  return *this;
}

void MemoryTally::add(const std::vector<store::MemoryOutcome>& outcomes) {
  count_ += std::ranges::count_if(
      outcomes, [](const store::MemoryOutcome& each) { return each.row != 0 && !each.unchanged; });
}

void note_memory_failure(const Memory& memory, std::string_view op, std::string_view action,
                         const Status& why) noexcept {
  Audit* const audit = memory.core().audit();
  if (audit == nullptr || why.ok()) return;
  const bool refused = why.code() == Code::kPermissionDenied;
  const bool asked_wrongly = why.code() == Code::kInvalidArgument || why.code() == Code::kNotFound;
  if (!refused && (asked_wrongly || action == "memory:read")) return;
  try {
    const std::string place = place_of(memory.reach());
    Record record =
        record_of(memory, refused ? Kind::kAccessDenied : Kind::kMemoryChanged, refused ? action : op, place);
    if (!refused) record.set(Text::kOutcome, "error");
    audit->add_up(record.set(Text::kReason, why.reason()).set(Number::kCount_, 1));
  } catch (const std::bad_alloc&) {}
}

}  // namespace tau::runtime
