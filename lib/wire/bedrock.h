// The Bedrock Converse dialect: what its request, response and stream codecs share. The model and whether to
// stream are no part of its bodies but of the path.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wire/anthropic.h"
#include "wire/codec.h"
#include "wire/form.h"
#include "wire/turns.h"
#include "wire/wire.h"

namespace tau::wire::bedrock {

// Content blocks (bedrock_block.cpp): unions of one member. `origin` is kBedrockRequest or kBedrockResponse.
Part decode_block(const json::Value& value, std::string_view origin);
// The block kept whole.
Part opaque_block(const json::Value& value, std::string_view origin);
// Whether the part has a form in this dialect: text that is not blank, bytes or S3 locations, signed
// reasoning ….
bool can_write(const Part& part);
// Redacted reasoning as base 64, which the API demands.
std::string redacted_bytes(const Reasoning& reasoning);
// Writes the block, and a cache point behind it where another dialect has its breakpoint.
void write_block(json::Writer& out, const Part& part);
void write_cache_point(json::Writer& out);
inline constexpr TurnRules kRules = {kBedrock, can_write};

inline constexpr anthropic::UsageNames kUsageNames = {.origin = kBedrockResponse,
                                                      .input = "inputTokens",
                                                      .output = "outputTokens",
                                                      .cache_read = "cacheReadInputTokens",
                                                      .cache_write = "cacheWriteInputTokens",
                                                      .total = "totalTokens"};
FinishReason finish_reason(std::string_view stop_reason);
std::string_view stop_reason(const Response& response);

TAU_DIALECT_FUNCTIONS

}  // namespace tau::wire::bedrock
