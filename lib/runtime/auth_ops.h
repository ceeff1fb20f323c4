// The ops of logins: auth_login, auth_wait, auth_status, auth_refresh, auth_logout. Private to the module.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/base.h"
#include "json/json.h"

namespace tau::runtime {

class Core;

// Each answers with JSON, as include/tau/runtime.h describes it.
StatusOr<std::string> begin_login(Core& core, const json::Value& request);
StatusOr<std::string> wait_for_login(Core& core, const json::Value& request);
StatusOr<std::string> show_logins(Core& core, const json::Value& request);
StatusOr<std::string> refresh_login(Core& core, const json::Value& request);
StatusOr<std::string> end_login(Core& core, const json::Value& request);

inline constexpr std::pair<std::string_view,
                           StatusOr<std::string> (*)(Core& core, const json::Value& request)>
    kAuthOps[] = {{"auth_login", begin_login},
                  {"auth_wait", wait_for_login},
                  {"auth_status", show_logins},
                  {"auth_refresh", refresh_login},
                  {"auth_logout", end_login}};

}  // namespace tau::runtime
