// The public face of wire: the neutral message model, and the dialect codecs that translate it to and from
// what providers speak. Everything here is pure: bytes in, values out, no I/O, no clock.
//
// A codec runs both ways (decode and encode, request and response, whole and streamed), so that every dialect
// can be consumed and served. What the neutral model has no field for is kept in `extras` as the JSON text
// received and written back by the same dialect: decode followed by encode keeps the meaning.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/base.h"
#include "json/json.h"
#include "wire/extras.h"  // IWYU pragma: export

namespace tau::wire {

enum class Role : uint8_t { kSystem, kDeveloper, kUser, kAssistant, kTool };
std::string_view role_name(Role role);

struct Text {
  std::string text;
};

enum class MediaKind : uint8_t { kImage, kAudio, kFile };
struct Media {
  MediaKind kind = MediaKind::kImage;
  std::string mime;  // "image/png"; may be empty when `url` is set
  std::string url;   // a reference; exclusive with data and id
  std::string data;  // the bytes themselves, not base 64
  std::string id;    // a provider's file id
  std::string name;  // file name
};

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON text, byte for byte as the model wrote it ("" becomes "{}" on decode)
};

struct Part;
struct ToolResult {
  std::string call_id;
  std::string name;  // may be empty: not every dialect carries it
  std::vector<Part> content;
  bool is_error = false;
};

// Model reasoning. `opaque` is what a provider wants back untouched: a signature, redacted or
// encrypted data, OpenRouter reasoning_details. Never edited; dropped as a whole or returned as a whole.
struct Reasoning {
  std::string text;
  std::string opaque;
  enum class Form : uint8_t { kPlain, kSignature, kRedacted, kDetails } form = Form::kPlain;
};

// A part that no field fits, kept as its dialect's JSON (server tool use, citations, refusals …).
struct Opaque {
  std::string type;
  std::string json;
};

struct Part {
  std::variant<Text, Media, ToolCall, ToolResult, Reasoning, Opaque> body;
  Extras extras;  // of this part's object: cache_control, citations …

  template <class T>
  const T* as() const {
    return std::get_if<T>(&body);
  }
  template <class T>
  T* as() {
    return std::get_if<T>(&body);
  }
};

struct Message {
  Role role = Role::kUser;
  std::vector<Part> parts;
  Labels labels;
  Extras extras;

  // All text parts, joined by '\n'.
  std::string text() const;
  // The text, when it is in one part; null when there is none or several.
  const std::string* sole_text() const;
};
Message text_message(Role role, std::string_view text, Labels labels);

struct ToolSpec {
  std::string name;
  std::string description;
  std::string parameters;  // JSON Schema text; empty: no parameters stated
  bool strict = false;
  Extras extras;
};

struct ToolChoice {
  enum class Mode : uint8_t { kUnset, kAuto, kNone, kRequired, kNamed } mode = Mode::kUnset;
  std::string name;  // for kNamed
};

struct ResponseFormat {
  enum class Kind : uint8_t { kUnset, kText, kJsonObject, kJsonSchema } kind = Kind::kUnset;
  std::string name;
  std::string schema;  // JSON text
  bool strict = false;
};

// Where breakpoints of a prompt cache are set in a request that has none: by rule (fit.h), for five minutes
// or for an hour; nowhere.
enum class PromptCache : uint8_t { kAuto, kOff, kHour };

struct Request {
  std::string model;
  std::vector<Message> messages;
  std::vector<ToolSpec> tools;
  ToolChoice tool_choice;
  std::optional<bool> parallel_tool_calls;
  ResponseFormat response_format;
  std::optional<int64_t> max_tokens;
  std::optional<double> temperature;
  std::optional<double> top_p;
  std::vector<std::string> stop;
  std::optional<int64_t> seed;
  std::string reasoning_effort;  // "low", "medium", "high", …; empty: unset
  bool stream = false;
  PromptCache prompt_cache = PromptCache::kAuto;  // of no dialect: it never leaves the process
  Extras extras;
};

enum class FinishReason : uint8_t {
  kUnknown,  // the provider named none
  kStop,
  kLength,
  kToolCalls,
  kContentFilter,
  kRefusal,
  kPause,  // Anthropic pause_turn
  kError,
  kOther,  // see finish_text
};
std::string_view finish_reason_name(FinishReason reason);

// Token counts with one meaning everywhere: `input` is all prompt tokens, cached ones included.
struct Usage {
  int64_t input = 0;
  int64_t output = 0;        // reasoning included
  int64_t cached_input = 0;  // of input: read from a cache
  int64_t cache_write = 0;   // of input: written to a cache
  int64_t reasoning = 0;     // of output
  bool known = false;        // false: the provider sent none
  Extras extras;
};

struct Response {
  std::string id;
  std::string model;
  int64_t created = 0;
  Message message;
  FinishReason finish = FinishReason::kUnknown;
  std::string finish_text;  // as received
  Usage usage;
  Extras extras;
};

