// Prices, costs and bounds.
#include "provider/money.h"

#include <algorithm>
#include <array>
#include <limits>

namespace tau::provider {
namespace {

__extension__ using Wide = __int128;

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr int64_t kTokensPerMessage = 32;     // role, separators, ids
constexpr int64_t kTokensPerTool = 64;        // what a tool is wrapped in
constexpr int64_t kTokensPerPart = 32;        // ids and names of calls and results are counted by their bytes
constexpr int64_t kTokensPerRequest = 2'048;  // the providers' own words on tools, JSON and reasoning

int64_t saturate(Wide value) { return value > kMost ? kMost : static_cast<int64_t>(value); }

// Ceiling division of tokens times a price per million: a cost is never rounded down.
Wide part_cost(int64_t tokens, int64_t usd_micros_per_million) {
  if (tokens <= 0 || usd_micros_per_million <= 0) return 0;
  const Wide product = static_cast<Wide>(tokens) * usd_micros_per_million;
  return (product + 999'999) / 1'000'000;
}

int64_t rate(int64_t own, int64_t input) { return own > 0 ? own : input; }

struct Rates {
  int64_t input = 0;
  int64_t output = 0;
  int64_t cached_input = 0;
  int64_t cache_write = 0;
};
// Of a call whose prompt has so many tokens.
Rates rates_of(const Price& price, int64_t prompt_tokens) {
  const bool is_long = price.long_above_tokens > 0 && prompt_tokens > price.long_above_tokens;
  if (is_long)
    return {price.long_input_usd_micros, price.long_output_usd_micros,
            rate(price.long_cached_input_usd_micros, price.long_input_usd_micros),
            rate(price.long_cache_write_usd_micros, price.long_input_usd_micros)};
  return {price.input_usd_micros, price.output_usd_micros,
          rate(price.cached_input_usd_micros, price.input_usd_micros),
          rate(price.cache_write_usd_micros, price.input_usd_micros)};
}

// Of those that were written to a cache, the ones that stay an hour.
int64_t hour_tokens(const wire::Usage& usage) {
  const std::string_view split = usage.extras.find("cache_creation");
  if (split.empty()) return 0;
  const StatusOr<json::Value> value = json::parse(split);
  return value.ok() ? std::max<int64_t>(0, (*value)["ephemeral_1h_input_tokens"].as_int()) : 0;
}

Status unbounded(std::string_view what) {
  return failed_precondition("prompt_unbounded",
                             format("this request has no bound of cost before the call: it holds {}", what));
}

// Sums what a request says; the first part without a bound ends it.
class Bound {
 public:
  void add(const wire::Message& message) {
    tokens_ += kTokensPerMessage;
    add(message.extras);
    for (const wire::Part& part : message.parts) add(part);
  }
  void add(const wire::ToolSpec& tool) {
    tokens_ += kTokensPerTool;
    text(tool.name), text(tool.description), text(tool.parameters);
    add(tool.extras);
    // A tool of the provider's own runs there, and what it finds is charged as input.
    if (const std::string_view type = tool.extras.find("type");
        !type.empty() && type != R"("function")" && type != R"("custom")")
      refuse("a tool that runs at the provider");
  }
  void text(std::string_view s) { tokens_ += static_cast<int64_t>(s.size()); }
  void add(const wire::Extras& extras) {
    tokens_ += static_cast<int64_t>(extras.bytes());
    // Writing to the cache of an hour has a price of its own.
    if (extras.find("cache_control").find("1h") != std::string_view::npos) bound_.hour_cache = true;
  }
  void caches_for_an_hour() { bound_.hour_cache = true; }
  void refuse(std::string_view what) {
    if (failure_.ok()) failure_ = unbounded(what);
  }
  StatusOr<PromptBound> total() const {
    if (!failure_.ok()) return failure_;
    return bound_;
  }

 private:
  void add(const wire::Part& part) {
    tokens_ += kTokensPerPart;
    add(part.extras);
    if (const auto* t = part.as<wire::Text>()) return text(t->text);
    if (const auto* call = part.as<wire::ToolCall>())
      return text(call->id), text(call->name), text(call->arguments);
    if (const auto* reasoning = part.as<wire::Reasoning>())
      return text(reasoning->text), text(reasoning->opaque);
    if (const auto* result = part.as<wire::ToolResult>()) {
      text(result->call_id), text(result->name);
      for (const wire::Part& inner : result->content) add(inner);
      return;
    }
    if (const auto* media = part.as<wire::Media>(); media != nullptr) {
      if (media->kind == wire::MediaKind::kImage) return void(++bound_.images);
      return refuse("media, which each provider counts in its own way");
    }
    refuse("a part that only its provider knows");
  }

  PromptBound bound_ = {.tokens = kTokensPerRequest};
  int64_t& tokens_ = bound_.tokens;
  Status failure_;
};

// Members of a request that change nothing of what is counted.
bool is_harmless(std::string_view name) {
  constexpr std::array<std::string_view, 6> kHarmless = {
      "user", "metadata", "stream_options", "prompt_cache_key", "store", "service_name"};
  return name.starts_with("tau:") || std::ranges::find(kHarmless, name) != kHarmless.end();
}

}  // namespace

Status check_price(const Price& price) {
  const std::pair<std::string_view, int64_t> parts[] = {
      {"input", price.input_usd_micros},
      {"output", price.output_usd_micros},
      {"cached_input", price.cached_input_usd_micros},
      {"cache_write", price.cache_write_usd_micros},
      {"cache_write_hour", price.cache_write_hour_usd_micros},
      {"long.input", price.long_input_usd_micros},
      {"long.output", price.long_output_usd_micros},
      {"long.cached_input", price.long_cached_input_usd_micros},
      {"long.cache_write", price.long_cache_write_usd_micros}};
  for (const auto& [name, value] : parts)
    if (value < 0)
      return invalid_argument("invalid_price",
                              format("the price of {} is {}, and none is below 0", name, value));
  return ok_status();
}

int64_t cost_usd_micros(const Price& price, const wire::Usage& usage) {
  const int64_t cached = std::max<int64_t>(0, usage.cached_input);
  const int64_t written = std::max<int64_t>(0, usage.cache_write);
  const int64_t input = std::max<int64_t>(0, usage.input);
  const Rates rates = rates_of(price, std::max(input, saturate(static_cast<Wide>(cached) + written)));
  // More cached than there was: what was cached is charged all the same.
  const Wide plain = std::max<Wide>(0, static_cast<Wide>(input) - cached - written);
  const int64_t output = std::max({int64_t{0}, usage.output, usage.reasoning});
  const int64_t hour = price.cache_write_hour_usd_micros > 0 ? std::min(hour_tokens(usage), written) : 0;
  return saturate(part_cost(saturate(plain), rates.input) + part_cost(cached, rates.cached_input) +
                  part_cost(written - hour, rates.cache_write) +
                  part_cost(hour, std::max(rates.cache_write, price.cache_write_hour_usd_micros)) +
                  part_cost(output, rates.output));
}

StatusOr<int64_t> cost_bound_usd_micros(const Price& price, int64_t prompt_tokens, int64_t output_tokens,
                                        bool hour_cache) {
  TAU_RETURN_IF_ERROR(check_price(price));
  if (!price.known)
    return failed_precondition("price_unknown", "nobody said what a token of this model costs");
  if (hour_cache && price.cache_write_hour_usd_micros <= 0)
    return failed_precondition("price_unknown", "nobody said what a cache of an hour costs with this model");
  if (prompt_tokens < 0 || output_tokens < 0)
    return invalid_argument("invalid_tokens", format("a call of {} and {} tokens cannot be priced",
                                                     prompt_tokens, output_tokens));
  const Rates usual = rates_of(price, 0);
  const Rates at_most = rates_of(price, prompt_tokens);
  const int64_t dearest =
      std::max({usual.input, usual.cached_input, usual.cache_write, at_most.input, at_most.cached_input,
                at_most.cache_write, hour_cache ? price.cache_write_hour_usd_micros : int64_t{0}});
  // An answer charges up to four kinds of input, each rounded up for itself.
  constexpr int64_t kRounding = 3;
  return saturate(part_cost(prompt_tokens, dearest) +
                  part_cost(output_tokens, std::max(usual.output, at_most.output)) +
                  (dearest > 0 ? kRounding : 0));
}

StatusOr<int64_t> PromptBound::with_images(int64_t image_tokens) const {
  if (images == 0) return tokens;
  if (image_tokens <= 0) return unbounded("images, and nobody said what one counts at most with this model");
  return saturate(static_cast<Wide>(tokens) + static_cast<Wide>(images) * image_tokens);
}

StatusOr<int64_t> prompt_token_bound(const wire::Request& request) {
  TAU_ASSIGN_OR_RETURN(const PromptBound bound, bound_prompt(request));
  return bound.with_images(0);
}

StatusOr<PromptBound> bound_prompt(const wire::Request& request) {
  Bound bound;
  for (const wire::Message& message : request.messages) bound.add(message);
  for (const wire::ToolSpec& tool : request.tools) bound.add(tool);
  if (request.prompt_cache == wire::PromptCache::kHour) bound.caches_for_an_hour();
  bound.text(request.response_format.schema);
  bound.add(request.extras);
  for (const auto& [name, json] : request.extras)
    if (!is_harmless(name)) bound.refuse(format("the member \"{}\"", name));
  return bound.total();
}

}  // namespace tau::provider
