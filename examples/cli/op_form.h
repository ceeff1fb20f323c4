// The form of the ops that tau run --stdio takes itself; all others are the library's to check.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "json.h"
#include "result.h"

namespace cli {

struct OpMember {
  std::string_view name;
  Json::Kind kind;
};

// Nothing when every member of `op` is one of `known`, of its type and given once; else what is wrong.
std::optional<Failure> check_members(const Json& op, std::span<const OpMember> known);

// What an op "run" and an op "add_tool" may hold.
std::span<const OpMember> run_members();
std::span<const OpMember> tool_members();

}  // namespace cli