// What a stream says, in order. Views live during the callback. The first event of a good stream is kStart,
// the last kFinish; deltas of a tool call come between its kToolCall and its kToolCallEnd.
struct StreamEvent {
  enum class Kind : uint8_t {
    kStart,
    kText,
    kReasoning,
    kToolCall,      // index, id and name known
    kToolCallArgs,  // text: a piece of the arguments
    kToolCallEnd,
    kUsage,
    kPing,    // alive, but no progress
    kFinish,  // the whole message is in StreamDecoder::response()
    kPart     // a part that has no deltas came whole, or one that had them is complete: see `body`
  };
  Kind kind;
  uint32_t index = 0;  // which tool call
  std::string_view text;
  std::string_view id;
  std::string_view name;       // of the tool; for kReasoning the dialect's own field, may be empty
  uint32_t part = 0;           // deltas of one part have one number
  const Part* body = nullptr;  // kToolCall, kPart: the part so far, with its extras
};

class StreamSink {
 public:
  virtual ~StreamSink() = default;
  virtual void on_event(const StreamEvent& event) = 0;
};

// Turns one response stream into events and, at its end, the whole response. Errors are sticky.
class StreamDecoder {
 public:
  virtual ~StreamDecoder() = default;
  // One event as FrameReader gives it (of a line the type is empty). Errors inside a 200 stream become a
  // failure here, with the provider's own error in the message: reasons "overloaded", "rate_limited",
  // "provider_error", ….
  virtual Status event(std::string_view type, std::string_view data, StreamSink& sink) = 0;
  // The body ended. A failure "stream_truncated" (retryable) when the dialect's terminal mark is missing.
  virtual Status end(StreamSink& sink) = 0;
  virtual bool finished() const = 0;
  // The message so far; complete after finished().
  virtual const Response& response() const = 0;
  virtual Response take_response() = 0;
  // As if it were new, for another response: what it learned of how the server writes makes that one faster
  // to decode and changes nothing else. Not from inside event() or end().
  virtual void reset() = 0;
};

// Writes a response stream in a dialect, for serving it.
class StreamEncoder {
 public:
  virtual ~StreamEncoder() = default;
  // Appends the bytes of one event, framed as the dialect has it. kStart needs begin() first; kFinish ends
  // the stream.
  virtual void begin(const Response& head, std::string& out) = 0;
  virtual void event(const StreamEvent& event, std::string& out) = 0;
  virtual void finish(const Response& whole, std::string& out) = 0;
  virtual void error(const Status& status, std::string& out) = 0;
};

// Which ids of tool calls a server takes; others are replaced by ones made from them.
enum class CallIds : uint8_t {
  kAny,
  kAlnum9,  // exactly nine letters and digits (Mistral)
  kWord40,  // up to 40 letters, digits, '_' and '-'
  kWord64   // up to 64 of them (Bedrock)
};

// How one provider's habits differ from its dialect; data, not code: quirks.h has the names, and provider's
// quirks.json says who has which.
struct Quirks {
  bool usage_in_stream_option = true;   // send stream_options.include_usage
  bool max_completion_tokens = false;   // name of the output limit (OpenAI's own reasoning models)
  bool developer_role = false;          // system messages are sent as "developer"
  bool reasoning_back = false;          // send reasoning_content of earlier turns back (DeepSeek, Kimi)
  bool reasoning_required = false;      // a turn with tool calls has reasoning_content, " " where none came
  bool reasoning_short_name = false;    // it is sent back as "reasoning"
  bool reasoning_details_back = false;  // send reasoning_details back (OpenRouter)
  bool done_mark_optional = false;      // a finish_reason may end a stream without "[DONE]"
  bool text_tool_calls = false;         // decode tool calls that a local model wrote as text
  // What is not sent because the server refuses it.
  bool no_temperature = false;
  bool no_top_p = false;
  bool no_stop = false;
  bool no_seed = false;
  bool no_effort = false;                // reasoning_effort
  bool no_parallel_tool_calls = false;   // the option
  bool no_tool_choice_required = false;  // "auto" is sent in its place
  bool no_tool_choice_named = false;     // "required" is sent in its place, with the one tool
  bool no_strict = false;                // schemas are not promised to be kept
  bool no_json_schema = false;           // a JSON object is asked for in its place
  bool no_cache_key = false;             // prompt_cache_key
  bool no_old_reasoning = false;         // reasoning of earlier turns, signed and encrypted too
  bool no_previous_response = false;     // previous_response_id
  bool adaptive_thinking = false;        // an effort is sent, not a budget of tokens to think with (Claude)
  CallIds call_ids = CallIds::kAny;
  int64_t cache_min_tokens = 0;  // a shorter prefix is not cached; 0: no breakpoints are set

  bool operator==(const Quirks&) const = default;
};

