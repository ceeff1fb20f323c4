#include "wire/error.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <initializer_list>

namespace tau::wire {
namespace {

constexpr size_t kMaxPlainBytes = 300;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

bool has_any(std::string_view text, std::initializer_list<std::string_view> needles) {
  return std::any_of(needles.begin(), needles.end(),
                     [&](std::string_view n) { return text.find(n) != std::string_view::npos; });
}

// "34.4s", "250ms", "1m30s", "2h": the length in ms, or -1. Stops at the first character that fits none.
int64_t parse_duration_ms(std::string_view text) {
  double total = 0;
  bool any = false;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    double n = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), n, std::chars_format::fixed);
    if (error != std::errc()) break;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    const bool ms = text.starts_with("ms");
    const double unit = ms                      ? 1
                        : text.starts_with('s') ? 1e3
                        : text.starts_with('m') ? 60e3
                        : text.starts_with('h') ? 3600e3
                                                : 0;
    if (unit == 0) break;
    text.remove_prefix(ms ? 2 : 1);
    total += n * unit;
    any = true;
  }
  constexpr double kLongestMs = 1e12;
  return any && total < kLongestMs ? static_cast<int64_t>(total + 0.5) : -1;
}

// "Please try again in 7.66s.": what several providers say only in words.
int64_t retry_in_words_ms(std::string_view message) {
  for (const std::string_view lead : {"try again in ", "retry in ", "retry after "}) {
    const size_t at = message.find(lead);
    if (at == std::string_view::npos) continue;
    const int64_t ms = parse_duration_ms(message.substr(at + lead.size()));
    if (ms >= 0) return ms;
  }
  return -1;
}

// google.rpc.RetryInfo in error.details[], or a plain number of seconds that some gateways send.
// Milliseconds from whatever number a body holds; -1 for what is none.
int64_t bounded_ms(double ms) {
  constexpr double kLongest = 1e12;  // three decades: the caller has its own limit
  return ms >= 0 ? static_cast<int64_t>(std::min(ms, kLongest)) : -1;
}

int64_t retry_in_body_ms(const json::Value& error) {
  for (const json::Value& detail : error["details"].as_array()) {
    const int64_t ms = parse_duration_ms(detail["retryDelay"].as_string());
    if (ms >= 0) return ms;
  }
  if (error["retry_after_ms"].is_number()) return bounded_ms(error["retry_after_ms"].as_double());
  if (error["retry_after"].is_number()) return bounded_ms(error["retry_after"].as_double() * 1000);
  return -1;
}

std::string scalar_text(const json::Value& value) {
  if (value.is_string()) return std::string(value.as_string());
  return value.is_integer() ? std::to_string(value.as_int()) : std::string();
}

