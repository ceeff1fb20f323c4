// What the tests of the C++ wrapper share: a runtime in memory whose model plays a script.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <tau/tau.hpp>

namespace tau_test {

inline constexpr int32_t kPatienceMs = 20'000;

// Calls the tool "add", then answers "It is 5.".
inline constexpr const char* kAddScript =
    R"({"model":"scripted/test","script":{"turns":[
       {"tool_calls":[{"name":"add","arguments":{"a":2,"b":3}}]},
       {"text":["It ","is ","5."],"usage":{"input":7,"output":3}}]}})";

inline constexpr const char* kHangScript =
    R"({"model":"scripted/test","script":{"turns":[{"text":"x","hang":true}]}})";

inline tau::Runtime open(const std::string& config, bool manual = false) {
  tau::RuntimeOptions options;
  options.no_store = true;
  options.config = config;
  options.manual = manual;
  if (manual) options.workers = 0;
  return tau::Runtime::open(options).value();
}

inline tau::Tool add_tool() {
  tau::Tool tool;
  tool.name = "add";
  tool.description = "Adds two numbers.";
  tool.parameters = R"({"type":"object","required":["a","b"]})";
  tool.effect = tau::Effect::kPure;
  return tool;
}

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace tau_test
