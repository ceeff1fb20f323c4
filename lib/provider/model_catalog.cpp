// Reading catalogs of models.
#include "provider/model_catalog.h"

#include <algorithm>

#include "json/json.h"
#include "provider/provider.h"

namespace tau::provider {

extern const char* const kBuiltInCatalog;  // models.json

namespace {

constexpr int64_t kMaxInteger = int64_t{1} << 53;
constexpr size_t kMaxModels = 100'000;

Status bad(std::string_view model, std::string_view member, std::string_view expected) {
  return invalid_argument("invalid_catalog",
                          format("models.\"{}\".{}: expected {}", model, member, expected));
}

// One object of the document, which knows where it stands.
class Reader {
 public:
  Reader(std::string_view model, std::string_view prefix, const json::Value& value)
      : model_(model), prefix_(prefix), value_(value) {}

  Status integer(std::string_view name, int64_t* out, bool* given = nullptr) const {
    const json::Value& found = value_[name];
    if (found.is_null()) return ok_status();
    if (found.kind() != json::Value::Kind::kInt || found.as_int() > kMaxInteger)
      return bad(model_, format("{}{}", prefix_, name), "an integer from 0 to 2^53");
    *out = found.as_int();
    if (given != nullptr) *given = true;
    return ok_status();
  }
  Status count(std::string_view name, int64_t* out) const {
    TAU_RETURN_IF_ERROR(integer(name, out));
    return *out >= 0 ? ok_status() : bad(model_, format("{}{}", prefix_, name), "an integer from 0 to 2^53");
  }
  Status ability(std::string_view name, Ability* out) const {
    const json::Value& found = value_[name];
    if (found.is_null()) return ok_status();
    if (!found.is_bool()) return bad(model_, name, "true or false");
    *out = found.as_bool() ? Ability::kYes : Ability::kNo;
    return ok_status();
  }