// The text of an HTML page without tags, scripts and runs of white space; plain text goes through.
std::string plain_text(std::string_view body) {
  std::string out;
  for (size_t i = 0; i < body.size() && out.size() < kMaxPlainBytes; ++i) {
    if (body[i] == '<') {
      const bool hidden = body.substr(i, 7) == "<script" || body.substr(i, 6) == "<style";
      const size_t end = body.find(hidden ? "</" : ">", i);
      if (end == std::string_view::npos) break;
      i = body.find('>', end);
      if (i == std::string_view::npos) break;
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else if (std::isspace(static_cast<unsigned char>(body[i])) != 0) {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else {
      out += body[i];
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return repair_utf8(truncate_utf8(out, kMaxPlainBytes));
}

struct Verdict {
  Code code;
  std::string_view reason;
  bool retryable;
};

constexpr Verdict kContext = {Code::kInvalidArgument, "context_length_exceeded", false};
constexpr Verdict kQuota = {Code::kResourceExhausted, "quota_exhausted", false};
constexpr Verdict kRate = {Code::kResourceExhausted, "rate_limited", true};
constexpr Verdict kOverloaded = {Code::kUnavailable, "overloaded", true};
constexpr Verdict kServer = {Code::kUnavailable, "server_error", true};
constexpr Verdict kAuth = {Code::kUnauthenticated, "authentication_failed", false};
constexpr Verdict kForbidden = {Code::kPermissionDenied, "authentication_failed", false};
constexpr Verdict kMissing = {Code::kNotFound, "not_found", false};
constexpr Verdict kInvalid = {Code::kInvalidArgument, "invalid_request", false};
constexpr Verdict kProvider = {Code::kUnavailable, "provider_error", true};

bool says_context_exceeded(std::string_view kind, std::string_view message) {
  return has_any(kind, {"context_length", "exceed_context", "context_window", "model_max_length"}) ||
         has_any(message,
                 {"maximum context length", "prompt is too long", "exceed context limit",
                  "exceeds the available context", "context length exceeded", "exceeds the context window",
                  "maximum number of tokens allowed", "exceeds the maximum context", "too large for model"});
}

bool says_quota(std::string_view kind, std::string_view message) {
  return has_any(kind, {"insufficient_quota", "billing", "insufficient_balance", "quota_exceeded", "credit",
                        "servicequotaexceeded"}) ||
         has_any(message, {"insufficient balance", "credit balance", "insufficient credits", "out of credits",
                           "check your plan and billing"});
}

// By the error's own type or code: it is more exact than the status, and all there is inside a stream.
const Verdict* by_kind(std::string_view kind) {
  if (has_any(kind, {"overloaded", "slow_down", "server_busy", "engine_overloaded", "modelnotready"}))
    return &kOverloaded;
  if (has_any(kind, {"rate_limit", "ratelimit", "too_many_requests", "resource_exhausted", "throttling"}))
    return &kRate;
  if (has_any(kind,
              {"authentication", "invalid_api_key", "unauthorized", "unauthenticated", "api_key_invalid",
               "unrecognizedclient", "expiredtoken", "invalidsignature", "missingauthenticationtoken"}))
    return &kAuth;
  if (has_any(kind, {"permission", "forbidden", "accessdenied"})) return &kForbidden;
  if (has_any(kind, {"not_found", "notfound"})) return &kMissing;
  if (has_any(kind, {"server_error", "api_error", "internal", "timeout", "unavailable"})) return &kServer;
  if (has_any(kind, {"invalid_request", "invalid_argument", "invalid_prompt", "bad request",
                     "validationexception"}))
    return &kInvalid;
  return nullptr;
}

const Verdict* by_http_status(int status) {
  switch (status) {
    case 401: return &kAuth;
    case 402: return &kQuota;
    case 403: return &kForbidden;
    case 404: return &kMissing;
    case 408:
    case 409:
    case 425: return &kServer;
    case 429: return &kRate;
    case 503:
    case 529: return &kOverloaded;
    default: break;
  }
  if (status >= 500) return &kServer;
  return status >= 300 ? &kInvalid : nullptr;
}

Verdict classify(const ProviderError& error) {
  const std::string kind = lower(error.type) + ' ' + lower(error.code) + ' ' + lower(error.reason);
  const std::string message = lower(error.message);
  const int status = error.http_status;
  const bool client_side = status == 0 || (status >= 400 && status < 500);
  if (client_side && status != 429 && says_context_exceeded(kind, message)) return kContext;
  if (client_side && error.retry_after_ms < 0 && says_quota(kind, message)) return kQuota;
  const Verdict* kinds = by_kind(kind);
  const Verdict* http = by_http_status(status);
  if (http == nullptr) return kinds != nullptr ? *kinds : kProvider;
  // Types narrow what a generic status says: a 400 may be an overload, a 500 an overload as well.
  const bool generic = http == &kInvalid || http == &kServer;
  if (generic && kinds == &kOverloaded) return kOverloaded;
  if (generic && status == 400 && (kinds == &kAuth || kinds == &kRate || kinds == &kMissing)) return *kinds;
  return *http;
}

std::string details(const ProviderError& error) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  if (error.http_status != 0) out.field("http_status", error.http_status);
  if (!error.type.empty()) out.field("type", error.type);
  if (!error.code.empty()) out.field("code", error.code);
  if (!error.param.empty()) out.field("param", error.param);
  if (!error.reason.empty()) out.field("reason", error.reason);
  out.end_object();
  return text;
}

}  // namespace

ProviderError read_error_value(int http_status, const json::Value& value) {
  ProviderError out;
  out.http_status = http_status;
  if (value.is_string()) {
    out.message = value.as_string();
    return out;
  }
  if (!value.as_array().empty()) return read_error_value(http_status, value.as_array().front());
  if (const json::Value* inner = value.find("error");
      inner != nullptr && (inner->is_object() || inner->is_string())) {
    out = read_error_value(http_status, *inner);
    if (out.message.empty()) out.message = value["message"].as_string();
    return out;
  }
  out.type = scalar_text(value.contains("type") ? value["type"] : value["status"]);
  if (out.type.empty()) out.type = scalar_text(value["__type"]);
  out.code = scalar_text(value["code"]);
  out.param = scalar_text(value["param"]);
  out.message = value["message"].as_string();
  for (const std::string_view key : {"detail", "msg", "title", "Message"})
    if (out.message.empty() && value.contains(key))
      out.message = value[key].is_string() ? std::string(value[key].as_string()) : json::write(value[key]);
  if (out.message.empty() && value.size() > 0)
    out.message = truncate_utf8(json::write(value), kMaxPlainBytes);
  for (const json::Value& detail : value["details"].as_array())
    if (out.reason.empty()) out.reason = detail["reason"].as_string();
  out.retry_after_ms = retry_in_body_ms(value);
  return out;
}

ProviderError read_error(int http_status, std::string_view body) {
  ProviderError out;
  if (const StatusOr<json::Value> value = json::parse(body); value.ok())
    out = read_error_value(http_status, *value);
  else
    out.message = plain_text(body);
  out.http_status = http_status;
  return out;
}

Status error_status(const ProviderError& error) {
  ProviderError full = error;
  if (full.retry_after_ms < 0) full.retry_after_ms = retry_in_words_ms(lower(full.message));
  const Verdict verdict = classify(full);
  ErrorInfo info;
  info.code = verdict.code;
  info.reason = verdict.reason;
  info.retryable = verdict.retryable;
  info.retry_after_ms = verdict.retryable ? full.retry_after_ms : -1;
  const std::string_view message =
      full.message.empty() ? std::string_view("the provider gave no reason") : std::string_view(full.message);
  info.message =
      full.http_status == 0 ? std::string(message) : format("HTTP {}: {}", full.http_status, message);
  info.details_json = details(full);
  return Status(std::move(info));
}

Status decode_http_error(const Dialect& dialect, int http_status, const HeaderList& headers,
                         std::string_view body) {
  Status status = dialect.decode_error(http_status, body);
  for (const auto& [name, value] : headers) {
    if (name != "x-amzn-errortype") continue;
    ProviderError error = read_error(http_status, body);
    error.type = value.substr(0, value.find(':'));  // a URL may come behind the name
    status = error_status(error);
  }
  const int64_t asked = retry_after_ms(headers);
  if (asked < 0) return status;
  ErrorInfo info = status.info();
  info.retry_after_ms = asked;
  return Status(std::move(info));
}

Status stream_error_status(const json::Value& value) {
  ProviderError error = read_error_value(0, value);
  int code = 0;
  const char* end = error.code.data() + error.code.size();
  const auto [stop, failed] = std::from_chars(error.code.data(), end, code);
  if (failed == std::errc() && stop == end && code >= 400 && code < 600) error.http_status = code;
  return error_status(error);
}

Status bad_response(std::string_view what) {
  ErrorInfo info;
  info.code = Code::kDataLoss;
  info.reason = "invalid_response";
  info.message = what;
  info.retryable = true;
  return Status(std::move(info));
}

Status stream_truncated(std::string_view missing) {
  return unavailable("stream_truncated", format("the stream ended without {}", missing));
}

std::string_view openai_error_type(const Status& status) {
  const std::string_view reason = status.reason();
  if (reason == "rate_limited") return "rate_limit_exceeded";
  if (reason == "quota_exhausted") return "insufficient_quota";
  if (reason == "authentication_failed") return "authentication_error";
  if (reason == "context_length_exceeded" || reason == "invalid_request" || reason == "not_found")
    return "invalid_request_error";
  return status.code() == Code::kInvalidArgument ? "invalid_request_error" : "server_error";
}

std::string_view anthropic_error_type(const Status& status) {
  const std::string_view reason = status.reason();
  if (reason == "rate_limited") return "rate_limit_error";
  if (reason == "quota_exhausted") return "billing_error";
  if (reason == "overloaded") return "overloaded_error";
  if (reason == "not_found") return "not_found_error";
  if (reason == "authentication_failed")
    return status.code() == Code::kPermissionDenied ? "permission_error" : "authentication_error";
  return status.code() == Code::kInvalidArgument ? "invalid_request_error" : "api_error";
}

}  // namespace tau::wire
