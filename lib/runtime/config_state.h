// What a Config holds, and the walk over a document that checking and merging share. Private to runtime.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config.h"
#include "runtime/config_keys.h"

namespace tau::runtime {

inline constexpr std::string_view kRedacted = "[REDACTED]";

// An api_key that was taken out of its document.
struct StoredKey {
  std::string provider;
  size_t layer = 0;
  std::shared_ptr<const Secret> secret;
};

struct Config::State {
  std::vector<Layer> layers;  // lowest precedence first
  std::vector<StoredKey> keys;
  json::Value merged = json::Value::object();
  std::map<std::string, size_t> origins;                  // key_text of each value -> layer
  std::string profile;                                    // in force; empty: none
  std::shared_ptr<const SecretLookup> secrets;            // null: references find nothing
  std::shared_ptr<const provider::ModelCatalog> catalog;  // of the home; null: none
  std::shared_ptr<const provider::QuirkTable> quirks;     // with those of the home; null: the built-in ones
  std::shared_ptr<const HostModels> host_models;          // of the program; null: none
};

// Calls visit(path, key, value) for every known value; stops at the first failure. Unknown keys and tables of
// the wrong type fail without location.
using KeyVisitor = std::function<Status(const KeyPath& path, const Key& key, const json::Value& value)>;
Status walk_document(const json::Value& document, const KeyVisitor& visit);

// "tau.toml", or the origin of a layer without a source.
std::string_view layer_name(const Layer& layer);

// The value of "providers".NAME.LEAF in the layer, or null.
const json::Value& provider_value(const json::Value& document, std::string_view provider,
                                  std::string_view leaf);

// Where the key of a provider comes from, and the only origin that may see it.
struct KeySource {
  enum class Kind : uint8_t { kNone, kStored, kFile, kVariable, kVault, kAuth };
  Kind kind = Kind::kNone;
  std::string name;                      // of the file, variable or login; the reference
  std::shared_ptr<const Secret> secret;  // kStored
  std::string origin;                    // empty: no base URL is known
  bool aws_key = false;                  // kVariable: the first of those that make up a key to sign with
  bool configured = false;               // by a layer, not by the table of known providers
};
KeySource find_key_source(const Config::State& state, std::string_view provider);

// The base URL in force, without trailing slashes; empty: none.
std::string provider_base_url(const Config::State& state, std::string_view provider);

}  // namespace tau::runtime
