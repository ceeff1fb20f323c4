// The Anthropic messages dialect: what its request, response and stream codecs share.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "wire/codec.h"
#include "wire/form.h"
#include "wire/wire.h"

namespace tau::wire::anthropic {

// Content blocks (anthropic_block.cpp). `origin` is kAnthropicRequest or kAnthropicResponse.
Part decode_block(const json::Value& value, std::string_view origin);
// A string is one text part; `in` notes the form of its member `key`.
void decode_blocks(ObjectReader& in, std::string_view key, std::string_view origin, std::vector<Part>& parts);
// Whether the part has a form in this dialect: signed reasoning, text that is not empty, known media ….
bool can_write(const Part& part);
void write_block(json::Writer& out, const Part& part);
// The API takes only letters, digits, '_' and '-' in ids.
std::string wire_call_id(std::string_view id);
bool is_wire_call_id(std::string_view id);
// The arguments as a JSON object, which the API demands.
std::string input_object(const std::string& arguments);

// Usage and stop reasons (anthropic_usage.cpp). Bedrock counts alike under other names; `total` may be empty.
struct UsageNames {
  std::string_view origin = kAnthropicResponse;
  std::string_view input = "input_tokens";
  std::string_view output = "output_tokens";
  std::string_view cache_read = "cache_read_input_tokens";
  std::string_view cache_write = "cache_creation_input_tokens";
  std::string_view total;
};
inline constexpr UsageNames kUsageNames;
constexpr int64_t kDefaultMaxTokens = 4'096;  // of a request that names no limit
constexpr int64_t kLeastBudget = 1'024;       // of tokens to think with
constexpr std::string_view kJsonOnly = "Answer with a single JSON object and nothing else.";

// The members of a usage object, as several may give them.
class UsageMembers {
 public:
  void merge(const std::vector<json::CompactMember>& members);
  void decode(Usage& usage, const UsageNames& names = kUsageNames) const;  // leaves it when there was none
  void clear() {
    members_.clear();
    known_ = false;
  }

 private:
  void merge(std::string_view key, std::string_view json);

  Extras members_;  // keys as they are written, compact JSON
  bool known_ = false;
};
void write_usage(json::Writer& out, const Usage& usage, const UsageNames& names = kUsageNames);
FinishReason finish_reason(std::string_view stop_reason);
std::string_view stop_reason(const Response& response);

// Messages of a request (anthropic_message.cpp).
void decode_messages(const json::Value& messages, Request& request);
void write_messages(json::Writer& out, const std::vector<Message>& messages);
// Whether the message belongs into `system`.
bool is_hoisted(const Message& message);

// The thinking configuration (anthropic_thinking.cpp).
std::string effort_of(const json::Value& thinking, const json::Value& output_config);
// Within a turn of tool use the API demands the turn's own signed thinking back; without it thinking stays
// off.
bool may_think(const std::vector<Message>& messages);
// Tokens to think with for an effort; 0 when none is asked for.
int64_t thinking_budget(std::string_view effort);
// The least effort that has so many tokens.
std::string effort_of_budget(int64_t tokens);

// The body of an error (dialect.cpp).
std::string encode_error(const Status& status);

TAU_DIALECT_FUNCTIONS

}  // namespace tau::wire::anthropic