// Who is asked, where that differs from what the request says: one request may go to several models.
struct Target {
  std::string_view model;             // empty: the request's
  std::optional<int64_t> max_tokens;  // unset: the request's

  std::string_view model_of(const Request& request) const { return model.empty() ? request.model : model; }
  std::optional<int64_t> max_tokens_of(const Request& request) const {
    return max_tokens ? max_tokens : request.max_tokens;
  }
};

// What frames the events of a response stream: see FrameReader.
enum class Framing : uint8_t { kSse, kLines, kMessages };  // kMessages: application/vnd.amazon.eventstream

class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual std::string_view name() const = 0;  // "openai_chat", "anthropic_messages", …
  virtual Framing framing() const { return Framing::kSse; }

  virtual StatusOr<Request> decode_request(std::string_view body) const = 0;
  virtual StatusOr<std::string> encode_request(const Request& request, const Quirks& quirks,
                                               const Target& target) const = 0;
  StatusOr<std::string> encode_request(const Request& request, const Quirks& quirks) const {
    return encode_request(request, quirks, {});
  }
  virtual StatusOr<Response> decode_response(std::string_view body, const Quirks& quirks) const = 0;
  virtual std::string encode_response(const Response& response) const = 0;
  virtual std::unique_ptr<StreamDecoder> stream_decoder(const Quirks& quirks) const = 0;
  virtual std::unique_ptr<StreamEncoder> stream_encoder() const = 0;

  // A non-2xx answer as a typed error: reason from the body's own error type and the HTTP status
  // ("rate_limited", "invalid_request", "authentication_failed", "context_length_exceeded", "overloaded",
  // "not_found", "quota_exhausted", "server_error"), retryable, retry_after_ms (-1 unless the body says).
  virtual Status decode_error(int http_status, std::string_view body) const = 0;
  virtual std::string encode_error(const Status& status) const = 0;
};

// Immutable singletons; any thread.
const Dialect& openai_chat();
const Dialect& anthropic_messages();
const Dialect& openai_responses();
// Its requests say neither their model nor whether they are streamed: both are in the URL.
const Dialect& gemini_generate();
const Dialect& bedrock_converse();
const Dialect& cohere_chat();
const Dialect& ollama_chat();
// All of them.
const std::vector<const Dialect*>& dialects();
const Dialect* find_dialect(std::string_view name);

// The neutral model's own JSON, as stored in the journal and shown at the C ABI (docs/schema/message.json).
// Media bytes are base 64 here.
std::string to_json(const Message& message);
std::string to_json(const Usage& usage);
std::string to_json(const Response& response);
std::string to_json(const Request& request);
// As it is put to `target`. With `blobs`, media bytes are left out: "blob:N" stands for what becomes
// (*blobs)[N], which points into the request.
std::string to_json(const Request& request, const Target& target, std::vector<const Media*>* blobs);
// The same, written as a value.
void write_json(json::Writer& out, const Message& message);
void write_json(json::Writer& out, const Response& response);
// The form of the journal: without what is at its default, and labels as Labels::integrity() when all may
// read. The functions below read both forms.
void write_brief(json::Writer& out, const Message& message);
void write_brief(json::Writer& out, const Response& response);
StatusOr<Message> message_from_json(std::string_view text);
StatusOr<Message> message_from_json(const json::Value& value);
// A string converts to both of the above; it is text.
inline StatusOr<Message> message_from_json(const std::string& text) {
  return message_from_json(std::string_view(text));
}
inline StatusOr<Message> message_from_json(const char* text) {
  return message_from_json(std::string_view(text));
}
StatusOr<Usage> usage_from_json(const json::Value& value);
StatusOr<Response> response_from_json(std::string_view text);
StatusOr<Request> request_from_json(std::string_view text);

// A bound used before any provider has counted: ceil(UTF-8 bytes / 3) of all text and JSON, plus 8 per
// message and tool, plus 1,600 per image. An estimate, not a promise.
int64_t estimate_tokens(const Request& request);
int64_t estimate_tokens(const Message& message);

// What limits count of an answer to a prompt of so many tokens, as estimated: the provider's counts, and the
// estimate where it gave none.
struct CountedTokens {
  int64_t input = 0;
  int64_t output = 0;
};
CountedTokens counted_tokens(const Response& response, int64_t prompt_tokens);

}  // namespace tau::wire

// The codecs with text at both ends, what frames a stream, what headers say of a failure, habits by name and
// requests made fit for them.
#include "wire/embed.h"        // IWYU pragma: export
#include "wire/fit.h"          // IWYU pragma: export
#include "wire/framing.h"      // IWYU pragma: export
#include "wire/neutral.h"      // IWYU pragma: export
#include "wire/quirks.h"       // IWYU pragma: export
#include "wire/retry_after.h"  // IWYU pragma: export
#include "wire/transcode.h"    // IWYU pragma: export
