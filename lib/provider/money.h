// What calls cost: prices, the arithmetic of usage, and the bound of a call before it is made. All amounts
// are whole micro-dollars, rounded up, and saturate: no count that a provider sends makes a cost small.
// Exported by provider.h.
#pragma once

#include <cstdint>

#include "base/base.h"
#include "wire/wire.h"

namespace tau::provider {

// Micro-dollars per million tokens.
struct Price {
  int64_t input_usd_micros = 0;
  int64_t output_usd_micros = 0;
  int64_t cached_input_usd_micros = 0;      // 0: as input
  int64_t cache_write_usd_micros = 0;       // 0: as input
  bool known = false;                       // false: nobody said, and 0 is not "free"
  int64_t cache_write_hour_usd_micros = 0;  // to a cache of an hour; 0: unknown
  // Of prompts of more than so many tokens the whole call has rates of its own; 0: there are none.
  int64_t long_above_tokens = 0;
  int64_t long_input_usd_micros = 0;
  int64_t long_output_usd_micros = 0;
  int64_t long_cached_input_usd_micros = 0;  // 0: as input, as below
  int64_t long_cache_write_usd_micros = 0;
};

// INVALID_ARGUMENT "invalid_price" names the negative part.
Status check_price(const Price& price);

// Of an answer. wire::Usage has one meaning for every provider (input counts what was cached, output what was
// reasoned), so there is one rule: each kind of input token at its own rate, the rest at that of input.
// Counts that contradict each other are charged at the dearer reading; negative ones count as 0.
int64_t cost_usd_micros(const Price& price, const wire::Usage& usage);

// The most that a prompt of at most so many tokens and an answer of at most so many can cost: input at its
// dearest rate, that of long prompts included when it may be one. `hour_cache`: some of it may be written to
// a cache of an hour. FAILED_PRECONDITION "price_unknown"; INVALID_ARGUMENT "invalid_price",
// "invalid_tokens".
StatusOr<int64_t> cost_bound_usd_micros(const Price& price, int64_t prompt_tokens, int64_t output_tokens,
                                        bool hour_cache = false);

// What is known of a prompt's tokens before it is sent.
struct PromptBound {
  int64_t tokens = 0;  // at most, without its images
  int64_t images = 0;
  bool hour_cache = false;  // it asks for a cache of an hour
  // With images of at most so many tokens each; FAILED_PRECONDITION "prompt_unbounded" when it has images and
  // 0 is given: nobody knows.
  StatusOr<int64_t> with_images(int64_t image_tokens) const;
};

// No tokenizer of the providers makes more tokens of a text than it has bytes; what each puts around messages
// and tools is covered by a constant. Unlike wire::estimate_tokens() this is a promise. FAILED_PRECONDITION
// "prompt_unbounded" names what it cannot hold for: media and parts that the provider counts by rules of its
// own, and members of the request that could ask for more than one answer.
StatusOr<PromptBound> bound_prompt(const wire::Request& request);
// What a prompt is likely to count: nearer to it than the bound and no promise. docs/routing.md has how far
// off it was with recorded traffic.
int64_t estimate_prompt_tokens(const wire::Request& request, int64_t image_tokens);
// bound_prompt() of a prompt without images.
StatusOr<int64_t> prompt_token_bound(const wire::Request& request);

}  // namespace tau::provider
