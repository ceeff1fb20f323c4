// The table of configuration keys: one row per key says its type, bounds, who may set it and what it is for.
// Checks, merging, schemas and error messages all follow it. Private to runtime.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "json/json.h"

namespace tau::runtime {

enum class KeyType : uint8_t { kBool, kInteger, kNumber, kString, kStringList, kStringMap, kObject };

// What a string must be (each string of a list; the names of a map).
enum class KeyForm : uint8_t {
  kText,      // at most `max` bytes
  kModel,     // "provider/model" or empty
  kUpstream,  // "provider/model" or "provider/model=WEIGHT"
  kName,      // 1 to 64 of [A-Za-z0-9_-], or empty
  kTool,      // the name of a tool: built in or the host's
  kBuiltin,   // the name of a built-in tool
  kBaseUrl,   // absolute, no query
  kOrigin,    // scheme, host, port
  kHost,      // a host, or "*." and a domain
  kVariable,  // the name of an environment variable
  kPath,      // absolute
  kHeader,    // the name of an HTTP header
  kHeaders,   // header names that carry no credential, with values
  kChoice,    // one of `choices`
  kRule,      // a rule of policy on arguments: safety::parse_argument_rule
  kFlow,      // safety::parse_flow
  kRequest,   // a method and an origin: safety::parse_request_scope
  kSecret,    // the reference of a secret of the vault
  kId,        // an id, as of sessions and principals
  kKey,       // a credential: printable ASCII without spaces
};

enum class KeyScope : uint8_t {
  kRuntime,  // the runtime's configuration only
  kAgent,    // and an agent's
  kProfile,  // and a profile's
};

// What the file of a workspace, which may be hostile, may do with a key.
enum class ProjectRule : uint8_t {
  kNever,
  kSet,
  kKnownProvider,  // a model of a provider that the user or this library defined
  kLower,          // a limit may only fall
  kRemove,         // a list may only lose entries
  kAdd,            // a list may only gain entries
};

struct Key {
  std::string_view path;  // segments joined by '.'; '*' stands for any name
  KeyType type = KeyType::kString;
  KeyForm form = KeyForm::kText;
  KeyScope scope = KeyScope::kRuntime;
  ProjectRule project = ProjectRule::kNever;
  int64_t min = 0;     // of numbers, inclusive
  int64_t max = 4096;  // of numbers, inclusive; of strings in bytes
  bool zero_is_unlimited = false;
  bool secret = false;
  std::string_view default_json = {};  // empty: none
  std::string_view choices = {};       // separated by '|'
  std::string_view help = {};
};

const std::vector<Key>& config_keys();
void add_quirk_keys(std::vector<Key>& keys);  // rows of that table
void add_memory_keys(std::vector<Key>& keys);

using KeyPath = std::vector<std::string>;

// "providers.openai.base_url"; segments that are no bare keys are quoted and shortened.
std::string key_text(std::span<const std::string> path);

struct KeyMatch {
  const Key* key = nullptr;  // a value
  bool table = false;        // holds further keys
};
// Inside "profiles"."NAME" the keys of scope kProfile are known.
KeyMatch find_key(std::span<const std::string> path);

// A known key that the writer may have meant, or "".
std::string nearest_key(std::span<const std::string> path);

std::vector<std::string_view> split(std::string_view text, char separator);

// The fewest insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
size_t edit_distance(std::string_view a, std::string_view b);

// "an integer from 1 to 100": what a key takes, for messages and the schemas' readers.
std::string expected_text(const Key& key);

// Type, form and bounds of one value; the message has no location. A secret is not quoted.
Status check_value(const Key& key, const json::Value& value);

// 1 to 64 of [A-Za-z0-9_-].
bool is_config_name(std::string_view name);

// "scripted", "offline", "route" and "replay": models of the library itself.
bool is_reserved_provider(std::string_view name);

}  // namespace tau::runtime
