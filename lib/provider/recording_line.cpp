// One exchange as a line of a recording.
#include <algorithm>

#include "crypto/crypto.h"
#include "json/json.h"
#include "provider/recorder.h"

namespace tau::provider {
namespace {

constexpr std::string_view kRedacted = "[REDACTED]";
constexpr std::string_view kEventStream = "application/vnd.amazon.eventstream";

// Headers that say what was asked or answered; all others may be somebody's secret, and none is needed.
constexpr std::string_view kRequestHeaders[] = {"accept",       "anthropic-beta", "anthropic-version",
                                                "content-type", "openai-beta",    "x-request-id"};
constexpr std::string_view kResponseHeaders[] = {"content-type",     "date",
                                                 "openai-model",     "openai-processing-ms",
                                                 "openai-version",   "request-id",
                                                 "retry-after",      "retry-after-ms",
                                                 "server",           "x-amzn-errortype",
                                                 "x-amzn-requestid", "x-request-id",
                                                 "x-should-retry"};
constexpr std::string_view kLimitPrefixes[] = {"anthropic-ratelimit-", "x-ratelimit-"};

using Headers = std::vector<std::pair<std::string, std::string>>;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool is_kept(std::string_view name, bool of_request) {
  if (of_request) return std::ranges::find(kRequestHeaders, name) != std::end(kRequestHeaders);
  const auto limits = [&](std::string_view prefix) { return name.starts_with(prefix); };
  return std::ranges::find(kResponseHeaders, name) != std::end(kResponseHeaders) ||
         std::ranges::any_of(kLimitPrefixes, limits);
}

void write_headers(json::Writer& w, const Headers& headers, bool of_request, const RecorderOptions& options) {
  w.key("headers").begin_array();
  for (const auto& [name, value] : headers) {
    const std::string key = lower(name);
    if (!is_kept(key, of_request)) continue;
    std::string text = value;
    if (options.clean) options.clean(text, false);
    w.begin_array().string(key).string(text).end_array();
  }
  w.end_array();
}

// Names of a query without what they say, but for those that choose a form of answer or a version.
void write_query(json::Writer& w, std::string_view query) {
  w.key("query").begin_array();
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view name = pair.substr(0, equals);
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    const bool harmless = name == "alt" || name == "api-version";
    w.begin_object().field("name", name).field("value", harmless ? value : kRedacted).end_object();
  }
  w.end_array();
}

std::string cleaned(const std::string& body, const RecorderOptions& options) {
  std::string text = body;
  if (options.clean) options.clean(text, json::parse(text).ok());
  return text;
}

bool is_binary(const Headers& headers) {
  return std::ranges::any_of(headers, [](const auto& header) {
    return header.first == "content-type" && header.second.starts_with(kEventStream);
  });
}

// Frames of a binary stream have checksums: what holds a secret is left out as a whole.
std::string binary_body(const std::string& body, const RecorderOptions& options) {
  std::string text = repair_utf8(body);
  const std::string before = text;
  if (options.clean) options.clean(text, false);
  return text == before ? crypto::base64_encode(body) : std::string();
}

void write_response(json::Writer& w, const Exchange& e, const RecorderOptions& options) {
  w.key("response").begin_object().field("status", e.status);
  write_headers(w, e.response_headers, false, options);
  std::string interrupted = e.interrupted;
  if (is_binary(e.response_headers)) {
    const std::string body = binary_body(e.response_body, options);
    if (body.empty() && !e.response_body.empty()) interrupted = "redacted";
    w.field("body", body);
  } else {
    w.field("body", cleaned(e.response_body, options));
  }
  if (!interrupted.empty()) w.field("interrupted", interrupted);
  w.field("first_byte_ms", e.first_byte_ms).field("total_ms", e.total_ms).end_object();
}

}  // namespace

std::string recording_line(const Exchange& e, const RecorderOptions& options) {
  const size_t scheme = e.url.find("://");
  const size_t begin = scheme == e.url.npos ? 0 : std::min(e.url.find('/', scheme + 3), e.url.size());
  const std::string_view target = std::string_view(e.url).substr(begin);
  const size_t mark = std::min(target.find('?'), target.size());
  std::string path(target.substr(0, mark));
  if (options.clean) options.clean(path, false);
  std::string line;
  json::Writer w(line);
  w.begin_object().field("case", e.id).key("interactions").begin_array().begin_object();
  w.field("dialect", e.dialect).key("request").begin_object();
  w.field("method", e.method).field("path", path);
  write_query(w, target.substr(std::min(mark + 1, target.size())));
  write_headers(w, e.request_headers, true, options);
  w.field("body", cleaned(e.request_body, options)).end_object();
  write_response(w, e, options);
  w.end_object().end_array().end_object();
  return line += '\n';
}

}  // namespace tau::provider
