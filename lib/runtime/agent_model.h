// The model of an agent: what its name stands for, and the object that is asked, on whatever loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "runtime/core.h"

namespace tau::runtime {

// Fills in how `snapshot.model` is reached: route, spec, and the script of `snapshot.config`. What cannot be
// reached for now is the status of the route. As Config::route() fails with INVALID_ARGUMENT.
Status find_model(Core& core, const Config& config, AgentSnapshot& snapshot);

using MakeUpstream = std::function<std::unique_ptr<provider::Model>(const provider::Route& route)>;
// The model of an agent whose route is known, without the cache of answers.
std::unique_ptr<provider::Model> make_agent_model(Core& core, const AgentSnapshot& agent,
                                                  net::EventLoop& loop, const MakeUpstream& make_upstream);

// Null for a route that a server has to be asked for: the program answers, a recording, or the offline model.
std::unique_ptr<provider::Model> make_local_upstream(Core& core, net::EventLoop& loop,
                                                     const provider::Route& route);
// All others. `recorded`: clients by provider, where there is a recorder; they live as long as the models.
std::unique_ptr<provider::Model> make_served_upstream(
    Core& core, net::EventLoop& loop, const provider::Route& route, net::HttpClient& http,
    provider::Authorizer* authorizer, std::map<std::string, std::unique_ptr<net::HttpClient>>& recorded);

// The desk of logins, for the models of one loop.
std::unique_ptr<provider::Authorizer> make_authorizer(Core& core, net::EventLoop& loop);

}  // namespace tau::runtime
