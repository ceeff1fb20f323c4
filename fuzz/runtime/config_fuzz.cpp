// A configuration file of every origin: parsed, checked, merged and described, with the laws that tie them
// together.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "law.h"
#include "runtime/config.h"

namespace {

using tau::fuzz::require;
using tau::runtime::Config;
using tau::runtime::Layer;

void check_origin(const std::string& origin, const tau::json::Value& document) {
  const Layer layer{origin, "fuzz", document};
  const bool good = tau::runtime::check_document(layer).ok();
  const auto config = Config::merge({layer});
  require(good || !config.ok());
  if (!config.ok()) return;
  const auto shown = tau::json::parse(config->describe());
  require(shown.ok() && shown->contains("values"));
  // What was merged is a document that merges to itself.
  if (config->document().contains("providers") || origin == "project") return;
  const auto again = Config::merge({Layer{origin, "fuzz", config->document()}});
  require(!again.ok() || again->document() == config->document());
  (void)config->agent();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = tau::runtime::parse_toml(text, "fuzz");
  if (!document.ok()) {
    require(document.status().reason() == "invalid_toml" && document.status().message().starts_with("fuzz:"));
    return 0;
  }
  const auto back = tau::json::parse(tau::json::write(*document));
  require(back.ok() && *back == *document);
  for (const char* origin : {"user", "project", "option", "agent"}) check_origin(origin, *document);
  return 0;
}
