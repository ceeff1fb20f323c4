// What a program asks a policy of its own: the first line is the policy's document, the second a call, the
// third rules of egress for the URL that is left.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "law.h"
#include "runtime/policy_document.h"
#include "runtime/url_document.h"

namespace {

using tau::Code;
using tau::fuzz::require;
using tau::fuzz::take_line;
using tau::json::Value;
using tau::runtime::StandalonePolicy;

Value described(const StandalonePolicy& policy) {
  auto about = tau::json::parse(policy.describe());
  require(about.ok());
  return *std::move(about);
}

void check_policy(std::string_view document, std::string_view call) {
  const auto policy = StandalonePolicy::make(document);
  if (!policy.ok()) return require(policy.status().code() == Code::kInvalidArgument);
  // What it says of itself makes the same policy.
  const Value about = described(**policy);
  const auto again = StandalonePolicy::make(tau::json::write(about["document"]));
  require(again.ok() && described(**again) == about);
  const auto verdict = (*policy)->decide(call);
  if (!verdict.ok()) return require(verdict.status().code() == Code::kInvalidArgument);
  const auto found = tau::json::parse(*verdict);
  require(found.ok() && *(*again)->decide(call) == *verdict);
  const std::string_view word = (*found)["verdict"].as_string();
  require(word == "allow" || word == "ask" || word == "deny");
  require(!(*found)["message"].as_string().empty() && (*found)["policy_epoch"] == about["epoch"]);
  require(found->contains("binding") == (word == "ask"));
}

void check_place(std::string_view rules, std::string_view url) {
  const auto verdict = tau::runtime::check_url(url, rules);
  if (!verdict.ok()) return require(verdict.status().code() == Code::kInvalidArgument);
  const auto found = tau::json::parse(*verdict);
  require(found.ok());
  require(((*found)["verdict"].as_string() == "deny") == found->contains("reason"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view document = take_line(text);
  const std::string_view call = take_line(text);
  check_policy(document, call);
  const std::string_view rules = take_line(text);
  check_place(rules, text);
  return 0;
}
