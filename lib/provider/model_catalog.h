// The catalog of models: what is known of each by its name, as data. Exported by provider.h.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/base.h"
#include "provider/money.h"

namespace tau::provider {

struct Route;

// What a model can do, as far as anybody said.
enum class Ability : uint8_t { kUnknown, kNo, kYes };
struct Abilities {
  Ability tools = Ability::kUnknown;
  Ability images = Ability::kUnknown;
  Ability reasoning = Ability::kUnknown;
};

struct ModelFacts {
  int64_t context_tokens = 0;     // 0: unknown
  int64_t max_output_tokens = 0;  // 0: unknown
  int64_t image_tokens = 0;       // that one image may count at most; 0: unknown
  Price price;                    // known when both input and output are given
  Abilities abilities;
  // Where the row comes from: the catalog's "sources" has it by provider.
  SharedString source;
  SharedString as_of;
};

class ModelCatalog {
 public:
  // docs/routing.md, "Prices": {"schema_version":1,"as_of":"2026-01-31","models":{"openai/gpt-5":
  // {"context_tokens":…,"max_output_tokens":…,"price":{"input":…,"output":…,"cached_input":…,
  // "cache_write":…,"cache_write_hour":…,"long":{"above_tokens":…,"input":…,"output":…,"cached_input":…,
  // "cache_write":…}},"image_tokens":…,"tools":true,"images":true,"reasoning":true}}}; prices in
  // micro-dollars per million tokens, all members optional. "sources":{"openai":{"source":"…","as_of":"…"}}
  // says where the rows of a provider come from; a row may say it itself. INVALID_ARGUMENT "invalid_catalog"
  // names the model and the member; "invalid_price" one below 0.
  static StatusOr<ModelCatalog> parse(std::string_view text);
  // The one that the library comes with.
  static const ModelCatalog& built_in();

  const ModelFacts* find(std::string_view model) const;  // "provider/model"
  const std::map<std::string, ModelFacts, std::less<>>& models() const { return models_; }
  const std::string& as_of() const { return as_of_; }  // the day of its prices; may be empty

 private:
  std::map<std::string, ModelFacts, std::less<>> models_;
  std::string as_of_;
};

// Fills in what the route does not say itself.
void complete(Route& route, const ModelFacts& facts);

}  // namespace tau::provider