 private:
  const std::string_view model_;
  const std::string_view prefix_;
  const json::Value& value_;
};

// The rates of long prompts: the size where they begin, and both sides of the call.
Status read_long(std::string_view model, const json::Value& value, Price& price) {
  if (value.is_null()) return ok_status();
  if (!value.is_object()) return bad(model, "price.long", "an object");
  const Reader reader(model, "price.long.", value);
  bool input = false;
  bool output = false;
  TAU_RETURN_IF_ERROR(reader.count("above_tokens", &price.long_above_tokens));
  TAU_RETURN_IF_ERROR(reader.integer("input", &price.long_input_usd_micros, &input));
  TAU_RETURN_IF_ERROR(reader.integer("output", &price.long_output_usd_micros, &output));
  TAU_RETURN_IF_ERROR(reader.integer("cached_input", &price.long_cached_input_usd_micros));
  TAU_RETURN_IF_ERROR(reader.integer("cache_write", &price.long_cache_write_usd_micros));
  if (price.long_above_tokens > 0 && input && output) return ok_status();
  return bad(model, "price.long", "above_tokens, input and output");
}

StatusOr<Price> read_price(std::string_view model, const json::Value& value) {
  Price price;
  if (value.is_null()) return price;
  if (!value.is_object()) return bad(model, "price", "an object");
  const Reader reader(model, "price.", value);
  bool input = false;
  bool output = false;
  TAU_RETURN_IF_ERROR(reader.integer("input", &price.input_usd_micros, &input));
  TAU_RETURN_IF_ERROR(reader.integer("output", &price.output_usd_micros, &output));
  TAU_RETURN_IF_ERROR(reader.integer("cached_input", &price.cached_input_usd_micros));
  TAU_RETURN_IF_ERROR(reader.integer("cache_write", &price.cache_write_usd_micros));
  price.known = input && output;
  TAU_RETURN_IF_ERROR(reader.integer("cache_write_hour", &price.cache_write_hour_usd_micros));
  TAU_RETURN_IF_ERROR(read_long(model, value["long"], price));
  TAU_RETURN_IF_ERROR(check_price(price).annotate(format("models.\"{}\"", model)));
  return price;
}

StatusOr<ModelFacts> read_facts(std::string_view model, const json::Value& value) {
  if (!value.is_object()) return bad(model, "", "an object");
  ModelFacts facts;
  const Reader reader(model, "", value);
  TAU_RETURN_IF_ERROR(reader.count("context_tokens", &facts.context_tokens));
  TAU_RETURN_IF_ERROR(reader.count("max_output_tokens", &facts.max_output_tokens));
  TAU_RETURN_IF_ERROR(reader.count("image_tokens", &facts.image_tokens));
  TAU_ASSIGN_OR_RETURN(facts.price, read_price(model, value["price"]));
  TAU_RETURN_IF_ERROR(reader.ability("tools", &facts.abilities.tools));
  TAU_RETURN_IF_ERROR(reader.ability("images", &facts.abilities.images));
  TAU_RETURN_IF_ERROR(reader.ability("reasoning", &facts.abilities.reasoning));
  return facts;
}

struct Source {
  SharedString source;
  SharedString as_of;
};
using Sources = std::map<std::string, Source, std::less<>>;

// Of the rows of each provider; those that do not say their day have that of the catalog.
StatusOr<Sources> read_sources(const json::Value& values, const std::string& as_of) {
  Sources out;
  if (values.is_null()) return out;
  const auto wrong = [](std::string_view where) {
    return invalid_argument("invalid_catalog",
                            format("sources{}: expected an object of texts", repair_utf8(where)));
  };
  if (!values.is_object()) return wrong("");
  for (const auto& [provider, value] : values.as_object()) {
    const bool good = value.is_object() && (value["source"].is_null() || value["source"].is_string()) &&
                      (value["as_of"].is_null() || value["as_of"].is_string());
    if (!good) return wrong("." + provider);
    out.emplace(provider, Source{SharedString(std::string(value["source"].as_string())),
                                 SharedString(std::string(value["as_of"].as_string(as_of)))});
  }
  return out;
}

}  // namespace

StatusOr<ModelCatalog> ModelCatalog::parse(std::string_view text) {
  TAU_ASSIGN_OR_RETURN(const json::Value document, json::parse(text));
  const bool ours =
      document.is_object() && document["schema_version"].as_int(0) == 1 && document["models"].is_object();
  if (!ours)
    return invalid_argument("invalid_catalog",
                            "a catalog is an object with \"schema_version\":1 and an object \"models\"");
  if (document["models"].size() > kMaxModels)
    return invalid_argument("invalid_catalog", format("a catalog has at most {} models", kMaxModels));
  ModelCatalog catalog;
  catalog.as_of_ = document["as_of"].as_string();
  TAU_ASSIGN_OR_RETURN(const auto sources, read_sources(document["sources"], catalog.as_of_));
  for (const auto& [name, value] : document["models"].as_object()) {
    TAU_ASSIGN_OR_RETURN(const ModelReference reference, parse_model_reference(name));
    TAU_ASSIGN_OR_RETURN(ModelFacts facts, read_facts(name, value));
    const auto source = sources.find(reference.provider);
    if (source != sources.end()) facts.source = source->second.source;
    facts.as_of = source != sources.end() ? source->second.as_of : SharedString(catalog.as_of_);
    if (value["source"].is_string()) facts.source = value["source"].as_string();
    if (value["as_of"].is_string()) facts.as_of = value["as_of"].as_string();
    catalog.models_.emplace(name, facts);
  }
  return catalog;
}

const ModelCatalog& ModelCatalog::built_in() {
  static const auto* const catalog = [] {
    auto parsed = parse(kBuiltInCatalog);
    return new ModelCatalog(parsed.ok() ? *std::move(parsed) : ModelCatalog());
  }();
  return *catalog;
}

const ModelFacts* ModelCatalog::find(std::string_view model) const {
  const auto at = models_.find(model);
  return at == models_.end() ? nullptr : &at->second;
}

void complete(Route& route, const ModelFacts& facts) {
  if (!route.price.known) route.price = facts.price;
  if (route.context_tokens == 0) route.context_tokens = facts.context_tokens;
  if (route.image_tokens == 0) route.image_tokens = facts.image_tokens;
  if (route.max_output_tokens == 0) route.max_output_tokens = facts.max_output_tokens;
  const auto fill = [](Ability& own, Ability known) {
    if (own == Ability::kUnknown) own = known;
  };
  fill(route.abilities.tools, facts.abilities.tools);
  fill(route.abilities.images, facts.abilities.images);
  fill(route.abilities.reasoning, facts.abilities.reasoning);
}

}  // namespace tau::provider
